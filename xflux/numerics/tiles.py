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
#: stay below the 128 kB from which glibc takes memory from the system for one use alone (see
#: `xflux.numerics.scratch`).
_BYTES = 126_976


def tile_size(dtype: np.dtype[Any]) -> int:
    """Return the number of cells in a tile of a dtype, 15,872 of float64."""
    return _BYTES // dtype.itemsize


def slabs(shape: tuple[int, ...], size: int) -> Iterator[tuple[Any, ...]]:
    """Cut a shape into blocks of at most `size` cells, contiguous in C order and much alike."""
    if 0 in shape:
        return
    if not shape:
        yield ()
        return
    inner = 1
    axis = len(shape) - 1
    while axis > 0 and inner * shape[axis] <= size:
        inner *= shape[axis]
        axis -= 1
    step = max(1, size // inner)
    # A last piece that is short would cost as much Python as a whole one.
    pieces = -(-shape[axis] // step)
    step = -(-shape[axis] // pieces)
    for outer in np.ndindex(*shape[:axis]):
        for start in range(0, shape[axis], step):
            stop = min(start + step, shape[axis])
            yield (*(slice(i, i + 1) for i in outer), slice(start, stop))


def over_tiles(
    function: Callable[[tuple[Any, ...], int, int], Sequence[np.ndarray]],
    shape: tuple[int, ...],
    outputs: int,
    dtype: np.dtype[Any],
    size: int,
) -> tuple[np.ndarray, ...]:
    """Call a function for every tile of a shape, and put together what it returns.

    Parameters
    ----------
    function : callable
        Gets the index of a tile, the position of its first cell in C order, and its number
        of cells; returns `outputs` 1-D arrays of them, of which what is longer is cut off.
    shape : tuple of int
    outputs : int
    dtype : dtype
        Of the results.
    size : int
        Cells in a tile, at most.

    Returns
    -------
    tuple of ndarray
        Of the shape.
    """
    results = tuple(np.empty(shape, dtype) for _ in range(outputs))
    start = 0
    for slab in slabs(shape, size):
        # The ellipsis keeps views where there are no dimensions.
        targets = [result[(*slab, ...)] for result in results]
        cells = targets[0].size
        for target, values in zip(targets, function(slab, start, cells), strict=True):
            target[...] = values[:cells].reshape(target.shape)
            # A tile that is let go of lends its memory to the next.
            del values
        start += cells
    return results
