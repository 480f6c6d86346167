"""The mean of the season of each step, over all years of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xflux.labels.calendar import find_time

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["mean_of_month", "mean_of_season"]

#: Steps at least as long, in days, have the seasons of months.
_MONTHS = 28.0
#: Days of the seasons of shorter steps, as composites of MODIS have them.
_DAYS = 8


def mean_of_month(array: xr.DataArray) -> xr.DataArray:
    """Return the mean of the month of each step.

    Parameters
    ----------
    array : DataArray
        With dates along ``time``.

    Returns
    -------
    DataArray
        Dims of `array`, lazy where it is; without NaN where the month has a value in any year.
    """
    return _mean_of(array, array["time"].dt.month.rename("__season__"))


def mean_of_season(array: xr.DataArray) -> xr.DataArray:
    """Return the mean seasonal cycle at each step.

    Parameters
    ----------
    array : DataArray
        With dates along ``time``, or the months of a mean year.

    Returns
    -------
    DataArray
        Dims of `array`, lazy where it is: the mean of its month over all years where steps are
        of 28 days or more, else of its 8 days of the year (the last of a year are 5 or 6, as
        of composites of MODIS); of a mean year what it holds.
    """
    if find_time(array) == "month":
        return array
    index = array.indexes["time"]
    steps = np.diff(index.values).astype("timedelta64[s]").astype(np.float64) / 86400.0
    if steps.size == 0 or np.median(steps) >= _MONTHS:
        return mean_of_month(array)
    season = (array["time"].dt.dayofyear - 1) // _DAYS
    return _mean_of(array, season.rename("__season__"))


def _mean_of(array: xr.DataArray, season: xr.DataArray) -> xr.DataArray:
    cycle = array.groupby(season).mean()
    return cycle.sel(__season__=season).drop_vars("__season__").transpose(*array.dims)
