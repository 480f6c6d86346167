"""Figures of NEE with and without the atmosphere: years, seasons, skill by region, maps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xflux.commands.atmosphere import ALONE, WITH, Pair
from xflux.commands.atmosphere_tables import Reference, skill_of
from xflux.commands.drawing import Figure, FigureFolder, set_title
from xflux.commands.progress import Progress
from xflux.commands.refined_figures import pair_of_maps
from xflux.commands.store import reopen
from xflux.skill.regional_series import ALL

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure as Canvas

__all__ = ["draw_atmosphere", "draw_correlations"]

#: Most panels of seasons beside that of the sum.
_PANELS = 5


def draw_atmosphere(
    pair: Pair, reference: Reference | None, folder: Path, left_out: dict[str, str],
    progress: Progress, *, truth: Mapping[str, Path] | None = None, label: str = "",
) -> list[Figure]:  # fmt: skip
    """Draw both networks beside the inversions, and beside the truth where there is one.

    Parameters
    ----------
    pair : Pair
    reference : Reference, optional
        The truth; without it skill is that against the inversions.
    folder : Path
        Where the files go.
    left_out : dict of str to str
        Why a figure is missing is added here.
    progress : Progress
    truth : mapping of str to Path, optional
        Store of the true NEE, by what it is called.
    label : str
        Stands in every title, such as ``synthetic``; may be empty.

    Returns
    -------
    list of Figure
    """
    progress.say("drawing NEE with and without the atmosphere")
    pages = FigureFolder(folder, left_out)
    said = f" ({label})" if label else ""
    sources: dict[str, xr.DataArray] = {**pair.sums, "inversions": pair.inversions}
    colours = {ALONE: "#c44e52", WITH: "#2a6f97", "inversions": "#8a8a8a"}
    if reference is not None:
        from xflux.plot.colours import INK

        sources[reference.name] = reference.series
        colours[reference.name] = INK
    beside = f", inversions and {reference.name}" if reference else " and inversions"
    bands = "Bands: one standard deviation of the members of each network, and of the inversions."
    title = f"NEE of all regions by year{said}"
    pages.draw(
        "atmosphere_years", title,
        f"{title}: both networks{beside}, positive to the atmosphere. {bands}",
        partial(_years, sources, colours, pair.away),
    )  # fmt: skip
    title = f"Mean seasonal cycle of NEE by region{said}"
    pages.draw(
        "atmosphere_seasons", title,
        f"{title}: the sum of all, and the regions in which both networks differ most. {bands}",
        partial(_seasons, sources, colours, _most_apart(pair)),
    )  # fmt: skip
    against = reference or Reference("inversions", pair.mean_inversion, (WITH,))
    title = f"Months of NEE by region: nNSE against {against.name}{said}"
    pages.draw(
        "atmosphere_skill", title,
        f"{title}. 1 is best; 0.5 is no better than the mean of all months. What is on training "
        "data is a fit, and no skill.",
        partial(_skill, pair, against, colours),
    )  # fmt: skip
    stores = {**pair.fields, **(truth or {})}
    title = f"NEE by {', '.join(stores)}: mean of all months{said}"
    pages.draw(
        "atmosphere_maps", title, f"{title}, with one scale of colours. Grey: no value.",
        partial(_maps, stores),
    )  # fmt: skip
    return pages.figures


def draw_correlations(
    scores: Mapping[str, xr.DataArray], folder: Path, left_out: dict[str, str], *, label: str
) -> list[Figure]:
    """Draw where each follows the truth, and where one does so better.

    Parameters
    ----------
    scores : mapping of str to DataArray (lat, lon)
        Correlation of months with the truth, of both.
    folder, left_out, label
        As of `draw_atmosphere`.
    """
    pages = FigureFolder(folder, left_out)
    title = f"Correlation of months of NEE with the truth in each cell ({label})"
    pages.draw(
        "atmosphere_correlations", title,
        f"{title}: by towers alone, with the atmosphere, and their difference.",
        partial(_correlations, scores),
    )  # fmt: skip
    return pages.figures


def _years(
    sources: Mapping[str, xr.DataArray], colours: Mapping[str, str], away: tuple[int, ...],
    title: str,
) -> Canvas:  # fmt: skip
    from xflux.plot.regional import plot_region_years

    note = (
        f"no network saw the inversions of {' and '.join(map(str, away))} (shaded)" if away else ""
    )
    ax: Any = plot_region_years(
        sources, show=ALL, colors=colours, figsize=(8.2, 4.0), legend=False, note=note
    )
    for year in away:
        ax.axvspan(year - 0.5, year + 0.5, color="#eeeeee", zorder=0, linewidth=0)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=9, frameon=False,
              title="mean, PgC per year", title_fontsize=9, alignment="left")  # fmt: skip
    # The title says whose sum it is; lines are broken anew, with it.
    said = ax.get_title(loc="left").replace("\n", " ").removeprefix("Sum of all regions; ")
    ax.set_title(said[:1].upper() + said[1:], loc="left")
    set_title(ax, title)
    canvas: Canvas = ax.figure
    return canvas


def _most_apart(pair: Pair) -> list[str]:
    """Name the sum, and the regions in which both networks differ most."""
    from xflux.skill.regional_series import regional_series

    alone, dual = (
        regional_series(one, "nee", called="NEE").groupby("time.month").mean()
        for one in (pair.means[ALONE], pair.means[WITH])
    )
    apart = ((dual - alone) ** 2).mean("month")
    order = apart["region"].values[apart.argsort().values[::-1]]
    return [ALL, *(str(name) for name in order[:_PANELS])]


def _seasons(
    sources: Mapping[str, xr.DataArray], colours: Mapping[str, str], names: list[str], title: str
) -> Canvas:
    from xflux.plot.colours import INK
    from xflux.plot.regional import plot_region_cycles

    axes = plot_region_cycles(sources, show=names, colors=colours, figsize=(9.6, 5.2))
    canvas: Canvas = axes[0].figure  # type: ignore[index]
    said = canvas.get_suptitle()
    if "synthetic" in title:
        said = said.replace("; synthetic", "")
    canvas.suptitle(f"{title}\n{said}", x=0.01, ha="left", fontsize=10, color=INK)
    return canvas


def _skill(pair: Pair, against: Reference, colours: Mapping[str, str], title: str) -> Canvas:
    from xflux.plot.skill_bars import plot_skill_bars

    ax: Any = plot_skill_bars(
        skill_of(pair.means, against), "nnse", colors={n: colours[n] for n in (ALONE, WITH)},
        legend=False,
    )  # fmt: skip
    ax.set_xlim(0.0, 1.0)
    set_title(ax, title)
    canvas: Canvas = ax.figure
    canvas.legend(loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return canvas


def _maps(stores: Mapping[str, Path], title: str) -> Canvas:
    import dask
    import numpy as np

    fields = {name: reopen(path)["nee"].reset_coords(drop=True) for name, path in stores.items()}
    (means,) = dask.compute(
        {name: nee.mean("time", keep_attrs=True) for name, nee in fields.items()}
    )
    limit = max(float(np.nanquantile(np.abs(array), 0.98)) for array in means.values())
    return pair_of_maps(means, title, cmap="RdBu_r", vmin=-limit, vmax=limit)


def _correlations(scores: Mapping[str, xr.DataArray], title: str) -> Canvas:
    from xflux.plot.colours import INK
    from xflux.plot.correlations import plot_correlations

    axes = plot_correlations(scores)
    canvas: Canvas = axes[0].figure
    canvas.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return canvas
