"""Small files such as users have: a grid of drivers, and a table of towers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

UNITS = {
    "ta": "degC", "vpd": "hPa", "swin": "W m-2", "rnet": "W m-2", "fapar": "1",
    "elevation": "m", "co2": "ppm", "land_fraction": "1",
}  # fmt: skip


def make_grid(*, months: int = 24, mean_year: bool = False) -> xr.Dataset:
    """Return drivers of a small region: eager, float32, canonical names, without co2."""
    random = np.random.default_rng(1)
    dim = "month" if mean_year else "time"
    times = np.arange(1, 13) if mean_year else pd.date_range("2001-01", periods=months, freq="MS")
    sizes = {dim: len(times), "lat": 4, "lon": 6}
    season = np.sin(2 * np.pi * (np.arange(len(times)) - 3) / 12)[:, None, None]
    noise = random.uniform(0.8, 1.2, tuple(sizes.values()))
    values = {
        "ta": 10 + 12 * season * noise,
        "vpd": (6 + 4 * season) * noise,
        "swin": (160 + 90 * season) * noise,
        "rnet": (70 + 60 * season) * noise,
        "fapar": (0.4 + 0.3 * season) * noise,
        "elevation": random.uniform(0, 900, (4, 6)),
        "land_fraction": random.uniform(0.2, 1, (4, 6)),
    }
    ds = xr.Dataset(
        {
            name: (tuple(sizes)[-array.ndim :], array.astype("f4"), {"units": UNITS[name]})
            for name, array in values.items()
        },
        coords={
            dim: times,
            "lat": ("lat", np.arange(40.5, 44), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(5.5, 11), {"units": "degrees_east"}),
        },
    )
    return ds


@pytest.fixture
def grid_file(tmp_path: Path) -> Callable[..., Path]:
    """Write the grid, changed by a function, into a NetCDF file."""

    def write(change: Callable[[xr.Dataset], xr.Dataset] = lambda ds: ds, **options: int) -> Path:
        path = tmp_path / "drivers.nc"
        change(make_grid(**options)).to_netcdf(path)
        return path

    return write


def make_towers() -> pd.DataFrame:
    """Return a tidy table of four towers and three years, with units in the names."""
    random = np.random.default_rng(2)
    times = pd.date_range("2010-01", periods=36, freq="MS")
    season = np.sin(2 * np.pi * (np.arange(36) - 3) / 12)
    frames = []
    for k, site in enumerate(["AA-One", "AA-Two", "BB-One", "BB-Two"]):
        noise = random.uniform(0.8, 1.2, (6, 36))
        frames.append(
            pd.DataFrame(
                {
                    "site": site,
                    "time": times,
                    "ta_degC": 9 + k + 10 * season * noise[0],
                    "vpd_hPa": (6 + 4 * season) * noise[1],
                    "swin_W_m2": (150 + 90 * season) * noise[2],
                    "rnet_W_m2": (70 + 60 * season) * noise[3],
                    "fapar": np.clip((0.5 + 0.3 * season) * noise[4], 0, 1),
                    "patm_Pa": 95000.0,
                    "co2_ppm": np.where(np.arange(36) < 18, 390.0, np.nan),
                    "gpp_gC_m2_d": (5 + 4 * season) * noise[5],
                    "reco_gC_m2_d": 4 + 2 * season,
                    "nee_gC_m2_d": 4 + 2 * season - (5 + 4 * season) * noise[5],
                    "nee_qc": np.where(np.arange(36) % 7 == 0, 0.3, 0.9),
                    "le_W_m2": 50 + 40 * season,
                    "le_qc": 1.0,
                }
            )
        )
    return pd.concat(frames)


@pytest.fixture
def tower_file(tmp_path: Path) -> Callable[..., Path]:
    """Write the towers, changed by a function, and their sites, into a folder of their own."""

    def write(change: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table) -> Path:
        folder = tmp_path / "towers"
        folder.mkdir(exist_ok=True)
        change(make_towers()).to_csv(folder / "monthly.csv", index=False)
        pd.DataFrame(
            {
                "site": ["AA-One", "AA-Two", "BB-One", "BB-Two"],
                "lat": [45.0, 46.0, 60.0, 61.0], "lon": [5.0, 6.0, 20.0, 21.0],
                "igbp": ["DBF", "DBF", "ENF", "GRA"], "elevation": [100.0, 200.0, 50.0, 60.0],
            }
        ).to_csv(folder / "sites.csv", index=False)  # fmt: skip
        return folder

    return write
