"""What turns sequences and images into columns: the small contract that all of ours meet."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from xflux.learning.learner import State

__all__ = ["Embedder"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


@runtime_checkable
class Embedder(Protocol):
    """Columns of inputs that have more axes than rows.

    Transforming changes nothing, is safe in threads, and gives a row the same bits whatever other
    rows are transformed with it.
    """

    def fit(
        self,
        x: Rows,
        y: Floats,
        *,
        weight: Floats | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> Embedder:
        """Fit.

        Parameters
        ----------
        x : ndarray (row, step, variable) or (row, channel, y, x)
            NaN where it is missing.
        y : ndarray (row,)
        weight : ndarray (row,), optional
        groups : ndarray (row,), optional
            Site of each row.
        """

    def transform(self, x: Rows) -> Rows:
        """Return columns (row, column) of rows that were not fitted; NaN where all is missing."""

    def state(self) -> State:
        """Return all that was fitted."""

    @classmethod
    def from_state(cls, arrays: dict[str, NDArray[Any]], meta: dict[str, Any]) -> Embedder:
        """Rebuild from `state`."""
