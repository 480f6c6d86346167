"""How well intervals hold: coverage, width, and the interval score of both together."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from xflux.errors import InputError, MissingVariableError
from xflux.skill.evaluate import flux_units
from xflux.skill.groups import By, items_of
from xflux.skill.moments import Floats, Moments
from xflux.skill.pairs import FLUXES, match
from xflux.skill.reduction import MOMENT, Pair
from xflux.skill.table import Dims, Table, tabulate

__all__ = ["evaluate_intervals", "interval_score"]


def interval_score(observed: Any, lower: Any, upper: Any, level: float) -> Any:
    """Compute the interval score of each observation; smaller is better.

    Parameters
    ----------
    observed, lower, upper : ndarray
        In one unit; NaN gives NaN.
    level : float
        Share that the interval is to hold, between 0 and 1.

    Returns
    -------
    ndarray
        [unit of `observed`]

    Notes
    -----
    With alpha = 1 - level, the score of Winkler (1972) as in Gneiting and Raftery (2007), eq. 43::

        S = (u - l) + 2/alpha (l - x) [x < l] + 2/alpha (x - u) [x > u]

    Its expectation is least where l and u are the quantiles alpha/2 and 1 - alpha/2.

    References
    ----------
    Gneiting, T., Raftery, A. E. (2007): Strictly proper scoring rules, prediction, and
    estimation. Journal of the American Statistical Association 102, 359-378.

    Examples
    --------
    >>> interval_score(np.array([1.0, 3.0]), 0.0, 2.0, level=0.9).round(6).tolist()
    [2.0, 22.0]
    """
    missed = np.maximum(lower - observed, 0.0) + np.maximum(observed - upper, 0.0)
    return (upper - lower) + 2.0 / (1.0 - level) * missed


def evaluate_intervals(
    observed: xr.Dataset,
    predicted: xr.Dataset,
    *,
    level: float | None = None,
    by: By | None = None,
    unit: str | None = None,
    dim: Dims = None,
    weights: xr.DataArray | None = None,
    variables: Sequence[str] | None = None,
) -> xr.Dataset:
    """Score the intervals ``<flux>_lower`` to ``<flux>_upper`` against observations.

    Parameters
    ----------
    observed, predicted : Dataset
        As of `xflux.evaluate`; every flux that is observed and has both ends is scored. A
        record that lacks the observation or an end is left out.
    level : float, optional
        Share that the intervals are to hold, between 0 and 1. None: the attribute
        ``interval`` of `predicted`, as `ResidualModel.cross_validate` writes it.
    by, dim, weights
        As of `xflux.evaluate`.
    unit : str, optional
        What counts the same, however many records it has: ``"site"`` gives means over sites
        of the means of each, which is what conformal intervals by site promise. None: every
        record counts the same.
    variables : sequence of str, optional
        Fluxes, such as ``["gpp"]``.

    Returns
    -------
    Dataset
        float64, lazy where an input is lazy:

        - ``coverage`` [1]: share of the observations within the interval, ends included
        - ``width`` [unit of the flux]: mean of upper minus lower
        - ``interval_score`` [unit of the flux]: see `interval_score`; smaller is better
        - ``n`` [1]: number of records, int64
        - ``n_units`` [1]: number of units with records, int64, with `unit`

        Dimensions as of `xflux.evaluate`; the attribute ``level`` says what coverage is to be.

    Raises
    ------
    InputError
        When the level is not known or no share, lower lies above upper, or as
        `xflux.evaluate` does.
    MissingVariableError
        When there is no interval to score.

    Examples
    --------
    >>> ds = xr.Dataset({"gpp": ("time", [1.0, 3.0], {"units": "g m-2 d-1"})})
    >>> ends = ds.rename(gpp="gpp_lower") * 0, ds.rename(gpp="gpp_upper") * 0 + 2
    >>> evaluate_intervals(ds, xr.merge(ends), level=0.9).coverage.item()
    0.5
    """
    level = _level(predicted, level)
    ends = _ends(observed, predicted, weights, variables)
    scored: dict[str, dict[str | None, Pair]] = {"width": {}, "interval_score": {}}
    for flux, (lower, upper) in ends.items():
        parts = xr.apply_ufunc(
            partial(_parts, level=level),
            *xr.broadcast(
                *(_unnamed(v) for v in (lower.observed, lower.predicted, upper.predicted))
            ),
            output_core_dims=[[]] * 3,
            dask="parallelized",
            output_dtypes=[np.float64] * 3,
        )
        inside, width, score = (part.variable for part in parts)
        scored["width"][flux] = replace(lower, observed=inside, predicted=width)
        scored["interval_score"][flux] = replace(lower, observed=inside, predicted=score)
    tables = {
        name: tabulate(
            pairs,
            observed,
            predicted,
            dim=dim,
            by=[*items_of(by), *([] if unit is None else [unit])],
            binned={flux: lower.observed for flux, (lower, _) in ends.items()},
        )
        for name, pairs in scored.items()
    }
    return _result(tables, unit, level)


def _parts(observed: Floats, lower: Floats, upper: Floats, level: float) -> tuple[Floats, ...]:
    """Tell what is inside, how wide the interval is, and its score."""
    if (lower > upper).any():
        raise InputError(
            f"{int((lower > upper).sum())} intervals have their lower end above their upper one; "
            "look whether <flux>_lower and <flux>_upper were exchanged"
        )
    there = ~(np.isnan(observed) | np.isnan(lower) | np.isnan(upper))
    inside = np.where(there, (observed >= lower) & (observed <= upper), np.nan)
    width = np.where(there, upper - lower, np.nan)
    return inside, width, np.asarray(interval_score(observed, lower, upper, level))


def _unnamed(variable: xr.Variable) -> xr.DataArray:
    return xr.DataArray(variable)


def _level(predicted: xr.Dataset, level: float | None) -> float:
    found = predicted.attrs.get("interval") if level is None else level
    if found is None:
        raise InputError(
            "which share the intervals are to hold is not known: predicted has no attribute "
            "'interval'; give level=0.9 or the like"
        )
    if not 0.0 < float(found) < 1.0:
        raise InputError(f"level={found} must lie between 0 and 1, such as 0.9")
    return float(found)


def _ends(
    observed: xr.Dataset,
    predicted: xr.Dataset,
    weights: xr.DataArray | None,
    variables: Sequence[str] | None,
) -> dict[str, tuple[Pair, Pair]]:
    """Pair the observations of each flux with either end of its interval."""
    wanted = FLUXES if variables is None else variables
    wanted = (wanted,) if isinstance(wanted, str) else wanted
    names = [name for name in wanted if {f"{name}_lower", f"{name}_upper"} <= set(predicted)]
    lacking = [name for name in wanted if name not in names]
    if not names or (variables is not None and lacking):
        raise MissingVariableError(
            f"predicted has no interval of {', '.join(lacking) if variables else 'any flux'}: it "
            f"holds {', '.join(map(str, predicted.data_vars)) or 'nothing'}, and an interval is "
            "<flux>_lower and <flux>_upper"
        )
    both = []
    for end in ("_lower", "_upper"):
        held = predicted[[name + end for name in names]]
        held = held.rename({name + end: name for name in names})
        both.append(match(observed, held, weights, names=None if variables is None else names))
    return {str(flux): (both[0][flux], both[1][flux]) for flux in both[0]}


def _result(tables: Mapping[str, Table], unit: str | None, level: float) -> xr.Dataset:
    width, score = tables["width"], tables["interval_score"]
    means = {
        "coverage": _mean(width, "mean_observed"),
        "width": _mean(width, "mean_predicted"),
        "interval_score": _mean(score, "mean_predicted"),
    }
    count = _mean(width, "n")
    if unit is not None:
        name = unit if unit in count.dims else unit.removeprefix("time.")
        means = {key: array.mean(name, skipna=True) for key, array in means.items()}
        units = (count > 0).sum(name)
        count = count.sum(name)
    units_of = set(width.units.values())
    said = (
        {"units": next(iter(units_of))}
        if len(units_of) == 1
        else {"comment": "in the units of coordinate flux_units"}
    )
    each = "" if unit is None else f", mean over {unit}"
    attrs: dict[str, dict[str, Any]] = {
        "coverage": {"long_name": f"Share of observations within the interval{each}", "units": "1"},
        "width": {"long_name": f"Mean width of the interval{each}", **said},
        "interval_score": {"long_name": f"Interval score of Gneiting and Raftery{each}", **said},
    }
    result: dict[Hashable, xr.DataArray] = {
        key: array.assign_attrs(attrs[key]) for key, array in means.items()
    }
    result["n"] = count.astype(np.int64).assign_attrs(long_name="Number of records", units="1")
    if unit is not None:
        result["n_units"] = units.astype(np.int64).assign_attrs(
            long_name=f"Number of units with records ({unit})", units="1"
        )
    return xr.Dataset(result, attrs={"level": level}).assign_coords(flux_units(width))


def _mean(table: Table, name: str) -> xr.DataArray:
    found: xr.DataArray = xr.apply_ufunc(
        partial(_moment, name=name),
        table.moments,
        input_core_dims=[[MOMENT]],
        dask="parallelized",
        output_dtypes=[np.float64],
    )
    return found


def _moment(state: Floats, *, name: str) -> Floats:
    moments = Moments.split(state)
    values: Floats = np.asarray(getattr(moments, name), np.float64)
    return values if name == "n" else np.where(moments.n > 0, values, np.nan)
