"""`DualConstraintNetwork`: one model of NEE that towers and the atmosphere train together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from xflux.errors import InputError
from xflux.labels.attach import generated
from xflux.learning.torch_session import require_torch
from xflux.regional.bridge import RegionalBridge
from xflux.regional.dual_apply import FittedDual, apply
from xflux.regional.dual_bridges import checked, grid_of, refitted, warn_of_decoupled
from xflux.regional.dual_constraint import Constraint, constraint_of
from xflux.regional.dual_data import Member
from xflux.regional.dual_file import read, write
from xflux.regional.dual_fitted import fitted_of
from xflux.regional.dual_history import history_of
from xflux.regional.dual_inputs import chosen, span_of, tower_table
from xflux.regional.dual_members import trained
from xflux.regional.dual_options import design_of
from xflux.regional.dual_splits import splits

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DualConstraintNetwork"]

_NAME = "DualConstraintNetwork"


class DualConstraintNetwork(BaseEstimator):
    """Networks of NEE that towers and regional inversions train together (EC-ATM).

    A network trained on towers alone puts the sink of the land far off, as towers are few where
    most carbon is exchanged. Inversions know the regions and nothing of their inside. Trained by
    both, through bridges of few pixels, a network keeps the towers and meets the regions.

    Parameters
    ----------
    hidden : sequence of int
        Units of the layers (ReLU).
    weighting : "kendall" or (float, float)
        Weigh the losses of towers and atmosphere by uncertainties that are learned, or by fixed
        weights.
    norm : float
        Power of the misfit to the ensemble of inversions; 3: of several misfits the largest
        counts most.
    folds : int
        Members: each never sees one fold of the towers, and is scored by it; with `patience`
        another stops its training.
    seed : int
        The same seed gives the same model; the first weights are the same with and without the
        atmosphere.
    features : sequence of str, optional
        Drivers of the step, or with ``_cycle``, ``_anomaly``, ``_site``; see
        `xflux.learning.features`. None: common drivers that towers and grid both hold.
    root : bool
        Take the root of the norm, which makes the misfit a distance. Without it large misses of
        single months count far more.
    held_years : int or sequence of int
        Years whose inversions no member sees, by which the atmosphere is scored (towers train in
        these too). None are held of a span below five years.
    epochs, rate, batch : int, float, int
        Epochs, step of Adam at the start (it falls along a cosine), and rows of towers in a step.
    patience : int, optional
        Stop after so many epochs without a gain at towers and years, and keep the best epoch; the
        next fold and as many years as are held are kept back for it. None: train to the end, on
        all of them. Towers that are biased stop it before the atmosphere is met.
    dropout : float
        Share of the units that are left out of each step for towers, so that sites are not
        learned by heart.
    check_every : int
        Epochs between looks at the bridges.

    Attributes
    ----------
    members_ : tuple of Member
    history : Dataset
        Losses (member, epoch).
    out_of_fold_ : DataArray (site, time)
        NEE of each tower by the member that never saw it; not kept in files.
    away_years_ : tuple of int
        Years whose inversions no member saw.
    bridge_ : RegionalBridge
        Of the trained field, where bridges were made anew, fitted when first asked for (reads the
        pixels of the regions); else the one given.
    feature_names_in_ : ndarray of str

    Notes
    -----
    Upton et al. (2024), doi:10.5194/acp-24-2555-2024, eqs 4 to 14, with decisions where they are
    silent; see `xflux.regional.dual_losses` and `xflux.regional.dual_training`. A step of training
    takes a batch of towers and a whole year of every region.

    A network that is constrained at few pixels learns to please these. Bridges are therefore made
    anew while it trains, of other pixels and of the field as it then is (``rebridge`` of `fit`);
    the paper trains through fixed ones, and drops what goes astray by hand.

    Fitting needs torch, predicting does not.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (64, 64, 64),
        weighting: str | tuple[float, float] = "kendall",
        norm: float = 3,
        folds: int = 10,
        seed: int = 0,
        features: Sequence[str] | None = None,
        root: bool = True,
        held_years: int | Sequence[int] = 2,
        epochs: int = 160,
        rate: float = 1e-3,
        batch: int = 1024,
        patience: int | None = None,
        dropout: float = 0.2,
        check_every: int = 5,
    ) -> None:
        self.hidden = hidden
        self.weighting = weighting
        self.norm = norm
        self.folds = folds
        self.seed = seed
        self.features = features
        self.root = root
        self.held_years = held_years
        self.epochs = epochs
        self.rate = rate
        self.batch = batch
        self.patience = patience
        self.dropout = dropout
        self.check_every = check_every

    def fit(
        self,
        tower_drivers: xr.Dataset,
        tower_nee: xr.Dataset | xr.DataArray,
        *,
        drivers: xr.Dataset | None = None,
        inversions: xr.DataArray | xr.Dataset | None = None,
        bridge: RegionalBridge | None = None,
        rebridge: bool = True,
        ensemble: xr.DataArray | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str | None = None,
        progress: bool = True,
    ) -> DualConstraintNetwork:
        """Fit to towers, and to inversions where these are given with drivers and bridge.

        Reads the towers, the inversions, and of the grid the contributing pixels and, unless
        ``check_every=0``, up to 1,000 pixels of each region.

        Parameters
        ----------
        tower_drivers, tower_nee : Dataset, or DataArray of NEE
            Dims (site, time), gaps as NaN.
        drivers : Dataset, optional
            The same drivers on the grid of the bridge, lazy or not. Without inversions they only
            say which default features the grid holds too, so that both fits have the same.
        inversions : DataArray or Dataset, optional
            (inversion, region, time), amounts of carbon per month, as `xflux.open_inversions`
            returns them; of the flux of the towers (``flux_definition``). Regions of the bridge
            that they lack are not constrained.
        bridge : RegionalBridge, optional
            Fitted, best to NEE of this network trained by towers alone.
        rebridge : bool
            Make bridges anew while training, every `check_every` epochs; False: keep them, and
            warn where they hold no more.
        ensemble : DataArray, optional
            The whole ensemble, where `inversions` are some of it: its range scales the misfit.
        checkpoint : path, optional
            Folder in which each member is kept as it is done; a fit that was interrupted goes on
            from there, to the same result.
        device : str, optional
            Of torch; None: an accelerator where there is one, else the CPU. The last digits depend
            on it.
        progress : bool
            Show a bar of members on a terminal.

        Returns
        -------
        DualConstraintNetwork
            Itself.

        Raises
        ------
        InputError
            For fewer sites than folds, years or regions that do not match, unlike definitions,
            missing drivers, and options that do not fit.
        GridMismatchError
            For drivers on another grid than the bridge.
        ImportError
            Without torch.

        Warns
        -----
        XfluxWarning
            Where bridges do not hold at the last look.
        """
        require_torch()
        import torch

        given = {"drivers": drivers, "inversions": inversions, "bridge": bridge}
        absent = [name for name, one in given.items() if one is None]
        if absent and not (inversions is None and bridge is None):
            raise InputError(
                f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} missing: the "
                "atmosphere needs drivers, inversions and bridge; towers alone need none of them"
            )
        if bridge is not None and not isinstance(bridge, RegionalBridge):
            raise InputError(
                f"bridge is a {type(bridge).__name__}; expected a fitted xflux.RegionalBridge"
            )
        design = design_of(self)
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        features = chosen(self.features, tower_drivers, drivers)
        table = tower_table(tower_drivers, tower_nee, features)
        constraint = Constraint()
        if drivers is not None and inversions is not None and bridge is not None:
            constraint = constraint_of(
                bridge, drivers, inversions, ensemble, table, features, seed=self.seed,
                looks=bool(self.check_every), rebridge=rebridge, needed_by=_NAME,
            )  # fmt: skip
        parts = splits(
            table.rows.site, self.folds, constraint.years, self.held_years, self.seed,
            stops=self.patience is not None,
        )  # fmt: skip
        of_bridge = None if bridge is None else sorted(bridge.get_params().items())
        options = sorted(self.get_params().items(), key=str)
        members = trained(
            design, parts, table.rows, constraint, seed=self.seed, checkpoint=checkpoint,
            said=f"{options} {[f.name for f in features]} {rebridge} {of_bridge}", device=device,
            progress=progress,
        )  # fmt: skip
        said = {
            "model": _NAME,
            "refinement": "towers alone" if bridge is None else "towers and atmosphere",
            "flux_definition": table.nee.attrs["flux_definition"],
            "synthetic": generated([table.nee, *tower_drivers.data_vars.values()]),
        }
        span = float("nan") if drivers is None else span_of(drivers)
        self.fitted_, self.out_of_fold_ = fitted_of(
            members, features, tuple(self.hidden), table, said, constraint.spread, span
        )
        self.members_ = members
        self.feature_names_in_ = np.array([feature.name for feature in features])
        self.away_years_ = members[0].split.away_years
        self._given = {
            "towers": (tower_drivers, tower_nee), "drivers": drivers,
            "inversions": constraint.inversions,
            "bridge": bridge, "rebridge": rebridge, "device": device,
        }  # fmt: skip
        self._refitted: RegionalBridge | None = None
        warn_of_decoupled(self.members_, anew=rebridge, stacklevel=2)
        return self

    @property
    def bridge_(self) -> RegionalBridge:
        """Bridge of the trained field."""
        self._fitted()
        given = getattr(self, "_given", {})
        bridge, drivers = given.get("bridge"), given.get("drivers")
        if bridge is None or drivers is None:
            raise AttributeError(
                "there is no bridge: the model was loaded, or trained by towers alone; give one"
            )
        if not (given["rebridge"] and self.check_every):
            return bridge
        if self._refitted is None:
            self._refitted = refitted(bridge, self.apply(drivers).assign(grid_of(drivers)))
        return self._refitted

    def apply(
        self, ds: xr.Dataset, *, interval: float | None = None, members: bool = False
    ) -> xr.Dataset:
        """Return NEE, lazily; see `xflux.refine`.

        Parameters
        ----------
        ds : Dataset
            Drivers, on any dims, with all months: features with ``_site``, ``_cycle`` and
            ``_anomaly`` are means over the months that are given, so that single years of a grid
            give another NEE than all of it.
        interval : float, optional
            Share of the records of a tower that was not seen that ``nee_lower`` to ``nee_upper``
            hold; of one width everywhere.
        members : bool
            Return every member along ``member``.

        Returns
        -------
        Dataset
            ``nee`` [g m-2 d-1]; NaN where a driver is missing.
        """
        return apply(self._fitted(), ds, interval=interval, members=members)

    def check_bridge(self, ds: xr.Dataset, bridge: RegionalBridge | None = None) -> xr.Dataset:
        """Tell whether the bridge holds for the NEE of this network; lazy where `ds` is.

        Parameters
        ----------
        ds : Dataset
            Drivers on the grid of the bridge.
        bridge : RegionalBridge, optional
            None: `bridge_`; with `rebridge` that is fitted to this very field, and holds there. How
            those held that the atmosphere was met by, `history` tells.

        Returns
        -------
        Dataset
            As of `RegionalBridge.validate`; ``decoupled`` also where the mean error of a month is
            more than half the range of the inversions.
        """
        bridge = bridge or getattr(self, "bridge_", None)
        if bridge is None:
            raise InputError("there is no bridge to check; give one as bridge=")
        return checked(bridge, self.apply(ds).assign(grid_of(ds)), self._fitted().spread)

    @property
    def history(self) -> xr.Dataset:
        """Losses of each member and epoch, NaN after its last."""
        return history_of(self._members())

    def sensitivity(
        self, subsets: Sequence[int | str] = (1, 2, 3, "all"), *, draws: int = 3
    ) -> xr.Dataset:
        """Fit again to some of the inversions: one against many.

        Parameters
        ----------
        subsets : sequence of int or "all"
            How many inversions at a time: 1 is each alone, more are some of their combinations.
        draws : int
            Combinations of each size.

        Returns
        -------
        Dataset
            ``nee`` and ``target`` (subset, region, time) [Pg per month]; ``bias`` and ``rmse``
            (subset, region) against the inversions fitted to, ``bias_all`` and ``rmse_all``
            against all.

        Raises
        ------
        InputError
            Without the data of a fit to inversions, as after `load`.
        """
        from xflux.regional.dual_sensitivity import sensitivity

        given = getattr(self, "_given", None)
        if given is None or given["inversions"] is None:
            raise InputError(
                "sensitivity fits again, and needs the data of the fit, which a loaded model or "
                "one of towers alone does not have; call fit with inversions first"
            )
        return sensitivity(self, given, subsets, draws)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the fitted model to one file, by convention ``.safetensors``; no pickle.

        The bridge is not among it: keep it by ``model.bridge_.save(path)``.
        """
        parameters = self.get_params(deep=False)
        for name in ("hidden", "features", "weighting", "held_years"):
            value = parameters[name]
            parameters[name] = None if value is None else np.asarray(value).tolist()
        return write(path, self._fitted(), self._members(), parameters)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> DualConstraintNetwork:
        """Read a model that `save` has written.

        Raises
        ------
        FileFormatError
            When the file is truncated, was changed, is of a newer version or of another model.

        Notes
        -----
        What the towers were predicted to have (`out_of_fold_`) and the bridge are not in the file.
        """
        fitted, members, parameters = read(path)
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in parameters.items()
        }
        model = cls(**plain)
        model.fitted_, model.members_ = fitted, members
        model.feature_names_in_ = np.array([feature.name for feature in fitted.features])
        model.away_years_ = members[0].split.away_years
        return model

    def _fitted(self) -> FittedDual:
        fitted: FittedDual | None = getattr(self, "fitted_", None)
        if fitted is None:
            raise InputError(
                f"this {_NAME} is not fitted; call fit(tower_drivers, tower_nee, ...) first, or "
                "load one"
            )
        return fitted

    def _members(self) -> tuple[Member, ...]:
        self._fitted()
        return self.members_
