"""How a Dataset is cut: whole chunks, work for all threads, graphs of a bounded size."""

from __future__ import annotations

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
    assert len(cut(ds)) == 1


def test_slabs_are_whole_chunks():
    ds = evenly_chunked(xr.Dataset({"gpp": (("time",), da.zeros(100, chunks=(31, 28, 31, 10)))}))
    assert [region["time"].start for region in cut(ds)] == [0, 31, 62, 93]
