"""Regions of a grid: one form for masks of integers, fractions, and regionmask.

Where every cell lies in one region at most, a region costs no more than the mask: it
is kept as an index per cell, never as a layer per region.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.coordinates import find_lat_lon, match_grid
from xflux.labels.shapes import are_shapes, shares_of_shapes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Regions", "as_regions"]


@dataclass(frozen=True, slots=True)
class Regions:
    """Regions on a grid.

    Attributes
    ----------
    labels : DataArray (region,)
        What the regions are called, with ``names`` beside numbers where known.
    weights : DataArray
        Crisp: dims of the grid, the position of the cell's region in `labels`, -1
        outside of all. Else: dims ``(region, *grid)``, the share of the cell that lies
        in the region.
    """

    labels: xr.DataArray
    weights: xr.DataArray

    @property
    def crisp(self) -> bool:
        """Whether a cell lies in one region at most."""
        return "region" not in self.weights.dims


def as_regions(regions: Any, grid: xr.DataArray) -> Regions | None:
    """Bring what describes regions into one form.

    Parameters
    ----------
    regions : None, DataArray, array, regionmask.Regions, or shapes
        - None: the globe (returns None).
        - Integers on the grid: each value is a region, 0, negative and NaN lie
          outside. ``flag_values`` in its attributes, when given, are the regions
          (0 too, as regionmask writes them), ``flag_meanings`` their names. A lazy
          mask needs them.
        - Booleans on the grid: one region, 1.
        - Fractions or booleans with one dimension more, whatever its name: the
          share of each cell in each region; NaN is 0.
        - regionmask.Regions: cells whose centre lies inside. For shares of cells
          give its ``mask_3D_frac_approx``.
        - Shapes: a GeoDataFrame, a list or a mapping by name of shapely polygons: the exact
          share of each cell inside (see `xflux.labels.shapes.shares_of_shapes`).
    grid : DataArray
        On the grid, such as cell areas.

    Returns
    -------
    Regions or None
        Lazy where the mask was lazy.

    Raises
    ------
    InputError
        For what is not a mask, saying what would be.
    GridMismatchError
        When the mask lies on another grid.
    """
    import xarray as xr

    if regions is None or isinstance(regions, Regions):
        return regions
    if type(regions).__module__.partition(".")[0] == "regionmask":
        return _from_regionmask(regions, grid)
    if are_shapes(regions):
        return _from_fractions(shares_of_shapes(regions, grid), "region", grid)
    if isinstance(regions, np.ndarray) and regions.shape == grid.shape:
        regions = grid.copy(data=regions)
        regions.attrs = {}
    if not isinstance(regions, xr.DataArray):
        held = f", hold {', '.join(map(str, regions))}" if isinstance(regions, xr.Dataset) else ""
        raise InputError(
            f"regions are a {type(regions).__name__}{held}; expected a DataArray of integers on "
            "the grid, of fractions (region, lat, lon), regionmask.Regions, or polygons"
        )
    mask = match_grid(regions, grid, what="regions")
    absent = [dim for dim in grid.dims if dim not in mask.dims]
    extra = [dim for dim in mask.dims if dim not in grid.dims]
    if absent or len(extra) > 1 or mask.dtype.kind not in "biuf":
        raise InputError(
            f"regions have the dims {regions.dims} and dtype {regions.dtype}; expected numbers on "
            f"{grid.dims}, or with one dimension more for the regions"
        )
    return _from_fractions(mask, extra[0], grid) if extra else _from_numbers(mask, grid)


def _from_numbers(mask: xr.DataArray, grid: xr.DataArray) -> Regions:
    import xarray as xr

    names = None
    if mask.dtype.kind == "b":
        numbers = np.array([1])
    elif "flag_values" in mask.attrs:
        numbers = np.atleast_1d(mask.attrs["flag_values"]).astype(np.int64)
        meanings = str(mask.attrs.get("flag_meanings", "")).split()
        names = meanings if len(meanings) == numbers.size else None
    elif mask.chunks is not None:
        raise InputError(
            "regions are a lazy mask, whose numbers cannot be told without computing it; give "
            "regions.load(), or set regions.attrs['flag_values']"
        )
    else:
        values = np.unique(_whole(mask.values))
        numbers = values[values > 0].astype(np.int64)
    if numbers.size == 0:
        raise InputError(
            "regions hold no positive number (0, negative and NaN lie outside all regions); to "
            "have 0 as a region set regions.attrs['flag_values']"
        )
    weights = xr.apply_ufunc(
        _positions,
        mask.drop_vars(mask.coords).transpose(*grid.dims),
        kwargs={"numbers": numbers},
        dask="parallelized",
        output_dtypes=[np.int32],
    )
    return Regions(_labels(numbers, names=names), weights)


def _whole(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return integers that floats stand for, NaN and infinity as -1."""
    if values.dtype.kind != "f":
        return values
    rounded = np.where(np.isfinite(values), np.round(values), -1.0)
    # Masks that went through other formats hold such numbers as 3.6e-40 for 0.
    off = np.isfinite(values) & (np.abs(values - rounded) > 1e-3)
    if np.any(off):
        raise InputError(
            f"regions hold {values[off][0]:g} without a dimension for the regions; a mask holds "
            "integers, and fractions need that dimension: regions.expand_dims(region=['name'])"
        )
    return rounded


def _positions(values: np.ndarray[Any, Any], numbers: np.ndarray[Any, Any]) -> Any:
    """Return where each value stands in `numbers`, -1 where it does not."""
    outside = ~np.isfinite(values)
    values = _whole(values)
    order = np.argsort(numbers)
    nearest = np.clip(np.searchsorted(numbers[order], values), 0, numbers.size - 1)
    found = order[nearest]
    return np.where((numbers[found] == values) & ~outside, found, -1).astype(np.int32)


def _from_fractions(mask: xr.DataArray, dim: Any, grid: xr.DataArray) -> Regions:
    labels = mask[dim].rename({dim: "region"}).rename("region")
    labels = labels.drop_vars([name for name in labels.coords if labels[name].dims != ("region",)])
    labels = labels.assign_coords(region=("region", labels.values)) if not labels.coords else labels
    weights = mask.drop_vars(mask.coords).rename({dim: "region"})
    return Regions(labels, weights.transpose("region", *grid.dims))


def _from_regionmask(regions: Any, grid: xr.DataArray) -> Regions:
    lat, lon = (coordinate.copy(deep=True) for coordinate in find_lat_lon(grid))
    if not regions.overlap:
        try:
            mask = regions.mask(lon, lat)
        except ValueError:
            # overlap=None: whether regions overlap is found out only by making the mask.
            if regions.overlap is False:
                raise
        else:
            numbers = np.asarray(regions.numbers, np.int64)
            mask = mask.drop_vars(mask.coords).transpose(*grid.dims)
            weights = mask.copy(data=_positions(mask.values, numbers))
            return Regions(_labels(numbers, names=regions.names, abbrevs=regions.abbrevs), weights)
    layers = regions.mask_3D(lon, lat, drop=False)
    return _from_fractions(layers, "region", grid)


def _labels(numbers: np.ndarray[Any, Any], **names: list[str] | None) -> xr.DataArray:
    import xarray as xr

    beside = {name: ("region", np.asarray(v)) for name, v in names.items() if v is not None}
    return xr.DataArray(numbers, dims="region", coords={"region": numbers, **beside}, name="region")
