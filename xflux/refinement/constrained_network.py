"""`ConstrainedNetwork`: learn fluxes from towers, and pay for breaking ecological laws."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.features import DEFAULT_FEATURES
from xflux.progress_bar import progress_bar
from xflux.refinement.calibration import calibrate
from xflux.refinement.ecological_losses import DIM
from xflux.refinement.estimator import TowerEstimator
from xflux.refinement.network import Network
from xflux.refinement.network_refinement import NetworkRefinement
from xflux.refinement.provenance import provenance
from xflux.refinement.tower_rows import (
    FLUXES,
    TowerRows,
    check_fluxes,
    check_target,
    driver_rows,
    tower_rows,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ConstrainedNetwork"]

#: Those of `ResidualModel`, of which light is PAR: its slope is what a law is about.
_DEFAULT = tuple(name.replace("swin", "par") for name in DEFAULT_FEATURES)
#: Without these, as far as they are features, a row says nothing; others may be missing.
_NEEDED = ("ta", "par", "swin", "fapar", "gpp_baseline", "reco_baseline")


class ConstrainedNetwork(TowerEstimator):
    """Learn fluxes from towers by networks that pay for breaking ecological laws.

    Parameters
    ----------
    hidden : sequence of int
        Units of the layers.
    nonnegative : {"hard", "soft"}
        GPP and RECO 0 or more by construction; or by a penalty, and cut off at 0 at last.
    mass, light, temperature : float
        Weights of the laws: NEE is RECO - GPP; GPP does not fall with light below 200 W m-2 of
        PAR; RECO does not fall with air temperature below `temperature_limit`. 0 leaves one out.
    night, negativity : float
        Weights of two more: no GPP in the dark; no negative GPP or RECO, with ``"soft"`` alone.
    temperature_limit : float
        degC.
    nee : {"head", "derived"}
        NEE of its own, which `mass` ties to RECO - GPP; or RECO - GPP itself, which `mass` then
        ties to what was observed.
    fluxes : sequence of str
        Of gpp, reco, nee and le.
    features : sequence of str, optional
        Such as ``("ta", "ta_lag1", "par", "fapar", "igbp", "gpp_baseline")``; see
        `xflux.learning.features`. None: those of `ResidualModel` that the drivers hold, with
        ``par`` in place of ``swin``.
    baseline : mapping of str to FluxModel, optional
        Models of gpp, reco and le; None: those of `xflux.baseline`.
    members : int
        Networks of the ensemble.
    rows : float
        Share of the sites that each member may see; below 1 there are intervals.
    closure : {"project", "none"}
        Whether gpp, reco and nee are reconciled so that ``nee = reco - gpp`` exactly.
    epochs, rate, batch, patience : int, float, int, int
        Longest training, step of Adam, rows of a step, and epochs without a gain at sites held
        out after which training stops.
    seed : int
        The same seed gives the same model.

    Attributes
    ----------
    refinement_ : NetworkRefinement
        What was fitted.
    feature_names_in_ : ndarray of str

    Notes
    -----
    ``L = sum_i L_data,i + sum_j lambda_j L_j`` (Zhu et al. 2026, UFLUX v2e,
    doi 10.1016/j.agrformet.2026.111197, eqs 10 to 15), each loss without units; see
    `xflux.refinement.ecological_losses`. A flux that was not observed is left out of its loss,
    so that a tower with NEE alone still teaches. Slopes are those by the light and temperature
    of the step itself, with all other features held. Monthly means of PAR hardly reach the 200
    W m-2 below which the law of light holds: by month it holds always.

    A row needs ``ta``, ``par`` (or ``swin``), ``fapar`` and the baselines of GPP and RECO, as far
    as they are features: without one it is left out of the fit, and predicted as NaN. Any other
    feature that is missing counts as its mean over the training rows.

    Fitting needs torch, predicting does not.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (64, 64, 64),
        nonnegative: Literal["hard", "soft"] = "hard",
        mass: float = 1.0,
        light: float = 0.1,
        temperature: float = 0.1,
        night: float = 0.0,
        negativity: float = 1.0,
        temperature_limit: float = 40.0,
        nee: Literal["head", "derived"] = "head",
        fluxes: Sequence[str] = FLUXES,
        features: Sequence[str] | None = None,
        baseline: Mapping[str, Any] | None = None,
        members: int = 10,
        rows: float = 0.8,
        closure: Literal["project", "none"] = "project",
        epochs: int = 200,
        rate: float = 1e-3,
        batch: int = 512,
        patience: int = 20,
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.nonnegative = nonnegative
        self.mass = mass
        self.light = light
        self.temperature = temperature
        self.night = night
        self.negativity = negativity
        self.temperature_limit = temperature_limit
        self.nee = nee
        self.fluxes = fluxes
        self.features = features
        self.baseline = baseline
        self.members = members
        self.rows = rows
        self.closure = closure
        self.epochs = epochs
        self.rate = rate
        self.batch = batch
        self.patience = patience
        self.seed = seed

    @classmethod
    def uflux(cls, **changes: Any) -> ConstrainedNetwork:
        """Return one with the laws and weights of the authors' code, and what else is given.

        Two layers of 64 units; penalties of negative GPP and RECO (1), of GPP in the dark (5),
        of RECO - GPP against the observed NEE (1) and of RECO that falls with warming below 30
        degC (0.2); none of GPP that falls with light. The losses themselves are ours: without
        units, and absolute where theirs is a square.
        """
        return cls(**{
            "hidden": (64, 64), "nonnegative": "soft", "mass": 1.0, "light": 0.0,
            "temperature": 0.2, "night": 5.0, "negativity": 1.0, "temperature_limit": 30.0,
            "nee": "derived", **changes,
        })  # fmt: skip

    def fit(
        self, drivers: xr.Dataset, observed: xr.Dataset, *, progress: bool = True
    ) -> ConstrainedNetwork:
        """Fit to towers; reads all of them.

        Parameters
        ----------
        drivers, observed : Dataset
            Dims (site, time), gaps as NaN; may be one Dataset.
        progress : bool
            Show a bar of members on a terminal, where tqdm is installed.

        Returns
        -------
        ConstrainedNetwork
            Itself.

        Raises
        ------
        InputError
            For too few sites, a target that is missing or constant, or options that do not
            fit. A model that was fitted before stays as it was.
        ImportError
            Without torch.
        """
        network = self._network()
        rows = tower_rows(
            drivers, observed, fluxes=self.fluxes, based=(), features=self.features,
            default=_DEFAULT, baseline=self.baseline, needed_by=type(self).__name__,
        )  # fmt: skip
        gpp, reco = "gpp" in self.fluxes, "reco" in self.fluxes
        needed = [k for k, feature in enumerate(rows.expanded) if feature.name in _NEEDED]
        whole = ~np.isnan(rows.x[:, needed]).any(axis=1) & ~np.isnan(rows.x).all(axis=1)
        for flux in network.design.heads:
            there = whole & np.isfinite(rows.target[flux])
            check_target(rows.target[flux][there], rows.site[there], flux)
        there = whole & np.any([np.isfinite(rows.target[flux]) for flux in self.fluxes], axis=0)
        x, site = rows.x[there], rows.site[there]
        target = {flux: rows.target[flux][there] for flux in self.fluxes}
        with progress_bar(self.members, label="fitting", unit="member", show=progress) as tell:
            network.fit(
                x,
                target,
                groups=site,
                light=_column(rows, "par", light=gpp * self.light, night=gpp * self.night),
                temperature=_column(rows, "ta", temperature=reco * self.temperature),
                needed=needed,
                tell=tell,
            )
        left_out = {
            flux: made.astype(np.float64)
            for flux, made in network.predict_left_out(x, site).items()
        }
        covariance, spreads = calibrate(
            target, left_out, site, close=self.closure == "project", net_gives_way=False,
            cover=None if rows.cover is None else rows.cover[there],
        )  # fmt: skip
        shape = (observed.sizes["site"], observed.sizes["time"])
        used = {
            flux: (whole & np.isfinite(rows.target[flux])).reshape(shape) for flux in self.fluxes
        }
        made = NetworkRefinement(
            rows.features, rows.expanded, rows.codes, {}, spreads, self.closure, rows.made_by,
            provenance(observed, used), covariance=covariance, network=network,
            errors=_errors(left_out, target, site),
        )  # fmt: skip
        self.refinement_ = made
        self.feature_names_in_ = np.array([feature.name for feature in rows.features])
        return self

    def broken_laws(self, drivers: xr.Dataset) -> dict[str, float]:
        """Tell how often and how far the mean of the networks breaks laws; reads all drivers.

        Before fluxes are cut off at 0 and closed. Needs torch.

        Parameters
        ----------
        drivers : Dataset
            Dims (site, time).

        Returns
        -------
        dict of str to float
            ``light``: share of the rows of PAR below 200 W m-2 in which dGPP/dPAR is negative.
            ``temperature``: share of those below `temperature_limit` in which dRECO/dTa is.
            ``mass``: mean size of NEE - (RECO - GPP), g m-2 d-1 of carbon. Laws whose fluxes and
            driver the model has.
        """
        from xflux.refinement.apply import fitted_of

        fitted = fitted_of(self)
        network: Network = self.refinement_.network
        values = driver_rows(drivers, fitted.features, self.baseline, type(self).__name__)
        x, usable = fitted.rows(values, 0)
        x = x[np.broadcast_to(usable, len(x))]
        names = [feature.name for feature in fitted.expanded]
        found: dict[str, float] = {}
        for law, flux, driver, limit in (
            ("light", "gpp", "par", DIM),
            ("temperature", "reco", "ta", self.temperature_limit),
        ):
            if flux in network.fluxes and driver in names:
                column = names.index(driver)
                slope = network.slopes(x, flux, column)
                within = (x[:, column] < limit) & np.isfinite(slope)
                found[law] = float((slope < 0.0)[within].mean()) if within.any() else 0.0
        made = network.predict(x)
        if {"gpp", "reco", "nee"} <= set(made):
            found["mass"] = float(np.nanmean(np.abs(made["nee"] - (made["reco"] - made["gpp"]))))
        return found

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the fitted model to one file, by convention ``.safetensors``; no pickle.

        Models of the baseline given to ``baseline=`` are not kept; give them again on loading.
        """
        from xflux.refinement.apply import fitted_of
        from xflux.refinement.store import write

        parameters = self.get_params(deep=False)
        parameters.pop("baseline")
        for name in ("hidden", "fluxes", "features"):
            parameters[name] = None if parameters[name] is None else list(parameters[name])
        return write(path, fitted_of(self), parameters)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, baseline: Mapping[str, Any] | None = None
    ) -> ConstrainedNetwork:
        """Read a model that `save` has written.

        Raises
        ------
        FileFormatError
            When the file is truncated, was changed, is of a newer version or of another model.
        """
        from xflux.refinement.store import read

        refinement, parameters = read(path, NetworkRefinement)
        model = cls(**parameters, baseline=baseline)
        model.refinement_ = cast(NetworkRefinement, refinement)
        model.feature_names_in_ = np.array([feature.name for feature in refinement.features])
        return model

    def _network(self) -> Network:
        """Return what is to be fitted, where options fit."""
        check_fluxes(self.fluxes)
        if self.closure not in ("project", "none"):
            raise InputError(f"closure={self.closure!r}; expected project or none")
        return Network(
            hidden=self.hidden, nonnegative=self.nonnegative, mass=self.mass, light=self.light,
            temperature=self.temperature, night=self.night, negativity=self.negativity,
            temperature_limit=self.temperature_limit, nee=self.nee, fluxes=self.fluxes,
            members=self.members, rows=self.rows, epochs=self.epochs, rate=self.rate,
            batch=self.batch, patience=self.patience, seed=self.seed,
        )  # fmt: skip


def _column(rows: TowerRows, name: str, **laws: float) -> int | None:
    """Return the column of the driver that laws are about; None where none of them counts."""
    acting = {law: weight for law, weight in laws.items() if weight > 0.0}
    if not acting:
        return None
    names = [feature.name for feature in rows.expanded]
    law, weight = next(iter(acting.items()))
    if name not in names:
        raise InputError(
            f"{law}={weight:g} is about the slope by {name}, which is no feature here; add "
            f"{name!r} to features, or set {law}=0"
        )
    if name == "par" and "swin" in names:
        raise InputError(
            f"features hold both swin and par, which are one light: {law}={weight:g} would punish "
            "the slope by one of them alone; leave out 'swin'"
        )
    return names.index(name)


def _errors(
    predicted: Mapping[str, Any], target: Mapping[str, Any], site: NDArray[np.int64]
) -> dict[str, float]:
    """Return the mean squared error of each flux, each site of one weight."""
    errors: dict[str, float] = {}
    for flux, made in predicted.items():
        there = np.isfinite(made) & np.isfinite(target[flux])
        if there.any():
            weight = 1.0 / np.bincount(site[there])[site[there]]
            squares = (made[there] - target[flux][there]) ** 2
            errors[flux] = float(np.average(squares, weights=weight))
    return errors
