"""The P-model on plain arrays: scalar functions, and the loops that LLVM vectorises.

Units here are ta degC, vpd hPa, co2 ppm, patm Pa, fapar 1, ppfd umol m-2 s-1, gpp
g m-2 d-1 of carbon. Arrays are contiguous, 1-D, of one length and one dtype, float32 or
float64, and so are the constants. The order of operations is chosen for few divisions;
the equations as published stand in `xflux.baselines.photosynthesis`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from xflux.numerics.elementary import cbrt_normal, exp_normal, like, power
from xflux.numerics.jit import inline, jit
from xflux.numerics.water import water_fluidity

__all__ = [
    "Coefficients",
    "c3_none",
    "c3_smith19",
    "c3_wang17",
    "c4",
    "mengoli",
    "mix_c4",
    "optimality",
    "stocker",
]

#: Cells in a block; seven arrays of it fit into a first-level cache in float64.
_BLOCK = 512


class Coefficients(NamedTuple):
    """What the loops need to know of one pathway, in the dtype of the arrays."""

    scale: Any  # gpp per absorbed photons at a yield factor and an m of 1
    yield_0: Any  # yield factor over temperature, powers of degC
    yield_1: Any
    yield_2: Any
    zero_celsius: Any
    reference: Any  # degC
    gammastar: Any  # per Pa of patm, at the reference temperature
    gammastar_slope: Any  # exponent per relative distance from the reference temperature
    kc: Any  # Pa
    kc_slope: Any
    kc_oxygen: Any  # kc x oxygen / ko
    kc_oxygen_slope: Any
    cost: Any  # beta x viscosity at the reference / 1.6
    photorespiration: Any  # 1, or 0 where the pathway has none
    wang17_cost: Any
    wang17_power: Any  # its power 2/3
    smith19_theta: Any
    smith19_cost: Any  # 4 c
    smith19_limit: Any  # m below which the other root holds
    coldest_water: Any
    coldest_air: Any


@inline
def _kinetics(ta, patm, c):
    """Return gammastar and K (Pa); Kc O / Ko takes one exponential and no division."""
    warmth = (ta - c.reference) / (ta + c.zero_celsius)
    gammastar = c.gammastar * patm * exp_normal(c.gammastar_slope * warmth)
    oxygen = c.kc_oxygen * patm * exp_normal(c.kc_oxygen_slope * warmth)
    return gammastar, c.kc * exp_normal(c.kc_slope * warmth) + oxygen


@inline
def _xi_squared(gammastar, kmm, fluidity, c):
    return c.cost * (kmm + c.photorespiration * gammastar) * fluidity


@inline
def _m_light(ta, vpd, co2, patm, fluidity, c):
    """Return mj of C3, with chi put in: ``ci - G = (ca - G) / (1 + sqrt(D) / xi)``."""
    gammastar, kmm = _kinetics(ta, patm, c)
    one = like(1.0, ta)
    deficit = like(100.0, ta) * vpd
    closure = one + np.sqrt(deficit / _xi_squared(gammastar, kmm, fluidity, c))
    above = like(1e-6, ta) * co2 * patm - gammastar
    return above / (above + like(3.0, ta) * gammastar * closure)


@inline
def _limit_none(m, c):
    return m if m > like(0.0, m) else like(np.nan, m)


@inline
def _limit_wang17(m, c):
    """Return m f_v: m sqrt(1 - (c / m)^(2/3)) without the division."""
    limited = np.sqrt(m * (m - c.wang17_power * cbrt_normal(m)))
    return limited if m > c.wang17_cost else like(np.nan, m)


@inline
def _limit_smith19(m, c):
    """Return m f_v, with the square completed in omega, and f_v without its cancellation.

    As published, ``v = 1 / (r (1 - theta r)) - 4 theta`` with ``r = 4 c / m``, which is
    ``(1 - 2 theta r)^2 / (r (1 - theta r))`` and can round below 0 where it should be 0.
    """
    one = like(1.0, m)
    theta, cost = c.smith19_theta, c.smith19_cost
    away = abs(m - (theta + theta) * cost)
    root = away * np.sqrt((one - theta) / (cost * (m - theta * cost)))
    omega = theta + theta - one + (-root if m < c.smith19_limit else root)
    total = one + omega
    f_v = (omega + omega) / (total + np.sqrt(total * total - like(4.0, m) * theta * omega))
    return m * f_v if (m > like(0.0, m)) & (omega > like(0.0, m)) else like(np.nan, m)


@inline
def _absorbed(ta, fapar, ppfd, c):
    """Return what GPP would be with an m of 1."""
    factor = c.yield_0 + ta * (c.yield_1 + ta * c.yield_2)
    zero = like(0.0, ta)
    factor = factor if factor > zero else zero
    # Sensors read a little below 0 at night; the comparison keeps NaN.
    light = zero if ppfd < zero else ppfd
    return c.scale * factor * fapar * light


@inline
def _screen(gpp, absorbed, ta, vpd, co2, patm, c):
    """Return 0 where nothing is absorbed or turned over, NaN where an input is no good.

    Water has no viscosity below `coldest_water`, so that m is unknown there; but what
    is multiplied by 0 need not be known. NaN in fapar and ppfd is NaN in `absorbed`.
    """
    nan = like(np.nan, ta)
    gpp = gpp if ta >= c.coldest_water else nan
    # The product is 0, or NaN with co2 and patm.
    gpp = absorbed * (co2 * patm) if absorbed == like(0.0, ta) else gpp
    return gpp if (ta >= c.coldest_air) & (vpd >= like(0.0, ta)) else nan


@inline
def _c4(ta, vpd, co2, patm, fapar, ppfd, c):
    """Return GPP of C4, where m is 1 and its limitation part of `scale`."""
    absorbed = _absorbed(ta, fapar, ppfd, c)
    gpp = absorbed if (co2 == co2) & (patm == patm) else like(np.nan, ta)
    return _screen(gpp, absorbed, ta, vpd, co2, patm, c)


@inline
def _c3(limit, ta, vpd, co2, patm, fapar, ppfd, c, gpp):
    """Write GPP of C3 with a limit to Jmax.

    `gpp` carries the result of one pass to the next: three short loops over a block that
    stays in the first-level cache run faster than a long one, in which a processor waits
    for a chain of operations and cannot look as far ahead as the next cell.
    """
    for start in range(0, gpp.size, _BLOCK):
        stop = start + _BLOCK
        t, d, a, p = ta[start:stop], vpd[start:stop], co2[start:stop], patm[start:stop]
        f, q, x = fapar[start:stop], ppfd[start:stop], gpp[start:stop]
        for i in range(x.size):
            x[i] = water_fluidity(t[i], p[i])
        for i in range(x.size):
            x[i] = _m_light(t[i], d[i], a[i], p[i], x[i], c)
        for i in range(x.size):
            light = _absorbed(t[i], f[i], q[i], c)
            x[i] = _screen(light * limit(x[i], c), light, t[i], d[i], a[i], p[i], c)


@jit
def c3_none(ta, vpd, co2, patm, fapar, ppfd, c, gpp):
    """Write GPP of C3 without a limit to Jmax into `gpp`."""
    _c3(_limit_none, ta, vpd, co2, patm, fapar, ppfd, c, gpp)


@jit
def c3_wang17(ta, vpd, co2, patm, fapar, ppfd, c, gpp):
    """Write GPP of C3 with the limit of Wang et al. (2017) into `gpp`."""
    _c3(_limit_wang17, ta, vpd, co2, patm, fapar, ppfd, c, gpp)


@jit
def c3_smith19(ta, vpd, co2, patm, fapar, ppfd, c, gpp):
    """Write GPP of C3 with the limit of Smith et al. (2019) into `gpp`."""
    _c3(_limit_smith19, ta, vpd, co2, patm, fapar, ppfd, c, gpp)


@jit
def c4(ta, vpd, co2, patm, fapar, ppfd, c, gpp):
    """Write GPP of C4 into `gpp`."""
    for i in range(gpp.size):
        gpp[i] = _c4(ta[i], vpd[i], co2[i], patm[i], fapar[i], ppfd[i], c)


@jit
def mix_c4(ta, vpd, co2, patm, fapar, ppfd, fraction, c, gpp):
    """Turn GPP of C3 in `gpp` into that of a mixture with `fraction` of C4."""
    for i in range(gpp.size):
        f = fraction[i]
        one, zero = like(1.0, f), like(0.0, f)
        pure = _c4(ta[i], vpd[i], co2[i], patm[i], fapar[i], ppfd[i], c)
        mixed = (one - f) * gpp[i] + f * pure
        # Pure cells take nothing from the other pathway, not even its NaN.
        mixed = gpp[i] if f == zero else mixed
        gpp[i] = pure if f == one else mixed


@jit
def optimality(ta, vpd, co2, patm, c, gammastar, kmm, fluidity, xi, chi):
    """Write gammastar and K (Pa), fluidity (Pa-1 s-1), xi (Pa1/2) and chi of one pathway."""
    for i in range(ta.size):
        nan, zero = like(np.nan, ta[i]), like(0.0, ta[i])
        gamma, k = _kinetics(ta[i], patm[i], c)
        flow = water_fluidity(ta[i], patm[i])
        slope = np.sqrt(_xi_squared(gamma, k, flow, c))
        ca = like(1e-6, ta[i]) * co2[i] * patm[i]
        inside = c.photorespiration * gamma
        opening = slope / (slope + np.sqrt(like(100.0, ta[i]) * vpd[i]))
        air = ta[i] >= c.coldest_air
        liquid = ta[i] >= c.coldest_water
        gammastar[i] = gamma if air else nan
        kmm[i] = k if air else nan
        fluidity[i] = flow if liquid else nan
        xi[i] = slope if liquid else nan
        chi[i] = (inside + (ca - inside) * opening) / ca if liquid & (vpd[i] >= zero) else nan


@jit
def stocker(soil_moisture, threshold, curvature, stress):
    """Write ``1 - curvature (m - threshold)^2``, 1 above the threshold, into `stress`."""
    for i in range(stress.size):
        m = soil_moisture[i]
        one, zero = like(1.0, m), like(0.0, m)
        away = m - threshold
        value = one - curvature * away * away
        value = value if value > zero else zero
        value = one if (m > threshold) | (value > one) else value
        stress[i] = value if m == m else m


@jit
def mengoli(soil_moisture, aridity, level, level_exponent, threshold, threshold_exponent, stress):
    """Write the stress of Mengoli et al. (2023) into `stress`."""
    for i in range(stress.size):
        m, dryness = soil_moisture[i], aridity[i]
        one = like(1.0, m)
        top = level * power(dryness, level_exponent)
        top = one if top > one else top
        start = threshold * power(dryness, threshold_exponent)
        start = one if start > one else start
        value = top if m >= start else top * m / start
        stress[i] = value
