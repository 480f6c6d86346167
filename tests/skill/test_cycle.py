"""Where in the year a time step lies."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from xflux.errors import InputError
from xflux.skill.cycle import periods, step_days, years


def stamps(start: str, periods: int, freq: str, calendar: str = "standard") -> xr.DataArray:
    time = xr.date_range(start, periods=periods, freq=freq, calendar=calendar)
    return xr.DataArray(time, {"time": time}, "time")


@pytest.mark.parametrize(("freq", "size"), [("MS", 12), ("8D", 46), ("7D", 46), ("D", 365)])
def test_auto_follows_the_time_step(freq: str, size: int) -> None:
    assert periods(stamps("2001-01-01", 40, freq))[1] == size


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
def test_days_of_any_calendar_fit_into_a_year(calendar: str) -> None:
    time = stamps("2004-01-01", 366, "D", calendar)
    codes, size = periods(time, "day")
    assert codes.min() == 0
    assert codes.max() < size


def test_the_366th_day_joins_the_365th() -> None:
    codes, _ = periods(stamps("2004-12-30", 2, "D"), "day")
    assert codes.tolist() == [364, 364]


def test_composites_of_modis_have_their_own_periods() -> None:
    starts = np.array(["2003-01-01", "2004-01-01"], "M8[D]")
    time = (starts[:, None] + 8 * np.arange(46)).reshape(-1).astype("M8[ns]")
    codes, size = periods(xr.DataArray(time, {"time": time}, "time"))
    assert size == 46
    assert codes.tolist() == [*range(46), *range(46)]


def test_a_gap_does_not_change_the_step() -> None:
    time = stamps("2001-01-01", 48, "MS")
    assert step_days(time.isel(time=[*range(20), *range(30, 48)])) == step_days(time) == 31


def test_years_are_numbered() -> None:
    codes, found = years(stamps("2003-11-01", 4, "MS"))
    assert codes.tolist() == [0, 0, 1, 1]
    assert found.tolist() == [2003, 2004]


def test_years_have_no_seasonal_cycle() -> None:
    with pytest.raises(InputError, match="no seasonal cycle"):
        periods(stamps("2001-01-01", 5, "YS"))


def test_unknown_cycles_are_named() -> None:
    with pytest.raises(InputError, match="'week'"):
        periods(stamps("2001-01-01", 24, "MS"), "week")  # type: ignore[arg-type]
