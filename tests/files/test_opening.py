"""Paths, and files that are not what they should be."""

from __future__ import annotations

import os

import numpy as np
import pytest
import xarray as xr

from xflux.errors import FileFormatError, InputError
from xflux.files.opening import expand_paths, open_lazily

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata")


@pytest.fixture
def ds():
    return xr.Dataset({"tas": ("time", np.zeros(3), {"units": "K"})})


@pytest.fixture
def folder(tmp_path, ds):
    for name in ("b.nc", "a.nc", "c.txt", "a.grib.1234.idx"):
        (tmp_path / name).touch()
    ds.to_zarr(tmp_path / "store.zarr")
    return tmp_path


def names(paths):
    return [os.path.basename(path) for path in paths]


def test_a_folder_gives_its_data_files_in_order(folder):
    assert names(expand_paths(folder)) == ["a.nc", "b.nc", "store.zarr"]


def test_a_pattern_gives_what_matches_without_index_files(folder):
    assert names(expand_paths(str(folder / "a.*"))) == ["a.nc"]


def test_a_list_may_mix_all_and_each_file_counts_once(folder):
    paths = [folder / "b.nc", str(folder / "*.nc"), folder / "store.zarr"]
    assert names(expand_paths(paths)) == ["b.nc", "a.nc", "store.zarr"]


def test_urls_pass_as_they_are():
    url = "https://example.org/store.zarr"
    assert expand_paths(url) == [url]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(tmp_path):
    (tmp_path / "a[1].nc").touch()
    assert names(expand_paths(tmp_path / "a[1].nc")) == ["a[1].nc"]


@pytest.mark.parametrize("path", ["absent.nc", "absent*.nc", "empty"])
def test_what_gives_no_file_is_not_found(tmp_path, path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError):
        expand_paths(tmp_path / path)


@pytest.mark.parametrize("paths", [[], [3]])
def test_what_is_no_path_is_refused(paths):
    with pytest.raises(InputError):
        expand_paths(paths)


@pytest.mark.parametrize("content", [b"", b"CDF\x01trunc", b"\x89HDF\r\n\x1a\n", b"text"])
def test_damaged_files_are_named(tmp_path, content):
    path = tmp_path / "bad.nc"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"bad\.nc"):
        open_lazily(str(path))


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT", "NETCDF4"])
def test_a_download_that_broke_off_is_refused_and_a_whole_one_opens(tmp_path, form, record):
    whole, cut = tmp_path / "whole.nc", tmp_path / "cut.nc"
    ds = xr.Dataset({name: (("time", "lat"), np.ones((9, 100))) for name in ("tas", "pr")})
    ds.to_netcdf(whole, format=form, unlimited_dims=["time"] if record else [])
    content = whole.read_bytes()
    cut.write_bytes(content[: -len(content) // 3])
    (opened,) = open_lazily(str(whole))
    xr.testing.assert_equal(opened.load(), ds)
    with pytest.raises(FileFormatError, match=r"cut\.nc"):
        open_lazily(str(cut))


def test_an_empty_zarr_folder_is_named(tmp_path):
    (tmp_path / "bad.zarr").mkdir()
    with pytest.raises(FileFormatError, match=r"bad\.zarr"):
        open_lazily(str(tmp_path / "bad.zarr"))


def test_eager_reading_is_refused(tmp_path, ds):
    ds.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match="eagerly"):
        open_lazily(str(tmp_path / "a.nc"), chunks=None)


def test_grib_is_known_by_its_first_bytes_and_says_what_it_needs(tmp_path, monkeypatch):
    path = tmp_path / "download"
    path.write_bytes(b"GRIB\x00\x00")
    monkeypatch.setitem(__import__("sys").modules, "cfgrib", None)
    with pytest.raises(ImportError, match=r"xflux\[grib\]"):
        open_lazily(str(path))
