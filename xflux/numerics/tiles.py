"""Walk over large arrays in tiles that stay in the cache.

A model reads several arrays and writes several; tile by tile, what one step
writes is still in the cache when the next one reads it, and no temporary is
larger than a tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["over_tiles", "slabs", "tile_size"]

#: Bytes of one array of a tile, 31 pages. A few of them fit into a second-level cache, and they
#: stay below the 128 kB from which glibc takes memory from the system for one use alone, unless it
#: has learnt otherwise. The workers of distributed set ``MALLOC_TRIM_THRESHOLD_``, which keeps it
#: from learning, and page faults then take more than half of the time.
_BYTES = 126_976


def tile_size(dtype: np.dtype[Any]) -> int:
    """Return the number of cells in a tile of a dtype, 15,872 of float64."""
    return _BYTES // dtype.itemsize


def slabs(shape: tuple[int, ...], size: int) -> Iterator[tuple[Any, ...]]:
    """Cut a shape into blocks of about `size` cells, contiguous in C order."""
    if not shape:
        yield ()
        return
    inner = 1
    axis = len(shape) - 1
    while axis > 0 and inner * shape[axis] <= size:
        inner *= shape[axis]
        axis -= 1
    step = max(1, size // inner)
    for outer in np.ndindex(*shape[:axis]):
        for start in range(0, shape[axis], step):
            stop = min(start + step, shape[axis])
            yield (*(slice(i, i + 1) for i in outer), slice(start, stop))


def over_tiles(
    function: Callable[..., Sequence[np.ndarray]],
    arrays: Sequence[np.ndarray],
    outputs: int,
    dtype: np.dtype[Any],
    size: int | None = None,
) -> tuple[np.ndarray, ...]:
    """Call a function on every tile of arrays that broadcast against each other.

    Parameters
    ----------
    function : callable
        Gets one contiguous 1-D array per input, all of one length, and returns
        `outputs` 1-D arrays of that length.
    arrays : sequence of ndarray
        Any dtypes; they are handed over as they are.
    outputs : int
    dtype : dtype
        Of the results.
    size : int, optional
        Cells in a tile; `tile_size` of `dtype` where it is left out.

    Returns
    -------
    tuple of ndarray
        Of the broadcast shape.
    """
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    spread = [np.broadcast_to(array, shape) for array in arrays]
    results = tuple(np.empty(shape, dtype) for _ in range(outputs))
    for slab in slabs(shape, size or tile_size(dtype)):
        tiles = [np.ascontiguousarray(array[slab]).reshape(-1) for array in spread]
        for result, values in zip(results, function(*tiles), strict=True):
            # The ellipsis keeps a view where there are no dimensions.
            target = result[(*slab, Ellipsis)]
            target[...] = np.reshape(values, target.shape)
    return results
