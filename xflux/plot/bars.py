"""Totals by region: a bar each, with whiskers of variability or of members."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.plot.colours import INK, MUTED
from xflux.plot.panels import dress
from xflux.plot.signs import direction, sign_colours
from xflux.plot.summary import over_members
from xflux.plot.wording import short_name
from xflux.plot.years import Look

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["bars_height", "draw_regions", "draw_totals", "ordered_regions"]

#: Regions that are drawn; of more, the largest.
_MOST = 40
#: Letters of a name on one line.
_LETTERS = 26


def ordered_regions(account: xr.Dataset, look: Look, name: str) -> tuple[list[str], str]:
    """Order regions by the mean of a flux: the largest, or the strongest sink, first.

    Parameters
    ----------
    account : Dataset (variable, region, ...)
        Of `xflux.plot.summary.summary`.
    look : Look
    name : str
        The flux.

    Returns
    -------
    regions : list of str
        At most 40.
    said : str
        What was left out, for a title.
    """
    mean = over_members(account["mean"].sel(variable=name), look.spread, look.interval)[0]
    size = np.nan_to_num(np.asarray(mean.values, np.float64))
    order = np.argsort(size if look.to_air.get(name, False) else -size, kind="stable")
    if size.size > _MOST:
        largest = np.sort(np.argsort(-np.abs(size), kind="stable")[:_MOST])
        order = order[np.isin(order, largest)]
    names = [str(region) for region in mean["region"].values[order]]
    return names, f"the largest {_MOST} of {size.size} regions" if size.size > _MOST else ""


def bars_height(rows: int, each: int) -> float:
    """Return the height of a figure of bars, inches.

    Parameters
    ----------
    rows : int
    each : int
        Bars in a row.
    """
    return 1.1 + rows * (0.14 + 0.17 * each)


def draw_regions(ax: Axes, account: xr.Dataset, regions: Sequence[str], look: Look) -> None:
    """Draw the mean totals of fluxes, a row for each region.

    Parameters
    ----------
    ax : Axes
    account : Dataset (variable, region, ...)
        Of `xflux.plot.summary.summary`.
    regions : sequence of str
        From the top.
    look : Look
    """
    names = [str(name) for name in account["variable"].values]
    height = 0.8 / len(names)
    for k, name in enumerate(names):
        values, low, high = _ranges(account.sel(variable=name, region=list(regions)), look)
        at = np.arange(len(regions)) + (k - 0.5 * (len(names) - 1)) * height
        colours = (
            sign_colours(values, look.to_air[name]) if name in look.by_sign else look.colours[name]
        )
        _draw(ax, at, values, low, high, height, colours, short_name(name))
    _dress(ax, names, [textwrap.fill(name, _LETTERS) for name in regions], look)


def draw_totals(ax: Axes, account: xr.Dataset, look: Look) -> None:
    """Draw the mean totals of one region, a row for each flux."""
    names = [str(name) for name in account["variable"].values]
    values, low, high = _ranges(account, look)
    colours = [
        sign_colours(value, look.to_air[name])[0] if name in look.by_sign else look.colours[name]
        for name, value in zip(names, values, strict=True)
    ]
    _draw(ax, np.arange(len(names)), values, low, high, 0.7, colours, "")
    rows = [
        f"{short_name(name)}\n(+ {direction(look.to_air[name])})"
        if name in look.to_air
        else short_name(name)
        for name in names
    ]
    _dress(ax, names, rows, look)


def _ranges(account: xr.Dataset, look: Look) -> tuple[Any, Any, Any]:
    """Return means and the ends of their whiskers, NaN where there are none."""
    middle, low, high = over_members(account["mean"], look.spread, look.interval)
    if low is None or high is None:
        low, high = middle - account["iav"], middle + account["iav"]
    values, left, right = (np.asarray(side.values, np.float64) for side in (middle, low, high))
    return values, left, right


def _draw(
    ax: Axes, at: Any, values: Any, low: Any, high: Any, height: float, colours: Any, said: str
) -> None:
    ax.barh(at, values, height * 0.92, color=colours, label=said, zorder=2)
    ax.hlines(at, low, high, color=INK, linewidth=1.0, zorder=3)
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    digits = int(np.clip(2 - np.floor(np.log10(largest)), 0, 12)) if largest > 0.0 else 0
    for y, value, left, right in zip(at, values, low, high, strict=True):
        if not np.isfinite(value):
            continue
        positive = value >= 0.0
        ends = [0.0, value, *(end for end in (left, right) if np.isfinite(end))]
        text = f"{value:.{digits}f}" if abs(value) >= 10.0**-digits else f"{value:.1g}"
        if abs(value) < 1e-3 * largest:
            text = "0"
        ax.annotate(
            text.replace("-", "\u2212"), (max(ends) if positive else min(ends), y),
            xytext=(3 if positive else -3, 0), textcoords="offset points", va="center",
            ha="left" if positive else "right", fontsize=7.5, color=INK,
        )  # fmt: skip


def _dress(ax: Axes, names: Sequence[str], rows: Sequence[str], look: Look) -> None:
    dress(ax, grid="x")
    ax.set_yticks(range(len(rows)), labels=list(rows))
    ax.set_ylim(len(rows) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.axvline(0.0, color=MUTED, linewidth=0.8, zorder=2.5)
    ax.margins(x=0.18)
    low, high = ax.get_xlim()
    ax.set_xlabel(look.axis(names, low, high), fontsize=9.5, color=INK)
