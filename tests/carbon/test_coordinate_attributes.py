"""Coordinates keep what they say of themselves, whatever is made of the data."""

from __future__ import annotations

import pytest
import xarray as xr
from guards import no_compute
from land import drivers, emulator

import xflux

LAT = {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"}
TIME = {"standard_name": "time", "axis": "T"}


def carbon() -> xr.Dataset:
    ds = drivers()
    return ds.assign(xflux.allocate(ds).data_vars)


def turnover(ds: xr.Dataset) -> xr.Dataset:
    pools = xflux.simulate_pools(ds)
    record = pools[["npp", "cLeaf", "cWood", "cRoot", "cLitter", "cSoil"]]
    return xflux.fit_turnover(record, {f"npp_to_{k}": 1 / 3 for k in ("leaf", "wood", "root")})


MADE = {
    "allocate": lambda: xflux.allocate(drivers()),
    "allocate, emulated": lambda: xflux.allocate(drivers(), emulator()),
    "allocate, scenarios": lambda: xflux.allocate(drivers(), emulator(), scenarios=True),
    "allocate, lazy": lambda: xflux.allocate(drivers().chunk(lat=4), emulator()),
    "simulate_pools": lambda: xflux.simulate_pools(carbon()),
    "pool_parameters": lambda: emulator().pool_parameters(drivers()),
    "fit_turnover": lambda: turnover(carbon()),
    "aboveground_biomass": lambda: xflux.aboveground_biomass(carbon()),
    "compare_biomass": lambda: xflux.compare_biomass(
        carbon().isel(year=-1), xflux.aboveground_biomass(carbon())["cAGB"].isel(year=-1)
    ),
    "mass_balance": lambda: xflux.mass_balance(carbon()),
    "mass_balance along time": lambda: xflux.mass_balance(carbon()[["gpp", "ra", "npp"]]),
}


@pytest.mark.parametrize("called", MADE)
def test_latitude_longitude_and_time_are_described(called: str) -> None:
    ds = drivers()
    assert ds.lat.attrs == LAT
    assert ds.time.attrs == TIME
    made = MADE[called]()
    assert made.lat.attrs == LAT
    assert made.lon.attrs["standard_name"] == "longitude"
    if "time" in made.dims:
        assert made.time.attrs == TIME
    for name, array in made.data_vars.items():
        if "lat" in array.dims:
            assert array.lat.attrs == LAT, name


def test_a_budget_describes_its_models() -> None:
    ds = drivers()[["gpp"]].expand_dims(model=["ASH"]).assign(drivers()[["land_fraction"]])
    ds["model"].attrs = {"long_name": "land model"}
    with no_compute():
        found = xflux.budget(ds.chunk(lat=4), variables=["gpp"])
    assert found.model.attrs == {"long_name": "land model"}


def test_what_went_in_is_not_changed() -> None:
    bare = drivers().copy()
    for name in ("lat", "lon", "time"):
        bare[name] = bare[name].drop_attrs()
    made = xflux.allocate(bare)
    assert made.lat.attrs == {}
    assert bare.lat.attrs == {}
    assert drivers().lat.attrs == LAT
