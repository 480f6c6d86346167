"""Areas of cells and their land."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from hypothesis import given
from hypothesis import strategies as st

from xflux.errors import AmbiguousVariableError, InputError, MissingVariableError, UnitsError
from xflux.labels.grid import EARTH_RADIUS, cell_area, land_fraction

SURFACE = 4 * np.pi * EARTH_RADIUS**2


def globe(rows: int = 18, columns: int = 36) -> xr.Dataset:
    lat = -90 + 180 / rows * (np.arange(rows) + 0.5)
    lon = 360 / columns * (np.arange(columns) + 0.5)
    return xr.Dataset(coords={"lat": lat, "lon": lon})


def with_bounds(ds: xr.Dataset) -> xr.Dataset:
    """Give rows evenly spaced bounds, and centres that do not lie half-way."""
    edges = np.linspace(-90.0, 90.0, ds.lat.size + 1)
    ds = ds.assign_coords(lat=0.7 * edges[:-1] + 0.3 * edges[1:])
    ds["lat"].attrs["bounds"] = "lat_edges"
    return ds.assign(lat_edges=(("lat", "nv"), np.stack([edges[:-1], edges[1:]], axis=-1)))


def corners(ds: xr.Dataset) -> xr.Dataset:
    """Write a rectilinear grid as a curvilinear one with four vertices a cell."""
    lat, lon = xr.broadcast(ds.lat, ds.lon)
    half = 90 / ds.lat.size, 180 / ds.lon.size
    signs = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
    out = xr.Dataset(
        coords={"lat": (("y", "x"), lat.values), "lon": (("y", "x"), lon.values)},
    )
    out["lat"].attrs["bounds"], out["lon"].attrs["bounds"] = "lat_v", "lon_v"
    for k, name in enumerate(("lat", "lon")):
        out[f"{name}_v"] = (("y", "x", "v"), out[name].values[..., None] + half[k] * signs[:, k])
    return out


@given(
    rows=st.integers(2, 90),
    columns=st.integers(2, 90),
    start=st.floats(-180, 180),
    reverse=st.sets(st.sampled_from(["lat", "lon"])),
    lazy=st.booleans(),
    names=st.sampled_from([("lat", "lon"), ("latitude", "longitude"), ("nav_lat", "nav_lon")]),
)
def test_areas_of_a_global_grid_add_up_to_the_sphere(
    rows: int, columns: int, start: float, reverse: set[str], lazy: bool, names: tuple[str, str]
) -> None:
    ds = globe(rows, columns)
    ds = ds.assign_coords(lon=(ds.lon + start + 180) % 360 - 180)
    ds = ds.isel({dim: slice(None, None, -1) for dim in reverse})
    ds = ds.assign(x=(("lon", "lat"), np.zeros((columns, rows))))
    ds = ds.rename(dict(zip(("lat", "lon"), names, strict=True)))
    area = cell_area(ds.chunk({names[0]: 7}) if lazy else ds.x)
    assert area.dims == names
    assert float(area.sum()) == pytest.approx(SURFACE, rel=1e-12)


def test_a_part_of_a_grid_has_the_areas_of_the_whole() -> None:
    ds = globe(180, 360)
    part = ds.isel(lat=slice(100, 140), lon=slice(10, 90))
    xr.testing.assert_allclose(
        cell_area(part), cell_area(ds).isel(lat=slice(100, 140), lon=slice(10, 90)), rtol=1e-12
    )


def test_areas_are_described_and_scale_with_the_radius() -> None:
    area = cell_area(globe())
    assert (area.name, area.attrs["units"], area.attrs["standard_name"], area.dtype) == (
        "cell_area", "m2", "cell_area", np.float64,
    )  # fmt: skip
    assert float(cell_area(globe(), radius=1.0).sum()) == pytest.approx(4 * np.pi, rel=1e-12)


def test_bounds_rule_over_coordinates() -> None:
    ds = with_bounds(globe())
    area = cell_area(ds)
    np.testing.assert_allclose(area, cell_area(globe()), rtol=1e-12)
    inferred = cell_area(ds.drop_vars("lat_edges"))
    assert abs(inferred / area - 1).max() > 0.01


def test_bounds_are_found_by_encoding_and_by_name() -> None:
    ds = with_bounds(globe())
    area = cell_area(ds)
    ds["lat"].encoding["bounds"] = ds["lat"].attrs.pop("bounds")
    xr.testing.assert_identical(cell_area(ds), area.assign_coords(lat=ds.lat))
    del ds["lat"].encoding["bounds"]
    xr.testing.assert_equal(cell_area(ds.rename(lat_edges="lat_bnds")), area)


def test_a_single_row_and_a_single_column_need_bounds() -> None:
    ds = globe(2, 2).isel(lat=[1], lon=[0])
    with pytest.raises(InputError, match=r"lat has 1 value.*lat_bnds"):
        cell_area(ds)
    ds = ds.assign(lat_bnds=(("lat", "nv"), [[0.0, 90.0]]))
    with pytest.raises(InputError, match=r"lon has 1 value.*lon_bnds"):
        cell_area(ds)
    ds = ds.assign(lon_bnds=(("lon", "nv"), [[0.0, 360.0]]), lon=[180.0])
    assert cell_area(ds).item() == pytest.approx(SURFACE / 2, rel=1e-12)


def test_bounds_across_the_jump_and_beyond_the_pole_are_read() -> None:
    ds = globe(18, 36).assign_coords(lon=np.arange(0.0, 360.0, 10.0))
    lon_edges = np.stack([(ds.lon.values - 5) % 360, ds.lon.values + 5], axis=-1)
    lat_edges = np.stack([ds.lat.values - 5, ds.lat.values + 5], axis=-1)
    lat_edges[0, 0], lat_edges[-1, 1] = -95.0, 95.0
    ds = ds.assign(lat_bnds=(("lat", "nv"), lat_edges), lon_bnds=(("lon", "nv"), lon_edges))
    assert float(cell_area(ds).sum()) == pytest.approx(SURFACE, rel=1e-12)


def test_bounds_that_miss_their_cells_are_refused() -> None:
    ds = with_bounds(globe())
    with pytest.raises(InputError, match=r"position 3 are .* does not hold the centre"):
        cell_area(ds.assign(lat_edges=ds.lat_edges.where(ds.lat != ds.lat[3], 80.0)))
    double = np.stack([globe().lon - 10, globe().lon + 10], axis=-1)
    with pytest.raises(InputError, match="cover 720 degrees"):
        cell_area(globe().assign(lon_bnds=(("lon", "nv"), double)))


@pytest.mark.parametrize(
    ("lat", "lon", "said"),
    [
        ([0.0, np.nan, 2.0], [0.0, 1.0], "lat holds 1 NaN"),
        ([0.0, 1e5, 2e5], [0.0, 1.0], "projected, in metres"),
        ([0.0, 1.0, 0.5], [0.0, 1.0], "not monotonic"),
        ([0.0, 1.0], np.arange(0.0, 361.0, 10.0), "cyclic point"),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 1.0, 2.0], "lon repeats 1"),
        ([0.0, 1.0, 2.0, 9.0], [0.0, 1.0], "cells are missing"),
    ],
)
def test_coordinates_that_tell_no_areas_are_refused(lat: list, lon: list, said: str) -> None:
    with pytest.raises(InputError, match=said):
        cell_area(xr.Dataset(coords={"lat": lat, "lon": lon}))


def test_without_coordinates_there_is_no_area() -> None:
    with pytest.raises(MissingVariableError, match="no latitude and longitude found"):
        cell_area(xr.Dataset({"x": ("y", [1.0])}))


def test_a_given_area_is_used_and_brought_to_square_metres() -> None:
    ds = globe().assign(areacella=(("lon", "lat"), np.full((36, 18), 2.5, "f4"), {"units": "km2"}))
    area = cell_area(ds)
    assert area.dims == ("lat", "lon")
    assert area.dtype == np.float64
    np.testing.assert_allclose(area, 2.5e6)


@pytest.mark.parametrize("place", ["attrs", "encoding"])
def test_cell_measures_name_the_area(place: str) -> None:
    ds = globe().assign(
        x=(("lat", "lon"), np.zeros((18, 36))),
        my_area=(("lat", "lon"), np.full((18, 36), 3.0), {"units": "m2"}),
    )
    getattr(ds["x"], place)["cell_measures"] = "area: my_area volume: v"
    np.testing.assert_array_equal(cell_area(ds), 3.0)
    # An area in another file is external; it is then computed.
    external = cell_area(ds.drop_vars("my_area"))
    assert float(external.sum()) == pytest.approx(SURFACE, rel=1e-12)
    getattr(ds["lat"], place)["cell_measures"] = "area: x"
    with pytest.raises(AmbiguousVariableError, match="my_area, x"):
        cell_area(ds)


def test_an_area_by_latitude_alone_is_that_of_each_cell_of_the_row() -> None:
    rows = np.arange(18.0)
    area = cell_area(globe().assign(cell_area=("lat", rows, {"units": "m2"})))
    assert area.dims == ("lat", "lon")
    np.testing.assert_array_equal(area, np.repeat(rows[:, None], 36, axis=1))


def test_a_given_area_without_unit_or_with_time_is_refused() -> None:
    values = np.ones((18, 36))
    with pytest.raises(UnitsError, match="'cell_area' has no units"):
        cell_area(globe().assign(cell_area=(("lat", "lon"), values)))
    with pytest.raises(UnitsError, match="cell_area"):
        cell_area(globe().assign(cell_area=(("lat", "lon"), values, {"units": "m"})))
    moving = globe().assign(cell_area=(("time", "lat", "lon"), values[None], {"units": "m2"}))
    with pytest.raises(InputError, match=r"isel\(time=0"):
        cell_area(moving)


def test_curvilinear_cells_are_polygons_of_their_bounds() -> None:
    rectilinear = globe(9, 18)
    area = cell_area(corners(rectilinear))
    assert area.dims == ("y", "x")
    np.testing.assert_allclose(area, cell_area(rectilinear), rtol=1e-12)


def test_curvilinear_cells_without_bounds_are_refused() -> None:
    ds = corners(globe(9, 18)).drop_vars(["lat_v", "lon_v"])
    with pytest.raises(InputError, match=r"curvilinear.*add a cell_area"):
        cell_area(ds)
    given_area = ds.assign(cell_area=(("y", "x"), np.ones((9, 18)), {"units": "m2"}))
    np.testing.assert_array_equal(cell_area(given_area), 1.0)


def test_unstructured_cells_are_polygons_and_towers_are_not_cells() -> None:
    ds = corners(globe(9, 18)).drop_attrs().stack(cell=("y", "x"), create_index=False)
    ds = ds.rename(lat_v="lat_vertices", lon_v="lon_vertices").set_coords(["lat", "lon"])
    assert float(cell_area(ds).sum()) == pytest.approx(SURFACE, rel=1e-12)
    radians = ds.map(np.deg2rad).assign_coords(
        {name: np.deg2rad(ds[name]).assign_attrs(units="radian") for name in ("lat", "lon")}
    )
    assert float(cell_area(radians).sum()) == pytest.approx(SURFACE, rel=1e-12)
    with pytest.raises(InputError, match="points"):
        cell_area(ds.drop_vars(["lat_vertices", "lon_vertices"]))


def test_nothing_is_computed_and_chunks_are_those_of_the_data() -> None:
    ds = with_bounds(globe()).assign(x=(("lat", "lon"), np.zeros((18, 36))))
    lazy = ds.chunk(lat=5, lon=20)
    curvilinear = corners(globe()).chunk(y=4)
    with no_compute():
        area, polygons = cell_area(lazy), cell_area(curvilinear)
        fraction = land_fraction(lazy.rename(x="sftlf").assign_attrs().pipe(percent))
    assert area.chunks == lazy.x.chunks
    xr.testing.assert_allclose(area.compute(), cell_area(ds))
    assert polygons.chunks is not None
    assert float(polygons.sum()) == pytest.approx(SURFACE, rel=1e-12)
    assert fraction is not None
    assert fraction.chunks == lazy.x.chunks


def percent(ds: xr.Dataset) -> xr.Dataset:
    ds["sftlf"].attrs["units"] = "%"
    return ds


def test_the_land_fraction_is_found_and_brought_to_one() -> None:
    ds = globe().assign(sftlf=(("lat", "lon"), np.full((18, 36), 40.0), {"units": "%"}))
    fraction = land_fraction(ds)
    assert fraction is not None
    np.testing.assert_allclose(fraction, 0.4)
    assert land_fraction(globe()) is None
    with pytest.raises(InputError, match="time dimension"):
        land_fraction(ds.expand_dims(time=2))


@pytest.mark.real
def test_areas_are_those_of_the_global_drivers(data: Path) -> None:
    ds = xr.open_dataset(data / "grids/global_1deg/global_monthly_drivers.nc")
    stated = cell_area(ds)
    computed = cell_area(ds.drop_vars("cell_area"))
    # The file keeps four significant digits.
    np.testing.assert_allclose(computed, stated, rtol=5e-4)
    assert float(computed.sum()) == pytest.approx(SURFACE, rel=1e-12)
    assert float(computed.sum()) == pytest.approx(float(stated.sum()), rel=1e-6)


@pytest.mark.real
def test_areas_are_those_of_the_transcom_grid(data: Path) -> None:
    ds = xr.open_dataset(data / "regions/transcom_1deg/area-1x1.nc")
    stated = cell_area(ds)
    computed = cell_area(ds.drop_vars("cell_area"), radius=6371000.0)
    # That file holds areas of an approximate formula: 5e-5 too small at the poles.
    np.testing.assert_allclose(computed, stated, rtol=6e-5)
    assert float(computed.sum()) == pytest.approx(float(stated.sum()), rel=1e-9)


@pytest.mark.real
@pytest.mark.parametrize(
    "path",
    [
        "regions/modis_landcover_0.25deg_2010.nc",
        "land_models/casacnp_2deg/casacnp_pools_fluxes_2deg.nc",
        "budgets/gcb2023_gridded/Land_carbon_uptake_DGVMs_gridded_GCB2023_2013-2022_mean.nc",
    ],
)
def test_areas_of_real_grids_add_up_to_the_sphere(data: Path, path: str) -> None:
    area = cell_area(xr.open_dataset(data / path, decode_times=False))
    assert float(area.sum()) == pytest.approx(SURFACE, rel=1e-12)
