"""Yearly fluxes and stocks of a region with their trends, a panel each, beside references."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.carbon.trend import FEWEST, trend
from xflux.errors import InputError
from xflux.labels.variables import variables as table
from xflux.plot.colours import INK, MUTED, line_styles
from xflux.plot.panels import dress, set_title, wrapped
from xflux.plot.references import GREYS, of_region, reference_series
from xflux.plot.signs import direction, number
from xflux.plot.summary import ROUNDING, over_members, range_said, spread_of
from xflux.plot.wording import generated, sentence, short_name

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["plot_trends"]

_NET = ("nee", "nep", "nbp")


def plot_trends(
    budget: xr.Dataset,
    variables: Sequence[str] | None = None,
    *,
    region: Any = None,
    axes: Axes | Sequence[Axes] | NDArray[Any] | None = None,
    spread: Hashable | None = None,
    interval: float = 0.9,
    reference: Mapping[str, xr.Dataset] | None = None,
    columns: int | None = None,
    figsize: tuple[float, float] | None = None,
    label: str = "",
) -> NDArray[Any]:
    """Draw yearly fluxes and stocks of one region, each in a panel with its trend.

    Parameters
    ----------
    budget : Dataset
        Of `xflux.budget`, yearly. Bands lie between ``x_lower`` and ``x_upper`` where the
        Dataset has them: bounds of the totals. Sums of the bounds of cells are none.
    variables : sequence of str, optional
        None: all fluxes and stocks of the budget.
    region : optional
        Label of the region; None: the only one.
    axes : Axes or sequence of Axes, optional
        One for each variable; None makes a figure.
    spread : hashable, optional
        Dimension whose spread is shown (``"member"``, ``"model"``): the line is then the median,
        the band lies between the quantiles that hold `interval`. None: ``"scenario"`` where the
        budget has it. Of scenarios the line is the one called ``mean``, else the median, and the
        band lies between the least and the largest total.
    interval : float
        Share of the values within the band; not of scenarios.
    reference : mapping of str to Dataset, optional
        Other yearly totals by what they are called, such as ``{"GCB 2023":
        xflux.read_global_carbon_budget(path)}`` or another budget; drawn where they have the
        variable, in the years of the budget.
    columns : int, optional
        Panels beside each other.
    figsize : tuple of float, optional
        Inches.
    label : str
        What the budget is called beside references; "this budget" by default.

    Returns
    -------
    array of Axes
        One for each variable.

    Raises
    ------
    InputError
        When there is nothing to draw, regions are several, or a reference is an unlike flux.
    """
    names = _names(budget, variables)
    chosen = of_region(budget, region)
    if spread is not None and not any(spread in chosen[name].dims for name in names):
        raise InputError(
            f"spread={spread!r} is no dimension of {', '.join(names)}; there are "
            f"{', '.join(map(str, chosen.dims))}"
        )
    spread = spread_of((chosen[name] for name in names), spread)
    bounds = [f"{n}{e}" for n in names for e in ("_lower", "_upper") if f"{n}{e}" in chosen]
    shown = chosen[[*names, *bounds]].compute()
    drawn, given = _axes(axes, names, columns, figsize)
    for ax, name in zip(drawn, names, strict=True):
        ours = shown[name]
        others = {
            called: reference_series(
                other, called, name, years=ours["year"].values, units=str(ours.attrs["units"]),
                said=ours.attrs, region=region,
            )
            for called, other in (reference or {}).items()
        }  # fmt: skip
        beside = any(found is not None for found in others.values())
        own = label or ("this budget" if beside else "")
        entries = [_draw_own(ax, shown, name, spread, interval, own)]
        for k, (called, found) in enumerate(others.items()):
            if found is not None:
                entries.append(_draw_line(ax, found, called, GREYS[k % len(GREYS)], None))
        _dress(ax, shown[name], name, [entry for entry in entries if entry])
    said = _said(chosen, shown, names, spread, interval, region, bounds)
    if given:
        set_title(drawn[0], said) if len(drawn) == 1 else None
    else:
        figure: Any = drawn[0].figure
        text = wrapped(sentence(said), float(figure.get_size_inches()[0]), 9)
        figure.suptitle(text, x=0.01, ha="left", fontsize=9, color=MUTED)
    return np.array(drawn, dtype=object)


def _names(budget: xr.Dataset, variables: Sequence[str] | None) -> list[str]:
    held = [str(name) for name in budget.data_vars if name in table and "year" in budget[name].dims]
    if isinstance(variables, str):
        variables = [variables]
    if variables is None:
        names = held
    else:
        missing = [name for name in variables if name not in held]
        if missing:
            raise InputError(
                f"{', '.join(missing)}: no yearly totals in this Dataset, which holds "
                f"{', '.join(held) or 'none'}; make them with xflux.budget(ds)"
            )
        names = list(variables)
    if not names:
        raise InputError("no yearly totals to draw; make them with xflux.budget(ds)")
    return names


def _axes(
    axes: Any, names: Sequence[str], columns: int | None, figsize: tuple[float, float] | None
) -> tuple[list[Any], bool]:
    if axes is not None:
        given = list(np.ravel(np.asarray(axes, object)))
        if len(given) != len(names):
            raise InputError(
                f"axes holds {len(given)}, expected {len(names)}, for {', '.join(names)}"
            )
        return given, True
    import matplotlib.pyplot as plt

    count = len(names)
    across = columns or (1 if count == 1 else 2 if count in (2, 4) else 3)
    down = -(-count // across)
    figure, made = plt.subplots(
        down, across, figsize=figsize or (0.4 + 3.4 * across, 0.6 + 2.5 * down),
        layout="constrained", squeeze=False,
    )  # fmt: skip
    flat = list(made.flat)
    for ax in flat[count:]:
        figure.delaxes(ax)
    return flat[:count], False


def _draw_own(
    ax: Axes, shown: xr.Dataset, name: str, spread: Hashable | None, interval: float, label: str
) -> str:
    """Draw the totals of the budget: line, band and trend."""
    colour = line_styles([name])[0]["color"]
    values = shown[name]
    if spread is not None and spread in values.dims:
        return _draw_line(ax, values, label, colour, spread, interval)
    if f"{name}_lower" in shown and f"{name}_upper" in shown:
        ax.fill_between(
            shown["year"].values, _plain(shown[f"{name}_lower"]), _plain(shown[f"{name}_upper"]),
            color=colour, alpha=0.2, linewidth=0,
        )  # fmt: skip
    return _draw_line(ax, values, label, colour, None)


def _plain(values: xr.DataArray) -> Any:
    over = [dim for dim in values.dims if dim != "year"]
    return (values.mean(over) if over else values).values


def _draw_line(
    ax: Axes, values: xr.DataArray, called: str, colour: Any, spread: Hashable | None,
    interval: float = 0.9,
) -> str:  # fmt: skip
    """Draw one series with its trend; return what a legend says of it."""
    over = [dim for dim in values.dims if dim not in ("year", spread)]
    values = values.mean(over) if over else values
    middle, low, high = over_members(values, spread, interval)
    years = np.asarray(values["year"].values, np.float64)
    y = np.asarray(middle.values, np.float64)
    if low is not None and high is not None:
        ax.fill_between(years, low.values, high.values, color=colour, alpha=0.2, linewidth=0)
    ax.plot(
        years, y, color=colour, linewidth=1.4, marker="o", markersize=3 if years.size <= 40 else 0,
        label=called or None, zorder=3,
    )  # fmt: skip
    there = np.isfinite(y)
    fitted = trend(y[None], years, "ols", 0.95)[0]
    slope, p = float(fitted[0]), float(fitted[1])
    iav = float(np.std(y[there], ddof=1)) if there.sum() > 1 else float("nan")
    said = number(float(np.mean(y[there])), iav) if there.any() else "no whole year"
    if abs(slope) < ROUNDING * np.max(np.abs(y[there]), initial=0.0):
        slope, p = 0.0, float("nan")
    if np.isfinite(slope):
        ends = years[there][[0, -1]]
        line = y[there].mean() + slope * (ends - years[there].mean())
        ax.plot(ends, line, color=colour, linewidth=0.9, linestyle=(0, (5, 3)), zorder=3)
        said += f", {number(slope, slope, signed=True)} a year"
        if np.isfinite(p):
            said += ", p < 0.001" if p < 0.001 else f", p {p:.{2 if p >= 0.095 else 3}f}"
    return f"{called}: {said}" if called else said


def _dress(ax: Axes, values: xr.DataArray, name: str, entries: list[str]) -> None:
    from matplotlib.ticker import MaxNLocator

    dress(ax)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
    low, high = ax.get_ylim()
    if low < 0.0 < high:
        ax.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1.5)
    # Room above the lines for what is said of them.
    ax.set_ylim(low, high + (high - low) * (0.06 + 0.11 * len(entries)))
    units = str(values.attrs.get("units", ""))
    per = " per year" if "time: sum" in str(values.attrs.get("cell_methods", "")) else ""
    ax.set_ylabel(f"{units} C{per}", fontsize=9, color=INK)
    said = short_name(name)
    if name in _NET and "positive" in values.attrs:
        said += f" (+ {direction(values.attrs['positive'] == 'up')})"
    ax.set_title(said, loc="left", fontsize=10, color=INK)
    lines = [line for line in ax.get_lines() if not str(line.get_label()).startswith("_")]
    colours = [line.get_color() for line in lines] or [INK]
    for k, entry in enumerate(entries):
        text = ax.annotate(
            entry, (0.02, 0.985), xycoords="axes fraction", xytext=(0, -10.5 * k),
            textcoords="offset points", va="top", fontsize=8,
            color=colours[k] if len(entries) > 1 and k < len(colours) else INK,
        )  # fmt: skip
        text.set_in_layout(False)


def _said(
    chosen: xr.Dataset, shown: xr.Dataset, names: list[str], spread: Hashable | None,
    interval: float, region: Any, bounds: list[str],
) -> list[str]:  # fmt: skip
    called = str(chosen["names"].values) if "names" in chosen.coords else ""
    if not called and "region" in chosen.coords:
        called = str(chosen["region"].values)
    said = ["" if called in ("globe", "total") else called.replace("_", " ")]
    said.append(generated(*(chosen[name] for name in names)))
    if spread is not None:
        first = next(name for name in names if spread in shown[name].dims)
        said.append(range_said(shown[first], spread, interval))
    elif bounds:
        said.append("bands: lower to upper bounds of the totals")
    # A reference shares the years of the budget, or fewer.
    if max(int(_whole_years(shown[name])) for name in names) < FEWEST:
        said.append(f"mean; a trend needs {FEWEST} whole years")
    else:
        said.append("mean and linear trend (dashed), p by t with the effective number of years")
    return said


def _whole_years(values: xr.DataArray) -> Any:
    over = [dim for dim in values.dims if dim != "year"]
    there = values.notnull()
    return (there.any(over) if over else there).sum()
