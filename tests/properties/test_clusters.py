"""On a cluster of processes: the same numbers, whatever dies meanwhile."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
from strategies import drivers

import xflux
from xflux.files import slabs
from xflux.labels.grid import cell_area
from xflux.labels.integral import integrate

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


class LightUse:
    """A model of a user, slow enough for a worker to be killed at work."""

    inputs = ("ppfd", "fapar")
    outputs = ("gpp",)

    def __init__(self, efficiency: float = 0.02, seconds: float = 0.0) -> None:
        self.efficiency, self.seconds = efficiency, seconds

    def __repr__(self) -> str:
        return f"LightUse({self.efficiency})"

    def __call__(self, ppfd, fapar):
        time.sleep(self.seconds)
        return self.efficiency * ppfd * fapar


def fitted() -> xflux.Q10Respiration:
    """A respiration that was fitted to (made) towers, with its summary."""
    rng = np.random.default_rng(0)
    shape, sites = (6, 36), ["ENF", "ENF", "ENF", "GRA", "GRA", "GRA"]
    ta = rng.uniform(-5.0, 25.0, shape)
    reco = 3.0 * 1.6 ** ((ta - 10.0) / 10.0) * np.exp(rng.normal(0.0, 0.1, shape))
    towers = xr.Dataset(
        {
            "ta": (("site", "time"), ta, {"units": "degC"}),
            "fapar": (("site", "time"), rng.uniform(0.1, 0.9, shape), {"units": "1"}),
            "reco": (("site", "time"), reco, {"units": "g m-2 d-1"}),
            "igbp": ("site", sites),
        },
        {"site": [f"S{k}" for k in range(6)]},
    )
    return xflux.Q10Respiration().fit(towers)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def _as_it_was(request) -> Iterator[None]:
    """Give the next test both workers."""
    yield
    if "client" in request.fixturenames:
        request.getfixturevalue("client").wait_for_workers(2, timeout=180)


def alone(ds: xr.Dataset) -> xr.Dataset:
    with dask.config.set(scheduler="synchronous"):
        return ds.compute()


def stored(path: Path) -> xr.Dataset:
    with xr.open_zarr(path) as ds, dask.config.set(scheduler="synchronous"):
        return ds.load()


def two_hundred_chunks(seconds: float = 0.02) -> xr.Dataset:
    ds = drivers((200, 4, 6)).chunk(time=1)
    return xflux.baseline(ds, gpp=LightUse(seconds=seconds))


@contextmanager
def one_worker_killed(client: Any, when: Callable[[], bool]) -> Iterator[list[int]]:
    """Send SIGKILL to a worker as soon as `when` holds, while the block runs."""
    pids = client.run(os.getpid)
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(0.01):
            if when():
                pid = next(iter(pids.values()))
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        ended.set()
        killer.join()


def done(path: Path) -> int:
    try:
        return json.loads((path.with_name(f".{path.name}.partial") / "manifest.json").read_text())[
            "done"
        ]
    except FileNotFoundError:
        return 0


# The same numbers


BASELINES = {
    "default": {},
    "fitted": {"reco": fitted()},
    "others": {
        "gpp": LightUse(),
        "reco": xflux.LloydTaylor(r_ref={"ENF": 2.0, "GRA": 3.0, "DBF": 4.0, "CRO": 1.0}),
        "le": xflux.PTJPL(),
    },
}


def everything() -> dict[str, xr.Dataset | xr.DataArray]:
    """Fluxes of several models, their scores and their integrals, all lazy."""
    ds = drivers((6, 5, 6)).chunk(time=2, lat=3)
    made: dict[str, Any] = {
        name: xflux.baseline(ds, **models) for name, models in BASELINES.items()
    }
    made["scores"] = xflux.evaluate(observed(made["default"]), made["others"])
    made["total"] = integrate(made["default"].gpp, area=cell_area(ds))
    assert all(dask.is_dask_collection(one) for one in made.values())
    return made


def observed(fluxes: xr.Dataset) -> xr.Dataset:
    """Take fluxes for observations: lazy ones, without the mark of a model."""
    ds = fluxes[["gpp", "reco", "le"]] * 1.1
    for name in ds:
        ds[name].attrs = {"units": fluxes[name].attrs["units"]}
    return ds


def assert_as_alone(scheduler: dict[str, Any]) -> None:
    with dask.config.set(scheduler="synchronous"):
        (expected,) = dask.compute(everything())
    with dask.config.set(**scheduler):
        (found,) = dask.compute(everything())
    for name, one in expected.items():
        xr.testing.assert_identical(found[name], one)


def test_threads_give_what_one_thread_gives():
    assert_as_alone({"scheduler": "threads"})


def test_processes_give_what_one_thread_gives():
    assert_as_alone({"scheduler": "processes", "num_workers": 2})


def test_a_cluster_gives_what_one_thread_gives(client):
    assert_as_alone({})


@pytest.mark.parametrize("where", ["processes", "cluster"])
def test_what_is_written_elsewhere_is_what_one_thread_gives(request, tmp_path, monkeypatch, where):
    monkeypatch.setattr(slabs, "SMALLEST_SLAB", 1)
    monkeypatch.setattr(slabs, "_threads", lambda: 2)
    ds = everything()["fitted"]
    here = {"scheduler": "processes", "num_workers": 2}
    if where == "cluster":
        request.getfixturevalue("client")
        here = {}
    with dask.config.set(**here):
        path = xflux.to_zarr(ds, tmp_path / "fluxes.zarr")
    xr.testing.assert_identical(stored(path), alone(ds))


def test_a_fitted_model_travels_with_its_summary():
    model = fitted()
    copy = pickle.loads(pickle.dumps(model))
    assert copy == model
    xr.testing.assert_identical(copy.summary, model.summary)


# Nothing grows


def threads_of_worker() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("Threads:")[1].split()[0])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="threads are counted in /proc")
def test_the_threads_of_a_worker_do_not_grow_with_the_tasks(client):
    def run(steps: int) -> int:
        ds = drivers((steps, 20, 30)).chunk(time=1)
        for models in BASELINES.values():
            xflux.baseline(ds, **models).mean().compute()
        return max(client.run(threads_of_worker).values())

    few = run(4)
    assert run(100) <= few + 2  # a pool of the worker's own may be started late


# What dies


@pytest.mark.parametrize("nth", range(2))
def test_a_killed_worker_loses_nothing_that_is_written(client, tmp_path, monkeypatch, nth):
    monkeypatch.setattr(slabs, "SMALLEST_SLAB", 1)
    ds = two_hundred_chunks()
    path = tmp_path / "fluxes.zarr"
    with one_worker_killed(client, lambda: done(path) >= 5 + 7 * nth) as killed:
        xflux.to_zarr(ds, path)
    assert len(killed) == 1
    xr.testing.assert_identical(stored(path), alone(two_hundred_chunks(0.0)))
    assert not list(path.rglob("*.partial"))


def test_a_killed_worker_loses_nothing_that_is_computed(client):
    began = time.monotonic()
    with one_worker_killed(client, lambda: time.monotonic() - began > 1.0) as killed:
        found = two_hundred_chunks().compute()
    assert len(killed) == 1
    xr.testing.assert_identical(found, alone(two_hundred_chunks(0.0)))


SCRIPT = """
import sys, time
import numpy as np, xarray as xr, xflux
from xflux.files import slabs

