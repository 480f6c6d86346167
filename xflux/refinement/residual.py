"""`ResidualModel`: learn from towers what the baseline misses."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from xflux.errors import InputError
from xflux.learning.features import DEFAULT_FEATURES, Feature
from xflux.learning.layout import sequence_features
from xflux.learning.learners import described, from_description, maker
from xflux.learning.pixels import pixel_features
from xflux.learning.smartforest import SmartForest4D
from xflux.learning.sources import warn_of_position
from xflux.progress_bar import progress_bar
from xflux.refinement.calibration import calibrate
from xflux.refinement.ensemble import FULL, Sampling, fit_ensemble
from xflux.refinement.estimator import TowerEstimator
from xflux.refinement.known_sites import known_sites
from xflux.refinement.monotone import SPLIT, signs, slope, traits
from xflux.refinement.observation_uncertainty import error_terms, require_uncertainties, share_table
from xflux.refinement.perturbation import Errors, RowErrors, decompose
from xflux.refinement.provenance import provenance
from xflux.refinement.refinement import Refinement
from xflux.refinement.tower_rows import (
    FLUXES,
    TowerRows,
    check_fluxes,
    check_target,
    site_values,
    tower_rows,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ResidualModel"]

Floats = NDArray[np.float64]


class ResidualModel(TowerEstimator):
    """Learn from towers what the baseline misses, and correct it on any grid.

    Parameters
    ----------
    learner : {"blend", "xgboost", "lightgbm", "kernel", "smartforest"}, SmartForest4D or regressor
        What learns: a blend of boosted trees (XGBoost), extremely random trees and kernel ridge
        regression, weighted for each flux by what they predict of sites that they did not see;
        one of these alone; boosted trees of LightGBM (``pip install 'xflux[lightgbm]'``); the
        cascade of forests of `xflux.learning.cascade`; a `SmartForest4D`, which also learns
        from sequences of drivers and from images; or any regressor or pipeline of
        scikit-learn, cloned for each member, as `xflux.learning.regressor.Regressor` says. One
        of scikit-learn cannot be saved, since that takes pickle.
    fluxes : sequence of str
        Of gpp, reco, nee and le.
    features : sequence of str, optional
        Such as ``("ta", "ta_lag1", "vpd_mean3", "fapar", "igbp", "gpp_baseline")``; see
        `xflux.learning.features`. None: those of its default that the drivers hold. ``"lat"``
        and ``"lon"`` are taken when they are named, with a warning.
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
    monotone : bool or mapping, optional
        For learner "xgboost" or "lightgbm" alone, which can keep it. True: gpp does not fall as
        light rises below 200 W m-2 of photosynthetically active radiation (448 of shortwave), and
        reco does not fall as air temperature rises below 40 degC; see Notes. Else, by flux and
        feature, the sign of the effect at all other features and the baseline held, such as
        ``{"gpp": {"vpd": -1}}``.
    seed : int
        The same seed gives the same model.
    observation_uncertainty : sequence of {"weights", "spread"}
        What the uncertainties that towers hold beside their fluxes are used for: weights of
        records, and draws of their errors, which each member is fitted to, so that the spread of
        members holds them; see `xflux.observation_uncertainty`. Needs towers with such
        variables; with "spread", fitting takes twice as long.
    site_memory : bool
        Whether, at a site that was fitted to, what its records say beyond the drivers is added:
        its mean, its season, and the months around. Nothing changes elsewhere. A site is known
        by its name and position.

    Attributes
    ----------
    refinement_ : Refinement
        What was fitted.
    feature_names_in_ : ndarray of str
    uncertainty_ : Dataset or None
        Share of the observations' errors in the variance of intervals; see there.

    Notes
    -----
    For each flux and member, ``observed = a + b baseline + f(features)``: a line brings the
    baseline to the observations, f learns what it leaves (Zhu et al. 2026, eqs 8 and 9, where a
    is 0 and b is 1). Ten members of 80 % of sites and features (their section 2.3), drawn so that
    each site is left out by two: what these say of it weighs the learners and calibrates
    intervals. What is predicted comes from two fits to all sites and features, unless members
    are asked for.

    ``monotone=True`` is what eqs 14 and 15 ask of a network, exactly and of the refined flux, not
    of f alone: a baseline that moves with the driver must not undo it. So b is 0 or more, and f
    rises with the driver below its limit (a column of its own; what lies above is free), with the
    means over the last steps and the anomaly that hold the present step, and with the flux's own
    baseline; where nee's baseline is a feature, f falls with it for gpp and rises for reco. It
    holds of what `apply` returns when the driver of a step rises and all else that is given
    stays, net radiation and, for reco, the baselines of gpp and le among it (lags are the past,
    which stays), with a baseline that does not fall itself, as those of xflux do not. Closing
    then leaves gpp and reco as they are: nee is ``reco - gpp``, and what was learned of nee itself
    is not used (``closure="none"`` keeps that). Each member keeps it, and so does their mean.
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
        monotone: bool | Mapping[str, Mapping[str, int]] | None = None,
        seed: int = 0,
        observation_uncertainty: Sequence[Literal["weights", "spread"]] = (),
        site_memory: bool = True,
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
        self.observation_uncertainty = observation_uncertainty
        self.site_memory = site_memory

    def fit(
        self, drivers: xr.Dataset, observed: xr.Dataset, *, progress: bool = True
    ) -> ResidualModel:
        """Fit to towers; reads all of them.

        Parameters
        ----------
        drivers, observed : Dataset
            Dims (site, time), gaps as NaN; may be one Dataset.
        progress : bool
            Show a bar of the members, where stderr is a terminal and tqdm is installed.

        Returns
        -------
        ResidualModel
            Itself.

        Raises
        ------
        InputError
            For too few sites, a target that is missing or constant, or options that do not
            fit. A model that was fitted before stays as it was.
        ImportError
            For ``learner="lightgbm"`` where it is not installed.

        Warns
        -----
        XfluxWarning
            When latitude or longitude are features, and for what is infinite or otherwise
            beyond the range of `xflux.variables`, which counts as missing.
        """
        self._check()
        parts = len(self.fluxes) * (self.members + FULL * (self.rows < 1.0))
        parts *= 2 if "spread" in self.observation_uncertainty else 1
        with progress_bar(parts, label="fitting", unit="member", show=progress) as tell:
            return self._fit(drivers, observed, tell)

    def _fit(
        self, drivers: xr.Dataset, observed: xr.Dataset, tell: Callable[[], None]
    ) -> ResidualModel:
        rows = tower_rows(
            drivers, observed, fluxes=self.fluxes, based=self.fluxes, features=self.features,
            default=DEFAULT_FEATURES, baseline=self.baseline, needed_by=type(self).__name__,
            split=SPLIT if self.monotone is True else None, beside=self._inputs(drivers),
        )  # fmt: skip
        held = signs(self.monotone, self.fluxes, rows.features, closure=self.closure)
        native = any(feature.kind == "code" for feature in rows.features)
        make = maker(self.learner, monotone=bool(held), native=native)
        warn_of_position(rows.features)
        sampling = Sampling(self.members, self.rows, self.columns, self.sample_by, int(self.seed))
        errors = self._errors(observed)
        # Months of sites that were seen tell nothing of new ones.
        by_site = self.sample_by == "site"
        ensembles, targets, left_out, used, doubts = {}, {}, {}, {}, {}
        residual: dict[str, Floats] = {}
        for flux, there in self._records(rows).items():
            base, target = rows.base[flux], rows.target[flux]
            groups = np.unique(rows.site[there], return_inverse=True)[1].astype(np.int64)
            doubt = None if errors is None else RowErrors(errors, flux, there)
            weight = np.ones(int(there.sum()))
            if doubt is not None and "weights" in self.observation_uncertainty:
                weight = doubt.weights(target[there], base[there])
            fit = partial(
                fit_ensemble, rows.x[there], base[there], target[there], groups=groups,
                weight=weight, features=rows.feature, make=make,
                traits=traits(rows.expanded, held.get(flux, {})),
                slope=slope(flux, held.get(flux, {})), sampling=sampling, tell=tell,
            )  # fmt: skip
            # Matrices are small, and threads that wait for each other cost more than they give.
            with threadpool_limits(1, "blas"):
                drawn = doubt is not None and "spread" in self.observation_uncertainty
                ensemble = fit(draw=doubt.draw if doubt is not None and drawn else None)
                plain = fit() if drawn else None
            if doubt is not None and by_site:
                doubts[flux] = partial(
                    decompose, doubt, ensemble, plain, rows.x[there], base[there],
                    groups=groups, sampling=sampling,
                    cover=None if rows.cover is None else rows.cover[there],
                )  # fmt: skip
            left_out[flux] = np.full(there.size, np.nan)
            if by_site:
                left_out[flux][there] = ensemble.left_out
            if self.site_memory:
                made = ensemble.best(rows.x[there], base[there])
                residual[flux] = np.full(there.size, np.nan)
                residual[flux][there] = target[there] - made
            ensembles[flux], targets[flux] = ensemble, target
            used[flux] = there.reshape(observed.sizes["site"], observed.sizes["time"])
        # Closing must not move what is held monotone.
        net_gives_way = bool({"gpp", "reco"} & set(held)) and self.closure == "project"
        covariance, spreads = calibrate(
            targets, left_out, rows.site, close=self.closure == "project",
            net_gives_way=net_gives_way, cover=rows.cover,
        )  # fmt: skip
        shares = {
            flux: tell_of(spread=spreads[flux])
            for flux, tell_of in doubts.items()
            if flux in spreads
        }
        self.refinement_ = Refinement(
            rows.features,
            rows.expanded,
            rows.codes,
            ensembles,
            spreads,
            self.closure,
            rows.made_by,
            provenance(observed, used) | ({"observation_uncertainty": shares} if shares else {}),
            net_gives_way,
            covariance,
            known_sites(drivers, residual, rows.site) if self.site_memory else None,
        )
        for ensemble in ensembles.values():
            ensemble.left_out = np.empty(0)
        self.feature_names_in_ = np.array([feature.name for feature in rows.features])
        return self

    @property
    def uncertainty_(self) -> xr.Dataset | None:
        """Share of the observations' errors in the variance of intervals, by flux.

        ``record_share`` (flux, component): error of the records that intervals were found by.
        Intervals hold what a tower would record, so this is a part of them, not to be added.
        ``member_share`` (flux): what of these errors went through the fit into the spread of
        members, at sites that they did not see; NaN without ``"spread"``. None where
        `observation_uncertainty` was not used, or no site was left out.
        """
        from xflux.refinement.apply import fitted_of

        return share_table(fitted_of(self).provenance.get("observation_uncertainty", {}))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the fitted model to one file, by convention ``.safetensors``; no pickle.

        Models of the baseline given to ``baseline=`` are not kept; give them again on loading.
        """
        from xflux.refinement.apply import fitted_of
        from xflux.refinement.store import write

        parameters = self.get_params(deep=False)
        parameters.pop("baseline")
        parameters["learner"] = described(self.learner)
        parameters["fluxes"] = list(self.fluxes)
        parameters["observation_uncertainty"] = list(self.observation_uncertainty)
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
        # JSON gives a list back; files of before have none.
        parameters["observation_uncertainty"] = tuple(parameters.get("observation_uncertainty", ()))
        parameters["learner"] = from_description(parameters["learner"])
        model = cls(**parameters, baseline=baseline)
        model.refinement_ = refinement
        model.feature_names_in_ = np.array([feature.name for feature in refinement.features])
        return model

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
        used = self.observation_uncertainty
        if isinstance(used, str) or not set(used) <= {"weights", "spread"}:
            raise InputError(
                f"observation_uncertainty={used!r}; expected a tuple of 'weights' and 'spread', "
                "such as ('spread',), or () for neither"
            )

    def _records(self, rows: TowerRows) -> dict[str, NDArray[np.bool_]]:
        """Return which rows each flux is learned from, checked before any takes its time."""
        some = ~np.all(np.isnan(rows.x), axis=1)
        found = {
            flux: some & np.isfinite(rows.target[flux]) & np.isfinite(rows.base[flux])
            for flux in self.fluxes
        }
        for flux, there in found.items():
            check_target(rows.target[flux][there], rows.site[there], flux)
        return found

    def _inputs(self, drivers: xr.Dataset) -> tuple[Feature, ...]:
        """Return what the sequences and images of a learner are made of."""
        if not isinstance(self.learner, SmartForest4D):
            return ()
        series = sequence_features(self.learner.sequence, self.learner.steps)
        return (*series, *pixel_features(drivers, self.learner.image))

    def _errors(self, observed: xr.Dataset) -> Errors | None:
        """Return what is known of the errors of observations, when it is asked for."""
        if not self.observation_uncertainty:
            return None
        terms = error_terms(observed)
        require_uncertainties(terms, self.fluxes)
        plain = {
            flux: {
                cause: site_values(array, observed, f"{cause} uncertainty of {flux}")
                for cause, array in held.items()
            }
            for flux, held in terms.items()
        }
        return Errors(plain, int(self.seed))
