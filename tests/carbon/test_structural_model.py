"""Posterior, effects along paths and robustness, against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xflux.carbon.anomaly_scores import anomalies, normal_scores, parameters, trend_share
from xflux.carbon.effective_size import autocorrelation, fading_memory, variance_inflation
from xflux.carbon.implied_independence import holm, partial_correlation_test
from xflux.carbon.structural_model import (
    RATE,
    SHAPE,
    Fit,
    draw,
    fit,
    posterior,
    robustness,
    total_effects,
)


def standard(values: np.ndarray) -> np.ndarray:
    values = values - values.mean(axis=-1, keepdims=True)
    return values / values.std(axis=-1, keepdims=True)


def white(seed: int, months: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    parents = rng.standard_normal((3, months))
    parents[1] += 0.8 * parents[0]
    child = np.array([0.5, -0.3, 0.2]) @ parents + rng.standard_normal(months)
    return standard(parents), standard(child)


def test_independent_months_give_the_textbook_posterior():
    parents, child = white(0)
    months = child.size
    found = fit(child, parents, np.arange(months), months)
    assert found is not None
    plain = Fit(found.coefficients, found.correlation, np.full(3, float(months)), float(months),
                float(found.left @ found.left), found.left, found.partial)  # fmt: skip
    known = posterior(plain, 1.0)
    precision = parents @ parents.T + np.eye(3)
    mean = np.linalg.solve(precision, parents @ child)
    np.testing.assert_allclose(known.mean, mean)
    np.testing.assert_allclose(known.root @ known.root.T, np.linalg.inv(precision))
    assert known.shape == SHAPE + months / 2
    np.testing.assert_allclose(
        known.rate, RATE + 0.5 * (child @ child - mean @ precision @ mean), rtol=1e-9
    )


def test_draws_have_the_quantiles_of_students_t():
    parents, child = white(1, months=80)
    found = fit(child, parents, np.arange(80), 68)
    assert found is not None
    known = posterior(found, 1.0)
    rng = np.random.default_rng(2)
    drawn = draw(known, rng.standard_normal((200_000, 3)), rng.standard_normal(200_000))
    spread = np.sqrt(known.rate / known.shape * np.sum(known.root**2, axis=1))
    for level in (0.05, 0.5, 0.95):
        expected = known.mean + spread * stats.t.ppf(level, 2.0 * known.shape)
        np.testing.assert_allclose(np.quantile(drawn, level, axis=0), expected, atol=2e-3)


def test_a_wide_prior_leaves_the_fit_and_a_narrow_one_pulls_it_to_zero():
    parents, child = white(3, months=100)
    found = fit(child, parents, np.arange(100), 100)
    assert found is not None
    np.testing.assert_allclose(posterior(found, 100.0).mean, found.coefficients, rtol=1e-4)
    assert np.abs(posterior(found, 0.03).mean).max() < 0.2 * np.abs(found.coefficients).max()


def test_parents_that_are_one_cannot_be_told_apart():
    parents, child = white(4)
    assert fit(child, np.vstack([parents, parents[:1]]), np.arange(400), 400) is None


def test_effects_are_summed_over_all_paths():
    rng = np.random.default_rng(5)
    direct = np.tril(rng.standard_normal((7, 6, 6)), -1)
    one = np.eye(6)
    np.testing.assert_allclose(total_effects(direct), np.linalg.inv(one - direct) - one, atol=1e-10)


def test_robustness_is_that_of_cinelli_and_hazlett():
    """Their example of Darfur: t = 4.18 with 783 degrees of freedom."""
    f = 4.18 / np.sqrt(783.0)
    one = np.ones(1)
    found = Fit(one, np.eye(1), 785.0 * one, 784.0, 1.0, one, f * one)
    assert robustness(found)[0] == pytest.approx(0.139, abs=5e-4)
    assert robustness(found, 0.95)[0] == pytest.approx(0.076, abs=5e-4)


def remembering(rng: np.random.Generator, phi: float, months: int) -> np.ndarray:
    noise = rng.standard_normal(months) * np.sqrt(1.0 - phi**2)
    noise[0] /= np.sqrt(1.0 - phi**2)
    for k in range(1, months):
        noise[k] += phi * noise[k - 1]
    return noise


def test_memory_widens_the_error_of_a_covariance_by_the_product_of_both():
    rng, steps = np.random.default_rng(6), np.arange(240)
    pairs = [(remembering(rng, 0.7, 240), remembering(rng, 0.6, 240)) for _ in range(800)]
    observed = 240.0 * np.var([np.mean(x * y) for x, y in pairs])
    told = []
    for x, y in pairs:
        rho = autocorrelation(np.vstack([x, y]), steps)
        told.append(variance_inflation(rho[0], fading_memory(rho[1], steps, 240)))
    assert observed == pytest.approx(1.42 / 0.58, rel=0.15)
    assert np.mean(told) == pytest.approx(1.42 / 0.58, rel=0.1)


def test_a_series_without_memory_has_as_many_months_as_it_has():
    rng, steps = np.random.default_rng(7), np.arange(600)
    slow, fast = remembering(rng, 0.95, 600), rng.standard_normal(600)
    rho = autocorrelation(np.vstack([slow, fast]), steps)
    assert variance_inflation(rho[0], fading_memory(rho[1], steps, 600)) < 1.3


def test_gaps_do_not_shift_lags():
    steps = np.arange(400)
    series = remembering(np.random.default_rng(8), 0.8, 400)
    there = np.random.default_rng(9).random(400) > 0.2
    whole = fading_memory(autocorrelation(series[None], steps)[0], steps, 400)[0]
    gappy = fading_memory(
        autocorrelation(series[None, there], steps[there])[0], steps[there], int(there.sum())
    )[0]
    assert gappy == pytest.approx(whole, abs=0.07)


def test_anomalies_have_no_season_and_no_trend():
    months = np.arange(100) + 3
    series = (5.0 * np.cos(2 * np.pi * months / 12) + 0.1 * months + 7.0)[None]
    np.testing.assert_allclose(anomalies(series, months, "detrended"), 0.0, atol=1e-10)
    assert trend_share(series, months)[0] == pytest.approx(1.0)
    assert parameters(months, "detrended") == 13
    assert parameters(months, "seasonal") == 12
    raw = anomalies(series, months, "raw")
    np.testing.assert_allclose(raw, series - series.mean())


def test_normal_scores_are_normal_whatever_the_series():
    values = np.exp(3.0 * np.random.default_rng(10).standard_normal((2, 500)))
    scores = normal_scores(values)
    np.testing.assert_allclose(scores.std(axis=-1), 1.0)
    assert stats.kstest(scores[0], "norm").pvalue > 0.99
    np.testing.assert_array_equal(np.argsort(scores), np.argsort(values))
    np.testing.assert_array_equal(normal_scores(np.ones((1, 50))), 0.0)


def test_tests_of_true_independences_reject_as_often_as_they_say():
    rng, steps = np.random.default_rng(11), np.arange(240)
    p = []
    for _ in range(400):
        given = np.vstack([remembering(rng, 0.5, 240)])
        one, other = (given[0] + remembering(rng, 0.5, 240) for _ in range(2))
        p.append(partial_correlation_test(*standard(np.vstack([one, other])), standard(given),
                                          steps, 240)[2])  # fmt: skip
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.085


def test_holm_adjusts_for_the_number_of_tests():
    p = np.array([0.01, 0.04, np.nan, 0.03, 0.5])
    np.testing.assert_allclose(holm(p), [0.04, 0.09, np.nan, 0.09, 0.5])
