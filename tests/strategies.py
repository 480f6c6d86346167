"""Hypothesis strategies: grids of drivers, in any chunking, dtype and dimension order."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from hypothesis import strategies as st

#: Plausible ranges in canonical units.
RANGES = {
    "ta": (-20.0, 38.0, "degC"),
    "vpd": (0.1, 40.0, "hPa"),
    "swin": (0.0, 350.0, "W m-2"),
    "rnet": (-40.0, 220.0, "W m-2"),
    "fapar": (0.0, 0.95, "1"),
    "co2": (340.0, 420.0, "ppm"),
}


def drivers(
    shape: tuple[int, int, int] = (4, 5, 6), dtype: str = "f8", seed: int = 0, gaps: float = 0.05
) -> xr.Dataset:
    """Return drivers on a (time, lat, lon) grid with gaps, eager."""
    rng = np.random.default_rng(seed)
    data: dict[str, Any] = {}
    for name, (low, high, units) in RANGES.items():
        values = rng.uniform(low, high, shape)
        values[rng.random(shape) < gaps] = np.nan
        data[name] = (("time", "lat", "lon"), values.astype(dtype), {"units": units})
    elevation = rng.uniform(0.0, 3000.0, shape[1:]).astype(dtype)
    data["elevation"] = (("lat", "lon"), elevation, {"units": "m"})
    igbp = rng.choice([1, 5, 10, 12], shape[1:]).astype("i1")
    data["igbp"] = (("lat", "lon"), igbp, {"units": "1"})
    return xr.Dataset(
        data,
        coords={
            "time": xr.date_range("2015-01-01", periods=shape[0], freq="MS"),
            "lat": ("lat", np.linspace(60.0, 40.0, shape[1]), {"units": "degrees_north"}),
            "lon": ("lon", np.linspace(0.0, 20.0, shape[2]), {"units": "degrees_east"}),
        },
    )


@st.composite
def chunkings(draw: st.DrawFn, sizes: dict[str, int]) -> dict[str, int]:
    """Draw a chunk length for every dimension."""
    return {dim: draw(st.integers(1, size)) for dim, size in sizes.items()}


@st.composite
def orders(draw: st.DrawFn, dims: tuple[str, ...] = ("time", "lat", "lon")) -> tuple[str, ...]:
    """Draw an order of dimensions."""
    return tuple(draw(st.permutations(dims)))
