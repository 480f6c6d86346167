"""Refined fluxes keep the laws of light and temperature when asked, and break them when not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.errors import InputError
from xflux.learning.features import expand, parse
from xflux.refinement.monotone import SPLIT, signs, slope, traits

EARTH = xflux.twin.Earth(resolution=20.0, start="2001", end="2004", seed=1)
STEPS = 15
#: What a trend of the flux may fall by through rounding to float32.
ROUNDING = 1e-5


NAMES = (
    "ta", "swin", "vpd", "fapar", "rnet", "swin_lag1", "swin_mean3", "ta_mean3", "ta_anomaly",
    "gpp_baseline", "reco_baseline", "nee_baseline", "le_baseline", "gpp_baseline_mean3",
)  # fmt: skip


@pytest.fixture(scope="module")
def towers():
    """Towers whose records break both laws: they go up and down with light and temperature."""
    drivers, observed = EARTH.towers(n=25)
    waves = {"gpp": 2.0 * np.sin(drivers["swin"] / 20.0), "reco": np.sin(drivers["ta"] / 2.0)}
    for flux, wave in waves.items():
        observed[flux] = (observed[flux] + wave).assign_attrs(observed[flux].attrs)
    return drivers, observed


def fit(towers, monotone, **changes):
    options = {"learner": "xgboost", "members": 2, "rows": 0.5, "features": NAMES} | changes
    return xflux.ResidualModel(monotone=monotone, **options).fit(*towers)


@pytest.fixture(scope="module")
def pair(towers):
    """Return a model that is held and one that is not, of the same seed."""
    return [fit(towers, monotone, fluxes=("gpp", "reco", "nee")) for monotone in (True, None)]


@pytest.fixture(scope="module")
def few(towers):
    return towers[0].isel(site=slice(None, None, 3), time=slice(0, 14))


def swept(drivers, name, low, high):
    """Return drivers with a sweep of one of them at the last step, and all else as it was."""
    rnet = xflux.standardize(drivers, derive=("rnet",))["rnet"]
    sweep = xr.DataArray(np.linspace(low, high, STEPS), dims="sweep")
    last = drivers["time"] == drivers["time"][-1]
    moved = xr.where(last, sweep, drivers[name]).transpose("sweep", "site", "time")
    return drivers.assign(
        {name: moved.astype("f4").assign_attrs(drivers[name].attrs), "rnet": rnet}
    )


def largest_fall(fluxes, name):
    """Return by how much the flux of the last step falls most along the sweep."""
    return float(-fluxes[name].isel(time=-1).diff("sweep").min())


def test_gross_production_does_not_fall_as_light_rises(pair, few):
    drivers = swept(few, "swin", 0.0, 200.0 / 0.446)
    held, free = (model.apply(drivers) for model in pair)
    assert float(held["gpp"].max()) > 1.0
    assert largest_fall(held, "gpp") <= ROUNDING
    assert largest_fall(free, "gpp") > 0.1


def test_each_member_keeps_the_law(pair, few):
    drivers = swept(few, "swin", 0.0, 200.0 / 0.446)
    assert largest_fall(pair[0].apply(drivers, members=True), "gpp") <= ROUNDING


def test_respiration_does_not_fall_as_it_warms(pair, few):
    drivers = swept(few, "ta", -30.0, 39.9)
    moving = xflux.baseline(drivers)
    # Those of production and evaporation stay: the law is one of temperature at all else held.
    gpp, le = (moving[name].isel(sweep=0).drop_attrs(deep=False) for name in ("gpp", "le"))
    fluxes = {"gpp": gpp, "reco": moving["reco"], "nee": moving["reco"] - gpp, "le": le}
    for name, array in fluxes.items():
        drivers[name] = array.assign_attrs(moving[name].attrs)
    held, free = (model.apply(drivers) for model in pair)
    assert float(held["reco"].max()) > 1.0
    assert largest_fall(held, "reco") <= ROUNDING
    assert largest_fall(free, "reco") > 0.1


def test_lightgbm_keeps_it_too(towers, few):
    pytest.importorskip("lightgbm")
    drivers = swept(few, "swin", 0.0, 200.0 / 0.446)
    model = fit(towers, True, learner="lightgbm", fluxes=("gpp",), members=1, rows=1.0)
    assert largest_fall(model.apply(drivers), "gpp") <= ROUNDING


def test_above_the_limit_the_effect_is_free(towers):
    (below, above) = expand([parse("swin")], {}, SPLIT)
    assert traits([below, above], {"swin": 1}).signs == (1, 0)
    assert (below.name, above.name) == ("swin<448.43", "swin>448.43")


def test_fluxes_close_without_moving_what_is_held(pair, few):
    fluxes = pair[0].apply(few)
    xr.testing.assert_equal(
        fluxes["nee"].drop_attrs(), (fluxes["reco"] - fluxes["gpp"]).drop_attrs()
    )
    apart = xflux.ResidualModel(monotone=True)
    apart.refinement_ = replace(pair[0].refinement_, closure="none")
    unclosed = apart.apply(few)
    xr.testing.assert_equal(unclosed[["gpp", "reco"]], fluxes[["gpp", "reco"]])
    assert not unclosed["nee"].equals(fluxes["nee"])


def test_a_mapping_holds_a_feature_at_a_held_baseline(towers, few):
    drivers = swept(few, "vpd", 0.0, 40.0)
    fixed = xflux.baseline(few)
    for name in fixed:
        drivers[name] = fixed[name]
    features = ("ta", "swin", "vpd", "fapar", "gpp_baseline")
    falls = [
        largest_fall(
            -1.0 * fit(towers, monotone, fluxes=("gpp",), features=features).apply(drivers), "gpp"
        )
        for monotone in ({"gpp": {"vpd": -1}}, None)
    ]
    assert falls[0] <= ROUNDING
    assert falls[1] > 0.1


def test_what_is_held_comes_back_from_a_file(pair, towers, tmp_path):
    again = xflux.ResidualModel.load(pair[0].save(tmp_path / "model.safetensors"))
    assert again.monotone is True
    assert again.refinement_.net_gives_way
    drivers = towers[0].isel(site=slice(3))
    xr.testing.assert_identical(
        again.apply(drivers, interval=0.9), pair[0].apply(drivers, interval=0.9)
    )


def test_the_slope_on_the_baseline_is_not_negative(towers):
    drivers, observed = towers
    # Observations that fall as the baseline rises: a line would have a negative slope.
    base = xflux.baseline(drivers)["gpp"].compute()
    upside = observed.assign(gpp=(20.0 - base).assign_attrs(observed["gpp"].attrs))
    for monotone, least in ((True, 0.0), (None, -1.1)):
        model = fit((drivers, upside), monotone, fluxes=("gpp",), members=2, rows=0.5)
        slopes = [member.line[1] for member in model.refinement_.ensembles["gpp"].members]
        assert least <= min(slopes) <= least + 0.2


FEATURES = [parse(name) for name in ("swin", "swin_lag1", "swin_mean3", "ta", "igbp", "vpd")]


def test_the_present_is_held_and_the_past_is_not():
    held = signs(True, ("gpp", "le"), FEATURES, closure="none")
    assert held == {"gpp": {"swin": 1, "swin_mean3": 1, "gpp_baseline": 1}}
    assert slope("gpp", held["gpp"]) == 1
    assert signs(None, ("gpp",), FEATURES, closure="none") == {}


@pytest.mark.parametrize(
    ("monotone", "fluxes", "message"),
    [
        (True, ("le",), "has neither"),
        ("gpp", ("gpp",), "expected True, or a mapping"),
        ({}, ("gpp",), "expected True, or a mapping"),
        ({"le": {"ta": 1}}, ("gpp",), "expected some of gpp"),
        ({"gpp": "swin"}, ("gpp",), "expected some of gpp"),
        ({"gpp": {"rnet": 1}}, ("gpp",), "'rnet' is no numeric feature"),
        ({"gpp": {"igbp": 1}}, ("gpp",), "'igbp' is no numeric feature"),
        ({"gpp": {"ta": 2}}, ("gpp",), "expected 1 or -1"),
        ({"gpp": {"ta": True}}, ("gpp",), "expected 1 or -1"),
        ({"nee": {"ta": 1}}, ("gpp", "reco", "nee"), "would undo its signs"),
    ],
)
def test_what_cannot_be_held_is_refused(monotone, fluxes, message):
    with pytest.raises(InputError, match=message):
        signs(monotone, fluxes, FEATURES, closure="project")


def test_a_law_without_its_driver_is_refused():
    with pytest.raises(InputError, match="which is not among the features"):
        signs(True, ("gpp",), [parse("ta"), parse("swin_lag1")], closure="none")


@pytest.mark.parametrize("learner", ["blend", "kernel", "smartforest"])
def test_learners_that_could_keep_it_by_half_are_refused(towers, learner):
    with pytest.raises(InputError, match="boosted trees alone"):
        fit(towers, True, learner=learner)
