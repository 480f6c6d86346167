"""Writing slab by slab: whole or absent, resumed or refused, never silently short."""

from __future__ import annotations

import json
import os
import socket
from datetime import timedelta
from pathlib import Path

import cftime
import dask
import dask.array as da
import numpy as np
import pint
import pytest
import xarray as xr
from guards import counting, no_compute
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import chunkings, drivers

import xflux
from xflux.errors import FileFormatError, InputError
from xflux.files import slabs, write_lock
from xflux.files.write_lock import only_writer

SIZES = {"time": 6, "lat": 5, "lon": 4}


@pytest.fixture(autouse=True)
def _one_row_a_slab(monkeypatch):
    """Cut small Datasets as large ones are cut."""
    monkeypatch.setattr(slabs, "SMALLEST_SLAB", 1)
    monkeypatch.setattr(slabs, "_threads", lambda: 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fluxes.zarr"


def lazy(model: xflux.FluxModel | None = None, **chunks: int) -> xr.Dataset:
    model = model or xflux.Q10Respiration()
    ds = drivers(tuple(SIZES.values()))
    ds = ds.chunk(chunks or {"time": 1, "lat": 3}).flux.baseline(reco=model, le=None)
    return ds[["gpp", "reco", "ta", "elevation"]]


def stored(path: Path) -> xr.Dataset:
    with xr.open_zarr(path, decode_coords="all") as ds:
        return ds.load()


class Breaks:
    """Passes blocks on, until it is told to fail at one."""

    def __init__(self, at: int, error: type[BaseException] = RuntimeError) -> None:
        self.at, self.error, self.calls = at, error, 0

    def __call__(self, block):
        self.calls += 1
        if self.calls == self.at:
            raise self.error("out of order")
        return block

    def after(self, ds: xr.Dataset, name: str = "gpp") -> xr.Dataset:
        data = ds[name].data.map_blocks(self, dtype=ds[name].dtype, meta=np.empty((0, 0, 0)))
        return ds.assign({name: ds[name].copy(data=data)})


def interrupted(path: Path, ds: xr.Dataset, *, rows: int = 3, **options) -> None:
    """Write `ds` until that many slabs are done."""
    blocks = ds.gpp.data.numblocks
    fails = Breaks(rows * blocks[1] * blocks[2] + 1)
    with (
        dask.config.set(scheduler="synchronous"),
        pytest.raises(RuntimeError, match="out of order"),
    ):
        xflux.to_zarr(fails.after(ds), path, **options)


def record(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial") / "manifest.json"


# What is written


def test_what_is_written_is_what_was_computed(path):
    ds = lazy()
    assert xflux.to_zarr(ds, path) == path
    xr.testing.assert_identical(stored(path), ds.compute())
    assert os.listdir(path.parent) == [path.name]


def test_the_accessor_writes_as_the_function_does(path):
    ds = lazy()
    ds.flux.to_zarr(path, along="lat", resume=True, progress=False)
    xr.testing.assert_identical(stored(path), ds.compute())


@settings(max_examples=12)
@given(
    chunks=chunkings({"time": 4, "lat": 3, "lon": 3}),
    fixed=chunkings({"lat": 3, "lon": 3}),
    along=st.sampled_from([None, *SIZES]),
)
def test_chunking_never_changes_what_is_written(tmp_path_factory, chunks, fixed, along):
    ds = drivers((4, 3, 3)).chunk(chunks)
    ds = ds.assign(elevation=ds.elevation.chunk(fixed), igbp=ds.igbp.compute())
    fluxes = ds.flux.baseline(reco=None, le=None)[["gpp", "ta", "elevation", "igbp"]]
    path = tmp_path_factory.mktemp("store") / "fluxes.zarr"
    with dask.config.set(scheduler="synchronous"):
        xflux.to_zarr(fluxes, path, along=along)
        xr.testing.assert_identical(stored(path), fluxes.compute())


def test_uneven_chunks_are_made_even(path):
    ds = lazy().chunk(time=(1, 3, 2))
    xflux.to_zarr(ds, path)
    xr.testing.assert_identical(stored(path), ds.compute())
    assert stored(path).gpp.encoding["chunks"][0] == 3


def test_each_slab_is_one_computation_and_each_block_is_computed_once(path):
    passed = Breaks(at=-1)
    ds = passed.after(lazy(), "ta")[["ta"]].assign(warm=lambda ds: ds.ta + 1.0)
    ds = passed.after(ds, "ta")
    with counting() as computed:
        xflux.to_zarr(ds, path)
    assert len(computed) == 6
    assert passed.calls == 2 * 6 * 2


def test_the_source_of_several_fluxes_is_read_once(path):
    passed = Breaks(at=-1)
    ds = drivers(tuple(SIZES.values())).chunk(time=1, lat=3)
    fluxes = xflux.baseline(passed.after(ds, "ta"))
    xflux.to_zarr(fluxes, path)
    assert passed.calls == 6 * 2


def test_lazy_variables_without_the_dimension_are_written_first(path):
    ds = lazy()
    ds = ds.assign(mean=ds.gpp.mean("time"), one=ds.gpp.sum(), height=ds.elevation.compute())
    with counting() as computed:
        xflux.to_zarr(ds, path)
    assert len(computed) == 1 + 6
    xr.testing.assert_identical(stored(path), ds.compute())


def test_a_dataset_in_memory_is_written_without_computing(path):
    ds = lazy().compute()
    with no_compute():
        xflux.to_zarr(ds, path)
    xr.testing.assert_identical(stored(path), ds)


@pytest.mark.parametrize(
    "ds",
    [
        xr.Dataset(),
        xr.Dataset({"total": ((), 1.5, {"units": "Pg"})}, attrs={"title": "one number"}),
        xr.Dataset({"total": xr.DataArray(da.from_array(np.array(1.5), chunks=()))}),
        xr.Dataset({"map": (("lat", "lon"), da.ones((4, 6), chunks=(3, 2)))}),
        xr.Dataset({"none": (("time", "lat"), da.ones((0, 4), chunks=(1, 2)))}),
        xr.Dataset({"none": (("time", "lat"), np.ones((0, 4)))}),
    ],
    ids=["nothing", "scalar", "lazy scalar", "map", "lazy of size 0", "of size 0"],
)
def test_datasets_without_time_are_written(path, ds):
    xflux.to_zarr(ds, path)
    xr.testing.assert_identical(stored(path), ds.compute())


def rich() -> xr.Dataset:
    """Every kind of value that a Dataset of ours may hold, and attributes of many types."""
    n = 7
    values = {
        "f4": np.linspace(-1, 1, n, dtype="f4"),
        "f8": np.where(np.arange(n) % 3, 0.1, np.nan),
        "all_missing": np.full(n, np.nan),
        "i1": np.arange(n, dtype="i1"),
        "i8": np.arange(n) * 2**40,
        "zero": np.zeros(n, dtype="i4"),
        "u2": np.arange(n, dtype="u2"),
        "flag": np.arange(n) % 2 == 0,
        "text": np.array([f"AT-{i}" for i in range(n)]),
        "objects": np.array([f"AT-{'x' * i}" for i in range(n)], dtype=object),
        "when": np.datetime64("2015-01-01T00:30:00", "ns") + np.arange(n) * np.timedelta64(1, "h"),
        "long": np.arange(n) * np.timedelta64(90, "m"),
    }
    attrs = {"units": "1", "flag_values": np.array([1, 2], dtype="i1"), "scale": np.float32(0.5)}
    dates = [cftime.DatetimeNoLeap(2015, 2, 26) + timedelta(hours=6 * i) for i in range(n)]
    return xr.Dataset(
        {
            name: ("time", array, {} if array.dtype.kind in "mM" else attrs)
            for name, array in values.items()
        },
        coords={
            "time": ("time", dates, {"axis": "T"}),
            "site": ("time", np.array([f"S{i}" for i in range(n)])),
            "depth": ("time", np.arange(n) / 3),
        },
        attrs={"title": "ä", "number": 3, "missing": float("nan")},
    )


@pytest.mark.parametrize("chunks", [None, 1, 3, 7])
def test_every_kind_of_value_comes_back(path, chunks):
    ds = rich()
    given = ds if chunks is None else ds.chunk(time=chunks)
    xflux.to_zarr(given, path)
    with xr.open_zarr(path, decode_timedelta=True) as again:
        again = again.load()
    assert set(again.variables) == set(ds.variables)
    for name in ds.variables:
        np.testing.assert_array_equal(again[name].values, ds[name].values, err_msg=str(name))
        if name not in ("objects", "text", "when", "long", "time", "site"):
            assert again[name].dtype == ds[name].dtype, name
    assert set(again.coords) == set(ds.coords)
    assert again.f8.attrs.keys() == ds.f8.attrs.keys()


def test_the_encoding_of_the_files_read_is_left_behind(path):
    ds = lazy()
    old = {
        "dtype": "int16", "scale_factor": 0.5, "add_offset": 3.0, "_FillValue": -9999,
        "missing_value": -9999, "chunks": (4, 4, 4), "preferred_chunks": {"time": 4},
        "chunksizes": (4, 4, 4), "zlib": True, "compressors": ("nonsense",), "filters": None,
        "shards": (8, 8, 8), "source": "x.nc", "original_shape": (1,), "shuffle": True,
    }  # fmt: skip
    for name in ("gpp", "elevation"):
        ds[name].encoding = dict(old)
    ds["igbp"] = drivers(tuple(SIZES.values())).igbp
    ds.igbp.encoding = {"dtype": "int16", "_FillValue": 1, "chunks": (1, 1)}
    ds.time.encoding = {"units": "days since 2015-01-01", "dtype": "int8", "chunks": (2,)}
    ds["time"] = ds.time + np.timedelta64(30, "m")
    ds.time.encoding = {"units": "days since 2015-01-01", "dtype": "int8", "chunks": (2,)}
    ds.encoding = {"source": "x.nc", "unlimited_dims": {"time"}}
    before = {name: dict(array.encoding) for name, array in ds.variables.items()}
    xflux.to_zarr(ds, path)
    xr.testing.assert_identical(stored(path), ds.compute())
    assert {name: array.encoding for name, array in ds.variables.items()} == before
    assert ds.encoding["source"] == "x.nc"
    assert ds.gpp.chunks is not None


def test_a_store_that_was_opened_is_written_to_another(path):
    xflux.to_zarr(lazy(), path)
    with xr.open_zarr(path) as again:
        xflux.to_zarr(again.chunk(time=4), path.with_name("again.zarr"))
    xr.testing.assert_identical(stored(path.with_name("again.zarr")), stored(path))


def test_references_to_other_variables_are_kept(path):
    ds = lazy()[["gpp"]].assign(cell_area=("lat", np.ones(5)))
    ds.gpp.encoding["cell_measures"] = "area: cell_area"
    xflux.to_zarr(ds.set_coords("cell_area"), path)
    assert stored(path).gpp.encoding["cell_measures"] == "area: cell_area"


def test_variables_in_memory_have_no_chunk_that_cannot_be_compressed(monkeypatch, path):
    monkeypatch.setattr(slabs, "LARGEST_CHUNK", 1000)
    xflux.to_zarr(xr.Dataset({"a": (("x", "y"), np.ones((40, 30)))}), path)
    chunks = stored(path).a.encoding["chunks"]
    assert np.prod(chunks) * 8 <= 1000


# Interrupted


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


def test_an_interruption_before_the_name_is_given_is_resumed(path, monkeypatch):
    ds = lazy()

    def fail(partial, final):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("xflux.files.zarr_store._finish", fail)
        with pytest.raises(KeyboardInterrupt):
            xflux.to_zarr(ds, path)
    with pytest.raises(InputError, match="6 of 6 slabs"):
        xflux.to_zarr(ds, path)
    xflux.to_zarr(ds, path, resume=True)
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


def test_an_unfinished_store_that_is_half_removed_does_not_pass_for_whole(path, monkeypatch):
    ds = lazy()
    interrupted(path, ds)

    def fail(folder, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", fail)
        with pytest.raises(KeyboardInterrupt):
            xflux.to_zarr(ds, path, overwrite=True)
    with counting() as computed:
        xflux.to_zarr(ds, path, resume=True)
    assert len(computed) == 1 + 6  # the elevation, and every slab
    xr.testing.assert_identical(stored(path), ds.compute())


def test_resume_begins_where_there_is_nothing(path):
    ds = lazy()
    xflux.to_zarr(ds, path, resume=True)
    xr.testing.assert_identical(stored(path), ds.compute())


def test_a_store_that_is_complete_is_neither_resumed_nor_overwritten_unasked(path):
    ds = lazy()
    xflux.to_zarr(ds, path)
    for resume in (False, True):
        with pytest.raises(InputError, match="complete already"):
            xflux.to_zarr(ds, path, resume=resume)
    assert os.listdir(path.parent) == [path.name]
    xflux.to_zarr(ds + 1.0, path, overwrite=True)
    xr.testing.assert_identical(stored(path), (ds + 1.0).compute())
    assert os.listdir(path.parent) == [path.name]


def test_the_old_store_stays_until_the_new_one_is_complete(path):
    old, new = lazy(), lazy() + 1.0
    xflux.to_zarr(old, path)
    interrupted(path, new, overwrite=True)
    xr.testing.assert_identical(stored(path), old.compute())
    xflux.to_zarr(new, path, resume=True)  # overwrite was allowed when it was begun
    xr.testing.assert_identical(stored(path), new.compute())


def test_a_dataset_can_replace_the_store_that_it_is_read_from(path):
    xflux.to_zarr(lazy(), path)
    expected = stored(path) + 1.0
    with xr.open_zarr(path) as ds:
        xflux.to_zarr(ds + 1.0, path, overwrite=True)
    np.testing.assert_array_equal(stored(path).gpp, expected.gpp)


# Resumed with something else


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


# The record


@pytest.mark.parametrize("text", ["", '{"schema": 1, "fingerp', "[]", "{}", '{"schema": 1}'])
@pytest.mark.parametrize("resume", [True, False])
def test_a_truncated_record_is_refused(path, text, resume):
    interrupted(path, lazy())
    record(path).write_text(text)
    with pytest.raises(FileFormatError, match=r"truncated.*overwrite=True"):
        xflux.to_zarr(lazy(), path, resume=resume)
    xflux.to_zarr(lazy(), path, overwrite=True)
    xr.testing.assert_identical(stored(path), lazy().compute())


def test_a_missing_record_is_refused(path):
    interrupted(path, lazy())
    record(path).unlink()
    with pytest.raises(FileFormatError, match=r"missing.*overwrite=True"):
        xflux.to_zarr(lazy(), path, resume=True)


def test_a_record_of_a_newer_version_is_refused(path):
    interrupted(path, lazy())
    found = json.loads(record(path).read_text())
    record(path).write_text(json.dumps({**found, "schema": 2, "xflux": "9.9", "more": 1}))
    with pytest.raises(FileFormatError, match=r"schema 2, of xflux 9\.9.*newer version"):
        xflux.to_zarr(lazy(), path, resume=True)


# Two writers


def partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def test_two_writers_of_one_path_do_not_interleave(path):
    ds = lazy()
    with only_writer(partial(path), path):
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(InputError, match=rf"written by process {os.getpid()} on"):
                xflux.to_zarr(ds, path, **options)
    xflux.to_zarr(ds, path)
    assert os.listdir(path.parent) == [path.name]


def test_the_lock_of_a_dead_process_is_taken_over(path):
    ds = lazy()
    interrupted(path, ds)
    lock = partial(path) / write_lock.LOCK
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "born": "1", "token": "t"}
    lock.write_text(json.dumps(holder))
    xflux.to_zarr(ds, path, resume=True)
    xr.testing.assert_identical(stored(path), ds.compute())
    assert os.listdir(path.parent) == [path.name]


def test_a_writer_that_was_overtaken_stops(path):
    class Overtaken(Breaks):
        def __call__(self, block):
            self.calls += 1
            if self.calls == 3:
                (partial(path) / write_lock.LOCK).write_text('{"token": "other", "pid": 1}')
            return block

    with dask.config.set(scheduler="synchronous"), pytest.raises(InputError, match="taken over"):
        xflux.to_zarr(Overtaken(0).after(lazy()), path)
    assert not path.exists()
    assert (partial(path) / write_lock.LOCK).exists()  # it is the other's


# Refused


def test_a_url_is_refused():
    with pytest.raises(InputError, match=r"s3://bucket/fluxes.zarr.*xarray's own"):
        xflux.to_zarr(lazy(), "s3://bucket/fluxes.zarr")


def test_what_is_no_path_is_refused():
    with pytest.raises(InputError, match="path is a dict"):
        xflux.to_zarr(lazy(), {})


def test_a_dimension_that_is_not_there_is_refused(path):
    with pytest.raises(InputError, match=r"along='month' is no dimension.* time, lat, lon"):
        xflux.to_zarr(lazy(), path, along="month")
    assert os.listdir(path.parent) == []


def test_pint_quantities_are_refused(path):
    ds = lazy()[["gpp"]]
    quantity = pint.UnitRegistry(force_ndarray_like=True).Quantity(ds.gpp.data, "g/m**2/day")
    with pytest.raises(InputError, match=r"gpp: pint quantities.*dequantify"):
        xflux.to_zarr(ds.assign(gpp=ds.gpp.copy(data=quantity)), path)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_store_is_never_replaced(path, kind):
    if kind == "file":
        path.write_text("a thesis")
    else:
        path.mkdir()
        (path / "thesis.txt").write_text("a thesis")
    with pytest.raises(InputError, match="no Zarr store"):
        xflux.to_zarr(lazy(), path, overwrite=True)
    assert path.exists()


def test_a_home_folder_and_a_link_are_followed(tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "scratch").symlink_to(tmp_path / "disk")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert xflux.to_zarr(lazy(), "~/scratch/new/fluxes.zarr").is_dir()
    assert os.listdir(tmp_path / "disk" / "new") == ["fluxes.zarr"]


# The bar


def test_a_bar_is_shown_on_a_terminal_alone(path, monkeypatch, capsys):
    pytest.importorskip("tqdm")
    xflux.to_zarr(lazy(), path)
    assert capsys.readouterr() == ("", "")
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    xflux.to_zarr(lazy(), path, overwrite=True, progress=False)
    assert capsys.readouterr() == ("", "")
    xflux.to_zarr(lazy(), path, overwrite=True)
    assert "slab" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    xflux.to_zarr(lazy(), path, overwrite=True)
    assert capsys.readouterr() == ("", "")
