"""What is taken of a sequence: steps before, fading means, anomaly and slope."""

import numpy as np
import pytest

from xflux.errors import InputError
from xflux.learning.sequence_statistics import SequenceStatistics


def _named(x):
    made = SequenceStatistics()
    values = made.transform(x)
    return dict(zip(made.names(x.shape[1]), values.reshape(len(x), -1, x.shape[2]).swapaxes(0, 1)))


def test_the_statistics_are_those_of_a_sequence_that_is_known():
    x = np.arange(13.0)[None, :, None] * [2.0, -1.0] + [0.0, 5.0]
    made = _named(x)
    for lag in (0, 1, 2, 3, 12):
        np.testing.assert_allclose(made[f"lag{lag}"], x[:, 12 - lag], rtol=1e-6)
    np.testing.assert_allclose(made["slope"], [[2.0, -1.0]], rtol=1e-6)
    np.testing.assert_allclose(made["anomaly"], [[12.0, -6.0]], rtol=1e-6)
    weight = 0.5 ** (np.arange(12, -1, -1) / 3.0)
    expected = (weight[:, None] * x[0]).sum(axis=0) / weight.sum()
    np.testing.assert_allclose(made["fading3"][0], expected, rtol=1e-6)


def test_lags_that_a_short_sequence_does_not_reach_are_left_out():
    assert "lag12" not in SequenceStatistics().names(12)
    assert SequenceStatistics().transform(np.zeros((2, 3, 1))).shape == (2, 8)


def test_missing_steps_are_left_out_and_half_of_them_is_too_many():
    x = np.arange(12.0)[None, :, None].repeat(3, axis=2)
    x[0, 3:8, 1] = np.nan
    x[0, :7, 2] = np.nan
    made = _named(x)
    np.testing.assert_allclose(made["slope"][0, :2], 1.0, rtol=1e-6)
    assert np.isnan(made["slope"][0, 2])
    assert np.isnan(made["anomaly"][0, 2])
    # Most of the weight of a short memory lies on the steps that are there.
    assert np.isfinite(made["fading1"]).all()
    assert np.isnan(_named(np.full((1, 4, 1), np.nan))["fading1"]).all()


def test_a_row_does_not_depend_on_those_beside_it():
    x = np.random.default_rng(0).normal(size=(50, 13, 3)).astype(np.float32)
    whole = SequenceStatistics().transform(x)
    one = np.concatenate([SequenceStatistics().transform(row[None]) for row in x])
    np.testing.assert_array_equal(one, whole)


def test_the_order_of_the_steps_matters():
    x = np.random.default_rng(0).normal(size=(5, 13, 1))
    assert not np.allclose(_named(x)["slope"], _named(x[:, ::-1])["slope"])


def test_other_shapes_are_refused():
    with pytest.raises(InputError, match="row, step, variable"):
        SequenceStatistics().transform(np.zeros((3, 4)))


def test_the_state_is_the_settings():
    made = SequenceStatistics(half_lives=(2.0,))
    again = SequenceStatistics.from_state(*made.state())
    assert again == made
