"""`ds.flux.plot`: figures of a Dataset, by canonical names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xflux.errors import InputError, MissingVariableError
from xflux.labels.find import find
from xflux.labels.named_regions import named_regions
from xflux.plot.picking import bounds_of, first, groups_of, left_out, pick
from xflux.plot.region_accessor import RegionPlots
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray
    from xarray.plot import FacetGrid

__all__ = ["PlotAccessor"]

#: What `series` draws unless asked otherwise.
_CARBON = ("gpp", "reco", "nee")


class PlotAccessor(RegionPlots):
    """Maps, series, scatter plots and budgets of a Dataset: ``ds.flux.plot``.

    Axes in, axes out: every method takes ``ax=`` and returns the axes, or with ``row=``
    and ``col=`` xarray's `~xarray.plot.FacetGrid`. Names and units come from the
    attributes, and from the variable table where these say nothing.

    Parameters
    ----------
    ds : Dataset
        Variables are found by canonical name, CF standard name or alias; any other
        variable by its own name.
    """

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    def __repr__(self) -> str:
        return (
            "<ds.flux.plot: .map(variable), .series(variables), .scatter(variable, reference), "
            ".budget(variables), .profiles(variable), .trends(variables), .boxes(variable), "
            ".regions(variable), .region_cycles(variable), .region_anomalies(variable); of "
            "xflux.attribute: .effects(), .graph()>"
        )

    def map(
        self, variable: str = "gpp", *, names: Mapping[str, str] | None = None, **options: Any
    ) -> Axes | FacetGrid:
        """Draw a variable as a map, the mean over what is not shown.

        Parameters
        ----------
        variable : str
            Canonical name, or the Dataset's own.
        names : mapping, optional
            Your own names, such as ``{"gpp": "GPP_model"}``.
        **options
            Of `xflux.plot.maps.plot_map`: ax, row, col, reduce, cmap, vmin, vmax, ...
        """
        from xflux.plot.maps import plot_map

        return plot_map(pick(self._ds, variable, names), **options)

    def series(
        self,
        variables: str | Sequence[str] | None = None,
        *,
        names: Mapping[str, str] | None = None,
        hue: str | xr.DataArray | None = None,
        **options: Any,
    ) -> Axes | FacetGrid:
        """Draw one or several variables over time, the mean over what is not shown.

        Parameters
        ----------
        variables : str or sequence of str, optional
            None: those of gpp, reco and nee that the Dataset holds; the title names the
            fluxes of energy and water that it leaves out. Several must share one unit.
        names : mapping, optional
            Your own names, such as ``{"gpp": "GPP_model"}``.
        hue : str or DataArray, optional
            Lines: a dimension, a coordinate or variable of the Dataset (``"igbp"``), ...
        **options
            Of `xflux.plot.series.plot_series`: ax, x, row, col, spread, weights, ...
        """
        from xflux.plot.series import plot_series

        if variables is None:
            variables = self._carbon(names, "series")
            options = {"note": left_out(self._ds, names)} | options
        if isinstance(variables, str):
            data: Any = pick(self._ds, variables, names)
        elif variables:
            import xarray as xr

            picked = [pick(self._ds, name, names) for name in variables]
            data = xr.Dataset({str(array.name): array for array in picked})
        else:
            raise InputError("variables is empty; name at least one")
        return plot_series(data, hue=groups_of(hue, self._ds, data), grid=self._ds, **options)

    def scatter(
        self,
        variable: str,
        reference: xr.Dataset | xr.DataArray | str,
        *,
        names: Mapping[str, str] | None = None,
        by: str | xr.DataArray | None = None,
        row: str | xr.DataArray | None = None,
        col: str | xr.DataArray | None = None,
        **options: Any,
    ) -> Axes | FacetGrid:
        """Draw a variable against a reference, with the scores.

        Parameters
        ----------
        variable : str
            The prediction: canonical name, or the Dataset's own.
        reference : Dataset, DataArray or str
            The observation: a Dataset that holds the variable, an array, or the name of
            another variable of this Dataset.
        names : mapping, optional
            Your own names, such as ``{"gpp": "GPP_model"}``.
        by, row, col : str or DataArray, optional
            Groups by colour and in panels: a dimension, a part of the date, a coordinate or
            variable of the Dataset or the reference (``"igbp"``).
        **options
            Of `xflux.plot.scatter.plot_scatter`: ax, kind, regression, ...
        """
        import xarray as xr

        from xflux.plot.scatter import plot_scatter

        predicted = pick(self._ds, variable, names)
        if isinstance(reference, str):
            observed = pick(self._ds, reference, names)
        elif isinstance(reference, xr.Dataset):
            observed = pick(reference, variable, None)
        else:
            observed = reference
        groups = {
            role: groups_of(given, self._ds, predicted, reference)
            for role, given in (("by", by), ("row", row), ("col", col))
        }
        return plot_scatter(observed, predicted, **groups, **options)

    def budget(
        self,
        variables: str | Sequence[str] | None = None,
        *,
        names: Mapping[str, str] | None = None,
        regions: Any = None,
        **options: Any,
    ) -> Axes | NDArray[Any] | FacetGrid:
        """Draw yearly totals of carbon, over time or by region.

        Parameters
        ----------
        variables : str or sequence of str, optional
            Fluxes, stocks, or amounts that were integrated before. None: those of gpp, reco and
            nee that the Dataset holds; the title names the fluxes that have no carbon.
            Scenarios along ``scenario``, such as of ``allocate(scenarios=True)``, are a band
            between their least and largest total. ``gpp_lower`` and ``gpp_upper`` of cells are
            none, as the sum of bounds is no bound of the sum; of totals they are.
        names : mapping, optional
            Your own names, such as ``{"gpp": "GPP_model"}``.
        regions : optional
            A variable of the Dataset (``"igbp"``), a mask, or regionmask; None: all cells.
        **options
            Of `xflux.plot.budget.plot_budget`: ax, freq, units, row, col, spread, ...
        """
        import xarray as xr

        from xflux.plot.budget import plot_budget

        if variables is None:
            variables = self._carbon(names, "budget")
            options = {"note": left_out(self._ds, names)} | options
        wanted = [variables] if isinstance(variables, str) else list(variables)
        picked = [pick(self._ds, name, names) for name in wanted]
        data = xr.Dataset({str(array.name): array for array in picked})
        if options.get("spread") is None:
            data = data.assign(bounds_of(self._ds, data, names))
        return plot_budget(data, regions=named_regions(regions, self._ds), grid=self._ds, **options)

    def profiles(
        self,
        variable: str = "gpp",
        *,
        names: Mapping[str, str] | None = None,
        reference: Mapping[str, xr.Dataset | xr.DataArray] | None = None,
        **options: Any,
    ) -> NDArray[Any]:
        """Draw a variable as a map, with its means by longitude and latitude at the margins.

        Parameters
        ----------
        variable : str
            Canonical name, or the Dataset's own.
        names : mapping, optional
            Your own names, such as ``{"gpp": "GPP_model"}``.
        reference : mapping of str to Dataset or DataArray, optional
            Of the same variable, by what they are called.
        **options
            Of `xflux.plot.profiles.plot_profiles`: axes, reduce, cmap, ...
        """
        import xarray as xr

        from xflux.plot.profiles import plot_profiles

        others = {
            called: pick(other, variable, None) if isinstance(other, xr.Dataset) else other
            for called, other in (reference or {}).items()
        }
        array = pick(self._ds, variable, names)
        return plot_profiles(array, reference=others or None, grid=self._ds, **options)

    def trends(
        self,
        variables: str | Sequence[str] | None = None,
        *,
        names: Mapping[str, str] | None = None,
        regions: Any = None,
        region: Any = None,
        **options: Any,
    ) -> NDArray[Any]:
        """Draw yearly totals of carbon fluxes and stocks, a panel each, with their trends.

        Scenarios along ``scenario``, such as of ``allocate(scenarios=True)``, are a band between
        their least and largest total. ``_lower`` and ``_upper`` of cells are no band, as the sum
        of bounds is no bound of the sum.

        Parameters
        ----------
        variables : str or sequence of str, optional
            Canonical names; None: all that the Dataset holds.
        names : mapping, optional
            Your own names, such as ``{"gpp": "GPP_model"}``.
        regions : optional
            A variable of the Dataset (``"igbp"``), a mask, or regionmask; None: all cells.
        region : optional
            Which of them is drawn.
        **options
            Of `xflux.plot.trends.plot_trends`: axes, spread, interval, reference, ...
        """
        from xflux.carbon.budget import budget
        from xflux.plot.trends import plot_trends

        wanted = [variables] if isinstance(variables, str) else variables
        mask = named_regions(regions, self._ds)
        made = budget(self._ds, mask, variables=wanted, names=names)
        return plot_trends(made, wanted, region=region, **options)

    def boxes(
        self,
        variable: str,
        *,
        names: Mapping[str, str] | None = None,
        regions: Any = None,
        reference: Mapping[str, xr.Dataset] | None = None,
        label: str = "",
        **options: Any,
    ) -> Axes:
        """Draw yearly totals of carbon as boxes by region, next to those of references.

        Parameters
        ----------
        variable : str
            Canonical name of a carbon flux or stock.
        names : mapping, optional
            Your own names, such as ``{"gpp": "GPP_model"}``.
        regions : optional
            A variable of the Dataset (``"igbp"``), a mask, or regionmask; None: all cells.
        reference : mapping of str to Dataset, optional
            Other Datasets on the same grid that hold the variable, by what they are called.
        label : str
            What this Dataset is called beside them; the symbol of the variable by default.
        **options
            Of `xflux.plot.boxes.plot_boxes`: by, ax, whiskers, order, ...
        """
        from xflux.carbon.budget import budget
        from xflux.plot.boxes import plot_boxes

        mask = named_regions(regions, self._ds)
        estimates = {
            label or short_name(variable): budget(
                self._ds, mask, variables=[variable], names=names
            )[variable]
        }
        for called, other in (reference or {}).items():
            estimates[called] = budget(other, mask, variables=[variable])[variable]
        return plot_boxes(estimates, **options)

    def effects(self, **options: Any) -> NDArray[Any]:
        """Draw the effects of drivers on fluxes, of a Dataset that `xflux.attribute` returned.

        Parameters
        ----------
        **options
            Of `xflux.plot.attribution.plot_attribution`: ax, target, effect, ...
        """
        from xflux.plot.attribution import plot_attribution

        return plot_attribution(self._ds, **options)

    def graph(self, **options: Any) -> Axes:
        """Draw the graph of causes with its effects, of one place of `xflux.attribute`.

        Parameters
        ----------
        **options
            Of `xflux.plot.causal_graph.plot_causal_graph`: ax, figsize.
        """
        from xflux.plot.causal_graph import plot_causal_graph

        return plot_causal_graph(self._ds, **options)

    def _carbon(self, names: Mapping[str, str] | None, method: str) -> list[str]:
        """Return the carbon fluxes that are drawn unless asked otherwise."""
        held = [name for name in _CARBON if find(self._ds, name, names) is not None]
        if not held:
            raise MissingVariableError(
                f"the Dataset holds none of {', '.join(_CARBON)}; name what to draw, such as "
                f"{method}({first(self._ds)!r})"
            )
        return held
