"""What runs on the chunks of the idealised Earth: picklable callables of plain arrays.

They hold a few numbers, find the rest by the seed, and work on land alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from xflux.twin.geography import distance_inland, land_share
from xflux.twin.world import Land, at_steps, describe

__all__ = ["PLACES", "AtPlaces", "AtSteps"]

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

#: What `AtPlaces` returns, in order.
PLACES = ("land_fraction", *(field.name for field in fields(Land)))


@dataclass(frozen=True)
class AtPlaces:
    """Describe the cells of a grid; NaN at sea, where the land fraction is 0.

    Attributes
    ----------
    seed : int
    size : float
        Degrees that a cell is wide.
    """

    seed: int
    size: float

    def __call__(self, cells: Floats, lat: Floats, lon: Floats) -> tuple[Floats, ...]:
        """Compute a chunk.

        Parameters
        ----------
        cells : ndarray (lat, lon)
            Of the shape of the chunk, whatever it holds.
        lat, lon : ndarray
            Degrees, broadcasting to that shape.
        """
        shape = cells.shape
        lats, lons = (np.broadcast_to(a, shape).ravel() for a in (lat, lon))
        inland = distance_inland(lats, lons)
        width = 111.2 * self.size * np.sqrt(np.maximum(np.cos(np.deg2rad(lats)), 1e-6))
        share = land_share(inland, width)
        land = share > 0.0
        made = [share] + [np.full(lats.shape, np.nan) for _ in PLACES[1:]]
        described = describe(self.seed, lats[land], lons[land], inland[land])
        for values, known in zip(made[1:], _columns(described), strict=True):
            values[land] = known
        return tuple(values.reshape(shape) for values in made)


@dataclass(frozen=True)
class AtSteps:
    """Compute drivers or true fluxes of places at time steps; NaN at sea.

    Attributes
    ----------
    seed : int
    names : tuple of str
        Of `xflux.twin.world.DRIVERS` and `TRUTH`: what is returned, in this order.
    """

    seed: int
    names: tuple[str, ...]

    def __call__(
        self, cells: Floats, first: Days, last: Days, lat: Floats, lon: Floats, *places: Floats
    ) -> tuple[NDArray[np.float32], ...]:
        """Compute a chunk.

        Parameters
        ----------
        cells : ndarray (time, lat, lon)
            Of the shape of the chunk, whatever it holds.
        first, last : ndarray
            Days since 1900-01-01 at which steps begin and end, along the first axis.
        lat, lon, *places : ndarray
            Coordinates and what `AtPlaces` returned, broadcasting to the other axes.
        """
        shape = cells.shape
        flat = [np.broadcast_to(a, (1, *shape[1:])).ravel() for a in (lat, lon, *places)]
        land = flat[2] > 0.0
        lats, lons, _, *known = (np.ascontiguousarray(a[land]) for a in flat)
        made = at_steps(
            self.seed, first.ravel(), last.ravel(), lats, lons, Land(*known), self.names
        )
        filled = []
        for name in self.names:
            values = np.full((shape[0], land.size), np.nan, np.float32)
            values[:, land] = made[name]
            filled.append(values.reshape(shape))
        return tuple(filled)


def _columns(land: Land) -> tuple[Floats, ...]:
    return tuple(getattr(land, field.name) for field in fields(Land))
