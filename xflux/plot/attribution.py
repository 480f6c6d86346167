"""Effects of drivers on fluxes, with their intervals: one panel a flux, one row a driver."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xflux.errors import InputError
from xflux.labels.variables import variables
from xflux.plot.colours import INK, MUTED, line_styles, own_colours
from xflux.plot.panels import dress, set_title, wrapped
from xflux.plot.wording import sentence, short_name

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["node_name", "place_of", "plot_attribution"]

#: Places that one figure tells apart.
_MOST = 8
#: What is drawn of the children unless asked otherwise.
_FLUXES = ("gpp", "reco", "nep", "nee")


def plot_attribution(
    found: xr.Dataset,
    *,
    ax: Axes | Sequence[Axes] | NDArray[Any] | None = None,
    target: str | Sequence[str] | None = None,
    effect: Literal["direct", "indirect", "total"] = "total",
    colors: Mapping[Any, Any] | Sequence[Any] | None = None,
    legend: bool = True,
    figsize: tuple[float, float] | None = None,
) -> NDArray[Any]:
    """Draw the effects of drivers on fluxes, with their 90 % intervals.

    A filled mark has an interval without 0. Of rank correlations, which `xflux.attribute` returns
    with ``method="rank"``, open diamonds are drawn, without an interval.

    Parameters
    ----------
    found : Dataset
        Of `xflux.attribute`, for up to 8 regions; computed here.
    ax : Axes or sequence of Axes, optional
        One for each target. None makes a figure.
    target : str or sequence of str, optional
        Children, a panel each; None: the fluxes.
    effect : {"direct", "indirect", "total"}
    colors : mapping or sequence, optional
        By region.
    legend : bool
        Of the regions, where there are several.
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    ndarray of Axes

    Raises
    ------
    InputError
        For more than 8 regions, unknown targets, or too few axes.
    """
    ranks = "effects" not in found
    if ranks and "rank_correlation" not in found:
        raise InputError("found holds no effects; give what xflux.attribute returns")
    if effect not in ("direct", "indirect", "total"):
        raise InputError(f"effect={effect!r} is not known; use 'direct', 'indirect' or 'total'")
    children = _children(found, target)
    place = place_of(found)
    values = _values(found, effect, place, ranks).sel(child=children)
    labels = _labels(found, place)
    shown = np.isfinite(values.values).any(axis=(0, 1, 3))
    if not ranks:
        # A gram respired is a gram less of NEP: what has no interval tells nothing.
        shown &= (np.ptp(np.nan_to_num(values.values), axis=3) > 0.0).any(axis=(0, 1))
    parents = [str(p) for p, any_ in zip(found["parent"].values, shown, strict=True) if any_]
    if not parents:
        raise InputError(
            f"there is no {effect} effect on {', '.join(children)} to draw; found.status says why"
        )
    axes = _axes(ax, len(children), len(parents), len(labels), figsize)
    chosen = own_colours(colors, labels, "regions") if colors is not None else {}
    styles = line_styles(labels)
    colours = [chosen.get(name, s["color"]) for name, s in zip(labels, styles, strict=True)]
    for k, (one, child) in enumerate(zip(axes, children, strict=True)):
        for row, colour in enumerate(colours):
            offset = 0.7 * ((row + 0.5) / len(colours) - 0.5)
            part = values.sel(child=child, parent=parents).isel({values.dims[0]: row})
            _draw(one, np.arange(len(parents)) + offset, part.values, colour, labels[row], ranks)
        _dress(one, child, parents, k == 0, effect, ranks)
    _finish(axes, labels, legend, found, ranks, made=ax is None)
    return axes


def place_of(found: xr.Dataset) -> Hashable | None:
    """Return the dimension of the places, None where there is one place.

    Raises
    ------
    InputError
        Where places have two dimensions, as pixels have.
    """
    own = {"effect", "child", "parent", "quantile"}
    array = found["effects"] if "effects" in found else found["rank_correlation"]
    dims = [dim for dim in array.dims if dim not in own]
    if len(dims) > 1:
        raise InputError(
            f"effects lie on {' and '.join(map(repr, dims))}; draw one of them as a map, such as "
            "found.effects.sel(effect='total', child='gpp', parent='vpd', quantile=0.5).plot(), or "
            "select a place"
        )
    return dims[0] if dims else None


def node_name(node: str) -> str:
    """Return what a node is called in a figure."""
    if node in _FLUXES:
        return short_name(node)
    if node not in variables:
        return node
    said = variables[node].long_name.removesuffix(" of air").removesuffix(" in air")
    return {"co2": "CO2", "swin": "Shortwave radiation"}.get(node, said)


def _children(found: xr.Dataset, target: str | Sequence[str] | None) -> list[str]:
    held = [str(child) for child in found["child"].values]
    if target is None:
        return [child for child in held if child in _FLUXES] or held
    wanted = [target] if isinstance(target, str) else [*target]
    unknown = [child for child in wanted if child not in held]
    if unknown or not wanted:
        raise InputError(
            f"target={target!r} names no child of the effects; these are {', '.join(held)}"
        )
    return wanted


def _values(found: xr.Dataset, effect: str, place: Hashable | None, ranks: bool) -> xr.DataArray:
    """Return what is drawn, (place, child, parent, low to high)."""
    if ranks:
        array = found["rank_correlation"].expand_dims(quantile=[0.5])
    else:
        array = found["effects"].sel(effect=effect)
    if place is None:
        array, place = array.expand_dims("place"), "place"
    if array.sizes[place] > _MOST:
        raise InputError(
            f"{array.sizes[place]} places along {place!r} are too many to tell apart; select up to "
            f"{_MOST}, such as found.isel({place}=slice({_MOST}))"
        )
    return array.transpose(place, "child", "parent", "quantile").compute()


def _labels(found: xr.Dataset, place: Hashable | None) -> list[str]:
    if place is None:
        return [""]
    named = f"{place}_name" if f"{place}_name" in found.coords else "names"
    names = found[named] if named in found.coords else found[place]
    return [str(name) for name in names.values]


def _axes(
    ax: Any, panels: int, rows: int, places: int, figsize: tuple[float, float] | None
) -> NDArray[Any]:
    if ax is not None:
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if axes.size != panels:
            raise InputError(f"{axes.size} axes for {panels} targets; give one for each")
        return axes
    import matplotlib.pyplot as plt

    height = 1.5 + rows * (0.24 + 0.13 * places)
    _, axes = plt.subplots(
        1, panels, figsize=figsize or (1.6 + 2.5 * panels, height), layout="constrained",
        sharey=True, squeeze=False,
    )  # fmt: skip
    return axes.ravel()


def _draw(ax: Axes, at: Any, part: Any, colour: Any, label: str, ranks: bool) -> None:
    if ranks:
        ax.plot(part[:, 0], at, "D", color=colour, markerfacecolor="white", label=label, zorder=3)
        return
    low, middle, high = np.where(np.ptp(part, axis=1, keepdims=True) > 0.0, part, np.nan).T
    ax.hlines(at, low, high, color=colour, linewidth=1.6, zorder=2)
    sure = (low > 0.0) | (high < 0.0)
    faces = np.where(sure, "full", "none")
    for y, value, face in zip(at, middle, faces, strict=True):
        ax.plot(
            value, y, "o", color=colour, markersize=5.5, zorder=3,
            markerfacecolor=colour if face == "full" else "white",
        )  # fmt: skip
    ax.plot([], [], "o-", color=colour, markersize=5.5, label=label)


def _dress(
    ax: Axes, child: str, parents: Sequence[str], first: bool, effect: str, ranks: bool
) -> None:
    dress(ax, grid="x")
    ax.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
    # Rows of several places are told apart by a line between drivers.
    for edge in np.arange(len(parents) - 1) + 0.5:
        ax.axhline(edge, color="#efefef", linewidth=0.8, zorder=0)
    names = [textwrap.fill(node_name(parent), 22) for parent in parents]
    # Axes of one figure share their ticks: labels that others lack are only not shown.
    ax.set_yticks(range(len(parents)), labels=names)
    if not first:
        ax.tick_params(labelleft=False)
    ax.set_ylim(len(parents) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_title(node_name(child), loc="left", fontsize=10, color=INK)
    what = "rank correlation" if ranks else f"{effect} effect\n[sd of {node_name(child)} per sd]"
    ax.set_xlabel(what, fontsize=9, color=INK)


def _finish(
    axes: NDArray[Any],
    labels: Sequence[str],
    legend: bool,
    found: xr.Dataset,
    ranks: bool,
    *,
    made: bool,
) -> None:
    """Write what all panels share."""
    figure = axes[0].get_figure()
    kind = {"seasonal": "monthly anomalies", "detrended": "detrended monthly anomalies",
            "raw": "raw months"}.get(str(found.attrs.get("anomalies")), "")  # fmt: skip
    parts = [
        "association, not effect" if ranks else "lines: 90 % interval; open marks: it holds 0",
        f"of {kind}" if kind else "",
        "synthetic" if "synthetic" in found.attrs else "",
    ]
    flagged = found.get("confounded_with_trend")
    if flagged is not None and not ranks:
        trends = [str(p) for p in found["parent"].values
                  if p not in _FLUXES and bool(flagged.sel(parent=p).any())]  # fmt: skip
        if trends:
            parts.append(f"{', '.join(map(node_name, trends))}: little but trend")
    if not made:
        set_title(axes[0], [node_name(str(axes[0].get_title(loc="left"))), *parts])
        return
    said = wrapped(sentence(parts), float(figure.get_size_inches()[0]), 9)
    figure.suptitle(said, x=0.01, ha="left", fontsize=9, color=MUTED)
    if legend and len(labels) > 1:
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(
            handles, names, loc="outside lower center", ncols=min(len(names), 4), frameon=False,
            fontsize=9,
        )  # fmt: skip
