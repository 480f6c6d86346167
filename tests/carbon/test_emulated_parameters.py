"""Parameters of the pools from an emulator: at rest they hold what allocation says."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from land import drivers, emulator, models, small

import xflux
from xflux.errors import InputError


@pytest.fixture(scope="module")
def parameters():
    return emulator().pool_parameters(drivers())


def test_at_rest_pools_hold_what_allocation_says(parameters):
    carbon = xflux.allocate(drivers(), emulator())
    days = xr.DataArray(365.25)
    npp = carbon["npp"].groupby("time.year").mean() * days
    part = parameters["npp_to_leaf"] * parameters["tau_leaf"] * npp
    # Months count alike here, and by their days there.
    np.testing.assert_allclose((part / carbon["cLeaf"]).mean().item(), 1.0, rtol=0.02)
    soil = parameters["litter_to_soil"] * parameters["tau_soil"] * npp
    np.testing.assert_allclose((soil / carbon["cSoil"]).mean().item(), 1.0, rtol=0.02)


def test_shares_add_up_to_one_also_without_wood(parameters):
    total = parameters["npp_to_leaf"] + parameters["npp_to_wood"] + parameters["npp_to_root"]
    known = total.notnull()
    assert int(known.sum()) > 100
    np.testing.assert_allclose(total.where(known, 1.0), 1.0, rtol=1e-5)


def test_they_go_straight_into_the_pools(parameters):
    ds = drivers().carbon.allocate(emulator())
    one = parameters.isel(year=0, drop=True)
    made = xflux.simulate_pools(ds[["npp", "igbp"]], one)
    live = made["cVeg"].isel(time=-1).notnull()
    assert int(live.sum()) > 50
    assert float(made["cSoil"].min()) >= 0.0


def test_what_was_generated_says_so(parameters):
    assert all("Earth" in array.attrs["synthetic"] for array in parameters.values())
    bare = drivers().copy()
    for name in bare.data_vars:
        bare[name].attrs.pop("synthetic", None)
    assert "Earth" in emulator().pool_parameters(bare)["tau_soil"].attrs["synthetic"]
    npp = (0.5 * bare["gpp"]).assign_attrs(units="g m-2 d-1")
    assert "synthetic" not in npp.attrs
    made = xflux.simulate_pools(xr.Dataset({"npp": npp}), parameters.isel(year=0, drop=True))
    assert "Earth" in made["cSoil"].attrs["synthetic"]


def test_lazy_is_eager(parameters):
    with no_compute():
        lazy = emulator().pool_parameters(drivers().chunk(time=12, lat=4))
    xr.testing.assert_identical(lazy.compute(), parameters)


def test_an_emulator_without_turnover_is_refused():
    fitted = small(quantiles=()).fit(drivers(), models().drop_vars("cLitter"))
    with pytest.raises(InputError, match="turnover of vegetation, litter and soil"):
        fitted.pool_parameters(drivers())


def test_months_of_a_mean_year_may_stand_beside_a_yearly_gpp():
    mean = models().mean(["time", "year"], keep_attrs=True).isel(model=0, drop=True)
    lasting = ("igbp", "elevation", "c4_fraction", "patm")
    cycle = drivers().drop_vars(["gpp", "reco", *lasting, "land_fraction", "cell_area"])
    cycle = cycle.groupby("time.month").mean(keep_attrs=True).assign(drivers()[list(lasting)])
    fitted = small().fit(cycle, mean)
    made = fitted.pool_parameters(cycle.assign(gpp=mean["gpp"]))
    assert made["tau_soil"].dims == ("lat", "lon")
    carbon = xflux.allocate(cycle.assign(gpp=mean["gpp"]), fitted)
    soil = made["litter_to_soil"] * made["tau_soil"] * carbon["npp"] * 365.25
    np.testing.assert_allclose((soil / carbon["cSoil"]).mean().item(), 1.0, rtol=1e-5)
