"""Skill across sites, in the mean seasonal cycle, and in the anomalies.

The skill of pooled data is mostly that of season and site. Each value is the sum of

- the mean of its site: over the periods of the site's mean seasonal cycle, each once;
- the mean seasonal cycle (MSC) minus that mean: for each period of the year, the mean
  over the years;
- the anomaly: the deviation from the MSC.

References
----------
Tramontana, G. et al. (2016): Predicting carbon dioxide and energy fluxes across global
FLUXNET sites with regression algorithms. Biogeosciences 13, 4291-4313,
doi:10.5194/bg-13-4291-2016.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xflux.skill.cycle import Cycle, periods, years
from xflux.skill.moments import Floats
from xflux.skill.reduction import GROUP, MOMENT, Codes, Pair, pair_sums

__all__ = ["COMPONENTS", "PERIOD", "climatology", "components"]

COMPONENTS = ("total", "across_sites", "seasonal_cycle", "anomalies")

#: Dimension of a mean seasonal cycle.
PERIOD = "_period"

#: Deviations from a mean that are smaller, relative to it, come of rounding.
_ROUNDING = 1e-12


def components(
    pair: Pair,
    reduce: Sequence[Hashable],
    time: xr.DataArray,
    *,
    cycle: Cycle = "auto",
    min_years: int = 2,
) -> dict[str, tuple[Pair, tuple[Hashable, ...]]]:
    """Split pairs into the components of Tramontana et al. (2016).

    Parameters
    ----------
    pair : Pair
        With the dimension of `time`; each point of the others is a site.
    reduce : sequence of hashable
        Dimensions that the pairs are to be reduced over, time among them.
    time : DataArray
        Dates, along the dimension of its own name.
    cycle : {"auto", "month", "8-day", "day"}
        See `xflux.skill.cycle.periods`.
    min_years : int
        A period of a site counts when it has pairs in at least so many years. Where none
        does, the site has neither mean, nor cycle, nor anomalies.

    Returns
    -------
    dict
        By component: its pairs, and the dimensions to reduce them over. Observed and
        predicted means are of the same pairs. A weight of a period is the mean weight of its
        pairs; of a site, that of its periods.

    Notes
    -----
    Anomalies need the data a second time, after the MSC: of lazy data with many chunks in
    time all chunks stay in memory, or are read twice. Chunk large grids in space, with
    ``.chunk(time=-1)``.
    """
    (dim,) = time.dims
    numbers, size = periods(time, cycle)
    mean = climatology(pair, time, numbers, size, min_years=min_years)
    site = Pair(
        mean.observed.mean(PERIOD),
        mean.predicted.mean(PERIOD),
        _no_gaps(mean.weights, mean=True),
        pair.units,
    )
    season = Pair(
        _difference(mean.observed, site.observed),
        _difference(mean.predicted, site.predicted),
        _no_gaps(mean.weights, mean=False),
        pair.units,
    )
    codes = xr.Variable((dim,), numbers)
    anomaly = Pair(
        _deviation(pair.observed, codes, mean.observed),
        _deviation(pair.predicted, codes, mean.predicted),
        pair.weights,
        pair.units,
    )
    places = tuple(other for other in reduce if other != dim)
    return {
        "total": (pair, tuple(reduce)),
        "across_sites": (site, places),
        "seasonal_cycle": (season, (*places, PERIOD)),
        "anomalies": (anomaly, tuple(reduce)),
    }


def climatology(
    pair: Pair,
    time: xr.DataArray,
    numbers: NDArray[np.int64],
    size: int,
    *,
    min_years: int = 1,
) -> Pair:
    """Average pairs over the years, period by period of the year.

    Parameters
    ----------
    pair : Pair
    time : DataArray
        Dates.
    numbers : ndarray of int
        Period of each time step.
    size : int
        Number of periods.
    min_years : int
        Years with pairs that a period needs; else NaN.

    Returns
    -------
    Pair
        With the dimension `PERIOD`, which is last, in place of time.
    """
    (dim,) = time.dims
    year, present = years(time)
    both = year * size + numbers
    # One step a period and year, as in monthly data: pairs are years, and need no telling apart.
    once = len(np.unique(both)) == len(both)
    many = 1 if once else len(present)
    codes = Codes(xr.Variable((dim,), numbers if once else both), size * many)
    state = pair_sums(pair, dim, codes)
    means = xr.apply_ufunc(
        partial(_means, years=many, min_years=min_years),
        state,
        input_core_dims=[[GROUP, MOMENT]],
        output_core_dims=[[PERIOD, "_side"]],
        dask="parallelized",
        output_dtypes=[np.float64],
        dask_gufunc_kwargs={"output_sizes": {PERIOD: size, "_side": 3}},
    )
    observed, predicted, weights = (means.isel(_side=side) for side in range(3))
    return Pair(observed, predicted, None if pair.weights is None else weights, pair.units)


def _means(state: Floats, *, years: int, min_years: int) -> Floats:
    """Mean observed, mean predicted and mean weight of each period."""
    *kept, groups, length = state.shape
    by_year = state.reshape(*kept, years, groups // years, length)
    n, weight, sum_o, sum_p = np.moveaxis(by_year.sum(len(kept)), -1, 0)
    seen = n if years == 1 else (by_year[..., 0] > 0).sum(len(kept))
    with np.errstate(invalid="ignore"):  # 0 / 0 where there is no pair
        means = np.stack([sum_o / weight, sum_p / weight, weight / n], axis=-1)
    return np.where((seen >= max(min_years, 1))[..., None], means, np.nan)


def _no_gaps(weights: xr.Variable | None, *, mean: bool) -> xr.Variable | None:
    """Give what has no pair the weight 0: a weight must not be NaN."""
    if weights is None:
        return None
    weights = weights.mean(PERIOD) if mean else weights
    return weights.fillna(0.0)


def _deviation(values: xr.Variable, codes: xr.Variable, mean: xr.Variable) -> xr.Variable:
    (dim,) = codes.dims
    # The order in which the kernel gets the dimensions: as they come up, the core one last.
    order = tuple(dict.fromkeys((*values.dims, dim, *mean.dims[:-1])))
    deviation: xr.Variable = xr.apply_ufunc(
        partial(_minus_mean, axis=order.index(dim), ndim=len(order)),
        values,
        codes,
        mean,
        input_core_dims=[[], [], [PERIOD]],
        dask="parallelized",
        output_dtypes=[np.float64],
    )
    return deviation


def _minus_mean(
    values: NDArray[np.generic], codes: NDArray[np.int64], mean: Floats, *, axis: int, ndim: int
) -> Floats:
    """Take the mean of its period off each value; `axis` is that of time."""
    # Axes that an array lacks in front are not there at all; those in between have length 1.
    mean = mean.reshape((1,) * (ndim + 1 - mean.ndim) + mean.shape)
    expected = np.take(mean, codes.reshape(-1), axis=-1)
    expected = np.swapaxes(expected, axis, -1)[..., 0]
    return _rounded_off(values.astype(np.float64) - expected, expected)


def _difference(values: xr.Variable, mean: xr.Variable) -> xr.Variable:
    difference: xr.Variable = xr.apply_ufunc(
        _minus,
        values,
        mean,
        dask="parallelized",
        output_dtypes=[np.float64],
    )
    return difference


def _minus(values: Floats, mean: Floats) -> Floats:
    return _rounded_off(values - mean, mean)


def _rounded_off(difference: Floats, mean: Floats) -> Floats:
    """Make what is rounding alone 0: a cycle that repeats exactly has no anomalies to score."""
    return np.where(np.abs(difference) <= _ROUNDING * np.abs(mean), 0.0, difference)
