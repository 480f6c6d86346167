"""Whole years of a time axis, and what lies outside of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.time_axis import MEAN_YEAR, YEAR
from xflux.errors import InputError
from xflux.labels.calendar import time_steps

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Years", "whole_years"]


@dataclass(frozen=True)
class Years:
    """Which steps make up which year.

    Attributes
    ----------
    dim : str or None
        Dimension of the steps; None: no time, one mean year of one step.
    labels : ndarray (year,) or None
        Calendar years; None for a mean year.
    first : ndarray (year,)
        Number of the first step of each.
    steps : int
        Of each year: 12 months, or 1.
    days : ndarray (year, step)
    length : int
        Of the dimension.
    left_out : tuple of str
        Years that are not whole.
    """

    dim: str | None
    labels: NDArray[np.int64] | None
    first: NDArray[np.int64]
    steps: int
    days: NDArray[np.float64]
    length: int
    left_out: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Whole years."""
        return len(self.first)

    @property
    def places(self) -> NDArray[np.int64]:
        """Numbers of the steps of each year (year, step)."""
        return self.first[:, None] + np.arange(self.steps)


def whole_years(obj: xr.Dataset | xr.DataArray, called: str) -> Years:
    """Find the whole years of months, or of yearly steps.

    Parameters
    ----------
    obj : Dataset or DataArray
    called : str
        For messages.

    Raises
    ------
    InputError
        For other steps, and where no year is whole.
    """
    dim = _yearly_dim(obj)
    if dim is not None:
        labels = np.asarray(obj[dim].values, np.int64)
        days = np.full((labels.size, 1), MEAN_YEAR)
        return Years(dim, labels, np.arange(labels.size), 1, days, labels.size)
    steps = time_steps(obj)
    if steps is None:
        return Years(None, None, np.zeros(1, np.int64), 1, np.full((1, 1), MEAN_YEAR), 1)
    length = len(steps.edges)
    if steps.clock is None:
        if length != 12:
            raise InputError(
                f"{called} has {length} months of a mean year; expected all 12 along {steps.dim!r}"
            )
        return Years(steps.dim, None, np.zeros(1, np.int64), 12, steps.days[None, :], 12)
    year, month = np.divmod(steps.clock.months(steps.edges[:, 0]), 12)
    if np.all(steps.days > 360.0):
        return Years(steps.dim, year, np.arange(length), 1, steps.days[:, None], length)
    if not np.all((steps.days > 27.0) & (steps.days < 32.0)):
        raise InputError(
            f"{called} has steps of {steps.days.min():g} to {steps.days.max():g} days along "
            f"{steps.dim!r}; expected months or years: take means of months with "
            f".resample({steps.dim}='MS').mean()"
        )
    first, labels_, left_out = [], [], []
    for label in np.unique(year):
        where = np.flatnonzero(year == label)
        if where.size == 12 and np.array_equal(month[where], np.arange(12)):
            first.append(where[0])
            labels_.append(label)
        else:
            left_out.append(str(label))
    if not first:
        raise InputError(
            f"{called} has no whole year along {steps.dim!r} ({', '.join(left_out)}); twelve "
            "months of a calendar year are needed"
        )
    starts = np.array(first, np.int64)
    days = steps.days[starts[:, None] + np.arange(12)]
    return Years(steps.dim, np.array(labels_, np.int64), starts, 12, days, length, tuple(left_out))


def _yearly_dim(obj: xr.Dataset | xr.DataArray) -> str | None:
    """Return `YEAR` where it is the only axis of time and numbers years."""
    plain = YEAR in obj.dims and "time" not in obj.dims and "month" not in obj.dims
    if plain and YEAR in obj.coords and obj[YEAR].dtype.kind in "iu":
        return YEAR
    return None
