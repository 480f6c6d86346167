"""The loop of kernel ridge regression: a row is predicted alike whatever stands beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.numerics.elementary import exp
from xflux.numerics.jit import jit

__all__ = ["COLUMNS", "ROWS", "gaussian_sums"]

#: Rows and columns that are taken together; what is fewer is filled up with zeros.
ROWS, COLUMNS = 2, 4


@jit
def gaussian_sums(
    rows: NDArray[np.float32],
    centres: NDArray[np.float32],
    coefficients: NDArray[np.float32],
    gamma: Any,
    out: NDArray[np.float64],
) -> None:
    """Write ``sum_j c_j exp(-gamma |row - centre_j|^2)`` for each row.

    Rows (row, column) are a multiple of 2, columns one of 4; centres are (column, centre). The
    loop over centres is the inner one, so that it becomes SIMD code, and what it reads of them
    serves 2 rows and 4 columns. No row takes another path than others.

    No matrix product: BLAS starts threads of its own beside those of Dask, and rounds
    otherwise for another number of rows.
    """
    minus = np.float32(-gamma)
    count = centres.shape[1]
    square = np.empty((2, count), np.float32)
    for i in range(0, rows.shape[0], 2):
        square[:] = np.float32(0.0)
        for k in range(0, rows.shape[1], 4):
            x0, x1, x2, x3 = rows[i, k], rows[i, k + 1], rows[i, k + 2], rows[i, k + 3]
            y0, y1 = rows[i + 1, k], rows[i + 1, k + 1]
            y2, y3 = rows[i + 1, k + 2], rows[i + 1, k + 3]
            for j in range(count):
                c0, c1, c2, c3 = (
                    centres[k, j],
                    centres[k + 1, j],
                    centres[k + 2, j],
                    centres[k + 3, j],
                )
                d0, d1, d2, d3 = c0 - x0, c1 - x1, c2 - x2, c3 - x3
                e0, e1, e2, e3 = c0 - y0, c1 - y1, c2 - y2, c3 - y3
                square[0, j] += d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
                square[1, j] += e0 * e0 + e1 * e1 + e2 * e2 + e3 * e3
        for r in range(2):
            total = 0.0
            for j in range(count):
                total += np.float64(coefficients[j] * exp(minus * square[r, j]))
            out[i + r] = total
