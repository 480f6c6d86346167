"""Allocation on grids: beside its bare learners, and the memory of 62 million cell-months."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import xarray as xr
from machine import high_water, in_use
from standalone import standalone
from tables import Table, number
from timing import interleave

import xflux
from xflux.carbon.emulation import codes_of
from xflux.carbon.forms import LASTING

#: What the grids hold: ranges and units.
DRIVERS = {
    "ta": (-10.0, 30.0, "degC"), "vpd": (1.0, 25.0, "hPa"), "swin": (30.0, 300.0, "W m-2"),
    "p": (0.0, 8.0, "mm d-1"), "fapar": (0.0, 0.9, "1"), "gpp": (0.0, 10.0, "g m-2 d-1"),
    "reco": (0.5, 9.0, "g m-2 d-1"),
}  # fmt: skip
FEATURES = ("ta", "vpd", "swin", "p", "fapar", "igbp")
DIMS = ("time", "lat", "lon")
#: Rows that are predicted at once, here as there.
ROWS = 24_000


def fitted() -> xflux.AllocationEmulator:
    """Return an emulator with all defaults, of a few land models of the idealised Earth."""
    earth = xflux.twin.Earth(resolution=10.0, start="2001", end="2004")
    emulator = xflux.AllocationEmulator(features=FEATURES, folds=2)
    return emulator.fit(earth.drivers, earth.land_models(n=4), progress=False)


def grid(
    shape: tuple[int, int, int], chunks: tuple[int, int, int], read: list[int] | None = None
) -> xr.Dataset:
    """Return drivers drawn chunk by chunk when computed; two thirds of the columns are sea.

    Parameters
    ----------
    shape, chunks : (int, int, int)
    read : list, optional
        Gets the number of cells and months of GPP that were drawn.
    """
    data = {}
    for seed, (name, (low, high, units)) in enumerate(DRIVERS.items()):
        drawn = da.random.default_rng(seed).random(shape, dtype="f4", chunks=chunks)
        values = drawn * np.float32(high - low) + np.float32(low)
        if name in ("gpp", "reco"):
            told = read if name == "gpp" else None
            values = values.map_blocks(_land, read=told, dtype="f4", meta=np.empty((0, 0, 0), "f4"))
        data[name] = (DIMS, values, {"units": units})
    classes = np.array([1, 2, 4, 5, 7, 8, 9, 10, 12], "i1")
    data["igbp"] = (DIMS[1:], np.resize(classes, shape[1:]), {"units": "1"})
    size = 180 / shape[1]
    coords = {
        "time": xr.date_range("2001-01", periods=shape[0], freq="MS"),
        "lat": ("lat", (np.arange(shape[1]) + 0.5) * size - 90, {"units": "degrees_north"}),
        "lon": ("lon", np.arange(shape[2]) * 360 / shape[2], {"units": "degrees_east"}),
    }
    return xr.Dataset(data, coords)


def _land(block: np.ndarray, read: list[int] | None) -> np.ndarray:
    if read is not None:
        read.append(block.size)
    return np.where(np.arange(block.shape[2]) % 3 == 0, block, np.float32(np.nan))


def stacked(emulator: xflux.AllocationEmulator, ds: xr.Dataset) -> list[Callable[[], object]]:
    """Return what the learners do, of rows that are stacked already."""
    emulation = emulator.emulation_
    cells = ds.sizes["lat"] * ds.sizes["lon"]
    years = ds.sizes["time"] // 12
    values = {}
    for name in ("gpp", *FEATURES):
        plain = ds[name].transpose(..., "time", missing_dims="ignore").values
        values[name] = plain.reshape(cells, -1, 12 if "time" in ds[name].dims else 1)
    live = np.isfinite(values["gpp"][:, 0, 0])
    values = {name: array[live] for name, array in values.items()}
    shape = (int(live.sum()), years)
    x = emulation.predictors.of_years(values, shape)
    codes = codes_of(values["igbp"], shape)
    rows = {
        "year": (x, codes),
        "mean year": (x[::years], codes[::years]),
        "step": (emulation.predictors.of_steps(values, x, 12), np.repeat(codes, 12)),
    }
    calls: list[Callable[[], object]] = []
    for scenario in emulation.scenarios.values():
        for key, target in scenario.targets.items():
            if key.startswith("npp_to_"):
                continue  # parameters of the pools alone
            kind = "step" if key in emulation.by_step else "year"
            own, classes = rows["mean year" if key in LASTING else kind]
            for start in range(0, len(own), ROWS):
                cut = slice(start, start + ROWS)
                calls.append(partial(target.predict, own[cut], classes[cut]))
    return calls


def allocated(emulator: xflux.AllocationEmulator | None, ds: xr.Dataset) -> None:
    """Allocate all outputs."""
    xflux.allocate(ds, emulator).compute()


def throughput(shape: tuple[int, int, int], repeats: int) -> Table:
    """Compare allocation with its learners alone."""
    emulator = fitted()
    ds = grid(shape, shape).compute()
    lazy = ds.chunk(time=-1, lat=shape[1] // 4, lon=-1)
    calls = stacked(emulator, ds)

    def bare() -> None:
        for call in calls:
            call()

    runs: dict[str, Callable[[], object]] = {
        "learners alone": bare,
        "allocate, eager": partial(allocated, emulator, ds),
        "allocate, Dask, one thread": partial(allocated, emulator, lazy),
        "allocate by the literature, eager": partial(allocated, None, ds),
    }
    with dask.config.set(scheduler="synchronous"):
        for run in runs.values():
            run()
        timings = interleave(runs, repeats)
    count = int(np.isfinite(ds["gpp"]).sum())
    rows = tuple(
        (
            name,
            number(count / timing.best / 1e3),
            timing.spread,
            number(timings["learners alone"].best / timing.best),
        )
        for name, timing in timings.items()
    )
    note = (
        f"{count:,} months of cells on land, with as many again twice over at sea, which cost next "
        "to nothing; all defaults, so that there are three scenarios. Shares of years come from "
        "trees and a kernel, that of months from trees. What the learners get is stacked already."
    )
    heads = ("", "thousand cells and months/s", "spread", "x the learners' speed")
    return Table("Allocation", heads, rows, note)


def through(shape: tuple[int, int, int], chunks: tuple[int, int, int]) -> tuple[str, ...]:
    """Take a grid through allocation to means over the globe, on two threads."""
    emulator = fitted()

    def means(shape: tuple[int, int, int], read: list[int]) -> xr.Dataset:
        made = xflux.allocate(grid(shape, chunks, read), emulator)
        return made[["ra", "rh", "npp", "nep", "cVeg", "cLitter", "cSoil"]].mean().compute()

    with dask.config.set(scheduler="threads", num_workers=2):
        means((12, 36, 36), [])  # imports and compiled kernels belong to no grid
        before, read = in_use(), []
        start = time.perf_counter()
        made = means(shape, read)
        taken = time.perf_counter() - start
    assert 0.0 < float(made["npp"]) < 10.0
    size = int(np.prod(shape))
    return (
        f"{size / 1e6:.1f}",
        " x ".join(map(str, chunks)),
        number(taken),
        number(sum(read) / size),
        f"{before:.0f}",
        f"{high_water():.0f}",
    )


def memory(shape: tuple[int, int, int], cut: tuple[tuple[int, int, int], ...]) -> Table:
    """Measure peaks, each in a process of its own."""
    rows = []
    for chunks in cut:
        code = f"import bench_allocate; print(*bench_allocate.through({shape}, {chunks}), sep='|')"
        told = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True,
            cwd=Path(__file__).parent,
        )  # fmt: skip
        rows.append(tuple(told.stdout.strip().splitlines()[-1].split("|")))
    note = (
        "Months x lat x lon of float32, 8 drivers drawn chunk by chunk, two thirds sea; means over "
        "the globe of ra, rh, npp, nep, cVeg, cLitter, cSoil, with an emulator of three scenarios, "
        "in one computation on two threads. *Read* is how many times each value of GPP was drawn."
    )
    heads = ("million cells", "chunks", "s", "read", "MB before", "MB at most")
    return Table("Memory of allocation", heads, tuple(rows), note)


def run(quick: bool = False) -> list[Table]:
    """Time it, and weigh it."""
    if quick:
        cut = ((12, 36, 72), (24, 18, 36))
        return [throughput((24, 12, 24), 2), memory((24, 36, 72), cut)]
    cut = ((12, 360, 720), (240, 36, 72))
    return [throughput((48, 36, 72), 3), memory((240, 360, 720), cut)]


if __name__ == "__main__":
    standalone(run, __doc__)
