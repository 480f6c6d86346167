"""Eddy-covariance towers on the idealised Earth: where they stand, and what they record.

Towers stand where people build them, dense in Europe and North America and sparse in the
tropics, mostly in stands that grow. Each has soil and plants of its own, which no driver
tells of. Instruments err and fail. Functions of plain arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xflux.labels.variables import variables
from xflux.twin.geography import bumps, distance_inland
from xflux.twin.parameters import EARTH
from xflux.twin.weather import FIRST, LAST
from xflux.twin.world import Land, Own, describe

__all__ = ["OBSERVED", "Sites", "observe", "place_towers"]

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

#: What instruments record.
OBSERVED = ("gpp", "reco", "nee", "le")


@dataclass(frozen=True, slots=True)
class Sites:
    """Towers, shape (site,).

    Attributes
    ----------
    lat, lon : ndarray
        Degrees.
    land : Land
        What the stands around them are like.
    """

    lat: Floats
    lon: Floats
    land: Land


def place_towers(seed: int, count: int) -> Sites:
    """Place towers; the first of many are those of few.

    Parameters
    ----------
    seed : int
    count : int
    """
    random = np.random.default_rng([seed, 3])
    codes = [(variables["igbp"].classes or {})[name] for name in EARTH.tower_classes]
    found = [np.empty((3, 0))]
    while sum(part.shape[1] for part in found) < count:
        z, turn, lot = random.uniform(size=(3, 4000))
        lat, lon = np.rad2deg(np.arcsin(2.0 * z - 1.0)), 360.0 * turn - 180.0
        inland = distance_inland(lat, lon)
        (density,) = bumps(lat, lon, EARTH.tower_density)
        keep = (inland > 5.0) & (lat > -60.0) & (lot < EARTH.tower_base + density)
        lat, lon, inland = lat[keep], lon[keep], inland[keep]
        stands = np.isin(describe(seed, lat, lon, inland).igbp, codes)
        found.append(np.stack([lat, lon, inland])[:, stands])
    lat, lon, inland = np.ascontiguousarray(np.concatenate(found, axis=1)[:, :count])
    low, high = EARTH.tower_regrowth
    draws = np.array([np.random.default_rng([seed, 4, k]).normal(size=2) for k in range(count)])
    lots = np.array([np.random.default_rng([seed, 5, k]).uniform() for k in range(count)])
    own = Own(
        EARTH.site_efficiency * draws[:, 0],
        EARTH.site_respiration * draws[:, 1],
        low + (high - low) * lots,
    )
    return Sites(lat, lon, describe(seed, lat, lon, inland, own))


def observe(
    seed: int, sites: Sites, truth: dict[str, Floats], first: Days, last: Days
) -> dict[str, Floats]:
    """Return what instruments record, NaN where they failed or did not stand yet.

    Parameters
    ----------
    seed : int
    sites : Sites
    truth : dict of str to ndarray (step, site)
        True ``gpp``, ``reco`` and ``le``.
    first, last : ndarray (step,)
        Days since 1900-01-01 at which steps begin and end.

    Returns
    -------
    dict
        `OBSERVED`; ``gpp`` is ``reco - nee``, as it is where NEE is partitioned.
    """
    recorded = {name: np.full(truth["gpp"].shape, np.nan) for name in OBSERVED}
    for k, lat in enumerate(sites.lat):
        random = np.random.default_rng([seed, 6, k])
        bias = random.normal(size=2)
        start, length = random.uniform(), random.exponential()
        errors = _means(random.normal(size=(_DAYS, 3)), first, last) * np.sqrt(_MONTH)
        failing = _failing(random, first, last, winter=abs(float(lat)) / 90.0)
        gpp, reco, le = (truth[name][:, k] for name in ("gpp", "reco", "le"))
        # Errors of days average out over a month, but not as fast as if they were independent.
        more = (_MONTH / (last - first)) ** -0.25
        nee = reco - gpp
        sd = EARTH.noise_floor + EARTH.noise_share * np.abs(nee)
        nee = nee + more * sd * errors[:, 0]
        # Partitioning errs by a share of its own at each site.
        reco = reco * (1.0 + EARTH.partition_spread * bias[0])
        reco = reco + more * (EARTH.noise_floor + EARTH.noise_share * reco) * errors[:, 1]
        reco = np.maximum(reco, 0.0)
        closure = EARTH.le_closure + EARTH.le_closure_spread * bias[1]
        le = closure * le + more * (EARTH.le_noise_floor + 0.05 * np.abs(le)) * errors[:, 2]
        stands = _stands(start, length, first, last)
        there = stands & ~failing[0]
        for name, values in (("gpp", reco - nee), ("reco", reco), ("nee", nee)):
            recorded[name][there, k] = values[there]
        there &= ~failing[1]
        recorded["le"][there, k] = le[there]
    return recorded


_DAYS = int((LAST - FIRST).astype(int)) + 1
_MONTH = 30.4375


def _means(series: Floats, first: Days, last: Days) -> Floats:
    steps = zip(first, last, strict=True)
    return np.stack([series[begin:end].mean(axis=0) for begin, end in steps])


def _stands(start: float, length: float, first: Days, last: Days) -> NDArray[np.bool_]:
    """Tell when a tower stood: from some time in the span on, for years."""
    begin, end = float(first[0]), float(last[-1])
    shortest = 365.25 * EARTH.shortest
    built = begin - 0.3 * (end - begin) + start * max(1.2 * (end - begin) - shortest, 0.0)
    built = max(built, begin)
    taken_down = built + shortest + 3.0 * length * 365.25 * EARTH.shortest
    return (first >= built) & (last <= taken_down)


def _failing(
    random: np.random.Generator, first: Days, last: Days, *, winter: float
) -> NDArray[np.bool_]:
    """Tell when instruments fail, and when those of water do on top; for weeks together."""
    from scipy.signal import lfilter
    from scipy.special import ndtri

    keep = float(np.exp(-1.0 / EARTH.gap_memory))
    noise = random.normal(size=(_DAYS, 2)) * np.sqrt(1.0 - keep**2)
    state = np.asarray(lfilter([1.0], [1.0, -keep], noise, axis=0))
    steps = zip(first, last, strict=True)
    middle = np.stack([state[(begin + end) // 2] for begin, end in steps])
    share = np.array([EARTH.gaps * (0.7 + 0.6 * winter), EARTH.le_gaps])
    return np.ascontiguousarray((middle < ndtri(share)).T)
