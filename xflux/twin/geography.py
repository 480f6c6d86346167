"""Where the land of the idealised Earth lies, how high it is, and how far from the sea.

Functions of plain arrays of latitude and longitude, one value a place: what a grid cell or
a tower gets does not depend on what else is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.twin.outlines import COASTS, LAKES, RIDGES

__all__ = ["bumps", "distance_inland", "elevation", "land_share"]

Floats = NDArray[np.float64]

_KM_PER_DEGREE = 111.2
#: Beyond this a sea is open and a place inland: distances need not be exact.
_FAR = 3000.0


def distance_inland(lat: Floats, lon: Floats) -> Floats:
    """Return the distance to the nearest coast, km: positive on land, negative at sea."""
    land = np.full(lat.shape, -_FAR)
    for outline in COASTS.values():
        np.maximum(land, _inside(lat, lon, outline), out=land)
    for outline in LAKES.values():
        np.minimum(land, -_inside(lat, lon, outline), out=land)
    # Coasts are rough, which also hides the straight lines of the outlines.
    up, along = np.deg2rad(lat), np.deg2rad(lon)
    rough = np.sin(31.0 * up + 2.0 * np.sin(23.0 * along)) + np.sin(37.0 * along + 29.0 * up)
    return land + 35.0 * rough


def land_share(inland: Floats, size: Floats) -> Floats:
    """Return the share of a cell that is land.

    Parameters
    ----------
    inland : ndarray
        `distance_inland` of its centre, km.
    size : ndarray
        Widths of the cells, km.
    """
    share = np.clip(0.5 + inland / size, 0.0, 1.0)
    return np.where(share < 0.02, 0.0, share)


def elevation(lat: Floats, lon: Floats, inland: Floats) -> Floats:
    """Return the height of the land above the sea, m."""
    up, along = np.deg2rad(lat), np.deg2rad(lon)
    rolling = np.sin(9.0 * along + 3.0 * np.sin(7.0 * up)) * np.cos(11.0 * up + 1.0)
    height = 60.0 + 0.15 * np.clip(inland, 0.0, 1500.0) * (1.0 + 0.5 * rolling)
    for lon_1, lat_1, lon_2, lat_2, reach, top in RIDGES:
        away = _to_segment(lat, lon, (lon_1, lat_1), (lon_2, lat_2))
        height = height + top * np.exp(-((away / reach) ** 2)) * (1.0 + 0.15 * rolling)
    return height


def bumps(lat: Floats, lon: Floats, table: tuple[tuple[float, ...], ...]) -> list[Floats]:
    """Return the sum of bell-shaped bumps for each column of a table after the fourth.

    Parameters
    ----------
    lat, lon : ndarray
        Degrees.
    table : tuple
        Rows of longitude, latitude, reach east and north [km], and heights.
    """
    sums = [np.zeros(lat.shape) for _ in table[0][4:]]
    for lon_0, lat_0, east, north, *heights in table:
        dx = _turn(lon - lon_0) * (_KM_PER_DEGREE * np.cos(np.deg2rad(lat_0)) / east)
        dy = (lat - lat_0) * (_KM_PER_DEGREE / north)
        shape = np.exp(-(dx * dx + dy * dy))
        for total, height in zip(sums, heights, strict=True):
            total += height * shape
    return sums


def _turn(degrees: Floats) -> Floats:
    """Bring differences of longitude into -180 to 180."""
    return np.mod(degrees + 180.0, 360.0) - 180.0


def _inside(lat: Floats, lon: Floats, outline: tuple[tuple[float, float], ...]) -> Floats:
    """Return the distance to an outline, km, negative outside of it."""
    middle = 0.5 * (min(x for x, _ in outline) + max(x for x, _ in outline))
    x = _turn(lon - middle) + middle
    inside = np.zeros(lat.shape, bool)
    nearest = np.full(lat.shape, _FAR)
    for start, end in zip(outline, (*outline[1:], outline[0]), strict=True):
        crosses = (start[1] > lat) != (end[1] > lat)
        if start[1] != end[1]:
            slope = (end[0] - start[0]) / (end[1] - start[1])
            inside ^= crosses & (x < start[0] + slope * (lat - start[1]))
        np.minimum(nearest, _to_segment(lat, x, start, end), out=nearest)
    return np.where(inside, nearest, -nearest)


def _to_segment(
    lat: Floats, lon: Floats, start: tuple[float, float], end: tuple[float, float]
) -> Floats:
    """Return the distance to a segment, km, on the plane that touches the sphere at its middle."""
    stretch = _KM_PER_DEGREE * float(np.cos(np.deg2rad(0.5 * (start[1] + end[1]))))
    along = ((end[0] - start[0]) * stretch, (end[1] - start[1]) * _KM_PER_DEGREE)
    square = along[0] ** 2 + along[1] ** 2
    dx, dy = _turn(lon - start[0]) * stretch, (lat - start[1]) * _KM_PER_DEGREE
    share: Any = np.clip((dx * along[0] + dy * along[1]) / square, 0.0, 1.0)
    dx, dy = dx - share * along[0], dy - share * along[1]
    return np.sqrt(dx * dx + dy * dy)
