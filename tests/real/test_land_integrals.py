"""The integral over real land: areas that are stated, and a published sink."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from xflux.errors import GridMismatchError
from xflux.labels.grid import cell_area, land_fraction
from xflux.labels.integral import integrate

pytestmark = pytest.mark.real


def test_a_gram_per_day_over_the_real_land_is_its_area(data: Path) -> None:
    ds = xr.open_dataset(data / "grids/global_1deg/global_monthly_drivers.nc")
    one = xr.ones_like(ds.ta).where(False, 1.0).assign_attrs(units="g m-2 d-1")
    area, land = cell_area(ds), land_fraction(ds)
    assert land is not None
    year = integrate(one, area=area, land_fraction=land, freq="YS")
    expected = float((ds.cell_area.astype("f8") * ds.land_fraction).sum()) * 365.25e-15
    assert year.item() == pytest.approx(expected, rel=1e-12)


def test_transcom_regions_have_the_land_areas_that_are_stated(data: Path) -> None:
    folder = data / "regions/transcom_1deg"
    mask = xr.open_dataset(folder / "TRANSCOM_mask_original_1x1.nc").mask64
    drivers = xr.open_dataset(data / "grids/global_1deg/global_monthly_drivers.nc")
    area = cell_area(drivers.drop_vars("cell_area"))
    one = area.where(False, 1.0).assign_attrs(units="g m-2 d-1")
    kwargs = {"area": area, "land_fraction": land_fraction(drivers), "days": 1.0, "units": "gC"}
    # The longitudes of that mask are the west edges of its cells.
    with pytest.raises(GridMismatchError, match=r"shifted by -0\.5"):
        integrate(one, regions=mask, **kwargs)
    mask = mask.assign_coords(longitude=mask.longitude + 0.5)
    total = integrate(one, regions=mask, **kwargs) / 1e12
    # Millions of km2, to one digit, from PROVENANCE.md.
    stated = [8.3, 10.4, 9.0, 8.6, 19.1, 9.5, 12.7, 23.6, 4.6, 7.4, 9.2]
    np.testing.assert_allclose(total.sel(region=slice(1, 11)), stated, rtol=0, atol=0.05)
    np.testing.assert_array_equal(total.region, np.arange(1, 23))
    xr.testing.assert_allclose(total, integrate(one, regions=drivers.transcom, **kwargs) / 1e12)


def test_the_published_land_sink_is_met(data: Path) -> None:
    path = "budgets/gcb2023_gridded/Land_carbon_uptake_DGVMs_gridded_GCB2023_2013-2022_mean.nc"
    sink = xr.open_dataset(data / path).SLAND
    drivers = xr.open_dataset(data / "grids/global_1deg/global_monthly_drivers.nc")
    land = drivers.land_fraction.interp(
        lat=sink.lat, lon=sink.lon, method="nearest", kwargs={"fill_value": "extrapolate"}
    )
    grams = (sink * 86400e3).assign_attrs(units="g m-2 d-1")
    total = integrate(grams, area=cell_area(sink), land_fraction=land, days=365.25)
    # 3.28 PgC per year, per land area; the land fraction here is of a coarser grid.
    assert total.item() == pytest.approx(3.28, rel=0.02)
