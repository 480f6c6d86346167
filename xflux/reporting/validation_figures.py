"""Figures of a validation: scatter, bars of skill, and how intervals hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.plot.colours import FLUX_COLOURS, INK, MUTED
from xflux.plot.panels import dress
from xflux.plot.wording import short_name, units_text
from xflux.reporting.page import Picture
from xflux.reporting.validation_tables import ESTIMATE, Validation

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_components", "draw_coverage", "draw_places", "draw_scatter", "draw_skill"]

_DPI = 130
#: A bar of r2_nse is drawn down to here, and its value written beside it.
_LOWEST = -1.0
_GREY = "#b5b5b5"


def draw_scatter(data: Validation, flux: str, label: str) -> Picture:
    """Draw every estimate of a flux against what was observed."""
    import matplotlib.pyplot as plt

    from xflux.plot.scatter import plot_scatter

    before = set(plt.get_fignums())
    try:
        grid: Any = plot_scatter(data.observed[flux], data.predicted[flux], col=ESTIMATE)
        png = _png(grid.fig)
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)
    return Picture(
        png,
        f"{short_name(flux)} predicted against observed",
        f"{short_name(flux)}{label}, {' and '.join(data.estimates)}, on the same records, with the "
        "1:1 line (dashed), the regression of predicted on observed, and the scores.",
    )


def draw_skill(
    scores: xr.Dataset, group: str, data: Validation, called: str, label: str
) -> Picture:
    """Draw r2_nse and rmse of every estimate by group, a column of panels for each flux.

    Parameters
    ----------
    scores : Dataset
        With ``n_sites``.
    group : str
        Dimension of the groups.
    data : Validation
    called : str
        What the groups are.
    label : str
        Such as " (synthetic)".
    """
    names = [str(name) for name in scores[group].values]
    figure, axs = _grid(2, len(data.fluxes), _height(len(names), data))
    for column, flux in enumerate(data.fluxes):
        one = scores.sel({"flux": flux})
        sites = one["n_sites"].isel({ESTIMATE: -1}).values
        rows = [f"{name} ({int(n)})" if n else name for name, n in zip(names, sites)]
        _bars(axs[0, column], one["r2_nse"], group, data, flux)
        _bars(axs[1, column], one["rmse"], group, data, flux)
        axs[0, column].set_title(short_name(flux), loc="left", fontsize=10, color=INK)
        axs[0, column].set_xlabel("r2_nse", fontsize=9, color=INK)
        unit = units_text(data.observed[flux])
        axs[1, column].set_xlabel(f"RMSE [{unit}]" if unit else "RMSE", fontsize=9, color=INK)
        for ax in axs[:, column]:
            ax.set_yticks(range(len(rows)), labels=rows)
    _legend(figure, data)
    return Picture(
        _png(figure),
        f"Skill by {called}",
        f"r2_nse and RMSE by {called}{label}, in brackets the number of sites; bars below "
        f"{_LOWEST:g} are cut, their value stands beside them.".replace("-", "\u2212"),
    )


def draw_components(scores: xr.Dataset, data: Validation, label: str) -> Picture:
    """Draw r2_nse of each component of variability."""
    names = [str(name).replace("_", " ") for name in scores["component"].values]
    figure, axs = _grid(1, len(data.fluxes), _height(len(names), data))
    for ax, flux in zip(axs[0], data.fluxes):
        _bars(ax, scores["r2_nse"].sel({"flux": flux}), "component", data, flux)
        ax.set_yticks(range(len(names)), labels=names)
        ax.set_title(short_name(flux), loc="left", fontsize=10, color=INK)
        ax.set_xlabel("r2_nse", fontsize=9, color=INK)
    for ax in axs[0, 1:]:
        ax.tick_params(labelleft=False)
    _legend(figure, data)
    return Picture(
        _png(figure),
        "Skill by component of variability",
        f"r2_nse of site means, of mean seasonal cycles less the site mean, and of deviations from "
        f"the cycle{label}; the total is mostly that of season and site.",
    )


def draw_coverage(tables: Mapping[str, xr.Dataset], data: Validation, label: str) -> Picture:
    """Draw the coverage of each site as a histogram, and that of each class."""
    by_site, overall = tables["intervals_by_site"]["coverage"], tables["intervals"]["coverage"]
    level = float(tables["intervals"].attrs["level"])
    by_class = tables.get("intervals_by_class")
    classes = 0 if by_class is None else by_class.sizes["igbp"]
    heights = [2.0, 0.7 + 0.24 * classes] if classes else [2.0]
    figure, axs = _grid(len(heights), len(data.with_intervals), heights)
    for column, flux in enumerate(data.with_intervals):
        ax = axs[0, column]
        values = by_site.sel({"flux": flux}).values
        values = values[np.isfinite(values)]
        ax.hist(values, bins=np.linspace(0.0, 1.0, 21), color=FLUX_COLOURS[flux], alpha=0.75)
        mean = float(overall.sel({"flux": flux}))
        _rule(ax, level)
        ax.axvline(mean, color=INK, linewidth=1.4)
        ax.set_title(f"{short_name(flux)}, mean {mean:.2f}", loc="left", fontsize=10, color=INK)
        ax.set_xlim(0.0, 1.0)
        dress(ax)
        ax.tick_params(labelsize=8)
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.set_xlabel("Coverage of a site", fontsize=9, color=INK)
        if not column:
            ax.set_ylabel("Sites", fontsize=9, color=INK)
        if by_class is None:
            continue
        ax = axs[1, column]
        one = by_class.sel({"flux": flux})
        ax.plot(one["coverage"], range(classes), "o", color=FLUX_COLOURS[flux], markersize=5)
        rows = [
            f"{name} ({int(n)})" if n else str(name)
            for name, n in zip(one["igbp"].values, one["n_units"].values)
        ]
        ax.set_yticks(range(classes), labels=rows)
        ax.set_ylim(classes - 0.4, -0.6)
        _rule(ax, level)
        dress(ax, grid="x")
        ax.tick_params(labelsize=8)
        ax.tick_params(axis="y", length=0)
        ax.set_xlim(min(0.5, float(one["coverage"].min()) - 0.05), 1.02)
        ax.set_xlabel("Mean coverage of its sites", fontsize=9, color=INK)
    return Picture(
        _png(figure),
        "Coverage of the intervals",
        f"Share of the observations within the {level:.0%} interval{label}: by site, with the mean "
        "over sites (line) and what it is to be (dashed); below, the mean over the sites of each "
        "land cover, whose number stands in brackets.",
    )


def draw_places(places: xr.Dataset, level: float, data: Validation, label: str) -> Picture:
    """Draw where observations lie between the ends of their intervals."""
    figure, axs = _grid(1, len(data.with_intervals), 2.1)
    at = places["place"].values - 1
    inside = (at >= 0) & (at < at.max())
    for column, flux in enumerate(data.with_intervals):
        ax = axs[0, column]
        share = places["share"].sel({"flux": flux}).values
        colours = [FLUX_COLOURS[flux] if within else _GREY for within in inside]
        ax.bar(at + 0.5, share, 0.94, color=colours, zorder=2)
        for end in (at[0], at[-1]):
            half = 0.5 * (1.0 - level)
            ax.plot([end, end + 1.0], [half, half], color=INK, linewidth=1.2, zorder=3,
                    linestyle=(0, (4, 3)))  # fmt: skip
        ax.set_xticks(
            [-0.5, 0, (at.max()) / 2, at.max(), at.max() + 0.5],
            labels=["below", "", "centre", "", "above"],
        )
        dress(ax)
        ax.tick_params(labelsize=8)
        ax.tick_params(axis="x", length=0)
        ax.yaxis.get_major_locator().set_params(nbins=5)
        ax.set_title(short_name(flux), loc="left", fontsize=10, color=INK)
        if not column:
            ax.set_ylabel("Share of observations", fontsize=9, color=INK)
    return Picture(
        _png(figure),
        "Where observations lie within their intervals",
        f"Share of the observations below, in each tenth of, and above the {level:.0%} interval"
        f"{label}, in the mean over sites. Dashed: the share that is to lie outside on either "
        "side. A lopsided histogram is a bias; one that is high in the middle and at both ends "
        "says that sites differ in how well they are predicted.",
    )


def _height(groups: int, data: Validation) -> float:
    """Return the height of a panel of bars, inches."""
    return 0.5 + (0.08 + 0.12 * len(data.estimates)) * groups


def _grid(rows: int, columns: int, height: float | Sequence[float]) -> tuple[Figure, Any]:
    """Make a figure without a window, of panels side by side."""
    from matplotlib.figure import Figure

    heights = [height] * rows if isinstance(height, int | float) else list(height)
    figure = Figure(
        figsize=(max(2.75 * columns, 4.0), sum(heights) + 0.45 * rows + 0.35), layout="constrained"
    )
    axs = figure.subplots(rows, columns, squeeze=False, gridspec_kw={"height_ratios": heights})
    return figure, axs


def _bars(ax: Axes, values: xr.DataArray, group: str, data: Validation, flux: str) -> None:
    """Draw a row of bars for each group, one for each estimate."""
    many = len(data.estimates)
    skill = values.name == "r2_nse"
    height = 0.8 / many
    for k, name in enumerate(data.estimates):
        found = values.sel({ESTIMATE: name}).transpose(group).values.astype(np.float64)
        at = np.arange(found.size) + (k - 0.5 * (many - 1)) * height
        drawn = np.maximum(found, _LOWEST) if skill else found
        last = k == many - 1
        colour = FLUX_COLOURS[flux] if last else _shade(k, many)
        ax.barh(at, np.nan_to_num(drawn), height * 0.92, color=colour, zorder=2)
        for y, value in zip(at, found):
            if skill and value < _LOWEST:
                ax.annotate(
                    f"{value:.1f}".replace("-", "\u2212"), (_LOWEST, y), xytext=(3, 0),
                    textcoords="offset points", va="center", fontsize=6.5, zorder=4,
                    color="white" if last else INK,
                )  # fmt: skip
    dress(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=8)
    ax.tick_params(axis="x", labelsize=8)
    ax.spines["left"].set_visible(False)
    ax.axvline(0.0, color=MUTED, linewidth=0.8, zorder=3)
    ax.set_ylim(values.sizes[group] - 0.45, -0.55)
    if skill:
        # In halves, so that panels side by side have few different axes.
        least = float(np.floor(2.0 * values.min(skipna=True)) / 2.0)
        least = max(_LOWEST, min(least, 0.0))
        ax.set_xlim(least, 1.0)
        ax.set_xticks(np.arange(least, 1.1, 0.5))


def _shade(k: int, many: int) -> str:
    """Return greys for all but the last estimate, the darker the later."""
    return str(round(0.75 - 0.3 * k / max(many - 1, 1), 2))


def _rule(ax: Axes, level: float) -> None:
    ax.axvline(level, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1.5)


def _legend(figure: Figure, data: Validation) -> None:
    """Name the bars: the last estimate has the colour of its flux."""
    from matplotlib.patches import Patch

    many = len(data.estimates)
    patches = [Patch(color=_shade(k, many)) for k in range(many - 1)]
    patches.append(Patch(color=FLUX_COLOURS[data.fluxes[0]]))
    words = [*data.estimates[:-1], f"{data.estimates[-1]} (in the colour of the flux)"]
    figure.legend(
        patches, words, loc="outside upper left", ncols=many, frameon=False, fontsize=8.5,
        labelcolor=INK,
    )  # fmt: skip


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    # Without the version of matplotlib, so that equal figures are equal bytes.
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
