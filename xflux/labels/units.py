"""Units: read what people write, check it with pint, convert lazily.

pint parses and checks; arrays stay plain. A conversion is one affine step
``y = scale * x + offset`` whose two numbers are found before any data is touched.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xflux.errors import UnitsError
from xflux.options import get_options

if TYPE_CHECKING:
    import xarray as xr

    from xflux.labels.variables import Variable

__all__ = [
    "CARBON_MOLAR_MASS",
    "affine",
    "convert",
    "dequantify",
    "plain_indexes",
    "quantify",
    "scale_to_canonical",
    "units_of",
]

#: Molar mass of carbon, g mol-1 (IUPAC 2005 value 12.0107, used everywhere in xflux).
CARBON_MOLAR_MASS = 12.0107
#: Molar mass of carbon dioxide, g mol-1 (carbon + two oxygens of 15.9994).
CO2_MOLAR_MASS = 44.0095
#: Density by which a depth of water is a mass per area, kg m-3.
WATER_DENSITY = 1000.0

_SPECIES = re.compile(
    r"(?<![A-Za-z])([kKMGTPEmuµμnhc]?g|[kMG]?t|tonnes?|tons?|[kmuµμn]?mol|[Mm]icromol(?:es)?|moles?)"
    r"[\s_]*[\(\[]?(CO2|C)[\)\]]?(?![A-Za-z0-9_])"
)
_PHOTONS = re.compile(r"(?<=mol)[\s_]*[\(\[]?photons?[\)\]]?", re.IGNORECASE)
_EXPONENT = re.compile(r"(?<=[A-Za-zµμ°%])(?<![0-9.][eE])\s*(?:\^|\*\*)?\s*\(?([+-]?\d+)\)?")
_COMPOSITE = re.compile(r"(?<![A-Za-z\d.^*+-])\d+\s*(?:d|days?|h|hours?|hr)(?![A-Za-z])")
_WORDS = {
    "": "1", "-": "1", "unitless": "1", "dimensionless": "1", "none": "1", "fraction": "1",
    "index": "1", "nondimensional": "1", "m3 m-3": "1", "m^3 m^-3": "1", "m3/m3": "1",
    "m**3 m**-3": "1", "kg kg-1": "1", "kg kg**-1": "1", "kg/kg": "1", "(0 - 1)": "1", "0-1": "1",
    "C": "degC", "degree_C": "degC", "degrees_C": "degC", "deg_C": "degC", "deg C": "degC",
    "degree C": "degC", "degrees C": "degC", "°C": "degC", "Celsius": "degC", "celsius": "degC",
    "degree_Celsius": "degC", "degrees_Celsius": "degC", "degree_celsius": "degC",
    "degrees Celsius": "degC", "oC": "degC", "Kelvin": "K", "kelvin": "K", "degK": "K",
    "degF": "degF", "degree_F": "degF", "deg F": "degF", "°F": "degF",
    "percent": "%", "ppmv": "ppm", "umol mol-1": "ppm", "µmol mol-1": "ppm", "umol/mol": "ppm",
    "µmol/mol": "ppm", "1e-6": "ppm", "1e-06": "ppm", "1.e-6": "ppm", "Pascal": "Pa",
    "Degrees": "degree", "degrees": "degree", "degree": "degree", "deg": "degree",
    "decimal degrees": "degree", "mbar": "hPa", "mb": "hPa", "meters": "m", "meter": "m",
    "metres": "m",
}  # fmt: skip
_TEMPERATURES = {
    "degree_Celsius": (1.0, 0.0),
    "kelvin": (1.0, -273.15),
    "degree_Fahrenheit": (5.0 / 9.0, -160.0 / 9.0),
}


class _Parsed(NamedTuple):
    """A unit as read: a pint quantity, and the substance that its text names."""

    quantity: Any
    species: str


@lru_cache(maxsize=1)
def _registry() -> Any:
    """Return our own pint registry; the application registry stays untouched."""
    import pint

    registry: Any = pint.UnitRegistry(cache_folder=None)
    return registry


@lru_cache(maxsize=512)
def _parse(text: str) -> _Parsed:
    """Read a unit; raise UnitsError with the reason when it cannot be read."""
    stripped = " ".join(text.split())
    if stripped in _WORDS:
        plain, species = _WORDS[stripped], ""
    else:
        tags = {match.group(2) for match in _SPECIES.finditer(stripped)}
        if len(tags) > 1:
            raise UnitsError(f"unit {text!r} names both C and CO2")
        species = tags.pop() if tags else ""
        plain = _SPECIES.sub(lambda match: f"{match.group(1)} ", stripped)
        plain = _PHOTONS.sub(" ", plain)
        plain = plain.replace("micromoles", "umol").replace("Micromol", "umol")
        plain = re.sub(r"(?<![A-Za-z])K(?=g(?![A-Za-z]))", "k", plain)
        plain = re.sub(r"\btonnes?\b|\btons?\b", "t", plain)
        plain = re.sub(r"\bDays?\b", "day", plain).replace(" per ", " / ")
        plain = _WORDS.get(" ".join(plain.split()), plain)
        if re.search(r"(?<![A-Za-z_])C(?![A-Za-z_])", plain):
            raise UnitsError(
                f"unit {text!r} holds a bare 'C', which may mean carbon, degrees Celsius or "
                "coulomb; write the carbon basis next to the mass ('gC m-2 d-1'), or plain "
                "'g m-2 d-1'"
            )
        if _COMPOSITE.search(plain):
            raise UnitsError(
                f"unit {text!r} counts several days or hours at a time; divide by the length of "
                "the composite first, then give a unit per day"
            )
        plain = _EXPONENT.sub(r"**\1 ", plain).strip()
        plain = re.sub(r"(?<=[\w)])[ .]+(?=[A-Za-z(%])", " * ", plain)
    registry = _registry()
    try:
        quantity = registry.Quantity(1.0, registry.parse_units(plain))
    except Exception:
        try:
            # A unit may be a number: CMIP writes the mole fraction of CO2 in '1e-06'.
            quantity = registry.Quantity(registry.parse_expression(plain))
        except Exception as error:  # pint lets TypeError and others through for bad units
            raise UnitsError(f"unit {text!r} cannot be read") from error
    return _Parsed(quantity, species)


def _carbon_factor(parsed: _Parsed, registry: Any) -> Any:
    """Return what turns the substance of a unit into mass of carbon."""
    if "[substance]" in parsed.quantity.dimensionality:
        return registry.Quantity(CARBON_MOLAR_MASS, "g/mol")
    if parsed.species == "CO2":
        return CARBON_MOLAR_MASS / CO2_MOLAR_MASS
    return 1.0


@lru_cache(maxsize=1024)
def affine(found: str, expected: str, species: str = "") -> tuple[float, float]:
    """Find scale and offset that turn `found` into `expected`.

    Parameters
    ----------
    found, expected : str
        Units as CF, FLUXNET, ERA5 or CMIP write them.
    species : {"", "carbon", "water", "photons"}
        Substance of the variable. Carbon: mass and mole of C and of CO2 convert
        into mass of carbon (12.0107 g mol-1); what names no substance is carbon.
        Water: a mass per area converts into a depth (1000 kg m-3).

    Returns
    -------
    scale, offset : float
        ``expected = scale * found + offset``.

    Raises
    ------
    UnitsError
        When a unit cannot be read, or the dimensions differ.
    """
    source, target = _parse(found), _parse(expected)
    if (
        source.species == "CO2"
        and species != "carbon"
        and "[mass]" in source.quantity.dimensionality
    ):
        raise UnitsError(f"unit {found!r} is a mass of CO2, expected {expected!r}")
    names = [str(parsed.quantity.units) for parsed in (source, target)]
    if all(name in _TEMPERATURES for name in names):
        (scale, offset), (to_scale, to_offset) = (_TEMPERATURES[name] for name in names)
        return scale / to_scale, (offset - to_offset) / to_scale
    if any(name in _TEMPERATURES for name in names) and found != expected:
        raise UnitsError(f"unit {found!r} does not convert to {expected!r}")
    registry = _registry()
    quantity, wanted = source.quantity, target.quantity
    try:
        months = _power_of_month(quantity)
        if months > 0:
            raise UnitsError(
                f"unit {found!r} counts months, which differ in length; divide by 12 and give it "
                "in years ('year')"
            )
        if months:
            raise UnitsError(
                f"unit {found!r} is per month, and months differ in length; divide by the "
                "days of each month first, then give a unit per day"
            )
        if species == "carbon":
            quantity = quantity * _carbon_factor(source, registry)
            wanted = wanted * _carbon_factor(target, registry)
        if species == "water":
            density = registry.Quantity(WATER_DENSITY, "kg/m**3")
            if (quantity / density).dimensionality == target.quantity.dimensionality:
                quantity = quantity / density
            elif (quantity * density).dimensionality == target.quantity.dimensionality:
                quantity = quantity * density
        scale = float((quantity / wanted).to("dimensionless").magnitude)
    except UnitsError:
        raise
    except Exception as error:
        raise UnitsError(f"unit {found!r} does not convert to {expected!r}") from error
    return _tidy(scale), 0.0


def _tidy(scale: float) -> float:
    """Round away pint's last bits, so that a factor of 100 is 100."""
    rounded = float(f"{scale:.14g}")
    return rounded if len(f"{rounded:.14g}") < 12 else scale


