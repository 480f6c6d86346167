"""The one area- and calendar-weighted integral over regions.

Budgets, bridges and global totals all use it. Each chunk of the flux is visited once:
it is summed over the cells of every region in float64, and what is left, one number a
region and step, is then weighted by time.

Cells without a value are left out and reported, never counted as zero in silence: a
region without any value is NaN, ``missing_area`` says which share of the others is
gone, and `skipna` or `min_valid` make NaN of what lacks too much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.amount_units import amount_of, canonical_flux
from xflux.labels.calendar import TimeSteps, find_time, time_steps
from xflux.labels.cellsum import Limits, pick, sum_over_cells
from xflux.labels.periods import Freq, Periods, periods

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["integrate", "over_periods", "regional_mean", "regional_sums"]

_REPORTED = ("integral", "missing_area", "valid_area")
#: Attributes of a flux that its integral has as well.
_KEPT = ("positive", "flux_definition", "synthetic")


def integrate(
    da: xr.DataArray,
    *,
    area: xr.DataArray,
    land_fraction: xr.DataArray | None = None,
    regions: Any = None,
    days: float | xr.DataArray | TimeSteps | None = None,
    freq: Freq | None = None,
    units: str = "PgC",
    skipna: bool = True,
    min_valid: float = 0.0,
    min_coverage: float = 1.0,
) -> xr.DataArray:
    """Integrate a flux over regions and time.

    Parameters
    ----------
    da, area, land_fraction, regions, days, freq, units, skipna, min_valid, min_coverage
        As in `regional_sums`, which also says how much of each region was there.

    Returns
    -------
    DataArray [units]
        float64, dims (..., region, time); lazy where the flux is.

    Raises
    ------
    UnitsError, InputError, GridMismatchError
        As `regional_sums` does.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from xflux.labels.grid import cell_area
    >>> gpp = xr.DataArray(
    ...     np.full((180, 360), 2.0),
    ...     coords={"lat": np.arange(-89.5, 90), "lon": np.arange(0.5, 360)},
    ...     attrs={"units": "g m-2 d-1"},
    ... )
    >>> round(integrate(gpp, area=cell_area(gpp), days=365.25).item(), 2)
    372.6
    """
    sums = regional_sums(
        da,
        area=area,
        land_fraction=land_fraction,
        regions=regions,
        days=days,
        freq=freq,
        units=units,
        skipna=skipna,
        min_valid=min_valid,
        min_coverage=min_coverage,
    )
    return sums["integral"].rename(da.name)


def regional_sums(
    da: xr.DataArray,
    *,
    area: xr.DataArray,
    land_fraction: xr.DataArray | None = None,
    regions: Any = None,
    days: float | xr.DataArray | TimeSteps | None = None,
    freq: Freq | None = None,
    units: str = "PgC",
    skipna: bool = True,
    min_valid: float = 0.0,
    min_coverage: float = 1.0,
    scale: float = 1.0,
    limits: Limits | None = None,
) -> xr.Dataset:
    """Integrate a flux over regions and time, and say how much of each was there.

    Parameters
    ----------
    da : DataArray
        Flux in ``g m-2 d-1`` (carbon), ``kg m-2 d-1`` (water) or ``W m-2``, on the grid
        of `area`; with a time dimension or the `month` of a mean year, and any others.
    area : DataArray [m2]
        Area of each cell (`xflux.labels.grid.cell_area`); its dims are those of the
        grid. NaN is 0.
    land_fraction : DataArray [1], optional
        Share of each cell that counts, 0 to 1; NaN is 0. Cells without land are left
        out, whatever they hold. None: all cells count whole.
    regions : optional
        What `xflux.labels.regions.as_regions` reads; None is the globe.
    days : float, DataArray or TimeSteps, optional
        Length of the steps. None: from the time coordinate of `da`. Time bounds that
        stand beside `da` in a Dataset are handed over by ``days=time_steps(ds)``.
    freq : {"MS", "YS"}, optional
        Sum the steps of each month or year; None keeps the steps. A step that
        straddles two periods is divided by its days in each.
    units : str
        Amount in the result: PgC (default), GtC, TgC, MtC, GgC, kgC, gC; of water
        km3, Pg, Tg, kg; of energy ZJ, EJ, PJ, J.
    skipna : bool
        Leave cells without a value out (default); False: a region that lacks any is
        NaN.
    min_valid : float
        Least share of the area of a region that must have values, else NaN.
    min_coverage : float
        Least share of a period that steps must cover, else NaN; the default of 1
        makes NaN of an incomplete year. No sum is scaled up.
    scale : float
        What the values are multiplied by to be in the unit that `da` states: sums are
        converted, which costs nothing.
    limits : Limits, optional
        Values beyond them, before `scale`, are missing; a warning says so.

    Returns
    -------
    Dataset
        Lazy where the flux is; dims (..., region, time), without time when a mean
        year is summed up or the flux has none.

        integral [units]
            float64. NaN for a region without cells or values, and for a period one
            step of which is NaN.
        missing_area [1]
            Share of the area of the region that has no value; mean over the period.
        valid_area [m2]
            Area with values; mean over the period.
        coverage [1]
            With `freq`: share of each period that steps cover, dims (time).

    Raises
    ------
    UnitsError
        When the flux is in none of those units, or `units` is no amount of it.
    InputError
        When dims do not fit, or the steps have no known length; once computed, when
        an area is negative or a share outside 0 to 1.
    GridMismatchError
        When area, land fraction, regions and flux are not on exactly one grid.

    Notes
    -----
    ``sum_cells flux x area x land_fraction x share_of_region x days``. The regions of
    a partition add up to the globe, to rounding in float64. 1 Pg is 1e15 g.
    """
    da = canonical_flux(da)
    factor, written = amount_of(da, units)
    factor *= scale
    for called, value in (("min_valid", min_valid), ("min_coverage", min_coverage)):
        if not 0.0 <= value <= 1.0:
            raise InputError(f"{called}={value!r} is not a share, 0 to 1")
    dim, length, cut = _time(da, days, freq)
    sums, labels = sum_over_cells(
        da, area, land_fraction, regions, skipna=skipna, min_valid=min_valid, limits=limits
    )
    assert cut is None or dim is not None
    if cut is not None and dim is not None:
        # Days add up in the integral; the areas are means over the period.
        sums = over_periods(sums, cut, dim)
        length = _along(1.0 / cut.total(np.ones(da.sizes[dim])), dim)
    parts = {name: pick(sums, name) for name in _REPORTED}
    if cut is None or dim is None:
        parts["integral"] = parts["integral"] * _cut_alike(length * factor, sums)
    else:
        coverage = _along(cut.coverage, dim)
        parts["integral"] = parts["integral"].where(coverage >= min_coverage - 1e-9) * factor
        parts["missing_area"] = parts["missing_area"] * length
        parts["valid_area"] = parts["valid_area"] * length
        parts["coverage"] = coverage
    result = _assemble(da, parts, labels, dim, cut)
    methods = "area: sum where land" if land_fraction is not None else "area: sum"
    kept = {key: da.attrs[key] for key in _KEPT if key in da.attrs}
    result["integral"].attrs = {
        "long_name": f"{da.attrs.get('long_name', da.name or 'flux')}, integrated over region",
        "units": written,
        "cell_methods": methods if dim is None else f"{methods} time: sum",
        **kept,
    }
    result["missing_area"].attrs = {"long_name": "share of the area without values", "units": "1"}
    result["valid_area"].attrs = {"long_name": "area with values", "units": "m2"}
    if "coverage" in result:
        result["coverage"].attrs = {"long_name": "share of the period with steps", "units": "1"}
    return result


def regional_mean(
    da: xr.DataArray,
    *,
    area: xr.DataArray,
    land_fraction: xr.DataArray | None = None,
    regions: Any = None,
    skipna: bool = True,
    min_valid: float = 0.0,
) -> xr.DataArray:
    """Average a variable over regions, weighted by area.

    Parameters
    ----------
    da : DataArray
        In any unit.
    area, land_fraction, regions, skipna, min_valid
        As in `regional_sums`.

    Returns
    -------
    DataArray
        float64, dims (..., region, time), in the unit of `da`: the mean over the
        cells with values. Lazy where `da` is.

    Raises
    ------
    InputError, GridMismatchError
        As `regional_sums` does.
    """
    sums, labels = sum_over_cells(
        da, area, land_fraction, regions, skipna=skipna, min_valid=min_valid
    )
    result = _assemble(da, {"mean": pick(sums, "mean")}, labels, find_time(da), None)["mean"]
    return result.rename(da.name).assign_attrs({**da.attrs, "cell_methods": "area: mean"})


def _time(
    da: xr.DataArray, days: float | xr.DataArray | TimeSteps | None, freq: Freq | None
) -> tuple[str | None, float | xr.DataArray, Periods | None]:
    """Return the time dimension, the days of its steps, and how these form periods."""
    import xarray as xr

    dim = find_time(da)
    if isinstance(days, xr.DataArray | int | float | np.number):
        if freq is not None:
            raise InputError(
                f"freq={freq!r} needs to know when steps begin and end, which days do not say; "
                "leave days out, or give days=time_steps(ds)"
            )
        if isinstance(days, xr.DataArray):
            days = _fitting(days, da)
        return dim, days, None
    steps = time_steps(da) if days is None else days
    if steps is None:
        raise InputError(
            f"{da.name or 'the flux'} has no time dimension among {da.dims}; give the number of "
            "days that it stands for, such as days=365.25"
        )
    if da.sizes.get(steps.dim) != len(steps.edges):
        raise InputError(
            f"days are {len(steps.edges)} steps along {steps.dim!r}, the flux has "
            f"{dict(da.sizes)}; give the steps of its own Dataset"
        )
    if freq is None or (freq == "MS" and steps.clock is None):
        return steps.dim, _along(steps.days, steps.dim), None
    return steps.dim, 1.0, periods(steps, freq)


def _fitting(days: xr.DataArray, da: xr.DataArray) -> xr.DataArray:
    """Return days without coordinates, if they belong to the steps of the flux."""
    for dim in days.dims:
        same = dim in da.dims and days.sizes[dim] == da.sizes[dim]
        if same and dim in days.indexes and dim in da.indexes:
            same = days.indexes[dim].equals(da.indexes[dim])
        if not same:
            raise InputError(
                f"days and the flux differ along {dim!r}; give days=days(ds) of the same Dataset"
            )
    return days.drop_vars(days.coords)


def _along(values: np.ndarray[Any, Any], dim: str) -> xr.DataArray:
    import xarray as xr

    return xr.DataArray(values, dims=dim)


def _cut_alike(length: float | xr.DataArray, sums: xr.DataArray) -> float | xr.DataArray:
    """Cut lengths as the sums are cut, else Dask would do so in many small steps."""
    if isinstance(length, float) or sums.chunks is None or length.chunks is not None:
        return length
    import dask.array

    chunks = tuple(sums.chunksizes[dim] for dim in length.dims)
    return length.copy(data=dask.array.from_array(length.values, chunks=chunks))


def over_periods(sums: xr.DataArray, cut: Periods, dim: str) -> xr.DataArray:
    """Sum steps times days into periods; what comes in is small, and goes into one task."""
    import xarray as xr

    sums = sums.transpose(..., dim)
    if sums.chunks is None:
        return xr.DataArray(cut.total(sums.values), dims=sums.dims)
    import dask.array

    rest, step, period = tuple(range(sums.ndim - 1)), sums.ndim - 1, sums.ndim
    summed = dask.array.blockwise(
        cut.total,
        (*rest, period),
        sums.data,
        (*rest, step),
        new_axes={period: cut.coverage.size},
        concatenate=True,
        dtype=np.float64,
        meta=np.empty((0,) * sums.ndim),
    )
    return xr.DataArray(summed, dims=sums.dims)


def _assemble(
    da: xr.DataArray,
    parts: dict[str, xr.DataArray],
    labels: xr.DataArray,
    dim: str | None,
    cut: Periods | None,
) -> xr.Dataset:
    """Put parts together: dims (..., region, time) and the coordinates that still hold."""
    import xarray as xr

    order = (..., "region") if dim is None else (..., "region", dim)
    ds = xr.Dataset({k: v.transpose(*order, missing_dims="ignore") for k, v in parts.items()})
    gone = {dim} if cut is not None else set()
    coords = {
        name: coordinate.variable
        for name, coordinate in da.coords.items()
        if set(coordinate.dims) <= set(ds.dims) - gone
    }
    ds = ds.assign_coords({**coords, **labels.coords})
    if cut is not None and dim is not None:
        if cut.dates is None:
            return ds.isel({dim: 0}, drop=True)
        attrs = {k: v for k, v in da[dim].attrs.items() if k not in ("bounds", "climatology")}
        ds = ds.assign_coords({dim: (dim, cut.dates, attrs)})
    return ds
