"""Boxes: how budgets of regions, classes or scenarios spread, next to a reference."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.units import dequantify
from xflux.plot.colours import INK, MUTED, PAPER, line_styles, own_colours
from xflux.plot.panels import dress, new_axes, set_title
from xflux.plot.together import computed
from xflux.plot.wording import generated, label, short_name, value_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_boxes"]

#: Rows that are drawn.
_MOST = 40
_LETTERS = 26


def plot_boxes(
    data: xr.DataArray | Mapping[str, xr.DataArray],
    *,
    by: Hashable = "region",
    ax: Axes | None = None,
    whiskers: tuple[float, float] = (0.05, 0.95),
    order: bool = True,
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    legend: bool = True,
    figsize: tuple[float, float] | None = None,
    note: str = "",
) -> Axes:
    """Draw a box for each region, with those of several estimates next to each other.

    Parameters
    ----------
    data : DataArray, or mapping of str to DataArray
        Such as ``budget.gpp``, or ``{"xflux": budget.gpp, "TRENDY": trendy.gpp}``: in one unit,
        with the dimension `by`. What boxes show the spread of are all other dimensions (years,
        members, scenarios), NaN left out.
    by : hashable
        Dimension of the rows: ``"region"`` (with its ``names``), ``"scenario"``, ``"model"``.
    ax : Axes, optional
        Drawn into; None makes a figure.
    whiskers : tuple of float
        Quantiles at the ends of the whiskers.
    order : bool
        Rows by the median of the first estimate, the largest at the top; False: as given.
    colors : mapping or sequence, optional
        Of the estimates.
    legend : bool
    figsize : tuple of float, optional
        Inches.
    note : str
        Said at the end of the title.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        When estimates lack `by`, differ in units, or hold nothing finite.

    Notes
    -----
    Boxes run from the lower to the upper quartile, the line is the median, the dot the mean.
    A single value is a line alone.
    """
    import xarray as xr

    given = data if isinstance(data, Mapping) else {short_name(data.name): data}
    if not given:
        raise InputError("data is empty; give at least one estimate")
    low, high = whiskers
    if not 0.0 <= low < high <= 1.0:
        raise InputError(f"whiskers={whiskers!r} must be two quantiles, such as (0.05, 0.95)")
    plain = {str(name): dequantify(array)[0] for name, array in given.items()}
    _check(plain, by)
    first = next(iter(plain.values()))
    values = computed(plain)
    rows = _rows(values, by, order=order)
    if not rows:
        raise InputError(
            f"nothing finite to draw: {', '.join(f'{n} {dict(a.sizes)}' for n, a in plain.items())}"
        )
    left_out = f"the first {_MOST} of {len(rows)}" if len(rows) > _MOST else ""
    rows = rows[:_MOST]
    names = list(values)
    styles = {name: style["color"] for name, style in zip(names, line_styles(names), strict=True)}
    styles |= own_colours(colors or {}, names, "estimates")
    if ax is None:
        height = 1.2 + len(rows) * (0.16 + 0.2 * len(names))
        ax = new_axes(figsize or (6.5, height))
    _draw(ax, values, by, rows, styles, whiskers)
    _dress(ax, values, by, rows, first)
    if legend and len(names) > 1:
        _legend(ax, styles)
    said = [
        f"boxes: quartiles and median of {_spread(first, by)}; dot: mean; whiskers: "
        f"{100 * low:g} to {100 * high:g} %",
        left_out,
        note,
    ]
    set_title(ax, said)
    assert isinstance(first, xr.DataArray)
    return ax


def _check(plain: Mapping[str, xr.DataArray], by: Hashable) -> None:
    units = {name: str(array.attrs.get("units", "")) for name, array in plain.items()}
    if len(set(units.values())) > 1:
        listed = ", ".join(f"{name} in {unit or 'no unit'!r}" for name, unit in units.items())
        raise InputError(f"one axis shows one unit, found {listed}")
    for name, array in plain.items():
        if by not in array.dims:
            raise InputError(
                f"{name} has no dimension {by!r} for the rows; its dimensions are "
                f"{', '.join(map(repr, array.dims)) or 'none'}"
            )
    definitions = {str(array.attrs.get("flux_definition", "")) for array in plain.values()} - {""}
    if len(definitions) > 1:
        raise InputError(
            f"the estimates are unlike fluxes, {', '.join(sorted(definitions))} "
            "(attrs['flux_definition']); add or subtract what differs, such as fire or land use"
        )


def _rows(values: Mapping[str, xr.DataArray], by: Hashable, *, order: bool) -> list[Any]:
    """Return the labels that have values, in the order of the rows."""
    labels: list[Any] = []
    for array in values.values():
        others = [dim for dim in array.dims if dim != by]
        there = array.notnull().any(others)
        labels += [one for one in array[by].values[there.values] if one not in labels]
    if not order:
        return labels
    first = next(iter(values.values()))

    def size(one: Any) -> float:
        if one not in first[by].values:
            return -np.inf
        part = first.sel({by: one})
        return float(part.median()) if part.notnull().any() else -np.inf

    return sorted(labels, key=size, reverse=True)


def _draw(
    ax: Axes,
    values: Mapping[str, xr.DataArray],
    by: Hashable,
    rows: Sequence[Any],
    colours: Mapping[str, Any],
    whiskers: tuple[float, float],
) -> None:
    ax.use_sticky_edges = False
    for at in range(0, len(rows), 2):
        ax.axhspan(at - 0.5, at + 0.5, color=PAPER, linewidth=0, zorder=0)
    height = 0.76 / len(values)
    for k, (name, array) in enumerate(values.items()):
        colour = colours[name]
        for at, one in enumerate(rows):
            if one not in array[by].values:
                continue
            numbers = np.asarray(array.sel({by: one}).values, np.float64).ravel()
            numbers = numbers[np.isfinite(numbers)]
            if numbers.size == 0:
                continue
            y = at + (k - 0.5 * (len(values) - 1)) * height
            low, left, middle, right, high = np.quantile(
                numbers, (whiskers[0], 0.25, 0.5, 0.75, whiskers[1])
            )
            half = 0.42 * height
            ax.hlines(y, low, high, color=colour, linewidth=1.1, zorder=2)
            ax.barh(
                y, right - left, 2 * half, left=left, color=colour, alpha=0.45, edgecolor=colour,
                linewidth=0.9, zorder=3,
            )  # fmt: skip
            ax.vlines(middle, y - half, y + half, color=INK, linewidth=1.6, zorder=4)
            if numbers.size > 1:
                ax.plot(
                    numbers.mean(), y, "o", markersize=3.6, color=PAPER, markeredgecolor=INK,
                    markeredgewidth=0.8, zorder=5,
                )  # fmt: skip


def _dress(
    ax: Axes,
    values: Mapping[str, xr.DataArray],
    by: Hashable,
    rows: Sequence[Any],
    first: xr.DataArray,
) -> None:
    dress(ax, grid="x")
    called = _called(values, by)
    texts = [textwrap.fill(called.get(one, str(one)), _LETTERS) for one in rows]
    ax.set_yticks(range(len(rows)), labels=texts)
    ax.set_ylim(len(rows) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    low, high = ax.get_xlim()
    if low < 0.0 < high:
        ax.axvline(0.0, color=MUTED, linewidth=0.8, zorder=1.5)
    words = label(first)
    for aside in (", integrated over the region", ", summed over the region"):
        words = words.replace(aside, "")
    if "time: sum" in str(first.attrs.get("cell_methods", "")) and words.endswith("]"):
        words = f"{words[:-1]} per {'month' if 'time' in first.dims else 'year'}]"
    if generated(*values.values()) and "synthetic" not in words:
        words += " (synthetic)"
    ax.set_xlabel(words, fontsize=9.5, color=INK)


def _called(values: Mapping[str, xr.DataArray], by: Hashable) -> dict[Any, str]:
    """Return the names of the rows, where they have any."""
    called: dict[Any, str] = {}
    for array in values.values():
        names = array.coords.get("names") if by == "region" else None
        for k, one in enumerate(array[by].values):
            text = value_text(by, one) if names is None else str(names.values[k])
            called.setdefault(one, text.replace("_", " "))
    return called


def _legend(ax: Axes, colours: Mapping[str, Any]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=(colour, 0.45), edgecolor=colour, label=name)
        for name, colour in colours.items()
    ]
    ax.legend(
        handles=handles, loc="best", fontsize=9, labelcolor=INK, framealpha=0.85,
        edgecolor="none", handlelength=1.4,
    )  # fmt: skip


def _spread(array: xr.DataArray, by: Hashable) -> str:
    """Say what is pooled in a box."""
    words = {"year": "years", "time": "months"}
    parts = [
        f"{array.sizes[dim]} {words.get(str(dim), f'{dim}s')}" for dim in array.dims if dim != by
    ]
    return " x ".join(parts) or "one value"
