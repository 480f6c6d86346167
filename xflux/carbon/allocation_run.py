"""Run the block of allocation on whole arrays, or on chunks of whole years."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.allocation_block import AllocationBlock, pick_steps, pick_years
from xflux.carbon.years import Years
from xflux.labels.attach import with_coordinate_attributes
from xflux.labels.blockwise import check_same_grid
from xflux.labels.chunks import at_starts, largest_chunks, same_volume

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["run"]

Array = NDArray[Any]

_STEP, _MONTH = "__step__", "__month__"


def run(
    block: AllocationBlock, arrays: Mapping[str, xr.DataArray], years: Years
) -> dict[str, dict[str, xr.DataArray]]:
    """Compute all outputs.

    Returns
    -------
    dict of dict of str to DataArray
        By output and variant, without attributes: dims of space and time, or `year`.
    """
    import xarray as xr

    check_same_grid(list(arrays.values()), list(arrays))
    gpp = arrays["gpp"]
    step: Hashable = years.dim if years.dim is not None else _STEP
    space = [dim for dim in gpp.dims if dim != years.dim]
    for name, array in arrays.items():
        own = (years.dim, "month") if name in block.months else (years.dim,)
        space += [dim for dim in array.dims if dim not in (*own, *space)]
    # Time goes last, as the block has it.
    order = [*space, step]
    sizes: dict[Hashable, int] = {_STEP: 1}
    for array in arrays.values():
        sizes |= dict(array.sizes)
    if all(array.chunks is None for array in arrays.values()):
        numbers = np.arange(sizes[step])
        plain = [_spread(array, order, name in block.months) for name, array in arrays.items()]
        packed: Any = block(numbers, *plain)
        sums = block.sums(numbers, *plain)
        picked = _picked(block, packed, sums, numbers, np.arange(years.count))
    else:
        picked = _lazily(block, arrays, order, sizes, years)
    made: dict[str, dict[str, xr.DataArray]] = {}
    coords = {
        key: coordinate
        for array in arrays.values()
        for key, coordinate in array.coords.items()
        if set(coordinate.dims) <= set(space)
    }
    template = [dim for dim in gpp.dims if dim in order]
    lead = [dim for dim in space if dim not in template]
    for (name, variant), data in picked.items():
        if name in block.by_step:
            array = xr.DataArray(data, dims=order).assign_coords(coords)
            if years.dim is None:
                array = array.isel({_STEP: 0})
            else:
                array = array.assign_coords({years.dim: gpp[years.dim]})
            array = array.transpose(*lead, *template)
        else:
            array = xr.DataArray(data, dims=[*space, "year"]).assign_coords(coords)
            if years.labels is None:
                array = array.isel(year=0)
                array = array.transpose(*lead, *(d for d in template if d != years.dim))
            else:
                array = array.assign_coords(year=years.labels)
                array = array.transpose(
                    *lead, *("year" if dim == years.dim else dim for dim in template)
                )
        made.setdefault(name, {})[variant] = with_coordinate_attributes(array, arrays.values())
    return made


def _spread(array: xr.DataArray, order: list[Hashable], months: bool) -> Array:
    """Return values with every dim in its place, of length 1 where it is absent."""
    last = "month" if months else order[-1]
    wanted = [*order[:-1], last]
    present = array.transpose(*[dim for dim in wanted if dim in array.dims]).values
    return np.asarray(present.reshape([array.sizes.get(dim, 1) for dim in wanted]))


def _keys(block: AllocationBlock) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return outputs by step and by year, in the order in which the block packs them."""
    steps = [(name, variant) for name in block.by_step for variant in block.variants]
    years = [(name, variant) for name in block.by_year for variant in block.variants]
    return steps, years


def _picked(
    block: AllocationBlock, packed: Array, sums: Array, numbers: Array, years: Array
) -> dict[tuple[str, str], Array]:
    steps, yearly = _keys(block)
    made = {key: pick_steps(packed, numbers, years, k) for k, key in enumerate(steps)}
    filled = block.of_years(pick_years(packed, numbers, years, block.packed_years), sums)
    return made | {key: filled[..., k, :] for k, key in enumerate(yearly)}


