"""The numbers of the idealised Earth, frozen.

The numbers were chosen once, so that global totals, seasons and variability lie within
what is known of the Earth, before any model was fitted to what they generate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["EARTH", "EarthParameters", "Plants"]


@dataclass(frozen=True, slots=True)
class Plants:
    """What the plants of one land cover class are like.

    Attributes
    ----------
    efficiency : float
        Carbon taken up per absorbed light where light is scarce, g MJ-1.
    saturation : float
        Uptake that light alone does not exceed, g m-2 d-1.
    dryness : float
        VPD at which uptake is halved, hPa.
    thirst : float
        Soil moisture at which uptake is halved, 1.
    respired : float
        Share of uptake that the plants respire in a mean year, 1.
    q10 : float
        Factor of their respiration per 10 degC, before it acclimates.
    g1 : float
        Slope of stomatal conductance (Medlyn et al. 2011), kPa0.5.
    roughness : float
        Conductance of the air above the canopy, m s-1.
    evergreen : float
        Share of the leaves that stay in winter, 1.
    greenest : float
        fAPAR of the class where water and warmth do not limit, 1.
    """

    efficiency: float
    saturation: float
    dryness: float
    thirst: float
    respired: float
    q10: float
    g1: float
    roughness: float
    evergreen: float
    greenest: float


#: By IGBP name. Cover without plants has those of grassland, of which little is there.
_CLASSES: dict[str, Plants] = {
    "ENF": Plants(2.76, 28.1, 17.0, 0.10, 0.54, 1.75, 2.4, 0.060, 0.85, 0.70),
    "EBF": Plants(1.98, 25.8, 26.0, 0.13, 0.62, 1.7, 4.1, 0.055, 0.95, 0.82),
    "DNF": Plants(3.60, 29.9, 17.0, 0.10, 0.52, 1.60, 2.6, 0.050, 0.20, 0.62),
    "DBF": Plants(2.18, 24.6, 24.0, 0.13, 0.50, 2.80, 4.4, 0.055, 0.18, 0.76),
    "MF": Plants(2.67, 27.2, 20.0, 0.12, 0.52, 2.20, 3.5, 0.055, 0.50, 0.73),
    "CSH": Plants(1.91, 14.0, 26.0, 0.09, 0.50, 2.20, 4.0, 0.030, 0.55, 0.45),
    "OSH": Plants(3.19, 16.5, 22.0, 0.08, 0.47, 1.70, 3.2, 0.025, 0.50, 0.33),
    "WSA": Plants(2.26, 17.0, 28.0, 0.10, 0.54, 1.7, 4.5, 0.035, 0.60, 0.52),
    "SAV": Plants(2.37, 15.0, 30.0, 0.12, 0.52, 1.7, 4.5, 0.030, 0.45, 0.42),
    "GRA": Plants(2.93, 18.6, 22.0, 0.17, 0.46, 2.60, 4.8, 0.020, 0.25, 0.40),
    "CRO": Plants(2.59, 23.9, 26.0, 0.14, 0.44, 3.00, 5.0, 0.020, 0.12, 0.56),
    "BSV": Plants(1.75, 7.0, 26.0, 0.09, 0.45, 1.8, 3.5, 0.012, 0.50, 0.14),
    "SNO": Plants(0.80, 7.0, 22.0, 0.091, 0.45, 1.8, 3.5, 0.010, 0.50, 0.05),
}


@dataclass(frozen=True, slots=True)
class EarthParameters:
    """Numbers of climate, vegetation, fluxes and towers.

    Attributes stand in groups: weather; El Nino; carbon dioxide and warming; water;
    uptake; respiration; disturbance; latent heat; towers.
    """

    # Weather: standard deviations of monthly means, and memories in days.
    weather_memory: float = 9.0
    cold_swing: float = 2.3  # degC, of the coldest months
    warm_swing: float = 0.40  # degC, of tropical months
    rain_swing: float = 0.36  # of the logarithm of rain
    rain_cools: float = 0.9  # degC per unit of the logarithm of rain, where the sun is high
    cloud_of_rain: float = 0.11  # light lost per unit of the logarithm of rain
    # El Nino: periods in years, and warmth of the tropics per standard deviation.
    el_nino_periods: tuple[float, float, float] = (2.7, 3.9, 5.6)
    el_nino_warmth: float = 0.14  # degC
    # Carbon dioxide: 280 ppm and an exponential rise; warming since 2000.
    co2_before: float = 280.0  # ppm
    co2_risen: float = 90.0  # ppm, in 2000
    co2_growth: float = 47.0  # years in which the rise grows e-fold
    warming: float = 0.022  # degC per year, twice that in the far north
    # Water: memory of the soil in days, steepness of its filling.
    soil_memory: float = 75.0
    soil_steepness: float = 1.6
    # Uptake.
    light_share: float = 0.446  # of shortwave radiation that is photosynthetic
    optimum_base: float = 9.0  # degC, of plants that grow at 0 degC
    optimum_slope: float = 0.62  # degC of the optimum per degC of growth temperature
    optimum_width: float = 13.5  # degC, below the optimum; narrower above
    warmth_memory: float = 22.0  # days over which plants acclimate
    fertilisation: float = 0.62  # change per unit of the logarithm of carbon dioxide
    fertilisation_c4: float = 0.12
    c4_gain: float = 0.22
    nutrients: float = 0.13  # standard deviation of the logarithm of efficiency
    # Respiration: growth per uptake, acclimation per degC, energy of decay, lag of pools.
    growth_respiration: float = 0.25
    acclimation: float = 0.026
    decay_energy: float = 52.0  # kJ mol-1
    decay_moisture: float = 0.62  # soil moisture at which decay is fastest, 1
    decay_drought: float = 0.8  # decay lost in the driest soil
    soil_warmth_memory: float = 48.0  # days by which soils lag the air
    pool_lag: float = 13.2  # years by which pools lag carbon dioxide
    # Disturbance: years of regrowth, share of land disturbed, sink of regrowth.
    regrowth: float = 14.0
    disturbed: float = 0.20
    regrowth_sink: float = 0.26
    # Latent heat.
    soil_conductance: float = 0.006  # m s-1, of wet bare soil
    intercepted: float = 0.22  # share of time that a full canopy is wet in heavy rain
    # Towers: what is peculiar to a site, and errors of its instruments.
    site_efficiency: float = 0.25  # standard deviation of the logarithm
    site_respiration: float = 0.22
    noise_floor: float = 0.12  # g m-2 d-1, of a month
    noise_share: float = 0.06
    le_noise_floor: float = 2.5  # W m-2
    le_closure: float = 0.88  # share of the turbulent heat that instruments see
    le_closure_spread: float = 0.07
    partition_spread: float = 0.06  # of respiration, by site
    le_gaps: float = 0.08  # share of latent heat missing on top
    gaps: float = 0.14  # share of months that are missing
    gap_memory: float = 45.0  # days by which failures last
    shortest: float = 2.5  # years of the shortest records
    # Where towers stand: longitude, latitude, reach east and north [km], density.
    tower_density: tuple[tuple[float, float, float, float, float], ...] = (
        (10, 50, 1300, 900, 1.0), (25, 62, 800, 500, 0.5), (-90, 41, 2000, 900, 0.5),
        (-100, 54, 1500, 500, 0.2), (116, 36, 1200, 900, 0.2), (138, 37, 500, 600, 0.4),
        (146, -34, 700, 700, 0.3), (133, -14, 700, 400, 0.2), (-58, -5, 1000, 800, 0.05),
        (27, -22, 900, 800, 0.05), (100, 62, 1500, 700, 0.06),
    )  # fmt: skip
    tower_base: float = 0.012
    tower_classes: tuple[str, ...] = (
        "ENF", "EBF", "DNF", "DBF", "MF", "CSH", "OSH", "WSA", "SAV", "GRA", "CRO",
    )  # fmt: skip
    tower_regrowth: tuple[float, float] = (0.15, 0.6)  # of woody stands with a tower
    classes: dict[str, Plants] = field(default_factory=lambda: dict(_CLASSES))


#: The one idealised Earth.
EARTH = EarthParameters()
