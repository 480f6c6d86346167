"""Humidity of air: saturation, deficit and relative humidity, one from another.

Functions of plain arrays that broadcast against each other: temperatures in degC,
vapour pressures in hPa. float32 stays float32, NaN stays NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xflux.numerics.elementwise import floats

__all__ = [
    "relative_humidity_from_dewpoint",
    "relative_humidity_from_vpd",
    "saturation_slope",
    "saturation_vapour_pressure",
    "vpd_from_dewpoint",
    "vpd_from_relative_humidity",
    "vpd_from_specific_humidity",
    "vpd_from_vapour_pressure",
]

Array = NDArray[Any]

#: Magnus coefficients of FAO-56 (Allen et al. 1998, eq. 11): hPa, 1, degC.
_ES0, _MAGNUS, _OFFSET = 6.108, 17.27, 237.3
#: Vapour pressure over that at saturation beyond which a pair of values is an error.
_SUPERSATURATION = 1.05
#: Molar mass of water vapour over that of dry air.
_EPSILON = 0.622


def saturation_vapour_pressure(ta: ArrayLike) -> Array:
    """Return the vapour pressure at saturation over water.

    Parameters
    ----------
    ta : array_like
        Air temperature, degC.

    Returns
    -------
    ndarray
        Vapour pressure, hPa.

    Notes
    -----
    ``e_s = 6.108 exp(17.27 T / (T + 237.3))``, FAO-56 (Allen et al. 1998, eq. 11).
    Of a mean temperature it is below the mean of the pressures (about 5 % for a
    daily range of 15 degC).
    """
    t = floats(ta)
    return _ES0 * np.exp(_MAGNUS * t / (t + _OFFSET))


def saturation_slope(ta: ArrayLike) -> Array:
    """Return the slope of the saturation vapour pressure curve, hPa degC-1.

    Notes
    -----
    ``Delta = 4098 e_s / (T + 237.3)^2``, FAO-56 (Allen et al. 1998, eq. 13); 4098 is
    17.27 x 237.3, rounded.
    """
    t = floats(ta)
    # Two divisions, as the square would cost a pass over the array.
    return 4098.0 * saturation_vapour_pressure(t) / (t + _OFFSET) / (t + _OFFSET)


def _relative(pressure: Array, saturation: Array) -> Array:
    """Return vapour pressure over saturation: NaN below 0 and beyond slight supersaturation."""
    ratio = pressure / saturation
    valid = (ratio >= 0.0) & (ratio <= _SUPERSATURATION)
    return np.where(valid, np.minimum(ratio, 1.0), np.nan).astype(ratio.dtype, copy=False)


def vpd_from_vapour_pressure(ta: ArrayLike, ea: ArrayLike) -> Array:
    """Return the vapour pressure deficit of air from its vapour pressure.

    Parameters
    ----------
    ta : array_like
        Air temperature, degC.
    ea : array_like
        Vapour pressure, hPa.

    Returns
    -------
    ndarray
        Deficit, hPa, at least 0.

    Notes
    -----
    Vapour up to 5 % above saturation, which rounding and averaging produce, counts as
    saturated (0). What is more, or negative, contradicts itself and becomes NaN. This
    holds for all functions of humidity here.
    """
    saturation = saturation_vapour_pressure(ta)
    return saturation * (1.0 - _relative(floats(ea), saturation))


def vpd_from_dewpoint(ta: ArrayLike, td: ArrayLike) -> Array:
    """Return the vapour pressure deficit, hPa, from air and dew point temperature, degC.

    A dew point up to about 0.8 degC above the air is saturation, a higher one NaN.
    """
    return vpd_from_vapour_pressure(ta, saturation_vapour_pressure(td))


def vpd_from_relative_humidity(ta: ArrayLike, rh_air: ArrayLike) -> Array:
    """Return the vapour pressure deficit, hPa, from air temperature, degC, and humidity, 1."""
    saturation = saturation_vapour_pressure(ta)
    return vpd_from_vapour_pressure(ta, floats(rh_air) * saturation)


def vpd_from_specific_humidity(ta: ArrayLike, q: ArrayLike, patm: ArrayLike) -> Array:
    """Return the vapour pressure deficit from specific humidity.

    Parameters
    ----------
    ta : array_like
        Air temperature, degC.
    q : array_like
        Specific humidity, kg of vapour per kg of moist air.
    patm : array_like
        Air pressure, Pa.

    Returns
    -------
    ndarray
        Deficit, hPa.

    Notes
    -----
    ``e_a = q p / (0.622 + 0.378 q)``.
    """
    humidity = floats(q)
    pressure = 0.01 * floats(patm)
    vapour = humidity * pressure / (_EPSILON + (1.0 - _EPSILON) * humidity)
    return vpd_from_vapour_pressure(ta, vapour)


def relative_humidity_from_dewpoint(ta: ArrayLike, td: ArrayLike) -> Array:
    """Return relative humidity, 0 to 1, from air and dew point temperature, degC."""
    return _relative(saturation_vapour_pressure(td), saturation_vapour_pressure(ta))


def relative_humidity_from_vpd(ta: ArrayLike, vpd: ArrayLike) -> Array:
    """Return relative humidity, 0 to 1, from air temperature, degC, and deficit, hPa."""
    # A deficit averaged over hours can exceed the saturation at their mean temperature:
    # that air is dry, not wrong.
    ratio = np.maximum(1.0 - floats(vpd) / saturation_vapour_pressure(ta), 0.0)
    return _relative(ratio, np.ones_like(ratio))
