"""What a figure says: names and units from the attributes, and what was reduced."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.labels.classes import flags
from xflux.labels.variables import Variable, variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "classes_of",
    "generated",
    "identify",
    "label",
    "long_name",
    "reduction",
    "scalar_coordinates",
    "sentence",
    "short_name",
    "span",
    "units_text",
    "value_text",
]

#: Symbols of the fluxes, where these are not the name in capitals.
_SYMBOLS = {"ra": "Ra", "rh": "Rh", "h": "H"}
_FLUX_SYMBOLS = ("gpp", "reco", "nee", "nep", "npp", "ra", "rh", "nbp", "le", "h", "et")
#: What the table adds to a name for the sake of precision, and a unit or a colour bar shows.
_ASIDES = (", mass of carbon", ", positive to the atmosphere")
_CARBON_TAG = re.compile(
    r"(?<![A-Za-z])([kMGTPEmunµ]?g|[kMG]?t)[\s_]*[\(\[]?C[\)\]]?(?![A-Za-z0-9])"
)
_LEADING_MASS = re.compile(r"^([kMGTPEmunµ]?g|[kMG]?t)(?=$|[\s/*.])")
_PRINTED = {"degC": "°C", "degree_C": "°C", "degrees_C": "°C", "1": "-", "": "-"}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
#: Scalars that say nothing of what is shown, and what tables of sites tell besides variables.
_NOT_SAID = ("spatial_ref", "crs", "quantile")
#: By which one of an ensemble is selected, and what is selected besides. Other texts tell more of
#: the same, such as the laws of a model.
_OF_ENSEMBLES = ("model", "member", "scenario", "ensemble", "realization", "estimate")
_BESIDE_THEM = ("site", "season", "time", "region", "names", "igbp", "source_id", "experiment_id")
#: Of a title, beyond which it would be a table.
_MOST_SAID = 4
_OF_SITES = ("lat", "lon", "latitude", "longitude", "name", "country")


def identify(array: xr.DataArray) -> Variable | None:
    """Return the row of the variable table that an array is, None where it is none.

    By its name, its CF standard name, or an alias, in this order.
    """
    name = str(array.name)
    if name in variables:
        return variables[name]
    standard_name = array.attrs.get("standard_name")
    rows = [row for row in variables.values() if row.standard_name == standard_name != ""]
    if len(rows) == 1:
        return rows[0]
    return next((row for row in variables.values() if name in row.aliases), None)


def long_name(array: xr.DataArray) -> str:
    """Return what an array is, in words, for a label."""
    row = identify(array)
    words = str(array.attrs.get("long_name", "") or (row.long_name if row else ""))
    if not words:
        return str(array.name) if array.name is not None else "Value"
    for aside in _ASIDES:
        words = words.replace(aside, "")
    return words[:1].upper() + words[1:]


def units_text(array: xr.DataArray) -> str:
    """Return the unit of an array as it is printed, with the carbon basis; "" for none.

    CF writes a mass of carbon as ``g m-2 d-1``, the carbon standing in the standard
    name. A reader of the figure sees ``g C m-2 d-1``.
    """
    if "units" not in array.attrs or classes_of(array):
        return ""
    units = " ".join(str(array.attrs["units"]).split())
    if units in _PRINTED:
        return _PRINTED[units]
    units = re.sub(r"\bumol\b", "µmol", units)
    if _CARBON_TAG.search(units):
        return _CARBON_TAG.sub(r"\1 C", units)
    return _LEADING_MASS.sub(r"\1 C", units) if _is_carbon(array) and "CO2" not in units else units


def _is_carbon(array: xr.DataArray) -> bool:
    row = identify(array)
    said = f"{array.attrs.get('standard_name', '')} {array.attrs.get('long_name', '')}"
    if "carbon_dioxide" in said and "expressed_as_carbon" not in said:
        return False
    return (row is not None and row.species == "carbon") or bool(
        re.search(r"expressed_as_carbon|mass of carbon|carbon_content", said)
    )


def label(array: xr.DataArray) -> str:
    """Return the label of an axis or colour bar.

    Parameters
    ----------
    array : DataArray

    Returns
    -------
    str
        Such as "Gross primary production [g C m-2 d-1]"; what is generated is called so.
    """
    units = units_text(array)
    words = f"{long_name(array)} ({generated(array)})" if generated(array) else long_name(array)
    return f"{words} [{units}]" if units else words


def short_name(name: Hashable) -> str:
    """Return the symbol of a flux ("GPP"), any other name as it is."""
    text = str(name)
    return _SYMBOLS.get(text, text.upper()) if text in _FLUX_SYMBOLS else text


def generated(*arrays: xr.DataArray) -> str:
    """Return "synthetic" where one of the arrays was generated, as its attributes say."""
    return "synthetic" if any("synthetic" in array.attrs for array in arrays) else ""


def classes_of(array: xr.DataArray) -> dict[float, str]:
    """Return the names of classes by code, empty for what is a quantity.

    From ``flag_values`` and ``flag_meanings``, else from the variable table.
    """
    stated = flags(array)
    if stated:
        return stated
    row = identify(array)
    if row is None or row.classes is None:
        return {}
    return {float(code): name for name, code in row.classes.items()}


def value_text(dim: Hashable, value: Any) -> str:
    """Return the value of a coordinate as the title of a panel or an entry of a legend."""
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[D]"))
    if dim == "month" and float(value).is_integer() and 1 <= value <= 12:
        return _MONTHS[int(value) - 1]
    if dim == "variable":
        return short_name(value)
    if isinstance(value, (int, float, np.number)) and dim != "year":
        return f"{dim} {value:g}"
    return str(value)


def reduction(how: str, array: xr.DataArray, dims: Iterable[Hashable]) -> str:
    """Say what was reduced: "mean over 2001 to 2010"; "" when nothing was.

    Parameters
    ----------
    how : str
        Such as "mean".
    array : DataArray
        Before the reduction.
    dims : iterable of hashable
        What was reduced.
    """
    spans = [span(array, dim) for dim in dims]
    if not spans:
        return ""
    listed = spans[0] if len(spans) == 1 else f"{', '.join(spans[:-1])} and {spans[-1]}"
    return f"{how} over {listed}"


def span(array: xr.DataArray, dim: Hashable) -> str:
    """Say which part of a dimension an array covers: "2001 to 2010", "up to 57 sites".

    Up to, because towers begin and end at different times: few means are of all of them.
    """
    if dim == "site":
        count = array.sizes[dim]
        return f"up to {count} sites" if count > 1 else "1 site"
    index = array.indexes.get(dim)
    if index is None or len(index) == 0:
        return f"{dim} (n = {array.sizes[dim]})"
    first, last = index[0], index[-1]
    if hasattr(first, "year") and hasattr(first, "month"):
        if (first.month, last.month) == (1, 12):
            return f"{first.year}" if first.year == last.year else f"{first.year} to {last.year}"
        return f"{first.year}-{first.month:02d} to {last.year}-{last.month:02d}"
    if dim == "month" and len(index) == 12:
        return "the 12 months"
    return f"{dim} (n = {len(index)})"


def scalar_coordinates(array: xr.DataArray) -> str:
    """Say what an array was selected at: "member = 3, time = 2001-01-16".

    Of a tower its code and name are said; where it stands and what grows there are not, as
    nobody selected by these; nor is what texts tell of one of an ensemble. Classes go by their
    names, not their codes. At most four are said.
    """
    coords = {
        name: coord
        for name, coord in array.coords.items()
        if not coord.ndim and coord.chunks is None and name not in _NOT_SAID
    }
    if "site" in coords:
        coords = {name: coords[name] for name in coords if not _describes_site(coords[name])}
    if any(name in coords for name in _OF_ENSEMBLES):
        kept = (*_OF_ENSEMBLES, *_BESIDE_THEM)
        coords = {n: c for n, c in coords.items() if n in kept or c.dtype.kind not in "OUST"}
    said = []
    for name, coord in coords.items():
        value = coord.values[()]
        classes = classes_of(coord)
        number = isinstance(value, (int, float, np.number))
        if number and float(value) in classes:
            text = classes[float(value)]
        else:
            text = f"{value:.4g}" if number else value_text(name, value)
        if name == "site" and str(array.coords.get("name", "")) and "name" in array.coords:
            text += f" ({array.coords['name'].values[()]})"
        said.append(f"{name} = {text}")
    if len(said) > _MOST_SAID:
        said = [*said[:_MOST_SAID], f"and {len(said) - _MOST_SAID} more"]
    return ", ".join(said)


def _describes_site(coord: xr.DataArray) -> bool:
    name = str(coord.name)
    return name != "site" and (name in _OF_SITES or name in variables)


def sentence(parts: Iterable[str]) -> str:
    """Join what is to be said, the empty left out, with a capital at the front."""
    said = "; ".join(part for part in parts if part)
    return said[:1].upper() + said[1:]
