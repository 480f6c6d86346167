"""How sure a score is: bootstrap over whole sites.

The months of a site are not independent of each other, sites nearly are; so whole sites
are drawn, with replacement. Each site is reduced to its moments once, and a draw is a
row of a matrix product: a thousand draws cost little more than one score.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from xflux.errors import GridMismatchError, InputError, MissingVariableError
from xflux.skill.cycle import Cycle
from xflux.skill.evaluate import check_options, describe_metric, flux_units
from xflux.skill.groups import By, Item, items_of
from xflux.skill.metrics import Norm, SlopeOn, compute
from xflux.skill.moments import Floats, Moments, merge, resample
from xflux.skill.pairs import check_coordinates, match
from xflux.skill.reduction import MOMENT, Pair
from xflux.skill.table import Dims, Table, tabulate

__all__ = ["interval", "paired_difference"]

Data = TypeVar("Data", xr.DataArray, xr.Dataset)

#: What is found for each metric, after its name.
_PARTS = ("", "_lower", "_upper", "_sd")
_VALUES = "_value"


def interval(
    observed: Data,
    predicted: Data,
    *,
    metric: str | Sequence[str] = "r2_nse",
    unit: str = "site",
    n: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    dim: Dims = None,
    by: By | None = None,
    weights: xr.DataArray | None = None,
    decompose: bool = False,
    variables: Sequence[str] | None = None,
    norm: Norm = "mean",
    slope_on: SlopeOn = "observations",
    cycle: Cycle = "auto",
    min_years: int = 2,
) -> xr.Dataset:
    """Bootstrap the interval of a metric by drawing whole sites.

    Parameters
    ----------
    observed, predicted : DataArray or Dataset
        As of `xflux.evaluate`.
    metric : str or sequence of str
        One or more metrics of `xflux.evaluate`.
    unit : str
        What is drawn as a whole: a dimension, or anything that `by` takes, such as
        ``"region"`` or ``"year"``.
    n : int
        Number of draws.
    level : float
        Coverage, between 0 and 1.
    seed : int
        The same seed gives the same draws, for every flux, metric, group and chunking that
        has pairs at the same number of units.
    dim, by, weights, decompose, variables, norm, slope_on, cycle, min_years
        As of `xflux.evaluate`; ``norm="iqr"`` cannot be drawn. With `decompose`, each site
        keeps its own mean and seasonal cycle in every draw.

    Returns
    -------
    Dataset
        For each metric ``m``: ``m`` of all pairs, as `xflux.evaluate` gives it; ``m_lower``
        and ``m_upper``, percentiles of the draws; ``m_sd``, their standard deviation
        (ddof=1). ``n_units``: units with pairs, the only ones drawn. Fewer than two: NaN.
        Draws in which the metric is not defined are left out. Lazy where an input is lazy.

    Raises
    ------
    InputError
        When an option is not valid, and as `xflux.evaluate` does.

    References
    ----------
    Efron, B., Tibshirani, R. (1986): Bootstrap methods for standard errors, confidence
    intervals, and other measures of statistical accuracy. Statistical Science 1, 54-75
    (percentile interval; here of clusters).
    """
    metrics = _checked(metric, norm, slope_on, weights, n, level)
    table = _tabulate(
        match(observed, predicted, weights, names=variables),
        (observed, predicted),
        unit,
        by,
        dim=dim,
        decompose=decompose,
        cycle=cycle,
        min_years=min_years,
    )
    score = partial(_scores, metrics=metrics, norm=norm, slope_on=slope_on)
    return _result([table], score, metrics, unit, n, level, seed, norm, slope_on)


def paired_difference(
    observed: Data,
    predicted_a: Data,
    predicted_b: Data,
    *,
    metric: str | Sequence[str] = "r2_nse",
    unit: str = "site",
    n: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    dim: Dims = None,
    by: By | None = None,
    weights: xr.DataArray | None = None,
    decompose: bool = False,
    variables: Sequence[str] | None = None,
    norm: Norm = "mean",
    slope_on: SlopeOn = "observations",
    cycle: Cycle = "auto",
    min_years: int = 2,
) -> xr.Dataset:
    """Bootstrap the gain of one prediction over another, on the same sites.

    Parameters
    ----------
    observed : DataArray or Dataset
    predicted_a, predicted_b : DataArray or Dataset
        Of like dimensions. Only times and places that both predict count.
    metric, unit, n, level, seed
        As of `interval`.
    dim, by, weights, decompose, variables, norm, slope_on, cycle, min_years
        As of `xflux.evaluate`.

    Returns
    -------
    Dataset
        For each metric ``m``: ``m``, that of `predicted_a` minus that of `predicted_b`;
        ``m_lower``, ``m_upper`` and ``m_sd`` over draws of the same units for both;
        ``m_excludes_zero``, whether the interval does: only then has a gain been shown.
        ``n_units`` as of `interval`.

    Raises
    ------
    InputError, GridMismatchError
        When the predictions have unlike dimensions or coordinates, and as `xflux.evaluate`
        does.
    """
    metrics = _checked(metric, norm, slope_on, weights, n, level)
    check_coordinates(predicted_a, predicted_b, "predicted_a", "predicted_b")
    pairs_a = match(observed, predicted_a, weights, names=variables)
    pairs_b = match(observed, predicted_b, weights, names=variables)
    shared = [name for name in pairs_a if name in pairs_b]
    if not shared:
        raise MissingVariableError(
            f"predicted_a has {list(pairs_a)} to score and predicted_b {list(pairs_b)}: nothing "
            "is in both"
        )
    tables = [
        _tabulate(
            {name: _common(ours[name], others[name], name) for name in shared},
            (observed, predicted_a),
            unit,
            by,
            dim=dim,
            decompose=decompose,
            cycle=cycle,
            min_years=min_years,
        )
        for ours, others in ((pairs_a, pairs_b), (pairs_b, pairs_a))
    ]
    score = partial(_scores, metrics=metrics, norm=norm, slope_on=slope_on)
    result = _result(tables, score, metrics, unit, n, level, seed, norm, slope_on)
    for name in metrics:
        result[f"{name}_excludes_zero"] = (
            (result[f"{name}_lower"] > 0) | (result[f"{name}_upper"] < 0)
        ).assign_attrs(long_name=f"Whether the {level:.0%} interval of the difference excludes 0")
    return result


def _checked(
    metric: str | Sequence[str],
    norm: Norm,
    slope_on: SlopeOn,
    weights: xr.DataArray | None,
    n: int,
    level: float,
) -> tuple[str, ...]:
    metrics = check_options(metric, norm, slope_on, weights)
    if norm == "iqr":
        raise InputError("norm='iqr' cannot be drawn: quartiles do not follow from sites' moments")
    if n < 2:
        raise InputError(f"n={n} draws: an interval needs at least 2, better 1000")
    if not 0 < level < 1:
        raise InputError(f"level={level} must lie between 0 and 1, such as 0.95")
    return metrics


def _common(pair: Pair, other: Pair, name: str | None) -> Pair:
    """Leave out of a pair what the other prediction lacks."""
    if set(pair.predicted.dims) != set(other.predicted.dims):
        raise InputError(
            f"{name or 'the predictions'}: predicted_a has the dimensions "
            f"{list(pair.predicted.dims)} and predicted_b {list(other.predicted.dims)}; select "
            "one of what the other does not have"
        )
    if any(pair.predicted.sizes[dim] != other.predicted.sizes[dim] for dim in pair.predicted.dims):
        raise GridMismatchError(
            f"{name or 'the predictions'}: sizes {dict(pair.predicted.sizes)} and "
            f"{dict(other.predicted.sizes)} differ"
        )
    there = other.predicted.notnull()
    return replace(pair, predicted=pair.predicted.where(there))


def _tabulate(
    pairs: dict[str | None, Pair],
    sources: tuple[Data, Data],
    unit: str,
    by: By | None,
    **options: Any,
) -> Table:
    """Moments of each unit, which comes last before them."""
    groups: list[Item] = items_of(by)
    if unit in [group for group in groups if isinstance(group, str)]:
        raise InputError(f"unit={unit!r} is drawn, and cannot be a group of by at the same time")
    table = tabulate(pairs, *sources, by=[*groups, unit], **options)
    name = unit if unit in table.moments.dims else unit.removeprefix("time.")
    moments = table.moments.transpose(..., name, MOMENT).rename({name: "_unit"})
    # The moments are few, whatever the size of the data: one chunk along the units.
    return replace(table, moments=moments.chunk(_unit=-1) if moments.chunks else moments)


def _scores(moments: Moments, *, metrics: tuple[str, ...], norm: Norm, slope_on: SlopeOn) -> Floats:
    """Metrics along a new last axis."""
    return np.stack(
        [compute(name, moments, norm=norm, slope_on=slope_on) for name in metrics], axis=-1
    )


def _bootstrap(
    *states: Floats, score: Callable[[Moments], Floats], n: int, level: float, seed: int
) -> Floats:
    """Draw units; of two states, score the difference.

    Returns, along the last axis, the values of `_PARTS` for each metric, then the number of
    units with pairs.
    """
    cells = states[0].shape[:-2]
    rows = []
    drawn: dict[int, np.ndarray] = {}
    for cell in np.ndindex(*cells):
        parts = [state[cell] for state in states]
        parts = [part[parts[0][:, 0] > 0] for part in parts]
        units = len(parts[0])
        whole = _signed([score(Moments.split(merge(part, axis=0))) for part in parts])
        found = np.full((len(whole), len(_PARTS)), np.nan)
        found[:, 0] = whole
        if units >= 2:
            if units not in drawn:
                generator = np.random.default_rng(seed)
                drawn[units] = generator.multinomial(units, np.full(units, 1 / units), size=n)
            draws = _signed([score(Moments.split(resample(part, drawn[units]))) for part in parts])
            for position, values in enumerate(draws.T):
                values = values[~np.isnan(values)]
                if len(values) >= 2:
                    tails = [(1 - level) / 2, (1 + level) / 2]
                    found[position, 1:3] = np.quantile(values, tails)
                    found[position, 3] = values.std(ddof=1)
        rows.append(np.append(found.reshape(-1), units))
    return np.reshape(rows, (*cells, -1))


def _signed(values: list[Floats]) -> Floats:
    return values[0] if len(values) == 1 else values[0] - values[1]


def _result(
    tables: list[Table],
    score: Callable[[Moments], Floats],
    metrics: tuple[str, ...],
    unit: str,
    n: int,
    level: float,
    seed: int,
    norm: Norm,
    slope_on: SlopeOn,
) -> xr.Dataset:
    size = len(metrics) * len(_PARTS) + 1
    values = xr.apply_ufunc(
        partial(_bootstrap, score=score, n=n, level=level, seed=seed),
        *(table.moments.drop_vars("_unit", errors="ignore") for table in tables),
        input_core_dims=[["_unit", MOMENT]] * len(tables),
        output_core_dims=[[_VALUES]],
        dask="parallelized",
        output_dtypes=[np.float64],
        dask_gufunc_kwargs={"output_sizes": {_VALUES: size}},
    )
    what = "difference of predicted_a and predicted_b in " if len(tables) == 2 else ""
    texts = (
        "{}",
        f"Lower bound of the {level:.0%} interval of {{}}",
        f"Upper bound of the {level:.0%} interval of {{}}",
        "Bootstrap standard deviation of {}",
    )
    result: dict[Hashable, xr.DataArray] = {}
    for position, name in enumerate(metrics):
        attrs = describe_metric(name, tables[0], norm, slope_on)
        called = what + attrs["long_name"]
        for offset, (suffix, text) in enumerate(zip(_PARTS, texts, strict=True)):
            result[name + suffix] = values.isel(
                {_VALUES: position * len(_PARTS) + offset}
            ).assign_attrs({**attrs, "long_name": text.format(called)})
    units = values.isel({_VALUES: size - 1}).astype(np.int64)
    result["n_units"] = units.assign_attrs(
        long_name=f"Number of units drawn from ({unit})", units="1"
    )
    how = {"bootstrap_unit": unit, "bootstrap_draws": n, "bootstrap_seed": seed}
    return xr.Dataset(result, attrs=how).assign_coords(flux_units(tables[0]))
