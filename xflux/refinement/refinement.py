"""What fitting leaves: ensembles by flux, and how they become fluxes on plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.learning.features import Feature, columns
from xflux.refinement.blend import mean_of_members
from xflux.refinement.closure import project
from xflux.refinement.ensemble import Ensemble
from xflux.refinement.intervals import Spread
from xflux.refinement.site_memory import KnownSites

__all__ = ["Refinement"]

Array = NDArray[Any]
Floats = NDArray[np.float64]


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
    net_gives_way : bool
        Whether closing changes nee alone, since gpp or reco are held monotone.
    covariance : ndarray (3, 3), optional
        Of the errors of gpp, reco and nee on sites left out, by which they are closed.
    known : KnownSites, optional
        What sites that were fitted to have for themselves.
    """

    features: tuple[Feature, ...]
    expanded: tuple[Feature, ...]
    codes: Mapping[str, tuple[int, ...]]
    ensembles: Mapping[str, Ensemble]
    spreads: Mapping[str, Spread]
    closure: str
    baseline: Mapping[str, str]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    net_gives_way: bool = False
    covariance: Floats | None = None
    known: KnownSites | None = None

    @property
    def fluxes(self) -> tuple[str, ...]:
        """Fluxes that are refined."""
        return tuple(self.ensembles)

    @property
    def members(self) -> int:
        """Members of the ensemble."""
        return len(next(iter(self.ensembles.values())).members)

    @property
    def based(self) -> tuple[str, ...]:
        """Fluxes that `predict` needs the baseline of, beside those that are features."""
        return self.fluxes

    @property
    def variances(self) -> dict[str, float]:
        """Mean squared error of each flux on sites left out; NaN where none was."""
        return {flux: ensemble.variance for flux, ensemble in self.ensembles.items()}

    @property
    def memory(self) -> int:
        """Steps before a step that features need."""
        return max((f.steps - (f.kind == "mean") for f in self.expanded if f.steps), default=0)

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
        """Compute the best estimate of every flux, or its members.

        Parameters
        ----------
        values, base : mapping of str to ndarray (series, step)
            Sources of features, and the baseline of each flux of `based`.
        skip : int
            Steps at the beginning that are there to be remembered alone.
        dtype : dtype
            Of the result.
        remembered : mapping of str to ndarray (series, step), optional
            What known sites have for themselves, by flux.
        members : bool
            Every member in place of the best estimate.

        Returns
        -------
        dict of str to ndarray (member, series, step)
            Of one member, which is the best estimate, unless `members` are asked for.
            NaN where the baseline is, where every feature is missing or one is infinite, and for
            land cover that training did not hold. Another class that it did not hold counts as
            missing.
        """
        rows, usable = self.rows(values, skip)
        series, steps = next(iter(values.values())).shape
        made: dict[str, Array] = {}
        for flux, ensemble in self.ensembles.items():
            start = base[flux][:, skip:].reshape(-1).astype(np.float64)
            known = usable & ~np.isnan(start)
            count = self.members if members else 1
            field_ = np.full((count, rows.shape[0]), np.nan, dtype)
            if known.any():
                part = np.ascontiguousarray(rows[known])
                predict = ensemble.predict if members else ensemble.best
                field_[:, known] = predict(part, start[known])
            made[flux] = field_.reshape(count, series, steps - skip)
            if remembered:
                made[flux] += remembered[flux][:, skip:].astype(dtype, copy=False)
        return self._closed(made)

    def rows(self, values: Mapping[str, Array], skip: int) -> tuple[Array, Array]:
        """Compute features (row, column), and which rows (row,) can be predicted."""
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
        rows = x.reshape(-1, x.shape[-1])
        # What is infinite is an error of whoever made it, and no number to go by.
        usable = usable & ~np.isinf(rows).any(axis=1)
        return rows, usable & ~np.all(np.isnan(rows), axis=1)

    @property
    def closing(self) -> Floats:
        """Covariance of errors by which gpp, reco and nee are closed."""
        if self.net_gives_way:
            return np.diag([0.0, 0.0, 1.0])
        if self.covariance is not None:
            return self.covariance
        variances = np.array([self.variances[flux] for flux in ("gpp", "reco", "nee")])
        return np.diag(variances) if np.isfinite(variances).all() else np.eye(3)

    def _closed(self, made: dict[str, Array]) -> dict[str, Array]:
        for flux in {"gpp", "reco"} & set(made):
            made[flux] = np.maximum(made[flux], made[flux].dtype.type(0.0))
        if self.closure == "project" and {"gpp", "reco", "nee"} <= set(made):
            three = project(made["gpp"], made["reco"], made["nee"], self.closing)
            made |= dict(zip(("gpp", "reco", "nee"), three, strict=True))
        return made

    def summarise(
        self, made: Mapping[str, Array], interval: float | None, cover: Array | None = None
    ) -> dict[str, Array]:
        """Return means over members, and the ends of intervals as ``<flux>_lower`` and ``_upper``.

        Parameters
        ----------
        made : mapping of str to ndarray (member, ...)
        interval : float or None
            Share of the observations of a new site that the interval holds.
        cover : ndarray (...), optional
            Codes of land cover.
        """
        mean = {flux: mean_of_members(members) for flux, members in made.items()}
        if self.closure == "project" and {"gpp", "reco", "nee"} <= set(mean):
            mean["nee"] = mean["reco"] - mean["gpp"]
        if interval is None:
            return mean
        ends: dict[str, Array] = {}
        for flux, values in mean.items():
            spread = self.spreads[flux]
            reach = (spread.reach(interval) * spread.size(values, cover)).astype(values.dtype)
            # Below 0 for gross fluxes as well: what towers record of them may be negative.
            ends[f"{flux}_lower"] = values - reach
            ends[f"{flux}_upper"] = values + reach
        return mean | ends
