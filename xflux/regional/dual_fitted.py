"""From trained members to what is kept: how towers are met that a member did not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.learning.features import Feature
from xflux.regional.dual_apply import FittedDual
from xflux.regional.dual_data import Atmosphere, Member
from xflux.regional.dual_inputs import TowerTable

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["fitted_of", "mean_range"]


def fitted_of(
    members: Sequence[Member],
    features: tuple[Feature, ...],
    hidden: tuple[int, ...],
    table: TowerTable,
    said: Mapping[str, Any],
    spread: dict[str, float],
    span: float,
) -> tuple[FittedDual, xr.DataArray]:
    """Return what is kept, and NEE of each tower by the member that never saw it.

    Parameters
    ----------
    members : sequence of Member
    features : tuple of Feature
    hidden : tuple of int
    table : TowerTable
    said : mapping
        Attributes of what is computed.
    spread : dict of str to float
        Mean range of the inversions of each region.
    span : float
        Days of the drivers on the grid.
    """
    arrays = tuple(member.arrays for member in members)
    rows = np.full(len(table.rows.y), np.nan, np.float32)
    for member in members:
        there = np.isin(table.rows.site, member.split.away)
        alone = FittedDual(features, hidden, (member.arrays,), np.zeros(101), {})
        rows[there] = alone.predict(table.rows.x[there])[:, 0]
    misfit = np.abs(rows - table.rows.y)
    scored = np.isfinite(misfit)
    quantiles = _by_site(misfit[scored], table.rows.site[scored])
    unseen = np.full(table.where.shape, np.nan, np.float32)
    unseen[table.where] = rows
    out = table.nee.copy(data=unseen).assign_attrs(
        long_name="net ecosystem exchange of towers by a network that did not see them",
        model=said["model"],
    )
    return FittedDual(features, hidden, arrays, quantiles, dict(said), spread, span), out


def _by_site(misfit: NDArray[Any], site: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return percentiles 0 to 100 of rows, each site of one weight."""
    order = np.argsort(misfit, kind="stable")
    weight = 1.0 / np.bincount(site)[site[order]]
    reached = np.cumsum(weight) / weight.sum()
    return np.interp(np.linspace(0.0, 1.0, 101), reached, misfit[order].astype(np.float64))


def mean_range(inversions: xr.DataArray, air: Atmosphere) -> dict[str, float]:
    """Return the mean range of the inversions of each region, Pg per month."""
    names = inversions["names"] if "names" in inversions.coords else inversions["region"]
    mean = air.spread.mean(axis=1)
    return {str(name): float(value) for name, value in zip(names.values, mean, strict=True)}
