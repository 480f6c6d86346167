"""Shares of the cells of a grid that lie inside an outline, exactly, from its edges alone.

What lies inside an outline is the sum over its edges of what lies west of each, edges that run
south taken off (Green's theorem). Edges are straight in degrees and are cut where they cross
the lines of the grid; the area west of a piece has a closed form on the sphere. Neither polygons
are clipped nor edges approximated, so that outlines with an edge in common share it to rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xflux.numerics.sphere import row_factor

__all__ = ["reached", "shares_of_outline"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def reached(lines: Floats, low: float, high: float) -> slice:
    """Return which of the intervals between ascending lines a range reaches into."""
    first = max(int(np.searchsorted(lines, low, "right")) - 1, 0)
    last = min(int(np.searchsorted(lines, high, "left")), lines.size - 1)
    return slice(first, max(first, last))


def shares_of_outline(edges: Floats, rows: Floats, columns: Floats) -> Floats:
    """Return the share of the area of each cell that lies inside an outline.

    Parameters
    ----------
    edges : array (edge, 2, 2)
        Longitude and latitude (last axis) of the start and the end of each edge, degrees, in any
        order. The inside lies to the left; edges close one or more rings.
    rows, columns : array (row + 1,), (column + 1,)
        Latitudes and longitudes of the lines between cells, ascending, degrees.

    Returns
    -------
    array (row, column)
        Exactly 0 or 1 in cells without an edge; elsewhere to rounding, about 1e-13.

    Notes
    -----
    West of a piece from (x1, p1) to (x2, p2), in the cell that begins at w, lies
    ``integral (x - w) cos(p) dp``; with x straight in p, half its height ``h = (p2 - p1) / 2`` and
    its middle (x, p) this is ``2 (x - w) cos(p) sin(h) - (x2 - x1) sin(p) (sin(h) / h - cos(h))``.
    Of the cells to the west it has ``2 cos(p) sin(h)`` times their width.
    """
    shape = (rows.size - 1, columns.size)
    pieces = _pieces(_near(edges, rows, columns), rows, columns)
    middle = pieces.mean(axis=1)
    row = np.searchsorted(rows, middle[:, 1], "right") - 1
    # The last column, one more than there are cells, is all that lies to the east of the grid.
    column = np.searchsorted(columns, middle[:, 0], "right") - 1
    there = (row >= 0) & (row < shape[0]) & (column >= 0)
    pieces, middle, row, column = pieces[there], middle[there], row[there], column[there]
    cell = row * shape[1] + column
    lat = np.deg2rad(middle[:, 1])
    half = 0.5 * np.deg2rad(pieces[:, 1, 1] - pieces[:, 0, 1])
    rise = 2.0 * np.cos(lat) * np.sin(half)
    run = pieces[:, 1, 0] - pieces[:, 0, 0]
    west = (middle[:, 0] - columns[column]) * rise - run * np.sin(lat) * _lag(half)
    size = shape[0] * shape[1]

    def of_cells(worth: Floats | None) -> Floats:
        return np.bincount(cell, worth, minlength=size).reshape(shape).astype(np.float64)

    height = row_factor(np.stack([rows[:-1], rows[1:]], axis=-1))[:, None]
    beyond: Floats = np.cumsum(of_cells(rise)[:, :0:-1], axis=1)[:, ::-1] / height
    within = of_cells(west)[:, :-1] / (height * np.diff(columns))
    return np.where(of_cells(None)[:, :-1] > 0, beyond + within, np.round(beyond))


def _lag(half: Floats) -> Floats:
    """Return sin(h) / h - cos(h), with its digits where h is small."""
    square = half**2
    series = square * (1.0 / 3.0 - square * (1.0 / 30.0 - square / 840.0))
    small = np.abs(half) < 0.02
    safe = np.where(small, 1.0, half)
    return np.where(small, series, np.sin(safe) / safe - np.cos(safe))


def _near(edges: Floats, rows: Floats, columns: Floats) -> Floats:
    """Leave out the edges that have nothing of the grid to their west."""
    low, high = edges.min(axis=1), edges.max(axis=1)
    return edges[(high[:, 1] > rows[0]) & (low[:, 1] < rows[-1]) & (high[:, 0] > columns[0])]


def _pieces(edges: Floats, rows: Floats, columns: Floats) -> Floats:
    """Cut edges where they cross lines: (piece, 2, 2), each of them in one cell."""
    start, run = edges[:, 0], edges[:, 1] - edges[:, 0]
    count = len(edges)
    edge = [np.arange(count), np.arange(count)]
    way = [np.zeros(count), np.ones(count)]
    point = [start, edges[:, 1]]
    for axis, lines in enumerate((columns, rows)):
        crossing, line = _crossings(edges[:, :, axis], lines)
        share = (line - start[crossing, axis]) / run[crossing, axis]
        at = start[crossing] + share[:, None] * run[crossing]
        at[:, axis] = line
        edge.append(crossing)
        way.append(share)
        point.append(at)
    edges_of, points = np.concatenate(edge), np.concatenate(point)
    order = np.lexsort((np.concatenate(way), edges_of))
    edges_of, points = edges_of[order], points[order]
    same = edges_of[1:] == edges_of[:-1]
    return np.stack([points[:-1][same], points[1:][same]], axis=1)


def _crossings(ends: Floats, lines: Floats) -> tuple[Integers, Floats]:
    """Return which edges (edge, 2) cross which lines between their ends."""
    first = np.searchsorted(lines, ends.min(axis=1), "right")
    count = np.maximum(np.searchsorted(lines, ends.max(axis=1), "left") - first, 0)
    edge = np.repeat(np.arange(len(ends)), count)
    since = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count)
    return edge, lines[np.repeat(first, count) + since]
