"""Towers of the tropics that miss the nights: a bias that is asked for, and known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.errors import InputError
from xflux.twin.fingerprint import drainage_fingerprint

EARTH = xflux.twin.Earth(start="2005", end="2007")
N = 60


@pytest.fixture(scope="module")
def right():
    return EARTH.towers(n=N)


@pytest.fixture(scope="module")
def biased():
    return EARTH.towers(n=N, night_loss=0.8)


def missing(right, biased, name):
    return right[1][name] - biased[1][name]


def test_nothing_drains_away_unless_it_is_asked_for(right):
    again = EARTH.towers(n=N, night_loss=0.0)
    xr.testing.assert_identical(right[1], again[1])
    assert "night_loss" not in right[1].attrs


def test_the_planet_keeps_its_numbers_and_the_drainage_has_its_own():
    assert EARTH.parameters == "91baf39fd0db"
    assert drainage_fingerprint() == "b6810c37bd81"


def test_what_drivers_say_and_where_gaps_are_stays(right, biased):
    xr.testing.assert_identical(right[0], biased[0])
    for name in ("nee", "reco", "gpp", "le"):
        assert bool((right[1][name].isnull() == biased[1][name].isnull()).all())
    xr.testing.assert_equal(right[1]["le"], biased[1]["le"])


def test_tropical_forests_lose_most_and_the_temperate_zone_nothing(right, biased):
    lost = missing(right, biased, "nee").mean("time")
    forest = (lost["igbp"] == 2) & (np.abs(lost["lat"]) < 10)
    temperate = np.abs(lost["lat"]) > 40
    assert int(forest.sum()) > 0
    assert float(lost.where(forest).min()) * 365.25 > 300  # g m-2 a-1
    assert float(lost.where(forest).max()) * 365.25 < 1200
    assert float(np.abs(lost.where(temperate)).max()) < 1e-4
    low = (lost["igbp"] == 10) & (np.abs(lost["lat"]) < 23.5)
    assert float(lost.where(low).max()) < float(lost.where(forest).min())


def test_what_is_recorded_still_closes(biased):
    _, observed = biased
    difference = observed["reco"] - observed["gpp"] - observed["nee"]
    assert float(np.abs(difference).max()) < 1e-5


def test_partitioning_from_nights_takes_the_loss_to_the_day(right, biased):
    """At the equator nights are half of the day: gpp lacks as much as nee does."""
    lost = {name: missing(right, biased, name).mean("time") for name in ("nee", "reco", "gpp")}
    near = (np.abs(lost["nee"]["lat"]) < 6) & (lost["nee"] > 0.2)
    assert int(near.sum()) > 0
    share = (lost["nee"] / lost["reco"]).where(near)
    assert 0.42 < float(share.min()) <= float(share.max()) < 0.58


def test_more_is_lost_where_more_is_asked_for(right, biased):
    some = EARTH.towers(n=N, night_loss=0.4)[1]["nee"]
    half = (right[1]["nee"] - some).sum() / missing(right, biased, "nee").sum()
    assert 0.45 < float(half) < 0.55


def test_the_first_of_many_towers_are_those_of_few(biased):
    few = EARTH.towers(n=7, night_loss=0.8)
    xr.testing.assert_identical(few[1], biased[1].isel(site=slice(7)))


def test_records_say_what_was_done(biased):
    assert biased[1].attrs["night_loss"] == 0.8
    assert "bias" in biased[1].attrs["comment"]


@pytest.mark.parametrize("night_loss", [-0.1, 1.1, float("nan"), True, "0.5", None])
def test_a_night_loss_that_is_no_share_is_refused(night_loss):
    with pytest.raises(InputError, match="night_loss"):
        EARTH.towers(n=2, night_loss=night_loss)
