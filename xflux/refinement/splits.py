"""Which fold each tower record is in, before anything is fitted.

A score means skill at a place without a tower only where whole sites are left out. Folds follow
the names of sites and the seed, not the order of the Dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError, MissingVariableError
from xflux.learning.features import LONGEST
from xflux.refinement.folds import (
    Fold,
    Mask,
    Sites,
    at_sites,
    checked,
    deal,
    listed,
    parted,
    positions,
    recorded_sites,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["BySite", "Fold", "Given", "LeaveSiteOut", "RandomRows", "SpatialBlocks", "Splitter",
           "Stratified", "TimeBlocks", "WholeSites", "as_splitter"]  # fmt: skip

Array = NDArray[Any]


@runtime_checkable
class Splitter(Protocol):
    """What splits records ``there`` (site, time) of towers into folds."""

    def folds(self, towers: xr.Dataset, there: Mask) -> list[Fold]:
        """Split records; sites without any count for nothing."""


class WholeSites:
    """The splits that never have a site on both sides: they say the fold of each site."""

    __slots__ = ()
    k: int

    def __post_init__(self) -> None:
        _check_k(self)

    def folds(self, towers: xr.Dataset, there: Mask) -> list[Fold]:
        """Split records; sites without any count for nothing."""
        sites = self._enough(towers, there)
        return sites.folds(self._assign(towers, sites), _numbered(self.k))

    def _enough(self, towers: xr.Dataset, there: Mask) -> Sites:
        sites = recorded_sites(towers, there)
        _require(len(sites.names), self.k, "sites with records", self)
        return sites

    def _assign(self, towers: xr.Dataset, sites: Sites) -> Array:
        """Return the fold of each site, from 0 to k - 1."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class LeaveSiteOut:
    """Leave each site out in turn; a fold bears the name of its site."""

    def folds(self, towers: xr.Dataset, there: Mask) -> list[Fold]:
        """Split records; sites without any count for nothing."""
        sites = recorded_sites(towers, there)
        _require(len(sites.names), 2, "sites with records", self)
        return sites.folds(np.arange(len(sites.names)), sites.names)


@dataclass(frozen=True, slots=True)
class BySite(WholeSites):
    """Put whole sites into k folds of about as many records."""

    k: int = 10
    seed: int = 0

    def _assign(self, towers: xr.Dataset, sites: Sites) -> Array:
        return deal(sites.records, self.k, self.seed)


@dataclass(frozen=True, slots=True)
class Stratified(WholeSites):
    """Put whole sites into k folds, each with its share of the sites of every class.

    Parameters
    ----------
    k : int
        Number of folds; their sites of a class differ by one at most.
    by : str
        Coordinate or variable by site. An unknown class (-1) is one of its own.
    seed : int
    """

    k: int = 10
    by: str = "igbp"
    seed: int = 0

    def _assign(self, towers: xr.Dataset, sites: Sites) -> Array:
        if self.by not in towers.variables:
            raise MissingVariableError(
                f"Stratified needs {self.by!r} of each site, and towers has the coordinates "
                f"{listed(towers.coords)}; add it with towers.assign_coords, or use BySite"
            )
        classes = at_sites(towers[self.by], sites)
        values, code = np.unique(classes, return_inverse=True)
        if len(values) == len(sites.names):
            raise InputError(
                f"Stratified: each of {len(values)} sites has a {self.by} of its own, which leaves "
                "nothing to spread; name a class, or use BySite"
            )
        return deal(sites.records, self.k, self.seed, code)


