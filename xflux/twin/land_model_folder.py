"""Write the land models of the idealised Earth as a folder of files, as TRENDY delivers them.

Every model has a grid, a calendar and habits of its own, as real ones have.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from xflux.twin.earth import Earth

__all__ = ["Habits", "habits_of", "write_land_models"]

_FILLS = (-99999.0, 1e20)


@dataclass(frozen=True, slots=True)
class Habits:
    """How the files of one model are laid out.

    Attributes
    ----------
    coarse : bool
        Cells twice as wide, where the grid can be halved.
    southward : bool
        Latitude from north to south.
    eastward : bool
        Longitude from 0 to 360.
    calendar : str
    months_since : bool
        Time counted in months, which CF does not define.
    grams : bool
        g m-2 d-1 and g m-2 of carbon, in place of kg and s.
    long_names : bool
        ``latitude`` and ``longitude``.
    fill : float
    """

    coarse: bool
    southward: bool
    eastward: bool
    calendar: str
    months_since: bool
    grams: bool
    long_names: bool
    fill: float


def habits_of(number: int) -> Habits:
    """Return the habits of the model of a position; any three differ."""
    return Habits(
        coarse=number % 4 == 1,
        southward=number % 3 == 1,
        eastward=number % 2 == 1,
        calendar=("standard", "noleap", "360_day")[number % 3],
        months_since=number % 5 == 3,
        grams=number % 6 == 4,
        long_names=number % 3 == 2,
        fill=_FILLS[number % 2],
    )


def write_land_models(
    earth: Earth, folder: str | os.PathLike[str], n: int = 21, *, scenario: str = "S3"
) -> list[Path]:
    """Write land models as one NetCDF file a model and variable, ``ALDER_S3_gpp.nc``.

    Some grids are twice as coarse, some run from north to south or from 0 to 360 degrees;
    calendars are ``standard``, ``noleap`` and ``360_day``; stocks are by year; some units are in
    grams, some times in months; what a model does not deliver has no file. Values are those
    of `xflux.twin.Earth.land_models`, which are computed at once, in memory.

    Parameters
    ----------
    earth : Earth
    folder : str or path
        Made when it is not there.
    n : int
        Number of models.
    scenario : str
        Written into the names of files.

    Returns
    -------
    list of Path
        The files, in the order of models.

    Raises
    ------
    InputError
        As `xflux.twin.Earth.land_models`, and for a scenario that is not ``S`` and a number.
    """
    if not (scenario[:1] == "S" and scenario[1:].isdigit()):
        raise InputError(f"scenario={scenario!r} is none of TRENDY; expected such as 'S3'")
    ds = earth.land_models(n).compute()
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for number, model in enumerate(ds["model"].values):
        habits = habits_of(number)
        one = ds.sel(model=model)
        area = one["cell_area"] * one["land_fraction"]
        for name, array in one.data_vars.items():
            if "lat" not in array.dims or array.ndim != 3 or not bool(array.notnull().any()):
                continue
            path = target / f"{model}_{scenario}_{name}.nc"
            _laid_out(array, area, habits).assign_attrs(
                title=f"{model}, a land model of an idealised Earth (synthetic)",
                synthetic=ds.attrs["synthetic"],
                source=ds.attrs["source"],
            ).to_netcdf(path)
            written.append(path)
    return written


def _laid_out(array: xr.DataArray, area: xr.DataArray, habits: Habits) -> xr.Dataset:
    import xarray as xr

    if habits.coarse and all(array.sizes[dim] % 2 == 0 for dim in ("lat", "lon")):
        array = _halved(array, area)
    if habits.southward:
        array = array.isel(lat=slice(None, None, -1))
    if habits.eastward:
        array = array.assign_coords(
            lon=("lon", array["lon"].values % 360.0, array["lon"].attrs)
        ).sortby("lon")
    if habits.grams:
        rate = "s-1" in array.attrs["units"]
        factor = 1000.0 * (86400.0 if rate else 1.0)
        array = (array * np.float32(factor)).assign_attrs(
            {**array.attrs, "units": "gC m-2 day-1" if rate else "gC/m2"}
        )
    array = _timed(array, habits).reset_coords(drop=True)
    array = array.astype(np.float32)
    if habits.long_names:
        array = array.rename(lat="latitude", lon="longitude")
    array.encoding = {"_FillValue": np.float32(habits.fill)}
    array.attrs = {
        key: value
        for key, value in array.attrs.items()
        if key in ("long_name", "units", "comment", "cell_methods")
    }
    return xr.Dataset({str(array.name): array})


def _halved(array: xr.DataArray, area: xr.DataArray) -> xr.DataArray:
    """Average two by two cells, by the land that they hold; a coast of less than half is sea."""
    there = array.isel({array.dims[0]: 0}, drop=True).notnull()
    pairs = {"lat": 2, "lon": 2}
    weight = area.where(there, 0.0)
    total = (array.fillna(0.0) * weight).coarsen(pairs).sum()
    land = weight.coarsen(pairs).sum().where(there.coarsen(pairs).mean() >= 0.5)
    halved = (total / land).transpose(*array.dims)
    return halved.rename(array.name).assign_attrs(array.attrs)


def _timed(array: xr.DataArray, habits: Habits) -> xr.DataArray:
    """Count time as the model does, in the middle of months and years."""
    if "year" in array.dims:
        years = array["year"].values
        if habits.months_since:
            values: Any = (years - 1901) * 12.0 + 6.0
        else:
            values = _days([(int(year), 7, 1) for year in years], habits.calendar)
        array = array.rename(year="time")
    else:
        months = array["time"].values.astype("M8[M]").astype(int) + 1970 * 12
        if habits.months_since:
            values = months - 1901 * 12 + 0.5
        else:
            values = _days([(int(m) // 12, int(m) % 12 + 1, 15) for m in months], habits.calendar)
    units = f"{'months' if habits.months_since else 'days'} since 1901-01-01"
    attrs = {"units": units, "calendar": habits.calendar, "axis": "T"}
    return array.assign_coords(time=("time", np.asarray(values, np.float64), attrs))


def _days(dates: list[tuple[int, int, int]], calendar: str) -> Any:
    import cftime

    moments = [cftime.datetime(*date, calendar=calendar) for date in dates]
    return cftime.date2num(moments, "days since 1901-01-01", calendar=calendar)
