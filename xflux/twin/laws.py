"""The true fluxes of the idealised Earth, by laws that differ from those of the baselines.

Uptake saturates with light, acclimates to warmth, and falls with dry air and dry soil;
respiration is of plants that acclimate and of soils that lag the air and need water;
water leaves through stomata, soil and wet leaves. Shape (step, place).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xflux.twin.climate import Air, saturation
from xflux.twin.land import Cover, mean_year, of_class
from xflux.twin.parameters import EARTH

__all__ = [
    "REFERENCE_CO2",
    "Pools",
    "State",
    "evaporation",
    "net_radiation",
    "pools",
    "respiration",
    "uptake",
]

Floats = NDArray[np.float64]

_STEFAN_BOLTZMANN = 5.670374e-8  # W m-2 K-4
_GAS = 8.314462618  # J mol-1 K-1
#: Carbon dioxide at which plants and pools are described, ppm.
REFERENCE_CO2 = 380.0
_WARM = 15.0  # degC at which rates are given


@dataclass(frozen=True, slots=True)
class State:
    """Plants and soils at each step.

    Attributes
    ----------
    felt, soil : ndarray
        Temperature that plants are used to, and that of the soil, degC.
    moisture : ndarray
        Soil moisture, 1.
    fapar : ndarray
    co2, co2_before : ndarray (step, 1)
        Carbon dioxide now, and that by which pools have grown, ppm.
    """

    felt: Floats
    soil: Floats
    moisture: Floats
    fapar: Floats
    co2: Floats
    co2_before: Floats


@dataclass(frozen=True, slots=True)
class Pools:
    """Rates at which plants and soils respire at 15 degC, g m-2 d-1, shape (place,)."""

    plants: Floats
    soils: Floats


def uptake(air: Air, state: State, cover: Cover) -> Floats:
    """Return gross primary production, g m-2 d-1 of carbon.

    Parameters
    ----------
    air : Air
    state : State
    cover : Cover

    Returns
    -------
    ndarray

    Notes
    -----
    ``P (1 - exp(-e PAR fAPAR f_D / P)) f_T f_W f_C`` with a saturation P and efficiency e by
    class; ``f_T = exp(-((ta - T_opt) / width)^2)`` with an optimum that follows the warmth of
    the last weeks, and none in frost; ``f_D = 1 / (1 + vpd / D)``; ``f_W = w (1 + k) /
    (w + k)``; ``f_C = 1 + b ln(co2 / 380)``.
    """
    light = EARTH.light_share * 0.0864 * air.swin * state.fapar  # MJ m-2 d-1
    vpd = np.maximum(saturation(air.ta) - saturation(air.td), 0.0)
    dry_air = 1.0 / (1.0 + vpd / of_class(cover.igbp, "dryness"))
    thirst = of_class(cover.igbp, "thirst")
    dry_soil = state.moisture * (1.0 + thirst) / (state.moisture + thirst)
    optimum = np.clip(EARTH.optimum_base + EARTH.optimum_slope * state.felt, 11.0, 29.0)
    away = air.ta - optimum
    width = np.where(away < 0.0, EARTH.optimum_width, 0.75 * EARTH.optimum_width)
    warmth = np.exp(-((away / width) ** 2)) / (1.0 + np.exp(-(state.felt - 3.5) / 2.0))
    efficiency = of_class(cover.igbp, "efficiency") * np.exp(cover.nutrients)
    efficiency = efficiency * (1.0 + EARTH.c4_gain * cover.c4_fraction)
    most = of_class(cover.igbp, "saturation") * np.exp(cover.nutrients)
    # A stand that was just disturbed has few leaves where satellites still see green.
    young = 1.0 - 0.3 * cover.regrowth**3
    limited = most * (1.0 - np.exp(-efficiency * light * dry_air / most))
    return limited * warmth * dry_soil * _fertilised(state.co2, cover) * young


def maintenance(air: Air, state: State, cover: Cover) -> Floats:
    """Return how fast plants respire over how fast at 15 degC; plants get used to warmth.

    Notes
    -----
    ``q10^((ta - 15) / 10) exp(-a (felt - 15))`` with a Q10 by class, and the warmth that plants
    are used to.
    """
    q10 = of_class(cover.igbp, "q10")
    return np.exp(np.log(q10) * (air.ta - _WARM) / 10.0 - EARTH.acclimation * (state.felt - _WARM))


def decay(state: State) -> Floats:
    """Return how fast soils decay over how fast at 15 degC and the best moisture.

    Notes
    -----
    ``exp(-E / R (1 / T - 1 / 288.15)) (1 - d ((w - w_best) / w_best)^2)`` with the temperature T
    of the soil in K, and its moisture w below the best; a flatter parabola above it.
    """
    kelvin = state.soil + 273.15
    warmth = np.exp(-EARTH.decay_energy * 1e3 / _GAS * (1.0 / kelvin - 1.0 / (_WARM + 273.15)))
    best = EARTH.decay_moisture
    below = np.minimum(state.moisture - best, 0.0) / best
    above = np.maximum(state.moisture - best, 0.0) / (1.0 - best)
    return warmth * (1.0 - EARTH.decay_drought * below * below - 0.3 * above * above)


def pools(air: Air, state: State, cover: Cover) -> Pools:
    """Find the rates by which places respire what they take up over a mean year.

    Parameters
    ----------
    air, state
        Of the twelve months of a mean year, shape (12, place).
    cover : Cover

    Returns
    -------
    Pools

    Notes
    -----
    With the means over the year of uptake G, maintenance m and decay d, the share a of uptake that
    plants respire and g of it for growth: ``(a - g) G / m`` of plants and ``(1 - a) (1 - s) G / d``
    of soils. Places that regrow are a sink s; those just disturbed a source.
    """
    taken = mean_year(uptake(air, state, cover))
    respired = of_class(cover.igbp, "respired")
    recent = cover.regrowth
    sink = EARTH.regrowth_sink * (4.0 * recent * (1.0 - recent) - 2.0 * recent**6)
    plants = (
        (respired - EARTH.growth_respiration) * taken / mean_year(maintenance(air, state, cover))
    )
    soils = (1.0 - respired) * (1.0 - sink) * taken / mean_year(decay(state))
    return Pools(plants, soils)


def respiration(
    gpp: Floats, air: Air, state: State, cover: Cover, rates: Pools
) -> tuple[Floats, Floats]:
    """Return respiration of plants and of soils, g m-2 d-1 of carbon.

    Parameters
    ----------
    gpp : ndarray
        Uptake, g m-2 d-1.
    air : Air
    state : State
    cover : Cover
    rates : Pools

    Returns
    -------
    ra, rh : ndarray

    Notes
    -----
    ``ra = g gpp + plants f_C m`` and ``rh = soils f_C d``, with maintenance m, decay d, and the
    fertilisation f_C of years ago: pools follow uptake, and what they lag behind is the sink.
    """
    grown = _fertilised(state.co2_before, cover)
    ra = EARTH.growth_respiration * gpp + rates.plants * grown * maintenance(air, state, cover)
    rh = rates.soils * grown * decay(state)
    return ra, rh


def _fertilised(co2: Floats, cover: Cover) -> Floats:
    """Return the factor by which carbon dioxide raises uptake: 1 at that of the description."""
    c4 = cover.c4_fraction
    gain = EARTH.fertilisation * (1.0 - c4) + EARTH.fertilisation_c4 * c4
    return 1.0 + gain * np.log(co2 / REFERENCE_CO2)


def net_radiation(air: Air, fapar: Floats) -> Floats:
    """Return net radiation, W m-2, of green, bare or snow-covered ground.

    Notes
    -----
    ``(1 - albedo) swin + 0.97 (lwin - sigma T^4)`` with an albedo of 0.29 of bare ground that falls
    with fAPAR and rises with snow.
    """
    snow = 1.0 / (1.0 + np.exp((air.ta + 2.0) / 1.5))
    albedo = 0.29 - 0.16 * fapar + 0.28 * snow * (1.0 - 0.7 * fapar)
    lost = 0.97 * _STEFAN_BOLTZMANN * (air.ta + 273.15) ** 4
    return (1.0 - albedo) * air.swin + 0.97 * air.lwin - lost


def evaporation(air: Air, state: State, cover: Cover, gpp: Floats, patm: Floats) -> Floats:
    """Return latent heat, W m-2: Penman and Monteith, with conductance that follows uptake.

    Parameters
    ----------
    air : Air
    state : State
    cover : Cover
    gpp : ndarray
        Uptake, g m-2 d-1.
    patm : ndarray (place,)
        Air pressure, Pa.

    Returns
    -------
    ndarray

    Notes
    -----
    ``(s Rn + rho c_p vpd g_a) / (s + gamma (1 + g_a / g))``; the conductance g is that of stomata,
    ``1.6 (1 + g1 / sqrt(vpd)) A / co2`` (Medlyn et al. 2011, Global Change Biology 17, eq. 11),
    and of soil, by the square of its moisture. Leaves that rain has wet evaporate by Priestley and
    Taylor (1972). Nothing evaporates in frost.
    """
    rnet = net_radiation(air, state.fapar)
    vpd = np.maximum(saturation(air.ta) - saturation(air.td), 0.3)  # hPa
    slope = saturation(air.ta) * 17.62 * 243.12 / (243.12 + air.ta) ** 2  # hPa K-1
    psychro = 6.65e-6 * patm  # hPa K-1, of patm in Pa
    to_molar = patm / (8.314462618 * (air.ta + 273.15))  # mol m-3
    assimilated = gpp / (12.0107 * 86400.0)  # mol m-2 s-1
    stomata = 1.6 * (1.0 + of_class(cover.igbp, "g1") / np.sqrt(0.1 * vpd)) * assimilated
    stomata = stomata / (state.co2 * 1e-6) / to_molar  # m s-1
    soil = EARTH.soil_conductance * state.moisture**2 * (1.0 - 0.7 * state.fapar)
    surface = stomata + soil + 1e-5
    aerial = of_class(cover.igbp, "roughness")
    heat = 1.2 * patm / 101325.0 * 1005.0  # J m-3 K-1
    drive = slope * np.maximum(rnet, 0.0) + heat * vpd * aerial
    dry = drive / (slope + psychro * (1.0 + aerial / surface))
    wet = slope * np.maximum(rnet, 0.0) * 1.26 / (slope + psychro)
    frozen = 1.0 / (1.0 + np.exp(-(air.ta - 0.5) / 1.5))
    share = EARTH.intercepted * state.fapar * air.p / (air.p + 4.0)
    return frozen * ((1.0 - share) * np.minimum(dry, 1.3 * wet + 5.0) + share * wet)
