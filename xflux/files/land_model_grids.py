"""The grids of land-model files: what they are, which is coarsest, and from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError, XfluxError
from xflux.labels.attach import describe
from xflux.labels.coordinates import as_dataset, find_bounds, find_lat_lon
from xflux.labels.grid import given_area, land_fraction
from xflux.numerics import sphere
from xflux.numerics.conservative import Overlap, latitude_overlap, longitude_overlap, regrid

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LEAST_COVERED", "Grid", "carried_over", "coarsest", "grid_of", "onto"]

#: Share of a target cell that must have values: cells of coasts count whole or not at all, so
#: that their totals stay about what they were.
LEAST_COVERED = 0.5
#: By how much the degrees of one grid differ between files that round them, as float32 does.
_ROUNDING = 1e-4

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class Grid:
    """A rectilinear grid.

    Attributes
    ----------
    lat, lon : ndarray
        Centres, degrees.
    lat_bounds, lon_bounds : ndarray (n, 2)
    """

    lat: Floats
    lon: Floats
    lat_bounds: Floats
    lon_bounds: Floats

    @property
    def size(self) -> int:
        """How many cells the globe has at this resolution."""
        rows = 180.0 / np.abs(np.diff(self.lat_bounds, axis=1)).mean()
        columns = 360.0 / np.abs(np.diff(self.lon_bounds, axis=1)).mean()
        return round(rows * columns)

    @property
    def said(self) -> str:
        """In words, such as ``36 x 72 (lat x lon)``."""
        return f"{self.lat.size} x {self.lon.size} (lat x lon)"

    def is_same(self, other: Grid) -> bool:
        """Tell whether two grids are one, but for the rounding of float32."""
        pairs = (
            (self.lat, other.lat), (self.lat_bounds, other.lat_bounds),
            (self.lon, other.lon), (self.lon_bounds, other.lon_bounds),
        )  # fmt: skip
        return all(
            ours.shape == theirs.shape
            and bool(np.all(np.abs(sphere.nearest_turn(ours - theirs)) < _ROUNDING))
            for ours, theirs in pairs
        )


def grid_of(obj: xr.Dataset | xr.DataArray, called: str) -> Grid:
    """Read the grid of an object whose axes have one dimension.

    Raises
    ------
    InputError
        Naming `called`, for curvilinear grids and those whose cells cannot be told.
    TypeError
        For what is neither Dataset nor DataArray.
    """
    import xarray as xr

    if not isinstance(obj, xr.Dataset | xr.DataArray):
        raise TypeError(
            f"{called}={obj!r} is no grid: give a Dataset or DataArray with latitude and "
            "longitude, such as the drivers that the models stand beside"
        )
    ds = as_dataset(obj)
    try:
        lat, lon = find_lat_lon(ds)
    except Exception as error:
        raise InputError(f"{called}: {error}") from error
    if lat.ndim != 1 or lon.ndim != 1 or lat.dims == lon.dims:
        raise InputError(
            f"{called} lies on no rectilinear grid: {lat.name} has the dims {lat.dims}, {lon.name} "
            f"{lon.dims}; regrid it first, such as with xESMF"
        )
    centres = [np.asarray(axis.values, np.float64) for axis in (lat, lon)]
    if np.abs(centres[0]).max() > 90.001:
        raise InputError(f"{called}: {lat.name} reaches {np.abs(centres[0]).max():g} degrees")
    edges = []
    for axis, values, infer in zip(
        (lat, lon), centres, (sphere.latitude_bounds, sphere.longitude_bounds), strict=True
    ):
        bounds = find_bounds(ds, axis)
        try:
            edges.append(
                infer(values, str(axis.name))
                if bounds is None
                else np.sort(np.asarray(sphere.continuous(bounds.values), np.float64), axis=1)
            )
        except InputError as error:
            raise InputError(f"{called}: {error}") from error
    edges[0] = np.clip(edges[0], -90.0, 90.0)
    return Grid(*centres, *edges)


def carried_over(obj: xr.Dataset | xr.DataArray, target: Grid) -> dict[str, xr.DataArray]:
    """Return what an object says of the size of its cells: land fraction and area, if it does.

    Parameters
    ----------
    obj : Dataset or DataArray
        Whose grid is `target`.
    target : Grid

    Returns
    -------
    dict of str to DataArray
        ``land_fraction`` [1] and ``cell_area`` [m2], dims (lat, lon), lazy where they were.

    Raises
    ------
    XfluxError
        Where they are there and cannot be read; the message names ``grid``.
    """
    import xarray as xr

    ds = as_dataset(obj)
    dims = [axis.dims[0] for axis in find_lat_lon(ds)]
    try:
        found = {"land_fraction": land_fraction(ds), "cell_area": given_area(ds)}
    except XfluxError as error:
        raise type(error)(f"grid: {error}") from error
    carried = {}
    for name, array in found.items():
        if array is None:
            continue
        if set(array.dims) != set(dims):
            raise InputError(
                f"grid: {name} has the dims {array.dims}, expected {tuple(dims)}; select one of "
                "the others, such as with isel(..., drop=True)"
            )
        data = array.transpose(*dims).data
        coords = {"lat": target.lat, "lon": target.lon}
        carried[name] = describe(xr.DataArray(data, coords, ("lat", "lon")), name)
    return carried


def coarsest(grids: dict[str, Grid]) -> str:
    """Return the key of the grid with the largest cells; of equals, the first."""
    return min(grids, key=lambda key: grids[key].size)


@dataclass(frozen=True)
class _Regrid:
    rows: Overlap
    columns: Overlap
    least: float

    def __call__(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return regrid(values, self.rows, self.columns, self.least)[0]


def onto(array: xr.DataArray, source: Grid, target: Grid) -> xr.DataArray:
    """Bring an array with dims ``lat`` and ``lon`` onto another grid, lazily.

    Parameters
    ----------
    array : DataArray
        Its chunks are made whole along ``lat`` and ``lon`` where the grids differ.
    source, target : Grid

    Returns
    -------
    DataArray
        Area-weighted means of what has values, NaN where that is less than `LEAST_COVERED` of
        the cell; on the same grid the values as they are. Dims (..., lat, lon), with the
        coordinates of `target`.
    """
    import xarray as xr

    array = array.transpose(..., "lat", "lon").drop_vars(["lat", "lon"], errors="ignore")
    if not source.is_same(target):
        kernel = _Regrid(
            latitude_overlap(source.lat_bounds, target.lat_bounds),
            longitude_overlap(source.lon_bounds, target.lon_bounds),
            LEAST_COVERED,
        )
        sizes = {"__lat__": target.lat.size, "__lon__": target.lon.size}
        array = xr.apply_ufunc(
            kernel,
            array.chunk({"lat": -1, "lon": -1}),
            input_core_dims=[["lat", "lon"]],
            output_core_dims=[list(sizes)],
            dask="parallelized",
            dask_gufunc_kwargs={"output_sizes": sizes},
            output_dtypes=[array.dtype],
            keep_attrs=True,
        ).rename(__lat__="lat", __lon__="lon")
    return array.assign_coords(lat=("lat", target.lat), lon=("lon", target.lon))
