"""The carbon of the land models, month by month: what is taken up is respired, burnt, or held.

Pools hold g m-2: leaves, wood, roots, fine and coarse litter, fast and slow soil. All that
moves in a month is an amount that leaves one pool and enters another or the air, so that
carbon is conserved to the rounding of float64.
"""

from __future__ import annotations

from math import exp

import numpy as np

from xflux.numerics.jit import inline, jit
from xflux.twin.land_model_laws_kernel import (
    LEAF_LIFE,
    ROOT_LIFE,
    WOOD_LIFE,
    allocated,
    burnt,
    decay_rate,
    greenness,
    maintenance_rate,
    potential_evaporation,
    respired_share,
    turnover_rate,
    uptake,
)

__all__ = ["FLUXES", "POOLS", "run"]

#: Pools, and fluxes of a month, by position.
POOLS = ("leaf", "wood", "root", "fine", "coarse", "fast", "slow")
FLUXES = ("gpp", "ra", "rh", "fire", "to_leaf", "to_wood", "to_root")
_LEAF, _WOOD, _ROOT, _FINE, _COARSE, _FAST, _SLOW = range(7)
# What a month brings, by row of the table of rates.
_GPP, _GREEN, _MOIST, _AIR, _FELT, _KEEP, _DECAY = range(7)

_YEAR = 365.25
# Rounds of spin-up: years that run, and jumps to where they lead.
_ROUNDS, _YEARS = 7, 20


@inline
def _rates(laws, n, kind, c4, climate, days, co2, months, moisture, felt, rates):
    # What does not depend on pools. Returns soil moisture and the warmth that plants know.
    ta, vpd, swin, rain, tsoil, fapar = climate
    keep = exp(-30.4375 / n.warmth_memory)
    for t in range(months):
        felt = keep * felt + (1.0 - keep) * ta[t]
        water = moisture * n.bucket + rain[t] * days[t]
        wanted = potential_evaporation(ta[t], swin[t]) * days[t]
        used = min(water, wanted * (1.0 - exp(-n.draws * water / n.bucket)))
        after = min((water - used) / n.bucket, 1.0)
        between = 0.5 * (moisture + after)
        moisture = after
        green = greenness(laws.green, n, kind, fapar[t], felt, between)
        rates[_GPP, t] = uptake(
            laws.uptake, n, kind, c4, ta[t], felt, vpd[t], swin[t], green, between, co2[t]
        )
        rates[_GREEN, t] = green
        rates[_MOIST, t] = between
        rates[_AIR, t] = ta[t]
        rates[_FELT, t] = felt
        rates[_KEEP, t] = maintenance_rate(laws.respiration, n, ta[t], felt)
        rates[_DECAY, t] = decay_rate(laws.warmth, laws.moisture, n, tsoil[t], between)
    return moisture, felt


