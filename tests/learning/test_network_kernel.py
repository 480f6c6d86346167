"""A network's loop gives what matrix products give, for each row alike."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from xflux.learning.network_kernel import forward

SIZES = (7, 17, 5, 3)
POSITIVE = np.array([True, False, False])


def network(seed=0):
    random = np.random.default_rng(seed)

    def draw(*shape):
        return random.standard_normal(shape).astype(np.float32)

    layers = [(draw(width), draw(count, width)) for count, width in pairwise(SIZES)]
    scaling = draw(SIZES[0]), np.abs(draw(SIZES[0])), np.full(SIZES[0], 2.0, np.float32)
    return layers, scaling, (draw(SIZES[-1]), np.abs(draw(SIZES[-1])))


def predicted(rows, rectified):
    layers, scaling, (level, spread) = network()
    weights = np.concatenate([part.ravel() for layer in layers for part in layer])
    out = np.empty((len(rows), SIZES[-1]), np.float32)
    forward(rows, *scaling, np.array(SIZES), weights, POSITIVE, level, spread, rectified, out)
    return out


def by_products(rows, rectified):
    layers, (mean, factor, limit), (level, spread) = network()
    z = np.nan_to_num(np.clip((rows.astype(np.float64) - mean) * factor, -limit, limit))
    for j, (bias, weight) in enumerate(layers):
        z = z @ weight + bias
        if j < len(layers) - 1:
            z = np.maximum(z, 0.0) if rectified else z / (1.0 + np.exp(-z))
    return np.where(POSITIVE, spread * np.logaddexp(z, 0.0), level + spread * z)


@pytest.fixture
def rows():
    random = np.random.default_rng(1)
    made = random.standard_normal((50, SIZES[0])).astype(np.float32)
    return np.where(random.random(made.shape) < 0.1, np.float32(np.nan), made)


@pytest.mark.parametrize("rectified", [False, True])
def test_rows_are_those_of_matrix_products(rows, rectified):
    made, expected = predicted(rows, rectified), by_products(rows, rectified)
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rectified", [False, True])
def test_a_row_has_the_same_bits_alone(rows, rectified):
    together = predicted(rows, rectified)
    np.testing.assert_array_equal(predicted(rows[3:4], rectified), together[3:4])
