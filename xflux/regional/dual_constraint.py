"""What the atmosphere says to a network: inversions through bridges, and who looks at these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.coordinates import find_lat_lon
from xflux.labels.grid import cell_area, land_fraction
from xflux.learning.features import Feature
from xflux.regional.bridge_estimate import places
from xflux.regional.dual_atmosphere import atmosphere_of, inversions_of, pool_of
from xflux.regional.dual_data import Atmosphere, Design
from xflux.regional.dual_fitted import mean_range
from xflux.regional.dual_inputs import TowerTable
from xflux.regional.moving_bridge import MovingBridge
from xflux.regional.net_field import grid_of_drivers

if TYPE_CHECKING:
    import xarray as xr

    from xflux.regional.bridge import RegionalBridge

__all__ = ["Constraint", "constraint_of"]

#: Share by which the land of a region may differ between bridge and drivers.
_LAND = 0.01


@dataclass(frozen=True)
class Constraint:
    """The atmosphere of a fit; without one, towers train alone.

    Attributes
    ----------
    atmosphere : Atmosphere or None
    look : callable or None
        Gives the one that looks at the bridges of a member.
    spread : dict of str to float
        Mean range of the inversions of each region, Pg per month.
    inversions : DataArray or None
        (inversion, region, time) [Pg], regions by name.
    data : tuple of ndarray
        All that training depends on, for a digest.
    """

    atmosphere: Atmosphere | None = None
    look: Callable[[int, Design], MovingBridge] | None = None
    spread: dict[str, float] = field(default_factory=dict)
    inversions: xr.DataArray | None = None
    data: tuple[NDArray[Any], ...] = ()

    @property
    def years(self) -> tuple[int, ...]:
        """Years that the inversions tell of."""
        return () if self.atmosphere is None else tuple(year for year, *_ in self.atmosphere.years)


def constraint_of(
    bridge: RegionalBridge,
    drivers: xr.Dataset,
    inversions: xr.DataArray | xr.Dataset,
    ensemble: xr.DataArray | None,
    towers: TowerTable,
    features: Sequence[Feature],
    *,
    seed: int,
    looks: bool,
    rebridge: bool,
    needed_by: str,
) -> Constraint:
    """Bring inversions, bridge and drivers together; reads the pixels that training needs.

    Parameters
    ----------
    bridge : RegionalBridge
    drivers : Dataset
        On its grid.
    inversions, ensemble : DataArray or Dataset
        As of `DualConstraintNetwork.fit`.
    towers : TowerTable
        Whose flux the inversions must hold.
    features : sequence of Feature
    seed : int
    looks : bool
        Look at the bridges while training.
    rebridge : bool
        Make them anew at each look.
    needed_by : str
        For messages.

    Raises
    ------
    InputError, UnitsError, GridMismatchError
        As `DualConstraintNetwork.fit` says.
    """
    known = inversions_of(inversions, towers.nee)
    whole = None if ensemble is None else inversions_of(ensemble, towers.nee)
    grid = grid_of_drivers(drivers, needed_by=needed_by)
    made = bridge.to_dataset()
    place = places(made, grid)
    air = atmosphere_of(bridge, drivers, grid.steps, known, features, place, whole=whole)
    _require_same_land(made, drivers, place)
    spread = mean_range(known, air)
    data = (
        air.x, air.weights, air.level, air.inversions, air.spread, air.area,
        *(part for year in air.years for part in year[1:]),
    )  # fmt: skip
    if not looks:
        return Constraint(air, None, spread, known, data)
    pools = pool_of(made, drivers, known, features, place, np.random.default_rng([seed, 5]))

    def look(member: int, design: Design) -> MovingBridge:
        return MovingBridge(bridge, design, air, pools, [seed, member], rebridge)

    pooled = tuple(array for pool in pools for array in (pool.x, pool.area))
    return Constraint(air, look, spread, known, (*data, *pooled))


def _require_same_land(bridge: xr.Dataset, drivers: xr.Dataset, place: tuple[Any, Any]) -> None:
    """Refuse a bridge that counts other land than the grid has: the flux would be off by as much.

    A grid without ``land_fraction`` says nothing of it.
    """
    share = land_fraction(drivers)
    if share is None:
        return
    lat, lon = find_lat_lon(drivers)
    land = (cell_area(drivers) * share).transpose(*lat.dims, *lon.dims).fillna(0.0)
    shares = bridge["region_share"].fillna(0.0).values
    areas = bridge["land_area"].values, land.values[np.ix_(*place)]
    theirs, ours = ((area * shares).sum((1, 2)) for area in areas)
    off = np.abs(theirs / ours - 1.0)
    if not np.all(off <= _LAND):
        k = int(np.argmax(np.nan_to_num(off, nan=np.inf)))
        names = bridge["names" if "names" in bridge.coords else "region"].values
        raise InputError(
            f"{names[k]} has {theirs[k] / 1e12:.3g} million km2 of land in the bridge and "
            f"{ours[k] / 1e12:.3g} by the cell_area and land_fraction of the drivers; fit the "
            "bridge to a flux that has those of the drivers beside it, as "
            "drivers.flux.refine(model) returns"
        )
