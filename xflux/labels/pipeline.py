"""Run a plan: convert, check ranges, derive and compute in one pass per chunk."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import XfluxWarning
from xflux.labels.blockwise import blockwise, common_dtype
from xflux.labels.plan import Plan, Step
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Block", "Reader", "materialise", "run"]

#: Tiles are filled up to a multiple of this, so that compiled loops have no remainder: their
#: last, unvectorised turns may round otherwise, and results would depend on the chunks.
LANES = 64


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

    Attributes
    ----------
    readers : tuple of Reader
        One for each array that the block is called with, in that order.
    steps : tuple of Step
        Recipes, in an order in which each finds what it needs.
    finish : callable
        Gets a dict of canonical 1-D tiles and returns the outputs.
    outputs : int
    dtype : str
    """

    readers: tuple[Reader, ...]
    steps: tuple[Step, ...]
    finish: Callable[[dict[str, np.ndarray]], Sequence[np.ndarray]]
    outputs: int
    dtype: str

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...] | np.ndarray:
        from xflux.numerics.clean import clean
        from xflux.numerics.tiles import over_tiles

        dtype = np.dtype(self.dtype)
        dropped = dict.fromkeys((reader.name for reader in self.readers), 0)

        def tile(*raw: np.ndarray) -> Sequence[np.ndarray]:
            values: dict[str, np.ndarray] = {}
            cells = raw[0].size
            filled = cells + -cells % LANES
            for reader, array in zip(self.readers, raw, strict=True):
                values[reader.name], outside = clean(
                    array, reader.scale, reader.offset, reader.low, reader.high, dtype, filled
                )
                dropped[reader.name] += outside
            for step in self.steps:
                derived = step.function(*(values[need] for need in step.needs))
                row = variables[step.target]
                values[step.target], _ = clean(
                    _filled(derived, (filled,), dtype),
                    1.0,
                    0.0,
                    row.valid_min,
                    row.valid_max,
                    dtype,
                )
            return [np.broadcast_to(array, (filled,))[:cells] for array in self.finish(values)]

        results = over_tiles(tile, [np.asarray(array) for array in arrays], self.outputs, dtype)
        _warn_dropped(dropped)
        return results if self.outputs > 1 else results[0]


def _filled(values: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Return a contiguous tile; a recipe may return a constant."""
    array = np.asarray(values, dtype)
    return array if array.shape == shape else np.full(shape, array, dtype)


def _warn_dropped(dropped: dict[str, int]) -> None:
    for name, count in dropped.items():
        if count:
            row = variables[name]
            units = "" if row.units == "1" else f" {row.units}"
            guess = "percent" if row.units == "1" else "another unit than stated"
            warnings.warn(
                f"{name!r}: values outside {row.valid_min:g} to {row.valid_max:g}{units} became "
                f"NaN (a fill value that is not declared, or {guess}?)",
                XfluxWarning,
                stacklevel=2,
            )


def run(
    plan: Plan,
    finish: Callable[[dict[str, np.ndarray]], Sequence[np.ndarray]],
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
