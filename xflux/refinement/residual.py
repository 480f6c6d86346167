"""`ResidualModel`: learn from towers what the baseline misses."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
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
from xflux.refinement.layout import sequence_features
from xflux.refinement.learners import described, from_description, maker
from xflux.refinement.pixels import pixel_features
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
    learner : {"blend", "xgboost", "kernel", "smartforest"} or SmartForest4D
        What learns: a blend of boosted trees (XGBoost), extremely random trees and kernel ridge
        regression, weighted for each flux by what they predict of sites that they did not see;
        one of these alone; the cascade of forests of `xflux.refinement.cascade`; or a
        `SmartForest4D`, which also learns from sequences of drivers and from images.
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
        drivers, observed = _towers(drivers, "drivers"), _towers(observed, "observed")
        drivers = with_net_radiation(drivers)
        fluxes = baseline_fluxes(drivers, dict(self.baseline or {})).compute()
        features = self._with_inputs(self._features(drivers), drivers)
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
        ensembles, spreads = {}, {}
        for flux in self.fluxes:
            base = _plain(fluxes[flux], observed, flux).reshape(-1)
            target = _target(observed, flux).reshape(-1)
            rows = np.isfinite(target) & np.isfinite(base) & ~np.all(np.isnan(x), axis=1)
            _check_rows(target[rows], site[rows], flux)
            groups = np.unique(site[rows], return_inverse=True)[1].astype(np.int64)
            # Matrices are small, and threads that wait for each other cost more than they give.
            with threadpool_limits(1, "blas"):
                ensemble = fit_ensemble(
                    x[rows], base[rows], target[rows], groups=groups,
                    weight=np.ones(int(rows.sum())), features=kept, sampling=sampling,
                    make=lambda seed, seen: make(seed, [expanded[k] for k in seen]),
                    tell=lambda: None,
                )  # fmt: skip
            away = np.isfinite(ensemble.left_out)
            if away.any():
                spreads[flux] = fit_spread(
                    target[rows][away], ensemble.left_out[away], groups[away]
                )
            ensemble.left_out = np.empty(0)
            ensembles[flux] = ensemble
        made_by = {flux: str(fluxes[flux].attrs.get("model", "")) for flux in self.fluxes}
        self.refinement_ = Refinement(
            features, expanded, codes, ensembles, spreads, self.closure, made_by
        )
        self.feature_names_in_ = np.array([feature.name for feature in features])
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
        parameters["learner"] = described(self.learner)
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
        parameters["learner"] = from_description(parameters["learner"])
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

    def _with_inputs(
        self, features: tuple[Feature, ...], drivers: xr.Dataset
    ) -> tuple[Feature, ...]:
        """Add what the sequences and images of a learner are made of."""
        if isinstance(self.learner, str):
            return features
        series = sequence_features(self.learner.sequence, self.learner.steps)
        pixels = pixel_features(drivers, self.learner.image)
        return tuple(dict.fromkeys((*features, *series, *pixels)))


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
