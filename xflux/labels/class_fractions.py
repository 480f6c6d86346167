"""Shares of cells that classes cover, whatever the classes are called in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.classes import to_codes
from xflux.labels.variables import Variable, variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ROUNDING", "class_fractions", "fractions_of_map"]

#: What shares may be beyond 1 by rounding, as in float32 or percent of three digits.
ROUNDING = 2e-3
_UNITS = {"1": 1.0, "": 1.0, "%": 0.01, "percent": 0.01}


def class_fractions(fractions: xr.DataArray, variable: str = "igbp") -> xr.DataArray:
    """Return the shares of cells that classes cover, checked, with the names of the table.

    Parameters
    ----------
    fractions : DataArray
        With a dimension ``class`` that names the classes or holds their codes, 0 to 1 or in
        percent; NaN where nothing is known.
    variable : str
        Of classes: ``igbp`` or ``koppen``.

    Returns
    -------
    DataArray [1]
        ``class`` holds names such as ``ENF``. Lazy where `fractions` is.

    Raises
    ------
    InputError
        For what has no such dimension, unknown or repeated classes, other units; for shares
        in memory outside 0 to 1, or that sum to more.
    """
    row = _classes(variable)
    assert row.classes is not None
    if "class" not in fractions.dims or "class" not in fractions.coords:
        raise InputError(
            f"fractions have the dims {fractions.dims}; expected shares along a dimension 'class' "
            f"whose coordinate names the classes, such as {', '.join(list(row.classes)[:3])}"
        )
    units = str(fractions.attrs.get("units", "1")).strip()
    if units not in _UNITS or fractions.dtype.kind not in "fiu":
        raise InputError(
            f"fractions are {fractions.dtype} in {units!r}; expected numbers in '1', or '%'"
        )
    labels = fractions["class"].reset_coords(drop=True)
    codes = to_codes(labels.drop_vars("class"), row).values
    known = np.isfinite(codes)
    if not known.all() or np.unique(codes).size < codes.size:
        raise InputError(
            f"fractions: class holds {', '.join(map(str, labels.values))}; expected classes of "
            f"xflux.variables[{variable!r}].classes, each once"
        )
    shares = fractions.reset_coords(drop=True)
    shares = shares * _UNITS[units] if _UNITS[units] != 1.0 else shares
    if shares.dtype.kind != "f":
        shares = shares.astype(np.float32)
    names = {code: name for name, code in row.classes.items()}
    shares = shares.assign_coords({"class": [names[int(code)] for code in codes]})
    if shares.chunks is None:
        _check(shares)
    return shares.drop_attrs().assign_attrs(units="1")


def fractions_of_map(codes: xr.DataArray, variable: str = "igbp") -> xr.DataArray:
    """Return a map of classes as shares: 1 for the class of a cell, 0 for the others.

    Parameters
    ----------
    codes : DataArray
        Classes, by code or name; NaN where there is none.
    variable : str
        Of classes: ``igbp`` or ``koppen``.

    Returns
    -------
    DataArray [1]
        float32 with a first dimension ``class`` of all classes of the table, as
        `class_fractions` returns it; lazy where `codes` is.
    """
    import xarray as xr

    row = _classes(variable)
    assert row.classes is not None
    found = to_codes(codes, row).reset_coords(drop=True)
    classes = xr.DataArray(
        list(row.classes.values()), dims="class", coords={"class": list(row.classes)}
    )
    one = (classes == found).astype(np.float32).where(found.notnull())
    return one.transpose("class", *found.dims).assign_attrs(units="1")


def _classes(variable: str) -> Variable:
    row: Any = variables.get(variable)
    if row is None or row.classes is None:
        raise InputError(f"{variable!r} is no variable of classes; expected 'igbp' or 'koppen'")
    found: Variable = row
    return found


def _check(shares: xr.DataArray) -> None:
    low, high = float(shares.min()), float(shares.sum("class").max())
    if low < 0.0 or high > 1.0 + ROUNDING:
        raise InputError(
            f"fractions run from {low:g}, and sum to up to {high:g} in a cell; shares lie in 0 to "
            "1 and sum to 1 at most (percent need units '%')"
        )
