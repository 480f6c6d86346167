"""Inversions, bridges and drivers of a grid brought together for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.calendar import TimeSteps
from xflux.labels.coordinates import find_lat_lon
from xflux.labels.flux_definition import direction, require_alike
from xflux.learning.features import Feature
from xflux.regional.bridge_estimate import contributing, weights_of
from xflux.regional.dual_data import Atmosphere
from xflux.regional.dual_inputs import rows_at
from xflux.regional.dual_losses import ranges
from xflux.skill.regional_series import regional_series

if TYPE_CHECKING:
    import xarray as xr

    from xflux.regional.bridge import RegionalBridge

__all__ = ["Pool", "atmosphere_of", "inversions_of", "pixels_of", "pool_of"]

Array = NDArray[Any]

#: Pixels of a region by which bridges are judged and made anew; of more, this many are drawn.
MOST_POOLED = 1000
#: More than the mean of a month over any region, g m-2 d-1.
_MOST = 30.0
#: Days (month, step) by which steps lie in months.
Years = tuple[tuple[int, Array, Array, Array], ...]


@dataclass(frozen=True)
class Pool:
    """Pixels of one region.

    Attributes
    ----------
    x : ndarray (pixel, step, feature)
    area : ndarray (pixel,)
        Pg per g m-2; of the whole region.
    """

    x: NDArray[np.float32]
    area: Array


def inversions_of(inversions: xr.DataArray | xr.Dataset, like: xr.DataArray) -> xr.DataArray:
    """Return inversions (inversion, region, time) in Pg per month, positive to the air; reads them.

    Parameters
    ----------
    inversions : DataArray or Dataset
        One without the dimension is one inversion.
    like : DataArray
        Flux of the towers, whose terms they must hold.

    Returns
    -------
    DataArray
        Regions by name, months by their first day.

    Raises
    ------
    InputError
        For other dims, gaps of months, regions without any value, a direction that is not known,
        or another flux.
    UnitsError
        For what is no amount of carbon.
    """
    import xarray as xr

    array = inversions["nee"] if isinstance(inversions, xr.Dataset) else inversions
    if "inversion" not in array.dims:
        array = array.expand_dims(inversion=["inversion"])
    if set(array.dims) != {"inversion", "region", "time"}:
        raise InputError(
            f"inversions have the dims {tuple(array.dims)}; expected (inversion, region, time), as "
            "xflux.open_inversions returns them"
        )
    require_alike(like, array, what=("NEE of the towers", "the inversions"))
    if direction(array) is None and array.name != "nee":
        raise InputError(
            "inversions do not say which way they are positive; set attrs['positive'] to 'up' (to "
            "the atmosphere) or 'down' (uptake)"
        )
    series = regional_series(array, called="inversions")
    made = series.transpose("inversion", "region", "time").load()
    _require_every_month(made)
    empty = made["region"].values[~made.notnull().any(("inversion", "time")).values]
    if empty.size:
        raise InputError(
            f"inversions have no value of {', '.join(empty)}; leave out what they do not know: "
            "inversions.isel(region=[...]). It is not constrained then"
        )
    return made


def _require_every_month(series: xr.DataArray) -> None:
    numbers = series["time"].values.astype("datetime64[M]")
    gaps = np.setdiff1d(np.arange(numbers[0], numbers[-1] + 1), numbers)
    if gaps.size:
        named = ", ".join(map(str, gaps[:5]))
        raise InputError(f"inversions lack {gaps.size} months ({named}); fill them or cut the span")


def of_the_same(whole: xr.DataArray, inversions: xr.DataArray) -> xr.DataArray:
    """Return the regions and months of some inversions of the whole ensemble.

    Raises
    ------
    InputError
        When it lacks any of them.
    """
    for dim in ("region", "time"):
        absent = sorted(set(inversions[dim].values.tolist()) - set(whole[dim].values.tolist()))
        if absent:
            raise InputError(
                f"the ensemble lacks {len(absent)} {dim}s of the inversions; give those that they "
                "were taken of"
            )
    return whole.sel(region=inversions["region"], time=inversions["time"])


def common_years(steps: TimeSteps, inversions: xr.DataArray) -> tuple[xr.DataArray, Years]:
    """Return the inversions of whole years that the grid has as well, and how steps form months.

    Raises
    ------
    InputError
        When they have no whole year in common, or steps are missing within one.
    """
    if steps.clock is None:
        raise InputError(
            "drivers are a mean year along 'month'; give its months dates of one year, as those "
            "of the inversions and towers: ds.rename(month='time').assign_coords(time=...)"
        )
    stamps = inversions["time"].values.astype("datetime64[M]").astype(np.int64)
    known = np.isfinite(inversions.values).any(axis=(0, 1))
    first = steps.clock.months(steps.edges[:, 0])
    starts = steps.clock.month_starts(np.arange(int(first[0]), int(first[-1]) + 2))
    years: list[tuple[int, Array, Array, Array]] = []
    kept: list[int] = []
    place = {int(n) + 1970 * 12: k for k, n in enumerate(stamps) if known[k]}
    for year in range(int(first[0]) // 12, int(first[-1]) // 12 + 1):
        months = range(year * 12, year * 12 + 12)
        if not all(month in place for month in months) or months[0] < first[0]:
            continue
        if months[-1] > first[-1]:
            continue
        begin, end = (starts[months[k] - int(first[0]) + k // 11] for k in (0, 11))
        inside = np.flatnonzero((steps.edges[:, 1] > begin) & (steps.edges[:, 0] < end))
        if not inside.size:
            continue
        lengths = np.empty((12, inside.size))
        for k, month in enumerate(months):
            low, high = (starts[month - int(first[0]) + j] for j in (0, 1))
            edges = steps.edges[inside]
            lengths[k] = np.clip(
                np.minimum(edges[:, 1], high) - np.maximum(edges[:, 0], low), 0, None
            )
        days = lengths / 86_400_000_000.0
        whole = np.diff(starts[months[0] - int(first[0]) :][:13]) / 86_400_000_000.0
        short = days.sum(axis=1) < whole - 0.01
        if short.any():
            lacking = ", ".join(f"{year}-{k + 1:02d}" for k in np.flatnonzero(short))
            raise InputError(
                f"drivers lack steps of {lacking}, which the inversions hold; fill them, or give "
                "whole years"
            )
        years.append((year, inside, np.arange(len(kept), len(kept) + 12), days))
        kept += [place[month] for month in months]
    if not years:
        raise InputError(
            "drivers and inversions have no whole year of months in common; give both for the "
            "same years"
        )
    return inversions.isel(time=kept), tuple(years)


def rows_of_regions(bridge: xr.Dataset, inversions: xr.DataArray) -> Array:
    """Return where the regions of inversions stand in the bridge.

    Raises
    ------
    InputError
        For regions that the bridge does not have.
    """
    ours = [str(one) for one in bridge["region"].values]
    theirs = [str(one) for one in inversions["region"].values]
    if "names" in bridge.coords and not set(theirs) <= set(ours):
        ours = [str(one) for one in bridge["names"].values]
    if absent := sorted(set(theirs) - set(ours)):
        raise InputError(
            f"the bridge has no {', '.join(absent)}; its regions are {', '.join(ours)}. Fit it to "
            "the regions of the inversions"
        )
    return np.array([ours.index(one) for one in theirs])


def pixels_of(
    drivers: xr.Dataset, rows: Array, columns: Array, features: Sequence[Feature]
) -> NDArray[np.float32]:
    """Return features of some pixels of a grid; reads their chunks alone.

    Parameters
    ----------
    drivers : Dataset
    rows, columns : ndarray (pixel,)
        Positions on the grid of `drivers`.

    Returns
    -------
    ndarray (pixel, step, feature)
    """
    import xarray as xr

    from xflux.labels.calendar import find_time

    lat, lon = find_lat_lon(drivers)
    points = drivers.isel({
        lat.dims[0]: xr.DataArray(rows, dims="pixel"),
        lon.dims[0]: xr.DataArray(columns, dims="pixel"),
    })  # fmt: skip
    time = find_time(drivers)
    assert time is not None
    return rows_at(points, features, "pixel", time)


def atmosphere_of(
    bridge: RegionalBridge,
    drivers: xr.Dataset,
    steps: TimeSteps,
    inversions: xr.DataArray,
    features: Sequence[Feature],
    place: tuple[Array, Array],
    *,
    whole: xr.DataArray | None = None,
) -> Atmosphere:
    """Bring inversions and the pixels of a bridge together; reads both.

    Parameters
    ----------
    bridge : RegionalBridge
    drivers : Dataset
    steps : TimeSteps
        Of `drivers`.
    inversions : DataArray
        As `inversions_of` returns them.
    features : sequence of Feature
    place : tuple of ndarray
        Where rows and columns of the bridge stand on the grid of `drivers`.
    whole : DataArray, optional
        The ensemble that inversions were taken of.

    Raises
    ------
    InputError
        For contributing pixels without drivers, and regions that do not match.
    """
    made = bridge.to_dataset()
    regions = rows_of_regions(made, inversions)
    used = made.isel(region=regions)
    ours, years = common_years(steps, inversions)
    _require_possible(ours, used)
    row, column = contributing(used)
    x = pixels_of(drivers, place[0][row], place[1][column], features)
    _check_whole(x, used, row, column)
    spread = ranges(
        ours.values,
        whole=None if whole is None else of_the_same(whole, ours).values,
    )
    return Atmosphere(
        x, weights_of(used) * 1e-15, used["intercept"].values, ours.values, spread,
        used["region_area"].values / 1e12, years,
    )  # fmt: skip


def _require_possible(inversions: xr.DataArray, bridge: xr.Dataset) -> None:
    """Refuse amounts that no land can exchange: Tg that say Pg."""
    beyond = np.nanmax(np.abs(inversions.values), axis=(0, 2))
    over = beyond > _MOST * 31.0 * 1e-15 * bridge["region_area"].values
    if over.any():
        k = int(np.argmax(over))
        raise InputError(
            f"inversions have {beyond[k]:.3g} Pg in a month of {inversions['region'].values[k]}, "
            f"more than its {bridge['region_area'].values[k] / 1e12:.3g} million km2 can exchange; "
            "correct their units, or give a grid that holds all of the region"
        )


def _check_whole(x: Array, bridge: xr.Dataset, row: Array, column: Array) -> None:
    missing = ~np.isfinite(x).all(axis=(1, 2))
    if missing.any():
        k = int(np.flatnonzero(missing)[0])
        lat, lon = bridge["grid_lat"].values[row[k]], bridge["grid_lon"].values[column[k]]
        raise InputError(
            f"{int(missing.sum())} contributing pixels of the bridge lack drivers, one at "
            f"{lat:g}, {lon:g}; fill the drivers there, or fit the bridge to a flux that is "
            "missing where drivers are"
        )


def pool_of(
    bridge: xr.Dataset,
    drivers: xr.Dataset,
    inversions: xr.DataArray,
    features: Sequence[Feature],
    place: tuple[Array, Array],
    random: np.random.Generator,
) -> list[Pool]:
    """Read pixels of each region that is constrained, up to `MOST_POOLED`."""
    land = bridge["land_area"].values
    cells, own, total = [], [], []
    for k in rows_of_regions(bridge, inversions):
        area = (land * bridge["region_share"].values[k] * 1e-15).ravel()
        found = np.flatnonzero(area > 0.0)
        if found.size > MOST_POOLED:
            found = np.sort(random.choice(found, MOST_POOLED, replace=False))
        cells.append(found)
        own.append(area[found])
        total.append(area.sum())
    # Regions that share chunks are read together.
    union = np.unique(np.concatenate(cells))
    row, column = union // land.shape[1], union % land.shape[1]
    x = pixels_of(drivers, place[0][row], place[1][column], features)
    there = np.asarray(np.isfinite(x).all(axis=(1, 2)))
    pools = []
    for found, area, whole in zip(cells, own, total, strict=True):
        at = np.searchsorted(union, found)
        kept = there[at]
        pools.append(Pool(x[at[kept]], area[kept] * (whole / area[kept].sum())))
    return pools


def with_bridges(
    atmosphere: Atmosphere, pools: Sequence[Pool], chosen: Sequence[tuple[Array, Array, float]]
) -> Atmosphere:
    """Return the same inversions met by other pixels of the pools.

    Parameters
    ----------
    chosen : sequence of (pixels, weights, intercept)
        Of each region.
    """
    sizes = [len(pixels) for pixels, *_ in chosen]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    weights = np.zeros((len(chosen), int(starts[-1])))
    for k, (_, own, _) in enumerate(chosen):
        weights[k, starts[k] : starts[k + 1]] = own
    x = np.concatenate([pool.x[one[0]] for pool, one in zip(pools, chosen, strict=True)])
    return replace(atmosphere, x=x, weights=weights, level=np.array([one[2] for one in chosen]))
