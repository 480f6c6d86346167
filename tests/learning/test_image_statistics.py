"""What is taken of an image: level, spread, edges, and texture at several scales."""

import numpy as np
import pytest

from xflux.errors import InputError
from xflux.learning.image_statistics import ImageStatistics

NAMES = ("mean", "sd", "p10", "p90", "edges", "grain1", "grain3", "grain9")


def _named(x):
    values = ImageStatistics().transform(np.asarray(x, np.float32))
    return dict(zip(NAMES, values.reshape(len(x), len(NAMES), -1).swapaxes(0, 1)))


def _waves(period, size=27):
    return np.broadcast_to(np.sin(2.0 * np.pi * np.arange(size) / period), (1, 1, size, size))


def test_level_and_spread_are_those_of_the_pixels():
    x = np.random.default_rng(0).normal(size=(4, 2, 15, 15))
    made = _named(x)
    np.testing.assert_allclose(made["mean"], x.mean(axis=(2, 3)), atol=1e-6)
    np.testing.assert_allclose(made["sd"], x.std(axis=(2, 3)), rtol=1e-5)
    np.testing.assert_allclose(made["p90"], np.quantile(x, 0.9, axis=(2, 3)), rtol=1e-5)


def test_each_grain_sees_texture_of_its_own_size():
    for period, best in ((2.5, "grain1"), (7.5, "grain3"), (22.0, "grain9")):
        made = {name: float(_named(_waves(period))[name][0, 0]) for name in NAMES[5:]}
        assert max(made, key=made.__getitem__) == best, (period, made)


def test_a_slope_has_its_edge_and_a_flat_image_has_none():
    slope = np.broadcast_to(0.5 * np.arange(9.0), (1, 1, 9, 9))
    # Inside, the kernel of Sobel weighs the difference of two steps by four.
    inner = _named(slope)["edges"][0, 0]
    assert 0.8 * 4.0 < inner <= 4.0
    flat = _named(np.ones((1, 1, 9, 9)))
    assert flat["edges"] == flat["sd"] == flat["grain1"] == flat["grain9"] == 0.0


def test_missing_pixels_are_left_out_and_an_empty_image_is_missing():
    x = np.random.default_rng(0).normal(size=(2, 1, 15, 15))
    x[0, 0, :5] = np.nan
    x[1] = np.nan
    made = _named(x)
    np.testing.assert_allclose(made["mean"][0, 0], np.nanmean(x[0]), atol=1e-6)
    assert all(np.isfinite(made[name][0, 0]) and np.isnan(made[name][1, 0]) for name in NAMES)
    flat = np.ones((1, 1, 15, 15))
    flat[0, 0, 2:4, 5] = np.nan
    assert _named(flat)["edges"] == _named(flat)["grain3"] == 0.0


def test_a_row_does_not_depend_on_those_beside_it():
    x = np.random.default_rng(0).normal(size=(20, 2, 9, 9)).astype(np.float32)
    x[3, 0, 2] = np.nan
    whole = ImageStatistics().transform(x)
    one = np.concatenate([ImageStatistics().transform(row[None]) for row in x])
    np.testing.assert_array_equal(one, whole)
    assert ImageStatistics().transform(x[:0]).shape == (0, 16)


def test_other_shapes_are_refused():
    with pytest.raises(InputError, match="row, channel, y, x"):
        ImageStatistics().transform(np.zeros((3, 4, 4)))


def test_the_state_is_the_settings():
    made = ImageStatistics(scales=(1, 5))
    assert ImageStatistics.from_state(*made.state()) == made
