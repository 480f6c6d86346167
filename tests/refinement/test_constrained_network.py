"""`ConstrainedNetwork`: fluxes from towers, under laws, and anywhere without torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from sklearn.base import clone

import xflux
from xflux.errors import FileFormatError, InputError, MissingVariableError

pytest.importorskip("torch")

FLUXES = ["gpp", "reco", "nee", "le"]
FEW = ("ta", "par", "vpd", "fapar", "ta_mean3", "igbp", "gpp_baseline", "reco_baseline")
EARTH = xflux.twin.Earth(resolution=20.0, start="2001", end="2003", seed=1)


def small(**changes):
    options = {"hidden": (16, 16), "members": 2, "rows": 0.5, "epochs": 3, "rate": 5e-3}
    return xflux.ConstrainedNetwork(**{**options, "features": FEW, "seed": 3, **changes})


@pytest.fixture(scope="module")
def towers():
    return EARTH.towers(n=40)


@pytest.fixture(scope="module")
def fitted(towers):
    return small(members=5, rows=0.8, epochs=60).fit(*towers)


@pytest.fixture(scope="module")
def drivers():
    return EARTH.drivers.isel(time=slice(12, 24)).compute()


def with_attrs(ds, like):
    for name in ds:
        ds[name].attrs = like[name].attrs
    return ds


# --- what it predicts ---


def test_it_predicts_where_no_tower_stands(fitted, drivers):
    truth = EARTH.truth[FLUXES].isel(time=slice(12, 24)).compute()
    before = xflux.evaluate(truth, xflux.baseline(drivers))["rmse"]
    fluxes = xflux.refine(drivers, fitted, interval=None)
    after = xflux.evaluate(truth, fluxes[FLUXES])["rmse"]
    for flux in ("nee", "le"):
        assert float(after.sel({"flux": flux})) < 0.95 * float(before.sel({"flux": flux})), flux


def test_fluxes_close_and_gross_ones_are_not_negative(fitted, drivers):
    for members in (False, True):
        fluxes = fitted.apply(drivers, members=members)
        assert fluxes["gpp"].dtype == np.float32
        xr.testing.assert_equal(
            fluxes["nee"].drop_attrs(), (fluxes["reco"] - fluxes["gpp"]).drop_attrs()
        )
        assert float(fluxes["gpp"].min()) >= 0.0
        assert float(fluxes["reco"].min()) >= 0.0
    assert fluxes.sizes["member"] == 5


@pytest.mark.parametrize("closure", ["project", "none"])
def test_derived_nee_is_the_difference_to_the_bit(towers, drivers, closure):
    model = small(nee="derived", nonnegative="soft", closure=closure).fit(*towers)
    for members in (False, True):
        fluxes = model.apply(drivers, members=members)
        assert bool((fluxes["gpp"] >= 0.0).where(fluxes["gpp"].notnull(), True).all())
        xr.testing.assert_equal(
            fluxes["nee"].drop_attrs(), (fluxes["reco"] - fluxes["gpp"]).drop_attrs()
        )


@pytest.mark.parametrize("chunks", [{"time": 5, "lat": 4, "lon": 7}, {"time": 1}])
def test_chunks_never_change_a_bit(fitted, drivers, chunks):
    expected = xflux.refine(drivers, fitted)
    with no_compute():
        lazy = xflux.refine(drivers.chunk(chunks), fitted)
    assert lazy["gpp"].chunks is not None
    for scheduler in ("threads", "synchronous"):
        xr.testing.assert_identical(lazy.compute(scheduler=scheduler), expected)


def test_a_site_with_nee_alone_still_teaches(towers):
    drivers, observed = towers
    lone = observed["site"].isin(observed["site"][::2])
    gross = with_attrs(observed[["gpp", "reco"]].where(~lone), observed)
    thinned = observed.assign(gross)
    other = thinned.assign(nee=thinned["nee"].where(~lone, -5.0).assign_attrs(units="g m-2 d-1"))
    two = [small(fluxes=FLUXES[:3]).fit(drivers, ds).apply(drivers) for ds in (thinned, other)]
    assert bool(two[0]["gpp"].notnull().any())
    assert not two[0].equals(two[1])


def test_a_feature_may_be_missing_but_not_one_that_is_needed(towers):
    features = (*FEW, "tsoil")
    drivers, observed = towers
    drivers = drivers.isel(site=slice(12)).copy(deep=True)
    drivers["tsoil"][:, ::2] = np.nan
    model = small(features=features).fit(drivers, observed.isel(site=slice(12)))
    assert bool(model.apply(drivers)["gpp"].notnull().all())
    drivers["fapar"][0, 5] = np.nan
    fluxes = model.apply(drivers)
    assert all(bool(fluxes[flux][0, 5].isnull()) for flux in FLUXES)
    assert bool(fluxes["gpp"][1:].notnull().all())


def test_land_cover_that_no_tower_had_gives_missing_fluxes(fitted, towers):
    drivers = towers[0].isel(site=slice(2))
    unseen = drivers.assign_coords(igbp=drivers["igbp"].copy(data=np.array([15, 1], "i1")))
    fluxes = fitted.apply(unseen)
    assert bool(fluxes["gpp"][0].isnull().all())
    assert bool(fluxes["gpp"][1].notnull().all())


def test_intervals_hold_at_sites_that_were_not_seen(towers):
    drivers, observed = towers
    seen = {"site": slice(0, None, 2)}, {"site": slice(1, None, 2)}
    model = small(members=5, rows=0.8, epochs=25).fit(drivers.isel(seen[0]), observed.isel(seen[0]))
    fluxes = model.apply(drivers.isel(seen[1]), interval=0.9)
    for flux in FLUXES:
        truth = observed[flux].isel(seen[1])
        inside = (truth >= fluxes[f"{flux}_lower"]) & (truth <= fluxes[f"{flux}_upper"])
        there = truth.notnull() & fluxes[flux].notnull()
        assert 0.7 < float(inside.where(there).mean("time").mean()) <= 1.0, flux


def test_without_sites_left_out_there_are_no_intervals(towers):
    model = small(rows=1.0).fit(*towers)
    with pytest.raises(InputError, match="have no intervals"):
        model.apply(towers[0], interval=0.9)


# --- laws ---


def lawless_towers(drivers, observed):
    """Return towers whose GPP falls with light and RECO with warmth, under noise."""
    random = np.random.default_rng(0)
    odd = observed.map(lambda a: a + random.normal(0.0, float(a.std()), a.shape))
    for flux, name in (("gpp", "swin"), ("reco", "ta")):
        driver = (drivers[name] - drivers[name].mean()) / drivers[name].std()
        odd[flux] = odd[flux] - 0.5 * float(observed[flux].std()) * driver
    return with_attrs(odd, observed)


def test_penalties_of_the_default_weights_keep_laws(towers):
    drivers, observed = towers
    odd = lawless_towers(drivers, observed)
    options = {"fluxes": FLUXES[:3], "members": 1, "rows": 1.0, "epochs": 60, "patience": 60}
    lawless = small(mass=0.0, light=0.0, temperature=0.0, **options).fit(drivers, odd)
    lawful = small(**options).fit(drivers, odd)
    before, after = (model.broken_laws(drivers) for model in (lawless, lawful))
    print("without penalties", before, "with", after)
    for law in ("light", "temperature", "mass"):
        assert before[law] > 0.5, law
        assert after[law] < 0.3 * before[law], law


def test_laws_are_about_the_slope_by_the_step_itself(towers):
    drivers, _ = towers
    model = small(light=0.0, features=("ta", "par", "fapar", "par_mean3")).fit(*towers)
    brighter = drivers.assign(swin=(drivers["swin"] + 1.0).assign_attrs(drivers["swin"].attrs))
    network, names = model.refinement_.network, list(model.feature_names_in_)
    x = np.array([[10.0, 60.0, 0.5, 80.0]], np.float32)
    more = x + np.float32([0.0, 0.1, 0.0, 0.0])
    slope = network.slopes(x, "gpp", names.index("par"))
    made = [network.predict(rows)["gpp"] for rows in (x, more)]
    assert float(slope[0]) == pytest.approx(float((made[1] - made[0])[0]) / 0.1, rel=0.02)
    assert not model.apply(brighter)["gpp"].equals(model.apply(drivers)["gpp"])


def test_a_law_without_its_driver_is_refused(towers):
    with pytest.raises(InputError, match=r"light=0\.1 is about the slope by par"):
        small(features=("ta", "swin", "fapar")).fit(*towers)
    with pytest.raises(InputError, match="both swin and par"):
        small(features=("ta", "swin", "par")).fit(*towers)
    with pytest.raises(InputError, match=r"temperature=0\.1 is about the slope by ta"):
        small(features=("par", "fapar")).fit(*towers)
    model = small(features=("swin", "fapar"), fluxes=("le",)).fit(*towers)
    assert model.broken_laws(towers[0]) == {}


def test_the_authors_weights_can_be_had(towers):
    model = xflux.ConstrainedNetwork.uflux(epochs=2, members=1, rows=1.0, features=FEW)
    kept = {name: getattr(model, name) for name in ("mass", "night", "temperature", "light")}
    assert kept == {"mass": 1.0, "night": 5.0, "temperature": 0.2, "light": 0.0}
    assert model.temperature_limit == 30.0
    assert model.fit(*towers).broken_laws(towers[0])["mass"] < 1e-5


# --- a model as others ---


def test_the_same_seed_gives_the_same_model(towers):
    made = [small(seed=seed).fit(*towers).apply(towers[0]) for seed in (3, 3, 4)]
    xr.testing.assert_equal(made[0], made[1])
    assert not made[0].equals(made[2])


def test_it_is_an_estimator_of_scikit_learn(fitted, towers):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert list(fitted.feature_names_in_) == list(FEW)
    with pytest.raises(InputError, match="not fitted"):
        copy.apply(towers[0])
    with pytest.raises(InputError, match="not fitted"):
        copy.broken_laws(towers[0])


def test_default_features_have_par_in_place_of_swin(towers):
    model = small(features=None, epochs=1).fit(*towers)
    names = list(model.feature_names_in_)
    assert {"par", "par_lag1", "par_mean12", "ta", "gpp_baseline"} <= set(names)
    assert not any(name.startswith("swin") for name in names)


def test_units_of_drivers_do_not_matter(fitted, towers):
    drivers = towers[0].isel(site=slice(2))
    kelvin = (drivers["ta"] + 273.15).assign_attrs(units="K", standard_name="air_temperature")
    other = drivers.drop_vars("ta").assign(tas=kelvin)
    for flux, values in fitted.apply(other).items():
        np.testing.assert_allclose(values, fitted.apply(drivers)[flux], rtol=2e-3, atol=2e-3)


def test_the_baseline_is_not_asked_for_where_no_feature_is_made_of_it(towers):
    drivers, observed = towers
    bare = drivers[["ta", "swin", "fapar"]]
    model = small(features=("ta", "par", "fapar")).fit(bare, observed)
    assert bool(model.apply(bare)["le"].notnull().all())


def test_a_model_comes_back_bit_for_bit(fitted, drivers, tmp_path):
    path = fitted.save(tmp_path / "network.safetensors")
    again = xflux.ConstrainedNetwork.load(path)
    xr.testing.assert_identical(
        again.apply(drivers, interval=0.9), fitted.apply(drivers, interval=0.9)
    )
    lists = {name: list(getattr(fitted, name)) for name in ("hidden", "fluxes", "features")}
    assert again.get_params() == {**fitted.get_params(), **lists}
    with pytest.raises(FileFormatError, match="holds a ConstrainedNetwork, and no ResidualModel"):
        xflux.ResidualModel.load(path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(FileFormatError, match="was changed"):
        xflux.ConstrainedNetwork.load(path)


def test_a_stored_model_predicts_without_torch(fitted, towers, tmp_path):
    path = fitted.save(tmp_path / "network.safetensors")
    sites = towers[0].isel(site=slice(2), time=slice(12))
    expected = float(fitted.apply(sites)["gpp"].sum())
    sites.drop_encoding().to_netcdf(tmp_path / "sites.nc")
    code = f"""
