"""`ds.flux.plot.regions` and the like: figures of a Dataset summed over regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xflux.plot.picking import pick
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["RegionPlots"]


class RegionPlots:
    """Years, their anomalies and seasons of regions, next to those of references."""

    _ds: xr.Dataset

    def regions(
        self,
        variable: str = "nee",
        *,
        names: Mapping[str, str] | None = None,
        regions: Any = None,
        reference: Mapping[str, xr.Dataset | xr.DataArray] | None = None,
        label: str = "",
        **options: Any,
    ) -> Axes | NDArray[Any]:
        """Draw annual fluxes of regions, next to those of references.

        Parameters
        ----------
        variable : str
            Canonical name of a flux of carbon.
        names : mapping, optional
            Your own names, such as ``{"nee": "NEE_model"}``.
        regions : optional
            Of `xflux.regional_integral`, for a flux on a grid; None: the globe. A Dataset of
            regions is drawn as it is.
        reference : mapping of str to Dataset or DataArray, optional
            Fluxes of the same regions, by what they are called: ``{"inversions": inv}``.
        label : str
            What this Dataset is called beside them; the symbol of the variable by default.
        **options
            Of `xflux.plot.regional.plot_region_years`: show, ax, band, annual, ...
        """
        from xflux.plot.regional import plot_region_years

        sources = self._sources(variable, names, regions, reference, label)
        return plot_region_years(sources, variable=variable, **options)

    def region_anomalies(
        self,
        variable: str = "nee",
        *,
        names: Mapping[str, str] | None = None,
        regions: Any = None,
        reference: Mapping[str, xr.Dataset | xr.DataArray] | None = None,
        label: str = "",
        **options: Any,
    ) -> Axes | NDArray[Any]:
        """Draw by how much annual fluxes of regions depart from their trend.

        Parameters
        ----------
        variable, names, regions, reference, label
            As of `regions`.
        **options
            Of `xflux.plot.regional.plot_region_anomalies`: show, ax, band, ...
        """
        from xflux.plot.regional import plot_region_anomalies

        sources = self._sources(variable, names, regions, reference, label)
        return plot_region_anomalies(sources, variable=variable, **options)

    def region_cycles(
        self,
        variable: str = "nee",
        *,
        names: Mapping[str, str] | None = None,
        regions: Any = None,
        reference: Mapping[str, xr.Dataset | xr.DataArray] | None = None,
        label: str = "",
        **options: Any,
    ) -> Axes | NDArray[Any]:
        """Draw mean seasonal cycles of regions, next to those of references.

        Parameters
        ----------
        variable, names, regions, reference, label
            As of `regions`.
        **options
            Of `xflux.plot.regional.plot_region_cycles`: show, ax, band, ...
        """
        from xflux.plot.regional import plot_region_cycles

        sources = self._sources(variable, names, regions, reference, label)
        return plot_region_cycles(sources, variable=variable, **options)

    def _sources(
        self,
        variable: str,
        names: Mapping[str, str] | None,
        regions: Any,
        reference: Mapping[str, xr.Dataset | xr.DataArray] | None,
        label: str,
    ) -> dict[str, xr.Dataset | xr.DataArray]:
        """Return the flux of regions of the Dataset, and those of the references."""
        from xflux.regional.regional_integral import regional_integral

        if "region" in self._ds.dims and regions is None:
            # The Dataset keeps the bounds of time, by which months are told.
            own = self._ds.assign({variable: pick(self._ds, variable, names)})
        else:
            own = regional_integral(self._ds, regions=regions, variable=variable, names=names)
        return {label or short_name(variable): own, **(reference or {})}
