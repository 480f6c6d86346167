"""Cut a lazy Dataset into slabs along one dimension, each a whole number of Zarr chunks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Slabs", "chunks_of", "cut", "evenly_chunked", "zarr_chunks"]

#: Many slabs that are smaller cost more by their overhead, some 0.1 s, than their loss would.
SMALLEST_SLAB = 64 * 2**20
#: As many there are of smaller ones: bytes do not tell how slow a model is.
FEWEST_SLABS = 10
#: Of one variable in a slab: a graph of more is slow to start.
MOST_BLOCKS = 2000
#: About how many slabs a large Dataset is cut into.
USUAL_SLABS = 100
#: Zarr cannot compress chunks of 2 GiB, and what is in memory has no chunks of its own.
LARGEST_CHUNK = 128 * 2**20


@dataclass(frozen=True, slots=True)
class Slabs:
    """Where the slabs begin and end.

    Parameters
    ----------
    along : hashable or None
        Dimension; None where nothing is cut.
    size : int
        Of the dimension.
    length : int
        Of every slab but the last, which may be shorter.
    """

    along: Hashable | None
    size: int = 0
    length: int = 1

    def __len__(self) -> int:
        return ceil(self.size / self.length) if self.along is not None else 0

    def __getitem__(self, number: int) -> dict[Any, slice]:
        """Return the region of a slab, as `Dataset.isel` takes it."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        start = number * self.length
        return {self.along: slice(start, min(start + self.length, self.size))}

    def __iter__(self) -> Iterator[dict[Any, slice]]:
        return (self[number] for number in range(len(self)))


def evenly_chunked(ds: xr.Dataset) -> xr.Dataset:
    """Make chunks equal along each dimension, as Zarr wants; files of months are not.

    Parameters
    ----------
    ds : Dataset
        Lazy or not.

    Returns
    -------
    Dataset
        Lazy variables have the longest chunks of the largest of them, and only the last
        chunk is shorter.
    """
    lengths: dict[Hashable, int] = {}
    lazy: list[Any] = [variable for variable in ds.variables.values() if variable.chunks]
    for variable in sorted(lazy, key=lambda variable: -variable.nbytes):
        for dim, sizes in variable.chunksizes.items():
            lengths.setdefault(dim, max(sizes))
    even = ds.copy()
    for name, variable in ds.variables.items():
        if variable.chunks:
            wanted = {dim: lengths[dim] for dim in variable.dims}
            even.variables[name].data = variable.chunk(wanted).data
    return even


def zarr_chunks(ds: xr.Dataset, name: Hashable) -> tuple[int, ...]:
    """Return the chunk that a variable has on disk.

    Parameters
    ----------
    ds : Dataset
        As `evenly_chunked` returns it.
    name : hashable
        Lazy variables keep their chunks; others get those of the lazy ones where they
        share dimensions.
    """
    variable: Any = ds.variables[name]
    if variable.chunks is not None:
        return tuple(max(sizes[0], 1) for sizes in variable.chunks)
    lengths = [ds.chunksizes.get(dim, (size,))[0] for dim, size in variable.sizes.items()]
    while prod(lengths) * variable.dtype.itemsize > LARGEST_CHUNK:
        longest = lengths.index(max(lengths))
        lengths[longest] = ceil(lengths[longest] / 2)
    return tuple(max(length, 1) for length in lengths)


def chunks_of(
    ds: xr.Dataset, name: Hashable, region: dict[Any, slice]
) -> Iterator[tuple[str, tuple[slice, ...]]]:
    """Yield the chunks on disk that hold a slab of a variable.

    Parameters
    ----------
    ds : Dataset
        As `evenly_chunked` returns it.
    name : hashable
    region : dict
        By dimension; those that are not in it are whole.

    Yields
    ------
    str
        Name of the file, such as ``"0.3.1"``.
    tuple of slice
        What of the variable is in it.
    """
    variable: Any = ds.variables[name]
    along_each = []
    for dim, size, chunk in zip(variable.dims, variable.shape, zarr_chunks(ds, name), strict=True):
        part = region.get(dim, slice(0, size))
        along_each.append(
            [
                (start // chunk, slice(start, min(start + chunk, part.stop)))
                for start in range(part.start, part.stop, chunk)
            ]
        )
    for chunks in product(*along_each):
        yield ".".join(str(index) for index, _ in chunks) or "0", tuple(part for _, part in chunks)


def cut(ds: xr.Dataset, along: Hashable | None = None) -> Slabs:
    """Choose a dimension and the length of the slabs.

    Parameters
    ----------
    ds : Dataset
        As `evenly_chunked` returns it.
    along : hashable, optional
        Dimension; that along which the largest lazy variable has most chunks when not
        given.

    Returns
    -------
    Slabs
        Each has work for all threads that compute now, four blocks for each, or one
        where there would be fewer than ten slabs. Nothing is cut where no lazy variable
        has the dimension.
    """
    lazy: list[Any] = [variable for variable in ds.variables.values() if variable.chunks]
    if along is None:
        if not lazy:
            return Slabs(None)
        largest = max(lazy, key=lambda variable: variable.nbytes)
        along = max(largest.dims, key=lambda dim: len(largest.chunksizes[dim]))
    sliced = [variable for variable in lazy if along in variable.dims]
    if not sliced:
        return Slabs(None)
    # A row is what one chunk along the dimension holds.
    rows = len(ds.chunksizes[along])
    blocks = max(prod(len(sizes) for sizes in variable.chunks) for variable in sliced) / rows
    size = ds.sizes[along]
    nbytes = sum(variable.nbytes for variable in sliced) / max(rows, 1)
    threads = _threads()
    wanted = max(
        4 * threads / blocks,
        rows / USUAL_SLABS,
        SMALLEST_SLAB / nbytes if nbytes else rows,
    )
    # One block for each thread is what an interruption costs at least, however fine the slabs.
    most = max(rows // FEWEST_SLABS, ceil(threads / blocks), 1)
    chosen = max(1, min(ceil(min(wanted, MOST_BLOCKS / blocks, rows)), most))
    return Slabs(along, size, max(1, chosen * ds.chunksizes[along][0]))


def _threads() -> int:
    """Return how many threads would compute now, on this machine or on a cluster."""
    import dask
    from dask.base import get_scheduler
    from dask.system import CPU_COUNT

    client: Any = getattr(get_scheduler(), "__self__", None)
    if hasattr(client, "nthreads"):
        # A cluster that adapts may have no worker yet.
        return max(sum(client.nthreads().values()), 1)
    return int(dask.config.get("num_workers", None) or CPU_COUNT)