def _power_of_month(quantity: Any) -> float:
    return float(quantity._units.get("month", 0))


def dequantify(array: xr.DataArray) -> tuple[xr.DataArray, Any]:
    """Split a pint-quantified array into a plain one and its registry.

    Parameters
    ----------
    array : DataArray

    Returns
    -------
    plain : DataArray
        With ``attrs["units"]``; the array itself when it is not quantified.
    registry : pint registry or None
        None when the array is not quantified.
    """
    data: Any = array.variable._data
    if not (hasattr(data, "magnitude") and hasattr(data, "_REGISTRY")):
        return array, None
    plain = array.copy(data=data.magnitude)
    plain.attrs["units"] = str(data.units)
    return plain, data._REGISTRY


def plain_indexes(ds: xr.Dataset) -> xr.Dataset:
    """Replace indexes that pint-xarray wraps by plain ones.

    ``ds.pint.quantify()`` wraps those of coordinates that bear units, such as degrees
    north; xarray then refuses to hand them out.

    Parameters
    ----------
    ds : Dataset

    Returns
    -------
    Dataset
        The Dataset itself when there are none.
    """
    wrapped = [key for key, index in ds.xindexes.items() if hasattr(index, "units")]
    if not wrapped:
        return ds
    plain = {}
    for key in wrapped:
        coordinate = ds.coords[key]
        index: Any = ds.xindexes[key]
        units = {name: str(unit) for name, unit in index.units.items()}
        values = index.index.index
        plain[key] = (coordinate.dims, values, {**coordinate.attrs, "units": units.get(key, "1")})
    return ds.drop_indexes(wrapped).assign_coords(plain)


