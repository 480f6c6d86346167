"""The P-model of C3 in plain NumPy, written as fast as whole-array operations allow.

It is the peer that shows what compiling is worth: the same equations, no compiler. The
equations stand in the notes of `xflux.PModel`; the viscosity is that of Huber et al.
(2009) with the density of Fisher and Dial (1975), in Horner form, without the zeros of
their table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["gpp", "gpp_in_blocks"]

Array = NDArray[Any]

_LAMBDA = (1788.316, 21.55053, -0.4695911, 3.096363e-3, -7.341182e-6)
_P0 = (5918.499, 58.05267, -1.1253317, 6.6123869e-3, -1.4661625e-5)
_V_INFINITY = (
    0.6980547, -7.435626e-4, 3.704258e-5, -6.315724e-7, 9.829576e-9,
    -1.197269e-10, 1.005461e-12, -5.437898e-15, 1.69946e-17, -2.295063e-20,
)  # fmt: skip
#: H_ij of Huber et al. (2009), table 3: a row for each power of (rho - 1), lowest first.
_H = (
    (0.520094, 0.0850895, -1.08374, -0.289555),
    (0.222531, 0.999115, 1.88797, 1.26613, 0.0, 0.120573),
    (-0.281378, -0.906851, -0.772479, -0.489837, -0.25704),
    (0.161913, 0.257399),
    (-0.0325372, 0.0, 0.0, 0.0698452),
    (0.0, 0.0, 0.0, 0.0, 0.00872102),
    (0.0, 0.0, 0.0, -0.00435673, 0.0, -0.000593264),
)


def _horner(x: Array, coefficients: Sequence[float]) -> Array:
    y = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        y *= x
        if coefficient:
            y += coefficient
    return y


def _viscosity(ta: Array, patm: Array) -> Array:
    """Return the viscosity of water, Pa s."""
    t = (ta + 273.15) / 647.096
    density = 1e3 / (
        _horner(ta, _V_INFINITY) + _horner(ta, _LAMBDA) / (_horner(ta, _P0) + 1e-5 * patm)
    )
    rho = density / 322.0
    inverse = 1.0 / t
    x, y = inverse - 1.0, rho - 1.0
    h = _horner(x, _H[-1])
    for row in _H[-2::-1]:
        h *= y
        h += _horner(x, row)
    dilute = _horner(inverse, (1.67752, 2.20462, 0.6366564, -0.241605))
    return 1e-4 * np.sqrt(t) / dilute * np.exp(rho * h)


_REFERENCE_VISCOSITY = float(_viscosity(np.array([25.0]), np.array([101325.0]))[0])


def gpp(ta: Array, vpd: Array, co2: Array, patm: Array, fapar: Array, ppfd: Array) -> Array:
    """Return GPP, g m-2 d-1 of carbon, with the preset BRC and the limit of Wang et al. (2017).

    Inputs are those of `xflux.PModel`, above -25 degC and above 0 in vpd.
    """
    warmth = (ta - 25.0) / (ta + 273.15)
    per_energy = 1.0 / (8.3145 * 298.15)
    gammastar = 4.332 / 101325 * patm * np.exp(37830 * per_energy * warmth)
    kmm = 39.97 * (
        np.exp(79430 * per_energy * warmth)
        + 0.209476 / 27480 * patm * np.exp((79430 - 36380) * per_energy * warmth)
    )
    ns_star = _viscosity(ta, patm) / _REFERENCE_VISCOSITY
    xi = np.sqrt(146 / 1.6 * (kmm + gammastar) / ns_star)
    above = 1e-6 * co2 * patm - gammastar
    m = above / (above + 3.0 * gammastar * (1.0 + np.sqrt(100.0 * vpd) / xi))
    with np.errstate(invalid="ignore"):
        limited = m * np.sqrt(1.0 - np.cbrt(0.41 / m) ** 2)
    phi0 = np.maximum(0.352 + ta * (0.022 - 0.00034 * ta), 0.0)
    absorbed = 0.081785 * 12.0107e-6 * 86400 * phi0 * fapar * ppfd
    return np.where(absorbed == 0.0, 0.0, absorbed * limited)


def gpp_in_blocks(*arrays: Array, size: int = 20_000) -> Array:
    """Return the same, block by block, so that temporaries stay in the cache."""
    out = np.empty_like(arrays[0])
    for start in range(0, out.size, size):
        part = slice(start, start + size)
        out[part] = gpp(*(array[part] for array in arrays))
    return out