class LightUse:
    inputs, outputs = ("ppfd", "fapar"), ("gpp",)

    def __call__(self, ppfd, fapar):
        time.sleep(float(sys.argv[3]))
        return 0.02 * ppfd * fapar

if __name__ == "__main__":
    slabs.SMALLEST_SLAB = 1
    slabs._threads = lambda: 1
    ds = xr.open_dataset(sys.argv[1], chunks={"time": 1})
    fluxes = xflux.baseline(ds, gpp=LightUse())
    if "cluster" in sys.argv:
        from distributed import Client
        with Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
            xflux.to_zarr(fluxes, sys.argv[2], resume=True)
    else:
        xflux.to_zarr(fluxes, sys.argv[2], resume=True)
"""


@pytest.fixture
def script(tmp_path) -> list[str]:
    """Return the command of a script that is run again after it was killed."""
    drivers((40, 4, 6)).to_netcdf(tmp_path / "drivers.nc")
    (tmp_path / "script.py").write_text(SCRIPT)
    return [
        sys.executable, str(tmp_path / "script.py"), str(tmp_path / "drivers.nc"),
        str(tmp_path / "fluxes.zarr"),
    ]  # fmt: skip


def expected_of(script: list[str]) -> xr.Dataset:
    with xr.open_dataset(script[2], chunks={"time": 1}) as ds:
        fluxes = xflux.baseline(ds, gpp=LightUse())
        fluxes.gpp.attrs["model"] = "LightUse()"
        return alone(fluxes)


@pytest.mark.parametrize("where", ["cluster", "threads"])
def test_a_script_that_was_killed_goes_on_when_it_is_run_again(script, tmp_path, where):
    path = tmp_path / "fluxes.zarr"
    first = subprocess.Popen([*script, "0.2", where], start_new_session=True)
    while done(path) < 3:
        assert first.poll() is None
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not path.exists()
    before = done(path)
    subprocess.run([*script, "0", where], check=True)
    xr.testing.assert_identical(stored(path), expected_of(script))
    assert 3 <= before < 10
    assert not path.with_name(".fluxes.zarr.partial").exists()


def test_two_scripts_at_once_write_one_store(script, tmp_path):
    path = tmp_path / "fluxes.zarr"
    both = [
        subprocess.Popen([*script, "0.05", "threads"], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [one.communicate()[1] for one in both]
    assert sorted(one.returncode for one in both) == [0, 1]
    assert "is being written by process" in "".join(said) or "complete already" in "".join(said)
    xr.testing.assert_identical(stored(path), expected_of(script))
