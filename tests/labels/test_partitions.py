"""Partitions of the land: every cell in one region, on any grid."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError, MissingVariableError
from xflux.labels.grid import cell_area
from xflux.labels.regions import as_regions

PARTITIONS = [xflux.transcom_regions, xflux.reccap2_regions]


def grid(step: float = 5.0, start: float = 0.0, names: tuple[str, str] = ("lat", "lon")) -> Any:
    lat = np.arange(-90 + step / 2, 90, step)
    lon = np.arange(start + step / 2, start + 360, step)
    return xr.Dataset(coords=dict(zip(names, (lat, lon), strict=True)))


def called(mask: xr.DataArray, lat: float, lon: float) -> str:
    number = int(mask.sel(lat=lat, lon=lon, method="nearest"))
    return str(mask.attrs["flag_meanings"]).split()[number - 1] if number else ""


@pytest.mark.parametrize(
    ("lat", "lon", "transcom", "reccap2"),
    [
        (62, -110, "NA_boreal", "North_America"),
        (38, -95, "NA_temperate", "North_America"),
        (-5, -62, "SA_tropical", "South_America"),
        (-30, -60, "SA_temperate", "South_America"),
        (15, 0, "N_Africa", "Africa"),
        (-18, 25, "S_Africa", "Africa"),
        (65, 110, "EurAsia_boreal", "Russia"),
        (66, -174, "EurAsia_boreal", "Russia"),
        (40, 95, "EurAsia_temperate", "East_Asia"),
        (30, 50, "EurAsia_temperate", "Central_and_West_Asia"),
        (14, 77, "EurAsia_temperate", "South_Asia"),
        (0, 114, "Tropical_Asia", "Southeast_Asia"),
        (-25, 135, "Australia", "Australasia"),
        (-43, 171, "Australia", "Australasia"),
        (48, 10, "Europe", "Europe"),
        (56, 45, "Europe", "Russia"),
        (72, -40, "", ""),
        (-80, 0, "", ""),
    ],
)
def test_places_lie_where_they_should(lat: float, lon: float, transcom: str, reccap2: str) -> None:
    ds = grid(1.0, -180.0)
    assert called(xflux.transcom_regions(ds), lat, lon) == transcom
    assert called(xflux.reccap2_regions(ds), lat, lon) == reccap2


@pytest.mark.parametrize("make", PARTITIONS)
def test_every_cell_lies_in_one_region_whatever_the_grid(make: Any) -> None:
    mask = make(grid())
    count = {"transcom_regions": 11, "reccap2_regions": 10}[make.__name__]
    np.testing.assert_array_equal(np.unique(mask), np.arange(count + 1))
    assert mask.dtype == np.int8
    found = as_regions(mask, cell_area(grid()))
    assert found is not None
    assert list(found.labels.names.values) == mask.attrs["flag_meanings"].split()
    # From -180, under other names, upside down, transposed, of a part, and curvilinear.
    west = make(grid(start=-180.0)).assign_coords(lon=lambda d: d.lon % 360).sortby("lon")
    xr.testing.assert_equal(west, mask)
    other = make(grid(names=("latitude", "nav_lon")).isel(latitude=slice(None, None, -1)))
    assert other.dims == ("latitude", "nav_lon")
    np.testing.assert_array_equal(other, mask[::-1])
    part = grid().sel(lat=slice(30, 70), lon=slice(0, 40))
    xr.testing.assert_equal(make(part), mask.sel(part.coords))
    lat2, lon2 = xr.broadcast(grid().lat, grid().lon)
    curved = xr.Dataset(coords={"lat": (("y", "x"), lat2.data), "lon": (("y", "x"), lon2.data)})
    np.testing.assert_array_equal(make(curved), mask)
    assert make(curved).dims == ("y", "x")


def test_poles_and_the_date_line_lie_in_a_region_of_their_neighbours() -> None:
    ds = xr.Dataset(coords={"lat": [-90.0, 0.0, 68.0, 90.0], "lon": [-180.0, 0.0, 180.0]})
    mask = xflux.transcom_regions(ds)
    np.testing.assert_array_equal(mask.sel(lat=-90), 0)
    np.testing.assert_array_equal(mask.sel(lat=68, lon=[-180, 180]), 7)
    np.testing.assert_array_equal(mask.sel(lon=-180), mask.sel(lon=180))


@pytest.mark.parametrize("make", PARTITIONS)
def test_cells_without_land_lie_in_no_region(make: Any) -> None:
    ds = grid()
    share = xr.where(abs(ds.lat) + 0 * ds.lon < 40, 0.3, 0.0).assign_attrs(units="1")
    mask = make(ds.assign(land_fraction=share))
    np.testing.assert_array_equal(mask, make(ds).where(share > 0, 0))
    with no_compute():
        lazy = make(ds.assign(sftlf=(share * 100).assign_attrs(units="%").chunk(lat=9)))
    xr.testing.assert_identical(lazy.compute(), mask)


@pytest.mark.parametrize("make", [*PARTITIONS, xflux.latitude_bands])
def test_regions_of_a_partition_sum_to_the_globe(make: Any) -> None:
    ds = grid()
    rng = np.random.default_rng(0)
    ds = ds.assign_coords(time=pd.date_range("2001", periods=2, freq="MS"))
    ds["nee"] = (("time", "lat", "lon"), rng.normal(size=(2, 36, 72)), {"units": "g m-2 d-1"})
    regions = make(ds)
    if make is not xflux.latitude_bands:
        # Greenland and Antarctica are the rest.
        ds["land_fraction"] = (regions > 0).astype(float).assign_attrs(units="1")
    globe = xflux.regional_integral(ds).nee[0]
    gross = xflux.regional_integral(ds.assign(nee=abs(ds.nee))).nee[0]
    found = xflux.regional_integral(ds, regions=regions)
    assert float((abs(found.nee.sum("region") - globe) / gross).max()) < 1e-12
    assert abs(found.land_outside.item()) < 1e-12
    assert abs(found.land_shared.item()) < 1e-12


def test_bands_are_crisp_where_their_edges_are_those_of_cells() -> None:
    bands = xflux.latitude_bands(grid(), (-90, -30, 0, 90))
    assert bands.dims == ("lat", "lon")
    assert bands.attrs["flag_meanings"] == "90S-30S 30S-0 0-90N"
    expected = np.digitize(bands.lat, [-90, -30, 0])
    np.testing.assert_array_equal(bands, expected[:, None] + np.zeros(72, int))
    tropics = xflux.latitude_bands(grid(), (-30, 30))
    np.testing.assert_array_equal(tropics, (abs(tropics.lat) < 30) * xr.ones_like(tropics))


@pytest.mark.parametrize("step", [1.0, 2.5, 20.0])
@pytest.mark.parametrize("turned", [False, True])
def test_bands_are_exact_where_their_edges_cut_cells(step: float, turned: bool) -> None:
    ds = grid(step)
    ds = ds.isel(lat=slice(None, None, -1)) if turned else ds
    bands = xflux.latitude_bands(ds)
    assert bands.dims == ("region", "lat", "lon")
    np.testing.assert_array_equal(bands.names, ["90S-23.5S", "23.5S-23.5N", "23.5N-90N"])
    np.testing.assert_allclose(bands.sum("region"), 1.0, rtol=1e-14)
    area = (bands * cell_area(ds)).sum(("lat", "lon")) / cell_area(ds).sum()
    tropics = np.sin(np.deg2rad(23.5))
    np.testing.assert_allclose(area, [(1 - tropics) / 2, tropics, (1 - tropics) / 2], rtol=1e-12)


def test_bands_cut_cells_by_their_bounds() -> None:
    ds = grid(10.0)
    edges = np.array([[-90.0, -12.0], [-12.0, 7.0], [7.0, 90.0]])
    uneven = xr.Dataset(
        {"lat_bnds": (("lat", "nv"), edges)},
        coords={"lat": ("lat", [-50.0, 0.0, 50.0], {"bounds": "lat_bnds"}), "lon": ds.lon},
    )
    assert xflux.latitude_bands(uneven, (-90, -12, 7, 90)).dims == ("lat", "lon")
    cut = xflux.latitude_bands(uneven, (-90, 0, 90))
    south, north = np.sin(np.deg2rad([12.0, 7.0]))
    np.testing.assert_allclose(cut[0, 1, 0], south / (south + north), rtol=1e-12)


def test_what_makes_no_partition_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no ascending latitudes"):
        xflux.latitude_bands(grid(), (90, 0, -90))
    with pytest.raises(InputError, match="beyond the poles"):
        xflux.latitude_bands(grid(), (-91, 0, 90))
    with pytest.raises(MissingVariableError, match="no latitude and longitude"):
        xflux.transcom_regions(xr.Dataset(coords={"x": [1, 2]}))
    sites = xr.Dataset(coords={"lat": ("site", [1.0, 2.0]), "lon": ("site", [1.0, 2.0])})
    with pytest.raises(InputError, match="share the dim 'site'"):
        xflux.transcom_regions(sites)
    with pytest.raises(InputError, match="no rows of one latitude"):
        xflux.latitude_bands(sites)
    monkeypatch.setitem(sys.modules, "shapely", None)
    with pytest.raises(InputError, match=r"pip install 'xflux\[regions\]'"):
        xflux.transcom_regions(grid())
