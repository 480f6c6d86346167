"""The table of variables: the single source of names, units, ranges and attributes.

Everything that reads, checks or writes a variable asks this table. An alias is
matched by case, as it is spelt by the product it comes from (``RH`` is relative
humidity, ``rh`` is heterotrophic respiration), and in order: the first found wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["IGBP", "KOPPEN", "Variable", "VariableTable", "variables"]

LAND = "area: mean where land time: mean"
AIR = "area: time: mean"

#: IGBP land cover classes, numbered as in MODIS MCD12 (1-17; the order of the legend).
IGBP: dict[str, int] = {
    "ENF": 1, "EBF": 2, "DNF": 3, "DBF": 4, "MF": 5, "CSH": 6, "OSH": 7, "WSA": 8, "SAV": 9,
    "GRA": 10, "WET": 11, "CRO": 12, "URB": 13, "CVM": 14, "SNO": 15, "BSV": 16, "WAT": 17,
}  # fmt: skip

#: Koeppen-Geiger classes, numbered as in Beck et al. (2018).
KOPPEN: dict[str, int] = {
    "Af": 1, "Am": 2, "Aw": 3, "BWh": 4, "BWk": 5, "BSh": 6, "BSk": 7, "Csa": 8, "Csb": 9,
    "Csc": 10, "Cwa": 11, "Cwb": 12, "Cwc": 13, "Cfa": 14, "Cfb": 15, "Cfc": 16, "Dsa": 17,
    "Dsb": 18, "Dsc": 19, "Dsd": 20, "Dwa": 21, "Dwb": 22, "Dwc": 23, "Dwd": 24, "Dfa": 25,
    "Dfb": 26, "Dfc": 27, "Dfd": 28, "ET": 29, "EF": 30,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: how it is called, measured, bounded and described.

    Attributes
    ----------
    name : str
        Canonical name, the one that xflux writes.
    units : str
        Canonical units, plain CF.
    long_name : str
        Written on output.
    standard_name : str
        CF standard name, written on output; empty where CF has none.
    cmip : str
        Name in CMIP and TRENDY files; empty where there is none.
    valid_min, valid_max : float
        What lies outside becomes NaN before any calculation.
    species : {"", "carbon", "water", "photons"}
        Substance that a mass or mole of this variable is made of.
    positive : {"", "up", "down"}
        Direction of a positive value.
    cell_methods : str
        Written on output.
    aliases : tuple of str
        Other names, first found wins; the CMIP name is among them.
    other_standard_names : tuple of str
        CF names that are read but not written.
    classes : mapping of str to int
        Flag values by meaning, for classes.
    extreme : {"", "minimum", "maximum"}
        The ``cell_methods`` over time that sets this variable apart from one
        with the same standard name.
    """

    name: str
    units: str
    long_name: str
    standard_name: str = ""
    cmip: str = ""
    valid_min: float = float("-inf")
    valid_max: float = float("inf")
    species: str = ""
    positive: str = ""
    cell_methods: str = ""
    aliases: tuple[str, ...] = ()
    other_standard_names: tuple[str, ...] = ()
    classes: Mapping[str, int] | None = None
    extreme: str = ""


def _flux(
    name: str,
    long_name: str,
    standard_name: str,
    positive: str,
    aliases: str,
    cmip: str = "",
    limit: float = 250.0,
    cell_methods: str = LAND,
) -> Variable:
    """A carbon flux in g m-2 d-1.

    Half-hourly fluxes of either sign are noisy, hence the wide symmetric bounds.
    """
    return Variable(
        name, "g m-2 d-1", f"{long_name}, mass of carbon", standard_name, cmip,
        -limit, limit, "carbon", positive, cell_methods, tuple(aliases.split()),
    )  # fmt: skip


def _stock(name: str, long_name: str, standard_name: str, aliases: str = "") -> Variable:
    return Variable(
        name, "g m-2", f"{long_name}, mass of carbon", standard_name, name,
        0.0, 1e6, "carbon", "", LAND, tuple(aliases.split()),
    )  # fmt: skip


