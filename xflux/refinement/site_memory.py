"""What a site that was seen has for itself: its mean, its season, and the months around."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["KnownSites", "SiteMemory", "fit_memory"]

Floats = NDArray[np.float64]

#: Variance of a site's mean, of its season and of the weeks around, in variances of noise.
_MEAN, _SEASON, _NEAR = 0.3, 0.7, 0.5
#: Length of a season, as a part of the circle's radius; of the weeks around, in years.
_PHASE, _YEARS = 0.5, 0.15


@dataclass(frozen=True, slots=True)
class SiteMemory:
    """What records of some sites say beyond what their drivers say.

    Attributes
    ----------
    site : ndarray of int (record,)
        Number of the site, ascending.
    time : ndarray (record,)
        Years, such as 2005.5.
    weights : ndarray (record,)
        By which the covariance with each record counts.
    """

    site: NDArray[np.int64]
    time: Floats
    weights: Floats

    def predict(self, site: int, time: Floats) -> Floats:
        """Return what to add at times of one site; 0 where it has no record."""
        known = slice(*np.searchsorted(self.site, [site, site + 1]))
        return _covariance(time, self.time[known]) @ self.weights[known]


@dataclass(frozen=True, slots=True)
class KnownSites:
    """Sites that a model was fitted to.

    Attributes
    ----------
    names : tuple of str
    position : ndarray (site, 2)
        Latitude and longitude in degrees; NaN where they are not known.
    memories : mapping of str to SiteMemory
        By flux.
    """

    names: tuple[str, ...]
    position: Floats
    memories: Mapping[str, SiteMemory]


def fit_memory(residual: Floats, site: NDArray[np.int64], time: Floats) -> SiteMemory:
    """Fit what each site has for itself.

    Parameters
    ----------
    residual : ndarray (record,)
        Observed less predicted.
    site : ndarray of int (record,)
    time : ndarray (record,)
        Years, such as 2005.5.

    Notes
    -----
    Records are averaged by month first: days of a month err alike, and a site of years of
    half-hours has no more to say than its months. A Gaussian process of each site (Rasmussen
    and Williams 2006, eq. 2.25): a mean, a season that repeats (their eq. 4.31), and what fades
    within weeks, beside noise. Its variances are in those of the noise, so that nothing is
    tuned.
    """
    residual, site, time = _monthly(residual, site, time)
    weights = np.empty(residual.shape)
    starts: Sequence[int] = np.flatnonzero(np.r_[True, site[1:] != site[:-1], True]).tolist()
    for start, stop in pairwise(starts):
        own = slice(start, stop)
        noisy = _covariance(time[own], time[own]) + np.eye(stop - start)
        weights[own] = np.linalg.solve(noisy, residual[own])
    return SiteMemory(site.astype(np.int64), time.astype(np.float64), weights)


def _monthly(
    residual: Floats, site: NDArray[np.int64], time: Floats
) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Average by site and twelfth of a year, in ascending order."""
    month = np.floor(time * 12.0 + 1e-6).astype(np.int64)
    order = np.lexsort((time, month, site))
    residual, site, time, month = residual[order], site[order], time[order], month[order]
    first = np.ones(site.size, bool)
    first[1:] = (site[1:] != site[:-1]) | (month[1:] != month[:-1])
    number = np.cumsum(first) - 1
    count = np.bincount(number)
    return (
        np.bincount(number, weights=residual) / count,
        site[first],
        np.bincount(number, weights=time) / count,
    )


def _covariance(first: Floats, second: Floats) -> Floats:
    apart = first[:, None] - second
    season = np.exp(-2.0 * (np.sin(np.pi * apart) / _PHASE) ** 2)
    return _MEAN + _SEASON * season + _NEAR * np.exp(-np.abs(apart) / _YEARS)
