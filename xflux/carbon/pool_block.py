"""The pool model on one chunk: plain arrays with time last, in any number of cells."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.pool_kernel import LOSSES, PARAMETERS, POOLS, advance, steady_state
from xflux.errors import XfluxWarning

__all__ = ["PoolBlock"]

#: Cells of a tile are filled up to a multiple of this, so that compiled loops have no remainder,
#: whose rounding would make results depend on the chunks.
_LANES = 64
#: Values of one array of a tile: all that a tile needs stays in a cache.
_VALUES = 60_000


@dataclass(frozen=True)
class PoolBlock:
    """The work on one chunk, as one picklable callable of plain arrays.

    Called with npp, the losses, the parameters and, where `initial` says so, the pools at the
    start. Returns the pools at the end of each step, heterotrophic respiration, and the pools
    at the start.

    Attributes
    ----------
    length : tuple of int
        Which of `lengths` each step has.
    lengths : tuple of float
        Distinct lengths of steps, years.
    year : tuple of int
        Which year along the parameters each step uses.
    year_days : float
        Days in a year.
    spinup : int
        Number of the first steps whose mean npp the pools are in balance with.
    losses : tuple of int
        Which of `LOSSES` are given.
    yearly : tuple of bool
        Which parameters have the years along their last axis.
    initial : bool
        Whether pools at the start are given.
    dtype : str
        Of what is returned; inside all is float64.
    """

    length: tuple[int, ...]
    lengths: tuple[float, ...]
    year: tuple[int, ...]
    year_days: float
    spinup: int
    losses: tuple[int, ...]
    yearly: tuple[bool, ...]
    initial: bool
    dtype: str

    def __call__(self, npp: Any, *rest: Any) -> tuple[NDArray[Any], ...]:
        arrays = [np.asarray(array) for array in rest]
        fluxes = [np.asarray(npp), *arrays[: len(self.losses)]]
        parameters = arrays[len(self.losses) :][: len(PARAMETERS)]
        start = arrays[len(self.losses) + len(PARAMETERS) :]
        shape = np.broadcast_shapes(
            *(flux.shape[:-1] for flux in fluxes),
            *(a.shape[:-1] if y else a.shape for a, y in zip(parameters, self.yearly, strict=True)),
            *(pool.shape for pool in start),
        )
        columns = [_columns(flux, shape) for flux in fluxes]
        per_year = [
            _columns(array if yearly else array[..., None], shape)
            for array, yearly in zip(parameters, self.yearly, strict=True)
        ]
        begin = [_columns(pool[..., None], shape) for pool in start]
        return self._run(columns, per_year, begin, shape)

    def _run(
        self,
        fluxes: list[NDArray[Any]],
        parameters: list[NDArray[Any]],
        start: list[NDArray[Any]],
        shape: tuple[int, ...],
    ) -> tuple[NDArray[Any], ...]:
        steps, cells, dtype = len(self.length), math.prod(shape), np.dtype(self.dtype)
        ends = np.empty((len(POOLS) + 1, steps, cells), dtype)
        starts = np.empty((len(POOLS), cells), dtype)
        years = max(array.shape[0] for array in parameters)
        tile = max(_LANES, _VALUES // max(steps, 1) // _LANES * _LANES)
        wrong, overdrawn, shrinking = 0, 0, 0
        length, lengths, year = np.array(self.length), np.array(self.lengths), np.array(self.year)
        room = _Room(0, steps, years, len(self.losses))
        for first in range(0, cells, tile):
            here = slice(first, min(first + tile, cells))
            count = here.stop - here.start
            width = -(-count // _LANES) * _LANES
            # Memory is kept from tile to tile: new pages would cost more than the work.
            if room.npp.shape[1] != width:
                room = _Room(width, steps, years, len(self.losses))
            room.npp[:, :count] = fluxes[0][:, here]
            room.npp *= self.year_days
            for place, flux in zip(self.losses, fluxes[1:], strict=True):
                room.losses[place, :, :count] = flux[:, here]
            room.losses *= self.year_days
            for target, array in zip(room.parameters, parameters, strict=True):
                target[:, :count] = array[:, here]
            wrong += _clean(room.parameters[..., :count])
            if start:
                for target, array in zip(room.pools, start, strict=True):
                    target[:count] = array[0, here]
            else:
                mean = self._mean(room.npp)
                shrinking += int(np.count_nonzero(mean[:count] < 0))
                steady_state(mean, room.parameters, room.pools)
            starts[:, here] = room.pools[:, :count]
            overdrawn += advance(
                room.npp, room.losses, length, lengths, year, room.parameters, room.pools, room.out
            )
            room.out[-1] /= self.year_days
            ends[:, :, here] = room.out[..., :count]
        _warn(wrong, overdrawn, shrinking)
        by_step = (np.moveaxis(end.reshape((steps, *shape)), 0, -1) for end in ends)
        return (*by_step, *(begin.reshape(shape) for begin in starts))

    def _mean(self, npp: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return mean npp over the spin-up, summed step by step whatever the tile."""
        weights = np.array(self.lengths)[np.array(self.length[: self.spinup], np.intp)]
        total = np.zeros(npp.shape[1])
        for weight, values in zip(weights, npp, strict=False):
            total += weight * values
        return np.asarray(total / weights.sum())


class _Room:
    """Arrays of one tile; cells that fill it up have nothing and lose nothing."""

    def __init__(self, width: int, steps: int, years: int, losses: int) -> None:
        self.npp = np.zeros((steps, width))
        self.losses = np.zeros((len(LOSSES) if losses else 0, steps, width))
        self.parameters = np.ones((len(PARAMETERS), years, width))
        self.pools = np.zeros((len(POOLS), width))
        self.out = np.empty((len(POOLS) + 1, steps, width))


def _columns(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array with its last axis first and cells in a row."""
    spread = np.broadcast_to(array, (*shape, array.shape[-1]))
    return np.moveaxis(spread, -1, 0).reshape(array.shape[-1], math.prod(shape))


def _clean(values: NDArray[np.float64]) -> int:
    """Make parameters that cannot be NaN, all of a cell's; return in how many cells."""
    split, times, to_soil = values[:3], values[3:8], values[8]
    for share, time in zip(split, times[:3], strict=True):
        # Without wood, the time that carbon stays there is 0 / 0 for who learned it.
        time[(share == 0) & np.isnan(time)] = 1.0
    known = ~np.isnan(values).any(axis=0)
    total = split.sum(axis=0)
    good = (split >= 0).all(axis=0) & (np.abs(total - 1) < 1e-5)
    good &= (times > 0).all(axis=0) & np.isfinite(times).all(axis=0)
    good &= (to_soil >= 0) & (to_soil <= 1)
    split /= np.where(good, total, 1.0)
    values[:, ~good] = np.nan
    return int(np.count_nonzero((known & ~good).any(axis=0)))


def _warn(wrong: int, overdrawn: int, shrinking: int) -> None:
    if wrong:
        warnings.warn(
            f"{wrong} cells became NaN: a residence time is not above 0, a fraction is outside "
            "0 to 1, or the shares of NPP do not sum to 1",
            XfluxWarning,
            stacklevel=2,
        )
    if shrinking:
        warnings.warn(
            f"{shrinking} cells became NaN: NPP is negative on average over the spin-up, so that "
            "no pool is in balance with it; give initial pools",
            XfluxWarning,
            stacklevel=2,
        )
    if overdrawn:
        warnings.warn(
            f"{overdrawn} cells became NaN from the step on at which more carbon was lost than "
            "their pools held; check the units of the losses, or the initial pools",
            XfluxWarning,
            stacklevel=2,
        )
