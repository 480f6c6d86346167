"""A flux on a grid as regions need it: canonical, with the land of each cell, and months."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.blockwise import is_lazy
from xflux.labels.calendar import Step, TimeSteps, time_steps
from xflux.labels.coordinates import find_lat_lon
from xflux.labels.grid import cell_area, land_fraction
from xflux.labels.periods import Periods, periods
from xflux.labels.units import plain_indexes
from xflux.labels.variables import variables
from xflux.regional.found_flux import found_flux

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray[Any, Any]

__all__ = ["Grid", "NetField", "grid_of_drivers", "months_of", "net_field"]


@dataclass(frozen=True)
class Grid:
    """A grid of latitude and longitude with steps of time.

    Attributes
    ----------
    lat, lon : DataArray
        Of one dimension each, in degrees.
    steps : TimeSteps
    """

    lat: xr.DataArray
    lon: xr.DataArray
    steps: TimeSteps


@dataclass(frozen=True)
class NetField:
    """A flux on a grid of latitude and longitude.

    Attributes
    ----------
    rate : DataArray (..., time, lat, lon) [g m-2 d-1]
        Lazy where it was; with its attributes.
    area : DataArray (lat, lon) [m2]
        Land of each cell.
    steps : TimeSteps
        Along the dimension of time, or `month` of a mean year.
    lat, lon : str
        Names of the dimensions.
    """

    rate: xr.DataArray
    area: xr.DataArray
    steps: TimeSteps
    lat: str
    lon: str

    @property
    def grid(self) -> Grid:
        """What it lies on."""
        return Grid(self.rate[self.lat], self.rate[self.lon], self.steps)

    @property
    def time(self) -> str:
        """Dimension of time."""
        return self.steps.dim


def net_field(
    nee: xr.Dataset | xr.DataArray, *, variable: str = "nee", needed_by: str,
    stamp: Step | None = None,
) -> NetField:  # fmt: skip
    """Find a flux, convert it, and weigh its cells.

    Parameters
    ----------
    nee : Dataset or DataArray
        Flux on a grid of 1-D latitude and longitude; ``cell_area`` and ``land_fraction`` count
        where they are there.
    variable : str
        Canonical name of the flux.
    needed_by : str
        For messages.
    stamp : {"D", "MS", "YS"}, optional
        What a time stamp stands for, where that cannot be told.

    Raises
    ------
    MissingVariableError, UnitsError
        For a flux that is not there, or of another unit.
    InputError
        For another grid, no time, or the array of another variable.
    """
    import xarray as xr

    if isinstance(nee, xr.DataArray):
        if nee.name != variable and str(nee.name) in variables:
            raise InputError(
                f"{needed_by} was asked for {variable!r}, and the array is {str(nee.name)!r}; give "
                f"that of {variable!r}, or a Dataset"
            )
        given = nee.coords.to_dataset().assign({variable: nee.variable})
    else:
        given = nee
    given = plain_indexes(given)
    rate = found_flux(given, variable, None, needed_by=needed_by).canonical
    lat, lon = find_lat_lon(given)
    if lat.ndim != 1 or lon.ndim != 1 or lat.dims == lon.dims:
        raise InputError(
            f"{needed_by} needs a grid of latitude by longitude, and {lat.name} has the dims "
            f"{lat.dims}, {lon.name} {lon.dims}; regrid the flux first"
        )
    area = cell_area(given)
    share = land_fraction(given)
    steps = time_steps(given, freq=stamp)
    if steps is None:
        raise InputError(f"{needed_by} needs months, and {variable} has the dims {rate.dims}")
    land = area if share is None else area * share.transpose(*area.dims)
    # Dask fails on arrays whose lazy coordinates are among what they are computed from.
    rate = rate.drop_vars([name for name, one in rate.coords.items() if is_lazy(one)])
    land = land.reset_coords(drop=True)
    land = land.fillna(0.0).drop_attrs().assign_attrs(units="m2", long_name="area of land")
    order = (str(lat.dims[0]), str(lon.dims[0]))
    return NetField(rate.transpose(..., steps.dim, *order), land.transpose(*order), steps, *order)


def grid_of_drivers(ds: xr.Dataset, *, needed_by: str) -> Grid:
    """Return grid and steps of drivers.

    Raises
    ------
    InputError
        For another grid, or no time.
    """
    lat, lon = find_lat_lon(ds)
    steps = time_steps(ds)
    if lat.ndim != 1 or lon.ndim != 1 or lat.dims == lon.dims or steps is None:
        raise InputError(
            f"{needed_by} needs drivers on a grid of latitude by longitude with months, and they "
            f"have the dims {tuple(ds.dims)}"
        )
    return Grid(lat, lon, steps)


def months_of(steps: TimeSteps) -> tuple[Periods | None, Array, Array]:
    """Return how steps form months, and the year and month (0 to 11) of each.

    A mean year has no periods, its months being its steps, and one year.

    Raises
    ------
    InputError
        For months that steps do not cover.
    """
    if steps.clock is None:
        count = len(steps.edges)
        if count != 12:
            raise InputError(f"the mean year has {count} steps; expected its 12 months")
        return None, np.zeros(count, np.int64), np.arange(count)
    cut = periods(steps, "MS")
    ends = np.array([steps.edges[0, 0], steps.edges[-1, 1] - 1])
    first, last = steps.clock.months(ends)
    numbers = np.arange(first, last + 1)
    gaps = numbers[cut.coverage < 1.0 - 1e-9]
    if gaps.size:
        named = ", ".join(f"{n // 12}-{n % 12 + 1:02d}" for n in gaps[:5])
        raise InputError(
            f"{gaps.size} months are not covered by the steps of the flux ({named}); fill them, or "
            "select whole years without a gap"
        )
    return cut, numbers // 12, numbers % 12
