"""The globe at one degree: totals and pattern of a mean year."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from real_regrid import conservative

import xflux

pytestmark = pytest.mark.real

DAYS = xr.DataArray([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dims="month")


@pytest.fixture(scope="module")
def grid(data):
    path = data / "grids" / "global_1deg" / "global_monthly_drivers.nc"
    with no_compute():
        ds = xflux.open_drivers(path)
        ds = ds.flux.baseline(gpp=xflux.PModel(co2=400.0))
    return ds[["gpp", "reco", "nee", "le", "cell_area", "land_fraction"]].compute()


def test_annual_totals_are_of_the_right_size(grid):
    land = grid.cell_area * grid.land_fraction
    total = {
        name: float(((grid[name] * DAYS).sum("month", skipna=False) * land).sum()) * 1e-15
        for name in ("gpp", "reco", "nee")
    }
    assert 95 < total["gpp"] < 160
    assert 80 < total["reco"] < 140
    assert total["nee"] == pytest.approx(total["reco"] - total["gpp"], abs=0.01)


def test_the_map_of_production_is_that_of_a_land_model(grid, data):
    folder = data / "land_models" / "casacnp_2deg"
    casa = xr.open_dataset(folder / "casacnp_pools_fluxes_2deg.nc")
    annual = (grid.gpp * DAYS).sum("month", skipna=False)
    ours = conservative(annual, grid.land_fraction, casa)
    growing = (casa.gpp > 10) & np.isfinite(ours)
    assert int(growing.sum()) > 1900
    r = float(xr.corr(ours.where(growing), casa.gpp.where(growing)))
    assert r >= 0.85


def test_hemispheres_have_opposite_seasons(grid):
    land = (grid.cell_area * grid.land_fraction).fillna(0.0)
    north = grid.gpp.sel(lat=slice(30, 70)).weighted(land).mean(("lat", "lon"))
    south = grid.gpp.sel(lat=slice(-45, -25)).weighted(land).mean(("lat", "lon"))
    assert int(north.idxmax("month")) in (6, 7)
    # No water stress is modelled, so that light and green leaves rule: late spring.
    assert int(south.idxmax("month")) in (11, 12, 1)
    assert int(south.idxmin("month")) in (6, 7)


def test_deserts_do_not_breathe(grid):
    sahara = grid.reco.sel(lat=22.5, lon=10.5, method="nearest").mean("month")
    amazon = grid.reco.sel(lat=-3.5, lon=-60.5, method="nearest").mean("month")
    assert float(sahara) < 0.3
    assert float(amazon) > 3.0
