"""The months of the files of inversions: every one of them, on whatever calendar they count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.calendar import DAY, TimeSteps, find_time, time_steps
from xflux.labels.coordinates import as_dataset, find_bounds
from xflux.labels.periods import periods

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["calendar_months", "in_part", "listed", "require_successive", "steps_of"]

Counts = np.ndarray[Any, np.dtype[np.int64]]
_SHOWN = 6
_SECOND = 1_000_000
#: How far bounds of a month may lie from its ends: short of the composites of 28 days.
_BESIDE = 5 * DAY // 2
#: Share of a month that is rounding of time.
_ROUNDING = 1e-6


def steps_of(ds: xr.Dataset, array: xr.DataArray, label: str) -> TimeSteps | None:
    """Tell when each step of a flux begins and ends.

    Bounds decide, and such as miss the ends of months by a day or two stand for them. Without
    bounds a stamp a month is that month; shorter steps begin at their stamp, unless all stamps
    lie half a step after those that count from midnight: these are middles.

    Parameters
    ----------
    ds : Dataset
        Holds the bounds of time, where there are any.
    array : DataArray
    label : str
        For messages.

    Returns
    -------
    TimeSteps or None
        None without time.

    Raises
    ------
    InputError
        Naming `label`, as `xflux.labels.calendar.time_steps`.
    """
    dim = find_time(array)
    beside = as_dataset(array)
    bounds = find_bounds(ds, ds[dim]) if dim is not None and dim in ds.coords else None
    if bounds is not None and bounds.name not in beside.variables:
        beside = beside.assign({str(bounds.name): bounds})
    try:
        try:
            steps = time_steps(beside)
        except InputError:
            if bounds is not None:
                raise
            # A single stamp does not tell how long its step is, and inversions are monthly.
            steps = time_steps(beside, freq="MS")
    except InputError as error:
        raise InputError(f"{label}: {error}") from error
    if steps is None or steps.clock is None:
        return steps
    return _as_months(steps) if bounds is not None else _around_middles(steps)


def _as_months(steps: TimeSteps) -> TimeSteps:
    """Take steps that are months but for a day or two for these months."""
    assert steps.clock is not None
    # Fractions of a day in float64 come back with an error of microseconds.
    edges = (steps.edges + _SECOND // 2) // _SECOND * _SECOND
    if np.min(edges[:, 1] - edges[:, 0]) < 25 * DAY:
        return replace(steps, edges=edges)
    months = steps.clock.months(edges.mean(axis=1).astype(np.int64))
    spans = np.stack([steps.clock.month_starts(m) for m in (months, months + 1)], axis=-1)
    near = np.all(np.abs(edges - spans) <= _BESIDE) and np.unique(months).size == months.size
    return replace(steps, edges=spans if near else edges)


def _around_middles(steps: TimeSteps) -> TimeSteps:
    """Let steps of some hours begin half a step before stamps that are their middles."""
    lengths = steps.edges[:, 1] - steps.edges[:, 0]
    usual = int(lengths[0])
    if usual >= DAY or DAY % usual or np.any(lengths != usual):
        return steps
    middles = np.all(steps.edges[:, 0] % usual == usual // 2)
    return replace(steps, edges=steps.edges - usual // 2) if middles else steps


def in_part(steps: TimeSteps, label: str) -> Counts:
    """Return the months at either end that steps cover in part alone.

    Raises
    ------
    InputError
        Naming `label`, for steps longer than months.
    """
    assert steps.clock is not None
    try:
        covered = periods(steps, "MS").coverage
    except InputError as error:
        raise InputError(f"{label}: {error}; expected one value a month, or more") from error
    first = int(steps.clock.months(steps.edges[:1, 0])[0])
    outer = np.flatnonzero(covered >= 1.0 - _ROUNDING)
    months = np.arange(first, first + covered.size)
    if outer.size == 0:
        return months
    inside = (months >= months[outer[0]]) & (months <= months[outer[-1]])
    return months[~inside & (covered > _ROUNDING)]


def calendar_months(
    ds: xr.Dataset, array: xr.DataArray, label: str
) -> tuple[str, Counts, np.ndarray[Any, np.dtype[np.float64]]]:
    """Tell which month each step of a monthly series is, and how many days it has.

    Parameters
    ----------
    ds : Dataset
        Holds the bounds of time, where there are any.
    array : DataArray
    label : str
        For messages.

    Returns
    -------
    dim : str
        Dimension of time.
    months : array of int
        Since year 0.
    days : array
        On the calendar of the file.

    Raises
    ------
    InputError
        Naming `label`, for steps that are not months, and for months that are missing.
    """
    steps = steps_of(ds, array, label)
    if steps is None or steps.clock is None:
        raise InputError(f"{label} has no dates; expected one value a month, with its date")
    months = steps.clock.months(steps.edges.mean(axis=1).astype(np.int64))
    days = (steps.clock.month_starts(months + 1) - steps.clock.month_starts(months)) / DAY
    apart = np.abs(steps.days - days)
    if np.any(apart > _BESIDE / DAY):
        raise InputError(
            f"{label} has steps of {steps.days[np.argmax(apart)]:g} days; expected one value a "
            "month"
        )
    require_successive(months, label)
    return steps.dim, months, days


def require_successive(months: Counts, label: str) -> None:
    """Refuse months that are repeated, out of order or missing, naming those that lack."""
    steps = np.diff(months)
    if np.all(steps == 1):
        return
    if np.any(steps <= 0):
        where = months[1:][steps <= 0]
        raise InputError(f"{label}: months are double or out of order at {listed(where[:1])}")
    lacking = np.setdiff1d(np.arange(months[0], months[-1] + 1), months)
    raise InputError(
        f"{label} lacks {listed(lacking)}; an ensemble has every month of the span of each "
        "inversion: fill them, or select a span without gaps"
    )


def listed(months: Counts) -> str:
    """Name months: ``2001-01, 2001-02, ... (12 in all)``."""
    said = ", ".join(f"{m // 12:04d}-{m % 12 + 1:02d}" for m in months[:_SHOWN].tolist())
    return said + (f", ... ({months.size} in all)" if months.size > _SHOWN else "")
