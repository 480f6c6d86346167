"""Sums of a field over regions, weighted by area, in float64 whatever the field's dtype."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from xflux.errors import InputError
from xflux.numerics.jit import inline, jit

__all__ = ["ACCOUNT", "Weights", "account", "region_weights", "regional_sum"]

Array = np.ndarray[Any, Any]

#: What `account` returns along its last axis.
ACCOUNT = ("integral", "missing_area", "valid_area", "mean")

#: Values that are widened to float64 at a time (8 MB), or copied where they are not contiguous.
_TILE = 1_000_000

#: Cells that are summed plainly, in the lanes of a processor; such sums are added up with what
#: their rounding loses.
_RUN = 512

_LARGEST = float(np.finfo(np.float64).max)


@jit
def _without_nan(values, out):
    """Write 0 for NaN; return minimum and maximum, or 0 where that lies beyond."""
    low = high = 0.0
    for i in range(values.size):
        value = values[i]
        value = value if value == value else 0.0
        out[i] = value
        low = value if value < low else low
        high = value if value > high else high
    return low, high


@jit
def _find_runs(weight, index, region, runs, held):
    """Write start, stop and region of neighbours that count in one, and what each cell counts.

    With an index the region is that of the cell; without one it is `region`. The fourth number
    of a run is where its weights begin in `held`. Return how many runs and weights there are.
    """
    start = count = used = 0
    before = -1
    for i in range(weight.size + 1):
        here = -1
        if i < weight.size and weight[i] > 0.0:
            here = index[i] if index.size else region
        if here != before or i - start == _RUN:
            if before >= 0:
                runs[count, 0], runs[count, 1], runs[count, 2] = start, i, before
                runs[count, 3] = used - (i - start)
                count += 1
            start, before = i, here
        if here >= 0:
            held[used] = weight[i]
            used += 1
    return count, used


@inline(fastmath=frozenset())
def _add(sums, lost, value):
    """Add up, and apart from it what rounding loses (Knuth's two-sum)."""
    total = sums[0] + value
    there = total - sums[0]
    lost[0] += (sums[0] - (total - there)) + (value - there)
    sums[0] = total


@jit
def _sum_runs(rows, held, runs, low, high, sums, lost):
    """Sum what lies between two limits; return how many numbers lie beyond them."""
    beyond = 0
    for t in range(rows.shape[0]):
        gaps = 0.0
        for k in range(runs.shape[0]):
            # Slices, as loops over them are vectorised.
            row = rows[t, runs[k, 0] : runs[k, 1]]
            weight = held[runs[k, 3] : runs[k, 3] + row.size]
            integral = missing = 0.0
            for i in range(row.size):
                # NaN passes neither.
                there = (row[i] >= low) & (row[i] <= high)
                integral += row[i] * weight[i] if there else 0.0
                missing += 0.0 if there else 1.0
            _add(sums[t, runs[k, 2], 0:], lost[t, runs[k, 2], 0:], integral)
            gaps += missing
        if gaps > 0.0:
            beyond += _weigh_gaps(rows[t], held, runs, low, high, sums[t], lost[t])
    return beyond


@jit
def _weigh_gaps(values, held, runs, low, high, sums, lost):
    """Add up the weights of what is there and what is missing, in place of the whole weights."""
    beyond = 0.0
    sums[:, 1] = 0.0
    lost[:, 1] = 0.0
    for k in range(runs.shape[0]):
        row = values[runs[k, 0] : runs[k, 1]]
        weight = held[runs[k, 3] : runs[k, 3] + row.size]
        valid = missing = numbers = 0.0
        for i in range(row.size):
            there = (row[i] >= low) & (row[i] <= high)
            valid += weight[i] if there else 0.0
            missing += 0.0 if there else weight[i]
            numbers += 1.0 if np.isfinite(row[i]) & (not there) else 0.0
        region = runs[k, 2]
        _add(sums[region, 1:], lost[region, 1:], valid)
        _add(sums[region, 2:], lost[region, 2:], missing)
        beyond += numbers
    return int(beyond)


@jit
def _weigh_whole(held, runs, sums, lost):
    for k in range(runs.shape[0]):
        whole = 0.0
        for i in range(runs[k, 3], runs[k, 3] + runs[k, 1] - runs[k, 0]):
            whole += held[i]
        _add(sums[runs[k, 2], 0:], lost[runs[k, 2], 0:], whole)


class Weights(NamedTuple):
    """How much each cell counts in each region.

    Attributes
    ----------
    held : array (weight,)
        Of the cells of all runs, one run after the other.
    runs : array (run, 4)
        Start and stop of neighbours, their region, and where their weights begin.
    whole : array (region, 2)
        Weight of each region, and what rounding lost of it.
    """

    held: Array
    runs: Array
    whole: Array


def region_weights(
    area: Array, fraction: Array | None, regions: Array | None, *, count: int
) -> Weights:
    """Weigh the cells of each region.

    Parameters
    ----------
    area : array (cell axes)
        Area of each cell, m2; NaN is 0.
    fraction : array (cell axes) or None
        Share of each cell that counts, 0 to 1; NaN is 0, None is 1.
    regions : array or None
        Integers (cell axes): position of the cell's region, -1 outside of all. Else
        (region, cell axes): share of the cell in each region, 0 to 1, NaN is 0.
        None: one region, all cells.
    count : int
        Number of regions.

    Raises
    ------
    InputError
        For an area below 0, or a share outside 0 to 1.
    """
    weight = _checked(area, np.inf, "the area of a cell")
    if fraction is not None:
        weight = weight * _checked(fraction, 1.0, "the land fraction")
    weight = weight.reshape(-1)
    if regions is None or regions.ndim == area.ndim:
        index = np.empty(0, np.int64) if regions is None else regions.ravel().astype(np.int64)
        last = int(index.max(initial=-1))
        if last >= count:
            raise InputError(f"a cell lies in region {last}, but there are {count}")
        held, runs = _runs(weight, index, 0)
    else:
        # Region by region, so that no copy is made of all shares.
        shared = (_checked(shares, 1.0, "the share of a region").ravel() for shares in regions)
        found = [_runs(weight * s, np.empty(0, np.int64), k) for k, s in enumerate(shared)]
        before = np.cumsum([0, *(part.size for part, _ in found)])
        for place, (_, part) in zip(before, found):
            part[:, 3] += place
        held, runs = (np.concatenate(parts) for parts in zip(*found))
        # From cell to cell whatever their region, as rows are read from memory once then.
        runs = runs[np.argsort(runs[:, 0], kind="stable")]
    whole = np.zeros((count, 2))
    _weigh_whole(held, runs, whole[:, :1], whole[:, 1:])
    return Weights(held, runs, whole)


def _runs(weight: Array, index: Array, region: int) -> tuple[Array, Array]:
    """Return the weights of the cells that count, and the runs that they form."""
    held, runs = np.empty(weight.size), np.empty((weight.size, 4), np.int64)
    count, used = _find_runs(weight, index, region, runs, held)
    return held[:used].copy(), runs[:count].copy()


def regional_sum(
    field: Array,
    weights: Weights,
    *,
    axes: tuple[int, ...],
    limits: tuple[float, float] = (-_LARGEST, _LARGEST),
) -> tuple[Array, int]:
    """Sum a field over the cells of each region.

    Parameters
    ----------
    field : array
        Amount per area; NaN and infinity are missing.
    weights : Weights
        From `region_weights`.
    axes : tuple of int
        Cell axes of `field`, in the order of those of the weights.
    limits : (float, float)
        Smallest and largest value; what lies beyond is missing.

    Returns
    -------
    sums : array (..., region, 3)
        float64. Along the last axis: sum of field x weight; weight of the cells with
        a value; weight of the cells without one.
    beyond : int
        How many numbers lie beyond the limits, counted in each region that they lie in.
    """
    rows = np.moveaxis(field, axes, range(-len(axes), 0))
    outer = rows.shape[: rows.ndim - len(axes)]
    rows = rows.reshape(-1, math.prod(field.shape[axis] for axis in axes))
    count = len(weights.whole)
    out = np.zeros((len(rows), count, 3))
    lost = np.zeros_like(out)
    out[:, :, 1], lost[:, :, 1] = weights.whole[:, 0], weights.whole[:, 1]
    beyond = 0
    for part, values in _pieces(rows):
        beyond += _sum_runs(
            values, weights.held, weights.runs, *map(float, limits), out[part], lost[part]
        )
    return (out + lost).reshape(*outer, count, 3), beyond


def account(sums: Array, *, skipna: bool, min_valid: float) -> Array:
    """Say of sums over regions what they are worth.

    Parameters
    ----------
    sums : array (..., 3)
        From `regional_sum`, added up over chunks.
    skipna : bool
        False: NaN where any area has no value.
    min_valid : float
        NaN where less than this share of the area has values.

    Returns
    -------
    array (..., 4)
        Integral, share of the area that has no value, area with values, mean. Integral
        and mean are NaN where nothing, or too little, has values; the share is NaN
        where there is no area.
    """
    integral, valid, missing = np.moveaxis(sums, -1, 0)
    area = valid + missing
    enough = valid > 0
    if not skipna:
        enough &= missing == 0
    elif min_valid > 0:
        # The margin is the rounding of two sums of areas.
        enough &= valid >= (min_valid - 1e-9) * area
    integral = np.where(enough, integral, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([integral, missing / area, valid, integral / valid], axis=-1)


def _checked(values: Array, largest: float, called: str) -> Array:
    """Return weights as float64 with NaN as 0; refuse what cannot be a weight."""
    known = np.empty(values.shape)
    given = np.ascontiguousarray(values, np.float64)
    low, high = _without_nan(given.reshape(-1), known.reshape(-1))
    # Shares are sums of parts in float32 at times, and then exceed 1 by its rounding.
    if low < 0.0 or high > largest + 1e-5 or not np.isfinite(high):
        reach = f"{low:g} to {high:g}"
        expected = "0 or more" if np.isinf(largest) else "0 to 1; divide percent by 100"
        raise InputError(f"{called} runs from {reach}, expected {expected}")
    return known


def _pieces(rows: Array) -> Iterator[tuple[slice, Array]]:
    """Cut a matrix into a few rows at a time, contiguous and of a dtype that loops know."""
    known = rows.dtype if rows.dtype in (np.float32, np.float64) else np.dtype(np.float64)
    height = max(1, _TILE // max(1, rows.shape[1]))
    for start in range(0, len(rows), height):
        part = slice(start, start + height)
        yield part, np.ascontiguousarray(rows[part], known)
