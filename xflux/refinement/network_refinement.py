"""What fitting a network leaves, and how it becomes fluxes on plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.refinement.network import Network
from xflux.refinement.refinement import Refinement

__all__ = ["NetworkRefinement"]

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class NetworkRefinement(Refinement):
    """A fitted network; `ensembles` is empty.

    Attributes
    ----------
    network : Network
        Of all fluxes.
    errors : mapping of str to float
        Mean squared error of each flux on sites left out; empty where none was.
    """

    network: Network
    errors: Mapping[str, float]

    @property
    def fluxes(self) -> tuple[str, ...]:
        """Fluxes that the network predicts."""
        return tuple(self.network.fluxes)

    @property
    def members(self) -> int:
        """Members of the ensemble."""
        return len(self.network.fitted)

    @property
    def based(self) -> tuple[str, ...]:
        """Return none: a network learns fluxes, to which the baseline is a feature at most."""
        return ()

    @property
    def variances(self) -> dict[str, float]:
        """Mean squared error of each flux on sites left out; NaN where none was."""
        return {flux: self.errors.get(flux, np.nan) for flux in self.fluxes}

    def predict(
        self,
        values: Mapping[str, Array],
        base: Mapping[str, Array],
        *,
        skip: int,
        dtype: Any,
        remembered: Mapping[str, Array] | None = None,
        members: bool = False,
    ) -> dict[str, Array]:
        """Compute every member of every flux, whose mean is the best; see `Refinement.predict`.

        NaN where a feature that is needed is missing.
        """
        rows, usable = self.rows(values, skip)
        series, steps = next(iter(values.values())).shape
        made = {flux: np.full((self.members, len(rows)), np.nan, dtype) for flux in self.fluxes}
        usable = np.broadcast_to(usable, len(rows))
        for flux, each in self.network.predict_members(rows[usable]).items():
            made[flux][:, usable] = each
        return self._closed(
            {
                flux: array.reshape(self.members, series, steps - skip)
                for flux, array in made.items()
            }
        )

    def _closed(self, made: dict[str, Array]) -> dict[str, Array]:
        made = super()._closed(made)
        return made | self._difference(made)

    def summarise(
        self, made: Mapping[str, Array], interval: float | None, cover: Array | None = None
    ) -> dict[str, Array]:
        """Return means over members, and the ends of intervals; see `Refinement.summarise`."""
        mean = super().summarise(made, interval, cover)
        return mean | self._difference(mean)

    def _difference(self, made: Mapping[str, Array]) -> dict[str, Array]:
        """Return nee again where it is a difference: of what is 0 or more, and of means."""
        return {"nee": made["reco"] - made["gpp"]} if self.network.nee == "derived" else {}
