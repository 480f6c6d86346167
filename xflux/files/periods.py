"""The averaging periods of tower products: half-hours to years.

Every time stamp of xflux is the start of its period. FLUXNET weeks start on 1 January
and every seven days after; the 52nd takes what remains of the year, eight or nine days.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["NAMES", "complete_index", "days_of", "infer_resolution"]

#: Resolutions by the codes of FLUXNET file names.
NAMES = {
    "HH": "half-hourly",
    "HR": "hourly",
    "DD": "daily",
    "WW": "weekly",
    "MM": "monthly",
    "YY": "yearly",
}
_FREQUENCIES = {"HH": "30min", "HR": "60min", "DD": "D", "MM": "MS", "YY": "YS"}
#: Longest step, in days, that still counts as the resolution.
_LONGEST = (("HH", 0.5 / 24), ("HR", 1 / 24), ("DD", 1.0), ("WW", 9.0), ("MM", 31.0), ("YY", 366.0))


def complete_index(index: pd.DatetimeIndex, resolution: str) -> pd.DatetimeIndex:
    """Return every period start from the first to the last of `index`."""
    first, last = index.min(), index.max()
    if resolution == "WW":
        starts = [
            pd.date_range(f"{year}-01-01", periods=52, freq="7D")
            for year in range(first.year, last.year + 1)
        ]
        weeks = starts[0].append(starts[1:])
        return pd.DatetimeIndex(weeks[(weeks >= first) & (weeks <= last)])
    return pd.date_range(first, last, freq=_FREQUENCIES[resolution])


def last_period(year: int, resolution: str) -> pd.Timestamp:
    """Return the start of the last period of a year."""
    if resolution == "WW":
        return pd.Timestamp(year, 1, 1) + pd.Timedelta(days=357)
    starts = pd.date_range(
        f"{year}-01-01", f"{year + 1}-01-01", freq=_FREQUENCIES[resolution], inclusive="left"
    )
    return starts[-1]


def days_of(index: pd.DatetimeIndex, resolution: str) -> npt.NDArray[np.float64]:
    """Return the length of each period in days."""
    if resolution == "MM":
        return np.asarray(index.days_in_month, dtype="f8")
    year = np.where(index.is_leap_year, 366.0, 365.0)
    if resolution == "YY":
        return year
    if resolution == "WW":
        is_last = np.asarray(index.day_of_year) == 358
        return np.where(is_last, year - 357.0, 7.0)
    return np.full(len(index), {"HH": 1 / 48, "HR": 1 / 24, "DD": 1.0}[resolution])


def infer_resolution(index: pd.DatetimeIndex) -> str | None:
    """Name the resolution of ordered stamps from the shortest step that is usual.

    Returns
    -------
    str or None
        A code of `NAMES`; None for fewer than two stamps, or steps over a year.
    """
    steps = np.diff(np.unique(index.to_numpy()).astype("datetime64[s]").astype("i8")) / 86400.0
    if steps.size == 0:
        return None
    # Gaps lengthen some steps: the lower quartile of the steps is the period.
    step = float(np.quantile(steps, 0.25, method="lower"))
    return next((code for code, longest in _LONGEST if step <= longest * (1 + 1e-9)), None)
