from xflux import twin as twin
from xflux.accessors import CarbonAccessor as CarbonAccessor
from xflux.accessors import FluxAccessor as FluxAccessor
from xflux.baselines.baseline import baseline as baseline
from xflux.baselines.evapotranspiration import PTJPL as PTJPL
from xflux.baselines.evapotranspiration import PriestleyTaylor as PriestleyTaylor
from xflux.baselines.model import FluxModel as FluxModel
from xflux.baselines.photosynthesis import PModel as PModel
from xflux.baselines.respiration import LloydTaylor as LloydTaylor
from xflux.baselines.respiration import Q10Respiration as Q10Respiration
from xflux.carbon.allocate import allocate as allocate
from xflux.carbon.attribution import attribute as attribute
from xflux.carbon.balance import mass_balance as mass_balance
from xflux.carbon.balance_report import balance_report as balance_report
from xflux.carbon.biomass import aboveground_biomass as aboveground_biomass
from xflux.carbon.biomass_skill import compare_biomass as compare_biomass
from xflux.carbon.budget import budget as budget
from xflux.carbon.emulator import AllocationEmulator as AllocationEmulator
from xflux.carbon.pools import simulate_pools as simulate_pools
from xflux.carbon.turnover_fit import fit_turnover as fit_turnover
from xflux.errors import XfluxError as XfluxError
from xflux.errors import XfluxWarning as XfluxWarning
from xflux.files.carbon_budget import read_global_carbon_budget as read_global_carbon_budget
from xflux.files.co2 import fill_co2 as fill_co2
from xflux.files.co2 import read_co2 as read_co2
from xflux.files.drivers import open_drivers as open_drivers
from xflux.files.inversions import open_inversions as open_inversions
from xflux.files.land_models import open_land_models as open_land_models
from xflux.files.towers import open_towers as open_towers
from xflux.files.zarr_store import to_zarr as to_zarr
from xflux.labels.coordinates import snap as snap
from xflux.labels.partitions import latitude_bands as latitude_bands
from xflux.labels.partitions import reccap2_regions as reccap2_regions
from xflux.labels.partitions import transcom_regions as transcom_regions
from xflux.labels.standardize import standardize as standardize
from xflux.labels.variables import variables as variables
from xflux.learning.smartforest import SmartForest4D as SmartForest4D
from xflux.options import get_options as get_options
from xflux.options import set_options as set_options
from xflux.refinement.by_class import apply_by_class as apply_by_class
from xflux.refinement.constrained_network import ConstrainedNetwork as ConstrainedNetwork
from xflux.refinement.observation_uncertainty import (
    observation_uncertainty as observation_uncertainty,
)
from xflux.refinement.refine import refine as refine
from xflux.refinement.residual import ResidualModel as ResidualModel
from xflux.refinement.shared_features import shared_features as shared_features
from xflux.regional.pft_mix import pft_mix as pft_mix
from xflux.regional.regional_integral import regional_integral as regional_integral
from xflux.reporting.report import report as report
from xflux.skill.evaluate import evaluate as evaluate
from xflux.skill.growth_rate import growth_rate_check as growth_rate_check
from xflux.skill.intervals import evaluate_intervals as evaluate_intervals
from xflux.skill.land_sink import land_sink_skill as land_sink_skill
from xflux.skill.regional import regional_skill as regional_skill

__version__: str
