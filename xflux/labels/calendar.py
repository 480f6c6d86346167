"""How long each time step is, on every CF calendar, and which month or year it lies in.

A step runs from its start to its end, in microseconds of its own calendar. Both come
from the time bounds, or are told from the stamps when these leave no doubt. Nothing is
ever taken to be 30.4 days long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xflux.errors import InputError
from xflux.labels.coordinates import as_dataset, find_bounds

if TYPE_CHECKING:
    import xarray as xr

    Labelled = xr.Dataset | xr.DataArray

__all__ = ["MEAN_YEAR", "Clock", "TimeSteps", "days", "find_time", "seconds", "time_steps"]

Counts = np.ndarray[Any, np.dtype[np.int64]]
Step = Literal["D", "MS", "YS"]

#: Days of the months of a mean year (Julian: 365.25 days, February 28.25).
MEAN_YEAR = (31.0, 28.25, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0)

DAY = 86_400_000_000  # microseconds
_EPOCH = "microseconds since 1970-01-01"
#: Position of a yearly stamp within its year that is read as start, middle or end.
_NEAR = 0.003


@dataclass(frozen=True, slots=True)
class Clock:
    """A calendar, and how its dates are held.

    Attributes
    ----------
    calendar : str
        CF name.
    year_zero : bool or None
        Whether cftime counts a year 0; None for dates held as datetime64.
    """

    calendar: str
    year_zero: bool | None = None

    @staticmethod
    def of(values: np.ndarray[Any, Any], called: str) -> Clock:
        """Return the calendar of decoded dates."""
        if values.dtype.kind == "M":
            return Clock("proleptic_gregorian")
        first: Any = values.flat[0] if values.size else None
        if values.dtype.kind == "O" and hasattr(first, "calendar"):
            return Clock(first.calendar, bool(first.has_year_zero))
        raise InputError(
            f"{called} holds {values.dtype} values, expected dates; decode them with "
            "xr.decode_cf(ds), or number the months of a mean year 1 to 12 along 'month'"
        )

    def count(self, dates: np.ndarray[Any, Any], called: str) -> Counts:
        """Return dates as microseconds since 1970 on this calendar."""
        if self.year_zero is None:
            if np.any(np.isnat(dates)):
                raise InputError(f"{called} holds NaT; drop those steps with .dropna({called!r})")
            return dates.astype("datetime64[us]").astype(np.int64)
        import cftime

        counts = cftime.date2num(
            dates, _EPOCH, calendar=self.calendar, has_year_zero=self.year_zero
        )
        return np.asarray(counts, np.int64)

    def dates(self, counts: Counts) -> np.ndarray[Any, Any]:
        """Return microseconds since 1970 as dates, in the form they came in."""
        if self.year_zero is None:
            return counts.astype("datetime64[us]").astype("datetime64[ns]")
        import cftime

        return np.asarray(
            cftime.num2date(counts, _EPOCH, calendar=self.calendar, has_year_zero=self.year_zero)
        )

    def months(self, counts: Counts) -> Counts:
        """Return the month in which each moment lies, counted from year 0."""
        if self.year_zero is None:
            moments = counts.astype("datetime64[us]").astype("datetime64[M]")
            return moments.astype(np.int64) + 1970 * 12
        dates = self.dates(np.atleast_1d(counts))
        return np.array([date.year * 12 + date.month - 1 for date in dates], np.int64)

    def month_starts(self, months: Counts) -> Counts:
        """Return the moment at which months, counted from year 0, begin."""
        if self.year_zero is None:
            return ((months - 1970 * 12).astype("datetime64[M]").astype("datetime64[us]")).astype(
                np.int64
            )
        import cftime

        wanted, where = np.unique(months, return_inverse=True)
        dates = [
            cftime.datetime(
                int(month) // 12, int(month) % 12 + 1, 1,
                calendar=self.calendar, has_year_zero=self.year_zero,
            )
            for month in wanted
        ]  # fmt: skip
        return self.count(np.array(dates), "months")[where]


@dataclass(frozen=True, slots=True)
class TimeSteps:
    """When each step begins and ends.

    Attributes
    ----------
    dim : str
        Dimension of the steps: time, or `month` of a mean year.
    edges : array (step, 2)
        Microseconds since 1970 on the calendar; of a mean year since its start.
    clock : Clock or None
        None for a mean year.
    """

    dim: str
    edges: Counts
    clock: Clock | None

    @property
    def days(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Length of each step in days."""
        return (self.edges[:, 1] - self.edges[:, 0]) / DAY


def find_time(obj: Labelled) -> str | None:
    """Find the time dimension.

    Parameters
    ----------
    obj : Dataset or DataArray

    Returns
    -------
    str or None
        ``time``, else the one dimension with dates, else ``month`` when it numbers
        the months of a mean year; None when there is none of these.

    Raises
    ------
    InputError
        When several dimensions hold dates and none is called ``time``.
    """
    if "time" in obj.dims:
        return "time"
    dated = [
        str(dim)
        for dim, index in obj.indexes.items()
        if dim in obj.dims and (index.dtype.kind == "M" or hasattr(index, "calendar"))
    ]
    if len(dated) > 1:
        raise InputError(f"{' and '.join(dated)} all hold dates; rename one of them to 'time'")
    if dated:
        return dated[0]
    return "month" if "month" in obj.dims else None


