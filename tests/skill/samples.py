"""Made-up towers for the tests of scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

UNITS = {"gpp": "g m-2 d-1", "nee": "g m-2 d-1", "le": "W m-2"}


def towers(
    sites: int = 5, steps: int = 48, *, freq: str = "MS", seed: int = 0, gaps: float = 0.1
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return observed and predicted fluxes (site, time) with gaps on both sides."""
    rng = np.random.default_rng(seed)
    time = xr.date_range("2003-01-01", periods=steps, freq=freq)
    classes: dict[str, Any] = {
        "flag_values": np.array([1, 4, 10], dtype="i1"),
        "flag_meanings": "ENF DBF GRA",
    }
    coords = {
        "site": [f"S{number}" for number in range(sites)],
        "time": time,
        "igbp": ("site", np.resize([4, 1, 4], sites).astype("i1"), classes),
    }
    level = rng.uniform(1, 6, (sites, 1))
    season = rng.uniform(1, 4, (sites, 1)) * np.sin(2 * np.pi * time.day_of_year.to_numpy() / 365)
    data: dict[str, list[Any]] = {"observed": [], "predicted": []}
    for position, name in enumerate(UNITS):
        scale = (1.0, -0.4, 20.0)[position]
        truth = scale * (level + season + rng.normal(0, 1, (sites, steps)))
        for side, error in (("observed", 0.1), ("predicted", 0.7)):
            values = truth + abs(scale) * rng.normal(0.1, error, truth.shape)
            values[rng.random(truth.shape) < gaps] = np.nan
            data[side].append((name, (("site", "time"), values, {"units": UNITS[name]})))
    return tuple(xr.Dataset(dict(data[side]), coords=coords) for side in data)  # type: ignore[return-value]
