"""Compute what a figure shows at once, so that shared chunks are read once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["computed"]

Key = TypeVar("Key")


def computed(arrays: Mapping[Key, xr.DataArray]) -> dict[Key, xr.DataArray]:
    """Compute arrays at once, with the coordinates that they have.

    `dask.compute` of labelled arrays fails with "Missing dependency" where a lazy coordinate, such
    as a cell area, is also what the values are computed from: fusing tasks takes away the one that
    the coordinate is (dask 2026.8; pydata/xarray issue 11329). Plain arrays keep it.
    """
    lazy: dict[tuple[Key, Any], Any] = {}
    for key, array in arrays.items():
        held = {None: array.variable, **{n: c.variable for n, c in array.coords.items()}}
        lazy |= {(key, n): one.data for n, one in held.items() if one.chunks is not None}
    if not lazy:
        return dict(arrays)
    import dask

    done = dict(zip(lazy, dask.compute(*lazy.values()), strict=True))
    made = {}
    for key, array in arrays.items():
        coords = {
            name: coordinate.variable.copy(data=done[key, name])
            for name, coordinate in array.coords.items()
            if (key, name) in done
        }
        plain = array.copy(data=done[key, None]) if (key, None) in done else array
        made[key] = plain.assign_coords(coords)
    return made
