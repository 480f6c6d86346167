"""Which sites of a Dataset a model was fitted to, and what it remembers of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xflux.errors import MissingVariableError
from xflux.labels.coordinates import find_lat_lon
from xflux.refinement.site_memory import KnownSites, fit_memory

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["known_sites", "remembered"]

Floats = NDArray[np.float64]

#: Degrees within which two positions are those of one site.
_NEAR = 0.05


def known_sites(
    observed: xr.Dataset, residual: Mapping[str, Floats], site: NDArray[np.int64]
) -> KnownSites | None:
    """Learn what sites have for themselves; None where they have no names.

    Parameters
    ----------
    observed : Dataset
        Dims (site, time).
    residual : mapping of str to ndarray (row,)
        Observed less predicted, by flux; NaN where there is no record.
    site : ndarray of int (row,)
        Number of the site of each row, which are (site, time) in a line.
    """
    names = _names(observed)
    if names is None:
        return None
    time = np.tile(_years(observed["time"]), observed.sizes["site"])
    memories = {}
    for flux, left in residual.items():
        there = np.isfinite(left)
        memories[flux] = fit_memory(left[there], site[there], time[there])
    return KnownSites(names, _positions(observed), memories)


def remembered(known: KnownSites | None, ds: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return what to add at the sites of `ds` that are known, by flux, dims (site, time).

    A site is known by its name, where its position, as far as both have one, is the same within
    0.05 degrees; one named by a mere number, by its position as well. Empty where none is.
    """
    import xarray as xr

    if known is None or not {"site", "time"} <= set(ds.dims) or "time" not in ds.indexes:
        return {}
    names = _names(ds)
    if names is None:
        return {}
    number = {name: k for k, name in enumerate(known.names)}
    position = _positions(ds)
    found: dict[int, int] = {}
    for k, name in enumerate(names):
        if name in number:
            apart = np.abs(position[k] - known.position[number[name]])
            placed = bool(np.isfinite(apart).all())
            if (placed and bool((apart <= _NEAR).all())) or not (placed or name.isdecimal()):
                found[k] = number[name]
    if not found:
        return {}
    time = _years(ds["time"])
    made = {}
    for flux, memory in known.memories.items():
        values = np.zeros((len(names), time.size))
        for k, own in found.items():
            values[k] = memory.predict(own, time)
        made[flux] = xr.DataArray(values, dims=("site", "time"))
    return made


def _names(ds: xr.Dataset) -> tuple[str, ...] | None:
    if "site" not in ds.indexes:
        return None
    names = tuple(str(name) for name in ds.indexes["site"])
    return names if len(set(names)) == len(names) else None


def _positions(ds: xr.Dataset) -> Floats:
    """Return latitude and longitude of each site, NaN where they are not known."""
    made = np.full((ds.sizes["site"], 2), np.nan)
    try:
        pair = find_lat_lon(ds)
    except MissingVariableError:
        return made
    for k, array in enumerate(pair):
        if array.dims == ("site",) and array.chunks is None:
            made[:, k] = array.values
    return made


def _years(time: xr.DataArray) -> Floats:
    part = (time.dt.dayofyear.values - 1.0) / 365.25
    return np.asarray(time.dt.year.values + part, np.float64)
