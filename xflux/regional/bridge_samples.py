"""What bridges are fitted to: series of pixels, and the exact integral of their regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.integral import regional_sums
from xflux.labels.regions import Regions, as_regions
from xflux.regional.bridge_fit import FOLDS, Samples
from xflux.regional.net_field import NetField, months_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RegionSamples", "region_samples"]

#: Pixels of a region that are read; of more, this many are drawn.
MOST_READ = 4000
#: Square metres times g m-2 in Pg.
PG = 1e-15


@dataclass(frozen=True)
class RegionSamples:
    """One region.

    Attributes
    ----------
    samples : Samples
        Weights fitted to it are areas in m2.
    series : ndarray (pixel, month)
        Amounts of a month, mean over members.
    row, column : ndarray (pixel,)
        Where pixels lie on the grid.
    size : int
        Pixels of the region with values, also of those that were not drawn.
    """

    samples: Samples
    series: NDArray[np.float32]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    size: int


def region_samples(
    field: NetField, regions: Any, random: np.random.Generator
) -> tuple[list[RegionSamples], Regions, xr.DataArray]:
    """Read the pixels of regions, each chunk once.

    Parameters
    ----------
    field : NetField
        With any other dims, which give samples of their own (members).
    regions
        As `xflux.labels.regions.as_regions` reads them.
    random : Generator
        Draws pixels of large regions.

    Returns
    -------
    samples : list of RegionSamples
    regions : Regions
    area : DataArray (lat, lon) [m2]
        Land of each cell.

    Raises
    ------
    InputError
        For regions without pixels, and integrals that are missing.
    """
    import dask
    import xarray as xr

    found = as_regions(regions, field.area)
    if found is None:
        found = as_regions(xr.ones_like(field.area, dtype=np.int64), field.area)
    assert found is not None
    (land, weights) = dask.compute(field.area, found.weights)
    found = Regions(found.labels, weights)
    layers = [_share(found, k) * land.values for k in range(found.labels.size)]
    kept = [_drawn(np.flatnonzero(layer.ravel() > 0.0), random) for layer in layers]
    if empty := [str(found.labels.values[k]) for k, cells in enumerate(kept) if not cells.size]:
        raise InputError(
            f"the regions {', '.join(empty)} have no land on the grid of the flux; leave them out"
        )
    cells = np.unique(np.concatenate(kept))
    points = field.rate.isel({
        field.lat: xr.DataArray(cells // land.shape[1], dims="pixel"),
        field.lon: xr.DataArray(cells % land.shape[1], dims="pixel"),
    }).reset_coords(drop=True)  # fmt: skip
    others = [dim for dim in points.dims if dim not in (field.time, "pixel")]
    cut, year, month = months_of(field.steps)
    sums = regional_sums(
        field.rate, area=land, regions=found, days=field.steps, freq=None if cut is None else "MS",
        units="PgC",
    )["integral"]  # fmt: skip
    (rates, exact) = dask.compute(
        points.transpose(*others, "pixel", field.time).variable,
        sums.transpose("region", *others, field.time).variable,
    )
    amounts = rates.values * field.steps.days if cut is None else cut.total(rates.values)
    steps = amounts.shape[-1]
    x = np.moveaxis(amounts.reshape(-1, cells.size, steps), 1, 2).reshape(-1, cells.size)
    members = len(x) // steps
    fold, cycle = _folds(year, month, members)
    made = []
    for k, own in enumerate(kept):
        y = exact.values[k].ravel()
        columns = np.searchsorted(cells, own)
        there = np.isfinite(x[:, columns]).all(axis=0)
        if not there.any() or not np.isfinite(y).all():
            raise InputError(
                f"region {found.labels.values[k]} has no pixel with a value in every month, or "
                "months without any value; leave it out, or fill what is missing"
            )
        area = layers[k].ravel()[own] * PG
        # What was drawn stands for all; what has no values counts in no integral.
        area *= layers[k].sum() * PG / area.sum()
        size = round((layers[k] > 0.0).sum() * there.mean())
        own, columns, area = own[there], columns[there], area[there]
        chosen = x[:, columns].astype(np.float64)
        series = chosen.reshape(members, steps, -1).mean(axis=0).T.astype(np.float32)
        made.append(
            RegionSamples(
                Samples(chosen, y, fold, area, cycle), series, own // land.shape[1],
                own % land.shape[1], size,
            )
        )  # fmt: skip
    return made, found, land


def _share(regions: Regions, k: int) -> NDArray[np.float64]:
    """Return the share of each cell in one region."""
    if regions.crisp:
        return np.asarray(regions.weights.values == k, np.float64)
    return np.nan_to_num(np.asarray(regions.weights.values[k], np.float64))


def _drawn(cells: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    if cells.size <= MOST_READ:
        return cells
    return np.sort(random.choice(cells, MOST_READ, replace=False))


def _folds(
    year: NDArray[np.int64], month: NDArray[np.int64], members: int
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Return the part of each sample that is left out together, and its month of the cycle.

    Years stay whole and neighbours together. In a single year members are left out.
    """
    years = np.unique(year)
    part = np.zeros(len(year), np.int64)
    for k, block in enumerate(np.array_split(years, min(FOLDS, len(years)))):
        part[np.isin(year, block)] = k
    fold = np.tile(part, members)
    if len(years) == 1:
        blocks = np.array_split(np.arange(members), min(FOLDS, members))
        number = np.concatenate([np.full(len(b), k) for k, b in enumerate(blocks)])
        return np.repeat(number, len(year)), None
    member = np.repeat(np.arange(members), len(year))
    return fold, member * 12 + np.tile(month, members)
