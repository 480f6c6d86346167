"""What is written slab by slab is what was computed."""

from __future__ import annotations

import os
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from guards import counting, no_compute
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import chunkings, drivers
from zarr_stores import (
    SIZES,
    Breaks,
    lazy,
    one_row_a_slab,
    rich,
    stored,
)

import xflux
from xflux.files import slabs


@pytest.fixture(autouse=True)
def _one_row_a_slab(monkeypatch):
    one_row_a_slab(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fluxes.zarr"


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
