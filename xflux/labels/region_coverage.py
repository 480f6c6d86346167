"""How regions cover the land: what lies in none of them, and in more than one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xflux.labels.grid import match_grid
from xflux.labels.regions import Regions

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["region_coverage"]


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

    land = area.drop_vars(area.coords).fillna(0.0)
    if land_fraction is not None:
        fraction = match_grid(land_fraction, area, what="land_fraction")
        land = land * fraction.drop_vars(fraction.coords).fillna(0.0)
    if regions is None:
        held = xr.ones_like(land)
    elif regions.crisp:
        held = (regions.weights >= 0).astype(float)
    else:
        held = regions.weights.fillna(0).astype(float).sum("region")
    total = land.sum()
    of_land = "land" if land_fraction is not None else "area of cells (no land_fraction)"
    said = {
        "land_outside": ((1.0 - held).clip(min=0.0), f"share of the {of_land} in no region"),
        "land_shared": ((held - 1.0).clip(0.0, 1.0), f"share of the {of_land} in several regions"),
    }
    return xr.Dataset(
        {
            name: ((land * share).sum() / total).assign_attrs(long_name=words, units="1")
            for name, (share, words) in said.items()
        }
    )
