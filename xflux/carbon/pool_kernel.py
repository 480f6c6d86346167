"""Five pools of carbon, stepped exactly for input that is constant within each step.

All arrays are float64, cells along the last axis; carbon in g m-2, time in years, rates per
year. Living pools decay into litter, litter into soil and air, soil into air: a chain, whose
solution is a sum of divided differences of exp(-rate t) (Bateman 1910). In this form every
coefficient is positive, so that nothing cancels, also where two turnover times are equal.
"""

from __future__ import annotations

import math

import numpy as np

from xflux.numerics.jit import inline, jit

__all__ = ["LOSSES", "PARAMETERS", "POOLS", "advance", "steady_state"]

#: Order of the pools along the first axis.
POOLS = ("cLeaf", "cWood", "cRoot", "cLitter", "cSoil")
#: Order of the parameters along the first axis; times in years.
PARAMETERS = (
    "npp_to_leaf", "npp_to_wood", "npp_to_root", "tau_leaf", "tau_wood", "tau_root", "tau_litter",
    "tau_soil", "litter_to_soil",
)  # fmt: skip
#: Order of the losses along the first axis.
LOSSES = ("f_fire", "f_luc", "f_harvest", "f_grazing")

#: Rates closer than this over a step are expanded in a series, of so many terms.
_CLOSE, _TERMS = 0.5, 16
#: Coefficients of a step: per living pool its rest, its gain, and what of both comes to litter
#: and to soil (6 x 3); of litter its rest and gain, and what comes to soil (4); of soil its rest.
_COEFFICIENTS = 23


@inline
def _one(p, q, t):
    """Divide the difference of exp(-p t) and exp(-q t) by q - p."""
    low, high = min(p, q), max(p, q)
    x = (high - low) * t
    if x == 0.0:
        return t * math.exp(-low * t)
    return t * math.exp(-low * t) * (-math.expm1(-x) / x)


@inline
def _two(p, q, r, t):
    """Return the second divided difference."""
    low, high = min(p, q, r), max(p, q, r)
    middle = p + q + r - low - high
    middle = min(max(middle, low), high)
    if (high - low) * t >= _CLOSE:
        return (_one(low, middle, t) - _one(middle, high, t)) / (high - low)
    # Distances from the highest rate: complete symmetric polynomials of them, all positive.
    x, y = (high - low) * t, (high - middle) * t
    power, mixed, factor, total = 1.0, 1.0, 0.5, 0.5
    for k in range(1, _TERMS):
        power *= x
        mixed = power + y * mixed
        factor /= k + 2.0
        total += factor * mixed
    return t * t * math.exp(-high * t) * total


@inline
def _three(q, r, s, t):
    """Return the third divided difference, of rates 0 and three others."""
    low, high = min(q, r, s), max(q, r, s)
    middle = q + r + s - low - high
    middle = min(max(middle, low), high)
    if high * t >= _CLOSE:
        return (_two(0.0, low, middle, t) - _two(low, middle, high, t)) / high
    x, y, z = high * t, (high - low) * t, (high - middle) * t
    power, mixed, thrice, factor, total = 1.0, 1.0, 1.0, 1.0 / 6.0, 1.0 / 6.0
    for k in range(1, _TERMS):
        power *= x
        mixed = power + y * mixed
        thrice = mixed + z * thrice
        factor /= k + 3.0
        total += factor * thrice
    return t * t * t * math.exp(-high * t) * total


@jit
def _propagate(parameters, year, t, out):
    """Fill `out` (coefficient, cell) for a step of t years with the parameters of a year."""
    for j in range(out.shape[1]):
        b = 1.0 / parameters[6, year, j]
        c = 1.0 / parameters[7, year, j]
        to_soil = parameters[8, year, j] * b
        for i in range(3):
            a = 1.0 / parameters[3 + i, year, j]
            out[i, j] = math.exp(-a * t)
            out[3 + i, j] = _one(0.0, a, t)
            out[6 + i, j] = a * _one(a, b, t)
            out[9 + i, j] = a * _two(0.0, a, b, t)
            out[12 + i, j] = to_soil * a * _two(a, b, c, t)
            out[15 + i, j] = to_soil * a * _three(a, b, c, t)
        out[18, j] = math.exp(-b * t)
        out[19, j] = _one(0.0, b, t)
        out[20, j] = to_soil * _one(b, c, t)
        out[21, j] = to_soil * _two(0.0, b, c, t)
        out[22, j] = math.exp(-c * t)


@inline
def _per(amount, held):
    """Return what each unit held gives; nothing where nothing is asked for."""
    return 0.0 if amount == 0.0 else amount / held


