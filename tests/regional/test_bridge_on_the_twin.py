"""Bridges of the twin at 5 degrees, 17 years and the 11 regions of TransCom: are they enough?

`python tests/benchmarks/table_bridge.py` prints what these tests look at.
"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.regional.bridge import RegionalBridge

pytestmark = [
    pytest.mark.slow,
    # regionmask's own affair
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:regionmask"),
]


@pytest.fixture(scope="module")
def globe() -> xr.Dataset:
    earth = xflux.twin.Earth(resolution=5.0, start="2001", end="2017")
    return earth.truth[["nee", "land_fraction", "cell_area"]].load()


@pytest.fixture(scope="module")
def regions(globe: xr.Dataset) -> xr.DataArray:
    return xflux.transcom_regions(globe)


def test_few_pixels_of_every_region_explain_years_left_out(
    globe: xr.Dataset, regions: xr.DataArray
) -> None:
    fitted = RegionalBridge().fit(globe, regions).to_dataset()
    assert fitted.sizes["region"] == 11
    assert fitted.enough.all()
    assert (fitted.r2_cv >= 0.95).all()
    assert (fitted.r2_anomaly >= 0.7).all()
    assert (fitted.r2_annual >= 0.6).all()
    assert (fitted.n_pixels <= np.maximum(12, 0.05 * fitted.region_pixels)).all()
    np.testing.assert_allclose(fitted.weight_share, 1.0, atol=0.15)


def test_a_bridge_of_twelve_years_holds_for_the_five_that_follow(
    globe: xr.Dataset, regions: xr.DataArray
) -> None:
    bridge = RegionalBridge().fit(globe.sel(time=slice("2001", "2012")), regions)
    found = bridge.validate(globe.sel(time=slice("2013", "2017")))
    spread = found.exact.std("time")
    assert (found.r2 > 0.94).all()
    assert (found.r2_anomaly > 0.6).all()
    assert (found.rmse < 0.25 * spread).all()
    assert (abs(found.bias) < 0.1 * spread).all()
    assert not found.decoupled.any()
    # The globe, PgC a year.
    assert abs(float(found.bias_annual.sum())) < 0.2


def test_draws_agree_on_places_more_than_chance_would(
    globe: xr.Dataset, regions: xr.DataArray
) -> None:
    bridge = RegionalBridge()
    found = bridge.stability(globe, regions, n=200)
    pixels = xr.DataArray(
        [int(((regions == k) & globe.nee.notnull().all("time")).sum()) for k in found.region],
        dims="region",
    )
    # Of two draws of m among n pixels m^2 / n are the same.
    chosen = found.n_pixels.mean("draw")
    by_chance = (chosen / pixels) / (2.0 - chosen / pixels)
    assert float((found.jaccard / by_chance).mean()) > 1.3
    # Whichever are chosen, they explain the region.
    assert float((found.r2 >= 0.95).mean()) > 0.95
