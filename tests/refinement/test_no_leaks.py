"""What is held out is not seen: all that is fitted stays the same to the bit, whatever it holds.

Each check is also run on variants that leak on purpose, and must catch them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from safetensors import safe_open

import xflux
from xflux.learning.boosted import Boosted
from xflux.learning.cascade import SmartForest
from xflux.learning.extra_trees import ExtraTrees
from xflux.learning.kernel_ridge import KernelRidge
from xflux.learning.learners import LEARNERS
from xflux.refinement import validation
from xflux.refinement.splits import BySite

#: Learners small enough to be fitted many times; what they choose inside is chosen all the same.
SMALL = {
    "xgboost": lambda seed, traits: (Boosted(trees=10, seed=seed),),
    "kernel": lambda seed, traits: (KernelRidge(seed=seed),),
    "blend": lambda seed, traits: (
        KernelRidge(seed=seed),
        Boosted(trees=10, seed=seed),
        ExtraTrees(trees=3, seed=seed),
    ),
    "smartforest": lambda seed, traits: (
        SmartForest(
            members=(Boosted(trees=5), ExtraTrees(trees=2)),
            layers=2,
            folds=2,
            repeats=1,
            seed=seed,
        ),
    ),
}
DRIVERS = ("ta", "swin", "vpd", "p", "fapar")
FEATURES = (*DRIVERS, "ta_lag1", "p_mean3", "fapar_anomaly", "ta_site", "igbp", "le_baseline")
FOLDS = BySite(4, seed=0)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, make in SMALL.items():
        monkeypatch.setitem(LEARNERS, name, make)


@pytest.fixture(scope="module")
def towers():
    drivers, observed = xflux.twin.Earth(start="2001", end="2002", seed=4).towers(n=24)
    return drivers, observed[["le"]]


@pytest.fixture(scope="module")
def changed(towers):
    """Return the towers with one site that records something else, under another sky."""
    drivers, observed = (ds.copy(deep=True) for ds in towers)
    held, other = observed["site"].values[[5, 11]]
    drivers, observed = drivers.load(), observed.load()
    for name in DRIVERS:
        drivers[name].loc[{"site": held}] = drivers[name].sel(site=other).values
    for ds in (drivers, observed):
        ds["igbp"].loc[{"site": held}] = ds["igbp"].sel(site=other).values
    observed["le"].loc[{"site": held}] = 400.0 - 2.0 * observed["le"].sel(site=held).values
    return held, drivers, observed


def model(learner, **changes):
    return xflux.ResidualModel(
        learner=learner, members=2, fluxes=("le",), **{"features": FEATURES, **changes}
    )


def states(validate, drivers, observed, folder, kind=xflux.ResidualModel):
    """Return what was fitted in each fold: all that is stored of it, arrays by their digest."""
    kept = []
    fit = kind.fit

    def spy(self, drivers, observed, **options):
        fitted = fit(self, drivers, observed, **options)
        with safe_open(self.save(folder / "fitted.safetensors"), framework="numpy") as stored:
            kept.append(stored.metadata())
        return fitted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "fit", spy)
        validate(drivers, observed)
    return kept


def leaks(validate, towers, changed, folder, kind=xflux.ResidualModel):
    """Tell in which folds that leave the site out something changed with it."""
    held, *others = changed
    before, after = (states(validate, *each, folder, kind) for each in (towers, others))
    where = FOLDS.folds(towers[1], towers[1]["le"].notnull().values)
    number = list(towers[1]["site"].values).index(held)
    blind = [k for k, fold in enumerate(where) if fold.test[number].any()]
    assert len(before) == len(after) == len(where)
    assert len(blind) == 1
    for k, (one, two) in enumerate(zip(before, after, strict=True)):
        # Where the site is trained on, it must show: else nothing here could be found out.
        assert k in blind or one != two
    return [k for k in blind if before[k] != after[k]]


@pytest.mark.parametrize("learner", list(SMALL))
def test_nothing_fitted_changes_with_a_held_out_site(learner, towers, changed, tmp_path):
    def validate(drivers, observed):
        model(learner).cross_validate(drivers, observed, splitter=FOLDS)

    assert leaks(validate, towers, changed, tmp_path) == []


def network(**changes):
    options = {"hidden": (8,), "epochs": 4, "members": 2, "features": (*DRIVERS, "ta_lag1")}
    return xflux.ConstrainedNetwork(fluxes=("le",), **{**options, **changes})


def test_no_network_changes_with_a_held_out_site(towers, changed, tmp_path):
    """Neither its scales, nor when it stops, nor its weights."""
    pytest.importorskip("torch")

    def validate(drivers, observed):
        network().cross_validate(drivers, observed, splitter=FOLDS)

    assert leaks(validate, towers, changed, tmp_path, xflux.ConstrainedNetwork) == []


def test_a_network_that_trains_on_held_out_sites_is_caught(towers, changed, tmp_path):
    pytest.importorskip("torch")

    def validate(drivers, observed):
        network().cross_validate(drivers, observed, splitter=_AlsoTested())

    assert len(leaks(validate, towers, changed, tmp_path, xflux.ConstrainedNetwork)) == 1


def scaled_before(drivers, observed):
    """Scale by the mean and spread of all sites before any is left out."""
    drivers = drivers.copy()
    for name in ("ta", "vpd"):
        array = drivers[name]
        # In their units, so that only the spread of all sites enters.
        drivers[name] = (10.0 * array / float(array.std())).assign_attrs(array.attrs)
    model("kernel").cross_validate(drivers, observed, splitter=FOLDS)


def selected_before(drivers, observed):
    """Choose features by how they follow the targets of all sites."""
    target = observed["le"]
    strength = {name: abs(float(xr.corr(drivers[name], target))) for name in DRIVERS}
    ranked = sorted(strength.items(), key=lambda item: -item[1])
    features = tuple(name for name, _ in ranked[:3])
    model("kernel", features=features).cross_validate(drivers, observed, splitter=FOLDS)


def stopped_on_held_out(drivers, observed):
    """Choose the number of trees by the sites that are left out, once for all folds."""
    folds = FOLDS.folds(observed, observed["le"].notnull().values)
    x = np.stack([drivers[name].transpose("site", "time").values for name in DRIVERS], axis=-1)
    y = observed["le"].transpose("site", "time").values

    def error(trees):
        missed = 0.0
        for fold in folds:
            fitted = Boosted(trees).fit(x[fold.train], y[fold.train])
            missed += float(np.sum((fitted.predict(x[fold.test]) - y[fold.test]) ** 2))
        return missed

    trees = min(range(2, 80, 12), key=error)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LEARNERS, "xgboost", lambda seed, traits: (Boosted(trees, seed=seed),))
        model("xgboost").cross_validate(drivers, observed, splitter=FOLDS)


class _AlsoTested:
    """Folds that train on what they test, as a cascade without folds of its own would."""

    def folds(self, towers, there):
        return [replace(fold, train=fold.train | fold.test) for fold in FOLDS.folds(towers, there)]


def trained_on_all(drivers, observed):
    """Fit to the held-out sites as well."""
    model("smartforest").cross_validate(drivers, observed, splitter=_AlsoTested())


@pytest.mark.parametrize(
    "leaky", [scaled_before, selected_before, stopped_on_held_out, trained_on_all]
)
def test_what_leaks_is_caught(leaky, towers, changed, tmp_path):
    assert len(leaks(leaky, towers, changed, tmp_path)) == 1


def shuffled(observed):
    random = np.random.default_rng(1)
    values = observed["le"].values.copy()
    there = np.isfinite(values)
    values[there] = random.permutation(values[there])
    return observed.copy(data={"le": values})


def skill(learner, drivers, observed, splitter):
    made = model(learner).cross_validate(drivers, observed, splitter=splitter, interval=None)
    return float(xflux.evaluate(observed, made.sel(estimate="refined"))["r2_nse"].squeeze())


@pytest.mark.parametrize("learner", list(SMALL))
def test_noise_has_no_skill_at_other_sites(learner, towers):
    drivers, observed = towers
    assert skill(learner, drivers, shuffled(observed), FOLDS) <= 0.0


def test_noise_seems_to_have_skill_where_what_is_tested_was_trained_on(towers, monkeypatch):
    drivers, observed = towers
    deep = {"rate": 0.3, "depth": 6, "min_child_weight": 1.0, "rows": 1.0, "l2": 1.0}
    monkeypatch.setitem(LEARNERS, "xgboost", lambda seed, traits: (Boosted(60, seed=seed, **deep),))
    assert skill("xgboost", drivers, shuffled(observed), _AlsoTested()) > 0.3


def test_each_fold_is_fitted_to_a_fresh_copy(towers):
    """Nothing of one fold reaches the next through the model that was given."""
    drivers, observed = towers
    given = model("xgboost")
    validation.cross_validate(given, drivers, observed, splitter=FOLDS)
    assert not hasattr(given, "refinement_")
