"""Conservative regridding between regular grids, for comparisons in tests."""

from __future__ import annotations

import numpy as np
import xarray as xr


def _edges(centres: np.ndarray) -> np.ndarray:
    middle = (centres[1:] + centres[:-1]) / 2
    first = centres[0] - (middle[0] - centres[0])
    last = centres[-1] + (centres[-1] - middle[-1])
    return np.concatenate([[first], middle, [last]])


def _overlap(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    upper = np.minimum(target[1:, None], source[None, 1:])
    lower = np.maximum(target[:-1, None], source[None, :-1])
    return np.clip(upper - lower, 0, None)


def conservative(field: xr.DataArray, weight: xr.DataArray, target: xr.Dataset) -> xr.DataArray:
    """Return the weighted mean of `field` over each cell of `target` (dims lat, lon)."""
    weight = weight.where(field.notnull(), 0.0).fillna(0.0).transpose("lat", "lon")
    field = field.fillna(0.0).transpose("lat", "lon")
    sine = [
        np.sin(np.deg2rad(np.clip(_edges(grid.lat.values.astype(float)), -90, 90)))
        for grid in (field, target)
    ]
    by_lat = _overlap(*sine)
    source, wanted = (_edges(grid.lon.values.astype(float)) for grid in (field, target))
    by_lon = sum(_overlap(source + turn, wanted) for turn in (-360, 0, 360))
    total = by_lat @ (field * weight).values @ by_lon.T
    share = by_lat @ weight.values @ by_lon.T
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(share > 0, total / share, np.nan)
    return xr.DataArray(mean, dims=("lat", "lon"), coords={"lat": target.lat, "lon": target.lon})
