"""The bucket: filled by rain, emptied by demand or supply, unknown after a gap."""

from __future__ import annotations

import numpy as np
import pytest

from xflux.numerics.water_bucket import water_bucket

CAPACITY, DECAY = 100.0, 0.05


def bucket(p, pet, *, days=1.0, after_gap=None, spin_up=0):
    p, pet = np.broadcast_arrays(np.atleast_2d(p).astype("f8"), np.atleast_2d(pet).astype("f8"))
    steps = p.shape[1]
    out = np.empty(p.shape)
    gaps = np.zeros(steps, bool) if after_gap is None else after_gap
    water_bucket(
        np.ascontiguousarray(p), np.ascontiguousarray(pet), np.full(steps, days), gaps, spin_up,
        CAPACITY, DECAY, out,
    )  # fmt: skip
    return out


def test_days_follow_the_recursion():
    rng = np.random.default_rng(0)
    p, pet = rng.gamma(0.3, 8.0, 200), rng.uniform(0.0, 8.0, 200)
    level, expected = CAPACITY, []
    for rain, demand in zip(p, pet, strict=True):
        filled = min(CAPACITY, level + rain)
        level = filled - min(demand, DECAY * filled)
        expected.append(level)
    np.testing.assert_allclose(bucket(p, pet)[0], expected, rtol=1e-12)


def test_without_rain_water_decays_by_supply():
    made = bucket(np.zeros(60), 20.0)[0]
    np.testing.assert_allclose(made, CAPACITY * 0.95 ** np.arange(1, 61), rtol=1e-12)


def test_without_demand_the_bucket_is_full():
    np.testing.assert_array_equal(bucket(np.full(10, 30.0), -5.0), CAPACITY)


def test_water_is_conserved_but_for_what_overflows():
    p, pet = np.full(20, 3.0), 2.0
    made = bucket(p, pet, spin_up=0)[0]
    assert np.all(np.diff(made) <= 1.0 + 1e-12)
    assert np.all((made >= 0.0) & (made <= CAPACITY))


def test_a_month_is_the_mean_of_its_days_at_constant_rates():
    days = bucket(np.full(60, 1.5), 4.0)[0]
    months = bucket(np.full(2, 1.5), 4.0, days=30.0)[0]
    np.testing.assert_allclose(months, days.reshape(2, 30).mean(1), rtol=1e-12)


def test_the_start_is_that_of_years_like_the_first():
    season = np.cos(2 * np.pi * np.arange(36) / 12)
    made = bucket(1.5 + 1.5 * season, 3.0 - 2.0 * season, days=30.4, spin_up=12)[0]
    np.testing.assert_allclose(made[:12], made[12:24], atol=0.02)
    assert np.ptp(made) > 30.0


def test_a_gap_hides_what_follows_until_it_makes_no_difference():
    p = np.r_[np.full(30, 1.0), np.nan, np.zeros(40), 150.0, np.zeros(5)]
    made = bucket(p, 3.0)[0]
    whole = bucket(np.nan_to_num(p), 3.0)[0]
    assert np.isfinite(made[:30]).all()
    assert np.isnan(made[30:71]).all()
    # 150 mm of rain fill it, whatever it held.
    np.testing.assert_allclose(made[71:], whole[71:], rtol=1e-12)


def test_what_is_known_after_a_gap_is_within_half_a_millimetre_of_the_truth():
    rng = np.random.default_rng(1)
    p, pet = rng.gamma(0.3, 8.0, 600), rng.uniform(2.0, 8.0, 600)
    whole = bucket(p, pet)[0]
    gap = p.copy()
    gap[100:110] = np.nan
    made = bucket(gap, pet)[0]
    there = np.isfinite(made)
    assert there[:100].all()
    assert not there[100:115].any()
    assert there[300:].all()
    assert np.abs(made - whole)[there].max() <= 0.5


def test_dates_that_are_missing_are_a_gap_too():
    after = np.zeros(40, bool)
    after[20] = True
    made = bucket(np.full(40, 2.0), 3.0, after_gap=after)[0]
    assert np.isfinite(made[:20]).all()
    assert np.isnan(made[20:30]).all()


def test_a_record_that_begins_late_begins_as_others_do():
    p = np.full(50, 2.0)
    late = bucket(np.r_[np.full(7, np.nan), p], 3.0, spin_up=30)[0]
    np.testing.assert_array_equal(late[7:], bucket(p, 3.0, spin_up=30)[0])
    assert np.isnan(late[:7]).all()


@pytest.mark.parametrize("missing", ["p", "pet"])
def test_nothing_known_is_nothing(missing):
    arrays = {"p": np.full(5, 2.0), "pet": np.full(5, 3.0)} | {missing: np.full(5, np.nan)}
    assert np.isnan(bucket(arrays["p"], arrays["pet"], spin_up=5)).all()
