"""Refinements on grids: any scheduler, chunks and order give the same; the model is sent once."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time

import dask
import numpy as np
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError, MissingVariableError, UnitsError

EARTH = xflux.twin.Earth(resolution=20.0, start="2001", end="2003", seed=1)
FEATURES = ("ta", "vpd", "fapar", "igbp", "ta_lag2", "vpd_mean12", "gpp_baseline")


@pytest.fixture(scope="module")
def model():
    """Return a model of every kind of learner and of feature with a memory."""
    return xflux.ResidualModel(fluxes=("gpp",), features=FEATURES, members=2, rows=0.5).fit(
        *EARTH.towers(n=12)
    )


@pytest.fixture(scope="module")
def drivers():
    """Return drivers with the baseline, so that it can be left alone."""
    ds = EARTH.drivers.compute()
    return ds.assign(xflux.baseline(ds).data_vars)


@pytest.fixture(scope="module")
def expected(drivers, model):
    return xflux.refine(drivers, model)


# Where it is computed, and in which pieces


def test_threads_give_what_is_computed_eagerly(drivers, model, expected):
    with no_compute():
        lazy = xflux.refine(drivers.chunk(time=7, lat=4, lon=5), model)
    with dask.config.set(scheduler="threads", num_workers=2):
        xr.testing.assert_identical(lazy.compute(), expected)


@pytest.mark.slow
def test_processes_give_what_is_computed_eagerly(drivers, model, expected):
    lazy = xflux.refine(drivers.chunk(time=12, lat=5), model)
    with dask.config.set(scheduler="processes", num_workers=2):
        xr.testing.assert_identical(lazy.compute(), expected)


@pytest.mark.slow
def test_a_cluster_gives_what_is_computed_eagerly(drivers, model, expected):
    distributed = pytest.importorskip("distributed")
    lazy = xflux.refine(drivers.chunk(time=12, lat=3), model)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        xr.testing.assert_identical(lazy.compute(), expected)


@pytest.mark.parametrize("steps", [1, 5])
def test_chunks_shorter_than_the_memory_keep_their_size(drivers, model, expected, steps):
    with no_compute():
        lazy = xflux.refine(drivers.chunk(time=steps), model)
    cells = steps * drivers.sizes["lat"] * drivers.sizes["lon"]
    assert np.prod(lazy["gpp"].data.chunksize) <= 2 * cells
    xr.testing.assert_identical(lazy.compute(), expected)


@pytest.mark.parametrize("members", [False, True])
def test_blocks_of_rows_do_not_show(drivers, model, monkeypatch, members):
    from xflux.refinement import apply

    whole = xflux.refine(drivers, model, members=members)
    monkeypatch.setattr(apply, "_ROWS", 1)
    part = {"lat": slice(2, 4), "lon": slice(3, 9)}
    xr.testing.assert_identical(
        xflux.refine(drivers.isel(part), model, members=members), whole.isel(part)
    )


def test_points_and_single_series_are_grids_too(drivers, model, expected):
    where = {"lat": 3, "lon": 10}
    xr.testing.assert_identical(xflux.refine(drivers.isel(where), model), expected.isel(where))


# The graph


def test_a_chunk_is_one_task_and_the_model_another(drivers, model):
    chunks = {"time": 12, "lat": 3, "lon": 6}
    lazy = xflux.refine(drivers.chunk(chunks), model, interval=None)
    keys = list(lazy.__dask_graph__().keys())
    refined = [key for key in keys if isinstance(key, tuple) and key[0].startswith("refine-")]
    assert len(refined) == lazy["gpp"].data.npartitions == 3 * 3 * 3
    assert sum(str(key).startswith("refinement-") for key in keys) == 1


def test_no_chunk_carries_the_model(drivers, model):
    lazy = xflux.refine(drivers.chunk(time=12, lat=3, lon=6), model, interval=None)
    (lazy,) = dask.optimize(lazy["gpp"].data)
    sizes = sorted(len(pickle.dumps(task)) for task in dict(lazy.__dask_graph__()).values())
    held = len(pickle.dumps(model.refinement_))
    assert sum(size > 0.5 * held for size in sizes) == 1


def test_a_thousand_chunks_are_built_in_two_seconds(model):
    shape = (1200, 8, 16)
    lazy = {
        name: (
            ("time", "lat", "lon"),
            dask.array.zeros(shape, chunks=(12, 4, 3), dtype="f4"),
            {"units": units},
        )
        for name, units in (("ta", "degC"), ("vpd", "hPa"), ("fapar", "1"), ("swin", "W m-2"),
                            ("rnet", "W m-2"), ("co2", "ppm"))
    }  # fmt: skip
    ds = xr.Dataset(
        {**lazy, "elevation": ((), 0.0, {"units": "m"}), "igbp": ((), 1, {"units": "1"})},
        {"time": xr.date_range("1901", periods=1200, freq="MS"),
         "lat": np.arange(8.0), "lon": np.arange(16.0)},
    )  # fmt: skip
    start = time.process_time()
    with no_compute():
        fluxes = xflux.refine(ds, model)
    assert time.process_time() - start < 2.0
    assert fluxes["gpp"].data.npartitions == 1200


def test_same_models_have_the_same_name_and_others_another(drivers, model):
    lazy = drivers.chunk(time=12)

    def name(of):
        (task,) = {
            key
            for key in xflux.refine(lazy, of)["gpp"].data.dask.to_dict()
            if str(key).startswith("refinement-")
        }
        return task

    def parts(of):
        held = of.refinement_
        return {key: dask.base.tokenize(getattr(held, key)) for key in held.__dataclass_fields__}

    copy = pickle.loads(pickle.dumps(model))
    # Raises where a name would be drawn at random, and says of what.
    with dask.config.set({"tokenize.ensure-deterministic": True}):
        assert parts(copy) == parts(model)
        assert name(copy) == name(model)
    other = xflux.ResidualModel(**model.get_params() | {"seed": 1}).fit(*EARTH.towers(n=12))
    assert name(other) != name(model)


def test_the_number_of_threads_is_never_set_while_predicting(drivers, model, monkeypatch):
    import xgboost

    lazy = xflux.refine(drivers.chunk(time=12, lat=3), model)

    def refuse(self, *given, **options):
        raise AssertionError("a booster was configured in a block")

    monkeypatch.setattr(xgboost.Booster, "set_param", refuse)
    with dask.config.set(scheduler="threads", num_workers=2):
        lazy.compute()


def test_a_model_that_has_travelled_is_ready_for_threads(drivers, model, expected, monkeypatch):
    import xgboost

    ready = []
    bare = xgboost.Booster.inplace_predict
    monkeypatch.setattr(
        xgboost.Booster, "inplace_predict", lambda *given: ready.append(1) or bare(*given)
    )
    copy = pickle.loads(pickle.dumps(model))
    assert len(ready) == 4  # one booster in each member and each full fit has predicted once
    xr.testing.assert_identical(xflux.refine(drivers, copy), expected)


# What is missing


def test_rows_without_any_feature_are_missing_and_others_not(drivers, model, expected):
    features = ("ta", "vpd", "fapar")
    plain = xflux.ResidualModel(learner="kernel", fluxes=("gpp",), features=features, members=2,
                                rows=0.5).fit(*EARTH.towers(n=12))  # fmt: skip
    whole = xflux.refine(drivers, plain)["gpp"]
    north = drivers["lat"] > 0
    gone = drivers.assign({name: drivers[name].where(~north) for name in features})
    xr.testing.assert_equal(xflux.refine(gone, plain)["gpp"], whole.where(~north))
    # One that is left is enough.
    some = xflux.refine(gone.assign(ta=drivers["ta"]), plain)["gpp"]
    xr.testing.assert_equal(some.notnull(), whole.notnull())
    assert whole.where(north).notnull().any()


def test_without_a_baseline_a_cell_is_missing(drivers, model):
    gone = drivers.assign(gpp=drivers["gpp"].where(drivers["lat"] < 0))
    fluxes = xflux.refine(gone, model)
    assert fluxes["gpp"].where(drivers["lat"] >= 0).isnull().all()
    assert fluxes["gpp"].where(drivers["lat"] < 0).notnull().any()


def test_a_feature_that_is_missing_or_of_another_unit_is_refused(drivers, model):
    with pytest.raises(MissingVariableError, match="fapar"):
        xflux.refine(drivers.drop_vars("fapar"), model)
    with pytest.raises(UnitsError, match="ta"):
        xflux.refine(drivers.assign(ta=drivers["ta"].assign_attrs(units="W m-2")), model)


def test_a_baseline_of_another_model_is_refused(drivers, model):
    other = drivers.assign(gpp=drivers["gpp"].assign_attrs(model="Other()"))
    with pytest.raises(InputError, match="learned the errors of"):
        xflux.refine(other, model)


# Names and order


def test_the_order_of_variables_and_dimensions_does_not_matter(drivers, model, expected):
    turned = xr.Dataset(
        {
            name: drivers[name].transpose(*reversed(drivers[name].dims))
            for name in sorted(drivers.data_vars, reverse=True)
        }
    )
    fluxes = xflux.refine(turned.chunk(time=9, lon=7), model).transpose("time", "lat", "lon")
    for name in expected:
        np.testing.assert_array_equal(fluxes[name], expected[name].transpose("time", "lat", "lon"))


def test_coordinates_may_be_called_otherwise(drivers, model, expected):
    renamed = drivers.rename(lat="latitude", lon="x", time="valid_time")
    fluxes = xflux.refine(renamed.chunk(valid_time=9), model)
    assert set(fluxes["gpp"].dims) == {"latitude", "x", "valid_time"}
    np.testing.assert_array_equal(fluxes["gpp"].values, expected["gpp"].values)


def test_units_are_converted(drivers, model, expected):
    kelvin = (drivers["ta"].astype("f8") + 273.15).assign_attrs(drivers["ta"].attrs, units="K")
    fluxes = xflux.refine(drivers.assign(ta=kelvin), model)
    # Trees may fall to the other side of a threshold by the rounding of the conversion.
    away = abs(fluxes["gpp"] - expected["gpp"])
    assert float(away.median()) < 1e-4


CODE = """
import sys
import dask, dask.array as da, numpy as np, xarray as xr
import xflux