@inline
def _month(laws, n, kind, rates, t, green_before, days, vigour, pools, flux, left):
    # Moves what a month moves; `left` are the shares of pools that stay, for spin-up.
    leaf, wood, root, fine, coarse, fast, slow = pools
    green, moisture, ta = rates[_GREEN, t], rates[_MOIST, t], rates[_AIR, t]
    gpp = rates[_GPP, t] * days
    sap = wood * n.sapwood / (wood + n.sapwood)
    living = leaf + n.root_respires * root + n.sap_respires * sap
    if laws.respiration == 0:
        ra = gpp * respired_share(n, kind, rates[_FELT, t])
    else:
        # Plants that starve shut down.
        kept = min(rates[_KEEP, t] * days * living, gpp + 0.25 * (leaf + root * n.root_respires))
        ra = kept + n.growth * max(gpp - kept, 0.0)
    npp = gpp - ra
    if npp >= 0.0:
        share_leaf, share_wood = allocated(
            laws.allocation, n, kind, green, moisture, ta, leaf, wood, root
        )
        to_leaf, to_wood = npp * share_leaf, npp * share_wood
    else:
        to_leaf = npp * leaf / living
        to_wood = npp * n.sap_respires * sap / living
    to_root = npp - to_leaf - to_wood
    # Tissues die, and leaves fall when the land turns less green.
    of_stems, of_others = turnover_rate(laws.turnover, n, ta, moisture, vigour)
    falls = n.sheds * max(1.0 - green / max(green_before, 1e-6), 0.0)
    stay_leaf = exp(-days / _YEAR * of_others / (n.leaf_life * kind[LEAF_LIFE]) - falls)
    stay_wood = exp(-days / _YEAR * of_stems / (n.wood_life * kind[WOOD_LIFE]))
    stay_root = exp(-days / _YEAR * of_others / (n.root_life * kind[ROOT_LIFE]))
    dead_leaf, dead_wood, dead_root = (
        leaf * (1.0 - stay_leaf), wood * (1.0 - stay_wood), root * (1.0 - stay_root),
    )  # fmt: skip
    # Fire takes of what neither died nor decayed.
    fire = burnt(n, ta, moisture, fine) * days / 30.0
    rate = rates[_DECAY, t] * days / _YEAR
    stay_fine, stay_coarse = exp(-n.fine * rate), exp(-n.coarse * rate)
    stay_fast, stay_slow = exp(-n.fast * rate), exp(-n.slow * rate)
    gone_fine, gone_coarse = fine * (1.0 - stay_fine), coarse * (1.0 - stay_coarse)
    gone_fast, gone_slow = fast * (1.0 - stay_fast), slow * (1.0 - stay_slow)
    fire_leaf = 0.6 * fire * (leaf - dead_leaf)
    fire_wood = 0.03 * fire * (wood - dead_wood)
    fire_fine = 0.8 * fire * (fine - gone_fine)
    fire_coarse = 0.4 * fire * (coarse - gone_coarse)
    into_fast = n.fine_to_soil * gone_fine + n.coarse_to_soil * gone_coarse
    into_slow = n.fast_to_slow * gone_fast
    flux[0], flux[1] = gpp, ra
    flux[2] = (gone_fine - n.fine_to_soil * gone_fine) + (
        gone_coarse - n.coarse_to_soil * gone_coarse
    ) + (gone_fast - into_slow) + gone_slow  # fmt: skip
    flux[3] = fire_leaf + fire_wood + fire_fine + fire_coarse
    flux[4], flux[5], flux[6] = to_leaf, to_wood, to_root
    left[0] = stay_wood * (1.0 - 0.03 * fire)
    left[1] = stay_fine * (1.0 - 0.8 * fire)
    left[2] = stay_coarse * (1.0 - 0.4 * fire)
    left[3], left[4] = stay_fast, stay_slow
    return (
        leaf + to_leaf - dead_leaf - fire_leaf,
        wood + to_wood - dead_wood - fire_wood,
        root + to_root - dead_root,
        fine + dead_leaf + dead_root - gone_fine - fire_fine,
        coarse + dead_wood - gone_coarse - fire_coarse,
        fast + into_fast - gone_fast,
        slow + into_slow - gone_slow,
    )


@inline
def _spin_up(laws, n, kind, mean, flux, left):
    # Mean years until pools repeat; the slow ones jump to where a year of theirs leads.
    pools = (60.0, 500.0, 60.0, 200.0, 200.0, 0.0, 0.0)
    vigour, before = 0.0, mean[_GREEN, 11]
    for k in range(_ROUNDS * _YEARS):
        first, wood, fine, coarse = pools, 1.0, 1.0, 1.0
        for t in range(12):
            pools = _month(laws, n, kind, mean, t, before, _YEAR / 12.0, vigour, pools, flux, left)
            before = mean[_GREEN, t]
            vigour += (max(flux[4] + flux[5] + flux[6], 0.0) * 12.0 - vigour) / 36.0
            wood, fine, coarse = wood * left[0], fine * left[1], coarse * left[2]
        if k % _YEARS == _YEARS - 1 and k < (_ROUNDS - 1) * _YEARS:
            pools = (
                pools[_LEAF],
                _fixed_point(first[_WOOD], pools[_WOOD], wood),
                pools[_ROOT],
                _fixed_point(first[_FINE], pools[_FINE], fine),
                _fixed_point(first[_COARSE], pools[_COARSE], coarse),
                0.0,
                0.0,
            )
    # Soils feed nothing back: the fast one first, then the slow one from what that loses.
    pools = (pools[0], pools[1], pools[2], pools[3], pools[4], 0.0, 0.0)
    fast = _year_of_soil(laws, n, kind, mean, before, vigour, pools, flux, left, 3)
    pools = (pools[0], pools[1], pools[2], pools[3], pools[4], fast, 0.0)
    slow = _year_of_soil(laws, n, kind, mean, before, vigour, pools, flux, left, 4)
    return (pools[0], pools[1], pools[2], pools[3], pools[4], fast, slow), vigour


