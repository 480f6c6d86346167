"""Which pixels of a region have series alike, and a sample that has some of each kind.

Plain arrays: series (pixel, step).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.numerics.dtw import dtw_distances

__all__ = ["Clusters", "cluster_series", "one_of_each", "stratified_sample"]

Array = NDArray[Any]

#: Series that are warped with each other; more are given to the cluster of the nearest medoid.
MOST = 2000


@dataclass(frozen=True, slots=True)
class Clusters:
    """Series in groups.

    Attributes
    ----------
    labels : ndarray (pixel,)
        From 0 on.
    medoids : ndarray (cluster,)
        The series of each group that lies nearest to all of it.
    """

    labels: NDArray[np.int64]
    medoids: NDArray[np.int64]


def cluster_series(
    series: Array, count: int, *, band: int, random: np.random.Generator
) -> Clusters:
    """Group series by spectral clustering of their distances by dynamic time warping.

    Parameters
    ----------
    series : ndarray (pixel, step)
        Without NaN, in one unit: of series of one shape the strong and the weak stay apart.
    count : int
        Groups; no more than there are series of different course.
    band : int
        Most steps by which series may be shifted against each other.
    random : Generator
        Chooses those that are warped where there are more than `MOST`.

    Notes
    -----
    ``exp(-D^2 / (2 s^2))`` with s the median of the distances (Ng et al. 2002); groups from the
    eigenvectors by the pivoted QR of Damle et al. (2019), which draws nothing.
    """
    size = len(series)
    chosen = np.arange(size)
    if size > MOST:
        chosen = np.sort(random.choice(size, MOST, replace=False))
    distances = dtw_distances(series[chosen], band=band)
    labels = _spectral(distances, min(count, len(chosen)))
    medoids = np.array([
        chosen[members[np.argmin(distances[np.ix_(members, members)].sum(axis=1))]]
        for members in (np.flatnonzero(labels == k) for k in range(labels.max() + 1))
    ])  # fmt: skip
    if size > MOST:
        nearest = dtw_distances(series, series[medoids], band=band)
        labels = np.argmin(nearest, axis=1)
    return Clusters(labels, medoids)


def _spectral(distances: Array, count: int) -> NDArray[np.int64]:
    """Return the group of each series, from 0 on without a gap."""
    apart = distances[np.triu_indices(len(distances), 1)]
    typical = float(np.median(apart)) if apart.size else 0.0
    if count < 2 or len(distances) <= count or typical == 0.0:
        # As many groups as series, or nothing to tell them apart by.
        groups = np.arange(len(distances)) if typical > 0.0 else np.zeros(len(distances), int)
        return groups if count > 1 else np.zeros(len(distances), np.int64)
    from sklearn.cluster import SpectralClustering

    affinity = np.exp(-0.5 * (distances.astype(np.float64) / typical) ** 2)
    model = SpectralClustering(
        count, affinity="precomputed", assign_labels="cluster_qr", random_state=0
    )
    return np.unique(model.fit_predict(affinity), return_inverse=True)[1]


def stratified_sample(
    strata: NDArray[np.int64], count: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Draw some of each stratum, in proportion to its size and at least one.

    Parameters
    ----------
    strata : ndarray (pixel,)
    count : int
        How many in all; all where there are no more.
    random : Generator

    Returns
    -------
    ndarray
        Positions, in order.
    """
    if len(strata) <= count:
        return np.arange(len(strata))
    groups, sizes = np.unique(strata, return_counts=True)
    wanted = np.maximum(1, np.floor(count * sizes / len(strata)).astype(int))
    # What rounding leaves over goes to the largest remainders; what is too much, from the largest.
    remainders = count * sizes / len(strata) - wanted
    for k in np.argsort(-remainders, kind="stable")[: max(0, count - int(wanted.sum()))]:
        wanted[k] += 1
    while wanted.sum() > count and wanted.max() > 1:
        wanted[np.argmax(wanted)] -= 1
    drawn = [
        random.choice(np.flatnonzero(strata == group), size=number, replace=False)
        for group, number in zip(groups, np.minimum(wanted, sizes), strict=True)
    ]
    return np.sort(np.concatenate(drawn))


def one_of_each(strata: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Draw one of each stratum, which are numbered from 0 on without a gap; return positions."""
    groups = range(int(strata.max()) + 1)
    return np.array([random.choice(np.flatnonzero(strata == group)) for group in groups])
