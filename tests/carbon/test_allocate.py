"""Allocation: every identity in every cell, step and scenario; any chunking; what is refused."""

from __future__ import annotations

import pickle

import dask
import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from land import drivers, emulator, models, small

import xflux
from xflux.errors import (
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxWarning,
)

POOLS = ("cVeg", "cLeaf", "cWood", "cRoot", "cLitter", "cSoil")


@pytest.fixture(scope="module", params=["literature", "emulated"])
def fitted(request):
    return None if request.param == "literature" else emulator()


@pytest.fixture(scope="module")
def made(fitted):
    return xflux.allocate(drivers(), fitted, scenarios=True)


def largest(values):
    return float(np.abs(values).max())


@pytest.mark.parametrize(("dtype", "limit"), [("f4", 1e-6), ("f8", 1e-12)])
def test_identities_hold_in_every_cell_step_and_scenario(fitted, dtype, limit):
    ds = drivers().astype(dtype).assign(igbp=drivers()["igbp"])
    made = xflux.allocate(ds, fitted, scenarios=True)
    assert made["ra"].dtype == dtype
    assert made["cSoil"].dtype == dtype
    scale = ds["gpp"] + ds["reco"]
    assert made.sizes["scenario"] == 3
    assert int(made["ra"].notnull().sum()) > 10_000
    assert largest((ds["gpp"] - made["npp"] - made["ra"]) / scale) <= limit
    assert largest((ds["reco"] - made["ra"] - made["rh"]) / scale) <= limit
    assert largest((made["nep"] - (made["npp"] - made["rh"])) / scale) <= limit
    assert largest((made["nep"] - (ds["gpp"] - ds["reco"])) / scale) <= limit
    parts = made["cLeaf"] + made["cWood"] + made["cRoot"]
    assert largest(made["cVeg"] / parts - 1.0) <= limit
    for name in ("ra", "rh", *POOLS):
        assert float(made[name].min()) >= 0.0, name


def test_the_balance_finds_nothing_to_complain_of(fitted):
    ds = drivers()
    balance = xflux.mass_balance(ds.merge(xflux.allocate(ds, fitted)))
    # Pools that are production times turnover do not take up what fluxes bring.
    worst = [float(v) for k, v in balance.items()
             if str(k).startswith("max_relative") and not str(k).endswith("stocks")]  # fmt: skip
    # gpp, reco, nep (twice), nee where it is given, and the parts of cVeg.
    assert len(worst) >= 5
    assert max(worst) < 1e-6


def test_the_range_is_that_of_the_scenarios(fitted, made):
    plain = xflux.allocate(drivers(), fitted)
    for name in ("ra", "npp", "cWood", "cSoil"):
        xr.testing.assert_equal(plain[name], made[name].isel(scenario=0, drop=True))
        xr.testing.assert_equal(plain[f"{name}_lower"], made[name].min("scenario", skipna=False))
        xr.testing.assert_equal(plain[f"{name}_upper"], made[name].max("scenario", skipna=False))
    # Where plants respire less, more is produced, in one scenario.
    low, high = made["ra"].isel(scenario=1), made["ra"].isel(scenario=2)
    assert float((low < high).where(low.notnull()).mean()) > 0.7


@pytest.mark.parametrize(
    "chunks", [{"time": 12}, {"time": 5, "lat": 3}, {"time": -1, "lat": 4, "lon": 7}]
)
def test_any_chunks_give_what_is_computed_eagerly(fitted, chunks):
    eager = xflux.allocate(drivers(), fitted)
    with no_compute():
        lazy = xflux.allocate(drivers().chunk(chunks), fitted)
    assert all(array.chunks is not None for array in lazy.data_vars.values())
    with dask.config.set(scheduler="threads", num_workers=2):
        xr.testing.assert_identical(lazy.compute(), eager)


def test_chunks_hold_whole_years_and_stay_of_their_size():
    lazy = xflux.allocate(drivers().chunk(time=5))
    assert set(lazy["ra"].chunksizes["time"]) == {12}
    cells = 5 * drivers().sizes["lat"] * drivers().sizes["lon"]
    assert np.prod(lazy["ra"].data.chunksize) <= 2 * cells


def test_an_emulator_that_has_travelled_gives_the_same():
    copy = pickle.loads(pickle.dumps(emulator()))
    ours = xflux.allocate(drivers(), emulator())
    xr.testing.assert_identical(xflux.allocate(drivers(), copy), ours)


