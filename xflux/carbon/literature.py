"""What the literature says of respiration, allocation and turnover, by land cover class.

The default where nothing was learned. `SOURCES` says where each number comes from, which were
chosen here, and which were not checked against the original; where two sources give a residence
time, their geometric mean is taken and half of their distance (as a factor) is the spread.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.labels.variables import IGBP

__all__ = [
    "LITERATURE",
    "SOURCES",
    "SPREAD",
    "PlantParameters",
    "literature",
    "literature_bounds",
    "literature_table",
]


@dataclass(frozen=True, slots=True)
class PlantParameters:
    """Where carbon goes in one class of land cover, and how long it stays.

    In `SPREAD` the same fields hold one standard deviation of each fraction and, for each
    residence time, the factor by which it may be longer or shorter.
    """

    #: Ra / GPP, 1
    ra_fraction: float
    #: Rh / RECO, 1; at steady state Rh = NPP and RECO = GPP, so that it is 1 - `ra_fraction`
    rh_fraction: float
    #: share of NPP that becomes leaf, 1
    npp_to_leaf: float
    #: share of NPP that becomes wood (stems, branches, coarse roots), 1
    npp_to_wood: float
    #: share of NPP that becomes roots, 1
    npp_to_root: float
    #: residence time of carbon in leaves, years
    tau_leaf: float
    #: residence time of carbon in wood, years
    tau_wood: float
    #: residence time of carbon in roots, years
    tau_root: float
    #: residence time of carbon in litter with woody debris, years
    tau_litter: float
    #: residence time of carbon in soil to a depth of 1 m, years
    tau_soil: float
    #: share of decayed litter that becomes soil, 1; the rest is respired
    litter_to_soil: float

    @property
    def turnover_veg(self) -> float:
        """cVeg / NPP at steady state, years."""
        return sum(self._held())

    @property
    def turnover_litter(self) -> float:
        """cLitter / NPP at steady state, years."""
        return self.tau_litter

    @property
    def turnover_soil(self) -> float:
        """cSoil / NPP at steady state, years."""
        return self.litter_to_soil * self.tau_soil

    @property
    def leaf_share(self) -> float:
        """cLeaf / cVeg at steady state, 1."""
        return self._held()[0] / self.turnover_veg

    @property
    def wood_share(self) -> float:
        """cWood / cVeg at steady state, 1."""
        return self._held()[1] / self.turnover_veg

    @property
    def root_share(self) -> float:
        """cRoot / cVeg at steady state, 1."""
        return self._held()[2] / self.turnover_veg

    def _held(self) -> tuple[float, float, float]:
        return (
            self.npp_to_leaf * self.tau_leaf,
            self.npp_to_wood * self.tau_wood,
            self.npp_to_root * self.tau_root,
        )


#: Where the numbers of each parameter come from.
SOURCES: dict[str, str] = {
    "ra_fraction": "1 - NPP/GPP. Forests: mean 0.46 of Collalti and Prentice (2019, Tree Physiol. "
    "39, 1473), averaged with 0.32 (boreal) and 0.59 (temperate deciduous) of DeLucia et al. "
    "(2007, Glob. Change Biol. 13, 1157; not checked against the original); tropical 0.38, chosen "
    "here at the lower end of forests, where Malhi (2012, J. Ecol. 100, 65) finds them. "
    "Elsewhere: mean of 0.52 (MODIS, Zhang et al. 2009, Glob. Ecol. Biogeogr. 18, 280) and 0.44 "
    "(mean of land models and satellites, in 'The response of terrestrial vegetation carbon use "
    "efficiency to global environmental changes'); wetlands 0.52, as they are the most efficient "
    "(Tang et al. 2019, Biogeosciences Discuss., bg-2019-37, where grassland is the least), and "
    "crops as much, chosen here. Spread: 0.12, the standard deviation between more than 200 "
    "studies of forests (Collalti and Prentice).",
    "rh_fraction": "1 - ra_fraction (steady state).",
    "npp_to_leaf, npp_to_wood, npp_to_root": "Wang, Law and Pak (2010, Biogeosciences 7, 2261; "
    "pftlookup_igbp_updated4.csv of the CASA-CNP testbed, Wieder et al. 2018); tropical "
    "evergreen: Malhi, Doughty and Galbraith (2011, Phil. Trans. R. Soc. B 366, 3225), whose "
    "standard deviations between sites (0.06, 0.10, 0.11) are the spread.",
    "tau_leaf": "Wang et al. (2010) with leaf longevity of LPJ (Sitch et al. 2003, Glob. Change "
    "Biol. 9, 161; as in the parameters of LPJ that CLM3-DGVM took over).",
    "tau_wood": "Wang et al. (2010) with pool / flux of CLM4.5BGC (NCAR land diagnostics, wood "
    "turnover by plant type).",
    "tau_root": "Wang et al. (2010) with root turnover of Gill and Jackson (2000, New Phytol. 147, "
    "13): whole root systems of trees 0.10, shrubs 0.34, grasses 0.53, wetlands 0.55 per year. "
    "Fine roots of forests alone turn over faster there (0.56), which is not used.",
    "tau_litter": "Fine litter 5.2 (tundra) and 1.05 (tropics) from what Tuomi et al. (2009, Ecol. "
    "Modell. 220, 3362) have left after two years, 68 % of conifer and 15 % of deciduous litter; "
    "2.9 in between (LPJ at 10 degC, Sitch et al. 2003; read from models that took it over); woody "
    "debris by plant type, pool / flux of CASA' (diagnostics of C-LAMP, Randerson et al. 2009); "
    "mixed by the share of wood in NPP.",
    "tau_soil": "cSoil / NPP by biome over `litter_to_soil`: stocks to 1 m and NPP of Saugier et "
    "al. (2001) with those of WBGU (1998) and Atjay et al. (1979), after Prentice et al. (2001, "
    "IPCC TAR WG I, table 3.2; of its numbers, only the stocks of Saugier, but for cropland, and "
    "their NPP of tropical forest were checked).",
    "litter_to_soil": "0.3: 70 % of decayed litter is respired (LPJ, Sitch et al. 2003, after "
    "Foley 1995, Glob. Biogeochem. Cycles 9, 505; read from models that took it over). Spread: "
    "0.10, chosen here.",
}

#: Factor of a residence time that has a single source: about the upper quartile of the others.
_ONE_SOURCE = 1.4
_LITTER_TO_SOIL = 0.3
#: Standard deviation of NPP / GPP between studies of forests.
_EFFICIENCY_SD = 0.12
_SPLIT_SD = (0.06, 0.10, 0.11)
#: Leaf, wood, root of NPP; then leaf, wood, root age in years (Wang et al. 2010; EBF: see above).
_WANG: dict[str, tuple[float, float, float, float, float, float]] = {
    "ENF": (0.42, 0.33, 0.25, 2.0, 70.0, 18.0),
    "EBF": (0.34, 0.39, 0.27, 1.5, 60.0, 10.0),
    "DNF": (0.40, 0.30, 0.30, 0.8, 80.0, 10.0),
    "DBF": (0.30, 0.20, 0.50, 0.8, 40.0, 10.0),
    "MF": (0.35, 0.40, 0.25, 1.2, 50.0, 10.0),
    "CSH": (0.52, 0.15, 0.33, 1.0, 40.0, 5.0),
    "OSH": (0.40, 0.15, 0.45, 1.0, 40.0, 5.0),
    "WSA": (0.30, 0.10, 0.60, 1.5, 40.0, 5.0),
    "SAV": (0.20, 0.10, 0.70, 1.5, 40.0, 3.0),
    "GRA": (0.30, 0.00, 0.70, 1.0, 1.0, 3.0),
    "WET": (0.50, 0.00, 0.50, 1.0, 1.0, 1.0),
    "CRO": (0.30, 0.00, 0.70, 1.0, 1.0, 0.884),
    "CVM": (0.35, 0.00, 0.65, 1.0, 1.0, 1.0),
    "BSV": (0.20, 0.20, 0.60, 1.0, 5.0, 4.0),
}
#: NPP / GPP.
_EFFICIENCY = {
    "ENF": 0.43, "EBF": 0.38, "DNF": 0.39, "DBF": 0.53, "MF": 0.46, "CSH": 0.48, "OSH": 0.48,
    "WSA": 0.47, "SAV": 0.48, "GRA": 0.48, "WET": 0.52, "CRO": 0.52, "CVM": 0.50, "BSV": 0.48,
}  # fmt: skip
#: Leaf longevity of LPJ, years (0.5 for deciduous trees; the mean with evergreen ones for MF).
_LPJ_LEAF = {
    "ENF": 2.0, "EBF": 2.0, "DNF": 0.5, "DBF": 0.5, "MF": 1.25, "WSA": 0.5,
}  # fmt: skip
#: Wood pool / flux of CLM4.5BGC, years (means of temperate and boreal types for ENF and OSH, of
#: ENF and DBF for MF; of boreal evergreen trees for DNF, of tropical deciduous ones for savannas).
_CLM_WOOD = {
    "ENF": 34.5, "EBF": 38.8, "DNF": 38.3, "DBF": 29.2, "MF": 31.9, "CSH": 27.8, "OSH": 35.1,
    "WSA": 30.9, "SAV": 30.9, "BSV": 27.8,
}  # fmt: skip
#: Root turnover of Gill and Jackson, per year. Theirs of trees is that of whole root systems.
_GILL_ROOT = {
    "ENF": 0.10, "EBF": 0.10, "DNF": 0.10, "DBF": 0.10, "MF": 0.10, "CSH": 0.34, "OSH": 0.34,
    "WSA": 0.34, "SAV": 0.34, "GRA": 0.53, "WET": 0.55, "CRO": 0.53, "CVM": 0.53, "BSV": 0.34,
}  # fmt: skip
_COLD, _MILD, _WARM = 5.2, 2.9, 1.05
#: Fine litter, then woody debris, years (debris: geometric means of temperate and boreal types
#: for ENF and OSH, of ENF and DBF for MF).
_LITTER = {
    "ENF": (math.sqrt(_COLD * _MILD), 17.0), "EBF": (_WARM, 5.7), "DNF": (_COLD, 26.4),
    "DBF": (_MILD, 12.6), "MF": (_MILD, 14.6), "CSH": (_MILD, 9.3),
    "OSH": (math.sqrt(_COLD * _MILD), 19.0), "WSA": (_WARM, 6.8), "SAV": (_WARM, 6.8),
    "GRA": (math.sqrt(_MILD * _WARM), 0.0), "WET": (_MILD, 0.0),
    "CRO": (math.sqrt(_MILD * _WARM), 0.0), "CVM": (math.sqrt(_MILD * _WARM), 0.0),
    "BSV": (_MILD, 9.3),
}  # fmt: skip
#: Soil stock (PgC, 1 m) over NPP (PgC a-1) of a biome: Saugier; WBGU with Atjay.
#: Robinson (2007, doi 10.1098/rspb.2007.1012, table 3) has these stocks of Saugier, but 11 for
#: crops, which would be 0.8 kg m-2, and 71 of Mediterranean shrubland beside 176 of temperate
#: grassland. Crops stay at 165: Paustian et al. (2000) have about 170, as quoted by Ingram and
#: Fernandes (2001, Agric. Ecosyst. Environ. 87, 111). NPP, but for 21.9 of tropical forest, and the
#: numbers of WBGU and Atjay were not checked against the original; each NPP sums to about 60, as
#: the text of the chapter says.
_BIOME_SOIL = {
    "tropical forest": (213 / 21.9, 216 / 13.7),
    "temperate forest": (153 / 8.1, 100 / 6.5),
    "boreal forest": (338 / 2.6, 471 / 3.2),
    "savanna": (247 / 14.9, 264 / 17.7),
    "grassland and shrubland": (176 / 7.0, 295 / 5.3),
    "desert": (159 / 3.5, 191 / 1.4),
    "tundra": (115 / 0.5, 121 / 1.0),
    "cropland": (165 / 4.1, 128 / 6.8),
    "wetland": (225 / 4.3,),
}
#: Biomes that a class spreads over.
_BIOMES = {
    "ENF": ("temperate forest", "boreal forest"), "EBF": ("tropical forest",),
    "DNF": ("boreal forest",), "DBF": ("temperate forest",),
    "MF": ("temperate forest", "boreal forest"), "CSH": ("grassland and shrubland",),
    "OSH": ("desert", "tundra"), "WSA": ("savanna",), "SAV": ("savanna",),
    "GRA": ("grassland and shrubland",), "WET": ("wetland",), "CRO": ("cropland",),
    "CVM": ("cropland", "savanna"), "BSV": ("desert",),
}  # fmt: skip


def _between(*values: float) -> tuple[float, float]:
    """Return the geometric mean of estimates, and the factor from it to the farthest."""
    logs = [math.log(value) for value in values]
    mean = sum(logs) / len(logs)
    factor = math.exp(max(abs(log - mean) for log in logs))
    return math.exp(mean), max(factor, 1.1) if len(values) > 1 else _ONE_SOURCE


def _row(name: str) -> tuple[PlantParameters, PlantParameters]:
    """Return the parameters of a class and their spread."""
    leaf, wood, root, leaf_age, wood_age, root_age = _WANG[name]
    efficiency = _EFFICIENCY[name]
    fine, debris = _LITTER[name]
    tau_leaf, leaf_factor = _between(leaf_age, _LPJ_LEAF.get(name, 1.0))
    tau_wood, wood_factor = _between(wood_age, _CLM_WOOD.get(name, wood_age))
    tau_root, root_factor = _between(root_age, 1 / _GILL_ROOT[name])
    soil, soil_factor = _between(*(time for biome in _BIOMES[name] for time in _BIOME_SOIL[biome]))
    values = PlantParameters(
        1 - efficiency, efficiency, leaf, wood, root, tau_leaf, tau_wood, tau_root,
        (1 - wood) * fine + wood * debris, soil / _LITTER_TO_SOIL, _LITTER_TO_SOIL,
    )  # fmt: skip
    split = _SPLIT_SD if wood > 0 else (_SPLIT_SD[0], 0.0, _SPLIT_SD[2])
    spread = PlantParameters(
        _EFFICIENCY_SD,
        _EFFICIENCY_SD,
        *split,
        leaf_factor,
        wood_factor,
        root_factor,
        _ONE_SOURCE,
        soil_factor,
        0.10,
    )
    return values, spread


#: Built-up land is given what its mosaics of fields and trees have.
_ROWS = {name: _row("CVM" if name == "URB" else name) for name in (*_WANG, "URB")}
_CLASSES = sorted(_ROWS, key=IGBP.__getitem__)
#: Parameters by IGBP class; snow and water (SNO, WAT) have none.
LITERATURE: dict[str, PlantParameters] = {name: _ROWS[name][0] for name in _CLASSES}
#: Spread of the parameters: standard deviation of fractions, factor of residence times.
SPREAD: dict[str, PlantParameters] = {name: _ROWS[name][1] for name in _CLASSES}


def literature(name: str) -> NDArray[np.float64]:
    """Return a parameter of the literature by IGBP code.

    Parameters
    ----------
    name : str
        Field or property of `PlantParameters`, such as ``"ra_fraction"``, ``"tau_wood"``
        or ``"turnover_soil"``.

    Returns
    -------
    array
        Value at each code 0 to 17 (1 or years); NaN for 0, snow (15) and water (17).
    """
    return _by_code(lambda values, spread: _get(values, name))


def literature_bounds(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper value of a parameter by IGBP code.

    Parameters
    ----------
    name : str
        As in `literature`.

    Returns
    -------
    lower, upper : array
        Fractions less and plus one standard deviation, within 0 to 1; residence times over
        and times their factor. Turnover of vegetation and soil follows from the bounds of
        the residence times, with the shares kept; shares of cVeg have no spread of their own.

    Notes
    -----
    The bounds of the three shares of NPP do not sum to 1: each is for its own.
    """

    def at(sign: int) -> NDArray[np.float64]:
        return _by_code(lambda values, spread: _get(_shifted(values, spread, sign, name), name))

    return at(-1), at(1)


