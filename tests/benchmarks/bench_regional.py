"""Integrals over eleven regions of a field on disk, against reading it and doing nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import dask
import numpy as np
import pandas as pd
import xarray as xr
from standalone import standalone
from tables import Table, number
from timing import Timing, interleave

import xflux

#: What may be added to the time of reading.
GOAL = 1.3
STORES = ("NetCDF", "Zarr", "Zarr, plain")


def field(step: float, years: int) -> xr.Dataset:
    """Return monthly NEE on land, float32, and how much of each cell is land."""
    lat = np.arange(-90 + step / 2, 90, step)
    lon = np.arange(-180 + step / 2, 180, step)
    time = pd.date_range("2001-01-01", periods=12 * years, freq="MS")
    rng = np.random.default_rng(0)
    # Continents of some thousand kilometres, with coasts.
    waves = np.sin(np.deg2rad(3 * lon)) + np.cos(np.deg2rad(4 * lat))[:, None]
    share = np.clip(2.0 * waves, 0.0, 1.0)
    season = np.sin(2 * np.pi * np.arange(time.size) / 12).astype("f4")[:, None, None]
    nee = rng.normal(size=(time.size, lat.size, lon.size)).astype("f4") + season
    nee[:, share == 0] = np.nan
    return xr.Dataset(
        {
            "nee": (("time", "lat", "lon"), nee, {"units": "g m-2 d-1"}),
            "land_fraction": (("lat", "lon"), share, {"units": "1"}),
        },
        coords={"time": time, "lat": lat, "lon": lon},
    )


def read(ds: xr.Dataset) -> object:
    """Read every chunk, and keep a number of it."""
    return dask.compute(ds["nee"].data.map_blocks(lambda block: block[:1, :1, :1].copy()))


def crisp(ds: xr.Dataset, mask: xr.DataArray) -> object:
    """Integrate over regions of whole cells."""
    return xflux.regional_integral(ds, regions=mask).compute()


def shared(ds: xr.Dataset, shares: xr.DataArray) -> object:
    """Integrate over regions that share cells."""
    return xflux.regional_integral(ds, regions=shares).compute()


def stored(ds: xr.Dataset, folder: Path, name: str) -> xr.Dataset:
    """Write a field in chunks of a year as a store is by default, or plain; open it lazily."""
    path = folder / name.replace(", ", "_")
    if name == "NetCDF":
        sizes = (12, ds.sizes["lat"], ds.sizes["lon"])
        packed = {"zlib": True, "shuffle": True, "complevel": 4, "chunksizes": sizes}
        ds.to_netcdf(path, encoding={"nee": packed}, engine="netcdf4")
        return xr.open_dataset(path, chunks={"time": 12}, engine="netcdf4")
    encoding = {"nee": {"compressors": None}} if "plain" in name else {}
    ds.chunk(time=12).to_zarr(path, encoding=encoding, consolidated=False)
    return xr.open_zarr(path, consolidated=False)


def divided(mask: xr.DataArray) -> xr.DataArray:
    """Return shares of cells: those at borders are divided with the cell to the east."""
    layers = [(mask == k).astype("f8") for k in mask.attrs["flag_values"]]
    east = [0.5 * layer + 0.5 * layer.roll(lon=1) for layer in layers]
    return xr.concat(east, dim="region").assign_coords(region=mask.attrs["flag_values"])


def measure(folder: Path, step: float, years: int, repeats: int) -> dict[str, dict[str, Timing]]:
    """Time reading and integrals of each store, on one thread and on two."""
    ds = field(step, years)
    mask = xflux.transcom_regions(ds)
    shares = divided(mask)
    found: dict[str, dict[str, Timing]] = {}
    for name in STORES:
        opened = stored(ds, folder, name)
        runs: dict[str, Callable[[], object]] = {
            "read": partial(read, opened),
            "11 regions of whole cells": partial(crisp, opened, mask),
            "11 regions that share cells": partial(shared, opened, shares),
        }
        for threads in (1, 2):
            scheduler = "synchronous" if threads == 1 else "threads"
            with dask.config.set(scheduler=scheduler, num_workers=threads):
                for run in runs.values():
                    run()
                found[f"{name}, {threads} thread{'s' * (threads > 1)}"] = interleave(runs, repeats)
        opened.close()
    return found


def run(quick: bool = False) -> list[Table]:
    """Time integrals and reading."""
    step, years, repeats = (2.0, 4, 2) if quick else (0.5, 20, 5)
    size = 12 * years * (180 / step) * (360 / step) * 4 / 1e6
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), step, years, repeats)
    rows = []
    for store, timings in found.items():
        bound = timings["read"].best
        for name, timing in timings.items():
            rows.append(
                (
                    f"{store}: {name}",
                    number(timing.best),
                    timing.spread,
                    number(size / timing.best),
                    number(timing.best / bound),
                )
            )
    columns = ("", "s", "spread", "MB/s", "x reading")
    note = (
        f"{years} years of months at {step:g} degrees, float32 noise on land, {size:.0f} MB in "
        "chunks of a year, from stores that lie in the memory of the operating system: NetCDF with "
        "zlib, as archives are, Zarr with its default (which decompresses noise about as fast as "
        "it copies it) and Zarr as it is. *read* takes every chunk and keeps one number of it. The "
        f"goal is {GOAL} x reading; what is beyond it is the fixed cost of a graph, some "
        "40 ms, which a longer record does not pay again."
    )
    return [Table("Integrals over regions", columns, tuple(rows), note)]


if __name__ == "__main__":
    standalone(run, __doc__)
