"""Trends: against scipy, and against what is known of noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xflux.carbon.trend import mann_kendall, ordinary_least_squares, trend

X = np.arange(2001.0, 2021.0)


def noise(n, size, persistence=0.0, seed=0):
    rng = np.random.default_rng(seed)
    out = np.empty((size, n))
    out[:, 0] = rng.normal(size=size) / np.sqrt(1 - persistence**2)
    for k in range(1, n):
        out[:, k] = persistence * out[:, k - 1] + rng.normal(size=size)
    return out


def anticorrelated():
    """Return values whose residuals alternate, so that no year counts less."""
    y = 0.3 * X + np.where(np.arange(X.size) % 2, 1.0, -1.0) * np.linspace(0.5, 1.5, X.size)
    return y


def test_without_persistence_least_squares_is_that_of_scipy() -> None:
    y = anticorrelated()
    slope, p, low, high, n = ordinary_least_squares(X, y, 0.95)
    known = stats.linregress(X, y)
    half = stats.t.ppf(0.975, X.size - 2) * known.stderr
    assert n == X.size
    np.testing.assert_allclose([slope, p], [known.slope, known.pvalue], rtol=1e-9)
    np.testing.assert_allclose([low, high], [slope - half, slope + half], rtol=1e-9)


def test_without_persistence_ranks_are_those_of_scipy() -> None:
    y = anticorrelated()
    slope, p, low, high, n = mann_kendall(X, y, 0.9)
    known = stats.theilslopes(y, X, 0.9)
    assert n == X.size
    assert slope == pytest.approx(known.slope)
    np.testing.assert_allclose([low, high], [known.low_slope, known.high_slope], rtol=0.05)
    tau = stats.kendalltau(X, y, method="asymptotic")
    assert p == pytest.approx(tau.pvalue, rel=0.35)  # scipy makes no continuity correction


@pytest.mark.parametrize("method", ["ols", "mann-kendall"])
def test_white_noise_is_called_a_trend_about_as_often_as_promised(method: str) -> None:
    p = trend(noise(30, 1500), np.arange(30), method, 0.95)[:, 1]
    assert 0.02 < (p < 0.05).mean() < 0.08


@pytest.mark.parametrize("method", ["ols", "mann-kendall"])
def test_persistent_noise_is_called_a_trend_less_often_than_by_a_plain_test(method: str) -> None:
    series = noise(30, 800, persistence=0.6)
    found = (trend(series, np.arange(30), method, 0.95)[:, 1] < 0.05).mean()
    plain = np.mean([stats.linregress(np.arange(30), y).pvalue < 0.05 for y in series])
    assert plain > 0.25
    assert found < 0.6 * plain


@pytest.mark.parametrize("method", ["ols", "mann-kendall"])
def test_the_interval_holds_the_true_slope_about_as_often_as_promised(method: str) -> None:
    series = noise(25, 1000, seed=3) + 0.1 * np.arange(25)
    _, _, low, high, _ = trend(series, np.arange(25), method, 0.9).T
    assert 0.85 < ((low <= 0.1) & (high >= 0.1)).mean() < 0.95


@pytest.mark.parametrize("method", ["ols", "mann-kendall"])
def test_an_exact_line_has_its_slope_and_gaps_do_not_count(method: str) -> None:
    y = 2.0 + 0.5 * X
    y[[3, 7]] = np.nan
    slope, p, low, high, _ = trend(y[None], X, method, 0.95)[0]
    np.testing.assert_allclose([slope, low, high], 0.5, rtol=1e-9)
    assert p < 1e-6


@pytest.mark.parametrize("method", ["ols", "mann-kendall"])
def test_fewer_than_five_years_have_no_trend(method: str) -> None:
    y = np.full((2, 3, 20), np.nan)
    y[..., :4] = [1.0, 2.0, 3.0, 5.0]
    assert np.isnan(trend(y, X, method, 0.95)).all()
    y[0, 0, 4] = 6.0
    found = trend(y, X, method, 0.95)
    assert found.shape == (2, 3, 5)
    assert np.isfinite(found[0, 0, 0])
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize("method", ["ols", "mann-kendall"])
def test_a_constant_has_no_trend(method: str) -> None:
    slope, p, *_ = trend(np.full((1, 10), 3.0), np.arange(10), method, 0.95)[0]
    assert (slope, p) == (0.0, 1.0)
