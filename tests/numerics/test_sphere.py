"""Areas on the sphere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xflux.errors import InputError
from xflux.numerics.sphere import (
    continuous,
    latitude_bounds,
    longitude_bounds,
    polygon_area,
    row_factor,
)

SPHERE = 4.0 * np.pi


def total(lat: np.ndarray, lon: np.ndarray) -> float:
    widths = np.deg2rad(np.diff(longitude_bounds(lon))[:, 0])
    return float(np.sum(np.outer(row_factor(latitude_bounds(lat)), widths)))


@given(
    rows=st.integers(2, 200),
    columns=st.integers(2, 400),
    offset=st.floats(-180.0, 360.0),
    poles=st.booleans(),
    south_up=st.booleans(),
    west_up=st.booleans(),
    start=st.integers(0, 399),
    wrap=st.sampled_from([0.0, -180.0]),
)
def test_cells_of_any_global_grid_add_up_to_the_sphere(
    rows: int,
    columns: int,
    offset: float,
    poles: bool,
    south_up: bool,
    west_up: bool,
    start: int,
    wrap: float,
) -> None:
    step = 180.0 / rows
    lat = np.linspace(-90.0, 90.0, rows + 1) if poles else -90.0 + step * (np.arange(rows) + 0.5)
    lon = offset + np.arange(columns) * 360.0 / columns
    lon = np.roll(wrap + (lon - wrap) % 360.0, start)
    lat = lat if south_up else lat[::-1]
    lon = lon if west_up else lon[::-1]
    assert total(lat, lon) == pytest.approx(SPHERE, rel=1e-12)


@pytest.mark.parametrize("step", [0.05, 0.1, 0.25, 1.0])
def test_rounding_of_float32_coordinates_does_not_reach_the_areas(step: float) -> None:
    rows, columns = round(180 / step), round(360 / step)
    lat = (-90.0 + step * (np.arange(rows) + 0.5)).astype("f4")
    lon = (-180.0 + step * (np.arange(columns) + 0.5)).astype("f4")
    assert total(lat, lon) == pytest.approx(SPHERE, rel=1e-12)
    widths = np.diff(longitude_bounds(lon))
    assert np.ptp(widths) < 1e-9 * step
    assert np.ptp(np.diff(latitude_bounds(lat))) < 1e-3 * step


@pytest.mark.parametrize("rows", [32, 160, 640])
def test_gaussian_rows_reach_the_poles(rows: int) -> None:
    lat = np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(rows)[0]))
    bounds = latitude_bounds(lat)
    assert (bounds.min(), bounds.max()) == (-90.0, 90.0)
    assert np.all((bounds[:, 0] < lat) & (lat < bounds[:, 1]))


def test_rows_that_end_short_of_the_pole_stay_short_of_it() -> None:
    bounds = latitude_bounds(np.arange(-55.5, 84.0))
    assert (bounds.min(), bounds.max()) == (-56.0, 84.0)


def test_columns_of_a_region_across_the_date_line_keep_their_width() -> None:
    bounds = longitude_bounds(np.array([178.0, 179.0, -180.0, -179.0]))
    np.testing.assert_allclose(np.diff(bounds), 1.0, rtol=1e-12)


def test_stretched_columns_close_where_they_wrap() -> None:
    lon = 10.0 * np.sin(np.deg2rad(np.arange(0.0, 360.0, 5.0))) + np.arange(0.0, 360.0, 5.0)
    widths = np.diff(longitude_bounds(lon))
    assert np.ptp(widths) > 1.0
    assert widths.sum() == pytest.approx(360.0, rel=1e-13)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([45.0], "cannot be told"),
        ([1.0, 2.0, 2.0, 3.0], "repeats 2"),
        ([1.0, 2.0, 1.5, 3.0], "not monotonic"),
        ([1.0, 2.0, 3.0, 6.0, 7.0], "steps by 1 and then by 3"),
    ],
)
def test_centres_that_tell_no_edges_are_refused_with_the_reason(
    values: list[float], said: str
) -> None:
    for bounds in (latitude_bounds, longitude_bounds):
        with pytest.raises(InputError, match=said):
            bounds(np.array(values), "axis")


@pytest.mark.parametrize("lon", [np.arange(0.0, 361.0, 5.0), np.arange(-180.0, 181.0, 1.0)])
def test_a_cyclic_column_is_refused(lon: np.ndarray) -> None:
    with pytest.raises(InputError, match="cyclic point"):
        longitude_bounds(lon)


def test_bounds_across_the_jump_are_made_continuous() -> None:
    bounds = continuous(np.array([[358.5, 359.5], [359.5, 0.5], [0.5, 1.5]]))
    np.testing.assert_array_equal(bounds, [[358.5, 359.5], [359.5, 360.5], [0.5, 1.5]])
    np.testing.assert_array_equal(continuous(np.array([[0.0, 360.0]])), [[0.0, 360.0]])


@given(
    south=st.floats(-90.0, 89.0),
    height=st.floats(0.01, 60.0),
    west=st.floats(-360.0, 360.0),
    width=st.floats(0.01, 170.0),
    reverse=st.booleans(),
)
def test_a_cell_between_parallels_is_exact_as_a_polygon(
    south: float, height: float, west: float, width: float, reverse: bool
) -> None:
    north = min(90.0, south + height)
    lat, lon = [south, south, north, north], [west, west + width, west + width, west]
    if reverse:
        lat, lon = lat[::-1], lon[::-1]
    # Below 1e-5 degrees, the rounding of float32, edges count as parallels.
    expected = row_factor(np.array([[south, north]]))[0] * np.deg2rad(width)
    assert polygon_area(np.array(lat), np.array(lon)) == pytest.approx(expected, rel=1e-8)


def test_an_octant_is_an_eighth_of_the_sphere() -> None:
    assert polygon_area(np.array([0.0, 0.0, 90.0]), np.array([10.0, 100.0, 200.0])) == (
        pytest.approx(SPHERE / 8, rel=1e-14)
    )


def test_a_triangle_has_its_spherical_excess() -> None:
    lat, lon = np.array([5.0, 40.0, -20.0]), np.array([350.0, 30.0, 60.0])
    phi, lam = np.deg2rad(lat), np.deg2rad(lon)
    corners = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    # Van Oosterom and Strackee (1983): solid angle of a triangle from its unit vectors.
    a, b, c = corners.T
    solid = 2 * np.arctan2(abs(a @ np.cross(b, c)), 1 + a @ b + b @ c + c @ a)
    assert polygon_area(lat, lon) == pytest.approx(solid, rel=1e-12)


def test_a_cap_around_the_pole_holds_the_pole() -> None:
    ring = np.arange(0.0, 360.0, 1.0)
    cap = 2 * np.pi * (1 - np.sin(np.deg2rad(70.0)))
    for sign in (1.0, -1.0):
        assert polygon_area(np.full(360, sign * 70.0), ring) == pytest.approx(cap, rel=1e-12)


def test_cells_of_a_rotated_mesh_add_up_to_the_sphere() -> None:
    lat, lon = np.linspace(-90.0, 90.0, 31), np.linspace(0.0, 360.0, 61)
    phi, lam = np.meshgrid(np.deg2rad(lat), np.deg2rad(lon), indexing="ij")
    xyz = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    tilt = np.deg2rad(41.3)
    x = np.cos(tilt) * xyz[0] - np.sin(tilt) * xyz[2]
    z = np.sin(tilt) * xyz[0] + np.cos(tilt) * xyz[2]
    corners = np.stack([np.rad2deg(np.arcsin(z)), np.rad2deg(np.arctan2(xyz[1], x))])
    around = [corners[:, i : 30 + i, j : 60 + j] for i, j in ((0, 0), (0, 1), (1, 1), (1, 0))]
    areas = polygon_area(*np.stack(around, axis=-1))
    assert areas.shape == (30, 60)
    assert areas.min() > 0
    assert areas.sum() == pytest.approx(SPHERE, rel=1e-9)


def test_repeated_vertices_add_nothing_and_missing_ones_make_nan() -> None:
    lat, lon = np.array([10.0, 10.0, 20.0, 20.0, 20.0]), np.array([0.0, 5.0, 5.0, 0.0, 0.0])
    assert polygon_area(lat, lon) == polygon_area(lat[:4], lon[:4])
    assert np.isnan(polygon_area(np.array([0.0, np.nan, 1.0]), np.array([0.0, 1.0, 1.0])))
