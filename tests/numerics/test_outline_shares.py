"""Shares of cells inside outlines: of the edges alone, against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xflux.numerics.outline_shares import reached, shares_of_outline
from xflux.numerics.sphere import row_factor

Array = np.ndarray[Any, Any]
ROWS, COLUMNS = np.arange(-90.0, 91.0, 10.0), np.arange(0.0, 361.0, 15.0)
#: Degrees of longitude times the sine of latitude.
AREAS = row_factor(np.stack([ROWS[:-1], ROWS[1:]], axis=-1))[:, None] * np.diff(COLUMNS)


def ring(*points: tuple[float, float]) -> Array:
    """Edges of one ring, counterclockwise."""
    corners = np.array(points, np.float64)
    return np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)


def box(west: float, south: float, east: float, north: float) -> Array:
    return ring((west, south), (east, south), (east, north), (west, north))


def area(edges: Array) -> float:
    return float(np.sum(shares_of_outline(edges, ROWS, COLUMNS) * AREAS))


def test_a_box_is_the_product_of_its_sides() -> None:
    shares = shares_of_outline(box(20.0, -34.0, 41.0, 3.0), ROWS, COLUMNS)
    south, north = np.maximum(ROWS[:-1], -34.0), np.minimum(ROWS[1:], 3.0)
    along = np.clip(np.minimum(COLUMNS[1:], 41) - np.maximum(COLUMNS[:-1], 20), 0, None) / 15
    rise = np.where(north > south, row_factor(np.stack([south, north], axis=-1)), 0.0)
    across = rise / row_factor(np.stack([ROWS[:-1], ROWS[1:]], axis=-1))
    np.testing.assert_allclose(shares, across[:, None] * along, atol=1e-14)


@given(
    st.floats(0.001, 300.0), st.floats(0.001, 89.0), st.floats(0.0, 59.0), st.sampled_from([-1, 1])
)
def test_a_triangle_on_the_equator_has_its_area(
    base: float, height: float, west: float, side: int
) -> None:
    corners = [(west, 0.0), (west + base, 0.0), (west, side * height)][::side]
    # integral base (1 - p / height) cos(p) dp
    radians = np.deg2rad(height)
    exact = base * 2.0 * np.sin(0.5 * radians) ** 2 / radians
    assert area(ring(*corners)) == pytest.approx(exact, rel=1e-9)


def test_cells_without_an_edge_are_whole() -> None:
    shares = shares_of_outline(ring((7, -80), (350, -85), (200, 85), (30, 70)), ROWS, COLUMNS)
    assert np.count_nonzero(shares == 1.0) > 150
    assert np.count_nonzero(shares == 0.0) > 100
    assert np.all((shares > -1e-13) & (shares < 1 + 1e-13))


def test_holes_turn_the_other_way() -> None:
    holed = np.concatenate([box(10, 10, 80, 80), box(32, 33, 34, 35)[::-1, ::-1]])
    assert area(holed) == pytest.approx(area(box(10, 10, 80, 80)) - area(box(32, 33, 34, 35)))
    shares = shares_of_outline(holed, ROWS, COLUMNS)
    assert np.count_nonzero((shares > 0) & (shares < 1)) == 15


def test_only_what_lies_on_the_grid_counts() -> None:
    rows, columns = ROWS[11:14], COLUMNS[3:7]
    outline = ring((-30, -20), (300, -60), (250, 80), (55, 27))
    whole = shares_of_outline(outline, ROWS, COLUMNS)[11:13, 3:6]
    np.testing.assert_allclose(shares_of_outline(outline, rows, columns), whole, atol=1e-14)
    assert not shares_of_outline(box(0, 0, 9, 9), rows, columns).any()


@given(st.lists(st.floats(-90.0, 90.0), min_size=3, max_size=12), st.floats(0.0, 1.0))
def test_outlines_with_an_edge_in_common_fill_the_globe(lats: list[float], tilt: float) -> None:
    x = np.linspace(0.0, 360.0, len(lats))
    x[1:-1] += tilt * 40.0 * np.sin(np.arange(1, len(lats) - 1))
    shared = [*zip(x, lats)]
    south = shares_of_outline(ring((0, -90), (360, -90), *shared[::-1]), ROWS, COLUMNS)
    north = shares_of_outline(ring((360, 90), (0, 90), *shared), ROWS, COLUMNS)
    np.testing.assert_allclose(south + north, 1.0, atol=1e-12)


def test_a_range_reaches_into_the_intervals_that_it_touches() -> None:
    lines = np.array([0.0, 1.0, 2.0, 3.0])
    assert reached(lines, 0.5, 1.5) == slice(0, 2)
    assert reached(lines, 1.0, 2.0) == slice(1, 2)
    assert reached(lines, -5.0, 9.0) == slice(0, 3)
    for low, high in ((4.0, 5.0), (-5.0, -4.0), (3.0, 4.0), (-1.0, 0.0)):
        found = reached(lines, low, high)
        assert found.start == found.stop
