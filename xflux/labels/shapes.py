"""Regions given by their outlines: shapely polygons, or a table of them (GeoDataFrame)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.coordinates import find_lat_lon

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["are_shapes", "shares_of_shapes"]

#: Columns of a table that name its shapes.
_NAMES = ("names", "name", "NAME", "Name")


def are_shapes(regions: Any) -> bool:
    """Tell whether these are shapes, without importing what they are made of."""
    if _is_table(regions):
        return True
    if isinstance(regions, Mapping):
        regions = list(regions.values())
    return (
        isinstance(regions, Sequence)
        and not isinstance(regions, str)
        and len(regions) > 0
        and all(_package(shape) == "shapely" for shape in regions)
    )


def shares_of_shapes(shapes: Any, grid: xr.DataArray) -> xr.DataArray:
    """Return the share of each cell that lies in each shape.

    Parameters
    ----------
    shapes : GeoDataFrame, GeoSeries, mapping or sequence of shapely polygons
        In degrees of longitude and latitude (a table in another reference system is brought to
        them). A mapping names them; of a table a column ``name`` does, else its index.
    grid : DataArray
        On the grid: latitude and longitude of one dimension each, in equal steps.

    Returns
    -------
    DataArray (region, lat, lon) [1]
        float64; regions are numbered from 1, their ``names`` stand beside. By 10 x 10 points in
        each cell (`regionmask.Regions.mask_3D_frac_approx`), so that shares are exact to about
        1 %, and shapes that meet share no point.

    Raises
    ------
    InputError
        Without regionmask, on another grid, and for shapes that are not in degrees or lie off
        the grid.
    """
    try:
        import regionmask
    except ImportError as error:
        raise InputError(
            "regions are shapes, which regionmask lays on the grid: pip install 'xflux[regions]'"
        ) from error
    outlines, names = _listed(shapes)
    for name, outline in zip(names, outlines, strict=True):
        _check(outline, name)
    lat, lon = (coordinate.copy(deep=True) for coordinate in find_lat_lon(grid))
    for coordinate in (lat, lon):
        _require_equal_steps(coordinate)
    numbers = np.arange(1, len(outlines) + 1)
    found = regionmask.Regions(outlines, numbers=numbers, names=names, overlap=True)
    try:
        with warnings.catch_warnings():
            # Of shapes off the grid, which are an error below.
            warnings.simplefilter("ignore", UserWarning)
            shares = found.mask_3D_frac_approx(lon, lat, drop=False)
    except ValueError as error:
        raise InputError(
            f"regions cannot be laid on the grid: {error} Longitudes of all shapes must be counted "
            "from -180 or all from 0"
        ) from error
    lost = [name for name, share in zip(names, shares.values, strict=True) if not share.any()]
    if len(lost) == len(names):
        raise InputError(
            f"none of the regions {', '.join(lost[:5])} lies on the grid; shapes are in degrees "
            "of longitude and latitude, in this order"
        )
    kept = shares.drop_vars([name for name in shares.coords if name not in ("region", "names")])
    return kept.rename(dict(zip(kept.dims[1:], (*lat.dims, *lon.dims), strict=True))).assign_coords(
        {str(lat.name): find_lat_lon(grid)[0], str(lon.name): find_lat_lon(grid)[1]}
    )


def _require_equal_steps(coordinate: xr.DataArray) -> None:
    steps = np.diff(np.asarray(coordinate.values, np.float64), axis=0)
    if coordinate.ndim != 1 or not np.allclose(steps, steps[:1], rtol=1e-3, atol=0.0):
        raise InputError(
            f"regions are shapes, and {coordinate.name} is not of one dimension in equal steps; "
            "give regionmask.Regions(shapes), which takes cells by their centre, or shares of "
            "cells (region, lat, lon)"
        )


def _package(thing: Any) -> str:
    return type(thing).__module__.partition(".")[0]


def _is_table(shapes: Any) -> bool:
    return _package(shapes) == "geopandas" and hasattr(shapes, "geometry")


def _listed(shapes: Any) -> tuple[list[Any], list[str]]:
    if not _is_table(shapes):
        if isinstance(shapes, Mapping):
            return list(shapes.values()), [str(name) for name in shapes]
        return list(shapes), [f"region {k}" for k in range(1, len(shapes) + 1)]
    if shapes.crs is not None and not shapes.crs.is_geographic:
        shapes = shapes.to_crs("EPSG:4326")
    columns = getattr(shapes, "columns", ())
    column = next((name for name in _NAMES if name in columns), None)
    names = shapes.index if column is None else shapes[column]
    return list(shapes.geometry), [str(name) for name in names]


def _check(outline: Any, name: str) -> None:
    if getattr(outline, "geom_type", "") not in ("Polygon", "MultiPolygon"):
        raise InputError(
            f"region {name!r} is a {getattr(outline, 'geom_type', type(outline).__name__)}; "
            "expected polygons"
        )
    if outline.is_empty or not outline.is_valid:
        what = "is empty" if outline.is_empty else "crosses itself; repair it with .buffer(0)"
        raise InputError(f"region {name!r} {what}")
    west, south, east, north = outline.bounds
    if west < -360 or east > 720 or south < -90.001 or north > 90.001:
        raise InputError(
            f"region {name!r} reaches from {west:g} to {east:g} and from {south:g} to {north:g}, "
            "which are no degrees of longitude and latitude; bring shapes to them with "
            ".to_crs('EPSG:4326')"
        )
