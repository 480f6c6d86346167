"""An idealised Earth with known truth, for demonstration, tests and teaching."""

from xflux.twin.earth import Earth

__all__ = ["Earth"]
