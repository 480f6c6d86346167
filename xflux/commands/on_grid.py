"""Fluxes on a grid: written chunk by chunk, then summed from what was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xflux.commands.fluxes import FLUXES, Baseline
from xflux.commands.progress import Progress
from xflux.commands.request import Format
from xflux.commands.store import reopen, store
from xflux.commands.totals import Totals, totals
from xflux.errors import InputError, XfluxError
from xflux.labels.attach import with_history

if TYPE_CHECKING:
    import xarray as xr

    from xflux.labels.calendar import TimeSteps

__all__ = ["GridResult", "domain_of", "run_on_grid"]


@dataclass(frozen=True, slots=True)
class GridResult:
    """What came of a grid.

    Attributes
    ----------
    path : Path
        Of the store.
    mean : Dataset
        Mean of each flux over all time steps, weighted by their length; in memory.
    totals : Totals or None
    domain : str
        ``global``, or the extent of the grid.
    period : str
        What the time steps cover; empty without time.
    left_out : dict of str to str
        Why totals are missing.
    partial : tuple of str
        Fluxes of which some cells have a value at only part of the time steps.
    steps : TimeSteps or None
        When each time step begins and ends, where that is known.
    """

    path: Path
    mean: xr.Dataset
    totals: Totals | None
    domain: str
    period: str
    left_out: dict[str, str]
    partial: tuple[str, ...] = ()
    steps: TimeSteps | None = None

    @property
    def mean_of(self) -> str:
        """What `mean` is a mean over, in words; empty without time."""
        if self.period == "mean year":
            return "annual mean"
        return f"mean of {self.period}" if self.period else ""


def run_on_grid(
    drivers: xr.Dataset, baseline: Baseline, folder: Path, format: Format, progress: Progress,
    *, estimate: str = "baseline",
) -> GridResult:  # fmt: skip
    """Write the fluxes of a grid, and reduce them to what tables and figures show.

    Parameters
    ----------
    drivers : Dataset
        Canonical, lazy.
    baseline : Baseline
        Of these drivers, lazy.
    folder : Path
        Where the store goes.
    format : {"zarr", "netcdf"}
    progress : Progress
    estimate : {"baseline", "refined"}
        What the fluxes are, for the names of what is written.

    Returns
    -------
    GridResult
    """
    left_out: dict[str, str] = {}
    steps = _steps(drivers, left_out)
    whole = _with_cells(drivers, baseline.fluxes, estimate, left_out)
    said = ", ".join(
        f"{flux} by {whole[flux].attrs.get('model', 'a ResidualModel')}"
        for flux in FLUXES
        if flux in whole
    )
    whole = with_history(whole, f"run: {said}")
    path = store(whole, folder, f"grid_{estimate}", format, progress)
    written = reopen(path)
    mean, partial = _mean(written, steps, progress)
    domain = domain_of(drivers)
    summed = None
    if steps is not None and "cell_area" in written:
        try:
            summed = totals(written, steps, domain=domain, progress=progress)
        except XfluxError as error:
            left_out["totals"] = str(error)
    period = _period(drivers, steps)
    return GridResult(path, mean, summed, domain, period, left_out, partial, steps)


def _steps(drivers: xr.Dataset, left_out: dict[str, str]) -> TimeSteps | None:
    """Return the time steps, from the bounds of the drivers where they have any."""
    from xflux.labels.calendar import time_steps

    try:
        steps = time_steps(drivers)
    except InputError as error:
        left_out["totals"] = f"the length of the time steps is not known: {error}"
        return None
    if steps is None:
        left_out["totals"] = "the grid has no time dimension, so that a year's total is not known"
    return steps


def _with_cells(
    drivers: xr.Dataset, fluxes: xr.Dataset, estimate: str, left_out: dict[str, str]
) -> xr.Dataset:
    """Put cell area, land fraction and class beside the fluxes: whoever opens them can sum them."""
    from xflux.labels.grid import cell_area, land_fraction

    beside = {name: drivers[name] for name in ("igbp",) if name in drivers}
    try:
        beside["cell_area"] = cell_area(drivers)
        land = land_fraction(drivers)
    except XfluxError as error:
        left_out["totals"] = f"the area of the cells is not known: {error}"
    else:
        if land is not None:
            beside["land_fraction"] = land
    attrs = {
        key: drivers.attrs[key]
        for key in ("history", "period", "source", "synthetic")
        if key in drivers.attrs
    }
    said = {"synthetic": attrs["synthetic"]} if "synthetic" in attrs else {}
    if "cell_area" in beside:
        said["cell_measures"] = "area: cell_area"
    ds = fluxes.assign({name: array.assign_attrs(said) for name, array in fluxes.items()})
    ds = ds.assign({name: array.variable for name, array in beside.items()})
    return ds.assign_attrs(
        Conventions="CF-1.11", title=f"{estimate.capitalize()} fluxes on the grid", **attrs
    )


def _mean(
    written: xr.Dataset, steps: TimeSteps | None, progress: Progress
) -> tuple[xr.Dataset, tuple[str, ...]]:
    """Average the fluxes over time, each step by its length; tell which have gaps in time."""
    import xarray as xr

    fluxes = written[[flux for flux in FLUXES if flux in written]]
    dim = next((dim for dim in ("time", "month") if dim in fluxes.dims), None)
    over = dim if steps is None else steps.dim
    there = fluxes.notnull()
    gaps = there.any(over) & ~there.all(over) if over is not None else xr.zeros_like(there)
    if steps is not None:
        days = xr.DataArray(steps.days, dims=steps.dim)
        fluxes = fluxes.weighted(days).mean(steps.dim, keep_attrs=True)
    elif dim is not None:
        fluxes = fluxes.mean(dim, keep_attrs=True)
    with progress.computing("averaging over time") as compute:
        mean, some = compute(fluxes, gaps.any())
    return mean, tuple(str(flux) for flux in some if bool(some[flux]))


def domain_of(drivers: xr.Dataset) -> str:
    """Name what the grid covers."""
    from xflux.labels.grid import find_lat_lon

    try:
        lat, lon = (np.asarray(array.values, np.float64) for array in find_lat_lon(drivers))
    except XfluxError:
        return "the whole grid"
    ends = np.nanmin(lat), np.nanmax(lat), np.nanmin(lon), np.nanmax(lon)
    # Land grids often leave Antarctica out, hence less than from pole to pole.
    if ends[1] - ends[0] > 130.0 and ends[3] - ends[2] > 340.0:
        return "global"
    south, north = (_degrees(value, "SN") for value in ends[:2])
    west, east = (_degrees(value, "WE") for value in ends[2:])
    return f"{south} to {north}, {west} to {east}"


def _degrees(value: float, signs: str) -> str:
    return f"{abs(value):.4g}°{signs[int(value > 0)]}" if value else "0°"


def _period(drivers: xr.Dataset, steps: TimeSteps | None) -> str:
    if "month" in drivers.dims and "time" not in drivers.dims:
        return "mean year"
    index = drivers.indexes.get("time" if steps is None else steps.dim)
    if index is None or not len(index):
        return ""
    first, last = str(index[0])[:7], str(index[-1])[:7]
    return first if first == last else f"{first} to {last}"
