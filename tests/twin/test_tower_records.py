"""Towers on the idealised Earth: uneven, noisy, with gaps, and honest about none of it."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.errors import InputError

EARTH = xflux.twin.Earth(seed=2)


@pytest.fixture(scope="module")
def towers():
    return *EARTH.towers(n=120), EARTH.tower_truth(n=120)


def test_towers_are_dense_where_people_build_them_and_sparse_in_the_tropics(towers):
    drivers, _, _ = towers
    lat = drivers["lat"]
    temperate = int(((lat > 30) & (lat < 65)).sum())
    tropical = int((np.abs(lat) < 23.5).sum())
    assert temperate > 0.6 * lat.size
    assert 0 < tropical < 0.25 * lat.size


def test_the_first_of_many_towers_are_those_of_few(towers):
    few_drivers, few_observed = EARTH.towers(n=20)
    xr.testing.assert_identical(few_drivers, towers[0].isel(site=slice(20)))
    xr.testing.assert_identical(few_observed, towers[1].isel(site=slice(20)))


def test_the_same_seed_gives_the_same_towers(towers):
    again = xflux.twin.Earth(seed=2).towers(n=120)
    xr.testing.assert_identical(again[1], towers[1])
    other = xflux.twin.Earth(seed=3).towers(n=5)[0]
    assert not np.allclose(other["lat"], towers[0]["lat"][:5])


def test_nee_is_partitioned_so_that_it_closes(towers):
    _, observed, _ = towers
    difference = observed["reco"] - observed["gpp"] - observed["nee"]
    assert float(np.abs(difference).max()) < 1e-5
    assert bool(observed["reco"].min() >= 0.0)


def test_records_have_gaps_and_begin_and_end(towers):
    _, observed, _ = towers
    share = observed["nee"].notnull().mean("time")
    assert float(share.min()) > 0.02
    assert float(share.max()) < 0.98
    assert 0.2 < float(share.mean()) < 0.7
    assert int(observed["le"].notnull().sum()) < int(observed["nee"].notnull().sum())


def test_drivers_are_complete(towers):
    drivers, _, _ = towers
    assert all(bool(array.notnull().all()) for array in drivers.values())


def test_instruments_err_by_a_few_percent_and_miss_some_heat(towers):
    _, observed, truth = towers
    error = observed["nee"] - truth["nee"]
    assert 0.1 < float(error.std()) < 0.4
    assert abs(float(error.mean())) < 0.02
    closure = float(observed["le"].mean() / truth["le"].where(observed["le"].notnull()).mean())
    assert 0.8 < closure < 0.95


def test_no_driver_tells_what_is_peculiar_to_a_site(towers):
    """Towers of one class and climate differ: they are points, not cells."""
    drivers, _, truth = towers
    grid = EARTH.truth["gpp"].mean("time").compute()
    cells = grid.sel(lat=drivers["lat"], lon=drivers["lon"], method="nearest")
    ratio = (truth["gpp"].mean("time") / cells).where(cells > 0.5)
    spread = float(np.log(ratio.where(ratio > 0)).std())
    assert 0.2 < spread < 1.0


def test_forests_with_towers_are_a_stronger_sink_than_the_land(towers):
    drivers, _, truth = towers
    woody = drivers["igbp"].isin([1, 2, 3, 4, 5])
    at_towers = float((truth["nee"] / truth["gpp"].mean("time")).where(woody).mean())
    land = EARTH.truth[["nee", "gpp"]].compute()
    everywhere = float(land["nee"].mean() / land["gpp"].mean())
    assert at_towers < everywhere < 0.0


def test_towers_go_through_the_chain_as_real_ones_do(towers):
    drivers, observed, _ = towers
    scores = xflux.evaluate(observed, xflux.baseline(drivers))
    r2 = scores["r2_nse"].to_series()
    assert 0.5 < r2["gpp"] < 0.9
    assert 0.3 < r2["reco"] < 0.85
    assert 0.0 < r2["nee"] < 0.7
    assert 0.4 < r2["le"] < 0.9
    by_class = xflux.evaluate(observed, xflux.baseline(drivers), by="igbp")
    assert "DBF" in by_class["igbp"].values


def test_towers_are_labelled_synthetic(towers):
    for ds in towers:
        assert "synthetic" in ds.attrs
        assert all("synthetic" in array.attrs for array in ds.values())


def test_a_shorter_span_keeps_the_sites(towers):
    drivers, observed = xflux.twin.Earth(seed=2, start="2010", end="2012").towers(n=10)
    np.testing.assert_array_equal(drivers["lat"], towers[0]["lat"][:10])
    assert observed.sizes["time"] == 36
    assert bool(observed["nee"].notnull().any())


@pytest.mark.parametrize("n", [0, -3, 2.5])
def test_a_number_of_towers_is_a_number(n):
    with pytest.raises(InputError, match="no number of towers"):
        EARTH.towers(n)
