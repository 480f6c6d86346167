"""A map with the means of its rows and columns at the margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.grid import match_grid
from xflux.labels.units import dequantify
from xflux.plot.colours import INK, MUTED, line_styles
from xflux.plot.fields import find_axes
from xflux.plot.maps import plot_map
from xflux.plot.panels import dress, set_title, wrapped
from xflux.plot.reduce import area_weights, grouped_mean, mean_over
from xflux.plot.together import computed
from xflux.plot.wording import classes_of, scalar_coordinates, sentence, short_name, units_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["plot_profiles"]

#: Of the map of a new figure, and of the profiles beside it, inches.
_ACROSS, _BESIDE, _ABOVE = 6.6, 1.5, 1.0
#: Of what stands at their sides, and of a line of the title, inches.
_MARGIN, _LINE = 0.9, 0.16


def plot_profiles(
    array: xr.DataArray,
    *,
    axes: Sequence[Axes] | NDArray[Any] | None = None,
    reference: Mapping[str, xr.DataArray] | None = None,
    grid: xr.Dataset | None = None,
    label: str = "",
    reduce: str = "mean",
    figsize: tuple[float, float] | None = None,
    **options: Any,
) -> NDArray[Any]:
    """Draw a map, with means by longitude above it and by latitude at its right.

    Parameters
    ----------
    array : DataArray
        On a grid of latitude and longitude, one dimension each; other dims are reduced, as the
        title says.
    axes : sequence of three Axes, optional
        For the map, the means by longitude and those by latitude. None makes a figure.
    reference : mapping of str to DataArray, optional
        Of the same variable in the same unit, by what they are called; drawn in the profiles
        over the cells that both have, where they are on the same grid.
    grid : Dataset, optional
        Knows `cell_area` and `land_fraction`, by which the means are weighted. None: `array`
        does.
    label : str
        What the variable is called beside references; its symbol by default.
    reduce : {"mean", "std", "min", "max"}
        What is done with the remaining dimensions.
    figsize : tuple of float, optional
        Inches.
    **options
        Of `xflux.plot.maps.plot_map`: cmap, vmin, vmax, center, levels, colorbar, ...

    Returns
    -------
    array of Axes (3,)
        The map, the means by longitude, the means by latitude.

    Raises
    ------
    InputError
        For classes, a grid without rows and columns, or another number of axes.
    GridMismatchError
        When a reference or `grid` lies on another grid.
    """
    array, _ = dequantify(array)
    for taken in ("row", "col", "ax", "projection"):
        if taken in options:
            raise InputError(f"{taken} is no option of a map with profiles, which is one figure")
    where = find_axes(array)
    if classes_of(array) or where.points or where.x.ndim != 1 or where.y.ndim != 1:
        raise InputError(
            f"{array.name or 'the array'} has no means by row and column: profiles need a "
            "quantity on a grid of latitude and longitude, one dimension each"
        )
    fields = {label or short_name(array.name): array}
    for name, other in (reference or {}).items():
        plain, _ = dequantify(other)
        if plain.attrs.get("units") != array.attrs.get("units"):
            raise InputError(
                f"{name} is in {plain.attrs.get('units')!r}, the map in "
                f"{array.attrs.get('units')!r}; bring both to one unit with standardize()"
            )
        fields[name] = match_grid(plain, array, what=name)
    reduced = {}
    said = ""
    for name, one in fields.items():
        over = [dim for dim in one.dims if dim not in where.dims]
        reduced[name], words = mean_over(one, over, reduce)
        said = said or words
    weights, _ = area_weights(array if grid is None else grid, where.dims)
    lazy: dict[Any, Any] = dict(enumerate(reduced.values()))
    if weights is not None:
        lazy["weights"] = match_grid(weights, array, what="grid")
    # At once, since all come from the same chunks.
    shown = computed(lazy)
    weights = shown.pop("weights", None)
    maps: list[xr.DataArray] = list(shown.values())
    if len(maps) > 1:
        common = np.logical_and.reduce([one.notnull() for one in maps])
        profiled = [one.where(common) for one in maps]
    else:
        profiled = maps
    ax, above, beside = _axes(axes)
    first = maps[0].rename(array.name).assign_attrs(array.attrs)
    plot_map(first, ax=ax, **options)
    ax.set_title("", loc="left")
    ax.set_aspect("auto")
    x_name, y_name = str(where.x.name), str(where.y.name)
    styles = line_styles(list(fields)) if len(fields) > 1 else [{"color": INK}]
    for one, name, style in zip(profiled, fields, styles, strict=True):
        look: dict[str, Any] = {"linewidth": 1.3, "label": name, **style}
        by_lon = _profile(one, where.y.dims[0], weights)
        by_lat = _profile(one, where.x.dims[0], weights)
        lon, order = _as_drawn(by_lon[x_name].values, ax)
        above.plot(lon, by_lon.values[order], **look)
        beside.plot(by_lat.values, by_lat[y_name].values, **look)
    _dress(ax, above, beside, units_text(array), legend=len(fields) > 1)
    parts = [said, scalar_coordinates(array), _weighting(weights)]
    if axes is None:
        _titled(ax, above, sentence(parts), figsize)
    else:
        set_title(above, parts)
    return np.array([ax, above, beside], dtype=object)


def _axes(axes: Sequence[Axes] | NDArray[Any] | None) -> tuple[Any, Any, Any]:
    """Return the axes of map, means by longitude and by latitude."""
    if axes is not None:
        given = list(np.ravel(np.asarray(axes, object)))
        if len(given) != 3:
            raise InputError(
                f"axes holds {len(given)}, expected 3: for the map, the means by longitude and "
                "those by latitude"
            )
        return given[0], given[1], given[2]
    import matplotlib.pyplot as plt

    figure = plt.figure(layout="constrained")
    cells = figure.add_gridspec(
        2, 2, width_ratios=[_ACROSS, _BESIDE], height_ratios=[_ABOVE, 0.5 * _ACROSS]
    )
    ax = figure.add_subplot(cells[1, 0])
    above = figure.add_subplot(cells[0, 0], sharex=ax)
    beside = figure.add_subplot(cells[1, 1], sharey=ax)
    return ax, above, beside


def _profile(field: xr.DataArray, over: Any, weights: xr.DataArray | None) -> xr.DataArray:
    """Average a computed field over one dimension, weighted by area."""
    return grouped_mean(field, [over], weights)


def _as_drawn(lon: Any, ax: Any) -> tuple[Any, Any]:
    """Return longitudes as the map has them, and their order."""
    low, high = ax.get_xlim()
    turned = np.asarray(lon, np.float64)
    turned = np.where(turned > high, turned - 360.0, turned)
    turned = np.where(turned < low, turned + 360.0, turned)
    order = np.argsort(turned, kind="stable")
    return turned[order], order


def _dress(ax: Axes, above: Axes, beside: Axes, units: str, *, legend: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    limits = ax.get_xlim(), ax.get_ylim()
    for one, side in ((above, "y"), (beside, "x")):
        dress(one, grid="both")
        axis = getattr(one, f"{side}axis")
        axis.set_major_locator(MaxNLocator(3))
        low, high = getattr(one, f"get_{side}lim")()
        if low < 0.0 < high:
            (one.axhline if side == "y" else one.axvline)(0.0, color=MUTED, linewidth=0.8)
        one.tick_params(labelsize=8)
    above.set_xlim(*limits[0])
    beside.set_ylim(*limits[1])
    above.xaxis.set_major_locator(ax.xaxis.get_major_locator())
    beside.yaxis.set_major_locator(ax.yaxis.get_major_locator())
    above.tick_params(labelbottom=False, length=0)
    beside.tick_params(labelleft=False, length=0)
    above.set_ylabel(units, fontsize=8.5, color=INK)
    beside.set_xlabel(units, fontsize=8.5, color=INK)
    if legend:
        corner = above.legend(
            loc="lower left", bbox_to_anchor=(1.01, 0.0), frameon=False, fontsize=9,
            labelcolor=INK, handlelength=1.4, labelspacing=0.3,
        )  # fmt: skip
        # It stands in the empty corner, where the layout need not make room for it.
        corner.set_in_layout(False)


def _titled(ax: Axes, above: Axes, said: str, figsize: tuple[float, float] | None) -> None:
    """Write a title no wider than the map, from which the layout would take what it is wider.

    Without `figsize` the figure has a size at which the map has its shape.
    """
    figure: Any = ax.figure
    whole = _ACROSS + _BESIDE + _MARGIN
    across = _ACROSS if figsize is None else figsize[0] * _ACROSS / whole
    text = wrapped(said, across, 9)
    above.set_title(text, loc="left", fontsize=9, color=MUTED)
    if figsize is not None:
        figure.set_size_inches(*figsize)
        return
    lines = len(text.splitlines())
    width, height = np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())
    tall = float(np.clip(_ACROSS * height / width, 1.8, 7.0))
    grid = ax.get_subplotspec()
    assert grid is not None
    grid.get_gridspec().set_height_ratios([_ABOVE, tall])
    figure.set_size_inches(whole, tall + _ABOVE + 1.3 + _LINE * max(lines - 1, 0))


def _weighting(weights: xr.DataArray | None) -> str:
    return "" if weights is None else "profiles weighted by area"
