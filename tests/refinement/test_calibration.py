"""What sites left out tell: how errors go together, and intervals of what is returned."""

from __future__ import annotations

import numpy as np
import pytest

from xflux.refinement.calibration import calibrate
from xflux.refinement.closure import project


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    site = np.repeat(np.arange(12), 50)
    gpp, reco = 8 + random.normal(size=600), 6 + random.normal(size=600)
    targets = {"gpp": gpp, "reco": reco, "nee": reco - gpp, "le": 50 + random.normal(size=600)}
    noise = {"gpp": 1.0, "reco": 0.8, "nee": 0.5, "le": 9.0}
    made = {flux: value + noise[flux] * random.normal(size=600) for flux, value in targets.items()}
    return targets, made, site


def test_intervals_are_those_of_the_closed_fluxes(rows):
    targets, made, site = rows
    covariance, spreads = calibrate(targets, made, site, close=True, net_gives_way=False)
    _, apart = calibrate(targets, made, site, close=False, net_gives_way=False)
    three = project(made["gpp"], made["reco"], made["nee"], covariance)
    for flux, closed in zip(("gpp", "reco", "nee"), three, strict=True):
        reach = spreads[flux].reach(0.9) * spreads[flux].size(closed)
        share = np.mean(np.abs(targets[flux] - closed) <= reach)
        assert 0.87 <= share <= 0.99  # twelve sites make it careful
        # Closing makes use of the others, so that less is needed.
        assert reach.mean() < (apart[flux].reach(0.9) * apart[flux].size(closed)).mean()
    assert spreads["le"].reach(0.9) == apart["le"].reach(0.9)


def test_where_net_exchange_gives_way_it_is_judged_as_the_difference(rows):
    targets, made, site = rows
    _, spreads = calibrate(targets, made, site, close=True, net_gives_way=True)
    plain = made | {"nee": made["reco"] - made["gpp"]}
    _, known = calibrate(targets, plain, site, close=False, net_gives_way=True)
    assert spreads["nee"].reach(0.9) == pytest.approx(known["nee"].reach(0.9))


def test_records_of_one_flux_alone_count_as_they_are(rows):
    targets, made, site = rows
    holes = targets | {"reco": np.where(site < 6, np.nan, targets["reco"])}
    guesses = made | {"reco": np.where(site < 6, np.nan, made["reco"])}
    _, spreads = calibrate(holes, guesses, site, close=True, net_gives_way=False)
    assert spreads["nee"].sites == 12
    assert spreads["reco"].sites == 6


def test_nothing_left_out_tells_nothing(rows):
    targets, made, site = rows
    none = {flux: np.full(600, np.nan) for flux in made}
    covariance, spreads = calibrate(targets, none, site, close=True, net_gives_way=False)
    assert spreads == {}
    np.testing.assert_array_equal(covariance, np.eye(3))
