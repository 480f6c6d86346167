"""Areas on the sphere: edges of cells from their centres, rectangles, polygons.

Plain NumPy arrays, angles in degrees, areas in steradians (multiply by the square
of the radius).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError

__all__ = [
    "continuous",
    "latitude_bounds",
    "longitude_bounds",
    "nearest_turn",
    "polygon_area",
    "row_factor",
    "shares_of_rows",
]

Floats = NDArray[np.float64]

#: Largest deviation from even spacing that is read as rounding of the coordinate (degrees, and
#: share of a step). float32 rounds longitudes to 1.5e-5 degrees; Gaussian latitudes lie further
#: off, at 1.5 % of a step.
_ROUNDING, _ROUNDING_SHARE = 1e-4, 0.01
#: Ratio of neighbouring steps from which rows are taken to be missing.
_JUMP = 1.6


def _steps(centres: Floats, called: str) -> Floats:
    """Return the steps between centres that are fit to infer edges from."""
    if centres.size < 2:
        raise InputError(
            f"{called} has {centres.size} value(s), from which the size of a cell cannot be told; "
            f"add bounds ({called}_bnds, named by {called}.attrs['bounds']) or a cell_area variable"
        )
    steps = np.diff(centres)
    if np.any(steps == 0):
        where = int(np.flatnonzero(steps == 0)[0])
        raise InputError(
            f"{called} repeats {centres[where]:g} at positions {where} and {where + 1}; "
            "drop one of the two"
        )
    if np.any(np.sign(steps) != np.sign(steps[0])):
        where = int(np.flatnonzero(np.sign(steps) != np.sign(steps[0]))[0])
        raise InputError(
            f"{called} is not monotonic: it turns at position {where} ({centres[where]:g}); "
            f"sort it with .sortby({called!r})"
        )
    sizes = np.abs(steps)
    ratio = np.maximum(sizes[1:] / sizes[:-1], sizes[:-1] / sizes[1:])
    if np.any(ratio > _JUMP):
        where = int(np.argmax(ratio))
        raise InputError(
            f"{called} steps by {sizes[where]:g} and then by {sizes[where + 1]:g} degrees at "
            f"{centres[where + 1]:g}: cells are missing or of unlike size, so their edges cannot "
            f"be told; compute cell_area on the whole grid before selecting, or add bounds"
        )
    return steps


def _even_step(centres: Floats, steps: Floats) -> float | None:
    """Return the step of evenly spaced centres, None where they are not even."""
    step = float((centres[-1] - centres[0]) / (centres.size - 1))
    ideal = centres[0] + step * np.arange(centres.size)
    tolerance = min(_ROUNDING, _ROUNDING_SHARE * abs(step))
    return step if np.max(np.abs(centres - ideal)) <= tolerance else None


def _edges(centres: Floats, steps: Floats) -> Floats:
    """Return the n + 1 edges of n centres; the outer ones half a step further out."""
    even = _even_step(centres, steps)
    if even is not None:
        return centres[0] + even * (np.arange(centres.size + 1) - 0.5)
    inner = centres[:-1] + 0.5 * steps
    first = centres[0] - 0.5 * steps[0]
    last = centres[-1] + 0.5 * steps[-1]
    return np.concatenate([[first], inner, [last]])


def _as_bounds(edges: Floats) -> Floats:
    return np.sort(np.stack([edges[:-1], edges[1:]], axis=-1), axis=-1)


def latitude_bounds(centres: NDArray[Any], called: str = "lat") -> Floats:
    """Infer the bounds of latitude rows from their centres.

    Edges lie half-way between centres. Edges beyond a pole are moved onto it, and
    so is an outermost edge that ends less than half a row short of it: rows of a
    Gaussian grid, and rounding.

    Parameters
    ----------
    centres : array
        Degrees north, ascending or descending.
    called : str
        Name of the coordinate, for messages.

    Returns
    -------
    array (n, 2)
        Lower and upper bound of each row, degrees north.

    Raises
    ------
    InputError
        For a single row, repeated, unsorted or missing rows.
    """
    lat = np.asarray(centres, np.float64)
    edges = _edges(lat, _steps(lat, called))
    for end, row in ((0, abs(edges[1] - edges[0])), (-1, abs(edges[-1] - edges[-2]))):
        if 90.0 - abs(edges[end]) < 0.49 * row:
            edges[end] = np.copysign(90.0, edges[end])
    return _as_bounds(np.clip(edges, -90.0, 90.0))


def longitude_bounds(centres: NDArray[Any], called: str = "lon") -> Floats:
    """Infer the bounds of longitude columns from their centres.

    The jump of 360 degrees may lie anywhere (0 to 360, -180 to 180, or inside).
    Where the columns go all round, the first and the last share an edge, so that
    all widths add up to 360.

    Parameters
    ----------
    centres : array
        Degrees east, ascending or descending.
    called : str
        Name of the coordinate, for messages.

    Returns
    -------
    array (n, 2)
        Western and eastern bound of each column, degrees east.

    Raises
    ------
    InputError
        For a single column, repeated (also 0 and 360), unsorted or missing ones.
    """
    lon = np.unwrap(np.asarray(centres, np.float64), period=360.0)
    steps = _steps(lon, called)
    typical = float(np.median(np.abs(steps)))
    gap = 360.0 - abs(lon[-1] - lon[0])
    if gap < 0.5 * typical:
        first, last = np.asarray(centres, np.float64)[[0, -1]]
        raise InputError(
            f"{called} goes all round and overlaps: {first:g} and {last:g} are the same column "
            f"(a cyclic point); drop it with .isel({called}=slice(None, -1))"
        )
    edges = _edges(lon, steps)
    if gap < 1.5 * typical:
        # The wrap closes at the middle of the gap; over even columns this is 360 / n exactly.
        turn = np.copysign(360.0, steps[0])
        even = _even_step(lon, steps)
        if even is not None and abs(even * lon.size - turn) < 5 * _ROUNDING:
            edges = lon[0] + turn / lon.size * (np.arange(lon.size + 1) - 0.5)
        else:
            edges[-1] = 0.5 * (lon[-1] + lon[0] + turn)
            edges[0] = edges[-1] - turn
    return _as_bounds(edges)


def continuous(bounds: NDArray[Any]) -> Floats:
    """Return bounds of columns without the jump of 360 degrees inside a column.

    Parameters
    ----------
    bounds : array (n, 2)
        Degrees east, such as (359.5, 0.5), in either order.

    Returns
    -------
    array (n, 2)
        Such as (359.5, 360.5).
    """
    bounds = np.asarray(bounds, np.float64)
    width = bounds[:, 1] - bounds[:, 0]
    # One column may span the globe (zonal means); of several, none spans more than a half.
    if len(bounds) > 1:
        width = nearest_turn(width)
    return np.stack([bounds[:, 0], bounds[:, 0] + width], axis=-1)


def nearest_turn(angles: Floats) -> Floats:
    """Return angles in degrees less the whole turns nearest to them."""
    return angles - 360.0 * np.round(angles / 360.0)


def row_factor(bounds: NDArray[Any]) -> Floats:
    """Return sin(north) - sin(south) of rows.

    Times the width of a column in radians it is the area of a cell in steradians.

    Parameters
    ----------
    bounds : array (n, 2)
        Degrees north, in either order.
    """
    one, other = np.deg2rad(np.asarray(bounds, np.float64)).T
    # sin b - sin a = 2 cos((a + b) / 2) sin((b - a) / 2) keeps its digits in narrow rows.
    return 2.0 * np.cos(0.5 * (one + other)) * np.sin(0.5 * np.abs(other - one))


def polygon_area(lat: NDArray[Any], lon: NDArray[Any]) -> Floats:
    """Compute the area of polygons on the unit sphere.

    Edges are great circles, except those between vertices of equal latitude, which
    are parallels: a latitude-longitude cell is exact, and neighbours that share an
    edge neither overlap nor leave a gap.

    Parameters
    ----------
    lat, lon : array (..., vertex)
        Vertices in order, either sense, degrees. Repeated vertices add nothing.

    Returns
    -------
    array (...)
        Steradians, NaN where a vertex is NaN. A polygon that goes round a pole
        holds the nearer one.

    Notes
    -----
    The signed area between an edge and the equator is, for a great circle,
    ``2 atan(tan(dlon / 2) (t1 + t2) / (1 + t1 t2))`` with ``t = tan(lat / 2)``
    (the spherical excess of a quadrangle with two right angles on the equator, as
    in Karney 2013, J. Geodesy 87, section 6, and in GeographicLib), and
    ``sin(lat) dlon`` for a parallel.
    """
    phi = np.deg2rad(np.asarray(lat, np.float64))
    lam = np.deg2rad(np.asarray(lon, np.float64))
    nxt_phi, turn = np.roll(phi, -1, axis=-1), np.roll(lam, -1, axis=-1) - lam
    turn = turn - 2.0 * np.pi * np.round(turn / (2.0 * np.pi))
    t1, t2 = np.tan(0.5 * phi), np.tan(0.5 * nxt_phi)
    excess = 2.0 * np.arctan(np.tan(0.5 * turn) * (t1 + t2) / (1.0 + t1 * t2))
    # 2e-7 rad is 1e-5 degrees, the rounding of float32 latitudes.
    parallel = np.abs(phi - nxt_phi) < 2e-7
    signed = np.where(parallel, 0.5 * (np.sin(phi) + np.sin(nxt_phi)) * turn, excess).sum(axis=-1)
    round_pole = np.abs(turn.sum(axis=-1)) > np.pi
    area = np.abs(signed)
    return np.where(round_pole, 2.0 * np.pi - area, area)


def shares_of_rows(rows: Floats, bands: Floats) -> Floats:
    """Return which share of the area of rows of latitude lies in bands.

    Parameters
    ----------
    rows : array (row, 2)
        South and north of each, degrees.
    bands : array (band, 2)

    Returns
    -------
    array (band, row)
        ``(sin(north) - sin(south))`` of what both share, over that of the row.
    """
    south, north = np.sin(np.deg2rad(rows)).T
    lowest, highest = np.sin(np.deg2rad(bands)).T[:, :, None]
    inside = np.clip(np.minimum(north, highest) - np.maximum(south, lowest), 0.0, None)
    shares: Floats = inside / (north - south)
    return shares
