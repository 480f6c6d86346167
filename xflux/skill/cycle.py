"""Where in the year a time step lies, in any CF calendar."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from xflux.errors import InputError

__all__ = ["Cycle", "periods", "step_days", "years"]

#: Resolution of a mean seasonal cycle.
Cycle = Literal["auto", "month", "8-day", "day"]

_SIZES = {"month": 12, "8-day": 46, "day": 365}


def step_days(time: xr.DataArray) -> float:
    """Return the median time step in days; NaN for fewer than two steps."""
    index = time.to_index().sort_values()
    if len(index) < 2:
        return float("nan")
    steps = index[1:] - index[:-1]
    return float(np.median(pd.TimedeltaIndex(steps) / pd.Timedelta(days=1)))


def periods(time: xr.DataArray, cycle: Cycle = "auto") -> tuple[NDArray[np.int64], int]:
    """Number the period of the year that each time step lies in.

    Parameters
    ----------
    time : DataArray
        Dates.
    cycle : {"auto", "month", "8-day", "day"}
        Length of a period. Auto: months for monthly data, the 46 periods of MODIS and of
        Tramontana et al. (2016) for steps of 5 to 27 days, days for daily data. The 366th
        day counts as the 365th.

    Returns
    -------
    codes : ndarray of int64
        From 0.
    size : int
        Number of periods in a year.

    Raises
    ------
    InputError
        When the steps are longer than a month, or shorter than a day.
    """
    step = step_days(time)
    if step > 31.5:
        raise InputError(
            f"the median time step is {step:.0f} days: there is no seasonal cycle in it; pass "
            "monthly or finer data"
        )
    if step < 0.9:
        raise InputError(
            f"the median time step is {step * 24:.2g} hours: the course of the day would count "
            "as an anomaly; take daily means first, .resample(time='1D').mean()"
        )
    if cycle == "auto":
        cycle = "day" if step < 5 else "8-day" if step < 27 else "month"
    if cycle not in _SIZES:
        raise InputError(
            f"cycle={cycle!r} is not known; use 'auto', {', '.join(map(repr, _SIZES))}"
        )
    size = _SIZES[cycle]
    if cycle == "month":
        return time.dt.month.to_numpy().astype(np.int64) - 1, size
    day = time.dt.dayofyear.to_numpy().astype(np.int64) - 1
    return np.minimum(day // 8 if cycle == "8-day" else day, size - 1), size


def years(time: xr.DataArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the year of each time step; return the codes and the years."""
    found, codes = np.unique(time.dt.year.to_numpy(), return_inverse=True)
    return codes.astype(np.int64), found.astype(np.int64)
