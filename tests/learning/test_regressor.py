"""Any regressor of scikit-learn learns a refinement, and none is ever pickled to a file."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import xflux
from xflux.errors import InputError
from xflux.learning.learner import Learner
from xflux.learning.regressor import Regressor

EARTH = xflux.twin.Earth(resolution=20.0, start="2001", end="2003", seed=1)
MODELS = {
    "ridge": lambda: Ridge(alpha=10.0),
    "forest": lambda: RandomForestRegressor(5, min_samples_leaf=5),
    "histogram": lambda: HistGradientBoostingRegressor(max_iter=10),
    "neighbours": lambda: make_pipeline(StandardScaler(), KNeighborsRegressor(8)),
    "imputed": lambda: make_pipeline(SimpleImputer(), StandardScaler(), Ridge()),
}


@pytest.fixture(scope="module")
def towers():
    return EARTH.towers(n=20)


def fit(learner, towers, **changes):
    options = {"members": 2, "rows": 0.5, "fluxes": ("le",), "seed": 3} | changes
    return xflux.ResidualModel(learner, **options).fit(*towers)


def rows(n=300, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 3)).astype(np.float32)
    x[random.random(x.shape) < 0.1] = np.nan
    return x, np.nan_to_num(x[:, 0]).astype(np.float64) + 0.1 * random.normal(size=n)


@pytest.mark.parametrize("name", MODELS)
def test_it_refines_and_lazily_so(name, towers):
    drivers, observed = towers
    # A gap that training has not: some regressors would refuse it.
    drivers = drivers.assign(vpd=drivers["vpd"].where(drivers["time"] != drivers["time"][5]))
    learner = MODELS[name]()
    model = fit(learner, (drivers, observed))
    expected = model.apply(drivers, interval=0.9)
    assert int(expected["le"].notnull().sum()) == expected["le"].size
    known = observed["le"].notnull()
    before = xflux.baseline(drivers)["le"].where(known)
    errors = [float(abs(made - observed["le"]).mean()) for made in (expected["le"], before)]
    assert errors[0] < errors[1]
    with no_compute():
        lazy = model.apply(drivers.chunk(site=7, time=12), interval=0.9)
    xr.testing.assert_allclose(lazy.compute(scheduler="threads"), expected, rtol=1e-5)


def test_the_regressor_given_is_cloned_for_each_member(towers):
    learner = RandomForestRegressor(3, min_samples_leaf=5, random_state=99)
    model = fit(learner, towers)
    assert not hasattr(learner, "estimators_")
    assert learner.random_state == 99
    members = model.refinement_.ensembles["le"].members
    seeds = [member.learners[0]._fitted.random_state for member in members]
    assert len(set(seeds)) == 2
    again = fit(learner, towers)
    xr.testing.assert_identical(again.apply(towers[0]), model.apply(towers[0]))


def test_its_parameters_are_those_of_the_refinement(towers):
    model = xflux.ResidualModel(make_pipeline(StandardScaler(), Ridge(alpha=2.0)))
    assert model.get_params()["learner__ridge__alpha"] == 2.0
    model.set_params(learner__ridge__alpha=5.0)
    copy = clone(model)
    assert copy.learner is not model.learner
    assert copy.get_params()["learner__ridge__alpha"] == 5.0
    assert "Ridge(alpha=5.0)" in repr(copy)


def test_cross_validation_clones_it_too(towers):
    made = xflux.ResidualModel(Ridge(), fluxes=("le",), members=2, rows=0.5).cross_validate(
        *towers, splitter=2
    )
    assert int(made["le"].sel(estimate="refined").notnull().sum()) > 100


def test_it_cannot_be_saved_and_the_message_says_what_to_do(towers, tmp_path):
    with pytest.raises(InputError, match=r"pickle alone.*to_netcdf.*learner='blend'"):
        fit(Ridge(), towers).save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_meets_the_contract_of_a_learner():
    assert isinstance(Regressor(Ridge()), Learner)
    with pytest.raises(InputError, match="not fitted"):
        Regressor(Ridge()).predict(rows()[0])


def test_missing_values_are_the_median_of_training_where_the_regressor_takes_none():
    x, y = rows()
    x[:, 2] = np.nan
    model = Regressor(Ridge()).fit(x, y)
    gap, middle = np.full((1, 3), np.nan, "f4"), np.nanmedian(x[:, :2], axis=0)
    filled = np.array([[*middle, 0.0]], "f4")
    np.testing.assert_allclose(model.predict(gap), model.predict(filled), rtol=1e-6)


def test_missing_values_reach_a_regressor_that_takes_them():
    class Missing(RegressorMixin, BaseEstimator):
        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.input_tags.allow_nan = True
            return tags

        def fit(self, x, y):
            self.share_ = np.isnan(x).mean()
            return self

        def predict(self, x):
            return np.isnan(x).mean(axis=1)

    x, y = rows()
    assert Regressor(Missing()).fit(x, y)._fitted.share_ > 0.05
    assert Regressor(make_pipeline(StandardScaler(), Missing())).fit(x, y).predict(x).max() > 0.3
    inside = make_pipeline(SimpleImputer(strategy="constant", fill_value=50.0), Ridge())
    assert np.ptp(Regressor(inside).fit(x, y)._fitted[:-1].transform(x)) > 40.0


def test_weights_reach_it_also_through_a_pipeline():
    x, y = rows()
    weight = np.where(y > 0.0, 5.0, 1.0)
    for model in (Ridge(), make_pipeline(StandardScaler(), make_pipeline(Ridge()))):
        plain, weighed = (Regressor(model).fit(x, y, weight=w).predict(x) for w in (None, weight))
        assert weighed.mean() > plain.mean() + 0.01
    Regressor(KNeighborsRegressor()).fit(x, y, weight=weight)


def test_it_predicts_with_one_thread():
    x, y = rows()
    fitted = Regressor(RandomForestRegressor(4, n_jobs=2)).fit(x, y)._fitted
    assert fitted.n_jobs == 1


def test_what_predicts_no_row_each_is_refused():
    class Odd(RegressorMixin, BaseEstimator):
        def fit(self, x, y):
            return self

        def predict(self, x):
            return np.zeros((len(x), 2))

    with pytest.raises(InputError, match=r"shape \(300, 2\)"):
        Regressor(Odd()).fit(*rows()).predict(rows()[0])


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        (Ridge, r"is a class; pass an instance, Ridge\(\)"),
        (LogisticRegression(), "is a classifier"),
        (object(), "or a regressor of scikit-learn"),
        (3, "is not known"),
        ("ridge", "is not known"),
    ],
)
def test_what_is_no_regressor_is_refused(learner, message, towers):
    with pytest.raises(InputError, match=message):
        fit(learner, towers)
