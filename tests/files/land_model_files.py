"""Files of land models as people write them, small and by hand."""

from __future__ import annotations

import numpy as np
import xarray as xr

#: Days since 2001-01-01 of the middles of months of two years.
STAMPS = np.array([15.0 + 30.4375 * month for month in range(24)])


def cells(rows=6, columns=12, west=-180.0):
    lat = -90.0 + (np.arange(rows) + 0.5) * 180.0 / rows
    lon = west + (np.arange(columns) + 0.5) * 360.0 / columns
    return lat, lon


def land_model_file(
    folder, name, *, variable=None, values=None, units="kg m-2 s-1", time_units=None,
    calendar="standard", stamps=STAMPS, grid=None, dtype=np.float32, **attrs,
):  # fmt: skip
    """Write a file of one variable, and return its path."""
    lat, lon = grid or cells()
    stamps = np.asarray(stamps, np.float64)
    if values is None:
        values = 1e-8
    data = np.broadcast_to(values, (stamps.size, lat.size, lon.size)).astype(dtype)
    told = {key: value for key, value in {"units": units, **attrs}.items() if value is not None}
    time_attrs = {"units": time_units or "days since 2001-01-01", "calendar": calendar}
    variable = variable or name.split("_")[2 if "_S" in name else 0].split(".")[0]
    ds = xr.Dataset(
        {variable: (("time", "lat", "lon"), data, told)},
        coords={"time": ("time", stamps, time_attrs), "lat": lat, "lon": lon},
    )
    path = folder / name
    ds.to_netcdf(path)
    return path
