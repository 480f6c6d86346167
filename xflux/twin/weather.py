"""The weather of the idealised Earth: what a seed draws, day by day and everywhere.

Anomalies are waves through the sphere whose amplitudes wander in time. A month is the mean
of its days, and a place sees the waves that pass it, so that a part of the world is the
same whatever else is generated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xflux.twin.climate import Anomalies, Place, Steps
from xflux.twin.parameters import EARTH

__all__ = ["FIRST", "LAST", "anomalies", "daily_weather", "waves"]

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

#: First and last day that has weather.
FIRST, LAST = np.datetime64("1900-01-01", "D"), np.datetime64("2100-12-31", "D")
#: Waves of each kind; more make a field more Gaussian, and slower.
_WAVES = 20


@dataclass(frozen=True, slots=True)
class Weather:
    """What a seed draws of the weather, by day since 1900.

    Attributes
    ----------
    warmth, rain : ndarray (day, wave)
        Amplitudes of the waves.
    warmth_felt, soil_warmth, rain_stored : ndarray (day, wave)
        The same as plants, soils and the water in them remember it.
    el_nino, el_nino_stored : ndarray (day,)
        Index of standard deviation 1, and as soils remember it.
    vectors : ndarray (kind, wave, 3)
        Directions of the waves of warmth and of rain.
    phases : ndarray (kind, wave)
    """

    warmth: NDArray[np.float32]
    rain: NDArray[np.float32]
    warmth_felt: NDArray[np.float32]
    soil_warmth: NDArray[np.float32]
    rain_stored: NDArray[np.float32]
    el_nino: NDArray[np.float32]
    el_nino_stored: NDArray[np.float32]
    vectors: Floats
    phases: Floats


def anomalies(seed: int, place: Place, steps: Steps, first: Days, last: Days) -> Anomalies:
    """Return how steps differ from what is usual for their place and season.

    Parameters
    ----------
    seed : int
    place : Place
    steps : Steps
    first, last : ndarray (step,)
        Days since 1900-01-01 at which steps begin and end.
    """
    drawn = daily_weather(seed)
    of_warmth, of_rain = (
        waves(place.lat, place.lon, drawn.vectors[kind], drawn.phases[kind]) for kind in (0, 1)
    )

    def passing(series: NDArray[np.float32], patterns: list[Floats]) -> Floats:
        amplitudes = _mean_of_days(series, first, last)
        total = np.zeros((first.size, place.lat.size))
        # Term by term: a matrix product may round otherwise for another number of places.
        for k, pattern in enumerate(patterns):
            total += amplitudes[:, k, None] * pattern
        return total

    up = np.abs(np.sin(np.deg2rad(place.lat)))
    winter = np.where(place.lat > 0, 0.5, -0.5) * np.cos(2 * np.pi * (steps.month - 0.8) / 12.0)
    cold = (
        up**1.3
        * (0.75 + 0.5 * winter)
        * (1.0 - 0.3 * np.exp(-np.maximum(place.inland, 0.0) / 500.0))
    )
    swing = EARTH.warm_swing + (EARTH.cold_swing - EARTH.warm_swing) * cold
    tropics = EARTH.el_nino_warmth * np.exp(-((place.lat / 23.0) ** 2))
    strong, lasting = (
        _mean_of_days(series, first, last)[:, None]
        for series in (drawn.el_nino, drawn.el_nino_stored)
    )
    rain = EARTH.rain_swing * passing(drawn.rain, of_rain) + place.el_nino * strong
    stored = EARTH.rain_swing * passing(drawn.rain_stored, of_rain) + place.el_nino * lasting
    # Rain cools where the sun is high.
    cooled = EARTH.rain_cools * (1.0 - cold)
    trend = EARTH.warming * (steps.year - 2000.0) * (1.0 + up * up)
    now = tropics * strong + trend - cooled * rain
    lately = tropics * lasting + trend - cooled * stored
    return Anomalies(
        swing * passing(drawn.warmth, of_warmth) + now,
        swing * passing(drawn.warmth_felt, of_warmth) + lately,
        swing * passing(drawn.soil_warmth, of_warmth) + lately,
        rain,
        stored,
        0.5 * EARTH.rain_swing**2 * _spread(last - first)[:, None],
    )


def waves(lat: Floats, lon: Floats, vectors: Floats, phases: Floats) -> list[Floats]:
    """Return each wave at each place.

    Parameters
    ----------
    lat, lon : ndarray (place,)
        Degrees.
    vectors : ndarray (wave, 3)
    phases : ndarray (wave,)
    """
    up, along = np.deg2rad(lat), np.deg2rad(lon)
    x, y, z = np.cos(up) * np.cos(along), np.cos(up) * np.sin(along), np.sin(up)
    return [
        np.cos(float(v[0]) * x + float(v[1]) * y + float(v[2]) * z + float(phase))
        for v, phase in zip(vectors, phases, strict=True)
    ]


@lru_cache(maxsize=2)
def daily_weather(seed: int) -> Weather:
    """Draw the weather of two centuries; kept, as every chunk asks for it."""
    from scipy.signal import lfilter

    random = np.random.default_rng([seed, 1])
    count = int((LAST - FIRST).astype(int)) + 1
    vectors = random.normal(size=(2, _WAVES, 3)) * 3.2
    phases = random.uniform(0.0, 2 * np.pi, (2, _WAVES))
    # Months are to have a standard deviation of 1, on waves of a mean square of a half.
    keep = float(np.exp(-1.0 / EARTH.weather_memory))
    scale = np.sqrt((1.0 - keep**2) / _mean_square(30) * 2.0 / _WAVES)

    def drawn() -> Floats:
        noise = random.normal(size=(count, _WAVES)) * scale
        noise[0] /= np.sqrt(1.0 - keep**2)
        return np.asarray(lfilter([1.0], [1.0, -keep], noise, axis=0), np.float64)

    def remembered(series: Floats, days: float) -> Floats:
        held = float(np.exp(-1.0 / days))
        return np.asarray(lfilter([1.0 - held], [1.0, -held], series, axis=0), np.float64)

    warmth, rain = drawn(), drawn()
    years = np.arange(count) / 365.25
    index = np.zeros(count)
    for period, phase in zip(EARTH.el_nino_periods, random.uniform(0.0, 2 * np.pi, 3), strict=True):
        index += np.sqrt(2.0 / 3.0) * np.cos(2 * np.pi * years / period + phase)
    daily = {
        "warmth": warmth,
        "rain": rain,
        "warmth_felt": remembered(warmth, EARTH.warmth_memory),
        "soil_warmth": remembered(warmth, EARTH.soil_warmth_memory),
        "rain_stored": remembered(rain, EARTH.soil_memory),
        "el_nino": index,
        "el_nino_stored": remembered(index, EARTH.soil_memory),
    }
    kept = {name: series.astype(np.float32) for name, series in daily.items()}
    return Weather(**kept, vectors=vectors, phases=phases)


def _mean_square(days: int) -> float:
    """Return the variance of the mean of days of the autoregression, over that of one day."""
    lags = np.arange(1, days)
    keep = float(np.exp(-1.0 / EARTH.weather_memory))
    return float(1.0 + 2.0 * np.sum((1.0 - lags / days) * keep**lags)) / days


def _spread(lengths: Days) -> Floats:
    """Return the variance of the weather of steps of some days, over that of months."""
    known = {int(days): _mean_square(int(days)) / _mean_square(30) for days in np.unique(lengths)}
    return np.array([known[int(days)] for days in lengths])


def _mean_of_days(series: NDArray[np.float32], first: Days, last: Days) -> Floats:
    """Average a daily series over steps from a first day to before a last one."""
    steps = zip(first, last, strict=True)
    return np.stack([series[begin:end].mean(axis=0, dtype=np.float64) for begin, end in steps])
