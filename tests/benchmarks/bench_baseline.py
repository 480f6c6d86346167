"""The four fluxes in one pass, against the bound by bandwidth and four separate passes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import dask
import numpy as np
import peers
import stages
import xarray as xr
from schedulers import on_every_scheduler
from standalone import standalone
from tables import Table, number
from timing import Timing, interleave

import xflux

#: Variables of a cell that differ in time: six drivers in, four fluxes out.
DRIVERS = ("ta", "vpd", "swin", "rnet", "fapar", "co2")


def grid(steps: int, side: int, dtype: str) -> xr.Dataset:
    """Return the drivers of the tests, without gaps."""
    from strategies import drivers

    return drivers((steps, side, side), dtype, gaps=0.0).drop_vars("igbp")


def one_pass(ds: xr.Dataset) -> xr.Dataset:
    """Return four fluxes."""
    return xflux.baseline(ds)


def four_passes(ds: xr.Dataset) -> xr.Dataset:
    """Return four fluxes, each by a call of its own."""
    gpp = xflux.baseline(ds, reco=None, le=None).gpp
    reco = xflux.baseline(ds, gpp=None, le=None).reco
    le = xflux.baseline(ds, gpp=None, reco=None).le
    return xr.Dataset({"gpp": gpp, "reco": reco, "nee": reco - gpp, "le": le})


def eager(ds: xr.Dataset) -> dict[str, Callable[[], object]]:
    """Return what is timed without Dask."""
    inputs = [ds[name].values for name in DRIVERS]
    fluxes = [np.empty_like(inputs[0]) for _ in range(4)]
    # The P-model does not care that its arrays are called otherwise.
    plain = [array.reshape(-1) for array in inputs]
    plain = [plain[0], plain[1], plain[5], np.full_like(plain[0], 9e4), plain[4], plain[2]]
    return {
        "moving 6 inputs and 4 outputs": partial(peers.move, inputs, fluxes),
        "P-model alone, plain arrays": partial(peers.xflux_gpp, *plain),
        "one pass, eager": partial(one_pass, ds),
        "four passes, eager": partial(four_passes, ds),
    }


def measure(steps: int, side: int, repeats: int, *, quick: bool) -> dict[str, dict[str, Timing]]:
    """Time everything in both precisions, by dtype and name."""
    found: dict[str, dict[str, Timing]] = {}
    runs: dict[str, Callable[[], object]] = {}
    grids = {dtype: grid(steps, side, dtype) for dtype in ("f8", "f4")}
    for dtype, ds in grids.items():
        for name, run in eager(ds).items():
            runs[f"{dtype} {name}"] = run
            if "moving" not in name:
                run()
    timings = interleave(runs, repeats)
    for dtype, ds in grids.items():
        found[dtype] = {
            name.removeprefix(f"{dtype} "): timing
            for name, timing in timings.items()
            if name.startswith(dtype)
        }
        builds: dict[str, Callable[[xr.Dataset], Any]] = {"one pass": one_pass}
        lazy = ds.chunk(time=max(1, steps // 10))
        for (name, scheduler), timing in on_every_scheduler(
            lazy, builds, repeats, quick=quick
        ).items():
            found[dtype][f"{name}, {scheduler}"] = timing
    return found


def run(quick: bool = False) -> list[Table]:
    """Time the fluxes, and say where the time goes."""
    steps, side, repeats = (10, 300, 3) if quick else (40, 500, 5)
    count = steps * side * side
    found = measure(steps, side, repeats, quick=quick)
    rows = []
    for dtype, timings in found.items():
        bound = timings["moving 6 inputs and 4 outputs"].best
        kernel = timings["P-model alone, plain arrays"].best
        for name, timing in timings.items():
            rows.append(
                (
                    f"{'float64' if dtype == 'f8' else 'float32'} {name}",
                    number(count / timing.best / 1e6),
                    timing.spread,
                    number(timing.best / bound),
                    number(timing.best / kernel),
                    number(found["f8"][name].best / timing.best),
                )
            )
    columns = ("", "Mcell/s", "spread", "x the bound's time", "x the P-model's", "x float64")
    note = (
        f"{count:.1e} cells; six drivers and an elevation in, GPP, RECO, NEE and LE out. The bound "
        "moves the same bytes through memory and computes nothing, into memory that is there "
        "already. By Dask in 10 chunks, results kept in chunks; "
        "*memory kept* sets MALLOC_TRIM_THRESHOLD_ and MALLOC_MMAP_THRESHOLD_ of the workers to "
        "1 GB, where distributed has 64 kB."
    )
    table = Table("Four fluxes", columns, tuple(rows), note)
    with dask.config.set(scheduler="synchronous"):
        return [table, stages.table(grid(4, side, "f8"), grid(4, side, "f4"), repeats)]


if __name__ == "__main__":
    standalone(run, __doc__)