@inline
def _fixed_point(start, end, kept):
    # Where a pool comes to rest that keeps a share of itself in a year, and gains the rest.
    return max((end - start * kept) / (1.0 - kept), 0.0) if kept < 1.0 else 0.0


@inline
def _year_of_soil(laws, n, kind, mean, before, vigour, pools, flux, left, which):
    # One mean year from where soil pool `which` is empty tells where it comes to rest.
    kept = 1.0
    for t in range(12):
        pools = _month(laws, n, kind, mean, t, before, _YEAR / 12.0, vigour, pools, flux, left)
        before = mean[_GREEN, t]
        kept *= left[which]
    return _fixed_point(0.0, pools[_FAST] if which == 3 else pools[_SLOW], kept)


@jit
def run(laws, n, kinds, igbp, c4, climate, days, co2, co2_before, spin_months, fluxes, stocks):
    """Run one model at places: spin-up, then month by month.

    Parameters
    ----------
    laws, n : tuple
        `Laws` and `Numbers` of the model.
    kinds : ndarray (class, column)
        Plant types by IGBP code.
    igbp : ndarray of int (place,)
    c4 : ndarray (place,)
    climate : tuple of ndarray (place, month)
        ta, vpd, swin, p [mm d-1], tsoil, fapar; whole years.
    days, co2 : ndarray (month,)
    co2_before : ndarray (spin_months,)
        Carbon dioxide under which pools came to rest, ppm.
    spin_months : int
        Months at the beginning whose mean year spins up, whole years.
    fluxes : ndarray (7, place, month)
        Filled with the amounts of `FLUXES`, g m-2.
    stocks : ndarray (7, place, year + 1)
        Filled with `POOLS`, g m-2, before the first year and at the end of each.
    """
    months = days.size
    rates = np.empty((7, months))
    mean = np.empty((7, 12))
    flux = np.empty(7)
    left = np.empty(5)
    for i in range(igbp.size):
        kind = kinds[igbp[i]]
        here = (
            climate[0][i], climate[1][i], climate[2][i], climate[3][i], climate[4][i], climate[5][i]
        )  # fmt: skip
        moisture, felt = 0.5, here[0][0]
        for _ in range(2):
            moisture, felt = _rates(
                laws, n, kind, c4[i], here, days, co2_before, spin_months, moisture, felt, rates
            )
        for k in range(7):
            for m in range(12):
                total = 0.0
                for t in range(m, spin_months, 12):
                    total += rates[k, t]
                mean[k, m] = total / (spin_months // 12)
        pools, vigour = _spin_up(laws, n, kind, mean, flux, left)
        _rates(laws, n, kind, c4[i], here, days, co2, months, moisture, felt, rates)
        for k in range(7):
            stocks[k, i, 0] = pools[k]
        before = mean[_GREEN, 11]
        for t in range(months):
            pools = _month(laws, n, kind, rates, t, before, days[t], vigour, pools, flux, left)
            before = rates[_GREEN, t]
            vigour += (max(flux[4] + flux[5] + flux[6], 0.0) * 12.0 - vigour) / 36.0
            for k in range(7):
                fluxes[k, i, t] = flux[k]
            if t % 12 == 11:
                for k in range(7):
                    stocks[k, i, t // 12 + 1] = pools[k]
