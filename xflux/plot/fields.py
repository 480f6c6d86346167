"""Where a field lies: its axes, extent and the look of longitude and latitude."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError, MissingVariableError
from xflux.labels.grid import find_lat_lon
from xflux.plot.colours import INK, MUTED

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["Field", "MapAxes", "find_axes", "place"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MapAxes:
    """The coordinates that span a map.

    Attributes
    ----------
    x, y : DataArray
        One dimension each, two shared ones (curvilinear), or one shared (points).
    geographic : bool
        Whether they are longitude and latitude.
    """

    x: xr.DataArray
    y: xr.DataArray
    geographic: bool

    @property
    def dims(self) -> tuple[Hashable, ...]:
        """Dimensions of the map, the vertical one first."""
        return tuple(dict.fromkeys((*self.y.dims, *self.x.dims)))

    @property
    def points(self) -> bool:
        """Whether the field is a set of points, such as towers."""
        return len(self.dims) == 1


@dataclass(frozen=True, slots=True)
class Field:
    """Values in memory with the coordinates they are drawn at.

    Attributes
    ----------
    values : DataArray
        The dimensions of the map last.
    x, y : ndarray
        Edges of the columns and rows, centres of curvilinear cells, or points.
    geographic, points : bool
        As of `MapAxes`.
    labels : tuple of str
        Of a plain x and y axis; empty for longitude and latitude.
    """

    values: xr.DataArray
    x: Floats
    y: Floats
    geographic: bool
    points: bool
    labels: tuple[str, str] = ("", "")

    @property
    def is_global(self) -> bool:
        """Whether the field goes all round the globe."""
        if self.points or not self.geographic:
            return False
        return bool(np.ptp(self.x) > 355.0 and np.ptp(self.y) > 90.0)

    @property
    def y_limits(self) -> tuple[float, float]:
        """Lowest and highest y to show: of the globe, what has data, in tens of degrees."""
        y = self.y
        if self.is_global and y.ndim == 1:
            present = (
                np.isfinite(self.values.values).any(axis=-1).reshape(-1, y.size - 1).any(axis=0)
            )
            y = np.concatenate([y[:-1][present], y[1:][present]])
            return 10.0 * np.floor(np.min(y) / 10.0), 10.0 * np.ceil(np.max(y) / 10.0)
        return float(np.min(y)), float(np.max(y))

    @property
    def stretch(self) -> float:
        """Height of a unit of y over that of x, so that shapes come out right."""
        if not self.geographic or self.is_global:
            return 1.0
        return float(1.0 / max(np.cos(np.deg2rad(0.5 * (np.min(self.y) + np.max(self.y)))), 0.2))

    @property
    def shape(self) -> float:
        """Width over height as drawn."""
        width, height = np.ptp(self.x), np.ptp(self.y_limits) * self.stretch
        return float(width / height) if width > 0 and height > 0 else 1.0

    def dress(self, ax: Axes) -> None:
        """Give plain axes their extent, aspect and ticks."""
        pad = 0.06 if self.points else 0.0
        x_limits = float(np.min(self.x)), float(np.max(self.x))
        for limits, (low, high) in ((ax.set_xlim, x_limits), (ax.set_ylim, self.y_limits)):
            room = pad * (high - low) or (1.0 if high == low else 0.0)
            limits(low - room, high + room)
        ax.set_aspect(self.stretch)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.tick_params(length=2.5, width=0.6, labelsize=8, color=MUTED, labelcolor=MUTED)
        if self.points:
            ax.grid(True, color="white", linewidth=1.2)
            ax.set_axisbelow(True)
        if not self.geographic:
            ax.set_xlabel(self.labels[0], fontsize=9, color=INK)
            ax.set_ylabel(self.labels[1], fontsize=9, color=INK)
            return
        from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

        for axis, hemispheres, step in ((ax.xaxis, "EW", 60), (ax.yaxis, "NS", 30)):
            locator = (
                MultipleLocator(step) if self.is_global else MaxNLocator(5, steps=[1, 2, 3, 5, 10])
            )
            axis.set_major_locator(locator)
            axis.set_major_formatter(FuncFormatter(_Degrees(hemispheres)))


class _Degrees:
    """Write degrees with their hemisphere: 60°W."""

    def __init__(self, hemispheres: str) -> None:
        self.hemispheres = hemispheres

    def __call__(self, value: float, _: int | None = None) -> str:
        if self.hemispheres == "EW":
            value = (value + 180.0) % 360.0 - 180.0 if abs(value) > 180.0 else value
        side = "" if value in (0.0, -180.0, 180.0) and self.hemispheres == "EW" else (
            "" if value == 0 else self.hemispheres[0 if value > 0 else 1]
        )  # fmt: skip
        return f"{abs(value):g}°{side}"


def find_axes(array: xr.DataArray) -> MapAxes:
    """Find the coordinates that span the map of an array.

    Raises
    ------
    MissingVariableError
        When there is neither latitude and longitude nor x and y along its dimensions.
    """
    try:
        lat, lon = find_lat_lon(array)
        if lat.ndim and lon.ndim and {*lat.dims, *lon.dims} <= set(array.dims):
            return MapAxes(lon, lat, True)
    except MissingVariableError:
        pass
    if {"x", "y"} <= set(array.dims):
        return MapAxes(array["x"], array["y"], False)
    raise MissingVariableError(
        f"{array.name or 'the array'} cannot be drawn as a map: none of its dimensions "
        f"({', '.join(map(repr, array.dims)) or 'none'}) are latitude and longitude, or x and y. "
        "Give it coordinates lat and lon with .assign_coords(lat=..., lon=...)"
    )


def place(array: xr.DataArray, where: MapAxes) -> Field:
    """Lay out computed values on their axes, from 180 W to 180 E where they are global."""
    dims = where.dims
    array = array.transpose(..., *dims)
    x, y = array[where.x.name], array[where.y.name]
    if where.geographic and x.ndim == 1 and not where.points and _all_round(x.values):
        wrapped = (np.asarray(x.values, np.float64) + 180.0) % 360.0 - 180.0
        array = array.assign_coords({x.name: (x.dims, wrapped)}).sortby(str(x.name))
        x = array[where.x.name]
    xs, ys = np.asarray(x.values, np.float64), np.asarray(y.values, np.float64)
    for name, values in ((where.x.name, xs), (where.y.name, ys)):
        if not np.isfinite(values).all():
            raise InputError(
                f"coordinate {name!r} holds NaN, and cells without a place cannot be drawn; drop "
                f"them, such as by .where({name}.notnull(), drop=True)"
            )
    labels = tuple(
        f"{coord.name} [{coord.attrs['units']}]" if "units" in coord.attrs else str(coord.name)
        for coord in (x, y)
    )
    if x.ndim == 1 and not where.points:
        xs, ys = _edges(xs), _edges(ys)
        if where.geographic:
            ys = np.clip(ys, -90.0, 90.0)
    return Field(array, xs, ys, where.geographic, where.points, (labels[0], labels[1]))


def _all_round(longitudes: Any) -> bool:
    lon = np.asarray(longitudes, np.float64)
    if lon.size < 2 or np.any(np.diff(lon) <= 0) or lon.max() <= 180.0:
        return False
    return bool(np.ptp(lon) + 1.5 * np.diff(lon).max() > 360.0)


def _edges(centres: Floats) -> Floats:
    """Return edges half-way between centres; a single cell is one unit wide."""
    if centres.size == 1:
        return centres[0] + np.array([-0.5, 0.5])
    inner = 0.5 * (centres[1:] + centres[:-1])
    return np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])
