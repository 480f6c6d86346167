"""How the files of inversions call the land flux, what it then holds, and its members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import FileFormatError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LandFlux", "land_flux", "member_names"]

#: An inversion sees all that land gives to the air but fossil fuel. What land use and harvest
#: emit is in its fire and its respiration; rivers carry away some of what it sees taken up.
_ALL = "nee+fire+lateral"


@dataclass(frozen=True, slots=True)
class LandFlux:
    """How the land flux of a file is found.

    Attributes
    ----------
    parts : tuple of str
        Variables that are added.
    definition : str
        What it holds; empty where the name does not say.
    positive : {"up", "down", ""}
        The direction where attributes say nothing; empty where none can be taken for granted.
    """

    parts: tuple[str, ...]
    definition: str
    positive: str = "up"


#: The first that is all there is taken. GCB 2022 to 2024; CarbonTracker; CarbonTracker Europe;
#: CarboScope; CAMS; the first GCB inversions; zonal means; CMIP.
_KNOWN = (
    LandFlux(("land_flux_only_fossil_cement_adjusted",), _ALL),
    LandFlux(("land_flux_fossil_cement_and_river_adjusted",), "nee+fire"),
    LandFlux(("bio_flux_opt", "fire_flux_imp"), _ALL),
    LandFlux(("bio_flux_optimized", "fire_flux_imposed"), _ALL),
    LandFlux(("biosphere_flux_optimized", "fire_flux_imposed"), _ALL),
    LandFlux(("co2flux_land",), _ALL),
    LandFlux(("flux_apos_bio",), _ALL),
    LandFlux(("Terrestrial_flux",), _ALL),
    LandFlux(("SFCO2_LND",), _ALL),
    LandFlux(("land_flux",), _ALL),
    LandFlux(("nbp",), "nbp", "down"),
    LandFlux(("netAtmosLandCO2Flux",), "nbp", "down"),
    LandFlux(("nee",), ""),
    LandFlux(("nep",), "", "down"),
)
#: Members stand along one of these, or are named by a variable of that name and ``_name``.
_NAMES = ("{}_name", "{}_names", "{}")


def land_flux(ds: xr.Dataset, variable: str | None, label: str) -> LandFlux:
    """Tell which variable of a file is the land flux.

    Parameters
    ----------
    ds : Dataset
    variable : str or None
        The caller's word for it.
    label : str
        Of the file, for messages.

    Raises
    ------
    FileFormatError
        When there is none of the known names, or not the one asked for.
    """
    if variable is not None:
        if variable not in ds.data_vars:
            raise FileFormatError(f"{label} holds no {variable!r}; it holds {_held(ds)}")
        known = (flux for flux in _KNOWN if flux.parts == (variable,))
        return next(known, LandFlux((variable,), "", ""))
    for flux in _KNOWN:
        if all(part in ds.data_vars for part in flux.parts):
            return flux
    raise FileFormatError(
        f"{label} holds {_held(ds)}, none of which is known as the land flux of an inversion; "
        "name it with variable="
    )


def _held(ds: xr.Dataset) -> str:
    return ", ".join(repr(str(name)) for name in list(ds.data_vars)[:12]) or "no variables"


def member_names(ds: xr.Dataset, dim: str, stem: str) -> list[str]:
    """Return what the members along a dimension are called.

    By a variable such as ``ensemble_member_name``, of text or of single letters; else by the
    labels of the dimension where they are text; else by number, after the file.
    """
    for form in _NAMES:
        name = form.format(dim)
        if name not in ds.variables or dim not in ds[name].dims:
            continue
        values = np.asarray(ds[name].transpose(dim, ...).values)
        if values.dtype.kind not in "SUOT":
            continue
        rows = [_text(row) for row in values]
        if all(rows) and len(set(rows)) == len(rows):
            return rows
    return [f"{stem}_{number}" for number in range(1, ds.sizes[dim] + 1)]


def _text(row: Any) -> str:
    letters = [one.decode() if isinstance(one, bytes) else str(one) for one in np.ravel(row)]
    return "".join(letters).replace("\x00", "").strip()
