"""Intervals that hold on new sites, from errors on sites that members did not see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spread", "fit_spread"]

Floats = NDArray[np.float64]

#: What an error is at least; a perfect fit has scores all the same.
_SMALLEST = 1e-9
#: Sites that the mean over all classes counts as, beside those of a class.
_SHRUNK = 4.0


@dataclass(frozen=True, slots=True)
class Spread:
    """How far observations lie from predictions on sites that were left out.

    Attributes
    ----------
    line : ndarray (2,)
        Size of the error: a constant, and what it grows by with the size of the prediction.
    scores : ndarray (row,)
        Errors over their size, sorted.
    shares : ndarray (row,)
        Cumulated weight of the scores: each site counts once.
    sites : int
    classes, factors : ndarray (class,)
        Codes of land cover, sorted, and how much larger errors are there than elsewhere.
    """

    line: Floats
    scores: Floats
    shares: Floats
    sites: int
    classes: Floats = field(default_factory=lambda: np.empty(0))
    factors: Floats = field(default_factory=lambda: np.empty(0))

    def size(self, predicted: NDArray[Any], cover: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the size of the error.

        Parameters
        ----------
        predicted : ndarray
        cover : ndarray, optional
            Codes of land cover, of its shape; one that is not known counts as the mean.
        """
        size = np.maximum(self.line[0] + self.line[1] * np.abs(predicted), _SMALLEST)
        return size if cover is None else size * _looked_up(cover, self.classes, self.factors)

    def reach(self, interval: float) -> float:
        """Return the sizes that hold a share of the observations of a new site, in its mean.

        Parameters
        ----------
        interval : float
            Between 0 and 1.
        """
        wanted = min(interval * (1.0 + 1.0 / self.sites), 1.0)
        position = int(np.searchsorted(self.shares, wanted))
        return float(self.scores[min(position, self.scores.size - 1)])


def fit_spread(
    observed: Floats,
    predicted: Floats,
    groups: NDArray[np.int64],
    cover: Floats | None = None,
) -> Spread:
    """Learn the size of errors, and their distribution.

    Parameters
    ----------
    observed, predicted : ndarray (row,)
        Predictions by members that did not see the site.
    groups : ndarray (row,)
        Number of the site.
    cover : ndarray (row,), optional
        Code of land cover.

    Notes
    -----
    Conformal prediction with an ensemble's left-out sites (Kim et al. 2020, NeurIPS 33,
    "jackknife+-after-bootstrap"), by site and for errors of uneven size: a new site is drawn as
    the others were, and its mean coverage is that of theirs, with the correction for their
    number. Croplands are harder than forests: a class has a size of its own, drawn to the mean
    by as many sites as it lacks.
    """
    from scipy.optimize import nnls

    error = np.abs(observed - predicted)
    count = np.bincount(groups)
    weight = 1.0 / count[groups]
    terms = np.stack([np.ones(error.size), np.abs(predicted)], axis=1)
    root = np.sqrt(weight)
    line, _ = nnls(terms * root[:, None], error * root)
    scores = error / np.maximum(terms @ line, _SMALLEST)
    classes = factors = np.empty(0)
    if cover is not None:
        present = np.flatnonzero(count)
        of_site = (np.bincount(groups, weights=scores)[present]) / count[present]
        mean = max(float(of_site.mean()), _SMALLEST)
        # The land cover of a site is that of its first row.
        first = np.array([int(np.argmax(groups == site)) for site in present])
        classes = np.unique(cover[first][np.isfinite(cover[first])])
        inside = cover[first] == classes[:, None]
        factors = (inside @ (of_site / mean) + _SHRUNK) / (inside.sum(axis=1) + _SHRUNK)
        scores = scores / _looked_up(cover, classes, factors)
    order = np.argsort(scores, kind="stable")
    shares = np.cumsum(weight[order])
    sites = int(np.count_nonzero(count))
    return Spread(line, scores[order], shares / shares[-1], sites, classes, factors)


def _looked_up(cover: NDArray[Any], classes: Floats, factors: Floats) -> NDArray[Any]:
    """Return the factor of each class; 1 of what is not known."""
    if not classes.size:
        return np.ones(np.shape(cover))
    place = np.minimum(np.searchsorted(classes, cover), classes.size - 1)
    return np.where(classes[place] == cover, factors[place], 1.0)
