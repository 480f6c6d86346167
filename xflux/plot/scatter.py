"""Scatter: predicted against observed, with the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.plot.colours import INK, MUTED, colour_map, line_styles
from xflux.plot.panels import dress, facets, label_outer, new_axes, panels, set_title, title_panels
from xflux.plot.sample import Sample, draw_sample
from xflux.plot.wording import generated, long_name, units_text, value_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from xarray.plot import FacetGrid

__all__ = ["Kind", "plot_scatter"]

Kind = Literal["auto", "points", "density"]
#: Places looked at for drawing; the scores are of all pairs.
_LARGEST = 2_000_000
#: Pairs that are drawn as points unless asked otherwise; of more, their density is.
_POINTS = 3_000
#: Points of groups that are drawn.
_MOST_POINTS = 20_000
_MARKERS = "os^D"
_FIT = "#d55e00"


def plot_scatter(
    observed: xr.DataArray,
    predicted: xr.DataArray,
    *,
    ax: Axes | None = None,
    by: str | xr.DataArray | None = None,
    row: str | xr.DataArray | None = None,
    col: str | xr.DataArray | None = None,
    col_wrap: int | None = None,
    kind: Kind = "auto",
    scores: bool = True,
    regression: bool = True,
    cmap: str | Colormap = "water",
    gridsize: int = 60,
    xlabel: str | None = None,
    ylabel: str | None = None,
    colorbar: bool = True,
    legend: bool = True,
    figsize: tuple[float, float] | None = None,
) -> Axes | FacetGrid:
    """Draw predictions against observations.

    With the 1:1 line, the regression of predicted on observed, and the scores of
    `xflux.evaluate`. Lazy data are read once: all pairs for the scores, at most two
    million places, chosen at random, for drawing; the title says when it is a part.

    Parameters
    ----------
    observed, predicted : DataArray
        On equal coordinates; predictions are converted into the units of the
        observations. A pair with a NaN is left out.
    ax : Axes, optional
        Drawn into; None makes a figure.
    by : str or DataArray, optional
        Groups that points are coloured by, such as ``"igbp"`` or ``"season"``; see
        `xflux.evaluate`. At most 20 000 points are drawn.
    row, col : str or DataArray, optional
        Groups, or dimensions, to make panels of, each with its scores.
    col_wrap : int, optional
        Panels beside each other; None chooses.
    kind : {"auto", "points", "density"}
        Density: hexagons coloured by the number of pairs, on a log scale. "auto": points
        for up to 3000 pairs and for groups.
    scores : bool
        Write n, r2_nse, r2_pearson, RMSE and bias into the axes, in the unit of the axes.
    regression : bool
        Draw the regression line.
    cmap : str or Colormap
        Of the density.
    gridsize : int
        Hexagons across.
    xlabel, ylabel : str, optional
        None: from the attributes.
    colorbar, legend : bool
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Axes or xarray.plot.FacetGrid
        `ax`, the new axes, or the panels.

    Raises
    ------
    InputError
        When there is no pair, or an option does not fit.
    GridMismatchError
        When coordinates disagree.
    UnitsError
        When units do not convert into each other.
    """
    if kind not in get_args(Kind):
        raise InputError(f"kind={kind!r} must be 'auto', 'points' or 'density'")
    if by is not None and kind == "density":
        raise InputError("by colours points, and density has none; use col=... for a panel a group")
    if ax is not None and (row is not None or col is not None):
        raise InputError("ax and row or col exclude each other: panels need a figure of their own")
    roles = {"by": by, "row": row, "col": col}
    groups = {role: given for role, given in roles.items() if given is not None}
    sample = draw_sample(observed, predicted, groups, _LARGEST)
    if sample.observed.size == 0:
        raise InputError(
            "there is no pair to draw: nowhere have observed and predicted both a finite value"
            f"{' and a group' if sample.groups else ''}. Look for a selection that is empty, or "
            "series that do not overlap"
        )
    drawing = _Drawing(sample, kind, colour_map(cmap), gridsize, regression, scores)
    labels = _labels(observed, predicted, sample, xlabel, ylabel)
    parts = [generated(observed, predicted), drawing.drawn_part()]
    if row is None and col is None:
        outside = ax is None
        if ax is None:
            ax = new_axes(figsize or (5.4 if drawing.dense or by is not None else 4.7, 4.5))
        drawing.draw(ax, {})
        ax.set_xlabel(labels[0], fontsize=9.5, color=INK)
        ax.set_ylabel(labels[1], fontsize=9.5, color=INK)
        set_title(ax, parts)
        if colorbar:
            drawing.colour_bar(ax.figure, ax)
        if legend:
            drawing.legend(ax, ax if outside else None)
        return ax
    names = {role: sample.groups[role].name for role in ("row", "col") if role in sample.groups}
    pane = sample.scores["n"]
    for dim in pane.dims:
        # A class without pairs is no row or column of empty panels.
        others = [other for other in pane.dims if other != dim]
        pane = pane[{dim: np.flatnonzero((pane > 0).any(others).values)}]
    grid = facets(
        pane, names.get("row"), names.get("col"), col_wrap=col_wrap, width=2.9, height=2.9,
        figsize=figsize, room=(1.2, 0.5), fixed_aspect=True,
    )  # fmt: skip
    role_of = {name: role for role, name in names.items()}
    for panel, selection in panels(grid):
        if not int(pane.sel(selection)):
            dress(panel, grid="")
            panel.text(0.5, 0.5, "no pairs", transform=panel.transAxes, ha="center", color=MUTED)
            continue
        drawing.draw(panel, {role_of[name]: value for name, value in selection.items()}, selection)
    label_outer(grid)
    title_panels(grid, names.get("row"), names.get("col"), parts)
    grid.fig.supxlabel(labels[0], fontsize=9.5, color=INK)
    grid.fig.supylabel(labels[1], fontsize=9.5, color=INK)
    if colorbar:
        drawing.colour_bar(grid.fig, list(grid.axs.flat))
    if legend and by is not None:
        drawing.legend(grid.axs.flat[0], grid.fig)
    return grid


def _labels(
    observed: xr.DataArray,
    predicted: xr.DataArray,
    sample: Sample,
    xlabel: str | None,
    ylabel: str | None,
) -> tuple[str, str]:
    """Return the labels of the axes, both in the unit of the observations."""
    said = []
    for side, array, given in (("Observed", observed, xlabel), ("Predicted", predicted, ylabel)):
        if given is not None:
            said.append(given)
            continue
        known = array.drop_attrs().assign_attrs(array.attrs)
        known.attrs.pop("units", None)
        if sample.units is not None:
            known.attrs["units"] = sample.units
        name, unit = long_name(known), units_text(known)
        name = name if name[1:2].isupper() else name[:1].lower() + name[1:]
        said.append(f"{side} {name} [{unit}]" if unit else f"{side} {name}")
    return said[0], said[1]


class _Drawing:
    """What all panels of one figure share: limits, colours, counts."""

    def __init__(
        self,
        sample: Sample,
        kind: Kind,
        cmap: Colormap,
        gridsize: int,
        regression: bool,
        scores: bool,
    ) -> None:
        from matplotlib.colors import ListedColormap, LogNorm

        self.sample = sample
        self.dense = kind == "density" or (
            kind == "auto" and "by" not in sample.groups and sample.observed.size > _POINTS
        )
        # The palest shades do not stand out from white paper.
        self.cmap = ListedColormap(cmap(np.linspace(0.15, 1.0, 256)))
        self.norm = LogNorm(1, 2)
        self.gridsize = gridsize
        self.regression, self.scores = regression, scores
        self.hexagons: list[Any] = []
        self.low, self.high = _limits(sample)
        size = sample.observed.size
        few = self.dense or size <= _MOST_POINTS
        order = np.random.default_rng(0).permutation(size)[: size if few else _MOST_POINTS]
        self.chosen = np.zeros(size, bool)
        self.chosen[order] = True
        #: Area of a point: the fewer, the larger.
        self.size = float(np.clip(4000.0 / max(order.size, 1), 5.0, 24.0))

    def drawn_part(self) -> str:
        """Say how many of the pairs are drawn, where it is not all."""
        pairs = int(self.sample.scores["n"].sum())
        drawn = int(self.chosen.sum())
        if drawn == pairs:
            return ""
        return f"{_count(drawn)} of {_count(pairs)} pairs drawn, scores of all"

    def draw(self, ax: Axes, roles: dict[str, Any], selection: Any = None) -> None:
        """Draw one panel: the pairs of some labels."""
        dress(ax, grid="")
        inside = self.sample.within(roles) & self.chosen
        x, y = self.sample.observed[inside], self.sample.predicted[inside]
        if self.dense:
            self._density(ax, x, y)
        else:
            self._points(ax, x, y, inside)
        ends = np.array([self.low, self.high])
        ax.plot(ends, ends, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), label="1:1", zorder=4)
        scores = self.sample.scores
        if selection:
            scores = scores.sel(selection)
        slope, intercept = float(scores["slope"]), float(scores["intercept"])
        if self.regression and np.isfinite(slope):
            sign = "+" if intercept >= 0 else "\u2212"
            reach = np.array([x.min(), x.max()]) if x.size else ends
            ax.plot(
                reach, intercept + slope * reach, color=_FIT, linewidth=1.5, zorder=5,
                label=f"y = {slope:.2f} x {sign} {abs(intercept):.2g}",
            )  # fmt: skip
        if self.scores:
            ax.text(
                0.03, 0.97, _score_text(scores), transform=ax.transAxes, va="top", ha="left",
                fontsize=8, color=INK, linespacing=1.35, zorder=6,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 2.5},
            )  # fmt: skip
        ax.set_xlim(self.low, self.high)
        ax.set_ylim(self.low, self.high)
        ax.set_aspect("equal")
        from matplotlib.ticker import MaxNLocator

        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(5))

    def _density(self, ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        extent = (self.low, self.high, self.low, self.high)
        hexagons = ax.hexbin(
            x, y, gridsize=self.gridsize, extent=extent, mincnt=1, cmap=self.cmap, norm=self.norm,
            linewidths=0.1, rasterized=True,
        )  # fmt: skip
        counts = hexagons.get_array()
        if counts is not None and counts.size:
            self.norm.vmax = max(float(self.norm.vmax or 2), float(counts.max()))
        self.hexagons.append(hexagons)

    def _points(
        self, ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64], inside: NDArray[np.bool_]
    ) -> None:
        look: dict[str, Any] = {
            "s": self.size,
            "alpha": 0.6,
            "linewidths": 0,
            "rasterized": x.size > 2000,
        }
        if "by" not in self.sample.groups:
            ax.scatter(x, y, color="#2a77ad", **look)
            return
        grouping = self.sample.groups["by"]
        codes = self.sample.codes["by"]
        # The same look in every panel, of the groups that are there; large ones lie below.
        present, counts = np.unique(codes, return_counts=True)
        names = [np.asarray(grouping.labels)[code] for code in present]
        styles = line_styles(names)
        for place in np.argsort(-counts):
            mine = codes[inside] == present[place]
            style, marker = styles[place], _MARKERS[place // 8 % len(_MARKERS)]
            said = value_text(grouping.name, names[place])
            ax.scatter(x[mine], y[mine], color=style["color"], marker=marker, label=said, **look)

    def colour_bar(self, figure: Any, axes: Any) -> None:
        """Add the colour bar of the density."""
        if not self.hexagons:
            return
        bar = figure.colorbar(self.hexagons[0], ax=axes, shrink=0.7, aspect=28, pad=0.03)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8, width=0.8, color=MUTED, labelcolor=INK)
        bar.ax.tick_params(which="minor", length=0)
        bar.set_label("Pairs per hexagon", fontsize=9, color=INK)

    def legend(self, ax: Axes, beside: Any) -> None:
        """Name the lines inside the axes, and the groups beside them where there is room."""
        named = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
        lines = {said: named[said] for said in named if said == "1:1" or said.startswith("y = ")}
        groups = {said: named[said] for said in self._group_names() if said in named}
        options: dict[str, Any] = {"fontsize": 8, "labelcolor": INK, "frameon": False}
        options["markerscale"] = np.sqrt(30.0 / self.size)
        if beside is None:
            both = groups | lines
            ax.legend(both.values(), both.keys(), loc="lower right", **options)
            return
        if beside is ax:
            inside = ax.legend(lines.values(), lines.keys(), loc="lower right", **options)
            if not groups:
                return
            ax.add_artist(inside)
        place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
        beside.legend(
            groups.values(), groups.keys(), title=str(self.sample.groups["by"].name),
            title_fontsize=9, alignment="left",
            **(place if beside is ax else {"loc": "outside right upper"}), **options,
        )  # fmt: skip

    def _group_names(self) -> list[str]:
        if "by" not in self.sample.groups:
            return []
        grouping = self.sample.groups["by"]
        return [value_text(grouping.name, name) for name in grouping.labels]


def _limits(sample: Sample) -> tuple[float, float]:
    """Return the common limits of both axes: all that is drawn, and zero when it is near."""
    low = float(min(sample.observed.min(), sample.predicted.min()))
    high = float(max(sample.observed.max(), sample.predicted.max()))
    room = 0.03 * (high - low) or 0.5
    return (0.0 if 0.0 <= low < 0.1 * high else low - room), high + room


def _count(number: int) -> str:
    """Write a count with thin spaces between the thousands."""
    return f"{number:,}".replace(",", "\u2009")


def _score_text(scores: xr.Dataset) -> str:
    def value(name: str, form: str) -> str:
        return format(float(scores[name]), form).replace("-", "\u2212")

    return "\n".join(
        [
            f"n = {_count(int(scores['n']))}",
            f"R² (NSE) = {value('r2_nse', '.2f')}",
            f"r² (Pearson) = {value('r2_pearson', '.2f')}",
            f"RMSE = {value('rmse', '.3g')}",
            f"bias = {value('bias', '.2g')}",
        ]
    )
