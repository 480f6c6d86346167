"""The learners that a refinement can be made of, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xflux.errors import FileFormatError, InputError
from xflux.refinement.features import Feature
from xflux.refinement.kernel_ridge import KernelRidge
from xflux.refinement.learner import Learner

__all__ = ["LEARNERS", "by_kind", "described", "from_description", "maker"]


def _blend(seed: int) -> Sequence[Learner]:
    from xflux.refinement.boosted import Boosted
    from xflux.refinement.extra_trees import ExtraTrees

    return KernelRidge(seed=seed), Boosted(trees=250, rate=0.06, seed=seed), ExtraTrees(
        trees=30, seed=seed
    )  # fmt: skip


def _xgboost(seed: int) -> Sequence[Learner]:
    from xflux.refinement.boosted import Boosted

    return (Boosted(seed=seed),)


def _kernel(seed: int) -> Sequence[Learner]:
    return (KernelRidge(seed=seed),)


def _smartforest(seed: int) -> Sequence[Learner]:
    from xflux.refinement.cascade import SmartForest

    return (SmartForest(seed=seed),)


#: Fresh learners for a seed, by the name of what they make up.
LEARNERS: dict[str, Callable[[int], Sequence[Learner]]] = {
    "blend": _blend,
    "xgboost": _xgboost,
    "kernel": _kernel,
    "smartforest": _smartforest,
}


def maker(learner: Any) -> Callable[[int, Sequence[Feature]], Sequence[Learner]]:
    """Return what makes fresh learners for a seed, and for the features that they will see.

    Raises
    ------
    InputError
        For a name that is not known.
    """
    from xflux.refinement.smartforest import SmartForest4D

    if isinstance(learner, SmartForest4D):
        return lambda seed, features: (learner.over(features, seed),)
    if isinstance(learner, str) and learner in LEARNERS:
        fresh = LEARNERS[learner]
        return lambda seed, features: fresh(seed)
    raise InputError(
        f"learner={learner!r} is not known; expected one of {', '.join(LEARNERS)}, or a "
        "SmartForest4D"
    )


def described(learner: Any) -> Any:
    """Return a learner as JSON holds it: a name stays one."""
    return learner if isinstance(learner, str) else {
        "kind": type(learner).__name__, **learner.description()
    }  # fmt: skip


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
    from xflux.refinement.boosted import Boosted
    from xflux.refinement.cascade import SmartForest
    from xflux.refinement.extra_trees import ExtraTrees
    from xflux.refinement.smartforest import SmartForest4D

    kinds: tuple[Any, ...] = (KernelRidge, Boosted, ExtraTrees, SmartForest, SmartForest4D)
    known = {cls.__name__: cls for cls in kinds}
    if kind not in known:
        raise FileFormatError(f"a learner of kind {kind!r} is not known to this version of xflux")
    return known[kind]
