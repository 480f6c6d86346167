"""An idealised Earth with known truth, for demonstration, tests and teaching."""

from xflux.twin.earth import Earth
from xflux.twin.inversion_file import write_inversions
from xflux.twin.land_model_folder import write_land_models

__all__ = ["Earth", "write_inversions", "write_land_models"]
