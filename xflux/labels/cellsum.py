"""Sum a field over the cells of regions, each chunk visited once, lazily."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.coordinates import match_grid
from xflux.labels.regions import Regions, as_regions
from xflux.numerics.regional_sum import ACCOUNT, account, regional_sum

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["pick", "sum_over_cells"]

Array = np.ndarray[Any, Any]

#: What the one region is called when none are given.
GLOBE = "globe"


def sum_over_cells(
    da: xr.DataArray,
    area: xr.DataArray,
    land_fraction: xr.DataArray | None,
    regions: Any,
    *,
    skipna: bool,
    min_valid: float,
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
    kernel_options: dict[str, Any] = {
        "axes": tuple(da.dims.index(dim) for dim in cells),
        "count": count,
    }
    arrays = [array for array in (area, land_fraction, weights) if array is not None]
    worth = partial(account, skipna=skipna, min_valid=min_valid)
    if any(array.chunks is not None for array in (da, *arrays)):
        parts = _lazy(da, area, land_fraction, weights, kernel_options)
        chunks = (*parts.chunks[:-1], (len(ACCOUNT),))
        meta = np.empty((0,) * parts.ndim)
        accounts = parts.map_blocks(worth, dtype=np.float64, chunks=chunks, meta=meta)
    else:
        plain = (None if array is None else array.values for array in (land_fraction, weights))
        accounts = worth(regional_sum(da.values, area.values, *plain, **kernel_options))
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


def _lazy(
    da: xr.DataArray,
    area: xr.DataArray,
    land_fraction: xr.DataArray | None,
    weights: xr.DataArray | None,
    options: dict[str, Any],
) -> Any:
    """Sum each chunk by itself, then the chunks: one task per chunk of the field, and a tree."""
    import dask.array

    cells = area.dims
    cut = _cuts(da, [area, land_fraction, weights])

    def chunked(array: xr.DataArray) -> Any:
        chunks = tuple(cut.get(dim, -1) for dim in array.dims)
        data = array.variable.data
        if array.chunks is None:
            return dask.array.from_array(data, chunks=chunks)
        return data.rechunk(chunks)

    field = chunked(da) if da.chunks is None else da.data.rechunk(
        {axis: cut[dim] for axis, dim in enumerate(da.dims) if dim in cut}
    )  # fmt: skip
    # Axes are numbered: those of the field, then the regions of shares, regions, statistics.
    number = {dim: axis for axis, dim in enumerate(da.dims)}
    shares, region, statistic = (da.ndim + k for k in range(3))
    args: list[Any] = [field, tuple(range(da.ndim))]
    for array in (area, land_fraction, weights):
        if array is None:
            args += [None, None]
        else:
            args += [chunked(array), tuple(number.get(dim, shares) for dim in array.dims)]
    rest = tuple(number[dim] for dim in da.dims if dim not in cells)
    where = tuple(number[dim] for dim in cells)
    whole = all(field.numblocks[axis] == 1 for axis in where)
    # The cell axes of what is left of a chunk have length 1, to be summed over; where a chunk
    # holds all cells there is nothing left to sum.
    parts = dask.array.blockwise(
        regional_sum if whole else _sum_of_chunk,
        (*rest, region, statistic) if whole else (*rest, region, statistic, *where),
        *args,
        new_axes={region: options["count"], statistic: 3},
        adjust_chunks=None if whole else dict.fromkeys(where, 1),
        concatenate=True,
        align_arrays=False,
        dtype=np.float64,
        meta=np.empty((0,) * (len(rest) + 2 + (0 if whole else len(where)))),
        name="regional-sum-" + dask.base.tokenize(*args, options),
        **options,
    )
    # What is left of a chunk is small, so that many go into one task of the tree.
    return (
        parts if whole else parts.sum(axis=tuple(range(len(rest) + 2, parts.ndim)), split_every=64)
    )


def _sum_of_chunk(
    field: Array,
    area: Array,
    fraction: Array | None,
    regions: Array | None,
    *,
    axes: tuple[int, ...],
    count: int,
) -> Array:
    sums = regional_sum(field, area, fraction, regions, axes=axes, count=count)
    return sums.reshape(sums.shape + (1,) * len(axes))


def _cuts(da: xr.DataArray, others: list[xr.DataArray | None]) -> dict[Any, tuple[int, ...]]:
    """Return the chunks along the dims of the grid: those of the field where it has any."""
    cut: dict[Any, tuple[int, ...]] = {}
    for array in (da, *others):
        if array is not None and array.chunks is not None:
            for dim, sizes in array.chunksizes.items():
                if dim in da.dims:
                    cut.setdefault(dim, sizes)
    return cut
