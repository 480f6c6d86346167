"""Lengths of time steps on every CF calendar."""

from __future__ import annotations

import calendar as gregorian

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from xflux.errors import InputError
from xflux.labels.calendar import MEAN_YEAR, days, find_time, seconds, time_steps

CALENDARS = ("noleap", "all_leap", "360_day", "julian", "standard", "proleptic_gregorian")


def at(stamps: object, name: str = "time") -> xr.Dataset:
    return xr.Dataset(coords={name: np.asarray(stamps)})


def dates(start: str, periods: int, freq: str, calendar: str | None = None) -> xr.Dataset:
    if calendar is None:
        return at(pd.date_range(start, periods=periods, freq=freq))
    return xr.Dataset(
        coords={
            "time": xr.date_range(
                start, periods=periods, freq=freq, calendar=calendar, use_cftime=True
            )
        }
    )


def month_length(year: int, month: int, calendar: str | None) -> int:
    if calendar == "360_day":
        return 30
    leap = {
        "noleap": False, "all_leap": True, "julian": year % 4 == 0,
    }.get(calendar or "", gregorian.isleap(year))  # fmt: skip
    return 28 + leap if month == 2 else gregorian.monthrange(2001, month)[1]


@pytest.mark.parametrize("calendar", [None, *CALENDARS])
@pytest.mark.parametrize("year", [1899, 2000])
@pytest.mark.parametrize("shift", ["start", "middle", "end"])
def test_monthly_stamps_anywhere_in_the_month_have_its_length(
    calendar: str | None, year: int, shift: str
) -> None:
    ds = dates(f"{year}-01-01", 40, "MS", calendar)
    expected = [month_length(year + k // 12, k % 12 + 1, calendar) for k in range(40)]
    move = {"start": np.zeros(40), "middle": np.array(expected) / 2, "end": np.array(expected) - 1}
    stamps = ds.indexes["time"] + pd.to_timedelta(move[shift], unit="D")
    length = days(ds.assign_coords(time=stamps))
    np.testing.assert_array_equal(length, expected)
    assert length.attrs["units"] == "d"


@pytest.mark.parametrize("calendar", [None, *CALENDARS])
def test_yearly_stamps_have_the_length_of_their_year(calendar: str | None) -> None:
    ds = dates("1899-01-01", 6, "YS", calendar)
    expected = [
        sum(month_length(year, month, calendar) for month in range(1, 13))
        for year in range(1899, 1905)
    ]
    np.testing.assert_array_equal(days(ds), expected)


@pytest.mark.parametrize("calendar", [None, *CALENDARS])
@pytest.mark.parametrize(("freq", "length"), [("D", 1.0), ("h", 1 / 24), ("30min", 1 / 48)])
def test_daily_and_subdaily_steps_are_alike(calendar: str | None, freq: str, length: float) -> None:
    ds = dates("2000-02-27", 100, freq, calendar)
    np.testing.assert_allclose(days(ds), length, rtol=1e-15)
    np.testing.assert_allclose(seconds(ds), length * 86400, rtol=1e-15)
    assert seconds(ds).attrs["units"] == "s"


def test_a_mean_year_has_365_and_a_quarter_days() -> None:
    ds = at(np.arange(1, 13), "month")
    np.testing.assert_array_equal(days(ds), MEAN_YEAR)
    assert float(days(ds).sum()) == 365.25
    np.testing.assert_array_equal(days(at([12, 1, 2], "month")), [31, 31, 28.25])
    for wrong in ([0, 1, 2], [1, 1, 2], [1.5, 2, 3]):
        with pytest.raises(InputError, match="1 to 12, each once"):
            days(at(wrong, "month"))


def with_bounds(ds: xr.Dataset, start: object, end: object, lazy: bool = False) -> xr.Dataset:
    edges = np.stack([np.asarray(start), np.asarray(end)], axis=-1)
    ds["time"].attrs["bounds"] = "time_edges"
    ds = ds.assign(time_edges=(("time", "nv"), edges))
    return ds.chunk() if lazy else ds


@pytest.mark.parametrize("calendar", [None, "noleap", "360_day"])
@pytest.mark.parametrize("lazy", [False, True])
def test_bounds_rule_over_stamps(calendar: str | None, lazy: bool) -> None:
    start = dates("2001-01-01", 5, "MS", calendar).indexes["time"]
    end = dates("2001-02-01", 5, "MS", calendar).indexes["time"]
    # CESM stamps a mean at the end of its month, which is the start of the next.
    ds = with_bounds(at(end), start, end, lazy)
    expected = [month_length(2001, month, calendar) for month in range(1, 6)]
    np.testing.assert_array_equal(days(ds), expected)
    assert days(ds.drop_vars("time_edges"))[0] == month_length(2001, 2, calendar)


def test_bounds_in_encoding_or_by_name_and_of_a_single_step_are_found() -> None:
    ds = with_bounds(at([np.datetime64("2001-01-16")]), ["2001-01-01"], ["2001-02-01"])
    ds["time_edges"] = ds.time_edges.astype("datetime64[ns]")
    assert days(ds).item() == 31
    ds["time"].encoding["bounds"] = ds["time"].attrs.pop("bounds")
    assert days(ds).item() == 31
    del ds["time"].encoding["bounds"]
    assert days(ds.rename(time_edges="time_bnds")).item() == 31


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (["2001-01-01", "2001-02-01"], ["2001-01-01", "2001-03-01"]),
        (["2001-01-01", "2001-01-20"], ["2001-02-01", "2001-03-01"]),
        (["2001-01-01", "2001-03-01"], ["2001-02-01", "2001-04-01"]),
    ],
    ids=["empty", "overlap", "without its stamp"],
)
def test_bounds_that_contradict_themselves_are_refused(start: list[str], end: list[str]) -> None:
    ds = with_bounds(
        dates("2001-01-15", 2, "30D"), np.array(start, "M8[ns]"), np.array(end, "M8[ns]")
    )
    with pytest.raises(InputError, match=r"time_edges at position [01] run from 2001"):
        days(ds)


