"""How many independent months there are in series that remember."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["autocorrelation", "variance_inflation"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def autocorrelation(series: Floats, steps: Integers) -> Floats:
    """Return the autocorrelation of series of mean 0, by lag.

    Parameters
    ----------
    series : ndarray (series, step)
        Complete.
    steps : ndarray (step,)
        Position of each value in time, ascending; positions may be missing.

    Returns
    -------
    ndarray (series, lag)
        From lag 1 to a quarter of the record, over the pairs that are there, times the root of the
        share of all months that these are: so weighted, two of them multiply in
        `variance_inflation`.
    """
    length = int(steps[-1] - steps[0]) + 1
    lags = max(length // 4, 1)
    size = 1 << int(2 * length - 1).bit_length()
    held = np.zeros((len(series) + 1, length))
    held[:-1, steps - steps[0]] = series
    held[-1, steps - steps[0]] = 1.0
    spectrum = np.fft.rfft(held, size)
    products = np.fft.irfft(np.abs(spectrum) ** 2, size)[:, : lags + 1]
    pairs = np.round(products[-1])
    with np.errstate(invalid="ignore", divide="ignore"):
        # A lag is weighted by its pairs, as in the variance of a mean of products.
        share = np.where(pairs > 0.0, pairs / pairs[0], 0.0)
        mean = np.where(pairs > 0.0, products[:-1] / np.maximum(pairs, 1.0), 0.0)
        rho = np.where(mean[:, :1] > 0.0, mean / mean[:, :1], 0.0)
    return (np.clip(rho, -1.0, 1.0) * np.sqrt(share))[:, 1:]


def variance_inflation(one: Floats, other: Floats) -> Floats:
    """Return by how much memory raises the variance of a mean of products.

    Parameters
    ----------
    one, other : ndarray (..., lag)
        Of `autocorrelation`.

    Returns
    -------
    ndarray (...)
        At least 1: ``1 + 2 sum_k (1 - k / n) r_one(k) r_other(k)`` (Bartlett 1935). Two series
        must both remember for their covariance to be less certain.

    References
    ----------
    Bartlett, M. S. (1935): Some aspects of the time-correlation problem in regard to tests of
    significance. Journal of the Royal Statistical Society 98, 536-543.
    """
    return np.maximum(1.0 + 2.0 * np.sum(one * other, axis=-1), 1.0)
