"""Terrestrial carbon and water fluxes on labelled, lazy grids.

``import xflux`` registers the accessors ``ds.flux`` and ``ds.carbon``. Everything it offers is
also a plain function or class here; what is heavy is imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from xflux import accessors as _accessors
from xflux.accessors import CarbonAccessor, FluxAccessor
from xflux.version import __version__

#: Public names, and the module that each is imported from when first used.
_LAZY = {
    "aboveground_biomass": "xflux.carbon.biomass",
    "allocate": "xflux.carbon.allocate",
    "AllocationEmulator": "xflux.carbon.emulator",
    "apply_by_class": "xflux.refinement.by_class",
    "attribute": "xflux.carbon.attribution",
    "balance_report": "xflux.carbon.balance_report",
    "baseline": "xflux.baselines.baseline",
    "budget": "xflux.carbon.budget",
    "compare_biomass": "xflux.carbon.biomass_skill",
    "ConstrainedNetwork": "xflux.refinement.constrained_network",
    "DualConstraintNetwork": "xflux.regional.dual_network",
    "evaluate": "xflux.skill.evaluate",
    "evaluate_intervals": "xflux.skill.intervals",
    "fill_co2": "xflux.files.co2",
    "fit_turnover": "xflux.carbon.turnover_fit",
    "FluxModel": "xflux.baselines.model",
    "get_options": "xflux.options",
    "growth_rate_check": "xflux.skill.growth_rate",
    "land_sink_skill": "xflux.skill.land_sink",
    "latitude_bands": "xflux.labels.partitions",
    "LloydTaylor": "xflux.baselines.respiration",
    "mass_balance": "xflux.carbon.balance",
    "observation_uncertainty": "xflux.refinement.observation_uncertainty",
    "open_drivers": "xflux.files.drivers",
    "open_inversions": "xflux.files.inversions",
    "open_land_models": "xflux.files.land_models",
    "open_towers": "xflux.files.towers",
    "pft_mix": "xflux.regional.pft_mix",
    "PModel": "xflux.baselines.photosynthesis",
    "PriestleyTaylor": "xflux.baselines.evapotranspiration",
    "PTJPL": "xflux.baselines.evapotranspiration",
    "Q10Respiration": "xflux.baselines.respiration",
    "read_co2": "xflux.files.co2",
    "read_global_carbon_budget": "xflux.files.carbon_budget",
    "reccap2_regions": "xflux.labels.partitions",
    "refine": "xflux.refinement.refine",
    "regional_integral": "xflux.regional.regional_integral",
    "regional_skill": "xflux.skill.regional",
    "RegionalBridge": "xflux.regional.bridge",
    "report": "xflux.reporting.report",
    "ResidualModel": "xflux.refinement.residual",
    "set_options": "xflux.options",
    "shared_features": "xflux.refinement.shared_features",
    "simulate_pools": "xflux.carbon.pools",
    "SmartForest4D": "xflux.learning.smartforest",
    "snap": "xflux.labels.coordinates",
    "standardize": "xflux.labels.standardize",
    "to_zarr": "xflux.files.zarr_store",
    "transcom_regions": "xflux.labels.partitions",
    "variables": "xflux.labels.variables",
    "XfluxError": "xflux.errors",
    "XfluxWarning": "xflux.errors",
}

#: Folders that are used by their name, as ``xflux.twin.Earth()``.
_FOLDERS = ("twin",)

__all__ = ["CarbonAccessor", "FluxAccessor", "__version__", *_FOLDERS, *_LAZY]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name in _FOLDERS:
        return import_module(f"xflux.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'xflux' has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


del _accessors
