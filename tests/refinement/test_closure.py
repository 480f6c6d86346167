"""Reconciling gross and net fluxes: exact, never negative, as little as possible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xflux.refinement.closure import error_covariance, project

numbers = st.floats(-30, 30, width=32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(gpp=numbers, reco=numbers, nee=numbers, variances=st.tuples(*[st.floats(0.01, 10)] * 3))
def test_the_three_close_and_gross_fluxes_are_not_negative(dtype, gpp, reco, nee, variances):
    three = (np.array([value], dtype) for value in (gpp, reco, nee))
    g, r, n = project(*three, np.diag(variances))
    assert g.dtype == r.dtype == n.dtype == dtype
    assert min(g[0], r[0]) >= 0
    assert n[0] == r[0] - g[0]


def test_what_closes_already_stays_as_it_is():
    gpp, reco = np.array([5.0, 0.0]), np.array([3.0, 1.0])
    g, r, n = project(gpp, reco, reco - gpp, np.diag([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(g, gpp)
    np.testing.assert_array_equal(r, reco)
    np.testing.assert_array_equal(n, reco - gpp)


def test_the_worst_known_flux_changes_most():
    gpp, reco, nee = (np.array([value]) for value in (8.0, 6.0, -1.0))
    g, r, n = project(gpp, reco, nee, np.diag([4.0, 1.0, 1.0]))
    # The least squares with weights 1 / variance, solved by hand: the gap is 1.
    np.testing.assert_allclose([g[0], r[0], n[0]], [8 - 4 / 6, 6 + 1 / 6, -1 - 1 / 6])


def test_the_projection_is_the_closest_that_closes():
    random = np.random.default_rng(0)
    gpp, reco, nee = 10 + random.random((3, 50))
    variances = (2.0, 1.0, 0.5)
    g, r, _ = project(gpp, reco, nee - 11, np.diag(variances))

    def distance(a, b):
        parts = (a - gpp, b - reco, b - a - nee + 11)
        return sum(part**2 / v for part, v in zip(parts, variances, strict=True))

    best = distance(g, r)
    for _ in range(20):
        assert np.all(distance(g + random.normal(size=50), r + random.normal(size=50)) >= best)


def test_missing_values_stay_missing():
    g, r, n = project(np.array([np.nan, 1.0]), np.array([1.0, 1.0]), np.array([1.0, np.nan]),
                      np.eye(3))  # fmt: skip
    assert np.isnan([n[0], n[1]]).all()
    assert np.isnan(g).all()
    assert np.isnan(r).all()


def test_errors_that_go_together_are_made_use_of():
    # Errors of both gross fluxes are alike, and net exchange is known on its own.
    random = np.random.default_rng(1)
    shared = 2.0 * random.normal(size=20_000)
    truth = np.array([8.0, 6.0, -2.0])[:, None]
    errors = np.stack([shared, shared, np.zeros(20_000)]) + 0.7 * random.normal(size=(3, 20_000))
    made = truth - errors
    covariance = error_covariance(errors, np.arange(20_000) % 40)
    closed = np.stack(project(*made, covariance))
    apart = np.stack(project(*made, np.diag(np.diag(covariance))))

    def squares(three):
        return ((three - truth) ** 2).mean(axis=1)

    assert (squares(closed) <= squares(made)).all()
    assert squares(closed)[2] < 0.8 * squares(apart)[2]


@given(st.lists(st.floats(0.1, 3), min_size=9, max_size=9))
def test_the_gap_is_taken_up_whole_whatever_the_covariance(numbers):
    root = np.array(numbers).reshape(3, 3)
    gpp, reco, nee = np.array([500.0]), np.array([400.0]), np.array([-98.0])
    g, r, n = project(gpp, reco, nee, root @ root.T + 0.1 * np.eye(3))
    assert n[0] == r[0] - g[0]


def test_errors_that_close_share_a_gap_alike():
    errors = np.array([[1.0, 2.0], [0.5, 1.0], [-0.5, -1.0]])
    covariance = errors @ errors.T
    g, r, n = project(np.array([8.0]), np.array([6.0]), np.array([1.0]), covariance)
    np.testing.assert_allclose([g[0], r[0], n[0]], [7.0, 7.0, 0.0])


def test_errors_that_no_site_has_together_count_as_independent():
    errors = np.array([[2.0, 2.0, np.nan], [np.nan, np.nan, np.nan], [1.0, np.nan, 3.0]])
    covariance = error_covariance(errors, np.array([0, 1, 2]))
    np.testing.assert_array_equal(covariance, np.diag([4.0, 1.0, 5.0]))


def test_a_site_of_many_months_counts_once():
    errors = np.ones((3, 12))
    errors[:, :10] = 3.0
    site = np.array([0] * 10 + [1, 2])
    np.testing.assert_allclose(np.diag(error_covariance(errors, site)), 11 / 3)
