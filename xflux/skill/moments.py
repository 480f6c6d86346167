"""Sums over pairs from which every metric follows, in a form that merges.

One pass over the data gives, for each cell and group, the moments below. Blocks
merge by the rule of Chan et al. (1983): centred sums stay centred, so that nothing
cancels, and the result does not depend on how the data were split.

References
----------
Chan, T. F., Golub, G. H., LeVeque, R. J. (1983): Algorithms for computing the sample
variance. The American Statistician 37, 242-247.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xflux.errors import InputError

__all__ = ["MOMENTS", "Moments", "check_weights", "empty", "merge", "of_pairs", "resample"]

Floats = NDArray[np.float64]

#: Pairs worked on at a time: small enough to stay in the cache, and it bounds the memory.
_TILE = 1 << 16


class Moments(NamedTuple):
    """Moments of pairs (o observed, p predicted, w weight), each an array of one shape.

    Attributes
    ----------
    n : ndarray
        Number of pairs.
    weight : ndarray
        Sum of w.
    mean_observed, mean_predicted : ndarray
        Weighted means; 0 where there is no pair.
    square_observed, square_predicted, cross : ndarray
        Sums of w (o - mean)^2, w (p - mean)^2 and w (o - mean) (p - mean).
    error, error_square, error_absolute : ndarray
        Sums of w (p - o), w (p - o)^2 and w abs(p - o).
    min_observed, max_observed, min_predicted, max_predicted : ndarray
        Extremes; infinite where there is no pair.
    """

    n: Floats
    weight: Floats
    mean_observed: Floats
    mean_predicted: Floats
    square_observed: Floats
    square_predicted: Floats
    cross: Floats
    error: Floats
    error_square: Floats
    error_absolute: Floats
    min_observed: Floats
    max_observed: Floats
    min_predicted: Floats
    max_predicted: Floats

    @classmethod
    def split(cls, state: Floats) -> Moments:
        """Take a stack apart along its last axis."""
        return cls(*(state[..., position] for position in range(MOMENTS)))

    def stack(self) -> Floats:
        """Stack the moments along a new last axis."""
        return np.stack(np.broadcast_arrays(*self), axis=-1)


#: How many moments there are: the length of the last axis of a stack.
MOMENTS = len(Moments._fields)


def empty(shape: tuple[int, ...]) -> Floats:
    """Return the moments of no pairs, which change nothing when merged.

    Parameters
    ----------
    shape : tuple of int
        Shape without the axis of the moments, which is last.
    """
    state = np.zeros((*shape, MOMENTS))
    for position, name in enumerate(Moments._fields):
        if name.startswith(("min", "max")):
            state[..., position] = np.inf if name.startswith("min") else -np.inf
    return state


def of_pairs(
    observed: ArrayLike,
    predicted: ArrayLike,
    weights: ArrayLike | None = None,
    codes: ArrayLike | None = None,
    groups: int = 1,
) -> Floats:
    """Compute the moments of pairs along the last axis.

    Parameters
    ----------
    observed, predicted : array_like
        Any shape ``(..., pairs)`` and any real dtype, broadcast against each other. A
        pair with a NaN does not count.
    weights : array_like, optional
        Not negative, no NaN. A pair of weight 0 does not count.
    codes : array_like of int, optional
        Group of each pair, 0 to `groups` - 1; a pair with a negative code does not count.
    groups : int
        Number of groups.

    Returns
    -------
    ndarray
        Shape ``(..., groups, moments)``, float64.

    Raises
    ------
    InputError
        When a weight is NaN or negative.
    """
    arrays = [np.asarray(observed), np.asarray(predicted)]
    if weights is not None:
        arrays.append(check_weights(np.asarray(weights)))
    if codes is not None:
        arrays.append(np.asarray(codes))
    arrays = list(np.broadcast_arrays(*arrays))
    shape = arrays[0].shape
    rows, columns = int(np.prod(shape[:-1])), shape[-1]
    # Reshaping keeps the dtype and, for one row of cells, copies nothing; float64 is per tile.
    flat = [array.reshape(rows, columns) for array in arrays]
    state = empty((rows, groups))
    for tile in _tiles(rows, columns):
        parts = [array[tile] for array in flat]
        o, p = parts[0].astype(np.float64), parts[1].astype(np.float64)
        w = parts[2].astype(np.float64) if weights is not None else None
        with np.errstate(invalid="ignore", over="ignore"):  # an infinite value gives NaN metrics
            if codes is None:
                part = _ungrouped(o, p, w)[:, None, :]
            else:
                part = _grouped(o, p, w, parts[-1].astype(np.int64), groups)
            state[tile[0]] = merge(np.stack([state[tile[0]], part]), axis=0)
    return state.reshape(*shape[:-1], groups, MOMENTS)


def check_weights(weights: NDArray[Any]) -> NDArray[Any]:
    """Return weights as they are, unless one is NaN or negative: an InputError."""
    if np.isnan(weights).any():
        raise InputError(
            "weights hold NaN: a weight cannot be missing. Replace the missing ones, for example "
            "by weights.fillna(0), which leaves their pairs out"
        )
    if (weights < 0).any():
        raise InputError(
            "weights hold negative values, which no metric is defined for; pass weights >= 0, "
            "such as cell areas"
        )
    return weights


def _tiles(rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    """Cut (rows, columns) into tiles: whole rows while they are short enough."""
    if columns == 0:
        return
    tall = max(1, _TILE // columns)
    wide = max(1, _TILE // tall)
    for row in range(0, rows, tall):
        for column in range(0, columns, wide):
            yield slice(row, row + tall), slice(column, column + wide)


def _ungrouped(o: Floats, p: Floats, w: Floats | None) -> Floats:
    """Moments of each row of a tile."""
    valid = ~(np.isnan(o) | np.isnan(p))
    if w is not None:
        valid &= w > 0
    weight = np.where(valid, 1.0 if w is None else w, 0.0)
    total = weight.sum(-1)
    some = np.where(total > 0, total, 1.0)
    held_o, held_p = np.where(valid, o, 0.0), np.where(valid, p, 0.0)
    mean_o = (weight * held_o).sum(-1) / some
    mean_p = (weight * held_p).sum(-1) / some
    deviation_o, deviation_p = held_o - mean_o[:, None], held_p - mean_p[:, None]
    weighted_o, error = weight * deviation_o, held_p - held_o
    weighted_error = weight * error
    return Moments(
        valid.sum(-1, dtype=np.float64),
        total,
        mean_o,
        mean_p,
        (weighted_o * deviation_o).sum(-1),
        (weight * deviation_p * deviation_p).sum(-1),
        (weighted_o * deviation_p).sum(-1),
        weighted_error.sum(-1),
        (weighted_error * error).sum(-1),
        np.abs(weighted_error).sum(-1),
        np.where(valid, o, np.inf).min(-1),
        np.where(valid, o, -np.inf).max(-1),
        np.where(valid, p, np.inf).min(-1),
        np.where(valid, p, -np.inf).max(-1),
    ).stack()


def _grouped(
    o: Floats, p: Floats, w: Floats | None, codes: NDArray[np.int64], groups: int
) -> Floats:
    """Moments of each row and group of a tile."""
    rows = o.shape[0]
    valid = ~(np.isnan(o) | np.isnan(p)) & (codes >= 0)
    if w is not None:
        valid &= w > 0
    cell = (np.arange(rows)[:, None] * groups + codes)[valid]
    o, p = o[valid], p[valid]
    weight = np.ones_like(o) if w is None else w[valid]

    def total(values: Floats | None) -> Floats:
        counted: Floats = np.bincount(cell, values, rows * groups).astype(np.float64)
        return counted

    def extreme(find: np.ufunc, values: Floats, start: float) -> Floats:
        found = np.full(rows * groups, start)
        find.at(found, cell, values)
        return found

    sum_w = total(weight)
    some = np.where(sum_w > 0, sum_w, 1.0)
    mean_o, mean_p = total(weight * o) / some, total(weight * p) / some
    deviation_o, deviation_p, error = o - mean_o[cell], p - mean_p[cell], p - o
    state = Moments(
        total(None),
        sum_w,
        mean_o,
        mean_p,
        total(weight * deviation_o**2),
        total(weight * deviation_p**2),
        total(weight * deviation_o * deviation_p),
        total(weight * error),
        total(weight * error**2),
        total(weight * np.abs(error)),
        extreme(np.minimum, o, np.inf),
        extreme(np.maximum, o, -np.inf),
        extreme(np.minimum, p, np.inf),
        extreme(np.maximum, p, -np.inf),
    ).stack()
    return state.reshape(rows, groups, MOMENTS)


def merge(state: Floats, axis: int | tuple[int, ...], keepdims: bool = False) -> Floats:
    """Merge the moments of parts into those of the whole.

    Parameters
    ----------
    state : ndarray
        Shape ``(..., moments)``.
    axis : int or tuple of int
        Axes of the parts, counted from the front.
    keepdims : bool
        Keep the merged axes with length 1.

    Returns
    -------
    ndarray
    """
    part = Moments.split(state)
    weight = part.weight.sum(axis, keepdims=True)
    some = np.where(weight > 0, weight, 1.0)
    mean_o = (part.weight * part.mean_observed).sum(axis, keepdims=True) / some
    mean_p = (part.weight * part.mean_predicted).sum(axis, keepdims=True) / some
    shift_o, shift_p = part.mean_observed - mean_o, part.mean_predicted - mean_p

    def total(values: Floats) -> Floats:
        summed: Floats = values.sum(axis, keepdims=True)
        return summed

    whole = Moments(
        total(part.n),
        weight,
        mean_o,
        mean_p,
        total(part.square_observed + part.weight * shift_o**2),
        total(part.square_predicted + part.weight * shift_p**2),
        total(part.cross + part.weight * shift_o * shift_p),
        total(part.error),
        total(part.error_square),
        total(part.error_absolute),
        part.min_observed.min(axis, keepdims=True, initial=np.inf),
        part.max_observed.max(axis, keepdims=True, initial=-np.inf),
        part.min_predicted.min(axis, keepdims=True, initial=np.inf),
        part.max_predicted.max(axis, keepdims=True, initial=-np.inf),
    ).stack()
    return whole if keepdims else whole.squeeze(axis)


def resample(state: Floats, counts: NDArray[np.integer]) -> Floats:
    """Merge parts as often as each was drawn.

    Parameters
    ----------
    state : ndarray
        Moments of the parts, shape ``(parts, moments)``.
    counts : ndarray of int
        How often each part was drawn, shape ``(draws, parts)``.

    Returns
    -------
    ndarray
        Shape ``(draws, moments)``: what `merge` gives for the parts drawn.

    Notes
    -----
    Matrix products in place of one merge a draw. The sums are centred on the mean of all
    parts, from which the mean of a draw differs little, so that the shift back cancels
    nothing that matters.
    """
    part = Moments.split(state)
    whole = Moments.split(merge(state, axis=0))
    times = counts.astype(np.float64)
    shift_o = part.mean_observed - whole.mean_observed
    shift_p = part.mean_predicted - whole.mean_predicted
    additive = np.stack(
        [
            part.n,
            part.weight,
            part.weight * shift_o,
            part.weight * shift_p,
            part.square_observed + part.weight * shift_o**2,
            part.square_predicted + part.weight * shift_p**2,
            part.cross + part.weight * shift_o * shift_p,
            part.error,
            part.error_square,
            part.error_absolute,
        ],
        axis=-1,
    )
    n, weight, sum_o, sum_p, square_o, square_p, cross, error, square, absolute = (
        times @ additive
    ).T
    some = np.where(weight > 0, weight, 1.0)
    mean_o, mean_p = sum_o / some, sum_p / some

    def extreme(find: np.ufunc, values: Floats, start: float) -> Floats:
        found: Floats = find.reduce(np.where(counts > 0, values, start), axis=1)
        return found

    return Moments(
        n,
        weight,
        whole.mean_observed + mean_o,
        whole.mean_predicted + mean_p,
        square_o - weight * mean_o**2,
        square_p - weight * mean_p**2,
        cross - weight * mean_o * mean_p,
        error,
        square,
        absolute,
        extreme(np.minimum, part.min_observed, np.inf),
        extreme(np.maximum, part.max_observed, -np.inf),
        extreme(np.minimum, part.min_predicted, np.inf),
        extreme(np.maximum, part.max_predicted, -np.inf),
    ).stack()
