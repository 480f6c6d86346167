"""Join tidy tables to towers: by site, and by the period that a stamp lies in."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from xflux.errors import InputError, XfluxWarning
from xflux.files.periods import NAMES, days_of, infer_resolution
from xflux.files.records import Record, describe_tower_variable

__all__ = ["join_extra", "match_periods"]

_ORDER = tuple(NAMES)
_DAY = 86400 * 10**9


def match_periods(
    periods: pd.DatetimeIndex,
    resolution: str,
    stamps: pd.DatetimeIndex,
    values: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Bring a series to the periods of the towers.

    Parameters
    ----------
    periods : DatetimeIndex
        Starts of the periods, in order.
    resolution : str
        Of the periods: ``HH``, ``HR``, ``DD``, ``WW``, ``MM`` or ``YY``.
    stamps, values : DatetimeIndex, array
        The series, in order of time; NaN is missing. A stamp may lie anywhere in a
        month or year of its own.

    Returns
    -------
    array
        A series as fine as the periods, or finer: the mean of what lies within
        each. A coarser one: the value whose own period holds the start. NaN where
        there is none.
    """
    own = infer_resolution(stamps)
    starts = _nanoseconds(periods)
    times = _nanoseconds(stamps)
    if own is None or _ORDER.index(own) <= _ORDER.index(resolution):
        ends = starts + (days_of(periods, resolution) * _DAY).astype("i8")
        place = np.searchsorted(starts, times, side="right") - 1
        inside = (place >= 0) & (times < ends[place]) & ~np.isnan(values)
        total = np.bincount(place[inside], values[inside], minlength=len(periods))
        count = np.bincount(place[inside], minlength=len(periods))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)
    if own in ("MM", "YY"):
        first = stamps.to_numpy().astype("M8[M]" if own == "MM" else "M8[Y]").astype("M8[ns]")
        stamps = pd.DatetimeIndex(first)
        times = _nanoseconds(stamps)
        ends = times + (days_of(stamps, own) * _DAY).astype("i8")
    else:
        # Composites of seven or eight days: each lasts until the next, unless one is missing.
        steps = np.diff(times)
        usual = np.quantile(steps, 0.25, method="lower")
        limit = 9 * _DAY if own == "WW" else usual
        ends = times + np.append(np.where(steps <= limit, steps, usual), usual)
    place = np.searchsorted(times, starts, side="right") - 1
    inside = (place >= 0) & (starts < ends[place])
    return np.where(inside, values[place], np.nan)


def _nanoseconds(index: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    return index.to_numpy().astype("M8[ns]").astype("i8")


def join_extra(ds: xr.Dataset, records: Sequence[Record], resolution: str) -> xr.Dataset:
    """Join the records of a tidy table to towers.

    Parameters
    ----------
    ds : Dataset
        Dims (site, time).
    records : sequence of Record
        From one table. Sites that are no towers of `ds` are left out.
    resolution : str
        Of the towers.

    Returns
    -------
    Dataset
        With the variables of the table; one that the towers hold already stays theirs.

    Raises
    ------
    InputError
        When the table holds none of the sites.
    """
    label = records[0].label
    rows = {str(site): row for row, site in enumerate(ds["site"].values)}
    here = [record for record in records if record.site in rows]
    if not here:
        raise InputError(
            f"extra {label}: holds none of the {len(rows)} sites (such as {next(iter(rows))}); it "
            f"holds {', '.join(record.site for record in records[:5])}, ..."
        )
    periods = pd.DatetimeIndex(ds["time"].values)
    for name in here[0].frame:
        if name in ds.variables:
            warnings.warn(
                f"extra {label}: {name!r} is left out, since the towers hold it; drop it from one "
                "of them, or rename it",
                XfluxWarning,
                stacklevel=3,
            )
            continue
        joined = np.full((len(rows), len(periods)), np.nan)
        for record in here:
            series = record.frame[name]
            joined[rows[record.site]] = match_periods(
                periods, resolution, pd.DatetimeIndex(series.index), series.to_numpy("f8")
            )
        if np.isnan(joined).all():
            warnings.warn(
                f"extra {label}: {name!r} has no value at any site and time of the towers",
                XfluxWarning,
                stacklevel=3,
            )
        attrs = describe_tower_variable(str(name), f"{here[0].columns[str(name)]} of {label}")
        ds = ds.assign({str(name): (("site", "time"), joined, attrs)})
    return ds
