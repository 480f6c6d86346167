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
from xflux.errors import XfluxError as XfluxError
from xflux.errors import XfluxWarning as XfluxWarning
from xflux.files.co2 import fill_co2 as fill_co2
from xflux.files.co2 import read_co2 as read_co2
from xflux.files.drivers import open_drivers as open_drivers
from xflux.files.land_models import open_land_models as open_land_models
from xflux.files.towers import open_towers as open_towers
from xflux.files.zarr_store import to_zarr as to_zarr
from xflux.labels.coordinates import snap as snap
from xflux.labels.standardize import standardize as standardize
from xflux.labels.variables import variables as variables
from xflux.options import get_options as get_options
from xflux.options import set_options as set_options
from xflux.refinement.constrained_network import ConstrainedNetwork as ConstrainedNetwork
from xflux.refinement.observation_uncertainty import (
    observation_uncertainty as observation_uncertainty,
)
from xflux.refinement.refine import refine as refine
from xflux.refinement.residual import ResidualModel as ResidualModel
from xflux.refinement.shared_features import shared_features as shared_features
from xflux.refinement.smartforest import SmartForest4D as SmartForest4D
from xflux.reporting.report import report as report
from xflux.skill.evaluate import evaluate as evaluate
from xflux.skill.intervals import evaluate_intervals as evaluate_intervals

__version__: str
