"""Radiation above the atmosphere, which follows from latitude and date alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.calendar import DAY, Clock, TimeSteps, time_steps
from xflux.labels.chunks import largest_chunks
from xflux.labels.coordinates import find_lat_lon

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["potential_radiation"]

Array = np.ndarray[Any, Any]


def potential_radiation(ds: xr.Dataset) -> xr.DataArray:
    """Return the downwelling shortwave radiation above the atmosphere, as a mean over each step.

    Parameters
    ----------
    ds : Dataset
        With latitude and dates on any CF calendar, or the months of a mean year.

    Returns
    -------
    DataArray [W m-2]
        Dims of latitude and time; lazy where a variable of `ds` is, and in its chunks.
        float32 where a variable is.

    Raises
    ------
    InputError
        Without time, for steps whose length cannot be told, and for those that hold no noon:
        the hour of the day is not taken into account.
    MissingVariableError
        Without latitude.

    Notes
    -----
    Daily integrals of FAO-56 (Allen et al. 1998, eqs 21 to 25), averaged over the days of
    which the noon lies in the step. A year of 360 days is stretched over the orbit.
    """
    import xarray as xr

    latitude, _ = find_lat_lon(ds)
    steps = time_steps(ds)
    if steps is None:
        raise InputError(
            "potential radiation follows from latitude and date, and there is no time dimension; "
            "add the dates, or give swin_potential (W m-2) as a variable"
        )
    day_of_year, first = _days(steps)
    floats = [array.dtype for array in ds.data_vars.values() if array.dtype.kind == "f"]
    dtype = np.float32 if np.dtype("f4") in floats else np.float64
    degrees = latitude.reset_coords(drop=True).astype(dtype).drop_attrs()
    if str(latitude.attrs.get("units", "")).startswith("rad"):
        degrees = degrees * dtype(180.0 / np.pi)
    number = xr.DataArray(np.arange(first.size), dims=steps.dim, coords={steps.dim: ds[steps.dim]})
    sizes = {**degrees.sizes, steps.dim: first.size}
    chunks = largest_chunks(list(ds.data_vars.values()), sizes)
    if any(array.chunks is not None for array in ds.data_vars.values()):
        degrees = degrees.chunk({dim: chunks[dim] for dim in degrees.dims})
        number = number.chunk({steps.dim: chunks[steps.dim]})

    # Latitudes come with an axis of length 1 for time, unless there is a single one.
    made: xr.DataArray = xr.apply_ufunc(
        _Means(day_of_year, first),
        degrees,
        number,
        output_dtypes=[dtype],
        dask="parallelized",
    )
    return made.transpose(*(dim for dim in ds.dims if dim in made.dims))


class _Means:
    """Means over steps, by their numbers; a class of its own so that it travels to workers."""

    def __init__(self, day_of_year: Array, first: Array) -> None:
        self.day_of_year = day_of_year
        self.edges = np.append(first, day_of_year.size)

    def __call__(self, latitude: Array, numbers: Array) -> Array:
        from xflux.numerics.radiation import mean_top_of_atmosphere_radiation

        length = self.edges[numbers + 1] - self.edges[numbers]
        ends = np.cumsum(length)
        within = np.arange(ends[-1] if ends.size else 0) - np.repeat(ends - length, length)
        days = self.day_of_year[np.repeat(self.edges[numbers], length) + within]
        made = mean_top_of_atmosphere_radiation(np.ravel(latitude), days, ends - length)
        return made.reshape(*np.shape(latitude)[:-1], numbers.size)


def _days(steps: TimeSteps) -> tuple[Array, Array]:
    """Return the day of the year of every day of every step, and where each step begins."""
    half = DAY // 2
    first = -((half - steps.edges[:, 0]) // DAY)
    after = -((half - steps.edges[:, 1]) // DAY)
    # Noon of day d is at d DAY + half: the first is that at or after the start of the step.
    count = after - first
    if np.any(count < 1):
        raise InputError(
            f"step {int(np.argmin(count))} of {steps.dim} holds no noon: the potential radiation "
            "of a part of a day is not computed; resample to days, or give swin_potential "
            "(W m-2) as a variable"
        )
    starts = np.cumsum(count) - count
    within = np.arange(count.sum()) - np.repeat(starts, count)
    numbers = np.repeat(first, count) + within
    if steps.clock is None:
        return numbers + 1.0, starts
    known, which = np.unique(numbers, return_inverse=True)
    return _day_of_year(known, steps.clock)[which], starts


def _day_of_year(numbers: Array, clock: Clock) -> Array:
    """Return the day of the year of days since 1970."""
    noons = numbers * DAY + DAY // 2
    year = clock.months(noons) // 12 * 12
    starts = clock.month_starts(year)
    day = (noons - starts) // DAY + 1.0
    return day * (365.0 / 360.0) if clock.calendar == "360_day" else day
