"""Cross-validation: out of fold, of the towers' shape, and blind to what is held out."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.refinement.splits import RandomRows

FLUXES = ["gpp", "reco", "nee", "le"]


@pytest.fixture(scope="module")
def towers():
    return xflux.twin.Earth(start="2001", end="2003", seed=2).towers(n=40)


def model(**changes):
    return xflux.ResidualModel(learner="kernel", members=5, **changes)


@pytest.fixture(scope="module")
def validated(towers):
    return model().cross_validate(*towers, splitter=5)


def test_every_record_is_predicted_out_of_its_fold(towers, validated):
    _, observed = towers
    assert list(validated["estimate"].values) == ["baseline", "refined"]
    for flux in FLUXES:
        array = validated[flux]
        assert array.dims == ("estimate", "site", "time")
        there = observed["nee"].notnull()
        # Land cover that no other tower has cannot be predicted.
        codes = list(observed["igbp"].values)
        common = xr.DataArray([codes.count(code) > 8 for code in codes], dims="site")
        assert bool(common.any())
        assert bool(array.sel(estimate="refined").notnull().where(there & common, True).all())
        assert bool(array.sel(estimate="refined").isnull().where(~there, True).all())


def test_it_is_better_than_the_baseline_at_sites_that_it_has_not_seen(towers, validated):
    _, observed = towers
    r2 = {
        estimate: xflux.evaluate(observed, validated[FLUXES].sel(estimate=estimate))["r2_nse"]
        for estimate in ("baseline", "refined")
    }
    gain = r2["refined"] - r2["baseline"]
    assert float(gain.sel({"flux": "nee"})) > 0.1
    assert float(gain.sel({"flux": "le"})) > 0.1


def test_what_a_site_records_does_not_change_how_it_is_predicted(towers):
    """The leak test: scaling, lines, learners, weights and intervals must not see the site."""
    drivers, observed = towers
    site = observed["site"].values[7]
    other = observed.where(observed["site"] != site, observed * -3.0 + 40.0)
    for name in other:
        other[name].attrs = observed[name].attrs
    two = [
        model(fluxes=("nee", "le")).cross_validate(drivers, ds, splitter=5)
        for ds in (observed, other)
    ]
    for name in ("nee", "le", "nee_lower", "le_upper"):
        first, second = (ds[name].sel(site=site) for ds in two)
        np.testing.assert_array_equal(first, second)
    rest = [ds["nee"].sel(estimate="refined").drop_sel(site=site) for ds in two]
    assert not rest[0].equals(rest[1])


def test_shuffled_targets_cannot_be_predicted(towers):
    drivers, observed = towers
    random = np.random.default_rng(0)
    values = observed["nee"].values.copy()
    there = np.isfinite(values)
    values[there] = random.permutation(values[there])
    shuffled = xr.Dataset({"nee": observed["nee"].copy(data=values)})
    made = model(fluxes=("nee",)).cross_validate(drivers, shuffled, splitter=5)
    score = xflux.evaluate(shuffled, made[["nee"]].sel(estimate="refined"))
    assert float(score["r2_nse"].squeeze()) <= 0.02


def test_random_months_flatter(towers, validated):
    drivers, observed = towers
    within = model(fluxes=("gpp",)).cross_validate(drivers, observed, splitter=RandomRows(5))
    scores = [
        float(xflux.evaluate(observed[["gpp"]], ds[["gpp"]].sel(estimate="refined"))["r2_nse"][0])
        for ds in (validated, within)
    ]
    assert scores[1] > scores[0]


def test_intervals_hold_at_sites_that_were_not_seen(towers, validated):
    _, observed = towers
    for flux in FLUXES:
        inside = (observed[flux] >= validated[f"{flux}_lower"]) & (
            observed[flux] <= validated[f"{flux}_upper"]
        )
        share = inside.where(observed[flux].notnull()).mean("time").mean()
        assert 0.75 < float(share) < 0.99, flux