def _shifted(
    values: PlantParameters, spread: PlantParameters, sign: int, name: str
) -> PlantParameters:
    """Return parameters at their bound; fractions only where they are what is asked for."""
    shifted: dict[str, float] = {}
    for field in fields(values):
        value, width = getattr(values, field.name), getattr(spread, field.name)
        if field.name.startswith("tau_"):
            shifted[field.name] = value * width**sign if not name.endswith("_share") else value
        elif field.name == name:
            shifted[field.name] = min(max(value + sign * width, 0.0), 1.0)
        else:
            shifted[field.name] = value
    return PlantParameters(**shifted)


def _get(values: PlantParameters, name: str) -> float:
    value: Any = getattr(values, name, None)
    if not isinstance(value, float):
        known = ", ".join(field.name for field in fields(PlantParameters))
        raise KeyError(f"{name!r} is no parameter of the literature table; known are: {known}")
    return value


def _by_code(
    value: Callable[[PlantParameters, PlantParameters], float],
) -> NDArray[np.float64]:
    array = np.full(max(IGBP.values()) + 1, np.nan)
    for name in _CLASSES:
        array[IGBP[name]] = value(LITERATURE[name], SPREAD[name])
    return array


def literature_table() -> str:
    """Return the table of the literature as Markdown, with its sources.

    Returns
    -------
    str
        One row a class, one column a parameter, and the list of sources below.
    """
    names = [field.name for field in fields(PlantParameters)]
    lines = [f"| class | {' | '.join(names)} |", f"|{'---|' * (len(names) + 1)}"]
    for called in _CLASSES:
        cells = (f"{getattr(LITERATURE[called], name):.3g}" for name in names)
        lines.append(f"| {called} | {' | '.join(cells)} |")
    sources = [f"- `{name}`: {text}" for name, text in SOURCES.items()]
    return "\n".join([*lines, "", *sources])
