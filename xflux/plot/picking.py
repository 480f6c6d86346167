"""From names to what a figure draws: variables with a unit and a place, bounds, groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xflux.errors import InputError, MissingVariableError
from xflux.labels.attach import attributes, describe
from xflux.labels.classes import to_codes
from xflux.labels.find import check_names, find, looked_for
from xflux.labels.grid import find_lat_lon
from xflux.labels.units import dequantify
from xflux.labels.variables import variables as table
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["bounds_of", "first", "groups_of", "left_out", "pick"]

#: Fluxes that would need another axis.
_OTHERS = ("le", "h", "et")


def pick(ds: xr.Dataset, variable: str, names: Mapping[str, str] | None) -> xr.DataArray:
    """Take a variable with what a figure needs: a name, a unit, a place."""
    names = check_names(ds, names)
    if not isinstance(variable, str):
        raise InputError(f"name one variable, found {variable!r}")
    own = find(ds, variable, names) if variable in table else None
    if own is None and variable in ds.variables:
        own = variable
    if own is None:
        looked = f"; looked for {looked_for(variable)}" if variable in table else ""
        held = ", ".join(repr(str(name)) for name in list(ds.data_vars)[:20])
        raise MissingVariableError(
            f"no variable {variable!r} to draw{looked}; the Dataset holds {held or 'nothing'}"
        )
    array, _ = dequantify(ds[own])
    if variable in table:
        # The file's own words and unit come first; the unit is never assumed.
        said = {"units": None} if table[variable].classes is None else {}
        array = array.rename(variable).assign_attrs(
            {**attributes(variable, array.dims, **said), **array.attrs}
        )
    return _with_place(array, ds)


def bounds_of(
    ds: xr.Dataset, data: xr.Dataset, names: Mapping[str, str] | None
) -> dict[str, xr.DataArray]:
    """Return the lower and upper bounds of totals that have both.

    Those of cells are none of their sum, and are left out.
    """
    found: dict[str, xr.DataArray] = {}
    for name in map(str, data.data_vars):
        if _on_grid(data[name]):
            continue
        own = find(ds, name, names) if name in table else name
        ends = {f"{name}{end}": f"{own}{end}" for end in ("_lower", "_upper")}
        if all(key in ds.data_vars for key in ends.values()):
            found |= {called: pick(ds, key, None).rename(called) for called, key in ends.items()}
    return found


def _on_grid(array: xr.DataArray) -> bool:
    try:
        lat, lon = find_lat_lon(array)
    except (MissingVariableError, KeyError):
        return False
    return bool({*lat.dims, *lon.dims} & set(array.dims))


def _with_place(array: xr.DataArray, ds: xr.Dataset) -> xr.DataArray:
    """Give an array the latitude and longitude that the Dataset holds as variables."""
    try:
        lat_lon = find_lat_lon(ds)
    except (MissingVariableError, KeyError):
        return array
    missing = {
        str(coord.name): coord.variable
        for coord in lat_lon
        if coord.name not in array.coords and coord.ndim and set(coord.dims) <= set(array.dims)
    }
    return array.assign_coords(missing) if missing else array


def groups_of(given: Any, ds: xr.Dataset, *others: Any) -> Any:
    """Look groups up among the variables of the Datasets; classes come out by name."""
    sources = [source for source in (ds, *others) if not isinstance(source, str)]
    if not isinstance(given, str) or any(given in source.dims for source in sources):
        return given
    row = table.get(given)
    for source in sources:
        is_dataset = hasattr(source, "data_vars")
        own = find(source, given) if is_dataset and row is not None else given
        if own is None or own not in (source.variables if is_dataset else source.coords):
            continue
        labels = source[own].rename(given)
        if row is not None and row.classes is not None:
            return describe(to_codes(labels, row), given)
        return labels
    return given


def left_out(ds: xr.Dataset, names: Mapping[str, str] | None) -> str:
    """Say which fluxes do not share the axis of those of carbon."""
    held = [name for name in _OTHERS if find(ds, name, names) is not None]
    if not held:
        return ""
    shown = ", ".join(short_name(name) for name in held)
    return f"not drawn, in other units: {shown} (series({held[0]!r}))"


def first(ds: xr.Dataset) -> str:
    """Return the name of a variable that can be drawn, for messages."""
    return next((str(name) for name in ds.data_vars), "gpp")
