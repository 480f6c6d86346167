"""Sum a field over the cells of regions, each chunk visited once, lazily."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError, XfluxWarning
from xflux.labels.coordinates import match_grid
from xflux.labels.regions import Regions, as_regions
from xflux.numerics.regional_sum import (
    ACCOUNT,
    Weights,
    account,
    region_weights,
    regional_sum,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Limits", "pick", "sum_over_cells"]

Array = np.ndarray[Any, Any]

#: What the one region is called when none are given.
GLOBE = "globe"


@dataclass(frozen=True)
class Limits:
    """Smallest and largest value of a field, and what is said where one lies beyond."""

    low: float
    high: float
    said: str


def sum_over_cells(
    da: xr.DataArray,
    area: xr.DataArray,
    land_fraction: xr.DataArray | None,
    regions: Any,
    *,
    skipna: bool,
    min_valid: float,
    limits: Limits | None = None,
) -> tuple[xr.DataArray, xr.DataArray]:
    """Sum a field over the cells of regions, in float64.

    Parameters
    ----------
    da : DataArray
        On the grid of `area`, with any other dims.
    area : DataArray [m2]
        Its dims are those of the grid.
    land_fraction : DataArray [1] or None
    regions
        As `xflux.labels.regions.as_regions` reads them.
    skipna, min_valid
        As in `xflux.numerics.regional_sum.account`.
    limits : Limits, optional
        What lies beyond is missing, with a warning.

    Returns
    -------
    sums : DataArray (..., region, account)
        Without coordinates; along ``account`` what `ACCOUNT` names.
    labels : DataArray (region,)
        What the regions are called.

    Raises
    ------
    InputError
        When dims or dtype do not fit.
    GridMismatchError
        When they are not on exactly one grid.
    """
    import xarray as xr

    if da.dtype.kind not in "fiu":
        raise InputError(f"{da.name or 'the flux'} has dtype {da.dtype}; expected numbers")
    if da.size == 0:
        raise InputError(f"{da.name or 'the flux'} is empty: its sizes are {dict(da.sizes)}")
    area = match_grid(area, da, what="area")
    cells = area.dims
    if not cells or not set(cells) <= set(da.dims):
        raise InputError(
            f"area has the dims {cells}, of which the flux {da.dims} lacks some; give the area of "
            "each cell on the grid of the flux"
        )
    if land_fraction is not None:
        land_fraction = match_grid(land_fraction, da, what="land_fraction")
        if set(land_fraction.dims) != set(cells):
            raise InputError(f"land_fraction has the dims {land_fraction.dims}, expected {cells}")
        land_fraction = land_fraction.transpose(*cells)
    rest = [dim for dim in da.dims if dim not in cells]
    grid = area.assign_coords(
        {name: c for name, c in da.coords.items() if c.dims and set(c.dims) <= set(cells)}
    )
    found = as_regions(regions, grid)
    weights = None if found is None else _same_shape(found, grid).weights
    count = 1 if found is None else found.labels.size
    axes = tuple(da.dims.index(dim) for dim in cells)
    arrays = [array for array in (area, land_fraction, weights) if array is not None]
    worth = partial(account, skipna=skipna, min_valid=min_valid)
    if any(array.chunks is not None for array in (da, *arrays)):
        accounts = _lazy(da, area, land_fraction, weights, axes, count, limits, worth)
    else:
        plain = (None if array is None else array.values for array in (land_fraction, weights))
        weighed = region_weights(area.values, *plain, count=count)
        accounts = worth(_sum(da.values, weighed, axes=axes, limits=limits))
    sums = xr.DataArray(accounts, dims=(*rest, "region", "account"))
    if found is not None:
        return sums, found.labels
    return sums, xr.DataArray([GLOBE], dims="region", coords={"region": [GLOBE]})


def pick(sums: xr.DataArray, name: str) -> xr.DataArray:
    """Take one entry of the account, chunk by chunk."""
    entry = sums.dims.index("account")
    dims = [dim for dim in sums.dims if dim != "account"]
    take = partial(np.take, indices=ACCOUNT.index(name), axis=entry)
    if sums.chunks is None:
        return sums.isel(account=0).copy(data=take(sums.values))
    # Indexing would do, but its tasks do not fuse with those before and after.
    meta = np.empty((0,) * len(dims))
    data = sums.data.map_blocks(take, dtype=np.float64, drop_axis=entry, meta=meta)
    import xarray as xr

    return xr.DataArray(data, dims=dims)


def _same_shape(regions: Regions, grid: xr.DataArray) -> Regions:
    """Refuse regions that were made for another grid."""
    sizes = {dim: size for dim, size in regions.weights.sizes.items() if dim != "region"}
    if sizes != dict(grid.sizes):
        raise InputError(
            f"regions were made for a grid of {sizes}, the flux has {dict(grid.sizes)}; make them "
            "anew from the mask"
        )
    return regions


def _sum(field: Array, weights: Weights, *, axes: tuple[int, ...], limits: Limits | None) -> Array:
    if limits is None:
        return regional_sum(field, weights, axes=axes)[0]
    sums, beyond = regional_sum(field, weights, axes=axes, limits=(limits.low, limits.high))
    if beyond:
        warnings.warn(limits.said, XfluxWarning, stacklevel=2)
    return sums


def _sum_of_chunk(
    field: Array, weights: Weights, *, axes: tuple[int, ...], limits: Limits | None
) -> Array:
    """Keep the cell axes with length 1, to be summed over."""
    sums = _sum(field, weights, axes=axes, limits=limits)
    return sums.reshape(sums.shape + (1,) * len(axes))


def _worth_of_chunk(sums: Array, *, worth: Callable[[Array], Array], axes: int) -> Array:
    return worth(sums.reshape(sums.shape[: sums.ndim - axes]))


def _lazy(
    da: xr.DataArray,
    area: xr.DataArray,
    land_fraction: xr.DataArray | None,
    weights: xr.DataArray | None,
    axes: tuple[int, ...],
    count: int,
    limits: Limits | None,
    worth: Callable[[Array], Array],
) -> Any:
    """Sum each chunk by itself, then the chunks: one task per chunk of the field, and a tree."""
    import dask.array

    cells = area.dims
    cut = _cuts(da, [area, land_fraction, weights])
    field = dask.array.asarray(da.data) if da.chunks is None else da.data
    field = field.rechunk(
        {
            axis: cut.get(dim, -1)
            for axis, dim in enumerate(da.dims)
            if dim in cut or da.chunks is None
        }
    )
    weighed = _weighed(cells, cut, field, axes, (area, land_fraction, weights), count)
    # Axes are numbered: those of the field, then regions and statistics.
    region, statistic = da.ndim, da.ndim + 1
    rest = tuple(axis for axis in range(da.ndim) if axis not in axes)
    # Cell axes are kept with length 1, as summing over one chunk would copy it before.
    parts = dask.array.blockwise(
        _sum_of_chunk,
        (*rest, region, statistic, *axes),
        field,
        tuple(range(da.ndim)),
        weighed,
        axes,
        new_axes={region: count, statistic: 3},
        adjust_chunks=dict.fromkeys(axes, 1),
        align_arrays=False,
        dtype=np.float64,
        meta=np.empty((0,) * (da.ndim + 2)),
        axes=axes,
        limits=limits,
        name="regional-sum-" + dask.base.tokenize(field, weighed, axes, count, limits),
    )
    last = tuple(range(len(rest) + 2, parts.ndim))
    chunks = (*parts.chunks[: len(rest) + 1], (len(ACCOUNT),))
    meta = np.empty((0,) * (len(rest) + 2))
    if all(field.numblocks[axis] == 1 for axis in axes):
        worth = partial(_worth_of_chunk, worth=worth, axes=len(axes))
        return parts.map_blocks(worth, dtype=np.float64, chunks=chunks, drop_axis=last, meta=meta)
    # What is left of a chunk is small, so that many go into one task of the tree.
    summed = parts.sum(axis=last, split_every=64)
    return summed.map_blocks(worth, dtype=np.float64, chunks=chunks, meta=meta)


def _weighed(
    cells: tuple[Any, ...],
    cut: dict[Any, tuple[int, ...]],
    field: Any,
    axes: tuple[int, ...],
    arrays: tuple[xr.DataArray | None, ...],
    count: int,
) -> Any:
    """Weigh the cells once for all steps: an array whose blocks are `Weights`.

    Its tasks are written down one by one: Dask would fuse an operation of its own into those
    of the field, and do it again for each of them.
    """
    import dask.array
    from dask.highlevelgraph import HighLevelGraph

    chunked: list[Any] = []
    for array in arrays:
        if array is None:
            chunked.append(None)
            continue
        data = dask.array.asarray(array.data)
        chunked.append(data.rechunk(tuple(cut.get(dim, -1) for dim in array.dims)))
    chunks = tuple(field.chunks[axis] for axis in axes)
    name = "region-weights-" + dask.base.tokenize(*chunked, chunks, count)
    weigh = partial(region_weights, count=count)
    tasks: dict[Any, Any] = {
        (name, *block): (
            weigh,
            *(
                None if data is None else (data.name, *(0,) * (data.ndim - len(block)), *block)
                for data in chunked
            ),
        )
        for block in np.ndindex(*(len(sizes) for sizes in chunks))
    }
    graph = HighLevelGraph.from_collections(
        name, tasks, dependencies=[data for data in chunked if data is not None]
    )
    return dask.array.Array(graph, name, chunks, meta=np.empty((0,) * len(chunks)))


def _cuts(da: xr.DataArray, others: list[xr.DataArray | None]) -> dict[Any, tuple[int, ...]]:
    """Return the chunks along the dims of the grid: those of the field where it has any."""
    cut: dict[Any, tuple[int, ...]] = {}
    for array in (da, *others):
        if array is not None and array.chunks is not None:
            for dim, sizes in array.chunksizes.items():
                if dim in da.dims:
                    cut.setdefault(dim, sizes)
    return cut
