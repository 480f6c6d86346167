"""Plant-available water of a bucket that rain fills and evapotranspiration empties.

Loops over plain arrays of series, the last axis being time: water in mm, rates in mm d-1.
"""

from __future__ import annotations

import numpy as np

from xflux.numerics.jit import inline, jit

__all__ = ["CAPACITY", "DECAY", "water_bucket"]

#: Water that plants can draw on, mm.
CAPACITY = 100.0
#: Share of what is there that plants can draw in a day, d-1.
DECAY = 0.05

#: How often the first years may be gone through, and the change in mm that ends it.
_TURNS, _SETTLED = 20, 0.01
#: After a gap, what a full and an empty bucket may differ by for their mean to be known, mm.
_KNOWN = 1.0


@inline
def _over_step(level, rain, demand, days, capacity, decay):
    """Return the level at the end of a step, and the mean of those at the ends of its days."""
    # Within a month the bucket overflows and runs dry from day to day.
    turns = max(1, int(np.rint(days)))
    length = days / turns
    total = 0.0
    for _ in range(turns):
        filled = min(level + rain * length, capacity)
        level = filled - min(demand, decay * filled) * length
        total += level
    return level, total / turns


@jit
def water_bucket(p, pet, days, after_gap, spin_up, capacity, decay, out):
    """Fill `out` with the water of a bucket.

    Parameters
    ----------
    p, pet : ndarray (series, step)
        Precipitation and potential evapotranspiration, mm d-1; below 0 nothing evaporates.
    days : ndarray of float (step,)
        Length of the steps.
    after_gap : ndarray of bool (step,)
        Whether time is missing before a step.
    spin_up : int
        Steps that are gone through, again and again, for the water at the start.
    capacity : float
        mm.
    decay : float
        d-1, at most 1.
    out : ndarray (series, step)
        Mean over each step, mm. NaN where an input is, and after it until a bucket that was
        full then and one that was empty differ by 1 mm or less.
    """
    steps = days.size
    for s in range(out.shape[0]):
        first = 0
        while first < steps and (np.isnan(p[s, first]) or np.isnan(pet[s, first])):
            out[s, first] = np.nan
            first += 1
        level = capacity
        for _ in range(_TURNS):
            before = level
            for t in range(first, min(first + spin_up, steps)):
                rain, demand = float(p[s, t]), max(0.0, float(pet[s, t]))
                if not (np.isnan(rain) or np.isnan(pet[s, t])):
                    level, _mean = _over_step(level, rain, demand, days[t], capacity, decay)
            if abs(level - before) < _SETTLED:
                break
        low = high = level
        for t in range(first, steps):
            rain, demand = float(p[s, t]), float(pet[s, t])
            missing = np.isnan(rain) or np.isnan(demand)
            if missing or (after_gap[t] and t > first):
                low, high = 0.0, capacity
            if missing:
                out[s, t] = np.nan
                continue
            demand = max(0.0, demand)
            low, mean_low = _over_step(low, rain, demand, days[t], capacity, decay)
            high, mean_high = _over_step(high, rain, demand, days[t], capacity, decay)
            known = mean_high - mean_low <= _KNOWN
            out[s, t] = 0.5 * (mean_low + mean_high) if known else np.nan
