"""An ensemble for one flux: members that each leave out sites, learners that they blend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from xflux.learning.learner import Learner, Traits
from xflux.refinement.blend import blend_weights, left_out

__all__ = ["FULL", "Ensemble", "Member", "Sampling", "fit_ensemble"]

Floats = NDArray[np.float64]

#: Fits to all rows and features, beside the members: they predict, members say how surely.
FULL = 2


@dataclass(frozen=True, slots=True)
class Sampling:
    """What members see.

    Attributes
    ----------
    members : int
    rows, columns : float
        Share of the rows or sites, and of the features.
    by : {"site", "row"}
        What is drawn: whole sites, or rows.
    seed : int
    """

    members: int
    rows: float
    columns: float
    by: str
    seed: int


@dataclass(slots=True)
class Member:
    """One member.

    Attributes
    ----------
    columns : ndarray of int
        Features that it sees.
    line : tuple of float
        Offset and slope by which the baseline is brought to the observations.
    learners : list of Learner
        Of what the line leaves; those that are `whole`, of the flux itself.
    """

    columns: NDArray[np.int64]
    line: tuple[float, float]
    learners: list[Learner]

    def predict(self, x: NDArray[np.float32], base: Floats) -> Floats:
        """Predict rows by each learner, shape (learner, row)."""
        part = np.ascontiguousarray(x[:, self.columns])
        start = self.line[0] + self.line[1] * base
        return np.stack(
            [
                learner.predict(part) if _whole(learner) else start + learner.predict(part)
                for learner in self.learners
            ]
        )


@dataclass(slots=True)
class Ensemble:
    """Members, and the weights of their learners.

    Attributes
    ----------
    members : list of Member
    weights : ndarray (learner,)
    variance : float
        Mean squared error on sites left out, each site of one weight.
    left_out : ndarray (row,)
        Prediction of the training rows by members that did not see their site; NaN where
        every member saw it. Empty once stored.
    full : list of Member
        Of all rows and features: the best estimate. Empty where members saw all there is.
    """

    members: list[Member]
    weights: Floats
    variance: float
    left_out: Floats = field(default_factory=lambda: np.empty(0))
    full: list[Member] = field(default_factory=list)

    def best(self, x: NDArray[np.float32], base: Floats) -> Floats:
        """Predict rows (row,) by what saw all sites; NaN where the baseline is."""
        made = self._each(self.full or self.members, x, base)
        total = np.zeros(len(x))
        for part in made:
            total += part
        return total / len(made)

    def predict(self, x: NDArray[np.float32], base: Floats) -> Floats:
        """Predict rows by each member, shape (member, row); NaN where the baseline is."""
        return self._each(self.members, x, base)

    def _each(self, members: list[Member], x: NDArray[np.float32], base: Floats) -> Floats:
        made = np.empty((len(members), len(x)))
        for k, member in enumerate(members):
            # In the order of the learners, so that all rows add up alike.
            total = np.zeros(len(x))
            for weight, part in zip(self.weights, member.predict(x, base), strict=True):
                total += weight * part
            made[k] = total
        return made


def fit_ensemble(
    x: NDArray[np.float32],
    base: Floats,
    y: Floats,
    *,
    groups: NDArray[np.int64],
    weight: Floats,
    features: NDArray[np.int64],
    make: Callable[[int, Traits], Sequence[Learner]],
    traits: Traits,
    slope: int,
    sampling: Sampling,
    tell: Callable[[], None],
    draw: Callable[[int], Floats] | None = None,
) -> Ensemble:
    """Fit an ensemble to rows.

    Parameters
    ----------
    x : ndarray (row, column)
    base, y : ndarray (row,)
        Baseline and observation.
    groups : ndarray (row,)
        Number of the site of each row.
    weight : ndarray (row,)
    features : ndarray (column,)
        Number of the feature that each column belongs to: classes are drawn together.
    make : callable
        Returns fresh learners for a seed and the traits of their columns.
    traits : Traits
        Of all columns.
    slope : {-1, 0, 1}
        Sign that the slope on the baseline may have; 0: either.
    sampling : Sampling
    tell : callable
        Called after each member.
    draw : callable, optional
        Returns errors (row,) for the number of a member: it is fitted to y and these. What
        weighs the learners and calibrates intervals are the observations as they are.
    """
    random = np.random.default_rng([sampling.seed, 12])
    if sampling.by == "site" and sampling.rows < 1.0 and sampling.members > 1:
        unseen = left_out(groups, sampling.members, sampling.rows, sampling.seed)
        seen = [~np.isin(groups, list(away)) for away in unseen]
    elif sampling.by == "row" and sampling.rows < 1.0:
        seen = [random.random(len(y)) < sampling.rows for _ in range(sampling.members)]
    else:
        seen = [np.ones(len(y), bool)] * sampling.members
    present = np.unique(features)
    count = max(1, int(np.ceil(sampling.columns * present.size)))
    everything = np.arange(len(features))
    fit = partial(
        _fit_member, x, base, weight=weight, groups=groups, make=make, traits=traits, slope=slope
    )
    members: list[Member] = []
    held: list[Floats] = []
    for k, rows in enumerate(seen):
        kept = np.isin(features, random.choice(present, count, replace=False))
        target = y if draw is None else y + draw(k)
        member = fit(target, rows, np.flatnonzero(kept), seed=sampling.seed * 1000 + k)
        members.append(member)
        away = np.full((len(member.learners), len(y)), np.nan)
        if not rows.all():
            away[:, ~rows] = member.predict(x[~rows], base[~rows])
        held.append(away)
        tell()
    ensemble = _weighed(members, np.stack(held), y, weight, groups)
    if sampling.rows < 1.0:
        rows = np.ones(len(y), bool)
        for k in range(FULL):
            ensemble.full.append(fit(y, rows, everything, seed=sampling.seed * 1000 + 900 + k))
            tell()
    return ensemble


def _fit_member(
    x: NDArray[np.float32],
    base: Floats,
    y: Floats,
    rows: NDArray[np.bool_],
    columns: NDArray[np.int64],
    *,
    seed: int,
    weight: Floats,
    groups: NDArray[np.int64],
    make: Callable[[int, Traits], Sequence[Learner]],
    traits: Traits,
    slope: int,
) -> Member:
    line = _line(base[rows], y[rows], weight[rows], slope)
    rest = y - line[0] - line[1] * base
    part = np.ascontiguousarray(x[np.ix_(rows, columns)])
    learners = [
        learner.fit(
            part,
            (y if _whole(learner) else rest)[rows],
            weight=weight[rows],
            groups=groups[rows],
        )
        for learner in make(seed, traits.of(columns))
    ]
    return Member(columns, line, learners)


def _whole(learner: Learner) -> bool:
    """Tell whether a learner learns the flux itself, not what the line leaves of it."""
    return bool(getattr(learner, "whole", False))


def _weighed(
    members: list[Member], held: Floats, y: Floats, weight: Floats, groups: NDArray[np.int64]
) -> Ensemble:
    """Weigh learners by what they predict of sites that they did not see."""
    known = ~np.isnan(held[:, 0])
    count = known.sum(axis=0)
    there = count > 0
    size = np.bincount(groups)[groups]
    per_site = 1.0 / size
    learners = held.shape[1]
    if not there.any():
        return Ensemble(members, np.full(learners, 1.0 / learners), np.nan, np.full(len(y), np.nan))
    mean = np.where(known[:, None], held, 0.0).sum(axis=0)[:, there] / count[there]
    weights = blend_weights(y[there], list(mean), weight[there])
    predicted = np.full(len(y), np.nan)
    predicted[there] = weights @ mean
    error = (y - predicted)[there]
    variance = float(np.average(error**2, weights=per_site[there]))
    return Ensemble(members, weights, variance, predicted)


def _line(base: Floats, y: Floats, weight: Floats, sign: int) -> tuple[float, float]:
    """Return offset and slope of the least squares of observations on the baseline."""
    centre, middle = np.average(base, weights=weight), np.average(y, weights=weight)
    spread = np.average((base - centre) ** 2, weights=weight)
    shared = np.average((base - centre) * (y - middle), weights=weight)
    slope = float(shared / spread) if spread > 0 else 0.0
    slope = 0.0 if sign * slope < 0 else slope
    return float(middle - slope * centre), slope
