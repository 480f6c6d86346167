"""Yearly carbon flux of all land, beside a table of the Global Carbon Budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from xflux.errors import InputError, MissingVariableError, UnitsError
from xflux.labels.calendar import find_time
from xflux.labels.flux_definition import TERMS, definition_of, direction, written
from xflux.labels.units import affine, dequantify, units_of
from xflux.labels.variables import variables
from xflux.skill.annual import YEAR, annual_values, detrended
from xflux.skill.land_amounts import of_possible_size, sum_of_regions
from xflux.skill.reduction import GROUP, Pair, pair_moments

__all__ = [
    "LandYears",
    "budget_term",
    "land_years",
    "require_common_years",
    "yearly_moments",
]


@dataclass(frozen=True)
class LandYears:
    """A flux of all land by year.

    Attributes
    ----------
    flux : DataArray (..., year) [Pg]
        Positive to the atmosphere.
    terms : frozenset of str
        What it holds, with what was supplied.
    """

    flux: xr.DataArray
    terms: frozenset[str]


def land_years(
    land_flux: xr.DataArray, supply: Mapping[str, xr.DataArray] | None = None
) -> LandYears:
    """Add up regions and the months of each year, and what is supplied.

    Parameters
    ----------
    land_flux : DataArray (..., region, time) or (..., year) [Pg]
        With ``flux_definition``.
    supply : mapping of str to DataArray, optional
        Terms that it lacks.

    Raises
    ------
    InputError
        When the flux does not say what it holds or which way it is positive, holds fossil fuel, a
        total beside regions or more than land exchanges, or is to be supplied with what it holds.
    UnitsError
        For a flux that is no amount of carbon.
    """
    if not isinstance(land_flux, xr.DataArray):
        raise InputError(
            f"the land flux is a {type(land_flux).__name__}; give one flux, such as found['nee']"
        )
    held = definition_of(land_flux)
    if held is None:
        raise InputError(
            "the land flux does not say what it holds; set attrs['flux_definition'], such as 'nbp' "
            "or 'nee+fire+lateral'"
        )
    supplied = dict(supply or {})
    _check_terms(held, supplied)
    total = _annual(land_flux, "the land flux", None)
    for term, flux in supplied.items():
        one = _annual(flux, f"supply[{term!r}]", "up")
        total = total + one.reindex({YEAR: total[YEAR]})
    return LandYears(total, held | set(supplied))


def budget_term(budget: xr.Dataset, name: str) -> xr.DataArray:
    """Return a term of a Global Carbon Budget, dims (year) [Pg].

    Raises
    ------
    InputError
        For what is no Dataset.
    MissingVariableError
        When the budget lacks it.
    """
    if not isinstance(budget, xr.Dataset):
        raise InputError(
            f"the budget is a {type(budget).__name__}; give the Dataset with all its terms, as "
            "xflux.read_global_carbon_budget gives it"
        )
    if name not in budget:
        held = ", ".join(map(str, budget.data_vars))
        raise MissingVariableError(
            f"the budget has no {name!r}; it holds {held}. Read one with "
            "xflux.read_global_carbon_budget"
        )
    scale, _ = affine(str(budget[name].attrs.get("units", "")), "Pg", "carbon")
    return budget[name].drop_attrs() * scale


def require_common_years(land_flux: xr.DataArray, known: xr.DataArray, what: str) -> None:
    """Refuse a land flux of other years than those of which something is known.

    Parameters
    ----------
    land_flux, known : DataArray (..., year)
        Of `known` the years with a value count, where it is in memory.
    what : str
        What `known` is called.

    Raises
    ------
    InputError
        Naming the years of both.
    """
    years = known if known.chunks is not None else known.dropna(YEAR, how="all")
    ours, theirs = land_flux[YEAR].values, years[YEAR].values
    if np.intersect1d(ours, theirs).size:
        return
    spans = [f"{one.min()} to {one.max()}" if one.size else "no year" for one in (ours, theirs)]
    raise InputError(
        f"the land flux ({spans[0]}) and {what} ({spans[1]}) have no year in common; a score needs "
        "years of both"
    )


def _check_terms(held: frozenset[str], supplied: Mapping[str, xr.DataArray]) -> None:
    if "fossil" in held or "fossil" in supplied:
        raise InputError(
            "the land flux holds fossil fuel, which the budget adds; subtract it first"
        )
    unknown = [term for term in supplied if term not in TERMS]
    double = [term for term in supplied if term in held]
    if unknown or double:
        what = f"{', '.join(map(repr, unknown or double))}"
        why = "is no term of a net flux" if unknown else f"is in the land flux ({written(held)})"
        raise InputError(f"supply holds {what}, which {why}; its terms are {', '.join(TERMS)}")


def _annual(flux: xr.DataArray, called: str, usual: str | None) -> xr.DataArray:
    """Return amounts of years [Pg], positive to the air, of all regions together."""
    plain, _ = dequantify(flux)
    found = units_of(plain)
    try:
        scale = None if found is None else affine(found, "Pg", "carbon")[0]
    except UnitsError:
        scale = None
    if scale is None:
        raise UnitsError(
            f"{called}: found units {found!r}, expected 'Pg' of each month or year; sum a rate up "
            "with ds.flux.regional_integral()"
        )
    way = direction(plain) or usual
    if way is None and plain.name in variables:
        way = variables[str(plain.name)].positive or None
    if way is None:
        raise InputError(
            f"{called} does not say which way it is positive; set attrs['positive'] to 'up' (to "
            "the atmosphere) or 'down'"
        )
    if "region" in plain.dims:
        plain = sum_of_regions(plain, called)
    if YEAR not in plain.dims:
        if find_time(plain) is None:
            raise InputError(f"{called} has the dims {plain.dims}; expected time or year")
        plain = annual_values(plain, annual="sum")
    years = plain.drop_attrs() * (scale if way == "up" else -scale)
    return of_possible_size(years, along=YEAR, steps=1, called=called)


def yearly_moments(
    observed: xr.DataArray, predicted: xr.DataArray
) -> tuple[xr.Variable, xr.Variable]:
    """Return moments of pairs of years, and of their detrended anomalies.

    Parameters
    ----------
    observed, predicted : DataArray (..., year)
        NaN in the same years.
    """
    dims = [dim for dim in predicted.dims if dim != YEAR]
    sides = [side.transpose(*dims, YEAR).variable for side in (observed, predicted)]
    # Trends are of all years together.
    sides = [side if side.chunks is None else side.chunk({YEAR: -1}) for side in sides]
    years = predicted[YEAR].values.astype(np.int64)
    flat = [detrended(side, years, False) for side in sides]
    pairs = Pair(sides[0], sides[1]), Pair(flat[0], flat[1])
    whole, anomalies = (pair_moments(pair, (YEAR,)).isel({GROUP: 0}) for pair in pairs)
    return whole, anomalies
