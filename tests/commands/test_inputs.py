"""What a run reads beside its drivers: the record of carbon dioxide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.commands.inputs import with_co2
from xflux.errors import InputError


@pytest.mark.parametrize("chunks", [None, {"time": 5}])
def test_a_record_gives_each_month_its_co2(grid_file, chunks):
    with xr.open_dataset(grid_file()) as ds:
        ds = ds if chunks is None else ds.chunk(chunks)
        times = pd.date_range("2000-01", periods=60, freq="MS")
        record = xr.DataArray(
            np.arange(60.0) + 350, dims="time", coords={"time": times}, attrs={"units": "ppm"}
        )
        filled = with_co2(ds, record, what="grid")
        np.testing.assert_array_equal(filled["co2"], np.arange(24.0) + 362)


def test_a_record_that_ends_early_is_warned_of(grid_file):
    with xr.open_dataset(grid_file()) as ds:
        times = pd.date_range("2000-01", periods=20, freq="MS")
        record = xr.DataArray(
            np.arange(20.0) + 350, dims="time", coords={"time": times}, attrs={"units": "ppm"}
        )
        with pytest.warns(xflux.XfluxWarning, match="16 of 24 time steps"):
            with_co2(ds, record, what="grid")


def test_a_record_cannot_serve_a_mean_year(grid_file):
    with xr.open_dataset(grid_file(mean_year=True)) as ds:
        record = xr.DataArray([350.0], dims="time", coords={"time": pd.DatetimeIndex(["2001-01"])})
        with pytest.raises(InputError, match="--co2 400"):
            with_co2(ds, record, what="grid")
