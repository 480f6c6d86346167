"""Latitude and longitude: which variables they are, and whether two grids are one.

Grids are compared exactly. xarray aligns by label, so that float32 coordinates beside
float64 ones would silently leave nothing over; here they are an error that says how
far apart they are, and `snap` mends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xflux.errors import (
    AmbiguousVariableError,
    GridMismatchError,
    InputError,
    MissingVariableError,
)

if TYPE_CHECKING:
    import xarray as xr

    Labelled = TypeVar("Labelled", xr.Dataset, xr.DataArray)

__all__ = [
    "as_dataset",
    "find_bounds",
    "find_lat_lon",
    "how_they_differ",
    "match_grid",
    "rounding_between",
    "snap",
]

_UNITS = {
    "latitude": {"degrees_north", "degree_north", "degree_N", "degrees_N", "degreeN", "degreesN"},
    "longitude": {"degrees_east", "degree_east", "degree_E", "degrees_E", "degreeE", "degreesE"},
}
_NAMES = {
    "latitude": ("lat", "latitude", "nav_lat", "xlat", "clat", "lats"),
    "longitude": ("lon", "longitude", "nav_lon", "xlong", "clon", "lons"),
}
_BOUNDS = ("{}_bnds", "{}_bounds", "{}_vertices", "bounds_{}", "vertices_{}", "{}_bound")


def as_dataset(obj: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Return a Dataset with all that an object knows about its grid."""
    import xarray as xr

    if isinstance(obj, xr.Dataset):
        return obj
    # The name is one that no coordinate bears; only its dims, chunks and attributes matter.
    return obj.to_dataset(name="__array__")


def _bounds_names(ds: xr.Dataset) -> set[str]:
    named = {
        str(source["bounds"])
        for variable in ds.variables.values()
        for source in (variable.attrs, variable.encoding)
        if "bounds" in source
    }
    usual = {form.format(name) for form in _BOUNDS for name in ds.variables}
    return named | usual


def _candidates(ds: xr.Dataset, role: str) -> Iterator[list[str]]:
    """Give the names that may be `role`, the surest criterion first."""
    bounds = _bounds_names(ds)
    names = [str(name) for name in ds.variables if str(name) not in bounds]
    yield [name for name in names if ds.variables[name].attrs.get("standard_name") == role]
    yield [name for name in names if ds.variables[name].attrs.get("units") in _UNITS[role]]
    for accepted in _NAMES[role]:
        yield [name for name in names if name.lower() == accepted]


def _find_one(ds: xr.Dataset, role: str) -> xr.DataArray | None:
    for names in _candidates(ds, role):
        # Coordinates and dimensions come before other variables in degrees.
        for preferred in (ds.coords, ds.dims):
            if len(names) > 1:
                names = [name for name in names if name in preferred] or names
        if len(names) > 1:
            raise AmbiguousVariableError(
                f"{' and '.join(map(repr, names))} all read as {role}; drop all but one with "
                f"ds.drop_vars({names[-1]!r})"
            )
        if names:
            return ds[names[0]]
    return None


