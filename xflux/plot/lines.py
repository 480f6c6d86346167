"""The lines of a series: averaged lazily, computed once, then medians and bands."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.calendar import find_time
from xflux.labels.grid import match_grid
from xflux.plot.groups import SEASONS, Groups, make_groups
from xflux.plot.reduce import area_weights, grouped_mean
from xflux.plot.wording import reduction, span
from xflux.skill.groups import is_time

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Layout", "Lines", "lay_out", "make_lines"]

#: Parts of the date that a series is averaged over, and what comes out.
_CYCLES = {
    "month": "mean year",
    "season": "mean year",
    "dayofyear": "mean year",
    "hour": "mean day",
    "year": "annual means of whole years",
}
#: Share of the steps of the fullest year that a year needs.
_WHOLE = 0.9


@dataclass(frozen=True, slots=True)
class Layout:
    """What becomes of each dimension.

    Attributes
    ----------
    x : hashable
        Dimension of the data that runs along the axis.
    cycle : str
        Part of the date that it is averaged over; "" for none.
    hue : hashable or None
        Dimension of the lines, or name of the groups.
    groups : Groups or None
        Where the lines are groups.
    panels : tuple of hashable
    spread : hashable or None
    interval : float
    """

    x: Hashable
    cycle: str
    hue: Hashable | None
    groups: Groups | None
    panels: tuple[Hashable, ...]
    spread: Hashable | None
    interval: float


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines in memory.

    Attributes
    ----------
    x : hashable
        Dimension along the axis.
    hue : hashable or None
        Dimension of the lines.
    middle : DataArray
    low, high : DataArray or None
        The band around it.
    said : tuple of str
        What was averaged, for the title.
    """

    x: Hashable
    hue: Hashable | None
    middle: xr.DataArray
    low: xr.DataArray | None
    high: xr.DataArray | None
    said: tuple[str, ...]

    @property
    def names(self) -> list[Any]:
        """Labels of the lines; [None] of a single one."""
        return [None] if self.hue is None else list(self.middle[self.hue].values)

    def at(self, selection: Mapping[Any, Any]) -> Lines:
        """Return the lines of one panel, or one line."""
        low, high = (
            None if band is None else band.sel(selection) for band in (self.low, self.high)
        )
        return replace(self, middle=self.middle.sel(selection), low=low, high=high)


def lay_out(
    array: xr.DataArray,
    *,
    x: str | None,
    hue: str | xr.DataArray | None,
    panels: tuple[Hashable, ...],
    spread: Hashable | None,
    interval: float,
) -> Layout:
    """Decide what becomes of each dimension; the options are those of `plot_series`.

    Raises
    ------
    InputError
        When a dimension is not there, or has two roles.
    """
    dims = ", ".join(map(repr, array.dims)) or "none"
    along: Hashable | None = x
    cycle = ""
    if x is None or (x not in array.dims and x in _CYCLES):
        along, cycle = find_time(array), x or ""
    if along is None or along not in array.dims:
        raise InputError(
            f"no dimension {x or 'time'!r} to draw along; the dimensions are {dims}. Name one "
            "with x=..."
        )
    if cycle and not is_time(array, along):
        raise InputError(f"x={x!r} needs dates along {along!r}; decode them with xr.decode_cf(ds)")
    groups = None
    line: Hashable | None = None
    if isinstance(hue, str) and hue in array.dims:
        line = hue
    elif hue is not None:
        groups = make_groups(hue, array, array)
        line = groups.name
    shown = [name for name in (cycle or along, line, *panels) if name is not None]
    if len(set(shown)) < len(shown):
        raise InputError(f"x, hue, row and col must differ, found {shown}")
    if spread is not None:
        if spread not in array.dims:
            raise InputError(f"spread={spread!r} is no dimension; the dimensions are {dims}")
        if spread in shown:
            raise InputError(
                f"spread={spread!r} is shown by x, hue, row or col already; choose another"
            )
        if not 0.0 < interval < 1.0:
            raise InputError(f"interval={interval!r} must lie between 0 and 1, such as 0.9")
    return Layout(along, cycle, line, groups, panels, spread, interval)


