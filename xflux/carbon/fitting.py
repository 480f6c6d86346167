"""Fit a model of each fraction to rows, on plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.emulation import CLASSES, Target
from xflux.learning.learner import Traits
from xflux.learning.learners import Maker

__all__ = ["Rows", "fit_targets"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

#: Share of the lowest and of the highest values that are brought to that quantile.
_TAIL = 1e-3
#: Rows that the mean over all classes counts as, in the mean of each.
_PRIOR = 5.0


@dataclass(frozen=True)
class Rows:
    """Rows of one kind.

    Attributes
    ----------
    x : ndarray (row, column)
    codes, place : ndarray (row,)
        Land cover, and the number of the place.
    maker : Maker
        Of the learners that are fitted to them.
    """

    x: NDArray[np.float32]
    codes: NDArray[np.int64]
    place: NDArray[np.int64]
    maker: Maker


def fit_targets(
    targets: Mapping[str, Floats],
    rows: Mapping[str, Rows],
    among: NDArray[np.bool_],
    *,
    most: int,
    seed: int,
) -> dict[str, Target]:
    """Fit each target to the rows of some places.

    Parameters
    ----------
    targets : mapping of str to ndarray (row,)
        NaN where it is not known.
    rows : mapping of str to Rows
        Of each target.
    among : ndarray of bool (place,)
        Places that are learned from.
    most : int
        Rows that one model learns from at the most, drawn at random.
    seed : int
    """
    made = {}
    for number, (name, y) in enumerate(targets.items()):
        own = rows[name]
        where = np.flatnonzero(among[own.place] & np.isfinite(y))
        if where.size > most:
            random = np.random.default_rng([seed, number])
            where = np.sort(random.choice(where, most, replace=False))
        made[name] = _fit(
            own.x[where], y[where], own.codes[where], own.place[where], own.maker, seed
        )
    return made


def _fit(
    x: NDArray[np.float32],
    y: Floats,
    codes: NDArray[np.int64],
    place: NDArray[np.int64],
    maker: Maker,
    seed: int,
) -> Target:
    low, high = np.quantile(y, [_TAIL, 1.0 - _TAIL])
    y = np.clip(y, low, high)
    overall = y.mean()
    count = np.bincount(codes, minlength=CLASSES)
    total = np.bincount(codes, weights=y, minlength=CLASSES)
    means = (total + _PRIOR * overall) / (count + _PRIOR)
    columns = x.shape[1]
    traits = Traits((0,) * columns, (False,) * columns)
    learners = tuple(maker(seed, traits))
    for learner in learners:
        learner.fit(x, y - means[codes], groups=place)
    return Target(learners, means, float(low), float(high))
