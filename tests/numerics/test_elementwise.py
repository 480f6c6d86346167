"""Any arrays that broadcast reach a loop as contiguous 1-D arrays of one dtype."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest
import xarray as xr

from xflux.errors import InputError
from xflux.numerics.elementwise import arguments, elementwise, floating


def loop(parameters, a, b, out):
    """A loop that sees to what it is promised."""
    for array in (a, b, out):
        assert array.ndim == 1
        assert array.flags.c_contiguous
        assert array.dtype == out.dtype
    assert all(type(value) is out.dtype.type for value in parameters)
    out[:] = parameters[0] * a + b


def call(a, b):
    return elementwise(loop, (2.0,), [np.asarray(a), np.asarray(b)])[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_of_the_arrays_is_kept(dtype):
    assert call(np.ones(3, dtype), np.ones(3, dtype)).dtype == dtype


def test_one_float64_array_widens():
    assert call(np.ones(3, np.float32), np.ones(3)).dtype == np.float64


def test_scalars_and_integers_do_not_widen():
    assert call(np.ones(3, np.float32), 1.0).dtype == np.float32
    assert call(np.ones(3, np.float32), np.arange(3)).dtype == np.float32


def test_integers_alone_become_float64():
    assert floating([np.arange(3)]) == np.float64
    assert floating([np.float32(1.0), np.arange(3)]) == np.float32


def test_arrays_of_any_layout_broadcast():
    rng = np.random.default_rng(0)
    a = rng.random((5, 1, 40000)).transpose(0, 1, 2)[:, :, ::-1]
    b = rng.random((4, 1)).T[:, :, None].transpose(0, 1, 2)
    np.testing.assert_array_equal(call(a, b), 2.0 * a + b)


def test_shape_is_kept():
    a = np.arange(24.0).reshape(2, 3, 4)
    assert call(a, a).shape == (2, 3, 4)
    assert np.ndim(call(1.0, 2.0)) == 0
    assert call(np.ones((2, 0)), np.ones((2, 0))).shape == (2, 0)


def test_inputs_are_not_written_to():
    a = np.arange(3.0)
    a.flags.writeable = False
    np.testing.assert_array_equal(call(a, a), 3.0 * a)


class TestArguments:
    def test_come_by_name(self):
        found = arguments("Model", ("ta", "fapar"), ([1, 2], 0.5))
        assert list(found) == ["ta", "fapar"]
        assert found["fapar"].shape == ()

    def test_of_a_wrong_number_are_refused_by_name(self):
        with pytest.raises(InputError, match=r"Model needs 2 arrays \(ta, fapar\), got 1"):
            arguments("Model", ("ta", "fapar"), ([1.0],))

    @pytest.mark.parametrize("lazy", [xr.DataArray([1.0]), dask.array.ones(3)])
    def test_that_are_labelled_or_lazy_are_refused(self, lazy):
        with pytest.raises(InputError, match=r"ta as a \w+.*xflux\.baseline"):
            arguments("Model", ("ta",), (lazy,))

    def test_of_text_are_refused(self):
        with pytest.raises(InputError, match="ta of dtype <U1, expected numbers"):
            arguments("Model", ("ta",), (["a"],))
