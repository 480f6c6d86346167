"""How regions cover the land: what lies in none of them, and in more than one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.labels.grid import match_grid
from xflux.labels.regions import Regions

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["region_coverage"]

Array = np.ndarray[Any, Any]


def region_coverage(
    regions: Regions | None, area: xr.DataArray, land_fraction: xr.DataArray | None
) -> xr.Dataset:
    """Return which shares of the land lie in no region and in more than one.

    Parameters
    ----------
    regions : Regions or None
        None is the globe, which holds all land once.
    area : DataArray [m2]
        Of the cells; its dims are those of the grid.
    land_fraction : DataArray [1], optional
        None: all cells count whole.

    Returns
    -------
    Dataset
        float64, lazy where masks, areas or land fraction are; NaN without land.

        land_outside [1]
            Share of the land in no region.
        land_shared [1]
            Share of the land in more than one; of shares of cells at least so much.
    """
    import xarray as xr

    arrays = {"area": area}
    if land_fraction is not None:
        arrays["fraction"] = match_grid(land_fraction, area, what="land_fraction")
    if regions is not None:
        arrays["regions"] = regions.weights
    cells = area.dims
    # One task: what is left are two numbers.
    found = xr.apply_ufunc(
        partial(_shares, tuple(arrays)),
        *(array.drop_vars(array.coords).transpose(..., *cells) for array in arrays.values()),
        input_core_dims=[list(array.dims) for array in arrays.values()],
        output_core_dims=[["share"]],
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True, "output_sizes": {"share": 2}},
        output_dtypes=[np.float64],
    )
    of_land = "land" if land_fraction is not None else "area of cells (no land_fraction)"
    words = {
        "land_outside": f"share of the {of_land} in no region",
        "land_shared": f"share of the {of_land} in several regions",
    }
    return xr.Dataset(
        {
            name: found[place].assign_attrs(long_name=text, units="1")
            for place, (name, text) in enumerate(words.items())
        }
    )


def _shares(given: tuple[str, ...], *arrays: Array) -> Array:
    by_name = dict(zip(given, arrays, strict=True))
    land: Array = np.asarray(np.nan_to_num(by_name["area"]))
    if "fraction" in by_name:
        land = np.asarray(land * np.nan_to_num(by_name["fraction"]))
    regions = by_name.get("regions")
    if regions is None:
        held = np.ones_like(land)
    elif regions.ndim == land.ndim:
        held = (regions >= 0).astype(np.float64)
    else:
        held = np.zeros_like(land)
        for layer in regions:
            # One by one, as a copy of all would take longer than their sum.
            held += np.nan_to_num(layer)
    with np.errstate(invalid="ignore"):
        total = np.array(
            [
                np.sum(land * np.maximum(1.0 - held, 0.0)),
                np.sum(land * np.clip(held - 1.0, 0.0, 1.0)),
            ]
        )
        return np.asarray(total / np.sum(land))
