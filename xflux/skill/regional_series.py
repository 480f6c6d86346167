"""Series of regions that may be compared: one unit, sign, definition, regions and months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xflux.errors import InputError, MissingVariableError, UnitsError
from xflux.labels.calendar import find_time, time_steps
from xflux.labels.coordinates import find_bounds
from xflux.labels.find import find
from xflux.labels.flux_definition import NET, definition_of, direction, require_alike, written
from xflux.labels.units import affine, dequantify, units_of
from xflux.labels.variables import variables
from xflux.skill.land_amounts import of_possible_size, sum_of_regions

__all__ = ["ALL", "RegionalPair", "listed", "pair_of_series", "regional_series", "with_sum"]

#: Label of the sum of all regions.
ALL = "all"
#: A mean year stands for this one, which has no leap day.
_ANY_YEAR = 2001
_SHOWN = 6


@dataclass(frozen=True)
class RegionalPair:
    """Two series of the same regions and months.

    Attributes
    ----------
    reference, predicted : DataArray (..., region, time) [Pg]
        Positive to the atmosphere, regions by name.
    averaged : str
        What the reference is the mean of, such as "inversion (n = 5)".
    mean_year : bool
        Whether the twelve months are those of a mean year.
    missing : tuple of str
        Months between the first and the last that one of the two lacks.
    """

    reference: xr.DataArray
    predicted: xr.DataArray
    averaged: str
    mean_year: bool
    missing: tuple[str, ...]


def regional_series(
    flux: xr.DataArray | xr.Dataset, variable: str = "nee", *, called: str
) -> xr.DataArray:
    """Return a flux of regions in Pg a step, positive as in the table, regions by name.

    Parameters
    ----------
    flux : DataArray or Dataset
        Dims (..., region, time) or (..., region, month); of a Dataset the variable is found, and
        bounds of time tell the months. Without ``region`` it is one region, ``all``.
    variable : str
        Canonical name.
    called : str
        In messages.

    Returns
    -------
    DataArray (..., region, time) [Pg]
        Stamped by the first of each month; of a mean year along ``month``. Lazy where it was.

    Raises
    ------
    MissingVariableError, UnitsError
        When the variable is not there, or is no amount.
    InputError
        For a direction that is not known, several values in a month, steps that are no months,
        regions that are called alike, and more carbon than all land exchanges.
    """
    array, _ = dequantify(_picked(flux, variable, called))
    time = find_time(array)
    if time is None:
        raise InputError(
            f"{called} has the dims {array.dims}; expected 'time' with dates, or the 'month' of a "
            "mean year"
        )
    row = variables.get(str(array.name)) or variables.get(variable)
    species = row.species if row else "carbon"
    found = units_of(array)
    try:
        scale = None if found is None else affine(found, "Pg", species)[0]
    except UnitsError:
        scale = None
    if scale is None:
        raise UnitsError(
            f"{called}: found units {found!r}, expected 'Pg' of each month; sum a rate up with "
            "ds.flux.regional_integral(regions=...)"
        )
    usual = variables[variable].positive if variable in variables else ""
    way = direction(array) or (row.positive if row else "") or None
    if way is None:
        raise InputError(
            f"{called} does not say which way it is positive; set attrs['positive'] to 'up' (to "
            "the atmosphere) or 'down'"
        )
    sign = 1.0 if way == (usual or "up") else -1.0
    attrs = {
        key: array.attrs[key] for key in ("flux_definition", "synthetic") if key in array.attrs
    }
    scaled = (array * (sign * scale)).rename(variable)
    months = _months_of(flux if isinstance(flux, xr.Dataset) else array, time, called)
    dated = _stamped(_named(scaled, called), time, months)
    if species == "carbon":
        along = "month" if time == "month" else "time"
        dated = of_possible_size(dated, along=along, steps=12, called=called)
    words = _words(variable, definition_of(array) if variable in NET else None)
    said = {"units": "Pg", "positive": usual or "up", "long_name": words, **attrs}
    dims = [dim for dim in dated.dims if dim not in ("region", "time", "month")]
    return dated.transpose(*dims, "region", ...).assign_attrs(said)


def pair_of_series(
    reference: xr.DataArray | xr.Dataset, predicted: xr.DataArray | xr.Dataset, variable: str
) -> RegionalPair:
    """Bring a reference and a prediction to the same regions and months.

    Regions and months of the reference that the prediction lacks are left out; dimensions of it
    that the prediction lacks are averaged, NaN where a member is.

    Raises
    ------
    InputError
        For unlike definitions, regions that the reference lacks, less than a year of months in
        common, and a mean year against dates.
    """
    first = regional_series(reference, variable, called="the reference")
    second = regional_series(predicted, variable, called="the prediction")
    if variable in NET:
        require_alike(first, second, what=("the reference", "the prediction"))
    lacking = [name for name in second["region"].values if name not in first["region"].values]
    if lacking:
        held = ", ".join(map(str, first["region"].values[:_SHOWN]))
        raise InputError(
            f"the reference lacks the regions {', '.join(map(str, lacking[:_SHOWN]))}; it has "
            f"{held}. Bring both to one partition, or select what both have"
        )
    first = first.sel(region=second["region"].values)
    mean_year = "month" in first.dims
    if mean_year != ("month" in second.dims):
        which = "reference" if mean_year else "prediction"
        raise InputError(
            f"the {which} is a mean year, and the other has dates; average the other first, "
            "series.groupby('time.month').mean(keep_attrs=True)"
        )
    missing: tuple[str, ...] = ()
    if mean_year:
        first, second = (_dated(one) for one in (first, second))
    else:
        first, second, missing = _common(first, second)
    extra = [dim for dim in first.dims if dim not in second.dims]
    averaged = " x ".join(f"{dim} (n = {first.sizes[dim]})" for dim in extra)
    if extra:
        first = first.mean(extra, skipna=False, keep_attrs=True)
    for dim in first.dims:
        if dim in ("region", "time") or dim not in first.indexes or dim not in second.indexes:
            continue
        if not first.indexes[dim].equals(second.indexes[dim]):
            raise InputError(
                f"reference and prediction have unlike labels along {dim!r}, which both have; "
                f"average the reference over it, .mean({str(dim)!r}), or select the same"
            )
    return RegionalPair(first, second, averaged, mean_year, missing)


def with_sum(series: xr.DataArray) -> xr.DataArray:
    """Append the sum of all regions, labelled `ALL`; NaN where a region is.

    Raises
    ------
    InputError
        When a region is a total of the others.
    """
    names = series["region"].values
    if list(names) == [ALL]:
        return series
    total = sum_of_regions(series, "the flux").expand_dims(region=[ALL])
    joined = xr.concat([series, total], dim="region", coords="minimal", compat="override")
    return joined.transpose(*series.dims).assign_attrs(series.attrs)


def _picked(flux: xr.DataArray | xr.Dataset, variable: str, called: str) -> xr.DataArray:
    if isinstance(flux, xr.DataArray):
        return flux
    if not isinstance(flux, xr.Dataset):
        raise InputError(
            f"{called} is a {type(flux).__name__}; expected a flux of regions, such as "
            "xflux.regional_integral or xflux.open_inversions give"
        )
    key = variable if variable in flux else find(flux, variable)
    if key is None:
        raise MissingVariableError(
            f"{called} holds no {variable!r}; it has {', '.join(map(str, flux.data_vars))}"
        )
    return flux[key]


def _words(variable: str, terms: frozenset[str] | None) -> str:
    """Return what a flux is in words; a net flux goes by what it holds, which differs by Pg."""
    row = variables.get(variable)
    if terms is None or (variable in ("nee", "nep") and terms == {"nee"}):
        return row.long_name if row else variable
    return f"Net land flux ({written(terms)})"


def _named(array: xr.DataArray, called: str) -> xr.DataArray:
    """Label regions by name, without other coordinates."""
    kept = [name for name, c in array.coords.items() if name in array.dims and c.ndim == 1]
    if "region" not in array.dims:
        beside = [name for name in array.coords if name not in kept]
        return array.drop_vars(beside).expand_dims(region=[ALL])
    labels: Any = array.coords.get("names", array["region"])
    if labels.dims != ("region",):
        labels = array["region"]
    names = np.array([str(name) for name in labels.values], dtype=object)
    if np.unique(names).size < names.size:
        raise InputError(f"{called} has several regions of one name; keep one of each")
    beside = [name for name in array.coords if name not in kept]
    return array.drop_vars(beside).assign_coords(region=names.astype(str))


def _months_of(
    flux: xr.DataArray | xr.Dataset, time: str, called: str
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the month of each step: of a mean year 1 to 12, else counted from year 0."""
    coord = flux[time]
    if time == "month":
        if not np.array_equal(np.sort(coord.values), np.arange(1, 13)):
            raise InputError(f"{called}: a mean year has the months 1 to 12, found {coord.values}")
        return np.asarray(coord.values, np.int64)
    if coord.dtype.kind != "M" and not hasattr(flux.indexes.get(time), "calendar"):
        raise InputError(f"{called} has no dates along {time!r}; decode them with xr.decode_cf(ds)")
    number = np.asarray(coord.dt.year.values * 12 + coord.dt.month.values - 1, np.int64)
    bounds = find_bounds(flux, coord) if isinstance(flux, xr.Dataset) else None
    if bounds is not None:
        # The stamp of an end lies in the month that follows.
        steps = time_steps(xr.Dataset(coords={time: coord}).assign({str(bounds.name): bounds}))
        assert steps is not None
        assert steps.clock is not None
        number, last = (
            steps.clock.months(one) for one in (steps.edges[:, 0], steps.edges[:, 1] - 1)
        )
        if np.any(number != last):
            raise InputError(
                f"{called} has steps longer than a month, as {bounds.name} say; give it by month "
                "(freq='MS')"
            )
    if np.unique(number).size < number.size:
        raise InputError(f"{called} has several values in one month; sum them to months first")
    if number.size > 1 and np.median(np.diff(np.sort(number))) > 1:
        raise InputError(f"{called} has steps longer than a month; give it by month (freq='MS')")
    return number


