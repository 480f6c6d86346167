"""Mean seasonal cycles at each step: of months, and of eight days where steps are short."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from guards import no_compute

from xflux.labels.seasonal_means import mean_of_month, mean_of_season


def series(freq, periods):
    time = pd.date_range("2001-01-01", periods=periods, freq=freq)
    rng = np.random.default_rng(0)
    data = rng.normal(size=(2, periods))
    return xr.DataArray(data, dims=("site", "time"), coords={"time": time})


def test_months_get_the_mean_of_their_month():
    array = series("MS", 36)
    made = mean_of_season(array)
    np.testing.assert_allclose(made[:, 5], array[:, [5, 17, 29]].mean("time"))
    xr.testing.assert_identical(made, mean_of_month(array))


def test_days_get_the_mean_of_their_eight_days_of_the_year():
    array = series("D", 1095)
    made = mean_of_season(array)
    expected = np.concatenate([array.values[:, y * 365 + 8 : y * 365 + 16] for y in range(3)], 1)
    np.testing.assert_allclose(made[:, 8:16], np.repeat(expected.mean(1)[:, None], 8, 1))
    assert len(np.unique(made[0])) == 46
    # Anomalies of days stay those from the mean of the month.
    assert len(np.unique(mean_of_month(array)[0])) == 12


def test_gaps_are_left_out_and_filled_by_other_years():
    array = series("MS", 24)
    array[0, 3] = np.nan
    array[1, [4, 16]] = np.nan
    made = mean_of_season(array)
    np.testing.assert_array_equal(made[0, [3, 15]], array[0, 15])
    assert np.isnan(made[1, [4, 16]]).all()


def test_a_mean_year_is_its_own_season():
    array = series("MS", 12).rename(time="month").assign_coords(month=np.arange(1, 13))
    xr.testing.assert_identical(mean_of_season(array), array)


def test_nothing_is_computed_in_any_chunks():
    array = series("D", 800)
    with no_compute():
        lazy = mean_of_season(array.chunk(time=200, site=1))
    np.testing.assert_allclose(lazy.compute(), mean_of_season(array), rtol=1e-12)
