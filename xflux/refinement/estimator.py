"""What every model that is fitted to towers can do: be applied, and be validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TowerEstimator"]


class TowerEstimator(BaseEstimator):
    """A model with ``fit(drivers, observed)``, parameters as of scikit-learn, and `refinement_`."""

    def apply(
        self, ds: xr.Dataset, *, interval: float | None = None, members: bool = False
    ) -> xr.Dataset:
        """Return fluxes, lazily; see `xflux.refine`."""
        from xflux.refinement.apply import apply

        return apply(self, ds, interval=interval, members=members)

    def cross_validate(
        self,
        drivers: xr.Dataset,
        observed: xr.Dataset,
        *,
        groups: Any = "site",
        splitter: Any = None,
        interval: float | None = 0.9,
        jobs: int = 1,
        progress: bool = True,
    ) -> xr.Dataset:
        """Predict every record by a model that did not see it; see `cross_validate`."""
        from xflux.refinement.validation import cross_validate

        return cross_validate(
            self, drivers, observed, groups=groups, splitter=splitter, interval=interval,
            jobs=jobs, progress=progress,
        )  # fmt: skip
