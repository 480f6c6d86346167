"""Boosted trees of xgboost behind the contract of a learner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.rows import check_features, check_rows, check_signs, settings

__all__ = ["Boosted"]

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Boosted:
    """Fit boosted regression trees, or a forest of trees grown side by side.

    Parameters
    ----------
    trees : int
    rate : float
        Learning rate; a forest does not use it.
    depth : int
        Deepest split of a tree.
    min_child_weight : float
        Least weight in a leaf, where the mean weight of a row is 1.
    rows : float
        Share of the rows that a tree sees.
    columns : float
        Share of the columns drawn for each tree; in a forest, at each split.
    l2 : float
        Penalty on the values of leaves, in rows.
    monotone : tuple of {-1, 0, 1}, optional
        Sign of the effect of each column; 0 leaves it free.
    classes : tuple of int
        Numbers of the columns that hold codes of classes, 0 or more.
    forest : bool
        Grow all trees on the target itself and average them.
    seed : int
    threads : int
        Threads of one fit. More than the cores that are free make it much slower. Prediction
        takes one: blocks run beside each other.

    Notes
    -----
    A missing value goes down the side that lowered the loss in training (Chen and Guestrin 2016,
    doi 10.1145/2939672.2939785). Values are float32 in xgboost. The same seed gives the same bits
    for the same number of threads.
    """

    trees: int = 400
    rate: float = 0.04
    depth: int = 4
    min_child_weight: float = 20.0
    rows: float = 0.6
    columns: float = 0.4
    l2: float = 10.0
    monotone: tuple[int, ...] | None = None
    classes: tuple[int, ...] = ()
    forest: bool = False
    seed: int = 0
    threads: int = 1
    _bytes: bytes = field(default=b"", init=False, repr=False, compare=False)
    _booster: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # JSON gives lists back.
        self.monotone = None if self.monotone is None else tuple(self.monotone)
        self.classes = tuple(self.classes)

    def fit(
        self,
        x: NDArray[np.float32],
        y: Floats,
        *,
        weight: Floats | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> Boosted:
        """Fit rows x (row, column) to y (row,); nothing is tuned, so `groups` is not used."""
        import xgboost

        x, y, weight = check_rows(x, y, weight)
        check_signs(self.monotone, x.shape[1])
        parameters: dict[str, Any] = {
            "objective": "reg:squarederror",
            "tree_method": "hist",
            "max_depth": self.depth,
            "min_child_weight": self.min_child_weight,
            "subsample": self.rows,
            "lambda": self.l2,
            "seed": self.seed,
            "nthread": self.threads,
            "verbosity": 0,
        }
        if self.forest:
            parameters |= {
                "num_parallel_tree": self.trees,
                "learning_rate": 1.0,
                "colsample_bynode": self.columns,
            }
        else:
            parameters |= {"learning_rate": self.rate, "colsample_bytree": self.columns}
        if self.monotone is not None:
            parameters["monotone_constraints"] = self.monotone
        kinds = ["c" if k in self.classes else "q" for k in range(x.shape[1])]
        rows = xgboost.QuantileDMatrix(
            x,
            label=y,
            weight=weight,
            feature_types=kinds if self.classes else None,
            enable_categorical=bool(self.classes),
            nthread=self.threads,
        )
        made = xgboost.train(parameters, rows, num_boost_round=1 if self.forest else self.trees)
        self._load(bytes(made.save_raw("ubj")))
        return self

    def predict(self, x: NDArray[np.float32]) -> Floats:
        """Predict rows x (row, column)."""
        x = check_features(x, None if self._booster is None else self._booster.num_features())
        if not len(x):
            return np.empty(0)
        made: Floats = self._booster.inplace_predict(x).astype(np.float64)
        return made

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the trees as UBJSON bytes, and the settings."""
        if self._booster is None:
            raise InputError("Boosted was not fitted, and has no state; call fit first")
        return {"ubjson": np.frombuffer(self._bytes, np.uint8)}, settings(self)

    @classmethod
    def from_state(cls, arrays: dict[str, NDArray[Any]], meta: dict[str, Any]) -> Boosted:
        """Rebuild from `state`."""
        made = cls(**meta)
        made._load(np.asarray(arrays["ubjson"], np.uint8).tobytes())
        return made

    def __reduce__(self) -> Any:
        """Travel to another process as `state`, and be ready there to be read by threads."""
        if self._booster is None:
            return type(self)._made, (settings(self),)
        return type(self).from_state, self.state()

    @classmethod
    def _made(cls, meta: dict[str, Any]) -> Boosted:
        return cls(**meta)

    def __dask_tokenize__(self) -> Any:
        """Tell Dask apart by the bytes: the booster itself would be pickled and read again."""
        import hashlib

        return type(self).__name__, hashlib.sha256(self._bytes).hexdigest(), settings(self)

    def _load(self, model: bytes) -> None:
        """Take up a model, ready to be read by several threads."""
        import xgboost

        # nthread is set here and never in predict: setting it while another thread predicts is
        # an error in xgboost (dmlc/xgboost#10874). Fitted and rebuilt models come this one way.
        booster = xgboost.Booster({"nthread": 1, "verbosity": 0})
        booster.load_model(bytearray(model))
        # The first prediction configures the booster; it shall not happen in several threads.
        booster.inplace_predict(np.zeros((1, booster.num_features()), np.float32))
        self._bytes, self._booster = model, booster
