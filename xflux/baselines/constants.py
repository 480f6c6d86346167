"""Constants of the baseline models, each with its value, unit and source.

To change one, hand a model a set of its own, such as
``PModel(constants=PModelConstants(beta=240.0))``. What derives drivers (light from shortwave,
pressure from elevation) is fixed in `xflux.numerics.meteorology`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xflux.labels.units import CARBON_MOLAR_MASS

__all__ = ["PHYSICS", "MengoliStress", "PModelConstants", "PhysicalConstants", "StockerStress"]


@dataclass(frozen=True, slots=True)
class PhysicalConstants:
    """Physics shared by all baseline models."""

    #: 8.3145 J mol-1 K-1, molar gas constant (CODATA, as rounded by Stocker et al. 2020).
    gas_constant: float = 8.3145
    #: 273.15 K, the zero of the Celsius scale (SI brochure).
    zero_celsius: float = 273.15
    #: 101325 Pa, standard atmosphere (Allen 1973).
    standard_pressure: float = 101325.0
    #: 12.0107 g mol-1, molar mass of carbon, as everywhere in xflux.
    carbon_molar_mass: float = CARBON_MOLAR_MASS
    #: 86400 s, one day.
    seconds_per_day: float = 86400.0


PHYSICS = PhysicalConstants()


@dataclass(frozen=True, slots=True)
class StockerStress:
    """Soil-moisture stress of Stocker et al. (2020), as calibrated in their setup FULL."""

    #: 0, soil moisture (of plant-available capacity) at which the stress is strongest.
    driest: float = 0.0
    #: 0.6, soil moisture (of plant-available capacity) above which there is no stress.
    threshold: float = 0.6
    #: 0, intercept of the strongest stress over mean alpha.
    intercept: float = 0.0
    #: 0.733, slope of the strongest stress over mean alpha (FULL; rpmodel's function still
    #: defaults to 0.685).
    slope: float = 0.733


@dataclass(frozen=True, slots=True)
class MengoliStress:
    """Soil-moisture stress of Mengoli et al. (2023), calibrated with phi0 = 1/8.

    Power functions of the aridity index AI (potential evapotranspiration over
    precipitation): the level that GPP reaches, and the soil moisture from which it does.
    """

    #: 0.62, level at AI = 1.
    level: float = 0.62
    #: -0.45, exponent of the level.
    level_exponent: float = -0.45
    #: 0.34, threshold at AI = 1 (of plant-available capacity).
    threshold: float = 0.34
    #: -0.6, exponent of the threshold.
    threshold_exponent: float = -0.6


@dataclass(frozen=True, slots=True)
class PModelConstants:
    """Constants of the P-model; the values of Stocker et al. (2020) unless said otherwise."""

    physics: PhysicalConstants = PHYSICS
    #: 25 degC, reference temperature of the Arrhenius functions (Bernacchi et al. 2001).
    reference_temperature: float = 25.0
    #: 4.332 Pa, photorespiratory compensation point at 25 degC and standard pressure:
    #: 42.75 umol mol-1 (Bernacchi et al. 2001, table 1).
    gammastar_25: float = 4.332
    #: 37830 J mol-1, its activation energy (Bernacchi et al. 2001, table 1).
    gammastar_energy: float = 37830.0
    #: 39.97 Pa, Michaelis constant for CO2 at 25 degC (Bernacchi et al. 2001, table 1).
    kc_25: float = 39.97
    #: 79430 J mol-1, its activation energy (Bernacchi et al. 2001, table 1).
    kc_energy: float = 79430.0
    #: 27480 Pa, Michaelis constant for O2 at 25 degC (Bernacchi et al. 2001, table 1).
    ko_25: float = 27480.0
    #: 36380 J mol-1, its activation energy (Bernacchi et al. 2001, table 1).
    ko_energy: float = 36380.0
    #: 0.209476, mole fraction of oxygen in air.
    oxygen: float = 0.209476
    #: 146, ratio of the unit costs of carboxylation and transpiration, C3 (Stocker et al. 2020).
    beta: float = 146.0
    #: 146 / 9, the same for C4 (Lin et al. 2015: stomatal slope a third of that of C3).
    beta_c4: float = 146.0 / 9.0
    #: 1.6, ratio of the diffusivities of water vapour and CO2.
    diffusivity_ratio: float = 1.6
    #: 1/8, phi0 of C4 with every preset: the theoretical maximum (mol CO2 per mol photons).
    phi0_c4: float = 0.125
    #: Yield of C3 over temperature, powers of degC (Bernacchi et al. 2003, table 2).
    temperature_c3: tuple[float, float, float] = (0.352, 0.022, -0.00034)
    #: Yield of C4 over temperature, powers of degC (Cai and Prentice 2020, eq. 5; x 8, as
    #: the coefficients in print hold the 1/8 already).
    temperature_c4: tuple[float, float, float] = (-0.064, 0.03, -0.000464)
    #: 0.41, unit cost of maintaining Jmax, c* (Wang et al. 2017, eq. 49).
    wang17_cost: float = 0.41
    #: 0.85, curvature of the response to light (Smith et al. 2019).
    smith19_theta: float = 0.85
    #: 0.05336251, unit cost of Jmax (Smith et al. 2019).
    smith19_cost: float = 0.05336251
    #: 65330 J mol-1, activation energy of Vcmax (Bernacchi et al. 2001).
    vcmax_energy: float = 65330.0
    #: 43900 J mol-1, activation energy of Jmax (Bernacchi et al. 2003).
    jmax_energy: float = 43900.0
    #: -25 degC: below, the viscosity of liquid water is undefined, and with it chi.
    coldest_water: float = -25.0
    #: -55 degC: colder is no air temperature near the ground.
    coldest_air: float = -55.0
    stocker: StockerStress = field(default_factory=StockerStress)
    mengoli: MengoliStress = field(default_factory=MengoliStress)
