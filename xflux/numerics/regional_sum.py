"""Sums of a field over regions, weighted by area, in float64 whatever the field's dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xflux.errors import InputError

__all__ = ["ACCOUNT", "account", "regional_sum"]

Array = np.ndarray[Any, Any]

#: What `account` returns along its last axis.
ACCOUNT = ("integral", "missing_area", "valid_area", "mean")

#: Values that are widened to float64 at a time (8 MB).
_TILE = 1_000_000


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
        cells, columns, summed = _crisp(weight, regions)
    else:
        cells, columns, summed = _shared(weight, _checked(regions, 1.0, "the share of a region"))
    if cells.size:
        everything = summed(np.ones((1, cells.size)))
        height = max(1, _TILE // cells.size)
        for start in range(0, len(rows), height):
            part = slice(start, start + height)
            values = rows[part, cells].astype(np.float64)
            missing = ~np.isfinite(values)
            out[part, columns, 1] = everything
            if missing.any():
                values[missing] = 0.0
                out[part, columns, 1] = summed(~missing)
                out[part, columns, 2] = summed(missing)
            out[part, columns, 0] = summed(values)
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
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
    # Shares are sums of parts in float32 at times, and then exceed 1 by its rounding.
    low, high = np.min(values, initial=0.0), np.max(values, initial=0.0)
    if low < 0.0 or high > largest + 1e-5 or not np.isfinite(high):
        reach = f"{low:g} to {high:g}"
        expected = "0 or more" if np.isinf(largest) else "0 to 1; divide percent by 100"
        raise InputError(f"{called} runs from {reach}, expected {expected}")
    return values


def _crisp(weight: Array, regions: Array | None) -> tuple[Array, Array, Callable[[Array], Array]]:
    """Sum where a cell lies in one region at most: one pass, however many regions."""
    index = np.zeros(weight.size, np.int32) if regions is None else regions.ravel()
    cells = np.flatnonzero((weight > 0) & (index >= 0))
    # With the cells of a region side by side, its sum is that of a run.
    cells = cells[np.argsort(index[cells], kind="stable")]
    columns, starts = np.unique(index[cells], return_index=True)
    used = weight[cells]
    return cells, columns, lambda rows: np.add.reduceat(rows * used, starts, axis=1)


def _shared(weight: Array, shares: Array) -> tuple[Array, Array, Callable[[Array], Array]]:
    """Sum where cells are shared among regions: a matrix product."""
    shares = shares.reshape(len(shares), -1)
    cells = np.flatnonzero((weight > 0) & np.any(shares > 0, axis=0))
    layers = (shares[:, cells] * weight[cells]).T
    return cells, np.arange(len(shares)), lambda rows: rows @ layers
