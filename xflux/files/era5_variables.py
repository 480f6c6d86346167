"""Which variables of ERA5 accumulate, what their rates are called, and which way they count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ACCUMULATED", "LONG_NAMES", "RATES", "Accumulated", "accumulated_in", "unit_key"]


@dataclass(frozen=True, slots=True)
class Accumulated:
    """One accumulated variable: what its rate is called, and which way it counts.

    Attributes
    ----------
    standard_name, long_name : str
        Of the rate. ECMWF counts every flux downwards, but its files name some
        of them as upward: the sign follows the standard name written here.
    canonical : str
        Canonical name; empty where xflux has none.
    sign : {1, -1}
        What turns ECMWF's direction into that of `standard_name`.
    nonnegative : bool
        Negative rates are noise of packing, or a sign of the wrong product.
    """

    standard_name: str
    long_name: str
    canonical: str = ""
    sign: int = 1
    nonnegative: bool = False


_SWIN = Accumulated(
    "surface_downwelling_shortwave_flux_in_air",
    "Downwelling shortwave radiation",
    "swin",
    nonnegative=True,
)
_LWIN = Accumulated(
    "surface_downwelling_longwave_flux_in_air",
    "Downwelling longwave radiation",
    "lwin",
    nonnegative=True,
)
_SWNET = Accumulated(
    "surface_net_downward_shortwave_flux", "Net shortwave radiation", nonnegative=True
)
_LWNET = Accumulated("surface_net_downward_longwave_flux", "Net longwave radiation")
_LE = Accumulated("surface_upward_latent_heat_flux", "Latent heat flux", "le", sign=-1)
_H = Accumulated("surface_upward_sensible_heat_flux", "Sensible heat flux", "h", sign=-1)
_P = Accumulated("lwe_precipitation_rate", "Precipitation", "p", nonnegative=True)
_ET = Accumulated("water_evapotranspiration_flux", "Evapotranspiration", "et", sign=-1)

#: Accumulated variables that xflux reads, by ECMWF's short names.
ACCUMULATED: dict[str, Accumulated] = {
    "ssrd": _SWIN,
    "strd": _LWIN,
    "ssr": _SWNET,
    "str": _LWNET,
    "slhf": _LE,
    "sshf": _H,
    "tp": _P,
    "e": _ET,
}
#: The same by long names, which copies of ERA5 by others bear.
LONG_NAMES: dict[str, Accumulated] = {
    "surface_solar_radiation_downwards": _SWIN,
    "surface_thermal_radiation_downwards": _LWIN,
    "surface_net_solar_radiation": _SWNET,
    "surface_net_thermal_radiation": _LWNET,
    "surface_latent_heat_flux": _LE,
    "surface_sensible_heat_flux": _H,
    "total_precipitation": _P,
    "evaporation": _ET,
    "total_evaporation": _ET,
}

#: Unit of an amount, without blanks and power signs -> factor of its amount per second, unit.
RATES = {
    "Jm-2": (1.0, "W m-2"),
    "J/m2": (1.0, "W m-2"),
    "Wm-2s": (1.0, "W m-2"),
    "m": (1000.0 * 86400.0, "mm d-1"),
    "mofwaterequivalent": (1000.0 * 86400.0, "mm d-1"),
    "kgm-2": (86400.0, "mm d-1"),
    "kg/m2": (86400.0, "mm d-1"),
}


def unit_key(array: xr.DataArray) -> str:
    """Return the unit of an array without blanks and power signs."""
    return re.sub(r"[\s*^()]", "", str(array.attrs.get("units", "")))


def accumulated_in(
    ds: xr.Dataset, names: Mapping[str, str] | None = None
) -> dict[str, Accumulated]:
    """Find accumulated variables: by name, and by a unit that has no time in it.

    Parameters
    ----------
    ds : Dataset
    names : mapping, optional
        Canonical name to the name in `ds`.

    Returns
    -------
    dict
        Name in `ds` to what the table knows about it.
    """
    by_canonical = {row.canonical: row for row in ACCUMULATED.values() if row.canonical}
    rows = {**LONG_NAMES, **ACCUMULATED}
    for canonical, given in (names or {}).items():
        if canonical in by_canonical:
            rows[given] = by_canonical[canonical]
    return {
        str(key): rows[str(key)]
        for key, array in ds.data_vars.items()
        if key in rows and unit_key(array) in RATES
    }
