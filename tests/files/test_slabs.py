"""How a Dataset is cut: whole chunks, work for all threads, graphs of a bounded size."""

from __future__ import annotations

import dask
import dask.array as da
import pytest
import xarray as xr

from xflux.files import slabs
from xflux.files.slabs import cut, evenly_chunked


@pytest.fixture(autouse=True)
def _one_row_a_slab(monkeypatch):
    """Cut small Datasets as large ones are cut."""
    monkeypatch.setattr(slabs, "SMALLEST_SLAB", 1)
    monkeypatch.setattr(slabs, "_threads", lambda: 0)


def test_slabs_follow_the_dimension_with_most_chunks_of_the_largest_variable():
    ds = xr.Dataset(
        {
            "large": (("lat", "time"), da.zeros((100, 40), chunks=(10, 40))),
            "small": (("x",), da.zeros(50, chunks=1)),
        }
    )
    assert cut(ds).along == "lat"
    assert [region["lat"].stop for region in cut(ds)] == list(range(10, 101, 10))


def test_a_slab_has_work_for_all_threads(monkeypatch):
    monkeypatch.setattr(slabs, "_threads", lambda: 16)
    ds = xr.Dataset({"gpp": (("time", "lat"), da.zeros((1000, 40), chunks=(5, 10)))})
    assert cut(ds).length == 16 * 5


def test_small_chunks_are_grouped_and_no_slab_is_too_large_to_plan(monkeypatch):
    ds = xr.Dataset({"gpp": (("time", "lat"), da.zeros((1000, 40), chunks=(1, 1)))})
    assert len(cut(ds)) == 100
    monkeypatch.setattr(slabs, "SMALLEST_SLAB", 2**40)
    assert cut(ds).length == 50
    monkeypatch.setattr(slabs, "MOST_BLOCKS", 10**9)
    assert len(cut(ds)) == 10


@pytest.mark.parametrize("chunks", [1, 2, 10, 19, 25, 365])
def test_there_are_ten_slabs_wherever_there_are_as_many_chunks(monkeypatch, chunks):
    monkeypatch.undo()
    ds = xr.Dataset({"gpp": (("time", "lat"), da.zeros((chunks, 4), chunks=(1, 4)))})
    with dask.config.set(num_workers=1):
        assert min(chunks, 10) <= len(cut(ds)) < 20


def test_no_thread_waits_for_the_sake_of_small_slabs(monkeypatch):
    monkeypatch.undo()
    ds = xr.Dataset({"gpp": (("time", "lat"), da.zeros((40, 4), chunks=(1, 4)))})
    with dask.config.set(num_workers=16):
        assert cut(ds).length == 16


@pytest.mark.parametrize(
    ("shape", "threads", "expected"),
    [
        ((365, 720, 1440), 4, (23, 16)),
        ((480, 180, 360), 4, (10, 48)),
        ((365, 720, 1440), 64, (6, 64)),
        ((40, 180, 360), 16, (3, 16)),
    ],
)
def test_slabs_are_as_large_as_the_page_on_clusters_says(monkeypatch, shape, threads, expected):
    monkeypatch.undo()
    maps = da.zeros(shape, chunks=(1, *shape[1:]), dtype="f4")
    ds = xr.Dataset({name: (("time", "lat", "lon"), maps) for name in ("gpp", "reco", "nee", "le")})
    with dask.config.set(num_workers=threads):
        assert (len(cut(ds)), cut(ds).length) == expected


def test_slabs_are_whole_chunks():
    ds = evenly_chunked(xr.Dataset({"gpp": (("time",), da.zeros(100, chunks=(31, 28, 31, 10)))}))
    assert [region["time"].start for region in cut(ds)] == [0, 31, 62, 93]
