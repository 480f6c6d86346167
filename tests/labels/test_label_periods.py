"""From time steps to months and years."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from xflux.errors import InputError
from xflux.labels.calendar import TimeSteps, time_steps
from xflux.labels.periods import periods


def steps(start: str, count: int, freq: str, calendar: str | None = None) -> TimeSteps:
    index = (
        pd.date_range(start, periods=count, freq=freq)
        if calendar is None
        else xr.date_range(start, periods=count, freq=freq, calendar=calendar, use_cftime=True)
    )
    found = time_steps(xr.Dataset(coords={"time": index}))
    assert found is not None
    return found


@pytest.mark.parametrize("calendar", [None, "noleap", "360_day", "julian"])
@pytest.mark.parametrize("freq", ["D", "6h", "MS"])
def test_steps_within_years_are_summed_by_their_days(calendar: str | None, freq: str) -> None:
    given = steps("1999-01-01", {"D": 800, "6h": 3200, "MS": 27}[freq], freq, calendar)
    cut = periods(given, "YS")
    rates = np.random.default_rng(0).normal(size=(2, len(given.edges)))
    assert given.clock is not None
    years = given.clock.months(given.edges[:, 0]) // 12
    expected = [(rates * given.days)[:, years == year].sum(axis=1) for year in np.unique(years)]
    np.testing.assert_allclose(cut.total(rates), np.transpose(expected), rtol=1e-12)
    assert cut.dates is not None
    assert [str(date)[:10] for date in cut.dates] == ["1999-01-01", "2000-01-01", "2001-01-01"]
    np.testing.assert_array_equal(cut.coverage[:2], 1.0)
    assert 0.1 < cut.coverage[2] < 0.3


def test_a_step_that_straddles_two_months_is_divided_by_its_days() -> None:
    cut = periods(steps("2001-01-22", 3, "7D"), "MS")
    np.testing.assert_allclose(cut.total(np.array([1.0, 10.0, 100.0])), [7 + 30, 40 + 700])
    np.testing.assert_allclose(cut.coverage, [10 / 31, 11 / 28])


@pytest.mark.parametrize("freq", ["MS", "YS"])
def test_what_is_constant_in_time_sums_to_its_days_whatever_the_step(freq: str) -> None:
    weeks = periods(steps("1999-12-27", 300, "7D"), freq)
    daily = periods(steps("1999-12-27", 2100, "D"), freq)
    np.testing.assert_allclose(weeks.total(np.ones(300)), daily.total(np.ones(2100)), rtol=1e-14)
    np.testing.assert_allclose(weeks.coverage, daily.coverage, rtol=1e-14)


def test_periods_without_steps_and_with_nan_are_nan() -> None:
    time = pd.date_range("2001-01-01", "2001-12-31", freq="MS")
    found = time_steps(xr.Dataset(coords={"time": time[[0, 1, 2, 9, 10]]}))
    assert found is not None
    cut = periods(found, "MS")
    rates = np.array([1.0, np.nan, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(
        np.isnan(cut.total(rates)), [False, True, False] + [True] * 6 + [False, False]
    )
    np.testing.assert_array_equal(cut.coverage, [1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1])


def test_months_of_a_mean_year_make_one_year() -> None:
    found = time_steps(xr.Dataset(coords={"month": np.arange(1, 13)}))
    assert found is not None
    cut = periods(found, "YS")
    assert cut.dates is None
    np.testing.assert_allclose(cut.total(np.ones(12)), [365.25], rtol=1e-15)
    np.testing.assert_allclose(cut.coverage, [1.0], rtol=1e-15)


def test_steps_longer_than_the_period_and_other_periods_are_refused() -> None:
    with pytest.raises(InputError, match="up to 366 days cannot be told apart by freq='MS'"):
        periods(steps("2000-01-01", 3, "YS"), "MS")
    with pytest.raises(InputError, match="freq='QS' is not known"):
        periods(steps("2000-01-01", 3, "MS"), "QS")  # type: ignore[arg-type]
