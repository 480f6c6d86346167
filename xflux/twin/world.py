"""The idealised Earth as plain arrays: what places are like, and what happens there.

Places have the shape (place,), what happens at time steps (step, place).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.numerics.meteorology import pressure_from_elevation
from xflux.twin.climate import Air, Anomalies, Place, Steps, air, carbon_dioxide, saturation
from xflux.twin.geography import elevation
from xflux.twin.land import Cover, Year, cover, fapar, is_woody, soil_moisture, year
from xflux.twin.laws import (
    REFERENCE_CO2,
    Pools,
    State,
    evaporation,
    net_radiation,
    pools,
    respiration,
    uptake,
)
from xflux.twin.parameters import EARTH
from xflux.twin.weather import anomalies, waves

__all__ = ["DRIVERS", "TRUTH", "Land", "Own", "at_steps", "describe"]

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

#: What models are told at each step.
DRIVERS = ("ta", "td", "vpd", "swin", "lwin", "rnet", "p", "tsoil", "fapar", "lai", "ndvi", "nirv")
#: What is true at each step.
TRUTH = ("gpp", "reco", "nee", "nep", "npp", "ra", "rh", "le", "soil_moisture")


@dataclass(frozen=True, slots=True)
class Land:
    """What a place is like, shape (place,).

    Attributes
    ----------
    inland, elevation : ndarray
        Distance to the sea, km, and height, m.
    igbp, c4_fraction, nutrients, regrowth : ndarray
        As in `xflux.twin.land.Cover`.
    plants, soils : ndarray
        As in `xflux.twin.laws.Pools`.
    """

    inland: Floats
    elevation: Floats
    igbp: Floats
    c4_fraction: Floats
    nutrients: Floats
    regrowth: Floats
    plants: Floats
    soils: Floats


@dataclass(frozen=True, slots=True)
class Own:
    """What sets a stand apart from the land around it, shape (place,).

    Attributes
    ----------
    efficiency, respiration : ndarray
        Logarithm of how much more it takes up, and respires of that.
    regrowth : ndarray
        As in `xflux.twin.land.Cover`; of woody stands.
    """

    efficiency: Floats
    respiration: Floats
    regrowth: Floats


def describe(seed: int, lat: Floats, lon: Floats, inland: Floats, own: Own | None = None) -> Land:
    """Describe places on land.

    Parameters
    ----------
    seed : int
    lat, lon : ndarray
        Degrees.
    inland : ndarray
        Distance to the sea, km.
    own : Own, optional
        Of single stands.
    """
    height = elevation(lat, lon, inland)
    place = Place.at(lat, lon, inland, height)
    usual, remembered = _usual(place)
    grows = cover(place, remembered, _patches(seed, lat, lon))
    if own is not None:
        grows = replace(
            grows,
            nutrients=grows.nutrients + own.efficiency,
            regrowth=np.where(is_woody(grows.igbp), own.regrowth, 0.0),
        )
    moisture = soil_moisture(remembered.supply, np.zeros((1, 1)))
    month = Steps.of_mean_year().month
    green = fapar(place, remembered, grows, month, remembered.felt, moisture)
    co2 = np.full((1, 1), REFERENCE_CO2)
    rates = pools(usual, State(remembered.felt, remembered.soil, moisture, green, co2, co2), grows)
    more = 1.0 if own is None else np.exp(own.respiration)
    return Land(
        inland, height, grows.igbp, grows.c4_fraction, grows.nutrients, grows.regrowth,
        rates.plants * more, rates.soils * more,
    )  # fmt: skip


def at_steps(
    seed: int, first: Days, last: Days, lat: Floats, lon: Floats, land: Land, names: tuple[str, ...]
) -> dict[str, Any]:
    """Compute drivers, and true fluxes where some are asked for.

    Parameters
    ----------
    seed : int
    first, last : ndarray (step,)
        Days since 1900-01-01 at which steps begin and end.
    lat, lon : ndarray (place,)
        Degrees.
    land : Land
    names : tuple of str
        Of `DRIVERS` and `TRUTH`.
    """
    place = Place.at(lat, lon, land.inland, land.elevation)
    grows = Cover(land.igbp, land.c4_fraction, land.nutrients, land.regrowth)
    steps = Steps.between(first, last)
    odd = anomalies(seed, place, steps, first, last)
    now = air(place, steps, odd)
    _, remembered = _usual(place)
    felt = _at_month(remembered.felt, steps.month) + odd.warmth_felt
    soil = _at_month(remembered.soil, steps.month) + odd.soil_warmth
    moisture = soil_moisture(_at_month(remembered.supply, steps.month), odd.rain_stored)
    green = fapar(place, remembered, grows, steps.month, felt, moisture)
    before = carbon_dioxide(steps.year - EARTH.pool_lag)
    state = State(felt, soil, moisture, green, carbon_dioxide(steps.year), before)
    made = _drivers(now, state)
    if set(names) - set(made):
        made |= _truth(now, state, grows, Pools(land.plants, land.soils), land.elevation)
    return {name: made[name] for name in names}


def _drivers(now: Air, state: State) -> dict[str, Any]:
    ndvi = 0.12 + 0.78 * state.fapar
    return {
        "ta": now.ta, "td": now.td,
        "vpd": np.maximum(saturation(now.ta) - saturation(now.td), 0.0),
        "swin": now.swin, "lwin": now.lwin, "rnet": net_radiation(now, state.fapar), "p": now.p,
        "tsoil": state.soil, "fapar": state.fapar, "lai": -2.0 * np.log(1.0 - state.fapar),
        "ndvi": ndvi, "nirv": (ndvi - 0.08) * 0.33,
    }  # fmt: skip


def _truth(now: Air, state: State, grows: Cover, rates: Pools, height: Floats) -> dict[str, Any]:
    exact = uptake(now, state, grows)
    le = evaporation(now, state, grows, exact, pressure_from_elevation(height))
    # What is kept is float32, in which identities are to hold.
    gpp, ra, rh = (
        flux.astype(np.float32) for flux in (exact, *respiration(exact, now, state, grows, rates))
    )
    reco = ra + rh
    return {
        "gpp": gpp, "reco": reco, "nee": reco - gpp, "nep": gpp - reco, "npp": gpp - ra, "ra": ra,
        "rh": rh, "le": le, "soil_moisture": state.moisture,
    }  # fmt: skip


def _usual(place: Place) -> tuple[Air, Year]:
    usual = air(place, Steps.of_mean_year(), Anomalies.none())
    return usual, year(usual)


def _at_month(monthly: Floats, month: Floats) -> Floats:
    """Interpolate twelve months, given at their middles, to the middle of steps."""
    result = np.zeros((month.shape[0], monthly.shape[1]))
    for k in range(12):
        away = np.abs(np.mod(month - (k + 0.5) + 6.0, 12.0) - 6.0)
        result += np.maximum(1.0 - away, 0.0) * monthly[k]
    return result


def _patches(seed: int, lat: Floats, lon: Floats) -> tuple[Floats, Floats, Floats]:
    """Return fields of land use, nutrients and disturbance, of mean 0 and deviation 1."""
    fields = []
    for vectors, phases in _patterns(seed):
        total = np.zeros(lat.shape)
        for wave in waves(lat, lon, vectors, phases):
            total += wave
        fields.append(total * np.sqrt(2.0 / len(phases)))
    use, nutrients, disturbed = fields
    return use, nutrients, disturbed


@lru_cache(maxsize=4)
def _patterns(seed: int) -> tuple[tuple[Floats, Floats], ...]:
    random = np.random.default_rng([seed, 2])
    return tuple(
        (random.normal(size=(20, 3)) * scale, random.uniform(0.0, 2 * np.pi, 20))
        for scale in (7.0, 9.0, 14.0)
    )
