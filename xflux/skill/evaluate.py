"""Score predictions against observations: labelled, lazy, grouped, decomposed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.attach import generated
from xflux.skill.cycle import Cycle
from xflux.skill.groups import By
from xflux.skill.metrics import DEFAULT, METRICS, Norm, SlopeOn, compute
from xflux.skill.moments import Floats, Moments
from xflux.skill.pairs import match
from xflux.skill.reduction import MOMENT
from xflux.skill.table import Dims, Table, tabulate

__all__ = ["check_options", "describe_metric", "evaluate", "flux_units"]

Data = TypeVar("Data", xr.DataArray, xr.Dataset)

_NORMS = {
    "mean": "mean",
    "sd": "standard deviation",
    "range": "range",
    "iqr": "interquartile range",
}


def evaluate(
    observed: Data,
    predicted: Data,
    *,
    dim: Dims = None,
    by: By | None = None,
    weights: xr.DataArray | None = None,
    decompose: bool = False,
    variables: Sequence[str] | None = None,
    metrics: Sequence[str] = DEFAULT,
    norm: Norm = "mean",
    slope_on: SlopeOn = "observations",
    cycle: Cycle = "auto",
    min_years: int = 2,
    independent: bool | None = None,
) -> xr.Dataset:
    """Score predictions against observations.

    Parameters
    ----------
    observed, predicted : DataArray or Dataset
        Both of one kind, of equal coordinates along the dimensions that they share; either
        may have more, which are kept, such as ``estimate`` or ``member``. Of Datasets, every
        flux that both hold is scored. A pair with a NaN on either side is dropped, and so is
        one outside the valid range of `xflux.variables`, such as -9999.
        Predictions are converted into the units of the observations.
    dim : str or iterable of hashable, optional
        Dimensions to reduce; None: all that observed and predicted share.
    by : str, DataArray, mapping or a sequence of them, optional
        Groups: a coordinate or variable (``"igbp"``; classes with CF ``flag_values`` and
        ``flag_meanings`` come out by name, all of them, ``n`` = 0 where there is no pair), a
        part of the date (``"season"``, ``"month"``, ``"year"``, ``"dayofyear"``,
        ``"hour"``), a dimension (``"site"``: it is kept), labels, or edges of bins:
        ``{"observed": [0, 5, np.inf]}`` groups by the observed value, in its units,
        ``{"lat": [-90, 0, 90]}`` by any other; a bin holds its lower edge. The dimensions of
        the groups are reduced whatever `dim` says. Pairs of no group are left out.
    weights : DataArray, optional
        Such as cell areas, >= 0, of some of the pairs' dimensions. Weights of lazy data are
        checked when they are computed.
    decompose : bool
        Add the dimension ``component``: ``total``; ``across_sites`` (site means);
        ``seasonal_cycle`` (mean seasonal cycle minus site mean, one pair a site and period);
        ``anomalies`` (deviations from the mean seasonal cycle). Every point of the
        dimensions other than time is a site. It takes the data twice: chunk large grids in
        space, ``.chunk(time=-1)``. See `xflux.skill.decompose`.
    variables : sequence of str, optional
        Canonical names to score in place of the fluxes, such as ``["cVeg"]``.
    metrics : sequence of str
        Also known: ``pearson_r``, ``nnse``.
    norm : {"mean", "sd", "range", "iqr"}
        What ``nrmse`` divides by, of the observations. The mean (taken without its sign): NaN
        where it is less than a tenth of the standard deviation, as of NEE. The standard
        deviation is that of the pairs (1/n). The interquartile range brings the reduced
        dimensions into one chunk, and takes no weights.
    slope_on : {"observations", "predictions"}
        Regressor of ``slope`` and ``intercept``. Observations: predicted = slope x observed +
        intercept.
    cycle : {"auto", "month", "8-day", "day"}
        Period of the mean seasonal cycle, for `decompose`: months for monthly data, 8 days
        for steps of 5 to 27 days, days for daily data.
    min_years : int
        Years with pairs that a period of a site's cycle needs, for `decompose`.
    independent : bool, optional
        Whether the observations took no part in making the predictions; written into the
        attributes, so that a score against training data says so.

    Returns
    -------
    Dataset
        float64, lazy where an input is lazy:

        - ``r2_nse`` [1]: 1 - SSE/SST, at most 1; ``r2_pearson`` [1]: squared correlation,
          0 to 1
        - ``rmse``, ``mae``, ``bias`` (predicted minus observed) [unit of the flux];
          ``nrmse`` [1]
        - ``slope`` [1], ``intercept`` [unit of the flux]
        - ``n`` [1]: number of pairs, int64

        Dimensions: ``flux`` (of Datasets only), ``component`` (with `decompose`), those that
        are kept, those of `by`. Select by ``score.sel(flux="gpp")``; the labels are
        ``score["flux"]``, since ``score.flux`` is the accessor. Where fluxes differ in units,
        the coordinate ``flux_units`` says which.

    Raises
    ------
    InputError
        When the two have opposite signs or unlike ``flux_definition``, or an option is not
        valid; when weights are NaN or negative.
    MissingVariableError
        When there is nothing to score, or no group of that name.
    GridMismatchError
        When coordinates disagree; the message says how to select.
    UnitsError
        When units do not convert into each other.

    Notes
    -----
    With weights w, observations o and predictions p::

        r2_nse     = 1 - sum w (p - o)^2 / sum w (o - mean o)^2
        r2_pearson = (sum w (o - mean o) (p - mean p))^2
                     / (sum w (o - mean o)^2 sum w (p - mean p)^2)

    Bins of the observed value are chosen by the outcome: within them slopes are below 1, bias is
    positive in the lowest and negative in the highest, and r2 is low, of a perfectly calibrated
    prediction with errors as well. Compare predictions in a bin, not one with the ideal.

    Papers call either "r2": Zhu et al. (2026) define the first (eq. 18) and tabulate the
    second. Undefined metrics are NaN: all without a pair; r2 and slope with one pair or a
    constant regressor. Sums are centred and in float64, and read the data once.

    References
    ----------
    Nash, J. E., Sutcliffe, J. V. (1970): River flow forecasting through conceptual models.
    Journal of Hydrology 10, 282-290.

    Tramontana, G. et al. (2016): Predicting carbon dioxide and energy fluxes across global
    FLUXNET sites with regression algorithms. Biogeosciences 13, 4291-4313.

    Zhu, S. et al. (2026), Agricultural and Forest Meteorology,
    doi:10.1016/j.agrformet.2026.111197.

    Examples
    --------
    >>> import xarray as xr
    >>> observed = xr.DataArray([1.0, 2.0, 3.0, float("nan")], dims="time")
    >>> predicted = xr.DataArray([2.0, 3.0, 4.0, 5.0], dims="time")
    >>> score = evaluate(observed, predicted)
    >>> float(score.bias), float(score.r2_pearson), float(score.r2_nse), int(score.n)
    (1.0, 1.0, -0.5, 3)
    """
    metrics = check_options(metrics, norm, slope_on, weights)
    table = tabulate(
        match(observed, predicted, weights, names=variables),
        observed,
        predicted,
        dim=dim,
        by=by,
        decompose=decompose,
        cycle=cycle,
        min_years=min_years,
        iqr=norm == "iqr" and "nrmse" in metrics,
    )
    result = xr.Dataset(
        {
            name: _metric(name, table, norm, slope_on).assign_attrs(
                describe_metric(name, table, norm, slope_on)
            )
            for name in metrics
        }
    )
    if independent is not None:
        result.attrs["independent"] = "true" if independent else "false"
    sides = [
        array
        for side in (observed, predicted)
        for array in (side.data_vars.values() if isinstance(side, xr.Dataset) else [side])
    ]
    mark = generated(sides)
    if mark:
        # Each score says so too, as a figure may be drawn of one alone.
        result.attrs["synthetic"] = mark
        for name in metrics:
            result[name].attrs["synthetic"] = mark
    return result.assign_coords(flux_units(table))


def check_options(
    metrics: Sequence[str] | str, norm: str, slope_on: str, weights: xr.DataArray | None
) -> tuple[str, ...]:
    """Check the options that `evaluate` and the bootstrap share; return the metrics."""
    metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        hint = "; r2 has two meanings, r2_nse and r2_pearson" if "r2" in unknown else ""
        raise InputError(
            f"metrics {unknown} are not known; the metrics are {', '.join(METRICS)}{hint}"
        )
    for option, value, known in (
        ("norm", norm, get_args(Norm)),
        ("slope_on", slope_on, get_args(SlopeOn)),
    ):
        if value not in known:
            raise InputError(f"{option}={value!r} is not known; use {', '.join(map(repr, known))}")
    if norm == "iqr" and weights is not None and "nrmse" in metrics:
        raise InputError("norm='iqr' takes no weights; use norm='sd', or evaluate without weights")
    return metrics


def _metric(name: str, table: Table, norm: Norm, slope_on: SlopeOn) -> xr.DataArray:
    arguments = [table.moments] if table.iqr is None else [table.moments, table.iqr]
    dtype: np.dtype[Any] = np.dtype(np.int64 if name == "n" else np.float64)
    metric: xr.DataArray = xr.apply_ufunc(
        partial(_compute, name=name, norm=norm, slope_on=slope_on, dtype=dtype),
        *arguments,
        input_core_dims=[[MOMENT], []][: len(arguments)],
        dask="parallelized",
        output_dtypes=[dtype],
    )
    return metric


def _compute(
    state: Floats,
    iqr: Floats | None = None,
    *,
    name: str,
    norm: Norm,
    slope_on: SlopeOn,
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    moments = Moments.split(state)
    return compute(name, moments, norm=norm, slope_on=slope_on, iqr=iqr).astype(dtype)


def describe_metric(name: str, table: Table, norm: Norm, slope_on: SlopeOn) -> dict[str, str]:
    """Return the attributes of a metric: what it says, in which units."""
    metric = METRICS[name]
    long_name = metric.long_name
    if name in ("slope", "intercept"):
        sides = (
            ("predicted", "observed") if slope_on == "observations" else ("observed", "predicted")
        )
        long_name += f" of {sides[0]} on {sides[1]}"
    if name == "nrmse":
        long_name += f", by the {_NORMS[norm]} of the observations"
    if not metric.in_flux_units:
        return {"long_name": long_name, "units": "1"}
    units = set(table.units.values())
    if len(units) > 1:
        return {"long_name": f"{long_name}, in the units of coordinate flux_units"}
    unit = units.pop()
    return {"long_name": long_name} if unit is None else {"long_name": long_name, "units": unit}


def flux_units(table: Table) -> dict[str, tuple[str, list[str], dict[str, str]]]:
    """Return the coordinate of the units of each flux; none for two DataArrays."""
    if None in table.units:
        return {}
    units = [unit or "" for unit in table.units.values()]
    return {"flux_units": ("flux", units, {"long_name": "Units of the flux"})}
