"""Run a plan: convert, check ranges, derive and compute in one pass per chunk."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import XfluxWarning
from xflux.labels.blockwise import blockwise, common_dtype
from xflux.labels.plan import Plan, Step
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Block", "Reader", "materialise", "run", "said_of_dropped"]

#: Gets canonical tiles by name and returns the outputs.
Finish = Callable[[dict[str, np.ndarray]], Sequence[np.ndarray]]

#: Tiles are filled up to a multiple of this, so that compiled loops have no remainder: their
#: last, unvectorised turns may round otherwise, and results would depend on the chunks.
LANES = 64

#: Bytes of one array of a tile. Compiled loops run long enough for the Python around them, and
#: for a thread that waits for its turn there, not to matter; and the dozen arrays of a tile
#: still stay in a second- or third-level cache.
_BYTES = 4 * 126_976


@dataclass(frozen=True)
class Reader:
    """How one raw array becomes a canonical one, tile by tile."""

    name: str
    scale: float
    offset: float
    low: float
    high: float


@dataclass(frozen=True)
class Block:
    """The work on one chunk, as one picklable callable of plain arrays.

    What is smaller than the chunk, as an elevation is beside a series of maps, is converted
    once, with what is derived from it alone, and repeated in every tile.

    Attributes
    ----------
    readers : tuple of Reader
        One for each array that the block is called with, in that order.
    steps : tuple of Step
        Recipes, in an order in which each finds what it needs.
    finish : callable
        Gets a dict of canonical 1-D tiles and returns the outputs. To a model of the
        user's the tiles belong: it may change them, return them and keep them.
    outputs : int
    dtype : str
    """

    readers: tuple[Reader, ...]
    steps: tuple[Step, ...]
    finish: Finish
    outputs: int
    dtype: str

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...] | np.ndarray:
        from xflux.numerics.scratch import scratch

        dtype = np.dtype(self.dtype)
        shape = np.broadcast_shapes(*(np.shape(array) for array in arrays))
        dropped = dict.fromkeys((reader.name for reader in self.readers), 0)
        small: dict[str, np.ndarray] = {}

        def once(name: str, part: _Pass) -> bool:
            if math.prod(part.shape) == math.prod(shape):
                return False
            (small[name],) = part.run(_Pick(name), 1)
            return True

        with scratch(_BYTES):
            whole = _Pass(shape, dtype, dropped, _only_read(self.finish, self.steps), small)
            for reader, array in zip(self.readers, map(np.asarray, arrays), strict=True):
                part = _Pass(array.shape, dtype, dropped, True, readers=[(reader, array)])
                if not once(reader.name, part):
                    whole.readers.append((reader, array.reshape(shape)))
            for step in self.steps:
                needs = {need: small[need] for need in step.needs if need in small}
                own = np.broadcast_shapes(*(array.shape for array in needs.values()))
                part = _Pass(own, dtype, dropped, False, needs, steps=[step])
                if len(needs) < len(step.needs) or not once(step.target, part):
                    whole.steps.append(step)
            results = whole.run(self.finish, self.outputs)
        _warn_dropped(dropped)
        return results if self.outputs > 1 else results[0]


@dataclass
class _Pass:
    """Canonical values over one shape, tile by tile.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    dropped : dict of str to int
        How many values of each array were outside its range; counted up.
    shared : bool
        Whether a tile may be a part of a raw array that needs no conversion.
    small : dict of str to ndarray
        Canonical values that broadcast to the shape.
    readers : list of (Reader, ndarray)
        Raw arrays of the shape.
    steps : list of Step
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    dropped: dict[str, int]
    shared: bool
    small: dict[str, np.ndarray] = field(default_factory=dict)
    readers: list[tuple[Reader, np.ndarray]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def run(self, finish: Finish, outputs: int) -> tuple[np.ndarray, ...]:
        """Return what `finish` makes of the values."""
        from xflux.numerics.tiles import over_tiles

        def tile(slab: tuple[Any, ...], start: int, cells: int) -> Sequence[np.ndarray]:
            filled = cells + -cells % LANES
            values = self._values((*slab, ...), slice(start, start + filled), filled)
            return [np.broadcast_to(array, (filled,)) for array in finish(values)]

        return over_tiles(tile, self.shape, outputs, self.dtype, _BYTES // self.dtype.itemsize)

    def _values(self, slab: Any, stretch: slice, filled: int) -> dict[str, np.ndarray]:
        """Return canonical 1-D tiles, given where they lie in the shape and in memory."""
        from xflux.numerics.clean import clean
        from xflux.numerics.scratch import empty

        values: dict[str, np.ndarray] = {}
        for reader, array in self.readers:
            found = self._as_it_is(reader, array, stretch, filled)
            if found is None:
                found = empty(filled, self.dtype)
                self.dropped[reader.name] += clean(
                    array[slab], reader.scale, reader.offset, reader.low, reader.high, found
                )
            values[reader.name] = found
        for name, array in self.small.items():
            part = np.broadcast_to(array, self.shape)[slab]
            values[name] = found = empty(filled, self.dtype)
            found[: part.size].reshape(part.shape)[...] = part
            found[part.size :] = found[part.size - 1]
        for step in self.steps:
            values[step.target] = found = empty(filled, self.dtype)
            _derive(step, [values[need] for need in step.needs], found)
        return values

    def _as_it_is(
        self, reader: Reader, array: np.ndarray, stretch: slice, filled: int
    ) -> np.ndarray | None:
        """Return a part of a raw array, if it is what would come of its conversion."""
        from xflux.numerics.clean import is_clean

        plain = self.shared and reader.scale == 1.0 and reader.offset == 0.0
        # For read-only or unaligned memory, the loops of the models would be compiled once more.
        if not plain or array.dtype != self.dtype or not array.flags.carray:
            return None
        # A tile is filled up with the cells that follow; at the end there are none.
        part = array.reshape(-1)[stretch]
        fits = part.size == filled and is_clean(part, reader.low, reader.high)
        return part if fits else None


def _derive(step: Step, needs: Sequence[np.ndarray], out: np.ndarray) -> None:
    """Run a recipe in pieces, as NumPy takes memory of its own for what lies in between."""
    from xflux.numerics.clean import clean
    from xflux.numerics.tiles import tile_size

    row = variables[step.target]
    size = tile_size(out.dtype)
    for start in range(0, out.size, size):
        piece = out[start : start + size]
        derived = step.function(*(need[start : start + size] for need in needs))
        # A recipe may return a constant, or one of its inputs.
        values = np.broadcast_to(np.asarray(derived, out.dtype), piece.shape)
        clean(values, 1.0, 0.0, row.valid_min, row.valid_max, piece)


def _only_read(finish: Finish, steps: Sequence[Step]) -> bool:
    """Tell whether all that gets the tiles is ours, and leaves them as they are.

    A model of the user's may write into what it gets: it gets copies.
    """
    called = [type(model) for model in getattr(finish, "models", (finish,))]
    modules = [getattr(item, "__module__", "") for item in (*called, *(s.function for s in steps))]
    return all(str(module).startswith("xflux.") for module in modules)


def _warn_dropped(dropped: dict[str, int]) -> None:
    for name, count in dropped.items():
        if count:
            warnings.warn(said_of_dropped(name), XfluxWarning, stacklevel=2)


def said_of_dropped(name: str) -> str:
    """Say that values of a variable lay outside its range."""
    row = variables[name]
    units = "" if row.units == "1" else f" {row.units}"
    guess = "percent" if row.units == "1" else "another unit than stated"
    return (
        f"{name!r}: values outside {row.valid_min:g} to {row.valid_max:g}{units} became NaN (a "
        f"fill value that is not declared, or {guess}?)"
    )


def run(
    plan: Plan,
    finish: Finish,
    outputs: int,
) -> list[xr.DataArray]:
    """Run a plan and what follows it on every chunk, in one call per chunk.

    Parameters
    ----------
    plan : Plan
    finish : callable
        Picklable; gets canonical 1-D tiles by name, returns `outputs` of them.
    outputs : int

    Returns
    -------
    list of DataArray
        Lazy where a source is lazy; without attributes.
    """
    sources = list(plan.sources.values())
    readers = tuple(
        Reader(
            source.name,
            source.scale,
            source.offset,
            variables[source.name].valid_min,
            variables[source.name].valid_max,
        )
        for source in sources
    )
    arrays = [source.array for source in sources]
    dtype = common_dtype(arrays)
    block = Block(readers, tuple(plan.steps), finish, outputs, dtype.str)
    called = [
        repr(source.found)
        if source.found == source.name
        else f"{source.found!r} (as {source.name!r})"
        for source in sources
    ]
    return blockwise(block, arrays, outputs=outputs, dtype=dtype, called=called)


@dataclass(frozen=True)
class _Pick:
    name: str

    def __call__(self, values: dict[str, np.ndarray]) -> Sequence[np.ndarray]:
        return (values[self.name],)


def materialise(plan: Plan, name: str) -> xr.DataArray:
    """Return one variable of a plan in canonical units, lazily and without attributes."""
    part = plan.for_targets([name])
    if not part.sources:
        # A constant (ground heat flux 0) takes the shape of nothing.
        import xarray as xr

        (step,) = part.steps
        return xr.DataArray(np.float32(step.function()), name=name)
    (array,) = run(part, _Pick(name), 1)
    return array.rename(name)
