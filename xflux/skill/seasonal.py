"""Skill of regional series: seasonal cycle, interannual variability, annual anomalies.

The metrics by which Upton et al. (2024) compare regional carbon fluxes with inversions.
All reduce time alone: a series a region (or pixel) in, a number a region out.

References
----------
Upton, S. et al. (2024): Constraining biospheric carbon dioxide fluxes by combined
top-down and bottom-up approaches. Atmospheric Chemistry and Physics 24, 2555-2582,
doi:10.5194/acp-24-2555-2024.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import xarray as xr

from xflux.errors import InputError
from xflux.skill.annual import (
    YEAR,
    Annual,
    annual_pair,
    detrended,
    relative_sd_observed,
    relative_sd_predicted,
    sd_observed,
    sd_predicted,
)
from xflux.skill.cycle import Cycle, periods
from xflux.skill.decompose import PERIOD, climatology
from xflux.skill.groups import time_dim
from xflux.skill.metrics import compute
from xflux.skill.moments import Floats, Moments
from xflux.skill.pairs import match
from xflux.skill.reduction import GROUP, Pair, pair_moments
from xflux.skill.series import alone, described, formula_of, labelled

__all__ = ["cycle_range", "cycle_rmse", "mean_seasonal_cycle", "seasonal_skill"]

Data = TypeVar("Data", xr.DataArray, xr.Dataset)


def mean_seasonal_cycle(
    data: xr.DataArray, *, cycle: Cycle = "auto", min_years: int = 1
) -> xr.DataArray:
    """Average a series over the years, period by period of the year.

    Parameters
    ----------
    data : DataArray
        With dates along one dimension.
    cycle : {"auto", "month", "8-day", "day"}
        Length of a period; auto follows the time step.
    min_years : int
        Years with data that a period needs, else NaN.

    Returns
    -------
    DataArray
        [unit of `data`], float64; ``month`` (1 to 12), or ``dayofyear`` (the first day of
        each period), in place of time.

    Raises
    ------
    InputError
        When no dimension has dates, or the time step is over a month or under a day.
    """
    pair, time = alone(data)
    numbers, size = periods(time, cycle)
    mean = climatology(pair, time, numbers, size, min_years=min_years).observed
    label = "month" if size == 12 else "dayofyear"
    width = 8 if size == 46 else 1
    mean = xr.Variable((*mean.dims[:-1], label), mean.data)
    array = labelled(mean, data, index={label: np.arange(size) * width + 1})
    return array.assign_attrs(described(data, "Mean seasonal cycle of {}"))


def cycle_range(data: xr.DataArray, *, cycle: Cycle = "auto") -> xr.DataArray:
    """Range of the mean seasonal cycle, its maximum minus its minimum.

    Parameters
    ----------
    data : DataArray
        With dates along one dimension.
    cycle : {"auto", "month", "8-day", "day"}
        Length of a period.

    Returns
    -------
    DataArray
        [unit of `data`]
    """
    pair, time = alone(data)
    spread = _of_cycle(pair, time, cycle, _range_observed)
    return labelled(spread, data).assign_attrs(described(data, "Seasonal range of {}"))


def cycle_rmse(
    observed: xr.DataArray, predicted: xr.DataArray, *, cycle: Cycle = "auto"
) -> xr.DataArray:
    """Root mean squared error of the mean seasonal cycle.

    Parameters
    ----------
    observed, predicted : DataArray
        Both cycles are of the time steps at which both have a value.
    cycle : {"auto", "month", "8-day", "day"}
        Length of a period; each counts once.

    Returns
    -------
    DataArray
        [unit of `observed`]
    """
    pair = match(observed, predicted)[None]
    rmse = _of_cycle(pair, observed[time_dim(observed)], cycle, partial(compute, "rmse"))
    units = {} if pair.units is None else {"units": pair.units}
    return labelled(rmse, predicted, observed).assign_attrs(
        long_name="Root mean squared error of the mean seasonal cycle", **units
    )


def seasonal_skill(
    observed: Data, predicted: Data, *, annual: Annual = "mean", cycle: Cycle = "auto"
) -> xr.Dataset:
    """Score regional series as Upton et al. (2024) do.

    Parameters
    ----------
    observed, predicted : DataArray or Dataset
        As of `xflux.evaluate`; only time is reduced.
    annual : {"mean", "sum"}
        Mean: of rates; sum: of amounts a step. See `annual_values`.
    cycle : {"auto", "month", "8-day", "day"}
        Period of the mean seasonal cycle.

    Returns
    -------
    Dataset
        Over what both have, [unit of the flux] unless said:

        - ``nnse`` = 1 / (2 - NSE) and ``pearson_r`` of all time steps [1]
        - ``cycle_rmse``; ``cycle_range_observed``, ``cycle_range_predicted``
        - ``annual_rmse``, ``annual_bias``; ``iav_observed``, ``iav_predicted``: standard
          deviation of annual values; ``iav_relative_observed``, ``iav_relative_predicted``
          [1]: the same over the absolute mean
        - ``anomaly_r2_nse``, ``anomaly_r2_pearson`` of the detrended, standardized annual
          anomalies [1]
        - ``n``, ``n_years`` [1]

        Of Datasets with the dimension ``flux``. Lazy where an input is lazy.
    """
    pairs = match(observed, predicted)
    dim = time_dim(observed)
    scores = []
    for pair in pairs.values():
        if dim not in pair.dims:
            raise InputError(f"the pairs have the dimensions {list(pair.dims)}, without {dim!r}")
        found = _score(pair, observed[dim], annual, cycle)
        scores.append(
            xr.Dataset(
                {
                    name: labelled(value, predicted, observed).assign_attrs(attrs)
                    for name, (value, attrs) in found.items()
                }
            )
        )
    if list(pairs) == [None]:
        return scores[0]
    labels = xr.Variable(("flux",), list(pairs), {"long_name": "Variable that is scored"})
    units = [pair.units or "" for pair in pairs.values()]
    joined = xr.concat(scores, dim="flux", join="exact", combine_attrs="drop_conflicts")
    return joined.assign_coords(flux=labels, flux_units=("flux", units))


def _score(
    pair: Pair, time: xr.DataArray, annual: Annual, cycle: Cycle
) -> dict[str, tuple[xr.Variable, dict[str, str]]]:
    """All scores of one pair, with their attributes."""
    (dim,) = time.dims
    steps = pair_moments(pair, (dim,)).isel({GROUP: 0})
    numbers, size = periods(time, cycle)
    mean = climatology(pair, time, numbers, size)
    season = pair_moments(mean, (PERIOD,)).isel({GROUP: 0})
    values, found = annual_pair(pair, time, annual)
    whole = pair_moments(values, (YEAR,)).isel({GROUP: 0})
    anomalies = Pair(
        detrended(values.observed, found, True), detrended(values.predicted, found, True)
    )
    deviations = pair_moments(anomalies, (YEAR,)).isel({GROUP: 0})
    one = {"units": "1"}
    flux = {} if pair.units is None else {"units": pair.units}
    rows: list[tuple[str, xr.Variable, Callable[[Moments], Floats], str, dict[str, str]]] = [
        ("nnse", steps, partial(compute, "nnse"), "Normalized Nash-Sutcliffe efficiency", one),
        ("pearson_r", steps, partial(compute, "pearson_r"), "Pearson correlation", one),
        ("cycle_rmse", season, partial(compute, "rmse"),
         "Root mean squared error of the mean seasonal cycle", flux),
        ("cycle_range_observed", season, _range_observed, "Seasonal range, observed", flux),
        ("cycle_range_predicted", season, _range_predicted, "Seasonal range, predicted", flux),
        ("annual_rmse", whole, partial(compute, "rmse"),
         "Root mean squared error of annual values", flux),
        ("annual_bias", whole, partial(compute, "bias"),
         "Mean of predicted minus observed annual values", flux),
        ("iav_observed", whole, sd_observed, "Interannual variability, observed", flux),
        ("iav_predicted", whole, sd_predicted, "Interannual variability, predicted", flux),
        ("iav_relative_observed", whole, relative_sd_observed,
         "Relative interannual variability, observed", one),
        ("iav_relative_predicted", whole, relative_sd_predicted,
         "Relative interannual variability, predicted", one),
        ("anomaly_r2_nse", deviations, partial(compute, "r2_nse"),
         "Coefficient of determination of detrended annual anomalies", one),
        ("anomaly_r2_pearson", deviations, partial(compute, "r2_pearson"),
         "Squared Pearson correlation of detrended annual anomalies", one),
        ("n", steps, partial(compute, "n"), "Number of pairs", one),
        ("n_years", whole, partial(compute, "n"), "Number of whole years", one),
    ]  # fmt: skip
    return {
        name: (
            formula_of(state, formula, np.int64 if name in ("n", "n_years") else np.float64),
            {"long_name": long_name, **units},
        )
        for name, state, formula, long_name, units in rows
    }


def _of_cycle(
    pair: Pair, time: xr.DataArray, cycle: Cycle, formula: Callable[[Moments], Floats]
) -> xr.Variable:
    numbers, size = periods(time, cycle)
    mean = climatology(pair, time, numbers, size)
    return formula_of(pair_moments(mean, (PERIOD,)).isel({GROUP: 0}), formula)


def _range_observed(m: Moments) -> Floats:
    return np.where(m.n > 0, m.max_observed, np.nan) - m.min_observed


def _range_predicted(m: Moments) -> Floats:
    return np.where(m.n > 0, m.max_predicted, np.nan) - m.min_predicted
