"""Inversions by latitude alone: exact integrals over bands whose edges may cut a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import UnitsError
from xflux.files.carbon_units import read_carbon_unit
from xflux.files.inversion_bands import Bands, row_bounds
from xflux.files.inversion_months import calendar_months
from xflux.files.inversion_names import LandFlux, member_names
from xflux.files.land_model_times import month_starts

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["find_rows", "read_zonal"]

_NAMES = ("lat", "latitude", "lats", "nav_lat")


def find_rows(ds: xr.Dataset) -> xr.DataArray | None:
    """Find the latitude of rows, None where there is none."""
    for name in map(str, ds.dims):
        if name not in ds.variables:
            continue
        attrs = ds[name].attrs
        north = str(attrs.get("units", "")).strip().lower().startswith("degrees_n")
        if attrs.get("standard_name") == "latitude" or north or name.lower() in _NAMES:
            return ds[name]
    return None


def read_zonal(
    ds: xr.Dataset, flux: LandFlux, bands: Bands, units: str | None, label: str, stem: str
) -> xr.DataArray:
    """Sum the land flux of a file by latitude over bands.

    Parameters
    ----------
    ds : Dataset
        Dims time and latitude, and one more where it holds several inversions.
    flux : LandFlux
    bands : Bands
    units : str or None
        In place of those of the file.
    label, stem : str
        Of the file, for messages and for the names of inversions.

    Returns
    -------
    DataArray (inversion, region, time) [Pg]
        In memory, float64, in the direction of the file.

    Notes
    -----
    A flux per degree is even within its row: a band takes its degrees of it. The sum of a row is
    even within the area of its row.
    """
    import xarray as xr

    lat = find_rows(ds)
    assert lat is not None  # which made it a file by latitude
    rows = row_bounds(ds, lat)
    total = None
    for part in flux.parts:
        unit = read_carbon_unit(units or ds[part].attrs.get("units"), f"{label}: {part!r}")
        if unit.of in ("area", "cell"):
            raise UnitsError(
                f"{label}: {part!r} has units {units or ds[part].attrs.get('units')!r}, by "
                "latitude alone, which does not tell the area of land or the number of cells; "
                "expected such as 'PgC yr-1 degree-1'"
            )
        share = bands.degrees(rows, label) if unit.of == "degree" else bands.shares(rows, label)
        dim, months, days = calendar_months(ds, ds[part], label)
        length = np.ones(months.size) if unit.amount else days
        weights = xr.DataArray(share, dims=("region", *lat.dims))
        plain = ds[part].drop_vars(ds[part].coords).astype(np.float64)
        # A row of NaN makes NaN of the bands that it lies in, and of no other.
        summed = (plain.fillna(0.0) * weights).sum(lat.dims)
        summed = summed.where(((plain.isnull()) * weights).sum(lat.dims) == 0)
        summed = summed * xr.DataArray(length * unit.scale, dims=dim)
        total = summed if total is None else total + summed
    assert total is not None
    total = total.rename({dim: "time"}).compute()
    others = [str(d) for d in total.dims if d not in ("region", "time")]
    names = member_names(ds, others[0], stem) if others else [stem]
    total = total.rename({others[0]: "inversion"}) if others else total.expand_dims("inversion")
    numbers = np.arange(1, len(bands.names) + 1)
    return total.drop_attrs().assign_coords(
        inversion=names,
        region=numbers,
        names=("region", np.asarray(bands.names)),
        time=month_starts(months),
    )
