"""Regions given by their outlines: shapely polygons, or a table of them (GeoDataFrame)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError, XfluxWarning
from xflux.labels.coordinates import find_lat_lon
from xflux.labels.grid import column_edges, row_edges
from xflux.numerics.outline_shares import reached, shares_of_outline
from xflux.numerics.sphere import row_factor

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["are_shapes", "shares_of_shapes"]

#: Columns of a table that name its shapes.
_NAMES = ("names", "name", "NAME", "Name")
#: Share of a cell by which edges of neighbours may lie apart and be one.
_SAME = 1e-3
#: Share of a shape that must lie on the grid, less rounding and the edge of a pole.
_WHOLE = 0.999
#: Share of a cell that is rounding where another share is 1.
_ROUNDING = 1e-10
Floats = np.ndarray[Any, np.dtype[np.float64]]


def are_shapes(regions: Any) -> bool:
    """Tell whether these are shapes, without importing what they are made of."""
    if _is_table(regions):
        return True
    if isinstance(regions, Mapping):
        regions = list(regions.values())
    return (
        isinstance(regions, Sequence)
        and not isinstance(regions, str)
        and len(regions) > 0
        and all(_package(shape) == "shapely" for shape in regions)
    )


def shares_of_shapes(shapes: Any, grid: xr.Dataset | xr.DataArray) -> xr.DataArray:
    """Return the share of each cell that lies in each shape, exactly.

    Parameters
    ----------
    shapes : GeoDataFrame, GeoSeries, mapping or sequence of shapely polygons
        In degrees of longitude and latitude (a table in another reference system is brought to
        them), longitudes counted from anywhere. A mapping names them; of a table a column
        ``name`` does, else its index.
    grid : Dataset or DataArray
        On the grid: latitude and longitude of one dimension each, in any order and steps. Their
        bounds are read where it has them; else edges of cells lie half-way between centres, as
        in `xflux.labels.grid.cell_area`.

    Returns
    -------
    DataArray (region, lat, lon) [1]
        float64; regions are numbered from 1, their ``names`` stand beside. A shape off the grid
        has 0 everywhere.

    Raises
    ------
    InputError
        Without shapely 2, on a grid without rows and columns, for shapes that are no valid
        polygons in degrees, and where all of them lie off the grid.

    Warns
    -----
    XfluxWarning
        For shapes that reach beyond the grid.

    Notes
    -----
    By area on the sphere. Edges are straight in degrees, as they are drawn on a map of latitude
    and longitude, and the area between them is a closed form (see
    `xflux.numerics.outline_shares`): shapes that meet fill their cells to rounding, and boxes are
    bands of latitude. What is less than 1e-10 of the largest share is rounding, and 0.
    """
    outlines, names = _listed(shapes)
    for name, outline in zip(names, outlines, strict=True):
        _check(outline, name)
    lat, lon = find_lat_lon(grid)
    for coordinate in (lat, lon):
        _require_one_dimension(coordinate)
    rows = _Lines.of(row_edges(grid).values)
    columns = _Lines.of(_in_one_turn(column_edges(grid).values))
    # Pages that no shape touches take no memory.
    shares = np.zeros((len(outlines), lat.size, lon.size))
    cells = _areas(row_edges(grid).values, column_edges(grid).values)
    there = np.zeros(len(outlines))
    for k, (layer, outline) in enumerate(zip(shares, outlines, strict=True)):
        edges = _edges(outline)
        if _fill(layer, edges, rows, columns):
            there[k] = float(np.vdot(layer, cells)) / _area(edges)
    if not there.any():
        raise InputError(
            f"none of the regions {', '.join(names[:5])} lies on the grid; shapes are in degrees "
            "of longitude and latitude, in this order"
        )
    _warn_of_parts(names, there)
    import xarray as xr

    return xr.DataArray(
        shares,
        dims=("region", *lat.dims, *lon.dims),
        coords={
            "region": np.arange(1, len(outlines) + 1),
            "names": ("region", names),
            str(lat.name): lat,
            str(lon.name): lon,
        },
        name="share",
        attrs={"long_name": "share of the cell in the region", "units": "1"},
    )


@dataclass(frozen=True)
class _Lines:
    """Lines between cells along one axis.

    Attributes
    ----------
    at : array
        Ascending, degrees.
    cell : array
        Which cell lies between each line and the next; -1 in a gap between cells.
    """

    at: Floats
    cell: np.ndarray[Any, np.dtype[np.int64]]

    @staticmethod
    def of(bounds: Floats) -> _Lines:
        bounds = np.sort(bounds, axis=1)
        order = np.argsort(bounds[:, 0])
        low, high = bounds[order].T
        # Bounds of neighbours may differ by rounding, in float32 by 1e-5 degrees.
        meet = np.abs(low[1:] - high[:-1]) <= _SAME * (high - low)[1:]
        low[1:] = np.where(meet, high[:-1], low[1:])
        if np.any(low[1:] < high[:-1]):
            k = int(np.argmax(low[1:] < high[:-1]))
            raise InputError(
                f"cells overlap: one ends at {high[k]:g} degrees, the next begins at "
                f"{low[k + 1]:g}; correct the bounds, or drop them to have them inferred"
            )
        at = np.unique(np.concatenate([low, high]))
        cell = np.full(at.size - 1, -1)
        cell[np.searchsorted(at, low)] = order
        return _Lines(at, cell)


def _in_one_turn(columns: Floats) -> Floats:
    """Bring columns into the 360 degrees from the first of them."""
    columns = np.sort(columns, axis=1)
    first, width = columns[0, 0], columns[:, 1] - columns[:, 0]
    # A column that begins a hair before the first is the first, not one a turn further on.
    west = columns[:, 0] - 360.0 * np.floor((columns[:, 0] - first + _SAME * width) / 360.0)
    east = np.minimum(west + width, first + 360.0)
    return np.stack([west, east], axis=1)


def _areas(rows: Floats, columns: Floats) -> Floats:
    """Return areas of cells (row, column), in squares of the radius times degrees."""
    return row_factor(np.sort(rows, axis=1))[:, None] * np.abs(np.diff(columns, axis=1)).T


def _area(edges: Floats) -> float:
    """Return the area inside edges, in the same unit: their share of the box around them."""
    (west, south), (east, north) = edges.min(axis=(0, 1)), edges.max(axis=(0, 1))
    rows, columns = np.array([south, north]), np.array([west, east])
    share = shares_of_outline(edges, rows, columns)[0, 0]
    return float(share * row_factor(rows) * (east - west))


def _warn_of_parts(names: Sequence[str], there: Floats) -> None:
    """Warn of shapes of which a share lies on the grid: what is summed is that part."""
    parts = [
        f"{name} ({100 * share:.0f} %)"
        for name, share in zip(names, there, strict=True)
        if 0.0 < share < _WHOLE
    ]
    if parts:
        warnings.warn(
            f"regions reach beyond the grid, and are summed over what lies on it: "
            f"{', '.join(parts[:6])}; give a grid that holds them, or cut the shapes",
            XfluxWarning,
            stacklevel=4,
        )


def _edges(outline: Any) -> Floats:
    """Return the edges of polygons, their inside to the left: (edge, 2, 2)."""
    try:
        from shapely import get_coordinates, get_parts, get_rings, is_ccw
    except ImportError as error:
        raise InputError(
            "regions are shapes, which shapely 2 reads: pip install 'xflux[regions]'"
        ) from error
    rings, polygon = get_rings(get_parts(outline), return_index=True)
    # The first ring of a polygon is its outside, others are holes.
    outside = np.diff(polygon, prepend=-1) > 0
    points, ring = get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    edges = np.stack([points[:-1][same], points[1:][same]], axis=1)
    turned = (is_ccw(rings) != outside)[ring[1:][same]]
    edges[turned] = edges[turned, ::-1]
    return edges


def _fill(layer: Floats, edges: Floats, rows: _Lines, columns: _Lines) -> bool:
    """Write the shares of one outline, and tell whether it has any.

    Its longitudes may be counted in other turns than those of the grid, or cross the grid's end.
    """
    (west, south), (east, north) = edges.min(axis=(0, 1)), edges.max(axis=(0, 1))
    first = int(np.ceil((columns.at[0] - east) / 360.0))
    last = int(np.floor((columns.at[-1] - west) / 360.0))
    parts = []
    across = reached(rows.at, south, north)
    for turn in 360.0 * np.arange(first, last + 1):
        along = reached(columns.at, west + turn, east + turn)
        if across.start < across.stop and along.start < along.stop:
            shares = shares_of_outline(
                edges + np.array([turn, 0.0]),
                rows.at[across.start : across.stop + 1],
                columns.at[along.start : along.stop + 1],
            )
            row, column = rows.cell[across], columns.cell[along]
            cells = np.ix_(row[row >= 0], column[column >= 0])
            parts.append((cells, shares[row >= 0][:, column >= 0]))
    largest = max((float(shares.max(initial=0.0)) for _, shares in parts), default=0.0)
    for cells, shares in parts:
        # Where two turns meet in a cell it has something of both.
        whole = layer[cells] + shares
        whole[whole <= _ROUNDING * largest] = 0.0
        whole[whole > 1.0 - _ROUNDING] = 1.0
        layer[cells] = whole
    return largest > 0.0


def _require_one_dimension(coordinate: xr.DataArray) -> None:
    if coordinate.ndim != 1:
        raise InputError(
            f"regions are shapes, and {coordinate.name} is not of one dimension; give "
            "regionmask.Regions(shapes), which takes cells by their centre, or shares of cells "
            "(region, lat, lon)"
        )


def _package(thing: Any) -> str:
    return type(thing).__module__.partition(".")[0]


def _is_table(shapes: Any) -> bool:
    return _package(shapes) == "geopandas" and hasattr(shapes, "geometry")


def _listed(shapes: Any) -> tuple[list[Any], list[str]]:
    if not _is_table(shapes):
        if isinstance(shapes, Mapping):
            return list(shapes.values()), [str(name) for name in shapes]
        return list(shapes), [f"region {k}" for k in range(1, len(shapes) + 1)]
    if shapes.crs is not None and not shapes.crs.is_geographic:
        shapes = shapes.to_crs("EPSG:4326")
    columns = getattr(shapes, "columns", ())
    column = next((name for name in _NAMES if name in columns), None)
    names = shapes.index if column is None else shapes[column]
    return list(shapes.geometry), [str(name) for name in names]


def _check(outline: Any, name: str) -> None:
    if getattr(outline, "geom_type", "") not in ("Polygon", "MultiPolygon"):
        raise InputError(
            f"region {name!r} is a {getattr(outline, 'geom_type', type(outline).__name__)}; "
            "expected polygons"
        )
    if outline.is_empty or not outline.is_valid:
        what = "is empty" if outline.is_empty else "crosses itself; repair it with .buffer(0)"
        raise InputError(f"region {name!r} {what}")
    west, south, east, north = outline.bounds
    if west < -360 or east > 720 or south < -90.001 or north > 90.001:
        raise InputError(
            f"region {name!r} reaches from {west:g} to {east:g} and from {south:g} to {north:g}, "
            "which are no degrees of longitude and latitude; bring shapes to them with "
            ".to_crs('EPSG:4326')"
        )
    if east - west > 360.0 + 1e-6:
        raise InputError(
            f"region {name!r} reaches from {west:g} to {east:g}, more than once round the Earth; "
            "count the longitudes of all its parts from -180 or all from 0"
        )
