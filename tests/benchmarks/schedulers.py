"""The ways in which Dask can run the same graph: one thread, threads, two processes."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dask
import xarray as xr
from timing import Timing, interleave

__all__ = ["on_every_scheduler"]

ALONE, THREADS = "Dask, 1 thread", "Dask, 2 threads"
PROCESSES, KEEPING = "distributed, 2 processes", "the same, memory kept"

#: distributed has its workers give free memory back to the system at once (a threshold of 64 kB),
#: which large temporaries pay for by page faults; here they keep up to 1 GB.
KEPT = {"MALLOC_TRIM_THRESHOLD_": 2**30, "MALLOC_MMAP_THRESHOLD_": 2**30}

Build = Callable[[xr.Dataset], Any]


def on_every_scheduler(
    ds: xr.Dataset, builds: Mapping[str, Build], repeats: int, *, quick: bool
) -> dict[tuple[str, str], Timing]:
    """Time what is built on a lazy Dataset, by (name of the build, scheduler).

    What is computed stays where it was computed, in chunks, as it would before it is
    written or reduced. The drivers lie in memory, with the workers in the end. Quick leaves
    out the clusters, which take long to start.
    """
    timings: dict[tuple[str, str], Timing] = {}

    def measure(source: xr.Dataset, scheduler: str, keep: Callable[[Any], None]) -> None:
        runs = {name: _run(build, source, keep) for name, build in builds.items()}
        for run in runs.values():
            run()
        for name, timing in interleave(runs, repeats).items():
            timings[name, scheduler] = timing

    measure(ds, ALONE, lambda lazy: dask.persist(lazy, scheduler="synchronous"))
    measure(ds, THREADS, lambda lazy: dask.persist(lazy, scheduler="threads", num_workers=2))
    for scheduler, environment in () if quick else ((PROCESSES, {}), (KEEPING, KEPT)):
        with _two_processes(environment) as wait:
            source = ds.persist()
            wait(source)
            measure(source, scheduler, lambda lazy, wait=wait: wait(lazy.persist()))
            del source
            gc.collect()
    return timings


def _run(build: Build, source: xr.Dataset, keep: Callable[[Any], None]) -> Callable[[], None]:
    return lambda: keep(build(source))


@contextmanager
def _two_processes(environment: Mapping[str, object]) -> Iterator[Callable[[Any], None]]:
    """Start a cluster; what is given is a function that waits for something persisted."""
    from distributed import Client, LocalCluster, wait

    # That the drivers are sent to the workers once is meant.
    warnings.filterwarnings("ignore", message="Sending large graph")
    key = "distributed.nanny.pre-spawn-environ"
    with (
        dask.config.set({key: {**dask.config.get(key), **environment}}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        yield wait
