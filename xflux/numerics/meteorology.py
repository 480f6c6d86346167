"""Meteorology that stands in for what was not measured: humidity, pressure, radiation.

Functions of plain arrays that broadcast against each other, in the canonical units of
the variable table: temperatures in degC, vapour pressures in hPa, air pressure in Pa,
radiation in W m-2. float32 stays float32, NaN stays NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xflux.numerics.elementwise import floats
from xflux.numerics.humidity import (
    relative_humidity_from_dewpoint,
    relative_humidity_from_vpd,
    saturation_slope,
    saturation_vapour_pressure,
    vpd_from_dewpoint,
    vpd_from_relative_humidity,
    vpd_from_specific_humidity,
    vpd_from_vapour_pressure,
)
from xflux.numerics.radiation import (
    net_radiation,
    net_radiation_from_longwave,
    top_of_atmosphere_radiation,
)

__all__ = [
    "latent_heat_of_vaporisation",
    "mean_temperature",
    "ndvi_from_fapar",
    "ndvi_from_reflectance",
    "ndwi_from_reflectance",
    "net_radiation",
    "net_radiation_from_longwave",
    "nirv_from_ndvi",
    "nirv_from_reflectance",
    "par_from_shortwave",
    "potential_evapotranspiration",
    "ppfd_from_par",
    "ppfd_from_shortwave",
    "pressure_from_elevation",
    "psychrometric_constant",
    "relative_humidity_from_dewpoint",
    "relative_humidity_from_vpd",
    "same",
    "saturation_slope",
    "saturation_vapour_pressure",
    "top_of_atmosphere_radiation",
    "vpd_from_dewpoint",
    "vpd_from_relative_humidity",
    "vpd_from_specific_humidity",
    "vpd_from_vapour_pressure",
    "zero",
]

Array = NDArray[Any]

#: Photons per energy, umol J-1: of global radiation, and of its photosynthetic part.
_PHOTONS_OF_SHORTWAVE, _PHOTONS_OF_PAR = 2.04, 4.57
#: Photosynthetic part of the energy of global radiation, 2.04 / 4.57.
_PAR_OF_SHORTWAVE = 0.446


def same(values: ArrayLike) -> Array:
    """Return what was given: one variable stands in for another."""
    return np.asarray(values)


def zero() -> float:
    """Return 0, for a variable that is taken as absent."""
    return 0.0


def mean_temperature(ta_min: ArrayLike, ta_max: ArrayLike) -> Array:
    """Return the mean of minimum and maximum air temperature, degC."""
    low, high = floats(ta_min), floats(ta_max)
    return low + 0.5 * (high - low)


def pressure_from_elevation(elevation: ArrayLike) -> Array:
    """Return air pressure by the height above sea level.

    Parameters
    ----------
    elevation : array_like
        Height, m.

    Returns
    -------
    ndarray
        Pressure, Pa (1000 m: 90241.5).

    Notes
    -----
    ``p = 101325 (1 - L z / 298.15)^(g M / (R L))`` with L = 0.0065 K m-1, g = 9.80665,
    M = 0.028963 kg mol-1, R = 8.3145 (Berberan-Santos et al. 1997), as the P-model of
    Stocker et al. (2020) has it: the base is 298.15 K, not the 288.15 K of the
    standard atmosphere.
    """
    base, lapse = 298.15, 0.0065
    exponent = 9.80665 * 0.028963 / (8.3145 * lapse)
    return 101325.0 * (1.0 - (lapse / base) * floats(elevation)) ** exponent


def latent_heat_of_vaporisation(ta: ArrayLike) -> Array:
    """Return the heat that evaporates water, J kg-1 (20 degC: 2.454e6).

    Notes
    -----
    ``lambda = 2.501 - 0.002361 T`` MJ kg-1, FAO-56 annex 3 (Harrison 1963).
    """
    return 2.501e6 - 2361.0 * floats(ta)


def psychrometric_constant(patm: ArrayLike) -> Array:
    """Return the psychrometric constant, hPa degC-1, by air pressure, Pa.

    Notes
    -----
    ``gamma = 0.665e-3 p``, FAO-56 (Allen et al. 1998, eq. 8): 0.674 hPa degC-1 at sea level.
    """
    # 1 Pa is 0.01 hPa.
    return 0.665e-5 * floats(patm)


def potential_evapotranspiration(ta: ArrayLike, rnet: ArrayLike, patm: ArrayLike) -> Array:
    """Return the water that net radiation would evaporate where there is enough of it.

    Parameters
    ----------
    ta : array_like
        Air temperature, degC.
    rnet : array_like
        Net radiation, W m-2, ground heat flux being taken as 0; below 0 nothing evaporates.
    patm : array_like
        Air pressure, Pa.

    Returns
    -------
    ndarray
        Potential evapotranspiration, kg m-2 d-1.

    Notes
    -----
    ``E = 1.26 Delta / (Delta + gamma) R_n / lambda`` (Priestley and Taylor 1972).
    """
    slope = saturation_slope(ta)
    share = slope / (slope + psychrometric_constant(patm))
    energy = np.maximum(floats(rnet), 0.0)
    return 1.26 * 86400.0 * share * energy / latent_heat_of_vaporisation(ta)


def ppfd_from_shortwave(swin: ArrayLike) -> Array:
    """Return photon flux density, umol m-2 s-1: 2.04 umol J-1 x shortwave, W m-2, from 0 up.

    Pyranometers read a little below 0 at night.
    """
    return _PHOTONS_OF_SHORTWAVE * np.maximum(floats(swin), 0.0)


def ppfd_from_par(par: ArrayLike) -> Array:
    """Return photon flux density, umol m-2 s-1: 4.57 umol J-1 x PAR, W m-2 (McCree 1972)."""
    return _PHOTONS_OF_PAR * floats(par)


def par_from_shortwave(swin: ArrayLike) -> Array:
    """Return photosynthetically active radiation, W m-2: 0.446 of the shortwave."""
    return _PAR_OF_SHORTWAVE * floats(swin)


def ndvi_from_reflectance(red: ArrayLike, nir: ArrayLike) -> Array:
    """Return the normalized difference vegetation index from reflectances.

    Atmospheric correction leaves some dark pixels slightly negative; the index is
    held in -1 to 1, and NaN where the two reflectances sum to nothing.
    """
    return _normalized_difference(nir, red)


def ndwi_from_reflectance(nir: ArrayLike, swir: ArrayLike) -> Array:
    """Return the water index of vegetation, from reflectances at 0.86 and 1.24 um (Gao 1996).

    Held in -1 to 1, and NaN where the two reflectances sum to nothing.
    """
    return _normalized_difference(nir, swir)


def _normalized_difference(above: ArrayLike, below: ArrayLike) -> Array:
    bright, dark = floats(above), floats(below)
    total = dark + bright
    index = np.clip((bright - dark) / np.where(total > 0.0, total, np.nan), -1.0, 1.0)
    return index.astype(total.dtype, copy=False)


def ndvi_from_fapar(fapar: ArrayLike) -> Array:
    """Return NDVI from absorbed light: 0.9 fapar + 0.05, for want of reflectances."""
    return 0.9 * floats(fapar) + 0.05


def nirv_from_ndvi(ndvi: ArrayLike, nir: ArrayLike) -> Array:
    """Return near-infrared reflectance of vegetation, NDVI x NIR (Badgley et al. 2017)."""
    return floats(ndvi) * floats(nir)


def nirv_from_reflectance(red: ArrayLike, nir: ArrayLike) -> Array:
    """Return near-infrared reflectance of vegetation from red and near-infrared."""
    return nirv_from_ndvi(ndvi_from_reflectance(red, nir), nir)
