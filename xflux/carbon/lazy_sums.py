"""Weighted sums over steps of time, chunk by chunk, and yearly totals of regions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xflux.carbon.accumulation import accumulate, overlap_weights
from xflux.carbon.time_axis import MEAN_YEAR, YEAR, Axis, years_of
from xflux.labels.calendar import find_time
from xflux.labels.integral import regional_sums
from xflux.labels.periods import Freq
from xflux.labels.stock_totals import stock_sums

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["by_year", "flux_totals", "stock_totals", "sum_steps", "yearly_sums"]

Array = np.ndarray[Any, Any]
Labelled = TypeVar("Labelled", "xr.Dataset", "xr.DataArray")


def sum_steps(
    array: xr.DataArray, dim: str, weights: Array, new: str, labels: Array
) -> xr.DataArray:
    """Sum steps by weights into a new dimension, lazily where the array is.

    Parameters
    ----------
    array : DataArray
    dim : str
        Of the steps.
    weights : array (sum, step)
        What counts for each sum, 0 where nothing does.
    new : str
        Dimension of the sums, in the place of `dim`.
    labels : array (sum,)
        Its coordinate.
    """
    import xarray as xr

    order = [new if one == dim else one for one in array.dims]
    moved = array.transpose(..., dim)
    rest = moved.dims[:-1]
    coords = {key: c for key, c in array.coords.items() if dim not in c.dims and key != new}
    if moved.chunks is None:
        data: Any = accumulate(moved.values, weights)
    else:
        data = _lazy(moved.data, weights)
    result = xr.DataArray(data, dims=(*rest, new), coords=coords, name=array.name)
    return result.assign_coords({new: labels}).transpose(*order)


def _lazy(data: Any, weights: Array) -> Any:
    """Sum each chunk by itself, then the chunks."""
    import dask.array

    last = data.ndim - 1
    steps = data.chunks[last]
    given = dask.array.from_array(weights, chunks=(-1, steps))
    kept, new = tuple(range(last)), data.ndim
    partial_sums = dask.array.blockwise(
        partial(_of_chunk),
        (*kept, new, last),
        data,
        tuple(range(data.ndim)),
        given,
        (new, last),
        adjust_chunks={last: 1},
        dtype=data.dtype if data.dtype.kind == "f" else np.float64,
        meta=np.empty((0,) * (data.ndim + 1), data.dtype),
    )
    if len(steps) == 1:
        return partial_sums[..., 0]
    return partial_sums.sum(axis=-1, split_every=8)


def _of_chunk(values: Array, weights: Array) -> Array:
    return accumulate(values, weights)[..., None]


def yearly_sums(rate: xr.DataArray, axis: Axis | None) -> xr.DataArray:
    """Sum a rate per day over the days of each year; NaN for a year that lacks steps.

    Without steps, and of the months of a mean year, a year of 365.25 days.
    """
    if axis is None:
        return rate * MEAN_YEAR
    if axis.clock is None and axis.numbers is None:
        weights = np.where(axis.days.sum() > MEAN_YEAR - 0.01, axis.days, np.nan)[None]
        return sum_steps(rate, axis.dim, weights, YEAR, np.zeros(1, np.int64)).isel(
            {YEAR: 0}, drop=True
        )
    numbers, edges = years_of(axis)
    weights = overlap_weights(axis.edges, edges) * axis.days
    return sum_steps(rate, axis.dim, weights, YEAR, numbers)


def flux_totals(
    flux: xr.DataArray,
    axis: Axis | None,
    *,
    area: xr.DataArray,
    land: xr.DataArray | None,
    regions: Any,
    units: str = "PgC",
    freq: Freq = "YS",
    skipna: bool = True,
    min_valid: float = 0.0,
) -> xr.Dataset:
    """Sum a flux in g m-2 d-1 over regions, and over years (or months).

    Returns
    -------
    Dataset
        As `xflux.labels.integral.regional_sums`, on ``year`` in place of dates when yearly.
    """
    dated = axis is not None and axis.clock is not None
    mean_year = axis is not None and axis.clock is None and axis.numbers is None
    days: Any = MEAN_YEAR
    if axis is not None and (dated or mean_year):
        days = axis.steps
    sums = regional_sums(
        flux.assign_attrs(units="g m-2 d-1"),
        area=area,
        land_fraction=land,
        regions=regions,
        days=days,
        freq=freq if dated or mean_year else None,
        units=units,
        skipna=skipna,
        min_valid=min_valid,
    )
    if dated and freq == "YS" and axis is not None:
        sums = by_year(sums, axis.dim)
    last = (YEAR, axis.dim) if axis is not None and axis.dim != YEAR else (YEAR,)
    return sums.transpose(..., "region", *last, missing_dims="ignore")


def stock_totals(
    stock: xr.DataArray,
    axis: Axis | None,
    *,
    area: xr.DataArray,
    land: xr.DataArray | None,
    regions: Any,
    units: str = "PgC",
    skipna: bool = True,
    min_valid: float = 0.0,
) -> xr.Dataset:
    """Sum a stock in g m-2 over regions; what stands on dates is averaged over each year."""
    dated = axis is not None and axis.numbers is None
    sums = stock_sums(
        stock.assign_attrs(units="g m-2"), area=area, land_fraction=land, regions=regions,
        yearly=axis.steps if dated and axis is not None else None, units=units, skipna=skipna,
        min_valid=min_valid,
    )  # fmt: skip
    if dated and axis is not None and axis.clock is not None:
        sums = by_year(sums, axis.dim)
    last = [dim for dim in (YEAR, find_time(stock)) if dim is not None]
    return sums.transpose(..., "region", *last, missing_dims="ignore")


def by_year(ds: Labelled, dim: str) -> Labelled:
    """Number years in place of dates in them."""
    if dim not in ds.dims:
        return ds
    years = ds[dim].dt.year.values.astype(np.int64)
    ds = ds.drop_vars([key for key, c in ds.coords.items() if dim in c.dims])
    return ds.rename({dim: YEAR}).assign_coords(
        {YEAR: (YEAR, years, {"long_name": "calendar year"})}
    )