def find_lat_lon(obj: xr.Dataset | xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Find latitude and longitude.

    By, in this order: CF standard name, CF units (degrees_north, degrees_east),
    name (lat, latitude, nav_lat, ..., in any case).

    Parameters
    ----------
    obj : Dataset or DataArray

    Returns
    -------
    lat, lon : DataArray
        Of one dimension each (rectilinear), of two shared ones (curvilinear), or of
        one shared one (unstructured grids, towers).

    Raises
    ------
    MissingVariableError
        When there is no latitude or no longitude.
    AmbiguousVariableError
        When several variables answer.
    """
    ds = as_dataset(obj)
    found = {role: _find_one(ds, role) for role in ("latitude", "longitude")}
    lat, lon = found["latitude"], found["longitude"]
    if lat is None or lon is None:
        missing = " and ".join(role for role, array in found.items() if array is None)
        raise MissingVariableError(
            f"no {missing} found; looked for standard_name, units degrees_north or degrees_east, "
            f"and names such as {', '.join(_NAMES['latitude'][:3])}, "
            f"{', '.join(_NAMES['longitude'][:3])}; the coordinates are "
            f"{', '.join(map(str, ds.coords)) or 'none'}"
        )
    return lat, lon


def find_bounds(ds: xr.Dataset, coordinate: xr.DataArray) -> xr.DataArray | None:
    """Find the bounds of a coordinate, by its attribute or by a usual name.

    Returns
    -------
    DataArray or None
        Dims of the coordinate, then ``"__vertex__"``; without coordinates.

    Raises
    ------
    InputError
        When its dims do not fit the coordinate.
    """
    named = [
        str(source["bounds"])
        for source in (coordinate.attrs, coordinate.encoding)
        if "bounds" in source
    ]
    for name in (*named, *(form.format(coordinate.name) for form in _BOUNDS)):
        if name not in ds.variables:
            continue
        bounds = ds[name].variable
        extra = [dim for dim in bounds.dims if dim not in coordinate.dims]
        if len(extra) != 1 or bounds.ndim != coordinate.ndim + 1:
            raise InputError(
                f"{name} has dims {bounds.dims}; bounds of {coordinate.name} have its dims "
                f"{coordinate.dims} and one more"
            )
        import xarray as xr

        ordered = bounds.transpose(*coordinate.dims, extra[0])
        return xr.DataArray(ordered.data, dims=(*coordinate.dims, "__vertex__"), name=name)
    return None


def _values(coordinate: xr.DataArray) -> np.ndarray[Any, Any] | None:
    """Return the values of a coordinate that is in memory, None of a lazy one."""
    return None if coordinate.chunks is not None else np.asarray(coordinate.values)


def _smallest_step(values: np.ndarray[Any, Any]) -> float:
    steps = np.diff(values.ravel())
    return float(np.min(np.abs(steps[steps != 0]), initial=np.inf))


def rounding_between(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> float | None:
    """Return how far apart two coordinates are where that is rounding, else None."""
    if ours.shape != theirs.shape or ours.size == 0:
        return None
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    apart = float(np.max(np.abs(a - b)))
    step = _smallest_step(b)
    # A single value has no step to compare with, and 2001 is not 2005 rounded.
    return apart if apart < 0.01 * (step if np.isfinite(step) else 1.0) else None


def how_they_differ(
    ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any], what: str, dim: str
) -> str:
    """Say how two coordinates differ, and what to do about it."""
    if ours.shape != theirs.shape:

        def size(values: np.ndarray[Any, Any]) -> str:
            return f"{values.size} ({values.min():g} to {values.max():g})"

        return f": {size(ours)} against {size(theirs)} values; bring both to one grid first"
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if a.ndim == 1 and np.array_equal(a, b[::-1]):
        return f", which run in opposite order; turn one with .isel({dim}=slice(None, None, -1))"
    apart = float(np.max(np.abs(a - b)))
    if a.ndim == 1 and apart >= 180.0 and np.allclose(np.sort(a % 360.0), np.sort(b % 360.0)):
        return (
            f", one from {a.min():g} and the other from {b.min():g}: the same longitudes, counted "
            f"differently; bring one to the other's range with .assign_coords and .sortby({dim!r})"
        )
    rounding = rounding_between(a, b)
    if rounding is not None:
        return (
            f" by at most {rounding:.2g}, which is rounding (float32 against float64?); replace "
            f"them with xflux.snap({what}, like)"
        )
    shift, step = a - b, _smallest_step(b)
    if np.ptp(shift) < 0.01 * step:
        return (
            f": shifted by {shift.flat[0]:g}, where cells are {step:g} apart (edges of cells in "
            "place of centres?); correct one of them with .assign_coords"
        )
    return f" by up to {apart:.4g}; bring both to one grid first"


def _roles(obj: xr.Dataset | xr.DataArray) -> dict[str, xr.DataArray]:
    """Return latitude and longitude where they can be told."""
    try:
        return dict(zip(("latitude", "longitude"), find_lat_lon(obj), strict=True))
    except (MissingVariableError, AmbiguousVariableError):
        return {}


def match_grid(
    array: xr.DataArray, like: xr.DataArray, *, what: str, of: str = "the flux"
) -> xr.DataArray:
    """Return an array with the grid dims named as in another, or say why it cannot be.

    Parameters
    ----------
    array : DataArray
        On a grid, such as a mask or cell areas.
    like : DataArray
        On the grid that `array` should be on; may have more dims.
    what, of : str
        Names of the two, for messages.

    Returns
    -------
    DataArray
        `array`, its latitude and longitude dims renamed to those of `like`.

    Raises
    ------
    GridMismatchError
        When coordinates are not exactly equal, saying how they differ. Lazy
        two-dimensional coordinates are not compared.
    """
    ours, theirs = _roles(array), _roles(like)
    rename: dict[Any, Any] = {}
    for role in ours.keys() & theirs.keys():
        mine, other = ours[role], theirs[role]
        if mine.ndim == other.ndim:
            rename.update(zip(mine.dims, other.dims, strict=True))
    array = array.rename(
        {a: b for a, b in rename.items() if a != b and a in array.dims and b not in array.dims}
    )
    pairs: list[tuple[str, xr.DataArray, xr.DataArray]] = [
        (role, ours[role], theirs[role]) for role in ours if role in theirs
    ]
    for dim in array.dims:
        if dim not in like.dims:
            continue
        if dim in array.coords and dim in like.coords:
            pairs.append((f"coordinate {dim!r}", array[dim], like[dim]))
        elif array.sizes[dim] != like.sizes[dim]:
            raise GridMismatchError(
                f"{what} has {array.sizes[dim]} cells along {dim!r}, {of} has {like.sizes[dim]}"
            )
    for called, mine, other in pairs:
        a, b = _values(mine), _values(other)
        if a is None or b is None or np.array_equal(a, b):
            continue
        raise GridMismatchError(
            f"{called} of {what} and of {of} differ{how_they_differ(a, b, what, str(mine.dims[0]))}"
        )
    return array


def snap(obj: Labelled, like: xr.Dataset | xr.DataArray, *, tolerance: float = 1e-4) -> Labelled:
    """Replace latitude and longitude by those of another object that agree with them.

    For coordinates that differ by rounding only, as float32 beside float64 do.

    Parameters
    ----------
    obj : Dataset or DataArray
        What to give new coordinates.
    like : Dataset or DataArray
        Where to take them from.
    tolerance : float
        Largest difference, degrees; on a rectilinear grid never more than 1 % of the
        distance between cells.

    Returns
    -------
    Dataset or DataArray
        `obj` with the coordinate values of `like`; names, dims and data untouched.

    Raises
    ------
    GridMismatchError
        When shapes differ, or values by more than `tolerance`.
    """
    replaced = {}
    for role, mine, other in zip(
        ("latitude", "longitude"), find_lat_lon(obj), find_lat_lon(like), strict=True
    ):
        a, b = _values(mine), _values(other)
        if a is None or b is None:
            raise InputError(f"{role} is lazy; load it first, with .assign_coords of .load()")
        if a.shape != b.shape:
            raise GridMismatchError(
                f"{role}s differ{how_they_differ(a, b, 'obj', str(mine.dims[0]))}"
            )
        apart = np.abs(a.astype(np.float64) - b)
        steps = np.abs(np.diff(b.astype(np.float64))) if b.ndim == 1 else np.empty(0)
        limit = min(tolerance, 0.01 * float(np.min(steps, initial=np.inf)))
        if not np.all(apart <= limit):
            k = np.unravel_index(int(np.argmax(np.where(np.isnan(apart), np.inf, apart))), a.shape)
            raise GridMismatchError(
                f"{role} differs by {apart[k]:.3g} at position {tuple(map(int, k))} ({a[k]:.10g} "
                f"against {b[k]:.10g}), more than the tolerance of {limit:.3g} degrees; "
                "bring both to one grid first"
            )
        replaced[mine.name] = (mine.dims, b, mine.attrs)
    return obj.assign_coords(replaced)
