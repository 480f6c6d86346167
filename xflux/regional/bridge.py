"""`RegionalBridge`: the flux of a region from a few of its pixels."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from xflux.errors import InputError, XfluxWarning
from xflux.labels.calendar import Step
from xflux.labels.named_regions import named_regions
from xflux.labels.periods import Freq
from xflux.progress_bar import progress_bar
from xflux.regional.bridge_dataset import bridge_dataset
from xflux.regional.bridge_estimate import estimate
from xflux.regional.bridge_fit import Choice, choose_pixels
from xflux.regional.bridge_samples import RegionSamples, region_samples
from xflux.regional.clusters import Clusters, cluster_series, stratified_sample
from xflux.regional.net_field import net_field

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RegionalBridge"]

_NAME = "RegionalBridge"


class RegionalBridge(BaseEstimator):
    """The monthly flux of regions as weighted sums of a few of their pixels.

    What an inversion says of a region then constrains a model at few pixels, where a step of
    training costs little. Weights are areas: what a pixel stands for.

    Parameters
    ----------
    r2 : float
        Share of the variance of the region's months that its pixels must explain, of the months
        fitted and of years left out.
    candidates : int
        Pixels of a region among which to choose, a sample of each of its clusters.
    clusters : int
        Groups of pixels with series alike, each of which has a pixel of the bridge; no more than
        `pixels`.
    relax : bool
        Fit the weights of chosen pixels anew, drawn to the areas that they stand for; False: keep
        those of the Lasso, which are shrunk.
    seed : int
        Draws candidates; the same seed gives the same bridge.
    anomaly_r2 : float
        The same share of what differs from the mean seasonal cycle, in years left out. Without
        it one pixel with the season of the region would do, and tell nothing of years.
    pixels : int, optional
        Most pixels of a region; None: 12, or 5 % of the pixels of the region if that is more.
    band : int
        Months by which series may be shifted when they are compared.

    Attributes
    ----------
    bridge_ : Dataset
        What was fitted; see `to_dataset`.

    Notes
    -----
    ``NEE_rm = sum_p w_rp n_m NEE_pm + b_r`` (Upton et al. 2024,
    doi:10.5194/acp-24-2555-2024, eqs 1 to 3 and 7, here with areas and the days of the month
    n_m). Pixels are grouped by spectral clustering of their distances by dynamic time warping,
    candidates drawn from each group, and chosen along the path of a Lasso until few of them
    explain the region, also in years left out. See `xflux.regional.bridge_fit`.

    A bridge holds for the field it was fitted to. `validate` says how it does on another, such as
    that of a model trained through it; weights drawn to areas make it hold further.

    Where no choice is good enough the best is kept, with an `XfluxWarning`.

    Examples
    --------
    >>> import xflux
    >>> truth = xflux.twin.Earth(resolution=10.0, start="2001", end="2005").truth
    >>> bands = xflux.latitude_bands(truth, edges=(-30, 0, 30))
    >>> bridge = RegionalBridge().fit(truth, bands)
    >>> weights = bridge.to_dataset()
    >>> bool((weights.r2_cv > 0.95).all() and (weights.n_pixels <= 12).all())
    True
    >>> monthly = truth.flux.regional_integral(bridge)
    >>> dict(monthly.nee.sizes)
    {'region': 2, 'time': 60}
    """

    def __init__(
        self,
        r2: float = 0.95,
        candidates: int = 300,
        clusters: int = 8,
        relax: bool = True,
        seed: int = 0,
        anomaly_r2: float = 0.7,
        pixels: int | None = None,
        band: int = 12,
    ) -> None:
        self.r2 = r2
        self.candidates = candidates
        self.clusters = clusters
        self.relax = relax
        self.seed = seed
        self.anomaly_r2 = anomaly_r2
        self.pixels = pixels
        self.band = band

    def fit(
        self,
        nee: xr.Dataset | xr.DataArray,
        regions: Any,
        *,
        variable: str = "nee",
        progress: bool = True,
    ) -> RegionalBridge:
        """Fit to a flux on a grid; reads up to 4,000 pixels of each region, and every chunk once.

        Parameters
        ----------
        nee : Dataset or DataArray
            Flux on a grid of latitude and longitude, by month or shorter steps, whole months;
            ``cell_area`` and ``land_fraction`` count where they are there. A dimension ``member``
            gives more samples. Years are left out in five blocks, fewer than five one by one. Of
            a mean year (one year, or ``month``) members are left out in place of years, and
            without members nothing: `r2_cv` is then NaN.
        regions
            What `xflux.regional_integral` reads.
        variable : str
            Canonical name of the flux.
        progress : bool
            Show a bar of regions on a terminal.

        Returns
        -------
        RegionalBridge
            Itself.

        Raises
        ------
        InputError
            For options that do not fit, regions without land, months without values or that steps
            do not cover. A bridge that was fitted before stays as it was.

        Warns
        -----
        XfluxWarning
            For regions that few pixels do not explain, and where nothing can be left out.
        """
        self._check()
        field = net_field(nee, variable=variable, needed_by=_NAME)
        random = np.random.default_rng([self.seed, 0])
        read, found, land = region_samples(field, _named(regions, nee), random)
        choices = []
        with progress_bar(len(read), label="bridging", unit="region", show=progress) as tell:
            for k, region in enumerate(read):
                groups = self._groups(region, k)
                choices.append(
                    self._choose(region, groups, np.random.default_rng([self.seed, 2, k]))
                )
                tell()
        made = bridge_dataset(field, read, found, land, choices)
        made.attrs["parameters"] = repr(self)
        self.bridge_ = made
        self._warn(made)
        return self

    def estimate(
        self, nee: xr.Dataset | xr.DataArray, *, freq: Freq = "MS", units: str = "PgC",
        stamp: Step | None = None,
    ) -> xr.DataArray:  # fmt: skip
        """Estimate the regions of a flux on the grid of the bridge, lazily.

        What ``ds.flux.regional_integral(bridge)`` calls. Only the chunks that hold contributing
        pixels are read.

        Parameters
        ----------
        nee : Dataset or DataArray
        freq : {"MS", "YS"}
        units : str
        stamp : {"D", "MS", "YS"}, optional
            What a time stamp stands for, where that cannot be told.

        Returns
        -------
        DataArray (..., region, time)

        Raises
        ------
        GridMismatchError
            For a flux on another grid.
        InputError
            For a net flux that holds other terms (``flux_definition``) than the one fitted to.
            One of another model is what a bridge is for; `validate` says whether it holds.
        """
        made = self.to_dataset()
        field = net_field(nee, variable=str(made.attrs["variable"]), needed_by=_NAME, stamp=stamp)
        return estimate(made, field, freq=freq, units=units)

    def validate(self, nee: xr.Dataset | xr.DataArray) -> xr.Dataset:
        """Compare with the exact integral of a flux, lazily.

        Parameters
        ----------
        nee : Dataset or DataArray
            On the grid of the bridge: that of other years, or of another model.

        Returns
        -------
        Dataset
            Lazy where the flux is. ``exact`` and ``bridged`` (..., region, time) [Pg per month];
            of each region ``r2``, ``r2_anomaly``, ``r2_annual`` [1], ``rmse``, ``bias`` [Pg per
            month], ``slope`` [1], ``rmse_annual``, ``bias_annual`` [Pg per year], and
            ``decoupled``: r2 below 0.9, or NaN.
        """
        from xflux.regional.bridge_validation import validate

        made = self.to_dataset()
        field = net_field(nee, variable=str(made.attrs["variable"]), needed_by=_NAME)
        return validate(made, field)

    def stability(
        self,
        nee: xr.Dataset | xr.DataArray,
        regions: Any,
        n: int = 1000,
        *,
        variable: str = "nee",
        progress: bool = True,
    ) -> xr.Dataset:
        """Choose pixels anew from other samples of candidates, many times.

        Parameters
        ----------
        nee, regions, variable, progress
            As of `fit`.
        n : int
            Draws.

        Returns
        -------
        Dataset
            On the grid ``count``, in how many draws a pixel contributed; of each region
            ``jaccard``, the mean over pairs of draws of the share of places (boxes of 5 degrees)
            that both have; (region, draw) ``r2`` and ``n_pixels``.
        """
        from xflux.regional.bridge_stability import stability

        self._check()
        field = net_field(nee, variable=variable, needed_by=_NAME)
        random = np.random.default_rng([self.seed, 0])
        read, found, land = region_samples(field, _named(regions, nee), random)
        with progress_bar(len(read) * n, label="drawing", unit="draw", show=progress) as tell:
            return stability(self, field, read, found, land, n, tell)

    def to_dataset(self) -> xr.Dataset:
        """Return the bridge as a Dataset of weights, which goes into any file.

        Returns
        -------
        Dataset
            Dims (region, pixel), padded by NaN: ``weight`` [m2], the area that a pixel stands
            for; ``lat``, ``lon`` and ``cell``, where it lies. Of a region ``intercept`` [Pg per
            month], ``n_pixels``, ``region_pixels``, ``region_area`` [m2], ``r2``, ``r2_cv`` of
            months in years left out, ``r2_anomaly`` and ``r2_annual`` of their anomalies and
            annual sums, ``weight_share`` (sum of weights over area), ``penalty`` of the Lasso,
            ``enough``. On the grid ``land_area`` [m2] and ``region_share``.
        """
        if not hasattr(self, "bridge_"):
            raise InputError(f"this {_NAME} is not fitted; call fit(nee, regions), or load one")
        return self.bridge_.copy()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the bridge as NetCDF; the file is there when it is complete."""
        from xflux.regional.bridge_dataset import write

        return write(self.to_dataset(), path, self.get_params(deep=False))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RegionalBridge:
        """Read a bridge that `save` has written.

        Raises
        ------
        FileFormatError
            When it is no such file, or of a newer version.
        """
        from xflux.regional.bridge_dataset import read

        made, parameters = read(path)
        bridge = cls(**parameters)
        bridge.bridge_ = made
        return bridge

    def most(self, size: int) -> int:
        """Return how many of the pixels of a region may contribute."""
        return self.pixels or max(12, int(0.05 * size))

    def group_count(self, size: int) -> int:
        """Return into how many clusters the pixels of a region fall; each has one that stays."""
        return min(self.clusters, self.most(size))

    def _groups(self, region: RegionSamples, k: int) -> Clusters:
        return cluster_series(
            region.series, self.group_count(region.size), band=self.band,
            random=np.random.default_rng([self.seed, 1, k]),
        )  # fmt: skip

    def _choose(
        self, region: RegionSamples, groups: Clusters, random: np.random.Generator
    ) -> Choice:
        return choose_pixels(
            region.samples, stratified_sample(groups.labels, self.candidates, random),
            groups.labels, groups.medoids,
            enough=self.r2, of_anomalies=self.anomaly_r2, most=self.most(region.size),
            relax=self.relax,
        )  # fmt: skip

    def _check(self) -> None:
        for name in ("r2", "anomaly_r2"):
            value = getattr(self, name)
            if not 0.0 <= value < 1.0:
                raise InputError(f"{name}={value!r}; expected a share from 0 to below 1")
        for name in ("candidates", "clusters", "pixels"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name}={value!r}; expected 1 or more")
        if self.band < 0:
            raise InputError(f"band={self.band!r}; expected 0 months or more")

    def _warn(self, made: xr.Dataset) -> None:
        names = np.asarray(made["names"].values if "names" in made.coords else made.region.values)
        weak = names[~made["enough"].values]
        if weak.size:
            warnings.warn(
                f"the pixels of {', '.join(map(str, weak))} do not reach r2={self.r2:g} and "
                f"anomaly_r2={self.anomaly_r2:g} in what was left out (see to_dataset()); divide "
                "these regions, or allow more pixels",
                XfluxWarning,
                stacklevel=3,
            )
        if np.isnan(made["r2_cv"].values[made["n_pixels"].values > 0]).any():
            warnings.warn(
                "one year without members leaves nothing to cross-validate by: r2 is that of the "
                "months fitted, and says nothing of others; give more years, or members",
                XfluxWarning,
                stacklevel=3,
            )


def _named(regions: Any, nee: xr.Dataset | xr.DataArray) -> Any:
    """Look regions up that are given by name."""
    import xarray as xr

    if isinstance(nee, xr.Dataset):
        return named_regions(regions, nee)
    if isinstance(regions, str):
        raise InputError(f"regions={regions!r} needs a Dataset that holds it; give one")
    return regions
