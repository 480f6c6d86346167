"""Memory: a grid larger than it, reduced to means, and peaks beside pyrealm's and NumPy's."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import dask
import dask.array as da
import numpy as np
import xarray as xr
from machine import high_water, in_use
from standalone import standalone
from tables import Table, number

import xflux
from xflux.labels.grid import cell_area
from xflux.labels.integral import regional_mean

#: Ranges of the drivers, all of them arrays in time, and their units.
DRIVERS = {
    "ta": (-20.0, 38.0, "degC"), "vpd": (0.5, 40.0, "hPa"), "swin": (0.0, 350.0, "W m-2"),
    "rnet": (-40.0, 220.0, "W m-2"), "fapar": (0.0, 0.95, "1"), "ndvi": (0.0, 0.9, "1"),
    "co2": (340.0, 420.0, "ppm"),
}  # fmt: skip
LAT, LON, STEPS = 720, 1440, 4


def generated(gigabytes: float) -> xr.Dataset:
    """Return so many gigabytes of float32 drivers, drawn chunk by chunk when computed."""
    chunk = 4 * STEPS * LAT * LON
    chunks = max(1, round(gigabytes * 1e9 / (chunk * len(DRIVERS))))
    shape = (chunks * STEPS, LAT, LON)
    data = {}
    for seed, (name, (low, high, units)) in enumerate(DRIVERS.items()):
        drawn = da.random.default_rng(seed).random(shape, "f4", chunks=(STEPS, -1, -1))
        values = drawn * np.float32(high - low) + np.float32(low)
        data[name] = (("time", "lat", "lon"), values, {"units": units})
    elevation = np.random.default_rng(0).uniform(0, 3000, shape[1:]).astype("f4")
    coords = {
        "lat": ("lat", np.arange(LAT) * 0.25 - 89.875, {"units": "degrees_north"}),
        "lon": ("lon", np.arange(LON) * 0.25 + 0.125, {"units": "degrees_east"}),
    }
    return xr.Dataset({**data, "elevation": (("lat", "lon"), elevation, {"units": "m"})}, coords)


def four_means(ds: xr.Dataset) -> object:
    """Return the mean over the globe and all steps of the four fluxes."""
    fluxes = xflux.baseline(ds)
    area = cell_area(ds)
    means = {name: regional_mean(fluxes[name], area=area) for name in fluxes}
    return xr.Dataset(means).mean("time")


def drawn_alone(ds: xr.Dataset) -> object:
    """Return one number a chunk of every driver: what drawing them takes."""
    return [ds[name].data.map_blocks(lambda block: block[:1, :1, :1].copy()) for name in DRIVERS]


def through(gigabytes: float, what: str) -> tuple[str, ...]:
    """Take so many gigabytes of generated drivers through one thing, on two threads."""
    build = {"draw": drawn_alone, "fluxes": four_means}[what]
    with dask.config.set(scheduler="threads", num_workers=2):
        dask.compute(build(generated(0)))  # imports and compiled kernels belong to no grid
        before = in_use()
        ds = generated(gigabytes)
        start = time.perf_counter()
        (result,) = dask.compute(build(ds))
        taken = time.perf_counter() - start
    if what == "fluxes":
        assert 0 < float(result.gpp.item()) < 20
    size = sum(ds[name].nbytes for name in DRIVERS) / 1e9
    return (
        number(size),
        number(taken),
        number(size / taken),
        f"{before:.0f}",
        f"{high_water():.0f}",
        f"{100 * high_water() / (size * 1000):.1f} %",
    )


def larger_than_memory(gigabytes: float) -> Table:
    """Measure what drawing the drivers takes, and then all of it; a process for each."""
    rows = []
    for what, said in (("draw", "drawing the drivers alone"), ("fluxes", "to four global means")):
        rows.append((said, *_alone("--through", what, str(gigabytes)).split("|")))
    columns = ("", "GB", "s", "GB/s", "MB before", "peak RSS, MB", "of the drivers")
    chunk = 4 * STEPS * LAT * LON / 1e6
    note = (
        f"{len(DRIVERS)} drivers of float32 that Dask draws chunk by chunk ({chunk:.0f} MB each), "
        "the four fluxes, and their area-weighted global means, on two threads. *MB before* is "
        "what Python, the imports and the compiled kernels hold. The limit that we set is a peak "
        "RSS of 1.5 GB for 40 GB."
    )
    return Table("A grid larger than memory", columns, tuple(rows), note)


def _alone(*arguments: str) -> str:
    """Run this file in a fresh interpreter; return what it prints."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def peak_of(peer: str, cells: int) -> None:
    """Print the memory that one call takes above its inputs, MB; for a process of its own."""
    import numpy_pmodel
    import peers

    functions = {
        "xflux": peers.xflux_gpp,
        "NumPy": numpy_pmodel.gpp,
        "pyrealm": peers.pyrealm_gpp,
    }
    arrays = list(peers.cells(cells).values())
    functions[peer](*(array[:1000].copy() for array in arrays))
    before, peak, done = in_use(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], in_use())

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = functions[peer](*arrays)
    peak[0] = max(peak[0], in_use())
    done.set()
    watcher.join()
    assert result.size == cells
    print(peak[0] - before)


def peaks(cells: int) -> Table:
    """Compare the memory that the P-model takes on whole arrays."""
    import peers

    names = ["xflux", "NumPy"] + ["pyrealm"] * peers.HAS_PYREALM
    found = {}
    for name in names:
        found[name] = float(_alone("--peak", name, str(cells)))
    result = cells * 8 / 1e6
    rows = tuple((name, f"{mb:.0f}", number(mb / result)) for name, mb in found.items())
    note = (
        f"{cells:.0e} cells of float64 as whole arrays, each peer in a process of its own, above "
        f"what it holds before the call. The result alone takes {result:.0f} MB; what is beyond "
        "are temporaries."
    )
    return Table("Memory of the P-model", ("", "peak MB", "x the result"), rows, note)


def run(quick: bool = False) -> list[Table]:
    """Reduce a large grid, then compare peaks."""
    return [larger_than_memory(2 if quick else 40), peaks(1_000_000 if quick else 10_000_000)]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        peak_of(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["--through"]:
        print("|".join(through(float(sys.argv[3]), sys.argv[2])))
    else:
        standalone(run, __doc__)