def time_steps(obj: Labelled, *, freq: Step | None = None) -> TimeSteps | None:
    """Tell when each time step begins and ends.

    Time bounds decide where there are any (two numbers a step: lazy ones are read).
    Else the stamps do:

    - a stamp a month, anywhere in it: that calendar month (gaps allowed if the
      stamps keep their place in the month);
    - a stamp a year at its start, middle or end: that year; a stamp every three
      months on the first: three months from there;
    - steps shorter than 28 days and all alike, or with gaps of whole steps: from the
      stamp on; steps of whole days begin at midnight; composites of n days that
      start anew each year (MODIS) end with the year.

    Parameters
    ----------
    obj : Dataset or DataArray
        With dates on any CF calendar, numpy or cftime, or a dimension `month`.
    freq : {"D", "MS", "YS"}, optional
        What a stamp stands for, where that cannot be told: the day, month or year
        in which it lies.

    Returns
    -------
    TimeSteps or None
        None without a time dimension.

    Raises
    ------
    InputError
        For undecoded, repeated or unsorted stamps, bounds that overlap, and stamps
        from which lengths cannot be told: a single one, irregular ones.
    """
    dim = find_time(obj)
    if dim is None:
        return None
    ds = as_dataset(obj)
    if dim not in ds.coords:
        raise InputError(f"dimension {dim!r} has no coordinate; assign the dates of its steps")
    values = np.asarray(ds[dim].values)
    if dim == "month" and values.dtype.kind in "iuf":
        return TimeSteps(dim, _mean_year(values), None)
    clock = Clock.of(values, dim)
    counts = clock.count(values, dim)
    _check_order(counts, clock, dim)
    bounds = find_bounds(ds, ds[dim])
    if bounds is not None:
        return TimeSteps(dim, _from_bounds(bounds, counts, clock, dim), clock)
    if freq is not None:
        return TimeSteps(dim, _as_told(counts, clock, dim, freq), clock)
    if counts.size < 2:
        raise _unknown(clock, counts, dim, "is a single stamp", 0)
    shortest = np.diff(counts).min()
    edges = (_months if shortest >= 28 * DAY else _short_steps)(counts, clock, dim)
    return TimeSteps(dim, edges, clock)


def days(obj: Labelled, *, freq: Step | None = None) -> xr.DataArray:
    """Return the length of each time step in days.

    Parameters
    ----------
    obj : Dataset or DataArray
    freq : {"D", "MS", "YS"}, optional
        As in `time_steps`.

    Returns
    -------
    DataArray (time) [d]
        float64, in memory. Along `month` the months of a mean year of 365.25 days.

    Raises
    ------
    InputError
        Without a time dimension, and as `time_steps` does.

    Examples
    --------
    >>> import xarray as xr
    >>> time = xr.date_range("2000-01-01", periods=3, freq="MS", calendar="noleap", use_cftime=True)
    >>> days(xr.Dataset(coords={"time": time})).values
    array([31., 28., 31.])
    """
    import xarray as xr

    steps = time_steps(obj, freq=freq)
    if steps is None:
        raise InputError(
            f"there is no time dimension among {tuple(map(str, obj.dims))}; give the number of "
            "days that the data stand for, such as days=365.25"
        )
    attrs = {"long_name": "length of the time step", "units": "d"}
    return xr.DataArray(
        steps.days, dims=steps.dim, coords={steps.dim: obj[steps.dim]}, name="days", attrs=attrs
    )


def seconds(obj: Labelled, *, freq: Step | None = None) -> xr.DataArray:
    """Return the length of each time step in seconds (see `days`)."""
    length = days(obj, freq=freq)
    return length.copy(data=length.values * 86400.0).rename("seconds").assign_attrs(units="s")


def _unknown(clock: Clock, counts: Counts, dim: str, why: str, where: int) -> InputError:
    stamp = str(clock.dates(counts[where : where + 1])[0])[:19]
    return InputError(
        f"the length of the time steps cannot be told: {dim} {why} at {stamp}; add time bounds "
        f"({dim}_bnds, named by {dim}.attrs['bounds']), or give the days of each step"
    )


def _check_order(counts: Counts, clock: Clock, dim: str) -> None:
    """Refuse stamps that are repeated or do not ascend."""
    steps = np.diff(counts)
    if np.all(steps > 0):
        return
    where = int(np.flatnonzero(steps <= 0)[0]) + 1
    stamp = str(clock.dates(counts[where : where + 1])[0])[:19]
    if np.unique(counts).size < counts.size:
        raise InputError(f"{dim} repeats stamps ({stamp} ...); use .drop_duplicates({dim!r})")
    raise InputError(f"{dim} does not ascend: {stamp} comes too late; use .sortby({dim!r})")


