"""From time steps to months and years, exactly, also where steps straddle two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from xflux.errors import InputError
from xflux.labels.calendar import DAY, TimeSteps

__all__ = ["Freq", "Periods", "periods"]

Freq = Literal["MS", "YS"]
_MONTHS = {"MS": 1, "YS": 12}
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Periods:
    """Which days of which step lie in which period.

    Attributes
    ----------
    dates : array (period,) or None
        First moment of each period; None for the one of a mean year.
    step, period, days : array (piece,)
        Pieces of steps, in the order of the periods.
    coverage : array (period,)
        Share of each period that steps cover.
    """

    dates: Array | None
    step: Array
    period: Array
    days: Array
    coverage: Array

    def total(self, rates: Array) -> Array:
        """Sum rates (..., step) times days into (..., period); NaN stays NaN."""
        terms = rates[..., self.step] * self.days
        present, first = np.unique(self.period, return_index=True)
        sums = np.full((*rates.shape[:-1], self.coverage.size), np.nan)
        sums[..., present] = np.add.reduceat(terms, first, axis=-1)
        return sums


def periods(steps: TimeSteps, freq: Freq) -> Periods:
    """Cut time steps into months or years.

    A step that straddles two periods (weeks, composites) is divided by its days in
    each, as its flux is a mean over the step.

    Parameters
    ----------
    steps : TimeSteps
    freq : {"MS", "YS"}

    Raises
    ------
    InputError
        For another `freq`, or steps longer than its periods.
    """
    if freq not in _MONTHS:
        raise InputError(f"freq={freq!r} is not known; expected 'MS', 'YS' or None")
    edges = steps.edges
    if steps.clock is None:
        dates = None
        starts = np.array([0, round(365.25 * DAY)])
    else:
        length = _MONTHS[freq]
        first, last = (int(m) // length * length for m in _outer_months(steps))
        starts = steps.clock.month_starts(np.arange(first, last + length + 1, length))
        dates = steps.clock.dates(starts[:-1])
    begins = np.searchsorted(starts, edges[:, 0], side="right") - 1
    ends = np.searchsorted(starts, edges[:, 1] - 1, side="right") - 1
    if np.any(ends - begins > 1):
        longest = float(np.max(steps.days))
        raise InputError(
            f"time steps of up to {longest:g} days cannot be told apart by freq={freq!r}; use a "
            "coarser freq, or None for one value a step"
        )
    which = np.arange(len(edges))
    split = ends > begins
    cut = starts[ends]
    step = np.concatenate([which, which[split]])
    period = np.concatenate([begins, ends[split]])
    lengths = np.concatenate(
        [np.where(split, cut, edges[:, 1]) - edges[:, 0], (edges[:, 1] - cut)[split]]
    )
    order = np.argsort(period, kind="stable")
    covered = np.bincount(period, weights=lengths, minlength=starts.size - 1)
    return Periods(
        dates, step[order], period[order], lengths[order] / DAY, covered / np.diff(starts)
    )


def _outer_months(steps: TimeSteps) -> tuple[int, int]:
    """Return the months of the first and the last moment."""
    assert steps.clock is not None
    ends = np.array([steps.edges[0, 0], steps.edges[-1, 1] - 1])
    first, last = steps.clock.months(ends)
    return int(first), int(last)
