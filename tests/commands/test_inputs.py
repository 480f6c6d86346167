"""What a run reads beside its drivers: the record of carbon dioxide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.commands.inputs import open_grid, with_co2
from xflux.commands.request import RunRequest
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


def test_the_product_of_hourly_amounts_is_an_option(tmp_path, grid_file):
    hours = pd.date_range("2001-01-01 01:00", periods=24, freq="h")
    joules = 3600.0 * 200.0 * np.arange(1, 25.0)[:, None, None] * np.ones((1, 2, 2))
    ds = xr.Dataset(
        {"ssrd": (("time", "lat", "lon"), joules, {"units": "J m**-2"})},
        coords={"time": hours, "lat": [50.0, 50.1], "lon": [5.0, 5.1]},
    )
    path = tmp_path / "hours.nc"
    ds.to_netcdf(path)
    request = RunRequest(out=tmp_path / "out", drivers=(str(path),), product="era5-land")
    np.testing.assert_allclose(open_grid(request).swin, 200.0)
