"""Ecosystem respiration as a function of temperature: Q10, and Lloyd and Taylor.

Respiration at the reference temperature is a number, one per land cover class, a map,
or, by default, proportional to how green the land is: a constant would make deserts
respire as forests do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from xflux.baselines.respiration_model import Coefficient, Respiration, Scale

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LloydTaylor", "Q10Respiration"]

Array = NDArray[Any]


#: Where the default coefficients of fAPAR come from.
_TOWERS = (
    "least squares to RECO of 76 FLUXNET2015 towers, monthly 2001-2016, none of them in the ICOS "
    "Warm Winter 2020 set, each site of one weight, standard error clustered by site; "
    "tests/benchmarks/table_respiration.py"
)
_UFLUX = "15 x NIRv, in the code of UFLUX (songyanzhu/UFLUX_emulator_paper, trendy_emulator.py)"


@dataclass(frozen=True, eq=False, repr=False)
class Q10Respiration(Respiration):
    """Respiration that grows by a constant factor per 10 degC (van 't Hoff).

    Parameters
    ----------
    r_ref : float, mapping, DataArray or None
        Respiration at `t_ref`, g m-2 d-1 of carbon: one number, one per IGBP class
        (``{"ENF": 3.1, ...}``, or codes; other classes come out NaN), or a map. None
        makes it proportional to `scale_by`, by the documented coefficient.
    q10 : float, default 1.5
        Factor per 10 degC.
    t_ref : float, default 10
        Reference temperature, degC.
    scale_by : {"fapar", "nirv"}, optional
        What `r_ref` is proportional to: it is then respiration at an fAPAR or NIRv of
        1. "fapar" when `r_ref` is None; else `r_ref` is absolute.

    Attributes
    ----------
    inputs, outputs : tuple of str
        Canonical names: ``("ta", "fapar")`` by default, and ``("reco",)``.
    labelled : mapping
        ``{"r_ref": ...}`` where `r_ref` is a DataArray.
    coefficients : mapping
        Default `r_ref` per unit of fAPAR and NIRv, with standard error and source.
    summary : Dataset or None
        Of the fit that made this model.

    Notes
    -----
    ``R = r_ref q10^((ta - t_ref) / 10)``. What some papers print under the name of Lloyd
    and Taylor is this equation.

    The coefficients hold for the default `q10` and `t_ref`: for others, fit. On the 55
    ICOS towers, which they have not seen, the default scores an r2 (1 - SSE / SST) of 0.41
    and is 0.8 g m-2 d-1 (22 %) too low, these towers respiring more at the same fAPAR
    than those elsewhere; a fit scores 0.56 on sites left out. Over the globe the default
    gives about 100 Pg a-1.

    References
    ----------
    van 't Hoff (1898), Lectures on Theoretical and Physical Chemistry.

    Examples
    --------
    >>> Q10Respiration(r_ref=2.0)([10.0, 20.0])
    array([2., 3.])
    >>> Q10Respiration(r_ref={"ENF": 2.0, "GRA": 4.0})([10.0, 10.0, 10.0], [1, 10, 4])
    array([ 2.,  4., nan])
    """

    r_ref: Any = None
    q10: float = 1.5
    t_ref: float = 10.0
    scale_by: Scale | None = None
    summary: xr.Dataset | None = field(default=None, compare=False, kw_only=True)

    coefficients: ClassVar[Mapping[Scale, Coefficient]] = {
        "fapar": Coefficient(4.23, 0.19, _TOWERS),
        "nirv": Coefficient(15.0, math.nan, _UFLUX),
    }
    sensitivity: ClassVar[str] = "q10"
    bounds: ClassVar[tuple[float, float]] = (0.5, 8.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(low=0.01, t_low=-100.0)

    def _loop(self, *, scaled: bool) -> Any:
        from xflux.baselines import respiration_kernels as kernels

        return kernels.q10_scaled if scaled else kernels.q10

    def _parameters(self) -> tuple[float, ...]:
        return (math.log(self.q10) / 10.0, self.t_ref)

    def response(self, ta: Array, sensitivity: float) -> tuple[Array, Array]:
        power = (ta - self.t_ref) / 10.0
        value = sensitivity**power
        return value, value * power / sensitivity


@dataclass(frozen=True, eq=False, repr=False)
class LloydTaylor(Respiration):
    """Respiration after Lloyd and Taylor (1994): its Q10 falls as it gets warmer.

    Parameters
    ----------
    r_ref : float, mapping, DataArray or None
        As for `Q10Respiration`.
    e0 : float, default 308.56
        Sensitivity to temperature, K.
    t_ref : float, default 10
        Reference temperature, degC.
    scale_by : {"fapar", "nirv"}, optional
        As for `Q10Respiration`.

    Attributes
    ----------
    inputs, outputs, labelled, coefficients, summary
        As for `Q10Respiration`.

    Notes
    -----
    ``R = r_ref exp(e0 (1 / (t_ref - T0) - 1 / (ta - T0)))``, Lloyd and Taylor (1994), eq. 11,
    with T0 = -46.02 degC (227.13 K). At and below T0 respiration is 0, its limit, down
    to the coldest valid temperature of -55 degC. The Q10 at a temperature is
    ``exp(10 e0 / (ta - T0)^2)``: 2.67 at 10 degC, 1.95 at 22 degC.

    The default `e0` is that of soil respiration by soil temperature. Monthly
    respiration of ecosystems by air temperature responds less (fits give about 200 K),
    so that the default scores an r2 of 0.14 on the ICOS towers, a fit 0.57 on sites left
    out. The coefficients hold for the default `e0` and `t_ref`.

    References
    ----------
    Lloyd and Taylor (1994), Functional Ecology 8, 315-323, doi:10.2307/2389824.

    Examples
    --------
    >>> LloydTaylor(r_ref=2.0)([-50.0, 10.0, 20.0]).round(3)
    array([0.   , 2.   , 4.606])
    """

    r_ref: Any = None
    e0: float = 308.56
    t_ref: float = 10.0
    scale_by: Scale | None = None
    summary: xr.Dataset | None = field(default=None, compare=False, kw_only=True)

    coefficients: ClassVar[Mapping[Scale, Coefficient]] = {
        "fapar": Coefficient(2.63, 0.15, _TOWERS),
        "nirv": Coefficient(9.3, math.nan, _UFLUX + ", x 2.63 / 4.23 for this response"),
    }
    sensitivity: ClassVar[str] = "e0"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1000.0)
    #: Temperature at which respiration reaches 0, degC (227.13 K; their eq. 11).
    t_zero: ClassVar[float] = -46.02

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(low=0.0, t_low=self.t_zero + 10.0)

    def _loop(self, *, scaled: bool) -> Any:
        from xflux.baselines import respiration_kernels as kernels

        return kernels.lloyd_taylor_scaled if scaled else kernels.lloyd_taylor

    def _parameters(self) -> tuple[float, ...]:
        return (self.e0, self.t_ref, self.t_zero)

    def response(self, ta: Array, sensitivity: float) -> tuple[Array, Array]:
        above = np.where(ta > self.t_zero, ta - self.t_zero, np.nan)
        inverse = 1.0 / (self.t_ref - self.t_zero) - 1.0 / above
        value = np.nan_to_num(np.exp(sensitivity * inverse))
        return value, np.nan_to_num(value * inverse)
