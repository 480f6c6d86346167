"""Boosted trees of LightGBM behind the contract of a learner."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.rows import check_features, check_rows, check_signs, settings

__all__ = ["LightBoosted", "require_lightgbm"]

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]


def require_lightgbm() -> ModuleType:
    """Return LightGBM, which is not installed with xflux itself.

    Raises
    ------
    ImportError
        With the command that installs it.
    """
    try:
        import lightgbm
    except ImportError as error:
        raise ImportError(
            "learner='lightgbm' needs LightGBM; install it with "
            "python -m pip install 'xflux[lightgbm]', or use learner='xgboost'"
        ) from error
    module: ModuleType = lightgbm
    return module


@dataclass(slots=True)
class LightBoosted:
    """Fit boosted regression trees that grow leaf by leaf.

    Parameters
    ----------
    trees : int
    rate : float
        Learning rate.
    leaves : int
        Most leaves of a tree.
    min_leaf : int
        Fewest rows in a leaf.
    rows : float
        Share of the rows that a tree sees.
    columns : float
        Share of the columns drawn for each tree.
    l2 : float
        Penalty on the values of leaves, in rows.
    monotone : tuple of {-1, 0, 1}, optional
        Sign of the effect of each column; 0 leaves it free.
    classes : tuple of int
        Numbers of the columns that hold codes of classes.
    seed : int
    threads : int
        Threads of one fit. Prediction takes one: blocks run beside each other.

    Notes
    -----
    The leaf that lowers the loss most is split next (Ke et al. 2017, NeurIPS 30, "LightGBM").
    A missing value goes down the side that lowered the loss in training; where a column had none
    in training, it is the median of the training rows, for LightGBM would read it as 0. The same
    seed gives the same bits.
    """

    trees: int = 400
    rate: float = 0.04
    leaves: int = 15
    min_leaf: int = 20
    rows: float = 0.6
    columns: float = 0.4
    l2: float = 10.0
    monotone: tuple[int, ...] | None = None
    classes: tuple[int, ...] = ()
    seed: int = 0
    threads: int = 1
    _text: str = field(default="", init=False, repr=False, compare=False)
    _booster: Any = field(default=None, init=False, repr=False, compare=False)
    _instead: NDArray[np.float32] | None = field(
        default=None, init=False, repr=False, compare=False
    )

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
    ) -> LightBoosted:
        """Fit rows x (row, column) to y (row,); nothing is tuned, so `groups` is not used."""
        lightgbm = require_lightgbm()
        x, y, weight = check_rows(x, y, weight)
        check_signs(self.monotone, x.shape[1])
        parameters: dict[str, Any] = {
            "objective": "regression",
            "learning_rate": self.rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.min_leaf,
            "bagging_fraction": self.rows,
            "bagging_freq": 1,
            "feature_fraction": self.columns,
            "lambda_l2": self.l2,
            "seed": self.seed,
            "num_threads": self.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        if self.monotone is not None:
            parameters["monotone_constraints"] = list(self.monotone)
        rows = lightgbm.Dataset(
            x, label=y, weight=weight, categorical_feature=list(self.classes), params=parameters
        )
        made = lightgbm.train(parameters, rows, num_boost_round=self.trees)
        whole = np.logical_not(np.isnan(x).any(axis=0))
        whole &= ~np.isin(np.arange(x.shape[1]), self.classes)
        instead = np.full(x.shape[1], np.nan, np.float32)
        instead[whole] = np.median(x[:, whole], axis=0)
        self._load(made.model_to_string(), instead)
        return self

    def predict(self, x: NDArray[np.float32]) -> Floats:
        """Predict rows x (row, column)."""
        instead = self._instead
        x = check_features(x, None if instead is None else len(instead))
        assert instead is not None
        if not len(x):
            return np.empty(0)
        # Asked for each time: LightGBM 4.7 ignores parameters given on loading, and each prediction
        # sets the threads anew, by default all.
        made: Floats = self._booster.predict(np.where(np.isnan(x), instead, x), num_threads=1)
        return made

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return the trees as the bytes of their text, and the settings."""
        if self._instead is None:
            raise InputError("LightBoosted was not fitted, and has no state; call fit first")
        text = np.frombuffer(self._text.encode(), np.uint8)
        return {"text": text, "instead": self._instead}, settings(self)

    @classmethod
    def from_state(cls, arrays: Arrays, meta: dict[str, Any]) -> LightBoosted:
        """Rebuild from `state`."""
        made = cls(**meta)
        text = np.asarray(arrays["text"], np.uint8).tobytes().decode()
        made._load(text, np.array(arrays["instead"], np.float32))
        return made

    def __reduce__(self) -> Any:
        """Travel to another process as `state`."""
        if self._instead is None:
            return type(self)._made, (settings(self),)
        return type(self).from_state, self.state()

    @classmethod
    def _made(cls, meta: dict[str, Any]) -> LightBoosted:
        return cls(**meta)

    def __dask_tokenize__(self) -> Any:
        """Tell Dask apart by the text: the booster itself would be pickled and read again."""
        import hashlib

        held = hashlib.sha256(self._text.encode())
        if self._instead is not None:
            held.update(self._instead.tobytes())
        return type(self).__name__, held.hexdigest(), settings(self)

    def _load(self, text: str, instead: NDArray[np.float32]) -> None:
        """Take up a model; fitted and rebuilt ones come this one way."""
        booster = require_lightgbm().Booster(model_str=text)
        self._text, self._booster, self._instead = text, booster, instead
