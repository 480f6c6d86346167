"""Columns of a sequence without any fit: steps before, fading means, anomaly and slope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.learner import State
from xflux.learning.rows import settings

__all__ = ["SequenceStatistics"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


@dataclass(slots=True)
class SequenceStatistics:
    """Describe each variable of a sequence by what trees can split.

    Parameters
    ----------
    lags : tuple of int
        Steps before the last one; those that a sequence does not reach are left out.
    half_lives : tuple of float
        Steps after which the weight of a fading mean has halved.

    Notes
    -----
    A fading mean weighs step k before the last by ``0.5 ** (k / half_life)``: memory that is
    lost by and by. A weight on single steps, as in a gate before a forest, would change nothing,
    as trees do not see a column's scale. The anomaly is the last step less the mean of all, the
    slope that of least squares per step. A mean is missing where less than half of its weight has
    a value, the slope where less than half of the steps have.
    """

    lags: tuple[int, ...] = (0, 1, 2, 3, 12)
    half_lives: tuple[float, ...] = (1.0, 3.0, 6.0)

    def __post_init__(self) -> None:
        # JSON gives lists back.
        self.lags, self.half_lives = tuple(self.lags), tuple(self.half_lives)

    def names(self, steps: int) -> tuple[str, ...]:
        """Return what is made of each variable of a sequence of so many steps, in this order."""
        return (
            *(f"lag{k}" for k in self.lags if k < steps),
            *(f"fading{life:g}" for life in self.half_lives),
            "anomaly",
            "slope",
        )

    def fit(
        self,
        x: Rows,
        y: Floats,
        *,
        weight: Floats | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> SequenceStatistics:
        """Fit nothing."""
        return self

    def transform(self, x: Rows) -> Rows:
        """Return columns of sequences x (row, step, variable), oldest step first."""
        whole: Floats = np.asarray(x, np.float64)
        if whole.ndim != 3 or not whole.shape[1]:
            raise InputError(
                f"a sequence has the axes (row, step, variable): found the shape {whole.shape}"
            )
        last = whole.shape[1] - 1
        steps = [whole[:, last - k] for k in range(last + 1)]
        made = [steps[k] for k in self.lags if k <= last]
        for life in self.half_lives:
            made.append(_mean(steps, [0.5 ** (k / life) for k in range(last + 1)]))
        made.append(steps[0] - _mean(steps, [1.0] * (last + 1)))
        made.append(_slope(steps))
        return np.concatenate(made, axis=1).astype(np.float32)

    def state(self) -> State:
        """Return the settings; there are no arrays."""
        made = settings(self)
        return {}, {name: list(values) for name, values in made.items()}

    @classmethod
    def from_state(
        cls, arrays: dict[str, NDArray[Any]], meta: dict[str, Any]
    ) -> SequenceStatistics:
        """Rebuild from `state`."""
        return cls(**meta)


def _mean(steps: list[Floats], weights: list[float]) -> Floats:
    """Average steps one by one, so that a row does not depend on the shape of the whole."""
    total, known = np.zeros_like(steps[0]), np.zeros_like(steps[0])
    for step, weight in zip(steps, weights):
        there = np.isfinite(step)
        total += weight * np.where(there, step, 0.0)
        known += weight * there
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known >= 0.5 * sum(weights), total / known, np.nan)


def _slope(steps: list[Floats]) -> Floats:
    """Return the slope of least squares over the steps that are there."""
    shape = steps[0].shape
    count, time, square, value, both = (np.zeros(shape) for _ in range(5))
    for k, step in enumerate(steps):
        there = np.isfinite(step)
        known = np.where(there, step, 0.0)
        count += there
        time += there * -k
        square += there * k**2
        value += known
        both += -k * known
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (both - time * value / count) / (square - time**2 / count)
    return np.where((count >= 0.5 * len(steps)) & (count > 1), slope, np.nan)
