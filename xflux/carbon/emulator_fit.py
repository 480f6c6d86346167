"""Fit an emulator, and predict every cell by models that did not see it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.emulation import CLASSES, Emulation, Scenario, Target, codes_of
from xflux.carbon.emulator_validation import HeldOut, held_out_dataset, validation_dataset
from xflux.carbon.fitting import Rows, fit_targets
from xflux.carbon.forms import LASTING, fractions_of, held_of, outputs_of, targets_of
from xflux.carbon.fractions import FRACTIONS, SPLITS, TIMES, Split, logit
from xflux.carbon.reference_fractions import MEAN, scenario_fractions, scenario_name
from xflux.carbon.stocks import stocks, yearly_mean
from xflux.errors import InputError
from xflux.learning.kernel_ridge import KernelRidge
from xflux.learning.learner import Learner
from xflux.learning.learners import Maker, maker
from xflux.progress_bar import progress_bar
from xflux.version import __version__

if TYPE_CHECKING:
    import xarray as xr

    from xflux.carbon.emulator import AllocationEmulator
    from xflux.carbon.training import Training

__all__ = ["cross_fitted", "makers_of"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

#: Errors of what was never left out, on the logit scale.
_NO_ERROR = 0.3
#: Kinds of rows: of the weather of a year, of the mean over years, and of each step.
YEAR, MEAN_YEAR, STEP = "year", "mean year", "step"


@dataclass(frozen=True)
class Learned:
    """What fitting one scenario leaves.

    Attributes
    ----------
    targets : mapping of str to Target
        Fitted to all cells.
    splits : mapping of str to Split
    predicted : mapping of str to ndarray (row,)
        Targets of each cell, by models that did not see it.
    """

    targets: Mapping[str, Target]
    splits: Mapping[str, Split]
    predicted: Mapping[str, Floats]


def cross_fitted(
    settings: AllocationEmulator, data: Training, *, progress: bool
) -> tuple[Emulation, xr.Dataset, xr.Dataset]:
    """Fit to all cells, and score folds.

    Returns
    -------
    emulation : Emulation
    validation, held_out : Dataset
    """
    by_kind = _rows(data, settings.learner)
    fold = _folds(settings, data)
    quantiles: list[float | None] = [None]
    quantiles += list(settings.quantiles) if len(data.held["gpp"]) > 1 else []
    by_step = ("rh_fraction",) if data.steps > 1 and settings.form == "fraction" else ()
    scenarios, held = {}, {}
    total = len(quantiles) * (settings.folds + 1)
    with progress_bar(total, label="allocation", unit="fit", show=progress) as step:
        for quantile in quantiles:
            name = scenario_name(quantile)
            fractions = scenario_fractions(data.held, data.days, quantile)
            if not np.isfinite(fractions["ra_fraction"]).any():
                raise InputError(
                    "no cell and year has GPP above 10 g m-2 with ra and rh of at least three "
                    "models; nothing can be learned"
                )
            targets, splits = targets_of(settings.form, fractions)
            rows = {key: by_kind[_kind(key, by_step)] for key in targets}

            def fit(
                among: NDArray[np.bool_], targets: Any = targets, rows: Any = rows
            ) -> dict[str, Any]:
                made = fit_targets(targets, rows, among, most=settings.rows, seed=settings.seed)
                step()
                return made

            whole = fit(np.ones(len(fold), bool))
            predicted = {key: np.full(y.shape, np.nan) for key, y in targets.items()}
            for k in range(settings.folds):
                for key, target in fit(fold != k).items():
                    own = rows[key]
                    out = fold[own.place] == k
                    predicted[key][out] = target.predict(own.x[out], own.codes[out])
            learned = Learned(whole, splits, predicted)
            made = _scored(settings.form, data, fractions, learned, fold, by_kind[YEAR])
            scenarios[name], held[name] = made
    emulation = Emulation(
        settings.form, data.predictors, scenarios, by_step, data.steps,
        {
            "models": list(data.models),
            "cells": len(fold),
            "years": None if data.labels is None else [int(data.labels[0]), int(data.labels[-1])],
            "xflux": __version__,
            **({"synthetic": data.synthetic} if data.synthetic else {}),
        },
    )  # fmt: skip
    how = f"blocks of {settings.block:g} degrees" if settings.split == "block" else "single cells"
    said = f"scores of {settings.folds} folds of {how}, drawn with seed {settings.seed}"
    return emulation, validation_dataset(held, data, said), held_out_dataset(held[MEAN], data)


def makers_of(learner: Any) -> Mapping[bool, Maker]:
    """Return what makes learners of years, and of steps, of which there are twelve times more."""
    if learner == "blend":
        return {False: lambda seed, traits: (_trees(seed), _kernel(seed)),
                True: lambda seed, traits: (_trees(seed),)}  # fmt: skip
    if learner == "xgboost":
        return dict.fromkeys((False, True), lambda seed, traits: (_trees(seed),))
    if learner == "kernel":
        return dict.fromkeys((False, True), lambda seed, traits: (_kernel(seed),))
    return dict.fromkeys((False, True), maker(learner))


# Land models are smooth and without noise, unlike towers: less is smoothed away.


def _trees(seed: int) -> Learner:
    from xflux.learning.boosted import Boosted

    return Boosted(
        trees=400, rate=0.05, depth=5, min_child_weight=5.0, rows=0.7, columns=0.5, l2=1.0,
        seed=seed,
    )  # fmt: skip


def _kernel(seed: int) -> Learner:
    return KernelRidge(scale=0.6, ridge=0.3, site=math.inf, seed=seed)


def _kind(target: str, by_step: tuple[str, ...]) -> str:
    if target in by_step:
        return STEP
    return MEAN_YEAR if target in LASTING else YEAR


def _rows(data: Training, learner: Any) -> dict[str, Rows]:
    """Return rows by kind, in which targets lie as `predicted` does."""
    places, years = data.shape
    x = data.predictors.of_years(data.values, data.shape)
    codes = codes_of(data.values.get("igbp"), data.shape)
    place = np.repeat(np.arange(places), years)
    make = makers_of(learner)
    cubed = x.reshape(places, years, -1)
    own = data.predictors.changing
    changing = cubed[..., list(own)]
    sums, classes = data.predictors.sums(cubed), codes.reshape(places, years)
    lasting = data.predictors.over_years(sums, changing, classes).reshape(x.shape)
    made = {
        YEAR: Rows(x, codes, place, make[False]),
        MEAN_YEAR: Rows(lasting, codes, place, make[False], next(iter(own), None)),
    }
    if data.steps > 1:
        steps = data.predictors.of_steps(data.values, x, data.steps)
        each = [np.repeat(array, data.steps) for array in (codes, place)]
        made[STEP] = Rows(steps, each[0], each[1], make[True])
    return made


def _folds(settings: AllocationEmulator, data: Training) -> NDArray[np.int64]:
    """Return the fold of each place."""
    random = np.random.default_rng(settings.seed)
    places = data.shape[0]
    if settings.split == "random":
        group = np.arange(places)
    else:
        if "latitude" not in data.place:
            raise InputError(
                "split='block' needs latitude and longitude of the reference; add them, or use "
                "split='random'"
            )
        size = settings.block
        row = np.floor((data.place["latitude"] + 90.0) / size).astype(np.int64)
        column = np.floor((data.place["longitude"] % 360.0) / size).astype(np.int64)
        group = np.unique(row * 10_000 + column, return_inverse=True)[1]
    count = int(group.max()) + 1
    if count < settings.folds:
        raise InputError(
            f"there are {count} {'blocks' if settings.split == 'block' else 'cells'}, and "
            f"folds={settings.folds}; use a smaller block, or fewer folds"
        )
    fold: NDArray[np.int64] = (random.permutation(count) % settings.folds)[group]
    return fold


def _scored(
    form: str,
    data: Training,
    fractions: Mapping[str, Floats],
    learned: Learned,
    fold: NDArray[np.int64],
    rows: Rows,
) -> tuple[Scenario, HeldOut]:
    """Return the scenario with what its errors are, and what was predicted at cells left out."""
    targets, predicted = dict(learned.targets), dict(learned.predicted)
    bounded = form == "fraction"
    if bounded:
        npp = yearly_mean(_production(fractions["ra_fraction"], data)).reshape(-1)
        for key in set(TIMES) & set(targets):
            shift = _shift(fractions[key].reshape(-1), predicted[key], npp)
            predicted[key] = predicted[key] + shift
            targets[key] = replace(targets[key], shift=shift)
    emulated = {
        key: array.reshape(*data.shape, -1)
        if array.size > math.prod(data.shape)
        else array.reshape(data.shape)
        for key, array in fractions_of(form, predicted, learned.splits).items()
    }
    errors = (_NO_ERROR, _NO_ERROR)
    if bounded:
        a, h = "ra_fraction", "rh_fraction"
        errors = (_error(fractions[a], emulated[a]), _error(fractions[h], emulated[h]))
    reference = _outputs("fraction", fractions, data, errors)
    means = _null(fractions, fold, rows, _weights(reference, data))
    outputs = {
        "reference": reference,
        "emulated": _outputs(form, emulated, data, errors),
        "null": _outputs("fraction", means, data, errors),
    }
    plain: dict[str, Mapping[str, Floats]] = {key: {} for key in outputs}
    if bounded:
        null = _null(fractions, fold, rows, {})
        plain = {"reference": fractions, "emulated": emulated, "null": null}
    return Scenario(targets, learned.splits, *errors), HeldOut(plain, outputs)


def _error(truth: Floats, made: Floats) -> float:
    """Return the standard deviation of the error of a share over the year, on the logit scale."""
    both = [values.mean(axis=-1) if values.ndim == 3 else values for values in (truth, made)]
    return float(np.sqrt(np.nanmean((logit(both[0]) - logit(both[1])) ** 2)))


def _production(ra_fraction: Floats, data: Training) -> Floats:
    """Return NPP of the mean of the models (place, year), g m-2."""
    taken = np.einsum("pys,ys->py", np.asarray(data.values["gpp"], np.float64), data.days)
    npp: Floats = (1.0 - ra_fraction) * taken
    return npp


def _shift(truth: Floats, predicted: Floats, npp: Floats) -> float:
    """Return what is added to logarithms so that stocks of cells left out add up to theirs."""
    there = np.isfinite(truth) & np.isfinite(predicted) & np.isfinite(npp)
    held, made = truth[there] * npp[there], np.exp(predicted[there]) * npp[there]
    return float(np.log(held.sum() / made.sum()))


def _weights(outputs: Mapping[str, Array], data: Training) -> dict[str, Floats]:
    """Return what each fraction is a fraction of, so that a mean is that of the sums."""
    days = data.days
    npp = yearly_mean(np.maximum(np.einsum("pys,ys->py", outputs["npp"], days), 0.0))
    weights = {"ra_fraction": np.einsum("pys,ys->py", outputs["ra"] + outputs["npp"], days)}
    weights["rh_fraction"] = outputs["ra"] + outputs["rh"]
    for name in FRACTIONS[2:]:
        weights[name] = outputs["cVeg"] if name in SPLITS["veg"] and "cVeg" in outputs else npp
    return weights


def _null(
    fractions: Mapping[str, Floats],
    fold: NDArray[np.int64],
    rows: Rows,
    weights: Mapping[str, Floats],
) -> dict[str, Floats]:
    """Return means of land cover classes over the other folds."""
    codes = rows.codes.reshape(len(fold), -1)[:, 0]
    made: dict[str, Floats] = {}
    for name, values in fractions.items():
        mean = np.full(values.shape, np.nan)
        weight = np.broadcast_to(weights.get(name, np.ones(1)), values.shape)
        weight = np.where(np.isfinite(values) & np.isfinite(weight), weight, 0.0)
        amount = np.where(weight > 0.0, values, 0.0) * weight
        for k in np.unique(fold):
            seen = fold != k
            overall = amount[seen].sum() / weight[seen].sum()
            for code in range(CLASSES):
                out = (fold == k) & (codes == code)
                like = seen & (codes == code)
                total = weight[like].sum()
                mean[out] = amount[like].sum() / total if total > 0.0 else overall
        made[name] = mean
    return made


def _outputs(
    form: str, fractions: Mapping[str, Floats], data: Training, errors: tuple[float, float]
) -> dict[str, Array]:
    """Return what fractions make of the GPP and RECO of the reference."""
    places, years = data.shape
    steps = data.steps
    both = data.held["ra"].astype(np.float64) + data.held["rh"]
    reco = np.nanmean(both, axis=0) if len(both) > 1 else both[0]
    flat = {
        key: array.reshape(places * years, -1) if array.ndim == 3 else array.reshape(-1)
        for key, array in fractions.items()
    }
    days = np.tile(data.days, (places, 1))
    gpp = np.asarray(data.values["gpp"], np.float64).reshape(-1, steps)
    made = outputs_of(form, flat, gpp, reco.reshape(-1, steps), days, errors)
    shaped = {k: array.reshape(places, years, *array.shape[1:]) for k, array in made.items()}
    held = {k: array.reshape(places, years) for k, array in held_of(form, flat).items()}
    return stocks({**shaped, **held})
