"""Loops of the respiration models over contiguous 1-D arrays of one dtype.

Parameters come as a tuple of scalars of the same dtype, the last two being the range
of temperatures that counts (degC): what is measured outside is no temperature.
"""

from __future__ import annotations

import numpy as np

from xflux.numerics.elementary import exp, like
from xflux.numerics.jit import inline, jit

__all__ = ["lloyd_taylor", "lloyd_taylor_scaled", "q10", "q10_scaled"]


@inline
def _within(value, t, low, high):
    # Written so that a temperature of NaN fails.
    return value if (t >= low) & (t <= high) else like(np.nan, t)


@inline
def _positive(x):
    # Written so that NaN stays NaN.
    return like(0.0, x) if x < like(0.0, x) else x


@inline
def _arrhenius(t, e0, t_ref, t_zero):
    # At and below t_zero the result is 0, not the other branch of the hyperbola, on
    # which respiration would grow without bound.
    above = t - t_zero
    inverse = like(1.0, t) / (t_ref - t_zero) - like(1.0, t) / above
    return exp(e0 * inverse) if above > like(0.0, t) else like(0.0, t)


@jit
def q10(parameters, ta, out):
    """Fill `out` with ``r_ref exp(rate (ta - t_ref))``."""
    r_ref, rate, t_ref, low, high = parameters
    for i in range(out.size):
        t = ta[i]
        out[i] = _within(r_ref * exp(rate * (t - t_ref)), t, low, high)


@jit
def q10_scaled(parameters, ta, scale, out):
    """Fill `out` with ``r_ref max(scale, 0) exp(rate (ta - t_ref))``."""
    r_ref, rate, t_ref, low, high = parameters
    for i in range(out.size):
        t = ta[i]
        value = r_ref * _positive(scale[i]) * exp(rate * (t - t_ref))
        out[i] = _within(value, t, low, high)


@jit
def lloyd_taylor(parameters, ta, out):
    """Fill `out` with ``r_ref exp(e0 (1 / (t_ref - t_zero) - 1 / (ta - t_zero)))``."""
    r_ref, e0, t_ref, t_zero, low, high = parameters
    for i in range(out.size):
        t = ta[i]
        out[i] = _within(r_ref * _arrhenius(t, e0, t_ref, t_zero), t, low, high)


@jit
def lloyd_taylor_scaled(parameters, ta, scale, out):
    """Fill `out` with the same for ``r_ref max(scale, 0)``."""
    r_ref, e0, t_ref, t_zero, low, high = parameters
    for i in range(out.size):
        t = ta[i]
        value = r_ref * _positive(scale[i]) * _arrhenius(t, e0, t_ref, t_zero)
        out[i] = _within(value, t, low, high)
