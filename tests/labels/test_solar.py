"""Radiation above the atmosphere: from latitude and date, on any calendar and in any chunks."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError, MissingVariableError
from xflux.numerics.meteorology import top_of_atmosphere_radiation

LAT = np.arange(-87.5, 90.0, 5.0)


def grid(freq="MS", periods=24, calendar="standard", start="2003-01-01", dtype="f4"):
    time = xr.date_range(
        start, periods=periods, freq=freq, calendar=calendar, use_cftime=calendar != "standard"
    )
    shape = (periods, LAT.size, 2)
    ta = xr.DataArray(np.full(shape, 10.0, dtype), dims=("time", "lat", "lon"))
    return xr.Dataset(
        {"ta": ta.assign_attrs(units="degC")}, coords={"time": time, "lat": LAT, "lon": [0.0, 5.0]}
    )


def potential(ds):
    return ds.flux.standardize(derive=("swin_potential",)).swin_potential


def test_a_month_is_the_mean_of_its_days():
    months, days = potential(grid(dtype="f8")), potential(grid("D", 731, dtype="f8"))
    assert (months.dims, months.attrs["units"]) == (("time", "lat"), "W m-2")
    assert months.attrs["standard_name"] == "toa_incoming_shortwave_flux"
    np.testing.assert_allclose(days.resample(time="MS").mean(), months, rtol=1e-12)
    expected = top_of_atmosphere_radiation(LAT, 60.0)
    # 2004 has a 29 February.
    np.testing.assert_allclose(days.sel(time="2004-02-29"), expected, rtol=1e-12)


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
def test_a_year_over_the_globe_is_a_quarter_of_the_solar_constant(calendar):
    ds = grid(calendar=calendar, periods=12)
    days = xflux.labels.calendar.days(ds)
    weights = np.cos(np.deg2rad(ds["lat"])) * days
    assert potential(ds).weighted(weights).mean().item() == pytest.approx(1366.67 / 4, rel=1e-3)


def test_june_is_bright_in_the_north_and_the_pole_dark_in_december():
    made = potential(grid(periods=12))
    june, december = made.isel(time=5), made.isel(time=11)
    assert june.sel(lat=87.5) > june.sel(lat=2.5) > june.sel(lat=-62.5)
    assert december.sel(lat=87.5) == 0.0


def test_a_mean_year_of_months_is_that_of_dates():
    year = grid(periods=12).groupby("time.month").mean(keep_attrs=True)
    np.testing.assert_allclose(
        potential(year).transpose("month", "lat"), potential(grid(periods=12)), atol=1.0
    )


def test_chunks_do_not_show_and_nothing_is_computed():
    ds = grid()
    with no_compute():
        lazy = potential(ds.chunk(time=7, lat=5))
    assert lazy.chunksizes["lat"][0] == 5
    assert lazy.dtype == np.float32
    xr.testing.assert_identical(lazy.compute(), potential(ds))


def test_towers_and_two_dimensional_latitudes_are_places_too():
    ds = grid(periods=12).isel(lon=0)
    towers = (
        ds.drop_vars("lon")
        .rename(lat="site")
        .assign_coords(
            site=[f"s{k}" for k in range(LAT.size)], lat=("site", LAT), lon=("site", LAT)
        )
    )
    expected = potential(ds)
    np.testing.assert_array_equal(potential(towers).transpose("time", "site"), expected)
    lat, lon = np.meshgrid(LAT, [0.0, 1.0], indexing="ij")
    curved = ds.expand_dims(x=2).rename(lat="y").drop_vars(["y", "lon"])
    curved = curved.assign_coords(lat=(("y", "x"), lat), lon=(("y", "x"), lon))
    np.testing.assert_array_equal(potential(curved).isel(x=1).transpose("time", "y"), expected)


def test_what_it_cannot_tell_is_refused():
    with pytest.raises(InputError, match="holds no noon"):
        potential(grid("6h", 8))
    with pytest.raises(InputError, match="no time dimension"):
        potential(grid().isel(time=0, drop=True))
    with pytest.raises(MissingVariableError, match="no latitude"):
        potential(grid().drop_vars("lat"))
