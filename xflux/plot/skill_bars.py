"""Scores of several models, by region or class, as bars next to each other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.plot.colours import INK, MUTED, line_styles
from xflux.plot.panels import dress, new_axes, set_title
from xflux.plot.region_lines import colours_of
from xflux.plot.together import computed
from xflux.skill.regional_series import ALL

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_skill_bars"]


def plot_skill_bars(
    scores: Mapping[str, xr.Dataset],
    metric: str = "nnse",
    *,
    along: Hashable = "region",
    ax: Axes | None = None,
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    legend: bool = True,
    figsize: tuple[float, float] | None = None,
    note: str = "",
) -> Axes:
    """Draw one score of several models by region, class or month.

    Parameters
    ----------
    scores : mapping of str to Dataset
        By what the models are called, as `xflux.regional_skill` or `xflux.evaluate` (with ``by=``)
        give. Other dimensions (``member``, ``fold``) are averaged, with whiskers of one standard
        deviation (ddof=1). What is a score on training data is called so.
    metric : str
        Name of the score: ``"nnse"``, ``"rmse"``, ...
    along : hashable
        Dimension of the rows: ``"region"``, ``"igbp"``. Rows without any value are left out.
    ax : Axes, optional
        Drawn into; None makes a figure.
    colors : mapping or sequence, optional
        Of the models.
    legend : bool
    figsize : tuple of float, optional
        Inches.
    note : str
        Said in the title.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        When a score or dimension is not there, units differ, or nothing is finite.
    """
    if not isinstance(scores, Mapping) or not scores:
        raise InputError("give scores by name, such as {'towers only': one, 'dual': other}")
    arrays = {str(name): _score(ds, metric, along, str(name)) for name, ds in scores.items()}
    units = {str(array.attrs.get("units", "")) for array in arrays.values()}
    if len(units) > 1:
        raise InputError(f"one axis shows one unit, found {', '.join(map(repr, sorted(units)))}")
    values = computed(arrays)
    rows = _rows(values, along)
    if not rows:
        raise InputError(f"no finite {metric!r} to draw along {along!r}")
    names = list(values)
    styles = colours_of(names, line_styles(names), colors)
    if ax is None:
        ax = new_axes(figsize or (6.5, 1.4 + len(rows) * (0.14 + 0.15 * len(names))))
    dress(ax, grid="x")
    thick = 0.8 / len(names)
    ensembles = []
    for k, (name, style) in enumerate(zip(names, styles, strict=True)):
        over = [dim for dim in values[name].dims if dim != along]
        found = values[name].reindex({along: rows})
        middle = found.mean(over) if over else found
        wide = None
        if over and int(np.prod([found.sizes[dim] for dim in over])) > 1:
            wide = found.std(over, ddof=1).values
            ensembles += [f"{dim} (n = {found.sizes[dim]})" for dim in over]
        places = np.arange(len(rows)) + (k - (len(names) - 1) / 2) * thick
        fit = str(scores[name].attrs.get("independent", "")) == "false"
        ax.barh(
            places, middle.values, 0.92 * thick, color=style["color"], xerr=wide,
            error_kw={"ecolor": INK, "elinewidth": 0.9},
            label=f"{name} (on training data)" if fit else name,
        )  # fmt: skip
    said = ["sum of all" if row == ALL else str(row).replace("_", " ") for row in rows]
    ax.set_yticks(range(len(rows)), labels=said)
    # The first row is at the top, also of axes that share theirs with others.
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.axvline(0.0, color=MUTED, linewidth=0.8)
    first = next(iter(arrays.values()))
    words = str(first.attrs.get("long_name", metric)).replace(" (on training data)", "")
    (unit,) = units
    ax.set_xlabel(f"{words} [{'-' if unit in ('1', '') else unit}]", fontsize=9.5, color=INK)
    whiskers = ", ".join(dict.fromkeys(ensembles))
    whiskers = f"whiskers: standard deviation over {whiskers}" if whiskers else ""
    synthetic = any("synthetic" in one.attrs for ds in scores.values() for one in (ds, ds[metric]))
    set_title(ax, [whiskers, "synthetic" if synthetic else "", note])
    if legend:
        _legend_below(ax)
    return ax


def _legend_below(ax: Axes) -> None:
    """Name the models below the axes, as long bars leave no room within."""
    from matplotlib.transforms import ScaledTranslation

    figure: Any = ax.get_figure(root=True)
    below = ax.transAxes + ScaledTranslation(0.0, -0.5, figure.dpi_scale_trans)
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0.0), bbox_transform=below, borderaxespad=0.0,
        ncols=2, fontsize=9, labelcolor=INK, frameon=False,
    )  # fmt: skip


def _score(ds: xr.Dataset, metric: str, along: Hashable, called: str) -> xr.DataArray:
    if metric not in ds:
        raise InputError(
            f"{called!r} holds no score {metric!r}; it has {', '.join(map(str, ds.data_vars))}"
        )
    if along not in ds[metric].dims:
        raise InputError(
            f"{metric!r} of {called!r} has the dims {ds[metric].dims}, without {along!r}; score "
            "with by=, or name another with along="
        )
    return ds[metric]


def _rows(values: Mapping[str, xr.DataArray], along: Hashable) -> list[Any]:
    rows: list[Any] = []
    for array in values.values():
        there = array.notnull().any([dim for dim in array.dims if dim != along]).values
        rows += [label for label in array[along].values[there].tolist() if label not in rows]
    return rows
