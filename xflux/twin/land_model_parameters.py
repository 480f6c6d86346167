"""The land models of the idealised Earth: which laws each is made of, and its numbers, frozen.

The numbers were chosen once, so that global totals of each model lie within what the models of
TRENDY have, before anything was learned from what they generate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xflux.labels.variables import IGBP

__all__ = ["LAND_MODELS", "LAWS", "LandModel", "Laws", "Numbers", "plant_types"]

#: The laws of each kind, numbered as in `xflux.twin.land_model_laws_kernel`.
LAWS: dict[str, tuple[str, ...]] = {
    "green": ("seen", "grown"),
    "uptake": ("light use", "co-limited", "stressed", "watered"),
    "respiration": ("share", "maintenance", "acclimated"),
    "allocation": ("fixed", "resource-limited", "functional", "allometric"),
    "turnover": ("plant type", "warmth", "drought", "crowding"),
    "warmth": ("Q10", "Lloyd-Taylor", "Arrhenius"),
    "moisture": ("none", "rising", "parabola"),
}


class Laws(NamedTuple):
    """Which law of each kind a model has, by its number in `LAWS`."""

    green: int
    uptake: int
    respiration: int
    allocation: int
    turnover: int
    warmth: int
    moisture: int


class Numbers(NamedTuple):
    """The numbers of a model; each law reads those that it needs.

    Attributes
    ----------
    efficiency : float
        Factor of uptake; of light use and watered models g of carbon per MJ.
    fertilised : float
        Carbon dioxide: gain per unit of its logarithm (of co-limited models: beyond what leaves
        do), or ppm at which uptake is half.
    optimum, adapts : float
        Best temperature at 15 degC of warmth, degC, and its rise per degC of that.
    dryness, thirst : float
        Of air and soil, as the law of uptake has them.
    unfolds, canopy : float
        Warmth at which leaves unfold, degC, and factor of the leaf area, of grown greenness.
    warmth_memory : float
        Days over which plants know warmth.
    bucket, draws : float
        Water that the soil holds, mm, and how eagerly it evaporates.
    respires, q10, growth : float
        Factor of maintenance (at 15 degC: per cent of living carbon a day) or of the share of
        uptake that is respired; its Q10; share of growth that is respired.
    sapwood, sap_respires, root_respires : float
        Living wood at most, g m-2; respiration of it and of roots over that of leaves.
    stems : float
        Factor of what stems get.
    leaf_life, wood_life, root_life : float
        Factors of the years that tissues of the plant types live.
    sheds : float
        Leaves that fall per greenness lost.
    warm_turnover, drought, crowding : float
        Of the law of turnover: Q10; what drought adds; production at which stems die as fast as
        the type does, g m-2 a-1.
    decay : float
        Q10, E0 in K or energy in kJ mol-1.
    fine, coarse, fast, slow : float
        Rates of decay at 15 degC in moist soil, a-1.
    fine_to_soil, coarse_to_soil, fast_to_slow : float
        Shares of what decays that are not respired.
    fire : float
        Share of dry land with much fuel that burns in a month; 0 for a model without fire.
    """

    efficiency: float
    fertilised: float
    optimum: float = 20.0
    adapts: float = 0.4
    dryness: float = 30.0
    thirst: float = 0.15
    unfolds: float = 3.0
    canopy: float = 1.0
    warmth_memory: float = 30.0
    bucket: float = 180.0
    draws: float = 1.5
    respires: float = 1.0
    q10: float = 2.0
    growth: float = 0.25
    sapwood: float = 2500.0
    sap_respires: float = 0.05
    root_respires: float = 0.5
    stems: float = 1.0
    leaf_life: float = 1.0
    wood_life: float = 1.0
    root_life: float = 1.0
    sheds: float = 0.6
    warm_turnover: float = 1.4
    drought: float = 1.5
    crowding: float = 600.0
    decay: float = 2.0
    fine: float = 1.2
    coarse: float = 0.2
    fast: float = 0.08
    slow: float = 0.003
    fine_to_soil: float = 0.35
    coarse_to_soil: float = 0.4
    fast_to_slow: float = 0.12
    fire: float = 0.0


#: By IGBP name: shares of production for leaves, wood, roots; years that leaves, wood, roots
#: live; share of uptake respired; woodiness; reach of uptake, g m-2 d-1; leaf area; share that
#: stays green.
_TYPES: dict[str, tuple[float, ...]] = {
    "ENF": (0.28, 0.38, 0.34, 3.5, 45.0, 1.8, 0.52, 1.0, 24.0, 4.5, 0.90),
    "EBF": (0.30, 0.40, 0.30, 1.4, 58.0, 1.2, 0.60, 1.0, 27.0, 6.0, 0.95),
    "DNF": (0.30, 0.36, 0.34, 0.7, 50.0, 1.8, 0.50, 1.0, 24.0, 3.5, 0.10),
    "DBF": (0.30, 0.40, 0.30, 0.7, 50.0, 1.3, 0.50, 1.0, 27.0, 5.0, 0.12),
    "MF": (0.29, 0.39, 0.32, 1.5, 47.0, 1.5, 0.51, 1.0, 26.0, 4.8, 0.50),
    "CSH": (0.35, 0.25, 0.40, 1.2, 15.0, 1.2, 0.48, 0.6, 18.0, 2.5, 0.70),
    "OSH": (0.35, 0.20, 0.45, 1.0, 12.0, 1.5, 0.47, 0.4, 15.0, 1.5, 0.40),
    "WSA": (0.33, 0.30, 0.37, 0.9, 30.0, 1.1, 0.53, 0.8, 21.0, 3.5, 0.60),
    "SAV": (0.36, 0.18, 0.46, 0.8, 22.0, 1.0, 0.52, 0.4, 19.0, 2.5, 0.45),
    "GRA": (0.44, 0.00, 0.56, 0.6, 10.0, 1.3, 0.46, 0.0, 20.0, 2.5, 0.20),
    "CRO": (0.55, 0.00, 0.45, 0.5, 5.0, 0.7, 0.42, 0.0, 25.0, 3.5, 0.05),
    "BSV": (0.40, 0.06, 0.54, 0.9, 10.0, 1.5, 0.47, 0.1, 10.0, 0.6, 0.40),
    "SNO": (0.42, 0.00, 0.58, 0.9, 10.0, 1.5, 0.46, 0.0, 8.0, 0.2, 0.40),
}
#: Cover that the planet does not have is like grassland.
_OTHER = "GRA"
#: By how much models disagree on a plant type: standard deviation of logarithms, by column.
_DISAGREE = (0.12, 0.15, 0.12, 0.15, 0.22, 0.15, 0.05, 0.0, 0.12, 0.12, 0.0)


@dataclass(frozen=True, slots=True)
class LandModel:
    """One land model.

    Attributes
    ----------
    name : str
        Of a tree; no model of the Earth is meant.
    laws : Laws
    numbers : Numbers
    missing : tuple of str
        Variables that it does not deliver.
    """

    name: str
    laws: Laws
    numbers: Numbers
    missing: tuple[str, ...] = ()


def plant_types(number: int) -> NDArray[np.float64]:
    """Return what the model of a position thinks of each plant type, by IGBP code."""
    random = np.random.default_rng([20, number])
    table = np.zeros((max(IGBP.values()) + 1, len(_DISAGREE)))
    odd = {name: random.normal(size=len(_DISAGREE)).clip(-1.8, 1.8) for name in _TYPES}
    for name, code in IGBP.items():
        known = name if name in _TYPES else _OTHER
        row = np.array(_TYPES[known]) * np.exp(np.array(_DISAGREE) * odd[known])
        row[:3] /= row[:3].sum()
        table[code] = row
    return table


def _model(name: str, laws: str, missing: str = "", **numbers: float) -> LandModel:
    codes = [LAWS[kind].index(law.strip()) for kind, law in zip(LAWS, laws.split(","), strict=True)]
    return LandModel(name, Laws(*codes), Numbers(**numbers), tuple(missing.split()))


# fmt: off
#: The land models. Few of them, the first ones, differ in laws as well.
LAND_MODELS: tuple[LandModel, ...] = (
    _model("ALDER",
           "seen, light use, maintenance, fixed, plant type, Q10, rising",
           efficiency=1.59, fertilised=0.613, optimum=21.0, adapts=0.5, dryness=32.0, thirst=0.08,
           bucket=150.0, respires=0.246, q10=1.9, wood_life=0.543, sheds=0.5, fine=2.1, coarse=0.35,
           fast=0.0812, slow=0.00312),
    _model("BEECH",
           "grown, co-limited, acclimated, resource-limited, warmth, Lloyd-Taylor, parabola",
           efficiency=0.98, fertilised=0.35, optimum=22.0, dryness=3.2, thirst=0.3, canopy=0.9,
           bucket=220.0, respires=0.392, stems=0.891, wood_life=0.525, warm_turnover=1.35,
           decay=309.0, fine=1.48, coarse=0.247, fast=0.0794, slow=0.00295, fire=0.0384),
    _model("CEDAR",
           "seen, stressed, share, functional, drought, Arrhenius, none",
           efficiency=1.19, fertilised=622.0, optimum=19.0, adapts=0.5, dryness=22.0, thirst=0.22,
           bucket=200.0, respires=0.936, stems=0.179, wood_life=0.361, drought=1.6, decay=53.0,
           fine=1.46, coarse=0.243, fast=0.0808, slow=0.00308),
    _model("DOGWOOD",
           "grown, watered, maintenance, allometric, crowding, Q10, parabola",
           missing="nppLeaf nppWood nppRoot",
           efficiency=1.54, fertilised=412.0, optimum=22.0, dryness=18.0, thirst=20.0, canopy=0.85,
           bucket=160.0, respires=0.316, q10=1.9, stems=1.26, wood_life=0.944, decay=1.8, fine=1.98,
           coarse=0.331, fast=0.0745, slow=0.00251, fire=0.029),
    _model("ELM",
           "seen, co-limited, maintenance, fixed, drought, Lloyd-Taylor, rising",
           efficiency=1.13, fertilised=0.307, optimum=24.0, dryness=4.2, thirst=0.4, bucket=240.0,
           respires=0.3, q10=2.1, wood_life=0.615, drought=2.0, decay=280.0, fine=2.43,
           coarse=0.405, fast=0.0904, slow=0.00407),
    _model("FIR",
           "grown, light use, acclimated, functional, warmth, Arrhenius, parabola",
           missing="cLitter",
           efficiency=1.18, fertilised=0.777, optimum=18.5, adapts=0.5, dryness=26.0, thirst=0.16,
           unfolds=2.0, canopy=0.9, respires=0.361, growth=0.2, stems=0.248, wood_life=0.522,
           decay=60.0, fine=1.33, coarse=0.222, fast=0.0732, slow=0.00241),
    _model("GINKGO",
           "seen, watered, share, resource-limited, plant type, Q10, rising",
           efficiency=1.53, fertilised=191.0, optimum=21.0, dryness=22.0, thirst=12.0,
           respires=0.945, wood_life=0.556, decay=1.6, fine=1.41, coarse=0.236, fast=0.075,
           slow=0.00255),
    _model("HAZEL",
           "grown, stressed, maintenance, allometric, warmth, Lloyd-Taylor, rising",
           missing="cLeaf cWood cRoot nppLeaf nppWood nppRoot",
           efficiency=1.02, fertilised=800.0, optimum=21.0, adapts=0.35, dryness=28.0, thirst=0.3,
           bucket=260.0, respires=0.337, q10=2.2, stems=0.896, wood_life=0.507, warm_turnover=1.35,
           decay=309.0, fine=1.9, coarse=0.317, fast=0.0784, slow=0.00285),
    _model("IRONWOOD",
           "seen, light use, acclimated, resource-limited, drought, Q10, parabola",
           efficiency=1.57, fertilised=0.599, optimum=22.5, adapts=0.5, dryness=36.0, thirst=0.12,
           bucket=160.0, respires=0.307, stems=1.03, wood_life=0.461, drought=1.2, decay=2.2,
           fine=1.92, coarse=0.32, fast=0.0744, slow=0.00334, fire=0.0438),
    _model("JUNIPER",
           "grown, co-limited, share, fixed, crowding, Arrhenius, rising",
           efficiency=0.98, fertilised=0.205, optimum=21.0, dryness=2.8, thirst=0.35, unfolds=1.0,
           canopy=0.8, bucket=190.0, respires=0.937, wood_life=0.689, crowding=700.0, decay=48.0,
           fine=1.46, coarse=0.244, fast=0.0691, slow=0.00208),
    _model("KATSURA",
           "seen, stressed, acclimated, functional, plant type, Lloyd-Taylor, parabola",
           efficiency=1.18, fertilised=636.0, optimum=18.0, adapts=0.55, dryness=25.0, thirst=0.2,
           bucket=150.0, respires=0.23, stems=0.215, wood_life=0.507, decay=250.0, fine=1.69,
           coarse=0.281, fast=0.0823, slow=0.0043, fire=0.0221),
    _model("LARCH",
           "grown, watered, maintenance, fixed, warmth, Q10, none",
           efficiency=1.23, fertilised=613.0, optimum=19.0, dryness=20.0, thirst=20.0, unfolds=1.5,
           bucket=200.0, respires=0.319, q10=2.1, wood_life=0.651, warm_turnover=1.25, decay=1.9,
           fine=2.03, coarse=0.339, fast=0.0817, slow=0.00317),
    _model("MAPLE-CN",
           "seen, co-limited, maintenance, allometric, plant type, Arrhenius, parabola",
           efficiency=1.09, fertilised=0.187, optimum=23.0, dryness=3.8, thirst=0.28, bucket=170.0,
           respires=0.278, q10=1.8, growth=0.3, stems=0.818, wood_life=0.872, decay=56.0, fine=2.37,
           coarse=0.395, fast=0.0904, slow=0.00408),
    _model("NEEM",
           "grown, light use, share, resource-limited, crowding, Lloyd-Taylor, rising",
           missing="nbp",
           efficiency=1.46, fertilised=0.834, adapts=0.5, dryness=28.0, thirst=0.1, unfolds=4.0,
           canopy=0.85, bucket=140.0, respires=0.88, stems=0.99, wood_life=1.06, crowding=550.0,
           decay=309.0, fine=1.22, coarse=0.203, fast=0.0803, slow=0.00303),
    _model("OAK",
           "seen, watered, acclimated, fixed, drought, Q10, parabola",
           efficiency=1.53, fertilised=199.0, optimum=23.0, dryness=20.0, thirst=15.0, bucket=230.0,
           respires=0.262, wood_life=0.565, drought=1.4, decay=1.7, fine=1.89, coarse=0.315,
           fast=0.0805, slow=0.00304, fire=0.062),
    _model("PINE",
           "grown, stressed, maintenance, functional, crowding, Q10, rising",
           efficiency=0.851, fertilised=618.0, thirst=0.26, unfolds=2.0, bucket=170.0,
           respires=0.276, q10=1.8, stems=0.232, wood_life=0.856, crowding=500.0, decay=2.1,
           fine=1.25, coarse=0.208, fast=0.0781, slow=0.00282),
    _model("QUINCE",
           "seen, light use, maintenance, allometric, warmth, Lloyd-Taylor, none",
           missing="cLitter nppRoot",
           efficiency=1.64, fertilised=0.633, optimum=19.0, adapts=0.5, thirst=0.14, bucket=190.0,
           respires=0.329, q10=1.7, stems=0.808, wood_life=0.661, warm_turnover=1.3, decay=270.0,
           fine=2.39, coarse=0.398, fast=0.0728, slow=0.00395),
    _model("ROWAN",
           "grown, co-limited, acclimated, functional, drought, Arrhenius, rising",
           efficiency=0.924, fertilised=0.242, dryness=3.4, thirst=0.45, unfolds=5.0, canopy=1.1,
           bucket=210.0, respires=0.309, stems=0.213, wood_life=0.521, drought=1.0, decay=50.0,
           fine=1.48, coarse=0.247, fast=0.0748, slow=0.00253, fire=0.0342),
    _model("SPRUCE",
           "seen, stressed, maintenance, resource-limited, crowding, Q10, parabola",
           missing="cLeaf cWood cRoot",
           efficiency=1.35, fertilised=663.0, optimum=22.0, adapts=0.45, dryness=24.0, thirst=0.24,
           bucket=120.0, respires=0.265, stems=0.994, wood_life=0.711, crowding=800.0, decay=1.9,
           fine=2.09, coarse=0.348, fast=0.0895, slow=0.00397),
    _model("TEAK",
           "grown, watered, share, allometric, plant type, Lloyd-Taylor, parabola",
           efficiency=1.3, fertilised=383.0, optimum=24.0, dryness=24.0, thirst=16.0, unfolds=4.0,
           canopy=0.9, bucket=250.0, respires=0.906, stems=2.44, wood_life=0.869, decay=300.0,
           fine=1.68, coarse=0.28, fast=0.0733, slow=0.00241),
    _model("WILLOW",
           "seen, co-limited, acclimated, resource-limited, plant type, Arrhenius, rising",
           missing="rh nbp",
           efficiency=1.2, fertilised=0.322, optimum=25.0, dryness=4.0, thirst=0.32, bucket=160.0,
           respires=0.299, stems=0.963, wood_life=0.376, decay=58.0, fine=2.99, coarse=0.498,
           fast=0.109, slow=0.00482),
)
# fmt: on
