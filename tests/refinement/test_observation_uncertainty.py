"""Uncertainty of observations: what it is, and what it does to weights, members and intervals."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.errors import InputError, MissingVariableError, UnitsError
from xflux.learning.learner import Traits
from xflux.refinement.ensemble import Sampling, fit_ensemble
from xflux.refinement.intervals import fit_spread
from xflux.refinement.perturbation import Errors, RowErrors, decompose

CARBON = {"units": "g m-2 d-1"}
POWER = {"units": "W m-2"}


def records(**values):
    """Return a Dataset of one site and a few records."""
    whole = {
        name: (("site", "time"), np.atleast_2d(np.asarray(value, float)), attrs)
        for name, value in values.items()
        for attrs in [dict(POWER if name.startswith(("le", "h")) else CARBON)]
    }
    return xr.Dataset(whole)


FULL = records(
    nee=[-1.0, -2.0], nee_randunc=[0.3, 0.1], nee_16=[-1.4, -2.1], nee_84=[-0.6, -1.9],
    gpp=[5.0, 6.0], gpp_16=[4.0, 5.9], gpp_84=[6.0, 6.1], gpp_dt=[4.0, 7.0],
    reco=[4.0, 4.0], reco_16=[3.5, 3.9], reco_84=[4.5, 4.1], reco_dt=[4.2, 5.0],
    le=[40.0, 50.0], le_randunc=[1.0, 2.0], le_corr=[48.0, 46.0],
)  # fmt: skip


def parts(ds, flux):
    array = xflux.observation_uncertainty(ds)[f"{flux}_uncertainty"].isel(site=0)
    return {str(cause): array.sel(component=cause).values for cause in array["component"].values}


def test_each_cause_is_what_the_files_say():
    gpp, reco, nee, le = (parts(FULL, flux) for flux in ("gpp", "reco", "nee", "le"))
    np.testing.assert_allclose(nee["random"], [0.3, 0.1])
    np.testing.assert_allclose(reco["random"], [0.3, 0.1])
    np.testing.assert_allclose(gpp["random"], np.sqrt(2.0) * np.array([0.3, 0.1]))
    np.testing.assert_allclose(gpp["ustar"], [1.0, 0.1])
    np.testing.assert_allclose(nee["ustar"], [0.4, 0.1])
    np.testing.assert_allclose(gpp["partitioning"], np.array([1.0, 1.0]) / np.sqrt(2.0))
    np.testing.assert_allclose(reco["partitioning"], np.array([0.2, 1.0]) / np.sqrt(2.0))
    np.testing.assert_allclose(le["energy_balance"], np.array([8.0, 4.0]) / np.sqrt(2.0))
    np.testing.assert_allclose(le["total"], np.sqrt([1.0 + 32.0, 4.0 + 8.0]))
    np.testing.assert_allclose(nee["total"], [0.5, np.sqrt(0.02)])


def test_a_cause_that_does_not_touch_a_flux_is_zero():
    assert parts(FULL, "nee")["partitioning"].tolist() == [0.0, 0.0]
    assert parts(FULL, "gpp")["energy_balance"].tolist() == [0.0, 0.0]
    assert parts(FULL, "le")["ustar"].tolist() == [0.0, 0.0]


def test_what_files_do_not_hold_is_missing_and_named_but_not_in_the_total():
    less = FULL.drop_vars(["gpp_dt"])
    made = xflux.observation_uncertainty(less)["gpp_uncertainty"]
    assert "partitioning" in made.attrs["comment"]
    assert bool(made.sel(component="partitioning").isnull().all())
    np.testing.assert_allclose(parts(less, "gpp")["total"], [np.sqrt(0.18 + 1.0), np.sqrt(0.03)])


def test_a_record_without_one_cause_has_no_total():
    gap = FULL.assign(gpp_dt=FULL["gpp_dt"].where([True, False]))
    assert np.isnan(parts(gap, "gpp")["total"]).tolist() == [False, True]
    assert np.isfinite(parts(gap, "gpp")["random"]).all()


def test_quartiles_serve_where_a_file_holds_no_others():
    subset = records(nee=[0.0], nee_25=[-0.6745], nee_75=[0.6745])
    np.testing.assert_allclose(parts(subset, "nee")["ustar"], 1.0, rtol=1e-3)


def test_night_time_partitioning_may_be_the_other_one():
    day = FULL[["gpp", "gpp_dt"]].rename(gpp="gpp_nt", gpp_dt="gpp")
    np.testing.assert_allclose(parts(day, "gpp")["partitioning"], np.sqrt(0.5))


def test_units_are_converted_and_checked():
    moles = (FULL["nee_randunc"] / 12.0107 / 86400 * 1e6).assign_attrs(units="umol m-2 s-1")
    np.testing.assert_allclose(parts(FULL.assign(nee_randunc=moles), "nee")["random"], [0.3, 0.1])
    for units, message in (("W m-2", "nee_randunc"), (None, "nee_randunc")):
        wrong = FULL.copy()
        wrong["nee_randunc"].attrs = {} if units is None else {"units": units}
        with pytest.raises(UnitsError, match=message):
            xflux.observation_uncertainty(wrong)
    made = xflux.observation_uncertainty(FULL)
    assert made["le_uncertainty"].attrs["units"] == "W m-2"
    assert made["gpp_uncertainty"].attrs["units"] == "g m-2 d-1"
    assert "standard_name" not in made["gpp_uncertainty"].attrs


def test_lazy_towers_stay_lazy():
    lazy = xflux.observation_uncertainty(FULL.chunk(time=1))
    assert all(array.chunks is not None for array in lazy.data_vars.values())
    xr.testing.assert_equal(lazy.compute(), xflux.observation_uncertainty(FULL))


def test_towers_without_uncertainties_are_told_what_is_missing():
    with pytest.raises(MissingVariableError, match=r"gpp_16 and gpp_84, gpp_dt or gpp_nt"):
        xflux.observation_uncertainty(FULL[["gpp", "reco", "nee", "le"]])
    with pytest.raises(MissingVariableError, match="le_randunc, le_corr"):
        xflux.observation_uncertainty(FULL[["nee", "nee_randunc", "le"]], fluxes=("nee", "le"))
    assert list(xflux.observation_uncertainty(FULL[["nee", "nee_randunc"]])) == [
        f"{flux}_uncertainty" for flux in ("gpp", "reco", "nee")
    ]


SHAPE = (300, 40)


def errors(seed=0):
    whole = {"random": 0.3, "ustar": 0.4}
    terms = {
        "nee": {cause: np.full(SHAPE, size) for cause, size in whole.items()},
        "reco": {"random": np.full(SHAPE, 0.3), "ustar": np.full(SHAPE, 0.6)},
        "gpp": {"random": np.full(SHAPE, 0.3 * np.sqrt(2.0)), "ustar": np.full(SHAPE, 0.5)},
        "le": {"random": np.full(SHAPE, 1.0), "energy_balance": np.full(SHAPE, -4.0)},
    }
    return Errors(terms, seed)


def test_draws_are_as_large_as_the_uncertainty_and_close():
    drawn = {
        flux: np.stack([errors().draw(flux, k) for k in range(8)])
        for flux in ("gpp", "reco", "nee")
    }
    np.testing.assert_allclose(drawn["nee"], drawn["reco"] - drawn["gpp"], atol=1e-12)
    for flux, expected in (
        ("nee", np.hypot(0.3, 0.4)),
        ("reco", np.hypot(0.3, 0.6)),
        ("gpp", np.sqrt(2 * 0.09 + 0.25)),
    ):
        np.testing.assert_allclose(np.sqrt(np.mean(drawn[flux] ** 2)), expected, rtol=0.05)


def test_systematic_errors_are_one_for_a_site_and_random_ones_average_out():
    drawn = errors().draw("le", 0)
    mean = drawn.mean(axis=1)
    expected = np.hypot(4.0, 1.0 / np.sqrt(SHAPE[1]))
    np.testing.assert_allclose(mean.std(), expected, rtol=0.1)
    np.testing.assert_allclose((drawn - mean[:, None]).std(), 1.0, rtol=0.05)


def test_partitioning_errs_towards_the_other_estimate_and_leaves_nee():
    step = np.where(np.arange(SHAPE[1]) < 20, 1.0, -2.0) * np.ones(SHAPE)
    made = Errors({"gpp": {"partitioning": step}, "nee": {"random": np.zeros(SHAPE)}}, 0)
    drawn = made.draw("gpp", 3)
    np.testing.assert_allclose(drawn[:, 20:], -2.0 * drawn[:, :20])
    assert not made.draw("nee", 3).any()


def test_the_same_seed_draws_the_same_and_members_differ():
    np.testing.assert_array_equal(errors().draw("gpp", 1), errors().draw("gpp", 1))
    assert not np.array_equal(errors().draw("gpp", 1), errors().draw("gpp", 2))
    assert not np.array_equal(errors().draw("gpp", 1), errors(1).draw("gpp", 1))


def test_a_record_of_unknown_uncertainty_errs_as_the_median():
    size = np.full(SHAPE, 2.0)
    size[:, :30] = np.nan
    drawn = Errors({"le": {"random": size}}, 0).draw("le", 0)
    np.testing.assert_allclose(drawn[:, :30].std(), 2.0, rtol=0.03)


def test_weights_recover_the_optimum_of_uneven_errors():
    random = np.random.default_rng(5)
    count, own = 20000, 0.8
    size = random.choice([0.2, 2.0], count)
    base = random.normal(size=count)
    y = 1.0 + 2.0 * base + random.normal(size=count) * np.hypot(size, own)
    rows = RowErrors(Errors({"le": {"random": size[:, None]}}, 0), "le", np.ones(count, bool))
    weight = rows.weights(y, base)
    best = 1.0 / (size**2 + own**2)
    np.testing.assert_allclose(weight, best / best.mean(), rtol=0.1)

    def variance(w):  # of a weighted mean
        return np.sum(w**2 * (size**2 + own**2)) / np.sum(w) ** 2

    assert variance(np.ones(count)) > 1.5 * variance(best)
    assert variance(weight) < 1.01 * variance(best)


def test_no_record_weighs_much_more_than_others_and_unknown_ones_have_the_median():
    random = np.random.default_rng(6)
    size = np.array([0.0, 1e-3, 50.0, np.nan, *np.full(996, 3.0)])
    y = random.normal(size=1000)
    rows = RowErrors(Errors({"le": {"random": size[:, None]}}, 0), "le", np.ones(1000, bool))
    weight = rows.weights(y, np.zeros(1000))
    assert weight[3] == np.median(weight)
    model = 0.25 * np.var(y)  # the observations err by more than they vary
    np.testing.assert_allclose(weight[0] / weight[2], (50.0**2 + model) / model)
    np.testing.assert_allclose(weight[0], weight[1], rtol=1e-4)
    np.testing.assert_allclose(weight.mean(), 1.0)


class Mean:
    """A learner that leaves it all to the line."""

    def fit(self, x, y, *, weight=None, groups=None):
        return self

    def predict(self, x):
        return np.zeros(len(x))


@pytest.mark.parametrize(
    ("cause", "expected"),
    # 20 sites of 10 records: random errors average over all, those of sites over sites.
    [("random", 1.0 / np.sqrt(200)), ("energy_balance", 1.0 / np.sqrt(20))],
)
def test_the_spread_of_members_is_that_of_a_mean(cause, expected):
    made = RowErrors(Errors({"le": {cause: np.ones((20, 10))}}, 7), "le", np.ones(200, bool))
    groups = np.repeat(np.arange(20), 10)

    ensemble = fit_ensemble(
        np.zeros((200, 1), np.float32), np.zeros(200), np.arange(200.0), groups=groups,
        weight=np.ones(200), features=np.zeros(1, np.int64), make=lambda seed, traits: [Mean()],
        traits=Traits((0,), (False,)), slope=0, sampling=Sampling(1500, 1.0, 1.0, "site", 0),
        tell=lambda: None, draw=made.draw,
    )  # fmt: skip

    members = ensemble.predict(np.zeros((1, 1), np.float32), np.zeros(1))[:, 0]
    np.testing.assert_allclose(members.std(), expected, rtol=0.06)
    np.testing.assert_allclose(members.mean(), 99.5, atol=4 * expected / np.sqrt(1500))


def test_shares_of_intervals_are_as_they_were_made():
    random = np.random.default_rng(8)
    count, sites = 40000, 40
    groups = np.repeat(np.arange(sites), count // sites)
    observed = random.normal(size=count) * 2.0  # the error of the prediction 0
    spread = fit_spread(observed, np.zeros(count), groups)
    sizes = {"random": np.full((sites, 1000), 0.6), "energy_balance": np.full((sites, 1000), -1.0)}
    rows = RowErrors(Errors({"le": sizes}, 0), "le", np.ones(count, bool))

    def ensemble(offsets):
        def predict(x, base):
            return np.tile(np.asarray(offsets)[:, None], len(base))

        return SimpleNamespace(predict=predict, left_out=np.zeros(count))

    drawn, plain = ensemble([0.5, -0.5, 0.5, -0.5]), ensemble([0.0] * 4)
    sampling = Sampling(4, 0.75, 1.0, "site", 0)
    x, base = np.zeros((count, 1), np.float32), np.zeros(count)
    made = decompose(rows, drawn, plain, x, base, spread=spread, groups=groups, sampling=sampling)

    # Intervals of a normal error of standard deviation 2, and those of few sites are wider.
    wider = (spread.reach(0.9) * float(spread.size(np.zeros(1))[0]) / (1.645 * 2.0)) ** 2
    assert 1.0 <= wider < 1.2
    np.testing.assert_allclose(made["random"] * wider, 0.36 / 4.0, rtol=1e-6)
    np.testing.assert_allclose(made["energy_balance"] * wider, 1.0 / 4.0, rtol=1e-6)
    np.testing.assert_allclose(made["members"] * wider, 0.25 / 4.0, rtol=1e-6)


EARTH = xflux.twin.Earth(resolution=15.0, start="2001", end="2002", seed=1)


@pytest.fixture(scope="module")
def towers():
    drivers, observed = EARTH.towers(n=25)
    told = observed.assign(
        nee_randunc=(0.0 * observed["nee"] + 0.3).assign_attrs(CARBON),
        le_randunc=(0.0 * observed["le"] + 2.0).assign_attrs(POWER),
        le_corr=(1.2 * observed["le"]).assign_attrs(POWER),
    )
    return drivers, told


def small(**changes):
    options = {"learner": "kernel", "members": 5, "seed": 3, "fluxes": ("le",)} | changes
    return xflux.ResidualModel(**options)


@pytest.fixture(scope="module")
def spread(towers):
    return small(observation_uncertainty=("spread",)).fit(*towers)


def test_members_hold_the_uncertainty_and_its_share_is_reported(towers, spread):
    plain = small().fit(*towers)
    assert plain.uncertainty_ is None
    here = towers[0].isel(site=slice(5))
    first, second = (
        float(model.apply(here, members=True)["le"].var("member").mean())
        for model in (plain, spread)
    )
    assert second > 1.1 * first
    share = spread.uncertainty_
    assert 0.0 < float(share["member_share"].sel(flux="le")) < 1.0
    record = share["record_share"].sel(flux="le")
    assert float(record.sel(component="energy_balance")) > float(record.sel(component="random")) > 0
    np.testing.assert_allclose(
        record.sel(component="total"), record.sel(component=["random", "energy_balance"]).sum()
    )


def test_the_same_seed_gives_the_same_members(towers, spread):
    again = small(observation_uncertainty=("spread",)).fit(*towers)
    here = towers[0].isel(site=slice(3))
    xr.testing.assert_equal(again.apply(here, members=True), spread.apply(here, members=True))


def test_the_share_is_kept_in_the_file(spread, tmp_path):
    loaded = xflux.ResidualModel.load(spread.save(tmp_path / "model.safetensors"))
    xr.testing.assert_equal(loaded.uncertainty_, spread.uncertainty_)
    assert loaded.get_params()["observation_uncertainty"] == ("spread",)


def test_weights_change_the_fit_and_folds_keep_the_uncertainty(towers):
    drivers, told = towers
    far = told["site"].isin(told["site"][::2])
    told = told.assign(le_randunc=told["le_randunc"].where(far, 80.0).assign_attrs(POWER))
    both = [small(members=2, rows=0.5, observation_uncertainty=used) for used in ((), ("weights",))]
    plain, weighed = (m.cross_validate(drivers, told, splitter=2, interval=None) for m in both)
    assert not np.allclose(plain["le"], weighed["le"], equal_nan=True)


def test_observations_without_uncertainty_are_refused_when_it_is_asked_for(towers):
    drivers, told = towers
    bare = told[["gpp", "reco", "nee", "le"]]
    with pytest.raises(MissingVariableError, match=r"no uncertainty of le .*le_randunc"):
        small(observation_uncertainty=("weights",)).fit(drivers, bare)


@pytest.mark.parametrize("used", ["spread", ("wieghts",)])
def test_a_use_that_does_not_exist_is_refused(towers, used):
    with pytest.raises(InputError, match="expected a tuple of 'weights' and 'spread'"):
        small(observation_uncertainty=used).fit(*towers)
