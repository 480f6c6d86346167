"""What a learner of plain arrays is: the small contract that every one of ours meets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from xflux.learning.features import Feature

__all__ = ["Learner", "State", "Traits"]

Floats = NDArray[np.float64]
#: Arrays by name, and what JSON holds: all that a fitted learner is, without pickle.
State = tuple[dict[str, NDArray[Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of columns beside their values.

    Attributes
    ----------
    signs : tuple of {-1, 0, 1}
        Of the effect that each column may have; 0 leaves it free.
    codes : tuple of bool
        Whether it holds the codes of classes, whose order says nothing.
    features : tuple of Feature
        What each column holds.
    """

    signs: tuple[int, ...]
    codes: tuple[bool, ...]
    features: tuple[Feature, ...] = ()

    @property
    def constraints(self) -> tuple[int, ...] | None:
        """Signs, where any column is held."""
        return self.signs if any(self.signs) else None

    @property
    def classes(self) -> tuple[int, ...]:
        """Numbers of the columns that hold codes."""
        return tuple(k for k, code in enumerate(self.codes) if code)

    def of(self, columns: NDArray[np.int64]) -> Traits:
        """Return those of some columns."""
        return Traits(
            tuple(self.signs[k] for k in columns),
            tuple(self.codes[k] for k in columns),
            tuple(self.features[k] for k in columns) if self.features else (),
        )


@runtime_checkable
class Learner(Protocol):
    """A regression on rows.

    Predicting changes nothing, is safe in threads, and gives a row the same bits whatever other
    rows are predicted with it.
    """

    def fit(
        self,
        x: NDArray[np.float32],
        y: Floats,
        *,
        weight: Floats | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> Learner:
        """Fit.

        Parameters
        ----------
        x : ndarray (row, feature)
            NaN where a feature is missing.
        y : ndarray (row,)
        weight : ndarray (row,), optional
        groups : ndarray (row,), optional
            Site of each row: what a learner tunes inside, it tunes on sites left out.
        """

    def predict(self, x: NDArray[np.float32]) -> Floats:
        """Predict rows (row, feature) as (row,); NaN is a missing feature."""

    def state(self) -> State:
        """Return all that was fitted."""

    @classmethod
    def from_state(cls, arrays: dict[str, NDArray[Any]], meta: dict[str, Any]) -> Learner:
        """Rebuild from `state`."""
