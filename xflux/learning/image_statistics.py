"""Columns of an image patch without any fit: level, spread, edges, and texture by scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.learner import State
from xflux.learning.rows import settings

__all__ = ["ImageStatistics"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


@dataclass(slots=True)
class ImageStatistics:
    """Describe each channel of a patch by numbers that do not tell where something lies in it.

    Parameters
    ----------
    scales : tuple of int
        Odd widths of the windows for texture, in pixels.

    Notes
    -----
    For each channel mean, standard deviation, 10 and 90 % quantile, the mean length of the
    gradient (Sobel's kernels), and at each scale s the variance of grains of that size: the mean
    square of what windows of width s have beside windows of width 3 s (beside the mean of the
    patch, where these do not fit). Windows of several sizes are the multi-grained scanning of Zhou
    and Feng (2017, arXiv:1702.08835, section 2.2); here of what a site's surroundings have at any
    place, as there are too few sites to learn from each place of its own. Missing pixels are left
    out.
    """

    scales: tuple[int, ...] = (1, 3, 9)

    def __post_init__(self) -> None:
        # JSON gives a list back.
        self.scales = tuple(self.scales)

    def fit(
        self,
        x: Rows,
        y: Floats,
        *,
        weight: Floats | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> ImageStatistics:
        """Fit nothing."""
        return self

    def transform(self, x: Rows) -> Rows:
        """Return columns of images x (row, channel, y, x)."""
        whole: Floats = np.asarray(x, np.float64)
        if whole.ndim != 4 or 0 in whole.shape[1:]:
            raise InputError(
                f"images have the axes (row, channel, y, x): found the shape {whole.shape}"
            )
        there = np.isfinite(whole)
        mean = _mean(whole, there)
        # Less the mean, which keeps digits and is what a missing pixel says least with.
        level = np.where(there, whole - mean[..., None, None], 0.0)
        made = [mean, np.sqrt(_mean(level**2, there)), *_quantiles(whole, there)]
        made.append(_edges(level, there))
        for scale in self.scales:
            fine, coarse = _window(level, there, scale), np.zeros_like(level)
            if 3 * scale <= min(whole.shape[2:]):
                coarse = _window(level, there, 3 * scale)
            made.append(_mean((fine - coarse) ** 2, there))
        return np.concatenate(made, axis=1).astype(np.float32)

    def state(self) -> State:
        """Return the settings; there are no arrays."""
        return {}, {name: list(values) for name, values in settings(self).items()}

    @classmethod
    def from_state(cls, arrays: dict[str, NDArray[Any]], meta: dict[str, Any]) -> ImageStatistics:
        """Rebuild from `state`."""
        return cls(**meta)


def _mean(values: Floats, there: NDArray[np.bool_]) -> Floats:
    """Average over the pixels that are there, (row, channel)."""
    total = _flat(np.where(there, values, 0.0)).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return total / _flat(there).sum(axis=-1)


def _flat(x: NDArray[Any]) -> NDArray[Any]:
    """Return pixels along one axis, (row, channel, pixel)."""
    return np.ascontiguousarray(x).reshape(*x.shape[:2], x.shape[2] * x.shape[3])


def _quantiles(x: Floats, there: NDArray[np.bool_]) -> list[Floats]:
    """Return the 10 and 90 % quantiles, linear between pixels."""
    ordered = np.sort(_flat(np.where(there, x, np.inf)), axis=-1)
    count = _flat(there).sum(axis=-1)
    made = []
    for share in (0.1, 0.9):
        place = share * np.maximum(count - 1, 0)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        below, above = (
            np.take_along_axis(ordered, k[..., None], axis=-1)[..., 0] for k in (low, high)
        )
        with np.errstate(invalid="ignore"):
            made.append(np.where(count > 0, below + (place - low) * (above - below), np.nan))
    return made


def _edges(level: Floats, there: NDArray[np.bool_]) -> Floats:
    """Return the mean length of the gradient where no pixel beside is missing."""
    from scipy.ndimage import correlate1d, minimum_filter

    # Not scipy's `sobel`, which smooths along rows and channels too.
    step, smooth = [-1.0, 0.0, 1.0], [1.0, 2.0, 1.0]
    across = correlate1d(correlate1d(level, step, 3, mode="nearest"), smooth, 2, mode="nearest")
    down = correlate1d(correlate1d(level, step, 2, mode="nearest"), smooth, 3, mode="nearest")
    whole = minimum_filter(there, (1, 1, 3, 3), mode="nearest")
    return _mean(np.hypot(across, down), whole)


def _window(level: Floats, there: NDArray[np.bool_], width: int) -> Floats:
    """Average over windows, of the pixels that are there."""
    from scipy.ndimage import uniform_filter

    size = (1, 1, width, width)
    share = uniform_filter(there.astype(np.float64), size, mode="nearest")
    total = uniform_filter(level, size, mode="nearest")
    return total / np.maximum(share, 0.5 / width**2)
