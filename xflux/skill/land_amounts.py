"""The sum of regions: of what it may be taken, and how large it can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from xflux.errors import InputError
from xflux.labels.region_totals import totals_among

__all__ = ["LARGEST", "of_possible_size", "sum_of_regions"]

#: Carbon [Pg a year] beyond any flux of all land: gross uptake is 120 to 150.
LARGEST = 200.0


def sum_of_regions(series: xr.DataArray, called: str) -> xr.DataArray:
    """Add up regions; NaN where one is.

    Parameters
    ----------
    series : DataArray (..., region, ...)
        Regions are called by ``names`` where it has these, else by ``region``.
    called : str
        In messages.

    Raises
    ------
    InputError
        When a region is a total, a mean or a spread of the others, which would count twice.
    """
    labels: Any = series.coords.get("names", series["region"])
    labels = labels if labels.dims == ("region",) else series["region"]
    names = [str(name) for name in labels.values]
    totals = totals_among(names)
    if totals:
        where = [k for k, name in enumerate(names) if name in totals]
        raise InputError(
            f"{called} holds {', '.join(map(repr, totals))} beside regions of which that is made, "
            f"so that their sum counts land twice; leave it out, .drop_isel(region={where}), or "
            f"select it alone, .isel(region=[{where[0]}])"
        )
    return series.sum("region", skipna=False)


def of_possible_size(series: xr.DataArray, *, along: str, steps: int, called: str) -> xr.DataArray:
    """Return amounts of carbon as they are, unless all land cannot exchange so much.

    Parameters
    ----------
    series : DataArray (..., along) [Pg]
        With or without regions, which are added up.
    along : str
        Dimension of the amounts.
    steps : int
        Of them in a year.
    called : str
        In messages.

    Returns
    -------
    DataArray
        Of lazy ones the size is looked at when they are computed.

    Raises
    ------
    InputError
        When their mean size is above `LARGEST`.
    """
    total = series.sum("region") if "region" in series.dims else series
    total = total.reset_coords(drop=True)
    size = steps * abs(total).sum(along) / total.notnull().sum(along).clip(min=1)
    checked: xr.DataArray = xr.apply_ufunc(
        _checked,
        series,
        size,
        kwargs={"called": called},
        dask="parallelized",
        output_dtypes=[series.dtype],
        keep_attrs=True,
    )
    return checked.transpose(*series.dims)


def _checked(
    values: np.ndarray[Any, Any], size: np.ndarray[Any, Any], called: str
) -> np.ndarray[Any, Any]:
    largest = float(np.max(size, initial=0.0))
    if largest > LARGEST:
        raise InputError(
            f"{called} is {largest:.3g} Pg of carbon a year in the mean of its absolute values, "
            f"more than all land can exchange ({LARGEST:g}); check its units (Tg called Pg?)"
        )
    return values
