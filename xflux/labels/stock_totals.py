"""Stocks summed over regions: as fluxes are, but an amount is there at a time, not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import UnitsError
from xflux.labels.calendar import TimeSteps
from xflux.labels.integral import regional_sums
from xflux.labels.periods import periods
from xflux.labels.units import units_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["stock_sums"]


def stock_sums(
    da: xr.DataArray,
    *,
    area: xr.DataArray,
    land_fraction: xr.DataArray | None = None,
    regions: Any = None,
    yearly: TimeSteps | None = None,
    units: str = "PgC",
    skipna: bool = True,
    min_valid: float = 0.0,
) -> xr.Dataset:
    """Sum a stock of carbon over regions, and say how much of each was there.

    Parameters
    ----------
    da : DataArray [g m-2]
        On the grid of `area`, with any other dims, such as ``year``.
    area, land_fraction, regions, units, skipna, min_valid
        As in `xflux.labels.integral.regional_sums`.
    yearly : TimeSteps, optional
        Steps of `da`: average them over each year by their days, NaN for a year that lacks
        any. None: what the stock is at each step.

    Returns
    -------
    Dataset
        As of `regional_sums`; ``integral`` in `units`.

    Raises
    ------
    UnitsError
        When the stock is not in g m-2.
    InputError, GridMismatchError
        As `regional_sums` does.
    """
    import xarray as xr

    if units_of(da) != "g m-2":
        raise UnitsError(
            f"{da.name or 'the stock'} has units {units_of(da)!r}, expected 'g m-2'; convert it "
            "with ds.flux.standardize()"
        )
    # A rate for one day: the sum over cells is the same.
    rate = da.assign_attrs(units="g m-2 d-1")
    options: dict[str, Any] = {
        "area": area, "land_fraction": land_fraction, "regions": regions, "units": units,
        "skipna": skipna, "min_valid": min_valid,
    }  # fmt: skip
    if yearly is None:
        sums = regional_sums(rate, days=1.0, **options)
    else:
        sums = regional_sums(rate, days=yearly, freq="YS", **options)
        cut = periods(yearly, "YS")
        days = cut.total(np.ones(len(yearly.edges)))
        mean = sums["integral"] / (
            days.item() if cut.dates is None else xr.DataArray(days, dims=yearly.dim)
        )
        sums["integral"] = mean.assign_attrs(sums["integral"].attrs)
    methods = "area: sum where land" if land_fraction is not None else "area: sum"
    when = "" if yearly is None else " time: mean"
    sums["integral"].attrs |= {
        "long_name": f"{da.attrs.get('long_name', da.name or 'stock')}, summed over region",
        "cell_methods": methods + when,
    }
    return sums
