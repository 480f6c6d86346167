"""The learners that a refinement can be made of, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from xflux.errors import FileFormatError, InputError
from xflux.learning.kernel_ridge import KernelRidge
from xflux.learning.learner import Learner, Traits
from xflux.learning.model_file import under

__all__ = [
    "LEARNERS", "Maker", "by_kind", "described", "from_description", "keep_learners", "maker",
    "rebuild_learners",
]  # fmt: skip

#: Returns fresh learners for a seed, and what is known of the columns.
Maker = Callable[[int, Traits], Sequence[Learner]]


def _blend(seed: int, traits: Traits) -> Sequence[Learner]:
    from xflux.learning.boosted import Boosted
    from xflux.learning.extra_trees import ExtraTrees

    return KernelRidge(seed=seed), Boosted(trees=250, rate=0.06, seed=seed), ExtraTrees(
        trees=40, seed=seed, whole=True
    )  # fmt: skip


def _xgboost(seed: int, traits: Traits) -> Sequence[Learner]:
    from xflux.learning.boosted import Boosted

    return (Boosted(seed=seed, monotone=traits.constraints, classes=traits.classes),)


def _lightgbm(seed: int, traits: Traits) -> Sequence[Learner]:
    from xflux.learning.light_boosted import LightBoosted

    return (LightBoosted(seed=seed, monotone=traits.constraints, classes=traits.classes),)


def _kernel(seed: int, traits: Traits) -> Sequence[Learner]:
    return (KernelRidge(seed=seed),)


def _smartforest(seed: int, traits: Traits) -> Sequence[Learner]:
    from xflux.learning.cascade import SmartForest

    return (SmartForest(seed=seed),)


#: Fresh learners, by the name of what they make up.
LEARNERS: dict[str, Maker] = {
    "blend": _blend,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "kernel": _kernel,
    "smartforest": _smartforest,
}
#: Those that can be held monotone, and that take classes as they are.
_TREES = ("xgboost", "lightgbm")


def maker(learner: Any, *, monotone: bool = False, native: bool = False) -> Maker:
    """Return what makes fresh learners.

    Parameters
    ----------
    learner : str or regressor of scikit-learn
    monotone, native : bool
        Whether columns are to be held monotone, and whether some hold codes of classes.

    Raises
    ------
    InputError
        For what is no learner, or one that cannot do what is asked.
    ImportError
        When LightGBM is asked for and not installed.
    """
    trees = isinstance(learner, str) and learner in _TREES
    for asked, what in ((monotone, "monotone="), (native, "features such as 'igbp:native'")):
        if asked and not trees:
            raise InputError(
                f"learner={learner!r} does not go with {what}, which boosted trees alone can "
                f"keep; use learner='xgboost' or 'lightgbm', or leave it out"
            )
    if isinstance(learner, str) and learner in LEARNERS:
        if learner == "lightgbm":
            from xflux.learning.light_boosted import require_lightgbm

            require_lightgbm()
        return LEARNERS[learner]
    from xflux.learning.smartforest import SmartForest4D

    if isinstance(learner, SmartForest4D):
        return lambda seed, traits: (learner.over(traits.features, seed),)
    if isinstance(learner, type):
        raise InputError(
            f"learner={learner.__name__} is a class; pass an instance, {learner.__name__}()"
        )
    if not all(hasattr(learner, name) for name in ("fit", "predict", "get_params")):
        raise InputError(
            f"learner={learner!r} is not known; expected one of {', '.join(LEARNERS)}, a "
            "SmartForest4D, or a regressor of scikit-learn, with fit, predict and get_params"
        )
    from sklearn.base import is_classifier

    if hasattr(learner, "__sklearn_tags__") and is_classifier(learner):
        raise InputError(f"learner={learner!r} is a classifier, and fluxes are numbers")
    from xflux.learning.regressor import Regressor

    return lambda seed, traits: (Regressor(learner, seed),)


def described(learner: Any) -> Any:
    """Return a learner as JSON holds it: a name stays one.

    Raises
    ------
    InputError
        For one of scikit-learn, which would take pickle.
    """
    from xflux.learning.regressor import Regressor
    from xflux.learning.smartforest import SmartForest4D

    if isinstance(learner, str):
        return learner
    if not isinstance(learner, SmartForest4D):
        Regressor(learner).state()  # says why not, and what to do
    return {"kind": type(learner).__name__, **learner.description()}


def from_description(held: Any) -> Any:
    """Return the learner that `described` was given."""
    if isinstance(held, str):
        return held
    return by_kind(held["kind"]).from_description({k: held[k] for k in held if k != "kind"})


def by_kind(kind: str) -> Any:
    """Return the class of a learner that was stored, by its name.

    Raises
    ------
    FileFormatError
        For a name that is not one of ours: no other code is ever looked up.
    """
    from xflux.learning.boosted import Boosted
    from xflux.learning.cascade import SmartForest
    from xflux.learning.extra_trees import ExtraTrees
    from xflux.learning.light_boosted import LightBoosted
    from xflux.learning.smartforest import SmartForest4D

    kinds: tuple[Any, ...] = (
        KernelRidge, Boosted, LightBoosted, ExtraTrees, SmartForest, SmartForest4D
    )  # fmt: skip
    known = {cls.__name__: cls for cls in kinds}
    if kind not in known:
        raise FileFormatError(f"a learner of kind {kind!r} is not known to this version of xflux")
    return known[kind]


def keep_learners(
    learners: Sequence[Learner], arrays: dict[str, NDArray[Any]], at: str
) -> list[dict[str, Any]]:
    """Describe fitted learners as JSON holds it, and put their numbers among arrays.

    Parameters
    ----------
    learners : sequence of Learner
    arrays : dict
        Added to, under names that begin with `at`.
    at : str
    """
    described_ = []
    for k, learner in enumerate(learners):
        held, meta = learner.state()
        arrays.update({f"{at}/{k}/{name}": array for name, array in held.items()})
        described_.append({"kind": type(learner).__name__, "meta": meta})
    return described_


def rebuild_learners(
    held: Sequence[Mapping[str, Any]], arrays: Mapping[str, NDArray[Any]], at: str
) -> list[Learner]:
    """Rebuild what `keep_learners` described."""
    return [
        by_kind(learner["kind"]).from_state(under(arrays, f"{at}/{k}/"), learner["meta"])
        for k, learner in enumerate(held)
    ]
