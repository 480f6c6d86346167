"""Accuracy, special values and vectorisation of the elementary functions."""

from __future__ import annotations

import re

import numba
import numpy as np
import pytest

from xflux.numerics.elementary import cbrt, cbrt_normal, exp, exp_normal, horner, like, log, power
from xflux.numerics.jit import jit

compiled = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="compilation is switched off")
DTYPES = [np.float32, np.float64]


@jit
def exp_all(x, out):
    for i in range(x.size):
        out[i] = exp(x[i])


@jit
def exp_normal_all(x, out):
    for i in range(x.size):
        out[i] = exp_normal(x[i])


@jit
def log_all(x, out):
    for i in range(x.size):
        out[i] = log(x[i])


@jit
def cbrt_all(x, out):
    for i in range(x.size):
        out[i] = cbrt(x[i])


@jit
def cbrt_normal_all(x, out):
    for i in range(x.size):
        out[i] = cbrt_normal(x[i])


@jit
def power_all(x, y, out):
    for i in range(x.size):
        out[i] = power(x[i], y[i])


LOOPS = {
    "exp": exp_all, "exp_normal": exp_normal_all, "log": log_all, "cbrt": cbrt_all,
    "cbrt_normal": cbrt_normal_all,
}  # fmt: skip
EXACT = {
    "exp": np.exp, "exp_normal": np.exp, "log": np.log, "cbrt": np.cbrt, "cbrt_normal": np.cbrt
}  # fmt: skip


def apply(name, x):
    out = np.empty_like(x)
    with np.errstate(all="ignore"):
        LOOPS[name](x, out)
    return out


def errors_in_ulp(name, x):
    """Distance to the function in extended precision, in units in the last place."""
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.longdouble))
        unit = np.spacing(np.abs(exact).astype(x.dtype)).astype(np.longdouble)
        return np.abs(apply(name, x) - exact) / unit


def domain(name, dtype, n=20_000):
    rng = np.random.default_rng(7)
    info = np.finfo(dtype)
    if name == "exp":
        low, high = (-745.0, 709.7) if dtype is np.float64 else (-103.0, 88.7)
        x = np.concatenate([rng.uniform(low, high, n), rng.normal(0.0, 1.0, n), [1e-300, -1e-20]])
    elif name == "exp_normal":
        low, high = (-708.0, 709.0) if dtype is np.float64 else (-87.0, 88.0)
        x = rng.uniform(low, high, n)
    else:
        scale = np.log(float(info.max))
        x = np.concatenate([np.exp(rng.uniform(-scale, scale, n)), rng.uniform(0.5, 2.0, n)])
        x = np.concatenate([x, [float(info.tiny), float(info.max)]])
    if name == "cbrt_normal":
        x = x[x >= float(info.tiny)]
    return x.astype(dtype)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="no extended precision here")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOOPS)
def test_errors_stay_below_one_unit_in_the_last_place(name, dtype):
    if numba.config.DISABLE_JIT:
        x = domain(name, dtype, 100)
        limit = 2.5  # multiplication and addition round apart
    else:
        x, limit = domain(name, dtype), 1.02
    assert float(np.nanmax(errors_in_ulp(name, x))) < limit


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("exp", [0.0, -0.0, np.inf, -np.inf, np.nan, 1e4, -1e4]),
        ("exp_normal", [0.0, -0.0, np.nan]),
        ("log", [1.0, 0.0, -0.0, -1.0, np.inf, -np.inf, np.nan]),
        ("cbrt", [0.0, 1.0, 8.0, -27.0, np.inf, -np.inf, np.nan]),
    ],
)
def test_special_values_are_those_of_numpy(name, values, dtype):
    x = np.array(values, dtype)
    with np.errstate(all="ignore"):
        expected = EXACT[name](x.astype(np.float64)).astype(dtype)
    np.testing.assert_array_equal(apply(name, x), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_goes_gradually_to_zero_and_suddenly_to_infinity(dtype):
    info = np.finfo(dtype)
    edge = np.log(dtype(info.max))
    around = np.nextafter(edge, dtype([-np.inf, np.inf]))
    assert np.isfinite(apply("exp", around[:1])).all()
    assert np.isinf(apply("exp", around[1:] * dtype(1.001))).all()
    subnormal = np.log(dtype(info.tiny)) - np.arange(1, 12, dtype=dtype)
    result = apply("exp", subnormal)
    assert (np.diff(result) < 0).all()
    assert (result > 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_subnormal_numbers_have_roots_and_logarithms(dtype):
    x = np.array([np.finfo(dtype).smallest_subnormal * k for k in (1, 3, 1000)], dtype)
    np.testing.assert_allclose(apply("log", x), np.log(x), rtol=3e-7)
    np.testing.assert_allclose(apply("cbrt", x), np.cbrt(x), rtol=3e-7)


@pytest.mark.parametrize("dtype", DTYPES)
def test_power_is_exact_to_what_its_logarithm_allows(dtype):
    rng = np.random.default_rng(3)
    n = 200 if numba.config.DISABLE_JIT else 20_000
    x = np.exp(rng.uniform(-5, 5, n)).astype(dtype)
    y = rng.uniform(-3, 3, n).astype(dtype)
    out = np.empty_like(x)
    power_all(x, y, out)
    np.testing.assert_allclose(
        out, x.astype(np.float64) ** y.astype(np.float64), rtol=60 * np.finfo(dtype).eps
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_power_at_zero_one_and_infinity(dtype):
    x = np.array([0.0, 0.0, 0.0, 1.0, np.inf, np.inf, -1.0, np.nan, 2.0], dtype)
    y = np.array([0.0, 0.5, -0.5, 7.0, 0.5, -0.5, 0.5, 1.0, np.nan], dtype)
    out = np.empty_like(x)
    with np.errstate(all="ignore"):
        power_all(x, y, out)
        expected = x**y
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("function", [exp, exp_normal, log, cbrt, cbrt_normal])
def test_python_callers_get_the_dtype_they_gave(function):
    assert type(function(np.float32(2.0))) is np.float32
    assert type(function(np.float64(2.0))) is np.float64
    assert type(function(2)) is np.float64


def test_power_in_mixed_precision_is_double():
    assert type(power(np.float32(2.0), np.float32(3.0))) is np.float32
    assert type(power(np.float32(2.0), 3.0)) is np.float64


def test_constants_take_the_dtype_of_what_they_meet():
    assert type(like(0.1, np.float32(1.0))) is np.float32
    assert type(like(0.1, 1.0)) is np.float64


@pytest.mark.parametrize("dtype", DTYPES)
def test_horner_evaluates_from_the_lowest_power_upwards(dtype):
    x = dtype(1.5)
    assert float(horner(x, (2.0, -3.0, 0.5))) == 2.0 - 3.0 * 1.5 + 0.5 * 1.5**2


@compiled
@pytest.mark.parametrize(("dtype", "kind"), [(np.float32, "float"), (np.float64, "double")])
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_loops_are_vectorised_in_their_own_precision(loop, dtype, kind):
    x = np.ones(8, dtype)
    fresh = numba.njit(error_model="numpy")(loop.py_func)
    fresh(x, x.copy())
    (code,) = fresh.inspect_llvm().values()
    assert re.search(rf"f(mul|add) .*<\d+ x {kind}>", code)
    if kind == "float":
        assert not re.search(r"<\d+ x double>", code)
