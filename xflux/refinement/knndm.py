"""Folds as far from each other as a prediction domain is from the towers (kNNDM).

Leave-site-out tests a tower in Europe with a neighbour to learn from, and a map of the tropics
has none. Here sites are put into folds such that the distance from a tested site to the nearest
one trained on is distributed as that from a cell of the map to the nearest tower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError, MissingVariableError
from xflux.labels.coordinates import as_dataset, find_lat_lon
from xflux.labels.find import find
from xflux.labels.grid import EARTH_RADIUS, cell_area, land_fraction
from xflux.labels.variables import variables
from xflux.refinement.folds import Mask, Sites, deal, positions
from xflux.refinement.splits import WholeSites

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["KNNDM", "Division", "divide", "great_circle"]

Floats = NDArray[np.float64]

#: Level of the test for whether sites are clustered at all, and rungs of the ladder of numbers of
#: clusters (the R package CAST, by the authors).
_LEVEL, _RUNGS = 0.05, 100


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """How sites were divided.

    Attributes
    ----------
    fold : ndarray of int
        By site.
    clusters : int
        Clusters merged into folds; as many as sites where sites are not clustered, and folds
        were drawn at random.
    w1 : float
        Wasserstein distance between the two distributions of nearest distances: km, or standard
        deviations of features. The smaller, the more a tested site is like a cell of the domain.
    """

    fold: NDArray[np.int64]
    clusters: int
    w1: float


@dataclass(frozen=True, slots=True, eq=False)
class KNNDM(WholeSites):
    """Match folds of whole sites to a prediction domain.

    Parameters
    ----------
    domain : Dataset or DataArray
        Grid or points of the prediction, by latitude and longitude. Cells count by their area,
        times ``land_fraction`` where it is there; points all the same. Cells without data (no
        value at the first step; False in a mask) are not of the domain.
    k : int
        Number of folds.
    features : sequence of str, optional
        Variables of towers and domain, of which means over time are compared: distance is then
        Euclidean in units of the standard deviation between sites. Without, it is that along
        the surface of the Earth.
    largest : float
        Share of the sites that a fold holds at most.
    points : int
        Places drawn from the domain.
    seed : int

    Notes
    -----
    Sites are put into q clusters (Ward), which are ordered along the first principal component
    and dealt out to k folds in turn; a cluster of n / k sites or more is a fold. Of q from k to
    the number n of sites, that is taken with the least::

        W1 = integral |F(d) - G(d)| dd

    where F is the distribution of distances from a site to the nearest one of another fold, and
    G that from the domain to the nearest site. Where sites are not clustered against the domain
    (one-sided Kolmogorov-Smirnov test, p >= 0.05), folds are random. Each site counts once,
    however long its record. On the Earth clusters and component are those of points in space,
    where CAST takes longitude and latitude, so that nothing happens at the date line.

    References
    ----------
    Linnenbrink, J., Mila, C., Ludwig, M., Meyer, H. (2024): kNNDM CV: k-fold nearest-neighbour
    distance matching cross-validation for map accuracy estimation. Geosci. Model Dev. 17,
    5897-5912.
    """

    domain: xr.Dataset | xr.DataArray
    k: int = 10
    features: Sequence[str] | None = None
    largest: float = 0.5
    points: int = 5000
    seed: int = 0

    def __post_init__(self) -> None:
        # Not by super(), which the class that slots make in place of this one would break.
        WholeSites.__post_init__(self)
        if not 1 / self.k < self.largest < 1:
            raise InputError(
                f"largest={self.largest} of KNNDM: a fold of {self.k} holds between {1 / self.k:g} "
                "and all of the sites; expected a share between, such as 0.5 for 3 folds or more"
            )
        if self.points < 1:
            raise InputError(f"points={self.points} of KNNDM: expected 1 or more, such as 5000")
        if isinstance(self.features, str) or (self.features is not None and not len(self.features)):
            raise InputError(
                f"features={self.features!r} of KNNDM: expected names such as ('ta', 'p'), or None "
                "for distance on the Earth"
            )

    def division(self, towers: xr.Dataset, there: Mask) -> Division:
        """Divide sites, and tell how well their distances match those of the domain."""
        return self._divide(towers, self._enough(towers, there))

    def _assign(self, towers: xr.Dataset, sites: Sites) -> NDArray[np.int64]:
        return self._divide(towers, sites).fold

    def _divide(self, towers: xr.Dataset, sites: Sites) -> Division:
        ds = as_dataset(self.domain)
        if self.features is None:
            lat, lon = find_lat_lon(ds)
            weight = _weight(ds, lat, lon).where(_with_data(ds, lat, lon))
            columns = [array.broadcast_like(weight) for array in (lat, lon)]
            drawn = _draw(columns, weight, self.points, self.seed)
            at_sites = _on_sphere(*positions(towers, sites))
            at_cells = _on_sphere(*drawn.T)
            length: Callable[[Floats], Floats] = great_circle
        else:
            at_sites = _site_features(towers, sites, self.features)
            at_cells = _cell_features(ds, towers, self.features, self.points, self.seed)
            mean, sd = at_sites.mean(axis=0), at_sites.std(axis=0, ddof=1)
            alike = [name for name, spread in zip(self.features, sd, strict=True) if spread == 0]
            if alike:
                raise InputError(
                    f"{', '.join(alike)}: the same at all sites; leave out of features"
                )
            at_sites, at_cells = (at_sites - mean) / sd, (at_cells - mean) / sd
            length = np.asarray
        return divide(
            at_sites, at_cells, self.k, largest=self.largest, seed=self.seed, length=length
        )


def great_circle(chord: Floats) -> Floats:
    """Return the distance along the surface of the Earth, km, of chords of the unit sphere."""
    return 2e-3 * EARTH_RADIUS * np.arcsin(np.minimum(0.5 * chord, 1.0))


def divide(
    sites: Floats,
    cells: Floats,
    k: int,
    *,
    largest: float = 0.5,
    seed: int = 0,
    length: Callable[[Floats], Floats] = np.asarray,
) -> Division:
    """Divide sites into folds by kNNDM; see `KNNDM`.

    Parameters
    ----------
    sites, cells : ndarray (place, axis)
        Where sites and cells of the domain are, in a Euclidean space.
    k : int
    largest : float
        Share of the sites that a fold holds at most.
    seed : int
    length : callable
        Turns Euclidean distances into those to compare; monotonic.
    """
    from scipy.cluster import hierarchy
    from scipy.spatial import KDTree
    from scipy.spatial.distance import cdist
    from scipy.stats import ks_2samp, wasserstein_distance

    n = len(sites)
    apart = length(cdist(sites, sites))
    np.fill_diagonal(apart, np.inf)
    to_cells = length(KDTree(sites).query(cells)[0])

    def w1(fold: NDArray[np.int64]) -> float:
        elsewhere = np.where(fold[:, None] != fold, apart, np.inf).min(axis=1)
        return float(wasserstein_distance(elsewhere, to_cells))

    if ks_2samp(apart.min(axis=1), to_cells, alternative="greater").pvalue >= _LEVEL:
        fold = deal(np.ones(n), k, seed)
        return Division(fold, n, w1(fold))
    centred = sites - sites.mean(axis=0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    # A component has no sign of its own, and clusters are dealt out from one end; the third moment
    # gives it one, which turning the Earth does not change.
    along = along if np.sum(along**3) > 0 else -along
    ladder = np.unique(np.round(np.geomspace(k, n, _RUNGS)).astype(int))
    rungs = hierarchy.cut_tree(hierarchy.linkage(sites, "ward"), ladder).T
    best: Division | None = None
    for clusters, cluster in zip(ladder, rungs, strict=True):
        fold = _merge(cluster, along, k)
        if np.bincount(fold).max() > largest * n:
            continue
        found = Division(fold, int(clusters), w1(fold))
        if best is None or found.w1 < best.w1:
            best = found
    if best is None:
        raise InputError(
            f"KNNDM: no division of {n} sites into {k} folds has at most {largest:.0%} of them in "
            "each; allow a larger share"
        )
    return best


def _merge(cluster: NDArray[np.int64], along: Floats, k: int) -> NDArray[np.int64]:
    """Merge clusters into k folds, dealt out in their order along an axis."""
    size = np.bincount(cluster)
    order = np.argsort(np.bincount(cluster, along) / size, kind="stable")
    large = size[order] * k >= len(cluster)
    fold = np.empty(len(size), np.int64)
    fold[order[large]] = np.arange(large.sum())
    rest = order[~large]
    # There are more clusters left than folds; none where each is as large as a fold.
    if len(rest):
        fold[rest] = large.sum() + np.arange(len(rest)) % (k - large.sum())
    return fold[cluster]


def _on_sphere(lat: Any, lon: Any) -> Floats:
    phi, theta = np.deg2rad(lat), np.deg2rad(lon)
    return np.stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)], -1)


def _weight(ds: xr.Dataset, lat: xr.DataArray, lon: xr.DataArray) -> xr.DataArray:
    """Return what each place of the domain counts."""
    import xarray as xr

    if lat.ndim == lon.ndim == 1 and lat.dims == lon.dims and find(ds, "cell_area") is None:
        weight = xr.ones_like(lat, np.float64)
    else:
        weight = cell_area(ds)
    land = land_fraction(ds)
    return weight if land is None else weight * land


def _with_data(ds: xr.Dataset, lat: xr.DataArray, lon: xr.DataArray) -> xr.DataArray | bool:
    """Tell where a domain holds data, by the first step of what is on its grid."""
    place = {*lat.dims, *lon.dims}
    fixed = {lat.name, lon.name, find(ds, "cell_area"), find(ds, "land_fraction")}
    known: xr.DataArray | None = None
    for name, array in ds.data_vars.items():
        # Whole numbers are never missing.
        if name in fixed or not place <= set(array.dims) or array.dtype.kind not in "fb":
            continue
        first = array.isel({dim: 0 for dim in array.dims if dim not in place}, drop=True)
        here = first if first.dtype == bool else first.notnull()
        known = here if known is None else known | here
    return True if known is None else known


def _draw(columns: Sequence[xr.DataArray], weight: xr.DataArray, n: int, seed: int) -> Floats:
    """Draw n places (place, column), by weight: at even steps of the sum of weights."""
    dims = weight.dims
    values = np.stack(
        [np.asarray(column.transpose(*dims).values, np.float64).ravel() for column in columns], -1
    )
    size = np.nan_to_num(np.asarray(weight.values, np.float64).ravel())
    whole = (size > 0) & np.isfinite(values).all(axis=1)
    if not whole.any():
        raise InputError(
            "the domain of KNNDM holds no place with data and area; look for missing values in "
            "its variables, coordinates or land fraction"
        )
    values, size = values[whole], size[whole]
    if len(size) <= n and np.ptp(size) == 0:
        return values
    total = np.cumsum(size)
    at = (np.arange(n) + np.random.default_rng(seed).random()) * total[-1] / n
    return values[np.minimum(np.searchsorted(total, at, side="right"), len(size) - 1)]


def _site_features(towers: xr.Dataset, sites: Sites, features: Sequence[str]) -> Floats:
    """Return means over time at sites (site, feature)."""
    columns = []
    for name in features:
        array = _numbers(towers, name, "towers")
        values = array.mean([dim for dim in array.dims if dim != "site"]).values[sites.rows]
        missing = ~np.isfinite(values)
        if missing.any():
            raise InputError(
                f"{name} is missing at {', '.join(sites.names[missing][:6])} "
                f"({int(missing.sum())} sites); leave it out of features, or these sites out"
            )
        columns.append(values.astype(np.float64))
    return np.stack(columns, -1)


def _cell_features(
    ds: xr.Dataset, towers: xr.Dataset, features: Sequence[str], n: int, seed: int
) -> Floats:
    """Return means over time at places drawn from the domain (place, feature)."""
    import xarray as xr

    columns = [_numbers(ds, name, "domain") for name in features]
    for name, column in zip(features, columns, strict=True):
        units = (towers[name].attrs.get("units"), column.attrs.get("units"))
        if None not in units and units[0] != units[1]:
            raise InputError(
                f"{name} is in {units[0]!r} at towers and {units[1]!r} in the domain; bring both "
                "to one unit with ds.flux.standardize()"
            )
    try:
        lat, lon = find_lat_lon(ds)
        weight = _weight(ds, lat, lon)
    except MissingVariableError:
        # A table of features knows of no place, and each of its rows counts the same.
        still = columns[0].isel(time=0, drop=True) if "time" in columns[0].dims else columns[0]
        weight = xr.ones_like(still, np.float64)
    means = [
        column.mean([dim for dim in column.dims if dim not in weight.dims]) for column in columns
    ]
    return _draw([mean.broadcast_like(weight) for mean in means], weight, n, seed)


def _numbers(ds: xr.Dataset, name: str, called: str) -> xr.DataArray:
    """Return a variable that distances can be measured in."""
    if name not in ds.variables:
        raise MissingVariableError(
            f"KNNDM compares {name!r}, which {called} has not; add it, or leave it out of features"
        )
    row = variables.get(name)
    if row is not None and row.classes:
        raise InputError(f"KNNDM: {name} is a class, between which there is no distance; leave out")
    return ds[name]
