"""The four-flux baseline on a grid: python tests/benchmarks/bench_baseline.py [side].

Prints cells per second of the P-model alone and of the labelled baseline (eager, on one and on
two Dask threads), and the tasks and seconds that a graph of 10,000 chunks costs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import xarray as xr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from strategies import drivers

import xflux


def best(call: Callable[[], object], repeats: int = 3) -> float:
    """Return the shortest of several wall times."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main(side: int = 500) -> None:
    """Print the table."""
    model = xflux.PModel()
    for dtype in ("f8", "f4"):
        ds = drivers((16, side, side), dtype, gaps=0.0)
        cells = ds.ta.size / 1e6
        xflux.baseline(ds.isel(time=[0]))
        patm = np.full(ds.ta.size, 9e4, dtype)
        arrays = [ds[name].values.ravel() for name in ("ta", "vpd", "co2")]
        arrays += [patm, ds.fapar.values.ravel(), 2 * ds.swin.values.ravel(), 0 * patm]
        lazy = ds.chunk(time=2)
        rows: dict[str, Callable[[], object]] = {
            "P-model, plain arrays": lambda arrays=arrays: model(*arrays),
            "baseline, eager": lambda ds=ds: xflux.baseline(ds),
            "baseline, Dask, 1 thread": lambda lazy=lazy: dask.compute(
                xflux.baseline(lazy), scheduler="synchronous"
            ),
            "baseline, Dask, threads": lambda lazy=lazy: dask.compute(
                xflux.baseline(lazy), scheduler="threads"
            ),
        }
        kernel = 0.0
        for name, call in rows.items():
            speed = cells / best(call)
            kernel = kernel or speed
            print(f"{dtype}  {name:28s} {speed:7.1f} Mcell/s  {speed / kernel:5.2f} x the kernel")

    field = da.zeros((10_000, 10, 10), chunks=(1, 10, 10), dtype="f4")
    units = {"ta": "degC", "vpd": "hPa", "swin": "W m-2", "fapar": "1", "rnet": "W m-2"}
    ds = xr.Dataset({k: (("time", "lat", "lon"), field, {"units": u}) for k, u in units.items()})
    ds["elevation"] = (("lat", "lon"), np.zeros((10, 10), "f4"), {"units": "m"})
    start = time.perf_counter()
    out = xflux.baseline(ds, xflux.PModel(co2=400.0))
    seconds = time.perf_counter() - start
    tasks = (len(out.__dask_graph__()) - len(ds.__dask_graph__())) / 10_000
    print(f"10,000 chunks: {tasks:.1f} tasks a chunk beside the source's, built in {seconds:.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
