"""The loop of kernel ridge regression: a row is predicted alike whatever stands beside it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.numerics.jit import jit

__all__ = ["gaussian_sums"]


@jit
def gaussian_sums(
    rows: NDArray[np.float32],
    centres: NDArray[np.float32],
    coefficients: NDArray[np.float32],
    gamma: Any,
    out: NDArray[np.float64],
) -> None:
    """Write ``sum_j c_j exp(-gamma |row - centre_j|^2)`` for each row.

    No matrix product: BLAS starts threads of its own beside those of Dask, and rounds
    otherwise for another number of rows.
    """
    zero = np.float32(0.0)
    for i in range(rows.shape[0]):
        total = 0.0
        for j in range(centres.shape[0]):
            square = zero
            for k in range(rows.shape[1]):
                away = rows[i, k] - centres[j, k]
                square += away * away
            total += coefficients[j] * math.exp(-gamma * square)
        out[i] = total
