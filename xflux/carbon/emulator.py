"""`AllocationEmulator`: what land models say of where carbon goes, learned as bounded fractions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator

from xflux.carbon.emulation import Emulation
from xflux.carbon.training import training
from xflux.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["AllocationEmulator"]


class AllocationEmulator(BaseEstimator):
    """Learn fractions and turnover times from land models: never fluxes or stocks.

    Of uptake the share that plants respire (Ra / GPP), of respiration that of soils (Rh / RECO),
    how NPP and the carbon of plants divide into leaves, wood and roots, and how many years of NPP
    plants, litter and soil hold. Whatever is predicted, carbon is conserved.

    Parameters
    ----------
    learner : {"blend", "xgboost", "lightgbm", "kernel", "smartforest"} or regressor of scikit-learn
        Learns what the mean of a land cover class leaves, for each fraction. The default is the
        mean of boosted trees and of a kernel ridge regression, which is smooth; for what has a
        value each month, trees alone.
    quantiles : tuple of float
        Of the models of an ensemble: each is a scenario of its own beside the mean.
    features : tuple of str, optional
        Canonical names of drivers, and ``"lat"``, ``"lon"``; None: what `drivers` hold of the
        default. GPP is always one. A variable with months counts by mean, lowest and highest of
        its year, and for months also by the month and the one before.
    split : {"block", "random"}
        How cells are left out for `validation`: by blocks, or at random as in the paper, which
        leaves neighbours on both sides.
    seed : int
        Of folds, draws and learners.
    form : {"fraction", "ratio"}
        ``"ratio"`` learns the free ratios of the paper's eq. 16, each for itself, which conserve
        nothing: it is there to show what that breaks.
    block : float
        Degrees of a block.
    folds : int
        Of the validation.
    cells : int
        Cells that are read, drawn at random where there are more.
    rows : int
        Rows that one model is fitted to, drawn at random where there are more.

    Attributes
    ----------
    validation : Dataset
        Scores at cells left out: by variable and scenario ``r2_pearson``, ``r2_nse``, ``nrmse``
        and others with those of the means of land cover classes beside them (``null_...``);
        ``fraction_skill``, of the fraction itself against these means; by class, season and cell.
    held_out : Dataset
        What the scores of the mean are made of, dims (estimate, cell, year, step). Not there
        after `load`.
    emulation_ : Emulation
        What was learned.

    Notes
    -----
    Fractions of the mean of the ensemble are ratios of means over models, so that they give the
    mean of the fluxes; quantiles are taken of the fractions of the models. Fractions are learned
    as logits, shares that add up to 1 as log-ratios (and come back by a softmax), turnover times
    as logarithms, scaled so that stocks left out add up to those of the reference (Duan 1983,
    J. Am. Stat. Assoc. 78, 605). Turnover of litter and soil goes by the mean of the drivers over
    the years, and changes along a line of CO2 for each land cover, fitted within places; all else
    goes by the weather of a year. CO2 beyond that of the years of the fit counts as the nearest.
    cRoot is trained as cVeg - cLeaf - cWood.

    References
    ----------
    Zhu et al. (2026), doi 10.1016/j.agrformet.2026.111197, section 2.4.

    Examples
    --------
    >>> import xflux
    >>> earth = xflux.twin.Earth(resolution=30.0, start="2001", end="2003")
    >>> emulator = xflux.AllocationEmulator(quantiles=(), folds=2)
    >>> emulator = emulator.fit(earth.drivers, earth.land_models(n=4))
    >>> emulator.validation["r2_pearson"].sel(variable="ra", scenario="mean").item() > 0.5
    True
    """

    def __init__(
        self,
        learner: Any = "blend",
        quantiles: Sequence[float] = (0.25, 0.75),
        features: Sequence[str] | None = None,
        split: Literal["block", "random"] = "block",
        seed: int = 0,
        *,
        form: Literal["fraction", "ratio"] = "fraction",
        block: float = 10.0,
        folds: int = 5,
        cells: int = 4000,
        rows: int = 50_000,
    ) -> None:
        self.learner = learner
        self.quantiles = quantiles
        self.features = features
        self.split = split
        self.seed = seed
        self.form = form
        self.block = block
        self.folds = folds
        self.cells = cells
        self.rows = rows

    def fit(
        self,
        drivers: xr.Dataset,
        reference: xr.Dataset,
        *,
        names: Mapping[str, str] | None = None,
        progress: bool = True,
    ) -> AllocationEmulator:
        """Learn from land models, and score what was learned at cells left out.

        Reads the values of at most `cells` cells.

        Parameters
        ----------
        drivers : Dataset
            Climate and vegetation on the grid of the reference, by months, or of a mean year.
        reference : Dataset
            Fluxes gpp, ra (or npp), rh and pools cVeg, cLeaf, cWood, cRoot, cLitter, cSoil of
            land models, those that there are, and nppLeaf, nppWood, nppRoot; CMIP or canonical
            names, any unit that converts. Dims (model, time, lat, lon); pools by `year`. Without
            `model` there are no quantiles, without time it is a mean year.
        names : mapping, optional
            Explicit names of drivers.
        progress : bool
            Show a bar on a terminal.

        Raises
        ------
        MissingVariableError, UnitsError
            For what is missing or of another unit.
        GridMismatchError
            When both are not on one grid.
        InputError
            For a parameter that is none, negative pools, no year in common, or nothing that grows.
        """
        from xflux.carbon.emulator_fit import cross_fitted

        self._check()
        data = training(
            drivers, reference, features=self.features, names=names, cells=self.cells,
            seed=self.seed,
        )  # fmt: skip
        self.emulation_, self.validation, self.held_out = cross_fitted(
            self, data, progress=progress
        )
        return self

    def pool_parameters(
        self, ds: xr.Dataset, *, names: Mapping[str, str] | None = None
    ) -> xr.Dataset:
        """Return what `xflux.simulate_pools` needs, as the mean of the land models has it.

        Parameters
        ----------
        ds : Dataset
            gpp and the drivers that were learned from.
        names : mapping, optional
            Explicit names.

        Returns
        -------
        Dataset
            Lazy where `ds` is, by `year`: npp_to_leaf, npp_to_wood, npp_to_root, litter_to_soil
            [1]; tau_leaf, tau_wood, tau_root, tau_litter, tau_soil [years]. At steady state they
            hold what `xflux.allocate` says: ``tau_leaf = leaf_share turnover_veg / npp_to_leaf``
            and so on. Shares of NPP are those of the literature where the models delivered none,
            and so is litter_to_soil.

        Raises
        ------
        InputError
            When turnover of vegetation, litter or soil was not learned.
        """
        from xflux.carbon.emulated_parameters import emulated_parameters

        return emulated_parameters(fitted_of(self), ds, names)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the fitted emulator to one file of safetensors, without pickle.

        `validation` is kept; `held_out`, the predictions at cells left out, is not: keep it by
        ``emulator.held_out.to_netcdf(path)``.
        """
        from xflux.carbon.emulator_file import write

        return write(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> AllocationEmulator:
        """Read an emulator that `save` wrote.

        Raises
        ------
        FileFormatError
            When it is none, truncated or edited.
        """
        from xflux.carbon.emulator_file import read

        emulation, validation, parameters = read(path)
        made = cls(**parameters)
        made.emulation_, made.validation = emulation, validation
        return made

    def __getattr__(self, name: str) -> Any:
        # Only of what is not there: say why what fitting makes is not.
        said = f"{type(self).__name__!r} object has no attribute {name!r}"
        if name in ("emulation_", "validation", "held_out"):
            said = f"{name} is made by fitting; call fit(drivers, reference) first"
            if "emulation_" in vars(self):
                said = (
                    f"{name} is not kept in files, and this emulator was loaded from one; fit it "
                    "again, with the same seed for the same, or keep it beside the file before: "
                    f"emulator.{name}.to_netcdf(path)"
                )
        raise AttributeError(said)

    def _check(self) -> None:
        for name, known in (("split", ("block", "random")), ("form", ("fraction", "ratio"))):
            if getattr(self, name) not in known:
                raise InputError(f"{name}={getattr(self, name)!r}; expected {' or '.join(known)}")
        quantiles = self.quantiles
        if isinstance(quantiles, str | float) or not all(0.0 < q < 1.0 for q in quantiles):
            raise InputError(
                f"quantiles={quantiles!r}; expected a tuple of numbers between 0 and 1, such as "
                "(0.25, 0.75), or () for the mean alone"
            )
        for name, least in (("folds", 2), ("cells", 10), ("rows", 10)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
                raise InputError(f"{name}={value!r}; expected a whole number from {least} on")
        if not 0.0 < self.block <= 90.0:
            raise InputError(f"block={self.block!r}; expected degrees, above 0 and up to 90")


def fitted_of(emulator: Any) -> Emulation:
    """Return what fitting left, or refuse."""
    fitted = getattr(emulator, "emulation_", None)
    if not isinstance(fitted, Emulation):
        raise InputError(
            f"{type(emulator).__name__} is not fitted; call fit(drivers, reference) first, or load "
            "one with AllocationEmulator.load(path)"
        )
    return fitted