_UP = "surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_"
_DOWN = (
    "surface_net_downward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_all_land_processes"
)
_GROWN = "net_primary_productivity_of_biomass_expressed_as_carbon_accumulated_in_"

_CLIMATE = (
    Variable("ta", "degC", "Air temperature", "air_temperature", "tas", -55.0, 60.0, "", "", AIR,
             ("t2m", "2t", "TA_F", "TA_F_MDS", "TA", "TA_1_1_1", "TA_ERA", "tas", "temp", "tmean",
              "Tair", "tair", "air_temperature", "temperature_2m")),
    Variable("ta_min", "degC", "Daily minimum air temperature", "air_temperature", "tasmin",
             -70.0, 60.0, "", "", "area: mean time: minimum",
             ("tasmin", "mn2t", "tmin", "TMIN_F"), extreme="minimum"),
    Variable("ta_max", "degC", "Daily maximum air temperature", "air_temperature", "tasmax",
             -55.0, 70.0, "", "", "area: mean time: maximum",
             ("tasmax", "mx2t", "tmax", "TMAX_F"), extreme="maximum"),
    Variable("td", "degC", "Dew point temperature", "dew_point_temperature", "", -90.0, 45.0,
             "", "", AIR, ("d2m", "2d", "T_DP", "tdew", "tdps", "dewpoint_temperature_2m")),
    Variable("tsoil", "degC", "Soil temperature", "soil_temperature", "tsl", -50.0, 80.0, "", "",
             AIR, ("TS_F_MDS_1", "TS_F_MDS", "TS_1_1_1", "TS", "stl1", "tsl",
                   "soil_temperature_level_1")),
    Variable("vpd", "hPa", "Vapour pressure deficit of air",
             "water_vapor_saturation_deficit_in_air", "", 0.0, 150.0, "", "", AIR,
             ("VPD_F", "VPD_F_MDS", "VPD", "VPD_1_1_1", "VPD_PI", "VPD_ERA")),
    Variable("ea", "hPa", "Vapour pressure of air", "water_vapor_partial_pressure_in_air", "", 0.0,
             100.0, "", "", AIR, ("vap", "vapour_pressure", "vapor_pressure")),
    Variable("q", "1", "Specific humidity of air", "specific_humidity", "huss", 0.0, 0.1, "", "",
             AIR, ("huss", "hus", "SH", "QA", "Qair")),
    Variable("rh_air", "1", "Relative humidity of air", "relative_humidity", "hurs", 0.0, 1.05,
             "", "", AIR, ("RH", "RH_F", "RH_1_1_1", "RH_PI", "hurs", "r2m", "relative_humidity")),
    Variable("swin", "W m-2", "Downwelling shortwave radiation",
             "surface_downwelling_shortwave_flux_in_air", "rsds", -20.0, 1500.0, "", "down", AIR,
             ("ssrd", "SW_IN_F", "SW_IN_F_MDS", "SW_IN", "SW_IN_1_1_1", "SW_IN_PI", "SW_IN_ERA",
              "rsds", "swdown", "SWdown", "rg", "Rg", "surface_solar_radiation_downwards",
              "msdwswrf", "avg_sdswrf")),
    Variable("swin_potential", "W m-2", "Downwelling shortwave radiation above the atmosphere",
             "toa_incoming_shortwave_flux", "rsdt", 0.0, 1500.0, "", "down", AIR,
             ("SW_IN_POT", "rsdt", "Rpot", "RPOT", "Rg_pot", "PotRad")),
    Variable("lwin", "W m-2", "Downwelling longwave radiation",
             "surface_downwelling_longwave_flux_in_air", "rlds", 20.0, 700.0, "", "down", AIR,
             ("strd", "LW_IN_F", "LW_IN_F_MDS", "LW_IN", "LW_IN_1_1_1", "LW_IN_JSB_F", "LW_IN_ERA",
              "rlds", "surface_thermal_radiation_downwards", "msdwlwrf", "avg_sdlwrf")),
    Variable("rnet", "W m-2", "Net radiation", "surface_net_downward_radiative_flux", "", -300.0,
             1300.0, "", "down", AIR, ("NETRAD", "NETRAD_1_1_1", "NETRAD_PI", "netrad", "rn", "Rn",
                                       "Rnet")),
    Variable("g", "W m-2", "Ground heat flux", "downward_heat_flux_in_soil", "hfdsl", -500.0, 700.0,
             "", "down", AIR, ("G_F_MDS", "G", "G_1_1_1", "G_PI", "hfdsl"),
             ("surface_downward_heat_flux_in_air",)),
    Variable("ppfd", "umol m-2 s-1", "Photosynthetic photon flux density",
             "surface_downwelling_photosynthetic_photon_flux_in_air", "", -20.0, 3000.0, "photons",
             "down", AIR, ()),
    Variable("ppfd_in", "umol m-2 s-1", "Measured photosynthetic photon flux density", "", "",
             -20.0, 3000.0, "photons", "down", AIR, ("PPFD_IN", "PPFD_IN_1_1_1", "PPFD_IN_PI_F")),
    Variable("par", "W m-2", "Photosynthetically active radiation",
             "surface_downwelling_photosynthetic_radiative_flux_in_air", "", -10.0, 700.0, "",
             "down", AIR, ("PAR",)),
    Variable("p", "mm d-1", "Precipitation", "lwe_precipitation_rate", "pr", 0.0, 5000.0, "water",
             "down", AIR, ("P_F", "P", "P_1_1_1", "P_ERA", "tp", "pr", "precip", "prec",
                           "total_precipitation", "rain", "mtpr", "avg_tprate"),
             ("precipitation_flux",)),
    Variable("patm", "Pa", "Air pressure at the surface", "surface_air_pressure", "ps", 30000.0,
             115000.0, "", "", AIR, ("PA_F", "PA", "PA_1_1_1", "PA_ERA", "sp", "ps",
                                     "surface_pressure")),
    Variable("co2", "ppm", "Mole fraction of carbon dioxide in air",
             "mole_fraction_of_carbon_dioxide_in_air", "co2", 100.0, 5000.0, "", "", AIR,
             ("CO2_F_MDS", "CO2", "CO2_1_1_1", "CO2_PI_F", "co2s", "xco2")),
    Variable("wind_speed", "m s-1", "Wind speed", "wind_speed", "sfcWind", 0.0, 80.0, "", "", AIR,
             ("WS_F", "WS", "WS_1_1_1", "WS_ERA", "si10", "sfcWind", "ws", "wind", "vwind")),
)  # fmt: skip

