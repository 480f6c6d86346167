"""The P-model through Dask: ours, pyrealm's and NumPy's in the same chunks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy_pmodel
import peers
import xarray as xr
from schedulers import on_every_scheduler
from standalone import standalone
from tables import Table, number

import xflux


def through_dask(function: Callable[..., object], ds: xr.Dataset) -> xr.DataArray:
    """Apply a function of plain arrays to every chunk."""
    return xr.apply_ufunc(
        function, *(ds[name] for name in peers.RANGES), dask="parallelized", output_dtypes=["f8"]
    )


def labelled(ds: xr.Dataset) -> xr.DataArray:
    """Return the labelled GPP: units, ranges and attributes included."""
    return xflux.baseline(ds, reco=None, le=None).gpp


def labelled_single(ds: xr.Dataset) -> xr.DataArray:
    """Return the same from the drivers in float32."""
    return labelled(xr.Dataset({name: ds[f"{name}_single"] for name in peers.RANGES}))


def run(quick: bool = False) -> list[Table]:
    """Time all of them on one thread, on two, and in two processes."""
    count, chunk, repeats = (2_000_000, 500_000, 3) if quick else (10_000_000, 1_000_000, 3)
    drivers = {}
    for name, array in peers.cells(count).items():
        units = {"units": peers.UNITS[name]}
        drivers[name] = ("cell", array, units)
        drivers[f"{name}_single"] = ("cell", array.astype("f4"), units)
    ds = xr.Dataset(drivers).chunk(cell=chunk)
    reference = "pyrealm in apply_ufunc"
    builds = {
        "xflux kernel in apply_ufunc": partial(through_dask, peers.xflux_gpp),
        "xflux.baseline, GPP": labelled,
        "xflux.baseline, GPP, float32": labelled_single,
        "NumPy in blocks, in apply_ufunc": partial(through_dask, numpy_pmodel.gpp_in_blocks),
    }
    if peers.HAS_PYREALM:
        builds[reference] = partial(through_dask, peers.pyrealm_gpp)
    timings = on_every_scheduler(ds, builds, repeats, quick=quick)
    rows = []
    for (name, scheduler), timing in timings.items():
        theirs = timings.get((reference, scheduler))
        rows.append(
            (
                name,
                scheduler,
                number(count / timing.best / 1e6),
                timing.spread,
                number(theirs.best / timing.best) if theirs else "",
            )
        )
    columns = ("", "scheduler", "Mcell/s", "spread", "x pyrealm on it")
    note = (
        f"{count:.0e} cells in chunks of {chunk:,}, float64 unless said; results stay in chunks. "
        "`xflux.baseline` also converts units, checks the ranges of every input and writes "
        "attributes, which the kernel alone does not. pyrealm runs on the same chunks by the "
        "same scheduler. *Memory kept*: MALLOC_TRIM_THRESHOLD_ and MALLOC_MMAP_THRESHOLD_ are "
        "1 GB in the workers, where distributed has 64 kB and large temporaries cost page faults."
    )
    return [Table("P-model through Dask", columns, tuple(rows), note)]


if __name__ == "__main__":
    standalone(run, __doc__)
