"""How large the cells of a grid are, and how much of each is land.

Areas are exact on a sphere. Rectilinear grids need latitude and longitude, best with
their bounds; curvilinear and unstructured ones need bounds or a `cell_area` variable.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import AmbiguousVariableError, InputError, MissingVariableError
from xflux.labels.coordinates import as_dataset, find_bounds, find_lat_lon, match_grid, snap
from xflux.labels.find import find
from xflux.labels.units import convert
from xflux.labels.variables import variables
from xflux.numerics import sphere

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "EARTH_RADIUS", "cell_area", "column_edges", "find_lat_lon", "given_area", "land_fraction",
    "match_grid", "row_edges", "snap",
]  # fmt: skip

#: Radius of the sphere with the surface of the GRS 80 ellipsoid (authalic radius), m; Moritz
#: (2000), J. Geodesy 74. Models that use another one say so by a cell_area variable.
EARTH_RADIUS = 6371007.2

_RADIANS = ("radian", "radians", "rad")
Floats = np.ndarray[Any, np.dtype[np.float64]]


def cell_area(obj: xr.Dataset | xr.DataArray, *, radius: float = EARTH_RADIUS) -> xr.DataArray:
    """Return the area of each grid cell.

    A cell area that the Dataset holds is used (named by ``cell_measures``, or found
    as `cell_area`, `areacella`, ...). Else it is computed: from the bounds of latitude
    and longitude, or for rectilinear grids from the coordinates, with edges half-way
    between them, the outermost ones clipped at the poles.

    Parameters
    ----------
    obj : Dataset or DataArray
        Global or regional; latitudes in either order, longitudes from 0, from -180
        or across any jump.
    radius : float
        Radius of the sphere, m.

    Returns
    -------
    DataArray [m2]
        float64, dims of the grid alone; lazy, in its chunks, when `obj` is lazy. NaN
        where a vertex of a polygon is NaN.

    Raises
    ------
    MissingVariableError
        Without latitude or longitude.
    AmbiguousVariableError
        When several variables are latitude, longitude or cell area.
    InputError
        When the size of the cells cannot be told: a single row or column, unsorted,
        repeated (0 and 360) or missing ones, NaN, curvilinear without bounds.
    UnitsError
        When a cell area has no unit, or one that is not of area.

    Notes
    -----
    ``radius**2 (sin(north) - sin(south)) (east - west)``; cells with more than two
    bounds are spherical polygons (see `xflux.numerics.sphere.polygon_area`).

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> ds = xr.Dataset(coords={"lat": np.arange(-89.5, 90), "lon": np.arange(0.5, 360)})
    >>> round(float(cell_area(ds).sum()) / 1e12, 3)  # million km2
    510.066
    """
    ds = as_dataset(obj)
    area = given_area(ds)
    if area is not None:
        return area
    lat, lon = find_lat_lon(ds)
    lat_bounds, lon_bounds = find_bounds(ds, lat), find_bounds(ds, lon)
    if lat.ndim == lon.ndim == 1 and lat.dims != lon.dims:
        rows = _factor(ds, lat, lat_bounds, _rows)
        columns = _factor(ds, lon, lon_bounds, _columns)
        area = _outer(rows, columns)
    elif lat_bounds is not None and lon_bounds is not None:
        area = _polygons(lat, lat_bounds, lon_bounds)
    else:
        kind = "curvilinear" if lat.ndim > 1 else "points, or an unstructured grid"
        raise InputError(
            f"{lat.name} and {lon.name} have the dims {lat.dims} ({kind}): the size of the cells "
            "cannot be told; add a cell_area (areacella) variable in m2, or bounds with the "
            f"vertices of each cell, named by {lat.name}.attrs['bounds']"
        )
    row = variables["cell_area"]
    return (
        (area * radius**2)
        .rename("cell_area")
        .assign_attrs(standard_name=row.standard_name, long_name=row.long_name, units=row.units)
    )


def land_fraction(obj: xr.Dataset | xr.DataArray) -> xr.DataArray | None:
    """Return the share of each cell that is land, where the Dataset holds it.

    Parameters
    ----------
    obj : Dataset or DataArray
        With a variable or coordinate `land_fraction`, `sftlf`, `lsm`, ...

    Returns
    -------
    DataArray [1] or None
        0 to 1, lazy where it was; None when there is none (all cells then count whole).

    Raises
    ------
    UnitsError
        When its unit is missing or not one of a fraction (``1``, ``%``).
    InputError
        When it varies in time.
    """
    ds = as_dataset(obj)
    name = find(ds, "land_fraction")
    if name is None:
        return None
    fraction = convert(ds[name], variables["land_fraction"], name)
    if "time" in fraction.dims:
        raise InputError(
            f"{name} has a time dimension; the land fraction is fixed here, select one with "
            "isel(time=0, drop=True)"
        )
    return fraction.rename("land_fraction")


def given_area(ds: xr.Dataset) -> xr.DataArray | None:
    """Return the cell area that a Dataset holds, in m2; None where it holds none.

    Raises
    ------
    AmbiguousVariableError, InputError, UnitsError
        As `cell_area` does.
    """
    named = {
        match.group(1)
        for variable in ds.variables.values()
        for source in (variable.attrs, variable.encoding)
        if (match := re.search(r"area:\s*(\S+)", str(source.get("cell_measures", ""))))
    } & {str(name) for name in ds.variables}
    if len(named) > 1:
        raise AmbiguousVariableError(
            f"cell_measures name several areas: {', '.join(sorted(named))}; select the variables "
            "of one grid first"
        )
    name = named.pop() if named else find(ds, "cell_area")
    if name is None:
        return None
    area = convert(ds[name], variables["cell_area"], name).astype(np.float64).rename("cell_area")
    try:
        lat, lon = find_lat_lon(ds)
    except MissingVariableError:
        return area
    dims = tuple(dict.fromkeys((*lat.dims, *lon.dims)))
    extra = [dim for dim in area.dims if dim not in dims]
    if extra:
        raise InputError(
            f"{name} has the dims {area.dims}, expected those of the grid, {dims}; cell areas are "
            f"fixed, select one with isel({extra[0]}=0, drop=True)"
        )
    # An area by latitude alone is that of each cell of the row.
    absent = {dim: ds[dim] if dim in ds.coords else ds.sizes[dim] for dim in dims}
    absent = {dim: value for dim, value in absent.items() if dim not in area.dims}
    return area.expand_dims(absent).transpose(*dims)


def _degrees(values: Any, units: str, called: str, limit: float) -> Floats:
    """Return coordinate values in degrees, checked."""
    degrees: Floats = np.asarray(values, np.float64)
    if units.lower() in _RADIANS:
        degrees = np.rad2deg(degrees)
    bad = ~np.isfinite(degrees)
    if np.any(bad):
        raise InputError(
            f"{called} holds {int(bad.sum())} NaN or infinite value(s); correct the coordinate, or "
            f"drop those cells with ds.sel({called}=ds[{called!r}].notnull())"
        )
    largest = float(np.max(np.abs(degrees), initial=0.0))
    if largest > limit:
        raise InputError(
            f"{called} reaches {largest:g}, beyond {limit:g} degrees: projected, in metres? Give "
            "geographic coordinates, or a cell_area variable in m2"
        )
    return degrees


def row_edges(obj: xr.Dataset | xr.DataArray) -> xr.DataArray:
    """Return the edges of the rows of a rectilinear grid.

    Parameters
    ----------
    obj : Dataset or DataArray
        With bounds of latitude, which are read, or latitudes that tell them.

    Returns
    -------
    DataArray (lat, 2) [degree]
        float64, in memory, along the dim of latitude and ``"__vertex__"``; in either order.

    Raises
    ------
    MissingVariableError, AmbiguousVariableError
        As `find_lat_lon` does.
    InputError
        When the grid has no rows, or their edges cannot be told.
    """
    import xarray as xr

    ds = as_dataset(obj)
    lat, lon = find_lat_lon(ds)
    if lat.ndim != 1 or lat.dims == lon.dims:
        raise InputError(
            f"{lat.name} and {lon.name} have the dims {lat.dims} and {lon.dims}: the grid has no "
            "rows of one latitude"
        )
    bounds = find_bounds(ds, lat)
    given = None if bounds is None else bounds.values
    units = str(lat.attrs.get("units", ""))
    edges = _south_north(lat.values, given, units, str(lat.name))
    return xr.DataArray(edges, dims=(*lat.dims, "__vertex__"))


def column_edges(obj: xr.Dataset | xr.DataArray) -> xr.DataArray:
    """Return the edges of the columns of a rectilinear grid, as `row_edges` does of rows.

    Returns
    -------
    DataArray (lon, 2) [degree]
        Without the jump of 360 degrees inside a column, such as (359.5, 360.5).
    """
    import xarray as xr

    ds = as_dataset(obj)
    lon = find_lat_lon(ds)[1]
    if lon.ndim != 1:
        raise InputError(
            f"{lon.name} has the dims {lon.dims}: the grid has no columns of one longitude"
        )
    bounds = find_bounds(ds, lon)
    given = None if bounds is None else bounds.values
    units = str(lon.attrs.get("units", ""))
    edges = _west_east(lon.values, given, units, str(lon.name))
    return xr.DataArray(edges, dims=(*lon.dims, "__vertex__"))


def _rows(centres: Any, bounds: Any, units: str, called: str) -> Floats:
    """Return sin(north) - sin(south) of rows."""
    return sphere.row_factor(_south_north(centres, bounds, units, called))


def _south_north(centres: Any, bounds: Any, units: str, called: str) -> Floats:
    """Return the edges of rows in degrees."""
    lat = _degrees(centres, units, called, 90.001)
    if bounds is None:
        south_north = sphere.latitude_bounds(lat, called)
    else:
        # Bounds that others inferred go beyond the pole (cf_xarray: 95 degrees).
        south_north = np.clip(_degrees(bounds, units, f"bounds of {called}", 180.0), -90.0, 90.0)
        _check_bounds(lat, south_north, called, 180.0)
    return south_north


def _columns(centres: Any, bounds: Any, units: str, called: str) -> Floats:
    """Return east - west of columns, in radians."""
    west_east = _west_east(centres, bounds, units, called)
    return np.deg2rad(np.abs(np.diff(west_east)[:, 0]))


def _west_east(centres: Any, bounds: Any, units: str, called: str) -> Floats:
    """Return the edges of columns in degrees."""
    lon = _degrees(centres, units, called, 720.0)
    if bounds is None:
        west_east = sphere.longitude_bounds(lon, called)
    else:
        west_east = sphere.continuous(_degrees(bounds, units, f"bounds of {called}", 1080.0))
        middle = west_east.mean(axis=-1)
        _check_bounds(middle + sphere.nearest_turn(lon - middle), west_east, called, 360.0)
    return west_east


def _check_bounds(centres: Floats, bounds: Floats, called: str, total: float) -> None:
    """Refuse bounds that are empty, overlap, or do not hold their centre."""
    low, high = bounds.min(axis=-1), bounds.max(axis=-1)
    margin = 1e-3 * (high - low) + 1e-5
    odd = (high <= low) | (centres < low - margin) | (centres > high + margin)
    if np.any(odd):
        k = int(np.flatnonzero(odd)[0])
        raise InputError(
            f"bounds of {called} at position {k} are {low[k]:g} to {high[k]:g}, which is empty or "
            f"does not hold the centre {centres[k]:g}; correct them, or drop them to have them "
            "inferred"
        )
    span = float(np.sum(high - low))
    if span > total * (1 + 1e-5):
        raise InputError(
            f"bounds of {called} cover {span:g} degrees in all, more than {total:g}: cells overlap "
            "or are repeated (a cyclic point?); drop what is double"
        )


def _factor(
    ds: xr.Dataset, coordinate: xr.DataArray, bounds: xr.DataArray | None, kernel: Any
) -> xr.DataArray:
    """Apply a kernel to a whole coordinate, in the chunks of the Dataset."""
    import xarray as xr

    called, units = str(coordinate.name), str(coordinate.attrs.get("units", ""))
    dim = str(coordinate.dims[0])
    plain = xr.DataArray(np.asarray(coordinate.values), dims=dim)
    if bounds is None:
        factor = plain.copy(data=kernel(plain.values, None, units, called))
    else:
        factor = xr.apply_ufunc(
            lambda edges, centres: kernel(centres, edges, units, called),
            bounds,
            plain,
            input_core_dims=[[dim, "__vertex__"], [dim]],
            output_core_dims=[[dim]],
            dask="parallelized",
            dask_gufunc_kwargs={"allow_rechunk": True},
            output_dtypes=[np.float64],
        )
    chunks = _chunks(ds, dim)
    if chunks is not None:
        factor = factor.chunk({dim: chunks})
    return factor.assign_coords(coordinate.coords)


def _outer(rows: xr.DataArray, columns: xr.DataArray) -> xr.DataArray:
    import xarray as xr

    if rows.chunks is None and columns.chunks is None:
        return rows * columns
    import dask.array

    # Plain multiplication of lazy arrays would do, and warn about the number of chunks.
    parts = [dask.array.asarray(part.data) for part in (rows, columns)]
    data = dask.array.blockwise(
        np.multiply.outer, "ij", parts[0], "i", parts[1], "j", dtype=np.float64, align_arrays=False
    )
    return xr.DataArray(
        data, dims=(*rows.dims, *columns.dims), coords={**rows.coords, **columns.coords}
    )


def _chunks(ds: xr.Dataset, dim: Any) -> tuple[int, ...] | None:
    """Return how the first lazy variable is cut along a dimension."""
    for variable in ds.variables.values():
        if dim in variable.dims and variable.chunks is not None:
            return variable.chunksizes[dim]
    return None


def _polygons(
    lat: xr.DataArray, lat_bounds: xr.DataArray, lon_bounds: xr.DataArray
) -> xr.DataArray:
    """Return steradians of cells given by their vertices, lazily where these are lazy."""
    import xarray as xr

    radians = str(lat.attrs.get("units", "")).lower() in _RADIANS

    def kernel(lats: Floats, lons: Floats) -> Floats:
        if radians:
            lats, lons = np.rad2deg(lats), np.rad2deg(lons)
        return sphere.polygon_area(lats, lons)

    return xr.apply_ufunc(
        kernel,
        lat_bounds,
        lon_bounds,
        input_core_dims=[["__vertex__"]] * 2,
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
        output_dtypes=[np.float64],
    ).assign_coords(lat.coords)
