"""`xflux.budget`: carbon of regions, year by year, with trend and variability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from xflux.carbon.carbon_terms import BOUNDS, STOCKS, Terms, carbon_terms
from xflux.carbon.lazy_sums import by_year, flux_totals, stock_totals
from xflux.carbon.time_axis import YEAR
from xflux.carbon.trend import FEWEST, PARTS, trend
from xflux.errors import InputError
from xflux.labels.attach import generated, with_coordinate_attributes
from xflux.labels.calendar import Step
from xflux.labels.coasts import warn_of_coasts
from xflux.labels.flux_definition import NET, named_definition
from xflux.labels.grid import match_grid
from xflux.labels.named_regions import named_regions
from xflux.labels.periods import Freq
from xflux.labels.regions import Regions, as_regions
from xflux.labels.variables import variables as table

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Trend", "budget"]

Trend = Literal["ols", "mann-kendall"]

#: A mean smaller than this share of the standard deviation divides nothing.
_NEAR_ZERO = 0.1
_SOURCES = {
    "ols": "least squares; p and interval by t with the effective number of years (lag-1 "
    "autocorrelation; Santer et al. 2000)",
    "mann-kendall": "Theil-Sen slope; p by Mann-Kendall with lag-1 autocorrelation (Yue and Wang "
    "2004), interval by Sen (1968)",
}


def budget(
    ds: xr.Dataset,
    regions: Any = None,
    *,
    freq: Freq = "YS",
    variables: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
    trend: Trend = "ols",
    confidence: float = 0.95,
    units: str = "PgC",
    skipna: bool = True,
    min_valid: float = 0.0,
    stamp: Step | None = None,
) -> xr.Dataset:
    """Return the carbon of each region and period, with trend and variability.

    Parameters
    ----------
    ds : Dataset
        Fluxes (g m-2 d-1 or what converts) along ``time``, ``year`` or ``month``, and stocks (g
        m-2) along ``year`` or ``time``, on a grid; eager or lazy. ``land_fraction``,
        ``cell_area`` and time bounds count where they are there. Other dims (``member``,
        ``scenario``, ``model``) are kept, so that intervals of a budget can be taken from
        them; those of pixels cannot be summed.
    regions : optional
        A variable of `ds` (``"igbp"``), integers on the grid, fractions (region, lat, lon), or
        regionmask; None: the globe.
        See `xflux.labels.regions.as_regions`.
    freq : {"YS", "MS"}
        Totals of fluxes by year (along ``year``) or by month (along ``time``). Stocks are
        yearly: those along ``time`` are averaged over each year.
    variables : sequence of str, optional
        Canonical names; None: every carbon flux and stock that is there.
    names : mapping of str to str, optional
        Your own names, such as ``{"gpp": "GPP_model"}``.
    trend : {"ols", "mann-kendall"}
        Least squares with a t test, or Theil-Sen with Mann-Kendall; either with the effective
        number of years.
    confidence : float
        Of the interval of the trend.
    units : str
        PgC (default), TgC, GtC, ...
    skipna : bool
        Leave cells without values out, and report them (default); False: NaN for a region
        that lacks any.
    min_valid : float
        Least share of the area of a region that must have values.
    stamp : {"D", "MS", "YS"}, optional
        What a time stamp stands for, where that cannot be told.

    Returns
    -------
    Dataset
        float64, dims (..., region, year), lazy where `ds` is. For each variable x:

        x [Pg]
            Carbon of the region: of a flux in the period, of a stock at its time. NaN for a
            period that lacks steps, for a region without cells or values.
        x_mean, x_iav [Pg]
            Mean over the whole years, and standard deviation between them (ddof=1, trend
            included).
        x_iav_relative [1]
            ``x_iav / |x_mean|``; NaN where the mean is less than a tenth of it, as may be of
            nee.
        x_trend [Pg per year], x_trend_low, x_trend_high, x_trend_p [1], x_trend_n [1]
            Slope, its interval, two-sided p-value, effective number of years. NaN with fewer
            than 5 whole years.
        x_missing_area [1]
            Share of the area of the region without values.

        Attributes say which regions have no cells, and why a trend is NaN everywhere. Net
        fluxes carry ``flux_definition``.

    Raises
    ------
    MissingVariableError, UnitsError, AmbiguousVariableError
        For variables that are not there or no carbon.
    InputError
        For ``_lower`` or ``_upper`` in `variables`, unlike definitions of a net flux, a Dataset
        without cells, and options that are not valid.
    GridMismatchError
        When regions and variables lie on different grids.

    Warns
    -----
    XfluxWarning
        When values are means over land (``cell_methods`` "area: mean where land") and there is no
        ``land_fraction``; of values in memory only where some cells have none. Attribute
        ``weights`` says in any case what area was counted.

    Notes
    -----
    ``sum over cells of flux x area x land fraction x share of region x days``; months have the
    days of their calendar. 1 Pg is 1e15 g.

    References
    ----------
    Santer, B. D. et al. (2000), Journal of Geophysical Research 105, 7337-7356,
    doi:10.1029/1999JD901105.

    Sen, P. K. (1968), Journal of the American Statistical Association 63, 1379-1389.

    Yue, S., Wang, C. (2004), Water Resources Management 18, 201-218.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import xarray as xr
    >>> lat, lon = np.arange(-85.0, 86, 10), np.arange(5.0, 360, 10)
    >>> time = pd.date_range("2001-01-01", "2006-12-01", freq="MS")
    >>> gpp = xr.DataArray(
    ...     np.ones((72, 18, 36)),
    ...     coords={"time": time, "lat": lat, "lon": lon},
    ...     dims=("time", "lat", "lon"),
    ...     attrs={"units": "g m-2 d-1"},
    ... )
    >>> found = budget(gpp.to_dataset(name="gpp"))
    >>> round(found.gpp.sel(region="globe", year=2001).item(), 3)  # 510 million km2 x 365 d
    186.174
    """
    import xarray as xr

    _check(freq, trend, confidence, variables)
    regions = named_regions(regions, ds)
    terms = carbon_terms(ds, names=names, wanted=variables, stamp=stamp, needed_by="budget")
    if terms.area is None:
        why = terms.why_no_area if terms.per_area else "its variables are totals already"
        raise InputError(
            f"budget sums over the cells of a grid, and there are none with an area: {why}"
        )
    first = next(iter(terms.arrays.values()))
    found = as_regions(regions, match_grid(terms.area, first, what="area"))
    warn_of_coasts(terms.arrays, terms.land, terms.cells)
    options: dict[str, Any] = {
        "area": terms.area, "land": terms.land, "regions": found, "units": units,
        "skipna": skipna, "min_valid": min_valid,
    }  # fmt: skip
    result = xr.Dataset()
    notes = []
    for name, array in terms.arrays.items():
        described, few = _of_variable(name, array, terms, options, freq, trend, confidence)
        result = result.merge(described, join="outer", compat="no_conflicts")
        if few:
            notes.append(few)
    result.attrs = _said(found, notes, trend, confidence, terms)
    return with_coordinate_attributes(result, terms.arrays.values())


def _check(freq: str, how: str, confidence: float, variables: Sequence[str] | None) -> None:
    if freq not in get_args(Freq):
        raise InputError(f"freq={freq!r} is not known; use 'YS' for years or 'MS' for months")
    if how not in get_args(Trend):
        raise InputError(f"trend={how!r} is not known; use 'ols' or 'mann-kendall'")
    if not 0.0 < confidence < 1.0:
        raise InputError(f"confidence={confidence!r} must lie between 0 and 1, such as 0.95")
    if isinstance(variables, str):
        raise InputError(f"variables={variables!r} is a string; pass a list, [{variables!r}]")
    for name in variables or ():
        if name.endswith(BOUNDS):
            raise InputError(
                f"{name!r} is the bound of each cell, and the sum of bounds is no bound of the "
                "sum; keep scenarios or members as a dimension, and take quantiles of the budget"
            )
        if name not in table:
            raise InputError(f"{name!r} is no canonical name; print(xflux.variables) lists them")
        if table[name].species != "carbon":
            raise InputError(
                f"{name!r} [{table[name].units}] is no carbon, and has no budget of it"
            )


def _of_variable(
    name: str,
    array: xr.DataArray,
    terms: Terms,
    options: dict[str, Any],
    freq: Freq,
    how: Trend,
    confidence: float,
) -> tuple[xr.Dataset, str]:
    """Return the budget of one variable, and why it has no trend, where it has none."""
    import xarray as xr

    axis = terms.axes[name]
    is_stock = name in STOCKS
    sums = (
        stock_totals(array, axis, **options)
        if is_stock
        else flux_totals(array, axis, freq=freq, **options)
    )
    words = table[name].long_name
    attrs: dict[str, Any] = {
        "long_name": f"{words}, {'summed' if is_stock else 'integrated'} over the region",
        "units": sums["integral"].attrs["units"],
        "cell_methods": sums["integral"].attrs["cell_methods"],
    }
    attrs |= {
        key: value
        for key, value in array.attrs.items()
        if key in ("positive", "synthetic", "model")
    }
    if not is_stock and table[name].positive:
        attrs["positive"] = table[name].positive
    if name in NET:
        attrs["flux_definition"] = named_definition(array, name)
    total = sums["integral"].drop_attrs().assign_attrs(attrs)
    parts = {name: total, f"{name}_missing_area": sums["missing_area"]}
    yearly = total
    if not is_stock and freq == "MS" and axis is not None and axis.clock is not None:
        yearly = by_year(flux_totals(array, axis, freq="YS", **options), axis.dim)["integral"]
    few = ""
    if YEAR in yearly.dims:
        parts |= _statistics(name, words, yearly.assign_attrs(attrs), how, confidence)
        count = yearly.sizes[YEAR]
        if count < FEWEST:
            few = f"{name}: {count} years, a trend needs {FEWEST}"
    else:
        few = f"{name}: one total, without years"
    return xr.Dataset(parts), few


def _statistics(
    name: str, words: str, yearly: xr.DataArray, how: Trend, confidence: float
) -> dict[str, xr.DataArray]:
    """Return mean, variability and trend of yearly values, lazily."""
    import xarray as xr

    units = yearly.attrs["units"]
    if yearly.chunks is not None:
        # Of the array alone: lazy names of regions would be computed when variables are merged.
        yearly = yearly.copy(data=yearly.variable.chunk({YEAR: -1}).data)
    count = yearly.notnull().sum(YEAR)
    mean = yearly.mean(YEAR, skipna=True)
    iav = yearly.std(YEAR, ddof=1, skipna=True).where(count > 1)
    fitted: xr.DataArray = xr.apply_ufunc(
        partial(trend, years=np.asarray(yearly[YEAR].values), method=how, confidence=confidence),
        yearly.drop_attrs(),
        input_core_dims=[[YEAR]],
        output_core_dims=[["part"]],
        dask="parallelized",
        dask_gufunc_kwargs={"output_sizes": {"part": len(PARTS)}},
        output_dtypes=[np.float64],
    )
    pieces = {part: fitted.isel(part=k) for k, part in enumerate(PARTS)}
    rate = f"{units} yr-1"
    percent = f"{100 * confidence:g} % interval"
    said = {
        "mean": (mean, f"{words}, mean of years", units),
        "iav": (iav, f"{words}, standard deviation between years", units),
        "iav_relative": (
            (iav / abs(mean)).where(abs(mean) >= _NEAR_ZERO * iav),
            f"{words}, standard deviation between years relative to the mean", "1",
        ),
        "trend": (pieces["slope"], f"{words}, trend", rate),
        "trend_low": (pieces["low"], f"{words}, trend, lower end of the {percent}", rate),
        "trend_high": (pieces["high"], f"{words}, trend, upper end of the {percent}", rate),
        "trend_p": (pieces["p"], f"{words}, two-sided p-value of the trend", "1"),
        "trend_n": (pieces["n_effective"], f"{words}, effective number of years", "1"),
    }  # fmt: skip
    return {
        f"{name}_{key}": array.drop_attrs().assign_attrs(long_name=text, units=unit)
        for key, (array, text, unit) in said.items()
    }


def _said(
    found: Regions | None, notes: list[str], how: Trend, confidence: float, terms: Terms
) -> dict[str, Any]:
    attrs: dict[str, Any] = {
        "title": "Budget of carbon",
        "trend": f"{_SOURCES[how]}; {100 * confidence:g} % interval",
        "weights": terms.weights,
    }
    if notes:
        attrs["no_trend"] = "; ".join(notes)
    empty = _without_cells(found, terms)
    if empty:
        attrs["regions_without_cells"] = ", ".join(empty)
    mark = generated(terms.arrays.values())
    return attrs | ({"synthetic": mark} if mark else {})


def _without_cells(found: Regions | None, terms: Terms) -> list[str]:
    """Return the regions without any area, where that is known without computing."""
    if found is None or found.weights.chunks is not None:
        return []
    assert terms.area is not None
    weights = found.weights.values
    counts = np.ones(weights.shape[-terms.area.ndim :], bool)
    for layer in (terms.area, terms.land):
        if layer is not None and layer.chunks is None and layer.dims == terms.area.dims:
            counts = counts & (np.nan_to_num(layer.values) > 0)
    labels = found.labels
    if found.crisp:
        present = np.unique(weights[counts & (weights >= 0)])
        there = np.isin(np.arange(labels.size), present)
    else:
        there = np.array([bool((np.nan_to_num(layer)[counts] > 0).any()) for layer in weights])
    called = labels["names"].values if "names" in labels.coords else labels.values
    return [str(one) for one in np.asarray(called)[~there]]
