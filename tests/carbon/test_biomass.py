"""Leaves and wood per hectare, and against a map."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from carbon_worlds import LAT, LON, chunked, land
from guards import no_compute

import xflux
from xflux.carbon.biomass import aboveground_biomass
from xflux.carbon.biomass_skill import compare_biomass
from xflux.errors import GridMismatchError, InputError, MissingVariableError, UnitsError
from xflux.labels.grid import cell_area


def forests(dtype="f8"):
    ds = land(dtype).isel(year=0)
    rng = np.random.default_rng(2)
    for name in ("cLeaf", "cWood"):
        values = rng.uniform(100, 12000, (LAT.size, LON.size)).astype(dtype)
        ds[name] = ds[name].copy(data=values)
    return ds


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_hundred_grams_a_square_metre_are_a_megagram_a_hectare(dtype: str) -> None:
    ds = forests(dtype)
    found = aboveground_biomass(ds)
    np.testing.assert_allclose(found.cAGB, (ds.cLeaf + ds.cWood) / 100, rtol=1e-6)
    np.testing.assert_allclose(found.agb, found.cAGB / 0.47, rtol=1e-6)
    assert found.agb.dtype == dtype
    assert found.agb.attrs["units"] == found.cAGB.attrs["units"] == "Mg ha-1"
    half = aboveground_biomass(ds, carbon_fraction=0.5)
    np.testing.assert_allclose(half.agb, 2 * half.cAGB, rtol=1e-6)


def test_bounds_and_scenarios_are_kept_and_a_missing_pool_is_nan() -> None:
    ds = land(scenarios=3)
    ds["cLeaf_lower"], ds["cLeaf_upper"] = ds.cLeaf.min("scenario"), ds.cLeaf.max("scenario")
    ds["cWood_lower"], ds["cWood_upper"] = ds.cWood.min("scenario"), ds.cWood.max("scenario")
    for name in ("cLeaf_lower", "cLeaf_upper", "cWood_lower", "cWood_upper"):
        ds[name].attrs["units"] = "g m-2"
    ds["cWood"] = ds.cWood.where(ds.lat > -60)
    found = aboveground_biomass(ds)
    assert found.cAGB.dims == ("scenario", "year", "lat", "lon")
    assert found.cAGB.sel(lat=-60).isnull().all()
    inside = found.cAGB.notnull()
    assert ((found.agb_lower <= found.agb) | ~inside).all()
    assert ((found.agb_upper >= found.agb) | ~inside).all()


def test_the_accessor_adds_biomass_lazily() -> None:
    with no_compute():
        lazy = chunked(land()).carbon.aboveground_biomass()
    assert {"gpp", "cAGB", "agb"} <= set(lazy)
    xr.testing.assert_allclose(lazy.agb.compute(), xflux.aboveground_biomass(land()).agb)


def test_a_map_of_dry_matter_or_of_carbon_gives_the_same_scores() -> None:
    ds = forests()
    truth = aboveground_biomass(ds)
    rng = np.random.default_rng(0)
    carbon = (truth.cAGB * rng.uniform(0.6, 1.2, truth.cAGB.shape)).drop_attrs()
    found = compare_biomass(ds, carbon.assign_attrs(units="MgC ha-1"))
    dry = compare_biomass(ds, (carbon / 0.47).assign_attrs(units="t/ha"))
    grams = compare_biomass(ds, (carbon / 10).assign_attrs(units="kg m-2"), basis="carbon")
    area = cell_area(ds)
    error = truth.cAGB - carbon
    rmse = float(np.sqrt((error**2 * area).sum() / area.sum()))
    for one in (found, dry, grams):
        assert one.rmse.sel(estimate="mean").item() == pytest.approx(rmse)
        np.testing.assert_allclose(one.difference.sel(estimate="mean"), error, atol=1e-9)
        np.testing.assert_allclose(
            one.relative_difference.sel(estimate="mean"), error / carbon, atol=1e-9
        )
        assert 0 < one.r2_pearson.item() < 1
    assert found.attrs["reference_basis"] == "carbon (by its unit, MgC ha-1)"
    assert dry.attrs["reference_basis"] == "dry matter (by its unit, t/ha), times 0.47"


def test_bounds_years_and_scenarios_have_scores_of_their_own() -> None:
    ds = land(scenarios=3)
    ds["cLeaf_lower"], ds["cWood_lower"] = 0.5 * ds.cLeaf, 0.5 * ds.cWood
    for name in ("cLeaf_lower", "cWood_lower"):
        ds[name].attrs["units"] = "g m-2"
    reference = aboveground_biomass(ds).agb.isel(scenario=0, year=0, drop=True)
    found = compare_biomass(ds, reference)
    assert dict(found.rmse.sizes) == {"estimate": 2, "scenario": 3, "year": 4}
    assert found.rmse.sel(estimate="mean").isel(scenario=0, year=0).item() < 1e-9
    lower = found.relative_difference.sel(estimate="lower").isel(scenario=0, year=0)
    np.testing.assert_allclose(lower, -0.5, rtol=1e-9)


def test_where_the_reference_holds_almost_nothing_no_relative_difference_is_given() -> None:
    ds = forests()
    reference = aboveground_biomass(ds).cAGB.copy()
    reference[0, 0] = 0.2
    found = compare_biomass(ds, reference.assign_attrs(units="MgC ha-1"))
    assert found.relative_difference.isel(estimate=0, lat=0, lon=0).isnull()
    assert int(found.relative_difference.isnull().sum()) == 1


def test_what_cannot_be_compared_is_refused() -> None:
    ds = forests()
    reference = aboveground_biomass(ds).agb
    with pytest.raises(InputError, match="carbon_fraction"):
        aboveground_biomass(ds, carbon_fraction=47)
    with pytest.raises(MissingVariableError, match="cWood"):
        aboveground_biomass(ds.drop_vars("cWood"))
    with pytest.raises(UnitsError, match="no units"):
        compare_biomass(ds, reference.drop_attrs())
    with pytest.raises(UnitsError, match="mass per area"):
        compare_biomass(ds, reference.assign_attrs(units="m3 ha-1"))
    with pytest.raises(InputError, match="names carbon"):
        compare_biomass(ds, reference.assign_attrs(units="MgC ha-1"), basis="dry matter")
    with pytest.raises(GridMismatchError):
        compare_biomass(ds, reference.assign_coords(lat=LAT + 0.5))
