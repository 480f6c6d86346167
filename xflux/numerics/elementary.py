"""exp, log, cube root and power that LLVM can vectorise, for float32 and float64.

`numpy.exp` inside a compiled loop is a call into the C library for each value. These
are straight arithmetic on the number and its bits, without branches or tables, so a
loop over contiguous arrays becomes SIMD code, three to twenty times as fast.

Each function gives back the dtype it was given (integers become float64). Errors are
below 1 ulp, or below 1e-15 relative in float64 and 1.2e-7 in float32, over the whole
range: subnormal results come out gradually, overflow is inf, NaN stays NaN.

The polynomials are minimax fits (Remez exchange) to the functions that stand beside
them; `log` is reduced as in FreeBSD's ``e_log.c``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numba import types
from numba.extending import overload

from xflux.numerics.jit import inline

__all__ = ["cbrt", "cbrt_normal", "exp", "exp_normal", "horner", "like", "log", "power"]

Scalar: TypeAlias = float | np.floating[Any]

# Adding 1.5 x 2^52 rounds a float64 to an integer, which then stands in its low bits. The
# same with the bits of the exponent splits ln 2 in two, lest the reduction cancel. LLVM
# would undo both if it might reassociate, hence the narrower set for this module.
_exact = inline(fastmath={"contract"})

_F8 = np.float64
_F4 = np.float32
_I8 = np.int64
_I4 = np.int32

_ONE_8, _HALF_8, _THIRD_8 = _F8(1.0), _F8(0.5), _F8(1.0 / 3.0)
_ONE_4, _HALF_4, _THIRD_4 = _F4(1.0), _F4(0.5), _F4(1.0 / 3.0)
_INF_8, _NAN_8 = _F8(np.inf), _F8(np.nan)
_INF_4, _NAN_4 = _F4(np.inf), _F4(np.nan)
_ROUND_8, _ROUND_4 = _F8(1.5 * 2.0**52), _F4(1.5 * 2.0**23)
_ROUND_BITS_8, _ROUND_BITS_4 = _ROUND_8.view(_I8), _ROUND_4.view(_I4)
_BIAS_8, _BIAS_4 = _I8(1023), _I4(127)
_SHIFT_8, _SHIFT_4 = _I8(52), _I4(23)
_WORD = _I8(32)
_LOG2E_8, _LOG2E_4 = _F8(1.4426950408889634), _F4(1.4426950408889634)
# The high parts end in zeros, so that their product with an exponent is exact.
_LN2_HIGH_8, _LN2_LOW_8 = _F8(6.93147180369123816490e-01), _F8(1.90821492927058770002e-10)
_LN2_HIGH_4, _LN2_LOW_4 = _F4(6.9313812256e-01), _F4(9.0580006145e-06)

# Arguments beyond these give 0 or inf.
_EXP_MIN_8, _EXP_MAX_8 = _F8(-746.0), _F8(710.0)
_EXP_MIN_4, _EXP_MAX_4 = _F4(-104.0), _F4(89.0)

# (exp(r) - 1 - r) / r^2 on |r| <= ln(2) / 2.
_E0_8, _E1_8, _E2_8, _E3_8, _E4_8, _E5_8, _E6_8, _E7_8, _E8_8, _E9_8 = (
    _F8(0.5000000000000012), _F8(0.166666666666667), _F8(0.041666666666515424),
    _F8(0.008333333333307207), _F8(0.0013888888947014943), _F8(0.00019841269917381351),
    _F8(2.4801489943140297e-05), _F8(2.755721630081369e-06), _F8(2.7631280036522325e-07),
    _F8(2.5117861485044155e-08),
)  # fmt: skip
_E0_4, _E1_4, _E2_4, _E3_4, _E4_4 = (
    _F4(0.5), _F4(0.16666518), _F4(0.041666206), _F4(0.008368889), _F4(0.0013950465),
)  # fmt: skip

# (log((1 + s) / (1 - s)) / s - 2) / s^2 as a polynomial in s^2, for (1 + s) / (1 - s)
# from sqrt(1/2) to sqrt(2).
_L0_8, _L1_8, _L2_8, _L3_8, _L4_8, _L5_8, _L6_8 = (
    _F8(0.666666666666667), _F8(0.39999999999898445), _F8(0.2857142862639862),
    _F8(0.2222221107291635), _F8(0.1818289321414094), _F8(0.1533159709328199),
    _F8(0.14617871208650057),
)  # fmt: skip
_L0_4, _L1_4, _L2_4 = _F4(0.66666687), _F4(0.39988717), _F4(0.29582152)
_SQRT_HALF_BITS_8 = _I8(0x3FE6A09E667F3BCD)
_SQRT_HALF_BITS_4 = _I4(0x3F3504F3)
_MANTISSA_8, _MANTISSA_4 = _I8(0x000FFFFFFFFFFFFF), _I4(0x007FFFFF)

# (1 - h)^(-1/3) on |h| <= 0.108, what the first guess below leaves.
_C0_8, _C1_8, _C2_8, _C3_8, _C4_8, _C5_8, _C6_8 = (
    _F8(0.999999999972735), _F8(0.33333335109529216), _F8(0.22222228061206425),
    _F8(0.1728273497238939), _F8(0.1440121471285185), _F8(0.12690411715685523),
    _F8(0.11341210379862923),
)  # fmt: skip
_C0_4, _C1_4, _C2_4, _C3_4 = _F4(0.9999975), _F4(0.3333247), _F4(0.22391655), _F4(0.17504862)
# Bits of 1 plus a third of them, less what evens out the error of the guess.
_GUESS_8, _GUESS_4 = _F8(1430186337.55), _F4(1419900348.6)

# Subnormal numbers are lifted before their exponent is read, and lowered after.
_TINY_8, _LIFT_8, _LIFT_BITS_8, _LOWER_8 = _F8(2.0**-1022), _F8(2.0**54), _F8(54.0), _F8(2.0**-18)
_TINY_4, _LIFT_4, _LIFT_BITS_4, _LOWER_4 = _F4(2.0**-126), _F4(2.0**24), _F4(24.0), _F4(2.0**-8)
_ZERO_8, _ZERO_4, _TWO_8, _TWO_4 = _F8(0.0), _F4(0.0), _F8(2.0), _F4(2.0)


@_exact
def _bits_8(x):
    return np.float64(x).view(np.int64)


@_exact
def _bits_4(x):
    return np.float32(x).view(np.int32)


@_exact
def _float_8(bits):
    return np.int64(bits).view(np.float64)


@_exact
def _float_4(bits):
    return np.int32(bits).view(np.float32)


@_exact
def _mantissa_8(x, k):
    """Return exp(x - k ln 2) for the integer `k` next to x / ln 2."""
    r = x - k * _LN2_HIGH_8
    r = r - k * _LN2_LOW_8
    q = _E8_8 + r * _E9_8
    q = _E7_8 + r * q
    q = _E6_8 + r * q
    q = _E5_8 + r * q
    q = _E4_8 + r * q
    q = _E3_8 + r * q
    q = _E2_8 + r * q
    q = _E1_8 + r * q
    q = _E0_8 + r * q
    return _ONE_8 + (r + r * r * q)


@_exact
def _mantissa_4(x, k):
    r = x - k * _LN2_HIGH_4
    r = r - k * _LN2_LOW_4
    q = _E3_4 + r * _E4_4
    q = _E2_4 + r * q
    q = _E1_4 + r * q
    q = _E0_4 + r * q
    return _ONE_4 + (r + r * r * q)


@_exact
def _exp_8(x):
    x = _EXP_MAX_8 if x > _EXP_MAX_8 else x
    x = _EXP_MIN_8 if x < _EXP_MIN_8 else x
    rounded = x * _LOG2E_8 + _ROUND_8
    k = rounded - _ROUND_8
    # 2^k in two factors: k may be below the smallest exponent or above the largest.
    bits = _bits_8(rounded) - _ROUND_BITS_8
    first = _bits_8(k * _HALF_8 + _ROUND_8) - _ROUND_BITS_8
    second = bits - first
    scaled = _mantissa_8(x, k) * _float_8((first + _BIAS_8) << _SHIFT_8)
    return scaled * _float_8((second + _BIAS_8) << _SHIFT_8)


@_exact
def _exp_4(x):
    x = _EXP_MAX_4 if x > _EXP_MAX_4 else x
    x = _EXP_MIN_4 if x < _EXP_MIN_4 else x
    rounded = x * _LOG2E_4 + _ROUND_4
    k = rounded - _ROUND_4
    bits = _I4(_bits_4(rounded) - _ROUND_BITS_4)
    first = _I4(_bits_4(k * _HALF_4 + _ROUND_4) - _ROUND_BITS_4)
    second = _I4(bits - first)
    scaled = _mantissa_4(x, k) * _float_4((first + _BIAS_4) << _SHIFT_4)
    return scaled * _float_4((second + _BIAS_4) << _SHIFT_4)


@_exact
def _exp_normal_8(x):
    rounded = x * _LOG2E_8 + _ROUND_8
    # The shift leaves of the bits of `rounded` its integer, at the place of the exponent.
    mantissa = _mantissa_8(x, rounded - _ROUND_8)
    return _float_8(_bits_8(mantissa) + (_bits_8(rounded) << _SHIFT_8))


@_exact
def _exp_normal_4(x):
    rounded = x * _LOG2E_4 + _ROUND_4
    mantissa = _mantissa_4(x, rounded - _ROUND_4)
    return _float_4(_I4(_bits_4(mantissa) + _I4(_bits_4(rounded) << _SHIFT_4)))


@_exact
def _log_8(x):
    small = x < _TINY_8
    lifted = x * _LIFT_8 if small else x
    bits = _bits_8(lifted)
    # The exponent that leaves a mantissa between sqrt(1/2) and sqrt(2).
    exponent = (bits - _SQRT_HALF_BITS_8) >> _SHIFT_8
    f = _float_8(bits - (exponent << _SHIFT_8)) - _ONE_8
    k = _F8(_I4(exponent))
    k = k - _LIFT_BITS_8 if small else k
    s = f / (_TWO_8 + f)
    z = s * s
    q = _L5_8 + z * _L6_8
    q = _L4_8 + z * q
    q = _L3_8 + z * q
    q = _L2_8 + z * q
    q = _L1_8 + z * q
    q = _L0_8 + z * q
    half = _HALF_8 * f * f
    y = k * _LN2_HIGH_8 - ((half - (s * (half + z * q) + k * _LN2_LOW_8)) - f)
    y = y if x < _INF_8 else x
    y = y if x > _ZERO_8 else (-_INF_8 if x == _ZERO_8 else _NAN_8)
    return y


@_exact
def _log_4(x):
    small = x < _TINY_4
    lifted = x * _LIFT_4 if small else x
    bits = _bits_4(lifted)
    exponent = _I4(_I4(bits - _SQRT_HALF_BITS_4) >> _SHIFT_4)
    f = _float_4(bits - _I4(exponent << _SHIFT_4)) - _ONE_4
    k = _F4(exponent)
    k = k - _LIFT_BITS_4 if small else k
    s = f / (_TWO_4 + f)
    z = s * s
    q = _L1_4 + z * _L2_4
    q = _L0_4 + z * q
    half = _HALF_4 * f * f
    y = k * _LN2_HIGH_4 - ((half - (s * (half + z * q) + k * _LN2_LOW_4)) - f)
    y = y if x < _INF_4 else x
    y = y if x > _ZERO_4 else (-_INF_4 if x == _ZERO_4 else _NAN_4)
    return y


@_exact
def _cbrt_normal_8(x):
    # A third of the exponent, taken from the bits: 1 / cbrt(x) within 3.6 %, then within
    # 1e-10 by the polynomial; Newton's step on cbrt(x) itself does the rest.
    high = _F8(_I4(_bits_8(x) >> _WORD))
    y = _float_8(_I8(_I4(_GUESS_8 - high * _THIRD_8)) << _WORD)
    h = _ONE_8 - x * y * y * y
    q = _C5_8 + h * _C6_8
    q = _C4_8 + h * q
    q = _C3_8 + h * q
    q = _C2_8 + h * q
    q = _C1_8 + h * q
    y = y * (_C0_8 + h * q)
    root = x * y * y
    return root + (x - root * root * root) * (y * y * _THIRD_8)


@_exact
def _cbrt_normal_4(x):
    y = _float_4(_I4(_GUESS_4 - _F4(_bits_4(x)) * _THIRD_4))
    h = _ONE_4 - x * y * y * y
    q = _C2_4 + h * _C3_4
    q = _C1_4 + h * q
    y = y * (_C0_4 + h * q)
    root = x * y * y
    return root + (x - root * root * root) * (y * y * _THIRD_4)


@_exact
def _cbrt_8(x):
    size = abs(x)
    small = size < _TINY_8
    root = _cbrt_normal_8(size * _LIFT_8 if small else size)
    root = root * _LOWER_8 if small else root
    root = -root if x < _ZERO_8 else root
    return root if (size > _ZERO_8) & (size < _INF_8) else x


@_exact
def _cbrt_4(x):
    size = abs(x)
    small = size < _TINY_4
    root = _cbrt_normal_4(size * _LIFT_4 if small else size)
    root = root * _LOWER_4 if small else root
    root = -root if x < _ZERO_4 else root
    return root if (size > _ZERO_4) & (size < _INF_4) else x


@_exact
def _power_8(x, y):
    z = _exp_8(y * _log_8(x))
    return _ONE_8 if y == _ZERO_8 else z


@_exact
def _power_4(x, y):
    z = _exp_4(y * _log_4(x))
    return _ONE_4 if y == _ZERO_4 else z


def exp(x: Scalar) -> np.floating[Any]:
    """Return e to the power `x`."""
    return _F4(_exp_4(x)) if isinstance(x, np.float32) else _F8(_exp_8(_F8(x)))


def exp_normal(x: Scalar) -> np.floating[Any]:
    """Return e to the power `x` where that is a normal number; a third faster than `exp`.

    Nothing is checked: below -708 and above 709 (float32: -87 and 88) the result is
    any number. NaN stays NaN.
    """
    if isinstance(x, np.float32):
        return _F4(_exp_normal_4(x))
    return _F8(_exp_normal_8(_F8(x)))


def log(x: Scalar) -> np.floating[Any]:
    """Return the natural logarithm of `x`: -inf at 0, NaN below."""
    return _F4(_log_4(x)) if isinstance(x, np.float32) else _F8(_log_8(_F8(x)))


def cbrt(x: Scalar) -> np.floating[Any]:
    """Return the cube root of `x`, of the sign of `x`."""
    return _F4(_cbrt_4(x)) if isinstance(x, np.float32) else _F8(_cbrt_8(_F8(x)))


def cbrt_normal(x: Scalar) -> np.floating[Any]:
    """Return the cube root of a positive normal number; a third faster than `cbrt`.

    Nothing is checked: for 0, negative, subnormal and infinite `x` the result is any
    number. NaN may turn into a number.
    """
    if isinstance(x, np.float32):
        return _F4(_cbrt_normal_4(x))
    return _F8(_cbrt_normal_8(_F8(x)))


def power(x: Scalar, y: Scalar) -> np.floating[Any]:
    """Return `x` to the power `y` for `x` >= 0; NaN below.

    It is ``exp(y log(x))``, so that the relative error grows with ``|y log(x)|``:
    1e-14 in float64 and 5e-6 in float32 where that is 45 (a result of 1e20).
    """
    if isinstance(x, np.float32) and isinstance(y, np.float32):
        return _F4(_power_4(x, y))
    return _F8(_power_8(_F8(x), _F8(y)))


def like(value: float, x: Scalar) -> np.floating[Any]:
    """Return the constant `value` in the dtype of `x`.

    A literal in a compiled loop is float64, and makes float64 of all that it meets.
    """
    return _F4(value) if isinstance(x, np.float32) else _F8(value)


@inline
def horner(x: Any, coefficients: Any) -> Any:
    """Return the polynomial of `x` with `coefficients` from the lowest power upwards."""
    y = like(coefficients[-1], x)
    for k in range(len(coefficients) - 2, -1, -1):
        y = y * x + like(coefficients[k], x)
    return y


# The functions above are for Python; compiled code picks a body by the dtype, once, when
# it is compiled.
def _is_single(*kinds: Any) -> bool:
    return all(isinstance(kind, types.Float) and kind.bitwidth == 32 for kind in kinds)


def _compile(
    function: Callable[..., Any], single: Callable[..., Any], double: Callable[..., Any]
) -> None:
    @overload(function, jit_options={"forceinline": True})
    def _choose(x):
        if _is_single(x):
            return lambda x: single(x)
        return lambda x: double(_F8(x))


_compile(exp, _exp_4, _exp_8)
_compile(exp_normal, _exp_normal_4, _exp_normal_8)
_compile(log, _log_4, _log_8)
_compile(cbrt, _cbrt_4, _cbrt_8)
_compile(cbrt_normal, _cbrt_normal_4, _cbrt_normal_8)


@overload(like, jit_options={"forceinline": True})
def _choose_like(value, x):
    if _is_single(x):
        return lambda value, x: _F4(value)
    return lambda value, x: _F8(value)


@overload(power, jit_options={"forceinline": True})
def _choose_power(x, y):
    if _is_single(x, y):
        return lambda x, y: _power_4(x, y)
    return lambda x, y: _power_8(_F8(x), _F8(y))
