"""Take fire, fossil fuel or rivers out of inversions: any series or grid, as amounts a month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError, UnitsError
from xflux.files.carbon_units import CarbonUnit, read_carbon_unit
from xflux.files.inversion_ensemble import months_of
from xflux.files.inversion_grids import is_gridded, sum_gridded, with_area
from xflux.files.inversion_months import calendar_months, steps_of
from xflux.files.land_model_times import month_starts
from xflux.labels.calendar import DAY, find_time
from xflux.labels.coordinates import as_dataset
from xflux.labels.flux_definition import without

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["without_terms"]


def without_terms(
    ensemble: xr.DataArray, terms: Mapping[str, xr.DataArray | xr.Dataset], regions: Any
) -> xr.DataArray:
    """Subtract terms from an ensemble of inversions.

    Parameters
    ----------
    ensemble : DataArray (inversion, region, time) [Pg]
    terms : mapping of str to DataArray or Dataset
        By the names of `xflux.labels.flux_definition.TERMS`: on a grid, which is summed over the
        same regions; or series along ``region`` and ``time``. Rates and amounts of months; what
        has no time is constant. A Dataset holds one flux, and bounds or areas beside it.
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
        label = f"subtract[{term!r}]"
        if isinstance(flux, xr.Dataset):
            array = flux[_only_flux(flux, term, label)]
        elif isinstance(flux, xr.DataArray):
            array = flux
        else:
            raise InputError(
                f"{label} is a {type(flux).__name__}; expected a DataArray with units, along "
                "region and time or on a grid, or a Dataset that holds one"
            )
        amounts[term] = _monthly(array, as_dataset(flux), ensemble, regions, label)
    return without(ensemble, amounts)


def _only_flux(ds: xr.Dataset, term: str, label: str) -> str:
    """Return the variable of a Dataset that is a flux of carbon: the one, or that of the term."""
    fluxes = []
    for name, array in ds.data_vars.items():
        try:
            read_carbon_unit(array.attrs.get("units"), label)
        except UnitsError:
            continue
        fluxes.append(str(name))
    if term in fluxes:
        return term
    if len(fluxes) != 1:
        raise InputError(
            f"{label} is a Dataset with {len(fluxes)} fluxes of carbon"
            f"{': ' if fluxes else ''}{', '.join(fluxes)}; give one, with the bounds beside it"
        )
    return fluxes[0]


def _monthly(
    flux: xr.DataArray, ds: xr.Dataset, ensemble: xr.DataArray, regions: Any, label: str
) -> xr.DataArray:
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
        steps = steps_of(ds, flux, label)
        amount = sum_gridded(flux, with_area(ds), unit, regions, steps, label)
        amount = amount if steps is not None else _each_month(amount, ensemble)
    else:
        amount = _series(flux, ds, ensemble, unit, label)
    if "region" not in amount.dims and ensemble.sizes["region"] > 1:
        raise InputError(
            f"{label} has the dims {flux.dims}, without 'region', and would be taken out of each "
            "region as a whole; give it by region or on a grid"
        )
    return amount.rename(flux.name).assign_attrs(units="Pg", **kept)


def _series(
    flux: xr.DataArray, ds: xr.Dataset, ensemble: xr.DataArray, unit: CarbonUnit, label: str
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
    dim, months, days = calendar_months(ds, flux, label)
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
