"""Conservative regridding between rectilinear grids on the sphere: plain arrays.

The area that two cells share is a product of an overlap along latitude and one along
longitude, so that two small sparse matrices hold all weights (Jones 1999, Monthly Weather
Review 127, for the first-order scheme).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.numerics.sphere import continuous

__all__ = ["Overlap", "latitude_overlap", "longitude_overlap", "regrid"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Overlap:
    """What target cells share with source cells along one axis.

    Attributes
    ----------
    matrix : sparse array (target, source)
        Shared length: of the sine of latitude, or degrees of longitude.
    lengths : ndarray (target,)
        Whole lengths of target cells.
    """

    matrix: Any
    lengths: Floats

    @staticmethod
    def of(shared: Floats, lengths: Floats) -> Overlap:
        """Keep what is shared, without the rounding of edges that only touch."""
        from scipy.sparse import csr_array

        shared = np.where(shared > 1e-9 * lengths[:, None], shared, 0.0)
        return Overlap(csr_array(shared), lengths)


def latitude_overlap(source: Floats, target: Floats) -> Overlap:
    """Return the overlap of rows.

    Parameters
    ----------
    source, target : ndarray (n, 2)
        Lower and upper bounds, degrees north.
    """
    ours, theirs = (np.sort(np.sin(np.deg2rad(rows)), axis=1) for rows in (source, target))
    return Overlap.of(_shared(ours, theirs), theirs[:, 1] - theirs[:, 0])


def longitude_overlap(source: Floats, target: Floats) -> Overlap:
    """Return the overlap of columns, wherever the jump of 360 degrees lies.

    Parameters
    ----------
    source, target : ndarray (n, 2)
        Bounds, degrees east, such as (359.5, 0.5).
    """
    ours, theirs = (np.sort(continuous(columns), axis=1) for columns in (source, target))
    nearest = 360.0 * np.round((theirs.mean() - ours.mean()) / 360.0)
    shared = np.zeros((len(theirs), len(ours)))
    for turn in (-720.0, -360.0, 0.0, 360.0, 720.0):
        shared += _shared(ours + nearest + turn, theirs)
    return Overlap.of(shared, theirs[:, 1] - theirs[:, 0])


def _shared(ours: Floats, theirs: Floats) -> Floats:
    low = np.maximum(theirs[:, None, 0], ours[None, :, 0])
    high = np.minimum(theirs[:, None, 1], ours[None, :, 1])
    return np.maximum(high - low, 0.0)


def regrid(
    values: NDArray[Any], rows: Overlap, columns: Overlap, least: float
) -> tuple[NDArray[Any], Floats]:
    """Average what source cells hold over target cells, weighted by area.

    Parameters
    ----------
    values : ndarray (..., lat, lon)
        NaN where there is none.
    rows, columns : Overlap
    least : float
        Share of a target cell, 0 to 1, that cells with values must cover.

    Returns
    -------
    means : ndarray (..., lat, lon)
        Of the part of the cell that has values; NaN where that is less than `least`. In the dtype
        of `values`; sums are done in float64.
    covered : ndarray (..., lat, lon)
        Share of the target cell that has values, 1: means times it and the area conserve the
        integral.
    """
    there = np.isfinite(values)
    filled = np.where(there, values, 0.0).astype(np.float64)
    area = rows.lengths[:, None] * columns.lengths
    total = _apply(filled, rows, columns)
    whole = bool(there.all())
    one = there[(0,) * (values.ndim - 2)] if whole else there
    shared = _apply(one.astype(np.float64), rows, columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(shared >= max(least, 1e-9) * (1.0 - 1e-9) * area, total / shared, np.nan)
    covered = np.broadcast_to(shared / area, means.shape)
    return means.astype(values.dtype), covered


def _apply(values: Floats, rows: Overlap, columns: Overlap) -> Floats:
    """Multiply the last two axes by the matrices, others staying as they are."""
    outer = values.shape[:-2]
    flat = values.reshape(-1, *values.shape[-2:])
    by_lat = np.moveaxis(flat, 1, 0)
    summed = rows.matrix @ by_lat.reshape(by_lat.shape[0], -1)
    by_lon = np.moveaxis(summed.reshape(-1, *by_lat.shape[1:]), 2, 0)
    summed = columns.matrix @ by_lon.reshape(by_lon.shape[0], -1)
    result = np.moveaxis(summed.reshape(-1, *by_lon.shape[1:]), (0, 1, 2), (2, 1, 0))
    return np.ascontiguousarray(result).reshape(*outer, *result.shape[1:])
