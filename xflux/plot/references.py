"""Yearly totals of others, brought to the unit, sign and years of what they stand beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.units import affine
from xflux.plot.signs import number
from xflux.plot.wording import identify, short_name

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["GREYS", "NET", "draw_references", "of_region", "reference_series", "references_of"]

#: Fluxes that go both ways, and are unlike by what they hold.
NET = ("nee", "nep", "nbp")
#: Colours of references, which are not ours.
GREYS = ("#5f5f5f", "#999999", "#c4c4c4")


def of_region(budget: xr.Dataset, region: Any) -> xr.Dataset:
    """Take one region of a budget, by label or name; None: the only one.

    Raises
    ------
    InputError
        When there is none of that name, or several and none was chosen.
    """
    if "region" not in budget.dims:
        return budget
    labels = budget["region"].values
    if region is None:
        if labels.size > 1:
            raise InputError(
                f"the budget has {labels.size} regions; choose one, such as region={labels[0]!r}"
            )
        return budget.isel(region=0)
    if region in labels:
        return budget.sel(region=region)
    names = budget.coords.get("names")
    if names is not None and region in names.values:
        return budget.isel(region=int(np.flatnonzero(names.values == region)[0]))
    raise InputError(f"no region {region!r}; there are {', '.join(map(str, labels))}")


def reference_series(
    other: xr.Dataset,
    called: str,
    name: str,
    *,
    years: Any,
    units: str,
    said: Mapping[str, Any],
    region: Any = None,
) -> xr.DataArray | None:
    """Return a variable of a reference, in our unit, sign and years.

    Parameters
    ----------
    other : Dataset
        Yearly totals along ``year``, such as of `xflux.budget`.
    called : str
        For messages.
    name : str
        Canonical name of the variable.
    years : array of int
    units : str
    said : mapping
        Our attributes: ``flux_definition`` and ``positive``.
    region : optional
        Label or name, where the reference has several.

    Returns
    -------
    DataArray or None
        In memory; None when the reference has no such variable.

    Raises
    ------
    InputError
        When it is an unlike flux, or shares no year.
    """
    if name not in other or "year" not in other[name].dims:
        return None
    several = other.sizes.get("region", 1) > 1
    found = of_region(other, region if several else None)[name]
    definitions = [str(one.get("flux_definition", name)) for one in (said, found.attrs)]
    if name in NET and definitions[0] != definitions[1]:
        raise InputError(
            f"{name} of {called} is {definitions[1]!r}, that of the budget {definitions[0]!r}; add "
            "or subtract what differs, such as fire or land use"
        )
    directions = [str(one.get("positive", "")) for one in (said, found.attrs)]
    if name in NET and all(directions) and directions[0] != directions[1]:
        found = (-found).assign_attrs(found.attrs)
    scale, _ = affine(str(found.attrs.get("units", "Pg")), units, "carbon")
    common = np.intersect1d(found["year"].values, years)
    if common.size == 0:
        raise InputError(
            f"{called} and the budget share no year: {int(found.year[0])} to "
            f"{int(found.year[-1])}, and {int(years[0])} to {int(years[-1])}"
        )
    return (found.sel(year=common) * scale).compute()


def references_of(
    data: xr.DataArray | xr.Dataset,
    values: xr.DataArray,
    to_air: Mapping[str, bool],
    reference: Mapping[str, xr.Dataset],
    units: str,
) -> dict[str, dict[str, xr.DataArray]]:
    """Return what references say of each flux of a figure.

    Parameters
    ----------
    data : DataArray or Dataset
        What is drawn; its attributes say how net fluxes are defined.
    values : DataArray (variable, year, ...)
        Its totals.
    to_air : mapping of str to bool
        Of net fluxes: whether positive is to the atmosphere.
    reference : mapping of str to Dataset
    units : str

    Returns
    -------
    dict of str to dict of str to DataArray
        By flux, by what the reference is called.

    Raises
    ------
    InputError
        When references hold none of the fluxes, unlike ones, or share no year.
    """
    import xarray as xr

    if not reference:
        return {}
    arrays = [data] if isinstance(data, xr.DataArray) else list(data.data_vars.values())
    definitions = {
        row.name: one.attrs.get("flux_definition", row.name)
        for one in arrays
        if (row := identify(one)) is not None
    }
    series: dict[str, dict[str, xr.DataArray]] = {}
    names = [str(name) for name in values["variable"].values]
    for name in names:
        said = {"flux_definition": definitions.get(name, name)}
        if name in to_air:
            said["positive"] = "up" if to_air[name] else "down"
        for called, other in reference.items():
            one = reference_series(
                other, called, name, years=values["year"].values, units=units, said=said
            )
            if one is not None:
                series.setdefault(name, {})[called] = one
    if not series:
        raise InputError(f"{', '.join(reference)} hold none of {', '.join(names)}")
    return series


def draw_references(ax: Axes, series: Mapping[str, Mapping[str, xr.DataArray]]) -> None:
    """Draw yearly totals of others as grey lines.

    Parameters
    ----------
    ax : Axes
        With years along x.
    series : mapping of str to mapping of str to DataArray
        By flux, by what the reference is called.
    """
    called = list(dict.fromkeys(one for by_name in series.values() for one in by_name))
    for name, by_name in series.items():
        for one, values in by_name.items():
            y = np.asarray(values.values, np.float64)
            said = one if len(series) == 1 else f"{one}: {short_name(name)}"
            if np.isfinite(y).any():
                said += f"\nmean {number(float(np.nanmean(y)), float(np.nanstd(y)))}"
            ax.plot(
                values["year"].values, y, color=GREYS[called.index(one) % len(GREYS)],
                linewidth=1.3, marker="s", markersize=3, label=said, zorder=3.5,
            )  # fmt: skip
