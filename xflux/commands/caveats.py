"""What limits the results of a run: said only where it applies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xflux.commands.allocated import Allocated
from xflux.commands.at_towers import TowerResult
from xflux.commands.fluxes import Baseline
from xflux.commands.on_grid import GridResult

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "BASELINE_CAVEAT",
    "REFINED_CAVEAT",
    "carbon_caveats",
    "grid_caveats",
    "model_caveats",
    "tower_caveats",
]

BASELINE_CAVEAT = (
    "The baseline is process-based with published parameters; nothing of it was fitted here. The "
    "yield of the P-model was calibrated on FLUXNET2015 towers (Stocker et al. 2020), some of "
    "which may be among those scored."
)

REFINED_CAVEAT = (
    "The refinement knows the climates and land covers of its towers; elsewhere it extrapolates, "
    "and neither scores nor intervals tell how far off it is there. A total of refined NEE is "
    "what such land would exchange if towers were a fair sample of it, which they are not."
)


def model_caveats(baseline: Baseline) -> list[str]:
    """Return what the models leave out, at towers as on a grid."""
    caveats = []
    if "c4_fraction" in baseline.derived:
        caveats.append("All vegetation was taken as C3, as there is no c4_fraction.")
    if "gpp" in baseline.fluxes:
        caveats.append("GPP has no soil moisture stress by default; it shows in fAPAR alone.")
    if _is_by(baseline, "reco", "Q10Respiration"):
        caveats.append(
            "RECO is proportional to fAPAR, by one coefficient and one Q10 for all land, fitted to "
            "towers that are mostly temperate: it extrapolates to the tropics, the dry and the "
            "cold. A respiration fitted to towers of your own (Q10Respiration.fit) extrapolates as "
            "well wherever these do not stand."
        )
    if "nee" in baseline.fluxes:
        caveats.append(
            "NEE is the small difference of two large estimates that are made independently, RECO "
            "and GPP: an error of a few per cent in either is as large as NEE itself."
        )
    if _is_by(baseline, "le", "PriestleyTaylor"):
        ndvi = f" (NDVI here: {baseline.derived['ndvi']})" if "ndvi" in baseline.derived else ""
        caveats.append(
            "LE is that of plants alone: PriestleyTaylor scales its coefficient by (NDVI - 0.2) / "
            f"0.8{ndvi}, without evaporation from soil or of intercepted rain, so that LE tends to "
            "be low, and is zero where NDVI is below 0.2. `PTJPL` has both."
        )
    return caveats


def tower_caveats(result: TowerResult) -> list[str]:
    """Return what limits the scores."""
    caveats = []
    if {"gpp", "reco"} & set(result.scores.fluxes):
        caveats.append(
            "GPP and RECO of towers are modelled themselves: partitioned from measured NEE."
        )
    if "le" in result.scores.fluxes:
        bias = _mean_bias(result, "le")
        lower = (
            f"; the baseline is lower still, by {-bias:.1f} W m-2 in the mean of all pairs, and "
            "the true gap is wider than that"
        )
        caveats.append(
            "LE of towers is not corrected for energy balance closure, and tends to be low"
            f"{lower if bias < 0 else ''}."
        )
    return caveats


def grid_caveats(drivers: xr.Dataset, baseline: Baseline, result: GridResult) -> list[str]:
    """Return what limits the maps and totals."""
    caveats = []
    if "nee" in baseline.fluxes:
        caveats.append(
            "Fire, land use, harvest and the age of soils are not in the NEE of the grid, and its "
            "total is no estimate of the land sink."
        )
    if result.domain == "global" and _is_by(baseline, "le", "PriestleyTaylor"):
        caveats.append(
            "For the mean LE of global land 38 W m-2 are expected (Wild et al. 2015). With the "
            "drivers of the real Earth PriestleyTaylor gives little more than half of that, PTJPL "
            "more than it."
        )
    if result.period == "mean year":
        caveats.append(
            "The grid is a mean year: for patterns and magnitudes, not for a given year."
        )
    if drivers.attrs.get("synthetic"):
        caveats.append(f"SYNTHETIC: {drivers.attrs['synthetic']}")
    return caveats


def carbon_caveats(result: Allocated) -> list[str]:
    """Return what limits the division between plants and soils."""
    if result.by_emulator:
        caveats = [
            "Fractions and turnover times are those of land models, applied to other GPP and RECO "
            "than theirs: what these models all get wrong is wrong here, and their range is no "
            "error of measurement."
        ]
    else:
        caveats = [
            "Fractions and turnover times of the literature know land cover alone: no climate, "
            "soil, or age of forests. Grassland of the tropics and of the cold turn over alike, "
            "and soils of the cold and of wetlands hold more than is told here. Land models "
            "(--land-models) know climate."
        ]
    if result.years:
        caveats.append(
            "Pools change from year to year as turnover does, which land models know of climate "
            "and CO2 and the literature does not: they are a size, and no history of what was "
            "stored."
        )
    else:
        caveats.append(
            "Pools of a mean year have no trend, and are in balance with its NPP; real ones lag "
            "behind a growing NPP."
        )
    if result.of == "refined":
        caveats.append(
            "NEP of the grid is -NEE as learned from towers, which stand where plants grow: it is "
            "no land sink. Fire, harvest and land use are not taken off."
        )
    return caveats


def _is_by(baseline: Baseline, flux: str, model: str) -> bool:
    """Tell whether a flux was computed by a model, as its attributes say."""
    if flux not in baseline.fluxes:
        return False
    return str(baseline.fluxes[flux].attrs.get("model", "")).startswith(f"{model}(")


def _mean_bias(result: TowerResult, flux: str) -> float:
    error = result.predicted[flux] - result.observed[flux]
    return float(np.nanmean(error.values))
