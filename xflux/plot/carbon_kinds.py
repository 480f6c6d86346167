"""What carbon a figure is given: fluxes or stocks, per area or summed, and bounds of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xflux.errors import InputError, UnitsError
from xflux.labels.units import convert, dequantify, units_of
from xflux.labels.variables import Variable, variables
from xflux.plot.wording import identify, short_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["BOUNDS", "RATE", "Carbon", "carbon_kinds"]

RATE = "g m-2 d-1"
_STOCK = "g m-2"
#: Endings of the bounds of a variable.
BOUNDS = ("_lower", "_upper")


@dataclass(frozen=True, slots=True)
class Carbon:
    """An array of carbon.

    Attributes
    ----------
    array : DataArray
        In g m-2 d-1 or g m-2, or in Pg.
    per_area : bool
    stock : bool
        A state, which is never summed over time.
    """

    array: xr.DataArray
    per_area: bool
    stock: bool


def carbon_kinds(data: xr.DataArray | xr.Dataset) -> dict[str, Carbon]:
    """Return arrays by canonical name, by their own where two would share it.

    Bounds of totals are named by what they are of, ``gpp_lower``.

    Raises
    ------
    InputError
        When there is nothing, arrays per area beside sums, or bounds per area.
    UnitsError
        For what is no carbon.
    """
    import xarray as xr

    given = [data] if isinstance(data, xr.DataArray) else list(data.data_vars.values())
    if not given:
        raise InputError("the Dataset holds no flux to draw; select some, ds[['gpp', 'reco']]")
    arrays = [dequantify(array)[0] for array in given]
    sides = [_side(array, data) for array in arrays]
    rows = [
        identify(array.rename(str(array.name).removesuffix(side)))
        for array, side in zip(arrays, sides, strict=True)
    ]
    names = [
        None if row is None else f"{row.name}{side}" for row, side in zip(rows, sides, strict=True)
    ]
    found = {}
    for name, array, row in zip(names, arrays, rows, strict=True):
        own = str(array.name or "total") if name is None or names.count(name) > 1 else name
        found[own] = _carbon(own, array, row)
    # By the own names, as the attributes of a bound are those of what it is of.
    pairs = zip(arrays, found.values(), strict=True)
    of_cells = [str(a.name) for a, one in pairs if one.per_area and _bound_of(str(a.name))]
    if of_cells:
        raise InputError(
            f"{', '.join(of_cells)}: bounds of each cell, and the sum of bounds is no bound of the "
            "sum; keep scenarios or members as a dimension, as of allocate(scenarios=True)"
        )
    kinds = {True: [n for n, c in found.items() if c.per_area],
             False: [n for n, c in found.items() if not c.per_area]}  # fmt: skip
    if kinds[True] and kinds[False]:
        raise InputError(
            f"{', '.join(kinds[True])} are per area, {', '.join(kinds[False])} amounts; draw them "
            "in two figures, or integrate the former first, with xflux.budget(ds)"
        )
    return found


def _bound_of(name: str) -> str:
    """Return the variable of the table that a name is the bound of; "" for none."""
    of = next((name.removesuffix(end) for end in BOUNDS if name.endswith(end)), "")
    return of if of in variables else ""


def _side(array: xr.DataArray, data: xr.DataArray | xr.Dataset) -> str:
    """Return the ending of a bound whose variable is there too."""
    name = str(array.name)
    return next(
        (end for end in BOUNDS if name.endswith(end) and name.removesuffix(end) in data), ""
    )


def _carbon(name: str, array: xr.DataArray, row: Variable | None) -> Carbon:
    """Return a flux or a stock, per area or summed."""
    stock = row is not None and (row.species, row.units) == ("carbon", _STOCK)
    if row is not None and not stock and (row.species, row.units) != ("carbon", RATE):
        raise UnitsError(
            f"{name} [{units_of(array) or row.units}] is no flux or stock of carbon, and has no "
            f"budget of it; draw it with series({name!r}) or map({name!r})"
        )
    known: Variable = row if row is not None else variables["nbp"]
    for target, per_area in ((_STOCK if stock else RATE, True), ("Pg", False)):
        try:
            return Carbon(convert(array, replace(known, units=target), name), per_area, stock)
        except UnitsError:
            continue
    if stock:
        expected = f"a stock per area, such as {_STOCK!r}, or its sum, such as 'PgC'"
    else:
        expected = (
            f"a flux per area, such as {RATE!r}, or an amount of carbon in each period, such as "
            "'PgC'. An amount per time is neither: multiply it by the length of each step"
        )
    raise UnitsError(f"{short_name(name)} has units {units_of(array)!r}; expected {expected}")
