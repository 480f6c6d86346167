"""Axes and small multiples: made, dressed and titled alike for every kind of figure."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xflux.errors import InputError
from xflux.plot.colours import INK, MUTED
from xflux.plot.wording import sentence, value_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from xarray.plot import FacetGrid

__all__ = [
    "check_facets",
    "dress",
    "facets",
    "label_outer",
    "new_axes",
    "panels",
    "set_title",
    "title_panels",
    "title_width",
    "wrapped",
]

#: Panels of a single facet dimension beside each other, by their shape.
_WIDE, _SQUARE = 3, 4


def new_axes(
    figsize: tuple[float, float], projection: Any = None, *, fixed_aspect: bool = False
) -> Axes:
    """Make a figure of one axes; of `fixed_aspect` are maps."""
    import matplotlib.pyplot as plt

    layout = "compressed" if fixed_aspect else "constrained"
    _, ax = plt.subplots(figsize=figsize, layout=layout, subplot_kw={"projection": projection})
    return ax


def check_facets(
    array: xr.DataArray, ax: Axes | None, row: Hashable | None, col: Hashable | None
) -> None:
    """Check that panels can be made of these dimensions.

    Raises
    ------
    InputError
        When there is an axes already, or no such dimension.
    """
    wanted = [dim for dim in (row, col) if dim is not None]
    if ax is not None and wanted:
        raise InputError(
            f"ax and {'row' if row is not None else 'col'}={wanted[0]!r} exclude each other: "
            "panels need a figure of their own; leave ax out"
        )
    for dim in wanted:
        if dim not in array.dims:
            raise InputError(
                f"no dimension {dim!r} to make panels of; the dimensions are "
                f"{', '.join(map(repr, array.dims)) or 'none'}"
            )
    if row is not None and row == col:
        raise InputError(
            f"row and col are both {row!r}; panels need two dimensions, or one of them"
        )


def facets(
    array: xr.DataArray,
    row: Hashable | None,
    col: Hashable | None,
    *,
    col_wrap: int | None = None,
    width: float,
    height: float,
    figsize: tuple[float, float] | None = None,
    projection: Any = None,
    sharey: bool = True,
    fixed_aspect: bool = False,
    room: tuple[float, float] = (0.6, 0.6),
) -> FacetGrid:
    """Lay out one panel for every value of one or two dimensions.

    Parameters
    ----------
    array : DataArray
        Has the dimensions `row` and `col`.
    row, col : hashable or None
    col_wrap : int, optional
        Columns, where there is no `row`; None chooses.
    width, height : float
        Of a panel, inches.
    figsize : tuple of float, optional
        Of the figure, in place of `width` and `height`.
    projection : optional
        Of the axes.
    sharey, fixed_aspect : bool
    room : tuple of float
        Width and height beside the panels, for labels and colour bar, inches.

    Returns
    -------
    xarray.plot.FacetGrid
    """
    from xarray.plot import FacetGrid

    if col is not None and row is None and col_wrap is None:
        count, most = array.sizes[col], _WIDE if width > 1.4 * height else _SQUARE
        # Rows as even as can be: 5 panels are 3 + 2, not 4 + 1.
        col_wrap = -(-count // -(-count // most))
    grid: Any = FacetGrid(
        array,
        row=row,
        col=col,
        col_wrap=col_wrap if row is None else None,
        size=height,
        aspect=width / height,
        figsize=figsize,
        sharey=sharey,
        subplot_kws={"projection": projection} if projection is not None else None,
    )
    if figsize is None:
        rows, columns = grid.axs.shape
        grid.fig.set_size_inches(columns * width + room[0], rows * (height + 0.25) + room[1])
    grid.fig.set_layout_engine("compressed" if fixed_aspect else "constrained")
    return grid


def panels(grid: FacetGrid) -> Iterator[tuple[Axes, dict[Hashable, Any]]]:
    """Give each axes with the labels of what it shows; hide the ones left over."""
    for ax, selection in zip(grid.axs.flat, grid.name_dicts.flat, strict=True):
        if selection is None:
            ax.set_visible(False)
        else:
            yield ax, selection


def label_outer(grid: FacetGrid) -> None:
    """Leave tick labels at the left and at the lowest panel of each column."""
    for column in grid.axs.T:
        shown = [ax for ax in column if ax.get_visible()]
        for ax in shown:
            ax.tick_params(labelbottom=ax is shown[-1])
            if ax is not shown[-1]:
                ax.set_xlabel("")
    for ax in grid.axs[:, 1:].flat:
        ax.tick_params(labelleft=False)
        ax.set_ylabel("")


def title_panels(
    grid: FacetGrid, row: Hashable | None, col: Hashable | None, parts: Sequence[str] = ()
) -> None:
    """Write what each panel shows above it, rows at the right, and `parts` over all."""
    for ax, selection in panels(grid):
        dim = col if col is not None else row
        at_top = row is None or col is None or ax in grid.axs[0]
        if at_top and dim is not None:
            ax.set_title(value_text(dim, selection[dim]), loc="left", fontsize=9, color=INK)
    if row is not None and col is not None:
        for ax, name in zip(grid.axs[:, -1], grid.row_names, strict=True):
            ax.annotate(
                value_text(row, np.asarray(name)[()]), (1.02, 0.5), xycoords="axes fraction",
                rotation=270, va="center", ha="left", fontsize=9, color=INK,
            )  # fmt: skip
    said = sentence(parts)
    if said:
        said = wrapped(said, float(grid.fig.get_size_inches()[0]), 9)
        grid.fig.suptitle(said, x=0.01, ha="left", fontsize=9, color=MUTED)


def dress(ax: Axes, *, grid: Literal["", "x", "y", "both"] = "y") -> None:
    """Take away what bears no information: half the frame, heavy ticks."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
        ax.spines[side].set_linewidth(0.8)
    ax.tick_params(labelcolor=INK, color=MUTED, labelsize=9, length=3, width=0.8)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(True, axis=grid, color="#e6e6e6", linewidth=0.8)


def set_title(ax: Axes, parts: Sequence[str]) -> None:
    """Write a small title at the left; nothing when there is nothing to say."""
    said = sentence(parts)
    if said:
        ax.set_title(wrapped(said, title_width(ax), 9), loc="left", fontsize=9, color=MUTED)


def title_width(ax: Axes) -> float:
    """Return the inches from the left of the axes to the right of what is theirs."""
    figure = ax.get_figure(root=True)
    width = float(figure.get_size_inches()[0]) if figure is not None else 6.4
    return max(width * float(ax.get_position().width), 1.5)


def wrapped(text: str, width: float, size: float) -> str:
    """Break a text into lines that a width holds, as neither layout nor file does.

    Parameters
    ----------
    text : str
    width : float
        Inches.
    size : float
        Of the letters, points.
    """
    # The letters of matplotlib's font are 0.55 of its size wide in the mean of a sentence.
    letters = max(int(width * 72.0 / (0.56 * size)), 20)
    # A number stays on the line of what it is the value of: "n = 5".
    whole = text.replace(" = ", "\xa0=\xa0")
    made = "\n".join(textwrap.fill(line, letters) for line in whole.splitlines())
    return made.replace("\xa0", " ")
