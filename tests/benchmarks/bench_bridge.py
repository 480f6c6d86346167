"""Bridges: series warped with each other, a fit, and regions from few chunks of a store."""

from __future__ import annotations

import os
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import dask
import numba
import numpy as np
import xarray as xr
from standalone import standalone
from tables import Table, number
from timing import Timing, interleave, seconds

import xflux
from xflux.numerics.dtw import dtw_distances
from xflux.regional.bridge import RegionalBridge

Array = np.ndarray[Any, Any]

MONTHS, BAND = 204, 12
#: Seconds for 2,000 series on two cores.
GOAL = 15.0


@numba.njit(nogil=True)
def _loop(series: Array, band: int, start: int, step: int, out: Array) -> None:
    """Warp one pair after the other, as the definition is written."""
    count, steps = series.shape
    before = np.empty(steps + 1)
    now = np.empty(steps + 1)
    for i in range(start, count, step):
        for k in range(i + 1, count):
            before[:] = np.inf
            before[0] = 0.0
            for a in range(steps):
                now[:] = np.inf
                for b in range(max(0, a - band), min(steps, a + band + 1)):
                    least = min(before[b + 1], before[b], now[b])
                    now[b + 1] = (series[i, a] - series[k, b]) ** 2 + least
                before, now = now, before
            out[i, k] = out[k, i] = np.sqrt(before[steps])


def plain_loop(series: Array) -> Array:
    """Return distances by a loop over pairs, on as many threads."""
    out = np.zeros((len(series), len(series)))
    workers = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda k: _loop(series, BAND, k, workers, out), range(workers)))
    return out


def plain_arrays(series: Array) -> Array:
    """Return distances by NumPy: all pairs at once, one step of both after the other."""
    one, other = np.triu_indices(len(series), 1)
    x, y = series[one].T, series[other].T
    before = np.full((MONTHS + 1, one.size), np.inf)
    before[0] = 0.0
    for a in range(MONTHS):
        now = np.full_like(before, np.inf)
        for b in range(max(0, a - BAND), min(MONTHS, a + BAND + 1)):
            least = np.minimum(np.minimum(before[b + 1], before[b]), now[b])
            now[b + 1] = (x[a] - y[b]) ** 2 + least
        before = now
    out = np.zeros((len(series), len(series)))
    out[one, other] = out[other, one] = np.sqrt(before[-1])
    return out


def warping(count: int, repeats: int) -> Table:
    """Time the distances of some series with each other."""
    series = np.random.default_rng(0).normal(size=(count, MONTHS))
    few = series[:: max(1, count // 60)]
    found = dtw_distances(few, band=BAND)
    for peer in (plain_loop, plain_arrays):
        np.testing.assert_allclose(peer(few), found, rtol=1e-4, atol=1e-4)
    runs = {
        "xflux: 16 pairs at once, float32": partial(dtw_distances, series, band=BAND),
        "numba: pair by pair, float64": partial(plain_loop, series),
    }
    timings = interleave(runs, repeats)
    pairs = count * (count - 1) / 2
    best = timings["xflux: 16 pairs at once, float32"].best
    rows = [
        (name, f"{count:,}", number(t.best), t.spread, number(1e6 * t.best / pairs))
        for name, t in timings.items()
    ]
    small = min(seconds(partial(plain_arrays, few)) for _ in range(repeats))
    pairs_small = len(few) * (len(few) - 1) / 2
    rows.append(
        ("NumPy: all pairs at once, float64, 1 thread", f"{len(few):,}", number(small), "",
         number(1e6 * small / pairs_small))
    )  # fmt: skip
    threads = len(os.sched_getaffinity(0))
    note = (
        f"Series of {MONTHS} months, each with each, shifted by up to {BAND} months, on {threads} "
        f"threads. The goal for 2,000 series is {GOAL:g} s; the whole of it took {best:.1f} s for "
        f"{count:,}. All three give the same distances."
    )
    return Table("Warping series", ("", "series", "s", "spread", "us a pair"), tuple(rows), note)


def twin(resolution: float) -> xr.Dataset:
    """Return the NEE of the twin in memory, 17 years of months."""
    truth = xflux.twin.Earth(resolution=resolution, start="2001", end="2017").truth
    return truth[["nee", "land_fraction", "cell_area"]].load()


def estimated(store: xr.Dataset, bridge: RegionalBridge) -> object:
    """Estimate the regions from the chunks of contributing pixels."""
    return xflux.regional_integral(store, bridge).compute()


def exact(store: xr.Dataset, regions: xr.DataArray) -> object:
    """Sum all cells."""
    return xflux.regional_integral(store, regions=regions).compute()


def chunks_of(bridge: RegionalBridge, tile: int) -> int:
    """Return how many tiles hold contributing pixels."""
    made = bridge.to_dataset()
    cells = made.cell.values[np.isfinite(made.weight.values)]
    width = made.sizes["grid_lon"]
    return len({(c // width // tile, c % width // tile) for c in cells.tolist()})


def bridging(folder: Path, resolution: float, repeats: int) -> Table:
    """Time the fit of a bridge, and both ways to the flux of regions."""
    ds = twin(resolution)
    regions = xflux.transcom_regions(ds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xflux.XfluxWarning)
        bridge = RegionalBridge()
        took = Timing([seconds(partial(bridge.fit, ds, regions))])
    tile = max(1, round(10 / resolution))
    path = folder / "nee.zarr"
    ds.chunk(lat=tile, lon=tile, time=MONTHS).to_zarr(path, consolidated=False)
    store = xr.open_zarr(path, consolidated=False)
    runs = {
        "integral by the bridge": partial(estimated, store, bridge),
        "exact integral": partial(exact, store, regions),
    }
    with dask.config.set(scheduler="synchronous"):
        for run in runs.values():
            run()
        timings = interleave(runs, repeats)
    tiles = store.nee.data.npartitions
    read = {"integral by the bridge": chunks_of(bridge, tile), "exact integral": tiles}
    rows = [("fit, 2 threads", number(took.best), "", "")]
    rows += [(name, number(t.best), t.spread, str(read[name])) for name, t in timings.items()]
    made = bridge.to_dataset()
    note = (
        f"NEE of the twin at {resolution:g} degrees, {MONTHS} months, {ds.nee.nbytes / 1e6:.0f} "
        f"MB, 11 regions of TransCom with {int(made.region_pixels.min())} to "
        f"{int(made.region_pixels.max())} pixels, of which {int(made.n_pixels.min())} to "
        f"{int(made.n_pixels.max())} contribute; a Zarr store in tiles of {tile * resolution:g} "
        "degrees that hold all months."
    )
    return Table("Bridges", ("", "s", "spread", "chunks read"), tuple(rows), note)


def run(quick: bool = False) -> list[Table]:
    """Time warping and bridges."""
    count, resolution, repeats = (200, 10.0, 2) if quick else (2000, 2.0, 3)
    with tempfile.TemporaryDirectory() as folder:
        return [warping(count, 2 if quick else 1), bridging(Path(folder), resolution, repeats)]


if __name__ == "__main__":
    standalone(run, __doc__)
