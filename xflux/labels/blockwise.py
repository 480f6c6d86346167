"""The one way a kernel meets xarray and Dask.

A kernel is any callable of plain arrays that broadcast against each other. It is
called once on eager data, and once per chunk on lazy data, where all its outputs
come from that one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import ChunkError, GridMismatchError, InputError
from xflux.labels.attach import with_coordinate_attributes
from xflux.labels.coordinates import how_they_differ

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["blockwise", "check_axes", "check_same_grid", "common_dtype", "is_lazy", "require_whole"]


def is_lazy(array: xr.DataArray) -> bool:
    """Tell whether an array is chunked, without loading it."""
    return array.chunks is not None


def common_dtype(arrays: Sequence[xr.DataArray]) -> np.dtype[Any]:
    """Return the floating dtype in which arrays are computed together.

    float32 stays float32: integers and scalars do not widen it, as they would by
    NumPy's rules, but one float64 array does.
    """
    floats = [array.dtype for array in arrays if array.dtype.kind == "f" and array.ndim > 0]
    floats = floats or [array.dtype for array in arrays if array.dtype.kind == "f"]
    if not floats:
        return np.dtype("f8")
    return np.result_type(np.float32, *floats)


def check_axes(array: xr.DataArray, called: str) -> None:
    """Refuse an array that is empty, not numeric, or repeats a coordinate value.

    Raises
    ------
    InputError
        Naming the array, the dimension and what to do.
    """
    if array.dtype.kind not in "fiub":
        raise InputError(
            f"{called} has dtype {array.dtype}, expected numbers; convert it, for example with "
            f".astype('float32')"
        )
    for dim, size in array.sizes.items():
        if size == 0:
            raise InputError(f"{called} is empty: dimension {dim!r} has length 0")
        index = array.indexes.get(dim)
        if index is not None and not index.is_unique:
            repeated = index[index.duplicated()][0]
            raise InputError(
                f"{called} repeats {dim} = {repeated}; keep one of each with "
                f".drop_duplicates({dim!r})"
            )


def check_same_grid(arrays: Sequence[xr.DataArray], called: Sequence[str]) -> None:
    """Refuse arrays whose coordinates differ along a shared dimension.

    Raises
    ------
    GridMismatchError
        Saying by how much they differ; rounding is told from another grid.
    """
    seen: dict[object, tuple[str, xr.DataArray]] = {}
    for array, name in zip(arrays, called, strict=True):
        for dim, size in array.sizes.items():
            if dim not in seen:
                seen[dim] = (name, array)
                continue
            other_name, other = seen[dim]
            if other.sizes[dim] != size:
                raise GridMismatchError(
                    f"{name} has {size} values along {dim!r}, {other_name} has {other.sizes[dim]}; "
                    "select the same labels in both, or bring both to one grid first"
                )
            ours, theirs = array.indexes.get(dim), other.indexes.get(dim)
            if ours is None or theirs is None or ours.equals(theirs):
                continue
            how = "; select the same labels in both first"
            if all(index.dtype.kind in "fiu" for index in (ours, theirs)):
                how = how_they_differ(
                    np.asarray(ours), np.asarray(theirs), name.split()[0].strip("'"), str(dim)
                )
            raise GridMismatchError(f"{dim!r} of {name} differs from that of {other_name}{how}")


def require_whole(array: xr.DataArray, dim: str, called: str) -> None:
    """Refuse an array that is chunked along a dimension that an algorithm needs whole.

    Raises
    ------
    ChunkError
        Naming the call that mends it.
    """
    # Chunks of the values alone: coordinates may lie in others, as they do in a store.
    chunks = array.variable.chunksizes.get(dim, ())
    if len(chunks) > 1:
        raise ChunkError(
            f"{called} is in {len(chunks)} chunks along {dim!r}, which must be in "
            f"one; rechunk it with .chunk({{{dim!r}: -1}})"
        )


def blockwise(
    kernel: Callable[..., Any],
    inputs: Sequence[xr.DataArray],
    *,
    outputs: int,
    dtype: np.dtype[Any],
    called: Sequence[str] | None = None,
) -> list[xr.DataArray]:
    """Apply a kernel of plain arrays to labelled ones, lazily where they are lazy.

    Parameters
    ----------
    kernel : callable
        Called with one plain array per input; dimensions stand in one order and
        absent ones have length 1. Returns one array, or a tuple of `outputs`, of
        the broadcast shape.
    inputs : sequence of DataArray
        Eager or lazy; chunks are brought to those of the largest lazy input.
    outputs : int
        Number of arrays that the kernel returns.
    dtype : dtype
        What the kernel returns.
    called : sequence of str, optional
        Names of the inputs, for messages.

    Returns
    -------
    list of DataArray
        Without attributes, dimensions in the order of the largest input.
    """
    import xarray as xr

    called = called or [str(array.name) for array in inputs]
    for array, name in zip(inputs, called, strict=True):
        check_axes(array, name)
    check_same_grid(inputs, called)
    template = max(inputs, key=lambda array: array.ndim)
    order = [*template.dims]
    order += [dim for array in inputs for dim in array.dims if dim not in order]
    order = list(dict.fromkeys(order))
    results = xr.apply_ufunc(
        kernel,
        *_chunked_alike(inputs),
        output_core_dims=[[]] * outputs,
        dask="parallelized",
        join="exact",
        keep_attrs=False,
        output_dtypes=[dtype] * outputs,
    )
    several = results if isinstance(results, tuple) else (results,)
    return [with_coordinate_attributes(result, inputs).transpose(*order) for result in several]


def _chunked_alike(inputs: Sequence[xr.DataArray]) -> list[xr.DataArray]:
    """Chunk every input as the largest lazy one, to spare Dask the smallest common blocks."""
    lazy = [array for array in inputs if is_lazy(array)]
    if not lazy:
        return list(inputs)
    chunks: dict[Any, Any] = {}
    for array in sorted(lazy, key=lambda array: -array.size):
        # Those of the values alone: coordinates may lie in other chunks, as they do in a store.
        for dim, sizes in array.variable.chunksizes.items():
            chunks.setdefault(dim, sizes)
    alike = []
    for array in inputs:
        wanted = {dim: chunks[dim] for dim in array.dims if dim in chunks}
        own = dict(array.variable.chunksizes)
        if any(own.get(dim) != sizes for dim, sizes in wanted.items()):
            array = array.chunk(wanted)
        alike.append(array)
    return alike
