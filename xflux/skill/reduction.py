"""The one reduction: from labelled pairs, eager or lazy, to their moments.

Each chunk is read once and becomes a few numbers a cell and group; these merge in a
tree. All metrics come from the result, so that asking for nine costs as much as for one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xflux.skill.moments import MOMENTS, Floats, merge, of_pairs
from xflux.skill.sums import SUMS, add, sums_of_pairs

__all__ = ["GROUP", "MOMENT", "Codes", "Pair", "is_lazy", "pair_iqr", "pair_moments", "pair_sums"]

#: Dimensions of the result, beside those that are kept.
GROUP, MOMENT = "_group", "_moment"


@dataclass(frozen=True, slots=True)
class Pair:
    """What is compared: variables in one unit, on one grid.

    Attributes
    ----------
    observed, predicted : Variable
    weights : Variable or None
        Its dimensions are among those of the other two.
    units : str or None
    """

    observed: xr.Variable
    predicted: xr.Variable
    weights: xr.Variable | None = None
    units: str | None = None

    @property
    def dims(self) -> tuple[Hashable, ...]:
        """Dimensions of the predictions, then what the observations add."""
        return tuple(dict.fromkeys((*self.predicted.dims, *self.observed.dims)))


class Codes(NamedTuple):
    """Groups along some dimensions of the pairs.

    Attributes
    ----------
    variable : Variable of int64
        Position of each pair's group; negative for none. May be lazy.
    size : int
        Number of groups.
    """

    variable: xr.Variable
    size: int


def is_lazy(data: Any) -> bool:
    """Tell whether an array is a dask collection, without importing dask."""
    return hasattr(data, "__dask_graph__")


def pair_moments(pair: Pair, reduce: Sequence[Hashable], by: Sequence[Codes] = ()) -> xr.Variable:
    """Reduce pairs to moments, lazily where an input is lazy.

    Parameters
    ----------
    pair : Pair
    reduce : sequence of hashable
        Dimensions to reduce.
    by : sequence of Codes
        Groups, which are crossed; the last varies fastest.

    Returns
    -------
    Variable
        Dimensions kept, then `GROUP` and `MOMENT`; float64.
    """
    layout, arrays = _lay_out(pair, reduce, by)
    return _merged(partial(_moments_of_block, layout=layout), merge, MOMENTS, layout, arrays)


def pair_sums(pair: Pair, dim: Hashable, codes: Codes) -> xr.Variable:
    """Reduce pairs to the sums that means need; lighter than moments, for many groups.

    Parameters
    ----------
    pair : Pair
    dim : hashable
        Dimension to reduce, along which the groups lie.
    codes : Codes
        Eager.

    Returns
    -------
    Variable
        Dimensions kept, then `GROUP` and `MOMENT`: see `xflux.skill.sums.sums_of_pairs`.
    """
    layout, arrays = _lay_out(pair, (dim,), (codes,))
    return _merged(partial(_sums_of_block, layout=layout), add, SUMS, layout, arrays)


def _merged(
    kernel: Callable[..., Floats],
    join: Callable[..., Floats],
    length: int,
    layout: _Layout,
    arrays: Sequence[Any],
) -> xr.Variable:
    """Apply a kernel to each block and join the results in a tree."""
    dims = (*layout.order, GROUP, MOMENT)
    left = (*layout.kept, GROUP, MOMENT)
    if not any(is_lazy(array) for array in arrays):
        return xr.Variable(left, join(kernel(*arrays), axis=layout.reduced_axes, keepdims=False))
    import dask.array as da

    state = da.blockwise(
        kernel,
        dims,
        *_alternating(arrays, layout.dims),
        new_axes={GROUP: layout.groups, MOMENT: length},
        adjust_chunks=dict.fromkeys(layout.reduced, _one),
        dtype=np.float64,
        meta=np.empty((0,) * len(dims)),
        token="pairs",
    )
    if layout.reduced:
        state = da.reduction(
            state,
            chunk=_as_it_is,
            combine=join,
            aggregate=join,
            axis=layout.reduced_axes,
            dtype=np.float64,
            meta=np.empty((0,) * len(left)),
            name="merge-pairs",
        )
    return xr.Variable(left, state)


def pair_iqr(pair: Pair, reduce: Sequence[Hashable], by: Sequence[Codes] = ()) -> xr.Variable:
    """Interquartile range of the observations that have a prediction.

    Quartiles do not merge: the reduced dimensions are brought together in one chunk.

    Parameters
    ----------
    pair, reduce, by
        As of `pair_moments`; the weights must be None.

    Returns
    -------
    Variable
        Dimensions kept, then `GROUP`; linear interpolation between order statistics.
    """
    layout, arrays = _lay_out(pair, reduce, by)
    kernel = partial(_iqr_of_block, layout=layout)
    dims = (*layout.kept, GROUP)
    if not any(is_lazy(array) for array in arrays):
        return xr.Variable(dims, kernel(*arrays))
    import dask.array as da

    spread = da.blockwise(
        kernel,
        dims,
        *_alternating(arrays, layout.dims),
        new_axes={GROUP: layout.groups},
        concatenate=True,
        dtype=np.float64,
        meta=np.empty((0,) * len(dims)),
        token="pair-iqr",
    )
    return xr.Variable(dims, spread)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the arrays of a pair lie: each has some of the dimensions, in its own order.

    It goes into every task, and so holds no data.
    """

    kept: tuple[Hashable, ...]
    reduced: tuple[Hashable, ...]
    weighted: bool
    dims: tuple[tuple[Hashable, ...], ...]
    sizes: tuple[int, ...]

    @property
    def groups(self) -> int:
        """Number of combinations of all groups."""
        return math.prod(self.sizes)

    @property
    def order(self) -> tuple[Hashable, ...]:
        """All dimensions, those that are reduced last."""
        return (*self.kept, *self.reduced)

    @property
    def reduced_axes(self) -> tuple[int, ...]:
        """Where the reduced dimensions are in `order`."""
        return tuple(range(len(self.kept), len(self.order)))

    def left(self, flat: _Flat) -> tuple[int, ...]:
        """Shape of what a block leaves, without groups and moments."""
        return (*flat.observed.shape[:-1], *(1 for _ in self.reduced))

    def flatten(self, blocks: Sequence[NDArray[Any]]) -> _Flat:
        """Bring blocks to (kept dimensions ..., pairs)."""
        spread = [
            _expand(np.asarray(block), dims, self.order)
            for block, dims in zip(blocks, self.dims, strict=True)
        ]
        shape = np.broadcast_shapes(*(block.shape for block in spread))
        kept = shape[: len(self.kept)]

        def flat(block: NDArray[Any]) -> NDArray[Any]:
            pairs = math.prod(shape[len(self.kept) :])
            return np.broadcast_to(block, shape).reshape(*kept, pairs)

        codes = spread[2 + self.weighted :]
        return _Flat(
            flat(spread[0]),
            flat(spread[1]),
            flat(spread[2]) if self.weighted else None,
            flat(_crossed(codes, self.sizes)) if codes else None,
        )


