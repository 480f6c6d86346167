"""The climate of the made-up world: plain arrays by month, latitude and wetness.

Rough forms of the zonal means over the Earth's land: a warm wet belt that follows the sun,
dry subtropics, wet middle latitudes, and winters that deepen towards the north.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Climate", "climate"]

_SOLAR_CONSTANT = 1361.0  # W m-2
_STEFAN_BOLTZMANN = 5.670374e-8  # W m-2 K-4

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Climate:
    """Fields that broadcast over (month, lat, lon).

    Attributes
    ----------
    ta, td : ndarray
        Air temperature and dew point, degC.
    swin, lwin : ndarray
        Downwelling shortwave and longwave radiation, W m-2.
    fapar : ndarray
        Green cover as the share of light that it absorbs, 1.
    """

    ta: Floats
    td: Floats
    swin: Floats
    lwin: Floats
    fapar: Floats


def climate(lat: Floats, month: Floats, elevation: Floats, dryness: Floats) -> Climate:
    """Compute a climate from place and season.

    Parameters
    ----------
    lat : ndarray
        Degrees north, shape (lat, 1).
    month : ndarray
        Middle of the months in months since the first of January, shape (month, 1, 1); of
        one or more years of twelve.
    elevation : ndarray
        m, shape (lat, lon).
    dryness : ndarray
        Which longitudes are dry, of mean 0 and standard deviation 1, shape (lat, lon).

    Returns
    -------
    Climate
    """
    wetness = _wetness(lat, month, dryness)
    # Clouds and wet ground keep a place cooler than dry land at the same latitude.
    ta = _temperature(lat, month) - 2.5 * wetness.mean(axis=0) - 0.0065 * elevation
    # Plants live on what fell over the year, and on what falls in the season.
    moisture = 0.65 * wetness.mean(axis=0) + 0.35 * wetness
    humidity = 0.31 + 0.56 * wetness**0.8
    vapour = humidity * _saturation(ta)
    swin = _insolation(lat, month) * (0.57 - 0.2 * wetness)
    return Climate(
        ta, _dew_point(vapour), swin, _longwave(ta, vapour, wetness), _green(moisture, ta)
    )


def _temperature(lat: Floats, month: Floats) -> Floats:
    """Return air temperature at sea level, degC: warmest in late July in the north."""
    up = np.sin(np.deg2rad(lat))
    north = up > 0.0
    mean = 29.5 - np.where(north, 42.0, 36.0) * up**2
    # The south is mostly sea, and its seasons are mild.
    swing = np.where(north, 19.0, -11.0) * np.abs(up) ** 1.3
    return mean - swing * np.cos(2 * np.pi * (month - 0.8) / 12.0)


def _wetness(lat: Floats, month: Floats, dryness: Floats) -> Floats:
    """Return how wet a month is, 0 to 1: rain belts, less where it is dry."""
    # The tropical rains follow the sun by a month, further over the larger northern land.
    belt = 1.0 - 9.0 * np.cos(2 * np.pi * (month - 1.0) / 12.0)
    tropical = np.exp(-(((lat - belt) / 12.0) ** 2))
    temperate = 0.62 * np.exp(-(((np.abs(lat) - 54.0) / 17.0) ** 2))
    return np.clip((tropical + temperate) * (1.0 - 0.25 * dryness) - 0.03 * dryness, 0.0, 1.0)


def _green(moisture: Floats, ta: Floats) -> Floats:
    """Return fAPAR: saturates with moisture, and falls in the cold."""
    # Leaves follow the warmth of the month before, some stay all winter, and none live in
    # eternal frost.
    unfolded = 0.25 + 0.75 * np.clip(np.roll(ta, 1, axis=0) / 17.0, 0.0, 1.0)
    alive = np.clip(ta.max(axis=0) / 12.0 - 0.25, 0.0, 1.0)
    return 1.08 * moisture**1.2 / (moisture**1.2 + 0.25) * unfolded * alive


def _saturation(ta: Floats) -> Floats:
    """Return vapour pressure at saturation, hPa, after Magnus (WMO 2008)."""
    return 6.112 * np.exp(17.62 * ta / (243.12 + ta))


def _dew_point(vapour: Floats) -> Floats:
    """Invert `_saturation`, degC."""
    log = np.log(vapour / 6.112)
    return 243.12 * log / (17.62 - log)


def _longwave(ta: Floats, vapour: Floats, wetness: Floats) -> Floats:
    """Return downwelling longwave radiation, W m-2: Brutsaert (1975), raised by cloud."""
    kelvin = ta + 273.15
    clear = 1.24 * (vapour / kelvin) ** (1.0 / 7.0)
    emissivity = np.minimum(clear * (1.0 + 0.22 * (0.4 + 0.6 * wetness) ** 2), 1.0)
    return emissivity * _STEFAN_BOLTZMANN * kelvin**4


def _insolation(lat: Floats, month: Floats) -> Floats:
    """Return the mean daily radiation at the top of the atmosphere, W m-2.

    Declination after Cooper (1969); day length from the sunset hour angle.
    """
    day = month * 30.4375
    declination = np.deg2rad(23.45) * np.sin(2 * np.pi * (284.0 + day) / 365.0)
    up = np.deg2rad(lat)
    sunset = np.arccos(np.clip(-np.tan(up) * np.tan(declination), -1.0, 1.0))
    daily: Floats = (_SOLAR_CONSTANT / np.pi) * (
        sunset * np.sin(up) * np.sin(declination)
        + np.cos(up) * np.cos(declination) * np.sin(sunset)
    )
    return np.maximum(daily, 0.0)
