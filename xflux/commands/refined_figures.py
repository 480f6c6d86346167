"""Figures of a refinement beside its baseline: scatter at sites not seen, and maps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xflux.commands.drawing import Figure, FigureFolder
from xflux.commands.fluxes import FLUXES
from xflux.commands.on_grid import GridResult
from xflux.commands.progress import Progress
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure as Canvas

__all__ = ["draw_refined", "draw_validated", "pair_of_maps"]


def draw_validated(
    validated: xr.Dataset, observed: xr.Dataset, folder: Path, left_out: dict[str, str],
    progress: Progress, *, label: str,
) -> list[Figure]:  # fmt: skip
    """Draw baseline and refined against what towers recorded, each without its site.

    Parameters
    ----------
    validated, observed : Dataset
        As of `ResidualModel.cross_validate`.
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
    progress.say("drawing the validation")
    pages = FigureFolder(folder, left_out)
    said = f" ({label})" if label else ""
    for flux in (flux for flux in FLUXES if flux in validated):
        title = f"{short_name(flux)} at sites that were not seen{said}"
        pages.draw(
            f"validated_{flux}", title,
            f"{title}: baseline and refined against observations, the same records, each predicted "
            "by a model fitted without its site.",
            partial(_scatter, validated[flux], observed[flux]),
        )  # fmt: skip
    return pages.figures


def _scatter(validated: xr.DataArray, observed: xr.DataArray, title: str) -> Canvas:
    import matplotlib.pyplot as plt

    from xflux.plot.colours import INK
    from xflux.plot.scatter import plot_scatter

    there = validated.notnull().all("estimate")
    names = [str(name) for name in validated["estimate"].values]
    canvas, axes = plt.subplots(
        1, len(names), figsize=(5.2 * len(names), 4.9), layout="constrained", sharex=True,
        sharey=True,
    )  # fmt: skip
    for ax, name in zip(axes, names, strict=True):
        estimate = validated.sel(estimate=name, drop=True).where(there)
        estimate.attrs = validated.attrs
        plot_scatter(observed.where(there, drop=False), estimate, ax=ax, colorbar=False)
        ax.set_title(name, loc="left", fontsize=10, color=INK)
        ax.set_ylabel(ax.get_ylabel() if ax is axes[0] else "")
    canvas.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return canvas


def draw_refined(
    before: GridResult, after: GridResult, folder: Path, left_out: dict[str, str],
    progress: Progress, *, label: str,
) -> list[Figure]:  # fmt: skip
    """Draw a map of every flux, baseline beside refined.

    Parameters
    ----------
    before, after : GridResult
        Of the baseline and of the refinement.
    folder, left_out, progress, label
        As of `draw_validated`.
    """
    progress.say("drawing the refined grid")
    pages = FigureFolder(folder, left_out)
    said = f" ({label})" if label else ""
    for flux in (flux for flux in FLUXES if flux in after.mean):
        mean = f", {after.mean_of}" if after.mean_of else ""
        title = f"{short_name(flux)}{mean}, baseline and refined{said}"
        maps = {"baseline": before.mean[flux], "refined": after.mean[flux]}
        pages.draw(
            f"refined_{flux}", title,
            f"{title}, with one scale of colours. Grey: no value; of refined also land whose cover "
            "no tower has.",
            partial(pair_of_maps, maps),
        )  # fmt: skip
    return pages.figures


def pair_of_maps(maps: Mapping[str, xr.DataArray], title: str, **options: Any) -> Canvas:
    """Draw maps beside each other; options are those of `xflux.plot.maps.plot_map`."""
    import xarray as xr

    from xflux.plot.colours import INK
    from xflux.plot.maps import plot_map

    first = next(iter(maps.values()))
    both = xr.concat(
        [array.reset_coords(drop=True) for array in maps.values()],
        xr.Variable("estimate", list(maps)), combine_attrs="override",
    ).rename(first.name)  # fmt: skip
    both.attrs = first.attrs
    grid: Any = plot_map(both, col="estimate", **options)
    canvas: Canvas = grid.fig
    for ax, name in zip(grid.axs.flat, maps, strict=False):
        ax.set_title(name, loc="left", fontsize=10, color=INK)
    canvas.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return canvas
