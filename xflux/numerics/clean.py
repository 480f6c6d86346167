"""Convert a raw input and drop what cannot be true, in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from xflux.numerics.jit import jit
from xflux.numerics.scratch import empty

__all__ = ["clean", "is_clean"]

#: Compiled loops know neither half nor extended precision.
_UNKNOWN = (np.dtype("f2"), np.dtype(np.longdouble))


@jit
def _clean(raw, out, scale, offset, low, high, slack):
    dropped = 0
    nan = out.dtype.type(np.nan)
    for i in range(raw.size):
        value = out.dtype.type(raw[i]) * scale + offset
        inside = (value >= low - slack) & (value <= high + slack)
        dropped += (not inside) & (value == value)
        out[i] = min(max(value, low), high) if inside else nan
    return dropped


@jit
def _changed(raw, bits, low, high, minus_zero):
    count = 0
    for i in range(raw.size):
        # Comparisons with NaN, which stays what it is, are False.
        count += (raw[i] < low) | (raw[i] > high) | (bits[i] == minus_zero)
    return count


def is_clean(raw: np.ndarray, low: float, high: float) -> bool:
    """Tell whether `clean` would give back the same bits, without a unit to convert.

    Parameters
    ----------
    raw : ndarray
        One-dimensional, contiguous, float32 or float64 in native byte order.
    low, high : float
        Valid range.
    """
    kind = raw.dtype.type
    # What is converted comes out as 0, not as -0, which NumPy's comparisons do not tell apart.
    bits = np.dtype(f"u{raw.dtype.itemsize}")
    minus_zero = kind(-0.0).view(bits)
    return not _changed(raw, raw.view(bits), kind(low), kind(high), minus_zero)


def clean(
    raw: np.ndarray, scale: float, offset: float, low: float, high: float, out: np.ndarray
) -> int:
    """Apply ``scale * raw + offset`` and set what lies outside a range to NaN.

    Parameters
    ----------
    raw : ndarray
        Any layout and dtype of numbers; read in C order.
    scale, offset : float
        From `xflux.labels.units.affine`.
    low, high : float
        Valid range of the result. Values outside by rounding alone (1e-5 of the
        range) are set to the bound.
    out : ndarray
        One-dimensional, contiguous, of the dtype in which the conversion is computed,
        and not shorter than `raw`; what it has more repeats the last value.

    Returns
    -------
    int
        Number of values that were not NaN and now are.
    """
    kind = out.dtype.type
    slack = 1e-5 * (high - low) if np.isfinite(high - low) else 0.0
    bounds = kind(low), kind(high), kind(slack)
    dropped = _clean(_readable(raw, out.dtype), out, kind(scale), kind(offset), *bounds)
    # Not NaN, which would keep a model from seeing that a tile is all of one kind.
    out[raw.size :] = out[raw.size - 1]
    return int(dropped)


def _readable(raw: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Return values as compiled loops take them; a copy only where they are not."""
    known = dtype if raw.dtype in _UNKNOWN else raw.dtype.newbyteorder("=")
    if raw.dtype == known and raw.flags.c_contiguous:
        return raw.reshape(-1)
    copy = empty(raw.shape, known)
    np.copyto(copy, raw, casting="unsafe")
    return copy.reshape(-1)
