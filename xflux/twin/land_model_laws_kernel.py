"""The laws of the land models as scalar functions: what one place does in one month.

Carbon in g m-2, rates per day unless said otherwise, temperatures in degC, VPD in hPa. A model
chooses one law of each kind by its code; where a law needs numbers they are fields of
`xflux.twin.land_model_parameters.Numbers`.
"""

from __future__ import annotations

from math import exp, log, sqrt

from xflux.numerics.jit import inline

__all__ = [
    "LAI",
    "LEAF",
    "LEAF_LIFE",
    "REACH",
    "RESPIRED",
    "ROOT",
    "ROOT_LIFE",
    "STAY",
    "WOOD",
    "WOODY",
    "WOOD_LIFE",
    "allocated",
    "burnt",
    "decay_rate",
    "greenness",
    "maintenance_rate",
    "potential_evaporation",
    "respired_share",
    "turnover_rate",
    "uptake",
]

# Columns of the table of plant types.
(LEAF, WOOD, ROOT, LEAF_LIFE, WOOD_LIFE, ROOT_LIFE, RESPIRED, WOODY, REACH, LAI, STAY) = range(11)

_GAS = 8.314462618  # J mol-1 K-1
#: Carbon dioxide at which uptake is described, ppm.
_CO2 = 380.0


@inline
def _between(x, low, high):
    return min(max(x, low), high)


@inline
def potential_evaporation(ta, swin):
    # mm d-1, Turc (1961); snow and ice hardly evaporate.
    warm = max(ta, 0.0)
    return 0.15 + 0.013 * warm / (warm + 15.0) * (2.065 * swin + 50.0)


@inline
def greenness(law, n, kind, fapar, felt, moisture):
    """Share of light that leaves absorb: as satellites see it, or as a model thinks of it."""
    if law == 0:
        return fapar
    unfolding = _between((felt - n.unfolds) / 12.0, 0.0, 1.0)
    leafy = kind[STAY] * (0.55 + 0.45 * unfolding) + (1.0 - kind[STAY]) * unfolding
    water = min(1.2 * moisture / (moisture + 0.2), 1.0)
    return 1.0 - exp(-0.5 * n.canopy * kind[LAI] * leafy * water)


@inline
def uptake(law, n, kind, c4, ta, felt, vpd, swin, green, moisture, co2):
    """Gross primary production, g m-2 d-1."""
    light = 0.45 * 0.0864 * swin * green  # MJ m-2 d-1
    if light <= 0.0:
        return 0.0
    if law == 0:
        return n.efficiency * _light_use(n, c4, ta, felt, vpd, light, moisture, co2)
    if law == 1:
        return n.efficiency * _colimited(n, kind, c4, ta, vpd, light, green, moisture, co2)
    if law == 2:
        return n.efficiency * _stressed(n, kind, c4, ta, felt, vpd, light, green, moisture, co2)
    return n.efficiency * _watered(n, c4, ta, vpd, light, green, moisture, co2)


@inline
def _light_use(n, c4, ta, felt, vpd, light, moisture, co2):
    # Raich et al. (1991), eq. 8, for warmth; Running et al. (2004) for dry air.
    best = _between(n.optimum + n.adapts * (felt - 15.0), 12.0, 34.0)
    low, high = -4.0, best + 20.0
    if ta <= low or ta >= high:
        return 0.0
    span = (ta - low) * (ta - high)
    warmth = span / (span - (ta - best) ** 2)
    air = _between(1.0 - (vpd - 6.0) / n.dryness, 0.08, 1.0)
    soil = moisture * (1.0 + n.thirst) / (moisture + n.thirst)
    gain = n.fertilised * (1.0 - 0.7 * c4)
    return (1.0 + 0.2 * c4) * light * warmth * min(air, soil) * (1.0 + gain * log(co2 / _CO2))


