"""What yearly totals come to: mean, variability between years, trend, and their spread."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from xflux.plot.wording import span

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ROUNDING", "SCENARIO", "over_members", "range_said", "spread_of", "summary"]

#: Dimension of worlds that are each possible, such as of `xflux.allocate`, and the middle one.
SCENARIO = "scenario"
_MIDDLE = "mean"

#: Years that a trend needs.
_FEWEST = 5
#: Share of the largest total below which variability and trend are the rounding of sums.
ROUNDING = 1e-12


def summary(values: xr.DataArray, x: str | None) -> xr.Dataset:
    """Describe totals by their mean, variability and trend.

    Parameters
    ----------
    values : DataArray
        NaN is left out.
    x : str or None
        ``year``; None: one total of each.

    Returns
    -------
    Dataset
        ``mean``; ``iav``, the standard deviation between years (ddof=1); ``trend``, the
        least-squares slope per year, with its standard error, from 5 years on. NaN where
        there are too few.
    """
    import xarray as xr

    if x is None:
        empty = xr.full_like(values, np.nan)
        return xr.Dataset({"mean": values, "iav": empty, "trend": empty, "error": empty})
    there = values.notnull()
    n = there.sum(x)
    mean = values.mean(x, skipna=True)
    years = values[x].astype(np.float64)
    t = (years - years.where(there).mean(x)).where(there)
    spread = (t**2).sum(x)
    enough = n >= _FEWEST
    trend = ((t * (values - mean)).sum(x) / spread.where(spread > 0.0)).where(enough)
    left = ((values - mean - trend * t) ** 2).sum(x) / (n - 2).where(enough)
    vary = xr.Dataset(
        {
            "iav": values.std(x, ddof=1, skipna=True).where(n > 1),
            "trend": trend,
            "error": np.sqrt(left / spread),
        }
    )
    least = ROUNDING * abs(values).max(x)
    # The rounding of a constant or straight series would be written to its second digit.
    vary = vary.where(~(abs(vary) < least), 0.0)
    return vary.assign(mean=mean)


def over_members(
    values: xr.DataArray, spread: Hashable | None, interval: float
) -> tuple[xr.DataArray, xr.DataArray | None, xr.DataArray | None]:
    """Return the middle of a dimension, and the range around it.

    Of members the median, and the quantiles that hold a share of them. Scenarios are few, and
    none is more frequent than another: of them the one called ``mean``, else the median, and
    the least and largest.

    Parameters
    ----------
    values : DataArray
        In memory.
    spread : hashable or None
        Such as ``member``; None leaves the values as they are, without a range.
    interval : float
        Share between the quantiles.
    """
    if spread is None:
        return values, None, None
    if spread == SCENARIO:
        low, high = values.min(spread, skipna=True), values.max(spread, skipna=True)
        if _MIDDLE in _labels(values, spread):
            return values.sel({spread: _MIDDLE}, drop=True), low, high
        return _quantile(values, spread, 0.5), low, high
    half = 0.5 * interval
    low, middle, high = (
        _quantile(values, spread, share) for share in (0.5 - half, 0.5, 0.5 + half)
    )
    return middle, low, high


def range_said(values: xr.DataArray, spread: Hashable, interval: float) -> str:
    """Say what `over_members` returns, for a title."""
    if spread != SCENARIO:
        return f"median and {100 * interval:g} % range over {span(values, spread)}"
    middle = "mean scenario" if _MIDDLE in _labels(values, spread) else "median"
    return f"{middle}, and range of the totals over {span(values, spread)}"


def spread_of(
    arrays: Iterable[xr.DataArray], spread: Hashable | None, taken: Iterable[Hashable] = ()
) -> Hashable | None:
    """Return the dimension whose spread is shown: that asked for, else scenarios where they are.

    Parameters
    ----------
    arrays : iterable of DataArray
    spread : hashable or None
        What was asked for.
    taken : iterable of hashable
        Dimensions that are shown otherwise.
    """
    if spread is None and SCENARIO not in taken:
        return SCENARIO if any(SCENARIO in array.dims for array in arrays) else None
    return spread


def _labels(values: xr.DataArray, dim: Hashable) -> list[str]:
    return [str(label) for label in values.indexes[dim]] if dim in values.indexes else []


def _quantile(values: xr.DataArray, dim: Hashable, share: float) -> xr.DataArray:
    # NumPy warns of slices without any value.
    there = values.notnull().any([dim])
    found = values.where(there, 0.0).quantile(share, [dim], skipna=True)
    return found.drop_vars("quantile").where(there)
