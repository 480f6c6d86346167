"""Errors of atmospheric inversions: what they get wrong is which region took up the carbon.

Observations of the atmosphere constrain sums over neighbours better than each of them. Errors
are dipoles: what one region gains, the region across the border loses. Functions of plain
arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.twin.inversion_parameters import INVERSIONS

__all__ = ["MONTHS", "InversionErrors", "borders", "patterns"]

Floats = NDArray[np.float64]
Array = NDArray[Any]

#: Months from January 1900 that have errors: those of the weather.
MONTHS = 12 * 201


@dataclass(frozen=True)
class InversionErrors:
    """Draw the errors of inversions; those of few are the first of many.

    Attributes
    ----------
    seed : int
    inversions, regions : int
        How many there are.
    first, last : int
        Months since January 1900, the last one excluded.
    """

    seed: int
    inversions: int
    regions: int
    first: int
    last: int

    def __call__(self, weights: Array, land: Floats, lat: Floats, lon: Floats) -> Floats:
        """Draw errors, (inversion, region, month), in PgC per month.

        Parameters
        ----------
        weights : ndarray
            Position of the region of each cell (lat, lon), -1 outside, or the share of the cell
            in each region (region, lat, lon).
        land : ndarray (lat, lon)
            Area of land, m2; NaN is 0.
        lat, lon : ndarray
            Degrees.
        """
        shapes = patterns(_shares(weights, self.regions), np.nan_to_num(land), lat, lon)
        drawn = [self._in_time(k, shapes.shape[1]) for k in range(self.inversions)]
        return np.stack([shapes @ series for series in drawn])

    def _in_time(self, inversion: int, count: int) -> Floats:
        """Return what is random in time, (pattern, month), of a deviation of 1 per year.

        ``sqrt(b) c / 12 + sqrt(1 - b) w + s (u cos + v sin)`` with a constant c and the seasonal u
        and v of the inversion, and an autoregression w of months whose sum over a year has a
        variance of 1.
        """
        from scipy.signal import lfilter

        random = np.random.default_rng([self.seed, 8, inversion])
        constant, cosine, sine = random.normal(size=(3, count, 1))
        keep = float(np.exp(-1.0 / INVERSIONS.memory))
        noise = random.normal(size=(count, MONTHS)) * np.sqrt(1.0 - keep**2)
        noise[:, 0] /= np.sqrt(1.0 - keep**2)
        wander = np.asarray(lfilter([1.0], [1.0, -keep], noise, axis=1), np.float64)
        lags = np.arange(1, 12)
        wander = wander / np.sqrt(12.0 + 2.0 * np.sum((12 - lags) * keep**lags))
        angle = 2.0 * np.pi * (np.arange(self.first, self.last) + 0.5) / 12.0
        season = INVERSIONS.season * (cosine * np.cos(angle) + sine * np.sin(angle))
        lasting = np.sqrt(INVERSIONS.bias) * constant / 12.0
        passing = np.sqrt(1.0 - INVERSIONS.bias) * wander[:, self.first : self.last]
        return np.asarray(lasting + passing + season, np.float64)


def patterns(shares: Floats, land: Floats, lat: Floats, lon: Floats) -> Floats:
    """Return the patterns of errors, (region, pattern), in PgC per year.

    Parameters
    ----------
    shares : ndarray (region, lat, lon)
        Of each cell.
    land : ndarray (lat, lon)
        m2.
    lat, lon : ndarray
        Degrees.

    Returns
    -------
    ndarray
        One pattern for each pair of neighbours, of the sum 0, and one for the world, in
        proportion to the errors of regions. A region without land has none.

    Notes
    -----
    With the error e of a region, by its share of tropical land and the root of its area, and the
    share q of its border that it has with a neighbour, a pair trades ``sqrt(e_1 q_1 e_2 q_2)``.
    """
    within = shares * land
    area = within.sum(axis=(1, 2))
    tropical = within[:, np.abs(lat) <= INVERSIONS.tropic].sum(axis=(1, 2))
    tropical = np.divide(tropical, area, out=np.zeros_like(area), where=area > 0.0)
    own = INVERSIONS.elsewhere + (INVERSIONS.tropics - INVERSIONS.elsewhere) * tropical
    own = own * np.sqrt(area / INVERSIONS.area)
    shared = borders(within, lat, lon)
    whole = shared.sum(axis=1)
    part = np.divide(shared, whole[:, None], out=np.zeros_like(shared), where=shared > 0.0)
    trade = np.sqrt(np.outer(own, own) * np.sqrt(part * part.T))
    pairs = np.argwhere(np.triu(trade) > 0.0)
    made = np.zeros((own.size, len(pairs) + 1))
    for k, (one, other) in enumerate(pairs):
        made[one, k], made[other, k] = trade[one, other], -trade[one, other]
    total = own.sum()
    made[:, -1] = INVERSIONS.world * own / total if total > 0.0 else 0.0
    return made


def borders(within: Floats, lat: Floats, lon: Floats) -> Floats:
    """Return how long the borders between regions are, (region, region).

    Parameters
    ----------
    within : ndarray (region, lat, lon)
        Area of land of each region, m2; the largest in a cell has it.
    lat, lon : ndarray
        Degrees, of a grid round the globe or a part of it.

    Returns
    -------
    ndarray
        In widths of a cell at the equator; symmetric. A region that borders none has a border
        with the nearest.
    """
    count = within.shape[0]
    owner = np.where(within.max(axis=0) > 0.0, within.argmax(axis=0), -1)
    shared = np.zeros((count, count))
    edge = np.cos(np.deg2rad(0.5 * (lat[:-1] + lat[1:])))[:, None]
    round_globe = abs(abs(lon[-1] - lon[0]) + abs(lon[1] - lon[0]) - 360.0) < 1e-6
    east = np.roll(owner, -1, axis=1) if round_globe else owner[:, 1:]
    for one, other, length in (
        (owner[:-1], owner[1:], np.broadcast_to(edge, owner[1:].shape)),
        (owner[:, : east.shape[1]], east, np.ones(east.shape)),
    ):
        meet = (one != other) & (one >= 0) & (other >= 0)
        np.add.at(shared, (one[meet], other[meet]), length[meet])
    shared = shared + shared.T
    there = within.sum(axis=(1, 2)) > 0.0
    _join_nearest(shared, there, _centres(within, lat, lon))
    return shared


def _join_nearest(shared: Floats, there: NDArray[np.bool_], centres: Floats) -> None:
    """Give regions without neighbours the nearest for one, in place."""
    if there.sum() < 2:
        return
    near = centres @ centres.T
    near[:, ~there] = -np.inf
    np.fill_diagonal(near, -np.inf)
    for one in np.flatnonzero(there & (shared.sum(axis=1) == 0.0)):
        other = int(np.argmax(near[one]))
        shared[one, other] = shared[other, one] = 1.0


def _centres(within: Floats, lat: Floats, lon: Floats) -> Floats:
    """Return unit vectors to the middle of the land of regions."""
    up, along = np.deg2rad(lat)[:, None], np.deg2rad(lon)[None, :]
    axes = (np.cos(up) * np.cos(along), np.cos(up) * np.sin(along), np.sin(up) + 0.0 * along)
    middle = np.stack([(within * axis).sum(axis=(1, 2)) for axis in axes], axis=1)
    return np.asarray(middle / np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-300))


def _shares(weights: Array, count: int) -> Floats:
    """Return the share of each cell in each region."""
    if weights.ndim == 3:
        return np.nan_to_num(weights.astype(np.float64))
    return np.asarray(weights[None] == np.arange(count)[:, None, None], np.float64)
