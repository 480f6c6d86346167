"""Rank correlations of a network with a Gaussian copula, from their definition."""

from __future__ import annotations

import numpy as np
from scipy import stats

from xflux.carbon.rank_network import copula_network, spearman


def sample(seed: int, months: int = 500) -> np.ndarray:
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(months)
    b = 0.7 * a + rng.standard_normal(months)
    c = 0.5 * a - 0.6 * b + rng.standard_normal(months)
    d = 0.8 * c + rng.standard_normal(months)
    return np.exp(np.stack([a, b, c, d]))


def test_rank_correlations_are_those_of_scipy():
    series = sample(0)
    np.testing.assert_allclose(spearman(series), stats.spearmanr(series.T).statistic)


def test_a_complete_network_returns_the_rank_correlations():
    observed = spearman(sample(1))
    _, implied = copula_network(observed, [[], [0], [0, 1], [0, 1, 2]])
    np.testing.assert_allclose(implied, observed, atol=1e-10)
    _, turned = copula_network(observed, [[], [0], [1, 0], [2, 0, 1]])
    np.testing.assert_allclose(turned, observed, atol=1e-10)


def test_the_first_arrow_is_unconditional_and_the_next_given_it():
    observed = spearman(sample(2))
    conditional, _ = copula_network(observed, [[], [0], [0, 1], []])
    np.testing.assert_allclose(conditional[2, 0], observed[2, 0])
    normal = 2.0 * np.sin(np.pi * observed / 6.0)
    partial = (normal[2, 1] - normal[2, 0] * normal[1, 0]) / np.sqrt(
        (1 - normal[2, 0] ** 2) * (1 - normal[1, 0] ** 2)
    )
    np.testing.assert_allclose(conditional[2, 1], 6.0 / np.pi * np.arcsin(partial / 2.0))
    assert np.isnan(conditional[3]).all()


def test_what_no_arrow_ties_is_independent_given_the_parents():
    observed = spearman(sample(3))
    _, implied = copula_network(observed, [[], [0], [0, 1], [2]])
    normal = 2.0 * np.sin(np.pi * implied / 6.0)
    np.testing.assert_allclose(normal[3, :2], normal[3, 2] * normal[2, :2], atol=1e-12)
    np.testing.assert_allclose(implied[3, 2], observed[3, 2])


def test_roots_are_independent_in_the_network():
    observed = spearman(sample(4))
    _, implied = copula_network(observed, [[], [], [0, 1], [2]])
    assert implied[0, 1] == 0.0
