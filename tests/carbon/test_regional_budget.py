"""Carbon of regions by year: exact sums, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from carbon_worlds import LAT, LON, YEARS, chunked, land
from guards import no_compute

from xflux.carbon.budget import budget
from xflux.carbon.trend import trend as fit
from xflux.errors import (
    GridMismatchError,
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxWarning,
)
from xflux.labels.grid import EARTH_RADIUS, cell_area
from xflux.labels.integral import integrate

SURFACE = 4 * np.pi * EARTH_RADIUS**2


def zones(**attrs):
    numbers = np.arange(LAT.size * LON.size).reshape(LAT.size, -1) % 3 + 1
    return xr.DataArray(numbers, coords=[("lat", LAT), ("lon", LON)], attrs=attrs)


def all_land(ds: xr.Dataset) -> xr.Dataset:
    """Say that cells are land as a whole, so that lazy means over land leave nothing to warn of."""
    ones = xr.DataArray(np.ones((LAT.size, LON.size)), dims=("lat", "lon"))
    return ds.assign(land_fraction=ones.assign_attrs(units="1"))


def long_land(years=12, seed=3):
    """GPP of the globe with a trend and noise, alike in all cells."""
    time = pd.date_range("2001-01-01", periods=12 * years, freq="MS")
    rng = np.random.default_rng(seed)
    yearly = 3.0 + 0.05 * np.arange(years) + 0.05 * rng.normal(size=years)
    values = np.repeat(yearly, 12)[:, None, None] * np.ones((1, LAT.size, LON.size))
    return xr.Dataset(
        {"gpp": (("time", "lat", "lon"), values, {"units": "g m-2 d-1"})},
        coords={"time": time, "lat": LAT, "lon": LON},
    )


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_gram_a_day_over_the_sphere_is_its_surface_times_the_days(dtype: str) -> None:
    lat, lon = np.arange(-85.0, 86, 10), np.arange(5.0, 360, 10)
    time = pd.date_range("2000-01-01", periods=24, freq="MS")
    ones = np.ones((24, 18, 36), dtype)
    ds = xr.Dataset(
        {
            "gpp": (("time", "lat", "lon"), ones, {"units": "g m-2 d-1"}),
            "cVeg": (("year", "lat", "lon"), ones[:2], {"units": "g m-2"}),
        },
        coords={"time": time, "lat": lat, "lon": lon, "year": [2000, 2001]},
    )
    found = budget(ds)
    np.testing.assert_allclose(found.gpp[0], SURFACE * np.array([366, 365]) * 1e-15, rtol=1e-12)
    np.testing.assert_allclose(found.cVeg[0], SURFACE * 1e-15, rtol=1e-12)
    months = budget(ds, freq="MS").gpp
    np.testing.assert_allclose(months.sel(time="2000-02").item(), SURFACE * 29e-15, rtol=1e-12)


def test_fluxes_and_stocks_of_regions_are_weighted_by_area_land_and_days() -> None:
    ds = land()
    ds["land_fraction"] = (("lat", "lon"), np.linspace(0, 1, 30).reshape(5, 6), {"units": "1"})
    found = budget(ds, zones())
    assert {"gpp", "ra", "nbp", "cVeg", "cSoil", "f_fire"} <= set(found)
    options = {"area": cell_area(ds), "land_fraction": ds.land_fraction, "regions": zones()}
    expected = integrate(ds.gpp, freq="YS", **options)
    assert found.gpp.dims == found.cVeg.dims == ("region", "year")
    np.testing.assert_array_equal(found.year, YEARS)
    np.testing.assert_allclose(found.gpp, expected, rtol=1e-12)
    weights = cell_area(ds) * ds.land_fraction
    inside = zones() == 2
    stock = (ds.cVeg * weights).where(inside).sum(["lat", "lon"]) * 1e-15
    np.testing.assert_allclose(found.cVeg.sel(region=2), stock, rtol=1e-12)
    assert found.gpp.attrs["units"] == "Pg"
    assert found.cVeg.attrs["cell_methods"] == "area: sum where land"


def test_mean_variability_and_trend_are_those_of_the_yearly_totals() -> None:
    ds = long_land()
    for how in ("ols", "mann-kendall"):
        found = budget(ds, trend=how).isel(region=0)  # type: ignore[arg-type]
        yearly = found.gpp.values
        slope, p, low, high, n = fit(yearly[None], found.year.values, how, 0.95)[0]
        assert found.gpp_trend.item() == slope
        assert low < slope < high
        assert p < 0.01
        np.testing.assert_array_equal(
            [found.gpp_trend_p, found.gpp_trend_low, found.gpp_trend_high, found.gpp_trend_n],
            [p, low, high, n],
        )
        assert found.gpp_iav.item() == pytest.approx(yearly.std(ddof=1))
        assert found.gpp_iav_relative.item() == pytest.approx(yearly.std(ddof=1) / yearly.mean())
        assert found.gpp_trend.attrs["units"] == "Pg yr-1"
    monthly = budget(ds, freq="MS")
    assert monthly.gpp.dims == ("region", "time")
    assert monthly.gpp_trend.item() == budget(ds).gpp_trend.item()


def test_variability_is_not_divided_by_a_mean_near_zero() -> None:
    ds = long_land()
    yearly = np.resize([1.0, -1.0], 12).repeat(12)[:, None, None] * np.ones((1, 5, 6))
    ds["nee"] = (("time", "lat", "lon"), yearly, {"units": "g m-2 d-1"})
    found = budget(ds)
    assert np.isnan(found.nee_iav_relative.item())
    assert found.nee_iav.item() > 0
    assert found.nee.attrs["flux_definition"] == "nee"


def test_members_are_kept_so_that_quantiles_can_be_taken() -> None:
    ds = land(scenarios=4)
    ds["gpp_lower"] = ds.gpp.min("scenario", keep_attrs=True)
    found = budget(ds, zones())
    assert found.gpp.dims == ("scenario", "region", "year")
    assert found.gpp_trend.dims == ("scenario", "region")
    assert "gpp_lower" not in found
    assert found.gpp.quantile([0.05, 0.95], "scenario").shape == (2, 3, 4)
    with pytest.raises(InputError, match="the sum of bounds is no bound"):
        budget(ds, variables=["gpp_lower"])


def test_lazy_is_eager_whatever_the_chunks_and_nothing_is_computed_before() -> None:
    ds = all_land(land("f4"))
    eager = budget(ds, zones())
    with no_compute():
        lazy = budget(chunked(ds), zones())
    assert all(array.chunks is not None for array in lazy.data_vars.values())
    assert lazy.attrs == eager.attrs
    xr.testing.assert_allclose(lazy.compute(), eager, rtol=1e-11)


def test_regions_may_be_integers_fractions_or_regionmask() -> None:
    regionmask = pytest.importorskip("regionmask")
    ds = land()[["gpp"]]
    shares = xr.concat([(zones() == k).astype(float) for k in (1, 2, 3)], dim="part")
    crisp = budget(ds, zones()).gpp.values
    np.testing.assert_allclose(budget(ds, shares).gpp, crisp, rtol=1e-12)
    north = np.array([[-180, 0.1], [180, 0.1], [180, 90], [-180, 90]])
    found = budget(ds, regionmask.Regions([north], names=["north"]))
    expected = integrate(ds.gpp.where(ds.lat > 0).assign_attrs(ds.gpp.attrs),
                         area=cell_area(ds), freq="YS")  # fmt: skip
    np.testing.assert_allclose(found.gpp, expected, rtol=1e-12)


def test_a_region_without_cells_is_nan_and_named() -> None:
    mask = zones(flag_values=[1, 2, 3, 9], flag_meanings="a b c Atlantis")
    found = budget(land(), mask)
    assert found.attrs["regions_without_cells"] == "Atlantis"
    assert found.gpp.sel(region=9).isnull().all()
    assert found.cSoil_mean.sel(region=9).isnull()
    assert np.isnan(found.gpp_missing_area.sel(region=9)).all()


def test_deserts_without_values_are_left_out_and_their_area_is_said() -> None:
    ds = land()
    ds["npp"] = ds.npp.where(ds.lat != 0)
    found = budget(ds)
    area = cell_area(ds)
    share = float(area.sel(lat=0).sum() / area.sum())
    np.testing.assert_allclose(found.npp_missing_area, share)
    assert found.npp.notnull().all()
    assert budget(ds, skipna=False).npp.isnull().all()


def test_too_short_a_series_has_no_trend_and_says_why() -> None:
    found = budget(land()[["gpp"]])
    assert found.gpp_trend.isnull().all()
    assert found.attrs["no_trend"] == "gpp: 4 years, a trend needs 5"
    part = budget(land().isel(time=slice(2, None))[["gpp"]])
    assert part.gpp.isel(year=0).isnull().all()
    still = budget(land()[["gpp"]].isel(time=0, drop=True))
    assert still.gpp.dims == ("region",)
    assert "one total" in still.attrs["no_trend"]


def test_yearly_fluxes_and_a_mean_year_count_365_days_and_a_quarter() -> None:
    ds = land()[["gpp"]]
    year = ds.groupby("time.year").mean()
    year.gpp.attrs = ds.gpp.attrs
    area = cell_area(ds)
    expected = (year.gpp * area).sum(["lat", "lon"]) * 365.25e-15
    np.testing.assert_allclose(budget(year).gpp[0], expected, rtol=1e-12)


def test_stocks_on_dates_are_averaged_over_their_years() -> None:
    ds = land()[["gpp"]]
    ds["cVeg"] = (1000.0 * ds.gpp).assign_attrs(units="g m-2")
    found = budget(ds)
    days = ds.time.dt.days_in_month
    weighted = (ds.cVeg * cell_area(ds)).sum(["lat", "lon"]) * 1e-15
    expected = (weighted * days).groupby("time.year").sum() / days.groupby("time.year").sum()
    np.testing.assert_allclose(found.cVeg[0], expected, rtol=1e-12)
    with no_compute():
        lazy = budget(chunked(all_land(ds)))
    np.testing.assert_allclose(lazy.cVeg[0], expected, rtol=1e-12)


def test_unlike_definitions_of_a_net_flux_are_refused() -> None:
    ds = land()
    with pytest.raises(InputError, match="another flux"):
        budget(ds.assign(nee=ds.nee.assign_attrs(flux_definition="nbp")))
    fire = budget(ds.assign(nee=ds.nee.assign_attrs(flux_definition="nee+fire")))
    assert fire.nee.attrs["flux_definition"] == "nee+fire"
    mixed = xr.concat([ds.nee, ds.nee], dim="model")
    mixed = mixed.assign_coords(flux_definition=("model", ["nee", "nee+fire"]))
    with pytest.raises(InputError, match=r"mixes nee, nee\+fire"):
        budget(mixed.assign_attrs(ds.nee.attrs).to_dataset(name="nee"))


def test_what_has_no_budget_is_refused() -> None:
    ds = land()
    with pytest.raises(MissingVariableError, match="'rh'"):
        budget(ds.drop_vars("rh"), variables=["gpp", "rh"])
    with pytest.raises(InputError, match="no carbon"):
        budget(ds, variables=["le"])
    with pytest.raises(InputError, match="no canonical name"):
        budget(ds, variables=["GPP"])
    with pytest.raises(UnitsError):
        budget(ds.assign(gpp=ds.gpp.assign_attrs(units="W m-2")))
    with pytest.raises(InputError, match="none with an area"):
        budget(ds.isel(lat=0, lon=0, drop=True))
    for wrong in ({"freq": "D"}, {"trend": "lasso"}, {"confidence": 95}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            budget(ds, **wrong)  # type: ignore[arg-type]
    with pytest.raises(GridMismatchError):
        budget(ds, zones().assign_coords(lat=LAT + 1))


@pytest.mark.parametrize("kind", ["nc", "zarr"])
def test_a_budget_goes_to_disk_and_back(tmp_path: Path, kind: str) -> None:
    found = budget(land(), zones())
    path = tmp_path / f"budget.{kind}"
    found.to_netcdf(path) if kind == "nc" else found.to_zarr(path)
    with xr.open_dataset(path) if kind == "nc" else xr.open_zarr(path) as back:
        xr.testing.assert_allclose(back.load(), found)
        assert back.nee.attrs == found.nee.attrs


def test_regions_may_be_a_variable_of_the_dataset_and_classes_go_by_name() -> None:
    ds = land()[["gpp"]]
    codes = np.resize([1, 2, 4], LAT.size * LON.size).reshape(LAT.size, LON.size)
    ds["igbp"] = (("lat", "lon"), codes)
    found = ds.carbon.budget("igbp")
    by_number = budget(ds, zones() * 0 + codes).gpp
    there = found.gpp.notnull().all("year")
    np.testing.assert_allclose(found.gpp[there], by_number, rtol=1e-12)
    assert list(found["names"].values[there]) == ["ENF", "EBF", "DBF"]
    assert "MF" in found.attrs["regions_without_cells"]
    with pytest.raises(MissingVariableError, match="'biome'"):
        budget(ds, "biome")


def coast(ds: xr.Dataset) -> xr.Dataset:
    return ds.where(ds.lon > 0).assign_attrs(ds.attrs)


def test_means_over_land_on_coasts_without_their_share_of_land_warn() -> None:
    ds = coast(land()[["gpp", "npp"]])
    assert "where land" in ds.gpp.attrs["cell_methods"]
    with pytest.warns(XfluxWarning, match=r"gpp, npp: means over land.*no land_fraction") as told:
        found = budget(ds)
    assert len(told) == 1
    assert "too much at coasts" in found.attrs["weights"]


def test_lazy_means_over_land_warn_by_what_they_say_without_computing() -> None:
    ds = coast(land()[["gpp", "npp"]]).chunk(time=12)
    with no_compute(), pytest.warns(XfluxWarning, match=r"gpp, npp: means over land") as told:
        budget(ds)
    assert len(told) == 1


def test_no_word_of_coasts_where_there_are_none_or_nothing_is_known() -> None:
    ds = coast(land()[["gpp"]])
    whole = land()[["gpp"]]
    share = xr.where(ds.gpp.isel(time=0, drop=True).notnull(), 1.0, 0.0)
    known = ds.assign(land_fraction=share.assign_attrs(units="1"))
    unsaid = ds.copy()
    unsaid["gpp"].attrs.pop("cell_methods")
    for quiet in (whole, known, unsaid, known.chunk(time=12), unsaid.chunk(time=12)):
        with no_compute():
            assert "area" in budget(quiet).attrs["weights"]
