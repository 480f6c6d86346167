"""The learners that a refinement can be made of, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xflux.errors import FileFormatError, InputError
from xflux.refinement.kernel_ridge import KernelRidge
from xflux.refinement.learner import Learner

__all__ = ["LEARNERS", "by_kind", "maker"]


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


def maker(learner: Any) -> Callable[[int], Sequence[Learner]]:
    """Return what makes fresh learners.

    Raises
    ------
    InputError
        For a name that is not known.
    """
    if isinstance(learner, str) and learner in LEARNERS:
        return LEARNERS[learner]
    raise InputError(f"learner={learner!r} is not known; expected one of {', '.join(LEARNERS)}")


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

    known = {cls.__name__: cls for cls in (KernelRidge, Boosted, ExtraTrees, SmartForest)}
    if kind not in known:
        raise FileFormatError(f"a learner of kind {kind!r} is not known to this version of xflux")
    return known[kind]
