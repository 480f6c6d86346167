"""What every learner asks of its rows, and what it was made with."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError

__all__ = ["check_features", "check_rows", "check_signs", "mean_and_spread", "settings"]

Floats = NDArray[np.float64]


def settings(learner: Any) -> dict[str, Any]:
    """Return what a learner was made with."""
    return {item.name: getattr(learner, item.name) for item in fields(learner) if item.init}


def check_features(x: NDArray[Any], features: int | None) -> NDArray[np.float32]:
    """Return rows as float32 where they have the columns of the fit (None: was not fitted)."""
    if features is None:
        raise InputError("the learner was not fitted, and cannot predict; call fit first")
    x = np.asarray(x, np.float32)
    if x.ndim != 2 or x.shape[1] != features:
        raise InputError(
            f"the learner was fitted on rows of {features} columns: found an array of shape "
            f"{x.shape}; pass (row, {features}) with the columns in the same order"
        )
    return x


def check_rows(
    x: NDArray[Any], y: NDArray[Any], weight: NDArray[Any] | None
) -> tuple[NDArray[np.float32], Floats, Floats]:
    """Return rows, target and weights of mean 1, where they fit each other."""
    x, y = np.asarray(x, np.float32), np.asarray(y, np.float64)
    weight = np.ones(y.shape) if weight is None else np.asarray(weight, np.float64)
    if x.ndim != 2 or y.shape != x.shape[:1] or weight.shape != y.shape or not y.size:
        raise InputError(
            f"rows, target and weights do not match: found shapes {x.shape}, {y.shape} and "
            f"{weight.shape}; pass (row, column), (row,) and (row,) with at least one row"
        )
    wrong = int(np.count_nonzero(~np.isfinite(y)))
    if wrong:
        raise InputError(f"the target has {wrong} missing or infinite values; drop these rows")
    if np.isinf(x).any():
        raise InputError("the rows hold infinite values; replace them by NaN, which is missing")
    if not (np.isfinite(weight).all() and weight.min() >= 0.0 and weight.max() > 0.0):
        raise InputError(
            f"weights must be finite, not negative and not all 0: found {weight.min()} to "
            f"{weight.max()}; drop rows without weight"
        )
    return x, y, weight / weight.mean()


def mean_and_spread(values: NDArray[Any]) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column; 0 of one without values."""
    # In double precision: the sum over many rows of pressure in Pa has more digits than single.
    known, values = ~np.isnan(values), values.astype(np.float64)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, spread


def check_signs(monotone: tuple[int, ...] | None, columns: int) -> None:
    """Refuse signs that are not one for each column."""
    if monotone is not None and len(monotone) != columns:
        raise InputError(
            f"monotone needs one sign for each column: found {len(monotone)} signs for "
            f"{columns} columns; write 0 where the effect is free"
        )
