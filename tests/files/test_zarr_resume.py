"""An interrupted write goes on where it stopped, and never with other data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from guards import counting
from strategies import drivers
from zarr_stores import (
    SIZES,
    Breaks,
    interrupted,
    lazy,
    one_row_a_slab,
    record,
    rich,
    stored,
)

import xflux
from xflux.errors import InputError
from xflux.files import manifest, slabs, write_lock


@pytest.fixture(autouse=True)
def _one_row_a_slab(monkeypatch):
    one_row_a_slab(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fluxes.zarr"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_nothing_that_reads_as_complete(path, error):
    fails = Breaks(8, error)
    with dask.config.set(scheduler="synchronous"), pytest.raises(error):
        xflux.to_zarr(fails.after(lazy()), path)
    assert not path.exists()
    assert os.listdir(path.parent) == [f".{path.name}.partial"]
    assert json.loads(record(path).read_text())["done"] == 3
    assert not (record(path).parent / write_lock.LOCK).exists()


def test_an_interrupted_write_is_resumed_and_is_as_one_undisturbed(path):
    ds = lazy()
    interrupted(path, ds)
    with counting() as computed:
        xflux.to_zarr(ds, path, resume=True)
    assert len(computed) == 1 + 3  # the last slab once more, and those that were missing
    xr.testing.assert_identical(stored(path), ds.compute())
    undisturbed = xflux.to_zarr(ds, path.with_name("other.zarr"))
    names = sorted(p.relative_to(path) for p in path.rglob("*"))
    assert names == sorted(p.relative_to(undisturbed) for p in undisturbed.rglob("*"))
    for name in names:
        if (path / name).is_file():
            assert (path / name).read_bytes() == (undisturbed / name).read_bytes()


def test_a_run_with_other_threads_goes_on_with_the_slabs_of_the_first(path, monkeypatch):
    ds = lazy()
    interrupted(path, ds)
    monkeypatch.setattr(slabs, "_threads", lambda: 8)
    with counting() as computed:
        xflux.to_zarr(ds, path, resume=True)
    assert len(computed) == 1 + 3
    xr.testing.assert_identical(stored(path), ds.compute())


def test_an_unfinished_store_is_not_touched_unasked(path):
    ds = lazy()
    interrupted(path, ds)
    with pytest.raises(InputError, match=r"3 of 6 slabs.*resume=True.*overwrite=True"):
        xflux.to_zarr(ds, path)
    assert json.loads(record(path).read_text())["done"] == 3
    xflux.to_zarr(ds, path, overwrite=True)
    xr.testing.assert_identical(stored(path), ds.compute())
    assert not record(path).exists()


def test_what_has_no_finished_slab_is_started_anew(path):
    ds = lazy()
    interrupted(path, ds, rows=0)
    assert record(path).exists()
    xflux.to_zarr(ds, path)
    xr.testing.assert_identical(stored(path), ds.compute())


def test_resume_begins_where_there_is_nothing(path):
    ds = lazy()
    xflux.to_zarr(ds, path, resume=True)
    xr.testing.assert_identical(stored(path), ds.compute())


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (lambda: lazy(xflux.Q10Respiration(r_ref={"ENF": 2.0})),
         r"reco: attrs model .*r_ref=None.* on disk, .*ENF.* now"),
        (lambda: lazy().drop_vars("reco"), "reco: on disk alone"),
        (lambda: lazy().assign(new=1.0), "new: not on disk"),
        (lambda: lazy().isel(lon=slice(3)), "sizes lon 4 on disk, 3 now"),
        (lambda: lazy().assign_coords(lat=np.arange(5.0)), "lat: other values"),
        (lambda: lazy().assign(gpp=lambda ds: ds.gpp.astype("f4")),
         "gpp: dtype \"float64\" on disk, \"float32\" now"),
        (lambda: lazy().assign_attrs(title="other"), "attrs title .*absent.* on disk"),
        (lambda: lazy(time=1, lat=2), r"gpp.*: chunks \[1, 3, 4\] on disk, \[1, 2, 4\] now"),
        (lambda: lazy().assign(elevation=lambda ds: ds.elevation.compute()),
         "elevation: values \"lazy\" on disk"),
    ],
    ids=["model", "variable", "more", "size", "coordinate", "dtype", "attrs", "chunks", "eager"],
)  # fmt: skip
def test_another_dataset_is_refused_and_what_differs_is_named(path, changed, named):
    interrupted(path, lazy())
    with pytest.raises(InputError, match=named):
        xflux.to_zarr(changed(), path, resume=True)
    assert json.loads(record(path).read_text())["done"] == 3
    assert not path.exists()


def test_another_dimension_is_refused(path):
    interrupted(path, lazy())
    with pytest.raises(InputError, match='along "time" on disk, "lat" now'):
        xflux.to_zarr(lazy(), path, along="lat", resume=True)


def test_values_in_memory_that_changed_are_refused(path):
    ds = lazy().assign(bias=("lat", np.arange(5.0)))
    interrupted(path, ds)
    with pytest.raises(InputError, match="bias: other values"):
        xflux.to_zarr(ds.assign(bias=("lat", np.arange(5.0) + 1.0)), path, resume=True)


def test_drivers_that_changed_behind_the_same_metadata_are_refused(path):
    interrupted(path, lazy())
    ds = drivers(tuple(SIZES.values()), seed=1)
    same = drivers(tuple(SIZES.values()))
    ds = ds.assign(elevation=same.elevation, igbp=same.igbp).chunk(time=1, lat=3)
    with pytest.raises(InputError, match=r"3 of 6 slabs.*gpp.* at time 2 to 2 .*have changed"):
        xflux.to_zarr(ds.flux.baseline(le=None)[list(lazy())], path, resume=True)
    assert json.loads(record(path).read_text())["done"] == 3


def test_missing_values_in_a_finished_slab_are_equal(path):
    ds = lazy().assign(gpp=lambda ds: ds.gpp.where(ds.lat > 100.0))
    interrupted(path, ds)
    xflux.to_zarr(ds, path, resume=True)
    assert stored(path).gpp.isnull().all()


def test_a_resumed_dataset_may_hold_every_kind_of_value(path):
    ds = rich().chunk(time=2).assign(gpp=("time", da.arange(7.0, chunks=2)))
    fails = Breaks(3)
    broken = ds.assign(gpp=("time", ds.gpp.data.map_blocks(fails, dtype="f8", meta=np.empty(0))))
    with dask.config.set(scheduler="synchronous"), pytest.raises(RuntimeError):
        xflux.to_zarr(broken, path)
    xflux.to_zarr(ds, path, resume=True)
    np.testing.assert_array_equal(stored(path).gpp, np.arange(7.0))


# Slabs that prove nothing


def with_values(*rows: float, seed: int = 0) -> xr.Dataset:
    """Rows of noise, of NaN (at sea) or of one number (in winter)."""
    noise = np.random.default_rng(seed).random((len(rows), 4))
    values = np.where(np.isnan(rows)[:, None], noise, np.reshape(rows, (-1, 1)))
    return made_of(np.where(np.isposinf(values), np.nan, values))


def made_of(values: np.ndarray, **others: np.ndarray) -> xr.Dataset:
    names = {"gpp": values, **others}
    return xr.Dataset(
        {
            name: (("time", "lat", "lon"), da.from_array(array[:, None, :], chunks=(1, 1, 2)))
            for name, array in names.items()
        }
    )


NOISE, SEA = np.nan, np.inf


@pytest.mark.parametrize("same", [SEA, 0.0, 3.0])
def test_a_slab_of_one_value_does_not_prove_that_the_data_are_the_same(path, same):
    rows = (NOISE, NOISE, same, same, NOISE, NOISE)
    interrupted(path, with_values(*rows), rows=4)
    with pytest.raises(InputError, match=r"gpp at time 1 to 1 are not what they are on disk"):
        xflux.to_zarr(with_values(*rows, seed=1), path, resume=True)
    with counting() as computed:
        xflux.to_zarr(with_values(*rows), path, resume=True)
    assert len(computed) == 2 + 2
    xr.testing.assert_identical(stored(path), with_values(*rows).compute())


def test_each_variable_proves_by_a_slab_of_its_own(path):
    noise = np.random.default_rng(0).random((6, 4))
    early = np.where(np.arange(6)[:, None] < 1, noise, 0.0)
    never = np.zeros((6, 4))
    interrupted(path, made_of(noise, early=early, never=never))
    with pytest.raises(InputError, match="early at time 0 to 0"):
        xflux.to_zarr(made_of(noise, early=early * 2, never=never), path, resume=True)
    xflux.to_zarr(made_of(noise, early=early, never=never), path, resume=True)
    xr.testing.assert_identical(stored(path), made_of(noise, early=early, never=never).compute())


@pytest.mark.parametrize("same", [SEA, 0.0])
def test_what_proves_nothing_is_begun_anew(path, same):
    rows = (same, same, same, NOISE, NOISE, NOISE)
    interrupted(path, with_values(*rows))
    ds = with_values(1.0, 1.0, 1.0, NOISE, NOISE, NOISE, seed=1)
    with counting() as computed:
        xflux.to_zarr(ds, path, resume=True)
    assert len(computed) == 6
    xr.testing.assert_identical(stored(path), ds.compute())


def test_one_number_in_each_chunk_proves_where_they_differ(path):
    values = np.repeat(np.arange(12.0).reshape(6, 2), 2, axis=1)
    interrupted(path, made_of(values))
    with counting() as computed:
        xflux.to_zarr(made_of(values), path, resume=True)
    assert len(computed) == 1 + 3


def test_what_is_on_disk_is_read_a_chunk_at_a_time_until_it_proves(path, monkeypatch):
    rows = (NOISE, NOISE, NOISE, NOISE)
    interrupted(path, with_values(*rows))
    sizes = []
    before = manifest._telling

    def telling(values):
        sizes.append(values.size)
        return before(values)

    monkeypatch.setattr(manifest, "_telling", telling)
    xflux.to_zarr(with_values(*rows), path, resume=True)
    assert sizes == [2]


# As users get them: with the lengths of slabs that are chosen, and nothing replaced


@pytest.fixture
def as_users_have_it(monkeypatch) -> Iterator[None]:
    monkeypatch.undo()
    with dask.config.set(scheduler="synchronous", num_workers=2):
        yield


@pytest.mark.usefixtures("as_users_have_it")
def test_a_slow_model_on_a_small_grid_loses_a_tenth(path):
    noise = np.random.default_rng(0).random((40, 4))
    interrupted(path, made_of(noise), rows=24)
    found = json.loads(record(path).read_text())
    assert (found["done"], found["slabs"], found["length"]) == (6, 10, 4)
    with counting() as computed:
        xflux.to_zarr(made_of(noise), path, resume=True)
    assert len(computed) == 1 + 4
    xr.testing.assert_identical(stored(path), made_of(noise).compute())


@pytest.mark.usefixtures("as_users_have_it")
def test_other_data_are_refused_and_a_baseline_is_resumed(path):
    ds = drivers((24, 5, 4)).chunk(time=1)
    fluxes = xflux.baseline(ds)[["gpp", "reco", "le"]]
    interrupted(path, fluxes, rows=13)
    assert json.loads(record(path).read_text())["done"] == 6
    other = ds.assign(ta=ds.ta + 1.0)
    with pytest.raises(InputError, match="have changed"):
        xflux.to_zarr(xflux.baseline(other)[list(fluxes)], path, resume=True)
    xflux.to_zarr(fluxes, path, resume=True)
    xr.testing.assert_identical(stored(path), fluxes.compute())