_SATELLITE = (
    Variable("fapar", "1", "Fraction of absorbed photosynthetically active radiation",
             "fraction_of_surface_downwelling_photosynthetic_radiative_flux_absorbed_by_vegetation",
             "", 0.0, 1.0, "", "", "", ("Fpar_500m", "Fpar_1km", "Fpar", "FPAR", "fPAR", "FAPAR",
                                        "fAPAR", "fpar")),
    Variable("ndvi", "1", "Normalized difference vegetation index",
             "normalized_difference_vegetation_index", "", -1.0, 1.0, "", "", "",
             ("NDVI", "1_km_monthly_NDVI", "500m_16_days_NDVI", "250m_16_days_NDVI",
              "1_km_16_days_NDVI")),
    Variable("evi", "1", "Enhanced vegetation index", "", "", -1.0, 1.5, "", "", "",
             ("EVI", "1_km_monthly_EVI", "500m_16_days_EVI", "250m_16_days_EVI",
              "1_km_16_days_EVI")),
    # By the shortwave infrared at 1.24 um (Gao 1996): with that at 1.64 or 2.13 um it is another
    # index, and with green the one of open water.
    Variable("ndwi", "1", "Normalized difference water index of vegetation", "", "", -1.0, 1.0,
             "", "", "", ("NDWI",)),
    Variable("nirv", "1", "Near-infrared reflectance of vegetation", "", "", -0.5, 1.0, "", "", "",
             ("NIRv", "NIRV")),
    Variable("lai", "1", "Leaf area index", "leaf_area_index", "lai", 0.0, 15.0, "", "", "",
             ("Lai_500m", "Lai_1km", "Lai", "LAI")),
    Variable("red", "1", "Surface reflectance in the red", "", "", -0.1, 1.6, "", "", "",
             ("sur_refl_b01", "Nadir_Reflectance_Band1", "B4", "B04", "SR_B4", "RED")),
    Variable("nir", "1", "Surface reflectance in the near infrared", "", "", -0.1, 1.6, "", "", "",
             ("sur_refl_b02", "Nadir_Reflectance_Band2", "B8", "B08", "SR_B5", "NIR")),
    Variable("swir", "1", "Surface reflectance in the shortwave infrared at 1.24 um", "", "", -0.1,
             1.6, "", "", "", ("sur_refl_b05", "Nadir_Reflectance_Band5")),
    Variable("mir", "1", "Surface reflectance in the shortwave infrared at 2.13 um", "", "", -0.1,
             1.6, "", "", "", ("MIR", "sur_refl_b07", "Nadir_Reflectance_Band7",
                               "1_km_monthly_MIR_reflectance", "500m_16_days_MIR_reflectance",
                               "1_km_16_days_MIR_reflectance", "250m_16_days_MIR_reflectance")),
    # No standard name: surface_temperature is that of day and night together.
    Variable("lst_day", "degC", "Land surface temperature at the overpass by day", "", "", -120.0,
             120.0, "", "", "", ("LST_Day_1km", "LST_Day_CMG", "LST_Day_6km", "LST_Day", "LSTday",
                                 "LST_day", "LSTDay")),
    Variable("lst_night", "degC", "Land surface temperature at the overpass by night", "", "",
             -120.0, 80.0, "", "", "", ("LST_Night_1km", "LST_Night_CMG", "LST_Night_6km",
                                        "LST_Night", "LSTnight", "LST_night", "LSTNight")),
    Variable("fapar_max", "1", "Largest fAPAR of the series", "", "", 0.0, 1.0),
)  # fmt: skip

