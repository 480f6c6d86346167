"""Cells that coordinates lie nearest to."""

from __future__ import annotations

import numpy as np

from xflux.regional.nearest_cells import nearest_cells


def test_axes_of_any_order_are_met() -> None:
    position, apart = nearest_cells(
        np.array([[10.0, -29.0], [30.0, np.nan]]), np.array([30.0, 10.0, -30.0])
    )
    assert position[0].tolist() == [1, 2]
    assert position[1, 0] == 0
    np.testing.assert_allclose(apart, [[0.0, 1.0], [0.0, np.nan]])


def test_longitudes_go_round() -> None:
    east = np.arange(5.0, 360.0, 10.0)
    west = np.where(east > 180.0, east - 360.0, east)
    assert nearest_cells(west, east, turn=360.0)[0].tolist() == list(range(36))
    position, apart = nearest_cells(
        np.array([-0.001, 359.0, 1.0]), np.array([0.0, 90.0]), turn=360.0
    )
    assert position.tolist() == [0, 0, 0]
    np.testing.assert_allclose(apart, [0.001, 1.0, 1.0])


def test_the_nearest_is_that_of_all_distances() -> None:
    random = np.random.default_rng(0)
    wanted, centres = random.uniform(-180, 360, 200), random.uniform(-180, 360, 37)
    apart = np.abs(wanted[:, None] - centres)
    ring = np.abs((wanted[:, None] - centres + 180) % 360 - 180)
    for turn, far in ((None, apart), (360.0, ring)):
        position, found = nearest_cells(wanted, centres, turn=turn)
        assert (position == far.argmin(-1)).all()
        np.testing.assert_allclose(found, far.min(-1), atol=1e-9)


def test_one_cell_is_nearest_to_all() -> None:
    for turn in (None, 360.0):
        assert nearest_cells(np.array([-3.0, 8.0]), np.array([2.0]), turn=turn)[0].tolist() == [
            0,
            0,
        ]