def test_pools_are_by_year_and_fluxes_by_month(fitted):
    made = xflux.allocate(drivers(), fitted)
    assert made["cVeg"].dims == ("year", "lat", "lon")
    assert made["ra"].dims == ("time", "lat", "lon")
    np.testing.assert_array_equal(made["year"], [2001, 2002, 2003, 2004])


@pytest.mark.parametrize("to", ["netcdf", "zarr"])
def test_attributes_survive_a_round_trip(tmp_path, to):
    made = xflux.allocate(drivers())
    for name, array in made.data_vars.items():
        assert array.attrs["units"] in ("g m-2 d-1", "g m-2"), name
        assert {"long_name", "cell_methods"} <= set(array.attrs), name
        assert "literature" in array.attrs["allocation"]
        assert array.attrs["synthetic"]
    assert made["ra"].attrs["standard_name"].endswith("plant_respiration")
    assert "standard_name" not in made["ra_lower"].attrs
    path = tmp_path / "carbon"
    if to == "netcdf":
        made.to_netcdf(path)
        back = xr.open_dataset(path)
    else:
        made.to_zarr(path)
        back = xr.open_zarr(path)
    xr.testing.assert_identical(back.load(), made)


def test_the_chain_merges_and_replaces_what_it_made_before():
    ds = drivers().carbon.allocate()
    again = ds.carbon.allocate(emulator())
    assert "emulated" in again["ra"].attrs["allocation"]
    assert "literature" not in again["cSoil_upper"].attrs["allocation"]
    assert "allocate: by the literature" in ds.attrs["history"]
    with pytest.warns(XfluxWarning, match="allocate replaces ra"):
        replaced = drivers().assign(ra=drivers()["gpp"] * 0.5).carbon.allocate()
    xr.testing.assert_equal(replaced["ra"], ds["ra"])


# Time


def test_nee_stands_in_for_reco():
    ds = drivers()
    nee = (ds["reco"] - ds["gpp"]).assign_attrs(units="g m-2 d-1")
    made = xflux.allocate(ds.drop_vars("reco").assign(nee=nee))
    xr.testing.assert_allclose(made["ra"], xflux.allocate(ds)["ra"], rtol=1e-4)


def test_a_mean_year_needs_no_reco_without_months():
    ds = drivers()
    mean = ds[["gpp", "igbp"]].mean("time", keep_attrs=True).assign(igbp=ds["igbp"])
    made = xflux.allocate(mean)
    assert made["cVeg"].dims == ("lat", "lon")
    assert {"reco", "ra", "rh"} <= set(made)
    assert largest(made["reco"] - made["ra"] - made["rh"]) < 1e-5


def test_months_of_a_mean_year_are_one_year():
    ds = drivers()
    mean = ds[["gpp", "reco"]].groupby("time.month").mean(keep_attrs=True)
    made = xflux.allocate(mean.assign(igbp=ds["igbp"]))
    assert made["ra"].dims[0] == "month"
    assert "year" not in made["cSoil"].dims


def test_years_that_are_not_whole_are_missing_and_named():
    part = drivers().isel(time=slice(3, 41))
    with pytest.warns(XfluxWarning, match="leaves 2001, 2004 NaN"):
        made = xflux.allocate(part)
    whole = xflux.allocate(drivers())
    np.testing.assert_array_equal(made["year"], [2002, 2003])
    xr.testing.assert_equal(
        made["npp"].sel(time=["2002-02", "2003-11"]), whole["npp"].sel(time=["2002-02", "2003-11"])
    )
    assert made["npp"].sel(time="2001").isnull().all()
    alone = xflux.allocate(drivers().sel(time=slice("2002", "2003")))
    xr.testing.assert_equal(made["cSoil"], alone["cSoil"])
    assert bool(made["ra"].isel(time=0).isnull().all())
    with pytest.warns(XfluxWarning, match="leaves 2001, 2004 NaN"):
        lazy = xflux.allocate(part.chunk(time=7))
    xr.testing.assert_identical(lazy.compute(), made)


