"""Comparisons that validations are made for, each in the lines that the docs show."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.refinement.splits import BySite, RandomRows
from xflux.refinement.validation import KNOWN_SITES
from xflux.skill.bootstrap import paired_difference

FLUXES = ("gpp", "reco", "nee")


@pytest.fixture(scope="module")
def towers():
    return xflux.twin.Earth(start="2001", end="2002", seed=5).towers(n=30)


def model(**changes):
    return xflux.ResidualModel(**{"learner": "kernel", "members": 3, "fluxes": FLUXES} | changes)


@pytest.fixture(scope="module")
def closed(towers):
    return model().cross_validate(*towers, splitter=4)


@pytest.fixture(scope="module")
def free(towers):
    return model(closure="none").cross_validate(*towers, splitter=4)


@pytest.mark.parametrize(
    ("by", "sizes"),
    [
        ("site", {"site": 30}),
        ("igbp", {"igbp": 17}),
        ("season", {"season": 4}),
        ({"observed": [-np.inf, 0, 5, np.inf]}, {"observed_bin": 3}),
        (["igbp", "season"], {"igbp": 17, "season": 4}),
        (["site", {"observed": [0, 5, np.inf]}], {"site": 30, "observed_bin": 2}),
    ],
)
def test_every_group_takes_both_estimates_at_once(towers, closed, by, sizes):
    _, observed = towers
    together = xflux.evaluate(observed, closed, by=by)
    assert dict(together.sizes) == {"flux": 3, "estimate": 2, **sizes}
    refined = closed.sel(estimate="refined", drop=True)
    alone = xflux.evaluate(observed, refined, by=by)
    xr.testing.assert_allclose(together.sel(estimate="refined", drop=True), alone)


def test_the_paired_gain_is_that_on_the_records_that_both_predict(towers, closed):
    _, observed = towers
    refined, baseline = (closed.sel(estimate=name) for name in ("refined", "baseline"))
    # Land cover of few towers is refined nowhere, and has a baseline.
    assert int(baseline["nee"].count()) > int(refined["nee"].count())
    gain = paired_difference(observed, refined, baseline)
    there = refined[list(FLUXES)].notnull()
    both = [
        xflux.evaluate(observed, each[list(FLUXES)].where(there))["r2_nse"]
        for each in (refined, baseline)
    ]
    np.testing.assert_allclose(gain["r2_nse"], both[0] - both[1])
    assert bool((gain["r2_nse_lower"] < gain["r2_nse"]).all())
    assert bool((gain["r2_nse"] < gain["r2_nse_upper"]).all())
    assert gain["n_units"].values.tolist() == [
        int(refined[f].notnull().any("time").sum()) for f in FLUXES
    ]


def test_a_model_gains_nothing_over_itself(towers, closed):
    _, observed = towers
    refined = closed.sel(estimate="refined")
    gain = paired_difference(observed, refined, refined.copy(deep=True))
    assert (gain["r2_nse"] == 0.0).all()
    assert not gain["r2_nse_excludes_zero"].any()


def test_direct_and_derived_nee_are_compared(towers, free, closed):
    _, observed = towers
    refined = free.sel(estimate="refined")
    direct = refined[["nee"]]
    derived = direct.copy(data={"nee": refined["reco"] - refined["gpp"]})
    gain = paired_difference(observed, direct, derived)
    scores = [xflux.evaluate(observed, each)["r2_nse"].item() for each in (direct, derived)]
    assert scores[0] != scores[1]
    assert gain["r2_nse"].item() == pytest.approx(scores[0] - scores[1])
    # Where all three are reconciled there is one nee alone.
    whole = closed.sel(estimate="refined")
    np.testing.assert_allclose(whole["nee"], whole["reco"] - whole["gpp"], atol=1e-9)


def test_constrained_and_unconstrained_reco_are_compared(towers, free, closed):
    _, observed = towers
    constrained, unconstrained = (each.sel(estimate="refined")[["reco"]] for each in (closed, free))
    gain = paired_difference(observed, constrained, unconstrained, metric=("r2_nse", "rmse"))
    assert float(gain["r2_nse"].squeeze()) * float(gain["rmse"].squeeze()) < 0.0


def test_drivers_are_compared_by_land_cover_on_the_same_records(towers):
    drivers, observed = towers
    random = np.random.default_rng(0)
    blurred = drivers.copy()
    for name in ("ta", "swin", "vpd"):
        noise = random.normal(0.0, float(drivers[name].std()), drivers[name].shape)
        values = np.maximum(drivers[name] + noise, drivers[name].min())
        blurred[name] = values.assign_attrs(drivers[name].attrs)
    blurred["fapar"] = blurred["fapar"].where(blurred["time"].dt.month > 2)
    made = [
        model(fluxes=("gpp",)).cross_validate(each, observed, splitter=4).sel(estimate="refined")
        for each in (drivers, blurred)
    ]
    gain = paired_difference(observed, *made, by="igbp")
    there = gain["r2_nse"].notnull().squeeze()
    assert 1 < int(there.sum()) < 17
    assert float(paired_difference(observed, *made)["r2_nse"].squeeze()) > 0.05


def test_random_months_flatter_on_the_same_records(towers, closed):
    drivers, observed = towers
    within = model().cross_validate(drivers, observed, splitter=RandomRows(4))
    gap = paired_difference(
        observed, within.sel(estimate="refined"), closed.sel(estimate="refined")
    )
    assert (gap["r2_nse"] > 0.0).all()
    assert within.attrs["validation"].startswith("RandomRows")
    assert within.attrs["left_out"] == KNOWN_SITES
    assert closed.attrs["validation"] == repr(BySite(4))
    assert closed.attrs["left_out"] == "whole sites"


def test_intervals_take_their_level_from_the_validation(towers, closed):
    _, observed = towers
    found = xflux.evaluate_intervals(observed, closed, unit="site")
    assert found.attrs["level"] == closed.attrs["interval"] == 0.9
    assert bool((found["coverage"] > 0.75).all())
