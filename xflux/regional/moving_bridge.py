"""Does the bridge still hold while a network is trained through it? If asked, make it anew.

A network that is constrained at few pixels alone learns to please these, and the rest of the
region drifts. Bridges made anew from other pixels, of the field as it is, leave it nothing to
exploit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.regional.bridge_fit import Samples, choose_pixels, r2
from xflux.regional.clusters import Clusters, cluster_series, one_of_each, stratified_sample
from xflux.regional.dual_atmosphere import Pool, with_bridges
from xflux.regional.dual_data import Atmosphere, Design
from xflux.regional.dual_training import forward

if TYPE_CHECKING:
    from xflux.regional.bridge import RegionalBridge

__all__ = ["MovingBridge"]

Array = NDArray[Any]

#: Share of the pixels of a region among which a bridge is made anew.
_SHARE = 2.0 / 3.0
#: Rows that are predicted at once.
_ROWS = 200_000


@dataclass
class MovingBridge:
    """Looks at the bridge of a network in training.

    Attributes
    ----------
    bridge : RegionalBridge
        Its parameters count.
    design : Design
    atmosphere : Atmosphere
        With the first bridge.
    pools : list of Pool
        Pixels of each region.
    seed : sequence of int
    anew : bool
        Make bridges anew at each look.
    groups : list of Clusters
        Found at the first look.
    """

    bridge: RegionalBridge
    design: Design
    atmosphere: Atmosphere
    pools: Sequence[Pool]
    seed: Sequence[int]
    anew: bool
    groups: list[Clusters] = field(default_factory=list)

    def __call__(
        self, arrays: dict[str, Array], epoch: int
    ) -> tuple[NDArray[np.float64], Atmosphere | None]:
        """Judge the bridge by the field of a network, and make it anew.

        Parameters
        ----------
        arrays : dict of str to ndarray
            Weights of the network.
        epoch : int

        Returns
        -------
        r2 : ndarray (region,)
            Of the months of each region, bridge against the sum of all its pixels.
        atmosphere : Atmosphere or None
            With new pixels.
        """
        months = self._months()
        bridged = self._bridged(arrays, months)
        random = np.random.default_rng([*self.seed, 3, epoch])
        found, chosen = [], []
        for k, pool in enumerate(self.pools):
            x = self._nee(arrays, pool.x) @ months.T
            x = np.ascontiguousarray(x.T, np.float64)
            y = x @ pool.area
            found.append(r2(y, bridged[k]))
            if self.anew:
                if len(self.groups) <= k:
                    draw = np.random.default_rng([*self.seed, 4, k])
                    series = np.ascontiguousarray(x.T, np.float32)
                    self.groups.append(cluster_series(
                        series, self.bridge.group_count(len(pool.area)), band=self.bridge.band,
                        random=draw,
                    ))  # fmt: skip
                chosen.append(self._choose(x, y, pool.area, self.groups[k].labels, random))
        if self.anew:
            self.atmosphere = with_bridges(self.atmosphere, self.pools, chosen)
        return np.array(found), self.atmosphere if self.anew else None

    def _choose(
        self, x: Array, y: Array, area: Array, labels: Array, random: np.random.Generator
    ) -> tuple[Array, Array, float]:
        count = len(y) // 12
        # Two halves are enough to choose how far weights may move from areas.
        fold = np.repeat((np.arange(count) >= (count + 1) // 2).astype(np.int64), 12)
        cycle = np.tile(np.arange(12), count) if count > 1 else None
        size = min(self.bridge.candidates, max(1, round(_SHARE * len(labels))))
        stand_ins = one_of_each(labels, random)
        choice = choose_pixels(
            Samples(x, y, fold, area, cycle), stratified_sample(labels, size, random), labels,
            stand_ins, enough=self.bridge.r2, of_anomalies=self.bridge.anomaly_r2,
            most=self.bridge.most(len(labels)), relax=True,
        )  # fmt: skip
        return choice.pixels, choice.weights, choice.intercept

    def _months(self) -> Array:
        """Return the days (month, step) of all years."""
        steps = self.pools[0].x.shape[1]
        days = np.zeros((12 * len(self.atmosphere.years), steps), np.float32)
        for _, inside, months, lengths in self.atmosphere.years:
            days[np.ix_(months, inside)] = lengths
        return days

    def _bridged(self, arrays: dict[str, Array], months: Array) -> Array:
        air = self.atmosphere
        made = self._nee(arrays, air.x) @ months.T
        return air.weights @ made + air.level[:, None]

    def _nee(self, arrays: dict[str, Array], x: Array) -> Array:
        import torch

        tensors = {name: torch.as_tensor(array) for name, array in arrays.items()}
        flat = torch.as_tensor(x.reshape(-1, x.shape[-1]))
        with torch.no_grad():
            parts = [forward(self.design, tensors, rows) for rows in flat.split(_ROWS)]
        return torch.cat(parts).numpy().reshape(x.shape[:-1])
