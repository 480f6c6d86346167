"""Figures of carbon: trends, maps with profiles, boxes by land cover, effects of climate."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xflux.commands.allocated import Allocated
from xflux.commands.drawing import Figure, FigureFolder
from xflux.commands.progress import Progress
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure as Canvas

__all__ = ["draw_carbon", "draw_effects"]

_TRENDS = ("npp", "ra", "rh", "cVeg", "cLitter", "cSoil")
_MAPS = ("cVeg", "cSoil")


def draw_carbon(
    result: Allocated, models: xr.Dataset | None, by_class: dict[str, xr.DataArray],
    others: dict[str, xr.Dataset], folder: Path, left_out: dict[str, str], progress: Progress, *,
    label: str,
) -> list[Figure]:  # fmt: skip
    """Draw trends, maps with profiles, and boxes.

    Parameters
    ----------
    result : Allocated
    models : Dataset, optional
        Budget of land models.
    by_class : dict of str to DataArray
        NPP by land cover, dims (region, year, ...), of this run and of land models.
    others : dict of str to Dataset
        Mean pools of land models on the same grid, by what they are called.
    folder, left_out, progress, label
        As of `xflux.commands.figures.draw_grid`.
    """
    progress.say("drawing carbon of plants and soils")
    pages = FigureFolder(folder, left_out)
    said = f" ({label})" if label else ""
    names = [name for name in _TRENDS if name in result.budget]
    if result.years > 1:
        title = f"Carbon of plants and soils by year{said}"
        beside = "; grey: mean of the land models over the same land" if models is not None else ""
        pages.draw(
            "carbon_trends", title,
            f"{title}: production, respiration and pools, with their trends{beside}.",
            partial(_trends, result, models, names),
        )  # fmt: skip
    for name in (name for name in _MAPS if name in result.mean):
        mean = ", mean of the years" if result.years > 1 else ""
        title = f"{variables[name].long_name.split(', ')[0]}{mean}{said}"
        beside = f", and of {' and '.join(others)}" if others else ""
        pages.draw(
            f"carbon_{name}", title,
            f"{title}, with its means by longitude and latitude{beside}. Grey: no value.",
            partial(_profiles, result, others, name),
        )  # fmt: skip
    if by_class:
        title = f"Net primary production by land cover{said}"
        pages.draw(
            "carbon_boxes", title,
            f"{title}: how its yearly totals spread over years"
            f"{', and over land models' if len(by_class) > 1 else ''}.",
            partial(_boxes, by_class),
        )  # fmt: skip
    return pages.figures


def _trends(result: Allocated, models: xr.Dataset | None, names: list[str], title: str) -> Canvas:
    from xflux.plot.trends import plot_trends

    held = [f"{n}{end}" for n in names for end in ("", "_lower", "_upper")]
    budget = result.budget[[name for name in held if name in result.budget]]
    reference = None
    if models is not None and "year" in models.dims:
        reference = {"land models": models.mean("model", keep_attrs=True)}
    axes = plot_trends(budget, names, reference=reference, label=result.of)
    return _titled(axes, title)


def _profiles(result: Allocated, others: dict[str, xr.Dataset], name: str, title: str) -> Canvas:
    from xflux.plot.profiles import plot_profiles

    reference = {called: ds[name] for called, ds in others.items() if name in ds}
    axes = plot_profiles(
        result.mean[name], reference=reference or None, grid=result.mean, label=result.of
    )
    return _titled(axes, title)


def _boxes(by_class: dict[str, xr.DataArray], title: str) -> Canvas:
    from xflux.plot.boxes import plot_boxes

    note = "of land models, of years and models" if len(by_class) > 1 else ""
    return _titled([plot_boxes(by_class, note=note)], title)


def draw_effects(
    found: xr.Dataset, folder: Path, left_out: dict[str, str], *, label: str
) -> list[Figure]:
    """Draw what climate does to the fluxes.

    Parameters
    ----------
    found : Dataset
        Of `xflux.attribute`.
    folder, left_out, label
        As of `draw_carbon`.
    """
    pages = FigureFolder(folder, left_out)
    title = f"Effects of climate on the refined fluxes{f' ({label})' if label else ''}"
    pages.draw(
        "effects", title,
        f"{title}: standard deviations of monthly anomalies for one of the driver, all paths "
        "together, with 90 % intervals. Filled: the interval holds no 0.",
        partial(_effects, found),
    )  # fmt: skip
    return pages.figures


def _effects(found: xr.Dataset, title: str) -> Canvas:
    from xflux.plot.attribution import plot_attribution

    return _titled(plot_attribution(found), title)


def _titled(axes: Any, title: str) -> Canvas:
    """Put what is seen above what `xflux.plot` says of the data."""
    from xflux.plot.colours import INK
    from xflux.plot.panels import wrapped

    canvas: Canvas = axes[0].figure
    below = "" if canvas._suptitle is None else canvas.get_suptitle()  # type: ignore[attr-defined]
    inches = float(canvas.get_size_inches()[0])
    canvas.suptitle(
        wrapped(title, inches, 11) + (f"\n{below}" if below else ""),
        x=0.01, ha="left", fontsize=11, color=INK,
    )  # fmt: skip
    return canvas
