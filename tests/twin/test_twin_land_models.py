"""Land models of the idealised Earth: lazy, frozen, conserving carbon, and plausible."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError
from xflux.twin.fingerprint import land_model_fingerprint
from xflux.twin.land_model_chunks import MONTHLY, YEARLY
from xflux.twin.land_model_parameters import LAND_MODELS, LAWS
from xflux.twin.land_model_pools_kernel import FLUXES, POOLS, run

Earth = xflux.twin.Earth
SMALL = {"resolution": 10.0, "start": "2001", "end": "2004", "seed": 1}

#: Of the frozen numbers and laws of the land models. The hash of the planet is another one.
HASH = "aed802ab395c"


@pytest.fixture(scope="module")
def ensemble():
    return Earth(**SMALL).land_models().compute()


def seconds(time):
    return time.dt.days_in_month * 86400.0


def global_total(ds, array):
    """PgC of a density in kg m-2."""
    return float((array * ds["cell_area"] * ds["land_fraction"]).sum()) * 1e-12


def test_the_numbers_are_frozen_and_the_planet_is_the_same():
    assert land_model_fingerprint() == HASH
    assert Earth().parameters == "91baf39fd0db"
    assert HASH in Earth(**SMALL).land_models().attrs["source"]


def test_nothing_is_computed_before_it_is_asked_for():
    with no_compute():
        ds = Earth(resolution=0.5, start="2001", end="2010").land_models()
    assert ds["gpp"].dims == ("model", "time", "lat", "lon")
    assert ds["cVeg"].dims == ("model", "year", "lat", "lon")
    assert dict(ds.sizes) == {"model": 21, "time": 120, "year": 10, "lat": 360, "lon": 720}
    assert ds["gpp"].chunksizes["time"] == (120,)
    assert len(ds["gpp"].chunksizes["lat"]) > 1


@pytest.mark.parametrize("chunks", [{"lat": 5, "lon": 36}, {"lat": 18, "lon": 7}])
def test_one_seed_is_the_same_bit_for_bit_in_any_chunks(ensemble, chunks):
    again = Earth(**SMALL, chunks=chunks).land_models(n=21)
    assert again["gpp"].chunksizes["lat"][0] == chunks["lat"]
    xr.testing.assert_identical(again.compute(), ensemble)


def test_a_month_is_the_same_whatever_the_span_around_it(ensemble):
    part = Earth(**{**SMALL, "start": "2002-11", "end": "2003-02"}).land_models(3).compute()
    assert part["year"].values.tolist() == [2002]
    same = ensemble.isel(model=slice(3)).sel(time=part["time"], year=part["year"])
    xr.testing.assert_equal(part, same)


def test_every_model_is_of_its_own_laws():
    assert len(LAND_MODELS) >= 21
    assert len({model.laws for model in LAND_MODELS}) == len(LAND_MODELS)
    for kind, names in LAWS.items():
        used = {getattr(model.laws, kind) for model in LAND_MODELS}
        assert used == set(range(len(names))), kind


def test_laws_and_names_and_provenance_are_told(ensemble):
    assert ensemble["model"].values[0] == "ALDER"
    assert set(ensemble["law_of_allocation"].values) == set(LAWS["allocation"])
    for name in (*MONTHLY, *YEARLY):
        attrs = ensemble[name].attrs
        assert "synthetic" in attrs
        assert ensemble[name].dtype == np.float32
        stock = name.startswith("c")
        assert attrs["units"] == ("kg m-2" if stock else "kg m-2 s-1")
        assert ("time: point" if stock else "time: mean") in attrs["cell_methods"]


def test_stocks_say_that_they_are_of_the_end_of_the_year(ensemble):
    balance = ensemble.isel(model=slice(2)).carbon.mass_balance()
    assert balance.attrs["stock_time"] == "end of its year (by cell_methods)"


def test_a_variable_that_a_model_does_not_deliver_is_missing_and_no_other(ensemble):
    land = (ensemble["land_fraction"] > 0).values
    for k, model in enumerate(LAND_MODELS):
        for name in (*MONTHLY, *YEARLY):
            there = ensemble[name].isel(model=k).notnull().values
            lacks = name in model.missing or (name == "fFire" and model.numbers.fire == 0.0)
            expected = np.broadcast_to(land & (not lacks), there.shape)
            np.testing.assert_array_equal(there, expected, err_msg=f"{model.name} {name}")


def test_identities_hold_bit_by_bit(ensemble):
    whole = ensemble.dropna("model", how="all", subset=["rh"])
    np.testing.assert_array_equal(ensemble["npp"], ensemble["gpp"] - ensemble["ra"])
    burnt = whole["npp"] - whole["rh"] - whole["fFire"].fillna(0.0)
    there = whole["nbp"].notnull()
    np.testing.assert_array_equal(whole["nbp"].where(there), burnt.where(there))
    parts = ensemble["cLeaf"] + ensemble["cWood"] + ensemble["cRoot"]
    there = parts.notnull()
    np.testing.assert_array_equal(ensemble["cVeg"].where(there), parts)


def test_stocks_change_by_what_the_land_takes_up(ensemble):
    stocks = ensemble["cVeg"] + ensemble["cLitter"] + ensemble["cSoil"]
    taken = (ensemble["nbp"] * seconds(ensemble["time"])).groupby("time.year").sum(skipna=False)
    change = stocks.diff("year")
    away = np.abs(change - taken.transpose("model", "year", ...))
    # What float32 leaves of stocks.
    assert float((away / (stocks + 1e-3)).max()) < 1e-6
    assert int(away.notnull().any(("year", "lat", "lon")).sum()) >= 15


def test_production_by_part_adds_up(ensemble):
    parts = ensemble["nppLeaf"] + ensemble["nppWood"] + ensemble["nppRoot"]
    lengths = seconds(ensemble["time"])
    npp = (ensemble["npp"] * lengths).groupby("time.year").sum(skipna=False)
    npp = npp / lengths.groupby("time.year").sum()
    away = np.abs(parts - npp.transpose("model", "year", ...))
    assert float((away / (np.abs(npp) + 1e-10)).max()) < 1e-5


def test_no_pool_is_negative_and_grass_has_no_wood(ensemble):
    for name in ("cVeg", "cLeaf", "cWood", "cRoot", "cLitter", "cSoil"):
        assert float(ensemble[name].min()) >= 0.0
    for name in ("gpp", "ra", "rh", "fFire"):
        assert float(ensemble[name].min()) >= 0.0
    igbp = Earth(**SMALL).drivers["igbp"].compute()
    codes = xflux.variables["igbp"].classes
    grass, forest = igbp.isin([codes["GRA"], codes["CRO"]]), igbp == codes["EBF"]
    assert float(ensemble["cWood"].where(grass).max()) < 0.001
    assert float(ensemble["cWood"].where(forest).mean()) > 5.0


def test_plants_may_lose_carbon_in_winter_but_not_over_the_year(ensemble):
    growing = ensemble["gpp"].mean("time") * 365.25 * 86400 > 0.1
    npp = ensemble["npp"].where(growing)
    assert 0.1 < float((npp < 0).sum() / npp.notnull().sum()) < 0.4
    years = npp.groupby("time.year").mean().where(growing)
    assert float((years < 0).sum() / years.notnull().sum()) < 0.02


@pytest.mark.parametrize("seed", [0, 1])
def test_global_totals_are_those_of_trendy(seed):
    ds = Earth(resolution=5.0, start="2006", end="2009", seed=seed).land_models().compute()
    per_year = seconds(ds["time"]) / 4.0
    for name in ds["model"].values:
        one = ds.sel(model=name)
        gpp, npp, rh = (
            global_total(ds, (one[flux] * per_year).sum("time")) for flux in ("gpp", "npp", "rh")
        )
        assert 100.0 < gpp < 160.0, name
        assert 0.35 < npp / gpp < 0.6, name
        if bool(one["rh"].notnull().any()):
            assert -0.5 < npp - rh < 5.0, name
        for stock, low, high in (
            ("cVeg", 300.0, 620.0), ("cSoil", 800.0, 2500.0), ("cLitter", 40.0, 250.0),
        ):  # fmt: skip
            if bool(one[stock].notnull().any()):
                assert low < global_total(ds, one[stock].mean("year")) < high, (name, stock)


def made(months=720, step=1.0):
    """One warm, wet place and one cold, dry one, and a model that burns."""
    t = np.arange(months)
    season = -np.cos(2 * np.pi * (t + 0.5) / 12)
    ta = np.stack([24.0 + 2.0 * season, -4.0 + 18.0 * season])
    climate = (
        ta, 8.0 + 0.3 * ta.clip(0), 180.0 + 60.0 * season * np.ones((2, 1)),
        np.stack([6.0 + season, 1.2 + 0.8 * season]), ta,
        np.stack([0.8 + 0 * t, 0.4 + 0.3 * season]),
    )  # fmt: skip
    days = np.full(months, 365.25 / 12)
    model = next(model for model in LAND_MODELS if model.name == "ROWAN")
    fluxes, stocks = np.empty((7, 2, months)), np.empty((7, 2, months // 12 + 1))
    kinds = np.tile([0.3, 0.4, 0.3, 1.0, 40.0, 1.2, 0.5, 1.0, 24.0, 4.0, 0.5], (18, 1))
    run(
        model.laws, model.numbers, kinds, np.array([2, 1]), np.array([0.0, 0.0]), climate, days,
        np.full(months, 380.0 * step), np.full(120, 380.0), 120, fluxes, stocks,
    )  # fmt: skip
    return dict(zip(FLUXES, fluxes, strict=True)), dict(zip(POOLS, stocks, strict=True))


def test_carbon_is_conserved_to_round_off():
    fluxes, stocks = made(step=1.3)
    taken = fluxes["gpp"] - fluxes["ra"] - fluxes["rh"] - fluxes["fire"]
    total = sum(stocks.values())
    by_year = taken.reshape(2, -1, 12).sum(axis=2)
    np.testing.assert_allclose(np.diff(total), by_year, atol=1e-13 * total.max())
    parts = fluxes["to_leaf"] + fluxes["to_wood"] + fluxes["to_root"]
    np.testing.assert_allclose(parts, fluxes["gpp"] - fluxes["ra"], atol=1e-11)


def test_pools_are_at_rest_while_nothing_changes():
    _, stocks = made()
    for name, pool in stocks.items():
        np.testing.assert_allclose(pool[:, -1], pool[:, 0], rtol=0.02, err_msg=name)


def test_more_carbon_dioxide_makes_a_sink():
    _, rest = made()
    _, grown = made(step=1.2)
    assert (sum(grown.values())[:, -1] > 1.02 * sum(rest.values())[:, -1]).all()


def test_it_survives_files(ensemble, tmp_path):
    ensemble.to_netcdf(tmp_path / "models.nc")
    with xr.open_dataset(tmp_path / "models.nc") as again:
        xr.testing.assert_identical(again.load(), ensemble)


@pytest.mark.parametrize(
    ("given", "n", "message"),
    [
        ({}, 0, "no number of land models"),
        ({}, 22, "expected 1 to 21"),
        ({}, True, "no number of land models"),
        ({}, 2.0, "no number of land models"),
        ({"freq": "D"}, 2, "run by months"),
        ({"start": "2001-02", "end": "2001-11"}, 2, "let it reach a December"),
    ],
)
def test_what_cannot_be_run_is_refused(given, n, message):
    with pytest.raises(InputError, match=message):
        Earth(**{**SMALL, **given}).land_models(n)
