"""What the atmosphere says to a network: inversions through bridges, and who looks at these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from xflux.learning.features import Feature
from xflux.regional.bridge_estimate import places
from xflux.regional.dual_atmosphere import atmosphere_of, inversions_of, pool_of
from xflux.regional.dual_data import Atmosphere, Design
from xflux.regional.dual_fitted import mean_range
from xflux.regional.dual_inputs import TowerTable
from xflux.regional.moving_bridge import MovingBridge
from xflux.regional.net_field import grid_field

if TYPE_CHECKING:
    import xarray as xr

    from xflux.regional.bridge import RegionalBridge

__all__ = ["Constraint", "constraint_of"]


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
    """

    atmosphere: Atmosphere | None = None
    look: Callable[[int, Design], MovingBridge] | None = None
    spread: dict[str, float] = field(default_factory=dict)

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
    grid = grid_field(drivers, needed_by=needed_by)
    made = bridge.to_dataset()
    place = places(made, grid)
    air = atmosphere_of(bridge, drivers, grid.steps, known, features, place, whole=whole)
    spread = mean_range(known, air)
    if not looks:
        return Constraint(air, None, spread)
    pools = pool_of(made, drivers, known, features, place, np.random.default_rng([seed, 5]))

    def look(member: int, design: Design) -> MovingBridge:
        return MovingBridge(bridge, design, air, pools, [seed, member], rebridge)

    return Constraint(air, look, spread)
