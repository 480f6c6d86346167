"""Files of inversions as their makers deliver them, small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from xflux.labels.grid import cell_area

#: Land flux of the two inversions, g m-2 d-1, everywhere and in every month.
RATES = (-0.1, 0.2)


def grid(step: float = 30.0) -> xr.Dataset:
    """Return a coarse grid of whole cells."""
    lat = np.arange(-90 + step / 2, 90, step)
    lon = np.arange(-180 + step / 2, 180, step)
    return xr.Dataset(
        coords={
            "latitude": ("latitude", lat, {"units": "degrees_north"}),
            "longitude": ("longitude", lon, {"units": "degrees_east"}),
        }
    )


def months(count: int = 12, start: str = "2001-01-01") -> pd.DatetimeIndex:
    """Return stamps in the middle of months."""
    return pd.date_range(start, periods=count, freq="MS") + pd.Timedelta(days=14)


def uniform(rate: float, time: pd.DatetimeIndex, units: str, scale: float) -> xr.DataArray:
    """Return a field of one rate [g m-2 d-1], written in other units."""
    cells = grid()
    shape = (time.size, cells.sizes["latitude"], cells.sizes["longitude"])
    return xr.DataArray(
        np.full(shape, rate * scale),
        {"time": time, **cells.coords},
        ("time", "latitude", "longitude"),
        attrs={"units": units},
    )


def global_budget_file(path: Path, count: int = 12) -> Path:
    """Write a file as the inversions of the Global Carbon Budget of 2023 and 2024 come."""
    cells, time = grid(), months(count)
    scale = 365.25 / 1e15  # PgC m-2 in a year
    fields = [uniform(rate, time, "PgC/m2/yr", scale) for rate in RATES]
    land = xr.concat(fields, dim="ensemble_member")
    ds = xr.Dataset({"land_flux_only_fossil_cement_adjusted": land, "prior_flux_land": land * 0})
    letters = np.array([list("CAMS  "), list("CTE   ")])
    ds["ensemble_member_name"] = (("ensemble_member", "string"), letters)
    ds["cell_area"] = cell_area(cells).assign_attrs(units="m2")
    ds.to_netcdf(path)
    return path


def zonal_file(
    path: Path,
    density: np.ndarray | float = 0.01,
    *,
    rows: int = 18,
    count: int = 12,
    start: str = "2001-01-01",
    **attrs: str,
) -> Path:
    """Write a flux by latitude, the same in every month, PgC per year and degree."""
    step = 180 / rows
    lat = np.arange(-90 + step / 2, 90, step)
    values = np.broadcast_to(density, (count, rows)).astype("f8")
    said = {"units": "Pg C yr$^{-1}$ degree$^{-1}$", **attrs}
    ds = xr.Dataset(
        {"SFCO2_LND": (("time", "lat"), values, said)},
        {"time": months(count, start), "lat": ("lat", lat, {"units": "degrees_north"})},
    )
    ds.to_netcdf(path)
    return path


def days_of(array: xr.DataArray) -> np.ndarray:
    """Return the days of the months of an ensemble."""
    return array.time.dt.days_in_month.values
