"""The metrics: plain NumPy functions of the moments of pairs.

Each is defined once, on `Moments`; the functions of arrays (`rmse`, `bias`, ...) and
the labelled `xflux.evaluate` are made from it. There is no bare "r2": the coefficient
of determination and the squared correlation differ, and both are named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xflux.errors import InputError
from xflux.skill.moments import Floats, Moments, of_pairs

__all__ = [
    "DEFAULT",
    "METRICS",
    "Metric",
    "Norm",
    "SlopeOn",
    "bias",
    "compute",
    "intercept",
    "mae",
    "n",
    "nnse",
    "nrmse",
    "pearson_r",
    "r2_nse",
    "r2_pearson",
    "ratio_to_mean",
    "rmse",
    "slope",
]

Norm = Literal["mean", "sd", "range", "iqr"]
SlopeOn = Literal["observations", "predictions"]

#: Below this ratio of mean to standard deviation an error relative to the mean means nothing.
_SMALLEST_MEAN = 0.1


def _ratio(numerator: Floats, denominator: Floats, where: NDArray[np.bool_]) -> Floats:
    """Divide, NaN where the metric is not defined."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=where & (denominator != 0))
    return out


def ratio_to_mean(values: Floats, mean: Floats, sd: Floats) -> Floats:
    """Divide by the absolute mean; NaN where it is less than a tenth of `sd`.

    Of a flux that crosses zero, such as NEE, the mean is no scale.
    """
    return _ratio(values, np.abs(mean), np.abs(mean) >= _SMALLEST_MEAN * sd)


# Extremes tell a constant exactly, where its variance is often 1e-33 and not 0. They are equal
# with one pair, and the wrong way round with none.
def _observed_varies(m: Moments) -> NDArray[np.bool_]:
    varies: NDArray[np.bool_] = m.max_observed > m.min_observed
    return varies


def _predicted_varies(m: Moments) -> NDArray[np.bool_]:
    varies: NDArray[np.bool_] = m.max_predicted > m.min_predicted
    return varies


def _n(m: Moments) -> Floats:
    return m.n


def _rmse(m: Moments) -> Floats:
    return np.sqrt(_ratio(m.error_square, m.weight, m.n > 0))


def _mae(m: Moments) -> Floats:
    return _ratio(m.error_absolute, m.weight, m.n > 0)


def _bias(m: Moments) -> Floats:
    return _ratio(m.error, m.weight, m.n > 0)


def _r2_nse(m: Moments) -> Floats:
    return 1.0 - _ratio(m.error_square, m.square_observed, _observed_varies(m))


def _r2_pearson(m: Moments) -> Floats:
    # The product of both slopes: exactly 1 where all is equal, and it cannot over- or underflow.
    forth = _ratio(m.cross, m.square_observed, _observed_varies(m))
    back = _ratio(m.cross, m.square_predicted, _predicted_varies(m))
    return np.minimum(forth * back, 1.0)


def _pearson_r(m: Moments) -> Floats:
    return np.copysign(np.sqrt(_r2_pearson(m)), m.cross)


def _nnse(m: Moments) -> Floats:
    return 1.0 / (2.0 - _r2_nse(m))


def _slope(m: Moments, on: SlopeOn = "observations") -> Floats:
    if on == "observations":
        return _ratio(m.cross, m.square_observed, _observed_varies(m))
    return _ratio(m.cross, m.square_predicted, _predicted_varies(m))


def _intercept(m: Moments, on: SlopeOn = "observations") -> Floats:
    if on == "observations":
        return m.mean_predicted - _slope(m, on) * m.mean_observed
    return m.mean_observed - _slope(m, on) * m.mean_predicted


