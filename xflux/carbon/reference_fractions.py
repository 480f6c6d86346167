"""From the fluxes and pools of land models to the fractions that an emulator learns."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.fractions import PARTS, SPLITS, TURNOVER
from xflux.carbon.partition_kernel import LEAST_GPP
from xflux.carbon.stocks import yearly_mean

__all__ = ["LEAST_MODELS", "MEAN", "scenario_fractions", "scenario_name"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

MEAN = "mean"
#: Models from which a mean or a quantile over an ensemble is taken.
LEAST_MODELS = 3
_GROWN = {"npp_to_leaf": "npp_leaf", "npp_to_wood": "npp_wood", "npp_to_root": "npp_root"}


def scenario_name(quantile: float | None) -> str:
    """Return what a scenario is called: ``mean``, or ``q0.25``."""
    return MEAN if quantile is None else f"q{quantile:g}"


def scenario_fractions(
    held: Mapping[str, Array], days: Floats, quantile: float | None
) -> dict[str, Floats]:
    """Return fractions of the mean of an ensemble, or a quantile over its models.

    Parameters
    ----------
    held : mapping of str to ndarray
        gpp, ra, rh (model, place, year, step) [g m-2 d-1]; yearly npp_leaf, npp_wood, npp_root
        [g m-2 d-1] and cVeg, cLeaf, cWood, cRoot, cLitter, cSoil [g m-2] (model, place, year),
        those that there are.
    days : ndarray (year, step)
    quantile : float or None
        Of the fractions of the models; None: the fractions of the mean of the models, so that
        times the mean of GPP they give the mean of the fluxes.

    Returns
    -------
    dict of str to ndarray (place, year), or (place, year, step) of rh_fraction

    Notes
    -----
    A quantile of Ra / GPP goes with that of Ra / RECO: Rh / RECO is taken at 1 - quantile. Where
    numerator or denominator of a model is missing, both are left out. NaN with fewer than
    three models of an ensemble, where GPP of the year is at most 10 g m-2, and for shares outside
    of 0 to 1.
    """
    taken = _sum(held["gpp"], days)
    grown = taken - _sum(held["ra"], days)
    ensemble = held["gpp"].shape[0] > 1
    least = LEAST_MODELS if ensemble else 1

    def ratio(above: Array, below: Array, at: float | None = quantile) -> Floats:
        return _ratio(above, below, at, least)

    # The mean of an ensemble counts all its models, a quantile those that have a fraction.
    live = np.isfinite(taken) if quantile is None else taken > LEAST_GPP
    some = np.where(live, taken, np.nan)
    made = {"ra_fraction": ratio(_sum(held["ra"], days), some)}
    respired = held["ra"].astype(np.float64) + held["rh"]
    # Where plants respire little of what is taken up, soils respire much of what is given off.
    other = None if quantile is None else 1.0 - quantile
    made["rh_fraction"] = ratio(held["rh"], np.where(live[..., None], respired, np.nan), other)
    if all(name in held for name in _GROWN.values()):
        parts = {k: np.maximum(held[name], 0.0) for k, name in _GROWN.items()}
        made |= _split("npp", parts, live, ratio)
    pools = {name: np.maximum(held[pool], 0.0) for name, pool in PARTS.items() if pool in held}
    if len(pools) == len(PARTS):
        made |= _split("veg", pools, live, ratio)
    made = {
        name: np.where((share >= 0.0) & (share <= 1.0), share, np.nan)
        for name, share in made.items()
    }
    # Pools are held by the mean of all years: see `stocks`.
    growing = yearly_mean(np.where(live, grown, np.nan))
    made |= {name: ratio(held[pool], growing) for pool, name in TURNOVER.items() if pool in held}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        enough = np.nanmean(taken, axis=0) > LEAST_GPP
    return {
        name: np.where(enough[..., None] if array.ndim == 3 else enough, array, np.nan)
        for name, array in made.items()
    }


def _split(of: str, parts: Mapping[str, Array], live: Array, ratio: Any) -> dict[str, Floats]:
    total = sum(parts.values())
    whole = np.where(live, total, np.nan)
    made = {name: ratio(parts[name], whole) for name in SPLITS[of]}
    # Quantiles of shares need not add up to 1.
    added = sum(made.values())
    return {name: share / added for name, share in made.items()}


def _sum(rates: Array, days: Floats) -> Floats:
    """Sum rates (..., year, step) over the year, g m-2."""
    total: Floats = np.einsum("...ys,ys->...y", rates.astype(np.float64), days)
    return total


def _ratio(above: Array, below: Array, quantile: float | None, least: int) -> Floats:
    both = np.isfinite(above) & np.isfinite(below)
    if quantile is not None:
        both = both & (below > 0.0)
    enough = both.sum(axis=0) >= least
    up = np.where(both, above, np.nan).astype(np.float64)
    down = np.where(both, below, np.nan)
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        if quantile is None:
            mean = np.nanmean(down, axis=0)
            made = np.where(mean > 0.0, np.nanmean(up, axis=0) / mean, np.nan)
        else:
            made = np.nanquantile(up / down, quantile, axis=0)
    result: Floats = np.where(enough, made, np.nan)
    return result
