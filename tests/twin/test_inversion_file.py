"""Inversions of the idealised Earth as a file, as the Global Carbon Budget delivers them."""

from __future__ import annotations

import numpy as np
import xarray as xr

import xflux
from xflux.labels.integral import integrate

EARTH = xflux.twin.Earth(resolution=10.0, start="2003-11", end="2004-03")


def test_sums_over_regions_are_those_of_the_inversions(tmp_path):
    share = EARTH.truth["land_fraction"].compute()
    mask = xr.where(share["lat"] > 20, 1, xr.where(share["lat"] > -10, 2, 3))
    mask = mask.broadcast_like(share)
    path = xflux.twin.write_inversions(EARTH, tmp_path / "made" / "gcb.nc", mask, n=2)
    with xr.open_dataset(path) as ds:
        flux = ds["land_flux_only_fossil_cement_adjusted"].load()
        assert flux.dims == ("ensemble_member", "time", "lat", "lon")
        assert flux.attrs["units"] == "PgC/m2/yr"
        assert flux.attrs["flux_definition"] == "nee"
        assert "not data of the Earth" in ds.attrs["synthetic"]
        assert list(ds["ensemble_member_name"].values) == ["TWINV-01", "TWINV-02"]
        daily = (flux * (1e15 / 365.25)).assign_attrs(units="g m-2 d-1")
        read = integrate(daily, area=ds["cell_area"], regions=mask, freq="MS")
    seen = EARTH.inversions(mask, n=2)
    np.testing.assert_allclose(read, seen, atol=2e-6)
    opened = xflux.open_inversions(path)
    assert opened.attrs["synthetic"] == seen.attrs["synthetic"]


def test_shares_of_cells_do_as_well(tmp_path):
    share = EARTH.truth["land_fraction"].compute()
    north = (share["lat"] / 60).clip(0, 1).broadcast_like(share)
    parts = xr.concat([north, 1 - north], xr.DataArray([4, 7], dims="region", name="region"))
    path = xflux.twin.write_inversions(EARTH, tmp_path / "gcb.nc", parts, n=1)
    with xr.open_dataset(path) as ds:
        daily = ds["land_flux_only_fossil_cement_adjusted"] * (1e15 / 365.25)
        daily.attrs["units"] = "g m-2 d-1"
        read = integrate(daily, area=ds["cell_area"], freq="MS").squeeze("region")
    # Where cells are shared, the world keeps its sum.
    seen = EARTH.inversions(parts, n=1).sum("region")
    np.testing.assert_allclose(read, seen, atol=2e-6)