def _mean_year(months: np.ndarray[Any, Any]) -> Counts:
    known = np.isin(months, np.arange(1, 13))
    if not np.all(known) or np.unique(months).size < months.size:
        raise InputError(
            f"'month' holds {', '.join(f'{m:g}' for m in months[:13])}; a mean year numbers its "
            "months 1 to 12, each once"
        )
    ends = np.cumsum(np.array(MEAN_YEAR) * DAY).astype(np.int64)
    edges = np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=-1)
    return edges[months.astype(np.int64) - 1]


def _from_bounds(bounds: xr.DataArray, counts: Counts, clock: Clock, dim: str) -> Counts:
    called = str(bounds.name)
    values = np.asarray(bounds.values)
    if Clock.of(values, called) != clock or values.shape[1] != 2:
        raise InputError(
            f"{called} are {values.shape[1]} {values.dtype} values a step, expected start and end "
            f"as dates of the calendar of {dim} ({clock.calendar}); decode both with xr.decode_cf"
        )
    edges = clock.count(values, called)
    second = DAY // 86400
    odd = (edges[:, 1] <= edges[:, 0]) | (counts < edges[:, 0] - second)
    odd |= counts > edges[:, 1] + second
    odd[1:] |= edges[1:, 0] < edges[:-1, 1] - second
    if np.any(odd):
        k = int(np.flatnonzero(odd)[0])
        start, end, stamp = (str(v)[:19] for v in (*values[k], clock.dates(counts[k : k + 1])[0]))
        raise InputError(
            f"{called} at position {k} run from {start} to {end}, which is empty, overlaps the "
            f"step before or does not hold its stamp {stamp}; correct or drop {called}"
        )
    return edges


def _spans(clock: Clock, first: Counts, length: int) -> Counts:
    """Return start and end of spans of months."""
    return np.stack([clock.month_starts(first), clock.month_starts(first + length)], axis=-1)


def _position(counts: Counts, edges: Counts) -> np.ndarray[Any, np.dtype[np.float64]]:
    return (counts - edges[:, 0]) / (edges[:, 1] - edges[:, 0])


def _as_told(counts: Counts, clock: Clock, dim: str, freq: Step) -> Counts:
    """Return the day, month or year in which each stamp lies."""
    if freq == "D":
        start = counts // DAY * DAY
        edges = np.stack([start, start + DAY], axis=-1)
    elif freq == "MS":
        edges = _spans(clock, clock.months(counts), 1)
    elif freq == "YS":
        edges = _spans(clock, clock.months(counts) // 12 * 12, 12)
    else:
        raise InputError(f"freq={freq!r} is not known; expected 'D', 'MS' or 'YS'")
    if np.any(np.diff(edges[:, 0]) == 0):
        where = int(np.flatnonzero(np.diff(edges[:, 0]) == 0)[0]) + 1
        raise _unknown(clock, counts, dim, f"has several stamps to one {freq!r}", where)
    return edges


def _months(counts: Counts, clock: Clock, dim: str) -> Counts:
    """Return the steps of monthly, seasonal and yearly stamps."""
    months = clock.months(counts)
    jumps = np.diff(months)
    monthly = _spans(clock, months, 1)
    place = _position(counts, monthly)
    shortest = int(jumps.min())
    if shortest == 1 and (np.all(jumps == 1) or np.ptp(place) < 0.1):
        return monthly
    if shortest == 3 and np.all(jumps == 3) and np.all(place == 0):
        return _spans(clock, months, 3)
    if shortest == 12 and np.all(jumps % 12 == 0):
        yearly = _spans(clock, months // 12 * 12, 12)
        place = _position(counts, yearly)
        if any(np.all(np.abs(place - at) < _NEAR) for at in (0.0, 0.5, 1.0)):
            return yearly
        raise _unknown(clock, counts, dim, "has a stamp a year, for a month or for the year,", 0)
    where = int(np.flatnonzero(jumps != np.median(jumps))[0]) if np.ptp(jumps) else 0
    raise _unknown(clock, counts, dim, "is irregular", where)


def _short_steps(counts: Counts, clock: Clock, dim: str) -> Counts:
    """Return the steps of stamps less than a month apart."""
    steps = np.diff(counts)
    sizes, often = np.unique(steps, return_counts=True)
    usual = int(sizes[np.argmax(often)])
    start = counts // DAY * DAY if usual % DAY == 0 else counts
    common = 2 * often.max() >= steps.size
    if common and np.all(steps % usual == 0):
        return np.stack([start, start + usual], axis=-1)
    year = _spans(clock, clock.months(counts) // 12 * 12, 12)
    if common and usual % DAY == 0 and np.all((start - year[:, 0]) % usual == 0):
        return np.stack([start, np.minimum(start + usual, year[:, 1])], axis=-1)
    raise _unknown(clock, counts, dim, "is irregular", int(np.flatnonzero(steps != usual)[0]))
