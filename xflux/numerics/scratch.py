"""Memory for tiles: an array that nobody holds any more serves the next tile.

What malloc hands out above 128 kB may come from the system anew each time, and page faults
then take longer than the arithmetic: the workers of distributed set
``MALLOC_TRIM_THRESHOLD_``, which keeps glibc from learning better.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["empty", "scratch"]

Array = np.ndarray[Any, Any]

_BYTE = np.dtype(np.uint8)


def _holders(buffers: list[Array], position: int) -> int:
    """Count who holds a buffer. Every view of it does, and so does whoever keeps a view."""
    return sys.getrefcount(buffers[position])


#: What is counted where the list alone holds it, which differs among versions of Python.
_NOBODY = _holders([np.empty(0, _BYTE)], 0)


class _Scratch:
    """Buffers of one size, by one thread."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.buffers: list[Array] = []

    def free(self) -> Array:
        for position in range(len(self.buffers)):
            if _holders(self.buffers, position) == _NOBODY:
                return self.buffers[position]
        self.buffers.append(np.empty(self.size, _BYTE))
        return self.buffers[-1]


class _Thread(threading.local):
    scratch: _Scratch | None = None


_THREAD = _Thread()


@contextmanager
def scratch(size: int) -> Iterator[None]:
    """Let this thread use memory again within a block, for arrays of up to `size` bytes."""
    before, _THREAD.scratch = _THREAD.scratch, _Scratch(size)
    try:
        yield
    finally:
        _THREAD.scratch = before


def empty(shape: int | tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return a new array like `numpy.empty`, within `scratch` in memory that is free.

    An array that is still held, or of which a view is held, is never handed out again: a
    model of the user's may keep what it gets and what it returns.
    """
    here = _THREAD.scratch
    cells = shape if isinstance(shape, int) else math.prod(shape)
    if here is None or not 0 < cells * dtype.itemsize <= here.size:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, here.free())
