"""How many independent months there are in series that remember. Plain arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["autocorrelation", "fading_memory", "variance_inflation"]

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
        From lag 1 to the last but one, ``sum_t x_t x_t+k / sum_t x_t^2``: fewer pairs count less.
    """
    length = int(steps[-1] - steps[0]) + 1
    size = 1 << int(2 * length - 1).bit_length()
    held = np.zeros((len(series), length))
    held[:, steps - steps[0]] = series
    products = np.fft.irfft(np.abs(np.fft.rfft(held, size)) ** 2, size)[:, :length]
    return np.divide(
        products, products[:, :1], out=np.zeros_like(products), where=products[:, :1] > 0.0
    )[:, 1:]


def fading_memory(rho: Floats, steps: Integers, freedom: int) -> Floats:
    """Return the autocorrelation of a series that forgets at one rate.

    Parameters
    ----------
    rho : ndarray (lag,)
        Of residuals, by `autocorrelation`.
    steps : ndarray (step,)
        Position of each value in time.
    freedom : int
        Number of values less what was taken off them.

    Returns
    -------
    ndarray (lag,)
        ``phi^k``, phi the correlation of neighbours, not below 0, raised by what fitting a mean and
        a trend takes off it: ``phi + (2 + 4 phi) / n`` (Marriott and Pope 1954).

    Notes
    -----
    Residuals are fitted to sum up to nothing, and so do their autocorrelations: of a slow parent,
    such as a trend, the far lags would hide all memory.

    References
    ----------
    Marriott, F. H. C. and Pope, J. A. (1954): Bias in the estimation of autocorrelations.
    Biometrika 41, 390-402.
    """
    pairs = max(int(np.count_nonzero(np.diff(steps) == 1)), 1)
    phi = float(rho[0]) * steps.size / pairs
    if phi > 0.0:
        phi = min(phi + (2.0 + 4.0 * phi) / freedom, 0.98)
    return max(phi, 0.0) ** np.arange(1.0, rho.size + 1.0)


def variance_inflation(one: Floats, other: Floats) -> Floats:
    """Return by how much memory raises the variance of a mean of products.

    Parameters
    ----------
    one : ndarray (..., lag)
        Autocorrelation of a series, by `autocorrelation`.
    other : ndarray (lag,)
        Of the other series, by `fading_memory`.

    Returns
    -------
    ndarray (...)
        At least 1: ``1 + 2 sum_k r_one(k) r_other(k)`` (Bartlett 1935), up to the lag at which
        `one` first is not positive. Two series must both remember for their covariance to be less
        certain.

    Notes
    -----
    Autocorrelations of a series of mean 0 sum up to -1/2, so that the far lags of a short record
    are negative whatever the series: summed as well, they would hide its memory (Geyer 1992).

    References
    ----------
    Bartlett, M. S. (1935): Some aspects of the time-correlation problem in regard to tests of
    significance. Journal of the Royal Statistical Society 98, 536-543.

    Geyer, C. J. (1992): Practical Markov chain Monte Carlo. Statistical Science 7, 473-483.
    """
    near = np.logical_and.accumulate(one > 0.0, axis=-1)
    return 1.0 + 2.0 * np.sum(np.where(near, one * other, 0.0), axis=-1)
