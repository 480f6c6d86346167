"""Sums of a field over regions, weighted by area, in float64 whatever the field's dtype."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from xflux.errors import InputError
from xflux.numerics.jit import inline, jit

__all__ = ["ACCOUNT", "account", "regional_sum"]

Array = np.ndarray[Any, Any]

#: What `account` returns along its last axis.
ACCOUNT = ("integral", "missing_area", "valid_area", "mean")

#: Values that are widened to float64 at a time (8 MB), or copied where they are not contiguous.
_TILE = 1_000_000

#: Cells that are summed plainly, in the lanes of a processor; such sums are added up with what
#: their rounding loses.
_RUN = 512


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
def _find_runs(weight, index, runs):
    """Write start, stop and region of neighbours in one region; return how many there are."""
    count = 0
    start = 0
    before = -1
    for i in range(weight.size + 1):
        here = -1
        if i < weight.size and weight[i] > 0.0:
            here = index[i]
        if here != before or i - start == _RUN:
            if before >= 0:
                runs[count, 0], runs[count, 1], runs[count, 2] = start, i, before
                count += 1
            start, before = i, here
    return count


@inline(fastmath=frozenset())
def _add(sums, lost, value):
    """Add up, and apart from it what rounding loses (Knuth's two-sum)."""
    total = sums[0] + value
    there = total - sums[0]
    lost[0] += (sums[0] - (total - there)) + (value - there)
    sums[0] = total


@jit
def _sum_runs(rows, weight, runs, sums, lost):
    for t in range(rows.shape[0]):
        row = rows[t]
        for k in range(runs.shape[0]):
            integral = valid = missing = 0.0
            for i in range(runs[k, 0], runs[k, 1]):
                there = np.isfinite(row[i])
                integral += row[i] * weight[i] if there else 0.0
                valid += weight[i] if there else 0.0
                missing += 0.0 if there else weight[i]
            region = runs[k, 2]
            _add(sums[t, region, 0:], lost[t, region, 0:], integral)
            _add(sums[t, region, 1:], lost[t, region, 1:], valid)
            _add(sums[t, region, 2:], lost[t, region, 2:], missing)


def regional_sum(
    field: Array,
    area: Array,
    fraction: Array | None,
    regions: Array | None,
    *,
    axes: tuple[int, ...],
    count: int,
) -> Array:
    """Sum a field over the cells of each region.

    Parameters
    ----------
    field : array
        Amount per area; NaN and infinity are missing.
    area : array (cell axes)
        Area of each cell, m2; NaN is 0.
    fraction : array (cell axes) or None
        Share of each cell that counts, 0 to 1; NaN is 0, None is 1.
    regions : array or None
        Integers (cell axes): position of the cell's region, -1 outside of all. Else
        (region, cell axes): share of the cell in each region, 0 to 1, NaN is 0.
        None: one region, all cells.
    axes : tuple of int
        Cell axes of `field`, in the order of those of `area`.
    count : int
        Number of regions.

    Returns
    -------
    array (..., region, 3)
        float64. Along the last axis: sum of field x weight; weight of the cells with
        a value; weight of the cells without one.

    Raises
    ------
    InputError
        For an area below 0, or a share outside 0 to 1.
    """
    weight = _weights(area, fraction)
    rows = np.moveaxis(field, axes, range(-len(axes), 0))
    outer = rows.shape[: rows.ndim - len(axes)]
    rows = rows.reshape(-1, weight.size)
    out = np.zeros((len(rows), count, 3))
    if regions is None or regions.ndim == area.ndim:
        index = np.zeros(weight.size, np.int32) if regions is None else regions.ravel()
        _sum_crisp(rows, weight, index, out)
    else:
        _sum_shared(rows, weight, _checked(regions, 1.0, "the share of a region"), out)
    return out.reshape(*outer, count, 3)


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


def _weights(area: Array, fraction: Array | None) -> Array:
    weight = _checked(area, np.inf, "the area of a cell")
    if fraction is not None:
        weight = weight * _checked(fraction, 1.0, "the land fraction")
    return weight.ravel()


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


def _sum_crisp(rows: Array, weight: Array, index: Array, out: Array) -> None:
    """Sum where a cell lies in one region at most: one pass, however many regions."""
    index = index.astype(np.int64)
    last = int(index.max(initial=-1))
    if last >= out.shape[1]:
        raise InputError(f"a cell lies in region {last}, but there are {out.shape[1]}")
    runs = np.empty((weight.size, 3), np.int64)
    runs = runs[: _find_runs(weight, index, runs)]
    lost = np.zeros_like(out)
    for part, values in _pieces(rows):
        _sum_runs(values, weight, runs, out[part], lost[part])
    out += lost


def _sum_shared(rows: Array, weight: Array, shares: Array, out: Array) -> None:
    """Sum where cells are shared among regions: a matrix product."""
    shares = shares.reshape(len(shares), -1)
    cells = np.flatnonzero((weight > 0) & np.any(shares > 0, axis=0))
    layers = (shares[:, cells] * weight[cells]).T
    everything = np.sum(layers, axis=0)
    for part, values in _pieces(rows):
        used = values[:, cells].astype(np.float64)
        missing = ~np.isfinite(used)
        out[part, :, 1] = everything
        if missing.any():
            used[missing] = 0.0
            out[part, :, 1] = ~missing @ layers
            out[part, :, 2] = missing @ layers
        out[part, :, 0] = used @ layers


def _pieces(rows: Array) -> Iterator[tuple[slice, Array]]:
    """Cut a matrix into a few rows at a time, contiguous and of a dtype that loops know."""
    known = rows.dtype if rows.dtype in (np.float32, np.float64) else np.dtype(np.float64)
    height = max(1, _TILE // max(1, rows.shape[1]))
    for start in range(0, len(rows), height):
        part = slice(start, start + height)
        yield part, np.ascontiguousarray(rows[part], known)