class _Flat(NamedTuple):
    """Blocks brought to one shape."""

    observed: NDArray[Any]
    predicted: NDArray[Any]
    weights: NDArray[Any] | None
    codes: NDArray[np.int64] | None


def _crossed(codes: Sequence[NDArray[Any]], sizes: Sequence[int]) -> NDArray[np.int64]:
    """Number the combinations of groups; -1 where a pair is in none of one of them."""
    crossed: NDArray[np.int64] = codes[0].astype(np.int64)
    for other, size in zip(codes[1:], sizes[1:], strict=True):
        crossed = np.where((crossed >= 0) & (other >= 0), crossed * size + other, -1)
    return crossed


def _lay_out(
    pair: Pair, reduce: Sequence[Hashable], by: Sequence[Codes]
) -> tuple[_Layout, list[Any]]:
    """Return the layout, and the arrays that it is of."""
    used = [pair.observed, pair.predicted]
    if pair.weights is not None:
        used.append(pair.weights)
    used.extend(codes.variable for codes in by)
    layout = _Layout(
        tuple(dim for dim in pair.dims if dim not in reduce),
        tuple(dim for dim in pair.dims if dim in reduce),
        pair.weights is not None,
        tuple(variable.dims for variable in used),
        tuple(codes.size for codes in by),
    )
    return layout, [variable.data for variable in used]


def _alternating(arrays: Sequence[Any], dims: Sequence[tuple[Hashable, ...]]) -> list[Any]:
    """Arrays and their dimensions in turn, as blockwise takes them."""
    return [item for both in zip(arrays, dims, strict=True) for item in both]


def _expand(
    block: NDArray[Any], dims: Sequence[Hashable], order: Sequence[Hashable]
) -> NDArray[Any]:
    """Transpose a block to `order`, with length 1 along what it does not have."""
    present = [dim for dim in order if dim in dims]
    block = block.transpose([list(dims).index(dim) for dim in present])
    return block[tuple(slice(None) if dim in dims else None for dim in order)]


def _moments_of_block(*blocks: NDArray[Any], layout: _Layout) -> Floats:
    flat = layout.flatten(blocks)
    state = of_pairs(*flat, layout.groups)
    return state.reshape(*layout.left(flat), layout.groups, MOMENTS)


def _sums_of_block(*blocks: NDArray[Any], layout: _Layout) -> Floats:
    *pairs, codes = blocks
    flat = replace(layout, dims=layout.dims[:-1], sizes=()).flatten(pairs)
    state = sums_of_pairs(*flat[:3], np.asarray(codes), layout.groups)
    return state.reshape(*layout.left(flat), layout.groups, SUMS)


def _iqr_of_block(*blocks: NDArray[Any], layout: _Layout) -> Floats:
    flat = layout.flatten(blocks)
    observed = np.where(np.isnan(flat.predicted), np.nan, flat.observed.astype(np.float64))
    if flat.codes is None:
        return _iqr(observed)[..., None]
    spread = np.empty((*observed.shape[:-1], layout.groups))
    for group in range(layout.groups):
        spread[..., group] = _iqr(np.where(flat.codes == group, observed, np.nan))
    return spread


def _iqr(values: Floats) -> Floats:
    """Interquartile range along the last axis, NaN left out."""
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], np.nan)
    ranked = np.sort(values, axis=-1)  # NaN come last
    last = np.maximum((~np.isnan(values)).sum(-1, keepdims=True) - 1, 0)

    def quantile(fraction: float) -> Floats:
        position = last * fraction
        below = np.floor(position).astype(np.int64)
        above = np.minimum(below + 1, last)
        low = np.take_along_axis(ranked, below, axis=-1)
        high = np.take_along_axis(ranked, above, axis=-1)
        return (low + (high - low) * (position - below))[..., 0]

    return quantile(0.75) - quantile(0.25)


def _one(size: float) -> int:
    """Chunk size of what a block leaves along a reduced dimension."""
    return 1


def _as_it_is(state: Floats, axis: tuple[int, ...], keepdims: bool) -> Floats:
    return state
