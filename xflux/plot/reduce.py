"""From large lazy arrays to the few numbers that a figure shows; nothing is computed here."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import InputError, MissingVariableError
from xflux.labels.grid import cell_area, find_lat_lon, land_fraction, match_grid
from xflux.plot.wording import reduction

if TYPE_CHECKING:
    import xarray as xr

    from xflux.plot.groups import Groups

__all__ = ["area_weights", "coarsened", "grouped_mean", "mean_over"]


def mean_over(
    array: xr.DataArray, dims: Sequence[Hashable], how: str = "mean"
) -> tuple[xr.DataArray, str]:
    """Reduce dimensions by an unweighted statistic that skips NaN, lazily.

    Parameters
    ----------
    array : DataArray
    dims : sequence of hashable
    how : {"mean", "std", "min", "max"}

    Returns
    -------
    reduced : DataArray
        With the attributes of `array`.
    said : str
        What was done, for a title; "" when there was nothing to do.
    """
    if how not in ("mean", "std", "min", "max"):
        raise InputError(
            f"reduce={how!r} is not known; use 'mean', 'std', 'min' or 'max', or reduce the "
            "array yourself before plotting"
        )
    if not dims:
        return array, ""
    word = {"std": "standard deviation", "min": "minimum", "max": "maximum"}.get(how, how)
    reduced = getattr(array, how)(list(dims), skipna=True, keep_attrs=True)
    return reduced, reduction(word, array, dims)


def area_weights(
    obj: xr.Dataset | xr.DataArray, dims: Sequence[Hashable]
) -> tuple[xr.DataArray | None, str]:
    """Find the weights of cells in a mean over space.

    Parameters
    ----------
    obj : Dataset or DataArray
        Knows its grid: latitude and longitude, best also cell_area and land_fraction.
    dims : sequence of hashable
        What the mean runs over.

    Returns
    -------
    weights : DataArray or None
        Area of the cells times their land fraction where there is one; the cosine of
        latitude where areas cannot be told (a single row, rows that are missing). None
        when `dims` are no grid.
    said : str
        Such as "area-weighted mean".
    """
    try:
        lat, lon = find_lat_lon(obj)
    except MissingVariableError:
        return None, "mean"
    grid = set(lat.dims) | set(lon.dims)
    if not grid & set(dims) or (lat.dims == lon.dims and lat.ndim == 1):
        return None, "mean"
    try:
        weights = cell_area(obj)
    except InputError:
        if lat.ndim != 1:
            raise
        # Of a few selected rows the widths are unknown, but all alike.
        cosine = lat.copy(data=np.cos(np.deg2rad(lat.values)).clip(0.0))
        return cosine.drop_attrs(), "mean weighted by cos(latitude)"
    fraction = land_fraction(obj)
    if fraction is None:
        return weights.fillna(0.0), "area-weighted mean"
    fraction = match_grid(fraction, weights, what="land_fraction", of="cell_area")
    return (weights * fraction).fillna(0.0), "land-area-weighted mean"


def grouped_mean(
    array: xr.DataArray,
    dims: Sequence[Hashable],
    weights: xr.DataArray | None = None,
    groups: Groups | None = None,
) -> xr.DataArray:
    """Average over dimensions, weighted, for each group, in one lazy pass.

    Parameters
    ----------
    array : DataArray
        NaN does not count.
    dims : sequence of hashable
    weights : DataArray, optional
        Of some of `dims`, without NaN; None weighs all alike.
    groups : Groups, optional
        Of some of `dims`; becomes a dimension of the result.

    Returns
    -------
    DataArray
        float64, NaN where nothing counts.
    """
    import xarray as xr

    mask = xr.DataArray(1.0) if weights is None else weights.drop_vars(weights.coords)
    if groups is not None:
        labels = np.asarray(groups.labels)
        numbers = xr.DataArray(np.arange(labels.size), dims=[groups.name])
        codes = xr.DataArray(groups.codes)
        if array.chunks is not None and codes.chunks is None:
            codes = codes.chunk({dim: array.chunksizes[dim] for dim in codes.dims})
        mask = mask * (codes == numbers)
    bare = array.drop_vars(
        [name for name, coord in array.coords.items() if set(coord.dims) & set(dims)]
    )
    valid = bare.notnull()
    # The mask is float64, and so are the sums: of float32 data no copy in float64 is made.
    total = xr.dot(bare.where(valid, 0.0), mask, dim=list(dims))
    weight = xr.dot(valid, mask, dim=list(dims))
    mean = (total / weight.where(weight > 0.0)).assign_attrs(array.attrs).rename(array.name)
    return mean if groups is None else mean.assign_coords({groups.name: labels})


def coarsened(
    array: xr.DataArray, dims: Sequence[Hashable], largest: int, *, classes: bool = False
) -> tuple[xr.DataArray, str]:
    """Thin a grid to what a figure can show, lazily.

    Parameters
    ----------
    array : DataArray
    dims : sequence of hashable
        The two dimensions of the grid.
    largest : int
        Cells that may remain along each.
    classes : bool
        Take every n-th cell in place of means, which classes do not have.

    Returns
    -------
    coarse : DataArray
    said : str
        What was done, for a title; "" when nothing was.
    """
    steps = {dim: -(-array.sizes[dim] // largest) for dim in dims}
    steps = {dim: step for dim, step in steps.items() if step > 1}
    if not steps:
        return array, ""
    said = " x ".join(str(steps.get(dim, 1)) for dim in dims)
    if classes:
        thinned = array.isel({dim: slice(step // 2, None, step) for dim, step in steps.items()})
        return thinned, f"every {said} cell shown"
    coarse = array.coarsen(steps, boundary="pad", coord_func="mean")
    return coarse.mean(keep_attrs=True), f"means of {said} cells"
