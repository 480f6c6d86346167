"""Convert a raw input and drop what cannot be true, in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from xflux.numerics.jit import jit

__all__ = ["clean"]

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


def clean(
    raw: np.ndarray,
    scale: float,
    offset: float,
    low: float,
    high: float,
    dtype: np.dtype[Any],
    size: int | None = None,
) -> tuple[np.ndarray, int]:
    """Apply ``scale * raw + offset`` and set what lies outside a range to NaN.

    Parameters
    ----------
    raw : ndarray
        One-dimensional, contiguous.
    scale, offset : float
        From `xflux.labels.units.affine`.
    low, high : float
        Valid range of the result. Values outside by rounding alone (1e-5 of the
        range) are set to the bound.
    dtype : dtype
        In which the conversion is computed.
    size : int, optional
        Length of the result, not below that of `raw`; what is added is NaN.

    Returns
    -------
    values : ndarray
    dropped : int
        Number of values that were not NaN and now are.
    """
    kind = dtype.type
    if not raw.dtype.isnative or raw.dtype.kind not in "iufb" or raw.dtype in _UNKNOWN:
        # Compiled loops know neither foreign byte order nor half and extended precision.
        raw = raw.astype(dtype)
    slack = 1e-5 * (high - low) if np.isfinite(high - low) else 0.0
    out = np.empty(raw.size if size is None else size, dtype)
    out[raw.size :] = np.nan
    dropped = _clean(raw, out, kind(scale), kind(offset), kind(low), kind(high), kind(slack))
    return out, int(dropped)
