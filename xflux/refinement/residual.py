"""`ResidualModel`: learn from towers what the baseline misses."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from xflux.errors import InputError
from xflux.refinement.ensemble import Sampling, fit_ensemble
from xflux.refinement.features import DEFAULT_FEATURES
from xflux.refinement.intervals import fit_spread
from xflux.refinement.learners import maker
from xflux.refinement.refinement import Refinement
from xflux.refinement.tower_rows import FLUXES, check_fluxes, check_target, tower_rows

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ResidualModel"]


class ResidualModel(BaseEstimator):
    """Learn from towers what the baseline misses, and correct it on any grid.

    Parameters
    ----------
    learner : {"blend", "xgboost", "kernel", "smartforest"}
        What learns: a blend of boosted trees (XGBoost), extremely random trees and kernel ridge
        regression, weighted for each flux by what they predict of sites that they did not see;
        one of these alone; or the cascade of forests of `xflux.refinement.cascade`.
    fluxes : sequence of str
        Of gpp, reco, nee and le.
    features : sequence of str, optional
        Such as ``("ta", "ta_lag1", "vpd_mean3", "fapar", "igbp", "gpp_baseline")``; see
        `xflux.refinement.features`. None: those of its default that the drivers hold.
    baseline : mapping of str to FluxModel, optional
        Models of gpp, reco and le; None: those of `xflux.baseline`.
    members : int
        Of the ensemble.
    rows, columns : float
        Share of the sites (or rows) and of the features that each member sees.
    sample_by : {"site", "row"}
        What members are drawn by. By rows, nothing is left out by site: no intervals then.
    closure : {"project", "none"}
        Whether gpp, reco and nee are reconciled so that ``nee = reco - gpp``.
    monotone : None
        Reserved.
    seed : int
        The same seed gives the same model.

    Attributes
    ----------
    refinement_ : Refinement
        What was fitted.
    feature_names_in_ : ndarray of str

    Notes
    -----
    For each flux and member, ``observed = a + b baseline + f(features)``: a line brings the
    baseline to the observations, f learns what it leaves (Zhu et al. 2026, eqs 8 and 9, where a
    is 0 and b is 1). Ten members of 80 % of sites and features (their section 2.3), drawn so that
    each site is left out by two: what these say of it weighs the learners and calibrates
    intervals.
    """

    def __init__(
        self,
        learner: Any = "blend",
        fluxes: Sequence[str] = FLUXES,
        features: Sequence[str] | None = None,
        baseline: Mapping[str, Any] | None = None,
        members: int = 10,
        rows: float = 0.8,
        columns: float = 0.8,
        sample_by: Literal["site", "row"] = "site",
        closure: Literal["project", "none"] = "project",
        monotone: None = None,
        seed: int = 0,
    ) -> None:
        self.learner = learner
        self.fluxes = fluxes
        self.features = features
        self.baseline = baseline
        self.members = members
        self.rows = rows
        self.columns = columns
        self.sample_by = sample_by
        self.closure = closure
        self.monotone = monotone
        self.seed = seed

    def fit(self, drivers: xr.Dataset, observed: xr.Dataset) -> ResidualModel:
        """Fit to towers; reads all of them.

        Parameters
        ----------
        drivers, observed : Dataset
            Dims (site, time), gaps as NaN; may be one Dataset.

        Returns
        -------
        ResidualModel
            Itself.

        Raises
        ------
        InputError
            For too few sites, a target that is missing or constant, infinite values, or
            options that do not fit. A model that was fitted before stays as it was.
        """
        self._check()
        make = maker(self.learner)
        rows = tower_rows(
            drivers, observed, fluxes=self.fluxes, based=self.fluxes, features=self.features,
            default=DEFAULT_FEATURES, baseline=self.baseline, needed_by=type(self).__name__,
        )  # fmt: skip
        sampling = Sampling(self.members, self.rows, self.columns, self.sample_by, int(self.seed))
        ensembles, spreads = {}, {}
        for flux in self.fluxes:
            base, target = rows.base[flux], rows.target[flux]
            there = np.isfinite(target) & np.isfinite(base) & ~np.all(np.isnan(rows.x), axis=1)
            check_target(target[there], rows.site[there], flux)
            groups = np.unique(rows.site[there], return_inverse=True)[1].astype(np.int64)
            # Matrices are small, and threads that wait for each other cost more than they give.
            with threadpool_limits(1, "blas"):
                ensemble = fit_ensemble(
                    rows.x[there], base[there], target[there], groups=groups,
                    weight=np.ones(int(there.sum())), features=rows.feature, make=make,
                    sampling=sampling,
                    tell=lambda: None,
                )  # fmt: skip
            away = np.isfinite(ensemble.left_out)
            if away.any():
                spreads[flux] = fit_spread(
                    target[there][away], ensemble.left_out[away], groups[away]
                )
            ensemble.left_out = np.empty(0)
            ensembles[flux] = ensemble
        self.refinement_ = Refinement(
            rows.features, rows.expanded, rows.codes, ensembles, spreads, self.closure, rows.made_by
        )
        self.feature_names_in_ = np.array([feature.name for feature in rows.features])
        return self

    def apply(
        self, ds: xr.Dataset, *, interval: float | None = None, members: bool = False
    ) -> xr.Dataset:
        """Return refined fluxes, lazily; see `xflux.refine`."""
        from xflux.refinement.apply import apply

        return apply(self, ds, interval=interval, members=members)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the fitted model to one file, by convention ``.safetensors``; no pickle.

        Models of the baseline given to ``baseline=`` are not kept; give them again on loading.
        """
        from xflux.refinement.apply import fitted_of
        from xflux.refinement.store import write

        parameters = self.get_params(deep=False)
        parameters.pop("baseline")
        parameters["fluxes"] = list(self.fluxes)
        parameters["features"] = None if self.features is None else list(self.features)
        return write(path, fitted_of(self), parameters)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, baseline: Mapping[str, Any] | None = None
    ) -> ResidualModel:
        """Read a model that `save` has written.

        Raises
        ------
        FileFormatError
            When the file is truncated, was changed, or is of a newer version.
        """
        from xflux.refinement.store import read

        refinement, parameters = read(path)
        model = cls(**parameters, baseline=baseline)
        model.refinement_ = refinement
        model.feature_names_in_ = np.array([feature.name for feature in refinement.features])
        return model

    def cross_validate(
        self,
        drivers: xr.Dataset,
        observed: xr.Dataset,
        *,
        groups: Any = "site",
        splitter: Any = None,
        interval: float | None = 0.9,
        jobs: int = 1,
    ) -> xr.Dataset:
        """Predict every record by a model that did not see it; see `cross_validate`."""
        from xflux.refinement.validation import cross_validate

        return cross_validate(
            self, drivers, observed, groups=groups, splitter=splitter, interval=interval, jobs=jobs
        )

    def _check(self) -> None:
        check_fluxes(self.fluxes)
        for name in ("rows", "columns"):
            share = getattr(self, name)
            if not 0.0 < share <= 1.0:
                raise InputError(f"{name}={share!r} is no share; expected above 0, up to 1")
        if not isinstance(self.members, int) or self.members < 1:
            raise InputError(f"members={self.members!r}; expected a number from 1 on")
        for name, known in (("sample_by", ("site", "row")), ("closure", ("project", "none"))):
            if getattr(self, name) not in known:
                raise InputError(f"{name}={getattr(self, name)!r}; expected {' or '.join(known)}")
