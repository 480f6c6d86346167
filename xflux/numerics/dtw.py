"""Dynamic time warping within a band, of many series with each other."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from xflux.errors import InputError
from xflux.numerics.jit import jit

__all__ = ["dtw_distances"]

Array = np.ndarray[Any, Any]

#: Pairs that are warped at once, one in each lane of the processor.
_LANES = 16


@jit
def _warp(one, others, band, before, now, out):
    """Write the squared distance of one series to some lanes of others (step, lane)."""
    steps, lanes = others.shape
    infinite = np.float32(np.inf)
    before[:, :] = infinite
    for i in range(steps):
        first = max(0, i - band)
        last = min(steps, i + band + 1)
        # Beyond the band nothing is reached; row and column 0 stand before the first step.
        now[first, :] = infinite
        for j in range(first, last):
            for k in range(lanes):
                apart = one[i] - others[j, k]
                least = before[j + 1, k]
                least = before[j, k] if before[j, k] < least else least
                least = now[j, k] if now[j, k] < least else least
                if i == 0 and j == 0:
                    least = np.float32(0.0)
                now[j + 1, k] = apart * apart + least
        for j in range(first, last + 1):
            for k in range(lanes):
                before[j, k] = now[j, k]
        if last < steps:
            before[last + 1, :] = infinite
    for k in range(lanes):
        out[k] = before[steps, k]


@jit
def _warp_rows(rows, columns, band, start, stop, step, symmetric, out):
    """Fill rows `start`, `start + step`, ... of a matrix of squared distances."""
    lanes = columns.shape[2]
    steps = columns.shape[1]
    before = np.empty((steps + 1, lanes), np.float32)
    now = np.empty((steps + 1, lanes), np.float32)
    found = np.empty(lanes, np.float32)
    for i in range(start, stop, step):
        for block in range(i // lanes if symmetric else 0, columns.shape[0]):
            _warp(rows[i], columns[block], band, before, now, found)
            for k in range(lanes):
                j = block * lanes + k
                if j < out.shape[1]:
                    out[i, j] = found[k]


def dtw_distances(series: Array, others: Array | None = None, *, band: int) -> Array:
    """Return how far series lie apart when one may be warped in time.

    Parameters
    ----------
    series : array (series, step)
    others : array (other, step), optional
        None: the series themselves.
    band : int
        Most steps by which one is shifted against the other (Sakoe and Chiba 1978); 0 is the
        Euclidean distance.

    Returns
    -------
    array (series, other)
        float32, in the unit of the series: the root of the least sum of squared differences
        along a path of warping.

    Raises
    ------
    InputError
        For values that are missing, other lengths, or a band below 0.
    """
    rows = np.ascontiguousarray(series, np.float32)
    columns = rows if others is None else np.ascontiguousarray(others, np.float32)
    if rows.ndim != 2 or columns.ndim != 2 or rows.shape[1] != columns.shape[1] or band < 0:
        raise InputError(
            f"series {rows.shape} and {columns.shape} with a band of {band}; expected (series, "
            "step) of one length, and a band of 0 or more"
        )
    if not (np.isfinite(rows).all() and np.isfinite(columns).all()):
        raise InputError("series hold NaN or infinity, which cannot be warped; leave them out")
    count = len(columns)
    blocks = -(-count // _LANES)
    padded = np.zeros((blocks * _LANES, columns.shape[1]), np.float32)
    padded[:count] = columns
    lanes = np.ascontiguousarray(padded.reshape(blocks, _LANES, -1).transpose(0, 2, 1))
    squared = np.zeros((len(rows), count), np.float32)
    workers = max(1, min(len(rows), len(os.sched_getaffinity(0))))

    def work(start: int) -> None:
        _warp_rows(rows, lanes, band, start, len(rows), workers, others is None, squared)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    if others is None:
        upper = np.triu(squared, 1)
        squared = upper + upper.T
    return np.sqrt(squared)
