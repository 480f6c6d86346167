"""Figures as PNG: scatter and seasonal cycles at the towers, maps and series of the grid."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xflux.commands.at_towers import TowerResult
from xflux.commands.cycles import mean_cycles
from xflux.commands.drawing import Figure, FigureFolder, map_page, set_title
from xflux.commands.fluxes import FLUXES
from xflux.commands.on_grid import GridResult
from xflux.commands.progress import Progress
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure as Canvas

__all__ = ["draw_grid", "draw_towers"]


def draw_towers(
    result: TowerResult, folder: Path, left_out: dict[str, str], progress: Progress, *, label: str
) -> list[Figure]:
    """Draw scatter and mean seasonal cycles of every flux that was scored.

    Parameters
    ----------
    result : TowerResult
    folder : Path
        Where the files go.
    left_out : dict of str to str
        Why a figure is missing is added here.
    progress : Progress
    label : str
        Stands in every title, such as ``synthetic``; may be empty.

    Returns
    -------
    list of Figure
    """
    progress.say("drawing the towers")
    pages = FigureFolder(folder, left_out)
    said = f" ({label})" if label else ""
    for flux in result.scores.fluxes:
        observed, predicted = result.observed[flux], result.predicted[flux]
        name = short_name(flux)
        pages.draw(
            f"scatter_{flux}",
            f"{name} at the towers{said}",
            f"{name} at the towers{said}: baseline against observations, all sites and times, with "
            "the 1:1 line, the regression of baseline on observed, and the scores.",
            partial(_scatter, observed, predicted),
        )
        cycles = mean_cycles(observed, predicted)
        if cycles is None:
            left_out[f"seasonal cycle of {name}"] = (
                "no site has pairs of observed and computed values in every month of the year"
            )
            continue
        southern = "lat" in observed.coords and bool((observed["lat"] < 0).any())
        pages.draw(
            f"seasonal_{flux}",
            f"Mean seasonal cycle of {name} at the towers{said}",
            f"Mean seasonal cycle of {name}{said}, observed and baseline at the same times, "
            "averaged over the sites that have pairs in every month of the year, as many as the "
            "panel says."
            f"{' Months are those of the calendar, at southern sites too.' if southern else ''}",
            partial(_seasons, cycles, flux),
        )
    return pages.figures


def _scatter(observed: xr.DataArray, predicted: xr.DataArray, title: str) -> Canvas:
    from xflux.plot.scatter import plot_scatter

    ax: Any = plot_scatter(observed, predicted)
    ax.set_ylabel(ax.get_ylabel().replace("Predicted", "Baseline"))
    set_title(ax, title)
    canvas: Canvas = ax.figure
    return canvas


def _seasons(cycles: xr.DataArray, flux: str, title: str) -> Canvas:
    from xflux.plot.colours import FLUX_COLOURS, INK
    from xflux.plot.series import plot_series

    colours = {"observed": INK, "baseline": FLUX_COLOURS[flux]}
    grid: Any = plot_series(cycles, hue="estimate", col="group", colors=colours)
    canvas: Canvas = grid.fig
    canvas.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    for legend in canvas.legends:
        legend.set_title("")
    return canvas


def draw_grid(
    result: GridResult, folder: Path, left_out: dict[str, str], progress: Progress, *, label: str
) -> list[Figure]:
    """Draw a map of every flux, and the monthly totals.

    Parameters
    ----------
    result : GridResult
    folder, left_out, progress
        As for `draw_towers`.
    label : str
        As for `draw_towers`.

    Returns
    -------
    list of Figure
    """
    progress.say("drawing the grid")
    pages = FigureFolder(folder, left_out)
    said = f" ({label})" if label else ""
    for flux in (flux for flux in FLUXES if flux in result.mean):
        title = (
            f"Baseline {short_name(flux)}{f', {result.mean_of}' if result.mean_of else ''}{said}"
        )
        some = " Where time steps are missing the mean is of those present."
        pages.draw(
            f"map_{flux}", title,
            f"{title}. Grey: no value.{some if flux in result.partial else ''}",
            partial(map_page, result.mean[flux]),
        )  # fmt: skip
    if result.totals is not None and result.totals.monthly.data_vars:
        extent = "Global totals" if result.domain == "global" else f"Totals over {result.domain}"
        title = f"{extent} of the baseline{f', {result.period}' if result.period else ''}{said}"
        pages.draw(
            "series_monthly",
            title,
            f"{title}: carbon fluxes by month, and the mean latent heat flux over land.",
            partial(_monthly, result.totals.monthly),
        )
        carbon = _carbon(result.totals.monthly)
        # A mean year is a single total, which the table shows better.
        if carbon and "time" in result.totals.monthly.dims:
            title = f"{extent} of carbon by year, baseline{said}"
            pages.draw(
                "budget", title,
                f"{title}: gross fluxes, and net exchange as sink and source, with the mean, the "
                "variability between years and the trend.",
                partial(_budget, result.totals.monthly[carbon]),
            )  # fmt: skip
    return pages.figures


def _carbon(monthly: xr.Dataset) -> list[str]:
    return [flux for flux in FLUXES if flux in monthly and flux != "le"]


def _budget(monthly: xr.Dataset, title: str) -> Canvas:
    from xflux.plot.budget import plot_budget

    axes: Any = plot_budget(monthly)
    first = axes[0] if hasattr(axes, "__len__") else axes
    set_title(first, title)
    canvas: Canvas = first.figure
    return canvas


def _monthly(monthly: xr.Dataset, title: str) -> Canvas:
    import matplotlib.pyplot as plt

    from xflux.plot.colours import INK
    from xflux.plot.series import plot_series

    carbon = _carbon(monthly)
    parts = [part for part in (carbon, ["le"] if "le" in monthly else []) if part]
    canvas, axes = plt.subplots(
        len(parts), 1, figsize=(7.5, 0.6 + 2.9 * len(parts)), layout="constrained",
        sharex=True, squeeze=False,
    )  # fmt: skip
    for ax, names in zip(axes[:, 0], parts, strict=True):
        water = names == ["le"]
        plot_series(monthly[names], ax=ax, legend=False)
        if not water:
            # Beside the lines, which fill the axes.
            ax.legend(
                ax.get_lines()[: len(names)], [short_name(name) for name in names],
                loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=9, frameon=False,
            )  # fmt: skip
        ax.set_title("")
        said = "Latent heat, mean over land [W m-2]" if water else "Carbon flux [Pg C per month]"
        ax.set_ylabel(said, fontsize=9.5, color=INK)
        if ax.get_ylim()[0] > 0.0:
            ax.set_ylim(bottom=0.0)
    set_title(axes[0, 0], title)
    return canvas
