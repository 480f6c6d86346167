"""The carbon of a Dataset: fluxes and stocks per area of cells, or totals of regions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xflux.carbon.time_axis import Axis, axis_of
from xflux.errors import (
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxError,
    raise_together,
)
from xflux.labels.blockwise import check_same_grid
from xflux.labels.calendar import DAY, Step
from xflux.labels.find import check_names, find
from xflux.labels.grid import cell_area, find_lat_lon, land_fraction
from xflux.labels.pipeline import materialise
from xflux.labels.resolve import resolve
from xflux.labels.units import convert, plain_indexes, units_of
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["BOUNDS", "FLUXES", "STOCKS", "Terms", "alike", "carbon_terms"]

#: Names of what has a budget, in the order of the table.
FLUXES = tuple(
    row.name
    for row in variables.values()
    if row.species == "carbon" and row.units == "g m-2 d-1" and row.name != "r_ref"
)
STOCKS = tuple(
    row.name for row in variables.values() if row.species == "carbon" and row.units == "g m-2"
)
#: Endings of minimum and maximum over scenarios, in which no identity holds.
BOUNDS = ("_lower", "_upper")
_PER_YEAR = re.compile(r"(?<![A-Za-z])(yrs?|y|years?|a|annum)(?![A-Za-z])")
_KEPT = ("flux_definition", "positive", "synthetic", "cell_methods", "model")


@dataclass(frozen=True)
class Terms:
    """Carbon in one form.

    Attributes
    ----------
    arrays : dict of str to DataArray
        By canonical name; fluxes in g m-2 d-1 and stocks in g m-2, or Pg d-1 and Pg. Of their
        own attributes those that say what they are remain.
    per_area : bool
        Whether they are per area of cells.
    axes : dict of str to Axis or None
        Steps of each; None for what has no dimension of time.
    area, land : DataArray or None
        Of the cells; None for totals, and for points, which have no area.
    cells : tuple of str
        Dimensions of the grid.
    why_no_area : str
    """

    arrays: dict[str, xr.DataArray]
    per_area: bool
    axes: dict[str, Axis | None]
    area: xr.DataArray | None = None
    land: xr.DataArray | None = None
    cells: tuple[str, ...] = ()
    why_no_area: str = ""

    @property
    def weights(self) -> str:
        """By what cells count in totals, in words."""
        if self.land is not None:
            return "area of cells x land fraction"
        return (
            "area of whole cells (no land_fraction): too much at coasts, where values are means "
            "over land"
        )

    def axis(self, names: Sequence[str]) -> Axis | None:
        """Return the steps that variables share; those that have none do not count.

        Raises
        ------
        InputError
            When they differ.
        """
        found = {name: axis for name in names if (axis := self.axes[name]) is not None}
        first = next(iter(found), None)
        for name, axis in found.items():
            if first is not None and not alike(found[first], axis):
                raise InputError(
                    f"{name} and {first} lie at unlike steps (along {axis.dim!r} and "
                    f"{found[first].dim!r}); bring both to the same steps"
                )
        return None if first is None else found[first]


def alike(one: Axis, other: Axis) -> bool:
    """Tell whether two axes have the same steps."""
    return one.dim == other.dim and np.array_equal(one.edges, other.edges)


def carbon_terms(
    ds: xr.Dataset,
    *,
    names: Mapping[str, str] | None,
    wanted: Sequence[str] | None = None,
    stamp: Step | None = None,
    needed_by: str,
) -> Terms:
    """Find the carbon fluxes and stocks of a Dataset and bring them into one form, lazily.

    Parameters
    ----------
    ds : Dataset
    names : mapping, optional
        Canonical names to the Dataset's own.
    wanted : sequence of str, optional
        Canonical names; None: all that are there.
    stamp : {"D", "MS", "YS"}, optional
        What a time stamp stands for, where that cannot be told.
    needed_by : str
        For messages.

    Raises
    ------
    MissingVariableError, UnitsError, InputError, AmbiguousVariableError
        All problems at once.
    """
    ds = plain_indexes(ds)
    names = check_names(ds, names)
    kept = set(names.values())
    bounds = [key for key in ds.data_vars if str(key).endswith(BOUNDS) and key not in kept]
    ds = ds.drop_vars(bounds)
    found: dict[str, str] = {}
    errors: list[XfluxError] = []
    for name in (*FLUXES, *STOCKS) if wanted is None else wanted:
        try:
            own = find(ds, name, names)
        except XfluxError as error:
            errors.append(error)
            continue
        if own is not None and own not in found.values():
            found[name] = own
        elif wanted is not None:
            errors.append(
                MissingVariableError(
                    f"{needed_by} was asked for {name!r}, which is not there; the Dataset holds "
                    f"{', '.join(map(str, ds.data_vars)) or 'nothing'}"
                )
            )
    raise_together(errors)
    if not found:
        held = ", ".join(map(str, ds.data_vars)) or "nothing"
        raise MissingVariableError(
            f"{needed_by} needs fluxes or stocks of carbon, such as gpp, npp, ra or cVeg; the "
            f"Dataset holds {held}. Pass names={{'gpp': '<your variable>'}}"
        )
    totals = {name: own for name, own in found.items() if _is_total(ds[own], name)}
    if totals and len(totals) < len(found):
        units = units_of(ds[next(iter(totals.values()))])
        others = [own for name, own in found.items() if name not in totals]
        raise UnitsError(
            f"{', '.join(totals.values())} are totals ({units}), "
            f"{', '.join(others)} are per area or lack units; give all in one form"
        )
    axes = {name: axis_of(ds[own].rename(name), ds, stamp) for name, own in found.items()}
    if totals:
        arrays = {name: _total(ds[own], name, own, axes[name]) for name, own in found.items()}
    else:
        plan = resolve(ds, dict.fromkeys(found, needed_by), names={**names, **found})
        arrays = {name: materialise(plan, name) for name in found}
    for name, own in found.items():
        arrays[name] = arrays[name].rename(name).assign_attrs(_said(ds[own], name))
    check_same_grid(list(arrays.values()), [f"{own!r}" for own in found.values()])
    if totals:
        return Terms(arrays, False, axes)
    return _with_grid(Terms(arrays, True, axes), ds)


def _is_total(array: xr.DataArray, name: str) -> bool:
    """Tell whether a variable is a mass, or a mass per time, without area."""
    for units in ("Pg", "Pg d-1"):
        try:
            convert(array, replace(variables[name], units=units), name)
        except UnitsError:
            continue
        return units_of(array) is not None
    return False


def _total(array: xr.DataArray, name: str, own: str, axis: Axis | None) -> xr.DataArray:
    """Return a stock in Pg, or a flux in Pg d-1."""
    import xarray as xr

    row = variables[name]
    if name in STOCKS:
        return convert(array, replace(row, units="Pg"), own)
    days = None if axis is None else xr.DataArray(axis.days, dims=axis.dim)
    try:
        rate = convert(array, replace(row, units="Pg d-1"), own)
    except UnitsError:
        # An amount of each step, as an integral over regions gives it.
        amount = convert(array, replace(row, units="Pg"), own)
        if days is None:
            raise UnitsError(
                f"{name!r} (from {own!r}) is an amount in {units_of(array)!r} without a dimension "
                "of time, so that its period is not known; give it per year, such as 'PgC yr-1'"
            ) from None
        return amount / days.astype(amount.dtype)
    if axis is not None and axis.clock is not None and _PER_YEAR.search(str(units_of(array))):
        # A year of the data is one of their calendar, not the 365.25 days of pint.
        rate = rate * xr.DataArray(365.25 / _days_of_year(axis), dims=axis.dim).astype(rate.dtype)
    return rate


def _days_of_year(axis: Axis) -> np.ndarray:
    """Return the length of the calendar year in which each step begins."""
    assert axis.clock is not None
    january = axis.clock.months(axis.edges[:, 0]) // 12 * 12
    starts, ends = (axis.clock.month_starts(january + shift) for shift in (0, 12))
    return np.asarray((ends - starts) / DAY)


def _said(array: xr.DataArray, name: str) -> dict[str, str]:
    """Return what a variable says of itself that still holds.

    Raises
    ------
    InputError
        When its positive direction is not that of the table.
    """
    attrs = {key: array.attrs[key] for key in _KEPT if key in array.attrs}
    expected = variables[name].positive
    if expected and str(attrs.get("positive", expected)) != expected:
        raise InputError(
            f"{name!r} says positive={attrs['positive']!r}, expected {expected!r}; change its "
            f"sign, ds[{array.name!r}] = -ds[{array.name!r}], and its attribute"
        )
    return attrs


def _with_grid(terms: Terms, ds: xr.Dataset) -> Terms:
    """Add the area of the cells, where there are cells."""
    first = next(iter(terms.arrays.values()))
    try:
        lat, lon = find_lat_lon(ds)
    except (MissingVariableError, KeyError):
        return replace(terms, why_no_area="no latitude and longitude")
    cells = tuple(str(dim) for dim in dict.fromkeys((*lat.dims, *lon.dims)) if dim in first.dims)
    if not cells:
        return replace(terms, why_no_area="a single point")
    if lat.dims == lon.dims and lat.ndim == 1 and "site" in lat.dims:
        return replace(terms, cells=cells, why_no_area="sites have no area")
    try:
        area = cell_area(ds)
    except (InputError, MissingVariableError) as error:
        return replace(terms, cells=cells, why_no_area=str(error))
    return replace(terms, cells=cells, area=area, land=land_fraction(ds))