earth = xflux.twin.Earth(resolution=20.0, start="2001", end="2003", seed=1)
model = xflux.ResidualModel(learner="kernel", fluxes=("gpp",), members=2, rows=0.5,
    features=("ta", "vpd", "fapar", "ta_lag1", "ta_mean3")).fit(*earth.towers(n=12))
for ensemble in model.refinement_.ensembles.values():
    for member in ensemble.members:  # few landmarks, so that 5 GB take minutes at most
        held = member.learners[0].fitted
        held["centres"], held["coefficients"] = held["centres"][:8], held["coefficients"][:8]

shape, chunks = (STEPS, 360, 720), (CHUNKS)
steps = da.arange(shape[0], chunks=chunks[0]).astype("f4")[:, None, None]
wave = da.sin(steps) * da.ones(shape, chunks=chunks, dtype="f4")
units = {"ta": "degC", "vpd": "hPa", "fapar": "1"}
low_high = {"ta": (-5, 25), "vpd": (2, 18), "fapar": (0.1, 0.8)}
dims = ("time", "lat", "lon")
data = {
    name: (dims, 0.5 * (a + b) + 0.5 * (b - a) * wave, {"units": units[name]})
    for name, (a, b) in low_high.items()
}
for flux in ("gpp", "reco", "nee", "le"):
    made_by = {"units": "W m-2" if flux == "le" else "g m-2 d-1"}
    made_by["model"] = model.refinement_.baseline.get(flux, "another")
    data[flux] = (dims, 2.0 + wave, made_by)
time = xr.date_range("1950-01", periods=shape[0], freq="MS")
lat, lon = np.arange(-89.75, 90, 0.5), np.arange(-179.75, 180, 0.5)
ds = xr.Dataset(data, {"time": time, "lat": lat, "lon": lon})
with dask.config.set(scheduler="threads", num_workers=2):
    mean = float(xflux.refine(ds, model, interval=None)["gpp"].mean())
assert np.isfinite(mean)
read = sum(ds[name].nbytes for name in ("ta", "vpd", "fapar", "gpp"))
# Of this program: ru_maxrss is at least what the one had that started it.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = float(status["VmHWM"].split()[0]) * 1.024
print(read / 1e9, peak / 1e6)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_grid():
    # Chunks of one step, which are joined for what features remember, and cut in space.
    chunks = "1, 360, 720"
    read, peak = [], []
    for steps in (60, 240):
        code = CODE.replace("STEPS", str(steps)).replace("CHUNKS", chunks)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        size, most = map(float, done.stdout.split())
        read.append(size)
        peak.append(most)
    assert read[1] > 0.9 > 3.5 * read[0]
    assert peak[1] < 1.2
    assert peak[1] < 1.3 * peak[0]
