"""What runs the land models on a chunk of the idealised Earth: a picklable callable.

Pools remember decades, so that a chunk holds all time and part of the land.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.twin.climate import Steps, carbon_dioxide
from xflux.twin.land_model_parameters import LAND_MODELS, plant_types
from xflux.twin.weather import FIRST
from xflux.twin.world import Land, at_steps

__all__ = ["MONTHLY", "YEARLY", "RunLandModels"]

Floats = NDArray[np.float64]

#: Monthly fluxes, and stocks and production by year, in CMIP names; in the order returned.
MONTHLY = ("gpp", "ra", "rh", "npp", "nbp", "fFire")
YEARLY = (
    "cVeg", "cLeaf", "cWood", "cRoot", "cLitter", "cSoil", "nppLeaf", "nppWood", "nppRoot",
)  # fmt: skip
#: What the models are told of the climate.
_TOLD = ("ta", "vpd", "swin", "p", "tsoil", "fapar")
#: Year in which the models begin to run, unless asked for earlier ones; years whose mean climate
#: pools came to rest in, under the carbon dioxide of years before.
_BEGIN, _SPIN_UP, _BEFORE = 1951, 10, 13
_SECONDS = 86400.0
_TO_KG = 1e-3


@dataclass(frozen=True)
class RunLandModels:
    """Run land models at the places of a chunk; NaN at sea, and where a model delivers nothing.

    Attributes
    ----------
    seed : int
    first, last : int
        Months of the span since 1900-01, the last one not of it.
    years : tuple of int
        First year of stocks, and the one after the last.
    models : int
        How many of `LAND_MODELS` run.
    """

    seed: int
    first: int
    last: int
    years: tuple[int, int]
    models: int

    def __call__(
        self, cells: Floats, lat: Floats, lon: Floats, *places: Floats
    ) -> tuple[NDArray[np.float32], ...]:
        """Compute a chunk.

        Parameters
        ----------
        cells : ndarray (lat, lon)
            Of the shape of the chunk, whatever it holds.
        lat, lon, *places : ndarray
            Coordinates and what `xflux.twin.chunks.AtPlaces` returned, broadcasting to it.

        Returns
        -------
        tuple of ndarray
            `MONTHLY` (lat, lon, model, time) in kg m-2 s-1; `YEARLY` (lat, lon, model, year) in
            kg m-2, and in kg m-2 s-1.
        """
        shape = cells.shape
        flat = [np.broadcast_to(a, shape).ravel() for a in (lat, lon, *places)]
        land = flat[2] > 0.0
        lats, lons, _, *known = (np.ascontiguousarray(a[land]) for a in flat)
        lengths = (self.last - self.first,) * len(MONTHLY)
        lengths += (self.years[1] - self.years[0],) * len(YEARLY)
        made = [np.full((land.size, self.models, length), np.nan, np.float32) for length in lengths]
        if lats.size:
            self._fill(made, land, lats, lons, Land(*known))
        return tuple(array.reshape(*shape, *array.shape[1:]) for array in made)

    def _fill(
        self, made: list[NDArray[np.float32]], land: NDArray[np.bool_], lat: Floats, lon: Floats,
        places: Land,
    ) -> None:  # fmt: skip
        from xflux.twin.land_model_pools_kernel import run

        begin = min(_BEGIN, 1900 + self.first // 12)
        end = max(1900 - (-self.last // 12), begin + _SPIN_UP)
        months = 12 * (end - begin)
        skip = self.first - 12 * (begin - 1900)
        edges = (np.datetime64(f"{begin}-01", "M") + np.arange(months + 1)).astype("M8[D]")
        edge_days = (edges - FIRST).astype(np.int64)
        told = at_steps(self.seed, edge_days[:-1], edge_days[1:], lat, lon, places, _TOLD)
        climate = tuple(np.ascontiguousarray(told[name].T) for name in _TOLD)
        days = np.diff(edge_days).astype(np.float64)
        co2 = carbon_dioxide(Steps.between(edge_days[:-1], edge_days[1:]).year[:, 0])
        before = np.full(12 * _SPIN_UP, carbon_dioxide(np.array(begin - float(_BEFORE))))
        fluxes = np.empty((7, lat.size, months))
        stocks = np.empty((7, lat.size, months // 12 + 1))
        igbp = places.igbp.astype(np.int64)
        span = slice(skip, skip + self.last - self.first)
        whole = slice(self.years[0] - begin, self.years[1] - begin)
        for k, model in enumerate(LAND_MODELS[: self.models]):
            run(
                model.laws, model.numbers, plant_types(k), igbp, places.c4_fraction, climate,
                days, co2, before, 12 * _SPIN_UP, fluxes, stocks,
            )  # fmt: skip
            delivered = _monthly(fluxes[:4, :, span], days[span], model.numbers.fire > 0.0)
            delivered |= _yearly(fluxes[4:], stocks, days, whole)
            for array, name in zip(made, (*MONTHLY, *YEARLY), strict=True):
                if name not in model.missing and name in delivered:
                    array[land, k] = delivered[name]


def _monthly(amounts: Floats, days: Floats, burns: bool) -> dict[str, Any]:
    """Return fluxes in float32, in which the identities hold bit by bit."""
    rates = (amounts * (_TO_KG / (_SECONDS * days))).astype(np.float32)
    gpp, ra, rh, fire = rates
    npp = gpp - ra
    if not burns:
        return {"gpp": gpp, "ra": ra, "rh": rh, "npp": npp, "nbp": npp - rh}
    return {"gpp": gpp, "ra": ra, "rh": rh, "npp": npp, "nbp": npp - rh - fire, "fFire": fire}


def _yearly(parts: Floats, stocks: Floats, days: Floats, whole: slice) -> dict[str, Any]:
    """Return stocks at the end of years, and production by part as the mean of years."""
    length = np.zeros(days.size // 12)
    by_year = np.zeros((3, parts.shape[1], length.size))
    for month in range(12):
        length += days[month::12]
        by_year += parts[:, :, month::12]
    leaf, wood, root, fine, coarse, fast, slow = _TO_KG * stocks[:, :, 1:][:, :, whole]
    # cVeg is the sum of its parts as they are delivered.
    leaf, wood, root = (pool.astype(np.float32) for pool in (leaf, wood, root))
    made = {
        "cVeg": leaf + wood + root, "cLeaf": leaf, "cWood": wood, "cRoot": root,
        "cLitter": fine + coarse, "cSoil": fast + slow,
    }  # fmt: skip
    for name, total in zip(("nppLeaf", "nppWood", "nppRoot"), by_year, strict=True):
        made[name] = (total * (_TO_KG / _SECONDS) / length)[:, whole]
    return made
