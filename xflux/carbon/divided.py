"""From fractions to fluxes and pools: every year and step closes, whatever the fractions are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.fractions import PARTS
from xflux.carbon.partition_kernel import divide_years

__all__ = ["BY_STEP", "BY_YEAR", "divided"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

BY_STEP = ("ra", "rh", "npp", "nep")
BY_YEAR = ("cVeg", "cLeaf", "cWood", "cRoot", "cLitter", "cSoil", "imbalance_ra")
_HELD = {"cLitter": "turnover_litter", "cSoil": "turnover_soil"}


def divided(
    fractions: Mapping[str, Floats],
    gpp: Array,
    reco: Array | None,
    days: Floats,
    errors: tuple[float, float],
) -> dict[str, Array]:
    """Return fluxes by step and pools by year.

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
        ra, rh, npp, nep, reco (row, step) [g m-2 d-1], pools (row,) [g m-2], imbalance_ra (row,)
        [g m-2 d-1], in the dtype of gpp: GPP = NPP + Ra, RECO = Ra + Rh, NEP = GPP - RECO and
        cVeg = cLeaf + cWood + cRoot hold to its rounding. Pools whose fractions are missing are
        left out.
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
    if "turnover_veg" in fractions:
        plants = fractions["turnover_veg"] * production
        if all(share in fractions for share in PARTS):
            for share, pool in PARTS.items():
                made[pool] = (fractions[share] * plants).astype(dtype)
            made["cVeg"] = made["cLeaf"] + made["cWood"] + made["cRoot"]
        else:
            made["cVeg"] = plants.astype(dtype)
    for pool, time in _HELD.items():
        if time in fractions:
            made[pool] = (fractions[time] * production).astype(dtype)
    made["imbalance_ra"] = imbalance.astype(dtype)
    return made
