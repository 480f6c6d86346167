"""Sums over pairs for means alone: lighter than moments where there are many groups.

A mean seasonal cycle of a grid has twelve groups a pixel, with a few pairs each: the
moments of those would outweigh the data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xflux.skill.moments import Floats, check_weights

__all__ = ["SUMS", "add", "sums_of_pairs"]

#: Values worked on at a time, as in `xflux.skill.moments`.
_TILE = 1 << 16

#: How many sums `sums_of_pairs` returns.
SUMS = 4


def sums_of_pairs(
    observed: ArrayLike,
    predicted: ArrayLike,
    weights: ArrayLike | None,
    codes: NDArray[np.int64],
    groups: int,
) -> Floats:
    """Sum pairs along the last axis, group by group: what a mean needs, and no more.

    Parameters
    ----------
    observed, predicted, weights
        As of `of_pairs`.
    codes : ndarray of int64
        Group of each place along the last axis, the same for every row.
    groups : int
        Number of groups.

    Returns
    -------
    ndarray
        Shape ``(..., groups, 4)``: number of pairs, sums of w, w o and w p. It adds up.
    """
    arrays = [np.asarray(observed), np.asarray(predicted)]
    if weights is not None:
        arrays.append(check_weights(np.asarray(weights)))
    arrays = list(np.broadcast_arrays(*arrays))
    shape = arrays[0].shape
    rows, columns = int(np.prod(shape[:-1])), shape[-1]
    state = np.zeros((rows, groups, SUMS))
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)
    flat = [array.reshape(rows, columns) for array in arrays]
    tall = max(1, _TILE // max(columns, 1))
    for row in range(0, rows if columns else 0, tall):
        o, p, *w = (array[row : row + tall, order].astype(np.float64) for array in flat)
        valid = ~(np.isnan(o) | np.isnan(p))
        if w:
            valid &= w[0] > 0
        weight = np.where(valid, w[0] if w else 1.0, 0.0)
        terms = valid, weight, weight * np.where(valid, o, 0.0), weight * np.where(valid, p, 0.0)
        for position, term in enumerate(terms):
            state[row : row + tall, present, position] = np.add.reduceat(
                term, starts, axis=1, dtype=np.float64
            )
    return state.reshape(*shape[:-1], groups, SUMS)


def add(state: Floats, axis: int | tuple[int, ...], keepdims: bool = False) -> Floats:
    """Join the sums of parts."""
    added: Floats = state.sum(axis, keepdims=keepdims)
    return added
