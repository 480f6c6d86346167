"""ERA5-Land files made from known hourly fluxes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

DIMS = ("time", "latitude", "longitude")
LATITUDE = np.array([10.2, 10.1, 10.0])
LONGITUDE = np.array([20.0, 20.1])


def hourly_truth(days: int = 3, seed: int = 0) -> xr.Dataset:
    """Return means over hours, by the end of the hour: 01 UTC to 00 UTC of the last day."""
    rng = np.random.default_rng(seed)
    time = pd.date_range("2001-02-27T01", periods=24 * days, freq="h")
    shape = (time.size, LATITUDE.size, LONGITUDE.size)
    daylight = np.clip(np.sin((time.hour.to_numpy() - 6.5) / 12 * np.pi), 0, None)[:, None, None]
    rain = rng.gamma(0.3, 20.0, shape) * (rng.random(shape) < 0.3)
    return xr.Dataset(
        {
            "swin": (DIMS, daylight * rng.uniform(300.0, 900.0, shape)),
            "lwin": (DIMS, rng.uniform(250.0, 420.0, shape)),
            "p": (DIMS, rain),
            "le": (DIMS, rng.uniform(-20.0, 300.0, shape)),
        },
        coords={"time": time, "latitude": LATITUDE, "longitude": LONGITUDE},
    )


def accumulate(flux: xr.DataArray) -> xr.DataArray:
    """Add hourly amounts from 00 UTC; the sum of a day stands at 00 UTC of the next."""
    day = (flux["time"] - np.timedelta64(1, "h")).dt.floor("D")
    return flux.groupby(day).cumsum().drop_vars("floor", errors="ignore")


def era5_land(truth: xr.Dataset, dtype: str = "f8") -> xr.Dataset:
    """Return the hourly file of ERA5-Land that holds these fluxes."""
    joules, metres = {"units": "J m**-2"}, {"units": "m"}
    latent = {**joules, "standard_name": "surface_upward_latent_heat_flux"}
    ds = xr.Dataset(
        {
            "ssrd": accumulate(truth["swin"] * 3600.0).assign_attrs(joules),
            "strd": accumulate(truth["lwin"] * 3600.0).assign_attrs(joules),
            "tp": accumulate(truth["p"] / 1000.0 / 24.0).assign_attrs(metres),
            # ECMWF counts downwards, whatever the standard name of its files says.
            "slhf": accumulate(-truth["le"] * 3600.0).assign_attrs(latent),
            "t2m": xr.full_like(truth["swin"], 293.15).assign_attrs(units="K"),
            "d2m": xr.full_like(truth["swin"], 283.15).assign_attrs(units="K"),
        }
    )
    return ds.astype(dtype, keep_attrs=True)


def as_of_2024(ds: xr.Dataset) -> xr.Dataset:
    """Return a file as the newer Climate Data Store writes it."""
    ds = ds.rename(time="valid_time").assign_coords(
        number=0, expver=("valid_time", np.full(ds.sizes["time"], "0001"))
    )
    for name, array in ds.data_vars.items():
        kind = "instant" if name in ("t2m", "d2m") else "accum"
        array.attrs.update(GRIB_stepType=kind, GRIB_paramId=0, GRIB_units=array.attrs["units"])
    ds["valid_time"].attrs.update(standard_name="time", long_name="time")
    return ds.assign_attrs(institution="European Centre for Medium-Range Weather Forecasts")


def as_forecasts(ds: xr.Dataset) -> xr.Dataset:
    """Return a file as cfgrib opens it: starts at 00 UTC, steps of 1 to 24 h."""
    days = ds.sizes["time"] // 24
    start = pd.DatetimeIndex(ds["time"].values[::24]) - pd.Timedelta(hours=1)
    step = pd.timedelta_range("1h", periods=24, freq="h")
    data = {
        key: (("time", "step", *DIMS[1:]), array.values.reshape(days, 24, *array.shape[1:]))
        for key, array in ds.data_vars.items()
    }
    made = xr.Dataset(data, coords={"time": start, "step": step})
    made = made.assign_coords(
        latitude=ds["latitude"],
        longitude=ds["longitude"],
        number=0,
        surface=0.0,
        valid_time=made["time"] + made["step"],
    )
    for key, array in ds.data_vars.items():
        made[key].attrs.update(array.attrs)
    return made
