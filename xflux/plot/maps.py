"""Maps: one field, or small multiples of it, on latitude and longitude."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.units import dequantify
from xflux.plot.colours import INK, MISSING, MUTED, PAPER, ColourScale, class_scale, scale
from xflux.plot.fields import Field, find_axes, place
from xflux.plot.groups import with_part_of_date
from xflux.plot.panels import (
    check_facets,
    facets,
    label_outer,
    new_axes,
    panels,
    set_title,
    title_panels,
)
from xflux.plot.reduce import coarsened, mean_over
from xflux.plot.wording import classes_of, identify, label, scalar_coordinates

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from xarray.plot import FacetGrid

__all__ = ["plot_map"]

#: Cells along either side that are drawn: 10 inches at 150 dpi, and half of it in panels.
_LARGEST = 1500
#: Width over height from which the colour bar goes below.
_WIDE = 1.5


def plot_map(
    array: xr.DataArray,
    *,
    ax: Axes | None = None,
    row: Hashable | None = None,
    col: Hashable | None = None,
    col_wrap: int | None = None,
    reduce: str = "mean",
    cmap: str | Colormap | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    center: float | bool | None = None,
    robust: bool = True,
    levels: int | Sequence[float] | None = None,
    colorbar: bool = True,
    projection: Any = "auto",
    coastlines: bool = False,
    figsize: tuple[float, float] | None = None,
) -> Axes | FacetGrid:
    """Draw a field as a map.

    Dimensions other than the two of the map and those of panels are reduced, and the
    title says how; grids larger than a figure shows are coarsened first. Both happen
    lazily: what is computed, once, is what is drawn.

    Parameters
    ----------
    array : DataArray
        With latitude and longitude (rectilinear, curvilinear, or points such as towers),
        or projected ``x`` and ``y``. Cells without data are light grey.
    ax : Axes, optional
        Drawn into; a cartopy GeoAxes too. None makes a figure.
    row, col : hashable, optional
        Dimensions to make panels of, or a part of the date: ``"time.season"``,
        ``"time.month"``, ``"time.year"``.
    col_wrap : int, optional
        Panels beside each other; None chooses.
    reduce : {"mean", "std", "min", "max"}
        What is done with the remaining dimensions, NaN left out. Time steps count alike.
        The title says "of the months present" where cells have only part of them; to leave
        such cells out, mask them first: ``da.where(da.notnull().all("month"))``.
    cmap : str or Colormap, optional
        None chooses by variable: even in lightness; green (sink) to brown (source) for net
        fluxes, blue to red for other values of both signs.
    vmin, vmax : float, optional
        Limits of the colours.
    center : float or bool, optional
        Value in the middle of a diverging map; None: 0 where signs matter; False: none.
    robust : bool
        Limits from the 2 to the 98 % quantile of what is shown.
    levels : int or sequence of float, optional
        Steps of colour in place of a gradient.
    colorbar : bool
    projection : cartopy CRS, "auto" or None
        Of a new figure. "auto": Equal Earth for global maps where cartopy is installed,
        else plain axes of longitude and latitude. None: plain axes.
    coastlines : bool
        Draw them, where the axes are cartopy's. cartopy downloads them at first use, hence
        not the default; cells without data show the coast of land data.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Axes or xarray.plot.FacetGrid
        `ax`, the new axes, or the panels.

    Raises
    ------
    InputError
        When there is nothing finite to draw, or an option does not fit.
    MissingVariableError
        When there is neither latitude and longitude nor x and y.
    """
    array, _ = dequantify(array)
    array, row, col = with_part_of_date(array, row, col)
    check_facets(array, ax, row, col)
    where = find_axes(array)
    names = classes_of(array)
    kept = {*where.dims, row, col}
    over = [dim for dim in array.dims if dim not in kept]
    if names and over:
        raise InputError(
            f"{array.name!r} holds classes, which have no mean over {over}; select one, "
            f"such as .isel({over[0]}=0), or make panels of it"
        )
    reduced, said = mean_over(array, over, reduce)
    thinned = ""
    single = row is None and col is None
    if not where.points:
        largest = _LARGEST if single else _LARGEST // 2
        reduced, thinned = coarsened(reduced, where.dims, largest, classes=bool(names))
    shown, partial = _computed(reduced, array, over)
    if partial:
        said += f", of the {partial} present"
    if where.points:
        # A tower without a value is no point, and must not widen the map.
        others = [dim for dim in shown.dims if dim not in where.dims]
        (dim,) = where.dims
        there = np.flatnonzero(shown.notnull().any(others).values)
        shown = shown.isel({dim: there}) if there.size else shown
    numbers = shown.values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    if finite.size == 0:
        raise InputError(
            f"{array.name or 'the array'} has no finite value to draw"
            f"{f' ({said})' if said else ''}; its sizes are {dict(array.sizes)}. Look for a "
            "selection that is empty, or a unit or mask that left only NaN"
        )
    field = place(shown, where)
    classes: list[str] = []
    if names:
        colours, classes = class_scale(names, finite)
    else:
        colours = scale(
            finite, identify(array), cmap=cmap, vmin=vmin, vmax=vmax, center=center,
            robust=robust, levels=levels, positive=str(array.attrs.get("positive", "")),
        )  # fmt: skip
    crs = _projection(projection, field) if ax is None else None
    width, height = _panel_size(field, single=single)
    parts = [said, thinned, scalar_coordinates(array)]
    if single:
        if ax is None:
            room = _room(width > _WIDE * height)
            ax = new_axes(figsize or (width + room[0], height + room[1]), crs, fixed_aspect=True)
        mappable = _draw(ax, field, field.values, colours, coastlines)
        set_title(ax, parts)
        if colorbar:
            wide = width > _WIDE * height
            _colour_bar(ax.figure, mappable, ax, colours, label(array), classes, wide=wide)
        return ax
    grid = facets(
        field.values, row, col, col_wrap=col_wrap, width=width, height=height, figsize=figsize,
        projection=crs, fixed_aspect=True, room=_room(width > _WIDE * height),
    )  # fmt: skip
    for panel, selection in panels(grid):
        mappable = _draw(panel, field, field.values.sel(selection), colours, coastlines)
    label_outer(grid)
    title_panels(grid, row, col, parts)
    if colorbar:
        rows, columns = grid.axs.shape
        wide = columns * width > _WIDE * rows * height
        bar = _colour_bar(
            grid.fig, mappable, list(grid.axs.flat), colours, label(array), classes, wide=wide
        )
        grid.cbar = bar
    return grid


def _computed(
    reduced: xr.DataArray, array: xr.DataArray, over: Sequence[Hashable]
) -> tuple[xr.DataArray, str]:
    """Compute what is drawn, and in the same pass whether cells lack part of what was reduced.

    Returns
    -------
    shown : DataArray
    partial : str
        What is present in part, such as "months"; "" where cells have all or nothing.
    """
    import xarray as xr

    if not over:
        return reduced.compute(), ""
    held = array.notnull().sum(list(over))
    whole = int(np.prod([array.sizes[dim] for dim in over]))
    gaps = ((held > 0) & (held < whole)).any()
    both = xr.Dataset({"_shown": reduced, "_gaps": gaps.variable}).compute()
    shown = both["_shown"].rename(reduced.name)
    words = {"month": "months", "time": "time steps", "site": "sites"}
    word = words.get(str(over[0]), "values") if len(over) == 1 else "values"
    return shown, word if bool(both["_gaps"]) else ""


def _panel_size(field: Field, *, single: bool) -> tuple[float, float]:
    """Return width and height of a panel, in inches, that suit the extent."""
    shape = float(np.clip(field.shape, 0.5, 2.6))
    across = 7.7 if single else 3.2
    if shape < _WIDE:
        across *= 0.45 + 0.35 * shape / _WIDE
    return across, across / shape


def _room(bar_below: bool) -> tuple[float, float]:
    """Return width and height for ticks and colour bar beside the map, in inches."""
    return (0.3, 1.0) if bar_below else (1.3, 0.4)


def _projection(projection: Any, field: Field) -> Any:
    """Return the projection of new axes; None for plain ones."""
    if projection is None:
        return None
    if not isinstance(projection, str):
        return projection
    if projection != "auto":
        raise InputError(f"projection={projection!r} must be 'auto', None or a cartopy CRS")
    if not field.is_global or find_spec("cartopy") is None:
        return None
    import cartopy.crs as ccrs

    return ccrs.EqualEarth()


def _draw(
    ax: Axes, field: Field, values: xr.DataArray, colours: ColourScale, coastlines: bool
) -> Any:
    """Draw one panel."""
    options: dict[str, Any] = {"cmap": colours.cmap, "norm": colours.norm, "rasterized": True}
    geographic = hasattr(ax, "projection")
    globe: Any = ax
    if geographic:
        import cartopy.crs as ccrs

        options["transform"] = ccrs.PlateCarree()
    numbers = np.ma.masked_invalid(values.values.astype(np.float64))
    # Points lie on blank paper: nothing is said about what is between them.
    ax.set_facecolor(PAPER if field.points else MISSING)
    drawn: Any
    if field.points:
        options.pop("rasterized")
        drawn = ax.scatter(
            field.x, field.y, c=numbers, s=34, edgecolors=INK, linewidths=0.4, zorder=3, **options
        )
    else:
        drawn = ax.pcolormesh(field.x, field.y, numbers, **options)
    if geographic:
        ax.spines["geo"].set_color(MUTED)
        ax.spines["geo"].set_linewidth(0.6)
        if field.is_global:
            globe.set_global()
        if coastlines:
            globe.coastlines(linewidth=0.5, color=MUTED)
    else:
        field.dress(ax)
    return drawn


def _colour_bar(
    figure: Any,
    mappable: Any,
    axes: Any,
    colours: ColourScale,
    text: str,
    classes: list[str],
    *,
    wide: bool,
) -> Any:
    """Add a colour bar: below what is wide, else at the right."""
    engine = figure.get_layout_engine()
    # A constrained layout makes room for tick labels; others need it beforehand.
    makes_room = engine is not None and not engine.colorbar_gridspec
    side: dict[str, Any] = {"location": "right", "shrink": 0.85, "aspect": 30, "pad": 0.03}
    if wide:
        side = {"location": "bottom", "shrink": 0.9 if classes else 0.65, "aspect": 40}
        side["pad"] = 0.03 if makes_room else 0.12
    bar = figure.colorbar(mappable, ax=axes, extend=colours.extend, extendfrac=0.03, **side)
    bar.outline.set_visible(False)
    bar.ax.tick_params(
        labelsize=9, length=0 if classes else 3, width=0.8, color=MUTED, labelcolor=INK
    )
    if classes:
        edges = np.asarray(mappable.norm.boundaries)
        bar.set_ticks((0.5 * (edges[1:] + edges[:-1])).tolist(), labels=classes)
        bar.minorticks_off()
        bar.ax.tick_params(labelsize=7.5)
    else:
        text = _without_powers(bar, text)
    if colours.ends:
        arrows = ("\u2190 ", " \u2192")
        text = f"{arrows[0]}{colours.ends[0]}    {text}    {colours.ends[1]}{arrows[1]}"
    bar.set_label(text, fontsize=9.5, color=INK)
    return bar


def _without_powers(bar: Any, text: str) -> str:
    """Move a power of ten from the ticks of a colour bar into its unit."""
    largest = max(abs(bar.vmin), abs(bar.vmax))
    power = int(np.floor(np.log10(largest))) if largest > 0 else 0
    if -3 <= power < 5:
        return text
    factor = 10.0**power
    bar.formatter = lambda value, _: f"{value / factor:.3g}".replace("-", "\u2212")
    bar.update_ticks()
    name, bracket, units = text.partition(" [")
    return f"{name} [1e{power} {units}" if bracket else f"{name} [1e{power}]"
