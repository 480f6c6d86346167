"""How large residuals are beside the fluxes they are of: at most, and on average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.carbon.carbon_terms import Terms
from xflux.carbon.time_axis import YEAR
from xflux.labels.grid import match_grid

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["net_residual", "relative_residuals", "rounding_of_stocks"]


def relative_residuals(
    terms: Terms, name: str, residual: xr.DataArray, against: xr.DataArray, said: str, of: str
) -> dict[str, xr.DataArray]:
    """Return largest and mean residual relative to fluxes, over cells and steps, lazily.

    Parameters
    ----------
    terms : Terms
    name : str
        Of the identity.
    residual : DataArray
    against : DataArray
        What it is relative to, 0 or more.
    said, of : str
        What the residual is of, and what it is relative to.

    Returns
    -------
    dict of str to DataArray
        ``max_relative_<name>``: of each cell and step by itself, where `against` is above 0.
        ``mean_relative_<name>``: sum of sizes of residuals over the sum of `against`, weighted by
        area: a cell where next to nothing flows counts for next to nothing.
    """
    size = abs(residual)
    relative = size / against.where(against > 0.0)
    over = _over(terms, relative)
    # NaN where there is nothing, 0 where all is 0.
    mean = _weighted(terms, size, over) / _weighted(terms, against.where(size.notnull()), over)
    made = {"max": relative.max(over), "mean": mean}
    words = {"max": "largest", "mean": "mean"}
    return {
        f"{key}_relative_{name}": array.astype(residual.dtype)
        .drop_attrs()
        .assign_attrs(long_name=f"{words[key]} {said} relative to {of}", units="1", relative_to=of)
        for key, array in made.items()
    }


def net_residual(terms: Terms, residual: xr.DataArray, against: xr.DataArray) -> xr.DataArray:
    """Return what is left when residuals of all cells and steps add up, relative to `against`."""
    over = _over(terms, residual)
    left = _weighted(terms, residual, over)
    net = left / _weighted(terms, against.where(residual.notnull()), over)
    return net.drop_attrs().assign_attrs(
        long_name="sum of residuals of the change in stocks relative to the fluxes", units="1"
    )


def rounding_of_stocks(
    terms: Terms, stock: xr.DataArray, residual: xr.DataArray, against: xr.DataArray
) -> xr.DataArray:
    """Return how large the residual of a change in stocks is by the rounding of the stocks alone.

    Twice the spacing of numbers at the size of the stocks, as the change is a difference of two,
    relative to `against`; on average as in `relative_residuals`.
    """
    over = _over(terms, residual)
    there = residual.notnull()
    spacing = 2.0 * float(np.finfo(stock.dtype).eps)
    share = _weighted(terms, abs(stock).where(there), over) / _weighted(
        terms, against.where(there), over
    )
    return (
        (spacing * share)
        .drop_attrs()
        .assign_attrs(long_name="residual of the change in stocks by rounding alone", units="1")
    )


def _over(terms: Terms, array: xr.DataArray) -> list[Any]:
    """Return the dims of cells, sites, regions and steps."""
    steps = {axis.dim for axis in terms.axes.values() if axis is not None}
    known = {*terms.cells, "site", "time", YEAR, "month", "region", *steps}
    return [dim for dim in array.dims if dim in known]


def _weighted(terms: Terms, array: xr.DataArray, over: list[Any]) -> xr.DataArray:
    """Add up over cells by area and over steps, in float64; NaN where nothing is."""
    there = array.notnull()
    amount = array.where(there, 0.0).astype(np.float64)
    if terms.area is not None:
        area = match_grid(terms.area, array, what="area")
        area = area if terms.land is None else area * match_grid(terms.land, array, what="land")
        amount = amount * area.drop_vars(area.coords).fillna(0.0)
    return amount.sum(over).where(there.any(over))
