"""The work of allocation on one chunk: predict fractions, divide fluxes, fill pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.predictors import Predictors
from xflux.numerics.tiles import slabs

__all__ = ["AllocationBlock", "Fractions", "pick_steps", "pick_years"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

#: Rows of steps that are predicted together: their columns stay in the cache.
_ROWS = 24_000


class Fractions(Protocol):
    """What predicts fractions: a fitted emulator, or the literature."""

    @property
    def predictors(self) -> Predictors:
        """Variables that are needed."""

    @property
    def scenarios(self) -> Any:
        """Names, the mean first."""

    @property
    def by_year(self) -> tuple[str, ...]:
        """What follows by year."""

    @property
    def raw(self) -> tuple[str, ...]:
        """What `outputs` holds by year."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What it is from, as JSON holds it."""

    @property
    def kept(self) -> int:
        """Length of the rows that `fractions` returns."""

    @property
    def summed(self) -> int:
        """Length of what `sums` returns."""

    def fractions(
        self, values: Mapping[str, Array], shape: tuple[int, int], steps: int
    ) -> tuple[Array, dict[str, dict[str, Floats]]]:
        """Return what `of_years` needs (place * year, column), and fractions by scenario."""

    def sums(self, values: Mapping[str, Array], shape: tuple[int, int]) -> Floats:
        """Return sums over years (place, column), which `of_years` needs."""

    def outputs(
        self,
        fractions: Mapping[str, Floats],
        scenario: str,
        gpp: Array,
        reco: Array | None,
        days: Floats,
    ) -> dict[str, Array]:
        """Return fluxes by step, and `raw` by year."""

    def of_years(
        self, kept: Array, sums: Floats, raw: Mapping[str, Mapping[str, Array]]
    ) -> dict[str, dict[str, Array]]:
        """Return `by_year` (place, year) by scenario, from what is known of all years."""


