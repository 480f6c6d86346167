"""Where chunks are cut, when an algorithm needs more of one dimension than the user's hold."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["at_least", "at_starts", "cut", "largest_chunks", "same_volume"]

Chunks = tuple[int, ...]


def largest_chunks(
    arrays: Sequence[xr.DataArray], sizes: Mapping[Hashable, int]
) -> dict[Hashable, Chunks]:
    """Return the chunks of the largest lazy array along each dimension; whole where none has it."""
    found: dict[Hashable, Chunks] = {}
    for array in sorted(arrays, key=lambda array: -array.size):
        if array.chunks is not None:
            for dim, blocks in array.chunksizes.items():
                found.setdefault(dim, blocks)
    return {dim: found.get(dim, (size,)) for dim, size in sizes.items()}


def at_least(chunks: Chunks, length: int) -> Chunks:
    """Join chunks until each has a length."""
    joined: list[int] = []
    for size in chunks:
        if joined and joined[-1] < length:
            joined[-1] += size
        else:
            joined.append(size)
    if len(joined) > 1 and joined[-1] < length:
        joined[-2:] = [joined[-2] + joined[-1]]
    return tuple(joined)


def at_starts(chunks: Chunks, starts: Sequence[int]) -> Chunks:
    """Move the edges of chunks to the next of some positions; before the first there is no edge.

    Parameters
    ----------
    chunks : tuple of int
    starts : sequence of int
        Ascending positions at which a chunk may begin.
    """
    total = sum(chunks)
    edges, at = [0], 0
    for size in chunks:
        at += size
        later = [start for start in starts[1:] if start >= at]
        edge = later[0] if later else total
        if edge > edges[-1]:
            edges.append(edge)
    return tuple(stop - start for start, stop in itertools.pairwise(edges))


def same_volume(
    chunks: dict[Hashable, Chunks], dim: Hashable, longer: Chunks
) -> dict[Hashable, Chunks]:
    """Lengthen chunks along a dimension, and cut the others, so that they stay of their size.

    Parameters
    ----------
    chunks : mapping of dim to tuple of int
        In the order in which dims are cut.
    dim : hashable
    longer : tuple of int
        Chunks along `dim`.
    """
    made = dict(chunks)
    parts = max(1, max(longer) // max(chunks[dim]))
    made[dim] = longer
    for other in chunks:
        if other == dim:
            continue
        largest = max(made[other])
        made[other] = cut(made[other], -(-largest // parts))
        parts = max(1, parts * max(made[other]) // largest)
    return made


def cut(chunks: Chunks, length: int) -> Chunks:
    """Cut chunks into pieces of at most a length."""
    pieces: list[int] = []
    for size in chunks:
        pieces += [length] * (size // length) + [size % length] * (size % length > 0)
    return tuple(pieces)
