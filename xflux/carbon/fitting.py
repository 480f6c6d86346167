"""Fit a model of each fraction to rows, on plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.emulation import CLASSES, Change, Target
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
    change : int or None
        Column with which a place changes from year to year along a line; learners do not see it.
    """

    x: NDArray[np.float32]
    codes: NDArray[np.int64]
    place: NDArray[np.int64]
    maker: Maker
    change: int | None = None


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
            own.x[where], y[where], own.codes[where], own.place[where], own.maker, seed, own.change
        )
    return made


def _fit(
    x: NDArray[np.float32],
    y: Floats,
    codes: NDArray[np.int64],
    place: NDArray[np.int64],
    maker: Maker,
    seed: int,
    column: int | None,
) -> Target:
    change = None if column is None else _change(x, y, codes, place, column)
    if change is not None:
        y = y - change.of(x, codes)
        x = change.hidden(x)
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
    return Target(learners, means, float(low), float(high), change=change)


def _change(
    x: NDArray[np.float32],
    y: Floats,
    codes: NDArray[np.int64],
    place: NDArray[np.int64],
    column: int,
) -> Change:
    """Fit lines to what differs within places, one for each land cover.

    What differs between places is their climate and soil, a thousandfold more; a learner that
    sees both would take noise of the one for the other.
    """
    own = x[:, column].astype(np.float64)
    known = np.isfinite(own)
    centre = float(own[known].mean()) if known.any() else 0.0
    own = np.where(known, own, centre)
    groups = np.unique(place, return_inverse=True)[1]
    count = np.bincount(groups)
    within = [v - (np.bincount(groups, v) / count)[groups] for v in (own, y)]
    square = np.bincount(codes, within[0] ** 2, CLASSES)
    product = np.bincount(codes, within[0] * within[1], CLASSES)
    total = square.sum()
    if total == 0.0:
        return Change(column, centre, np.zeros(CLASSES))
    prior = _PRIOR * total / len(y)
    slopes = (product + prior * product.sum() / total) / (square + prior)
    return Change(column, centre, slopes)