def _nrmse(m: Moments, norm: Norm = "mean", iqr: Floats | None = None) -> Floats:
    spread = np.sqrt(_ratio(m.square_observed, m.weight, m.n > 0))
    if norm == "iqr":
        if iqr is None:
            raise InputError(
                "norm='iqr' needs the interquartile range, which moments do not hold; pass iqr=..."
            )
        return _ratio(_rmse(m), iqr, (m.n > 0) & (iqr > 0))
    if norm == "mean":
        return ratio_to_mean(_rmse(m), m.mean_observed, spread)
    if norm == "sd":
        return _ratio(_rmse(m), spread, _observed_varies(m))
    with np.errstate(invalid="ignore"):  # no pairs: inf - inf
        return _ratio(_rmse(m), m.max_observed - m.min_observed, _observed_varies(m))


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, what it says, its unit and its formula.

    Attributes
    ----------
    name, long_name : str
    in_flux_units : bool
        Whether it bears the unit of the flux (else it is a pure number).
    formula : callable
        Of `Moments`.
    """

    name: str
    long_name: str
    in_flux_units: bool
    formula: Callable[..., Floats]


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("r2_nse", "Coefficient of determination 1 - SSE/SST (Nash-Sutcliffe efficiency)",
               False, _r2_nse),
        Metric("r2_pearson", "Squared Pearson correlation", False, _r2_pearson),
        Metric("rmse", "Root mean squared error", True, _rmse),
        Metric("nrmse", "Normalized root mean squared error", False, _nrmse),
        Metric("mae", "Mean absolute error", True, _mae),
        Metric("bias", "Mean of predicted minus observed", True, _bias),
        Metric("slope", "Slope of the linear regression", False, _slope),
        Metric("intercept", "Intercept of the linear regression", True, _intercept),
        Metric("n", "Number of pairs", False, _n),
        Metric("pearson_r", "Pearson correlation", False, _pearson_r),
        Metric("nnse", "Normalized Nash-Sutcliffe efficiency 1/(2 - NSE)", False, _nnse),
    )
}  # fmt: skip

#: What `xflux.evaluate` returns unless asked otherwise.
DEFAULT = (
    "r2_nse", "r2_pearson", "rmse", "nrmse", "mae", "bias", "slope", "intercept", "n",
)  # fmt: skip


def compute(
    name: str,
    moments: Moments,
    *,
    norm: Norm = "mean",
    slope_on: SlopeOn = "observations",
    iqr: Floats | None = None,
) -> Floats:
    """Compute one metric from moments.

    Parameters
    ----------
    name : str
        A key of `METRICS`.
    moments : Moments
    norm : {"mean", "sd", "range", "iqr"}
        What ``nrmse`` divides by.
    slope_on : {"observations", "predictions"}
        Which side ``slope`` and ``intercept`` regress on.
    iqr : ndarray, optional
        Interquartile range of the observations, for ``norm="iqr"``.

    Returns
    -------
    ndarray
    """
    formula = METRICS[name].formula
    if name == "nrmse":
        return formula(moments, norm, iqr)
    if name in ("slope", "intercept"):
        return formula(moments, slope_on)
    return formula(moments)


class _ArrayMetric(Protocol):
    __doc__: str | None

    def __call__(
        self,
        observed: ArrayLike,
        predicted: ArrayLike,
        weights: ArrayLike | None = None,
        axis: int | None = None,
        **options: str,
    ) -> Floats: ...


_DOC = """{summary}

    Parameters
    ----------
    observed, predicted : array_like
        Same unit, broadcast against each other; a pair with a NaN is dropped.
    weights : array_like, optional
        Not negative, no NaN; broadcast against the others.
    axis : int, optional
        Axis to reduce; None reduces all.{options}

    Returns
    -------
    ndarray
        float64 [{unit}]; NaN where the metric is not defined.

    Notes
    -----
    {notes}
    """


def _of_arrays(name: str, summary: str, notes: str, options: str = "") -> _ArrayMetric:
    """Make the function of arrays from the formula of moments."""

    def metric(
        observed: ArrayLike,
        predicted: ArrayLike,
        weights: ArrayLike | None = None,
        axis: int | None = None,
        **options: str,
    ) -> Floats:
        given = [np.asarray(a) for a in (observed, predicted, weights) if a is not None]
        arrays = np.broadcast_arrays(*given)
        if axis is None:
            o, p, *w = (array.reshape(-1) for array in arrays)
        else:
            o, p, *w = (np.moveaxis(array, axis, -1) for array in arrays)
        moments = Moments.split(of_pairs(o, p, w[0] if w else None)[..., 0, :])
        return METRICS[name].formula(moments, **options)

    metric.__name__ = metric.__qualname__ = name
    unit = "unit of the flux" if METRICS[name].in_flux_units else "1"
    metric.__doc__ = _DOC.format(summary=summary, notes=notes, options=options, unit=unit)
    return metric


_ON = """
    on : {"observations", "predictions"}
        The regressor. Observations: predicted = slope x observed + intercept."""
_NORM = """
    norm : {"mean", "sd", "range"}
        What the error is divided by."""

n = _of_arrays("n", "Count the pairs.", "Pairs without a NaN and of positive weight.")
rmse = _of_arrays(
    "rmse", "Root mean squared error.",
    "sqrt(sum w (p - o)^2 / sum w); Zhu et al. (2026), eq. 19.",
)  # fmt: skip
mae = _of_arrays(
    "mae", "Mean absolute error.", "sum w abs(p - o) / sum w; Zhu et al. (2026), eq. 23."
)
bias = _of_arrays("bias", "Mean of predicted minus observed.", "sum w (p - o) / sum w.")
nrmse = _of_arrays(
    "nrmse", "Normalized root mean squared error.",
    "RMSE / abs(mean(o)); Zhu et al. (2026), eq. 20. NaN where the mean is less than a tenth\n"
    "    of the standard deviation (1/n form): relative to a mean near 0 an error means nothing.",
    _NORM,
)  # fmt: skip
r2_nse = _of_arrays(
    "r2_nse", "Coefficient of determination, or Nash-Sutcliffe efficiency.",
    "1 - sum w (p - o)^2 / sum w (o - mean(o))^2; Nash and Sutcliffe (1970), Zhu et al. (2026),\n"
    "    eq. 18. At most 1; 0 is as good as the mean. Constant observations or a single pair: NaN.",
)  # fmt: skip
r2_pearson = _of_arrays(
    "r2_pearson", "Squared Pearson correlation.",
    "What the tables of Zhu et al. (2026) hold under the name of r2: blind to bias and scale.\n"
    "    A constant side or a single pair: NaN.",
)  # fmt: skip
pearson_r = _of_arrays("pearson_r", "Pearson correlation.", "A constant side or one pair: NaN.")
nnse = _of_arrays(
    "nnse", "Normalized Nash-Sutcliffe efficiency.",
    "1 / (2 - NSE); Upton et al. (2024). In (0, 1]; 0.5 where NSE = 0.",
)  # fmt: skip
slope = _of_arrays(
    "slope", "Slope of the linear regression of predicted on observed.",
    "Zhu et al. (2026), Table 4; their eq. 21 regresses observed on predicted, which\n"
    "    ``on=\"predictions\"`` gives.", _ON,
)  # fmt: skip
intercept = _of_arrays(
    "intercept", "Intercept of the linear regression of predicted on observed.",
    "mean(p) - slope x mean(o); Zhu et al. (2026), eq. 22.", _ON,
)  # fmt: skip
