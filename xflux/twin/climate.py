"""The climate of the idealised Earth: sun, air and rain at places, step by step.

Arrays have the shape (step, place). What is usual for a place follows from its latitude,
height and distance to the sea; anomalies come from the weather. Every operation is done
value by value, so that a place gets the same bits whatever is computed beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xflux.numerics.radiation import top_of_atmosphere_radiation
from xflux.twin.geography import bumps
from xflux.twin.outlines import COLD, EL_NINO, RAIN
from xflux.twin.parameters import EARTH

__all__ = ["MONTHS", "Air", "Anomalies", "Place", "Steps", "air", "carbon_dioxide", "potential"]

Floats = NDArray[np.float64]

_STEFAN_BOLTZMANN = 5.670374e-8  # W m-2 K-4
#: Middle of the months of a mean year, in months since its beginning.
MONTHS: Floats = np.arange(12, dtype=np.float64)[:, None] + 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """What does not change, shape (place,).

    Attributes
    ----------
    lat, lon : ndarray
        Degrees.
    inland, elevation : ndarray
        Distance to the sea, km, and height, m.
    rain, rain_summer, cold : ndarray
        How rain and winter differ from what latitude makes usual.
    """

    lat: Floats
    lon: Floats
    inland: Floats
    elevation: Floats
    rain: Floats
    rain_summer: Floats
    cold: Floats

    @classmethod
    def at(cls, lat: Floats, lon: Floats, inland: Floats, elevation: Floats) -> Place:
        """Describe places."""
        rain, rain_summer = bumps(lat, lon, RAIN)
        (cold,) = bumps(lat, lon, COLD)
        return cls(lat, lon, inland, elevation, rain, rain_summer, cold)

    @property
    def el_nino(self) -> Floats:
        """Change of the logarithm of rain per unit of the index."""
        return bumps(self.lat, self.lon, EL_NINO)[0]


@dataclass(frozen=True, slots=True)
class Steps:
    """When each step is, shape (step, 1).

    Attributes
    ----------
    month : ndarray
        Middle of the step in months since the beginning of its year, 0 to 12.
    days : tuple of ndarray
        Days of the year over which sunshine is averaged.
    year : ndarray
        With decimals.
    """

    month: Floats
    days: tuple[Floats, ...]
    year: Floats

    @classmethod
    def between(cls, first: NDArray[np.int64], last: NDArray[np.int64]) -> Steps:
        """Describe steps that begin and end on days since 1900-01-01."""
        begins = np.datetime64("1900-01-01", "D") + first
        years = begins.astype("datetime64[Y]")
        new_year, next_year = (y.astype("datetime64[D]") for y in (years, years + 1))
        since = (begins - new_year).astype(np.float64)
        length = (next_year - new_year).astype(np.float64)
        span = (last - first).astype(np.float64)
        part = (since + 0.5 * span) / length
        # Sunshine curves over a month, as it does not over a day.
        shares = (0.5,) if np.all(span < 8.0) else (1 / 6, 1 / 2, 5 / 6)
        days = tuple((since + share * span + 0.5)[:, None] for share in shares)
        year = years.astype(np.int64) + 1970.0
        return cls(12.0 * part[:, None], days, (year + part)[:, None])

    @classmethod
    def of_mean_year(cls) -> Steps:
        """Return the twelve months by which places are described."""
        return cls(MONTHS, (MONTHS * (365.25 / 12.0),), np.full((12, 1), 2000.0))


@dataclass(frozen=True, slots=True)
class Anomalies:
    """How a step differs from what is usual, shape (step, place) or broadcasting to it.

    Attributes
    ----------
    warmth, warmth_felt, soil_warmth : ndarray
        Of the air, as plants are used to it, and of the soil, degC.
    rain, rain_stored : ndarray
        Of the logarithm of rain, and as the soil holds it.
    excess : ndarray (step, 1)
        By how much the logarithm of the mean of rain is above the mean of its logarithm.
    """

    warmth: Floats
    warmth_felt: Floats
    soil_warmth: Floats
    rain: Floats
    rain_stored: Floats
    excess: Floats

    @classmethod
    def none(cls) -> Anomalies:
        """Return the anomalies of a mean year."""
        zero = np.zeros((1, 1))
        return cls(zero, zero, zero, zero, zero, zero)


@dataclass(frozen=True, slots=True)
class Air:
    """Climate, shape (step, place).

    Attributes
    ----------
    ta, td : ndarray
        Air temperature and dew point, degC.
    swin, lwin : ndarray
        Downwelling shortwave and longwave radiation, W m-2.
    p : ndarray
        Precipitation, mm d-1.
    """

    ta: Floats
    td: Floats
    swin: Floats
    lwin: Floats
    p: Floats


def air(place: Place, steps: Steps, anomalies: Anomalies) -> Air:
    """Compute the climate of places from what is usual and what is not.

    Parameters
    ----------
    place : Place
    steps : Steps
    anomalies : Anomalies

    Returns
    -------
    Air

    Notes
    -----
    Forms of our own, chosen to resemble the Earth. With wetness w (below): rain is ``9.4 w^1.25``
    where air is warm, times the exponential of its anomaly; cloud grows with w, latitude and
    rain; sunshine is that above the air (FAO-56, eqs 21 to 25) times ``1 - cloud``; relative
    humidity grows with w. Saturation is after Magnus (WMO 2008), longwave radiation after Brutsaert
    (1975, Water Resources Research 11, eq. 11), raised by cloud.
    """
    wet = _wetness(place, steps.month)
    ta = _temperature(place, steps.month) - 2.0 * wet + anomalies.warmth
    # Cold air holds little that could rain.
    holds = 1.0 / (1.0 + np.exp(-(ta + 3.0) / 9.0))
    p = 9.4 * wet**1.25 * (0.12 + 0.88 * holds)
    p = p * np.exp(anomalies.rain - anomalies.excess)
    cloud = np.clip(
        0.345
        + 0.24 * np.minimum(wet, 1.2)
        + 0.13 * np.sin(np.deg2rad(place.lat)) ** 2
        + EARTH.cloud_of_rain * anomalies.rain,
        0.15,
        0.85,
    )
    top = sum(top_of_atmosphere_radiation(place.lat, day) for day in steps.days) / len(steps.days)
    swin = top * (1.0 - cloud) * (1.0 + 2e-5 * place.elevation)
    humidity = np.clip(0.24 + 0.53 * np.minimum(wet, 1.2) ** 0.6 + 0.04 * anomalies.rain, 0.1, 0.96)
    # Cold air is near saturation wherever it is.
    humidity = humidity + (0.82 - humidity) * np.clip(-ta / 25.0, 0.0, 0.9)
    vapour = humidity * saturation(ta)
    return Air(ta, dew_point(vapour), swin, _longwave(ta, vapour, cloud), p)


def carbon_dioxide(year: Floats) -> Floats:
    """Return the mole fraction of carbon dioxide, ppm."""
    return EARTH.co2_before + EARTH.co2_risen * np.exp((year - 2000.0) / EARTH.co2_growth)


def potential(weather: Air) -> Floats:
    """Return potential evapotranspiration, mm d-1, after Turc (1961)."""
    warm = np.maximum(weather.ta, 0.0)
    return 0.15 + 0.013 * warm / (warm + 15.0) * (2.065 * weather.swin + 50.0)


def saturation(ta: Floats) -> Floats:
    """Return vapour pressure at saturation, hPa, after Magnus (WMO 2008)."""
    return 6.112 * np.exp(17.62 * ta / (243.12 + ta))


def dew_point(vapour: Floats) -> Floats:
    """Invert `saturation`, degC."""
    log = np.log(vapour / 6.112)
    return 243.12 * log / (17.62 - log)


def _wetness(place: Place, month: Floats) -> Floats:
    """Return how wet a month is: rain belts, and what places make of them.

    A bell around the latitude of the tropical rains, which follow the sun, and one around that
    of the storms; times the exponential of what the map of rain says, and of the way from the
    sea. It saturates at 1.3.
    """
    lat, sun = place.lat, np.cos(2 * np.pi * (month - 0.8) / 12.0)
    # The tropical rains follow the sun by a month, further over the larger northern land.
    belt = 1.0 - 8.5 * np.cos(2 * np.pi * (month - 1.2) / 12.0)
    tropical = np.exp(-(((lat - belt) / 14.0) ** 2))
    # Storms move polewards in summer.
    storms = 47.0 - np.where(lat > 0.0, 5.0, -5.0) * sun
    temperate = 0.62 * np.exp(-(((np.abs(lat) - storms) / 20.0) ** 2))
    summer = -0.5 * np.where(lat > 0.0, 1.0, -1.0) * sun
    log = place.rain + place.rain_summer * summer - np.clip(place.inland, 0.0, 2500.0) / 5000.0
    flow = (tropical + temperate) * np.exp(log)
    return 1.3 * (1.0 - np.exp(-flow / 1.3))


def _temperature(place: Place, month: Floats) -> Floats:
    """Return air temperature, degC: warmest in late July in the north.

    ``28.8 - 30 s^2 - 17 s^6`` with the sine s of latitude, less a season that grows with
    latitude and the way from the sea, odd winters, and 5.8 K per km of height.
    """
    up = np.sin(np.deg2rad(place.lat))
    north = up > 0.0
    mean = 28.8 - 30.0 * up**2 - 17.0 * up**6
    inland = 1.0 - np.exp(-np.clip(place.inland, 0.0, None) / 700.0)
    swing = np.where(north, 1.0, -1.0) * np.abs(up) ** 1.3 * (11.5 + 13.0 * inland)
    winter = np.cos(2 * np.pi * (month - 0.8) / 12.0)
    # Winters that differ differ by half as much over the year, and not in summer.
    odd = place.cold * (0.5 + 0.5 * winter)
    return mean - swing * winter + odd - 0.0058 * place.elevation


def _longwave(ta: Floats, vapour: Floats, cloud: Floats) -> Floats:
    """Return downwelling longwave radiation, W m-2: Brutsaert (1975), raised by cloud."""
    kelvin = ta + 273.15
    clear = 1.24 * (vapour / kelvin) ** (1.0 / 7.0)
    emissivity = np.minimum(clear * (1.0 + 0.22 * np.minimum(1.6 * cloud, 1.0) ** 2), 1.0)
    return emissivity * _STEFAN_BOLTZMANN * kelvin**4
