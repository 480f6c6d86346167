"""From fractions to fluxes: every year and step closes, whatever the fractions are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.fractions import POOLS
from xflux.carbon.partition_kernel import divide_years
from xflux.carbon.stocks import BASIS

__all__ = ["BY_STEP", "BY_YEAR", "divided"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

BY_STEP = ("ra", "rh", "npp", "nep")
BY_YEAR = (*POOLS, "imbalance_ra")


def divided(
    fractions: Mapping[str, Floats],
    gpp: Array,
    reco: Array | None,
    days: Floats,
    errors: tuple[float, float],
) -> dict[str, Array]:
    """Return fluxes by step, and the production of years.

    Parameters
    ----------
    fractions : mapping of str to ndarray (row,)
        Of years; rh_fraction may be (row, step).
    gpp, reco : ndarray (row, step)
        g m-2 d-1; None of reco: it follows from gpp and the fractions.
    days : ndarray (row, step)
    errors : (float, float)
        Of ra_fraction and rh_fraction on the logit scale.

    Returns
    -------
    dict of str to ndarray
        ra, rh, npp, nep, reco (row, step) [g m-2 d-1], imbalance_ra (row,) [g m-2 d-1], NPP of
        the year as the basis of pools (row,) [g m-2], in the dtype of gpp: GPP = NPP + Ra,
        RECO = Ra + Rh and NEP = GPP - RECO hold to its rounding.
    """
    dtype = gpp.dtype
    rh_fraction = fractions["rh_fraction"]
    if rh_fraction.ndim == 1:
        rh_fraction = np.repeat(rh_fraction[:, None], gpp.shape[1], axis=1)
    if reco is None:
        whole = fractions["ra_fraction"][:, None] / (1.0 - rh_fraction)
        reco = (gpp * whole).astype(dtype)
    ra = np.empty(gpp.shape)
    production, imbalance = np.empty(len(gpp)), np.empty(len(gpp))
    divide_years(
        gpp.astype(np.float64), reco.astype(np.float64), days,
        np.ascontiguousarray(fractions["ra_fraction"]), np.ascontiguousarray(rh_fraction),
        errors[0], errors[1], ra, production, imbalance,
    )  # fmt: skip
    made: dict[str, Array] = {"ra": ra.astype(dtype)}
    made["npp"] = gpp - made["ra"]
    made["rh"] = reco - made["ra"]
    made["reco"] = reco
    lost = np.isnan(production)
    made["nep"] = np.where(lost[:, None], dtype.type(np.nan), gpp - reco)
    made[BASIS] = production.astype(dtype)
    made["imbalance_ra"] = imbalance.astype(dtype)
    return made
