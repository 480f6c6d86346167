"""Whenever a write is interrupted, the old or the new store is whole, and found again."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from guards import counting
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
from xflux.errors import InputError


@pytest.fixture(autouse=True)
def _one_row_a_slab(monkeypatch):
    one_row_a_slab(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fluxes.zarr"


def test_an_interruption_before_the_name_is_given_is_resumed(path, monkeypatch):
    ds = lazy()

    def fail(partial, final, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("xflux.files.zarr_store._finish", fail)
        with pytest.raises(KeyboardInterrupt):
            xflux.to_zarr(ds, path)
    with pytest.raises(InputError, match="6 of 6 slabs"):
        xflux.to_zarr(ds, path)
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


# At any moment


def tiny(value: float) -> xr.Dataset:
    data = da.arange(4.0, chunks=4) + value
    return xr.Dataset({"gpp": ("time", data)}, attrs={"value": value})


def value(path: Path) -> float | None:
    """Return which store is at the path; it must be whole."""
    if not path.exists():
        return None
    found = stored(path)
    np.testing.assert_array_equal(found.gpp, np.arange(4.0) + found.attrs["value"])
    return found.attrs["value"]


class Interrupts:
    """Raises at the nth line that runs in some functions of zarr_store, and in none later."""

    def __init__(self, at: int, *functions: str) -> None:
        self.at, self.functions, self.lines = at, functions, 0

    def __enter__(self) -> Interrupts:
        sys.settrace(self.call)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)

    def call(self, frame, event, argument):
        code = frame.f_code
        if code.co_name in self.functions and code.co_filename.endswith("zarr_store.py"):
            return self.line
        return None

    def line(self, frame, event, argument):
        if event in ("line", "return"):
            self.lines += 1
            if self.lines == self.at:
                raise KeyboardInterrupt
        return self.line


def interruptions(path: Path, *functions: str, **options) -> Iterator[int]:
    """Interrupt the replacing of store 1.0 by 2.0 at each line in turn."""
    old = xflux.to_zarr(tiny(1.0), path.with_name("old.zarr"))
    for at in range(1, 200):
        for left in (path, partial(path)):
            shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(old, path)
        with Interrupts(at, *functions) as interrupts, suppress(KeyboardInterrupt):
            xflux.to_zarr(tiny(2.0), path, overwrite=True, **options)
        if interrupts.lines < at:
            assert value(path) == 2.0
            assert at > 10
            return
        yield at


def failing() -> xr.Dataset:
    return Breaks(1).after(tiny(3.0))


ENDING = ("_finish", "_recover", "_drop")


@pytest.mark.parametrize("next_call", ["plain", "resume", "overwrite", "failing overwrite"])
def test_whenever_the_ending_is_interrupted_the_next_call_finds_a_whole_store(path, next_call):
    for at in interruptions(path, *ENDING):
        if next_call == "plain":
            with pytest.raises(InputError, match="complete already"):
                xflux.to_zarr(tiny(2.0), path)
            assert value(path) in (1.0, 2.0), at
        elif next_call == "resume":
            new = (partial(path) / "store").exists()
            # Refused where the new store has its name already, or was not begun.
            with suppress(InputError):
                xflux.to_zarr(tiny(2.0), path, resume=True)
            assert value(path) == 2.0 or (value(path) == 1.0 and not new), at
        elif next_call == "overwrite":
            xflux.to_zarr(tiny(3.0), path, overwrite=True)
            assert value(path) == 3.0, at
        else:
            with dask.config.set(scheduler="synchronous"), pytest.raises(RuntimeError):
                xflux.to_zarr(failing(), path, overwrite=True)
            assert value(path) in (1.0, 2.0), at


@pytest.mark.parametrize("next_call", ["plain", "resume", "overwrite"])
def test_a_recovery_that_is_interrupted_is_done_by_the_call_after(path, next_call):
    for at in range(1, 200):
        for left in (path, partial(path)):
            shutil.rmtree(left, ignore_errors=True)
        xflux.to_zarr(tiny(2.0), path)
        # Where an overwrite stops between its two renamings.
        partial(path).mkdir()
        path.rename(partial(path) / "replaced")
        stops = suppress(KeyboardInterrupt, InputError)
        with Interrupts(at, "_recover", "_drop") as interrupts, stops:
            xflux.to_zarr(tiny(2.0), path)
        if interrupts.lines < at:
            assert at > 3
            break
        options = {} if next_call == "plain" else {next_call: True}
        with suppress(InputError):
            xflux.to_zarr(tiny(2.0), path, **options)
        assert value(path) == 2.0, at
    assert value(path) == 2.0


def test_a_store_half_removed_does_not_come_back(path, monkeypatch):
    xflux.to_zarr(tiny(1.0), path)

    def fails_halfway(folder, **options):
        next(Path(folder).rglob("0")).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", fails_halfway)
        with pytest.raises(KeyboardInterrupt):
            xflux.to_zarr(tiny(2.0), path, overwrite=True)
    assert value(path) == 2.0
    shutil.rmtree(path)
    xflux.to_zarr(tiny(3.0), path)
    assert value(path) == 3.0
    assert os.listdir(path.parent) == [path.name]


def test_what_came_to_the_path_meanwhile_is_not_replaced_unasked(path):
    class Meanwhile(Breaks):
        def __call__(self, block):
            if not path.exists():
                tiny(7.0).to_zarr(path, zarr_format=2, consolidated=True)
            return block

    message = r"has come to .*fluxes.zarr meanwhile.*resume=True, overwrite=True"
    with dask.config.set(scheduler="synchronous"), pytest.raises(InputError, match=message):
        xflux.to_zarr(Meanwhile(0).after(tiny(2.0)), path)
    assert value(path) == 7.0
    xflux.to_zarr(tiny(2.0), path, resume=True, overwrite=True)
    assert value(path) == 2.0


def test_what_came_to_the_path_before_the_old_store_is_back_is_not_replaced(path):
    xflux.to_zarr(tiny(1.0), path)
    interrupted_at_its_end = partial(path)
    interrupted_at_its_end.mkdir()
    path.rename(interrupted_at_its_end / "replaced")
    xflux.to_zarr(tiny(2.0), path.with_name("new"))
    path.with_name("new").rename(interrupted_at_its_end / "store")
    xflux.to_zarr(tiny(7.0), path.with_name("other"))
    path.with_name("other").rename(path)
    with pytest.raises(InputError, match=r"fluxes.zarr and .*replaced"):
        xflux.to_zarr(tiny(2.0), path, overwrite=True)
    assert value(path) == 7.0
    assert value(interrupted_at_its_end / "replaced") == 1.0


# A killed overwrite


def test_an_unfinished_store_beside_a_complete_one_is_mentioned(path):
    xflux.to_zarr(lazy(), path)
    interrupted(path, lazy() + 1.0, overwrite=True)
    with pytest.raises(
        InputError,
        match=r"complete already.*3 of 6 slabs.*resume=True goes on.*overwrite=True drops",
    ):
        xflux.to_zarr(lazy() + 1.0, path)
    assert json.loads(record(path).read_text())["done"] == 3


def test_an_overwrite_that_wrote_no_slab_is_resumed(path):
    xflux.to_zarr(lazy(), path)
    interrupted(path, lazy() + 1.0, rows=0, overwrite=True)
    interrupted(path, lazy() + 1.0, rows=0, resume=True)
    xflux.to_zarr(lazy() + 1.0, path, resume=True)
    xr.testing.assert_identical(stored(path), (lazy() + 1.0).compute())


def test_an_unfinished_store_begun_without_overwrite_does_not_replace(path):
    interrupted(path, lazy() + 1.0)
    lazy().to_zarr(path, zarr_format=2, consolidated=True)
    with pytest.raises(InputError, match="resume=True with overwrite=True goes on"):
        xflux.to_zarr(lazy() + 1.0, path, resume=True)
    xflux.to_zarr(lazy() + 1.0, path, resume=True, overwrite=True)
    xr.testing.assert_identical(stored(path), (lazy() + 1.0).compute())
