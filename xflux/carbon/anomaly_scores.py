"""Months as anomalies and as scores of a common scale. Plain arrays, time last."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Anomalies", "anomalies", "normal_scores", "parameters", "trend_share"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: What is taken off a series: its mean seasonal cycle; cycle and straight line; its mean.
Anomalies = Literal["seasonal", "detrended", "raw"]


def anomalies(values: Floats, months: Integers, kind: Anomalies) -> Floats:
    """Take the mean seasonal cycle off series, or the straight line too.

    Parameters
    ----------
    values : ndarray (series, step)
        Complete: no NaN.
    months : ndarray (step,)
        Months counted from any January.
    kind : {"seasonal", "detrended", "raw"}

    Returns
    -------
    ndarray (series, step)
        Residuals of a least-squares fit of twelve means and, detrended, a line at once: a line
        fitted to what is left of other months would be off where a record is no whole years.
    """
    return values - (values @ (basis := _basis(months, kind))) @ basis.T


def parameters(months: Integers, kind: Anomalies) -> int:
    """Count the degrees of freedom that `anomalies` takes."""
    return _basis(months, kind).shape[1]


def trend_share(values: Floats, months: Integers) -> Floats:
    """Return which share of the variance of deseasonalised series is a straight line.

    Parameters
    ----------
    values : ndarray (series, step)
    months : ndarray (step,)

    Returns
    -------
    ndarray (series,)
        0 to 1; NaN of a constant.
    """
    around = np.sum(anomalies(values, months, "seasonal") ** 2, axis=-1)
    left = np.sum(anomalies(values, months, "detrended") ** 2, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(around > 0.0, 1.0 - left / around, np.nan)


def normal_scores(values: Floats) -> Floats:
    """Replace values by the normal quantiles of their ranks, of mean 0 and variance 1.

    Parameters
    ----------
    values : ndarray (series, step)
        Complete. Equal values share their mean rank.

    Returns
    -------
    ndarray (series, step)
        ``Phi^-1((rank - 3/8) / (n + 1/4))`` (Blom 1958), scaled to variance 1.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores = ndtri((rankdata(values, axis=-1) - 0.375) / (values.shape[-1] + 0.25))
    scores = scores - scores.mean(axis=-1, keepdims=True)
    spread = scores.std(axis=-1, keepdims=True)
    return np.divide(scores, spread, out=np.zeros_like(scores), where=spread > 0.0)


def _basis(months: Integers, kind: Anomalies) -> Floats:
    """Return orthonormal columns of what is taken off."""
    if kind == "raw":
        return np.full((months.size, 1), months.size**-0.5)
    month = months % 12
    members = month[:, None] == np.unique(month)
    means = members / np.sqrt(members.sum(axis=0))
    if kind == "seasonal":
        return means
    line = (months - months.mean()).astype(np.float64)
    line = line - means @ (means.T @ line)
    size = np.sqrt(line @ line)
    return np.column_stack([means, line / size]) if size > 0.0 else means
