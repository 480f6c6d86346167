"""What sites left out tell: how errors go together, and intervals of what is returned."""

from __future__ import annotations

import numpy as np
import pytest

from xflux.refinement.calibration import calibrate
from xflux.refinement.closure import project
from xflux.refinement.intervals import fit_spread


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


@pytest.fixture
def uneven():
    """Ten sites of croplands, whose errors are thrice those of twenty of forest."""
    random = np.random.default_rng(1)
    site = np.repeat(np.arange(30), 80)
    cover = np.where(site < 10, 12.0, 1.0)
    target = 5 + random.normal(size=site.size)
    own = random.normal(size=30)[site]
    error = np.where(cover == 12.0, 3.0, 1.0) * (0.5 * own + random.normal(size=site.size))
    return target, target - error, site, cover


def test_a_class_that_is_harder_has_wider_intervals(uneven):
    target, made, site, cover = uneven

    def held(spread, cover):
        reach = spread.reach(0.9) * spread.size(made, cover)
        inside = np.abs(target - made) <= reach
        return inside[site < 10].mean(), inside[site >= 10].mean()

    plain = fit_spread(target, made, site)
    by_class = fit_spread(target, made, site, cover)
    assert held(plain, None)[0] < 0.8
    crops, forests = held(by_class, cover)
    assert crops > 0.86
    assert 0.87 < forests < 0.97


def test_a_class_that_is_not_known_counts_as_the_mean(uneven):
    spread = fit_spread(*uneven)
    made = np.full(3, 5.0)
    cover = np.array([1.0, 7.0, np.nan])
    size = spread.size(made, cover)
    assert size[1] == size[2] == spread.size(made)[0]
    assert size[0] < size[1] < spread.size(made, np.full(3, 12.0))[0]


def test_one_site_of_a_class_says_but_a_little_of_it(uneven):
    target, made, site, cover = uneven
    alone = np.where(site == 0, 16.0, cover)
    spread = fit_spread(target, made, site, alone)
    factor = dict(zip(spread.classes, spread.factors, strict=True))
    assert 1.0 < factor[16.0] < factor[12.0]
