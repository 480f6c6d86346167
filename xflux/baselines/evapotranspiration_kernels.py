"""Loops of the latent heat models over contiguous 1-D arrays of one dtype.

Parameters come as a tuple of scalars of the same dtype. Vapour pressures are in kPa
inside, as in the sources of the equations.
"""

from __future__ import annotations

import numpy as np

from xflux.numerics.elementary import exp, like, power
from xflux.numerics.jit import inline, jit

__all__ = ["priestley_taylor", "priestley_taylor_by_pressure", "ptjpl", "ptjpl_details"]


@inline
def _unit(x):
    """Hold a value in 0 to 1; NaN stays NaN."""
    x = like(0.0, x) if x < like(0.0, x) else x
    return like(1.0, x) if x > like(1.0, x) else x


@inline
def _saturation(t, offset):
    """Return vapour pressure at saturation (kPa) over 0.6108 kPa, with the given offset."""
    return exp(like(17.27, t) * t / (t + offset))


@inline
def _slope_share(t, offset, gamma):
    """Return Delta / (Delta + gamma) with FAO-56's slope; `offset` is that in the exponent."""
    above = t + like(237.3, t)
    slope = like(4098.0 * 0.6108, t) * _saturation(t, offset) / (above * above)
    return slope / (slope + gamma)


@inline
def _psychrometric(patm):
    """Return FAO-56's psychrometric constant (kPa degC-1) by pressure (Pa)."""
    return like(0.665e-6, patm) * patm


@inline
def _from_ndvi(t, rnet, g, ndvi, alpha, gamma):
    greenness = _unit((ndvi - like(0.2, t)) / like(0.8, t))
    return alpha * greenness * _slope_share(t, like(237.3, t), gamma) * (rnet - g)


@jit
def priestley_taylor(parameters, ta, rnet, g, ndvi, out):
    """Fill `out` with latent heat at a fixed psychrometric constant."""
    alpha, gamma, low, high = parameters
    for i in range(out.size):
        t = ta[i]
        le = _from_ndvi(t, rnet[i], g[i], ndvi[i], alpha, gamma)
        out[i] = le if (t >= low) & (t <= high) else like(np.nan, t)


@jit
def priestley_taylor_by_pressure(parameters, ta, rnet, g, ndvi, patm, out):
    """Fill `out` with latent heat, the psychrometric constant following pressure."""
    alpha, _, low, high = parameters
    for i in range(out.size):
        t = ta[i]
        le = _from_ndvi(t, rnet[i], g[i], ndvi[i], alpha, _psychrometric(patm[i]))
        out[i] = le if (t >= low) & (t <= high) else like(np.nan, t)


@inline
def _ptjpl(t, t_max, vpd, rh, rnet, g, ndvi, index, t_opt, fapar_max, patm, parameters):
    """Return soil, canopy, interception, their sum, potential, and net radiation of the soil."""
    (
        alpha, gamma, k_ratio, beta, m1, b1, fipar_offset,
        saturated, offset, floor, from_rh, slope_offset, dry_below, dry, rising, limited, bare,
        low, high,
    ) = parameters  # fmt: skip
    zero, one, nan = like(0.0, t), like(1.0, t), like(np.nan, t)
    rh = _unit(rh)

    # Written so that comparisons with NaN keep NaN, or fail the test at the end.
    saturation = saturated * _saturation(t, offset)
    saturation = floor if saturation < floor else saturation
    deficit = saturation * (one - rh) if from_rh > zero else like(0.1, t) * vpd
    wet = rh * rh * rh * rh
    wet = dry if rh < dry_below else wet
    moist = _unit(power(rh, deficit / beta))

    intercepted = _unit(_unit(ndvi) - fipar_offset)
    absorbed = _unit(m1 * index + b1)
    # Where nothing intercepts light the canopy gets none, whatever its fractions are.
    green = one if absorbed >= intercepted else absorbed / intercepted
    dense = one if absorbed >= fapar_max else absorbed / fapar_max
    best = t_max if (rising > zero) & (t_max > t_opt) else t_opt
    best = like(0.1, t) if (rising > zero) & (best < like(0.1, t)) else best
    away = (t_max - best) / best
    warm = exp(-away * away) if best > zero else zero

    psychrometric = gamma if gamma > zero else _psychrometric(patm)
    factor = alpha * _slope_share(t, slope_offset, psychrometric)
    # exp(-k_rn LAI) with LAI = -log(1 - fIPAR) / k_par.
    rnet_soil = rnet * power(one - intercepted, k_ratio)
    rnet_canopy = rnet - rnet_soil
    soil = (wet + moist * (one - wet)) * factor * (rnet_soil - g)
    canopy = (one - wet) * green * warm * dense * factor * rnet_canopy
    interception = wet * factor * rnet_canopy
    potential = factor * (rnet - g)
    if limited > zero:
        soil = zero if soil < zero else soil
        canopy = zero if canopy < zero else canopy
        interception = zero if interception < zero else interception
    total = soil + canopy + interception
    total = potential if (limited > zero) & (total > potential) else total

    known = (t >= low) & (t <= high) & (t_max == t_max) & (vpd == vpd) & (rh == rh)
    known &= (rnet == rnet) & (g == g) & (ndvi == ndvi) & (index == index)
    known &= (t_opt == t_opt) & (fapar_max == fapar_max) & (patm == patm)
    known &= (bare <= zero) | (intercepted > zero)
    return (
        soil if known else nan,
        canopy if known else nan,
        interception if known else nan,
        total if known else nan,
        potential if known else nan,
        rnet_soil if known else nan,
    )


@jit
def ptjpl(
    parameters, ta, ta_max, vpd, rh, rnet, g, ndvi, index, t_opt, fapar_max, patm, out
):  # fmt: skip
    """Fill `out` with latent heat."""
    for i in range(out.size):
        out[i] = _ptjpl(
            ta[i], ta_max[i], vpd[i], rh[i], rnet[i], g[i], ndvi[i], index[i], t_opt[i],
            fapar_max[i], patm[i], parameters,
        )[3]  # fmt: skip


@jit
def ptjpl_details(
    parameters, ta, ta_max, vpd, rh, rnet, g, ndvi, index, t_opt, fapar_max, patm,
    soil, canopy, interception, total, potential, rnet_soil,
):  # fmt: skip
    """Fill the outputs with the parts of latent heat, and what they are made of."""
    for i in range(total.size):
        (
            soil[i], canopy[i], interception[i], total[i], potential[i], rnet_soil[i],
        ) = _ptjpl(
            ta[i], ta_max[i], vpd[i], rh[i], rnet[i], g[i], ndvi[i], index[i], t_opt[i],
            fapar_max[i], patm[i], parameters,
        )  # fmt: skip
