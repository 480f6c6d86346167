"""What lies beside an unfinished store: its record, and the lock of its writer."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import dask
import pytest
import xarray as xr
from zarr_stores import (
    Breaks,
    interrupted,
    lazy,
    one_row_a_slab,
    partial,
    record,
    stored,
)

import xflux
from xflux.errors import FileFormatError, InputError
from xflux.files import write_lock
from xflux.files.write_lock import only_writer


@pytest.fixture(autouse=True)
def _one_row_a_slab(monkeypatch):
    one_row_a_slab(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fluxes.zarr"


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
