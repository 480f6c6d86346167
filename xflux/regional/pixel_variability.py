"""`pixel_variability`: by how much the flux of each cell of a grid differs between years."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xflux.errors import InputError
from xflux.labels.variables import variables
from xflux.regional.net_field import net_field
from xflux.skill.annual import interannual_variability

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["pixel_variability"]


def pixel_variability(nee: xr.Dataset | xr.DataArray, *, variable: str = "nee") -> xr.DataArray:
    """Return the interannual variability of each cell, as an amount of carbon a year.

    Parameters
    ----------
    nee : Dataset or DataArray, (..., time, lat, lon)
        A flux of carbon on a grid, with dates; ``cell_area`` and ``land_fraction`` count where
        they are there.
    variable : str
        Canonical name of the flux.

    Returns
    -------
    DataArray (..., lat, lon) [Tg yr-1]
        Standard deviation (ddof=1) of the annual sums of the land of the cell, float64; lazy where
        `nee` is. NaN with fewer than two whole years, and in cells without land or values.

    Raises
    ------
    MissingVariableError, UnitsError
        For a flux that is not there, or of another unit.
    InputError
        For another grid, no dates, and what is no flux of carbon.

    Notes
    -----
    It grows with the area of the cell: compare maps of one grid. Means over cells of Upton et al.
    (2024) are of 1 degree: 0.38 TgC of towers alone, 0.42 with inversions, which have 0.5 to 0.8.
    """
    if variable in variables and variables[variable].species != "carbon":
        raise InputError(f"{variable!r} is no flux of carbon")
    field = net_field(nee, variable=variable, needed_by="pixel_variability")
    if field.steps.clock is None:
        raise InputError("a mean year says nothing of the variability between years; give dates")
    import xarray as xr

    days = xr.DataArray(field.steps.days, dims=field.time)
    amounts = field.rate.drop_attrs() * days * field.area.where(field.area > 0) * 1e-12
    found = interannual_variability(amounts, annual="sum")
    return found.rename("iav").assign_attrs(
        long_name="Interannual variability, mass of carbon", units="Tg yr-1"
    )
