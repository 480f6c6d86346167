"""Figures of what is computed on an idealised Earth beside what is true there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.commands.against_truth import AgainstTruth
from xflux.commands.drawing import Figure, FigureFolder, map_page, set_title
from xflux.commands.progress import Progress
from xflux.commands.refined_figures import pair_of_maps
from xflux.plot.wording import short_name, units_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure as Canvas

    from xflux.twin.earth import Earth

__all__ = ["draw_planet", "draw_truth"]


def draw_planet(
    earth: Earth, towers: xr.Dataset, folder: Path, left_out: dict[str, str], progress: Progress
) -> list[Figure]:
    """Draw what the planet is like: its land cover, and where towers stand.

    Parameters
    ----------
    earth : Earth
    towers : Dataset
        With ``lat`` and ``lon``.
    folder : Path
        Where the files go.
    left_out : dict of str to str
        Why a figure is missing is added here.
    progress : Progress
    """
    progress.say("drawing the planet")
    pages = FigureFolder(folder, left_out)
    title = "Land cover and towers of the planet (synthetic)"
    pages.draw("planet", title, f"{title}. Dots: towers.", partial(_cover, earth, towers))
    return pages.figures


def draw_truth(
    result: AgainstTruth, folder: Path, left_out: dict[str, str], progress: Progress
) -> list[Figure]:
    """Draw errors of both estimates as maps, and all by season and year.

    Parameters
    ----------
    result : AgainstTruth
    folder, left_out, progress
        As for `draw_planet`.
    """
    progress.say("drawing truth, baseline and refined")
    pages = FigureFolder(folder, left_out)
    for flux in ("gpp", "nee"):
        title = f"True {short_name(flux)}, mean of all months (synthetic)"
        pages.draw(
            f"truth_{flux}",
            title,
            f"{title}. Grey: no value.",
            partial(map_page, result.truth[flux]),
        )
        title = f"Error of mean {short_name(flux)}, baseline and refined (synthetic)"
        pages.draw(
            f"error_{flux}", title,
            f"{title}: estimate less truth, mean of all months. Red: the estimate is higher. Grey: "
            "no value, or land whose cover no tower has.",
            partial(_error, result, flux),
        )  # fmt: skip
    title = "NEE by latitude: truth, baseline and refined (synthetic)"
    caption = (
        f"{title}: mean seasonal cycle over land with a refined value, positive to the atmosphere."
    )
    pages.draw("truth_by_latitude", title, caption, partial(_by_latitude, result))
    title = "True carbon of the planet by year (synthetic)"
    caption = f"{title}: gross fluxes, and net exchange as sink and source."
    pages.draw("budget_truth", title, caption, partial(_budget, result))
    return pages.figures


def _cover(earth: Earth, towers: xr.Dataset, title: str) -> Canvas:
    from xflux.plot.colours import INK
    from xflux.plot.maps import plot_map

    ax: Any = plot_map(earth.drivers["igbp"])
    ax.scatter(
        towers["lon"], towers["lat"], s=9, color="white", edgecolor=INK, linewidth=0.8, zorder=5,
        **({"transform": _plain()} if hasattr(ax, "projection") else {}),
    )  # fmt: skip
    set_title(ax, title)
    canvas: Canvas = ax.figure
    return canvas


def _plain() -> Any:
    import cartopy.crs

    return cartopy.crs.PlateCarree()


def _error(result: AgainstTruth, flux: str, title: str) -> Canvas:
    import dask

    truth = result.truth[flux]
    (errors,) = dask.compute(
        {which: (ds[flux] - truth).mean("time") for which, ds in result.computed.items()}
    )
    limit = max(float(np.nanquantile(np.abs(error), 0.98)) for error in errors.values())
    said = {"units": units_text(truth), "synthetic": "yes"}
    for which, error in errors.items():
        name = f"{short_name(flux)}, estimate less truth"
        errors[which] = error.rename("error").drop_attrs().assign_attrs(long_name=name, **said)
    return pair_of_maps(errors, title, cmap="RdBu_r", vmin=-limit, vmax=limit)


def _by_latitude(result: AgainstTruth, title: str) -> Canvas:
    import xarray as xr

    from xflux.labels.integral import regional_mean
    from xflux.plot.colours import FLUX_COLOURS, INK
    from xflux.plot.series import plot_series
    from xflux.twin.plausible import BANDS, band_numbers

    truth = result.truth
    area, land, mask = truth["cell_area"], truth["land_fraction"], band_numbers(truth)
    there = result.computed["refined"]["nee"].notnull()
    lines = {
        which: regional_mean(ds["nee"].where(there), area=area, land_fraction=land, regions=mask)
        .groupby("time.month")
        .mean()
        for which, ds in {"truth": truth, **result.computed}.items()
    }
    both = xr.concat(list(lines.values()), xr.Variable("estimate", list(lines))).compute()
    present = both.notnull().any(("estimate", "month"))
    names = [name for name, there in zip(BANDS, present.values, strict=True) if there]
    both = both.isel(region=np.flatnonzero(present)).drop_vars("region")
    both = both.rename(region="latitudes").assign_coords(latitudes=names)
    both.attrs = truth["nee"].attrs
    colours = {"truth": INK, "baseline": FLUX_COLOURS["nee"], "refined": FLUX_COLOURS["gpp"]}
    grid: Any = plot_series(
        both.rename("nee"), x="month", hue="estimate", col="latitudes", col_wrap=3, colors=colours
    )
    canvas: Canvas = grid.fig
    canvas.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    for legend in canvas.legends:
        legend.set_title("")
    return canvas


def _budget(result: AgainstTruth, title: str) -> Canvas:
    truth = result.truth[["gpp", "reco", "nee", "cell_area", "land_fraction"]]
    axes: Any = truth.flux.plot.budget()
    set_title(axes[0], title)
    canvas: Canvas = axes[0].figure
    return canvas
