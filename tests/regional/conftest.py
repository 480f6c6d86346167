"""A small twin, and a bridge of it."""

from __future__ import annotations

import pytest
import xarray as xr

import xflux
from xflux.regional.bridge import RegionalBridge


@pytest.fixture(scope="session")
def truth() -> xr.Dataset:
    """Five years of the twin, and two that no bridge sees."""
    earth = xflux.twin.Earth(resolution=10.0, start="2001", end="2007")
    return earth.truth[["nee", "land_fraction", "cell_area"]].load()


@pytest.fixture(scope="session")
def seen(truth: xr.Dataset) -> xr.Dataset:
    return truth.sel(time=slice("2001", "2005"))


@pytest.fixture(scope="session")
def bands(truth: xr.Dataset) -> xr.DataArray:
    return xflux.latitude_bands(truth, edges=(-30, 0, 30))


@pytest.fixture(scope="session")
def bridge(seen: xr.Dataset, bands: xr.DataArray) -> RegionalBridge:
    return RegionalBridge().fit(seen, bands)
