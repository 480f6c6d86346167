"""Refinements on grids: beside the bare boosters, the graph of 1e9 cells, and memory."""

from __future__ import annotations

import pickle
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr
from machine import high_water, in_use
from standalone import standalone
from tables import Table, number
from timing import interleave, seconds

import xflux
from xflux.learning.features import columns

#: What the grids hold: ranges and units.
DRIVERS = {
    "ta": (-10.0, 30.0, "degC"), "vpd": (1.0, 25.0, "hPa"), "swin": (30.0, 300.0, "W m-2"),
    "lwin": (200.0, 400.0, "W m-2"), "p": (0.0, 8.0, "mm d-1"), "fapar": (0.0, 0.9, "1"),
    "co2": (370.0, 420.0, "ppm"), "patm": (7e4, 1e5, "Pa"),
}  # fmt: skip
FLUXES = {"gpp": "g m-2 d-1", "reco": "g m-2 d-1", "nee": "g m-2 d-1", "le": "W m-2"}
#: Features of the month alone.
PLAIN = ("ta", "vpd", "swin", "lwin", "p", "fapar", "gpp_baseline")
DIMS = ("time", "lat", "lon")


def fitted(**options: object) -> xflux.ResidualModel:
    """Return a refinement of gpp that the twin's towers taught."""
    earth = xflux.twin.Earth(resolution=5.0, start="2001", end="2003", seed=1)
    drivers, observed = earth.towers(n=30)
    held = [*DRIVERS, "rnet", "elevation", "igbp", "koppen"]
    drivers = drivers[[name for name in held if name in drivers]]
    return xflux.ResidualModel(fluxes=("gpp",), closure="none", **options).fit(drivers, observed)


def grid(
    model: xflux.ResidualModel,
    shape: tuple[int, int, int],
    chunks: tuple[int, int, int],
    fill: Callable[..., da.Array],
) -> xr.Dataset:
    """Return lazy drivers and a baseline that they hold; `fill` draws numbers from 0 to 1."""
    data = {}
    for name, (low, high, units) in DRIVERS.items():
        drawn = fill(shape, chunks=chunks, dtype="f4")
        values = drawn * np.float32(high - low) + np.float32(low)
        data[name] = (DIMS, values, {"units": units})
    for flux, units in FLUXES.items():
        made_by = model.refinement_.baseline.get(flux, "another")
        values = np.float32(5.0) * fill(shape, chunks=chunks, dtype="f4")
        data[flux] = (DIMS, values, {"units": units, "model": made_by})
    igbp = np.resize(np.array(model.refinement_.codes.get("igbp", (1,)), "i1"), shape[1:])
    data["igbp"] = (DIMS[1:], igbp, {"units": "1"})
    koppen = np.resize(np.array(model.refinement_.codes.get("koppen", (1,)), "i1"), shape[1:])
    data["koppen"] = (DIMS[1:], koppen, {"units": "1"})
    data["elevation"] = (DIMS[1:], np.zeros(shape[1:], "f4"), {"units": "m"})
    size = 180 / shape[1]
    coords = {
        "time": xr.date_range("1900-01", periods=shape[0], freq="MS"),
        "lat": ("lat", (np.arange(shape[1]) + 0.5) * size - 90, {"units": "degrees_north"}),
        "lon": ("lon", np.arange(shape[2]) * 360 / shape[2], {"units": "degrees_east"}),
    }
    return xr.Dataset(data, coords)


#: A booster, and what it predicts, in pieces.
Work = list[tuple[Any, list[np.ndarray]]]


def stacked(model: xflux.ResidualModel, ds: xr.Dataset, pieces: int, *, members: bool) -> Work:
    """Return the boosters that predict, or all members, and rows as each reads them."""
    refinement = model.refinement_
    ensemble = refinement.ensembles["gpp"]
    # The names of plain features are those of variables, or of the baseline.
    values = {
        feature.source: ds[feature.source.removesuffix("_baseline")].values.reshape(1, -1)
        for feature in refinement.expanded
    }
    rows = columns(values, refinement.expanded)[0]
    return [
        (
            member.learners[0]._booster,
            np.array_split(np.ascontiguousarray(rows[:, member.columns]), pieces),
        )
        for member in (ensemble.members if members else ensemble.full)
    ]


