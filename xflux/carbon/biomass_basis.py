"""What a map of biomass is a mass of, carbon or dry matter, and its carbon."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xflux.errors import InputError, UnitsError, XfluxWarning
from xflux.labels.units import affine, dequantify, units_of
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["Basis", "as_carbon", "basis_of", "one_map"]

Basis = Literal["carbon", "dry matter"]

_UNIT_OF_CARBON = re.compile(r"(?:g|t)[\s_]*\(?C\)?(?![A-Za-z])")
#: How names in words say it; underscores are spaces.
_WORDS: dict[Basis, re.Pattern[str]] = {
    "carbon": re.compile(
        r"\b(?:(?:of|as) carbon|carbon in|biomass carbon"
        r"|carbon (?:content|densit\w+|stocks?|pools?|mass))\b"
    ),
    "dry matter": re.compile(r"\bdry (?:matter|mass|weight|biomass)\b"),
}
#: Mg of carbon per hectare; the range of stocks in the table of variables is in g m-2.
_LARGEST = float(variables["cVeg"].valid_max) / 100.0


def one_map(reference: Any) -> xr.DataArray:
    """Return the map of biomass that a reference is, or that a Dataset holds.

    Raises
    ------
    InputError
        For a Dataset without ``cAGB`` and ``agb``, and for what is neither.
    """
    import xarray as xr

    if isinstance(reference, xr.DataArray):
        return reference
    if not isinstance(reference, xr.Dataset):
        raise InputError(
            f"the reference is a {type(reference).__name__}, expected a DataArray with its "
            "coordinates and units"
        )
    for name in ("cAGB", "agb"):
        if name in reference.data_vars:
            return reference[name]
    held = ", ".join(repr(str(name)) for name in reference.data_vars) or "nothing"
    raise InputError(
        "the reference is a Dataset without 'cAGB' and 'agb'; pass the variable that is the "
        f"biomass, such as reference['agb']; it holds {held}"
    )


def basis_of(reference: xr.DataArray, units: str) -> tuple[Basis, str]:
    """Tell what a map is a mass of, and by what that is known.

    Parameters
    ----------
    reference : DataArray
    units : str
        Its unit, which rules over the rest where it names carbon.

    Returns
    -------
    basis : {"carbon", "dry matter"}
    why : str

    Raises
    ------
    InputError
        When attribute ``biomass_basis`` is neither.
    """
    if _UNIT_OF_CARBON.search(units):
        return "carbon", f"by its unit, {units}"
    said = reference.attrs.get("biomass_basis")
    if said is not None:
        if said not in _WORDS:
            raise InputError(
                f"attribute biomass_basis={said!r} of the reference is not known; it is 'carbon' "
                "or 'dry matter'"
            )
        return said, f"by its attribute biomass_basis, {units}"
    for key in ("standard_name", "long_name"):
        text = str(reference.attrs.get(key, "")).replace("_", " ").lower()
        held: list[Basis] = [basis for basis, words in _WORDS.items() if words.search(text)]
        if len(held) == 1:
            return held[0], f"by its {key}, {units}"
    name = str(reference.name)
    row = variables.get(name)
    if name.startswith("cAGB") or (row is not None and row.species == "carbon"):
        return "carbon", f"by its name {name!r}, {units}"
    if name.lower() == "agb":
        return "dry matter", f"by its name {name!r}, {units}"
    return "dry matter", f"by its unit, {units}, as nothing says carbon"


def as_carbon(
    reference: xr.DataArray, carbon_fraction: float, basis: Basis | None
) -> tuple[xr.DataArray, str]:
    """Return a map as Mg of carbon per hectare, lazily, and how that was had.

    Parameters
    ----------
    reference : DataArray
        A mass per area.
    carbon_fraction : float
        Mass of carbon in a mass of dry matter.
    basis : {"carbon", "dry matter"} or None
        None: as `basis_of` tells.

    Raises
    ------
    UnitsError
        When it is no mass per area.
    InputError
        When `basis` contradicts the unit.

    Warns
    -----
    XfluxWarning
        When values outside the range of a stock become NaN.
    """
    import xarray as xr

    plain, _ = dequantify(reference)
    units = units_of(plain)
    if units is None:
        raise UnitsError(
            "the reference has no units; set reference.attrs['units'], such as 'Mg ha-1' of dry "
            "matter or 'MgC ha-1'"
        )
    try:
        scale, _ = affine(units, "Mg ha-1", "carbon")
    except UnitsError as error:
        raise UnitsError(
            f"the reference has units {units!r}, expected a mass per area such as 'Mg ha-1' or "
            f"'MgC ha-1' ({error})"
        ) from error
    if basis == "dry matter" and _UNIT_OF_CARBON.search(units):
        raise InputError(f"basis={basis!r}, but the unit of the reference names carbon: {units!r}")
    found, why = (basis, f"as asked for, {units}") if basis else basis_of(plain, units)
    told = f"{found} ({why})"
    factor = scale
    if found == "dry matter":
        factor *= carbon_fraction
        told += f", times {carbon_fraction:g}"
    dtype = plain.dtype if plain.dtype.kind == "f" else np.dtype("f8")
    carbon = xr.apply_ufunc(
        _scaled, plain.drop_attrs(), kwargs={"factor": dtype.type(factor)},
        dask="parallelized", output_dtypes=[dtype],
    )  # fmt: skip
    return carbon.rename("cAGB").drop_attrs().assign_attrs(units="Mg ha-1"), told


def _scaled(values: NDArray[Any], factor: np.floating[Any]) -> NDArray[Any]:
    """Scale a map; what no stock can be becomes NaN, as wherever stocks are read."""
    scaled = values.astype(factor.dtype, copy=False) * factor
    wrong = (scaled < 0.0) | (scaled > _LARGEST)
    if not wrong.any():
        return scaled
    warnings.warn(
        f"reference: {int(wrong.sum())} values outside 0 to {_LARGEST:g} Mg ha-1 of carbon became "
        "NaN (a fill value that is not declared, or another unit than stated?)",
        XfluxWarning,
        stacklevel=2,
    )
    return np.where(wrong, factor.dtype.type(np.nan), scaled)
