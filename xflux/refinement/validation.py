"""How well a refinement predicts what it has not seen: every record out of its fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.attach import describe, generated
from xflux.labels.pipeline import materialise
from xflux.labels.resolve import resolve
from xflux.learning.features import BASELINES, based_on, parse
from xflux.learning.sources import with_net_radiation
from xflux.progress_bar import progress_bar
from xflux.refinement.baseline_fluxes import baseline_fluxes
from xflux.refinement.folds import Fold
from xflux.refinement.observation_uncertainty import uncertainty_variables
from xflux.refinement.splits import as_splitter

if TYPE_CHECKING:
    import xarray as xr

    from xflux.refinement.constrained_network import ConstrainedNetwork
    from xflux.refinement.residual import ResidualModel
    from xflux.refinement.tuning import TunedModel

__all__ = ["KNOWN_SITES", "cross_validate"]

#: What is said of folds that have a site on both sides.
KNOWN_SITES = "records of sites that are trained on as well"


def cross_validate(
    model: ResidualModel | ConstrainedNetwork | TunedModel,
    drivers: xr.Dataset,
    observed: xr.Dataset,
    *,
    groups: Any = "site",
    splitter: Any = None,
    interval: float | None = 0.9,
    jobs: int = 1,
    progress: bool = True,
) -> xr.Dataset:
    """Predict every record by a model that was fitted without its fold.

    Parameters
    ----------
    model : ResidualModel, ConstrainedNetwork or TunedModel
        Fitted anew for each fold, all of it: searches, features, lines, learners, weights and
        intervals; `model` itself stays as it is.
    drivers, observed : Dataset
        Dims (site, time).
    groups : {"site"}
        What is never divided between fitting and scoring.
    splitter : optional
        One of `xflux.refinement.splits`, a number of folds by site, or None: one fold a site.
    interval : float or None
        Share of the intervals ``<flux>_lower`` to ``<flux>_upper``.
    jobs : int
        Folds that are fitted at the same time, each in a process.
    progress : bool
        Show a bar of the folds, where stderr is a terminal and tqdm is installed.

    Returns
    -------
    Dataset
        Each flux with the dims of the towers and ``estimate`` ("baseline", "refined"), NaN
        where there is no record; intervals of the refined one. `xflux.evaluate` scores it,
        `xflux.report` shows it. Attributes: ``validation`` (the splitter), ``left_out``
        (whole sites, or not), ``model``, and ``interval``.
    """
    import xarray as xr
    from joblib import Parallel, delayed

    fluxes, mark = tuple(model.fluxes), generated(observed.data_vars.values())
    plan = resolve(observed, {flux: f"fluxes=(..., {flux!r}) of the model" for flux in fluxes})
    observed = observed.assign(
        {flux: describe(materialise(plan, flux), flux, synthetic=mark) for flux in fluxes}
    )
    records = np.zeros((observed.sizes["site"], observed.sizes["time"]), bool)
    for flux in fluxes:
        records |= observed[flux].transpose("site", "time").notnull().values
    splitter = as_splitter(groups, splitter)
    folds = splitter.folds(observed, records)
    if not folds:
        raise InputError("the splitter made no fold")
    drivers = with_net_radiation(drivers)
    wanted = (*fluxes, *based_on(map(parse, getattr(model, "features", None) or ())))
    base = baseline_fluxes(drivers, dict(model.baseline or {}), wanted).compute()
    seen = [flux for flux in BASELINES if flux in drivers and "model" not in drivers[flux].attrs]
    held = drivers.drop_vars(seen)
    held = held.assign({flux: base[flux] for flux in base})
    parts = []
    with progress_bar(len(folds), label="validating", unit="fold", show=progress) as tell:
        for part in Parallel(n_jobs=jobs, return_as="generator")(
            delayed(_fold)(model, held, observed, fold, interval) for fold in folds
        ):
            parts.append(part)
            tell()
    ends = () if interval is None else ("_lower", "_upper")
    names = [flux + end for end in ("", *ends) for flux in fluxes]
    whole = {name: np.full(records.shape, np.nan) for name in names}
    for fold, part in zip(folds, parts, strict=True):
        for name in names:
            whole[name][fold.test] = part[name]
    like = observed[fluxes[0]].transpose("site", "time")
    result = {}
    for flux in fluxes:
        first = base[flux].transpose("site", "time").where(records)
        both = xr.concat(
            [first.drop_attrs(), like.copy(data=whole[flux]).drop_attrs()],
            xr.Variable("estimate", ["baseline", "refined"]),
        )
        result[flux] = describe(both, flux, synthetic=mark)
        for end in ends:
            array = describe(
                like.copy(data=whole[flux + end]), flux, standard_name=None, synthetic=mark
            )
            result[flux + end] = array.rename(flux + end)
    known = any((fold.train.any(axis=1) & fold.test.any(axis=1)).any() for fold in folds)
    said: dict[str, Any] = {
        "validation": repr(splitter),
        "left_out": KNOWN_SITES if known else "whole sites",
        "model": repr(model),
    }
    if interval is not None:
        said["interval"] = interval
    return xr.Dataset(result).assign_attrs(said)


def _fold(
    model: ResidualModel | ConstrainedNetwork | TunedModel,
    drivers: xr.Dataset,
    observed: xr.Dataset,
    fold: Fold,
    interval: Any,
) -> dict[str, Any]:
    """Fit without a fold, and predict it."""
    import xarray as xr
    from sklearn.base import clone

    train = xr.DataArray(fold.train, dims=("site", "time"))
    sites = np.flatnonzero(fold.train.any(axis=1))
    told = [name for name in uncertainty_variables(observed) if name not in model.fluxes]
    seen = observed[[*model.fluxes, *told]].where(train).isel(site=sites)
    try:
        fitted = clone(model).fit(drivers.isel(site=sites), seen, progress=False)
    except InputError as error:
        raise InputError(
            f"fold {fold.name!r}, left out, leaves {sites.size} site(s) to fit to: {error}"
        ) from error
    there = np.flatnonzero(fold.test.any(axis=1))
    made = fitted.apply(drivers.isel(site=there), interval=interval)
    return {
        str(name): array.transpose("site", "time").values[fold.test[there]]
        for name, array in made.items()
    }