def quantify(array: xr.DataArray, registry: Any) -> xr.DataArray:
    """Give an array its unit as a pint quantity of `registry`, lazily.

    Parameters
    ----------
    array : DataArray
        With ``attrs["units"]``, which moves from the attributes into the data.
    registry : pint registry or None
        None leaves the array as it is.
    """
    if registry is None:
        return array
    unit = registry.Unit(str(_parse(array.attrs["units"]).quantity.units))
    quantified = array.copy(data=registry.Quantity(array.variable._data, unit))
    del quantified.attrs["units"]
    return quantified


def units_of(array: xr.DataArray) -> str | None:
    """Return the unit that an array bears, in its data or attributes."""
    data: Any = array.variable._data
    if hasattr(data, "magnitude") and hasattr(data, "_REGISTRY"):
        return str(data.units)
    units = array.attrs.get("units", array.encoding.get("units"))
    return None if units is None else str(units)


def scale_to_canonical(array: xr.DataArray, row: Variable, found: str = "") -> tuple[float, float]:
    """Find scale and offset that bring an array into the unit of its table row.

    Parameters
    ----------
    array : DataArray
        Bears its unit in ``attrs["units"]`` or as a pint quantity.
    row : Variable
        Row of the table.
    found : str, optional
        Name under which the array was found, for the message.

    Raises
    ------
    UnitsError
        When the unit is missing, unreadable or of the wrong dimension.
    """
    called = f"{row.name!r}" if found in ("", row.name) else f"{row.name!r} (from {found!r})"
    if row.classes is not None:
        return 1.0, 0.0
    units = units_of(array)
    if units is None:
        if get_options()["missing_units"] == "assume":
            return 1.0, 0.0
        raise UnitsError(
            f"{called} has no units; expected {row.units!r} or what converts to it. Set "
            f"ds[{found or row.name!r}].attrs['units'], or allow the canonical unit to be "
            "assumed by xflux.set_options(missing_units='assume')"
        )
    species = row.species
    if species == "carbon" and _says_co2(array) and _parse_species(units) == "":
        units = _tag_co2(units)
    try:
        return affine(units, row.units, species)
    except UnitsError as error:
        hint = _hint(row, units)
        raise UnitsError(
            f"{called}: found units {units!r}, expected {row.units!r} or what converts to it "
            f"({error}){hint}"
        ) from error


