"""The months of the files of inversions: every one of them, on whatever calendar they count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.calendar import DAY, time_steps

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["calendar_months", "listed", "require_successive"]

Counts = np.ndarray[Any, np.dtype[np.int64]]
_SHOWN = 6


def calendar_months(
    obj: xr.Dataset | xr.DataArray, label: str
) -> tuple[str, Counts, np.ndarray[Any, np.dtype[np.float64]]]:
    """Tell which month each step of a monthly series is, and how many days it has.

    Returns
    -------
    dim : str
        Dimension of time.
    months : array of int
        Since year 0.
    days : array
        On the calendar of the file.

    Raises
    ------
    InputError
        Naming `label`, for steps that are not months, and for months that are missing.
    """
    try:
        steps = time_steps(obj, freq="MS")
    except InputError as error:
        raise InputError(f"{label}: {error}; expected one value a month") from error
    if steps is None or steps.clock is None:
        raise InputError(f"{label} has no dates; expected one value a month, with its date")
    # Bounds that miss the ends of a month by a day still have their middle in it.
    months = steps.clock.months(steps.edges.mean(axis=1).astype(np.int64))
    require_successive(months, label)
    ends = np.append(months, months[-1] + 1)
    return steps.dim, months, np.diff(steps.clock.month_starts(ends)) / DAY


def require_successive(months: Counts, label: str) -> None:
    """Refuse months that are repeated, out of order or missing, naming those that lack."""
    steps = np.diff(months)
    if np.all(steps == 1):
        return
    if np.any(steps <= 0):
        where = months[1:][steps <= 0]
        raise InputError(f"{label}: months are double or out of order at {listed(where[:1])}")
    lacking = np.setdiff1d(np.arange(months[0], months[-1] + 1), months)
    raise InputError(
        f"{label} lacks {listed(lacking)}; an ensemble has every month of the span of each "
        "inversion: fill them, or select a span without gaps"
    )


def listed(months: Counts) -> str:
    """Name months: ``2001-01, 2001-02, ... (12 in all)``."""
    said = ", ".join(f"{m // 12:04d}-{m % 12 + 1:02d}" for m in months[:_SHOWN].tolist())
    return said + (f", ... ({months.size} in all)" if months.size > _SHOWN else "")
