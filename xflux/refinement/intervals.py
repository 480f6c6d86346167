"""Intervals that hold on new sites, from errors on sites that members did not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spread", "fit_spread"]

Floats = NDArray[np.float64]

#: What an error is at least; a perfect fit has scores all the same.
_SMALLEST = 1e-9


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
    """

    line: Floats
    scores: Floats
    shares: Floats
    sites: int

    def size(self, predicted: NDArray[Any]) -> NDArray[Any]:
        """Return the size of the error."""
        return np.maximum(self.line[0] + self.line[1] * np.abs(predicted), _SMALLEST)

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


def fit_spread(observed: Floats, predicted: Floats, groups: NDArray[np.int64]) -> Spread:
    """Learn the size of errors, and their distribution.

    Parameters
    ----------
    observed, predicted : ndarray (row,)
        Predictions by members that did not see the site.
    groups : ndarray (row,)
        Number of the site.

    Notes
    -----
    Conformal prediction with an ensemble's left-out sites (Kim et al. 2020, NeurIPS 33,
    "jackknife+-after-bootstrap"), by site and for errors of uneven size: a new site is drawn as
    the others were, and its mean coverage is that of theirs, with the correction for their
    number.
    """
    from scipy.optimize import nnls

    error = np.abs(observed - predicted)
    weight = 1.0 / np.bincount(groups)[groups]
    terms = np.stack([np.ones(error.size), np.abs(predicted)], axis=1)
    root = np.sqrt(weight)
    line, _ = nnls(terms * root[:, None], error * root)
    scores = error / np.maximum(terms @ line, _SMALLEST)
    order = np.argsort(scores, kind="stable")
    shares = np.cumsum(weight[order])
    return Spread(line, scores[order], shares / shares[-1], int(np.unique(groups).size))
