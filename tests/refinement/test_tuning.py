"""Tuning inside the fit: it finds what is better, and knows nothing of held-out sites."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone

import xflux
from xflux.errors import InputError
from xflux.refinement.splits import BySite
from xflux.refinement.tuning import TunedModel


@pytest.fixture(scope="module")
def towers():
    return xflux.twin.Earth(start="2001", end="2002", seed=3).towers(n=30)


def tuned(grid=None, **changes):
    model = xflux.ResidualModel(learner="kernel", members=2, fluxes=("nee", "le"))
    grid = grid or {"features": [("p",), ("ta", "swin", "vpd", "fapar", "igbp")]}
    return TunedModel(model, grid, **{"splitter": 3, **changes})


@pytest.fixture(scope="module")
def fitted(towers):
    return tuned().fit(*towers)


def test_features_that_say_something_are_chosen(fitted):
    assert fitted.best_ == {"features": ("ta", "swin", "vpd", "fapar", "igbp")}
    score = fitted.trials_["score"]
    assert float(score[1]) > float(score[0]) + 0.05
    assert list(fitted.model_.feature_names_in_) == ["ta", "swin", "vpd", "fapar", "igbp"]


def test_trials_are_scored_out_of_fold_on_the_records_that_all_predict(towers, fitted):
    drivers, observed = towers
    made = [
        clone(fitted.model)
        .set_params(features=features)
        .cross_validate(drivers, observed, splitter=3, interval=None)
        .sel(estimate="refined")
        for features in fitted.grid["features"]
    ]
    # Land cover of one tower alone is unknown to the model that uses it, and not to the other.
    assert int(made[0]["le"].notnull().sum()) >= int(made[1]["le"].notnull().sum())
    there = made[0].notnull() & made[1].notnull()
    for k, each in enumerate(made):
        found = xflux.evaluate(observed, each.where(there), variables=["nee", "le"])["r2_nse"]
        np.testing.assert_allclose(fitted.trials_["r2_nse"][k], found)


def test_it_refines_as_the_model_that_it_found(towers, fitted):
    drivers, observed = towers
    alone = clone(fitted.model).set_params(**fitted.best_).fit(drivers, observed)
    xr.testing.assert_identical(
        fitted.apply(drivers, interval=0.9), alone.apply(drivers, interval=0.9)
    )
    xr.testing.assert_identical(xflux.refine(drivers, fitted), xflux.refine(drivers, alone))


def test_the_budget_bounds_what_is_tried_and_the_seed_repeats_it():
    grid = {"columns": [0.4, 0.6, 0.8, 1.0], "rows": [0.6, 0.7, 0.8], "closure": ["none"]}
    drawn = [tuned(grid, budget=5, seed=seed)._combinations() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len({tuple(sorted(each.items())) for each in drawn[0]}) == 5
    assert len(tuned(grid, budget=50)._combinations()) == 12


@pytest.fixture
def spied(monkeypatch):
    """Keep what each search in an outer fold was fitted to and chose."""
    kept = []
    fit = TunedModel.fit

    def spy(self, drivers, observed, **options):
        found = fit(self, drivers, observed, **options)
        kept.append((set(observed["site"].values), self.best_, self.trials_.copy(deep=True)))
        return found

    monkeypatch.setattr(TunedModel, "fit", spy)
    return kept


def test_what_a_held_out_site_records_changes_nothing_of_the_search(towers, spied):
    drivers, observed = towers
    site = observed["site"].values[5]
    other = observed.where(observed["site"] != site, observed * -3.0 + 40.0)
    for name in other:
        other[name].attrs = observed[name].attrs
    made = [
        tuned().cross_validate(drivers, each, splitter=3, interval=None)
        for each in (observed, other)
    ]
    np.testing.assert_array_equal(*(each["le"].sel(site=site) for each in made))
    first, second = spied[:3], spied[3:]
    blind = [k for k, (sites, _, _) in enumerate(first) if site not in sites]
    assert len(blind) == 1
    for k, (one, two) in enumerate(zip(first, second, strict=True)):
        same = one[2].identical(two[2])
        # The folds that do see the site must notice, or this test could not fail.
        assert same == (k in blind)
        if k in blind:
            assert one[1] == two[1]


def test_shuffled_targets_cannot_be_predicted_through_the_search(towers):
    drivers, observed = towers
    random = np.random.default_rng(0)
    values = observed["le"].values.copy()
    there = np.isfinite(values)
    values[there] = random.permutation(values[there])
    shuffled = xr.Dataset({"le": observed["le"].copy(data=values)})
    search = tuned()
    search.model.set_params(fluxes=("le",))
    made = search.cross_validate(drivers, shuffled, splitter=BySite(3, seed=1), interval=None)
    score = xflux.evaluate(shuffled, made.sel(estimate="refined"))
    assert float(score["r2_nse"].squeeze()) <= 0.02


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grid": {"depth": [1]}}, "what can be tuned is closure"),
        ({"grid": {"fluxes": [("gpp",)]}}, "grid names 'fluxes'"),
        ({"grid": {"learner": "kernel"}}, "expected a list of values"),
        ({"grid": {"learner": []}}, "expected a list of values"),
        ({"budget": 0}, "budget=0"),
    ],
)
def test_grids_that_make_no_sense_are_refused(towers, changes, words):
    with pytest.raises(InputError, match=words):
        tuned(**changes).fit(*towers)


def test_what_is_not_fitted_does_not_predict(towers):
    with pytest.raises(InputError, match="not fitted"):
        tuned().apply(towers[0])


def test_a_failed_search_leaves_the_model_as_it_was(towers):
    drivers, observed = towers
    model = tuned({"columns": [0.5, 0.8]}).fit(drivers, observed)
    before = model.model_
    with pytest.raises(InputError):
        model.fit(drivers.isel(site=[0, 1]), observed.isel(site=[0, 1]))
    assert model.model_ is before