import sys
import xarray as xr, xflux
sites = xr.load_dataset({str(tmp_path / "sites.nc")!r})
made = xflux.ConstrainedNetwork.load({str(path)!r}).apply(sites)["gpp"].sum()
print("torch" in sys.modules, float(made))
"""
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported, total = made.stdout.split()
    assert imported == "False"
    assert float(total) == pytest.approx(expected, rel=1e-5)


def test_what_a_site_records_does_not_change_how_it_is_predicted(towers):
    """The leak test: scaling, weights, stopping and intervals must not see the site."""
    drivers, observed = (ds.isel(site=slice(24)) for ds in towers)
    site = observed["site"].values[7]
    other = with_attrs(observed.where(observed["site"] != site, observed * -3.0 + 40.0), observed)
    two = [small().cross_validate(drivers, ds, splitter=3) for ds in (observed, other)]
    for name in (*FLUXES, "nee_lower", "le_upper"):
        first, second = (ds[name].sel(site=site) for ds in two)
        np.testing.assert_array_equal(first, second)
    rest = [ds["nee"].sel(estimate="refined").drop_sel(site=site) for ds in two]
    assert not rest[0].equals(rest[1])
    assert two[0]["gpp"].dims == ("estimate", "site", "time")
    assert bool(two[0]["gpp"].notnull().any("time").sel(estimate="refined").sum() > 12)


# --- bad input ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nonnegative": "none"}, "expected 'hard' or 'soft'"),
        ({"nee": "both"}, "expected 'head', or 'derived'"),
        ({"mass": -1.0, "members": 0}, "2 problems"),
        ({"hidden": (0,)}, "units of 1 or more"),
        ({"rows": 1.5}, "a share above 0, up to 1"),
        ({"closure": "exact"}, "expected project or none"),
        ({"fluxes": ("gpp", "npp")}, "expected some of"),
        ({"fluxes": ()}, "expected some of"),
        ({"features": ("tair",)}, "is no feature"),
        ({"features": ()}, "features is empty"),
    ],
)
def test_options_that_do_not_fit_are_refused(towers, options, message):
    with pytest.raises(InputError, match=message):
        small(**options).fit(*towers)


def test_bad_targets_are_refused_and_leave_a_fitted_model_as_it_was(towers):
    drivers, observed = towers
    model = small().fit(drivers, observed)
    before = model.apply(drivers.isel(site=slice(1)))
    for bad, message in (
        (observed.where(False), "has 0 records"),
        (observed * 0.0 + 1.0, "throughout"),
        (observed.where(observed["site"] == observed["site"][0]), "of 1 site"),
        (observed.isel(site=slice(5)), "differ"),
        (observed.isel(site=0), "dims"),
    ):
        with pytest.raises(InputError, match=message):
            model.fit(drivers, with_attrs(bad.copy(), observed))
    wrong = observed.copy()
    wrong["le"] = wrong["le"].assign_attrs(units="mm d-1")
    with pytest.raises(xflux.errors.UnitsError):
        model.fit(drivers, wrong)
    with pytest.raises(MissingVariableError, match="fapar"):
        model.fit(drivers.drop_vars("fapar"), observed)
    model.set_params(rate=1e30)
    with pytest.raises(InputError, match="diverged"):
        model.fit(drivers, observed)
    xr.testing.assert_equal(model.apply(drivers.isel(site=slice(1))), before)


def test_a_driver_that_is_missing_is_named(fitted, towers):
    with pytest.raises(MissingVariableError, match="fapar"):
        fitted.apply(towers[0].drop_vars("fapar"))


def test_infinite_values_are_told(towers):
    drivers, observed = towers
    endless = (drivers["ta"] * np.inf).assign_attrs(drivers["ta"].attrs)
    with pytest.raises(xflux.XfluxWarning, match="became"):
        small().fit(drivers.assign(ta=endless), observed)