@inline
def _colimited(n, kind, c4, ta, vpd, light, green, moisture, co2):
    # Collatz et al. (1991) as land surface models have it, carbon dioxide in leaves after
    # Medlyn et al. (2011), constants of Bernacchi et al. (2001) for air at sea level.
    kelvin = ta + 273.15
    hot = (ta - 25.0) / (298.15 * _GAS * kelvin)
    compensation = 42.75 * exp(37830.0 * hot)
    affinity = 710.0 * exp(62000.0 * hot)
    inside = co2 * n.dryness / (n.dryness + sqrt(0.1 * max(vpd, 0.5)))
    net = max(inside - compensation, 0.0)
    enzymes = 2.0 ** ((ta - 25.0) / 10.0)
    enzymes = enzymes / ((1.0 + exp(0.3 * (ta - n.optimum - 12.0))) * (1.0 + exp(0.3 * (2.0 - ta))))
    soil = _between((moisture - 0.02) / n.thirst, 0.0, 1.0)
    most = kind[REACH] * green * enzymes * soil
    by_enzymes = most * 4.0 * net / (inside + affinity)
    by_light = 1.6 * light * net / (inside + 2.0 * compensation)
    by_enzymes = (1.0 - c4) * by_enzymes + c4 * 0.9 * most
    by_light = (1.0 - c4) * by_light + c4 * 0.95 * light * min(soil + 0.3, 1.0)
    total = by_enzymes + by_light
    both = (total - sqrt(max(total * total - 3.6 * by_enzymes * by_light, 0.0))) / 1.8
    return both * (1.0 + n.fertilised * (1.0 - 0.7 * c4) * log(co2 / _CO2))


@inline
def _stressed(n, kind, c4, ta, felt, vpd, light, green, moisture, co2):
    # A hyperbola of light, and factors that multiply, as Jarvis (1976) has them.
    best = _between(n.optimum + n.adapts * (felt - 15.0), 10.0, 34.0)
    warmth = max(1.0 - ((ta - best) / 24.0) ** 2, 0.0)
    air = exp(-vpd / n.dryness)
    soil = _between((moisture - 0.01) / n.thirst, 0.0, 1.0)
    half = n.fertilised * (1.0 - 0.7 * c4)
    carbon = co2 / (co2 + half) * (_CO2 + half) / _CO2
    most = kind[REACH] * (0.2 + 0.8 * green)
    return most * 2.8 * light / (2.8 * light + most) * warmth * air * soil * carbon


@inline
def _watered(n, c4, ta, vpd, light, green, moisture, co2):
    # What light allows, less what the supply of water does not: Federer (1982), Haxeltine and
    # Prentice (1996). Carbon dioxide saves water.
    warmth = exp(-(((ta - n.optimum) / 15.0) ** 2)) / (1.0 + exp(-(ta - 1.0) / 1.5))
    half = n.fertilised * (1.0 - 0.7 * c4)
    carbon = co2 / (co2 + half) * (_CO2 + half) / _CO2
    wanted = light * warmth * carbon * (1.0 + 0.25 * c4)
    used = wanted * (vpd + 2.0) / n.dryness / (co2 / _CO2) * (1.0 - 0.4 * c4)
    supply = n.thirst * moisture * (0.25 + 0.75 * green)
    if used <= 0.0:
        return 0.0
    ratio = used / max(supply, 1e-9)
    return wanted / (1.0 + ratio * ratio * ratio) ** (1.0 / 3.0)


@inline
def respired_share(n, kind, felt):
    """Share of uptake that plants respire; more in warm places."""
    return _between(n.respires * kind[RESPIRED] + 0.0035 * (felt - 12.0), 0.25, 0.75)


@inline
def maintenance_rate(law, n, ta, felt):
    """Maintenance of living carbon per day: by a Q10, or of plants that get used to warmth."""
    if law == 1:
        return n.respires * 0.01 * exp(log(n.q10) * (ta - 15.0) / 10.0)
    # Tjoelker et al. (2001): the Q10 falls with warmth; the base rate does too.
    falls = 3.22 - 0.046 * _between(0.5 * (ta + 15.0), -10.0, 35.0)
    return n.respires * 0.01 * exp(log(falls) * (ta - 15.0) / 10.0 - 0.030 * (felt - 15.0))


