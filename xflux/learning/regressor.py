"""Any regressor of scikit-learn behind the contract of a learner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.rows import check_features, check_rows

__all__ = ["Regressor"]

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Regressor:
    """Fit a clone of a regressor, or of a pipeline that ends in one.

    Parameters
    ----------
    model : regressor
        With ``fit``, ``predict`` and ``get_params``; it stays as it is.
    seed : int
        Given to every parameter ``random_state`` of the clone.

    Notes
    -----
    A missing value is the median of the training rows, unless the regressor says by its tags that
    it takes missing values, or a pipeline has an imputer before what does not. Weights reach the
    regressor if it has a ``sample_weight``. It fits with the ``n_jobs`` that it was made with and
    predicts with one, since blocks run beside each other. What it tunes inside, such as a grid
    search, it tunes on rows: it is not told of sites.
    """

    model: Any
    seed: int = 0
    _fitted: Any = field(default=None, init=False, repr=False, compare=False)
    _median: Floats | None = field(default=None, init=False, repr=False, compare=False)

    def fit(
        self,
        x: NDArray[np.float32],
        y: Floats,
        *,
        weight: Floats | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> Regressor:
        """Fit rows x (row, column) to y (row,); `groups` is not used."""
        from sklearn.base import clone

        x, y, weight = check_rows(x, y, weight)
        missing = np.isnan(x)
        known = ~missing.all(axis=0)
        median = np.zeros(x.shape[1])
        median[known] = np.nanmedian(x[:, known], axis=0)
        if _takes_missing(self.model):
            median[:] = np.nan
        made = clone(self.model)
        made.set_params(**_named(made, "random_state", self.seed))
        # Weights that are all alike are left out: some regressors have the parameter, and
        # refuse it for what they are made of.
        extra = {} if np.ptp(weight) == 0.0 else _weights(made, weight)
        made.fit(np.where(missing, median, x), y, **extra)
        made.set_params(**_named(made, "n_jobs", 1))
        self._fitted, self._median = made, median
        return self

    def predict(self, x: NDArray[np.float32]) -> Floats:
        """Predict rows x (row, column)."""
        median = self._median
        x = check_features(x, None if median is None else len(median))
        assert median is not None
        if not len(x):
            return np.empty(0)
        made = np.asarray(self._fitted.predict(np.where(np.isnan(x), median, x)), np.float64)
        if made.size != len(x):
            raise InputError(
                f"{type(self.model).__name__} predicted an array of shape {made.shape} for "
                f"{len(x)} rows; a learner predicts one value for each"
            )
        return made.reshape(-1)

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Refuse: only pickle holds a regressor of others."""
        raise InputError(
            f"{type(self.model).__name__} could be stored by pickle alone, which runs what a file "
            "says, and xflux neither writes nor reads it. Store what it predicts, as "
            "xflux.refine(ds, model).to_netcdf(path), or fit with a learner that has a name, "
            "such as learner='blend', and save that"
        )

    @classmethod
    def from_state(cls, arrays: dict[str, NDArray[Any]], meta: dict[str, Any]) -> Regressor:
        """Refuse, as `state` does."""
        raise InputError("a regressor of scikit-learn is never stored, so none can be read")


def _named(model: Any, name: str, value: Any) -> dict[str, Any]:
    """Return a value for each parameter of a name, at any depth."""
    return {key: value for key in model.get_params() if key.split("__")[-1] == name}


def _weights(model: Any, weight: Floats) -> dict[str, Floats]:
    """Return weights by the keyword that takes them; a pipeline hands them to its last step."""
    from sklearn.utils.validation import has_fit_parameter

    if hasattr(model, "steps"):
        name, last = model.steps[-1]
        return {f"{name}__{key}": held for key, held in _weights(last, weight).items()}
    return {"sample_weight": weight} if has_fit_parameter(model, "sample_weight") else {}


def _takes_missing(model: Any) -> bool:
    """Say whether a regressor takes missing values; of a pipeline, whether all steps do."""
    for _, step in getattr(model, "steps", ()):
        if type(step).__module__.startswith("sklearn.impute"):
            return True
        if step not in (None, "passthrough") and not _takes_missing(step):
            return False
    if hasattr(model, "steps"):
        return True
    if not hasattr(model, "__sklearn_tags__"):
        return False
    from sklearn.utils import get_tags

    return bool(get_tags(model).input_tags.allow_nan)
