"""Interannual variability of single cells, as amounts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute

from xflux.errors import InputError
from xflux.labels.attach import attributes
from xflux.labels.grid import cell_area
from xflux.regional.pixel_variability import pixel_variability


def field() -> xr.Dataset:
    time = pd.date_range("2001-01-01", periods=60, freq="MS")
    coords = {"time": time, "lat": [-20.0, 0.0, 20.0], "lon": [0.0, 20.0, 40.0]}
    values = np.random.default_rng(0).normal(size=(60, 3, 3))
    ds = xr.Dataset({"nee": (("time", "lat", "lon"), values, attributes("nee"))}, coords)
    land = np.array([[0.0, 1.0, 0.5]] * 3)
    return ds.assign(land_fraction=(("lat", "lon"), land, {"units": "1"}))


def test_it_is_the_deviation_of_annual_sums_of_the_land_of_a_cell() -> None:
    ds = field()
    found = pixel_variability(ds)
    days = ds.time.dt.days_in_month
    yearly = (ds.nee * days).groupby("time.year").sum() * cell_area(ds) * ds.land_fraction * 1e-12
    expected = yearly.std("year", ddof=1).where(ds.land_fraction > 0)
    xr.testing.assert_allclose(found.drop_vars(found.coords), expected.drop_vars(expected.coords))
    assert found.attrs["units"] == "Tg yr-1"


def test_it_is_lazy_and_refuses_a_mean_year() -> None:
    ds = field()
    with no_compute():
        lazy = pixel_variability(ds.chunk(time=7, lat=2))
    xr.testing.assert_allclose(lazy.compute(), pixel_variability(ds))
    mean_year = ds[["nee"]].groupby("time.month").mean(keep_attrs=True)
    with pytest.raises(InputError, match="mean year"):
        pixel_variability(mean_year)
