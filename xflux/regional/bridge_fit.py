"""Few pixels whose weighted sum is the integral of a region: Lasso, and a fit of what it chose.

Plain arrays. ``y_t = sum_j w_j x_tj + b``: x is the amount per area of a month, so that a weight
is the area that a pixel stands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Choice", "Samples", "choose_pixels", "r2"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

#: Lengths of the path of the Lasso: from the penalty that leaves no pixel, to its 1e-4th part.
_STEPS, _LEAST = 200, 1e-4
#: Steps of the path that are taken at once, as it is left early.
_AT_ONCE = 20
#: Strengths with which weights are drawn to the areas that pixels stand for, strongest first.
_STRENGTHS = tuple(np.logspace(1.0, -5.0, 13))
#: How much worse than the best a stronger draw may be in what was left out.
_AS_GOOD = 0.01
#: Parts into which years are divided for cross-validation.
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Samples:
    """What a bridge is fitted to.

    Attributes
    ----------
    x : ndarray (sample, pixel)
        Amount per area of each pixel.
    y : ndarray (sample,)
        Integral over the region.
    fold : ndarray (sample,)
        Part that is left out together, from 0 on.
    area : ndarray (pixel,)
        Of the pixels of the region, in the unit of ``y / x``.
    cycle : ndarray (sample,), optional
        Month of the year, and of the series where there are several, from 0 on: what the mean
        seasonal cycle is the mean over. None: there is one year alone.
    """

    x: Floats
    y: Floats
    fold: NDArray[np.int64]
    area: Floats
    cycle: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Pixels and their weights.

    Attributes
    ----------
    pixels : ndarray (chosen,)
    weights : ndarray (chosen,)
    intercept : float
    penalty : float
        Of the Lasso, of columns of unit spread, in the unit of the integral.
    strength : float
        Of the draw to the areas that pixels stand for; NaN where the Lasso's weights are kept.
    left_out : ndarray (sample,)
        The integral of each sample by the pixels and weights chosen without it.
    r2, r2_cv : float
        Of the samples fitted, and of those left out.
    r2_anomaly : float
        Of what differs from the mean seasonal cycle, of samples left out; NaN in a mean year.
    enough : bool
        Whether they are what was asked for.
    """

    pixels: NDArray[np.int64]
    weights: Floats
    intercept: float
    penalty: float
    strength: float
    left_out: Floats
    r2: float
    r2_cv: float
    r2_anomaly: float
    enough: bool


def r2(observed: Array, predicted: Array) -> float:
    """Return the share of the variance that is explained; NaN where there is none."""
    total = float(np.sum((observed - observed.mean()) ** 2))
    return 1.0 - float(np.sum((observed - predicted) ** 2)) / total if total > 0.0 else np.nan


