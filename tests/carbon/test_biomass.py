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
from xflux.errors import (
    GridMismatchError,
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxWarning,
)
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
    dry = compare_biomass(ds, (carbon / 0.47).assign_attrs(units="t/ha").rename("biomass"))
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
    told = "dry matter (by its unit, t/ha, as nothing says carbon), times 0.47"
    assert dry.attrs["reference_basis"] == told


@pytest.mark.parametrize("given", ["cAGB", "agb"])
def test_maps_of_our_own_agree_with_themselves(given: str) -> None:
    ds = forests()
    found = compare_biomass(ds, aboveground_biomass(ds)[given])
    assert found.slope.item() == pytest.approx(1.0)
    assert found.rmse.item() == pytest.approx(0.0, abs=1e-6)
    assert "biomass_basis" in found.attrs["reference_basis"]
    whole = compare_biomass(ds, aboveground_biomass(ds)[[given]])
    assert whole.slope.item() == pytest.approx(1.0)
    again = compare_biomass(ds, found.reference)
    assert again.slope.item() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "attrs", "basis", "by"),
    [
        ("cAGB", {}, "carbon", "its name 'cAGB'"),
        ("cVeg", {}, "carbon", "its name 'cVeg'"),
        ("agb", {}, "dry matter", "its name 'agb'"),
        ("x", {"long_name": "Above-ground biomass, mass of carbon"}, "carbon", "its long_name"),
        ("x", {"long_name": "Above-ground biomass carbon density"}, "carbon", "its long_name"),
        ("cAGB", {"long_name": "Biomass, dry matter"}, "dry matter", "its long_name"),
        ("x", {"standard_name": "vegetation_carbon_content"}, "carbon", "its standard_name"),
        ("agb", {"biomass_basis": "carbon"}, "carbon", "its attribute biomass_basis"),
        ("x", {"long_name": "Above Ground Biomass"}, "dry matter", "nothing says carbon"),
        ("x", {"long_name": "Carbon monitoring: biomass"}, "dry matter", "nothing says carbon"),
    ],
)
def test_a_map_says_by_name_or_words_what_it_is_a_mass_of(name, attrs, basis, by) -> None:
    ds = forests()
    carbon = aboveground_biomass(ds).cAGB.drop_attrs()
    reference = (carbon if basis == "carbon" else carbon / 0.47).rename(name)
    found = compare_biomass(ds, reference.assign_attrs(units="Mg ha-1", **attrs))
    assert found.slope.item() == pytest.approx(1.0)
    assert found.attrs["reference_basis"].startswith(basis)
    assert by in found.attrs["reference_basis"]


def test_what_is_asked_for_rules_over_what_a_map_says_of_itself() -> None:
    ds = forests()
    found = compare_biomass(ds, aboveground_biomass(ds).cAGB, basis="dry matter")
    assert found.slope.item() == pytest.approx(1 / 0.47)
    assert "as asked for" in found.attrs["reference_basis"]


@pytest.mark.parametrize("lazy", [False, True])
def test_what_no_biomass_can_be_is_left_out_with_a_warning(lazy: bool) -> None:
    ds = forests("f4")
    reference = aboveground_biomass(ds).agb.copy()
    reference[0, 0], reference[1, 1] = -9999.0, 1e6
    if lazy:
        with no_compute():
            found = compare_biomass(ds, reference.chunk(lat=2))
        with pytest.warns(XfluxWarning, match="became NaN"):
            found = found.compute()
    else:
        with pytest.warns(XfluxWarning, match="2 values outside 0 to 10000 Mg ha-1"):
            found = compare_biomass(ds, reference)
    assert found.reference.dtype == "f4"
    assert int(found.reference.isnull().sum()) == 2
    assert found.slope.item() == pytest.approx(1.0, rel=1e-5)


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
    with pytest.raises(InputError, match="holds 'cLeaf', 'cWood'"):
        compare_biomass(ds, ds[["cLeaf", "cWood"]])
    with pytest.raises(InputError, match="ndarray, expected a DataArray"):
        compare_biomass(ds, reference.values)
    with pytest.raises(InputError, match="biomass_basis='wet'"):
        compare_biomass(ds, reference.assign_attrs(biomass_basis="wet"))
