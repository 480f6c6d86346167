"""What cannot be written is refused before anything is computed, and leaves no trace."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import dask.array as da
import numpy as np
import pint
import pytest
import xarray as xr
from guards import no_compute
from strategies import drivers
from zarr_stores import (
    interrupted,
    lazy,
    one_row_a_slab,
    partial,
    stored,
)

import xflux
from xflux.errors import InputError
from xflux.files.write_lock import only_writer


@pytest.fixture(autouse=True)
def _one_row_a_slab(monkeypatch):
    one_row_a_slab(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fluxes.zarr"


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


# Refused before anything is computed, without a trace


def refused_by(path: Path, ds: object, message: str, **options) -> None:
    before = sorted(path.parent.rglob("*")) if path.parent.is_dir() else None
    with no_compute(), pytest.raises(InputError, match=message):
        xflux.to_zarr(ds, path, **options)
    if before is not None:
        assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("ds", "message"),
    [
        (lambda: lazy().gpp, r"ds is a DataArray.*da\.to_dataset\(name=\.\.\.\)"),
        (lambda: None, "ds is a NoneType.*Dataset"),
        (lambda: {"gpp": 1.0}, "ds is a dict.*Dataset"),
        (lambda: lazy().rename(gpp="gpp/day"), r"'gpp/day'.*ds\.rename"),
        (lambda: lazy().rename(gpp="gpp\\day"), r"ds\.rename"),
        (lambda: lazy().rename(gpp=".zattrs"), r"'.zattrs'.*ds\.rename"),
        (lambda: lazy().rename(gpp=""), r"''.*ds\.rename"),
        (lambda: lazy().rename(gpp=7), r"7.*ds\.rename"),
    ],
    ids=["array", "none", "dict", "slash", "backslash", "dot", "empty", "number"],
)  # fmt: skip
def test_what_cannot_be_stored_is_refused(path, ds, message):
    refused_by(path, ds(), message)


def test_what_xarray_refuses_leaves_no_trace(path):
    ds = lazy()
    ds.attrs["model"] = object()
    with pytest.raises(TypeError):
        xflux.to_zarr(ds, path)
    assert os.listdir(path.parent) == []


def test_what_xarray_refuses_drops_no_unfinished_store(path):
    interrupted(path, lazy())
    ds = lazy()
    ds.attrs["model"] = object()
    with pytest.raises(TypeError):
        xflux.to_zarr(ds, path, overwrite=True)
    assert os.listdir(path.parent) == [f".{path.name}.partial"]
    xflux.to_zarr(lazy(), path, resume=True)
    xr.testing.assert_identical(stored(path), lazy().compute())


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("inside", ["fluxes.zarr", "ta/fluxes.zarr", "new/fluxes.zarr"])
def test_a_path_inside_of_a_store_is_refused(tmp_path, zarr_format, inside):
    store = tmp_path / "drivers.zarr"
    drivers((2, 3, 2))[["ta"]].to_zarr(store, zarr_format=zarr_format, consolidated=False)
    refused_by(store / inside, lazy(), rf"inside of the Zarr store {store}.*outside")


def test_an_empty_folder_is_written_to(path):
    path.mkdir()
    xflux.to_zarr(lazy(), path)
    xr.testing.assert_identical(stored(path), lazy().compute())
    assert os.listdir(path.parent) == [path.name]


def test_a_folder_above_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "thesis").write_text("a thesis")
    for path in (tmp_path / "thesis" / "fluxes.zarr", tmp_path / "thesis" / "new" / "fluxes.zarr"):
        refused_by(path, lazy(), rf"{path} cannot be written.*{tmp_path / 'thesis'}")


@pytest.mark.parametrize("call", ["mkdir", "open", "stat"])
def test_a_folder_that_cannot_be_written_is_refused(path, monkeypatch, call):
    def refuse(name, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(name))

    monkeypatch.setattr(f"os.{call}", refuse)
    with pytest.raises(InputError, match=rf"{path} cannot be written.*Permission denied"):
        xflux.to_zarr(lazy(), path)
    monkeypatch.undo()
    assert os.listdir(path.parent) == []


def test_a_mount_point_is_refused(path, monkeypatch):
    path.mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda self: self == path)
    refused_by(path, lazy(), "mount point")


def test_the_root_is_refused():
    with pytest.raises(InputError, match="no Zarr store"):
        xflux.to_zarr(lazy(), "/", overwrite=True)


def with_objects() -> xr.Dataset:
    names = np.array(["AT-Neu", "DE-Tha", "FI-Hyy", "US-Ha1", "US-MMS"], dtype=object)
    return lazy().assign(site=("lat", da.from_array(names, chunks=2)))


def test_lazy_objects_are_not_computed_before_a_refusal(path):
    ds = with_objects()
    refused_by(path, ds, "no dimension", along="month")
    with only_writer(partial(path), path):
        refused_by(path, ds, "written by process")
    interrupted(path, ds)
    refused_by(path, ds, "3 of 6 slabs")
    xflux.to_zarr(ds, path, resume=True)
    refused_by(path, ds, "complete already")
    refused_by(path, ds, "complete already", resume=True)
    assert list(stored(path).site.values) == list(ds.site.values)
    assert ds.site.chunks is not None