def _stamped(
    array: xr.DataArray, time: str, months: np.ndarray[Any, np.dtype[np.int64]]
) -> xr.DataArray:
    """Stamp steps by the first of their month, in the calendar that all share."""
    if time == "month":
        return array.sortby("month")
    stamps = (months - 1970 * 12).astype("datetime64[M]").astype("datetime64[ns]")
    array = array if time == "time" else array.rename({time: "time"})
    # Of another calendar the index is replaced whole, so that its type goes with it.
    return array.drop_vars("time").assign_coords(time=stamps).sortby("time")


def _dated(array: xr.DataArray) -> xr.DataArray:
    stamps = np.array([f"{_ANY_YEAR}-{k:02d}-01" for k in range(1, 13)], dtype="datetime64[ns]")
    return array.rename(month="time").assign_coords(time=stamps)


def _common(
    first: xr.DataArray, second: xr.DataArray
) -> tuple[xr.DataArray, xr.DataArray, tuple[str, ...]]:
    """Return both over the months from the first to the last that they share, gaps NaN."""
    months = [one["time"].values.astype("datetime64[M]") for one in (first, second)]
    both = np.intersect1d(months[0], months[1])
    if both.size < 12:
        spans = [
            f"{found.min()} to {found.max()}" if found.size else "no month" for found in months
        ]
        raise InputError(
            f"the reference ({spans[0]}) and the prediction ({spans[1]}) share {both.size} months; "
            "a score needs a year of them"
        )
    whole = np.arange(both[0], both[-1] + 1)
    missing = tuple(map(str, np.setdiff1d(whole, both)))
    stamps = whole.astype("datetime64[ns]")
    return _along(first, stamps), _along(second, stamps), missing


def _along(array: xr.DataArray, stamps: np.ndarray[Any, Any]) -> xr.DataArray:
    same = array.sizes["time"] == stamps.size and bool((array["time"].values == stamps).all())
    return array if same else array.reindex(time=stamps)


def listed(names: Sequence[str]) -> str:
    """Return names in a sentence, the first few of many."""
    more = f", ... ({len(names)} in all)" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