_LAND = (
    Variable("elevation", "m", "Height of the surface above sea level", "surface_altitude", "orog",
             -500.0, 9000.0, "", "", "", ("elv", "elev", "dem", "DEM", "orog", "alt", "altitude"),
             ("height_above_mean_sea_level", "height_above_geopotential_datum")),
    Variable("c4_fraction", "1", "Fraction of vegetation with C4 photosynthesis", "", "", 0.0, 1.0,
             "", "", "", ("c4", "C4", "c4_frac")),
    Variable("igbp", "1", "IGBP land cover class", "", "", 0.0, 255.0, "", "", "",
             ("IGBP", "igbp_land_use", "LC_Type1", "land_cover"), classes=IGBP),
    Variable("koppen", "1", "Koeppen-Geiger climate class", "", "", 0.0, 255.0, "", "", "",
             ("koppen_code", "koeppen", "koeppen_code", "CLIMATE_KOEPPEN"), classes=KOPPEN),
    Variable("sand", "1", "Sand in soil, of its mineral part", "volume_fraction_of_sand_in_soil",
             "", 0.0, 1.0, "", "", "", ("sand_fraction", "SAND")),
    Variable("clay", "1", "Clay in soil, of its mineral part", "volume_fraction_of_clay_in_soil",
             "", 0.0, 1.0, "", "", "", ("clay_fraction", "CLAY")),
    Variable("soil_moisture", "1", "Soil moisture as a fraction of plant-available capacity", "",
             "", 0.0, 1.5, "", "", "", ()),
    Variable("swc", "1", "Volumetric soil water content",
             "volume_fraction_of_condensed_water_in_soil", "", 0.0, 1.0, "", "", AIR,
             ("SWC_F_MDS_1", "SWC_F_MDS", "SWC", "SWC_1_1_1", "swvl1",
              "volumetric_soil_water_layer_1"), ("volume_fraction_of_water_in_soil",)),
    Variable("wai", "mm", "Plant-available water in a bucket (water availability index)", "", "",
             0.0, 1e4, "", "", AIR, ("WAI",)),
    Variable("aridity", "1", "Aridity index (potential evapotranspiration over precipitation)", "",
             "", 0.0, 1e3),
    Variable("land_fraction", "1", "Fraction of the cell that is land", "land_area_fraction",
             "sftlf", 0.0, 1.0, "", "", "area: mean", ("sftlf", "lsm", "landfrac", "LANDFRAC")),
    Variable("cell_area", "m2", "Area of the grid cell", "cell_area", "areacella", 0.0, 1e13, "",
             "", "area: sum", ("areacella", "cellarea", "gridarea")),
    Variable("t_opt", "degC", "Optimum temperature of the canopy", "", "", -55.0, 70.0),
)  # fmt: skip