@dataclass(frozen=True)
class AllocationBlock:
    """One callable of plain arrays.

    Attributes
    ----------
    fitted : Fractions
    names : tuple of str
        Of the arrays that it is called with; ``gpp`` first, then ``reco`` where it is known.
    months : tuple of str
        Those whose last axis are the months of a mean year, whatever time it is.
    first : ndarray (year,)
        Number of the first step of each whole year of the whole axis.
    days : ndarray (year, step)
    by_step : tuple of str
        What is returned by step beside `by_year`, with ``_lower`` and ``_upper``, or by scenario.
    scenarios : bool
        Every scenario for itself, in place of the mean and the range.
    dtype : str
    """

    fitted: Fractions
    names: tuple[str, ...]
    months: tuple[str, ...]
    first: NDArray[np.int64]
    days: Floats
    by_step: tuple[str, ...]
    scenarios: bool
    dtype: str

    @property
    def by_year(self) -> tuple[str, ...]:
        """What is returned by year."""
        return self.fitted.by_year

    @property
    def raw(self) -> tuple[tuple[str, str], ...]:
        """What a chunk knows by year of each scenario."""
        return tuple((s, name) for s in self.fitted.scenarios for name in self.fitted.raw)

    @property
    def packed_years(self) -> int:
        """Values that a chunk packs for each year: what is kept of predictors, then `raw`."""
        return self.fitted.kept + len(self.raw)

    @property
    def variants(self) -> tuple[str, ...]:
        """What there is of each output."""
        names = tuple(self.fitted.scenarios)
        if self.scenarios:
            return names
        return ("", "_lower", "_upper") if len(names) > 1 else ("",)

    def __call__(self, numbers: Array, *arrays: Array) -> Array:
        """Compute a chunk.

        Parameters
        ----------
        numbers : ndarray (step,)
            Of the steps of the chunk, whose last axis they are.
        *arrays : ndarray
            Shapes that broadcast, but for the last axis of months.

        Returns
        -------
        ndarray (..., packed)
            Outputs by step behind each other, then what `of_years` takes: see `pick_steps`.
        """
        given, lead, own, days = self._cut(numbers, arrays)
        steps = self.days.shape[1]
        years, length = len(own), len(numbers)
        split = len(self.by_step) * len(self.variants) * length
        width = split + self.packed_years * years
        result = np.full((*lead, width), np.nan, self.dtype)
        places = own[:, None] + np.arange(steps)
        for slab in slabs(lead, max(1, _ROWS // max(1, years * steps))):
            target = result[slab].reshape(-1, width)
            cut = self._slab(given, slab, places)
            gpp = cut["gpp"]
            # Nothing is known, or grows, on most of the Earth.
            live = np.flatnonzero((gpp > 0.0).any(axis=(1, 2))) if years else np.zeros(0, int)
            if live.size:
                held = {name: array[live] for name, array in cut.items()}
                self._fill(held, days, places, target, live, length, split)
                result[slab] = target.reshape(result[slab].shape)
        return result

    def sums(self, numbers: Array, *arrays: Array) -> Floats:
        """Sum predictors over the years of a chunk (..., column); see `__call__`."""
        given, lead, own, _ = self._cut(numbers, arrays)
        steps, years = self.days.shape[1], len(own)
        result = np.zeros((*lead, self.fitted.summed))
        places = own[:, None] + np.arange(steps)
        some = years and self.fitted.summed
        for slab in slabs(lead, max(1, _ROWS // max(1, years * steps))) if some else ():
            cut = self._slab(given, slab, places)
            values = {name: array for name, array in cut.items() if name != "reco"}
            made = self.fitted.sums(values, cut["gpp"].shape[:2])
            result[slab] = made.reshape(result[slab].shape)
        return result

    def _cut(
        self, numbers: Array, arrays: Sequence[Array]
    ) -> tuple[dict[str, Array], tuple[int, ...], Array, Floats]:
        """Return arrays of one shape but for the last axis, that shape, and the years in it."""
        given = dict(zip(self.names, arrays, strict=True))
        lead = np.broadcast_shapes(*(array.shape[:-1] for array in given.values()))
        whole = {k: np.broadcast_to(a, (*lead, a.shape[-1])) for k, a in given.items()}
        here = (self.first >= numbers[0]) & (self.first <= numbers[-1])
        return whole, lead, self.first[here] - numbers[0], self.days[here]

    def _slab(
        self, given: Mapping[str, Array], slab: tuple[slice, ...], places: Array
    ) -> dict[str, Array]:
        """Return arrays (place, year, step) of a slab."""
        part = {k: a[slab].reshape(-1, a.shape[-1]) for k, a in given.items()}
        return {name: self._by_year(name, array, places) for name, array in part.items()}

    def _by_year(self, name: str, array: Array, places: Array) -> Array:
        """Return an array (place, year, step), years and steps of length 1 where it has none."""
        if name in self.months:
            return array[:, None, :]
        if array.shape[1] == 1 and places.size != 1:
            return array[:, None, :]
        return array[:, places]

    def _fill(
        self,
        given: dict[str, Array],
        days: Floats,
        places: Array,
        target: Array,
        live: Array,
        length: int,
        split: int,
    ) -> None:
        gpp = given["gpp"]
        count, years, steps = gpp.shape
        values = {name: array for name, array in given.items() if name != "reco"}
        rows, fractions = self.fitted.fractions(values, (count, years), steps)
        flat = gpp.reshape(-1, steps)
        reco = given["reco"].reshape(-1, steps) if "reco" in given else None
        tiled = np.tile(days, (count, 1))
        made = {
            scenario: self.fitted.outputs(fractions[scenario], scenario, flat, reco, tiled)
            for scenario in self.fitted.scenarios
        }
        for k, array in enumerate(self._variants(made, self.by_step)):
            start = k * length
            whole = np.full((count, length), np.nan, self.dtype)
            whole[:, places.reshape(-1)] = array.reshape(count, -1)
            target[live, start : start + length] = whole
        kept = [rows[:, k] for k in range(rows.shape[1])]
        kept += [made[scenario][name] for scenario, name in self.raw]
        for k, array in enumerate(kept):
            start = split + k * years
            target[live, start : start + years] = array.reshape(count, years)

    def of_years(self, packed: Array, sums: Floats) -> Array:
        """Return outputs by year, each in all its variants (..., output, year).

        Parameters
        ----------
        packed : ndarray (..., packed, year)
            What `__call__` packed last, of all years.
        sums : ndarray (..., column)
            What `sums` returned, of all years.
        """
        *lead, width, years = packed.shape
        flat = packed.reshape(-1, width, years)
        outputs = len(self.by_year) * len(self.variants)
        result = np.full((len(flat), outputs, years), np.nan, self.dtype)
        kept = self.fitted.kept
        live = np.flatnonzero(np.isfinite(flat[:, kept:]).any(axis=(1, 2)))
        if live.size:
            there = flat[live]
            rows = np.ascontiguousarray(there[:, :kept].swapaxes(1, 2), np.float32)
            raw: dict[str, dict[str, Array]] = {name: {} for name in self.fitted.scenarios}
            for k, (scenario, name) in enumerate(self.raw):
                raw[scenario][name] = there[:, kept + k]
            by_place = sums.reshape(len(flat), self.fitted.summed)[live]
            filled = self.fitted.of_years(rows, by_place, raw)
            result[live] = np.stack(self._variants(filled, self.by_year), axis=1)
        return result.reshape(*lead, outputs, years)

    def _variants(
        self, made: Mapping[str, Mapping[str, Array]], names: tuple[str, ...]
    ) -> list[Array]:
        """Return outputs in their order: each name in all its variants."""
        result: list[Array] = []
        for name in names:
            values = [outputs[name] for outputs in made.values()]
            result += values if self.scenarios else values[:1]
            if not self.scenarios and len(values) > 1:
                # NaN in any scenario is NaN in the range.
                result += [np.minimum.reduce(values), np.maximum.reduce(values)]
        return result


def pick_steps(packed: Array, numbers: Array, years: Array, k: int) -> Array:
    """Return the k-th output by step of a packed chunk."""
    length = len(numbers)
    return packed[..., k * length : (k + 1) * length]


def pick_years(packed: Array, numbers: Array, years: Array, kept: int) -> Array:
    """Return what a packed chunk ends with (..., packed, year)."""
    count = len(years)
    start = packed.shape[-1] - kept * count
    # A view would hold all of the chunk until the last year is read.
    return packed[..., start:].copy().reshape(*packed.shape[:-1], kept, count)
