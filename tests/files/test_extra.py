"""Tidy tables joined to towers by site and period."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tower_files import period_starts

from xflux.errors import InputError, XfluxWarning
from xflux.files.extra import join_extra, match_periods
from xflux.files.tidy import read_tidy

MONTHS = period_starts("MM", 2003, 2004)
DAYS = period_starts("DD", 2003, 2004)


@pytest.mark.parametrize("shift", [0, 14, 27])
def test_a_monthly_stamp_may_lie_anywhere_in_its_month(shift):
    values = np.arange(24.0)

    matched = match_periods(MONTHS, "MM", MONTHS + pd.Timedelta(days=shift), values)

    np.testing.assert_array_equal(matched, values)


@pytest.mark.parametrize("shift", [0, 14, 27])
def test_a_monthly_value_holds_for_the_days_of_its_month(shift):
    values = np.arange(24.0)

    matched = match_periods(DAYS, "DD", MONTHS + pd.Timedelta(days=shift), values)

    np.testing.assert_array_equal(matched, (DAYS.year - 2003) * 12 + DAYS.month - 1)


def test_a_yearly_value_holds_for_the_months_of_its_year():
    years = pd.DatetimeIndex(["2003-07-01", "2004-07-01"])

    matched = match_periods(MONTHS, "MM", years, np.array([3.0, 4.0]))

    np.testing.assert_array_equal(matched, MONTHS.year - 2000.0)


def test_days_are_averaged_over_months():
    matched = match_periods(MONTHS, "MM", DAYS, DAYS.day.to_numpy("f8"))

    np.testing.assert_allclose(matched, (MONTHS.days_in_month + 1) / 2)


def test_missing_days_do_not_count_in_the_mean():
    values = np.where(DAYS.day == 1, 7.0, np.nan)

    np.testing.assert_array_equal(match_periods(MONTHS, "MM", DAYS, values), 7.0)


def test_a_composite_of_eight_days_holds_until_the_next():
    stamps = pd.DatetimeIndex(
        np.concatenate([pd.date_range(f"{y}-01-01", periods=46, freq="8D") for y in (2003, 2004)])
    )
    values = np.arange(92.0)

    matched = match_periods(DAYS, "DD", stamps, values)

    assert not np.isnan(matched).any()
    np.testing.assert_array_equal(matched[:9], [0.0] * 8 + [1.0])
    assert matched[365] == 46


def test_a_missing_composite_leaves_a_gap():
    stamps = pd.date_range("2003-01-01", periods=10, freq="8D").delete(4)

    matched = match_periods(DAYS[:80], "DD", stamps, np.ones(9))

    assert np.flatnonzero(np.isnan(matched)).tolist() == list(range(32, 40))


def test_half_hours_take_the_value_of_their_month():
    half_hours = pd.date_range("2003-01-31 23:00", periods=4, freq="30min")

    matched = match_periods(half_hours, "HH", MONTHS, np.arange(24.0))

    np.testing.assert_array_equal(matched, [0, 0, 1, 1])


def test_nothing_is_taken_from_outside_the_series():
    matched = match_periods(MONTHS, "MM", MONTHS[6:12], np.ones(6))

    assert np.flatnonzero(~np.isnan(matched)).tolist() == list(range(6, 12))


def test_stamps_between_two_records_are_not_averaged_in():
    # Towers with a gap of a year: what lies in the gap belongs to no period.
    periods = MONTHS.delete(slice(3, 9))

    matched = match_periods(periods, "MM", MONTHS, np.arange(24.0))

    np.testing.assert_array_equal(matched, np.delete(np.arange(24.0), slice(3, 9)))


def towers():
    return xr.Dataset(
        {"nee": (("site", "time"), np.zeros((2, 24)))},
        {"site": ["DE-Tha", "FI-Hyy"], "time": MONTHS},
    )


def table(site="FI-Hyy", **columns):
    return read_tidy(pd.DataFrame({"site": site, "time": MONTHS, **columns}))


def test_a_table_is_joined_by_site():
    ds = join_extra(towers(), table(fapar=np.linspace(0, 1, 24), whc="x"), "MM")

    np.testing.assert_array_equal(ds["fapar"].sel(site="FI-Hyy"), np.linspace(0, 1, 24))
    assert ds["fapar"].sel(site="DE-Tha").isnull().all()
    assert ds["fapar"].attrs["units"] == "1"
    assert ds["fapar"].attrs["source"] == "fapar of the table"


def test_other_sites_of_the_table_are_left_out():
    ds = join_extra(towers(), [*table(fapar=0.5), *table("US-Ha1", fapar=0.9)], "MM")

    assert ds["site"].values.tolist() == ["DE-Tha", "FI-Hyy"]
    assert float(ds["fapar"].max()) == 0.5


def test_what_the_towers_hold_stays_theirs():
    with pytest.warns(XfluxWarning, match="'nee' is left out, since the towers hold it"):
        ds = join_extra(towers(), table(nee_gC_m2_d=9.0, fapar=0.5), "MM")

    assert float(ds["nee"].max()) == 0
    assert "fapar" in ds


def test_a_table_of_other_sites_is_an_error():
    with pytest.raises(InputError, match=r"none of the 2 sites.*it holds US-Ha1"):
        join_extra(towers(), table("US-Ha1", fapar=0.9), "MM")


def test_a_table_of_other_years_is_warned_of():
    late = pd.DataFrame({"site": "FI-Hyy", "time": MONTHS + pd.DateOffset(years=20), "fapar": 0.5})

    with pytest.warns(XfluxWarning, match="'fapar' has no value at any site and time"):
        join_extra(towers(), read_tidy(late), "MM")
