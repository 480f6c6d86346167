"""Reconcile three estimates that must close: NEE = RECO - GPP."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["project"]

Array = NDArray[Any]


def project(
    gpp: Array, reco: Array, nee: Array, variances: tuple[float, float, float]
) -> tuple[Array, Array, Array]:
    """Change gross production, respiration and net exchange as little as closes them.

    Parameters
    ----------
    gpp, reco, nee : ndarray
        Estimates, made apart; of one shape.
    variances : tuple of float
        Of the errors of gpp, reco and nee.

    Returns
    -------
    gpp, reco, nee : ndarray
        Both gross fluxes are 0 or more; ``nee = reco - gpp`` bit by bit in their dtype. NaN in
        one gives NaN in all.

    Notes
    -----
    The least squares with weights 1 / variance: of the gap ``d = nee - (reco - gpp)``, each
    flux takes up its share of the variance.
    """
    share = np.asarray(variances, np.float64) / np.sum(variances)
    gap = nee - (reco - gpp)
    gpp = gpp - (share[0] * gap).astype(gap.dtype)
    reco = reco + (share[1] * gap).astype(gap.dtype)
    # Where one would be negative, it is 0 and the other takes the rest of what NEE asks for.
    net = nee - (share[2] * gap).astype(gap.dtype)
    zero = gap.dtype.type(0.0)
    reco = np.where(gpp < 0, np.maximum(net, zero), reco)
    gpp = np.maximum(gpp, zero)
    gpp = np.where(reco < 0, np.maximum(-net, zero), gpp)
    reco = np.maximum(reco, zero)
    return gpp, reco, reco - gpp
