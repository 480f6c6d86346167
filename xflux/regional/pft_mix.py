"""Which land cover the pixels of a bridge stand on, beside that of their regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import GridMismatchError, InputError
from xflux.labels.attach import generated
from xflux.labels.class_fractions import class_fractions, fractions_of_map
from xflux.labels.coordinates import find_lat_lon
from xflux.labels.grid import cell_area
from xflux.labels.integral import regional_mean
from xflux.regional.nearest_cells import nearest_cells

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["pft_mix"]

Array = np.ndarray[Any, Any]


def pft_mix(
    bridge: xr.Dataset,
    cover: xr.DataArray,
    regions: Any,
    *,
    area: xr.DataArray | None = None,
    land_fraction: xr.DataArray | None = None,
    variable: str = "igbp",
) -> xr.Dataset:
    """Compare the land cover of the pixels of a bridge with that of their regions.

    A bridge that stands on crops alone says of a forest what crops do.

    Parameters
    ----------
    bridge : Dataset
        ``lat``, ``lon`` and ``weight`` [m2] (region, pixel), NaN where a region has fewer
        pixels than others, as ``RegionalBridge.to_dataset()`` gives it.
    cover : DataArray
        Classes (lat, lon), or shares (class, lat, lon) [1 or %], on the grid of the bridge.
    regions
        On the grid of `cover`, as `xflux.labels.regions.as_regions` reads them; those of the
        bridge are matched by ``names`` where both have them, else by ``region``.
    area : DataArray [m2], optional
        Of the cells; computed where it is not given.
    land_fraction : DataArray [1], optional
        Share of each cell that is land; None: all of it.
    variable : str
        What the classes are: ``igbp`` or ``koppen``.

    Returns
    -------
    Dataset
        Dims (region, class), lazy where `cover` is; shares of what has a known class, which sum
        to 1 over classes where these cover the cells.

        contributing [1]
            Share of the absolute weights of the pixels; NaN for a region without pixels.
        region_share [1]
            Share of the area of the region.

    Raises
    ------
    InputError
        For a bridge or a cover of other dims, and for regions of the bridge that are not among
        `regions`.
    GridMismatchError
        For pixels that are not on the grid of `cover`.

    Notes
    -----
    ``contributing_c = sum_p |w_p| f_pc / sum_p |w_p|``. Weights may be negative, and the
    influence of a pixel does not depend on the sign.

    Examples
    --------
    >>> import xarray as xr
    >>> import xflux
    >>> grid = {"lat": [45.0, 55.0], "lon": [5.0, 15.0]}
    >>> cover = xr.DataArray([[12, 1], [1, 1]], dims=("lat", "lon"), coords=grid)
    >>> pixel = {"lat": (("region", "pixel"), [[45.0]]), "lon": (("region", "pixel"), [[5.0]])}
    >>> bridge = xr.Dataset({"weight": (("region", "pixel"), [[3e11]])}, {"region": [1], **pixel})
    >>> mix = xflux.pft_mix(bridge, cover, xr.ones_like(cover))
    >>> mix.sel({"region": 1, "class": ["ENF", "CRO"]})["region_share"].values.round(2)
    array([0.72, 0.28])
    """
    import xarray as xr

    _check(bridge)
    lat, lon = find_lat_lon(cover)
    if lat.ndim != 1 or lon.ndim != 1 or lat.dims == lon.dims:
        raise InputError(
            f"cover has latitude and longitude of the dims {lat.dims} and {lon.dims}; expected a "
            "rectilinear grid (lat, lon)"
        )
    grid = (lat.dims[0], lon.dims[0])
    shares = class_fractions(cover, variable) if "class" in cover.dims else None
    shares = fractions_of_map(cover, variable) if shares is None else shares
    shares = shares.assign_coords({dim: cover[dim] for dim in grid})
    if set(shares.dims) != {"class", *grid}:
        raise InputError(f"cover has the dims {cover.dims}; expected {grid}, or class beside them")
    weight = abs(bridge["weight"].reset_coords(drop=True))
    there = weight.notnull()
    rows = _positions(bridge["lat"], lat, there.values, None)
    columns = _positions(bridge["lon"], lon, there.values, 360.0)
    pixels = shares.drop_vars(grid).isel({grid[0]: rows, grid[1]: columns})
    known = weight.where(pixels.notnull().all("class"), 0.0).where(there, 0.0)
    total = known.sum("pixel")
    contributing = (known * pixels.fillna(0.0)).sum("pixel") / total.where(total > 0.0)

    area = cell_area(cover) if area is None else area
    whole = regional_mean(shares, area=area, land_fraction=land_fraction, regions=regions)
    result = xr.Dataset(
        {
            "contributing": contributing.transpose("region", "class").astype(np.float64),
            "region_share": _matched(whole, bridge).transpose("region", "class").variable,
        }
    )
    kept = {key: bridge[key].variable for key in ("region", "names") if key in bridge.coords}
    result = result.assign_coords(kept)
    result["contributing"].attrs = {
        "long_name": "share of the weights of contributing pixels", "units": "1"
    }  # fmt: skip
    result["region_share"].attrs = {"long_name": "share of the area of the region", "units": "1"}
    mark = bridge.attrs.get("flux_synthetic") or generated([cover])
    return result.assign_attrs({"synthetic": mark} if mark else {})


def _check(bridge: xr.Dataset) -> None:
    for name in ("lat", "lon", "weight"):
        if name not in bridge.variables or set(bridge[name].dims) != {"region", "pixel"}:
            found = bridge[name].dims if name in bridge.variables else "not there"
            raise InputError(
                f"{name} of the bridge is {found}; expected lat, lon and weight with the dims "
                "(region, pixel), as RegionalBridge.to_dataset() gives them"
            )


def _positions(
    where: xr.DataArray, axis: xr.DataArray, there: Array, turn: float | None
) -> xr.DataArray:
    """Return the cell that each pixel lies in, 0 where there is no pixel."""
    where = where.transpose("region", "pixel").reset_coords(drop=True)
    centres = np.asarray(axis.values, np.float64)
    nearest, off = nearest_cells(np.asarray(where.values, np.float64), centres, turn=turn)
    nearest, off = np.where(there, nearest, 0), np.where(there, off, 0.0)
    step = float(np.min(np.abs(np.diff(centres)), initial=np.inf))
    if not np.all(off <= 0.01 * step):
        k = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
        raise GridMismatchError(
            f"{axis.name} of pixel {k[1]} of region {k[0]} of the bridge is "
            f"{float(where.values[k]):g}, which is no centre of a cell of the cover; give the "
            "cover on the grid that the bridge was fitted on"
        )
    return where.copy(data=nearest)


def _matched(whole: xr.DataArray, bridge: xr.Dataset) -> xr.DataArray:
    """Return the regions of the bridge, in its order."""
    key = "names" if "names" in bridge.coords and "names" in whole.coords else "region"
    ours, theirs = bridge[key].values.tolist(), whole[key].values.tolist()
    missing = [value for value in ours if value not in theirs]
    if missing:
        raise InputError(
            f"regions lack {', '.join(map(str, missing))} of the bridge; they hold "
            f"{', '.join(map(str, theirs))}"
        )
    return whole.isel(region=[theirs.index(value) for value in ours])