@jit
def advance(npp, losses, length, lengths, year, parameters, pools, out):
    """Step the pools through time.

    Parameters
    ----------
    npp : array (step, cell)
        g m-2 a-1.
    losses : array (loss, step, cell)
        In the order of `LOSSES`, g m-2 a-1; of length 0 along the first axis for none.
    length : array of int (step)
        Which of `lengths` a step has.
    lengths : array
        Distinct lengths of steps, years.
    year : array of int (step)
        Which of the years of `parameters` a step uses.
    parameters : array (parameter, year, cell)
        In the order of `PARAMETERS`.
    pools : array (pool, cell)
        In the order of `POOLS`; at the start on entry, at the end on return.
    out : array (pool + 1, step, cell)
        Filled with the pools at the end of each step, and mean heterotrophic respiration.

    Returns
    -------
    int
        Cells in which more carbon was lost than was there: NaN from that step on.
    """
    cells = npp.shape[1]
    with_losses = losses.shape[0] > 0
    step = np.empty((lengths.size, _COEFFICIENTS, cells))
    ready = np.zeros(lengths.size, np.bool_)
    overdrawn = 0
    current = -1
    for k in range(npp.shape[0]):
        if year[k] != current:
            current = year[k]
            ready[:] = False
        t = lengths[length[k]]
        g = step[length[k]]
        if not ready[length[k]]:
            _propagate(parameters, current, t, g)
            ready[length[k]] = True
        for j in range(cells):
            leaf, wood, root = pools[0, j], pools[1, j], pools[2, j]
            litter, soil = pools[3, j], pools[4, j]
            gain = max(npp[k, j], 0.0)
            # What is respired beyond what is taken up comes from all that lives.
            drawn = _per(max(-npp[k, j], 0.0), leaf + wood + root)
            from_leaf, from_wood, from_any = 0.0, 0.0, 0.0
            if with_losses:
                from_any = _per(losses[0, k, j] + losses[1, k, j], leaf + wood + root + litter)
                from_wood = _per(losses[2, k, j], leaf + wood)
                from_leaf = losses[3, k, j]
            u0 = (
                parameters[0, current, j] * gain - (drawn + from_any + from_wood) * leaf - from_leaf
            )
            u1 = parameters[1, current, j] * gain - (drawn + from_any + from_wood) * wood
            u2 = parameters[2, current, j] * gain - (drawn + from_any) * root
            u3 = -from_any * litter
            end0 = leaf * g[0, j] + u0 * g[3, j]
            end1 = wood * g[1, j] + u1 * g[4, j]
            end2 = root * g[2, j] + u2 * g[5, j]
            end3 = (
                litter * g[18, j] + u3 * g[19, j]
                + leaf * g[6, j] + wood * g[7, j] + root * g[8, j]
                + u0 * g[9, j] + u1 * g[10, j] + u2 * g[11, j]
            )  # fmt: skip
            end4 = (
                soil * g[22, j] + litter * g[20, j] + u3 * g[21, j]
                + leaf * g[12, j] + wood * g[13, j] + root * g[14, j]
                + u0 * g[15, j] + u1 * g[16, j] + u2 * g[17, j]
            )  # fmt: skip
            grown = (end0 - leaf) + (end1 - wood) + (end2 - root) + (end3 - litter) + (end4 - soil)
            respired = (u0 + u1 + u2 + u3) - grown / t
            if min(end0, end1, end2, end3, end4) < 0.0:
                overdrawn += 1
                end0 = end1 = end2 = end3 = end4 = respired = np.nan
            # One missing pool makes all of them missing, and NaN in npp stays.
            lost = end0 + end1 + end2 + end3 + end4 + npp[k, j]
            if np.isnan(lost):
                end0 = end1 = end2 = end3 = end4 = respired = np.nan
            pools[0, j] = out[0, k, j] = end0
            pools[1, j] = out[1, k, j] = end1
            pools[2, j] = out[2, k, j] = end2
            pools[3, j] = out[3, k, j] = end3
            pools[4, j] = out[4, k, j] = end4
            out[5, k, j] = respired
    return overdrawn


@jit
def steady_state(npp, parameters, pools):
    """Fill `pools` (pool, cell) with what a constant npp (cell) holds in balance.

    NaN where npp is below 0.
    """
    for j in range(npp.size):
        gain = npp[j] if npp[j] >= 0.0 else np.nan
        for i in range(3):
            pools[i, j] = parameters[i, 0, j] * gain * parameters[3 + i, 0, j]
        pools[3, j] = gain * parameters[6, 0, j]
        pools[4, j] = parameters[8, 0, j] * gain * parameters[7, 0, j]
