"""The loop of a network: a row is predicted alike whatever stands beside it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.numerics.elementary import exp
from xflux.numerics.jit import jit

__all__ = ["forward"]

F4 = NDArray[np.float32]


@jit
def forward(
    rows: F4,
    mean: F4,
    factor: F4,
    limit: F4,
    sizes: NDArray[np.int64],
    weights: F4,
    positive: NDArray[Any],
    level: F4,
    spread: F4,
    rectified: bool,
    out: F4,
) -> None:
    """Write the heads of each row.

    ``z = clip((x - mean) factor)``, 0 where x is missing; layers of ``silu(W z + b)``, or of
    ``relu(W z + b)``, the last one linear; then ``spread softplus(z)`` for a positive head,
    ``level + spread z`` for another.

    Parameters
    ----------
    rows : ndarray (row, feature)
    mean, factor, limit : ndarray (feature,)
    sizes : ndarray (layer + 1,)
        Width of the input and of each layer.
    weights : ndarray
        Of each layer its biases, and then its weights (input, output).
    positive, level, spread : ndarray (head,)
    rectified : bool
        Whether layers are of ReLU, else of SiLU.
    out : ndarray (row, head)

    Notes
    -----
    No matrix product: BLAS starts threads of its own beside those of Dask, and rounds
    otherwise for another number of rows.
    """
    zero, one = np.float32(0.0), np.float32(1.0)
    layers = sizes.size - 1
    before, after = np.empty(sizes.max(), np.float32), np.empty(sizes.max(), np.float32)
    for i in range(rows.shape[0]):
        for k in range(sizes[0]):
            z = (rows[i, k] - mean[k]) * factor[k]
            before[k] = zero if math.isnan(z) else min(max(z, -limit[k]), limit[k])
        start = 0
        for layer in range(layers):
            width = sizes[layer + 1]
            bias = weights[start : start + width]
            for j in range(width):
                after[j] = bias[j]
            start += width
            count = sizes[layer]
            # Four inputs at once, so that sums stay in registers.
            for k in range(0, count - 3, 4):
                v0, v1 = before[k], before[k + 1]
                v2, v3 = before[k + 2], before[k + 3]
                first = weights[start : start + width]
                second = weights[start + width : start + 2 * width]
                third = weights[start + 2 * width : start + 3 * width]
                fourth = weights[start + 3 * width : start + 4 * width]
                for j in range(width):
                    left = v0 * first[j] + v1 * second[j]
                    after[j] += left + (v2 * third[j] + v3 * fourth[j])
                start += 4 * width
            for k in range(count - count % 4, count):
                value = before[k]
                part = weights[start : start + width]
                for j in range(width):
                    after[j] += value * part[j]
                start += width
            if layer < layers - 1:
                if rectified:
                    for j in range(width):
                        after[j] = max(after[j], zero)
                else:
                    for j in range(width):
                        after[j] = after[j] / (one + exp(-after[j]))
            before, after = after, before
        for j in range(sizes[layers]):
            z = before[j]
            if positive[j]:
                out[i, j] = spread[j] * (max(z, zero) + math.log1p(math.exp(-abs(z))))
            else:
                out[i, j] = level[j] + spread[j] * z
