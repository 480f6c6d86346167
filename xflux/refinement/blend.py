"""Several learners at once, each with the weight that it earns on sites left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["blend_weights", "left_out", "mean_of_members"]

Floats = NDArray[np.float64]


def left_out(groups: NDArray[np.int64], members: int, share: float, seed: int) -> list[set[int]]:
    """Choose which groups each member of an ensemble does not see.

    Every group is left out by as many members as every other, up to one, so that the members
    that do not know a site can tell how well it is predicted.

    Parameters
    ----------
    groups : ndarray of int
        Group of each row.
    members : int
    share : float
        Of the groups that a member sees, below 1.
    seed : int
    """
    present = np.unique(groups)
    folds = int(np.clip(round(1.0 / (1.0 - share)), 2, len(present)))
    random = np.random.default_rng([seed, 11])
    chosen: list[set[int]] = []
    while len(chosen) < members:
        order = random.permutation(present)
        chosen += [set(order[fold::folds].tolist()) for fold in range(folds)]
    return chosen[:members]


def blend_weights(observed: Floats, predicted: Sequence[Floats], weight: Floats) -> Floats:
    """Return the weights of learners, 0 or more and of sum 1, that fit what was left out.

    Parameters
    ----------
    observed : ndarray (row,)
    predicted : sequence of ndarray (row,)
        Of each learner, by members that did not see the row's site.
    weight : ndarray (row,)

    Notes
    -----
    Non-negative least squares (Breiman 1996, Machine Learning 24, "stacked regressions"), drawn
    half-way to equal weights: a few dozen sites tell learners apart but poorly.
    """
    from scipy.optimize import nnls

    count = len(predicted)
    if count == 1:
        return np.ones(1)
    root = np.sqrt(weight)
    # The sum of weights stands as one heavy row.
    heavy = 1e3 * float(np.sqrt(np.sum(weight * observed**2)) + 1.0)
    left = np.vstack([np.stack(predicted, axis=1) * root[:, None], np.full((1, count), heavy)])
    fitted, _ = nnls(left, np.concatenate([observed * root, [heavy]]))
    total = float(fitted.sum())
    fitted = fitted / total if total > 0 else np.full(count, 1.0 / count)
    return np.asarray(0.5 * fitted + 0.5 / count, np.float64)


def mean_of_members(members: NDArray[Any]) -> NDArray[Any]:
    """Average members (member, ...) one by one, so that a value does not hang on its neighbours.

    numpy adds a lone row up in another order than many.
    """
    total = np.zeros(members.shape[1:], np.float64)
    for member in members:
        total += member
    return (total / len(members)).astype(members.dtype)
