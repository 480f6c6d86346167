"""Reconcile three estimates that must close: NEE = RECO - GPP."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["error_covariance", "project"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

#: By how much a covariance is drawn to its diagonal: a few dozen sites tell it but roughly.
_DRAWN = 0.1


def error_covariance(errors: Floats, site: NDArray[np.int64]) -> Floats:
    """Return how the errors of gpp, reco and nee go together, shape (3, 3).

    Parameters
    ----------
    errors : ndarray (3, row)
        Observed less predicted, on sites left out; NaN where one of both is missing.
    site : ndarray of int (row,)
        Each counts once. Where fewer than three have all fluxes, errors are taken to be
        independent.
    """
    there: NDArray[np.bool_] = np.isfinite(errors)
    together = np.asarray(there.all(axis=0))
    if np.unique(site[together]).size < 3:
        alone = [_products(errors[k : k + 1], there[k], site) for k in range(3)]
        return np.diag([float(each[0, 0]) for each in alone])
    # Of the errors themselves, not about their mean: a bias is an error as well.
    whole = _products(errors, together, site)
    return np.asarray((1.0 - _DRAWN) * whole + _DRAWN * np.diag(np.diag(whole)), np.float64)


def _products(errors: Floats, known: NDArray[np.bool_], site: NDArray[np.int64]) -> Floats:
    """Average products of errors within sites, then over sites; 1 of nothing."""
    if not known.any():
        return np.eye(len(errors))
    number = np.unique(site[known], return_inverse=True)[1]
    count = np.bincount(number)
    weight = 1.0 / (count.size * count[number])
    return np.asarray((errors[:, known] * weight) @ errors[:, known].T, np.float64)


def project(gpp: Array, reco: Array, nee: Array, covariance: Floats) -> tuple[Array, Array, Array]:
    """Change gross production, respiration and net exchange as little as closes them.

    Parameters
    ----------
    gpp, reco, nee : ndarray
        Estimates, made apart; of one shape.
    covariance : ndarray (3, 3)
        Of the errors of gpp, reco and nee.

    Returns
    -------
    gpp, reco, nee : ndarray
        Both gross fluxes are 0 or more; ``nee = reco - gpp`` bit by bit in their dtype. NaN in
        one gives NaN in all.

    Notes
    -----
    The generalised least squares, which has the least variance of all that close: of the gap
    ``d = gpp - reco + nee = a x``, the three take up ``S a / (a S a)`` with the covariance S.
    With a diagonal S each takes up its share of the variance.
    """
    share = _shares(np.asarray(covariance, np.float64))
    gap = nee - (reco - gpp)
    gpp = gpp - (share[0] * gap).astype(gap.dtype)
    reco = reco - (share[1] * gap).astype(gap.dtype)
    # Where one would be negative, it is 0 and the other takes the rest of what NEE asks for.
    net = nee - (share[2] * gap).astype(gap.dtype)
    zero = gap.dtype.type(0.0)
    reco = np.where(gpp < 0, np.maximum(net, zero), reco)
    gpp = np.maximum(gpp, zero)
    gpp = np.where(reco < 0, np.maximum(-net, zero), gpp)
    reco = np.maximum(reco, zero)
    return gpp, reco, reco - gpp


def _shares(covariance: Floats) -> Floats:
    """Return what each flux takes up of a gap of 1."""
    sense = np.array([1.0, -1.0, 1.0])
    with_gap = covariance @ sense
    of_gap = float(sense @ with_gap)
    if not np.isfinite(of_gap) or of_gap <= 1e-9 * float(np.trace(covariance)):
        # Errors that close already tell nothing of a gap.
        return sense / 3.0
    return np.asarray(with_gap / of_gap, np.float64)