def test_a_good_year_moves_stocks_by_its_share_of_all_years():
    ds = drivers().astype("float64")
    good = xr.where(ds["time"].dt.year == 2003, 1.5, 1.0)
    with xr.set_options(keep_attrs=True):
        better = ds.assign(gpp=ds["gpp"] * good, reco=ds["reco"] * good)
    before, after = xflux.allocate(ds), xflux.allocate(better)
    days = ds["time"].dt.days_in_month
    grown = (before["npp"] * days).groupby("time.year").sum(skipna=False)
    share = grown.sel(year=2003) / grown.sum("year", skipna=False)
    for pool in ("cVeg", "cWood", "cLitter", "cSoil"):
        # The literature has one turnover time for all years.
        assert float(before[pool].std("year").max()) < 1e-9
        rise = (after[pool] / before[pool]).where(before[pool] > 0.0)
        xr.testing.assert_allclose(*xr.broadcast(rise, (1.0 + 0.5 * share).where(rise.notnull())))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ds: ds.isel(time=slice(0, 7)), "no whole year"),
        (lambda ds: ds.resample(time="QS").mean(), "expected months or years"),
    ],
)
def test_other_steps_are_refused(change, message):
    ds = drivers()[["gpp", "reco"]]
    with pytest.raises(InputError, match=message):
        xflux.allocate(change(ds).assign(igbp=drivers()["igbp"]))


# What is missing


def test_deserts_and_gaps_are_missing_and_not_zero(fitted):
    ds = drivers().copy(deep=True)
    live = np.argwhere((ds["gpp"].mean("time") > 1.0).values)
    (gap, desert) = live[0], live[1]
    ds["reco"][{"time": 5, "lat": gap[0], "lon": gap[1]}] = np.nan
    ds["gpp"][{"lat": desert[0], "lon": desert[1]}] = 0.0
    made = xflux.allocate(ds, fitted)
    at = made.isel(lat=gap[0], lon=gap[1])
    assert bool(at["ra"].isel(time=slice(0, 12)).isnull().all())
    assert bool(at["cVeg"].isel(year=0).isnull())
    assert bool(at["cVeg"].isel(year=1).notnull())
    empty = made.isel(lat=desert[0], lon=desert[1])
    assert all(bool(empty[name].isnull().all()) for name in ("ra", "nep", "cSoil"))


def test_a_land_cover_that_is_not_known_is_missing(fitted):
    ds = drivers().copy(deep=True)
    live = np.argwhere((ds["gpp"].mean("time") > 1.0).values)[0]
    ds["igbp"][{"lat": live[0], "lon": live[1]}] = 11.0 if fitted is not None else 15.0
    made = xflux.allocate(ds, fitted).isel(lat=live[0], lon=live[1])
    assert bool(made["ra"].isnull().all())
    assert bool(made["cVeg"].isnull().all())


# What is refused


def test_what_is_missing_is_named():
    ds = drivers()
    with pytest.raises(MissingVariableError, match="allocate needs 'gpp'"):
        xflux.allocate(ds.drop_vars("gpp"))
    with pytest.raises(MissingVariableError, match="allocate needs 'reco'"):
        xflux.allocate(ds.drop_vars("reco"))
    with pytest.raises(MissingVariableError, match="'igbp'"):
        xflux.allocate(ds.drop_vars("igbp"))
    with pytest.raises(MissingVariableError, match="'vpd'"):
        xflux.allocate(ds.drop_vars(["vpd", "td"], errors="ignore"), emulator())


def test_wrong_units_are_refused():
    ds = drivers()
    with pytest.raises(UnitsError, match="gpp"):
        xflux.allocate(ds.assign(gpp=ds["gpp"].assign_attrs(units="degC")))


def test_what_is_no_fitted_emulator_is_refused():
    with pytest.raises(TypeError, match="no AllocationEmulator"):
        xflux.allocate(drivers(), xflux.AllocationEmulator)
    with pytest.raises(InputError, match="not fitted"):
        xflux.allocate(drivers(), small())


# What breaks without fractions


def test_free_ratios_leave_a_gap_that_the_balance_finds():
    free = small(form="ratio").fit(drivers(), models())
    ds = drivers()
    made = xflux.allocate(ds, free)
    gap = ds["gpp"] - made["npp"] - made["ra"]
    assert largest(gap / (ds["gpp"] + ds["reco"])) > 1e-3
    grown = {"units": "g m-2 d-1"}
    lost = xflux.budget(xr.Dataset({"npp": gap.assign_attrs(grown)}).assign(
        {name: ds[name] for name in ("cell_area", "land_fraction") if name in ds}
    ))  # fmt: skip
    # Of the globe, PgC a year; fractions lose nothing.
    assert abs(float(lost["npp_mean"].sum())) > 0.01
    closed = xflux.allocate(ds, emulator())
    assert largest(ds["gpp"] - closed["npp"] - closed["ra"]) < 1e-5
    assert "free ratios" in made["ra"].attrs["allocation"]
    assert "fraction" not in free.validation.dims
