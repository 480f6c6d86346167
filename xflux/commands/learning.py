"""Learn from the towers of a run what its baseline misses, and try that on sites left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.commands.fluxes import FLUXES, Baseline
from xflux.commands.progress import Progress
from xflux.errors import InputError, XfluxError

if TYPE_CHECKING:
    import xarray as xr

    from xflux.refinement.folds import Fold
    from xflux.refinement.residual import ResidualModel

__all__ = ["Grounds", "Learned", "grounds_of", "learn"]


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a refinement can be learned of.

    Attributes
    ----------
    fluxes, features : tuple of str
    left_out : dict of str to str
        Fluxes and features that are not used, and why.
    """

    fluxes: tuple[str, ...]
    features: tuple[str, ...]
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned.

    Attributes
    ----------
    model : ResidualModel
        Fitted to all towers.
    validated : Dataset or None
        Out of fold, as of `ResidualModel.cross_validate`.
    folds : int
    left_out : dict of str to str
        Why there is no validation.
    """

    model: ResidualModel
    validated: xr.Dataset | None
    folds: int
    left_out: dict[str, str]


def grounds_of(
    towers: xr.Dataset, at_towers: Baseline, grid: xr.Dataset | None, on_grid: Baseline | None
) -> Grounds:
    """Tell which fluxes and features towers and grid both hold.

    Parameters
    ----------
    towers : Dataset
        Canonical, drivers and observations.
    at_towers : Baseline
        Of these towers.
    grid, on_grid : Dataset, Baseline, optional
        Canonical drivers that are to be refined, and their baseline.

    Returns
    -------
    Grounds

    Raises
    ------
    InputError
        When there is nothing to learn.
    """
    from xflux.learning.features import DEFAULT_FEATURES, parse
    from xflux.refinement.shared_features import common_features
    from xflux.refinement.tower_rows import held_features

    left_out: dict[str, str] = {}
    sides = [("towers", towers, at_towers)]
    if grid is not None and on_grid is not None:
        sides.append(("grid", grid, on_grid))
    for what, _, baseline in sides:
        absent = [flux for flux in ("gpp", "reco") if flux not in baseline.fluxes]
        if absent:
            raise InputError(
                f"a refinement starts from the baseline, and that of the {what} is without "
                f"{' and '.join(absent)}"
            )
    fluxes = []
    for flux in FLUXES:
        without = [what for what, _, made in sides if flux not in made.fluxes]
        if without:
            left_out[f"refined {flux}"] = f"the {without[0]} lack{'s' * (without[0] == 'grid')} it"
        elif not _paired(towers, at_towers, flux):
            left_out[f"refined {flux}"] = "the towers have no observations of it with a baseline"
        else:
            fluxes.append(flux)
    if not fluxes:
        raise InputError(f"there is no flux to learn: {left_out}")
    common = common_features(*(ds for _, ds, _ in sides))
    shared = {parse(name).source for name in common}
    features, dropped, forgotten = [], [], False
    for name in held_features(DEFAULT_FEATURES, towers):
        source = parse(name).source
        stem = source.removesuffix("_baseline")
        there = [stem == source or stem in made.fluxes for *_, made in sides]
        if not there[0]:
            continue
        if source not in shared or not all(there):
            dropped.append(source)
        elif name not in common:
            forgotten = True
        else:
            features.append(name)
    if dropped:
        names = ", ".join(dict.fromkeys(dropped))
        left_out[f"learning from {names}"] = "the towers hold it, but the grid does not"
    if forgotten:
        left_out["learning from the months before"] = (
            "the grid has no dates, or other time steps than the towers"
        )
    return Grounds(tuple(fluxes), tuple(features), left_out)


def _paired(towers: xr.Dataset, baseline: Baseline, flux: str) -> bool:
    if flux not in towers:
        return False
    return bool((towers[flux].notnull() & baseline.fluxes[flux].notnull()).any())


def learn(
    model: ResidualModel,
    drivers: xr.Dataset,
    observed: xr.Dataset,
    *,
    folds: int,
    progress: Progress,
) -> Learned:
    """Fit to all towers, and without each fold of whole sites.

    Parameters
    ----------
    model : ResidualModel
        Not fitted; stays as it is.
    drivers, observed : Dataset
        Dims (site, time), in memory.
    folds : int
        At most as many as there are sites.
    progress : Progress

    Returns
    -------
    Learned

    Raises
    ------
    InputError
        When there is too little to learn from.
    """
    from dask import delayed
    from sklearn.base import clone
    from threadpoolctl import threadpool_limits

    left_out: dict[str, str] = {}
    parts = _folds(observed, model.fluxes, folds)
    # Without bars of their own: that of all of them is the one to watch.
    tasks: list[Any] = [
        delayed(lambda: clone(model).fit(drivers, observed, progress=False), pure=False)()
    ]
    tasks += [
        delayed(_validated, pure=False)(_Held(model, drivers, observed, fold)) for fold in parts
    ]
    said = f"fitting to {observed.sizes['site']} towers, and {len(parts)} times without a fold"
    # Set once for all fits, which run beside each other.
    with threadpool_limits(1, "blas"), progress.computing(said) as compute:
        fitted, *found = compute(*tasks)
    reasons = [str(part) for part in found if isinstance(part, XfluxError)]
    if reasons or len(found) < 2:
        left_out["cross-validation"] = reasons[0] if reasons else "it takes two sites or more"
        return Learned(fitted, None, 0, left_out)
    whole = found[0]
    for part in found[1:]:
        whole = whole.assign({name: array.fillna(part[name]) for name, array in whole.items()})
    whole = whole.assign_attrs(validation=f"{len(parts)} folds of whole sites")
    generated = {
        flux: observed[flux].attrs["synthetic"]
        for flux in model.fluxes
        if "synthetic" in observed[flux].attrs
    }
    for name in whole:
        flux = str(name).split("_")[0]
        if flux in generated:
            whole[name].attrs["synthetic"] = generated[flux]
    return Learned(fitted, whole, len(parts), left_out)


@dataclass(frozen=True, slots=True, repr=False)
class _Held:
    """One fold and what is needed to try it; a splitter of that fold alone."""

    model: ResidualModel
    drivers: xr.Dataset
    observed: xr.Dataset
    fold: Fold

    def __repr__(self) -> str:
        """Say which fold; Datasets would fill pages."""
        return f"{type(self).__name__}({self.fold.name!r})"

    def folds(self, towers: xr.Dataset, there: Any) -> list[Fold]:
        return [self.fold]


def _folds(observed: xr.Dataset, fluxes: Sequence[str], folds: int) -> list[Fold]:
    from xflux.refinement.splits import BySite

    records = np.zeros((observed.sizes["site"], observed.sizes["time"]), bool)
    for flux in fluxes:
        records |= observed[flux].transpose("site", "time").notnull().values
    count = min(folds, int(records.any(axis=1).sum()))
    return BySite(count).folds(observed, records) if count > 1 else []


def _validated(held: _Held) -> xr.Dataset | XfluxError:
    """Predict one fold; a fold that leaves too little is a reason, not the end of the run."""
    try:
        return held.model.cross_validate(held.drivers, held.observed, splitter=held, progress=False)
    except XfluxError as error:
        return error
