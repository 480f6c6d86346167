"""Compilation flags, and what happens without a cache or a compiler."""

from __future__ import annotations

import subprocess
import sys

import numba
import numpy as np
import pytest

from xflux.numerics.jit import FASTMATH, inline, jit

compiled = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="compilation is switched off")


@inline
def half(x):
    return x * 0.5


@jit
def halve(x, out):
    for i in range(x.size):
        out[i] = half(x[i])


@jit
def count_missing(x):
    n = 0
    for i in range(x.size):
        if np.isnan(x[i]):
            n += 1
    return n


@jit
def invert(x, out):
    for i in range(x.size):
        out[i] = 1.0 / x[i]


def test_a_loop_calls_the_scalar_function():
    x = np.arange(5.0)
    out = np.empty(5)
    halve(x, out)
    np.testing.assert_array_equal(out, x / 2)


def test_missing_values_are_seen_in_spite_of_fast_arithmetic():
    assert count_missing(np.array([1.0, np.nan, np.inf, np.nan])) == 2
    assert not FASTMATH & {"nnan", "ninf", "fast"}


@compiled
def test_division_by_zero_gives_infinity_as_in_numpy():
    out = np.empty(2)
    invert(np.array([0.0, -0.0]), out)
    assert np.isinf(out).all()


@compiled
def test_the_gil_is_released():
    assert halve.targetoptions["nogil"]


@compiled
def test_a_function_without_a_file_is_compiled_without_a_cache():
    namespace: dict = {}
    exec("def double(x):\n    return x + x", namespace)
    with pytest.raises(RuntimeError, match="cannot cache function"):
        numba.njit(cache=True)(namespace["double"])
    assert jit(namespace["double"])(2.5) == 5.0


def test_other_errors_of_the_compiler_are_passed_on(monkeypatch):
    def broken(**options):
        raise RuntimeError("out of order")

    monkeypatch.setattr(numba, "njit", broken)
    with pytest.raises(RuntimeError, match="out of order"):
        jit(lambda x: x)


def test_without_a_compiler_the_function_stays_what_it_is():
    code = (
        "from xflux.numerics.jit import inline, jit\n"
        "def f(x): return x\n"
        "assert jit(f) is f and inline(f) is f and inline(fastmath={'contract'})(f) is f"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": "."}
    )
