"""Differences of what accumulates from midnight, for any stretch of stamps and any chunks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from era5_files import accumulate
from hypothesis import given
from hypothesis import strategies as st

from xflux.errors import InputError
from xflux.files.accumulation import rate_since_midnight, shift_to_start

DAYS = 4


def hourly():
    time = pd.date_range("2003-12-30T01", periods=24 * DAYS, freq="h")
    values = np.random.default_rng(5).uniform(0.0, 500.0, time.size)
    return xr.DataArray(values, dims="time", coords={"time": time}, name="ssrd")


@given(
    every=st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24]),
    missing=st.sets(st.integers(0, 24 * DAYS - 1), max_size=5),
    first=st.integers(0, 60),
    chunk=st.integers(1, 30),
)
def test_every_rate_is_the_true_mean_or_nan_where_it_cannot_be_known(every, missing, first, chunk):
    truth = hourly()
    stamps = slice(every - 1, None, every)
    amounts = accumulate(truth * 3600.0).isel(time=stamps)
    means = truth.coarsen(time=every).mean().assign_coords(time=amounts["time"])
    kept = [i for i in range(min(first, amounts.size - 3), amounts.size) if i not in missing]
    if len(kept) < 2 or min(np.diff(kept)) > 1:
        return  # the step cannot be told
    rate, step = rate_since_midnight(amounts.isel(time=kept).chunk(time=chunk))
    assert step == pd.Timedelta(hours=every)
    starts_day = (amounts["time"].dt.hour == every % 24).values
    for value, i in zip(rate.values, kept, strict=True):
        if i - 1 in kept or starts_day[i]:
            np.testing.assert_allclose(value, means.values[i], rtol=1e-9)
        else:
            assert np.isnan(value)


def test_shifting_leaves_nan_before_a_gap():
    truth = hourly().isel(time=slice(6)).drop_isel(time=3)
    moved = shift_to_start(truth, pd.Timedelta(hours=1))
    np.testing.assert_array_equal(moved, [truth[1], truth[2], np.nan, truth[4], np.nan])


@pytest.mark.parametrize(
    "time",
    [
        np.arange(3),
        xr.date_range("2001-01-01", periods=3, freq="h", calendar="noleap", use_cftime=True),
        pd.to_datetime(["2001-01-01", None, "2001-01-03"]),
    ],
)
def test_stamps_that_are_no_dates_are_refused(time):
    amounts = xr.DataArray(np.ones(3), dims="time", coords={"time": time}, name="tp")
    with pytest.raises(InputError, match="'tp'"):
        rate_since_midnight(amounts)
