"""Bridges: where the pixels of regions lie and what they weigh, and how often they are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.plot.colours import INK, MISSING, MUTED, PAPER, colour_map, line_styles
from xflux.plot.fields import Field, find_axes, place
from xflux.plot.panels import new_axes, set_title

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from xflux.regional.bridge import RegionalBridge

__all__ = ["plot_bridge", "plot_stability"]

#: Square points of the mark of the largest weight.
_LARGEST = 260.0
#: Of regions that share a colour.
_MARKS = "os^D"


def plot_bridge(
    bridge: RegionalBridge | xr.Dataset,
    *,
    ax: Axes | None = None,
    legend: bool = True,
    figsize: tuple[float, float] | None = None,
) -> Axes:
    """Draw the contributing pixels over their regions.

    The area of a mark is the area that its pixel stands for; an open mark has a weight below 0.
    Regions are tinted by the share of each cell that lies in them.

    Parameters
    ----------
    bridge : RegionalBridge or Dataset
        Fitted, or what its `to_dataset` returns.
    ax : Axes, optional
        Plain axes of longitude and latitude. None makes a figure.
    legend : bool
        Name regions, with the number of pixels and the explained variance of months left out.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        For a Dataset that is no bridge.
    """
    made = bridge if hasattr(bridge, "data_vars") else bridge.to_dataset()
    if not {"weight", "region_share", "land_area"} <= set(made.variables):
        raise InputError(
            "this Dataset holds no weights of a bridge; give a fitted xflux.RegionalBridge, or "
            "what its to_dataset() returns"
        )
    names = [str(name) for name in made["names" if "names" in made.coords else "region"].values]
    colours = [style["color"] for style in line_styles(names)]
    field = place(_owners(made), find_axes(_owners(made)))
    ax = ax or new_axes(figsize or (9.0, 8.0 / field.shape + 1.6), fixed_aspect=True)
    _tint(ax, field, colours)
    weight, lat, lon = (made[name].values for name in ("weight", "lat", "lon"))
    most = float(np.nanmax(np.abs(weight))) if np.isfinite(weight).any() else 1.0
    different = len({str(colour) for colour in colours})
    for k, (name, colour) in enumerate(zip(names, colours, strict=True)):
        there = np.isfinite(weight[k])
        size = _LARGEST * np.abs(weight[k, there]) / most
        east = (lon[k, there] + 180.0) % 360.0 - 180.0 if field.is_global else lon[k, there]
        ax.scatter(
            east, lat[k, there], s=size, linewidths=0.9, zorder=3, label=_said(made, k, name),
            marker=_MARKS[k // different % len(_MARKS)],
            edgecolors=[INK if w > 0 else colour for w in weight[k, there]],
            facecolors=[colour if w > 0 else "none" for w in weight[k, there]],
        )  # fmt: skip
    parts = [
        f"area of a mark: land that its pixel stands for, up to {most * 1e-12:.2g} million km2",
        "open: a weight below 0" if np.nanmin(weight, initial=0.0) < 0 else "",
        "synthetic" if any("synthetic" in str(key) for key in made.attrs) else "",
    ]
    set_title(ax, parts)
    if legend:
        _legend(ax, len(names))
    return ax


def plot_stability(
    found: xr.Dataset, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None
) -> Axes:
    """Draw in how many draws each pixel contributes, colours in a logarithmic scale.

    Parameters
    ----------
    found : Dataset
        Of `xflux.RegionalBridge.stability`.
    ax : Axes, optional
        Plain axes of longitude and latitude. None makes a figure.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        For another Dataset.
    """
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    if "count" not in found or "draws" not in found.attrs:
        raise InputError(
            "this Dataset counts no draws; give what xflux.RegionalBridge.stability returns"
        )
    draws = int(found.attrs["draws"])
    count = found["count"].compute()
    field = place(count.where(count > 0), find_axes(count))
    ax = ax or new_axes(figsize or (9.0, 8.0 / field.shape + 1.6), fixed_aspect=True)
    ax.set_facecolor(MISSING)
    values = np.ma.masked_invalid(field.values.values.astype(np.float64))
    drawn = ax.pcolormesh(
        field.x, field.y, values, cmap=colour_map("water"), norm=LogNorm(1, max(2, draws)),
        rasterized=True,
    )  # fmt: skip
    field.dress(ax)
    alike = float(found["jaccard"].mean())
    parts = [f"{draws} draws", f"two of them share {100 * alike:.0f} % of their places"]
    set_title(ax, parts)
    figure: Any = ax.figure
    bar = figure.colorbar(drawn, ax=ax, location="bottom", shrink=0.65, aspect=40, pad=0.06)
    bar.outline.set_visible(False)
    bar.ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bar.ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=9, length=3, width=0.8, color=MUTED, labelcolor=INK)
    bar.set_label("Draws in which a pixel contributes", fontsize=9.5, color=INK)
    return ax


def _owners(made: xr.Dataset) -> xr.DataArray:
    """Return the number of the region that has most of each cell, NaN where none has land."""
    share = made["region_share"].drop_vars(["region", "names"], errors="ignore")
    share = share * (made["land_area"] > 0.0)
    owner = share.argmax("region").where(share.max("region") > 0.0)
    return owner.rename(grid_lat="lat", grid_lon="lon").transpose("lat", "lon")


def _tint(ax: Axes, field: Field, colours: list[Any]) -> None:
    """Draw regions in pale colours."""
    from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgb

    pale = [0.28 * np.array(to_rgb(colour)) + 0.72 * np.ones(3) for colour in colours]
    ax.set_facecolor(PAPER)
    ax.pcolormesh(
        field.x, field.y, np.ma.masked_invalid(field.values.values), rasterized=True,
        cmap=ListedColormap(pale), norm=BoundaryNorm(np.arange(len(pale) + 1) - 0.5, len(pale)),
    )  # fmt: skip
    field.dress(ax)


def _said(made: xr.Dataset, k: int, name: str) -> str:
    one = made.isel(region=k)
    left_out = float(one["r2_cv"])
    score = f"R² {left_out:.3f}" if np.isfinite(left_out) else f"R² {float(one['r2']):.3f} fitted"
    return (
        f"{name.replace('_', ' ')}: {int(one['n_pixels'])} of {int(one['region_pixels'])}, {score}"
    )


def _legend(ax: Axes, count: int) -> None:
    shown = ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=min(count, 3), frameon=False,
        fontsize=8.5, scatterpoints=1, title="pixels that contribute, of all; months left out",
        title_fontsize=8.5,
    )  # fmt: skip
    for handle in shown.legend_handles:
        if handle is not None and hasattr(handle, "set_sizes"):
            handle.set_sizes([45.0])
