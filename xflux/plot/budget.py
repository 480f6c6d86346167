"""Budgets: carbon over time for one region, side by side for several."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.calendar import find_time
from xflux.labels.periods import Freq
from xflux.plot.amounts import Amounts, amounts
from xflux.plot.bars import bars_height, draw_regions, draw_totals, ordered_regions
from xflux.plot.budget_axes import axes_of, by_scale
from xflux.plot.colours import INK, MUTED, line_styles, own_colours
from xflux.plot.panels import (
    check_facets,
    facets,
    label_outer,
    panels,
    set_title,
    title_panels,
    wrapped,
)
from xflux.plot.references import draw_references, references_of
from xflux.plot.signs import direction
from xflux.plot.summary import range_said, spread_of, summary
from xflux.plot.wording import sentence, short_name
from xflux.plot.years import Look, draw_years, entries, legend_of

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray
    from xarray.plot import FacetGrid

__all__ = ["plot_budget"]


def plot_budget(
    data: xr.DataArray | xr.Dataset,
    *,
    ax: Axes | Sequence[Axes] | NDArray[Any] | None = None,
    regions: Any = None,
    freq: Freq = "YS",
    units: str = "PgC",
    row: Hashable | None = None,
    col: Hashable | None = None,
    col_wrap: int | None = None,
    spread: Hashable | None = None,
    interval: float = 0.9,
    trend: bool = True,
    grid: xr.Dataset | None = None,
    reference: Mapping[str, xr.Dataset] | None = None,
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    legend: bool = True,
    figsize: tuple[float, float] | None = None,
    note: str = "",
) -> Axes | NDArray[Any] | FacetGrid:
    """Draw totals of carbon by year or region.

    One region is drawn over its years: gross fluxes as lines, and below them on their own
    scale net fluxes as bars around zero, a sink green and a source brown, and stocks as lines.
    Bands lie between ``x_lower`` and ``x_upper``, where `data` holds both of totals; those of
    cells are refused, as the sum of bounds is no bound of the sum. The legend says
    mean, interannual variability (IAV, the standard deviation of the yearly totals, ddof=1)
    and from 5 whole years on the linear trend with its standard error. Several regions, or a
    single total, are drawn as horizontal bars of their means, with whiskers of the IAV.

    Parameters
    ----------
    data : DataArray or Dataset
        Fluxes and stocks of carbon per area on a grid, or amounts in each period, dims (region,
        time), that were integrated before. Stocks along ``time`` are averaged over years, and
        dimensions that the figure does not show.
    ax : Axes or sequence of Axes, optional
        Drawn into: one takes all fluxes or all stocks, several one each of gross fluxes, net
        fluxes and stocks. None makes a figure.
    regions : optional
        What fluxes are summed over: integers on the grid, fractions, or regionmask; None:
        all cells. See `xflux.labels.regions.as_regions`.
    freq : {"YS", "MS"}
        Totals of years, or of months (of one region).
    units : str
        Amount of carbon: ``"PgC"``, ``"TgC"``, ``"GtC"``, ``"PgCO2"``.
    row, col : hashable, optional
        Dimensions to make panels of, each over time: ``"region"``, ``"variable"``.
    col_wrap : int, optional
        Panels beside each other; None chooses.
    spread : hashable, optional
        Dimension whose spread is shown (``"member"``): the median, with bands or whiskers
        between the quantiles that hold `interval`. None: ``"scenario"`` where `data` has it. Of
        scenarios, the one called ``mean``, else the median, with bands or whiskers between the
        least and the largest total.
    interval : float
        Share of the values within, between 0 and 1; not of scenarios.
    trend : bool
        Draw the linear trend.
    grid : Dataset, optional
        Knows `cell_area`, `land_fraction` and time bounds. None: `data` does.
    reference : mapping of str to Dataset, optional
        Yearly totals of others by what they are called, such as ``{"GCB 2023":
        xflux.read_global_carbon_budget(path)}``; drawn as grey lines over the years of one
        region, where they have the flux.
    colors : mapping or sequence, optional
        Of the fluxes, by their name or in their order; of a net flux in place of those of
        sink and source.
    legend : bool
    figsize : tuple of float, optional
        Inches.
    note : str
        Said at the end of the title.

    Returns
    -------
    Axes, array of Axes or xarray.plot.FacetGrid
        `ax`, the new axes (one each for gross fluxes, net fluxes and stocks), or the panels.

    Raises
    ------
    InputError
        When nothing is whole or finite, a grid has no area, or an option does not fit.
    UnitsError
        When something is no flux, stock or amount of carbon.
    GridMismatchError
        When area, land fraction, regions and fluxes are not on one grid.
    """
    import xarray as xr

    sides = tuple(dim for dim in (row, col) if dim is not None)
    _check(data, ax, sides, spread, interval)
    arrays = [data] if isinstance(data, xr.DataArray) else list(data.data_vars.values())
    spread = spread_of(arrays, spread, sides)
    found = amounts(
        data, grid=grid, regions=regions, freq=freq, units=units,
        keep=[dim for dim in (*sides, spread) if dim is not None],
    )  # fmt: skip
    values = found.values
    if not np.isfinite(values.values).any():
        raise InputError(
            f"no {'year' if freq == 'YS' else 'month'} has a total: each lacks steps or values "
            f"({'; '.join(part for part in found.said if part)}). Select whole ones"
        )
    yearly = _yearly(values, found.x)
    account = summary(yearly, "year" if "year" in yearly.dims else None)
    several = values.sizes["region"] > 1
    look = _look(found, colors, freq, spread, interval, trend)
    single = found.x is None or (found.x == "year" and values.sizes["year"] == 1)
    kind = "panels" if sides else "bars" if several else "total" if single else "years"
    explained = _explained(account, yearly, look, kind, found)
    said = [*found.said[:1], found.generated, *found.said[1:], *explained, note]
    if reference and (kind != "years" or freq != "YS"):
        raise InputError("reference is drawn over the years of one region; select one, yearly")
    mixed = found.stocks and len(found.stocks & set(look.colours)) < len(look.colours)
    if mixed and sides:
        raise InputError("stocks and fluxes have unlike units; draw their panels in two figures")
    others = references_of(data, found.values, found.to_air, reference or {}, units)
    if sides:
        check_facets(values, None, row, col)
        return _facets(found, account, look, row, col, col_wrap, legend, figsize, said)
    if several or single:
        if several and freq == "MS":
            raise InputError(
                "freq='MS' draws the months of one region, or of each in a panel of its own; "
                "select one, or use col='region'"
            )
        return _bars(account, look, several, ax, legend, figsize, said)
    return _years(found, account, look, ax, legend, figsize, said, others)


def _check(
    data: xr.DataArray | xr.Dataset,
    ax: Any,
    sides: tuple[Hashable, ...],
    spread: Hashable | None,
    interval: float,
) -> None:
    """Refuse options that do not fit before anything is computed."""
    if ax is not None and sides:
        raise InputError(
            "ax and row or col exclude each other: panels need a figure of their own; leave ax out"
        )
    time = find_time(data)
    known = [dim for dim in data.dims if dim != time]
    for dim in (*sides, spread):
        if dim is None or dim in known or (dim in ("region", "variable") and dim != spread):
            continue
        raise InputError(
            f"{dim!r} is no dimension for panels or a spread; there are region, variable"
            f"{''.join(f', {other}' for other in known if other != 'region')}"
        )
    if spread in sides and spread is not None:
        raise InputError(f"spread={spread!r} is shown by row or col already; choose another")
    if not 0.0 < interval < 1.0:
        raise InputError(f"interval={interval!r} must lie between 0 and 1, such as 0.9")


def _yearly(values: xr.DataArray, x: str | None) -> xr.DataArray:
    """Return totals of years: of months, the sums of all twelve."""
    if x == "month":
        return values.sum("month", skipna=False).where(values.sizes["month"] == 12)
    if x != "time":
        return values
    grouped = values.groupby("time.year")
    return grouped.sum(skipna=False).where(values["time"].groupby("time.year").count() == 12)


def _look(
    found: Amounts,
    colors: Mapping[str, Any] | Sequence[Any] | None,
    freq: Freq,
    spread: Hashable | None,
    interval: float,
    trend: bool,
) -> Look:
    names = [str(name) for name in found.values["variable"].values]
    own = own_colours(colors or {}, names, "fluxes")
    styles = line_styles(names)
    colours = {name: style["color"] for name, style in zip(names, styles, strict=True)} | dict(own)
    net = [name for name in names if name in found.to_air]
    by_sign = frozenset(net) if len(net) == 1 else frozenset()
    return Look(
        colours, by_sign - set(own), found.to_air, found.stocks, found.units,
        "year" if freq == "YS" else "month", spread, interval, trend,
    )  # fmt: skip


def _explained(
    account: xr.Dataset, yearly: xr.DataArray, look: Look, kind: str, found: Amounts
) -> list[str]:
    """Say what lines, bands, bars and whiskers stand for."""
    said, values = [], found.values
    region = str(values["region"].values[0])
    if kind in ("years", "total") and region not in ("globe", "total"):
        said.append(region)
    if kind in ("bars", "total") and "year" in yearly.dims:
        first, last = (int(year) for year in yearly["year"].values[[0, -1]])
        said.append(str(first) if first == last else f"mean of {first} to {last}")
    if kind == "bars":
        said += [
            f"{short_name(name)} is positive {direction(look.to_air[name])}" for name in look.to_air
        ]
    varies = bool(account["iav"].notnull().any())
    if look.spread is not None:
        said.append(range_said(values, look.spread, look.interval))
    elif kind == "bars" and varies:
        said.append("whiskers: standard deviation between years (IAV)")
    if kind in ("years", "panels") and found.bounds is not None and look.spread is None:
        said.append("bands: lower to upper bounds of the totals")
    if kind == "years" and varies:
        said.append("IAV: standard deviation of years, trend included")
    return said


def _years(
    found: Amounts,
    account: xr.Dataset,
    look: Look,
    ax: Any,
    legend: bool,
    figsize: tuple[float, float] | None,
    said: list[str],
    others: Mapping[str, Mapping[str, xr.DataArray]],
) -> Any:
    """Draw one region over time."""
    assert found.x is not None
    values, account = found.values.isel(region=0), account.isel(region=0)
    groups = by_scale(account, look)
    size = figsize or (8.0, (3.2, 5.0, 6.8)[len(groups) - 1])
    axes, groups, result = axes_of(ax, groups, look, size, stacked=True)
    bounds = None if found.bounds is None else found.bounds.isel(region=0)
    for one, names in zip(axes, groups, strict=True):
        part = {"variable": names}
        band = None if bounds is None else bounds.sel(part)
        draw_years(one, values.sel(part), found.x, account.sel(part), look, band)
        draw_references(one, {name: others[name] for name in names if name in others})
        if legend:
            legend_of(one, beside=ax is None)
    set_title(axes[0], said)
    return result


def _bars(
    account: xr.Dataset,
    look: Look,
    several: bool,
    ax: Any,
    legend: bool,
    figsize: tuple[float, float] | None,
    said: list[str],
) -> Any:
    """Draw means: a row for each region, or for each flux of the only one."""
    names = [str(name) for name in account["variable"].values]
    if not several:
        size = figsize or (6.5, bars_height(len(names), 1))
        parts = [[n for n in names if (n in look.stocks) is state] for state in (False, True)]
        axes, parts, result = axes_of(ax, [p for p in parts if p], look, size, stacked=False)
        for one, part in zip(axes, parts, strict=True):
            draw_totals(one, account.isel(region=0).sel(variable=part), look)
        set_title(axes[0], said)
        return result
    groups = by_scale(account, look)
    regions, left_out = ordered_regions(account, look, groups[0][0])
    each = max(len(group) for group in groups)
    size = figsize or ((6.5, 9.0, 11.5)[len(groups) - 1], bars_height(len(regions), each))
    axes, groups, result = axes_of(ax, groups, look, size, stacked=False)
    for one, group in zip(axes, groups, strict=True):
        draw_regions(one, account.sel(variable=group), regions, look)
        if legend and len(group) > 1:
            one.legend(
                loc="lower right", fontsize=9, labelcolor=INK, framealpha=0.85, edgecolor="none"
            )
    said.insert(1, left_out)
    if ax is None and len(axes) > 1:
        for one in axes[1:]:
            one.tick_params(labelleft=False)
        text = wrapped(sentence(said), size[0], 9)
        axes[0].figure.suptitle(text, x=0.01, ha="left", fontsize=9, color=MUTED)
    else:
        set_title(axes[0], said)
    return result


def _facets(
    found: Amounts,
    account: xr.Dataset,
    look: Look,
    row: Hashable | None,
    col: Hashable | None,
    col_wrap: int | None,
    legend: bool,
    figsize: tuple[float, float] | None,
    said: list[str],
) -> FacetGrid:
    """Draw a panel over time for every region, or what else was asked for."""
    values, x = found.values, found.x
    if x is None:
        raise InputError(
            "panels show totals over time, and there is one total of each; leave row and col out"
        )
    if values.sizes["region"] > 1 and "region" not in (row, col):
        raise InputError(
            f"{values.sizes['region']} regions need a panel each when there are panels; use "
            "col='region', or select one"
        )
    shared = "variable" not in (row, col)
    panes = facets(
        values, row, col, col_wrap=col_wrap, width=3.0, height=1.9, figsize=figsize,
        sharey=shared, room=(1.2 if legend else 0.4, 0.6),
    )  # fmt: skip
    for one, selection in panels(panes):
        of_panel: list[Any] = [
            None if whole is None else _of_panel(whole.sel(selection))
            for whole in (values, account, found.bounds)
        ]
        part, of_it, band = of_panel
        draw_years(one, part, x, of_it, look, band, words=False)
        one.set_ylabel("")
    if shared:
        label_outer(panes)
    title_panels(panes, row, col, said)
    low, high = panes.axs.flat[0].get_ylim()
    names = [str(name) for name in values["variable"].values]
    panes.fig.supylabel(look.axis(names, low, high), fontsize=9.5, color=INK)
    if legend and values.sizes["variable"] > 1 and shared:
        handles, labels, options = entries(panes.axs.flat[0])
        panes.fig.legend(handles, labels, loc="outside right center", frameon=False, **options)
    return panes


def _of_panel(part: Any) -> Any:
    """Return what one panel shows, of one region, with a dimension of variables."""
    part = part.isel(region=0) if "region" in part.dims else part
    return part if "variable" in part.dims else part.expand_dims("variable")
