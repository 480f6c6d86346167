"""Stocks summed over regions: what is there, not what flows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute

from xflux.errors import UnitsError
from xflux.labels.calendar import time_steps
from xflux.labels.grid import EARTH_RADIUS, cell_area
from xflux.labels.stock_totals import stock_sums

SURFACE = 4 * np.pi * EARTH_RADIUS**2
LAT, LON = np.arange(-75.0, 76.0, 30.0), np.arange(-165.0, 166.0, 30.0)


def stock(dim, labels, dtype="f8"):
    level = np.arange(1.0, 1.0 + len(labels))[:, None, None]
    return xr.DataArray(
        (level * np.ones((1, LAT.size, LON.size))).astype(dtype),
        dims=(dim, "lat", "lon"),
        coords={dim: labels, "lat": LAT, "lon": LON},
        attrs={"units": "g m-2"},
        name="cVeg",
    )


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_gram_over_the_sphere_is_its_surface_whatever_the_time(dtype: str) -> None:
    da = stock("year", [2001, 2002, 2003], dtype)
    found = stock_sums(da, area=cell_area(da))
    np.testing.assert_allclose(found.integral.isel(year=0), SURFACE * 1e-15)
    np.testing.assert_allclose(np.ravel(found.integral), SURFACE * np.arange(1, 4) * 1e-15)
    assert found.integral.attrs["units"] == "Pg"
    assert found.integral.attrs["cell_methods"] == "area: sum"
    plain = stock_sums(da.isel(year=0, drop=True), area=cell_area(da), units="kgC")
    np.testing.assert_allclose(plain.integral, SURFACE * 1e-3)


def test_months_are_averaged_by_their_days_and_a_year_that_lacks_some_is_nan() -> None:
    da = stock("time", pd.date_range("2001-01-01", periods=18, freq="MS"))
    with no_compute():
        lazy = stock_sums(da.chunk(time=5, lat=2), area=cell_area(da), yearly=time_steps(da))
    days = da.time.dt.days_in_month.values[:12]
    expected = (np.arange(1, 13) * days).sum() / 365 * SURFACE * 1e-15
    found = np.ravel(lazy.integral)
    assert found[0] == pytest.approx(expected)
    assert np.isnan(found[1])
    assert "time: mean" in lazy.integral.attrs["cell_methods"]


def test_cells_without_a_stock_are_left_out_and_said() -> None:
    da = stock("year", [2001]).where(lambda a: a.lat > 0)
    da.attrs["units"] = "g m-2"
    found = stock_sums(da, area=cell_area(da))
    np.testing.assert_allclose(found.missing_area, 0.5)
    np.testing.assert_allclose(found.integral, 0.5 * SURFACE * 1e-15)


def test_what_is_no_stock_is_refused() -> None:
    da = stock("year", [2001]).assign_attrs(units="kg m-2")
    with pytest.raises(UnitsError, match="expected 'g m-2'"):
        stock_sums(da, area=cell_area(da))
