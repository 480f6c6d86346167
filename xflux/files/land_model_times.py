"""Which month or year each step of a land-model file is, on whatever calendar it counts.

Rates are means of months and stocks are of years, so that months of 28, 29 or 30 days are
one axis: no value is changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xflux.errors import InputError
from xflux.labels.coordinates import find_bounds

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Periods", "find_time_dim", "month_starts", "periods"]

Counts = np.ndarray[Any, np.dtype[np.int64]]
_SINCE = re.compile(r"^\s*(\w+)\s+since\s+(-?\d+)(?:-(\d+))?(?:-(\d+))?", re.IGNORECASE)
#: Calendars by other names.
_CALENDARS = {"none": "noleap", "365_days": "noleap", "360": "360_day", "leap": "standard"}


@dataclass(frozen=True, slots=True)
class Periods:
    """The steps of a file.

    Attributes
    ----------
    step : {"month", "year"}
    count : ndarray of int
        Months, or years, since year 0; ascending, none missing.
    calendar : str
    """

    step: Literal["month", "year"]
    count: Counts
    calendar: str


def find_time_dim(ds: xr.Dataset, path: str) -> str:
    """Find the dimension of time of a Dataset that is not decoded."""
    for dim in map(str, ds.dims):
        if dim in ds.variables and " since " in str(ds[dim].attrs.get("units", "")):
            return dim
    for dim in ("time", "year", "t"):
        if dim in ds.dims:
            return dim
    raise InputError(f"{path!r} has no dimension of time; its dims are {tuple(ds.dims)}")


def periods(ds: xr.Dataset, dim: str, path: str) -> Periods:
    """Tell the steps of a file, opened with ``decode_times=False``.

    Parameters
    ----------
    ds : Dataset
    dim : str
        Of time.
    path : str
        For messages.

    Raises
    ------
    InputError
        For units that are not of time, unknown calendars, NaN, and steps that are neither
        months nor years, not in order, repeated or missing.

    Notes
    -----
    A step lies where its bounds have their middle, or else where its stamp is. ``months since``
    and ``years since``, which CF leaves undefined, count calendar months and years.
    """
    if dim not in ds.variables:
        raise InputError(f"{path!r} has no values along {dim!r}; add them, such as 'days since'")
    stamps = ds[dim]
    values = np.asarray(stamps.values, np.float64)
    bounds = find_bounds(ds, stamps)
    if bounds is not None and np.isfinite(middles := bounds.values.mean(axis=-1)).all():
        values = middles
    if values.size == 0 or not np.isfinite(values).all():
        raise InputError(f"{path!r}: {dim!r} is empty or holds NaN")
    units = str(stamps.attrs.get("units", ""))
    calendar = str(stamps.attrs.get("calendar", "standard")).lower()
    calendar = _CALENDARS.get(calendar, calendar)
    months = _months(values, units, calendar, dim, path)
    return Periods(*_stepped(months, path), calendar)


def month_starts(months: Counts) -> np.ndarray[Any, Any]:
    """Return months since year 0 as the dates of their first days."""
    return (months - 1970 * 12).astype("datetime64[M]").astype("datetime64[ns]")


def _months(values: Any, units: str, calendar: str, dim: str, path: str) -> Counts:
    match = _SINCE.match(units)
    if match is None:
        # Years are written as numbers, too: 1901.
        whole = np.all(values == np.round(values))
        if dim == "year" or (whole and not units and values.min() >= 0 and values.max() < 3000):
            return np.asarray(values, np.int64) * 12
        raise InputError(
            f"{path!r}: {dim!r} has units {units!r}, expected such as 'days since 1901-01-01'"
        )
    unit, year, month, _ = match.groups()
    kind = unit.lower().rstrip("s")
    if kind in ("month", "mon"):
        start = int(year) * 12 + int(month or 1) - 1
        return start + np.floor(values + 1e-6).astype(np.int64)
    if kind in ("year", "yr", "common_year"):
        part = (int(month or 1) - 1) / 12.0
        return np.floor((int(year) + part + values) * 12.0 + 1e-4).astype(np.int64)
    import cftime

    try:
        dates = cftime.num2date(values, units, calendar=calendar)
    except Exception as error:  # of cftime: ValueError, and OverflowError for days without end
        raise InputError(
            f"{path!r}: {dim!r} in units {units!r}, calendar {calendar!r} cannot be read ({error})"
        ) from error
    return np.array([date.year * 12 + date.month - 1 for date in np.atleast_1d(dates)], np.int64)


def _stepped(months: Counts, path: str) -> tuple[Literal["month", "year"], Counts]:
    steps = np.diff(months)
    if np.any(steps <= 0):
        where = int(np.flatnonzero(steps <= 0)[0])
        raise InputError(
            f"{path!r}: times are not in order, or several in one month, at {_said(months[where])}"
            f" and {_said(months[where + 1])}; expected one step a month or a year"
        )
    if months.size == 1 or np.all(np.diff(months // 12) == 1):
        return "year", months // 12
    if np.all(steps == 1):
        return "month", months
    usual = int(np.median(steps))
    where = int(np.flatnonzero(steps != usual)[0]) if usual in (1, 12) else 0
    raise InputError(
        f"{path!r}: steps from {_said(months[where])} to {_said(months[where + 1])}; expected "
        "every month, or every year, without a gap"
    )


def _said(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"
