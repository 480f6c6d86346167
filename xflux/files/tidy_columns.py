"""What the name of a column in a tidy table says: which variable, in which unit."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from xflux.errors import UnitsError
from xflux.files.fluxnet_columns import split_name
from xflux.labels.units import affine
from xflux.labels.variables import variables
from xflux.options import get_options

__all__ = ["TidyColumn", "find_scale", "parse_column"]

_NUMERATORS = {
    "C": "degC", "degC": "degC", "K": "K", "Pa": "Pa", "hPa": "hPa", "kPa": "kPa", "mbar": "hPa",
    "ppm": "ppm", "percent": "%", "pct": "%", "frac": "1", "mm": "mm", "cm": "cm", "m": "m",
    "W": "W", "J": "J", "kJ": "kJ", "MJ": "MJ", "g": "g", "kg": "kg", "mg": "mg", "gC": "gC",
    "kgC": "kgC", "mgC": "mgC", "gCO2": "gCO2", "mol": "mol", "mmol": "mmol", "umol": "umol",
    "umolCO2": "umolCO2", "deg": "degree",
}  # fmt: skip
_DENOMINATORS = {
    "m2": "m-2", "m3": "m-3", "m": "m-1", "s": "s-1", "h": "h-1", "hr": "h-1", "d": "d-1",
    "day": "d-1", "yr": "yr-1", "year": "yr-1",
}  # fmt: skip
_NAMES = {
    alias: name for name, row in reversed(list(variables.items())) for alias in row.aliases
} | {name: name for name in variables}


@dataclass(frozen=True, slots=True)
class TidyColumn:
    """What the name of a column says: the variable, and its unit if it is there."""

    name: str
    units: str | None


def parse_column(column: str) -> TidyColumn | None:
    """Read the name of a column; None when it is that of no variable.

    Examples
    --------
    >>> parse_column("swdown_MJ_m2_d")
    TidyColumn(name='swin', units='MJ m-2 d-1')
    >>> parse_column("fapar")
    TidyColumn(name='fapar', units=None)
    """
    bracketed = re.fullmatch(r"\s*(\S+)\s*[\[(](.*)[\])]\s*", column)
    if bracketed:
        name = _name_of(bracketed[1])
        return TidyColumn(name, bracketed[2].strip()) if name else None
    name = _name_of(column)
    if name:
        return TidyColumn(name, None)
    # The longest name first: in tmin_C and ta_min_C the rest is the unit.
    for position in reversed([i for i, letter in enumerate(column) if letter == "_"]):
        name, units = _name_of(column[:position]), _units_of(column[position + 1 :])
        if name and units:
            return TidyColumn(name, units)
    return None


def _name_of(text: str) -> str:
    """Return the canonical name, with its suffix (``gpp_qc``); empty when there is none."""
    if text in _NAMES:
        return _NAMES[text]
    return text if split_name(text)[0] else ""


def _units_of(suffix: str) -> str:
    first, *rest = suffix.split("_")
    if first not in _NUMERATORS or not all(part in _DENOMINATORS for part in rest):
        return ""
    return " ".join([_NUMERATORS[first], *(_DENOMINATORS[part] for part in rest)])


def find_scale(
    name: str, given: str | None, values: pd.Series, label: str, column: str
) -> tuple[float, float]:
    """Find scale and offset that bring a column into canonical units.

    Parameters
    ----------
    name : str
        Canonical name, with its suffix if it has one.
    given : str or None
        Unit as the user or the name of the column says. Without one, a variable
        without dimension is taken as a fraction; any other is an error, unless
        ``xflux.set_options(missing_units="assume")``.
    values : Series
        The column, to tell a fraction from a percentage.
    label, column : str
        Names of table and column, for messages.

    Raises
    ------
    UnitsError
        When the unit is unknown, unreadable or of the wrong dimension.
    """
    variable, suffix = split_name(name)
    row = variables[variable]
    if suffix.endswith("qc") or suffix == "flag":
        return 1.0, 0.0
    called = f"{label}: column {column}"
    if given is None and row.units != "1" and get_options()["missing_units"] == "raise":
        raise UnitsError(
            f"{called}: its unit is unknown; expected {row.units!r} or what converts to it. Put "
            f"it into the name of the column, or pass units={{{column!r}: ...}}"
        )
    try:
        scale, offset = affine(given or row.units, row.units, row.species)
    except UnitsError as error:
        raise UnitsError(f"{called}: {error}") from error
    middle = values.abs().median()
    if given is None and row.units == "1" and middle > row.valid_max:
        raise UnitsError(
            f"{called}: half of its values are above {middle:.3g}, where {row.valid_min:g} to "
            f"{row.valid_max:g} is possible; if it is in per cent pass units={{{column!r}: '%'}}"
        )
    return scale, 0.0 if suffix in ("randunc", "jointunc", "se") else offset