def _lazily(
    block: AllocationBlock,
    arrays: Mapping[str, xr.DataArray],
    order: list[Hashable],
    sizes: Mapping[Hashable, int],
    years: Years,
) -> dict[tuple[str, str], Any]:
    import dask
    import dask.array as da

    step = order[-1]
    chunks = largest_chunks(list(arrays.values()), {dim: sizes[dim] for dim in order})
    chunks = same_volume(chunks, step, at_starts(chunks[step], years.first.tolist()))
    edges = np.cumsum([0, *chunks[step]])
    inside = tuple(
        int(np.sum((years.first >= start) & (years.first < stop)))
        for start, stop in itertools.pairwise(edges)
    )
    steps, yearly = _keys(block)
    width = tuple(
        len(steps) * length + block.packed_years * count
        for length, count in zip(chunks[step], inside, strict=True)
    )
    axes = {dim: k for k, dim in enumerate(order)}
    last, month = axes[step], len(order)
    numbers = da.arange(sizes[step], chunks=(chunks[step],))
    # A task of its own: the model is sent once to where it is needed, not with every chunk.
    model = dask.delayed(block, name=f"allocation-{dask.base.tokenize(block)}", traverse=False)
    args: list[Any] = [model, None, numbers, (last,)]
    for name, array in arrays.items():
        months = name in block.months
        wanted = [*order[:-1], "month" if months else step]
        present = [dim for dim in wanted if dim in array.dims]
        cut = tuple(chunks.get(dim, (array.sizes[dim],)) for dim in present)
        data = array.variable.transpose(*present).data
        data = da.from_array(data, chunks=cut) if array.chunks is None else data.rechunk(cut)
        data = data[tuple(slice(None) if dim in present else None for dim in wanted)]
        args += [data, (*(axes[dim] for dim in order[:-1]), month if months else last)]
    packed = da.blockwise(
        operator.call,
        tuple(range(len(order))),
        *args,
        token="allocate",
        adjust_chunks={last: width},
        align_arrays=False,
        concatenate=True,
        dtype=np.dtype(block.dtype),
        meta=np.empty((0,) * len(order), block.dtype),
    )
    summed, column = block.fitted.summed, month + 1
    if summed:
        sums = da.blockwise(
            _sums, (*range(len(order)), column), *args, token="allocate-sums",
            new_axes={column: summed}, adjust_chunks={last: (1,) * len(chunks[step])},
            align_arrays=False, concatenate=True, dtype=np.float64,
            meta=np.empty((0,) * (len(order) + 1)),
        ).sum(axis=last, split_every=2)  # fmt: skip
    else:
        space = [chunks[dim] for dim in order[:-1]]
        sums = da.zeros((*map(sum, space), 0), chunks=(*space, (0,)))
    counts = da.from_array(np.arange(years.count), chunks=(inside,))
    made = {}
    whole = tuple(range(len(order)))
    for k, key in enumerate(steps):
        made[key] = da.blockwise(
            pick_steps, whole, packed, whole, numbers, (last,), counts, (last,), k=k,
            adjust_chunks={last: chunks[step]}, align_arrays=False, concatenate=True,
            dtype=packed.dtype, meta=packed._meta,
        )  # fmt: skip
    filled = _filled(block, model, packed, sums, numbers, counts)
    for k, key in enumerate(yearly):
        # On the chunks of fluxes: those of a Dataset are alike along a dim.
        array = filled[..., k, :]
        made[key] = array.rechunk({axes[dim]: chunks[dim] for dim in order[:-1]})
    return made


def _filled(
    block: AllocationBlock, model: Any, packed: Any, sums: Any, numbers: Any, counts: Any
) -> Any:
    """Return outputs by year (..., output, year): pools need all years of a place."""
    import dask.array as da

    last = packed.ndim - 1
    whole, several = tuple(range(last + 1)), (*range(last), last + 1, last)
    count, outputs = block.packed_years, len(block.by_year) * len(block.variants)
    meta = np.empty((0,) * len(several), packed.dtype)
    yearly = da.blockwise(
        pick_years, several, packed, whole, numbers, (last,), counts, (last,), kept=count,
        new_axes={last + 1: count}, adjust_chunks={last: counts.chunks[0]}, align_arrays=False,
        concatenate=True, dtype=packed.dtype, meta=meta,
    )  # fmt: skip
    # As many values in a chunk as before: cut along space what is joined along time.
    joined = same_volume(dict(enumerate(yearly.chunks)), last + 1, (sum(yearly.chunks[-1]),))
    joined[last] = (count,)
    yearly = yearly.rechunk(joined)
    sums = sums.rechunk({k: joined[k] for k in range(last)})
    return da.blockwise(
        _of_years, several, model, None, yearly, several, sums, (*range(last), last + 2),
        adjust_chunks={last + 1: (outputs,)}, align_arrays=False, concatenate=True,
        dtype=packed.dtype, meta=meta,
    )  # fmt: skip


def _sums(block: AllocationBlock, numbers: Array, *arrays: Array) -> Array:
    return block.sums(numbers, *arrays)[..., None, :]


def _of_years(block: AllocationBlock, packed: Array, sums: Array) -> Array:
    return block.of_years(packed, sums)
