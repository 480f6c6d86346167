"""Kernel ridge regression: that of the textbook, on landmarks, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge as Textbook

from xflux.refinement.kernel_ridge import KernelRidge
from xflux.refinement.learner import Learner


def rows(n=300, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 5)).astype(np.float32)
    return x, np.sin(x[:, 0].astype(float)) + 0.5 * x[:, 1] * x[:, 2]


def test_with_every_row_a_landmark_it_is_that_of_scikit_learn():
    x, y = rows()
    model = KernelRidge(landmarks=300, ridge=0.5).fit(x, y)
    gamma = float(model.fitted["gamma"])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    known = Textbook(alpha=0.5, kernel="rbf", gamma=gamma).fit(z, y - y.mean())
    np.testing.assert_allclose(model.predict(x), known.predict(z) + y.mean(), atol=2e-3)


def test_few_landmarks_are_almost_as_good():
    x, y = rows(1500)
    fresh, truth = rows(400, seed=1)
    error = [
        np.sqrt(np.mean((KernelRidge(landmarks=m).fit(x, y).predict(fresh) - truth) ** 2))
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
