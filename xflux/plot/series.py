"""Series: fluxes over time, or over the months of a mean year."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError, UnitsError
from xflux.labels.units import dequantify
from xflux.plot.colours import INK, MUTED, line_styles, own_colours
from xflux.plot.lines import Lines, lay_out, make_lines
from xflux.plot.panels import (
    check_facets,
    dress,
    facets,
    label_outer,
    new_axes,
    panels,
    set_title,
    title_panels,
)
from xflux.plot.wording import generated, identify, label, scalar_coordinates, value_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from xarray.plot import FacetGrid

__all__ = ["plot_series"]

#: Lines that are told apart by colour; of more, the median is drawn on top.
_MOST_LINES = 20
_MONTHS = "JFMAMJJASOND"


def plot_series(
    data: xr.DataArray | xr.Dataset,
    *,
    ax: Axes | None = None,
    x: str | None = None,
    hue: str | xr.DataArray | None = None,
    row: Hashable | None = None,
    col: Hashable | None = None,
    col_wrap: int | None = None,
    spread: Hashable | None = None,
    interval: float = 0.9,
    grid: xr.Dataset | None = None,
    weights: xr.DataArray | None = None,
    colors: Mapping[Any, Any] | Sequence[Any] | None = None,
    legend: bool = True,
    figsize: tuple[float, float] | None = None,
    note: str = "",
) -> Axes | FacetGrid:
    """Draw one or several fluxes over time.

    Dimensions that the figure does not show are averaged first, lazily, NaN left out;
    the title says how. What is computed, once, is what is drawn.

    Parameters
    ----------
    data : DataArray or Dataset
        Variables of a Dataset are drawn as lines, and must share one unit.
    ax : Axes, optional
        Drawn into; None makes a figure.
    x : str, optional
        Dimension along the axis; None: ``time``, or ``month`` of a mean year. A part of
        the date (``"month"``, ``"season"``, ``"dayofyear"``, ``"hour"``, ``"year"``)
        averages the series over it: ``x="month"`` is the mean year.
    hue : str or DataArray, optional
        Lines: a dimension (``"site"``), or groups, which are averaged: a coordinate
        (``"igbp"``), a part of the date (``"year"``), or labels. None: the variables of a
        Dataset. More than 20 lines are drawn thin, with their median on top.
    row, col : hashable, optional
        Dimensions to make panels of (``"variable"``: the variables of a Dataset).
    col_wrap : int, optional
        Panels beside each other; None chooses.
    spread : hashable, optional
        Dimension whose spread is shown: the line is then its median, the band lies between
        the quantiles that hold `interval`. ``"time"`` with ``x="month"`` is the spread
        between years.
    interval : float
        Share of the values within the band, between 0 and 1.
    grid : Dataset, optional
        Knows the cells of the grid: `cell_area`, `land_fraction`. None: `data` does.
    weights : DataArray, optional
        Of some of the averaged dimensions, in place of the areas. None: area of the cells,
        times their land fraction where there is one; other dimensions count alike.
    colors : mapping or sequence, optional
        Of the lines, by their label or in their order.
    legend : bool
    figsize : tuple of float, optional
        Inches.
    note : str
        Said in the title, after what was averaged.

    Returns
    -------
    Axes or xarray.plot.FacetGrid
        `ax`, the new axes, or the panels.

    Raises
    ------
    InputError
        When there is nothing finite to draw, or an option does not fit.
    UnitsError
        When the variables of a Dataset differ in units.
    GridMismatchError
        When the coordinates of weights and data differ.
    """
    array = _one_array(data)
    if hue is None and "variable" in array.dims and "variable" not in (row, col):
        hue = "variable"
    check_facets(array, ax, row, col)
    sides = tuple(dim for dim in (row, col) if dim is not None)
    layout = lay_out(array, x=x, hue=hue, panels=sides, spread=spread, interval=interval)
    lines = make_lines(array, data if grid is None else grid, layout, weights)
    if not np.isfinite(lines.middle.values).any():
        raise InputError(
            f"{array.name or 'the array'} has no finite value to draw; its sizes are "
            f"{dict(array.sizes)}. Look for a selection that is empty, or a unit or mask that "
            "left only NaN"
        )
    said = [*lines.said, scalar_coordinates(array), note]
    styles = _styles(lines, colors)
    if not sides:
        outside = ax is None
        if ax is None:
            ax = new_axes(figsize or (7.5, 3.4))
        _draw(ax, lines, styles)
        ax.set_ylabel(label(array), fontsize=9.5, color=INK)
        set_title(ax, said)
        if legend:
            _legend(ax, lines, outside=ax if outside else None)
        return ax
    panes = facets(
        lines.middle, row, col, col_wrap=col_wrap, width=3.2, height=2.1, figsize=figsize
    )
    for panel, selection in panels(panes):
        one = line_styles([selection["variable"]]) if "variable" in selection else styles
        _draw(panel, lines.at(selection), one if lines.hue is None else styles)
    label_outer(panes)
    title_panels(panes, row, col, said)
    panes.fig.supylabel(label(array), fontsize=9.5, color=INK)
    if legend:
        _legend(panes.axs.flat[0], lines, outside=panes.fig)
    return panes


def _one_array(data: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """Return one array, the variables of a Dataset along ``variable``."""
    import xarray as xr

    if isinstance(data, xr.DataArray):
        return dequantify(data)[0]
    plain = {str(name): dequantify(array)[0] for name, array in data.data_vars.items()}
    if not plain:
        raise InputError("the Dataset holds no variable to draw; select some, ds[['gpp', 'reco']]")
    if len(plain) == 1:
        return next(iter(plain.values()))
    units = {name: str(array.attrs.get("units", "")) for name, array in plain.items()}
    if len(set(units.values())) > 1:
        listed = ", ".join(f"{name} in {unit or 'no unit'!r}" for name, unit in units.items())
        raise UnitsError(
            f"one axis shows one unit, found {listed}; bring them to one with "
            "ds.flux.standardize(), or draw them into axes of their own (ax=...)"
        )
    array = xr.Dataset(plain).to_dataarray("variable", name=None)
    unit = next(iter(units.values()))
    array.attrs = {"long_name": _shared_name(plain)} | ({"units": unit} if unit else {})
    if generated(*plain.values()):
        array.attrs["synthetic"] = "see its variables"
    return array


def _shared_name(arrays: Mapping[str, xr.DataArray]) -> str:
    """Return what several variables are together; the carbon basis goes into the unit."""
    rows = [identify(array) for array in arrays.values()]
    named = {array.attrs.get("long_name") for array in arrays.values()}
    if len(named) == 1 and None not in named:
        return str(named.pop())
    word = "Flux" if all(row is not None and row.positive for row in rows) else "Value"
    carbon = all(row is not None and row.species == "carbon" for row in rows)
    return f"{word}, mass of carbon" if carbon else word


def _styles(lines: Lines, colors: Mapping[Any, Any] | Sequence[Any] | None) -> list[dict[str, Any]]:
    """Return the look of each line."""
    names = lines.names if lines.hue is not None else [lines.middle.name]
    styles = line_styles(names)
    if colors is None:
        return styles
    own = own_colours(colors, names, "lines")
    return [
        style | ({"color": own[name]} if name in own else {})
        for name, style in zip(names, styles, strict=True)
    ]


def _draw(ax: Axes, lines: Lines, styles: list[dict[str, Any]]) -> None:
    """Draw the lines of one panel."""
    dress(ax)
    x = _dress_x(ax, lines)
    names = lines.names
    many = len(names) > _MOST_LINES
    for name, style in zip(names, styles, strict=True):
        one = lines if name is None else lines.at({lines.hue: name})
        said = None if name is None or many else value_text(lines.hue, name)
        y = np.asarray(one.middle.values, np.float64)
        if one.low is not None and one.high is not None:
            ax.fill_between(
                x, one.low.values, one.high.values, color=style["color"], alpha=0.2, linewidth=0
            )
        width = 0.6 if many or y.size > 1000 else 1.6
        look: dict[str, Any] = {"color": MUTED, "alpha": 0.35} if many else style
        ax.plot(x, y, linewidth=width, label=said, solid_joinstyle="round", **look)
        alone = _alone(y)
        if alone.any():
            ax.plot(x[alone], y[alone], ".", markersize=3, color=look["color"])
    if many:
        middle = lines.middle.median([lines.hue], skipna=True)
        ax.plot(
            x,
            middle.values,
            color=INK,
            linewidth=1.8,
            label=f"median of {len(names)} ({lines.hue})",
        )
    low, high = ax.get_ylim()
    if low < 0.0 < high:
        ax.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)


def _alone(y: np.ndarray) -> np.ndarray:
    """Find values between gaps, which a line does not show."""
    there = np.isfinite(y)
    before = np.concatenate([[False], there[:-1]])
    after = np.concatenate([there[1:], [False]])
    return there & ~before & ~after


def _dress_x(ax: Axes, lines: Lines) -> np.ndarray:
    """Return the positions along the axis, and give it ticks that suit them."""
    coord = lines.middle[lines.x]
    values: Any = coord.values
    ax.margins(x=0.01)
    if lines.x == "month":
        ax.set_xticks(range(1, 13), labels=list(_MONTHS))
        ax.set_xlim(0.7, 12.3)
    elif values.dtype.kind in "OUS" and not hasattr(values.flat[0], "calendar"):
        ax.set_xticks(range(values.size), labels=[str(value) for value in values])
        return np.arange(values.size)
    elif values.dtype.kind == "M":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(maxticks=8)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    elif values.dtype.kind == "O":
        # A year of any calendar is one long; matplotlib knows the dates of none but ours.
        values = coord.dt.decimal_year.values
        ax.set_xlabel(f"Year ({coord.dt.calendar} calendar)", fontsize=9.5, color=INK)
    else:
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(integer=values.dtype.kind in "iu"))
        said = {"dayofyear": "Day of the year", "hour": "Hour", "year": ""}.get(str(lines.x))
        ax.set_xlabel(label(coord) if said is None else said, fontsize=9.5, color=INK)
    return np.asarray(values)


def _legend(ax: Axes, lines: Lines, *, outside: Any) -> None:
    """Add a legend: beside the axes where the figure is ours, else inside."""
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return
    options: dict[str, Any] = {"fontsize": 9, "labelcolor": INK, "handlelength": 1.8}
    many = len(lines.names) > _MOST_LINES
    title = None if many or lines.hue in (None, "variable") else str(lines.hue)
    if outside is None:
        ax.legend(loc="best", framealpha=0.85, edgecolor="none", title=title, **options)
        return
    columns = 1 if len(handles) <= 12 else 2
    place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if outside is ax else {
        "loc": "outside right upper"
    }  # fmt: skip
    outside.legend(
        handles, labels, frameon=False, ncols=columns, title=title, title_fontsize=9,
        alignment="left", **place, **options,
    )  # fmt: skip
