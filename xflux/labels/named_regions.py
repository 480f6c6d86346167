"""Regions that need the Dataset of the flux: names of its variables, shapes on its cells.

``regions="igbp"`` are the classes of land cover.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xflux.errors import InputError, MissingVariableError
from xflux.labels.attach import describe
from xflux.labels.calendar import find_time
from xflux.labels.classes import to_codes
from xflux.labels.coordinates import find_bounds, find_lat_lon
from xflux.labels.find import find
from xflux.labels.shapes import are_shapes, shares_of_shapes
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["named_regions"]


def named_regions(regions: Any, ds: xr.Dataset) -> Any:
    """Look regions up among the variables of a Dataset; classes come with their names.

    Parameters
    ----------
    regions
        The name of a variable or coordinate: classes (``"igbp"``), or a mask, whose
        ``flag_values`` and ``flag_meanings`` are the regions and their names where it has them;
        or what `xflux.labels.regions.as_regions` reads, which is returned as it is, except shapes
        where the Dataset has bounds of latitude or longitude.
    ds : Dataset

    Returns
    -------
    DataArray, or `regions`
        A lazy mask that does not say which numbers it holds is computed; it is small. Of shapes
        on cells with bounds the shares.

    Raises
    ------
    MissingVariableError
        When the Dataset has no such variable.
    InputError
        When it changes in time.
    """
    if are_shapes(regions) and _has_bounds(ds):
        # The area of cells, on which regions are laid, does not bear their bounds.
        return shares_of_shapes(regions, ds)
    if not isinstance(regions, str):
        return regions
    row = variables.get(regions)
    own = find(ds, regions) if row is not None and regions not in ds.coords else regions
    if own is None or own not in ds.variables:
        raise MissingVariableError(
            f"no variable {regions!r} to take regions from; the Dataset holds "
            f"{', '.join(repr(str(name)) for name in list(ds.data_vars)[:20])}"
        )
    if (dim := find_time(ds[own])) is not None:
        raise InputError(
            f"{own!r} changes along {dim!r}, and regions are fixed; select one time, such as "
            f"regions=ds[{own!r}].isel({dim}=0, drop=True)"
        )
    if row is not None and row.classes is not None:
        return describe(to_codes(ds[own], row), regions)
    # Which numbers a mask holds must be known beforehand; it is small.
    return ds[own] if "flag_values" in ds[own].attrs else ds[own].compute()


def _has_bounds(ds: xr.Dataset) -> bool:
    try:
        return any(find_bounds(ds, coordinate) is not None for coordinate in find_lat_lon(ds))
    except MissingVariableError:
        return False