_FLUXES = (
    _flux("gpp", "Gross primary production",
          "gross_primary_productivity_of_biomass_expressed_as_carbon", "down",
          "GPP_NT_VUT_REF GPP_DT_VUT_REF GPP_NT_CUT_REF GPP_DT_CUT_REF GPP_PI_F GPP_PI GPP "
          "Gpp_500m", "gpp"),
    _flux("reco", "Ecosystem respiration", "", "up",
          "RECO_NT_VUT_REF RECO_DT_VUT_REF RECO_NT_CUT_REF RECO_DT_CUT_REF RECO_PI_F RECO_PI RECO "
          "ter TER", ""),
    _flux("nee", "Net ecosystem exchange, positive to the atmosphere",
          _UP + "emission_from_natural_sources", "up",
          "NEE_VUT_REF NEE_CUT_REF NEE_PI_F NEE_PI NEE FC FC_1_1_1 fco2nat", "fco2nat",
          cell_methods=AIR),
    _flux("nep", "Net ecosystem production", _DOWN + "_excluding_anthropogenic_land_use_change",
          "down", "", "nep"),
    _flux("npp", "Net primary production",
          "net_primary_productivity_of_biomass_expressed_as_carbon", "down", "NPP", "npp"),
    _flux("npp_leaf", "Net primary production of leaves", _GROWN + "leaves", "down", "nppLeaf",
          "nppLeaf"),
    _flux("npp_wood", "Net primary production of wood", _GROWN + "wood", "down", "nppWood",
          "nppWood"),
    _flux("npp_root", "Net primary production of roots", _GROWN + "roots", "down", "nppRoot",
          "nppRoot"),
    _flux("ra", "Autotrophic respiration", _UP + "plant_respiration", "up", "", "ra"),
    _flux("rh", "Heterotrophic respiration", _UP + "heterotrophic_respiration", "up", "", "rh"),
    _flux("nbp", "Net biome production", _DOWN, "down", "netAtmosLandCO2Flux", "nbp"),
    _flux("f_fire", "Fire emission",
          _UP + "emission_from_fires_excluding_anthropogenic_land_use_change", "up", "fFire",
          "fFire", limit=1e4),
    _flux("f_luc", "Land use change emission",
          "surface_net_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_"
          "emission_from_anthropogenic_land_use_change", "up", "fLuc", "fLuc", limit=1e4),
    _flux("f_harvest", "Harvest emission", _UP + "emission_from_crop_harvesting", "up", "fHarvest",
          "fHarvest", limit=1e4),
    _flux("f_grazing", "Grazing emission", _UP + "emission_from_grazing", "up", "fGrazing",
          "fGrazing", limit=1e4),
    Variable("r_ref", "g m-2 d-1", "Ecosystem respiration at the reference temperature, mass of "
             "carbon", "", "", 0.0, 250.0, "carbon", "up"),
    Variable("le", "W m-2", "Latent heat flux", "surface_upward_latent_heat_flux", "hfls", -500.0,
             1200.0, "", "up", AIR, ("LE_F_MDS", "LE", "LE_1_1_1", "LE_PI_F", "LE_PI", "hfls")),
    Variable("h", "W m-2", "Sensible heat flux", "surface_upward_sensible_heat_flux", "hfss",
             -500.0, 1200.0, "", "up", AIR, ("H_F_MDS", "H", "H_1_1_1", "hfss")),
    Variable("et", "kg m-2 d-1", "Evapotranspiration", "water_evapotranspiration_flux", "evspsbl",
             -10.0, 50.0, "water", "up", AIR, ("ET", "ET_500m", "evspsbl")),
    Variable("pet", "kg m-2 d-1", "Potential evapotranspiration",
             "water_potential_evaporation_flux", "evspsblpot", -10.0, 100.0, "water", "up", AIR,
             ("PET", "PET_500m", "evspsblpot", "potential_evapotranspiration")),
)  # fmt: skip

