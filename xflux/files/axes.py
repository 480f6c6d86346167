"""Axes by one convention: time, lat (south to north), lon (-180 to 180)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import AmbiguousVariableError, InputError, MissingVariableError
from xflux.labels.coordinates import find_lat_lon

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["name_axes", "orient_axes"]


def name_axes(ds: xr.Dataset) -> xr.Dataset:
    """Call the axes of a Dataset ``time``, ``lat`` and ``lon``.

    Parameters
    ----------
    ds : Dataset
        Axes are known by ``standard_name``, units or name; two-dimensional
        coordinates of curvilinear grids are left as they are.

    Returns
    -------
    Dataset
    """
    renamed = {}
    for dim in map(str, ds.dims):
        if dim in ds.indexes and ds[dim].attrs.get("standard_name") == "time":
            renamed[dim] = "time"
    try:
        for name, axis in zip(("lat", "lon"), find_lat_lon(ds), strict=True):
            if axis.dims == (axis.name,):
                renamed[str(axis.name)] = name
    except (MissingVariableError, AmbiguousVariableError):
        pass  # no grid, or one that is left to those who use it
    taken = {*ds.variables, *ds.dims}
    return ds.rename({old: new for old, new in renamed.items() if new not in taken})


def orient_axes(ds: xr.Dataset) -> xr.Dataset:
    """Order a grid from south to north and from 180 W to 180 E, lazily.

    Products differ in both, and grids that differ do not align. A regional
    grid across 180 degrees keeps its longitudes, which would come apart.

    Parameters
    ----------
    ds : Dataset
        With one-dimensional ``lat`` and ``lon``, or without.

    Returns
    -------
    Dataset
        Cells reordered, none interpolated; bounds move along.

    Raises
    ------
    InputError
        When ``lat`` holds values that are no latitudes.
    """
    if "lat" in ds.indexes:
        lat = np.asarray(ds.indexes["lat"], dtype="f8")
        if np.isnan(lat).any() or (np.abs(lat) > 90.0 + 1e-6).any():
            raise InputError(
                f"lat runs from {lat.min()} to {lat.max()}, which are not degrees of latitude; "
                "projected coordinates belong in x and y"
            )
        if lat.size > 1 and (np.diff(lat) < 0).all():
            ds = ds.isel(lat=slice(None, None, -1))
    return _wrap(ds) if "lon" in ds.indexes else ds


def _wrap(ds: xr.Dataset) -> xr.Dataset:
    lon = np.asarray(ds.indexes["lon"])
    if lon.dtype.kind != "f":
        lon = lon.astype("f8")
    east = lon < 180.0
    if not (lon > 180.0).any() or (lon >= 360.0).any() or (np.diff(lon) <= 0).any():
        return ds
    turn = int(east.sum())
    spans_globe = lon.size > 1 and lon[-1] - lon[0] + 1.5 * np.diff(lon).max() > 360.0
    if turn and not spans_globe:
        return ds
    # float32 degrees near 360 are known to 3e-5: 359.9 - 360 must come out as -0.1.
    decimals = 4 if lon.dtype == np.float32 else 9
    wrapped = np.where(east, lon, np.round(lon - 360.0, decimals)).astype(lon.dtype)
    bounds = ds["lon"].attrs.get("bounds", ds["lon"].encoding.get("bounds"))
    if bounds in ds.variables:
        is_east = ds["lon"].copy(data=east)
        shifted = ds[bounds] - 360.0
        attrs = ds[bounds].attrs
        ds = ds.assign({bounds: ds[bounds].where(is_east, shifted).assign_attrs(attrs)})
    attrs, encoding = ds["lon"].attrs, ds["lon"].encoding
    ds = ds.assign_coords(lon=("lon", wrapped, attrs))
    ds["lon"].encoding = encoding
    return ds.roll(lon=lon.size - turn, roll_coords=True) if turn else ds