def choose_pixels(
    samples: Samples,
    candidates: NDArray[np.int64],
    strata: NDArray[np.int64],
    stand_ins: NDArray[np.int64],
    *,
    enough: float,
    of_anomalies: float,
    most: int,
    relax: bool,
) -> Choice:
    """Follow the path of the Lasso until few pixels explain a region, also in years left out.

    Parameters
    ----------
    samples : Samples
    candidates : ndarray of int
        Columns among which to choose.
    strata : ndarray (pixel,)
        Group of each pixel, from 0 on.
    stand_ins : ndarray (group,)
        Column that joins where the Lasso leaves a group without any: what varies little is not
        chosen, and would be free to drift.
    enough : float
        R2, of samples fitted and left out, at which the path is left;
    of_anomalies : float
        and of the anomalies of those left out, so that a season alone is not enough.
    most : int
        Pixels at which it is left in any case.
    relax : bool
        Fit the weights of the chosen pixels anew.

    Returns
    -------
    Choice
        Where the path ends before, the one that is best in what was left out, of season and
        anomalies alike.

    Notes
    -----
    ``min 1/(2N) sum (y - b - X beta)^2 + alpha sum |beta|`` over columns of unit spread (Upton et
    al. 2024, eq 1), in which season and anomalies count alike: each is divided by its spread in
    the integral, else a cosine is chosen, and what differs between years is not seen.

    The Lasso shrinks its weights. Relaxed, those of the chosen pixels are ``g_j A_j`` with
    ``min 1/N sum (y - b - sum_j g_j A_j x_j)^2 + lambda s sum_j (g_j - 1)^2``: A_j is the area of
    all pixels whose series are nearest to that of the chosen one, s the mean variance of what
    pixels contribute by their areas, and lambda the largest that predicts samples left out as
    well as the best. Drawn to areas, the bridge also holds for a field that is elsewhere than
    the one it was fitted to.
    """
    folds = np.unique(samples.fold)
    parts = [samples.fold != fold for fold in folds] if len(folds) > 1 else []
    whole = np.ones(len(samples.y), bool)
    even = _evened(samples)
    paths = [_path(even, rows, candidates) for rows in (whole, *parts)]
    before: tuple[bytes, ...] = ()
    best: tuple[float, Choice] | None = None
    for penalty, betas in _together(paths):
        chosen = [candidates[np.flatnonzero(beta)] for beta in betas]
        if not chosen[0].size:
            continue
        if relax:
            chosen = [_with_stand_ins(columns, strata, stand_ins) for columns in chosen]
        if chosen[0].size > most:
            if best is not None:
                break
            # The first step already takes more than may be.
            told = np.abs(betas[0]) * even.x[:, candidates].std(axis=0)
            chosen[0] = _strongest(chosen[0], dict(zip(candidates.tolist(), told)), most)
        now = tuple(columns.tobytes() for columns in chosen)
        if now == before and relax:
            continue
        before = now
        lasso = np.zeros((len(betas), samples.x.shape[1]))
        lasso[:, candidates] = betas
        fitted = _at(samples, even, penalty, chosen, lasso, parts, relax)
        cv = fitted.r2_cv if parts else fitted.r2
        if fitted.r2 >= enough and cv >= enough and not fitted.r2_anomaly < of_anomalies:
            return replace(fitted, enough=True)
        worth = cv if np.isnan(fitted.r2_anomaly) else cv + fitted.r2_anomaly
        if best is None or worth > best[0]:
            best = worth, fitted
    if best is not None:
        return best[1]
    # A region that does not vary: no pixel, the integral itself.
    mean = float(samples.y.mean())
    none, empty = np.full(len(samples.y), mean), np.empty(0, np.int64)
    return Choice(empty, np.empty(0), mean, np.nan, np.nan, none, np.nan, np.nan, np.nan, False)


