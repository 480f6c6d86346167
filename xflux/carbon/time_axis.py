"""When fluxes step and pools stand: on ``time``, on ``year``, or on no axis at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xflux.errors import InputError
from xflux.labels.calendar import DAY, Clock, Step, TimeSteps, find_time, time_steps

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MEAN_YEAR", "YEAR", "Axis", "StockTime", "axis_of", "state_edges", "years_of"]

#: Days of a year where no calendar tells.
MEAN_YEAR = 365.25
#: Dimension of yearly values, numbered by calendar year.
YEAR = "year"
StockTime = Literal["end", "mean"]

Counts = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Axis:
    """The steps of a variable along its dimension of time.

    Attributes
    ----------
    dim : str
    edges : array (step, 2)
        Start and end, microseconds.
    clock : Clock or None
        None for calendar years by number, which are 365.25 days each, and for the months of a
        mean year.
    numbers : array (step) of int or None
        Calendar years, where the steps are these.
    """

    dim: str
    edges: Counts
    clock: Clock | None
    numbers: Counts | None = None

    @property
    def days(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Length of each step."""
        return (self.edges[:, 1] - self.edges[:, 0]) / DAY

    @property
    def yearly(self) -> bool:
        """Whether the steps are calendar years, one after the other."""
        if self.numbers is not None:
            return True
        if self.clock is None:
            return False
        numbers, edges = years_of(self)
        return len(numbers) == len(self.edges) and np.array_equal(edges, self.edges)

    @property
    def steps(self) -> TimeSteps:
        """The same as `xflux.labels.integral` takes it."""
        return TimeSteps(self.dim, self.edges, self.clock)


def axis_of(array: xr.DataArray, ds: xr.Dataset, stamp: Step | None = None) -> Axis | None:
    """Tell the steps of a variable.

    Parameters
    ----------
    array : DataArray
    ds : Dataset
        May hold time bounds.
    stamp : {"D", "MS", "YS"}, optional
        What a stamp stands for, where that cannot be told.

    Returns
    -------
    Axis or None
        None when the variable has no dimension of time.

    Raises
    ------
    InputError
        When lengths cannot be told, or ``year`` is not numbered in ascending order.
    """
    if YEAR in array.dims:
        numbers = _numbered(array)
        starts = np.round(numbers * MEAN_YEAR * DAY).astype(np.int64)
        ends = np.round((numbers + 1) * MEAN_YEAR * DAY).astype(np.int64)
        return Axis(YEAR, np.stack([starts, ends], axis=-1), None, numbers)
    dim = find_time(array)
    if dim is None:
        return None
    same = dim in ds.indexes and ds.indexes[dim].equals(array.indexes.get(dim))
    try:
        steps = time_steps(ds if same else array, freq=stamp)
    except InputError as error:
        if stamp is not None:
            raise
        raise InputError(
            f"{error}; or say what a stamp stands for: stamp='YS' for the year in which it lies"
        ) from error
    assert steps is not None
    return Axis(steps.dim, steps.edges, steps.clock)


def _numbered(array: xr.DataArray) -> Counts:
    if YEAR not in array.coords or array[YEAR].dtype.kind not in "iuf":
        raise InputError(
            f"{array.name}: dimension 'year' has no numbers; assign them, "
            "ds.assign_coords(year=range(2001, 2021))"
        )
    years = np.asarray(array[YEAR].values, np.float64)
    if np.any(years != np.round(years)) or np.any(np.diff(years) <= 0):
        raise InputError(
            f"{array.name}: 'year' holds {', '.join(f'{year:g}' for year in years[:4])} ..., "
            "expected whole calendar years in ascending order; use ds.sortby('year')"
        )
    return years.astype(np.int64)


def years_of(axis: Axis) -> tuple[Counts, Counts]:
    """Return the calendar years that steps lie in, and start and end of each.

    Returns
    -------
    numbers : array (year,)
    edges : array (year, 2)
    """
    if axis.numbers is not None:
        return axis.numbers, axis.edges
    if axis.clock is None:
        raise InputError("the months of a mean year lie in no calendar year")
    outer = np.array([axis.edges[0, 0], axis.edges[-1, 1] - 1])
    first, last = (int(month) // 12 for month in axis.clock.months(outer))
    numbers = np.arange(first, last + 1)
    return numbers, _calendar_years(axis.clock, numbers)


def state_edges(stock: Axis, fluxes: Axis, when: StockTime) -> Counts:
    """Return the moment or period that each stock is the state of, on the clock of the fluxes.

    Parameters
    ----------
    stock, fluxes : Axis
    when : {"end", "mean"}
        The end of its year or step, or the mean over it.

    Returns
    -------
    array (state, 2)
        Alike where it is a moment.
    """
    edges = stock.edges
    if stock.numbers is not None and fluxes.numbers is None:
        if fluxes.clock is None:
            raise InputError(
                "fluxes of a mean year (month) cannot be set against stocks of calendar years; "
                "give the fluxes of each month along time"
            )
        edges = _calendar_years(fluxes.clock, stock.numbers)
    elif stock.clock != fluxes.clock:
        raise InputError(
            f"stocks along {stock.dim!r} and fluxes along {fluxes.dim!r} have unlike calendars; "
            "give both by calendar year, along 'year', or both on one calendar"
        )
    return edges if when == "mean" else np.stack([edges[:, 1], edges[:, 1]], axis=-1)


def _calendar_years(clock: Clock, numbers: Counts) -> Counts:
    return np.stack(
        [clock.month_starts(numbers * 12), clock.month_starts((numbers + 1) * 12)], axis=-1
    )
