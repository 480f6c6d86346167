"""Inversions by latitude: exact integrals over bands that cut rows."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from files.inversion_files import days_of, zonal_file

import xflux
from xflux.errors import InputError, XfluxWarning

EDGES = (-90, -23.5, 0, 23.5, 50, 90)


def test_a_band_takes_its_degrees_of_the_rows_that_it_cuts(tmp_path: Path) -> None:
    density = np.arange(18.0)  # rows of 10 degrees
    found = xflux.open_inversions(zonal_file(tmp_path / "a.nc", density), bands=EDGES)
    rows = np.repeat(density, 20)  # half degrees, which the edges do not cut
    cuts = (np.array(EDGES) + 90) * 2
    per_year = [rows[int(a) : int(b)].sum() / 2 for a, b in pairwise(cuts)]
    expected = np.array(per_year)[:, None] * days_of(found) / 365.25
    np.testing.assert_allclose(found[0], expected, rtol=1e-12)
    assert list(found.names.values)[:2] == ["90S-23.5S", "23.5S-0"]


def test_bands_may_have_names_and_none_is_the_globe(tmp_path: Path) -> None:
    path = zonal_file(tmp_path / "a.nc")
    bands = {"south": (-90, 0), "north": (0, 90)}
    parts = xflux.open_inversions(path, bands=bands)
    whole = xflux.open_inversions(path)
    assert list(parts.names.values) == ["south", "north"]
    np.testing.assert_allclose(parts.sum("region"), whole.sum("region"), rtol=1e-12)
    np.testing.assert_allclose(whole.sum(), 0.01 * 180 * 365 / 365.25, rtol=1e-12)


def test_rows_whose_centres_are_the_poles_are_half_rows(tmp_path: Path) -> None:
    lat = np.linspace(-90, 90, 19)
    ds = xr.open_dataset(zonal_file(tmp_path / "b.nc", rows=19)).assign_coords(lat=lat)
    ds["lat"].attrs["units"] = "degrees_north"
    ds.to_netcdf(tmp_path / "lmdz.nc")
    whole = xflux.open_inversions(tmp_path / "lmdz.nc")
    np.testing.assert_allclose(whole.sum(), 0.01 * 180 * 365 / 365.25, rtol=1e-12)


def test_sums_of_rows_are_cut_by_area(tmp_path: Path) -> None:
    path = zonal_file(tmp_path / "c.nc", 1.0, rows=2, units="PgC yr-1")
    found = xflux.open_inversions(path, bands=(0, 30, 90)).sum("time")[0]
    np.testing.assert_allclose(found, np.array([0.5, 0.5]) * 365 / 365.25, rtol=1e-12)


def test_spans_that_differ_are_joined_with_nan(tmp_path: Path) -> None:
    zonal_file(tmp_path / "long.nc", 0.1, count=24)
    zonal_file(tmp_path / "short.nc", 0.2, count=12, start="2002-01-01")
    found = xflux.open_inversions([tmp_path / "long.nc", tmp_path / "short.nc"])
    assert found.sizes["time"] == 24
    assert found.sel(inversion="short", time="2001").isnull().all()
    assert found.sel(inversion="short", time="2002").notnull().all()
    assert found.dropna("time").sizes["time"] == 12


def test_one_land_flux_under_several_names_is_noticed(tmp_path: Path) -> None:
    paths = [zonal_file(tmp_path / f"{name}.nc", v) for name, v in (("a", 1), ("b", 2), ("c", 1))]
    with pytest.warns(XfluxWarning, match=r"share one land flux: a, c;.*identical='first'"):
        assert xflux.open_inversions(paths).sizes["inversion"] == 3
    kept = xflux.open_inversions(paths, identical="first")
    assert list(kept.inversion.values) == ["a", "b"]
    assert "a, c" in kept.attrs["comment"]


def test_one_inversion_alone_is_an_ensemble_of_one(tmp_path: Path) -> None:
    found = xflux.open_inversions({"CAMS": zonal_file(tmp_path / "a.nc")})
    assert list(found.inversion.values) == ["CAMS"]
    assert list(found.file.values) == ["a.nc"]


def test_a_row_without_values_is_a_gap_of_its_band_alone(tmp_path: Path) -> None:
    density = np.where(np.arange(18) == 17, np.nan, 0.1)
    path = zonal_file(tmp_path / "a.nc", density)
    assert xflux.open_inversions(path, bands=(-90, 0, 50)).notnull().all()
    with pytest.raises(InputError, match=r"a\.nc: a lacks 2001-01, .* of 50N-90N"):
        xflux.open_inversions(path, bands=(-90, 50, 90))
