"""Pools of plants, litter and soil: turnover times x NPP in the mean over years."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.fractions import PARTS, POOLS, TURNOVER

__all__ = ["BASIS", "held_by_fractions", "stocks", "yearly_mean"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

#: What pools are held per: production of a year, g m-2.
BASIS = "basis"


def held_by_fractions(fractions: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return what pools hold per unit of NPP, years; plants in parts where these are known."""
    held = {pool: fractions[time] for pool, time in TURNOVER.items() if time in fractions}
    if "cVeg" in held and all(share in fractions for share in PARTS):
        plants = held.pop("cVeg")
        held |= {pool: fractions[share] * plants for share, pool in PARTS.items()}
    return held


def stocks(known: Mapping[str, Array]) -> dict[str, Array]:
    """Return pools of years, g m-2.

    Carbon that plants and soils hold was taken up over many years: a good or a poor one moves it
    little. So the mean of all years that are known is what a pool is held by.

    Parameters
    ----------
    known : mapping of str to ndarray (..., year)
        All years: the basis, production [g m-2], NaN where it is not known, and so are the pools;
        pools per unit of it [years]. What else there is stays as it is.

    Returns
    -------
    dict of str to ndarray (..., year)
        In the dtype of the basis, without it; with cVeg as the sum of its parts, where they are
        there.
    """
    dtype = known[BASIS].dtype
    mean = yearly_mean(known[BASIS])
    made = {
        name: (array * mean).astype(dtype) if name in POOLS else array
        for name, array in known.items()
        if name != BASIS
    }
    if "cVeg" not in made and all(pool in made for pool in PARTS.values()):
        made["cVeg"] = made["cLeaf"] + made["cWood"] + made["cRoot"]
    return made


def yearly_mean(amounts: Array) -> Floats:
    """Return the mean over the last axis of what is known, at each place that is known."""
    known = np.isfinite(amounts)
    total = np.where(known, amounts, 0.0).sum(axis=-1, keepdims=True, dtype=np.float64)
    count = np.maximum(known.sum(axis=-1, keepdims=True), 1)
    mean: Floats = np.where(known, total / count, np.nan)
    return mean
