"""Totals over time: gross fluxes as lines, a net flux as bars around zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.plot.colours import INK, MUTED
from xflux.plot.panels import dress, title_width, wrapped
from xflux.plot.signs import direction, ends, number, sign_colours
from xflux.plot.summary import over_members
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["Look", "draw_years", "entries", "in_words", "legend_of"]

_MONTHS = "JFMAMJJASOND"


@dataclass(frozen=True, slots=True)
class Look:
    """What all panels of one budget share.

    Attributes
    ----------
    colours : dict
        By flux.
    by_sign : frozenset of str
        Net fluxes that are coloured as sink and source.
    to_air : dict of str to bool
        Of net fluxes: whether positive is to the atmosphere.
    stocks : frozenset of str
        What is no flux.
    units : str
        As printed.
    period : str
        "year" or "month".
    spread : hashable or None
    interval : float
    trend : bool
    """

    colours: dict[str, Any]
    by_sign: frozenset[str]
    to_air: dict[str, bool]
    stocks: frozenset[str]
    units: str
    period: str
    spread: Any
    interval: float
    trend: bool

    def axis(self, names: Sequence[str], low: float, high: float) -> str:
        """Return the text of an axis: what is drawn, and which way is which of net fluxes."""
        net = [name for name in names if name in self.to_air]
        text = short_name(names[0]) if len(names) == 1 else "Net flux" if net == names else "Flux"
        if self.stocks.issuperset(names):
            return f"{text if len(names) == 1 else 'Stock'} [{self.units}]"
        text = f"{text} [{self.units} per {self.period}]"
        ways = {self.to_air[name] for name in net}
        if net != list(names) or len(ways) != 1:
            return text
        return f"{text}\n{ends(ways.pop(), low, high)}".rstrip()


def draw_years(
    ax: Axes,
    values: xr.DataArray,
    x: str,
    account: xr.Dataset,
    look: Look,
    bounds: xr.Dataset | None = None,
    *,
    words: bool = True,
) -> None:
    """Draw the totals of one region.

    Parameters
    ----------
    ax : Axes
    values : DataArray (variable, x, ...)
        With the dimension of the spread, where there is one.
    x : str
        ``year``, ``time`` or ``month``.
    account : Dataset (variable, ...)
        Of `xflux.plot.summary.summary`.
    look : Look
    bounds : Dataset, optional
        ``low`` and ``high`` as `values`: bands, where no spread is shown.
    words : bool
        Say mean, variability and trend in the legend.
    """
    dress(ax)
    at, width = _positions(ax, values, x, 9 if words else 5)
    middle, low, high = over_members(values, look.spread, look.interval)
    if low is None and bounds is not None:
        low, high = bounds["low"], bounds["high"]
    names = [str(name) for name in values["variable"].values]
    for name in names:
        y = np.asarray(middle.sel(variable=name).values, np.float64)
        band = [None if side is None else side.sel(variable=name).values for side in (low, high)]
        if band[0] is not None and not np.isfinite(band[0]).any():
            band = [None, None]
        said = short_name(name)
        if name in look.to_air:
            said += f" (+ {direction(look.to_air[name])})"
        if words:
            said += f"\n{in_words(account.sel(variable=name), look)}"
        if name in look.by_sign:
            _bars(ax, at, y, band, width, look.to_air[name], said)
        else:
            _line(ax, at, y, band, look.colours[name], said)
        if look.trend and x == "year":
            dark = INK if name in look.by_sign else look.colours[name]
            _trend(ax, at, y, account.sel(variable=name), look, dark)
    bottom, top = ax.get_ylim()
    if bottom < 0.0 < top or look.by_sign & set(names):
        ax.axhline(0.0, color=MUTED, linewidth=0.8, zorder=2.5)
    ax.set_ylabel(look.axis(names, bottom, top), fontsize=9.5, color=INK)


def _positions(
    ax: Axes, values: xr.DataArray, x: str, ticks: int
) -> tuple[np.ndarray[Any, Any], float]:
    """Return the middle of each period along the axis, and the width of a bar."""
    from matplotlib.ticker import MaxNLocator

    coord = values[x]
    if x == "month":
        ax.set_xticks(range(1, 13), labels=list(_MONTHS))
        ax.set_xlim(0.4, 12.6)
        return np.asarray(coord.values, np.float64), 0.8
    ax.xaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10], integer=True))
    if x == "year":
        at, step = np.asarray(coord.values, np.float64), 1.0
    else:
        # A year of any calendar is one long, and a month a twelfth of it.
        at = np.asarray(coord.dt.year.values + (coord.dt.month.values - 0.5) / 12.0, np.float64)
        step = 1.0 / 12.0
    ax.set_xlim(at[0] - 0.7 * step, at[-1] + 0.7 * step)
    return at, 0.8 * step


def _bars(
    ax: Axes, at: Any, y: Any, band: list[Any], width: float, to_air: bool, said: str
) -> None:
    there = np.isfinite(y)
    colours = sign_colours(y[there], to_air)
    ax.bar(at[there], y[there], width, color=colours, label=said, zorder=2)
    if band[0] is not None:
        ax.vlines(at, band[0], band[1], color=INK, linewidth=0.9, zorder=3)


def _line(ax: Axes, at: Any, y: Any, band: list[Any], colour: Any, said: str) -> None:
    if band[0] is not None:
        ax.fill_between(at, band[0], band[1], color=colour, alpha=0.2, linewidth=0)
    size = 4.0 if at.size <= 40 else 0.0
    ax.plot(
        at, y, color=colour, linewidth=1.4, marker="o", markersize=size, label=said,
        solid_joinstyle="round", zorder=3,
    )  # fmt: skip


def _trend(ax: Axes, at: Any, y: Any, account: xr.Dataset, look: Look, colour: Any) -> None:
    there = np.isfinite(y)
    slope = _middle(account["trend"], look)[0]
    if not np.isfinite(slope):
        return
    ends = at[there][[0, -1]]
    line = np.mean(y[there]) + slope * (ends - np.mean(at[there]))
    ax.plot(ends, line, color=colour, linewidth=0.9, linestyle=(0, (5, 3)), zorder=3)


def _middle(values: xr.DataArray, look: Look) -> tuple[float, float, float]:
    middle, low, high = over_members(values, look.spread, look.interval)
    nothing = float("nan")
    return (
        float(middle),
        nothing if low is None else float(low),
        nothing if high is None else float(high),
    )


def in_words(account: xr.Dataset, look: Look) -> str:
    """Say mean, variability and trend of one flux of one region.

    Parameters
    ----------
    account : Dataset
        Of `xflux.plot.summary.summary`, with the dimension of the spread alone.
    look : Look
    """
    mean, low, high = _middle(account["mean"], look)
    iav = _middle(account["iav"], look)[0]
    scale = iav if np.isfinite(iav) else high - low
    lines = [f"mean {number(mean, scale)}"]
    ends = [number(low, scale), number(high, scale)]
    # What has no dimension of the spread has no range either.
    if np.isfinite(low) and ends[0] != ends[1]:
        lines[0] += f" ({ends[0]} to {ends[1]})"
    if look.period != "year":
        lines[0] += " a year"
    if np.isfinite(iav):
        lines.append(f"IAV {number(iav, iav)}")
    slope, slow, fast = _middle(account["trend"], look)
    if look.trend and np.isfinite(slope):
        error = _middle(account["error"], look)[0]
        said = f"trend {number(slope, error, signed=True)}"
        slopes = [number(end, error, signed=True) for end in (slow, fast)]
        if np.isfinite(slow) and slopes[0] != slopes[1]:
            said += f" ({slopes[0]} to {slopes[1]})"
        else:
            said += f" ± {number(error, error)}"
        lines.append(f"{said} a year")
    return "\n".join(lines)


def legend_of(ax: Axes, *, beside: bool) -> None:
    """Add the legend of one panel: beside it, or inside where the figure is not ours."""
    handles, labels, options = entries(ax)
    if not handles:
        return
    if beside:
        options |= {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "frameon": False}
    else:
        labels = [_on_one_line(label, title_width(ax)) for label in labels]
        _make_room(ax, sum(len(label.splitlines()) for label in labels))
        options |= {"loc": "upper left", "frameon": False, "fontsize": 8, "labelspacing": 0.3}
    ax.legend(handles, labels, **options)


def _on_one_line(label: str, width: float) -> str:
    """Write an entry beside its handle, on as many lines as a width of inches needs."""
    name, *rest = label.splitlines()
    return wrapped(f"{name}: {', '.join(rest)}" if rest else name, 0.85 * width, 8)


def _make_room(ax: Axes, lines: int) -> None:
    """Leave the upper part of the axes to so many lines of a legend."""
    figure = ax.get_figure(root=True)
    height = ax.get_position().height * (figure.get_size_inches()[1] if figure else 4.8)
    share = min((lines * 0.155 + 0.2) / height, 0.6)
    low, high = ax.get_ylim()
    ax.set_ylim(low, low + (high - low) / (1.0 - share))


def entries(ax: Axes) -> tuple[list[Any], list[str], dict[str, Any]]:
    """Return handles, labels and options of a legend; bars show the colours that they have."""
    from matplotlib.container import BarContainer
    from matplotlib.legend_handler import HandlerTuple
    from matplotlib.patches import Patch

    found, labels = ax.get_legend_handles_labels()
    handles: list[Any] = []
    for handle in found:
        if isinstance(handle, BarContainer):
            colours = sorted({bar.get_facecolor() for bar in handle.patches})
            handles.append(tuple(Patch(color=colour) for colour in colours))
        else:
            handles.append(handle)
    return handles, labels, {
        "fontsize": 9, "labelcolor": INK, "handlelength": 1.8, "labelspacing": 0.9,
        "alignment": "left", "handler_map": {tuple: HandlerTuple(ndivide=None, pad=0.0)},
    }  # fmt: skip
