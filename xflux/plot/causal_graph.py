"""The graph of causes, with the weight of every arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.plot.attribution import node_name, place_of
from xflux.plot.colours import INK, MUTED
from xflux.plot.panels import new_axes, set_title

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_causal_graph"]

_POSITIVE, _NEGATIVE = "#b5402f", "#2664a6"
#: Where the nodes that everybody knows stand; others go below their causes.
_PLACES = {
    "swin": (-0.1, 2.0), "p": (2.35, 2.0), "co2": (3.0, 1.35), "ta": (0.2, 1.0),
    "vpd": (1.4, 1.2), "tsoil": (-0.5, 0.3), "gpp": (2.3, 0.0), "reco": (0.9, -0.35),
    "nee": (1.3, -0.2), "nep": (1.5, -1.1),
}  # fmt: skip


def plot_causal_graph(
    found: xr.Dataset, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None
) -> Axes:
    """Draw the graph of causes with the direct effects on its arrows.

    Red arrows raise, blue ones lower; they are as wide as the effect is large, and broken where
    its 90 % interval holds 0.

    Parameters
    ----------
    found : Dataset
        Of `xflux.attribute`, of one place; computed here.
    ax : Axes, optional
    figsize : tuple of float, optional
        Inches.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        For several places, or without effects.
    """
    if "effects" not in found:
        raise InputError("found holds no effects; give what xflux.attribute(method='scm') returns")
    place = place_of(found)
    if place is not None:
        if found.sizes[place] > 1:
            raise InputError(
                f"{found.sizes[place]} places along {place!r}; select one, such as "
                f"found.isel({place}=0)"
            )
        found = found.isel({place: 0})
    direct = found["effects"].sel(effect="direct").transpose("child", "parent", "quantile")
    values = np.asarray(direct.values, np.float64)
    if not np.isfinite(values).any():
        raise InputError("no effect was estimated; found.status says why")
    ax = ax or new_axes(figsize or (6.6, 5.0))
    children, parents = ([str(n) for n in found[dim].values] for dim in ("child", "parent"))
    # NEP is no node: its effects are those of its parts.
    arrows = [
        (parent, child, values[row, column])
        for row, child in enumerate(children)
        for column, parent in enumerate(parents)
        if child != "nep" and np.isfinite(values[row, column]).all()
    ]
    at = _positions([*dict.fromkeys([*parents, *(c for c in children if c != "nep")])])
    boxes = {}
    for node, (x, y) in at.items():
        boxes[node] = ax.text(
            x, y, node_name(node).replace(" ", "\n", 1), ha="center", va="center", fontsize=9,
            color=INK, zorder=4,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": MUTED},
        ).get_bbox_patch()  # fmt: skip
    for parent, child, (low, middle, high) in arrows:
        sure = low > 0.0 or high < 0.0
        ends = {"patchA": boxes[parent], "patchB": boxes[child]}
        _arrow(ax, at[parent], at[child], middle, ends, sure=sure)
    xs, ys = np.array(list(at.values())).T
    ax.set_xlim(xs.min() - 0.45, xs.max() + 0.45)
    ax.set_ylim(ys.min() - 0.35, ys.max() + 0.35)
    ax.set_axis_off()
    set_title(ax, ["direct effects [sd per sd]", "red raises, blue lowers",
                   "broken: the 90 % interval holds 0",
                   "synthetic" if "synthetic" in found.attrs else ""])  # fmt: skip
    return ax


def _positions(nodes: list[str]) -> dict[str, tuple[float, float]]:
    """Place the nodes; those of the user's own in a row above."""
    own = [node for node in nodes if node not in _PLACES]
    above = {node: (3.0 * (k + 0.5) / len(own), 3.0) for k, node in enumerate(own)}
    return {node: _PLACES.get(node) or above[node] for node in nodes}


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    value: float,
    boxes: dict[str, Any],
    *,
    sure: bool,
) -> None:
    colour = _POSITIVE if value > 0.0 else _NEGATIVE
    style: dict[str, Any] = {
        "arrowstyle": "-|>,head_width=0.25,head_length=0.45",
        "color": colour,
        "linewidth": 0.8 + 4.0 * min(abs(value), 1.0),
        "alpha": 0.9 if sure else 0.45,
        "linestyle": "-" if sure else (0, (2.5, 1.5)),
        "shrinkA": 1, "shrinkB": 2, "mutation_scale": 11,
        "connectionstyle": "arc3,rad=0.08",
        **boxes,
    }  # fmt: skip
    ax.annotate("", xy=end, xytext=start, arrowprops=style, zorder=2)
    # Off the middle, so that the numbers of arrows that cross do not meet.
    along = 0.42
    x, y = (a + along * (b - a) for a, b in zip(start, end, strict=True))
    ax.text(
        x, y, f"{value:+.2f}".replace("-", "\u2212"), ha="center", va="center", fontsize=8,
        color=colour, zorder=3,
        bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none",
              "alpha": 0.85},
    )  # fmt: skip
