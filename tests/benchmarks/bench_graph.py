"""What a graph of many chunks costs: tasks, seconds to build, bytes to send."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import dask
import dask.array as da
import numpy as np
import xarray as xr
from standalone import standalone
from tables import Table, number
from timing import seconds

import xflux
from xflux.labels.grid import cell_area
from xflux.labels.integral import integrate

UNITS = {
    "ta": "degC", "vpd": "hPa", "swin": "W m-2", "rnet": "W m-2", "fapar": "1", "co2": "ppm",
}  # fmt: skip


def grid(chunks: int) -> xr.Dataset:
    """Return six drivers of so many chunks each, one time step a chunk, and an elevation."""
    shape = (chunks, 18, 36)
    lazy = {
        name: (
            ("time", "lat", "lon"),
            da.zeros(shape, chunks=(1, -1, -1), dtype="f4", name=f"source-{name}-{chunks}"),
            {"units": units},
        )
        for name, units in UNITS.items()
    }
    coords = {
        "time": xr.date_range("1000", periods=chunks, freq="D", use_cftime=True),
        "lat": ("lat", np.arange(-85.0, 90, 10), {"units": "degrees_north"}),
        "lon": ("lon", np.arange(5.0, 360, 10), {"units": "degrees_east"}),
    }
    elevation = ("lat", "lon"), np.zeros(shape[1:], "f4"), {"units": "m"}
    return xr.Dataset({**lazy, "elevation": elevation}, coords)


def four_means(ds: xr.Dataset) -> xr.Dataset:
    """Return the four fluxes, each integrated over two regions."""
    fluxes = xflux.baseline(ds)
    north = xr.where(ds.lat > 0, 1, 0) + 0 * ds.lon.astype(int)
    options = {"area": cell_area(ds), "regions": north.rename("north"), "days": 1.0}
    carbon = {name: integrate(fluxes[name], **options) for name in ("gpp", "reco", "nee")}
    return xr.Dataset({**carbon, "le": integrate(fluxes["le"], units="EJ", **options)})


def measure(name: str, build: Callable[[xr.Dataset], xr.Dataset], chunks: int) -> tuple[str, ...]:
    """Build a graph, best of three, and weigh it."""
    ds = grid(chunks)
    built = min(seconds(lambda: build(ds)) for _ in range(3))
    result = build(ds)
    graph = result.__dask_graph__()
    tasks = (len(graph) - len(ds.__dask_graph__())) / chunks
    size = len(pickle.dumps(graph)) / 1e6
    optimised = seconds(lambda: dask.optimize(result))
    return (
        name,
        f"{chunks:,}",
        number(built),
        number(tasks),
        number(size),
        number(optimised),
    )


def run(quick: bool = False) -> list[Table]:
    """Weigh the four fluxes, and their integrals over regions."""
    builds = {"four fluxes": xflux.baseline, "and integrals over 2 regions": four_means}
    for build in builds.values():
        build(grid(2))
    rows = [
        measure(name, build, chunks)
        for name, build in builds.items()
        for chunks in ((1_000,) if quick else (1_000, 10_000))
    ]
    columns = ("", "chunks", "s to build", "tasks a chunk", "MB pickled", "s to optimise")
    note = (
        "Six lazy drivers; tasks are counted beside those of the drivers' own arrays, for all four "
        "fluxes together, before Dask fuses them. The limits that we set are 1 s and 12 tasks a "
        "chunk for the four fluxes in 10,000 chunks."
    )
    return [Table("Graphs", columns, tuple(rows), note)]


if __name__ == "__main__":
    standalone(run, __doc__)