def bare(work: Work, threads: int) -> None:
    """Predict rows by nothing but the boosters."""
    each = [(booster, piece) for booster, pieces in work for piece in pieces]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda pair: pair[0].inplace_predict(pair[1]), each))


def refined(
    model: xflux.ResidualModel, ds: xr.Dataset, threads: int, *, members: bool = False
) -> None:
    """Refine lazily, on so many threads; the drivers lie in memory, in chunks."""
    with dask.config.set(scheduler="threads", num_workers=threads):
        dask.persist(xflux.refine(ds, model, interval=None, members=members)["gpp"].data)


def throughput(shape: tuple[int, int, int], repeats: int) -> Table:
    """Compare lazy refinement with the boosters alone, and time the default."""
    chunks = (shape[0], shape[1] // 2, shape[2] // 2)
    draw = da.random.default_rng(0).random
    boosted = fitted(learner="xgboost", features=PLAIN)
    blend = fitted()
    memory = fitted(learner="xgboost")
    # That of all defaults knows by which models all four baselines are made.
    ds = grid(blend, shape, chunks, draw).persist()
    runs: dict[str, Callable[[], object]] = {}
    peers: dict[str, str] = {}
    for members in (False, True):
        work = stacked(boosted, ds, 4, members=members)
        what = "all ten members" if members else "the estimate"
        for threads in (1, 2):
            said = f"{what}, {threads} thread{'s' * (threads > 1)}"
            alone, lazy = f"boosters alone, {said}", f"refine, the same boosters, {said}"
            runs[alone] = partial(bare, work, threads)
            runs[lazy] = partial(refined, boosted, ds, threads, members=members)
            peers |= {alone: alone, lazy: alone}
    for name, model in (("default features, boosters", memory), ("all defaults (blend)", blend)):
        name = f"refine, {name}, the estimate, 1 thread"
        runs[name] = partial(refined, model, ds, 1)
        peers[name] = "boosters alone, the estimate, 1 thread"
    refined(blend, ds.isel(lat=slice(2), lon=slice(2)), 1)  # compiles
    used: dict[str, list[float]] = {name: [] for name in runs}
    timings = interleave(
        {name: partial(_on_the_clock, run, used[name]) for name, run in runs.items()}, repeats
    )
    count = int(np.prod(shape))
    table = tuple(
        (
            name,
            number(count / timing.best / 1e3),
            timing.spread,
            _paired(timings[peers[name]].walls, timing.walls),
            _paired(used[peers[name]], used[name]),
        )
        for name, timing in timings.items()
    )
    note = (
        f"GPP at {count:,} cells and months in 4 chunks of float32, boosters of 400 trees: the "
        "two that make the estimate, or all ten members. Without intervals; the baseline is held "
        f"by the drivers, and *the same* features are those of the month ({', '.join(PLAIN)}). "
        "The boosters alone get rows of float32 that are stacked already, the columns of each "
        "cut out. Ratios are medians of the rounds, paired; that of processor time holds on a "
        "busy machine too. The limit that we set is 0.9 for the same boosters."
    )
    heads = ("", "thousand cells/s", "spread", "x the boosters' speed", "by processor time")
    return Table("Refinement on a grid", heads, table, note)


def _on_the_clock(run: Callable[[], object], used: list[float]) -> None:
    """Run, and note the processor time of all threads."""
    start = time.process_time()
    run()
    used.append(time.process_time() - start)


def _paired(theirs: Sequence[float], ours: Sequence[float]) -> str:
    return number(statistics.median(a / b for a, b in zip(theirs, ours, strict=True)))


def graphs(quick: bool) -> Table:
    """Weigh the graph of many cells."""
    model = fitted(members=2, rows=0.5) if quick else fitted()
    shape = (120, 72, 144) if quick else (1200, 720, 1440)
    cut = 10 if quick else 1
    rows = []
    for chunks in ((1200, 30, 30), (12, 240, 360), (1, 720, 1440)):
        chunks = (max(1, chunks[0] // cut), chunks[1] // cut, chunks[2] // cut)
        ds = grid(model, shape, chunks, da.zeros)
        built = min(seconds(lambda ds=ds: xflux.refine(ds, model)) for _ in range(3))
        fluxes = xflux.refine(ds, model)
        graph = fluxes.__dask_graph__()
        blocks = fluxes["gpp"].data.npartitions
        own = sum(isinstance(k, tuple) and k[0].startswith("refine-") for k in graph)
        rows.append(
            (
                f"{np.prod(shape):.1e} cells in chunks of {' x '.join(map(str, chunks))}",
                number(built),
                f"{blocks:,}",
                " x ".join(map(str, fluxes["gpp"].data.chunksize)),
                number(own / blocks),
                number(len(pickle.dumps(graph)) / 1e6),
            )
        )
    held = len(pickle.dumps(model.refinement_)) / 1e6
    note = (
        f"Default features and learner, intervals, months x lat x lon. The model alone takes "
        f"{number(held)} MB, and stands in the graph once. Chunks that are shorter than the "
        "memory of features (11 steps) are joined along time, and cut along latitude in turn. "
        "The limit that we set is 2 s."
    )
    heads = ("", "s to build", "chunks", "of the result", "refining tasks a chunk", "MB pickled")
    return Table("Graphs of refinements", heads, tuple(rows), note)


def through(gigabytes: float) -> tuple[str, ...]:
    """Take so many gigabytes of drivers through a small refinement, on two threads."""
    model = fitted(learner="kernel", members=1, rows=1.0, features=(*PLAIN, "co2", "ta_lag1"))
    for member in model.refinement_.ensembles["gpp"].members:
        held = member.learners[0].fitted  # a few landmarks: memory is what is measured
        held["centres"], held["coefficients"] = held["centres"][:4], held["coefficients"][:4]
    step = 4 * 360 * 720 * (len(DRIVERS) - 1 + 1)  # patm is not read, the baseline is
    steps = max(12, 12 * round(gigabytes * 1e9 / (12 * step)))
    draw = da.random.default_rng(0).random

    def mean(steps: int) -> float:
        ds = grid(model, (steps, 360, 720), (12, 180, 360), draw)
        return float(xflux.refine(ds, model, interval=None)["gpp"].mean())

    with dask.config.set(scheduler="threads", num_workers=2):
        mean(12)  # imports and compiled kernels belong to no grid
        before = in_use()
        found: list[float] = []
        taken = seconds(lambda: found.append(mean(steps)))
    assert np.isfinite(found[0])
    size = step * steps / 1e9
    return number(size), number(taken), f"{before:.0f}", f"{high_water():.0f}"


def memory(sizes: tuple[float, ...]) -> Table:
    """Measure peaks for grids of several sizes, each in a process of its own."""
    rows = []
    for size in sizes:
        command = [sys.executable, __file__, "--through", str(size)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows.append(("refined, to a mean", *done.stdout.strip().split("|")))
    note = (
        "Drivers and baseline of float32 that Dask draws in chunks of 12 x 180 x 360, on two "
        "threads; kernel ridge of 4 landmarks, one member. *MB before* is after a run of one "
        "year."
    )
    return Table(
        "Memory of refinements", ("", "GB", "s", "MB before", "peak RSS, MB"), tuple(rows), note
    )


def run(quick: bool = False) -> list[Table]:
    """Time, weigh, and measure peaks."""
    shape, repeats = ((12, 40, 60), 3) if quick else ((48, 80, 100), 3)
    return [throughput(shape, repeats), graphs(quick), memory((0.1, 0.3) if quick else (0.6, 5.0))]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--through"]:
        print("|".join(through(float(sys.argv[2]))))
    else:
        standalone(run, __doc__)
