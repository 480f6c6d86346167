"""The land of the idealised Earth: what grows where, how green it is, and how wet its soil.

Shapes are those of `xflux.twin.climate`: (step, place), (12, place) for the months of a
mean year, and (place,).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xflux.labels.variables import variables
from xflux.twin.climate import Air, Place, potential
from xflux.twin.parameters import EARTH

__all__ = [
    "Cover",
    "Year",
    "cover",
    "fapar",
    "is_woody",
    "mean_year",
    "of_class",
    "soil_moisture",
    "year",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Year:
    """The mean year of places, as plants and soils remember it; shape (12, place).

    Attributes
    ----------
    felt, soil : ndarray
        Temperature that plants are used to, and that of the soil, degC.
    supply : ndarray
        Rain over demand for water, as the soil has stored it, 1.
    mean, coldest, warmest : ndarray (place,)
        Temperature, degC.
    moisture : ndarray (place,)
        Mean soil moisture, 1.
    """

    felt: Floats
    soil: Floats
    supply: Floats
    mean: Floats
    coldest: Floats
    warmest: Floats
    moisture: Floats


@dataclass(frozen=True, slots=True)
class Cover:
    """What grows at places, shape (place,).

    Attributes
    ----------
    igbp : ndarray
        Code of the class.
    c4_fraction : ndarray
    nutrients : ndarray
        Logarithm of how much more efficient plants are than those of the class.
    regrowth : ndarray
        How recently the stand was disturbed: 0 long ago, 1 just now.
    """

    igbp: Floats
    c4_fraction: Floats
    nutrients: Floats
    regrowth: Floats


def year(usual: Air) -> Year:
    """Describe places by the twelve months of their mean year."""
    rain = _remembered(usual.p, EARTH.soil_memory)
    demand = _remembered(potential(usual), EARTH.soil_memory)
    supply = rain / demand
    soil = _remembered(usual.ta, EARTH.soil_warmth_memory)
    mean = mean_year(usual.ta)
    # Snow keeps soils from the coldest air.
    soil = np.where(soil < 0.0, 0.35 * soil, soil)
    return Year(
        _remembered(usual.ta, EARTH.warmth_memory),
        soil,
        supply,
        mean,
        _fold(np.minimum, usual.ta),
        _fold(np.maximum, usual.ta),
        mean_year(soil_moisture(supply, np.zeros((1, 1)))),
    )


def soil_moisture(supply: Floats, rain_stored: Floats) -> Floats:
    """Return soil moisture as a fraction of what plants can use.

    ``s^k / (1 + s^k)`` of the supply s over the demand of the last months.
    """
    filled = (supply * np.exp(rain_stored)) ** EARTH.soil_steepness
    return filled / (1.0 + filled)


def of_class(igbp: Floats, name: str) -> Floats:
    """Return a property of the plants of each place."""
    table = np.full(256, np.nan)
    for label, plants in EARTH.classes.items():
        table[_CODES[label]] = getattr(plants, name)
    return table[igbp.astype(np.int64)]


def is_woody(igbp: Floats) -> NDArray[np.bool_]:
    """Tell stands that regrow for years after a disturbance."""
    return np.asarray(of_class(igbp, "roughness") > 0.028)


_CODES = dict(variables["igbp"].classes or {})


def cover(place: Place, year: Year, patches: tuple[Floats, Floats, Floats]) -> Cover:
    """Decide what grows, from climate and patches.

    Parameters
    ----------
    place : Place
    year : Year
    patches : tuple of ndarray (place,)
        Fields of mean 0 and standard deviation 1: of land use, nutrients, disturbance.
    """
    use, fertile, disturbed = patches
    cold, warm, mean, moist = year.coldest, year.warmest, year.mean, year.moisture
    tropical = cold > 14.0
    boreal = ~tropical & (cold < -4.0) & (warm < 18.5)
    temperate = ~tropical & ~boreal
    rules = (
        ("SNO", (warm < 1.5) | ((place.lat > 58.0) & (place.elevation > 1100.0) & (warm < 6.0))),
        ("BSV", (moist < 0.075) | (warm < 4.5)),
        ("OSH", (warm < 10.0) | (moist < 0.15)),
        (
            "CRO",
            ~boreal & (mean > 5.0) & (moist > 0.2) & (moist < np.where(tropical, 0.45, 0.68))
            & (place.elevation < 1100.0) & (use > np.where(tropical, 1.1, 0.25))
            & (place.rain_summer > -0.45),
        ),
        ("EBF", tropical & (moist > 0.5)),
        ("WSA", tropical & (moist > 0.36)),
        ("SAV", tropical & (moist > 0.22)),
        ("DNF", boreal & (moist > 0.2) & (cold < -27.0)),
        ("ENF", boreal & (moist > 0.28) & (mean < 2.5 + use)),
        ("MF", boreal & (moist > 0.28)),
        ("CSH", temperate & (cold > 3.0) & (moist > 0.15) & (place.rain_summer < -0.45)),
        ("ENF", temperate & (moist > 0.4) & ((use < -0.9) | (place.elevation > 900.0))),
        ("MF", temperate & (moist > 0.4) & (mean < 8.0 + 2.0 * use)),
        ("DBF", temperate & (moist > 0.4)),
        ("WSA", temperate & (moist > 0.32)),
    )  # fmt: skip
    igbp = np.full(place.lat.shape, float(_CODES["GRA"]))
    for label, holds in reversed(rules):
        igbp = np.where(holds, float(_CODES[label]), igbp)
    share = np.zeros(igbp.shape)
    for label, most in (("SAV", 0.65), ("WSA", 0.35), ("GRA", 0.6), ("CRO", 0.25), ("OSH", 0.2)):
        share = np.where(igbp == _CODES[label], most, share)
    hot = np.clip((warm - 17.0) / 8.0, 0.0, 1.0)
    dry_summer = np.clip(1.0 + 2.0 * np.minimum(place.rain_summer, 0.0), 0.0, 1.0)
    # The share of the most recently disturbed land, evenly spread over it.
    rank = 1.0 / (1.0 + np.exp(-1.702 * disturbed))
    recent = np.clip((rank - 1.0 + EARTH.disturbed) / EARTH.disturbed, 0.0, 1.0)
    return Cover(
        igbp,
        share * hot * dry_summer,
        EARTH.nutrients * fertile,
        np.where(is_woody(igbp), recent, 0.0),
    )


def fapar(
    place: Place, year: Year, cover: Cover, month: Floats, felt: Floats, moisture: Floats
) -> Floats:
    """Return the fraction of light that leaves absorb: they follow warmth and water.

    Notes
    -----
    ``greenest w (e snow + (1 - e) unfolding) (1 - harvest)``: water w of the year and of the
    season, a share e of leaves that stay in winter, others that unfold smoothly from 5 to 16 degC
    of the warmth of the last weeks, and crops that are cut.
    """
    stay, most = (of_class(cover.igbp, name) for name in ("evergreen", "greenest"))
    water = 0.55 * year.moisture + 0.45 * moisture
    filled = np.minimum(1.25 * water / (water + 0.14), 1.0)
    unfolding = np.clip((felt - 5.0) / 11.0, 0.0, 1.0)
    unfolding = unfolding * unfolding * (3.0 - 2.0 * unfolding)
    # Snow hides some of what stays green.
    snow = 1.0 - 0.35 / (1.0 + np.exp((felt + 6.0) / 2.0))
    alive = np.clip((year.warmest - 1.0) / 9.0, 0.0, 1.0)
    crop = cover.igbp == _CODES["CRO"]
    harvest = np.where(place.lat > 0.0, 8.6, 2.6)
    since = np.mod(month - harvest + 6.0, 12.0) - 6.0
    cut = np.where(crop & (np.abs(place.lat) > 20.0), 0.45, 0.0) * np.exp(-((since / 1.1) ** 2))
    return most * filled * alive * (stay * snow + (1.0 - stay) * unfolding) * (1.0 - cut)


def _remembered(monthly: Floats, days: float) -> Floats:
    """Return an exponential mean over the months before, round the year."""
    keep = float(np.exp(-30.4375 / days))
    # The middle of the last month's weight lies in it; the year repeats for ever.
    total = np.zeros(monthly.shape[1:])
    for k in range(12):
        total = keep * total + (1.0 - keep) * monthly[k]
    state = total / (1.0 - keep**12)
    months = []
    for k in range(12):
        after = keep * state + (1.0 - keep) * monthly[k]
        months.append(0.5 * (state + after))
        state = after
    return np.stack(months)


def mean_year(monthly: Floats) -> Floats:
    """Return the mean of the months of a year, added in their order."""
    total = np.zeros(monthly.shape[1:])
    for month in monthly:
        total = total + month
    return total / len(monthly)


def _fold(function: np.ufunc, monthly: Floats) -> Floats:
    result = monthly[0]
    for k in range(1, 12):
        result = function(result, monthly[k])
    return np.asarray(result, np.float64)
