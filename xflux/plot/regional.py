"""Fluxes of regions from several sources: years, their anomalies, and mean seasonal cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.variables import variables
from xflux.plot.colours import INK, MUTED, line_styles
from xflux.plot.panels import dress, set_title, wrapped
from xflux.plot.region_lines import Band, RegionLine, colours_of, region_lines, said_of_bands
from xflux.plot.wording import sentence
from xflux.skill.annual import annual_values, detrended_anomalies
from xflux.skill.regional_series import ALL
from xflux.skill.seasonal import mean_seasonal_cycle

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["plot_region_anomalies", "plot_region_cycles", "plot_region_years"]

_COLUMNS = 4
_MONTHS = "JFMAMJJASOND"


def plot_region_years(
    sources: Mapping[str, xr.DataArray | xr.Dataset],
    *,
    variable: str = "nee",
    show: str | Sequence[str] | None = None,
    ax: Axes | Sequence[Axes] | NDArray[Any] | None = None,
    band: Band = "sd",
    annual: Mapping[str, xr.DataArray] | None = None,
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    legend: bool = True,
    figsize: tuple[float, float] | None = None,
    note: str = "",
) -> Axes | NDArray[Any]:
    """Draw annual fluxes of regions, or of their sum, from several sources.

    Parameters
    ----------
    sources : mapping of str to DataArray or Dataset, (..., region, time) [Pg]
        Amounts of months by what they are called, such as ``{"towers and inversions": dual,
        "inversions": inv}``: as `xflux.regional_integral` and `xflux.open_inversions` give, of one
        ``flux_definition``. Other dimensions (``member``, ``fold``, ``inversion``) are drawn as a
        band around their mean, in the years that all members have.
    variable : str
        Canonical name of the flux.
    show : str or sequence of str, optional
        Names: one is drawn alone, ``"all"`` is the sum of all. None: a panel for each, and where
        there are several, for the sum.
    ax : Axes or sequence of Axes, optional
        Drawn into, one for each region; None makes a figure.
    band : {"sd", "range"}
        One standard deviation (ddof=1) of the members, or from the least to the largest.
    annual : mapping of str to DataArray (year) [Pg yr-1], optional
        Drawn dashed in the panel of the sum, such as ``{"GCB": gcb.e_luc - gcb.s_land}``: as given,
        positive to the atmosphere.
    colors : mapping or sequence, optional
        Of the sources.
    legend : bool
    figsize : tuple of float, optional
        Inches.
    note : str
        Said at the end of the title.

    Returns
    -------
    Axes or array of Axes
        One, or one for each region.

    Raises
    ------
    InputError
        For unlike definitions, regions that a source lacks, mean years, nothing finite.
    UnitsError
        For what is no amount.
    """
    lines = region_lines(
        sources, variable, partial(annual_values, annual="sum"), x="year", band=band
    )
    axes, names = _panels(
        lines,
        "year",
        show,
        ax,
        figsize,
        colors,
        said=lambda middle: f": {float(middle.mean()):.3g}",
    )
    alone = len(_regions(lines)) == 1
    for panel, name in zip(axes, names, strict=True):
        if name == ALL or alone:
            for called, array in (annual or {}).items():
                panel.plot(
                    array["year"], array.values, color=INK, linewidth=1.2, linestyle="--",
                    label=called,
                )  # fmt: skip
        _mark_years(panel)
    what = f"{_words(lines)} [{_unit(variable)} per year]"
    _finish(axes, names, what, [said_of_bands(lines, band), _made(lines), note], legend, ax)
    return axes[0] if isinstance(show, str) else axes


def plot_region_anomalies(
    sources: Mapping[str, xr.DataArray | xr.Dataset],
    *,
    variable: str = "nee",
    show: str | Sequence[str] | None = None,
    ax: Axes | Sequence[Axes] | NDArray[Any] | None = None,
    band: Band = "sd",
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    legend: bool = True,
    figsize: tuple[float, float] | None = None,
    note: str = "",
) -> Axes | NDArray[Any]:
    """Draw by how much annual fluxes of regions depart from their linear trend.

    Parameters
    ----------
    sources : mapping of str to DataArray or Dataset
        As of `plot_region_years`. Trends are those of each source and member, over its own years.
    variable, show, ax, band, colors, legend, figsize, note
        As of `plot_region_years`.

    Returns
    -------
    Axes or array of Axes
        One, or one for each region. Of one the legend says the standard deviation (ddof=1) of
        the line.

    Raises
    ------
    InputError
        For unlike definitions, regions that a source lacks, mean years, fewer than three whole
        years.
    UnitsError
        For what is no amount.
    """
    reduce = partial(detrended_anomalies, annual="sum", standardize=False)
    lines = region_lines(sources, variable, reduce, x="year", band=band)
    axes, names = _panels(
        lines, "year", show, ax, figsize, colors,
        said=lambda middle: f": sd {float(middle.std(ddof=1)):.2g}",
    )  # fmt: skip
    for panel in axes:
        _mark_years(panel)
    words = _words(lines)
    what = f"Anomaly of {words[:1].lower()}{words[1:]} [{_unit(variable)} per year]"
    parts = ["annual sums less their trend", said_of_bands(lines, band), _made(lines), note]
    _finish(axes, names, what, parts, legend, ax)
    return axes[0] if isinstance(show, str) else axes


def plot_region_cycles(
    sources: Mapping[str, xr.DataArray | xr.Dataset],
    *,
    variable: str = "nee",
    show: str | Sequence[str] | None = None,
    ax: Axes | Sequence[Axes] | NDArray[Any] | None = None,
    band: Band = "sd",
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    legend: bool = True,
    figsize: tuple[float, float] | None = None,
    note: str = "",
) -> Axes | NDArray[Any]:
    """Draw mean seasonal cycles of regions, or of their sum, from several sources.

    Parameters
    ----------
    sources : mapping of str to DataArray or Dataset
        As of `plot_region_years`, or mean years along ``month``. Each over its own years.
    variable, show, ax, band, colors, legend, figsize, note
        As of `plot_region_years`.

    Returns
    -------
    Axes or array of Axes
        One, or one for each region.

    Raises
    ------
    InputError
        For unlike definitions, regions that a source lacks, nothing finite.
    UnitsError
        For what is no amount.
    """
    lines = region_lines(
        sources, variable, partial(mean_seasonal_cycle, cycle="month"), x="month", band=band
    )
    axes, names = _panels(lines, "month", show, ax, figsize, colors, said=lambda middle: "")
    for panel in axes:
        panel.set_xticks(range(1, 13), labels=list(_MONTHS))
        panel.set_xlim(0.7, 12.3)
    what = f"{_words(lines)} [{_unit(variable)} per month]"
    _finish(axes, names, what, [said_of_bands(lines, band), _made(lines), note], legend, ax)
    return axes[0] if isinstance(show, str) else axes


def _words(lines: Mapping[str, RegionLine]) -> str:
    """Return what is drawn, which is alike of all."""
    return next(iter(lines.values())).words


def _unit(variable: str) -> str:
    row = variables.get(variable)
    return "Pg C" if row is not None and row.species == "carbon" else "Pg"


def _made(lines: Mapping[str, RegionLine]) -> str:
    return "synthetic" if any(line.synthetic for line in lines.values()) else ""


def _regions(lines: Mapping[str, RegionLine]) -> list[str]:
    """Return what has a panel: regions and their sum, which of one region is the same."""
    held = [str(name) for name in next(iter(lines.values())).middle["region"].values]
    return held[:1] if len(held) == 2 else held


def _axes(
    lines: Mapping[str, RegionLine],
    show: str | Sequence[str] | None,
    ax: Any,
    figsize: tuple[float, float] | None,
) -> tuple[NDArray[Any], list[str]]:
    """Return an axes for each region, and the regions."""
    held = [str(name) for name in next(iter(lines.values())).middle["region"].values]
    wanted = [show] if isinstance(show, str) else list(_regions(lines) if show is None else show)
    unknown = [name for name in wanted if name not in held]
    if unknown or not wanted:
        raise InputError(
            f"no region {', '.join(map(repr, unknown)) or 'at all'}; the regions are "
            f"{', '.join(held)}"
        )
    for line in lines.values():
        if np.isfinite(line.middle.sel(region=wanted).values).any():
            break
    else:
        raise InputError(
            "nothing finite to draw: no source has a whole year (anomalies need three) that "
            "all its members have"
        )
    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if given.size != len(wanted):
            raise InputError(f"{given.size} axes for {len(wanted)} regions; give one for each")
        return given, wanted
    import matplotlib.pyplot as plt

    columns = min(len(wanted), _COLUMNS)
    columns = -(-len(wanted) // -(-len(wanted) // columns))
    rows = -(-len(wanted) // columns)
    size = figsize or ((7.5, 3.6) if len(wanted) == 1 else (0.6 + 2.6 * columns, 0.9 + 1.9 * rows))
    _, made = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    for left in made.ravel()[len(wanted) :]:
        left.remove()
    return made.ravel()[: len(wanted)], wanted


def _panels(
    lines: Mapping[str, RegionLine],
    x: str,
    show: str | Sequence[str] | None,
    ax: Any,
    figsize: tuple[float, float] | None,
    colors: Any,
    *,
    said: Callable[[xr.DataArray], str],
) -> tuple[NDArray[Any], list[str]]:
    """Draw all lines in a panel for each region, and return panels and regions.

    `said` of its middle stands after the name of a line where there is one panel.
    """
    axes, names = _axes(lines, show, ax, figsize)
    called = list(lines)
    styles = colours_of(called, line_styles(called), colors)
    for panel, region in zip(axes, names, strict=True):
        for (name, line), style in zip(lines.items(), styles, strict=True):
            more = said(line.middle.sel(region=region)) if len(names) == 1 else ""
            _draw(panel, line, region, x, style, name + more)
    return axes, names


def _draw(
    ax: Axes, line: RegionLine, name: str, x: str, style: Mapping[str, Any], said: str
) -> None:
    dress(ax)
    middle = line.middle.sel(region=name)
    along = middle[x].values
    if line.ensemble:
        low, high = (one.sel(region=name).values for one in (line.low, line.high))
        ax.fill_between(along, low, high, color=style["color"], alpha=0.2, linewidth=0)
    ax.plot(along, middle.values, linewidth=1.6, label=said, solid_joinstyle="round", **style)
    if np.isfinite(middle.values).sum() == 1:
        ax.plot(along, middle.values, ".", color=style["color"])


def _mark_years(ax: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    first, last = ax.dataLim.intervalx
    if first == last:
        ax.set_xlim(first - 1.0, last + 1.0)


def _finish(
    axes: NDArray[Any],
    names: Sequence[str],
    what: str,
    said: Sequence[str],
    legend: bool,
    given: Any,
) -> None:
    """Add the zero, titles, the label and the legend."""
    titles = ["Sum of all regions" if name == ALL else name.replace("_", " ") for name in names]
    for ax, title in zip(axes, titles, strict=True):
        low, high = ax.get_ylim()
        if low < 0.0 < high:
            ax.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
        ax.set_title(title, loc="left", fontsize=9, color=INK)
    if given is not None or len(names) == 1:
        axes[0].set_ylabel(what.replace(" [", "\n["), fontsize=9.5, color=INK)
    if len(names) == 1:
        set_title(axes[0], [*titles, *said])
        if legend:
            axes[0].legend(fontsize=9, labelcolor=INK, framealpha=0.85, edgecolor="none")
        return
    handles: dict[str, Any] = {}
    for ax in axes:
        handles |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    if given is not None:
        if legend:
            axes[0].legend(handles.values(), handles.keys(), fontsize=8, labelcolor=INK)
        return
    figure = axes[0].get_figure(root=True)
    width, height = (float(size) for size in figure.get_size_inches())
    unit = what[what.index("[") :]
    lines = wrapped(what.replace(unit, unit.replace(" ", "\xa0")), 0.7 * height, 9.5)
    figure.supylabel(lines, fontsize=9.5, color=INK)
    if sentence(said):
        told = wrapped(sentence(said), width, 9)
        figure.suptitle(told, x=0.01, ha="left", fontsize=9, color=MUTED)
    if legend:
        figure.legend(
            handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=9,
            labelcolor=INK, frameon=False,
        )  # fmt: skip
