"""Trends of short yearly series, with their uncertainty: plain arrays, along the last axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["FEWEST", "METHODS", "PARTS", "mann_kendall", "ordinary_least_squares", "trend"]

Array = np.ndarray[Any, Any]

#: Years that a trend needs.
FEWEST = 5
#: What a trend consists of, along the last axis of what is returned.
PARTS = ("slope", "p", "low", "high", "n_effective")


def trend(values: Array, years: Array, method: str, confidence: float) -> Array:
    """Fit a trend to each series.

    Parameters
    ----------
    values : array (..., year)
        NaN is left out.
    years : array (year,)
    method : {"ols", "mann-kendall"}
    confidence : float
        Of the interval, between 0 and 1.

    Returns
    -------
    array (..., 5)
        float64, `PARTS`: slope per year, two-sided p-value, ends of the interval of the slope,
        effective number of years. NaN with fewer than 5 values.
    """
    fit = METHODS[method]
    rows = values.reshape(-1, values.shape[-1]).astype(np.float64)
    out = np.full((len(rows), len(PARTS)), np.nan)
    for k, row in enumerate(rows):
        there = np.isfinite(row)
        if there.sum() >= FEWEST:
            out[k] = fit(np.asarray(years, np.float64)[there], row[there], confidence)
    return out.reshape(*values.shape[:-1], len(PARTS))


def ordinary_least_squares(x: Array, y: Array, confidence: float) -> tuple[float, ...]:
    """Fit a straight line, and test it by t with the effective number of values.

    Notes
    -----
    Santer et al. (2000), eqs 3 to 6: residuals that follow each other count as fewer,
    ``n_effective = n (1 - r) / (1 + r)`` with r their correlation at lag 1 (negative ones are
    taken as 0), which replaces n in the variance of the residuals and in the degrees of
    freedom, ``n_effective - 2``. No test where fewer than 3 are left.
    """
    from scipy import stats

    n = x.size
    dx = x - x.mean()
    spread = float(dx @ dx)
    slope = float(dx @ (y - y.mean())) / spread
    residual = y - y.mean() - slope * dx
    n_effective = n * _persistence(x, residual)
    freedom = n_effective - 2.0
    if freedom < 1.0:
        return slope, np.nan, np.nan, np.nan, n_effective
    error = np.sqrt(float(residual @ residual) / freedom / spread)
    half = float(stats.t.ppf(0.5 + 0.5 * confidence, freedom)) * error
    if error == 0.0:
        return slope, 0.0 if slope else 1.0, slope, slope, n_effective
    p = 2.0 * float(stats.t.sf(abs(slope) / error, freedom))
    return slope, p, slope - half, slope + half, n_effective


def mann_kendall(x: Array, y: Array, confidence: float) -> tuple[float, ...]:
    """Test by ranks whether values rise or fall, with the slope of Theil and Sen.

    Notes
    -----
    ``S = sum over pairs of sign(y_j - y_i)``, its variance corrected for ties (Kendall 1975),
    normal with a continuity correction. The variance is divided by ``(1 - r) / (1 + r)``, r the
    lag-1 correlation of what the slope leaves (Yue and Wang 2004, for AR(1)), negative ones
    taken as 0. The interval of the slope is that of Sen (1968): order statistics of all pairwise
    slopes, by that variance.
    """
    from scipy import stats

    n = x.size
    first, second = np.triu_indices(n, 1)
    rise, run = y[second] - y[first], x[second] - x[first]
    slopes = np.sort(rise / run)
    slope = float(np.median(slopes))
    share = _persistence(x, y - slope * x)
    _, tied = np.unique(y, return_counts=True)
    ties = float((tied * (tied - 1) * (2 * tied + 5)).sum())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18.0 / share
    s = float(np.sign(rise).sum())
    if variance <= 0.0:
        return slope, 1.0, slope, slope, n * share
    z = (s - np.sign(s)) / np.sqrt(variance)
    half = float(stats.norm.ppf(0.5 + 0.5 * confidence)) * np.sqrt(variance)
    count = slopes.size
    low = int(np.clip(np.floor((count - half) / 2.0), 0, count - 1))
    high = int(np.clip(np.ceil((count + half) / 2.0), 0, count - 1))
    return slope, 2.0 * float(stats.norm.sf(abs(z))), slopes[low], slopes[high], n * share


def _persistence(x: Array, residual: Array) -> float:
    """Return (1 - r) / (1 + r) of the correlation r of residuals one year apart."""
    centred = residual - residual.mean()
    total = float(centred @ centred)
    # Neighbours on either side of a gap do not count as such.
    follows = np.diff(x) == 1.0
    scale = float(np.ptp(residual))
    if total <= 0.0 or scale == 0.0 or not follows.any():
        return 1.0
    r = float((centred[1:] * centred[:-1])[follows].sum()) / total
    r = min(max(r, 0.0), 0.99)
    return (1.0 - r) / (1.0 + r)


METHODS: dict[str, Callable[[Array, Array, float], tuple[float, ...]]] = {
    "ols": ordinary_least_squares,
    "mann-kendall": mann_kendall,
}
