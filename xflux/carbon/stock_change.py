"""The change of all carbon on land between two states, and the NBP in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from xflux.carbon.accumulation import accumulation_weights
from xflux.carbon.carbon_terms import Terms
from xflux.carbon.identities import LOSSES, POOLS, Signs, gross, net_production
from xflux.carbon.lazy_sums import sum_steps
from xflux.carbon.time_axis import Axis, StockTime, state_edges
from xflux.errors import InputError
from xflux.labels.blockwise import require_whole
from xflux.labels.find import find

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["StockChange", "stock_change"]

_PARTS = ("cLeaf", "cWood", "cRoot")


@dataclass(frozen=True, slots=True)
class StockChange:
    """From one state to the next; g m-2, or Pg of totals.

    Attributes
    ----------
    change, nbp : DataArray
        Labelled by the later state.
    stock : DataArray
        The later state.
    gross : DataArray or None
        GPP + RECO in between, or what stands for it; None where their steps are others.
    losses : dict of str to DataArray
        Losses in between, of those that are given.
    axis : Axis
        Of the later states.
    said : dict of str to str
        Pools, losses and conventions, for attributes.
    """

    change: xr.DataArray
    nbp: xr.DataArray
    stock: xr.DataArray
    gross: xr.DataArray | None
    losses: dict[str, xr.DataArray]
    axis: Axis
    said: dict[str, str]


def stock_change(
    terms: Terms,
    ds: xr.Dataset,
    names: Mapping[str, str] | None,
    stock_time: StockTime | None,
    *,
    fire_in_nee: bool,
) -> StockChange | str:
    """Set the change in stocks against accumulated NBP, lazily.

    Returns
    -------
    StockChange or str
        What is missing, in words; "" when there are no pools at all.

    Raises
    ------
    InputError
        When pools and fluxes cannot be set against each other in time, or `stock_time` is
        not known.
    """
    if stock_time is not None and stock_time not in get_args(StockTime):
        raise InputError(f"stock_time={stock_time!r} is not known; use 'end' or 'mean'")
    held = terms.arrays
    pools = [name for name in POOLS if name in held]
    if "cVeg" not in held and all(part in held for part in _PARTS):
        pools = [*_PARTS, *pools]
    if not pools:
        return ""
    missing = [
        name for name in ("cVeg", "cSoil") if name not in pools and not (
            name == "cVeg" and pools[0] == "cLeaf"
        )
    ]  # fmt: skip
    if missing:
        return ", ".join(missing)
    production = net_production(held, fire_in_nee=fire_in_nee)
    if "nbp" not in held and production is None:
        return "nbp, or nep to have it from"
    losses = [name for name in LOSSES if name in held]
    if "nbp" in held:
        signs: Signs = {"nbp": 1}
        text = "nbp"
    else:
        assert production is not None
        signs = dict(production.signs)
        for name in losses:
            signs[name] = signs.get(name, 0) - 1
        signs = {name: sign for name, sign in signs.items() if sign}
        text = production.less(losses)
    axis, fluxes = terms.axis(pools), terms.axis(list(signs))
    if axis is None or len(axis.edges) < 2:
        return "stocks at two or more times"
    if fluxes is None:
        return "fluxes along time"
    when, told = _when(ds, names, pools, stock_time, yearly=axis.yearly)
    states = state_edges(axis, fluxes, when)
    weights = accumulation_weights(fluxes.edges, states) * fluxes.days
    weights[np.isnan(weights).any(axis=1)] = np.nan
    stock: Any = sum(held[name].drop_attrs() for name in pools)
    for name in pools:
        require_whole(held[name], axis.dim, repr(name))
    later = stock[axis.dim].values[1:]
    change = stock.diff(axis.dim, label="upper")

    def between(wanted: Signs) -> xr.DataArray:
        rate: Any = sum(sign * held[name].drop_attrs() for name, sign in wanted.items())
        return sum_steps(rate, fluxes.dim, weights, axis.dim, later)

    def sizes(wanted: Signs) -> xr.DataArray:
        rate: Any = sum(abs(held[name].drop_attrs()) for name in wanted)
        return sum_steps(rate, fluxes.dim, weights, axis.dim, later)

    both = gross(held)
    against, of = None, ""
    if both is None:
        against, of = sizes(signs), " + ".join(f"|{name}|" for name in signs)
    elif _on(terms, both.signs, fluxes):
        against, of = between(both.signs), both.text
    absent = [name for name in LOSSES if name not in held]
    said = {
        "stock_pools": " + ".join(pools),
        "nbp_from": text,
        "losses_in_nbp": ("those in nbp itself" if "nbp" in held else ", ".join(losses) or "none"),
        "stock_time": told,
    }
    if of:
        said["stocks_relative_to"] = of
    if "nbp" not in held and absent:
        said["losses_not_given"] = ", ".join(absent)
    allocated = [name for name in pools if "allocation" in ds[find(ds, name, names) or name].attrs]
    if allocated:
        said["stocks_by_allocation"] = ", ".join(allocated)
    gone = [name for name in ("cLitter", "cCwd") if name not in held]
    if gone:
        said["pools_not_given"] = ", ".join(gone)
    if not np.isfinite(weights).all():
        count = int(np.isnan(weights).any(axis=1).sum())
        said["stocks_without_fluxes"] = (
            f"{count} of {len(weights)} changes are NaN, as fluxes do not cover the time between"
        )
    return StockChange(
        change,
        between(signs),
        stock.isel({axis.dim: slice(1, None)}),
        against,
        {name: between({name: 1}) for name in losses if _on(terms, {name: 1}, fluxes)},
        Axis(
            axis.dim, axis.edges[1:], axis.clock, None if axis.numbers is None else axis.numbers[1:]
        ),
        said,
    )


def _on(terms: Terms, signs: Signs, fluxes: Axis) -> bool:
    axes = [terms.axes[name] for name in signs]
    return all(
        axis is not None and axis.dim == fluxes.dim and np.array_equal(axis.edges, fluxes.edges)
        for axis in axes
    )


def _when(
    ds: xr.Dataset,
    names: Mapping[str, str] | None,
    pools: list[str],
    given: StockTime | None,
    *,
    yearly: bool,
) -> tuple[StockTime, str]:
    """Return what stocks are the state of, and how that is known."""
    words: dict[StockTime, str] = {"end": "end of its year", "mean": "mean of its year"}
    if not yearly:
        words = {"end": "end of its step", "mean": "mean of its step"}
    if given is not None:
        return given, f"{words[given]} (as asked for)"
    methods = {
        str(ds[find(ds, name, names) or name].attrs.get("cell_methods", "")) for name in pools
    }
    said = {
        when
        for method in methods
        for when, text in (("end", "time: point"), ("mean", "time: mean"))
        if text in method
    }
    if len(said) > 1:
        raise InputError(
            f"cell_methods of {', '.join(pools)} say both time: point and time: mean; say which "
            "holds by stock_time='end' or 'mean'"
        )
    if said:
        found: StockTime = "end" if "end" in said else "mean"
        return found, f"{words[found]} (by cell_methods)"
    return "end", f"{words['end']} (assumed, as cell_methods do not say; stock_time='mean' if not)"
