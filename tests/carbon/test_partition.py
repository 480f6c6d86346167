"""Dividing respiration: closes for whatever fractions, and keeps to what is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xflux.carbon.divided import divided
from xflux.carbon.fractions import SPLITS, Split, fractions_of_targets, targets_of_fractions

DAYS = np.array([[31.0, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]])
SHARE = st.floats(0.02, 0.98)


def one_year(a, h, gpp, reco, errors=(0.3, 0.3)):
    fractions = {"ra_fraction": np.array([a]), "rh_fraction": np.atleast_2d(h)}
    return divided(fractions, np.atleast_2d(gpp), np.atleast_2d(reco), DAYS, errors)


def season(mean, swing):
    return mean * (1.0 + swing * np.sin(np.arange(12) / 12 * 2 * np.pi))


@settings(max_examples=200, deadline=None)
@given(SHARE, SHARE, st.floats(0.2, 12.0), st.floats(0.2, 12.0), st.floats(0.0, 1.0),
       st.floats(0.0, 1.0), st.floats(0.05, 2.0), st.floats(0.05, 2.0))  # fmt: skip
def test_every_step_closes_and_no_part_is_negative(a, h, gpp, reco, s1, s2, e1, e2):
    gpp, reco = season(gpp, s1), season(reco, s2)
    made = one_year(a, np.full(12, h), gpp, reco, (e1, e2))
    scale = gpp + reco
    assert np.abs(gpp - made["npp"] - made["ra"]).max() <= 1e-12 * scale.max()
    assert np.abs(reco - made["ra"] - made["rh"]).max() <= 1e-12 * scale.max()
    assert np.abs(made["nep"] - (made["npp"] - made["rh"])).max() <= 1e-12 * scale.max()
    assert made["ra"].min() >= 0.0
    assert made["rh"].min() >= 0.0
    # The year always leaves some production, so that no pool is negative.
    assert (made["npp"] * DAYS).sum() >= 0.049 * (gpp * DAYS).sum()


def test_fractions_that_agree_are_kept():
    gpp, reco = season(6.0, 0.9), season(5.0, 0.5)
    h = np.linspace(0.4, 0.6, 12)
    ra = (1.0 - h) * reco
    a = (ra * DAYS).sum() / (gpp * DAYS).sum()
    made = one_year(a, h, gpp, reco)
    np.testing.assert_allclose(made["ra"][0], ra, rtol=1e-9)
    assert abs(made["imbalance_ra"][0]) < 1e-9


def test_what_is_known_better_counts_more():
    gpp, reco = np.full(12, 6.0), np.full(12, 6.0)
    # By uptake plants respire 3.6 of it, by what is given off 2.4.
    by_uptake = one_year(0.6, np.full(12, 0.6), gpp, reco, (1e-3, 1.0))["ra"].mean()
    by_soil = one_year(0.6, np.full(12, 0.6), gpp, reco, (1.0, 1e-3))["ra"].mean()
    both = one_year(0.6, np.full(12, 0.6), gpp, reco, (0.3, 0.3))
    assert by_uptake == pytest.approx(3.6, abs=1e-3)
    assert by_soil == pytest.approx(2.4, abs=1e-3)
    assert both["ra"].mean() == pytest.approx(3.0, abs=1e-9)
    assert both["imbalance_ra"][0] == pytest.approx(1.2)


def test_months_keep_their_odds_to_each_other():
    gpp, reco = season(6.0, 0.9), season(5.0, 0.5)
    h = np.linspace(0.3, 0.7, 12)
    made = one_year(0.75, h, gpp, reco, (0.01, 1.0))
    odds = made["ra"][0] / made["rh"][0] / ((1.0 - h) / h)
    np.testing.assert_allclose(odds, odds[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"gpp": np.full(12, 0.02)}, "a desert"),
        ({"reco": np.r_[np.nan, np.full(11, 3.0)]}, "a gap"),
        ({"reco": np.r_[-0.1, np.full(11, 3.0)]}, "negative respiration"),
        ({"a": np.nan}, "an unknown share"),
        ({"h": np.r_[np.nan, np.full(11, 0.5)]}, "an unknown share of a month"),
    ],
)
def test_a_year_is_missing_with(change, why):
    given = {"a": 0.5, "h": np.full(12, 0.5), "gpp": np.full(12, 6.0), "reco": np.full(12, 3.0)}
    made = one_year(**(given | change))
    for name in ("ra", "rh", "npp", "nep", "imbalance_ra"):
        assert np.isnan(made[name]).all(), (why, name)


def test_respiration_follows_where_it_is_not_given():
    fractions = {"ra_fraction": np.array([0.5]), "rh_fraction": np.array([0.4])}
    made = divided(fractions, np.array([[4.0]]), None, np.array([[365.25]]), (0.1, 0.1))
    assert made["ra"].item() == pytest.approx(2.0)
    assert made["rh"].item() == pytest.approx(2.0 * 0.4 / 0.6)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(SHARE, SHARE, SHARE), min_size=3, max_size=8), st.booleans())
def test_shares_come_back_from_their_targets(raw, without_wood):
    shares = np.array(raw)
    if without_wood:
        shares[0, 1] = 0.0
    shares = shares / shares.sum(axis=1, keepdims=True)
    named = dict(zip(SPLITS["veg"], shares.T, strict=True))
    split = Split.chosen("veg", named)
    targets = targets_of_fractions(named, {"veg": split})
    # A learner gives a number also where a part is absent.
    filled = {name: np.nan_to_num(y, nan=-1.0) for name, y in targets.items()}
    back = fractions_of_targets(filled, {"veg": split})
    for name, share in named.items():
        np.testing.assert_allclose(back[name], share, atol=1e-12)
    np.testing.assert_allclose(sum(back.values()), 1.0, rtol=1e-12)


def test_wood_that_is_nowhere_near_is_zero_and_not_little():
    named = {
        "leaf_share": np.array([0.5, 0.1]),
        "wood_share": np.array([0.0, 0.8]),
        "root_share": np.array([0.5, 0.1]),
    }
    split = Split.chosen("veg", named)
    assert split.sometimes == ("wood_share",)
    targets = targets_of_fractions(named, {"veg": split})
    assert np.isnan(targets["wood_share"][0])
    np.testing.assert_array_equal(targets["wood_share?"], [0.0, 1.0])
