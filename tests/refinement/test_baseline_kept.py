"""What a refinement starts from: what the drivers hold goes before what would be computed."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError, MissingVariableError, UnitsError, XfluxWarning
from xflux.refinement.tuning import TunedModel

EARTH = xflux.twin.Earth(resolution=30.0, start="2001", end="2003", seed=1)
FEATURES = ("ta", "vpd", "swin", "fapar", "gpp_baseline")
MINE = xflux.PModel(co2=500.0)


def small(**changes):
    options = {"learner": "kernel", "members": 2, "rows": 0.5, "features": FEATURES} | changes
    return xflux.ResidualModel(**options)


@pytest.fixture(scope="module")
def towers():
    return EARTH.towers(n=16)


@pytest.fixture(scope="module")
def grid():
    return EARTH.drivers.compute()


@pytest.fixture(scope="module")
def model(towers):
    return small().fit(*towers)


def test_the_baseline_that_was_computed_for_the_model_is_kept_beside_what_it_refined(model, grid):
    with no_compute():
        at_once = grid.chunk(time=12).flux.refine(model)
    in_two_steps = grid.flux.baseline().flux.refine(model)
    for flux in ("gpp", "reco", "nee", "le"):
        name = f"{flux}_baseline"
        xr.testing.assert_identical(at_once[name].compute().variable, in_two_steps[name].variable)
        xr.testing.assert_equal(at_once[flux].compute(), in_two_steps[flux])


def test_a_tuned_model_keeps_the_baseline_too(towers, grid):
    tuned = TunedModel(small(fluxes=("gpp",)), grid={"columns": [0.8, 1.0]}, budget=2, splitter=3)
    with pytest.raises(InputError, match="not fitted"):
        grid.flux.refine(tuned)
    assert "gpp_baseline" in grid.flux.refine(tuned.fit(*towers))


def test_a_baseline_of_one_flux_serves_a_model_of_that_flux(towers, grid):
    drivers, observed = towers
    only = {"reco": None, "le": None}
    held = drivers.flux.baseline(gpp=MINE, **only).drop_vars("co2")
    mine = small(fluxes=("gpp",)).fit(held, observed)
    assert mine.refinement_.baseline["gpp"] == held["gpp"].attrs["model"]
    assert mine.cross_validate(held, observed, splitter=3)["gpp"].notnull().any()
    without = grid.drop_vars("co2")
    with pytest.raises(MissingVariableError, match=r"call ds.flux.baseline\(...\) first"):
        xflux.refine(without, mine)
    xflux.refine(without.flux.baseline(gpp=MINE, **only), mine)


def test_only_what_is_missing_is_computed(model, grid):
    held = grid.drop_vars("co2").assign(xflux.baseline(grid, gpp=MINE, le=None).data_vars)
    refined = held.flux.refine(model)
    xr.testing.assert_equal(refined["gpp_baseline"].variable, held["gpp"].variable)
    xr.testing.assert_equal(
        refined["le_baseline"].variable, grid.flux.refine(model)["le_baseline"].variable
    )
    parts = held.drop_vars("nee").flux.refine(model)
    xr.testing.assert_allclose(parts["nee_baseline"].variable, held["nee"].variable)


def test_refining_again_starts_from_the_same_baseline(model, grid):
    once = grid.flux.baseline(gpp=MINE).flux.refine(model)
    again = once.flux.refine(model)  # no warning: what is replaced was refined
    for name in ("gpp", "gpp_baseline", "nee_lower"):
        xr.testing.assert_equal(once[name], again[name])
    assert again["gpp_baseline"].attrs["model"] == once["gpp_baseline"].attrs["model"]
    members = once.flux.refine(model, members=True)
    assert "gpp_lower" not in members
    assert "interval" not in members.attrs
    assert "interval" in once.attrs


def test_variables_of_ones_own_are_not_replaced_unsaid(model, grid):
    with pytest.warns(XfluxWarning, match="refine replaces gpp_baseline"):
        grid.assign(gpp_baseline=grid["ta"]).flux.refine(model)


def test_fluxes_without_a_model_are_left_out(towers, grid):
    carbon = small(fluxes=("gpp", "reco", "nee"), features=None, baseline={"le": None})
    drivers, observed = towers
    together = drivers.assign(observed.data_vars)  # its le is observed, and no baseline
    carbon.fit(together, together)
    assert "le_baseline" not in carbon.feature_names_in_
    assert "nee_baseline" in carbon.feature_names_in_
    carbon.cross_validate(*towers, splitter=3)
    assert "le_baseline" not in grid.flux.refine(carbon)
    with pytest.raises(InputError, match="no baseline of le"):
        small(fluxes=("le",), baseline={"le": None}).fit(*towers)


def test_a_baseline_in_other_units_is_converted(model, grid):
    held = grid.flux.baseline()
    attrs = held["gpp"].attrs
    seconds = held.assign(gpp=(held["gpp"] / 86400.0).assign_attrs(attrs | {"units": "g m-2 s-1"}))
    xr.testing.assert_allclose(
        xflux.refine(seconds, model)["gpp"], xflux.refine(held, model)["gpp"], rtol=1e-4
    )
    seconds["gpp"].attrs["units"] = "K"
    with pytest.raises(UnitsError, match="gpp"):
        xflux.refine(seconds, model)


# Net radiation


@pytest.fixture(scope="module")
def gaps(grid):
    attrs = {"units": "W m-2", "standard_name": "surface_net_downward_radiative_flux"}
    whole = 0.6 * grid["swin"] - 20.0
    return grid.assign(rnet=whole.where(grid["time"].dt.month % 2 == 0).assign_attrs(attrs))


def test_gaps_of_net_radiation_are_filled_in_its_own_unit(model, gaps):
    expected = xflux.refine(gaps, model)["le"]
    daily = (gaps["rnet"] * 0.0864).assign_attrs(gaps["rnet"].attrs | {"units": "MJ m-2 d-1"})
    made = xflux.refine(gaps.assign(rnet=daily), model)["le"]
    np.testing.assert_allclose(made, expected, rtol=1e-3, atol=0.05)
    renamed = gaps.rename(rnet="NETRAD")
    np.testing.assert_allclose(xflux.refine(renamed, model)["le"], expected, rtol=1e-6)


def test_net_radiation_may_be_a_quantity(model, gaps):
    pytest.importorskip("pint_xarray")
    rnet = gaps["rnet"].drop_attrs().pint.quantify("watt / meter ** 2")
    made = gaps.assign(rnet=rnet).flux.refine(model)
    expected = xflux.refine(gaps, model)["le"]
    np.testing.assert_allclose(made["le"], expected, rtol=1e-5)
    assert isinstance(made["le_baseline"].data, np.ndarray)
    assert made["le_baseline"].attrs["units"] == "W m-2"
