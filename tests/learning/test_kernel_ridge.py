"""Kernel ridge regression: that of the textbook, on landmarks, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge as Textbook
from sklearn.metrics.pairwise import rbf_kernel

from xflux.learning.kernel_ridge import KernelRidge
from xflux.learning.learner import Learner


def rows(n=300, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 5)).astype(np.float32)
    return x, np.sin(x[:, 0].astype(float)) + 0.5 * x[:, 1] * x[:, 2]


def test_with_every_row_a_landmark_it_is_that_of_scikit_learn():
    x, y = rows()
    model = KernelRidge(landmarks=300, ridge=0.5).fit(x, y)
    gamma = float(model.fitted["gamma"])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    middle = float(model.fitted["centre"])
    known = Textbook(alpha=0.5, kernel="rbf", gamma=gamma).fit(z, y - middle)
    np.testing.assert_allclose(model.predict(x), known.predict(z) + middle, atol=2e-3)


def test_with_an_effect_of_each_site_it_is_the_mixed_model_solved_as_written():
    x, y = rows(200)
    groups = np.repeat(np.arange(8), 25)
    y = y + np.random.default_rng(3).normal(size=8)[groups]
    model = KernelRidge(landmarks=60, ridge=0.7, site=4.0).fit(x, y, groups=groups)
    z = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(float)
    centres, gamma = model.fitted["centres"].astype(float), float(model.fitted["gamma"])
    kernel, among = (rbf_kernel(a, centres, gamma=gamma) for a in (z, centres))
    own = (groups[:, None] == np.arange(8)).astype(float)
    design = np.hstack([kernel, np.ones((200, 1)), own])
    penalty = np.zeros((69, 69))
    penalty[:60, :60], penalty[61:, 61:] = 0.7 * among, 4.0 * np.eye(8)
    solved = np.linalg.solve(design.T @ design + penalty + 1e-9 * np.eye(69), design.T @ y)
    new = kernel @ solved[:60] + solved[60]
    np.testing.assert_allclose(model.predict(x), new, atol=5e-3)


def test_a_site_of_many_rows_does_not_outvote_the_others():
    # One site of a hundred rows lies 3 above, nine of ten rows lie at 0: a new one is near 0.
    groups = np.repeat(np.arange(10), [100] + [10] * 9)
    x = np.random.default_rng(0).normal(size=(190, 2)).astype(np.float32)
    y = np.where(groups == 0, 3.0, 0.0)
    apart = KernelRidge(ridge=50.0, site=1.0).fit(x, y, groups=groups).predict(x).mean()
    pooled = KernelRidge(ridge=50.0, site=np.inf).fit(x, y, groups=groups).predict(x).mean()
    assert apart == pytest.approx(0.3, abs=0.15)
    assert pooled > 1.3


def test_few_landmarks_are_almost_as_good():
    x, y = rows(1500)
    fresh, truth = rows(400, seed=1)
    error = [
        np.sqrt(
            np.mean(
                (KernelRidge(landmarks=m, scale=0.85, ridge=1.0).fit(x, y).predict(fresh) - truth)
                ** 2
            )
        )
        for m in (200, 1500)
    ]
    assert error[0] < 1.5 * error[1] < 0.3 * truth.std()


def test_a_row_is_predicted_alike_whatever_stands_beside_it():
    x, y = rows(5000)
    model = KernelRidge(landmarks=50).fit(x[:500], y[:500])
    whole = model.predict(x)
    for part in (slice(0, 1), slice(7, 1234), slice(4090, 4100)):
        np.testing.assert_array_equal(model.predict(x[part]), whole[part])


def test_far_from_what_it_saw_it_goes_back_to_the_mean():
    x, y = rows()
    model = KernelRidge(scale=0.3).fit(x, y)
    far = np.array([[4.0, -4.0, 4.0, -4.0, 4.0]], np.float32) * 10.0
    assert model.predict(far)[0] == pytest.approx(y.mean(), abs=0.1)


def test_a_missing_value_counts_as_the_mean():
    x, y = rows()
    model = KernelRidge().fit(x, y)
    gap, mean = x[:1].copy(), x[:1].copy()
    gap[0, 1], mean[0, 1] = np.nan, x[:, 1].mean()
    np.testing.assert_allclose(model.predict(gap), model.predict(mean), atol=1e-6)


def test_heavy_rows_count_more():
    x = np.zeros((40, 1), np.float32)
    x[:, 0] = np.repeat([0.0, 1.0], 20)
    y = np.tile([0.0, 1.0], 20)
    weight = np.where(y > 0.5, 9.0, 1.0)
    heavy = KernelRidge(ridge=1e-3).fit(x, y, weight=weight).predict(x[:1])[0]
    assert heavy == pytest.approx(0.9, abs=0.02)


def test_it_keeps_the_contract_and_comes_back_from_its_state():
    x, y = rows()
    model = KernelRidge(landmarks=40, seed=5).fit(x, y)
    assert isinstance(model, Learner)
    np.testing.assert_array_equal(
        KernelRidge.from_state(*model.state()).predict(x), model.predict(x)
    )
