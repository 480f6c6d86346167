"""Conversion and range check of raw values."""

from __future__ import annotations

import numpy as np
import pytest

from xflux.numerics.clean import clean, is_clean

RAW = np.array([0.0, -0.0, 1.0, 0.5, np.nan, 1.000001, -1e-6, 2.0, -9999.0, np.inf])
CLEAN = np.array([0.0, 0.0, 1.0, 0.5, np.nan, 1.0, 0.0, np.nan, np.nan, np.nan])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("given", ["f4", ">f4", "f8", ">f8", "g"])
def test_values_outside_become_nan_and_are_counted(given, dtype):
    out = np.empty(12, dtype)
    assert clean(RAW.astype(given), 1.0, 0.0, 0.0, 1.0, out) == 3
    np.testing.assert_array_equal(out[:10], CLEAN)
    assert not np.signbit(out[1])
    assert np.isnan(out[10:]).all()


def test_units_are_converted_and_the_last_value_fills_up():
    out = np.empty(4, "f4")
    assert clean(np.array([[1, 2]], "i2"), 2.0, 1.0, -np.inf, np.inf, out) == 0
    np.testing.assert_array_equal(out, [3.0, 5.0, 5.0, 5.0])


@pytest.mark.parametrize("layout", [lambda a: a.T, lambda a: a[:, ::-1], lambda a: a[::2]])
@pytest.mark.parametrize("dtype", ["f8", ">f4", "f2", "u1", ">i4", "?"])
def test_any_layout_is_read_in_order(layout, dtype):
    raw = layout(np.arange(12).reshape(4, 3).astype(dtype))
    raw.flags.writeable = False
    out = np.empty(raw.size)
    clean(raw, 1.0, 0.0, 0.0, 100.0, out)
    np.testing.assert_array_equal(out, raw.astype("f8").reshape(-1))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("value", RAW)
def test_what_is_clean_is_what_cleaning_leaves_to_the_bit(value, dtype):
    raw = np.full(70, 0.25, dtype)
    raw[41] = value
    out = np.empty_like(raw)
    clean(raw, 1.0, 0.0, 0.0, 1.0, out)
    same = out.tobytes() == raw.tobytes()
    assert is_clean(raw, 0.0, 1.0) == same
