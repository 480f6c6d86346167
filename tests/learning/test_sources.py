"""Drivers become sources of features: in canonical units, lazily, or it is told what is missing."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError, MissingVariableError, UnitsError, XfluxWarning
from xflux.learning.features import parse
from xflux.learning.sources import source_arrays, warn_of_position, with_net_radiation

EARTH = xflux.twin.Earth(resolution=30.0, start="2001", end="2003", seed=1)


@pytest.fixture(scope="module")
def drivers():
    return EARTH.drivers.compute()


def sources(ds, *names, fluxes=None):
    features = [parse(name) for name in names]
    return source_arrays(ds, features, fluxes or xr.Dataset(), needed_by="a test")


def test_radians_are_read_as_such(drivers):
    turned = {
        name: np.deg2rad(drivers[name]).assign_attrs(drivers[name].attrs | {"units": "radian"})
        for name in ("lat", "lon")
    }
    first, second = (sources(ds, "lat", "lon") for ds in (drivers, drivers.assign_coords(turned)))
    for name in ("lat", "lon"):
        np.testing.assert_allclose(first[name], second[name], atol=1e-4)
        assert first[name].dtype == np.float32


def test_units_of_the_drivers_do_not_matter_and_nothing_is_computed(drivers):
    kelvin = (drivers["ta"] + 273.15).assign_attrs(drivers["ta"].attrs | {"units": "K"})
    with no_compute():
        made = sources(drivers.assign(ta=kelvin).chunk(lat=3), "ta", "ta_anomaly", "swin_cycle")
    assert set(made) == {"ta", "ta_cycle", "swin", "swin_season"}
    np.testing.assert_allclose(made["ta"], drivers["ta"], atol=1e-3)
    assert made["ta"].dtype == np.float32
    wrong = drivers.assign(ta=drivers["ta"].assign_attrs(units="mm"))
    with pytest.raises(UnitsError, match="ta"):
        sources(wrong, "ta")


def test_a_baseline_is_taken_from_the_fluxes_alone(drivers):
    fluxes = xr.Dataset({"gpp": drivers["ta"] * 0.0 + 2.0})
    other = drivers.assign(gpp=fluxes["gpp"] * 3.0)
    assert (sources(other, "gpp_baseline", fluxes=fluxes)["gpp_baseline"] == 2.0).sum() > 0


def test_what_is_missing_is_named_with_what_needs_it(drivers):
    with pytest.raises(MissingVariableError, match=r"a test needs .co2.*fill_co2"):
        sources(drivers.drop_vars("co2"), "co2")
    with pytest.raises(InputError, match="without time"):
        sources(drivers.assign(ta=drivers["ta"].isel(time=0, drop=True)), "ta_cycle")


def test_gaps_of_net_radiation_are_filled_and_other_values_kept(drivers):
    gap = drivers["time"] == drivers["time"][0]
    held = drivers.assign(rnet=drivers["rnet"].where(~gap))
    filled = with_net_radiation(held)["rnet"]
    assert filled.sel(time=~gap).equals(drivers["rnet"].sel(time=~gap))
    assert filled.sel(time=gap).notnull().sum() == drivers["rnet"].sel(time=gap).notnull().sum()
    bare = drivers.drop_vars("rnet")
    assert with_net_radiation(bare).identical(bare)


def test_position_is_warned_of():
    warn_of_position([parse("ta")])
    with pytest.warns(XfluxWarning, match="lat as features"):
        warn_of_position([parse("ta"), parse("lat")])
