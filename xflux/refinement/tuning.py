"""Choose the parameters of a refinement on sites left out, inside whatever it is fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from xflux.errors import InputError
from xflux.progress_bar import progress_bar
from xflux.refinement.estimator import TowerEstimator

if TYPE_CHECKING:
    import xarray as xr

    from xflux.refinement.residual import ResidualModel

__all__ = ["TunedModel"]

#: What must be one for all that is compared.
_FIXED = ("fluxes", "baseline")


class TunedModel(TowerEstimator):
    """Fit a refinement with those of some parameters that predict left-out sites best.

    All that is chosen is chosen inside `fit`, from what it is given. So in `cross_validate`
    the search is done anew without each fold, and the score is that of the search and the
    model together (nested cross-validation: Varma and Simon 2006, BMC Bioinformatics 7, 91).

    Parameters
    ----------
    model : ResidualModel
        What is tuned; its other parameters stay as they are.
    grid : mapping of str to sequence
        Values to choose from by name of a parameter, such as
        ``{"learner": ["xgboost", "kernel"], "members": [5, 10]}``.
    budget : int
        Combinations that are tried, drawn from the grid without replacement; all, in the order
        of the grid, where it has no more. Each is fitted once a fold, and the best once more.
    splitter : optional
        Folds inside the fit, as of `ResidualModel.cross_validate`; None would leave each site
        out.
    seed : int
        Of the draw.

    Attributes
    ----------
    model_ : ResidualModel
        Fitted to all that was given, with the best parameters.
    best_ : dict
        These parameters.
    trials_ : Dataset
        Dims (trial, flux): ``r2_nse`` out of fold [1], on the records that every trial
        predicts; ``score``, its mean over fluxes, which decides; ``parameters``, as text.

    Notes
    -----
    The searches of scikit-learn index rows of an array and score what `predict` returns; here
    rows are (site, time) of a Dataset, and several fluxes are predicted together. What draws
    the combinations is theirs.

    Examples
    --------
    >>> import xflux
    >>> drivers, observed = xflux.twin.Earth(start="2001", end="2001", seed=1).towers(n=24)
    >>> tuned = TunedModel(
    ...     xflux.ResidualModel(learner="kernel", members=2, fluxes=("le",)),
    ...     grid={"columns": [0.5, 1.0]},
    ...     splitter=3,
    ... ).fit(drivers, observed)
    >>> sorted(tuned.best_), tuned.trials_.sizes["trial"]
    (['columns'], 2)
    """

    def __init__(
        self,
        model: ResidualModel,
        grid: Mapping[str, Sequence[Any]],
        budget: int = 8,
        splitter: Any = 5,
        seed: int = 0,
    ) -> None:
        self.model = model
        self.grid = grid
        self.budget = budget
        self.splitter = splitter
        self.seed = seed

    @property
    def fluxes(self) -> Sequence[str]:
        """Fluxes that are refined."""
        return self.model.fluxes

    @property
    def baseline(self) -> Mapping[str, Any] | None:
        """Models of the baseline."""
        return self.model.baseline

    @property
    def refinement_(self) -> Any:
        """What the best model was fitted to; not there before `fit`."""
        return self.model_.refinement_

    def fit(
        self, drivers: xr.Dataset, observed: xr.Dataset, *, progress: bool = True
    ) -> TunedModel:
        """Search, and fit with what was best; reads all.

        Parameters
        ----------
        drivers, observed : Dataset
            Dims (site, time), as of `ResidualModel.fit`.
        progress : bool
            Show a bar of trials on a terminal, where tqdm is installed.

        Returns
        -------
        TunedModel
            Itself.

        Raises
        ------
        InputError
            When the grid names what is no parameter, or what all must share; and as of
            `ResidualModel.fit`. A model that was fitted before stays as it was.
        """
        combinations = self._combinations()
        predictions = []
        with progress_bar(len(combinations), label="tuning", unit="trial", show=progress) as tell:
            for chosen in combinations:
                validated = (
                    clone(self.model)
                    .set_params(**chosen)
                    .cross_validate(
                        drivers, observed, splitter=self.splitter, interval=None, progress=False
                    )
                )
                predictions.append(validated.sel(estimate="refined"))
                tell()
        trials = _compare(observed, predictions, combinations)
        scores = trials["score"].values
        if np.isnan(scores).all():
            raise InputError(
                "no combination of the grid can be scored: in no flux do the records that all of "
                "them predict vary"
            )
        best = combinations[int(np.nanargmax(scores))]
        model = clone(self.model).set_params(**best).fit(drivers, observed, progress=False)
        self.model_, self.best_, self.trials_ = model, best, trials
        return self

    def apply(
        self, ds: xr.Dataset, *, interval: float | None = None, members: bool = False
    ) -> xr.Dataset:
        """Return refined fluxes, lazily; see `xflux.refine`."""
        if not hasattr(self, "model_"):
            raise InputError("this TunedModel is not fitted; call fit(drivers, observed) first")
        return self.model_.apply(ds, interval=interval, members=members)

    def _combinations(self) -> list[dict[str, Any]]:
        from sklearn.model_selection import ParameterGrid, ParameterSampler

        known = self.model.get_params(deep=False)
        for name, values in self.grid.items():
            if name not in known or name in _FIXED:
                tunable = ", ".join(key for key in known if key not in _FIXED)
                raise InputError(f"grid names {name!r}; what can be tuned is {tunable}")
            if isinstance(values, str) or not isinstance(values, Sequence) or not values:
                raise InputError(f"grid[{name!r}] is {values!r}; expected a list of values")
        if not self.grid:
            raise InputError("grid is empty; name at least one parameter, and values of it")
        if not isinstance(self.budget, int) or self.budget < 1:
            raise InputError(f"budget={self.budget!r}; expected a number from 1 on")
        whole = ParameterGrid(dict(self.grid))
        if len(whole) <= self.budget:
            return list(whole)
        return list(ParameterSampler(dict(self.grid), self.budget, random_state=self.seed))


def _compare(
    observed: xr.Dataset, predictions: list[xr.Dataset], combinations: list[dict[str, Any]]
) -> xr.Dataset:
    """Score all on the records that every one predicts."""
    import xarray as xr

    from xflux.skill.evaluate import evaluate

    together = xr.concat(predictions, "trial", combine_attrs="drop_conflicts", join="exact")
    together = together.where(together.notnull().all("trial")).drop_vars("estimate")
    for flux in together:
        together[flux].attrs = predictions[0][flux].attrs
    scores = evaluate(observed, together, variables=[str(flux) for flux in together])
    r2 = scores["r2_nse"].transpose("trial", "flux")
    mean = r2.mean("flux").assign_attrs(long_name="Mean over fluxes of r2_nse", units="1")
    said = [", ".join(f"{key}={value!r}" for key, value in each.items()) for each in combinations]
    return xr.Dataset({"r2_nse": r2, "score": mean, "parameters": ("trial", said)})
