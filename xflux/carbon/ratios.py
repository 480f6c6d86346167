"""The free ratios of Zhu et al. (2026), eq. 16, which are here to show what they break."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.fractions import POOLS
from xflux.carbon.partition_kernel import LEAST_GPP
from xflux.carbon.stocks import BASIS

__all__ = ["RATIOS", "from_ratios", "held_by_ratios", "ratios_of_fractions"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

#: What is divided by GPP, or by RECO, each learned for itself.
RATIOS = ("ra_per_gpp", "npp_per_gpp", "rh_per_reco", *(f"{pool}_per_gpp" for pool in POOLS))


def ratios_of_fractions(fractions: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the ratios that fractions of a year imply.

    Parameters
    ----------
    fractions : mapping of str to ndarray (place, year), or (place, year, step) of rh_fraction

    Returns
    -------
    dict of str to ndarray (place, year)
        NaN where one would be 0: they are learned as logarithms.
    """
    a = fractions["ra_fraction"]
    h = fractions["rh_fraction"]
    made = {
        "ra_per_gpp": a,
        "npp_per_gpp": 1.0 - a,
        "rh_per_reco": h.mean(axis=-1) if h.ndim > a.ndim else h,
    }
    efficiency = 1.0 - a
    if "turnover_veg" in fractions:
        made["cVeg_per_gpp"] = fractions["turnover_veg"] * efficiency
        shares = {"cLeaf": "leaf_share", "cWood": "wood_share", "cRoot": "root_share"}
        for pool, share in shares.items():
            if share in fractions:
                made[f"{pool}_per_gpp"] = made["cVeg_per_gpp"] * fractions[share]
    for pool, time in (("cLitter", "turnover_litter"), ("cSoil", "turnover_soil")):
        if time in fractions:
            made[f"{pool}_per_gpp"] = fractions[time] * efficiency
    return {name: np.where(ratio > 0.0, ratio, np.nan) for name, ratio in made.items()}


def from_ratios(
    ratios: Mapping[str, Floats], gpp: Array, reco: Array | None, days: Floats
) -> dict[str, Array]:
    """Return fluxes by step, each by its own ratio: NPP + Ra is not GPP.

    Parameters
    ----------
    ratios : mapping of str to ndarray (row,)
    gpp, reco : ndarray (row, step)
        g m-2 d-1; None of reco: ra and rh of the ratios are taken to be consistent there.
    days : ndarray (row, step)

    Returns
    -------
    dict of str to ndarray
        As `divided` returns them, without an imbalance; GPP of the year is the basis of pools.
    """
    dtype = gpp.dtype
    taken = (gpp * days).sum(axis=1)
    live = np.where(taken > LEAST_GPP, 1.0, np.nan)
    made = {
        "ra": gpp * (live * ratios["ra_per_gpp"])[:, None],
        "npp": gpp * (live * ratios["npp_per_gpp"])[:, None],
    }
    share = (live * ratios["rh_per_reco"])[:, None]
    if reco is None:
        reco = made["ra"] / (1.0 - share)
    made["rh"] = reco * share
    made["reco"] = reco
    made["nep"] = (gpp - reco) * live[:, None]
    made[BASIS] = taken * live
    return {name: array.astype(dtype) for name, array in made.items()}


def held_by_ratios(ratios: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return what pools hold per unit of GPP, years; parts of plants do not add up to cVeg."""
    return {pool: ratios[f"{pool}_per_gpp"] for pool in POOLS if f"{pool}_per_gpp" in ratios}
