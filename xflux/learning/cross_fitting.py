"""Columns that are learned from the target: each row by embedders that did not see its site."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.embedder import Embedder
from xflux.learning.learner import State

__all__ = ["CrossFitted"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


@dataclass(slots=True)
class CrossFitted:
    """Fit an embedder once for each fold of sites.

    Parameters
    ----------
    embedder : Embedder
        A dataclass with ``seed``; what is fitted are copies of it. All have one seed, so that
        their columns can be brought to mean the same.
    folds : int
        Of the sites.
    seed : int

    Notes
    -----
    A column that an embedder made of rows it was fitted on is better than it will ever be where
    there is no tower, and whatever learns from it trusts it too much. So rows that are fitted
    are embedded by the one embedder that did not see their site, and rows that are predicted by
    the mean of all (Wolpert 1992, doi 10.1016/S0893-6080(05)80023-1).
    """

    embedder: Any
    folds: int = 5
    seed: int = 0
    _fitted: list[Embedder] = field(default_factory=list, init=False, repr=False, compare=False)

    def fit_transform(
        self, x: Rows, y: Floats, *, weight: Floats, groups: NDArray[np.int64]
    ) -> Rows:
        """Fit, and return columns (row, column) of these rows, each out of its fold.

        Parameters
        ----------
        x : ndarray (row, ...)
        y, weight, groups : ndarray (row,)

        Raises
        ------
        InputError
            For fewer sites than folds.
        """
        from sklearn.model_selection import KFold

        sites = np.unique(groups)
        if len(sites) < max(2, self.folds):
            raise InputError(
                f"{self.folds} folds of embedders need as many sites, and two at least: found "
                f"{len(sites)}; pass more sites, or lower folds"
            )
        made: Rows | None = None
        fitted = []
        split = KFold(self.folds, shuffle=True, random_state=self.seed)
        for train, _ in split.split(sites):
            rows = np.isin(groups, sites[train])
            model = replace(self.embedder, seed=self.seed)
            model.fit(x[rows], y[rows], weight=weight[rows], groups=groups[rows])
            part = model.transform(x[~rows])
            if made is None:
                made = np.empty((len(x), part.shape[1]), np.float32)
            made[~rows] = part
            fitted.append(model)
        assert made is not None
        self._fitted = fitted
        return made

    def transform(self, x: Rows) -> Rows:
        """Return the mean columns (row, column) of rows that no embedder saw."""
        if not self._fitted:
            raise InputError("the embedders were not fitted; call fit_transform first")
        total = self._fitted[0].transform(x).astype(np.float64)
        for model in self._fitted[1:]:
            total += model.transform(x)
        return (total / len(self._fitted)).astype(np.float32)

    def state(self) -> State:
        """Return the states of all embedders."""
        arrays: dict[str, NDArray[Any]] = {}
        metas = []
        for k, model in enumerate(self._fitted):
            held, meta = model.state()
            arrays |= {f"{k}/{name}": array for name, array in held.items()}
            metas.append(meta)
        return arrays, {"folds": self.folds, "seed": self.seed, "embedders": metas}

    @classmethod
    def from_state(
        cls, arrays: dict[str, NDArray[Any]], meta: dict[str, Any], *, kind: Any
    ) -> CrossFitted:
        """Rebuild embedders of a kind from `state`."""
        parts: list[dict[str, NDArray[Any]]] = [{} for _ in meta["embedders"]]
        for name, array in arrays.items():
            place, _, rest = name.partition("/")
            parts[int(place)][rest] = array
        fitted = [kind.from_state(part, own) for part, own in zip(parts, meta["embedders"])]
        made = cls(replace(fitted[0], seed=0), meta["folds"], meta["seed"])
        made._fitted = fitted
        return made
