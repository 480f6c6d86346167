"""Annual values of a series, their variability and their departures from the trend.

References
----------
Upton, S. et al. (2024): Constraining biospheric carbon dioxide fluxes by combined
top-down and bottom-up approaches. Atmospheric Chemistry and Physics 24, 2555-2582,
doi:10.5194/acp-24-2555-2024.

Zhu, S. et al. (2026), Agricultural and Forest Meteorology,
doi:10.1016/j.agrformet.2026.111197.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.skill.cycle import step_days, years
from xflux.skill.metrics import ratio_to_mean
from xflux.skill.moments import Floats, Moments
from xflux.skill.reduction import GROUP, MOMENT, Codes, Pair, pair_moments, pair_sums
from xflux.skill.series import alone, described, formula_of, labelled

__all__ = [
    "YEAR",
    "Annual",
    "annual_pair",
    "annual_values",
    "detrended",
    "detrended_anomalies",
    "interannual_variability",
    "relative_sd_observed",
    "relative_sd_predicted",
    "sd_observed",
    "sd_predicted",
]

#: How the steps of a year become one value.
Annual = Literal["mean", "sum"]

#: Dimension of annual values.
YEAR = "year"


def annual_values(data: xr.DataArray, *, annual: Annual = "mean") -> xr.DataArray:
    """Reduce a series to whole years.

    Parameters
    ----------
    data : DataArray
        With dates along one dimension, of steps of a year or less.
    annual : {"mean", "sum"}
        Mean, in which months count by their days: of rates (g m-2 d-1). Sum: of amounts a
        step (PgC in each month).

    Returns
    -------
    DataArray
        [unit of `data`]; ``year`` in place of time. NaN for a year that lacks a step.
    """
    pair, time = alone(data)
    values, found = annual_pair(pair, time, annual)
    array = labelled(values.observed, data, index={YEAR: found})
    return array.assign_attrs(described(data, f"Annual {annual} of {{}}"))


def interannual_variability(
    data: xr.DataArray, *, annual: Annual = "mean", relative: bool = False
) -> xr.DataArray:
    """Standard deviation (ddof=1) of the annual values.

    Parameters
    ----------
    data : DataArray
        With dates along one dimension.
    annual : {"mean", "sum"}
        See `annual_values`; only whole years count.
    relative : bool
        Divide by the absolute mean (Zhu et al. 2026, eq. 24); NaN where the mean is less than
        a tenth of the standard deviation, as may be of NEE.

    Returns
    -------
    DataArray
        [unit of `data`], or [1] when relative; NaN with fewer than two years.
    """
    pair, time = alone(data)
    values, _ = annual_pair(pair, time, annual)
    formula = relative_sd_observed if relative else sd_observed
    found = formula_of(pair_moments(values, (YEAR,)).isel({GROUP: 0}), formula)
    attrs = described(data, "Interannual variability of {}")
    return labelled(found, data).assign_attrs({**attrs, "units": "1"} if relative else attrs)


def detrended_anomalies(
    data: xr.DataArray, *, annual: Annual = "mean", standardize: bool = True
) -> xr.DataArray:
    """Deviations of the annual values from their linear trend.

    Parameters
    ----------
    data : DataArray
        With dates along one dimension.
    annual : {"mean", "sum"}
        See `annual_values`; only whole years count.
    standardize : bool
        Divide by the standard deviation (ddof=1) of the deviations.

    Returns
    -------
    DataArray
        [1], or [unit of `data`] when not standardized; ``year`` in place of time. NaN with
        fewer than three years, and where nothing but a trend is left to standardize.
    """
    pair, time = alone(data)
    values, found = annual_pair(pair, time, annual)
    anomalies = detrended(values.observed, found, standardize)
    attrs = described(data, "Detrended annual anomaly of {}")
    array = labelled(anomalies, data, index={YEAR: found})
    return array.assign_attrs({**attrs, "units": "1"} if standardize else attrs)


def _sd(square: Floats, n: Floats) -> Floats:
    return np.where(n > 1, np.sqrt(square / np.maximum(n - 1, 1)), np.nan)


def sd_observed(m: Moments) -> Floats:
    """Sample standard deviation of the observations."""
    return _sd(m.square_observed, m.n)


def sd_predicted(m: Moments) -> Floats:
    """Sample standard deviation of the predictions."""
    return _sd(m.square_predicted, m.n)


def relative_sd_observed(m: Moments) -> Floats:
    """Sample standard deviation over the absolute mean, of the observations."""
    return ratio_to_mean(sd_observed(m), m.mean_observed, sd_observed(m))


def relative_sd_predicted(m: Moments) -> Floats:
    """Sample standard deviation over the absolute mean, of the predictions."""
    return ratio_to_mean(sd_predicted(m), m.mean_predicted, sd_predicted(m))


def annual_pair(pair: Pair, time: xr.DataArray, annual: Annual) -> tuple[Pair, NDArray[np.int64]]:
    """Annual values of pairs, NaN for a year in which a step has no pair; and the years."""
    if annual not in ("mean", "sum"):
        raise InputError(f"annual={annual!r} is not known; use 'mean' or 'sum'")
    (dim,) = time.dims
    codes, found = years(time)
    step = step_days(time)
    # Months differ in length; every other step is as long as the next.
    monthly = annual == "mean" and 27 < step < 32
    weights = time.dt.days_in_month.variable.astype(np.float64) if monthly else None
    groups = Codes(xr.Variable((dim,), codes), len(found))
    state = pair_sums(replace(pair, weights=weights), dim, groups)
    days = np.zeros(len(found))
    days[codes] = time.dt.days_in_year.to_numpy()
    steps = np.ones(len(found)) if np.isnan(step) else np.ceil((days - step / 2) / step)
    means = xr.apply_ufunc(
        partial(_whole_years, steps=steps, total=annual == "sum"),
        state,
        input_core_dims=[[GROUP, MOMENT]],
        output_core_dims=[["_side", YEAR]],
        dask="parallelized",
        output_dtypes=[np.float64],
        dask_gufunc_kwargs={"output_sizes": {"_side": 2, YEAR: len(found)}},
    )
    return Pair(means.isel(_side=0), means.isel(_side=1), None, pair.units), found


def _whole_years(state: Floats, *, steps: Floats, total: bool) -> Floats:
    n, weight, *sums = np.moveaxis(state, -1, 0)
    values = np.stack(sums, axis=-2)
    if not total:
        with np.errstate(invalid="ignore"):  # 0 / 0 in a year without a pair
            values = values / weight[..., None, :]
    return np.where((n >= steps)[..., None, :], values, np.nan)


def detrended(values: xr.Variable, found: NDArray[np.int64], standardize: bool) -> xr.Variable:
    """Take the linear trend off annual values; see `detrended_anomalies`."""
    anomalies: xr.Variable = xr.apply_ufunc(
        partial(_detrend, years=found.astype(np.float64), standardize=standardize),
        values,
        input_core_dims=[[YEAR]],
        output_core_dims=[[YEAR]],
        dask="parallelized",
        output_dtypes=[np.float64],
    )
    return anomalies


def _detrend(values: Floats, *, years: Floats, standardize: bool) -> Floats:
    """Residuals of the least-squares line through the years that have a value."""
    valid = ~np.isnan(values)
    n = valid.sum(-1, keepdims=True)
    some = np.maximum(n, 1)
    held = np.where(valid, values, 0.0)
    mean = held.sum(-1, keepdims=True) / some
    t = np.where(valid, years, 0.0)
    t = np.where(valid, years - t.sum(-1, keepdims=True) / some, 0.0)
    spread = (t * t).sum(-1, keepdims=True)
    slope = (t * (held - mean)).sum(-1, keepdims=True) / np.where(spread > 0, spread, 1.0)
    residual = np.where(valid & (n >= 3), values - mean - slope * t, np.nan)
    if not standardize:
        return residual
    square = np.where(valid & (n >= 3), residual**2, 0.0).sum(-1, keepdims=True)
    sd = np.sqrt(square / np.maximum(n - 1, 1))
    # What rounding leaves of a straight line is no variability.
    scale = np.abs(held).max(-1, keepdims=True)
    return np.where(sd > 1e-12 * scale, residual / np.where(sd > 0, sd, 1.0), np.nan)