def _says_co2(array: xr.DataArray) -> bool:
    """Tell whether a standard_name means CO2 itself, not carbon."""
    name = str(array.attrs.get("standard_name", ""))
    return "carbon_dioxide" in name and "expressed_as_carbon" not in name


def _parse_species(units: str) -> str:
    try:
        return _parse(units).species
    except UnitsError:
        return ""


def _tag_co2(units: str) -> str:
    """Put CO2 behind the mass of a unit whose variable is CO2 by standard_name."""
    return re.sub(r"(?<![A-Za-z])([kmMGTPuµn]?g)(?![A-Za-z])", r"\1CO2", units, count=1)


def _hint(row: Variable, units: str) -> str:
    if row.name in ("ppfd", "par"):
        return (
            "; photon flux and radiation convert only by the documented factors: name the "
            "variable 'par' or 'swin' and let ppfd be derived"
        )
    if row.name in ("swin", "lwin", "rnet") and re.fullmatch(r"J\s*/?\s*m.*2", units.strip()):
        return "; accumulated energy: read the files with xflux.open_drivers"
    if row.name == "p" and units.strip() in ("m", "mm", "kg m-2", "kg m**-2"):
        return (
            "; an amount without its period: read ERA5 with xflux.open_drivers, or divide by days"
        )
    if row.name == "le":
        return "; evapotranspiration is another variable ('et')"
    return ""


def convert(array: xr.DataArray, row: Variable, found: str = "") -> xr.DataArray:
    """Bring an array into the unit of its table row, lazily.

    Parameters
    ----------
    array : DataArray
        Plain, or pint-quantified (then the result is plain all the same).
    row : Variable
        Row of the table; its `units` are those of the result.
    found : str, optional
        Name under which the array was found, for the message.

    Returns
    -------
    DataArray
        Same shape and floating dtype (integers become float64), ``attrs["units"]``
        set; no other attribute is touched.

    Raises
    ------
    UnitsError
        When the unit is missing, unreadable or of the wrong dimension.
    """
    scale, offset = scale_to_canonical(array, row, found)
    plain, _ = dequantify(array)
    if (scale, offset) != (1.0, 0.0):
        dtype = plain.dtype if plain.dtype.kind == "f" else np.dtype("f8")
        data: Any = plain.variable._data
        if not hasattr(data, "__array_function__"):
            data = plain.variable.data
        converted = data.astype(dtype, copy=False) * dtype.type(scale) + dtype.type(offset)
        plain = plain.copy(data=converted)
    plain = plain.copy(deep=False)
    plain.attrs = {**plain.attrs, "units": row.units}
    plain.encoding = {}
    return plain
