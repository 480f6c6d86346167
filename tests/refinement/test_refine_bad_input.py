"""Bad input of a refinement: an error that says what to do, or NaN with a stated reason."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge

import xflux
from xflux.errors import (
    GridMismatchError,
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxError,
    XfluxWarning,
)

EARTH = xflux.twin.Earth(resolution=20.0, start="2001", end="2003", seed=1)
FEATURES = ("ta", "vpd", "swin", "fapar", "igbp", "gpp_baseline")


def small(**changes):
    options = {"learner": "kernel", "members": 2, "rows": 0.5, "features": FEATURES} | changes
    return xflux.ResidualModel(**options)


@pytest.fixture(scope="module")
def towers():
    return EARTH.towers(n=16)


@pytest.fixture(scope="module")
def model(towers):
    return small().fit(*towers)


def keeping(ds, change):
    """Return a changed Dataset with the attributes that it had."""
    made = change(ds)
    for name in made:
        made[name].attrs = dict(ds[name].attrs)
    return made


class TestFolds:
    def test_more_folds_than_sites(self, towers):
        drivers, observed = (ds.isel(site=slice(5)) for ds in towers)
        with pytest.raises(InputError, match="10 sites with records or more, and there are 5"):
            small().cross_validate(drivers, observed, splitter=10)

    def test_a_single_site(self, towers):
        drivers, observed = (ds.isel(site=[0]) for ds in towers)
        with pytest.raises(InputError, match="nothing could be left out"):
            small().cross_validate(drivers, observed)
        with pytest.raises(InputError, match=r"records of 1 site\(s\)"):
            small().fit(drivers, observed)

    def test_folds_that_leave_too_few_sites_to_fit(self, towers):
        drivers, observed = (ds.isel(site=slice(3)) for ds in towers)
        with pytest.raises(InputError, match=r"left out, leaves 2 site\(s\) to fit to: .* of 3"):
            small().cross_validate(drivers, observed)


class TestTargets:
    def test_all_are_looked_at_before_any_is_fitted(self, towers, monkeypatch):
        drivers, observed = towers
        fitted = []
        monkeypatch.setattr(
            xflux.refinement.residual, "fit_ensemble", lambda *given: fitted.append(1)
        )
        lost = observed.assign(le=observed["le"].where(False))
        with pytest.raises(InputError, match=r"le .* has 0 records"):
            small().fit(drivers, lost)
        assert not fitted

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda ds: ds.where(False), "has 0 records"),
            (lambda ds: ds * 0.0 + 3.0, "is 3 throughout"),
            (lambda ds: ds.drop_vars("le"), "le"),
        ],
    )
    def test_constant_missing_or_absent(self, towers, change, message):
        drivers, observed = towers
        with pytest.raises(XfluxError, match=message):
            small().fit(drivers, keeping(observed, change))

    def test_one_flux_of_four_is_named(self, towers):
        drivers, observed = towers
        without = observed.assign(reco=observed["reco"].where(False))
        with pytest.raises(InputError, match=r"reco .* has 0 records.*Leave it out with fluxes="):
            small().fit(drivers, without)

    def test_of_another_unit(self, towers):
        drivers, observed = towers
        wrong = observed.assign(le=observed["le"].assign_attrs(units="m s-1"))
        with pytest.raises(UnitsError, match="le"):
            small().fit(drivers, wrong)
        without = observed.assign(le=observed["le"].drop_attrs())
        with pytest.raises(UnitsError, match="le"):
            small().fit(drivers, without)

    def test_infinite(self, towers):
        drivers, observed = towers
        first = observed["le"] == observed["le"].isel(site=0, time=0)
        endless = observed.assign(le=observed["le"].where(~first, np.inf))
        endless["le"].attrs = observed["le"].attrs
        with pytest.warns(XfluxWarning, match="became"):
            fitted = small(fluxes=("le",)).fit(drivers, endless)
        records = fitted.refinement_.provenance["records"]["le"]
        assert records == int(observed["le"].notnull().sum()) - int(first.sum())

    def test_on_other_dims(self, towers):
        drivers, observed = towers
        with pytest.raises(InputError, match=r"with the dims \(site, time\)"):
            small().fit(drivers, observed.isel(site=0))
        with pytest.raises(InputError, match="with the"):
            small().fit(EARTH.drivers, observed)
        with pytest.raises(InputError, match="expected site and time alone"):
            small().fit(drivers, observed.expand_dims(depth=2))

    @pytest.mark.parametrize("dim", ["site", "time"])
    def test_of_other_sites_or_times(self, towers, dim):
        drivers, observed = towers
        with pytest.raises(InputError, match=f"{dim} of .* differ"):
            small().fit(drivers, observed.isel({dim: slice(1, None)}))


class TestDrivers:
    def test_lacking_a_feature(self, model, towers):
        with pytest.raises(MissingVariableError, match="fapar"):
            model.apply(towers[0].drop_vars("fapar"))

    def test_bearing_another_unit(self, model, towers):
        drivers = towers[0]
        with pytest.raises(UnitsError, match="vpd"):
            model.apply(drivers.assign(vpd=drivers["vpd"].assign_attrs(units="m")))
        pascal = (drivers["vpd"] * 100.0).assign_attrs(units="Pa")
        xr.testing.assert_allclose(
            model.apply(drivers.assign(vpd=pascal)), model.apply(drivers), rtol=1e-4
        )

    def test_of_classes_never_seen(self, model, towers):
        drivers = towers[0].isel(site=slice(2))
        water = drivers["igbp"].copy(data=np.array([17, drivers["igbp"].values[1]], "i1"))
        made = model.apply(drivers.assign_coords(igbp=water))
        assert bool(made["gpp"][0].isnull().all())
        assert bool(made["gpp"][1].notnull().any())
        assert "missing on land cover without a tower in training" in made["gpp"].attrs["comment"]

    def test_infinite_in_fitting_and_in_predicting(self, model, towers):
        drivers, observed = towers
        first = drivers["time"] == drivers["time"][0]
        endless = drivers.assign(
            vpd=xr.where(first, np.inf, drivers["vpd"]).transpose(*drivers["vpd"].dims)
        )
        endless["vpd"].attrs = drivers["vpd"].attrs
        with pytest.warns(XfluxWarning, match="became"):
            small().fit(endless, observed)
        with pytest.warns(XfluxWarning, match="became"):
            made = model.apply(endless)
        assert bool(np.isfinite(made["le"].isel(time=slice(1, None))).all())
        assert not bool(np.isinf(made["le"]).any())

    def test_without_the_series_that_memory_needs(self, towers):
        fitted = small(features=("ta", "ta_lag1", "swin")).fit(*towers)
        with pytest.raises(InputError, match="'ta_lag1' needs a series"):
            fitted.apply(towers[0].isel(time=0))

    def test_of_grids_that_differ(self, model):
        drivers = EARTH.drivers.isel(time=slice(0, 2)).compute()
        moved = drivers["vpd"].assign_coords(lat=drivers["lat"] + 1e-4)
        with pytest.raises((GridMismatchError, ValueError)):
            model.apply(xr.merge([drivers.drop_vars("vpd"), moved], join="exact"))

    def test_with_dims_beyond_those_of_training(self, model, towers):
        drivers = towers[0]
        warmer = xr.concat([drivers["ta"], drivers["ta"] + 2.0], "scenario")
        made = model.apply(drivers.assign(ta=warmer.assign_attrs(drivers["ta"].attrs)))
        xr.testing.assert_allclose(made["le"].isel(scenario=0), model.apply(drivers)["le"])


class TestModels:
    def test_unfitted(self, towers, tmp_path):
        for use in (
            lambda model: model.apply(towers[0]),
            lambda model: towers[0].flux.refine(model),
            lambda model: model.save(tmp_path / "model"),
        ):
            with pytest.raises(InputError, match=r"not fitted; call fit\(drivers, observed\)"):
                use(small())

    def test_intervals_where_nothing_was_left_out(self, towers):
        fitted = small(members=1, rows=1.0, fluxes=("le",)).fit(*towers)
        with pytest.raises(InputError, match="no site was left out while fitting"):
            fitted.apply(towers[0], interval=0.9)

    def test_whose_apply_returns_other_dims(self, towers):
        class Odd:
            def apply(self, ds, *, interval=None):
                return xflux.baseline(ds).rename(site="pixel")

        with pytest.raises(InputError, match="a model returns fluxes on the dims of its drivers"):
            towers[0].flux.refine(Odd())


class Breaking(RegressorMixin, BaseEstimator):
    """Fits a few times, then no more."""

    left = 0

    def fit(self, x, y):
        Breaking.left -= 1
        if Breaking.left < 0:
            raise RuntimeError("broken")
        self.mean_ = y.mean()
        return self

    def predict(self, x):
        return np.full(len(x), self.mean_)


@pytest.mark.parametrize("fits", [0, 1, 5])
def test_a_fitted_model_is_never_left_half_updated(towers, fits):
    drivers, observed = towers
    model = xflux.ResidualModel(Ridge(), members=2, rows=0.5, features=FEATURES)
    model.fit(drivers, observed)
    before, fitted = model.apply(drivers, interval=0.9), model.refinement_
    model.set_params(learner=Breaking(), features=("ta", "swin"))
    Breaking.left = fits
    with pytest.raises(RuntimeError, match="broken"):
        model.fit(drivers, observed)
    assert model.refinement_ is fitted
    assert list(model.feature_names_in_) == list(FEATURES)
    xr.testing.assert_identical(model.apply(drivers, interval=0.9), before)
