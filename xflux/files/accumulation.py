"""From accumulated amounts to rates, lazily and chunk by chunk.

Only the time axis is looked at; the amounts themselves are differenced in the
graph, so that any chunking along time gives the same result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "DAY",
    "HOUR",
    "is_monthly",
    "rate_since_midnight",
    "shift_to_start",
    "step_of",
    "times_of",
]

HOUR = pd.Timedelta(hours=1)
DAY = pd.Timedelta(days=1)
_SHORTEST_MONTH = pd.Timedelta(days=28)


def times_of(array: xr.DataArray) -> pd.DatetimeIndex:
    """Return the time stamps of an array.

    Raises
    ------
    InputError
        When they are absent, no dates of the standard calendar, unsorted or
        repeated.
    """
    index = array.indexes.get("time")
    if index is None and "time" in array.coords and array["time"].ndim == 0:
        index = pd.Index(np.atleast_1d(array["time"].values))
    if not isinstance(index, pd.DatetimeIndex):
        raise InputError(
            f"{array.name!r} is accumulated over time, but its 'time' holds no dates of the "
            f"standard calendar (found {'none' if index is None else type(index).__name__}); "
            "without them the period of accumulation is unknown"
        )
    if index.hasnans:
        raise InputError(f"'time' of {array.name!r} holds NaT; drop these stamps first")
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise InputError(
            f"time stamp {twice} of {array.name!r} occurs more than once; drop one with "
            "ds.drop_duplicates('time')"
        )
    if not index.is_monotonic_increasing:
        raise InputError(f"'time' of {array.name!r} is not in order; use ds.sortby('time')")
    return index


def step_of(times: pd.DatetimeIndex) -> pd.Timedelta | None:
    """Return the shortest spacing of time stamps; None for a single stamp."""
    if times.size < 2:
        return None
    return pd.Timedelta((times[1:] - times[:-1]).min())


def is_monthly(times: pd.DatetimeIndex) -> bool:
    """Tell whether stamps are a month or more apart."""
    step = step_of(times)
    return step is not None and step >= _SHORTEST_MONTH


def rate_since_midnight(accumulated: xr.DataArray) -> tuple[xr.DataArray, pd.Timedelta]:
    """Difference what accumulates from 00 UTC and starts anew each day.

    The value at 01 UTC is the amount of 00-01 UTC; at 00 UTC it is the total of
    the day before, so the last hour of a day is differenced across midnight.

    Parameters
    ----------
    accumulated : DataArray
        With stamps at the ends of equal steps of 1 h to 24 h, gaps allowed.

    Returns
    -------
    rate : DataArray
        Amount per second, the mean over the step that ends at each stamp; NaN
        where the stamp before is missing, and so at a first stamp later than
        one step after midnight.
    step : Timedelta

    Raises
    ------
    InputError
        When the stamps do not say the step, or do not lie on whole steps of a day.
    """
    times = times_of(accumulated)
    step = step_of(times)
    if step is None:
        raise InputError(
            f"{accumulated.name!r} accumulates since 00 UTC, but the file holds one time stamp "
            f"({times[0]}): its rate needs the stamp before. Open the files of the whole day "
            "together, or pass product='era5-monthly' if this is a monthly mean"
        )
    since_midnight = times - times.normalize()
    if DAY % step or (since_midnight % step != pd.Timedelta(0)).any():
        raise InputError(
            f"{accumulated.name!r} accumulates since 00 UTC, but its time stamps (shortest step "
            f"{step}, first {times[0]}) do not lie on whole steps of a day, so that the start of "
            "a period is unknown; expected stamps such as 00:00, 01:00, ..."
        )
    starts = since_midnight == step % DAY
    follows = np.r_[False, (times[1:] - times[:-1]) == step]
    before = accumulated.shift(time=1).where(_along_time(~starts), 0)
    rate = (accumulated - before) / step.total_seconds()
    return rate.where(_along_time(starts | follows)), step


def shift_to_start(rate: xr.DataArray, step: pd.Timedelta) -> xr.DataArray:
    """Move rates from the end of their step to its start, on the same stamps.

    Parameters
    ----------
    rate : DataArray
        Means over the step that ends at each stamp.
    step : Timedelta

    Returns
    -------
    DataArray
        Means over the step that starts at each stamp; NaN at the last stamp and
        before a gap.
    """
    times = times_of(rate)
    if times.size < 2:
        return rate.where(False)
    followed = np.r_[(times[1:] - times[:-1]) == step, False]
    return rate.shift(time=-1).where(_along_time(followed))


def _along_time(mask: np.ndarray) -> xr.DataArray:
    import xarray as xr

    return xr.DataArray(mask, dims=["time"])
