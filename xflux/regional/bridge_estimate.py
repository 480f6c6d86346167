"""From the pixels of a bridge to the flux of its regions, lazily: only their chunks are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import GridMismatchError
from xflux.labels.amount_units import amount_of
from xflux.labels.coordinates import how_they_differ
from xflux.labels.flux_definition import require_alike
from xflux.labels.integral import over_periods
from xflux.labels.periods import Freq, periods
from xflux.regional.net_field import Grid, NetField

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["contributing", "estimate", "on_grid_of", "places", "weights_of"]

#: What an estimate says as the flux does.
_KEPT = ("positive", "flux_definition", "synthetic", "model")

Array = np.ndarray[Any, Any]
#: Degrees by which coordinates of one grid may differ.
_TOLERANCE = 1e-4


def contributing(bridge: xr.Dataset) -> tuple[Array, Array]:
    """Return row and column of each pixel that contributes, on the grid of the bridge, once."""
    there = np.isfinite(bridge["weight"].values)
    cells = np.unique(bridge["cell"].values[there].astype(np.int64))
    width = bridge.sizes["grid_lon"]
    return cells // width, cells % width


def weights_of(bridge: xr.Dataset) -> Array:
    """Return weights (region, contributing pixel), m2; 0 where a pixel does not contribute."""
    rows, columns = contributing(bridge)
    cells = rows * bridge.sizes["grid_lon"] + columns
    weight, cell = bridge["weight"].values, bridge["cell"].values
    dense = np.zeros((bridge.sizes["region"], cells.size))
    for k in range(len(dense)):
        there = np.isfinite(weight[k])
        dense[k, np.searchsorted(cells, cell[k, there].astype(np.int64))] = weight[k, there]
    return dense


def places(bridge: xr.Dataset, grid: Grid) -> tuple[Array, Array]:
    """Return where latitudes and longitudes of the bridge stand on another grid.

    Rows may run the other way, and longitudes from 0 or from -180.

    Raises
    ------
    GridMismatchError
        For another grid.
    """
    found = []
    for role, axis in (("grid_lat", grid.lat), ("grid_lon", grid.lon)):
        ours = np.asarray(bridge[role].values, np.float64)
        theirs = np.asarray(axis.values, np.float64)
        if role == "grid_lon":
            # A meridian just west of 0 is the one at 0, not at 360.
            ours, theirs = (np.mod(one + _TOLERANCE, 360.0) for one in (ours, theirs))
        order = np.argsort(theirs)
        near = np.searchsorted(theirs[order], ours - _TOLERANCE)
        position = order[np.minimum(near, theirs.size - 1)]
        if ours.size != theirs.size or np.any(np.abs(theirs[position] - ours) > _TOLERANCE):
            raise GridMismatchError(
                f"{axis.name} of the flux is not that of the bridge"
                f"{how_they_differ(theirs, ours, 'the flux', str(axis.name))}; regrid the flux to "
                "the grid of the bridge, or fit a bridge to a flux on this grid"
            )
        found.append(position)
    return found[0], found[1]


def on_grid_of(layers: xr.Dataset, grid: Grid) -> xr.Dataset:
    """Return layers of a bridge, such as ``region_share``, in the order of another grid."""
    lat, lon = places(layers, grid)
    ordered = layers.isel(grid_lat=np.argsort(lat), grid_lon=np.argsort(lon))
    axes = {"grid_lat": grid.lat, "grid_lon": grid.lon}
    named = ordered.rename({role: axis.dims[0] for role, axis in axes.items()})
    return named.assign_coords({axis.dims[0]: axis for axis in axes.values()})


def estimate(bridge: xr.Dataset, field: NetField, *, freq: Freq, units: str) -> xr.DataArray:
    """Estimate regions from contributing pixels.

    Parameters
    ----------
    bridge : Dataset
        As `xflux.RegionalBridge.to_dataset` returns it.
    field : NetField
    freq : {"MS", "YS"}
    units : str
        Such as PgC.

    Returns
    -------
    DataArray (..., region, time) [units]
        float64; NaN where a contributing pixel has no value, and for periods that lack steps.

    Raises
    ------
    UnitsError
        For what is no amount of carbon.
    InputError
        For a net flux that holds other terms than that of the bridge.
    GridMismatchError
        For another grid.
    """
    import xarray as xr

    factor, plain = amount_of(field.rate, units)
    _require_same_flux(bridge, field)
    rows, columns = contributing(bridge)
    lat, lon = places(bridge, field.grid)
    points = field.rate.isel({
        field.lat: xr.DataArray(lat[rows], dims="pixel"),
        field.lon: xr.DataArray(lon[columns], dims="pixel"),
    }).reset_coords(drop=True).drop_attrs()  # fmt: skip
    if points.chunks is not None:
        points = points.chunk({"pixel": -1})
    sums = xr.apply_ufunc(
        _weighted,
        points,
        input_core_dims=[["pixel"]],
        output_core_dims=[["region"]],
        kwargs={"weights": weights_of(bridge) * factor},
        dask="parallelized",
        output_dtypes=[np.float64],
        dask_gufunc_kwargs={"output_sizes": {"region": bridge.sizes["region"]}},
    )
    level = bridge["intercept"].drop_vars(bridge["intercept"].coords).drop_attrs() * (
        factor / 1e-15
    )
    time, steps = field.time, field.steps
    if steps.clock is None and freq == "MS":
        made = sums * xr.DataArray(steps.days, dims=time) + level
        made = made.assign_coords({time: field.rate[time]})
    else:
        cut = periods(steps, freq)
        whole = xr.DataArray(cut.coverage >= 1.0 - 1e-9, dims=time)
        count = 12 if freq == "YS" else 1
        made = over_periods(sums.drop_vars(time, errors="ignore"), cut, time).where(whole)
        made = made + count * level
        if cut.dates is None:
            made = made.isel({time: 0})
        else:
            made = made.assign_coords({time: (time, cut.dates, field.rate[time].attrs)})
    beside = {key: c for key, c in bridge.coords.items() if c.dims == ("region",)}
    made = made.assign_coords(beside)
    made = made.transpose(..., "region", *([time] if time in made.dims else []))
    attrs = field.rate.attrs
    return made.rename(field.rate.name).assign_attrs(
        units=plain,
        long_name=f"{attrs['long_name']}, integrated over the region",
        cell_methods="area: sum where land time: sum",
        comment="estimated from the pixels of a bridge",
        **{key: attrs[key] for key in _KEPT if key in attrs},
    )


def _require_same_flux(bridge: xr.Dataset, field: NetField) -> None:
    """Refuse a net flux of other terms: weights of NEE say nothing of fire."""
    import xarray as xr

    if "flux_definition" in bridge.attrs:
        said = {"flux_definition": bridge.attrs["flux_definition"]}
        require_alike(field.rate, xr.DataArray(0.0, attrs=said), what=("the flux", "the bridge"))


def _weighted(values: Array, *, weights: Array) -> Array:
    """Sum pixels (..., pixel) by weights (region, pixel); NaN where one of a region is missing."""
    missing = ~np.isfinite(values)
    sums = np.where(missing, 0.0, values).astype(np.float64) @ weights.T
    if missing.any():
        sums[missing.astype(np.float64) @ (weights != 0.0).T > 0.0] = np.nan
    return sums