_TOWERS = (
    Variable("zm", "m", "Measurement height above ground", "", "", 0.1, 500.0, aliases=("zm_agl",)),
    Variable("z0", "m", "Roughness length", "surface_roughness_length", "", 1e-5, 20.0),
    Variable("blh", "m", "Height of the planetary boundary layer",
             "atmosphere_boundary_layer_thickness", "", 5.0, 8000.0,
             aliases=("PBLH", "PBLH_F")),
    Variable("ustar", "m s-1", "Friction velocity", "", "", 0.0, 10.0, aliases=("USTAR",)),
    Variable("sigma_v", "m s-1", "Standard deviation of the crosswind", "", "", 0.0, 20.0,
             aliases=("V_SIGMA",)),
    Variable("mo_length", "m", "Monin-Obukhov length", "", "", -1e6, 1e6, aliases=("MO_LENGTH",)),
    Variable("wind_dir", "degree", "Direction that the wind comes from", "wind_from_direction", "",
             0.0, 360.0, aliases=("WD", "WD_1_1_1")),
)  # fmt: skip

_STOCKS = (
    _stock("cVeg", "Carbon in vegetation", "vegetation_carbon_content"),
    _stock("cLeaf", "Carbon in leaves", "leaf_mass_content_of_carbon"),
    _stock("cWood", "Carbon in wood", "stem_mass_content_of_carbon", "cStem"),
    _stock("cRoot", "Carbon in roots", "root_mass_content_of_carbon"),
    _stock("cLitter", "Carbon in litter", "litter_mass_content_of_carbon"),
    _stock("cCwd", "Carbon in coarse woody debris", "wood_debris_mass_content_of_carbon"),
    _stock("cSoil", "Carbon in soil", "soil_mass_content_of_carbon"),
)


class VariableTable(Mapping[str, Variable]):
    """The variables by canonical name, with a table for reading.

    ``print(xflux.variables)`` shows it, ``xflux.variables["gpp"]`` is one row.
    """

    def __init__(self, rows: tuple[Variable, ...]) -> None:
        self._rows = {row.name: row for row in rows}

    def __getitem__(self, name: str) -> Variable:
        try:
            return self._rows[name]
        except KeyError:
            raise KeyError(
                f"{name!r} is not in the variable table; known are: {', '.join(self._rows)}"
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __repr__(self) -> str:
        lines = [f"{'name':14s} {'units':13s} {'valid range':>18s}  long name"]
        for row in self.values():
            span = f"{row.valid_min:g} .. {row.valid_max:g}"
            lines.append(f"{row.name:14s} {row.units:13s} {span:>18s}  {row.long_name}")
        return "\n".join(lines)


variables = VariableTable((*_CLIMATE, *_SATELLITE, *_LAND, *_FLUXES, *_TOWERS, *_STOCKS))
