"""Does a bridge hold, and would another sample give the same? Validation and stability."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import counting, no_compute

import xflux
from xflux.errors import InputError
from xflux.regional.bridge import RegionalBridge

pytestmark = pytest.mark.filterwarnings("ignore:the pixels of:xflux.XfluxWarning")


def test_validation_is_the_estimate_beside_the_exact_integral(
    bridge: RegionalBridge, truth: xr.Dataset, bands: xr.DataArray
) -> None:
    lazy = truth.chunk(time=12, lat=9)
    with no_compute():
        found = bridge.validate(lazy)
    with counting() as computed:
        found = found.compute()
    assert len(computed) == 1
    exact = xflux.regional_integral(truth, regions=bands).nee
    np.testing.assert_allclose(found.exact, exact, rtol=1e-6)
    np.testing.assert_allclose(found.bridged, bridge.estimate(truth))
    error = found.bridged - found.exact
    np.testing.assert_allclose(found.bias, error.mean("time"))
    np.testing.assert_allclose(found.rmse, np.sqrt((error**2).mean("time")))
    sums = error.groupby("time.year").sum()
    np.testing.assert_allclose(found.bias_annual, sums.mean("year"))
    np.testing.assert_allclose(found.rmse_annual, np.sqrt((sums**2).mean("year")))
    assert (found.r2 > 0.9).all()
    assert not found.decoupled.any()
    assert found.r2.attrs == {"long_name": "explained variance of months", "units": "1"}
    assert found.exact.attrs["cell_methods"] == "area: sum where land time: sum"
    assert "synthetic" in found.attrs


def test_a_store_whose_cell_area_is_a_lazy_coordinate_is_read(
    bridge: RegionalBridge, seen: xr.Dataset, bands: xr.DataArray, tmp_path
) -> None:
    cells = seen.assign(nee=seen.nee.assign_attrs(cell_measures="area: cell_area"))
    cells.chunk(time=24, lat=6).to_zarr(tmp_path / "nee.zarr", consolidated=False)
    reopened = xr.open_zarr(tmp_path / "nee.zarr", decode_coords="all", consolidated=False)
    assert "cell_area" in reopened.coords
    again = RegionalBridge().fit(reopened, bands)
    np.testing.assert_allclose(again.bridge_.weight, bridge.bridge_.weight)


def test_a_flux_that_left_the_bridge_is_told(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    """What pixels of a bridge do not see: all the others turned round."""
    fitted = bridge.to_dataset()
    contributes = xr.zeros_like(seen.land_fraction, dtype=bool)
    for lat, lon in zip(fitted.lat.values.ravel(), fitted.lon.values.ravel(), strict=True):
        contributes |= (seen.lat == lat) & (seen.lon == lon)
    drifted = seen.assign(nee=seen.nee.where(contributes, -seen.nee))
    drifted.nee.attrs = seen.nee.attrs
    found = bridge.validate(drifted)
    assert found.decoupled.all()
    assert (found.r2 < 0.5).all()


def test_stability_counts_how_often_pixels_are_chosen(
    bridge: RegionalBridge, seen: xr.Dataset, bands: xr.DataArray
) -> None:
    found = bridge.stability(seen, bands, n=6)
    again = bridge.stability(seen.chunk(time=12), bands, n=6)
    xr.testing.assert_allclose(found, again)
    assert dict(found.r2.sizes) == {"region": 2, "draw": 6}
    assert int(found["count"].sum()) == int(found.n_pixels.sum())
    assert int(found["count"].max()) <= 6
    assert ((found.jaccard > 0.0) & (found.jaccard < 1.0)).all()
    assert (found["count"].where(seen.nee.isnull().any("time"), 0) == 0).all()
    with pytest.raises(InputError, match="2 or more draws"):
        bridge.stability(seen, bands, n=1)


def test_a_region_of_few_pixels_has_one_bridge(seen: xr.Dataset) -> None:
    """Two pixels, of which each draw takes one, or both by what stands in."""
    pair = seen.nee.notnull().all("time") & (abs(seen.lat) < 10)
    numbers = pair.values.ravel().cumsum().reshape(pair.shape) * pair
    mask = xr.where(numbers <= 2, numbers > 0, False).astype(int)
    fitted = RegionalBridge().fit(seen, mask).to_dataset()
    assert int(fitted.region_pixels[0]) == 2
    assert float(fitted.r2[0]) > 0.99
    assert int(fitted.n_pixels[0]) <= 2
