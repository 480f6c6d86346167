"""`xflux.regional_integral`: a flux of regions, exactly or from the pixels of a bridge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, get_args

import numpy as np

from xflux.errors import InputError
from xflux.labels.amount_units import INTEGRABLE
from xflux.labels.attach import generated, with_coordinate_attributes
from xflux.labels.calendar import Step, TimeSteps, find_time, time_steps
from xflux.labels.cellsum import Limits
from xflux.labels.coasts import warn_of_coasts
from xflux.labels.coordinates import find_bounds
from xflux.labels.find import require_known
from xflux.labels.grid import cell_area, land_fraction, match_grid
from xflux.labels.integral import regional_sums
from xflux.labels.named_regions import named_regions
from xflux.labels.periods import Freq
from xflux.labels.pipeline import said_of_dropped
from xflux.labels.region_coverage import region_coverage
from xflux.labels.regions import as_regions
from xflux.labels.units import plain_indexes
from xflux.labels.variables import variables
from xflux.regional.found_flux import KEPT, found_flux

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Bridge", "regional_integral"]

_BOUNDS = ("_lower", "_upper")


class Bridge(Protocol):
    """What estimates the flux of regions from a few of their pixels."""

    def estimate(
        self, nee: xr.Dataset, *, freq: Freq, units: str, stamp: Step | None
    ) -> xr.DataArray:
        """Return the flux of each region and step, dims (..., region, time)."""
        ...


def regional_integral(
    ds: xr.Dataset,
    bridge: Bridge | None = None,
    *,
    regions: Any = None,
    variable: str = "nee",
    freq: Freq = "MS",
    units: str = "PgC",
    names: Mapping[str, str] | None = None,
    skipna: bool = True,
    min_valid: float = 0.0,
    stamp: Step | None = None,
) -> xr.Dataset:
    """Integrate a flux over regions and months or years.

    Parameters
    ----------
    ds : Dataset
        With the flux on a grid, along ``time`` or the ``month`` of a mean year, in g m-2 d-1 of
        carbon or what converts; eager or lazy. ``land_fraction``, ``cell_area`` and time bounds
        count where they are there. Other dims (``member``, ``model``) are kept.
    bridge : optional
        A fitted `xflux.RegionalBridge`: the regions are estimated from its pixels alone, whose
        chunks are all that is read. None: all cells are summed, exactly.
    regions : optional
        - None: the globe.
        - A variable of `ds` (``"igbp"``), or integers on the grid.
        - Shares of cells (region, lat, lon), NaN is 0. Cells on a coast or border that regions
          share are divided as the shares say.
        - regionmask.Regions: cells whose centre lies inside.
        - Shapes: a GeoDataFrame, or a list or mapping by name of shapely polygons, in degrees.
          Cells are divided by the share of their area that lies inside, exactly.

        `xflux.transcom_regions`, `xflux.reccap2_regions` and `xflux.latitude_bands` make some.
    variable : str
        Canonical name of a flux of carbon, water (``"et"``) or energy (``"le"``).
    freq : {"MS", "YS"}
        Sums of months or years. A step that straddles two is divided by its days in each.
    units : str
        PgC (default), TgC, GtC, ...; km3 of water, EJ of energy.
    names : mapping of str to str, optional
        Your own names, such as ``{"nee": "NEE_model"}``.
    skipna : bool
        Leave cells without values out, and report them (default); False: NaN for a region that
        lacks any. A bridge is NaN where any of its pixels is, and takes neither this nor
        `min_valid`.
    min_valid : float
        Least share of the area of a region that must have values.
    stamp : {"D", "MS", "YS"}, optional
        What a time stamp stands for, where that cannot be told.

    Returns
    -------
    Dataset
        float64, lazy where `ds` is; dims (..., region, time), or month.

        <variable> [Pg]
            Amount of each region and period, by the name of the flux. Fluxes that say that they
            are positive the other way are turned. NaN for a period that lacks steps (a gap of a
            month is a month of NaN), and for a region without cells or values. A net flux bears
            ``flux_definition``.
        missing_area [1]
            Share of the area of the region without values.
        coverage [1]
            Share of each period that steps cover.
        land_outside, land_shared [1]
            Share of the land (area of cells x land fraction, or of whole cells without one)
            that lies in no region, and in more than one. Both are 0 for a partition, whose
            regions then sum to the globe.

        With a bridge the flux alone.

    Raises
    ------
    MissingVariableError, UnitsError, AmbiguousVariableError
        For a flux that is not there, or is none of the units.
    GridMismatchError
        When regions or bridge and flux lie on different grids.
    InputError
        For options that are not valid, regions beside a bridge, a net flux that says that it is
        another, and points, which have no area.

    Warns
    -----
    XfluxWarning
        When values are means over land and there is no ``land_fraction``: cells that are partly
        sea then count whole.

    Notes
    -----
    ``sum over cells of flux x area x land fraction x share of region x days``, in float64; months
    have the days of their calendar (February of a mean year 28.25). 1 Pg is 1e15 g. Each chunk is
    read once. NaN in area, land fraction or shares is 0.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import xarray as xr
    >>> nee = xr.DataArray(
    ...     -np.ones((12, 18, 36)),
    ...     coords={
    ...         "time": pd.date_range("2001-01-01", periods=12, freq="MS"),
    ...         "lat": np.arange(-85.0, 86, 10),
    ...         "lon": np.arange(5.0, 360, 10),
    ...     },
    ...     dims=("time", "lat", "lon"),
    ...     attrs={"units": "g m-2 d-1"},
    ... )
    >>> found = regional_integral(nee.to_dataset(name="nee"), freq="YS")
    >>> round(found.nee.item(), 2)  # 510 million km2 x 365 d
    -186.17
    """
    _check(variable, freq)
    if bridge is not None and (not skipna or min_valid != 0.0):
        raise InputError(
            "a bridge is NaN where any of its pixels is; leave skipna and min_valid out"
        )
    if bridge is not None and regions is not None:
        raise InputError(
            "regions are those of the bridge; leave regions out, or sum exactly without a bridge"
        )
    ds = plain_indexes(ds)
    found_in = found_flux(ds, variable, names, needed_by="regional_integral")
    if bridge is not None:
        return _estimated(found_in.canonical, ds, bridge, freq, units, stamp)
    flux, scale = found_in.array, found_in.scale
    steps = _steps(ds, flux, stamp)
    area, land = cell_area(ds), land_fraction(ds)
    grid = match_grid(area, flux, what="area")
    found = as_regions(named_regions(regions, ds), grid)
    if found is not None and flux.chunks is not None:
        # Once here: Dask would read shares whole, to name them, wherever they are used.
        found = replace(found, weights=found.weights.chunk())
    warn_of_coasts({variable: flux}, land, area.dims)
    sums = regional_sums(
        flux,
        area=area,
        land_fraction=land,
        regions=found,
        days=steps,
        freq=freq,
        units=units,
        skipna=skipna,
        min_valid=min_valid,
        scale=scale,
        limits=_limits(variable, scale),
    )
    result = sums[["missing_area"]].assign({variable: _described(sums["integral"], flux)})
    result["coverage"] = sums["coverage"] if "coverage" in sums else _whole(result, steps)
    result = result.merge(region_coverage(found, grid, land))
    result.attrs = _said(flux, land)
    order = [variable, "missing_area", "coverage", "land_outside", "land_shared"]
    return with_coordinate_attributes(result[order], [flux])


def _check(variable: str, freq: str) -> None:
    if variable.endswith(_BOUNDS):
        raise InputError(
            f"{variable!r} is the bound of each cell, and the sum of bounds is no bound of the "
            "sum; keep members or scenarios as a dimension, and take quantiles of the integral"
        )
    require_known(variable, "variable")
    if variables[variable].units not in INTEGRABLE:
        raise InputError(
            f"{variable!r} [{variables[variable].units}] is no flux per area; what is integrated "
            f"has one of the units {', '.join(INTEGRABLE)}"
        )
    if freq not in get_args(Freq):
        raise InputError(f"freq={freq!r} is not known; use 'MS' for months or 'YS' for years")


def _limits(variable: str, scale: float) -> Limits:
    row = variables[variable]
    low, high = sorted((row.valid_min / abs(scale), row.valid_max / abs(scale)))
    return Limits(low, high, said_of_dropped(variable))


def _estimated(
    flux: xr.DataArray, ds: xr.Dataset, bridge: Bridge, freq: Freq, units: str, stamp: Step | None
) -> xr.Dataset:
    estimate = getattr(bridge, "estimate", None)
    if estimate is None:
        raise InputError(
            f"bridge is a {type(bridge).__name__}, which estimates nothing; give a fitted "
            "xflux.RegionalBridge, or the regions as regions=..."
        )
    dim = find_time(flux)
    bounds = None if dim is None else find_bounds(ds, ds[dim])
    beside = {} if bounds is None else {str(bounds.name): bounds.variable}
    given = flux.to_dataset(name=str(flux.name)).assign(beside)
    found = estimate(given, freq=freq, units=units, stamp=stamp)
    # What the bridge says of its estimate goes before what the flux says.
    kept = {key: flux.attrs[key] for key in (*KEPT, "positive") if key in flux.attrs}
    kept.pop("cell_methods", None)
    result = found.assign_attrs({**kept, **found.attrs}).to_dataset(name=str(flux.name))
    return result.assign_attrs(
        {"title": "Flux of regions, estimated by a bridge", **_synthetic(flux)}
    )


def _steps(ds: xr.Dataset, flux: xr.DataArray, stamp: Step | None) -> TimeSteps:
    """Return the steps of a flux; time bounds stand beside it in the Dataset."""
    dim = find_time(flux)
    beside = dim in ds.indexes and find_time(ds) == dim
    steps = None if dim is None else time_steps(ds if beside else flux, freq=stamp)
    if steps is None:
        raise InputError(
            f"{flux.name} has no time among its dims {flux.dims}; give it along 'time' with dates, "
            "or along the 'month' of a mean year"
        )
    return steps


def _described(integral: xr.DataArray, flux: xr.DataArray) -> xr.DataArray:
    words = variables[str(flux.name)].long_name
    return integral.assign_attrs(long_name=f"{words}, integrated over the region")


def _whole(result: xr.Dataset, steps: TimeSteps) -> xr.DataArray:
    """Return the coverage of a mean year, whose months are whole."""
    import xarray as xr

    size = result.sizes.get(steps.dim)
    values = np.ones(()) if size is None else np.ones(size)
    attrs = {"long_name": "share of the period with steps", "units": "1"}
    return xr.DataArray(values, dims=() if size is None else (steps.dim,), attrs=attrs)


def _said(flux: xr.DataArray, land: xr.DataArray | None) -> dict[str, str]:
    weights = "area of cells x land fraction"
    return {
        "title": "Flux of regions",
        "weights": weights if land is not None else "area of whole cells (no land_fraction)",
        **_synthetic(flux),
    }


def _synthetic(flux: xr.DataArray) -> dict[str, str]:
    mark = generated([flux])
    return {"synthetic": mark} if mark else {}