@inline
def allocated(law, n, kind, green, moisture, ta, leaf, wood, root):
    """Shares of production for leaves and wood; the rest is for roots."""
    woody = kind[WOODY]
    if law == 0:
        return kind[LEAF], kind[WOOD]
    lai = -2.0 * log(max(1.0 - green, 0.02))
    if law == 1:
        # Friedlingstein et al. (1999), eqs 1 to 3: who lacks light grows stems, who lacks water
        # or nutrients grows roots.
        lit = max(exp(-0.5 * lai), 0.1)
        mineral = _between(exp(0.069 * (ta - 25.0)), 0.1, 1.0) * (0.3 + 0.7 * moisture)
        least = _between(min(moisture, mineral), 0.1, 1.0)
        below = 0.9 * lit / (lit + 2.0 * least)
        stem = 0.9 * least / (2.0 * lit + least)
        above = max(1.0 - below - stem, 0.05)
        stem = n.stems * stem * woody
        # What has no stem spreads over leaves and roots.
        rest = (1.0 - stem) / (above + below)
        return above * rest, stem
    if law == 2:
        # What lacks to leaves that the season can carry and to the roots that they need.
        wanted = lai / 0.022
        lacks_leaf = max(wanted - leaf, 0.0) + 6.0
        lacks_root = max(0.9 * wanted * (1.4 - moisture) - root, 0.0) + 9.0
        lacks_stem = n.stems * 55.0 * woody
        total = lacks_leaf + lacks_root + lacks_stem
        return lacks_leaf / total, lacks_stem / total
    # Stems grow to what leaves need (a power of 5/3, as in Cox 2001, eq. 53).
    needed = n.stems * 0.9 * (0.35 * leaf + 16.0 * lai + 1.0) ** (5.0 / 3.0)
    stem = 0.62 * woody * needed / (needed + 0.7 * wood + 1.0)
    return (1.0 - stem) * (0.38 + 0.24 * moisture), stem


@inline
def turnover_rate(law, n, ta, moisture, vigour):
    """How fast tissues turn over, over how fast the plant type does: of stems, of the others."""
    if law == 1:
        warm = exp(log(n.warm_turnover) * (_between(ta, -10.0, 35.0) - 15.0) / 10.0)
        return warm, warm
    if law == 2:
        lack = max(1.0 - moisture / 0.4, 0.0)
        return 0.8 + n.drought * lack * lack, 0.9 + 0.3 * n.drought * lack * lack
    if law == 3:
        return 0.45 + vigour / n.crowding, 1.0
    return 1.0, 1.0


@inline
def decay_rate(warmth_law, moisture_law, n, tsoil, moisture):
    """How fast dead carbon decays, over how fast at 15 degC in moist soil."""
    if warmth_law == 0:
        rate = exp(log(n.decay) * (tsoil - 15.0) / 10.0)
    elif warmth_law == 1:
        rate = exp(n.decay * (1.0 / 61.02 - 1.0 / (max(tsoil, -40.0) + 46.02)))
    else:
        rate = exp(-n.decay * 1e3 / _GAS * (1.0 / (tsoil + 273.15) - 1.0 / 288.15))
    if moisture_law == 1:
        return rate * moisture * 1.25 / (moisture + 0.25)
    if moisture_law == 2:
        away = (moisture - 0.62) / 0.62
        return rate * max(1.0 - 0.85 * away * away, 0.08)
    return rate


@inline
def burnt(n, ta, moisture, fuel):
    """Share of the land that burns in a month of thirty days."""
    if n.fire <= 0.0 or ta <= 2.0:
        return 0.0
    dry = max(1.0 - moisture / 0.55, 0.0)
    return min(n.fire * dry * dry * fuel / (fuel + 250.0) * min((ta - 2.0) / 15.0, 1.0), 0.25)
