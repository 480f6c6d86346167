"""Call a compiled loop over contiguous 1-D arrays with whatever arrays are at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xflux.errors import InputError
from xflux.numerics.scratch import empty
from xflux.numerics.tiles import slabs, tile_size

__all__ = ["arguments", "elementwise", "floating", "floats"]

Array = NDArray[Any]


def floats(values: ArrayLike) -> Array:
    """Return an array of floats; float32 stays what it is, integers become float64."""
    array = np.asarray(values)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def arguments(caller: str, names: Sequence[str], values: Sequence[ArrayLike]) -> dict[str, Array]:
    """Return plain arrays of numbers by name; labelled or lazy ones are refused, not computed.

    Parameters
    ----------
    caller : str
        Who was called, for messages.
    names : sequence of str
    values : sequence of array_like
        One for each name.

    Raises
    ------
    InputError
        For a wrong number of them, or one that is no plain array of numbers.
    """
    if len(values) != len(names):
        raise InputError(
            f"{caller} needs {len(names)} arrays ({', '.join(names)}), got {len(values)}"
        )
    arrays = {}
    for name, value in zip(names, values, strict=True):
        if hasattr(value, "compute"):
            raise InputError(
                f"{caller} got {name} as a {type(value).__name__}, which would be computed here; "
                "models take plain arrays: for labelled or lazy data call xflux.baseline(ds, ...)"
            )
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise InputError(f"{caller} got {name} of dtype {array.dtype}, expected numbers")
        arrays[name] = array
    return arrays


def floating(arrays: Sequence[Array]) -> np.dtype[Any]:
    """Return the dtype to compute in: float32 when no array is wider, else float64.

    Integers and scalars do not widen an array of float32.
    """
    floats = [array.dtype for array in arrays if array.dtype.kind == "f" and array.ndim]
    floats = floats or [array.dtype for array in arrays if array.dtype.kind == "f"]
    narrow = bool(floats) and all(dtype.itemsize <= 4 for dtype in floats)
    return np.dtype(np.float32 if narrow else np.float64)


def elementwise(
    loop: Callable[..., None],
    parameters: Sequence[float],
    arrays: Sequence[Array],
    *,
    outputs: int = 1,
) -> tuple[Array, ...]:
    """Run a loop over arrays that broadcast against each other.

    Parameters
    ----------
    loop : callable
        ``loop(parameters, *inputs, *outputs)`` fills the outputs. All arrays are
        contiguous, 1-D and of one dtype, so that the loop compiles into SIMD code.
    parameters : sequence of float
        Handed over as a tuple of that dtype: a Python float would widen float32.
    arrays : sequence of ndarray
    outputs : int

    Returns
    -------
    tuple of ndarray
        Of the broadcast shape; scalars come out as scalars.
    """
    dtype = floating(arrays)
    typed = tuple(dtype.type(value) for value in parameters)
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    results = tuple(empty(shape, dtype) for _ in range(outputs))
    spread = [array if array.shape == shape else np.broadcast_to(array, shape) for array in arrays]
    whole = all(array is own and array.flags.c_contiguous for array, own in zip(spread, arrays))
    for slab in [()] if whole else slabs(shape, tile_size(dtype)):
        tiles = (np.ascontiguousarray(array[slab]).reshape(-1) for array in spread)
        inputs = [tile.astype(dtype, copy=False) for tile in tiles]
        # A slab is contiguous, so that the loop writes into the results themselves.
        loop(typed, *inputs, *(result[(*slab, Ellipsis)].reshape(-1) for result in results))
    return tuple(result[()] for result in results)
