"""Which sites of a Dataset a model was fitted to, and what it remembers of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xflux.errors import AmbiguousVariableError, MissingVariableError
from xflux.labels.calendar import find_time
from xflux.learning.sources import positions
from xflux.refinement.site_memory import KnownSites, fit_memory

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["known_sites", "remembered"]

Floats = NDArray[np.float64]

#: Degrees within which two positions are those of one site.
_NEAR = 0.05


def known_sites(
    towers: xr.Dataset, residual: Mapping[str, Floats], site: NDArray[np.int64]
) -> KnownSites | None:
    """Learn what sites have for themselves; None where sites have no names or steps no dates.

    Parameters
    ----------
    towers : Dataset
        Dims (site, time).
    residual : mapping of str to ndarray (row,)
        Observed less predicted, by flux; NaN where there is no record.
    site : ndarray of int (row,)
        Number of the site of each row, which are (site, time) in a line.
    """
    names, years = _names(towers), _years(towers)
    if names is None or years is None:
        return None
    time = np.tile(years, len(names))
    memories = {}
    for flux, left in residual.items():
        there = np.isfinite(left)
        memories[flux] = fit_memory(left[there], site[there], time[there])
    place = _places(towers)
    where = np.full((len(names), 2), np.nan)
    for k, name in enumerate(place):
        where[:, k] = place[name].values
    return KnownSites(names, where, memories)


def remembered(known: KnownSites | None, ds: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return what to add at the sites of `ds` that are known, by flux, dims (site, time).

    A site is known by its name and position, within 0.05 degrees; by its name alone where
    neither side has positions, unless names are mere numbers. Empty where none is known. A
    single site, selected, has the dim time alone.
    """
    import xarray as xr

    if known is None or "site" not in ds.coords:
        return {}
    single = ds["site"].ndim == 0
    if single:
        ds = ds.expand_dims("site")
    names, years = _names(ds), _years(ds)
    if names is None or years is None:
        return {}
    number = {name: k for k, name in enumerate(known.names)}
    place = _places(ds)
    own = np.full((len(names), 2), np.nan)
    found = {}
    for k, name in enumerate(names):
        if name not in number:
            continue
        own[k] = known.position[number[name]]
        nowhere = np.isnan(own[k]).all()
        if not nowhere if place else nowhere and not _number(name):
            found[k] = number[name]
    if not found:
        return {}
    made = {}
    for flux, memory in known.memories.items():
        values = np.zeros((len(names), years.size))
        for k, of in found.items():
            values[k] = memory.predict(of, years)
        array = xr.DataArray(values, dims=("site", "time"))
        if place:
            # Lazy where positions are.
            array = array.where(_near(place, own), 0.0)
        array = array.reset_coords(drop=True)
        made[flux] = array.isel(site=0, drop=True) if single else array
    return made


def _near(place: Mapping[str, xr.DataArray], own: Floats) -> xr.DataArray:
    """Tell of each site whether it stands where the known one does."""
    north = abs(place["lat"] - own[:, 0])
    east = abs(place["lon"] - own[:, 1])
    near = (north <= _NEAR) & ((east <= _NEAR) | (east >= 360.0 - _NEAR))
    return near.drop_vars(list(near.coords))


def _number(name: str) -> bool:
    return name.replace(".", "", 1).isdecimal()


def _names(ds: xr.Dataset) -> tuple[str, ...] | None:
    if "site" not in ds.indexes:
        return None
    names = tuple(str(name) for name in ds.indexes["site"])
    return names if len(set(names)) == len(names) else None


def _places(ds: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return latitude and longitude, dims (site,); empty where they are not known."""
    try:
        found = positions(ds)
    except (MissingVariableError, AmbiguousVariableError):
        return {}
    if ds.sizes["site"] == 1:
        found = {
            name: array if array.dims else array.expand_dims("site")
            for name, array in found.items()
        }
    return found if all(array.dims == ("site",) for array in found.values()) else {}


def _years(ds: xr.Dataset) -> Floats | None:
    """Return steps in years, such as 2005.5; None where they have no dates."""
    if "time" not in ds.indexes or find_time(ds["time"]) != "time":
        return None
    part = (ds["time"].dt.dayofyear.values - 1.0) / 365.25
    return np.asarray(ds["time"].dt.year.values + part, np.float64)