def _with_stand_ins(
    columns: NDArray[np.int64], strata: NDArray[np.int64], stand_ins: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Add the columns of groups that have none."""
    without = np.setdiff1d(np.arange(len(stand_ins)), strata[columns])
    return np.union1d(columns, stand_ins[without])


def _strongest(columns: NDArray[np.int64], told: dict[int, float], most: int) -> NDArray[np.int64]:
    """Keep the columns that tell most."""
    strength = np.array([told.get(column, 0.0) for column in columns.tolist()])
    return np.sort(columns[np.argsort(-strength, kind="stable")[:most]])


def seasons(cycle: NDArray[np.int64], values: Floats) -> Floats:
    """Return the mean seasonal cycle of values (sample, ...), at each sample.

    Parameters
    ----------
    cycle : ndarray (sample,)
        What the mean is over, from 0 on.
    values : ndarray (sample, ...)
    """
    count = np.bincount(cycle)
    total = np.zeros((len(count), *values.shape[1:]))
    np.add.at(total, cycle, values)
    means: Floats = (total.T / np.maximum(count, 1)).T
    return means[cycle]


def _evened(samples: Samples) -> Samples:
    """Return samples in which season and anomalies of the integral have one spread."""
    month = samples.cycle
    if month is None:
        return samples
    season = seasons(month, samples.y)
    spreads = season.std(), (samples.y - season).std()
    if min(spreads) <= 1e-9 * max(spreads):
        return samples
    share = spreads[0] / spreads[1]

    def even(values: Floats) -> Floats:
        cycle = seasons(month, values)
        return cycle + share * (values - cycle)

    return replace(samples, x=even(samples.x), y=even(samples.y))


def _at(
    samples: Samples,
    even: Samples,
    penalty: float,
    chosen: list[NDArray[np.int64]],
    lasso: Floats,
    parts: list[NDArray[np.bool_]],
    relax: bool,
) -> Choice:
    """Return what one penalty chooses, and how it does where it was not fitted."""
    everything = np.ones(len(samples.y), bool)
    strengths = _STRENGTHS if relax else (np.nan,)
    left_out = np.full((len(strengths), len(samples.y)), np.nan)
    judged = np.full(left_out.shape, np.nan)
    for rows, picked, own in zip(parts, chosen[1:], lasso[1:], strict=True):
        weights, level = _weights(samples, even, rows, picked, own[picked], strengths)
        left_out[:, ~rows] = weights @ samples.x[~rows][:, picked].T + level[:, None]
        level = even.y[rows].mean() - weights @ even.x[rows][:, picked].mean(axis=0)
        judged[:, ~rows] = weights @ even.x[~rows][:, picked].T + level[:, None]
    columns = chosen[0]
    weights, level = _weights(samples, even, everything, columns, lasso[0][columns], strengths)
    fitted = weights @ samples.x[:, columns].T + level[:, None]
    worth = np.array([r2(even.y, made) for made in judged])
    if not parts:
        worth = np.array([r2(samples.y, made) for made in fitted])
    k = int(np.flatnonzero(worth >= np.nanmax(worth) - _AS_GOOD)[0])
    anomaly = np.nan
    if samples.cycle is not None:
        judged_by = left_out[k] if parts else fitted[k]
        apart = [y - seasons(samples.cycle, y) for y in (samples.y, judged_by)]
        anomaly = r2(*apart)
    return Choice(
        columns, weights[k], float(level[k]), penalty, float(strengths[k]), left_out[k],
        r2(samples.y, fitted[k]), r2(samples.y, left_out[k]), anomaly, False,
    )  # fmt: skip


def _weights(
    samples: Samples,
    even: Samples,
    rows: NDArray[np.bool_],
    columns: NDArray[np.int64],
    lasso: Floats,
    strengths: tuple[float, ...],
) -> tuple[Floats, Floats]:
    """Return weights (strength, pixel) and intercepts (strength,) of pixels, fitted to rows."""
    mean, level = samples.x[rows][:, columns].mean(axis=0), samples.y[rows].mean()
    if np.isnan(strengths[0]) or not columns.size:
        weights = np.tile(lasso, (len(strengths), 1))
        return weights, level - weights @ mean
    x, y = even.x[rows][:, columns], even.y[rows]
    areas = represented(even.x[rows], columns, samples.area)
    # What each pixel would contribute by its area alone, of which a weight is a multiple.
    z = (x - x.mean(axis=0)) * areas
    square = z.T @ z / len(y)
    scale = float(np.mean(np.diag(square))) or 1.0
    left = (y - y.mean()) - z.sum(axis=1)
    values, vectors = np.linalg.eigh(square)
    turned = vectors.T @ (z.T @ left / len(y))
    more = [vectors @ (turned / (np.maximum(values, 0.0) + s * scale)) for s in strengths]
    weights = areas * (1.0 + np.stack(more))
    return weights, level - weights @ mean


def represented(x: Floats, columns: NDArray[np.int64], area: Floats) -> Floats:
    """Return the area of the pixels whose series are nearest to each of some."""
    square = (x * x).sum(axis=0)
    apart = square[:, None] - 2.0 * x.T @ x[:, columns] + square[columns]
    nearest = np.argmin(apart, axis=1)
    areas = np.zeros(len(columns))
    np.add.at(areas, nearest, area)
    return areas


def _path(
    samples: Samples, rows: NDArray[np.bool_], candidates: NDArray[np.int64]
) -> Iterator[tuple[float, Floats]]:
    """Yield penalties, as shares of the first, and the Lasso's weights in physical units."""
    from sklearn.linear_model import lasso_path

    x, y = samples.x[rows][:, candidates], samples.y[rows]
    spread = x.std(axis=0)
    varies = spread > 1e-12 * np.maximum(np.abs(x).max(axis=0), 1e-300)
    z = np.zeros_like(x)
    z[:, varies] = (x[:, varies] - x[:, varies].mean(axis=0)) / spread[varies]
    scale = y.std()
    if scale == 0.0 or not varies.any():
        return
    target = (y - y.mean()) / scale
    gram = z.T @ z
    toward = z.T @ target
    first = float(np.abs(toward).max()) / len(y)
    coefficients = None
    shares = np.geomspace(1.0, _LEAST, _STEPS)
    for start in range(0, _STEPS, _AT_ONCE):
        alphas = first * shares[start : start + _AT_ONCE]
        _, found, _ = lasso_path(
            z, target, alphas=alphas, precompute=gram, Xy=toward, coef_init=coefficients,
            max_iter=3000, tol=1e-3,
        )  # fmt: skip
        coefficients = found[:, -1].copy()
        for alpha, column in zip(alphas, found.T, strict=True):
            beta = np.where(varies, column * scale, 0.0)
            yield float(alpha * scale), np.divide(beta, spread, out=beta, where=varies)


def _together(
    paths: list[Iterator[tuple[float, Floats]]],
) -> Iterator[tuple[float, tuple[Floats, ...]]]:
    """Walk down paths step by step."""
    for steps in zip(*paths):
        yield steps[0][0], tuple(beta for _, beta in steps)
