"""`ResidualModel`: learn from towers what the baseline misses."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from xflux.errors import InputError
from xflux.labels.find import find
from xflux.labels.pipeline import materialise
from xflux.labels.resolve import resolve
from xflux.labels.variables import variables
from xflux.refinement.ensemble import Sampling, fit_ensemble
from xflux.refinement.features import DEFAULT_FEATURES, Feature, columns, expand, parse, sources
from xflux.refinement.inputs import baseline_fluxes, source_arrays, with_net_radiation
from xflux.refinement.intervals import fit_spread
from xflux.refinement.learners import maker
from xflux.refinement.observation_uncertainty import error_terms, require_uncertainties, share_table
from xflux.refinement.perturbation import Errors, RowErrors, decompose
from xflux.refinement.refinement import Refinement

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ResidualModel"]

Floats = NDArray[np.float64]
_FLUXES = ("gpp", "reco", "nee", "le")
#: Fewest sites and records that say anything of others.
_SITES, _RECORDS = 3, 30


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
    observation_uncertainty : sequence of {"weights", "spread"}
        What the uncertainties that towers hold beside their fluxes are used for: weights of
        records, and draws of their errors, which each member is fitted to, so that the spread of
        members holds them; see `xflux.observation_uncertainty`. Needs towers with such
        variables; with "spread", fitting takes twice as long.

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
    intervals.
    """

    def __init__(
        self,
        learner: Any = "blend",
        fluxes: Sequence[str] = _FLUXES,
        features: Sequence[str] | None = None,
        baseline: Mapping[str, Any] | None = None,
        members: int = 10,
        rows: float = 0.8,
        columns: float = 0.8,
        sample_by: Literal["site", "row"] = "site",
        closure: Literal["project", "none"] = "project",
        monotone: None = None,
        seed: int = 0,
        observation_uncertainty: Sequence[Literal["weights", "spread"]] = (),
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
        drivers, observed = _towers(drivers, "drivers"), _towers(observed, "observed")
        drivers = with_net_radiation(drivers)
        fluxes = baseline_fluxes(drivers, dict(self.baseline or {})).compute()
        features = self._features(drivers)
        arrays = source_arrays(drivers, features, fluxes, needed_by=type(self).__name__)
        shape = (observed.sizes["site"], observed.sizes["time"])
        values = {name: _plain(array, observed, name) for name, array in arrays.items()}
        codes = {
            feature.source: tuple(
                int(code) for code in np.unique(values[feature.source]) if np.isfinite(code)
            )
            for feature in features
            if feature.kind == "class"
        }
        expanded = expand(features, codes)
        x = columns(values, expanded).reshape(-1, len(expanded))
        number = {name: k for k, name in enumerate(sources(features))}
        kept = np.array([number[feature.source] for feature in expanded], np.int64)
        site = np.repeat(np.arange(shape[0]), shape[1])
        sampling = Sampling(self.members, self.rows, self.columns, self.sample_by, int(self.seed))
        errors = self._errors(observed)
        ensembles, spreads, shares = {}, {}, {}
        for flux in self.fluxes:
            base = _plain(fluxes[flux], observed, flux).reshape(-1)
            target = _target(observed, flux).reshape(-1)
            rows = np.isfinite(target) & np.isfinite(base) & ~np.all(np.isnan(x), axis=1)
            _check_rows(target[rows], site[rows], flux)
            groups = np.unique(site[rows], return_inverse=True)[1].astype(np.int64)
            doubt = None if errors is None else RowErrors(errors, flux, rows)
            weight = np.ones(int(rows.sum()))
            if doubt is not None and "weights" in self.observation_uncertainty:
                weight = doubt.weights(target[rows], base[rows])
            fit = partial(
                fit_ensemble, x[rows], base[rows], target[rows], groups=groups, weight=weight,
                features=kept, make=make, sampling=sampling, tell=lambda: None,
            )  # fmt: skip
            # Matrices are small, and threads that wait for each other cost more than they give.
            with threadpool_limits(1, "blas"):
                drawn = doubt is not None and "spread" in self.observation_uncertainty
                ensemble = fit(draw=doubt.draw if doubt is not None and drawn else None)
                plain = fit() if drawn else None
            away = np.isfinite(ensemble.left_out)
            if away.any():
                spreads[flux] = fit_spread(
                    target[rows][away], ensemble.left_out[away], groups[away]
                )
                if doubt is not None:
                    shares[flux] = decompose(
                        doubt, ensemble, plain, x[rows], base[rows], spread=spreads[flux],
                        groups=groups, sampling=sampling,
                    )  # fmt: skip
            ensemble.left_out = np.empty(0)
            ensembles[flux] = ensemble
        made_by = {flux: str(fluxes[flux].attrs.get("model", "")) for flux in self.fluxes}
        self.refinement_ = Refinement(
            features, expanded, codes, ensembles, spreads, self.closure, made_by,
            {"observation_uncertainty": shares} if shares else {},
        )  # fmt: skip
        self.feature_names_in_ = np.array([feature.name for feature in features])
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
        unknown = [flux for flux in self.fluxes if flux not in _FLUXES]
        if unknown or not self.fluxes:
            raise InputError(f"fluxes={self.fluxes!r}; expected some of {', '.join(_FLUXES)}")
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

    def _errors(self, observed: xr.Dataset) -> Errors | None:
        """Return what is known of the errors of observations, when it is asked for."""
        if not self.observation_uncertainty:
            return None
        terms = error_terms(observed)
        require_uncertainties(terms, self.fluxes)
        plain = {
            flux: {
                cause: _plain(array, observed, f"{cause} uncertainty of {flux}")
                for cause, array in held.items()
            }
            for flux, held in terms.items()
        }
        return Errors(plain, int(self.seed))

    def _features(self, drivers: xr.Dataset) -> tuple[Feature, ...]:
        if self.features is not None:
            parsed = tuple(parse(name) for name in self.features)
            if not parsed:
                raise InputError("features is empty; name at least one")
            return parsed
        return tuple(
            feature
            for feature in map(parse, DEFAULT_FEATURES)
            if feature.source.endswith("_baseline") or find(drivers, feature.source) is not None
        )


def _towers(ds: xr.Dataset, called: str) -> xr.Dataset:
    if not {"site", "time"} <= set(ds.dims):
        raise InputError(
            f"{called} have the dims {tuple(ds.dims)}; a refinement is fitted to towers, with the "
            "dims (site, time)"
        )
    return ds


def _plain(array: xr.DataArray, like: xr.Dataset, name: str) -> Floats:
    """Return values (site, time) at the sites and times of the observations."""
    for dim in {"site", "time"} & set(array.indexes) & set(like.indexes):
        if not array.indexes[dim].equals(like.indexes[dim]):
            raise InputError(
                f"{dim} of {name} and of the observations differ; select the same in both, with "
                "xr.align(drivers, observed)"
            )
    other = [dim for dim in array.dims if dim not in ("site", "time")]
    if other:
        raise InputError(f"{name} has the dims {array.dims}; expected site and time alone")
    sizes = {dim: like.sizes[dim] for dim in ("site", "time") if dim not in array.dims}
    whole = array.expand_dims(sizes).transpose("site", "time")
    values = np.asarray(whole.values, np.float64)
    if np.isinf(values).any():
        raise InputError(f"{name} holds infinite values; set them to NaN with .where(np.isfinite)")
    return values


def _target(observed: xr.Dataset, flux: str) -> Floats:
    plan = resolve(observed, {flux: f"fluxes=(..., {flux!r}) of the refinement"})
    return _plain(materialise(plan, flux), observed, flux)


def _check_rows(target: Floats, site: NDArray[np.int64], flux: str) -> None:
    sites = np.unique(site).size
    words = variables[flux].long_name
    if target.size < _RECORDS or sites < _SITES:
        raise InputError(
            f"{flux} ({words}) has {target.size} records of {sites} site(s) with a baseline; "
            f"expected at least {_RECORDS} of {_SITES}. Leave it out with fluxes=, or look for "
            "what is missing"
        )
    if np.ptp(target) < 1e-12:
        raise InputError(f"{flux} is {target[0]:g} throughout; there is nothing to learn")