def make_lines(
    array: xr.DataArray,
    grid: xr.DataArray | xr.Dataset,
    layout: Layout,
    weights: xr.DataArray | None = None,
) -> Lines:
    """Average lazily what is not shown, compute the rest, and reduce it to lines.

    Parameters
    ----------
    array : DataArray
    grid : DataArray or Dataset
        Knows the areas of the cells.
    layout : Layout
    weights : DataArray, optional
        In place of the areas.

    Raises
    ------
    InputError
        When groups lie across dimensions that are averaged and others that are not, or
        weights along one that is not.
    GridMismatchError
        When the coordinates of weights and data differ.
    """
    kept = {layout.x, layout.spread, *layout.panels}
    kept |= {layout.hue} if layout.groups is None else set()
    over = [dim for dim in array.dims if dim not in kept]
    early, late = _when(layout, over)
    said = []
    mean = array
    if over:
        how = "weighted mean"
        if weights is None:
            weights, how = area_weights(grid, over)
        else:
            _check_weights(weights, over)
        if weights is not None:
            weights = match_grid(weights, array, what="weights", of="the data").fillna(0.0)
        mean = grouped_mean(array, over, weights, early)
        by = f", by {layout.hue}" if early else ""
        said.append(reduction(how, array, over) + by)
    mean = mean.compute()
    if layout.cycle and layout.spread != layout.x and not (late and layout.x in late.codes.dims):
        said.append(f"{_CYCLES[layout.cycle]} of {span(array, layout.x)}")
    middle, low, high = _reduced(mean, layout, late, 0.5), None, None
    if layout.spread is not None:
        said.append(
            f"median and {100 * layout.interval:g} % range over {span(array, layout.spread)}"
        )
        low = _reduced(mean, layout, late, 0.5 - 0.5 * layout.interval)
        high = _reduced(mean, layout, late, 0.5 + 0.5 * layout.interval)
    if layout.hue is not None and layout.groups is not None:
        there = middle.notnull().any([dim for dim in middle.dims if dim != layout.hue])
        where = {layout.hue: np.flatnonzero(there.values)}
        middle = middle.isel(where)
        low, high = (None if part is None else part.isel(where) for part in (low, high))
    return Lines(layout.cycle or layout.x, layout.hue, middle, low, high, tuple(said))


def _check_weights(weights: xr.DataArray, over: list[Hashable]) -> None:
    extra = [dim for dim in weights.dims if dim not in over]
    if extra:
        raise InputError(
            f"weights have the dimensions {extra}, which are not averaged ({over}); select or "
            "reduce them first"
        )


def _when(layout: Layout, over: list[Hashable]) -> tuple[Groups | None, Groups | None]:
    """Tell groups of what is averaged, made lazily, from groups of what is kept (years)."""
    if layout.groups is None:
        return None, None
    dims = set(layout.groups.codes.dims)
    if dims <= set(over):
        return layout.groups, None
    if len(dims) == 1 and dims <= {layout.x, layout.spread}:
        return None, layout.groups
    raise InputError(
        f"hue={layout.hue!r} lies along {sorted(map(str, dims))}, which x, row, col or spread "
        "show already; select, or leave one of them out"
    )


def _reduced(
    mean: xr.DataArray, layout: Layout, groups: Groups | None, quantile: float
) -> xr.DataArray:
    """Average over the cycle and take a quantile over the spread, in each group."""
    import xarray as xr

    if groups is None:
        return _one_group(mean, layout, quantile)
    codes = np.asarray(groups.codes.values)
    (dim,) = groups.codes.dims
    present = [k for k in range(len(groups.labels)) if np.any(codes == k)]
    parts = [
        _one_group(mean.isel({dim: np.flatnonzero(codes == k)}), layout, quantile) for k in present
    ]
    labels = xr.Variable([groups.name], np.asarray(groups.labels)[present])
    joined = xr.concat(parts, dim=groups.name, join="outer", coords="minimal", compat="override")
    return joined.assign_coords({groups.name: labels})


def _one_group(part: xr.DataArray, layout: Layout, quantile: float) -> xr.DataArray:
    if layout.cycle:
        grouped = part.groupby(f"{layout.x}.{layout.cycle}")
        if layout.spread == layout.x:
            part = grouped.quantile(quantile, dim=[layout.x], skipna=True).drop_vars("quantile")
        else:
            count = grouped.count([layout.x])
            part = grouped.mean([layout.x], skipna=True)
            if layout.cycle == "year":
                # A year with half its months is no annual mean.
                part = part.where(count >= _WHOLE * count.max("year"))
        if layout.cycle == "season":
            part = part.sel(season=[name for name in SEASONS if name in part["season"].values])
    if layout.spread is not None and layout.spread != layout.x:
        part = part.quantile(quantile, [layout.spread], skipna=True).drop_vars("quantile")
    return part
