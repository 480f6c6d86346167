"""Which cell of an axis a coordinate lies nearest to."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["nearest_cells"]

Array = np.ndarray[Any, Any]


def nearest_cells(
    wanted: Array, centres: Array, *, turn: float | None = None
) -> tuple[Array, Array]:
    """Return the nearest centre of each coordinate, and how far it is.

    Parameters
    ----------
    wanted : array [degrees]
        Of any shape; NaN is far from all.
    centres : array (cell,) [degrees]
        In any order.
    turn : float, optional
        After which coordinates start anew: 360 of longitudes, from 0 or from -180.

    Returns
    -------
    position : array of int
        In `centres`, shaped as `wanted`.
    apart : array [degrees]
        NaN where `wanted` is.
    """
    if turn is not None:
        wanted, centres = np.mod(wanted, turn), np.mod(centres, turn)
    order = np.argsort(centres, kind="stable")
    if turn is not None:
        # The last cell lies before the first, and the first behind the last.
        order = np.concatenate([order[-1:], order, order[:1]])
    line = centres[order]
    if turn is not None:
        line[[0, -1]] += (-turn, turn)
    after = np.minimum(np.searchsorted(line, wanted), line.size - 1)
    before = np.maximum(after - 1, 0)
    found = np.where(np.abs(wanted - line[before]) < np.abs(line[after] - wanted), before, after)
    return order[found], np.abs(line[found] - wanted)
