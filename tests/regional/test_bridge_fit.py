"""Which pixels a bridge takes and what they weigh, where the truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from xflux.regional.bridge_fit import Choice, Samples, choose_pixels, r2, represented, seasons

Array = np.ndarray[Any, Any]
YEARS = 10
MONTH = np.tile(np.arange(12), YEARS)
YEAR = np.repeat(np.arange(YEARS), 12)
SEASON = np.cos(2 * np.pi * MONTH / 12)


def samples(x: Array, y: Array, area: Array | None = None) -> Samples:
    """Months of ten years in five folds."""
    area = np.ones(x.shape[1]) if area is None else area
    return Samples(x, y, YEAR // 2, area, MONTH)


def choose(given: Samples, *, groups: Array | None = None, **options: Any) -> Choice:
    count = given.x.shape[1]
    strata = np.zeros(count, int) if groups is None else groups
    stand_ins = np.array([np.flatnonzero(strata == k)[0] for k in np.unique(strata)])
    asked = {"enough": 0.95, "of_anomalies": 0.7, "most": 12, "relax": True, **options}
    return choose_pixels(given, np.arange(count), strata, stand_ins, **asked)


def noise(count: int, seed: int = 0) -> Array:
    """Pixels with a season each and weather of their own."""
    rng = np.random.default_rng(seed)
    strength = rng.uniform(0.5, 2.0, count)
    return SEASON[:, None] * strength + rng.normal(size=(SEASON.size, count))


def dense(chosen: Choice, count: int) -> Array:
    weights = np.zeros(count)
    weights[chosen.pixels] = chosen.weights
    return weights


def test_a_region_of_three_series_is_three_pixels_that_weigh_what_shares_them() -> None:
    kinds = np.repeat([0, 1, 2], [20, 15, 5])
    area = np.linspace(1.0, 2.0, kinds.size)
    x = noise(3)[:, kinds]
    given = samples(x, x @ area + 0.25, area)
    chosen = choose(given, groups=kinds, enough=1 - 1e-9, of_anomalies=1 - 1e-9)
    assert sorted(kinds[chosen.pixels].tolist()) == [0, 1, 2]
    expected = np.bincount(kinds, weights=area)[kinds[chosen.pixels]]
    np.testing.assert_allclose(chosen.weights, expected, rtol=1e-6)
    assert chosen.intercept == pytest.approx(0.25, abs=1e-6)
    assert chosen.enough
    assert chosen.r2_cv == pytest.approx(1.0, abs=1e-9)


def test_three_pixels_that_are_the_region_are_found_among_others() -> None:
    x = noise(40)
    truth = np.zeros(40)
    truth[[4, 11, 30]] = 3.0, 2.0, 5.0
    chosen = choose(samples(x, x @ truth), enough=0.99, of_anomalies=0.99)
    np.testing.assert_array_equal(chosen.pixels[np.argsort(-chosen.weights)[:3]], [30, 4, 11])
    # Weights are drawn to areas by as much as costs a hundredth of the variance.
    np.testing.assert_allclose(dense(chosen, 40), truth, atol=0.4)
    assert chosen.enough
    assert chosen.r2_cv > 0.99


def test_a_season_alone_is_no_bridge() -> None:
    rng = np.random.default_rng(1)
    x = SEASON[:, None] + 0.1 * rng.normal(size=(SEASON.size, 30))
    y = 10.0 * SEASON + rng.normal(size=SEASON.size)
    given = samples(x, y)
    chosen = choose(given)
    assert chosen.r2_cv > 0.95
    assert chosen.r2_anomaly < 0.1
    assert not chosen.enough
    assert choose(given, of_anomalies=-np.inf).enough


def test_pixels_that_tell_years_apart_are_chosen_beside_the_season() -> None:
    rng = np.random.default_rng(2)
    own = rng.normal(size=SEASON.size)
    x = np.column_stack([np.tile(SEASON[:, None], 20), own + 0.1 * rng.normal(size=SEASON.size)])
    chosen = choose(samples(x, 20.0 * SEASON + own))
    assert chosen.enough
    assert 20 in chosen.pixels
    assert chosen.r2_anomaly > 0.9


def test_noise_is_not_explained_in_years_left_out() -> None:
    y = np.random.default_rng(5).normal(size=SEASON.size)
    chosen = choose(samples(noise(60), y))
    assert not chosen.enough
    assert chosen.r2_cv < 0.1


def smooth(count: int = 120, seed: int = 0) -> Array:
    """A field along a line, of a few waves with weather of their own."""
    rng = np.random.default_rng(seed)
    place = np.linspace(0, 1, count)
    waves = np.stack([np.cos(np.pi * k * place) for k in range(4)])
    strength = rng.normal(size=(SEASON.size, 4)) / (1 + np.arange(4))
    return SEASON[:, None] * (1.0 + place) + strength @ waves


def test_weights_of_a_smooth_field_sum_to_about_its_area() -> None:
    x = smooth()
    area = np.full(120, 2.0)
    groups = np.repeat(np.arange(6), 20)
    chosen = choose(samples(x, x @ area, area), groups=groups)
    assert chosen.enough
    assert chosen.weights.sum() == pytest.approx(area.sum(), rel=0.1)
    assert (chosen.weights > 0.0).all()
    # A flux that all of the field has more is then nearly seen whole.
    more = (chosen.weights * 0.1).sum()
    assert more == pytest.approx(0.1 * area.sum(), rel=0.1)


def test_weights_of_the_lasso_are_shrunk_and_relaxed_ones_are_not() -> None:
    x = smooth()
    y = x.sum(axis=1)
    found = {}
    for relax in (False, True):
        chosen = choose(samples(x, y), relax=relax)
        estimate = x[:, chosen.pixels] @ chosen.weights + chosen.intercept
        found[relax] = np.cov(estimate, y)[0, 1] / y.var(ddof=1)
        assert np.isnan(chosen.strength) != relax
    assert found[False] < 0.97
    assert found[False] < found[True] == pytest.approx(1.0, abs=0.03)


def test_a_region_that_does_not_vary_is_its_mean() -> None:
    chosen = choose(samples(noise(10), np.full(SEASON.size, 3.0)))
    assert chosen.pixels.size == chosen.weights.size == 0
    assert chosen.intercept == 3.0
    np.testing.assert_array_equal(chosen.left_out, 3.0)
    assert np.isnan([chosen.r2, chosen.r2_cv, chosen.r2_anomaly]).all()


def test_pixels_that_do_not_vary_are_not_chosen() -> None:
    x = np.column_stack([np.full(SEASON.size, 7.0), noise(1), np.zeros(SEASON.size)])
    chosen = choose(samples(x, 4.0 * x[:, 1]))
    np.testing.assert_array_equal(chosen.pixels, [1])


def test_a_group_that_hardly_varies_is_stood_in_for() -> None:
    x = np.column_stack([noise(10), 1e-3 * noise(10, seed=1)])
    groups = np.repeat([0, 1], 10)
    given = samples(x, x.sum(axis=1))
    assert 10 in choose(given, groups=groups).pixels
    assert (choose(given, groups=groups, relax=False).pixels < 10).all()


@pytest.mark.parametrize("groups", [1, 5])
@pytest.mark.parametrize("most", [1, 3])
def test_pixels_are_no_more_than_allowed(most: int, groups: int) -> None:
    x = noise(50)
    strata = np.arange(50) % groups
    chosen = choose(samples(x, x.sum(axis=1)), groups=strata, most=most)
    assert 1 <= chosen.pixels.size <= most
    assert not chosen.enough


def test_candidates_alone_are_chosen() -> None:
    x = noise(30)
    few = np.array([3, 7, 20])
    chosen = choose_pixels(
        samples(x, x.sum(axis=1)), few, np.zeros(30, int), few[:1],
        enough=0.95, of_anomalies=0.7, most=12, relax=True,
    )  # fmt: skip
    assert np.isin(chosen.pixels, few).all()


def test_one_year_has_nothing_to_leave_out() -> None:
    x = noise(20)[:12]
    given = Samples(x, x.sum(axis=1), np.zeros(12, int), np.ones(20), None)
    chosen = choose(given)
    assert chosen.enough
    assert chosen.r2 > 0.95
    assert np.isnan([chosen.r2_cv, chosen.r2_anomaly]).all()


def test_the_unit_of_the_integral_does_not_change_what_is_chosen() -> None:
    x = smooth()
    given = samples(x, x.sum(axis=1))
    one = choose(given)
    other = choose(replace(given, y=1e-6 * given.y, area=1e-6 * given.area))
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_allclose(1e6 * other.weights, one.weights, rtol=1e-8)


def test_r2_is_the_share_of_the_variance() -> None:
    y = np.array([1.0, 2.0, 3.0])
    assert r2(y, y) == 1.0
    assert r2(y, np.full(3, 2.0)) == 0.0
    assert r2(y, y + 1.0) == -0.5
    assert np.isnan(r2(np.ones(3), y))


def test_areas_go_to_the_nearest_series() -> None:
    x = np.array([[0.0, 1.0, 9.0, 10.0]])
    found = represented(x, np.array([0, 3]), np.array([1.0, 2.0, 4.0, 8.0]))
    np.testing.assert_array_equal(found, [3.0, 12.0])


def test_the_seasonal_cycle_is_the_mean_of_each_month() -> None:
    given = samples(noise(3), np.arange(120.0))
    found = seasons(given.cycle, given.y)
    np.testing.assert_allclose(found, 54.0 + MONTH)
    np.testing.assert_allclose(
        seasons(given.cycle, given.x)[:12], given.x.reshape(10, 12, 3).mean(0)
    )
