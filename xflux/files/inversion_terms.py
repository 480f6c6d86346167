"""Take fire, fossil fuel or rivers out of inversions: any series or grid, as amounts a month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.files.carbon_units import CarbonUnit, read_carbon_unit
from xflux.files.inversion_ensemble import months_of
from xflux.files.inversion_grids import is_gridded, sum_gridded
from xflux.files.inversion_months import calendar_months
from xflux.files.land_model_times import month_starts
from xflux.labels.calendar import DAY, find_time, time_steps
from xflux.labels.coordinates import as_dataset
from xflux.labels.flux_definition import without

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["without_terms"]


def without_terms(
    ensemble: xr.DataArray, terms: Mapping[str, xr.DataArray], regions: Any
) -> xr.DataArray:
    """Subtract terms from an ensemble of inversions.

    Parameters
    ----------
    ensemble : DataArray (inversion, region, time) [Pg]
    terms : mapping of str to DataArray
        By the names of `xflux.labels.flux_definition.TERMS`: on a grid, which is summed over the
        same regions; or series along ``region`` and ``time``. Rates and amounts of months; what
        has no time is constant.
    regions : Bands, mask, ..., or None
        Over which the ensemble was summed; None where tables named their regions.

    Returns
    -------
    DataArray
        As `ensemble`, its ``flux_definition`` without the terms.

    Raises
    ------
    InputError, UnitsError, GridMismatchError
        As `xflux.labels.flux_definition.without`, and for terms that are not told by region.
    """
    import xarray as xr

    amounts = {}
    for term, flux in terms.items():
        if not isinstance(flux, xr.DataArray):
            raise InputError(
                f"subtract[{term!r}] is a {type(flux).__name__}; expected a DataArray with units, "
                "along region and time or on a grid"
            )
        amounts[term] = _monthly(flux, ensemble, regions, f"subtract[{term!r}]")
    return without(ensemble, amounts)


def _monthly(flux: xr.DataArray, ensemble: xr.DataArray, regions: Any, label: str) -> xr.DataArray:
    """Return a term as amounts [Pg] of the months of the ensemble, by region."""
    unit = read_carbon_unit(flux.attrs.get("units"), label)
    kept = {key: flux.attrs[key] for key in ("positive", "standard_name", "long_name")
            if key in flux.attrs}  # fmt: skip
    if is_gridded(flux):
        if regions is None:
            raise InputError(
                f"{label} lies on a grid, and the regions of tables are known by name alone; give "
                "it by region"
            )
        steps = time_steps(flux) if find_time(flux) is not None else None
        amount = sum_gridded(flux, as_dataset(flux), unit, regions, steps, label)
        amount = amount if steps is not None else _each_month(amount, ensemble)
    else:
        amount = _series(flux, ensemble, unit, label)
    if "region" not in amount.dims and ensemble.sizes["region"] > 1:
        raise InputError(
            f"{label} has the dims {flux.dims}, without 'region', and would be taken out of each "
            "region as a whole; give it by region or on a grid"
        )
    return amount.rename(flux.name).assign_attrs(units="Pg", **kept)


def _series(
    flux: xr.DataArray, ensemble: xr.DataArray, unit: CarbonUnit, label: str
) -> xr.DataArray:
    import xarray as xr

    if unit.of != "whole":
        raise InputError(
            f"{label} has units {flux.attrs.get('units')!r} and no latitude and longitude; "
            "expected such as 'PgC month-1', or a grid"
        )
    if find_time(flux) is None:
        if unit.amount:
            raise InputError(
                f"{label} is an amount ({flux.attrs.get('units')!r}) without time; give a rate, "
                "such as 'PgC yr-1', or months"
            )
        return _each_month(flux * unit.scale, ensemble)
    dim, months, days = calendar_months(flux, label)
    length = xr.DataArray(np.ones(months.size) if unit.amount else days, dims=dim)
    amount = (flux * (length * unit.scale)).transpose(*flux.dims)
    amount = amount.drop_vars(dim).rename({dim: "time"} if dim != "time" else {})
    return amount.assign_coords(time=month_starts(months))


def _each_month(rate: xr.DataArray, ensemble: xr.DataArray) -> xr.DataArray:
    """Return a constant rate [Pg d-1] as amounts of the months of the ensemble."""
    import xarray as xr

    months = months_of(ensemble)
    starts = month_starts(np.append(months, months[-1] + 1)).astype("datetime64[us]")
    days = np.diff(starts.astype(np.int64)) / DAY
    return rate * xr.DataArray(days, {"time": ensemble["time"].values}, ("time",))
