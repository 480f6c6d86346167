"""Test what a graph implies: partial correlations that should be zero. Plain arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.effective_size import autocorrelation, fading_memory, variance_inflation

__all__ = ["STATISTICS", "holm", "partial_correlation_test"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: What is told of each test.
STATISTICS = ("partial_correlation", "n_eff", "p_value", "p_holm")


def partial_correlation_test(
    one: Floats, other: Floats, given: Floats, steps: Integers, freedom: int
) -> tuple[float, float, float]:
    """Test whether two series are independent given others.

    Parameters
    ----------
    one, other : ndarray (step,)
    given : ndarray (series, step)
    steps : ndarray (step,)
        Position of each value in time.
    freedom : int
        Number of values less what was taken off them before.

    Returns
    -------
    r : float
        Partial correlation.
    n_eff : float
        Independent months behind it.
    p : float
        Of no correlation, two-sided: ``sqrt(n_eff - k - 3) atanh(r)`` is standard normal (Fisher),
        k the number of the others. NaN where too few months are left.
    """
    from scipy.special import ndtr

    pair = np.vstack([one, other])
    if len(given):
        pair = pair - np.linalg.lstsq(given.T, pair.T, rcond=None)[0].T @ given
    size = np.sqrt(np.sum(pair**2, axis=-1))
    if not np.all(size > 1e-9):
        return np.nan, np.nan, np.nan
    r = float(np.clip(pair[0] @ pair[1] / (size[0] * size[1]), -1.0, 1.0))
    rho = autocorrelation(pair, steps)
    n_eff = freedom / float(variance_inflation(rho[0], fading_memory(rho[1], steps, freedom)))
    left = n_eff - len(given) - 3.0
    if left < 1.0:
        return r, n_eff, np.nan
    z = np.sqrt(left) * np.arctanh(min(abs(r), 1.0 - 1e-15))
    return r, n_eff, float(2.0 * ndtr(-z))


def holm(p: Floats) -> Floats:
    """Adjust p-values for their number (Holm 1979); NaN counts for nothing.

    Parameters
    ----------
    p : ndarray (test,)

    Returns
    -------
    ndarray (test,)
    """
    adjusted = np.full(p.shape, np.nan)
    told = np.flatnonzero(np.isfinite(p))
    order = told[np.argsort(p[told], kind="stable")]
    times = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * times), 1.0)
    return adjusted
