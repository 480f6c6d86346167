"""Net radiation where it was not measured, and radiation above the air, by FAO-56.

Functions of plain arrays that broadcast against each other, radiation in W m-2.
float32 stays float32, NaN stays NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xflux.numerics.elementwise import floats
from xflux.numerics.humidity import saturation_vapour_pressure

__all__ = [
    "mean_top_of_atmosphere_radiation",
    "net_radiation",
    "net_radiation_from_longwave",
    "top_of_atmosphere_radiation",
]

Array = NDArray[Any]

#: Stefan-Boltzmann constant, W m-2 K-4 (CODATA 2018).
_SIGMA = 5.670374e-8
#: Solar constant of FAO-56, W m-2 (0.0820 MJ m-2 min-1).
_SOLAR_CONSTANT = 0.0820e6 / 60.0
_KELVIN = 273.15
#: Values of a table of latitudes and days that is made at once.
_TABLE = 1_000_000


def net_radiation_from_longwave(
    swin: ArrayLike,
    lwin: ArrayLike,
    ta: ArrayLike,
    *,
    albedo: float = 0.23,
    emissivity: float = 0.98,
) -> Array:
    """Estimate net radiation from both downwelling fluxes.

    Parameters
    ----------
    swin, lwin : array_like
        Downwelling shortwave and longwave radiation, W m-2.
    ta : array_like
        Air temperature, degC, taken for that of the surface.
    albedo : float, default 0.23
        Of the surface (FAO-56, grass; forests have 0.09 to 0.15).
    emissivity : float, default 0.98
        Of the surface.

    Returns
    -------
    ndarray
        Net radiation, W m-2, positive downward.

    Notes
    -----
    ``R_n = (1 - albedo) S + emissivity (L - sigma T^4)``.
    """
    kelvin = floats(ta) + _KELVIN
    square = kelvin * kelvin
    return (1.0 - albedo) * floats(swin) + emissivity * (floats(lwin) - _SIGMA * square * square)


def net_radiation(
    swin: ArrayLike,
    ta: ArrayLike,
    *,
    vpd: ArrayLike | None = None,
    toa: ArrayLike | None = None,
    albedo: float = 0.23,
) -> Array:
    """Estimate net radiation from shortwave radiation and air temperature.

    Parameters
    ----------
    swin : array_like
        Downwelling shortwave radiation, W m-2.
    ta : array_like
        Air temperature, degC.
    vpd : array_like, optional
        Vapour pressure deficit, hPa; without it relative humidity is taken as 0.7.
    toa : array_like, optional
        Radiation at the top of the atmosphere, W m-2 (`top_of_atmosphere_radiation`),
        by which the cloudiness follows from `swin`; without it (or where it is below
        10 W m-2) the sky is taken as of 0.7 of clear-sky radiation.
    albedo : float, default 0.23
        Of the surface (FAO-56, grass; forests have 0.09 to 0.15).

    Returns
    -------
    ndarray
        Net radiation, W m-2, positive downward.

    Notes
    -----
    Net longwave radiation of FAO-56 (Allen et al. 1998, eqs 37 to 40)::

        R_n = (1 - albedo) S - sigma T^4 (0.34 - 0.14 sqrt(e_a)) (1.35 S / S_0 - 0.35)

    with e_a in kPa, S_0 = 0.75 toa, and S / S_0 held in 0.3 to 1.
    """
    shortwave, t = floats(swin), floats(ta)
    saturation = 0.1 * saturation_vapour_pressure(t)
    if vpd is None:
        vapour = 0.7 * saturation
    else:
        vapour = np.maximum(saturation - 0.1 * floats(vpd), 0.0)
    if toa is None:
        clear: Array | float = 0.7
    else:
        above = floats(toa)
        clear = np.clip(shortwave / (0.75 * np.maximum(above, 10.0)), 0.3, 1.0)
        clear = np.where(above < 10.0, 0.7, clear).astype(clear.dtype, copy=False)
    kelvin = t + _KELVIN
    square = kelvin * kelvin
    loss = _SIGMA * square * square * (0.34 - 0.14 * np.sqrt(vapour)) * (1.35 * clear - 0.35)
    return (1.0 - albedo) * shortwave - loss


def top_of_atmosphere_radiation(latitude: ArrayLike, day_of_year: ArrayLike) -> Array:
    """Return the daily mean of solar radiation on a horizontal plane above the air.

    Parameters
    ----------
    latitude : array_like
        Degrees north.
    day_of_year : array_like
        1 to 366.

    Returns
    -------
    ndarray
        Radiation, W m-2; 0 in the polar night.

    Notes
    -----
    FAO-56 (Allen et al. 1998, eqs 21 to 25).
    """
    phi = np.deg2rad(floats(latitude))
    angle = (2.0 * np.pi / 365.0) * floats(day_of_year)
    distance = 1.0 + 0.033 * np.cos(angle)
    declination = 0.409 * np.sin(angle - 1.39)
    # Beyond the polar circles the sun does not set, or does not rise.
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1.0, 1.0))
    sine = np.sin(phi) * np.sin(declination)
    cosine = np.cos(phi) * np.cos(declination)
    daily = sunset * sine + cosine * np.sin(sunset)
    return (_SOLAR_CONSTANT / np.pi) * distance * daily


def mean_top_of_atmosphere_radiation(
    latitude: ArrayLike, day_of_year: ArrayLike, first: ArrayLike
) -> Array:
    """Return the mean of daily radiation above the air over steps of whole days.

    Parameters
    ----------
    latitude : array_like (place,)
        Degrees north.
    day_of_year : array_like (day,)
        1 to 366, of every day of every step, one step after the other.
    first : array_like of int (step,)
        Where in `day_of_year` each step begins; each has one day or more.

    Returns
    -------
    ndarray (place, step)
        Radiation, W m-2, in the dtype of `latitude`.

    Notes
    -----
    Means of `top_of_atmosphere_radiation`, which is the integral over each day.
    """
    places = floats(latitude)
    known, which = np.unique(np.asarray(day_of_year, np.float64), return_inverse=True)
    starts = np.asarray(first, np.intp)
    length = np.diff(starts, append=which.size)
    means = np.empty((places.size, starts.size), places.dtype)
    rows = max(1, _TABLE // max(which.size, known.size))
    for start in range(0, places.size, rows):
        part = places[start : start + rows, None].astype(np.float64)
        table = top_of_atmosphere_radiation(part, known)
        means[start : start + rows] = np.add.reduceat(table[:, which], starts, axis=1) / length
    return means
