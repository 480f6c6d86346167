"""Units of fluxes that have an integral, and of the amounts that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xflux.errors import UnitsError
from xflux.labels.units import affine, dequantify, units_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["INTEGRABLE", "amount_of", "canonical_flux"]

#: What flux x m2 x days is in a unit of amount, by the unit of the flux.
_FACTORS: dict[str, dict[str, float]] = {
    # mass of carbon
    "g m-2 d-1": {"Pg": 1e-15, "Gt": 1e-15, "Tg": 1e-12, "Mt": 1e-12, "Gg": 1e-9, "kg": 1e-3,
                  "g": 1.0},
    # water, of 1000 kg m-3
    "kg m-2 d-1": {"km3": 1e-12, "Pg": 1e-12, "Tg": 1e-9, "kg": 1.0},
    # energy: a day has 86400 s
    "W m-2": {"ZJ": 86400e-21, "EJ": 86400e-18, "PJ": 86400e-15, "J": 86400.0},
}  # fmt: skip
#: Units of fluxes that have an integral: of carbon, water and energy.
INTEGRABLE = tuple(_FACTORS)


def canonical_flux(da: xr.DataArray) -> xr.DataArray:
    """Take a pint quantity in a canonical unit as the plain array that it holds."""
    plain, registry = dequantify(da)
    if registry is None:
        return da
    for units in _FACTORS:
        try:
            if affine(plain.attrs["units"], units) == (1.0, 0.0):
                return plain.assign_attrs(units=units)
        except UnitsError:
            continue
    return da


def amount_of(da: xr.DataArray, units: str) -> tuple[float, str]:
    """Return what flux x m2 x days is multiplied by, and the unit that it then has.

    Parameters
    ----------
    da : DataArray
        Flux in ``g m-2 d-1`` (carbon), ``kg m-2 d-1`` (water) or ``W m-2``.
    units : str
        Of the amount, such as PgC, km3 or ZJ.

    Raises
    ------
    UnitsError
        When the flux is in none of those units, or `units` is no amount of it.
    """
    found = units_of(da)
    if found not in _FACTORS or found != da.attrs.get("units"):
        quantified = found is not None and "units" not in da.attrs
        raise UnitsError(
            f"{da.name or 'the flux'} has units {found!r}{' as a pint quantity' * quantified}; "
            f"expected attrs['units'] to be {', '.join(map(repr, _FACTORS))}; convert it with "
            "ds.flux.standardize()"
        )
    amounts = _FACTORS[found]
    # The basis of carbon stands in the long name; the unit that is written is plain CF.
    plain = units.removesuffix("C") if found == "g m-2 d-1" else units
    if plain not in amounts:
        basis = "C" if found == "g m-2 d-1" else ""
        raise UnitsError(
            f"units={units!r} is no amount of a flux in {found!r}; expected "
            f"{', '.join(amount + basis for amount in amounts)}"
        )
    return amounts[plain], plain
