"""`simulate_pools`: carbon conserved on any calendar, in any chunks, with losses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from hypothesis import given
from strategies import chunkings

import xflux
from xflux.carbon.literature import LITERATURE
from xflux.carbon.pool_kernel import POOLS
from xflux.errors import ChunkError, InputError, MissingVariableError, UnitsError, XfluxWarning
from xflux.labels.calendar import days

SIZES = {"time": 36, "lat": 4, "lon": 5}
LOSSES = ("f_fire", "f_luc", "f_harvest", "f_grazing")
CLASSES = (1, 2, 4, 10, 12, 9)
SHARES = {"npp_to_leaf": 0.3, "npp_to_wood": 0.4, "npp_to_root": 0.3}
TIMES = {"tau_leaf": 1.0, "tau_wood": 30.0, "tau_root": 3.0, "tau_litter": 2.0, "tau_soil": 60.0}
NUMBERS = {**SHARES, **TIMES, "litter_to_soil": 0.3}


def fluxes(months=36, dtype="f8", calendar="standard", losses=True, seed=0):
    """Return seasonal GPP and Ra, NPP negative in winter, and losses that are small."""
    rng = np.random.default_rng(seed)
    time = xr.date_range("2000-01-01", periods=months, freq="MS", calendar=calendar)
    season = 1 - 1.1 * np.cos(2 * np.pi * np.arange(months) / 12)[:, None, None]
    shape = (months, SIZES["lat"], SIZES["lon"])
    gpp = 4 * season * rng.uniform(0.8, 1.2, shape) + 0.5
    made = {"gpp": gpp, "ra": 0.5 * gpp + 0.4}
    if losses:
        made |= {name: 0.05 * rng.uniform(0, 1, shape) for name in LOSSES}
    attrs = {"units": "g m-2 d-1"}
    ds = xr.Dataset(
        {name: (("time", "lat", "lon"), a.astype(dtype), attrs) for name, a in made.items()},
        {"time": time, "lat": np.linspace(60, 30, 4), "lon": np.linspace(0, 40, 5)},
    )
    igbp = rng.choice(CLASSES, shape[1:]).astype("i1")
    return ds.assign(igbp=(("lat", "lon"), igbp, {"units": "1"}))


def imbalance(pools, flux):
    """Return stock change less accumulated flux, relative to the larger of flux and stock."""
    stock = sum(pools[name].isel(time=-1) - pools[f"{name}_initial"] for name in POOLS)
    step = days(pools)
    gained = (pools[flux] * step).sum("time", skipna=False)
    scale = (abs(pools[flux]) * step).sum("time", skipna=False)
    return float(abs(stock - gained).max() / scale.max())


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
@pytest.mark.parametrize(
    ("dtype", "losses", "flux"),
    [("f8", False, "nep"), ("f8", True, "nbp"), ("f4", True, "nbp")],
)
def test_stock_change_is_accumulated_flux_over_twenty_years(dtype, losses, flux, calendar):
    ds = fluxes(240, dtype, calendar, losses)
    pools = xflux.simulate_pools(ds)
    assert pools.cSoil.dtype == np.dtype(dtype)
    assert imbalance(pools.astype("f8"), flux) < (1e-9 if dtype == "f8" else 2e-4)
    assert all(bool((pools[name] >= 0).all()) for name in POOLS)


def test_identities_hold_to_the_last_bit():
    pools = xflux.simulate_pools(fluxes())
    xr.testing.assert_equal(pools.cVeg, pools.cLeaf + pools.cWood + pools.cRoot)
    xr.testing.assert_equal(pools.nep, pools.npp - pools.rh)
    xr.testing.assert_equal(pools.reco, pools.ra + pools.rh)
    xr.testing.assert_equal(pools.npp, pools.gpp - pools.ra)


def test_constant_input_keeps_the_pools_of_the_literature():
    ds = fluxes(losses=False)
    ds = ds.assign(npp=ds.gpp * 0 + 1.5).drop_vars(["gpp", "ra"])
    ds.npp.attrs["units"] = "g m-2 d-1"
    pools = xflux.simulate_pools(ds)
    for name in POOLS:
        start = pools[f"{name}_initial"].broadcast_like(pools[name]).transpose(*pools[name].dims)
        np.testing.assert_allclose(pools[name], start, rtol=1e-12)
    names = {1: "ENF", 2: "EBF", 4: "DBF", 10: "GRA", 12: "CRO", 9: "SAV"}
    for code, name in names.items():
        here = ds.igbp == code
        expected = LITERATURE[name].turnover_soil * 1.5 * 365.25
        np.testing.assert_allclose(pools.cSoil_initial.where(here).mean(), expected, rtol=1e-12)
    np.testing.assert_allclose(pools.rh, 1.5, rtol=1e-10)


@given(chunkings({"lat": SIZES["lat"], "lon": SIZES["lon"]}))
def test_lazy_is_eager_in_any_chunks(chunks):
    ds = fluxes()
    with no_compute():
        lazy = xflux.simulate_pools(ds.chunk(chunks).chunk(time=-1))
    assert all(lazy[name].chunks is not None for name in POOLS)
    xr.testing.assert_identical(lazy.compute(), xflux.simulate_pools(ds))


def test_order_of_dimensions_does_not_matter():
    ds = fluxes()
    turned = xflux.simulate_pools(ds.transpose("lon", "time", "lat"))
    assert turned.cSoil.dims == ("lon", "time", "lat")
    xr.testing.assert_equal(turned.transpose(*("time", "lat", "lon")), xflux.simulate_pools(ds))


def test_time_in_chunks_is_refused_with_advice():
    with pytest.raises(ChunkError, match=r"chunk\(\{'time': -1\}\)"):
        xflux.simulate_pools(fluxes().chunk(time=12))


def test_given_pools_are_where_it_starts_and_time_goes_on():
    ds = fluxes(losses=False)
    whole = xflux.simulate_pools(ds, NUMBERS)
    begin = whole[[f"{name}_initial" for name in POOLS]]
    begin = begin.rename({f"{name}_initial": name for name in POOLS})
    first = xflux.simulate_pools(ds.isel(time=slice(0, 12)), NUMBERS, initial=begin)
    then = first[list(POOLS)].isel(time=-1, drop=True)
    second = xflux.simulate_pools(ds.isel(time=slice(12, None)), NUMBERS, initial=then)
    for name in POOLS:
        np.testing.assert_allclose(second[name], whole[name].isel(time=slice(12, None)), rtol=1e-12)


def test_parameters_may_change_by_year():
    ds = fluxes(losses=False)
    year = xr.DataArray([1999, 2000, 2001, 2002], dims="year")
    tau = xr.DataArray(
        [1.0, 20.0, 40.0, 40.0], dims="year", coords={"year": year}, attrs={"units": "year"}
    )
    changing = xflux.simulate_pools(ds, {**NUMBERS, "tau_wood": tau})
    start = {"tau_wood": 20.0}
    steady = xflux.simulate_pools(ds, {**NUMBERS, **start})
    np.testing.assert_allclose(changing.cWood[:12], steady.cWood[:12], rtol=1e-13)
    assert (changing.cWood[-1] > steady.cWood[-1]).all()
    assert imbalance(changing, "nep") < 1e-9
    with pytest.raises(InputError, match="lacks the years 2000"):
        xflux.simulate_pools(ds, {**NUMBERS, "tau_wood": tau.isel(year=[0, 2, 3])})


def test_parameters_by_class_and_by_map_agree():
    ds = fluxes()
    by_class = dict.fromkeys(["ENF", "EBF", "DBF", "GRA", "CRO", 9], 25.0)
    here = xr.full_like(ds.gpp[0].drop_vars("time"), 25.0).assign_attrs(units="year")
    found = [
        xflux.simulate_pools(ds, {"tau_soil": value}) for value in (25.0, by_class, here.chunk())
    ]
    xr.testing.assert_equal(found[0], found[1])
    xr.testing.assert_equal(found[0], found[2].compute())


def test_negative_npp_draws_on_what_lives_in_proportion():
    time = xr.date_range("2000-01-01", periods=2, freq="MS")
    ds = xr.Dataset({"npp": ("time", [-1.0, -1.0], {"units": "g m-2 d-1"})}, {"time": time})
    still = {**NUMBERS, **dict.fromkeys(TIMES, 1e9)}
    begin = {"cLeaf": 100.0, "cWood": 200.0, "cRoot": 100.0, "cLitter": 50.0, "cSoil": 50.0}
    start = xr.Dataset({k: ((), v, {"units": "g m-2"}) for k, v in begin.items()})
    pools = xflux.simulate_pools(ds, still, initial=start)
    np.testing.assert_allclose(pools.cLeaf[0], 100 - 31 / 4)
    np.testing.assert_allclose(pools.cWood[0], 200 - 31 / 2)
    np.testing.assert_allclose(pools.cSoil[0], 50, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("f_grazing", {"cLeaf": 31}),
        ("f_harvest", {"cLeaf": 31 / 3, "cWood": 62 / 3}),
        ("f_fire", {"cLeaf": 6.2, "cWood": 12.4, "cRoot": 6.2, "cLitter": 6.2}),
        ("f_luc", {"cLeaf": 6.2, "cWood": 12.4, "cRoot": 6.2, "cLitter": 6.2}),
    ],
)
def test_a_loss_is_taken_from_its_pools(name, taken):
    time = xr.date_range("2000-01-01", periods=2, freq="MS")
    attrs = {"units": "g m-2 d-1"}
    ds = xr.Dataset({"npp": ("time", [0.0, 0.0], attrs), name: ("time", [1.0, 0.0], attrs)})
    begin = {"cLeaf": 100.0, "cWood": 200.0, "cRoot": 100.0, "cLitter": 100.0, "cSoil": 50.0}
    start = xr.Dataset({k: ((), v, {"units": "g m-2"}) for k, v in begin.items()})
    still = {**NUMBERS, **dict.fromkeys(TIMES, 1e9)}
    pools = xflux.simulate_pools(ds.assign_coords(time=time), still, initial=start)
    for pool, value in begin.items():
        np.testing.assert_allclose(pools[pool][0], value - taken.get(pool, 0), rtol=1e-6)


def test_more_lost_than_is_there_is_missing_from_there_on_with_a_warning():
    ds = fluxes()
    ds["f_grazing"][dict(time=20, lat=1, lon=2)] = 200.0
    with pytest.warns(XfluxWarning, match="1 cells became NaN from the step on"):
        pools = xflux.simulate_pools(ds)
    gone = pools.isel(lat=1, lon=2)
    for name in (*POOLS, "rh", "nep", "nbp"):
        assert not gone[name][:20].isnull().any()
        assert gone[name][20:].isnull().all()
    assert not pools.isel(lat=1, lon=1).cSoil.isnull().any()


def test_missing_input_is_missing_from_there_on_and_lossless_runs_ignore_losses():
    ds = fluxes()
    ds["gpp"][dict(time=30, lat=0, lon=0)] = np.nan
    ds["f_fire"][dict(time=5, lat=0, lon=1)] = np.nan
    begin = xflux.simulate_pools(fluxes())
    start = begin[[f"{n}_initial" for n in POOLS]].rename({f"{n}_initial": n for n in POOLS})
    pools = xflux.simulate_pools(ds, initial=start)
    assert pools.cSoil[:30, 0, 0].notnull().all()
    assert pools.cSoil[30:, 0, 0].isnull().all()
    assert pools.cSoil[5:, 0, 1].isnull().all()
    assert "nbp" not in xflux.simulate_pools(ds, losses=False, initial=start)
    with pytest.raises(MissingVariableError, match="f_luc"):
        xflux.simulate_pools(ds.drop_vars("f_luc"), losses=["f_luc"])


def test_a_month_that_is_missing_everywhere_is_told_and_what_follows_is_missing():
    ds = fluxes()
    ds["npp" if "npp" in ds else "gpp"][dict(time=[29, 31])] = np.nan
    said = r"'npp' is missing everywhere in 2 of 36 steps, the first at 2\d{3}-06-01"
    with pytest.warns(XfluxWarning, match=said) as told:
        pools = xflux.simulate_pools(ds)
    assert len(told) == 1
    assert int(pools.cSoil.count()) == 0
    with pytest.warns(XfluxWarning, match=said):
        pools = xflux.simulate_pools(ds, spinup=2)
    there = pools.cSoil.notnull().any(["lat", "lon"])
    assert there.values.tolist() == [True] * 29 + [False] * 7
    with no_compute():
        xflux.simulate_pools(ds.chunk(lat=1))


def test_water_and_classes_without_parameters_are_missing():
    ds = fluxes().assign(igbp=lambda d: d.igbp * 0 + 17)
    assert xflux.simulate_pools(ds).cSoil.isnull().all()


def test_cmip_units_just_work():
    ds = fluxes(losses=False)
    kilos = ds.assign({n: ds[n].assign_attrs(units="kg m-2 s-1") / 8.64e7 for n in ("gpp", "ra")})
    for name in ("gpp", "ra"):
        kilos[name].attrs = {"units": "kg m-2 s-1"}
    ours, theirs = (xflux.simulate_pools(d) for d in (ds, kilos))
    np.testing.assert_allclose(ours.cSoil, theirs.cSoil, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"tau_wood": -1.0}, InputError, "tau_wood is -1"),
        ({"litter_to_soil": 1.2}, InputError, "litter_to_soil is 1.2"),
        ({"npp_to_wood": 0.6}, InputError, "sum to 1.2"),
        ({"tau_wod": 3.0}, InputError, "'tau_wod': no parameter"),
        ({"tau_soil": {"XYZ": 3.0}}, InputError, "'XYZ' is no IGBP class"),
        ({"tau_soil": xr.DataArray(3.0)}, UnitsError, "tau_soil"),
        ({"tau_soil": xr.DataArray(3.0, attrs={"units": "m"})}, UnitsError, "tau_soil"),
        ({"tau_soil": "long"}, InputError, "tau_soil is a str"),
    ],
)
def test_bad_parameters_are_named(change, error, says):
    with pytest.raises(error, match=says):
        xflux.simulate_pools(fluxes(), {**NUMBERS, **change})


def test_bad_maps_of_parameters_are_missing_with_a_warning():
    ds = fluxes()
    tau = xr.full_like(ds.gpp[0].drop_vars("time"), 20.0).assign_attrs(units="year")
    tau[1, 1] = -5.0
    with pytest.warns(XfluxWarning, match="1 cells became NaN: a residence time"):
        pools = xflux.simulate_pools(ds, {"tau_wood": tau})
    assert int(pools.cVeg[-1].isnull().sum()) == 1


def test_without_wood_its_residence_time_may_be_missing():
    ds = fluxes(losses=False)
    none = {**NUMBERS, "npp_to_leaf": 0.7, "npp_to_wood": 0.0}
    nan = xr.DataArray(np.nan, attrs={"units": "year"})
    pools = xflux.simulate_pools(ds, {**none, "tau_wood": nan})
    assert (pools.cWood == 0).all()


def test_bad_time_and_missing_inputs_are_told():
    ds = fluxes()
    with pytest.raises(InputError, match="gaps"):
        xflux.simulate_pools(ds.isel(time=[*range(12), *range(24, 36)]))
    with pytest.raises(InputError, match="give initial pools"):
        xflux.simulate_pools(ds.isel(time=slice(0, 7)))
    with pytest.raises(InputError, match="5 whole years"):
        xflux.simulate_pools(ds, spinup=5)
    with pytest.raises(MissingVariableError, match=r"allocate\(\)"):
        xflux.simulate_pools(ds.drop_vars("ra"))
    with pytest.raises(MissingVariableError, match="igbp"):
        xflux.simulate_pools(ds.drop_vars("igbp"))
    with pytest.raises(InputError, match=r"isel\(time=0"):
        xflux.simulate_pools(ds, initial=xflux.simulate_pools(ds))


def test_spinup_takes_the_first_years():
    ds = fluxes(losses=False)
    ds["gpp"][12:] = ds["gpp"][12:] * 2
    first = xflux.simulate_pools(ds.isel(time=slice(0, 12)))
    xr.testing.assert_equal(xflux.simulate_pools(ds, spinup=1).cSoil_initial, first.cSoil_initial)
    assert (xflux.simulate_pools(ds).cSoil_initial > first.cSoil_initial).all()


def test_attributes_survive_files(tmp_path):
    pools = fluxes().carbon.simulate_pools()
    assert pools.cVeg.attrs["standard_name"] == "vegetation_carbon_content"
    assert pools.cVeg.attrs["cell_methods"] == "area: mean where land time: point"
    assert "literature by IGBP class" in pools.cVeg.attrs["parameters"]
    assert "time" not in pools.cVeg_initial.attrs["cell_methods"]
    assert "simulate_pools" in pools.attrs["history"]
    pools.to_netcdf(tmp_path / "pools.nc")
    pools.to_zarr(tmp_path / "pools.zarr")
    with (
        xr.open_dataset(tmp_path / "pools.nc") as netcdf,
        xr.open_zarr(tmp_path / "pools.zarr") as zarr,
    ):
        for found in (netcdf, zarr):
            xr.testing.assert_equal(found.compute(), pools)
            assert found.rh.attrs == pools.rh.attrs


def test_classes_of_the_map_that_have_no_parameters_are_named() -> None:
    ds = fluxes()
    some = {"ENF": 30.0, "EBF": 40.0, 4: 30.0, "GRA": 1.0}
    given = {**NUMBERS, "tau_wood": some}
    with pytest.warns(XfluxWarning, match=r"cells of SAV, CRO are NaN.*tau_wood") as told:
        pools = xflux.simulate_pools(ds, given)
    assert len(told) == 1
    assert pools["cWood"].isnull().all("time").where(ds.igbp.isin([9, 12]), True).all()
    # What the map holds is not known where it is lazy; nothing is computed to find out.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lazy = xflux.simulate_pools(ds.chunk(lat=2), given)
    assert "NaN for DNF, MF" in lazy["cWood"].attrs["parameters"]
    xr.testing.assert_identical(lazy.compute(), pools)


def test_no_word_of_classes_that_are_not_on_the_map() -> None:
    ds = fluxes()
    ds["igbp"] = ds.igbp.where(ds.lat < 60, 17)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        xflux.simulate_pools(ds, {**NUMBERS, "tau_wood": dict.fromkeys(CLASSES, 30.0)})
