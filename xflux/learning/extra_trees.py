"""Extremely randomised trees, grown by scikit-learn and kept as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.rows import check_features, check_rows, settings

__all__ = ["ExtraTrees"]

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]


@dataclass(slots=True)
class ExtraTrees:
    """Average trees whose splits are drawn at random.

    Parameters
    ----------
    trees : int
    min_leaf : int
        Fewest rows in a leaf.
    columns : float
        Share of the columns drawn at each split.
    seed : int
    whole : bool
        In an ensemble: learn the flux itself, not what the baseline leaves of it.
    threads : int
        Trees grown at a time.

    Notes
    -----
    At a node one threshold is drawn for each column, and the best of them splits it (Geurts et
    al. 2006, doi 10.1007/s10994-006-6226-1). A missing value is the median of the training rows.
    """

    trees: int = 100
    min_leaf: int = 5
    columns: float = 0.4
    seed: int = 0
    whole: bool = False
    threads: int = 1
    _fitted: Arrays | None = field(default=None, init=False, repr=False, compare=False)

    def fit(
        self,
        x: NDArray[np.float32],
        y: Floats,
        *,
        weight: Floats | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> ExtraTrees:
        """Fit rows x (row, column) to y (row,); nothing is tuned, so `groups` is not used."""
        from sklearn.ensemble import ExtraTreesRegressor

        x, y, weight = check_rows(x, y, weight)
        missing = np.isnan(x)
        known = ~missing.all(axis=0)
        median = np.zeros(x.shape[1], np.float32)
        median[known] = np.nanmedian(x[:, known], axis=0)
        forest = ExtraTreesRegressor(
            n_estimators=self.trees,
            min_samples_leaf=self.min_leaf,
            max_features=self.columns,
            random_state=self.seed,
            n_jobs=self.threads,
        ).fit(np.where(missing, median, x), y, sample_weight=weight)
        self._fitted = {"median": median, **_flatten(forest)}
        return self

    def predict(self, x: NDArray[np.float32]) -> Floats:
        """Predict rows x (row, column)."""
        from xflux.learning.forest_kernel import add_trees

        known = self._fitted
        x = check_features(x, None if known is None else len(known["median"]))
        assert known is not None
        leaf = known["feature"] < 0
        # A row that has come to a leaf stays there.
        children = np.where(leaf[:, None], np.arange(leaf.size, dtype=np.int32)[:, None],
                            known["children"])  # fmt: skip
        made = np.zeros(len(x))
        add_trees(
            np.ascontiguousarray(np.where(np.isnan(x), known["median"], x)),
            children,
            np.where(leaf, np.int32(0), known["feature"]),
            *(known[name] for name in ("threshold", "value", "roots")),
            made,
        )
        return made / len(known["roots"])

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return the nodes of all trees as arrays, and the settings."""
        if self._fitted is None:
            raise InputError("ExtraTrees was not fitted, and has no state; call fit first")
        return dict(self._fitted), settings(self)

    @classmethod
    def from_state(cls, arrays: Arrays, meta: dict[str, Any]) -> ExtraTrees:
        """Rebuild from `state`."""
        made = cls(**meta)
        # The kernel is compiled for writable arrays in native order, whatever a file gave.
        made._fitted = {name: np.array(array) for name, array in arrays.items()}
        return made


def _flatten(forest: Any) -> Arrays:
    """Return the nodes of all trees behind each other, numbered through."""
    trees = [made.tree_ for made in forest.estimators_]
    roots = np.cumsum([0] + [tree.node_count for tree in trees[:-1]])
    children, leaf = [], []
    for root, tree in zip(roots, trees):
        pair = np.stack([tree.children_left, tree.children_right], axis=1)
        leaf.append(pair[:, 0] < 0)
        children.append(np.where(pair < 0, 0, pair + root))
    feature = np.concatenate([tree.feature for tree in trees])
    return {
        "roots": roots.astype(np.int64),
        "children": np.concatenate(children).astype(np.int32),
        "feature": np.where(np.concatenate(leaf), -1, feature).astype(np.int32),
        "threshold": _round_down(np.concatenate([tree.threshold for tree in trees])),
        "value": np.concatenate([tree.value[:, 0, 0] for tree in trees]),
    }


def _round_down(threshold: Floats) -> NDArray[np.float32]:
    """Return the largest float32 that is not above.

    scikit-learn compares float32 rows with float64 thresholds: a float32 is at most t where it
    is at most the float32 below t, so that half the memory gives the same answer.
    """
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
