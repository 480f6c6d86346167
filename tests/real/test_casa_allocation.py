"""CASA-CNP emulated on its map: what is emulated at blocks left out, and how much it holds."""

from __future__ import annotations

import casa
import numpy as np
import pytest
import xarray as xr

import xflux

pytestmark = pytest.mark.real

#: What is asked of r2_pearson.
BARS = {"ra": 0.95, "npp": 0.95, "rh": 0.95, "cWood": 0.95, "cLitter": 0.9, "cSoil": 0.85}
YEAR = 365.25


@pytest.fixture(scope="module")
def drivers(data):
    return casa.drivers(data)


@pytest.fixture(scope="module")
def reference(data):
    return casa.reference(data)


@pytest.fixture(scope="module")
def emulator(drivers, reference):
    return xflux.AllocationEmulator().fit(drivers, reference)


def test_fluxes_and_pools_are_emulated_at_blocks_left_out(emulator):
    scores = emulator.validation.sel(scenario="mean")["r2_pearson"]
    for name, least in BARS.items():
        assert float(scores.sel(variable=name)) >= least, name


def test_every_fraction_is_known_better_than_by_means_of_classes(emulator):
    skill = emulator.validation["fraction_skill"].sel(scenario="mean")
    assert float(skill.min()) > 0.0
    assert set(skill["fraction"].values) >= {"ra_fraction", "rh_fraction", "turnover_veg",
                                             "turnover_soil", "wood_share"}  # fmt: skip


def test_the_null_says_how_much_is_free(emulator):
    scores = emulator.validation.sel(scenario="mean")
    free = scores["null_r2_pearson"]
    assert float(free.sel(variable="ra")) > 0.95
    gained = scores["r2_pearson"] - free
    assert float(gained.min()) > 0.0
    assert float(gained.sel(variable="cSoil")) > 0.3


def test_totals_of_what_was_left_out_are_those_of_the_model(emulator, data):
    held = emulator.held_out
    area = casa.casa(data)["area"].sel(lat=held["lat"], lon=held["lon"])
    for name in ("ra", "npp", "rh", "cWood", "cLitter", "cSoil"):
        array = held[name].mean([dim for dim in ("year", "step") if dim in held[name].dims])
        total = (array * area).sum("cell")
        assert float(total.sel(estimate="emulated") / total.sel(estimate="reference")) == (
            pytest.approx(1.0, abs=0.05)
        ), name


def test_what_is_applied_to_its_gpp_closes_and_allows_no_wood(emulator, drivers, reference, data):
    made = xflux.allocate(drivers.assign(gpp=reference["gpp"]), emulator)
    gpp = reference["gpp"] / YEAR
    live = reference["gpp"] > 10.0
    known = made["ra"].notnull()
    # Tundra, 18 here, is none of the classes of IGBP, and counts as no class.
    assert int(known.sum()) == int(live.sum())
    assert not bool((known & ~live).any())
    scale = gpp + made["reco"]
    for residual in (
        gpp - made["npp"] - made["ra"],
        made["reco"] - made["ra"] - made["rh"],
        made["nep"] - made["npp"] + made["rh"],
    ):
        assert float(np.abs(residual / scale).max()) < 1e-6
    without = (reference["cWood"] < 1.0) & known
    assert int(without.sum()) > 500
    assert float((made["cWood"].where(without) == 0.0).sum() / without.sum()) > 0.9


@pytest.mark.slow
def test_land_cover_and_neighbours_help_and_are_told(drivers, reference):
    plain = xflux.AllocationEmulator("xgboost", split="random").fit(drivers, reference)
    blocks = xflux.AllocationEmulator("xgboost").fit(drivers, reference)
    bare = xflux.AllocationEmulator("xgboost").fit(drivers.drop_vars("igbp"), reference)
    scores = [
        fitted.validation["r2_pearson"].sel(scenario="mean", variable="cSoil").item()
        for fitted in (plain, blocks, bare)
    ]
    assert scores[0] > scores[1] > scores[2] > 0.5


def test_its_own_fluxes_balance(data):
    own = casa.casa(data)[["gpp", "npp", "ra"]]
    assert float(xflux.mass_balance(own)["max_relative_gpp"]) < 1e-5
    off = own.assign(npp=(1.01 * own["npp"]).assign_attrs(own["npp"].attrs))
    assert float(xflux.mass_balance(off)["max_relative_gpp"]) > 1e-3


def test_biomass_by_the_literature_is_set_beside_that_of_the_model(reference, drivers):
    ds = reference[["gpp"]].assign(igbp=drivers["igbp"])
    ds["reco"] = (reference["ra"] + reference["rh"]).assign_attrs(units=reference["ra"].units)
    theirs = 0.01 * (reference["cLeaf"] + reference["cWood"])
    found = xflux.compare_biomass(xflux.allocate(ds), theirs.assign_attrs(units="MgC ha-1"))
    by_mean = found.sel(estimate="mean")
    # Of the same order, with more of it in the tropics, and little more: age is not known to it.
    assert 0.2 < float(by_mean["r2_pearson"]) < 0.9
    assert abs(float(by_mean["bias"])) < 20.0
    assert int(by_mean["n"]) > 1500
    share = by_mean["relative_difference"] * found["reference"]
    some = share.notnull() & (found["reference"] > 1.0)
    assert int(some.sum()) > 500
    xr.testing.assert_allclose(share.where(some), by_mean["difference"].where(some), rtol=1e-3)
