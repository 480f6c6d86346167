"""`ResidualModel`: fitted to towers, better than the baseline where no tower stood."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone

import xflux
from xflux.errors import InputError, MissingVariableError

FLUXES = ["gpp", "reco", "nee", "le"]
EARTH = xflux.twin.Earth(resolution=15.0, start="2001", end="2003", seed=1)


def small(**changes):
    options = {"learner": "kernel", "members": 5, "seed": 3} | changes
    return xflux.ResidualModel(**options)


@pytest.fixture(scope="module")
def towers():
    return EARTH.towers(n=40)


@pytest.fixture(scope="module")
def fitted(towers):
    return small().fit(*towers)


def test_it_is_better_than_the_baseline_where_no_tower_stands(fitted):
    truth = EARTH.truth[FLUXES].compute()
    before = xflux.evaluate(truth, xflux.baseline(EARTH.drivers).compute())["rmse"]
    fluxes = xflux.refine(EARTH.drivers, fitted, interval=None).compute()
    after = xflux.evaluate(truth, fluxes[FLUXES])["rmse"]
    for flux in ("nee", "le"):
        assert float(after.sel({"flux": flux})) < 0.85 * float(before.sel({"flux": flux})), flux


def test_fluxes_close_and_gross_ones_are_not_negative(fitted):
    drivers = EARTH.drivers.isel(time=slice(12, 24)).compute()
    for members in (False, True):
        fluxes = fitted.apply(drivers, members=members)
        assert fluxes["gpp"].dtype == np.float32
        xr.testing.assert_equal(
            fluxes["nee"].drop_attrs(), (fluxes["reco"] - fluxes["gpp"]).drop_attrs()
        )
        assert float(fluxes["gpp"].min()) >= 0.0
        assert float(fluxes["reco"].min()) >= 0.0
    assert fluxes.sizes["member"] == 5


def test_members_differ_and_lie_around_the_flux(fitted, towers):
    drivers = towers[0].isel(site=slice(3))
    members = fitted.apply(drivers, members=True)["gpp"]
    flux = fitted.apply(drivers)["gpp"]
    spread = float(members.std("member").mean())
    assert spread > 0.01
    assert abs(float((members.mean("member") - flux).mean())) < spread


def test_what_is_predicted_has_seen_every_site(towers):
    drivers, observed = towers
    first = small(fluxes=("gpp",)).fit(drivers, observed)
    # With all rows in each member there is nothing more to see.
    whole = small(fluxes=("gpp",), rows=1.0).fit(drivers, observed)
    assert len(first.refinement_.ensembles["gpp"].full) == 2
    assert whole.refinement_.ensembles["gpp"].full == []
    new = drivers.isel(site=slice(2)).assign_coords(site=["new 1", "new 2"])
    mean = whole.apply(new, members=True)["gpp"].mean("member")
    np.testing.assert_allclose(whole.apply(new)["gpp"], mean, rtol=1e-5)


def test_the_same_seed_gives_the_same_model(towers, fitted):
    again = small().fit(*towers).apply(towers[0].isel(site=slice(2)))
    xr.testing.assert_equal(again, fitted.apply(towers[0].isel(site=slice(2))))
    other = small(seed=4).fit(*towers).apply(towers[0].isel(site=slice(2)))
    assert not again.equals(other)


def test_the_baseline_of_the_dataset_is_kept(fitted):
    ds = EARTH.drivers.isel(time=slice(0, 12)).flux.baseline()
    refined = ds.flux.refine(fitted)
    for flux in FLUXES:
        xr.testing.assert_equal(refined[f"{flux}_baseline"].variable, ds[flux].variable)
        assert f"{flux}_lower" in refined
    assert "refine:" in refined.attrs["history"]
    assert "model" not in refined["gpp"].attrs
    assert refined["gpp"].attrs["units"] == "g m-2 d-1"


def test_units_and_names_of_drivers_do_not_matter(fitted, towers):
    drivers = towers[0].isel(site=slice(2))
    kelvin = (drivers["ta"] + 273.15).assign_attrs(units="K", standard_name="air_temperature")
    other = drivers.drop_vars("ta").assign(tas=kelvin)
    for flux, values in fitted.apply(other).items():
        np.testing.assert_allclose(values, fitted.apply(drivers)[flux], rtol=2e-3, atol=2e-3)


def test_targets_in_other_units_are_converted(towers):
    drivers, observed = towers
    grams = observed[["nee"]]
    moles = grams["nee"] / 12.0107 / 86400.0 * 1e6
    other = grams.assign(nee=moles.assign_attrs(units="umol m-2 s-1"))
    two = [small(fluxes=("nee",), members=2, rows=0.5).fit(drivers, ds) for ds in (grams, other)]
    first, second = (model.apply(drivers.isel(site=slice(2)))["nee"] for model in two)
    np.testing.assert_allclose(first, second, atol=1e-3)


def test_an_index_of_the_baseline_is_no_feature_unless_it_is_named(towers):
    model = small(features=("ta", "swin", "fapar"), members=2, rows=0.5).fit(*towers)
    assert list(model.feature_names_in_) == ["ta", "swin", "fapar"]
    assert model.refinement_.memory == 0


def test_missing_drivers_give_missing_fluxes(fitted, towers):
    drivers = towers[0].isel(site=slice(2)).copy(deep=True)
    drivers["fapar"][0, 5] = np.nan
    fluxes = fitted.apply(drivers)
    assert bool(fluxes["gpp"][0, 5].isnull())
    assert bool(fluxes["gpp"][1].notnull().all())


def test_classes_that_no_tower_had_give_missing_fluxes(fitted, towers):
    drivers = towers[0].isel(site=slice(2))
    unseen = drivers.assign_coords(igbp=drivers["igbp"].copy(data=np.array([15, 1], "i1")))
    fluxes = fitted.apply(unseen)
    assert bool(fluxes["gpp"][0].isnull().all())
    assert bool(fluxes["gpp"][1].notnull().all())
    assert "without a tower in training, which had ENF" in fluxes["gpp"].attrs["comment"]


def test_a_driver_that_is_missing_is_named(fitted, towers):
    with pytest.raises(MissingVariableError, match="tsoil"):
        fitted.apply(towers[0].drop_vars("tsoil"))


def test_it_is_an_estimator_of_scikit_learn(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(InputError, match="not fitted"):
        copy.apply(EARTH.drivers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learner": "oracle"}, "is not known"),
        ({"fluxes": ("gpp", "npp")}, "expected some of"),
        ({"fluxes": ()}, "expected some of"),
        ({"members": 0}, "from 1 on"),
        ({"rows": 1.5}, "is no share"),
        ({"closure": "exact"}, "expected project or none"),
        ({"features": ("tair",)}, "is no feature"),
        ({"features": ()}, "features is empty"),
    ],
)
def test_options_that_do_not_fit_are_refused(towers, options, message):
    with pytest.raises(InputError, match=message):
        small(**options).fit(*towers)


def test_bad_targets_are_refused_and_leave_a_fitted_model_as_it_was(towers):
    drivers, observed = towers
    model = small(members=2, rows=0.5).fit(drivers, observed)
    before = model.apply(drivers.isel(site=slice(1)))
    for bad, message in (
        (observed.where(False), "has 0 records"),
        (observed * 0.0 + 1.0, "throughout"),
        (observed.where(observed["site"].isin(["TW-001"])), "of 1 site"),
        (observed.isel(site=slice(5)), "differ"),
        (observed.isel(site=0), "dims"),
    ):
        kept = bad.map(lambda array: array.assign_attrs(units=array.attrs.get("units", "")))
        for name in kept:
            kept[name].attrs = observed[name].attrs
        with pytest.raises(InputError, match=message):
            model.fit(drivers, kept)
    xr.testing.assert_equal(model.apply(drivers.isel(site=slice(1))), before)


def test_infinite_values_are_told(towers):
    drivers, observed = towers
    endless = (drivers["ta"] * np.inf).assign_attrs(drivers["ta"].attrs)
    with pytest.raises(xflux.XfluxWarning, match="became"):
        small().fit(drivers.assign(ta=endless), observed)
    targets = observed.map(lambda array: (array * np.inf).assign_attrs(array.attrs))
    with pytest.raises(xflux.XfluxWarning, match="became"):
        small().fit(drivers, targets)
