"""What fitting leaves: ensembles by flux, and how they become fluxes on plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.refinement.closure import project
from xflux.refinement.ensemble import Ensemble
from xflux.refinement.features import Feature, columns
from xflux.refinement.intervals import Spread

__all__ = ["Refinement"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Refinement:
    """A fitted refinement.

    Attributes
    ----------
    features : tuple of Feature
        As the user named them.
    expanded : tuple of Feature
        One for each column.
    codes : mapping of str to tuple of int
        Classes that training held, by source.
    ensembles : mapping of str to Ensemble
        By flux.
    spreads : mapping of str to Spread
        By flux, where sites were left out.
    closure : {"project", "none"}
    baseline : mapping of str to str
        By which model the baseline of each flux was computed.
    provenance : mapping of str to Any
        Of what JSON holds: sites, periods, versions.
    """

    features: tuple[Feature, ...]
    expanded: tuple[Feature, ...]
    codes: Mapping[str, tuple[int, ...]]
    ensembles: Mapping[str, Ensemble]
    spreads: Mapping[str, Spread]
    closure: str
    baseline: Mapping[str, str]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fluxes(self) -> tuple[str, ...]:
        """Fluxes that are refined; also nee, where both gross fluxes are."""
        return tuple(self.ensembles)

    @property
    def members(self) -> int:
        """Members of each ensemble."""
        return len(next(iter(self.ensembles.values())).members)

    @property
    def memory(self) -> int:
        """Steps before a step that features need."""
        return max((f.steps - (f.kind == "mean") for f in self.expanded if f.steps), default=0)

    def predict(
        self, values: Mapping[str, Array], base: Mapping[str, Array], *, skip: int, dtype: Any
    ) -> dict[str, Array]:
        """Compute every member of every flux.

        Parameters
        ----------
        values, base : mapping of str to ndarray (series, step)
            Sources of features, and the baseline of each flux.
        skip : int
            Steps at the beginning that are there to be remembered alone.
        dtype : dtype
            Of the result.

        Returns
        -------
        dict of str to ndarray (member, series, step)
            NaN where the baseline is, where every feature is missing, and for land cover that
            training did not hold. Another class that it did not hold counts as missing.
        """
        values = dict(values)
        usable = np.ones(1, bool)
        for source, codes in self.codes.items():
            known = np.isnan(values[source]) | np.isin(values[source], codes)
            if source == "igbp":
                usable = usable & known[:, skip:].reshape(-1)
            else:
                # A climate that no tower had lies between those that some had.
                values[source] = np.where(known, values[source], np.nan)
        x = columns(values, self.expanded, skip=skip)
        series, steps, width = x.shape
        rows = x.reshape(-1, width)
        usable = usable & ~np.all(np.isnan(rows), axis=1)
        made: dict[str, Array] = {}
        for flux, ensemble in self.ensembles.items():
            start = base[flux][:, skip:].reshape(-1).astype(np.float64)
            known = usable & ~np.isnan(start)
            field_ = np.full((len(ensemble.members), rows.shape[0]), np.nan, dtype)
            if known.any():
                part = np.ascontiguousarray(rows[known])
                field_[:, known] = ensemble.predict(part, start[known])
            made[flux] = field_.reshape(-1, series, steps)
        return self._closed(made)

    def _closed(self, made: dict[str, Array]) -> dict[str, Array]:
        for flux in {"gpp", "reco"} & set(made):
            made[flux] = np.maximum(made[flux], made[flux].dtype.type(0.0))
        if self.closure == "project" and {"gpp", "reco", "nee"} <= set(made):
            gpp, reco, nee = (self.ensembles[flux].variance for flux in ("gpp", "reco", "nee"))
            variances = (gpp, reco, nee) if np.all(np.isfinite([gpp, reco, nee])) else (1.0,) * 3
            three = project(made["gpp"], made["reco"], made["nee"], variances)
            made |= dict(zip(("gpp", "reco", "nee"), three, strict=True))
        return made

    def summarise(self, made: Mapping[str, Array], interval: float | None) -> dict[str, Array]:
        """Return means over members, and the ends of intervals as ``<flux>_lower`` and ``_upper``.

        Parameters
        ----------
        made : mapping of str to ndarray (member, ...)
        interval : float or None
            Share of the observations of a new site that the interval holds.
        """
        mean = {flux: _mean(members) for flux, members in made.items()}
        if self.closure == "project" and {"gpp", "reco", "nee"} <= set(mean):
            mean["nee"] = mean["reco"] - mean["gpp"]
        if interval is None:
            return mean
        ends: dict[str, Array] = {}
        for flux, values in mean.items():
            spread = self.spreads[flux]
            reach = (spread.reach(interval) * spread.size(values)).astype(values.dtype)
            # Below 0 for gross fluxes as well: what towers record of them may be negative.
            ends[f"{flux}_lower"] = values - reach
            ends[f"{flux}_upper"] = values + reach
        return mean | ends


def _mean(members: Array) -> Array:
    """Average members one by one, so that a value does not depend on its neighbours."""
    total = np.zeros(members.shape[1:], np.float64)
    for member in members:
        total += member
    return (total / len(members)).astype(members.dtype)
