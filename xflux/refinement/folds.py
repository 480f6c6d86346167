"""Folds of tower records: made from what says where each is, and checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.coordinates import find_lat_lon

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Fold", "Mask", "Sites", "at_sites", "checked", "deal", "listed", "parted", "positions",
           "recorded_sites"]  # fmt: skip

Mask = NDArray[np.bool_]
Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Records to train on and to test on, each (site, time)."""

    name: str
    train: Mask
    test: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Sites:
    """Sites with records, in the order of their names: name, row and number of records."""

    names: Array
    rows: NDArray[np.int64]
    records: NDArray[np.int64]
    there: Mask

    def each(self) -> tuple[Array, Array]:
        """Return row and step of each record, site by site."""
        site, step = np.nonzero(self.there[self.rows])
        return self.rows[site], step

    def folds(self, code: Array, names: Iterable[str]) -> list[Fold]:
        """Make folds of the fold of each site."""
        fold = np.full((len(self.there), 1), -1)
        fold[self.rows, 0] = code
        return parted(fold, names, self.there, whole=True)


def recorded_sites(towers: xr.Dataset, there: Mask) -> Sites:
    """Return the sites with records, in the order of their names."""
    shape = tuple(towers.sizes.get(dim, 0) for dim in ("site", "time"))
    if there.shape != shape or there.dtype != bool or "site" not in towers.coords:
        raise InputError(
            f"records are {there.dtype} of shape {there.shape}; expected bool (site, time), "
            f"{shape} in towers, which needs the coordinate 'site'"
        )
    names = towers["site"].values.astype(str)
    order = np.argsort(names)
    twice = names[order][1:][names[order][1:] == names[order][:-1]]
    if len(twice):
        raise InputError(f"towers has {listed(twice)} more than once; join or rename these sites")
    rows = order[there[order].any(axis=1)]
    return Sites(names[rows], rows, there[rows].sum(axis=1), there)


def positions(towers: xr.Dataset, sites: Sites) -> tuple[Array, Array]:
    """Return latitude and longitude of sites, in degrees, checked."""
    lat, lon = (at_sites(array, sites).astype(np.float64) for array in find_lat_lon(towers))
    beyond = (np.abs(lat) > 90.0) | (np.abs(lon) > 720.0)
    if beyond.any():
        raise InputError(
            f"latitude or longitude of {listed(sites.names[beyond])} is beyond 90 or 720 degrees; "
            "give geographic coordinates"
        )
    return lat, lon


def deal(records: Array, k: int, seed: int, classes: Array | None = None) -> Array:
    """Deal units (sites, blocks) of so many records out to k folds of about as many.

    Each goes to the fold with the fewest units of its class, and of those with the fewest
    records (largest first: Graham 1969, SIAM J. Appl. Math. 17). scikit-learn does not balance
    where it shuffles (GroupKFold), or hardly heeds the seed (StratifiedGroupKFold).
    """
    spread = classes is not None
    classes = np.zeros(len(records), int) if classes is None else classes
    units = np.zeros((classes.max() + 1, k))
    load, fold = np.zeros(k), np.empty(len(records), int)
    order = np.random.default_rng(seed).permutation(len(records))
    # Within a factor of two in random order, or the seed would change nothing.
    for i in order[np.argsort(-np.floor(np.log2(records[order])), kind="stable")]:
        fold[i] = np.lexsort((load, units[classes[i]]))[0]
        units[classes[i], fold[i]] += spread
        load[fold[i]] += records[i]
    return fold


def checked(folds: list[Fold], there: Mask, *, whole: bool) -> list[Fold]:
    """Return folds that part the records and, where sites are whole, no site."""
    wrong, times = False, np.zeros(there.shape, np.int64)
    for fold in folds:
        times += fold.test
        wrong |= bool((fold.train & (fold.test | ~there)).any())
        wrong |= not (fold.train.any() and fold.test.any())
        wrong |= whole and bool((fold.train.any(axis=1) & fold.test.any(axis=1)).any())
    if wrong or (times != there).any():
        raise AssertionError("folds overlap or do not cover the records: an error of xflux; report")
    return folds


def parted(code: Array, names: Iterable[str], there: Mask, *, whole: bool) -> list[Fold]:
    """Make folds of what says, by (site, time) or (site, 1), which fold a record is in."""
    made = [
        Fold(str(name), there & (code != i), there & (code == i)) for i, name in enumerate(names)
    ]
    return checked(made, there, whole=whole)


def at_sites(array: xr.DataArray, sites: Sites) -> Array:
    """Return what is by site, at sites with records."""
    if array.dims != ("site",):
        raise InputError(f"{array.name} has the dims {array.dims}; expected ('site',)")
    missing = array.isnull().values[sites.rows]
    if missing.any():
        raise InputError(
            f"{array.name} is missing at {listed(sites.names[missing])}; fill it, or leave these "
            "sites out"
        )
    return array.values[sites.rows]


def listed(names: Iterable[Any]) -> str:
    texts = [str(name) for name in names]
    return ", ".join(texts[:6]) + (f" and {len(texts) - 6} more" if len(texts) > 6 else "")
