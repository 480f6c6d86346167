"""Do other samples of candidates give the same bridge?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.regional.bridge_fit import choose_pixels
from xflux.regional.bridge_samples import RegionSamples
from xflux.regional.clusters import one_of_each, stratified_sample
from xflux.regional.net_field import NetField

if TYPE_CHECKING:
    import xarray as xr

    from xflux.labels.regions import Regions
    from xflux.regional.bridge import RegionalBridge

__all__ = ["stability"]

#: Degrees within which two pixels count as one place.
TOLERANCE = 5.0
#: Of a region with no more pixels than candidates, the share that is drawn.
SHARE = 2.0 / 3.0


def stability(
    bridge: RegionalBridge,
    field: NetField,
    read: Sequence[RegionSamples],
    regions: Regions,
    land: xr.DataArray,
    n: int,
    tell: Callable[[], None],
) -> xr.Dataset:
    """Choose pixels n times, each from another sample of candidates, to the R2 of months fitted.

    Parameters
    ----------
    bridge : RegionalBridge
        Its parameters count.
    field, read, regions, land
        As `region_samples` takes and returns them.
    n : int
    tell : callable
        Called after each draw.

    Returns
    -------
    Dataset
        On the grid ``count``, in how many draws a pixel contributed; of each region ``jaccard``,
        the mean over pairs of draws of the share of places (boxes of 5 degrees) that both have,
        and (region, draw) ``r2``, ``n_pixels``.

    Notes
    -----
    Candidates are drawn from each cluster, two thirds of a region that has no more pixels than
    `candidates`. Clusters are found once.
    """
    import xarray as xr

    if n < 2:
        raise InputError(f"n={n!r}; expected 2 or more draws")
    count = np.zeros(land.shape, np.int64)
    found, sizes = np.full((len(read), n), np.nan), np.zeros((len(read), n), np.int64)
    alike = np.full(len(read), np.nan)
    lat, lon = (np.asarray(field.rate[dim].values, np.float64) for dim in (field.lat, field.lon))
    for k, region in enumerate(read):
        groups = bridge._groups(region, k)
        pixels = len(groups.labels)
        size = min(bridge.candidates, max(1, round(SHARE * pixels)))
        fitted = replace(region.samples, fold=np.zeros_like(region.samples.fold))
        box = _boxes(lat[region.row], lon[region.column])
        places = np.zeros((n, int(box.max()) + 1), bool)
        for draw in range(n):
            random = np.random.default_rng([bridge.seed, 3, k, draw])
            choice = choose_pixels(
                fitted, stratified_sample(groups.labels, size, random), groups.labels,
                one_of_each(groups.labels, random), enough=bridge.r2,
                of_anomalies=bridge.anomaly_r2,
                most=bridge.most(region.size), relax=bridge.relax,
            )  # fmt: skip
            np.add.at(count, (region.row[choice.pixels], region.column[choice.pixels]), 1)
            found[k, draw], sizes[k, draw] = choice.r2, len(choice.pixels)
            places[draw, box[choice.pixels]] = True
            tell()
        alike[k] = _jaccard(places)
    ds = xr.Dataset(
        {
            "count": ((field.lat, field.lon), count),
            "jaccard": ("region", alike),
            "r2": (("region", "draw"), found),
            "n_pixels": (("region", "draw"), sizes),
        },
        coords={dim: field.rate[dim] for dim in (field.lat, field.lon)},
    ).assign_coords(regions.labels.coords)
    said = {
        "count": "draws in which a pixel contributes",
        "jaccard": "share of places (boxes of 5 degrees) that two draws have in common",
        "r2": "explained variance of months fitted",
        "n_pixels": "contributing pixels",
    }
    for name, text in said.items():
        ds[name].attrs = {"long_name": text, "units": "1"}
    return ds.assign_attrs(title="Stability of bridges", draws=n)


def _boxes(lat: Any, lon: Any) -> Any:
    """Number the boxes in which pixels lie."""
    row = np.floor((lat + 90.0) / TOLERANCE).astype(np.int64)
    column = np.floor(np.mod(lon, 360.0) / TOLERANCE).astype(np.int64)
    return np.unique(row * 1000 + column, return_inverse=True)[1]


def _jaccard(places: Any) -> float:
    """Return the mean over pairs of draws (draw, place) of what they share."""
    plain = places.astype(np.float64)
    both = plain @ plain.T
    size = plain.sum(axis=1)
    either = size[:, None] + size - both
    pairs = np.triu_indices(len(places), 1)
    return float(np.mean(both[pairs] / np.maximum(either[pairs], 1.0)))
