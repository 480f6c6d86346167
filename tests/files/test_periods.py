"""Averaging periods."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tower_files import period_starts

from xflux.files.periods import NAMES, complete_index, days_of, infer_resolution


@pytest.mark.parametrize("resolution", ["DD", "WW", "MM", "YY"])
def test_the_periods_of_whole_years_fill_them(resolution):
    index = period_starts(resolution, 2003, 2004)

    assert days_of(index, resolution).sum() == 365 + 366


@pytest.mark.parametrize(("resolution", "per_day"), [("HH", 48), ("HR", 24)])
def test_sub_daily_periods_are_parts_of_a_day(resolution, per_day):
    index = period_starts(resolution, 2003, 2003)

    np.testing.assert_allclose(days_of(index, resolution) * per_day, 1.0)


@pytest.mark.parametrize("resolution", list(NAMES))
def test_a_missing_period_is_found(resolution):
    index = period_starts(resolution, 2003, 2006)
    cut = index.delete(1)

    assert list(complete_index(cut, resolution).difference(cut)) == [index[1]]


@pytest.mark.parametrize("resolution", list(NAMES))
def test_the_resolution_is_inferred_from_the_steps(resolution):
    assert infer_resolution(period_starts(resolution, 2003, 2006)) == resolution


def test_the_resolution_is_inferred_through_gaps():
    index = pd.date_range("2003-01-01", "2008-12-01", freq="MS")
    growing_season = index[(index.month >= 5) & (index.month <= 9)]

    assert infer_resolution(growing_season) == "MM"


def test_one_stamp_does_not_tell_the_resolution():
    assert infer_resolution(pd.DatetimeIndex(["2003-01-01"])) is None
