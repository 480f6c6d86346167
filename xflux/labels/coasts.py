"""Cells that are partly sea: sums over them need the land fraction."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from xflux.errors import XfluxWarning

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["warn_of_coasts"]


def warn_of_coasts(
    arrays: Mapping[str, xr.DataArray],
    land: xr.DataArray | None,
    cells: Collection[object],
    *,
    stacklevel: int = 2,
) -> None:
    """Warn where cells that are partly sea count whole, if that is known without computing.

    Parameters
    ----------
    arrays : mapping of str to DataArray
        What is summed over cells, by name.
    land : DataArray or None
        Land fraction; with one there is nothing to warn of.
    cells : collection of str
        Dims of the grid.
    stacklevel : int
        Of the caller, as of `warnings.warn`.

    Warns
    -----
    XfluxWarning
        When values are means over land (``cell_methods`` "area: mean where land"); of values in
        memory only where some cells have none.
    """
    said = {name: str(array.attrs.get("cell_methods")) for name, array in arrays.items()}
    over_land = [name for name, text in said.items() if "where land" in text]
    if land is not None or not over_land:
        return
    # Of lazy values it is not known whether there is sea: what they say of themselves decides.
    lazy = any(array.chunks is not None for array in arrays.values())
    if lazy or _has_sea(arrays, cells):
        warnings.warn(
            f"{', '.join(over_land)}: means over land (cell_methods {said[over_land[0]]!r}), and "
            "there is no land_fraction: cells that are partly sea count whole, which is too much. "
            "Add it (sftlf, lsm); it is 1 where cells are all land or all sea",
            XfluxWarning,
            stacklevel=stacklevel + 1,
        )


def _has_sea(arrays: Mapping[str, xr.DataArray], cells: Collection[object]) -> bool:
    """Tell whether some cells have values and others do not, of values in memory."""
    there: Any = False
    for array in arrays.values():
        # What has values in no variable is sea, not desert.
        there = array.isel({d: 0 for d in array.dims if d not in cells}).notnull() | there
    return bool(there.any()) and not bool(there.all())