@dataclass(frozen=True, slots=True)
class SpatialBlocks(WholeSites):
    """Keep the sites of a block of latitude and longitude in one of k folds.

    Towers on either side of an edge may still be close: `KNNDM` looks at distances instead.

    Parameters
    ----------
    degrees : float
        Least size of blocks, which are widened so that a whole number goes round the Earth.
    k, seed : int
    """

    degrees: float = 5.0
    k: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        _check_k(self)
        if not 0 < self.degrees <= 180:
            raise InputError(f"degrees={self.degrees} of SpatialBlocks: expected 0 to 180, as 5")

    def _assign(self, towers: xr.Dataset, sites: Sites) -> Array:
        lat, lon = positions(towers, sites)
        columns, rows = int(360 // self.degrees), int(180 // self.degrees)
        # Both remainders: that of a tiny negative longitude is 360 itself.
        column = np.floor(lon % 360.0 / 360.0 * columns) % columns
        row = np.minimum(np.floor((lat + 90.0) / 180.0 * rows), rows - 1)
        _, block = np.unique(row * columns + column, return_inverse=True)
        records = np.bincount(block, sites.records)
        _require(len(records), self.k, f"blocks of {self.degrees:g} degrees with records", self)
        return deal(records, self.k, self.seed)[block]


@dataclass(frozen=True, slots=True)
class TimeBlocks:
    """Leave runs of calendar years out at all sites: skill in other years, at known sites.

    Parameters
    ----------
    k : int
        Number of runs, of about as many records.
    gap : int
        Steps of the time axis on either side of a run that are not trained on. By default the
        longest memory of a feature: no row trained on then shares drivers with a tested one.
    """

    k: int = 5
    gap: int = LONGEST

    def __post_init__(self) -> None:
        _check_k(self)
        if self.gap < 0:
            raise InputError(f"gap={self.gap} steps of TimeBlocks: expected 0 or more")

    def folds(self, towers: xr.Dataset, there: Mask) -> list[Fold]:
        """Split records; a fold bears the name of its years."""
        recorded_sites(towers, there)
        if "time" not in towers.coords:
            raise MissingVariableError("TimeBlocks needs the coordinate 'time'; towers has none")
        year = np.asarray(towers["time"].dt.year)
        years, position = np.unique(year, return_inverse=True)
        records = np.bincount(position, there.sum(axis=0))
        years, total = years[records > 0], np.cumsum(records[records > 0])
        _require(len(years), self.k, "years with records", self)
        cuts = [0]
        for j in range(1, self.k):
            even = 1 + int(np.argmin(np.abs(total - total[-1] * j / self.k)))
            # One year at least for each run, before and after.
            cuts.append(min(max(even, cuts[-1] + 1), len(years) - self.k + j))
        # Place of each step in time, in whose order the axis need not be.
        rank = np.argsort(np.argsort(towers["time"].values))
        made = []
        for first, last in zip(years[cuts], years[[*(np.array(cuts[1:]) - 1), -1]], strict=True):
            inside = (year >= first) & (year <= last)
            low, high = rank[inside].min() - self.gap, rank[inside].max() + self.gap
            train = there & ((rank < low) | (rank > high))
            name = f"{first}-{last}" if last > first else f"{first}"
            if not train.any():
                raise InputError(
                    f"TimeBlocks: no record is more than gap={self.gap} steps from {name}; take a "
                    "shorter gap or fewer folds"
                )
            made.append(Fold(name, train, there & inside))
        return checked(made, there, whole=False)


@dataclass(frozen=True, slots=True)
class RandomRows:
    """Draw records into k folds whatever their site, which scores skill within sites alone.

    Every site is on both sides, so that a model need but know it again. This does not tell how
    well a place without a tower is predicted; it repeats results that were had in this way.
    """

    k: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        _check_k(self)

    def folds(self, towers: xr.Dataset, there: Mask) -> list[Fold]:
        """Split records."""
        sites = recorded_sites(towers, there)
        rows, steps = sites.each()
        _require(len(rows), self.k, "records", self)
        code = np.full(there.shape, -1)
        code[rows, steps] = np.random.default_rng(self.seed).permutation(len(rows)) % self.k
        return parted(code, _numbered(self.k), there, whole=False)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Take folds known beforehand, such as those of a paper; a fold bears the name of its label.

    Parameters
    ----------
    labels : mapping of site to label, or DataArray (site,) or (site, time)
        With both dims, records of one site may be in several folds.
    """

    labels: Mapping[Any, Any] | xr.DataArray

    def folds(self, towers: xr.Dataset, there: Mask) -> list[Fold]:
        """Split records; sites without any need no label."""
        import pandas as pd
        import xarray as xr

        recorded_sites(towers, there)
        labels = self.labels
        if isinstance(labels, Mapping):
            labels = pd.Series(dict(labels), dtype=object).rename_axis("site").to_xarray()
        if not isinstance(labels, xr.DataArray) or "site" not in labels.dims:
            raise InputError(
                f"labels of Given are {type(labels).__name__} {getattr(labels, 'dims', '')}; "
                "expected a mapping of site to label, or a DataArray (site,) or (site, time)"
            )
        for dim in labels.dims:
            if dim not in ("site", "time") or dim not in labels.indexes or dim not in towers.coords:
                raise InputError(f"labels of Given cannot be matched by their {dim!r}; add {dim!r}")
            if not labels.indexes[dim].is_unique:
                raise InputError(f"labels of Given repeat a {dim}; give one label to each")
        absent = labels.indexes["site"].difference(towers.indexes["site"], sort=False)
        if len(absent):
            raise InputError(
                f"labels of Given are for {listed(absent)}, which towers has not; leave them out"
            )
        whole = "time" not in labels.dims
        labels = labels.astype(object).reindex({dim: towers[dim] for dim in labels.dims})
        values = labels.transpose("site", ...).values
        values = np.broadcast_to(values[:, None] if whole else values, there.shape)
        code, found = pd.factorize(values[there])
        if (code < 0).any():
            bare = there & pd.isna(values)
            raise InputError(
                f"labels of Given are missing (NaN) for records of "
                f"{listed(towers['site'].values[bare.any(axis=1)])}; add them"
            )
        _require(len(found), 2, "labels at records", self)
        # Numbers by value; anything else, and a mixture, by name.
        numbers = all(isinstance(label, int | float | np.number) for label in found)
        order = sorted(range(len(found)), key=lambda i: found[i] if numbers else str(found[i]))
        fold = np.full(there.shape, -1)
        fold[there] = np.argsort(order)[code]
        names = [f"{found[i]:g}" if isinstance(found[i], float) else str(found[i]) for i in order]
        return parted(fold, names, there, whole=whole)


@dataclass(frozen=True, slots=True, eq=False)
class _FromSklearn:
    """Folds of a splitter of scikit-learn; see `as_splitter`."""

    splitter: Any

    def folds(self, towers: xr.Dataset, there: Mask) -> list[Fold]:
        """Split records."""
        sites = recorded_sites(towers, there)
        rows, steps = sites.each()
        group = np.repeat(np.arange(len(sites.names)), sites.records)
        classes = np.asarray(towers["igbp"])[rows] if "igbp" in towers.variables else None
        called = type(self.splitter).__name__
        try:
            parts = list(self.splitter.split(group[:, None], classes, group))
        except ValueError as error:
            raise InputError(f"{called} cannot split {len(sites.names)} sites: {error}") from error
        made, times = [], np.zeros(there.shape, int)
        for name, part in zip(_numbered(len(parts)), parts, strict=True):
            masks = np.zeros((2, *there.shape), bool)
            for mask, chosen in zip(masks, part, strict=True):
                mask[rows[chosen], steps[chosen]] = True
            made.append(Fold(name, masks[0], masks[1]))
            times += masks[1]
        if any((fold.train & fold.test).any() or not fold.train.any() for fold in made):
            raise InputError(f"{called} trains on what it tests, or on nothing; use another")
        if (times != there).any():
            raise InputError(
                f"{called} tests {int((times < there).sum())} records never and "
                f"{int((times > 1).sum())} more than once; use one that tests each once, such as "
                "GroupKFold"
            )
        return checked(made, there, whole=False)


def as_splitter(groups: str = "site", splitter: Any = None) -> Splitter:
    """Turn what a user writes into a splitter.

    Parameters
    ----------
    groups : str
        What is kept whole: "site".
    splitter : None, int, Splitter or splitter of scikit-learn, optional
        None leaves each site out in turn; a number k is `BySite` of k folds. A splitter of
        scikit-learn is given records, their ``igbp`` (where towers have it) as y and their site
        as groups.
    """
    if groups != "site":
        raise InputError(f"groups={groups!r}: expected 'site'; give other folds as Given(labels)")
    if splitter is None:
        return LeaveSiteOut()
    if isinstance(splitter, int | np.integer) and not isinstance(splitter, bool):
        return BySite(int(splitter))
    if isinstance(splitter, Splitter) and not isinstance(splitter, type):
        return splitter
    if hasattr(splitter, "get_n_splits") and not isinstance(splitter, type):
        if getattr(splitter, "shuffle", False) and getattr(splitter, "random_state", 0) is None:
            raise InputError(f"{splitter} has other folds at each call; give it random_state=0")
        return _FromSklearn(splitter)
    raise InputError(
        f"splitter={splitter!r} splits nothing; expected None, a number of folds, one such as "
        "BySite(10) of xflux.refinement.splits, or one of scikit-learn such as GroupKFold(10)"
    )


def _check_k(splitter: Any) -> None:
    k = splitter.k
    if not isinstance(k, int | np.integer) or k < 2:
        raise InputError(f"k={k!r} folds of {type(splitter).__name__}: expected 2 or more")


def _require(found: int, k: int, what: str, splitter: Any) -> None:
    if found < k:
        raise InputError(
            f"{type(splitter).__name__} needs {k} {what} or more, and there are {found}; "
            + (f"take {found} folds or fewer" if found > 1 else "nothing could be left out")
        )


def _numbered(k: int) -> list[str]:
    return [f"fold {i + 1}" for i in range(k)]
