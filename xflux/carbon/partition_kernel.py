"""Divide respiration between plants and soils, so that every year agrees with uptake."""

from __future__ import annotations

import numpy as np

from xflux.numerics.jit import inline, jit

__all__ = ["LEAST_GPP", "divide_years"]

#: Uptake of a year, g m-2, up to which nothing is divided: shares of nothing mean nothing.
LEAST_GPP = 10.0
#: Share of uptake, and of what is respired, that plants respire at the most over a year.
MOST = 0.95
_STEPS = 60
_CLOSE = 1e-12


@inline
def _logistic(x: float) -> float:
    return 1.0 / (1.0 + np.exp(-x))


@jit
def divide_years(
    gpp: np.ndarray,
    reco: np.ndarray,
    days: np.ndarray,
    ra_fraction: np.ndarray,
    rh_fraction: np.ndarray,
    ra_error: float,
    rh_error: float,
    ra: np.ndarray,
    production: np.ndarray,
    imbalance: np.ndarray,
) -> None:
    """Find the respiration of plants in each step of a year.

    Parameters
    ----------
    gpp, reco : ndarray (year, step)
        g m-2 d-1 of carbon.
    days : ndarray (year, step)
        Length of each step.
    ra_fraction : ndarray (year,)
        Ra / GPP of the year.
    rh_fraction : ndarray (year, step)
        Rh / RECO of each step.
    ra_error, rh_error : float
        Standard deviations of the errors of the two, on the logit scale.
    ra : ndarray (year, step)
        Written: g m-2 d-1, from 0 to `reco`.
    production : ndarray (year,)
        Written: NPP of the year, g m-2.
    imbalance : ndarray (year,)
        Written: by how much what plants respire by `ra_fraction` exceeds what they respire by
        `rh_fraction`, g m-2 d-1 in the mean over the year.

    Notes
    -----
    The year has two estimates of the respiration of plants, ``A = a GPP`` and
    ``B = sum (1 - h) RECO days``. Their least-squares mean, weighted by 1 / variance, is brought
    about by one shift of all logits of h, so that months keep their odds to each other and each
    part stays between 0 and RECO. Plants respire at most 95 % of the uptake of a year, and of
    RECO. A year is NaN where any value is, where GPP is at most 10 g m-2, or RECO is negative in
    any step.
    """
    years, steps = gpp.shape
    for i in range(years):
        taken = 0.0
        respired = 0.0
        by_soil = 0.0
        spread = 0.0
        length = 0.0
        usable = True
        for k in range(steps):
            day = days[i, k]
            h = rh_fraction[i, k]
            r = reco[i, k]
            taken += day * gpp[i, k]
            respired += day * r
            by_soil += day * r * (1.0 - h)
            spread += day * r * h * (1.0 - h)
            length += day
            if not (r >= 0.0 and h > 0.0 and h < 1.0):
                usable = False
        a = ra_fraction[i]
        if not (usable and taken > LEAST_GPP and respired > 0.0 and a > 0.0 and a < 1.0):
            production[i] = np.nan
            imbalance[i] = np.nan
            for k in range(steps):
                ra[i, k] = np.nan
            continue
        by_uptake = a * taken
        variance_uptake = (by_uptake * (1.0 - a) * ra_error) ** 2
        variance_soil = (spread * rh_error) ** 2
        total = variance_uptake + variance_soil
        trust = variance_soil / total if total > 0.0 else 0.5
        target = trust * by_uptake + (1.0 - trust) * by_soil
        target = min(target, MOST * taken, MOST * respired)
        imbalance[i] = (by_uptake - by_soil) / length
        # Newton within brackets: the sum rises with the shift.
        low = -60.0
        high = 60.0
        shift = 0.0
        for _ in range(_STEPS):
            value = -target
            slope = 0.0
            for k in range(steps):
                h = rh_fraction[i, k]
                share = _logistic(np.log((1.0 - h) / h) + shift)
                amount = days[i, k] * reco[i, k]
                value += amount * share
                slope += amount * share * (1.0 - share)
            if abs(value) <= _CLOSE * respired:
                break
            if value > 0.0:
                high = shift
            else:
                low = shift
            shift -= value / slope if slope > 0.0 else 0.0
            if not (shift > low and shift < high):
                shift = 0.5 * (low + high)
        spent = 0.0
        for k in range(steps):
            h = rh_fraction[i, k]
            value = reco[i, k] * _logistic(np.log((1.0 - h) / h) + shift)
            ra[i, k] = value
            spent += days[i, k] * value
        production[i] = taken - spent