def test_undecoded_bounds_are_refused() -> None:
    with pytest.raises(InputError, match="decode"):
        days(with_bounds(dates("2001-01-15", 2, "30D"), [0, 31], [31, 59]))


def test_gaps_are_allowed_where_the_length_stays_clear() -> None:
    monthly = dates("2000-01-01", 48, "MS")
    summer = monthly.sel(time=monthly.time.dt.month.isin([6, 7, 8]))
    np.testing.assert_array_equal(days(summer), [30, 31, 31] * 4)
    daily = dates("2000-01-01", 800, "D")
    no_leap_day = daily.sel(time=~((daily.time.dt.month == 2) & (daily.time.dt.day == 29)))
    np.testing.assert_array_equal(days(no_leap_day), 1.0)


def test_noon_stamps_of_daily_data_begin_at_midnight() -> None:
    steps = time_steps(dates("2000-01-31 12:00", 3, "D"))
    assert steps is not None
    assert steps.clock is not None
    np.testing.assert_array_equal(
        steps.clock.dates(steps.edges[:, 0]), pd.date_range("2000-01-31", periods=3)
    )


@pytest.mark.parametrize(("length", "last"), [(8, [5, 6, 5]), (16, [13, 14, 13])])
def test_composites_that_start_anew_each_year_end_with_it(length: int, last: list[int]) -> None:
    stamps = np.concatenate(
        [pd.date_range(f"{y}-01-01", f"{y}-12-31", freq=f"{length}D") for y in (2003, 2004, 2005)]
    )
    steps = days(at(stamps))
    ends = steps.values[steps.time.dt.year.diff("time", label="lower").values.nonzero()[0]]
    assert [*ends, steps.values[-1]] == last
    assert float(steps.sum()) == 365 + 366 + 365


def test_seasons_are_three_months() -> None:
    np.testing.assert_array_equal(days(dates("2000-12-01", 4, "QS-DEC")), [90, 92, 92, 91])


@pytest.mark.parametrize(
    ("stamps", "said"),
    [
        (["2001-01-01"], "single stamp at 2001-01-01"),
        (["2001-01-01", "2001-01-01", "2001-01-02"], "repeats stamps"),
        (["2001-01-03", "2001-01-01", "2001-01-02"], "does not ascend: 2001-01-01"),
        (["2001-01-01", "2001-01-02", "2001-01-05", "2001-01-11"], "irregular at"),
        (["2001-01-01", "2001-01-02T05", "2001-01-03", "2001-01-04"], "irregular at"),
        (["2001-01-16", "2002-01-16", "2003-01-16"], "for a month or for the year"),
        (["2001-01-01", "2001-03-05", "2001-09-17"], "irregular at"),
        (["2001-01-01", "2001-07-01", "2002-01-01"], "irregular at"),
    ],
)
def test_stamps_that_tell_no_length_are_refused_with_the_way_out(
    stamps: list[str], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        days(at(np.array(stamps, "M8[ns]")))


def test_what_a_stamp_stands_for_can_be_told() -> None:
    single = at(np.array(["2004-02-16"], "M8[ns]"))
    assert [days(single, freq=freq).item() for freq in ("D", "MS", "YS")] == [1, 29, 366]
    january = at(np.array(["2001-01-16", "2002-01-16"], "M8[ns]"))
    np.testing.assert_array_equal(days(january, freq="MS"), 31)
    with pytest.raises(InputError, match="several stamps to one 'YS'"):
        days(dates("2001-01-01", 3, "MS"), freq="YS")
    with pytest.raises(InputError, match="expected 'D', 'MS' or 'YS'"):
        days(january, freq="W")  # type: ignore[arg-type]


def test_time_that_is_not_dates_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match="decode_cf"):
        days(at([0, 31, 59]))
    with pytest.raises(InputError, match="NaT"):
        days(at(np.array(["2001-01-01", "NaT"], "M8[ns]")))
    with pytest.raises(InputError, match="no coordinate"):
        days(xr.Dataset({"x": ("time", [1.0, 2.0])}))
    with pytest.raises(InputError, match=r"days=365\.25"):
        days(xr.Dataset({"x": ("lat", [1.0, 2.0])}))


def test_the_time_dimension_is_found_by_name_or_by_its_dates() -> None:
    stamps = pd.date_range("2001", periods=3)
    assert find_time(at(stamps, "date")) == "date"
    assert find_time(dates("2001-01-01", 3, "D", "noleap").rename(time="when")) == "when"
    assert find_time(at(stamps).assign_coords(issued=stamps)) == "time"
    assert find_time(at([1, 2], "month")) == "month"
    assert find_time(at([1, 2], "x")) is None
    with pytest.raises(InputError, match="a and b all hold dates"):
        find_time(at(stamps, "a").assign_coords(b=stamps))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_resolution_of_the_dates_does_not_matter(unit: str) -> None:
    stamps = pd.date_range("2001-01-01", periods=14, freq="MS").to_numpy().astype(f"M8[{unit}]")
    assert float(days(at(stamps)).sum()) == 365 + 31 + 28
