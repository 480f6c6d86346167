"""The idealised Earth: lazy, the same in any chunks, labelled, and refused when it cannot be."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from hypothesis import given, settings
from hypothesis import strategies as st

import xflux
from xflux.errors import InputError
from xflux.labels.integral import integrate
from xflux.twin.world import DRIVERS, TRUTH

Earth = xflux.twin.Earth
SIZES = {"time": 18, "lat": 18, "lon": 36}
SMALL = {"resolution": 10.0, "start": "2001-07", "end": "2002-12", "seed": 1}


@pytest.fixture(scope="module")
def reference():
    earth = Earth(**SMALL)
    return earth.drivers.compute(), earth.truth.compute()


def test_nothing_is_computed_before_it_is_asked_for():
    with no_compute():
        earth = Earth(resolution=0.5)
        fluxes = earth.drivers.flux.baseline()
        assert earth.truth.sizes == {"time": 204, "lat": 360, "lon": 720}
    assert fluxes.gpp.chunks is not None


@settings(max_examples=8)
@given(chunks=st.fixed_dictionaries({d: st.integers(n // 3, n) for d, n in SIZES.items()}))
def test_one_seed_is_the_same_bit_for_bit_in_any_chunks(reference, chunks):
    earth = Earth(**SMALL, chunks=chunks)
    assert earth.truth["gpp"].chunksizes["lat"][0] == chunks["lat"]
    xr.testing.assert_identical(earth.drivers.compute(), reference[0])
    xr.testing.assert_identical(earth.truth.compute(), reference[1])


def test_two_seeds_differ():
    other = Earth(**{**SMALL, "seed": 2}).truth["gpp"].compute()
    same = Earth(**SMALL).truth["gpp"].compute()
    assert float(np.abs(other - same).max()) > 1.0


def test_a_month_is_the_same_whatever_the_span_around_it(reference):
    part = Earth(**{**SMALL, "start": "2002-03", "end": "2002-05"})
    span = {"time": slice("2002-03", "2002-05")}
    for ours, theirs in ((part.drivers, reference[0]), (part.truth, reference[1])):
        for name, array in ours.items():
            if "time" in array.dims:
                np.testing.assert_array_equal(array, theirs[name].sel(span))


def test_months_are_the_means_of_days():
    days = Earth(**{**SMALL, "start": "2002", "end": "2002", "freq": "D"})
    months = Earth(**{**SMALL, "start": "2002", "end": "2002"})
    assert days.drivers.sizes["time"] == 365
    land = months.drivers["land_fraction"] * months.drivers["cell_area"]
    for name, close, closer in (
        ("ta", 0.4, 0.02), ("swin", 5.0, 0.5), ("fapar", 0.06, 0.001), ("vpd", 0.4, 0.05),
        ("p", 5.0, 0.05), ("rnet", 15.0, 0.5),
    ):  # fmt: skip
        mean = days.drivers[name].resample(time="MS").mean()
        away = (mean - months.drivers[name]).compute()
        assert float(np.abs(away).max()) < close
        assert abs(float(away.weighted(land).mean())) < closer
    # Laws are no straight lines: fluxes of days have another mean, but not by much.
    for name, close in (("gpp", 0.05), ("reco", 0.02), ("le", 0.5)):
        mean = days.truth[name].resample(time="MS").mean()
        away = (mean - months.truth[name]).weighted(land).mean().compute()
        assert abs(float(away)) < close


def test_finer_grids_have_the_same_land_and_uptake():
    totals = []
    for resolution in (10.0, 5.0, 2.0):
        truth = Earth(resolution=resolution, start="2005", end="2005", seed=1).truth.compute()
        area = truth["cell_area"] * truth["land_fraction"]
        totals.append((float(area.sum()), float((truth["gpp"].mean("time") * area).sum())))
    land, uptake = np.array(totals).T
    np.testing.assert_allclose(land, 1.36e14, rtol=0.03)
    np.testing.assert_allclose(uptake, uptake[-1], rtol=0.12)


def test_carbon_closes_bit_by_bit(reference):
    _, truth = reference
    np.testing.assert_array_equal(truth["reco"], truth["ra"] + truth["rh"])
    np.testing.assert_array_equal(truth["nee"], truth["reco"] - truth["gpp"])
    np.testing.assert_array_equal(truth["nep"], -truth["nee"])
    np.testing.assert_array_equal(truth["npp"], truth["gpp"] - truth["ra"])


def test_drivers_and_fluxes_are_where_land_is_and_lie_in_their_ranges(reference):
    drivers, truth = reference
    land = drivers["land_fraction"] > 0
    assert 0.3 < float(land.mean()) < 0.5
    for ds, names in ((drivers, DRIVERS), (truth, TRUTH)):
        for name in names:
            there = ds[name].notnull()
            assert bool((there == land).all()), name
            row = xflux.variables[name]
            assert row.valid_min <= float(ds[name].min()), name
            assert float(ds[name].max()) <= row.valid_max, name
    for name in ("gpp", "ra", "rh"):
        assert float(truth[name].min()) >= 0.0
    assert bool((drivers["td"] <= drivers["ta"]).where(land, True).all())


def test_what_models_are_told_suffices_for_every_baseline(reference):
    drivers, _ = reference
    for le in (xflux.PriestleyTaylor(), xflux.PTJPL()):
        fluxes = xflux.baseline(drivers, le=le)
        assert set(fluxes) == {"gpp", "reco", "nee", "le"}
        there = fluxes.notnull().to_dataarray().all("variable").any("time")
        assert float(there.where(drivers["land_fraction"] > 0).mean()) > 0.95


def test_what_is_done_to_the_drivers_does_not_make_another_earth():
    earth = Earth(**SMALL)
    earth.drivers["ta"] = earth.drivers["ta"] * 0.0
    assert float(earth.drivers["ta"].max()) > 10.0


@pytest.mark.parametrize("resolution", [20.0, 45.0, 90.0])
def test_coarse_planets_have_weather_of_the_same_size(resolution):
    earth = Earth(resolution=resolution, start="2001", end="2004")
    drivers, truth = earth.drivers.compute(), earth.truth.compute()
    land = drivers["land_fraction"] > 0
    assert bool((truth["gpp"].notnull() == land).all())
    odd = drivers["ta"].groupby("time.month") - drivers["ta"].groupby("time.month").mean()
    assert 0.3 < float(odd.std()) < 2.5


def test_totals_and_scores_of_it_say_synthetic(reference):
    drivers, truth = reference
    total = integrate(truth["nee"], area=truth["cell_area"], land_fraction=truth["land_fraction"])
    assert "synthetic" in total.attrs
    assert "synthetic" in xflux.evaluate(truth[["gpp"]], xflux.baseline(drivers)).attrs


def test_everything_is_labelled_synthetic_and_survives_files(reference, tmp_path):
    for ds in reference:
        assert "synthetic" in ds.attrs
        assert f"parameters {Earth().parameters}" in ds.attrs["source"]
        for name, array in ds.data_vars.items():
            assert "synthetic" in array.attrs, name
            assert array.attrs["units"] == xflux.variables[name].units
        ds.to_netcdf(tmp_path / "earth.nc")
        with xr.open_dataset(tmp_path / "earth.nc") as again:
            again.load()
        for name in ds.data_vars:
            np.testing.assert_array_equal(ds[name], again[name])
            assert again[name].attrs["synthetic"] == ds[name].attrs["synthetic"]
        (tmp_path / "earth.nc").unlink()


def test_an_earth_can_be_sent_to_another_process():
    earth = Earth(**SMALL)
    _ = earth.drivers
    copy = pickle.loads(pickle.dumps(earth))
    assert copy == earth
    xr.testing.assert_identical(copy.drivers.compute(), earth.drivers.compute())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"resolution": 7.0}, "does not divide 180"),
        ({"resolution": 0.0}, "does not divide 180"),
        ({"resolution": -5.0}, "does not divide 180"),
        ({"freq": "YS"}, "expected 'MS' or 'D'"),
        ({"start": "1850"}, "no span from 1901 to 2100"),
        ({"start": "2010", "end": "2009"}, "no span from 1901 to 2100"),
        ({"start": "spring"}, "is no date"),
        ({"seed": -1}, "no whole number"),
        ({"seed": 1.5}, "no whole number"),
        ({"chunks": {"x": 3}}, "the dims are time, lat, lon"),
        ({"chunks": {"lat": 0}}, "lat"),
        ({"chunks": -1}, "is no mapping"),
        ({"chunks": "auto"}, "is no mapping"),
        ({"start": None}, "is no date"),
        ({"resolution": "5"}, "does not divide 180"),
        ({"resolution": 180.0}, "within"),
        ({"resolution": 1e-9}, "within"),
        ({"resolution": True}, "does not divide 180"),
        ({"seed": True}, "no whole number"),
    ],
)
def test_what_cannot_be_made_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        Earth(**given)
