"""A small land whose carbon adds up exactly, per cell."""

from __future__ import annotations

import numpy as np
import xarray as xr

from xflux.labels.attach import attributes

LAT, LON = np.arange(-60.0, 61.0, 30.0), np.arange(-150.0, 151.0, 60.0)
YEARS = np.arange(2001, 2005)


def land(dtype="f8", stock="end", seed=1, scenarios=0, calendar="standard"):
    """Monthly fluxes and yearly stocks; soil takes what plants make, less fire and harvest."""
    rng = np.random.default_rng(seed)
    time = xr.date_range(
        "2001-01-01", periods=12 * YEARS.size, freq="MS", calendar=calendar,
        use_cftime=calendar != "standard",
    )  # fmt: skip
    shape = (time.size, LAT.size, LON.size)
    dims: tuple[str, ...] = ("time", "lat", "lon")
    if scenarios:
        shape, dims = (scenarios, *shape), ("scenario", *dims)

    def flux(low, high):
        return xr.DataArray(rng.uniform(low, high, shape), dims=dims)

    ds = xr.Dataset(coords={"time": ("time", time), "lat": LAT, "lon": LON})
    ds["gpp"], ds["ra"], ds["rh"] = flux(2, 9), flux(1, 4), flux(0.5, 4)
    ds["f_fire"], ds["f_harvest"] = flux(0, 0.3), flux(0, 0.2)
    ds["npp"] = ds.gpp - ds.ra
    ds["reco"] = ds.ra + ds.rh
    ds["nep"] = ds.gpp - ds.reco
    ds["nee"] = -ds.nep
    ds["nbp"] = ds.nep - ds.f_fire - ds.f_harvest
    days = xr.DataArray(ds.time.dt.days_in_month.values, dims="time")
    filled = (ds.nbp * days).cumsum("time")
    ends = filled.isel(time=slice(11, None, 12)).rename(time="year").assign_coords(year=YEARS)
    total = 9000.0 + ends
    if stock == "mean":
        # The mean over a month is half-way between its ends, as its rate does not change.
        middle = 9000.0 + (filled - 0.5 * ds.nbp * days).assign_coords(time=ds.time)
        length = days.assign_coords(time=ds.time)
        total = (middle * length).groupby("time.year").sum() / length.groupby("time.year").sum()
    ds["cLeaf"], ds["cWood"] = 0.02 * total, 0.2 * total
    ds["cRoot"] = 0.08 * total
    ds["cVeg"] = ds.cLeaf + ds.cWood + ds.cRoot
    ds["cLitter"], ds["cSoil"] = 0.1 * total, 0.6 * total
    for name in ds.data_vars:
        order = [dim for dim in ("scenario", "time", "year", "lat", "lon") if dim in ds[name].dims]
        ds[name] = ds[name].transpose(*order).astype(dtype)
        ds[name].attrs = attributes(str(name), ds[name].dims)
    return ds


def chunked(ds):
    return ds.chunk({"time": 7, "lat": 2, "lon": 5})
