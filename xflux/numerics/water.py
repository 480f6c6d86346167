"""Density and viscosity of liquid water, as scalar functions that LLVM vectorises.

The density is the Tumlirz equation as fitted by Fisher and Dial (1975); the viscosity
is the IAPWS formulation of Huber et al. (2009) without its critical enhancement. Both
hold from about -25 to 110 degC near atmospheric pressure: below -30 degC the density
loses its meaning, at -45 degC its equation has a pole.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any, TypeAlias

import numpy as np

from xflux.numerics.elementary import exp_normal, horner, like
from xflux.numerics.jit import inline

Rows: TypeAlias = tuple[tuple[float, ...], ...]

__all__ = ["water_density", "water_fluidity", "water_viscosity"]

# Fisher and Dial (1975), tables 1 and 2, in powers of degC: lambda (bar cm3 g-1), P0 (bar)
# and V_infinity (cm3 g-1).
_LAMBDA = (1788.316, 21.55053, -0.4695911, 3.096363e-3, -7.341182e-6)
_P0 = (5918.499, 58.05267, -1.1253317, 6.6123869e-3, -1.4661625e-5)
_V_INFINITY = (
    0.6980547, -7.435626e-4, 3.704258e-5, -6.315724e-7, 9.829576e-9,
    -1.197269e-10, 1.005461e-12, -5.437898e-15, 1.69946e-17, -2.295063e-20,
)  # fmt: skip

# Huber et al. (2009): reference values (K, kg m-3, Pa s), the coefficients H_i of their
# table 2, and H_ij of table 3 as one polynomial in (1 / T - 1) for each power of (rho - 1).
_KELVIN = 273.15
_T_REFERENCE, _RHO_REFERENCE, _MU_REFERENCE = 647.096, 322.0, 1e-6
_DILUTE = (1.67752, 2.20462, 0.6366564, -0.241605)
_H = (
    ("0.520094", "0.0850895", "-1.08374", "-0.289555", "0", "0"),
    ("0.222531", "0.999115", "1.88797", "1.26613", "0", "0.120573"),
    ("-0.281378", "-0.906851", "-0.772479", "-0.489837", "-0.25704", "0"),
    ("0.161913", "0.257399", "0", "0", "0", "0"),
    ("-0.0325372", "0", "0", "0.0698452", "0", "0"),
    ("0", "0", "0", "0", "0.00872102", "0"),
    ("0", "0", "0", "-0.00435673", "0", "-0.000593264"),
)


def _centred(table: tuple[tuple[str, ...], ...], x0: Fraction, y0: Fraction) -> Rows:
    """Return the coefficients of the same polynomial in powers of x - x0 and y - y0.

    As printed, terms near 90 cancel to 5, which costs float32 two digits. Around the
    state of water at 25 degC the first term is the sum, and the others are small.
    """
    rows = [[Fraction(value) for value in row] for row in table]
    return tuple(
        tuple(
            float(
                sum(
                    rows[j][i] * comb(i, m) * x0 ** (i - m) * comb(j, n) * y0 ** (j - n)
                    for j in range(n, len(rows))
                    for i in range(m, len(rows[j]))
                )
            )
            for m in range(len(rows[0]))
        )
        for n in range(len(rows))
    )


_T_CENTRE, _RHO_CENTRE = 298.15, 998.2
_C0, _C1, _C2, _C3, _C4, _C5, _C6 = _centred(
    _H, Fraction("647.096") / Fraction("298.15") - 1, Fraction("998.2") / 322 - 1
)


@inline
def _tumlirz(ta, patm):
    """Return numerator and denominator of the density (g cm-3), 1 / (V + lambda / (P0 + p))."""
    pressure = horner(ta, _P0) + like(1e-5, ta) * patm
    return pressure, horner(ta, _V_INFINITY) * pressure + horner(ta, _LAMBDA)


@inline
def water_density(ta: Any, patm: Any) -> Any:
    """Return the density of water.

    Parameters
    ----------
    ta : float
        Temperature (degC), from -30 to 110.
    patm : float
        Pressure (Pa).

    Returns
    -------
    float
        Density (kg m-3), in the dtype of `ta`.

    References
    ----------
    Fisher, F. H. and Dial, O. E. (1975). Equation of state of pure water and sea water.
    Tech. Rep. MPL-U-99/67, Scripps Institution of Oceanography; eqs 2 to 5.
    """
    pressure, volume = _tumlirz(ta, patm)
    return like(1e3, ta) * pressure / volume


@inline
def water_fluidity(ta: Any, patm: Any) -> Any:
    """Return one over the viscosity of water, which takes no further division.

    Parameters
    ----------
    ta : float
        Temperature (degC), from -25 to 110; beyond, the result is any number.
    patm : float
        Pressure (Pa).

    Returns
    -------
    float
        Fluidity (Pa-1 s-1), in the dtype of `ta`.

    Notes
    -----
    With ``t = T / 647.096 K`` and ``r = rho / 322 kg m-3``, the viscosity is
    ``mu0 mu1 1e-6 Pa s``, where ``mu0 = 100 sqrt(t) / sum_i H_i t^-i`` and
    ``mu1 = exp(r sum_i (1/t - 1)^i sum_j H_ij (r - 1)^j)``.

    References
    ----------
    Huber, M. L. et al. (2009). New international formulation for the viscosity of H2O.
    J. Phys. Chem. Ref. Data 38, 101-125; eqs 2, 11 and 12, tables 2 and 3.
    """
    one = like(1.0, ta)
    kelvin = ta + like(_KELVIN, ta)
    pressure, volume = _tumlirz(ta, patm)
    # One division for both 1 / t and r.
    inverse = one / (kelvin * volume)
    cold = like(_T_REFERENCE, ta) * volume * inverse
    rho = like(1e3 / _RHO_REFERENCE, ta) * pressure * kelvin * inverse
    x = like(_T_REFERENCE / _T_CENTRE, ta) * (like(_T_CENTRE - _KELVIN, ta) - ta) * volume * inverse
    y = rho - like(_RHO_CENTRE / _RHO_REFERENCE, ta)
    h = horner(x, _C5) + y * horner(x, _C6)
    h = horner(x, _C4) + y * h
    h = horner(x, _C3) + y * h
    h = horner(x, _C2) + y * h
    h = horner(x, _C1) + y * h
    h = horner(x, _C0) + y * h
    dilute = horner(cold, _DILUTE) * np.sqrt(cold)
    return like(0.01 / _MU_REFERENCE, ta) * dilute * exp_normal(-rho * h)


@inline
def water_viscosity(ta: Any, patm: Any) -> Any:
    """Return the dynamic viscosity of water.

    Parameters
    ----------
    ta : float
        Temperature (degC), from -25 to 110; beyond, the result is any number.
    patm : float
        Pressure (Pa).

    Returns
    -------
    float
        Viscosity (Pa s), in the dtype of `ta`.

    See Also
    --------
    water_fluidity : The equations, and their source.
    """
    return like(1.0, ta) / water_fluidity(ta, patm)
