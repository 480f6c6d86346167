"""Water and radiation that are derived, on the mean year of real climate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import xflux

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def year(data: Path) -> xr.Dataset:
    held = ["ta", "p", "rnet", "patm", "swin"]
    with xr.open_dataset(data / "grids" / "global_1deg" / "global_monthly_drivers.nc") as ds:
        return xflux.standardize(ds[held].load(), derive=("wai", "swin_potential"))


def test_no_more_light_comes_down_than_comes_in(year):
    share = (year["swin"] / year["swin_potential"]).where(year["swin_potential"] > 50.0)
    assert float(share.max()) < 1.0
    # Clear skies let three quarters through.
    assert 0.6 < float(share.quantile(0.99)) < 0.8
    assert 0.4 < float(share.median()) < 0.55


@pytest.mark.parametrize(
    ("lat", "lon", "driest", "low", "high"),
    [
        (-3.5, -60.5, (8, 9, 10), 40, 100),  # central Amazon
        (23.5, 10.5, range(1, 13), 0, 5),  # Sahara
        (40.5, -4.5, (7, 8, 9), 5, 100),  # Spain
        (51.5, 10.5, (7, 8, 9), 30, 100),  # Germany
    ],
)
def test_water_follows_the_seasons_of_known_climates(year, lat, lon, driest, low, high):
    water = year["wai"].sel(lat=lat, lon=lon)
    assert low <= float(water.min())
    assert float(water.max()) <= high
    assert int(water["month"][int(np.argmin(water.values))]) in driest
