"""Stocks of the globe from the literature's default, in balance with the baseline's GPP."""

from __future__ import annotations

import pytest
import xarray as xr

import xflux
from xflux.carbon.literature import literature

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def totals(data):
    """Return PgC of each pool."""
    path = data / "grids" / "global_1deg" / "global_monthly_drivers.nc"
    drivers = xflux.open_drivers(path)
    ds = drivers.flux.baseline(gpp=xflux.PModel(co2=400.0), reco=None, le=None)
    grid = ds[["gpp", "igbp", "cell_area", "land_fraction"]].compute()
    codes = grid.igbp.fillna(0).astype(int)
    share = xr.DataArray(literature("ra_fraction")[codes.values], dims=codes.dims)
    grid["ra"] = (grid.gpp * share).assign_attrs(units="g m-2 d-1")
    pools = grid.carbon.simulate_pools()
    land = grid.cell_area * grid.land_fraction * 1e-15
    return {
        name: float((pools[f"{name}_initial"] * land).sum())
        for name in ("cLeaf", "cWood", "cRoot", "cVeg", "cLitter", "cSoil")
    }


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("cLeaf", 10, 40), ("cVeg", 300, 800), ("cLitter", 50, 250), ("cSoil", 900, 2500)],
)
def test_stocks_are_of_the_size_of_land_models(totals, name, low, high):
    assert low < totals[name] < high
