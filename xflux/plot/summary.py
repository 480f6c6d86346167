"""What yearly totals come to: mean, variability between years, trend, and their spread."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["over_members", "summary"]

#: Years that a trend needs.
_FEWEST = 5


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
    return xr.Dataset(
        {
            "mean": mean,
            "iav": values.std(x, ddof=1, skipna=True).where(n > 1),
            "trend": trend,
            "error": np.sqrt(left / spread),
        }
    )


def over_members(
    values: xr.DataArray, spread: Hashable | None, interval: float
) -> tuple[xr.DataArray, xr.DataArray | None, xr.DataArray | None]:
    """Return the median over a dimension, and the quantiles that hold a share of it.

    Parameters
    ----------
    values : DataArray
    spread : hashable or None
        Such as ``member``; None leaves the values as they are, without a range.
    interval : float
        Share between the quantiles.
    """
    if spread is None:
        return values, None, None
    half = 0.5 * interval
    low, middle, high = (
        values.quantile(share, [spread], skipna=True).drop_vars("quantile")
        for share in (0.5 - half, 0.5, 0.5 + half)
    )
    return middle, low, high
