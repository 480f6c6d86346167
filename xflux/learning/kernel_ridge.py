"""Kernel ridge regression on landmarks: smooth, and back to the mean far from what it saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.learning.learner import State

__all__ = ["KernelRidge"]

Floats = NDArray[np.float64]

#: Rows that are predicted together.
_ROWS = 4096
#: Standard deviations within which features are held; columns of classes count half.
_LIMIT, _CLASS = 4.0, 0.5


@dataclass(slots=True)
class KernelRidge:
    """Ridge regression with a Gaussian kernel on some of the rows.

    Parameters
    ----------
    landmarks : int
        Rows that stand for all.
    scale : float
        Length of the kernel, in medians of the distance between rows.
    ridge : float
        Penalty.
    site : float
        Penalty, in rows, on what each site has for itself; infinite: sites have nothing.
    seed : int
        Of the landmarks.

    Notes
    -----
    ``f(x) = c + sum_j a_j exp(-|x - z_j|^2 / (2 l^2))`` with landmarks z, where c and a are the
    least squares of ``y - f - b_site`` with penalties ``ridge a K_zz a`` and ``site b^2``: the
    Nystroem approximation (Williams and Seeger 2001, NIPS 13) of a mixed model (Robinson 1991,
    Statistical Science 6, 15). What a site has for itself, b, is 0 at a new one; it keeps the
    hundreds of months of one site from counting as so many sites. Features are standardised
    and held within 4 standard deviations. A missing value counts as the mean.
    """

    landmarks: int = 500
    scale: float = 0.6
    ridge: float = 3.0
    site: float = 20.0
    seed: int = 0
    fitted: dict[str, NDArray[Any]] = field(default_factory=dict)

    def fit(
        self,
        x: NDArray[np.float32],
        y: Floats,
        *,
        weight: Floats | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> KernelRidge:
        """Fit rows (row, feature) to (row,)."""
        from scipy import linalg
        from scipy.spatial.distance import cdist

        values = np.asarray(x, np.float64)
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count)
        classes = np.all(~known | (values == 0.0) | (values == 1.0), axis=0)
        size = np.where(classes, _CLASS, 1.0)
        factor = np.divide(size, spread, out=np.zeros_like(size), where=spread > 1e-12)
        self.fitted = {"mean": mean, "factor": factor, "limit": _LIMIT * size}
        z = self._scaled(values)
        random = np.random.default_rng(self.seed)
        chosen = random.choice(len(z), min(self.landmarks, len(z)), replace=False)
        centres = z[chosen]
        ends = random.choice(len(z), (2, 500))
        distance = float(np.median(cdist(z[ends[0]], z[ends[1]])))
        gamma = 0.5 / max(self.scale * distance, 1e-6) ** 2
        weight = np.ones(len(y)) if weight is None else weight / weight.mean()
        middle = float(np.average(y, weights=weight))
        among = np.exp(-gamma * cdist(centres, centres, "sqeuclidean"))
        # The last column is the constant, which is not penalised.
        design = np.ones((len(z), len(centres) + 1))
        design[:, :-1] = np.exp(-gamma * cdist(z, centres, "sqeuclidean"))
        heavy = design * weight[:, None]
        left, right = heavy.T @ design, heavy.T @ (y - middle)
        if groups is not None and np.isfinite(self.site):
            # Each site's own number is eliminated, which takes one rank of the normal equations.
            number = np.unique(groups, return_inverse=True)[1]
            sums = np.zeros((number.max() + 1, design.shape[1]))
            np.add.at(sums, number, heavy)
            root = 1.0 / (np.bincount(number, weights=weight) + self.site)
            left -= (sums * root[:, None]).T @ sums
            right -= sums.T @ (root * np.bincount(number, weights=weight * (y - middle)))
        left[:-1, :-1] += self.ridge * among
        left[np.diag_indices_from(left)] += 1e-8 * len(y)
        solved = linalg.solve(left, right, assume_a="pos")
        self.fitted |= {
            "centres": centres.astype(np.float32),
            "gamma": np.array(gamma),
            "centre": np.array(middle + solved[-1]),
            "coefficients": solved[:-1].astype(np.float32),
        }
        return self

    def predict(self, x: NDArray[np.float32]) -> Floats:
        """Predict rows (row, feature) as (row,)."""
        from xflux.learning.gaussian_kernel import COLUMNS, ROWS, gaussian_sums

        known = self.fitted
        count, width = known["centres"].shape
        # Zeros in rows and centres alike add nothing to a distance.
        wide = width + -width % COLUMNS
        centres = np.zeros((wide, count), np.float32)
        centres[:width] = known["centres"].T
        made = np.empty(len(x) + -len(x) % ROWS)
        # In pieces, so that no copy of all rows is held in double precision.
        for start in range(0, len(x), _ROWS):
            part = np.asarray(x[start : start + _ROWS], np.float64)
            stop = start + len(part) + -len(part) % ROWS
            rows = np.zeros((stop - start, wide), np.float32)
            rows[: len(part), :width] = self._scaled(part)
            gaussian_sums(
                rows, centres, known["coefficients"], float(known["gamma"]), made[start:stop]
            )
        return made[: len(x)] + float(known["centre"])

    def state(self) -> State:
        """Return all that was fitted."""
        return dict(self.fitted), {
            "landmarks": self.landmarks, "scale": self.scale, "ridge": self.ridge,
            "site": self.site, "seed": self.seed,
        }  # fmt: skip

    @classmethod
    def from_state(cls, arrays: dict[str, NDArray[Any]], meta: dict[str, Any]) -> KernelRidge:
        """Rebuild from `state`."""
        return cls(**meta, fitted=dict(arrays))

    def _scaled(self, values: Floats) -> Floats:
        known = self.fitted
        z = (np.where(np.isnan(values), known["mean"], values) - known["mean"]) * known["factor"]
        return np.clip(z, -known["limit"], known["limit"])
