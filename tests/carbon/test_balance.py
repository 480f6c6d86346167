"""Every identity of carbon, and stocks against fluxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from carbon_worlds import LAT, LON, YEARS, chunked, land
from guards import no_compute

import xflux
from xflux.carbon.balance import mass_balance
from xflux.carbon.balance_report import balance_report
from xflux.errors import (
    ChunkError,
    GridMismatchError,
    InputError,
    MissingVariableError,
    UnitsError,
)
from xflux.labels.grid import cell_area
from xflux.labels.integral import integrate

IDENTITIES = (
    "gpp = npp + ra; reco = ra + rh; nep = gpp - reco; nep = npp - rh; nee = -nep; "
    "nbp = nep - f_fire - f_harvest; cVeg = cLeaf + cWood + cRoot"
)
NAMES = ("gpp", "reco", "nep", "nep_of_npp", "nee", "nbp", "cVeg", "stocks")


@pytest.mark.parametrize(("dtype", "most"), [("f8", 1e-12), ("f4", 1e-6)])
@pytest.mark.parametrize("calendar", ["standard", "noleap"])
def test_what_adds_up_leaves_no_residual(dtype: str, most: float, calendar: str) -> None:
    balance = mass_balance(land(dtype, calendar=calendar))
    assert balance.attrs["identities"] == IDENTITIES
    assert "not_formed" not in balance.attrs
    for name in NAMES:
        assert float(balance[f"max_relative_{name}"]) <= most, name
        assert balance[f"residual_{name}"].dtype == dtype
        largest = float(abs(balance[f"residual_{name}"]).max())
        assert largest < 2e4 * most
        assert balance[f"total_{name}"].dims == ("region", "year")
    assert int(balance.total_stocks.notnull().sum()) == YEARS.size - 1


def test_it_says_by_what_cells_count() -> None:
    ds = land()[["gpp", "npp", "ra"]]
    whole = mass_balance(ds)
    assert "area of whole cells (no land_fraction)" in whole.attrs["weights"]
    ones = xr.DataArray(np.ones((LAT.size, LON.size)), dims=("lat", "lon"))
    shared = mass_balance(ds.assign(land_fraction=(0.5 * ones).assign_attrs(units="1")))
    assert shared.attrs["weights"] == "area of cells x land fraction"
    assert "Cells count by: area of cells x land fraction" in balance_report(shared)
    np.testing.assert_allclose(shared.total_gpp, 0.5 * whole.total_gpp)
    assert "weights" not in mass_balance(ds.isel(lat=0, lon=0, drop=True)).attrs


def test_a_percent_too_much_shows_in_the_identities_that_hold_it_and_in_no_other() -> None:
    ds = land()
    ds["gpp"] = (1.01 * ds.gpp).assign_attrs(ds.gpp.attrs)
    balance = mass_balance(ds)
    for name in NAMES:
        off = float(balance[f"max_relative_{name}"])
        assert (off > 5e-3) is (name in ("gpp", "nep")), name
    extra = (ds.gpp * (0.01 / 1.01)).assign_attrs(units="g m-2 d-1")
    expected = integrate(extra, area=cell_area(ds), freq="YS")
    np.testing.assert_allclose(balance.total_gpp, expected, rtol=1e-9)
    report = in_one_line(balance_report(balance))
    assert report.count("does not close") == 2
    assert report.count("closes") == 6
    more = float(expected.sum("region").mean())
    assert f"does not close: gpp is {more:.3g} PgC per year more than npp + ra" in report


@pytest.mark.parametrize("stock", ["end", "mean"])
def test_stocks_at_the_end_and_mean_stocks_both_close_and_each_by_its_own_sum(stock: str) -> None:
    ds = land(stock=stock)
    method = {"end": "time: point", "mean": "time: mean"}[stock]
    told = mass_balance(ds, stock_time=stock)  # type: ignore[arg-type]
    for name in ("cVeg", "cLitter", "cSoil"):
        ds[name].attrs["cell_methods"] = f"area: mean where land {method}"
    by_attrs = mass_balance(ds)
    assert "by cell_methods" in by_attrs.attrs["stock_time"]
    assert "as asked for" in told.attrs["stock_time"]
    for balance in (told, by_attrs):
        assert float(balance.max_relative_stocks) < 1e-12
    wrong = mass_balance(ds, stock_time={"end": "mean", "mean": "end"}[stock])  # type: ignore[arg-type]
    assert float(wrong.max_relative_stocks) > 1e-3


def in_one_line(report: str) -> str:
    return " ".join(report.split())


@pytest.mark.parametrize("whole", [False, True])
def test_fire_that_was_given_is_named_where_nee_holds_it_unsaid(whole: bool) -> None:
    ds = land().drop_vars(["nbp", "nep", "cLeaf", "cWood", "cRoot"])
    ds["nee"] = (ds.rh - ds.npp + ds.f_fire).assign_attrs(units="g m-2 d-1")
    if not whole:
        ds = ds[["npp", "rh", "nee", "f_fire"]]
    balance = mass_balance(ds)
    fire = integrate(ds.f_fire, area=cell_area(ds), freq="YS").values
    np.testing.assert_allclose(balance.total_fire_beside_nee_of_npp, fire, rtol=1e-9)
    report = in_one_line(balance_report(balance))
    said = f"that is the f_fire that was given, {fire.mean():.3g} PgC per year: nee holds it"
    assert said in report
    with no_compute():
        lazy = mass_balance(chunked(ds))
    assert in_one_line(balance_report(lazy)) == report
    ds["nee"].attrs["flux_definition"] = "nee+fire"
    assert "the f_fire that was given" not in in_one_line(balance_report(mass_balance(ds)))
    ds["nee"] = (ds.nee + ds.f_fire).assign_attrs(units="g m-2 d-1")
    assert "the f_fire that was given" not in in_one_line(balance_report(mass_balance(ds)))


def test_pools_of_allocation_are_said_to_take_up_no_fluxes() -> None:
    ds = land().drop_vars(["nbp", "f_fire"])
    for name in ("cVeg", "cLitter", "cSoil"):
        ds[name] = (0.9 * ds[name]).assign_attrs(ds[name].attrs)
    assert "losses that were not given" in in_one_line(balance_report(mass_balance(ds)))
    for name in ("cVeg", "cSoil"):
        ds[name].attrs["allocation"] = "by the literature"
    report = in_one_line(balance_report(mass_balance(ds)))
    assert "cVeg, cSoil: of allocate(), production times turnover" in report
    assert "simulate_pools()" in report
    assert "losses that were not given" not in report


def test_what_is_assumed_of_stocks_is_said() -> None:
    assert "end of its year (assumed" in mass_balance(land()).attrs["stock_time"]


def test_a_loss_that_is_left_out_is_the_gap_and_is_named() -> None:
    ds = land().drop_vars(["nbp", "nee"])
    ds["nee"] = (-ds.nep + ds.f_fire).assign_attrs(units="g m-2 d-1")
    balance = mass_balance(ds.drop_vars("f_fire"))
    fire = integrate(ds.f_fire, area=cell_area(ds), freq="YS").values
    np.testing.assert_allclose(balance.total_stocks[:, 1:], -fire[:, 1:], rtol=1e-9)
    assert balance.attrs["losses_not_given"] == "f_fire, f_luc, f_grazing"
    assert balance.attrs["losses_in_nbp"] == "f_harvest"
    report = in_one_line(balance_report(balance))
    gap = abs(float(balance.total_stocks.mean()))
    assert f"{gap:.3g} PgC per year do not arrive in the stocks" in report
    assert "losses that were not given can explain that: f_fire, f_luc, f_grazing" in report
    assert "it holds a loss, such as fire" in report
    closed = mass_balance(ds)
    assert float(closed.max_relative_stocks) < 1e-12
    np.testing.assert_allclose(closed.total_f_fire[:, 1:], fire[:, 1:], rtol=1e-12)


def test_an_nee_that_says_it_holds_fire_is_held_to_that() -> None:
    ds = land()[["nee", "nep", "gpp", "f_fire"]]
    ds["nee"] = (ds.nee + ds.f_fire).assign_attrs(units="g m-2 d-1", flux_definition="nee+fire")
    balance = mass_balance(ds)
    assert "nee = -nep + f_fire" in balance.attrs["identities"]
    assert float(balance.max_relative_nee) < 1e-12
    with pytest.raises(InputError, match="flux_definition='nbp'"):
        mass_balance(ds.assign(nee=ds.nee.assign_attrs(flux_definition="nbp")))


@pytest.mark.parametrize(
    ("held", "formed"),
    [
        (["gpp", "reco", "nee"], "nee = reco - gpp"),
        (["npp", "rh", "nee"], "nee = rh - npp"),
        (["gpp", "reco", "npp", "rh"], "gpp - reco = npp - rh"),
        (["gpp", "npp", "ra", "rh", "reco"], "gpp = npp + ra; reco = ra + rh"),
        (["npp", "rh", "nbp", "f_fire", "f_harvest"], "nbp = (npp - rh) - f_fire - f_harvest"),
        (["nee", "nbp", "f_fire", "f_harvest"], "nbp = -nee - f_fire - f_harvest"),
        (["cVeg", "cLeaf", "cWood", "cRoot"], "cVeg = cLeaf + cWood + cRoot"),
    ],
)
def test_identities_follow_from_what_is_there(held: list[str], formed: str) -> None:
    balance = mass_balance(land()[held])
    assert balance.attrs["identities"] == formed
    for name in balance:
        if str(name).startswith("residual_"):
            assert float(abs(balance[name]).max()) < 1e-9


def test_lazy_is_eager_whatever_the_chunks_and_nothing_is_computed_before() -> None:
    ds = land()
    ds["zone"] = (("lat", "lon"), np.arange(LAT.size * LON.size).reshape(LAT.size, -1) % 3 + 1)
    eager = mass_balance(ds, regions=ds.zone)
    with no_compute():
        lazy = mass_balance(chunked(ds.drop_vars("zone")), regions=ds.zone)
    assert all(array.chunks is not None for array in lazy.data_vars.values())
    assert lazy.attrs == eager.attrs
    xr.testing.assert_allclose(lazy.compute(), eager, rtol=1e-9, atol=1e-11)
    assert dict(eager.total_gpp.sizes) == {"region": 3, "year": 4}


def test_regions_add_up_to_the_globe() -> None:
    ds = land()
    ds["gpp"] = (1.01 * ds.gpp).assign_attrs(ds.gpp.attrs)
    ds["cSoil"] = (1.01 * ds.cSoil).assign_attrs(ds.cSoil.attrs)
    numbers = np.arange(LAT.size * LON.size).reshape(LAT.size, -1) % 3 + 1
    zone = xr.DataArray(numbers, coords=[("lat", LAT), ("lon", LON)])
    parts, whole = mass_balance(ds, regions=zone), mass_balance(ds)
    for name in ("gpp", "stocks"):
        np.testing.assert_allclose(
            parts[f"total_{name}"].sum("region", skipna=False), whole[f"total_{name}"][0], rtol=1e-9
        )


def test_scenarios_pass_through_and_bounds_are_left_out() -> None:
    ds = land(scenarios=3)
    ds["gpp"] = ds.gpp.copy(data=ds.gpp.values * np.array([1.0, 1.01, 1.02])[:, None, None, None])
    ds["gpp_lower"] = ds.gpp.min("scenario", keep_attrs=True)
    ds["gpp_upper"] = ds.gpp.max("scenario", keep_attrs=True)
    balance = mass_balance(ds)
    assert balance.residual_gpp.dims == ("scenario", "time", "lat", "lon")
    assert balance.total_stocks.dims == ("scenario", "region", "year")
    assert balance.max_relative_gpp.dims == ("scenario",)
    assert (np.diff(balance.max_relative_gpp) > 4e-3).all()
    ds = ds.drop_vars("gpp")
    assert "gpp" not in mass_balance(ds).attrs["identities"]


def test_cells_without_a_term_are_nan_and_the_area_that_lacks_is_said() -> None:
    ds = land()
    ds["ra"] = ds.ra.where(ds.lat > -60)
    balance = mass_balance(ds)
    assert balance.residual_gpp.sel(lat=-60).isnull().all()
    area = cell_area(ds)
    share = float(area.sel(lat=-60).sum() / area.sum())
    np.testing.assert_allclose(balance.missing_area_gpp, share)
    assert (balance.missing_area_nep == 0).all()


def test_totals_without_a_grid_close_by_their_units() -> None:
    ds = land()
    area = cell_area(ds)
    total = xr.Dataset()
    for name, array in ds.data_vars.items():
        if "time" in array.dims:
            total[name] = integrate(array, area=area).isel(region=0, drop=True)
            total[name] = total[name].assign_attrs(units="PgC", positive=array.attrs["positive"])
        else:
            total[name] = (array * area).sum(["lat", "lon"]) * 1e-15
            total[name].attrs["units"] = "PgC"
    balance = mass_balance(total)
    assert balance.attrs["identities"] == IDENTITIES
    assert "residual_gpp" not in balance
    for name in NAMES:
        assert float(balance[f"max_relative_{name}"]) < 1e-11, name
    per_area = mass_balance(ds.assign(gpp=(ds.gpp * 1.01).assign_attrs(ds.gpp.attrs)))
    total["gpp"] = (total.gpp * 1.01).assign_attrs(total.gpp.attrs)
    found = mass_balance(total)
    np.testing.assert_allclose(found.total_gpp, per_area.total_gpp[0], rtol=1e-9)
    np.testing.assert_allclose(
        found.total_accumulated_nbp[1:], per_area.total_accumulated_nbp[0, 1:], rtol=1e-9
    )
    with pytest.raises(InputError, match="totals already"):
        mass_balance(total, regions=area)
    with pytest.raises(UnitsError, match="are totals"):
        mass_balance(total.assign(rh=ds.rh.isel(lat=0, lon=0, drop=True)))


def test_cmip_names_and_units_are_read() -> None:
    ds = land()[["gpp", "npp", "ra"]]
    for name in ds:
        ds[name] = (ds[name] / 86.4e6).assign_attrs(units="kg m-2 s-1")
    balance = mass_balance(ds)
    assert float(balance.max_relative_gpp) < 1e-12


def test_sites_have_residuals_and_no_totals() -> None:
    ds = land().isel(lat=0, drop=True).rename(lon="site")
    ds = ds.drop_vars("site").assign_coords(lat=("site", LON / 3), lon=("site", LON))
    balance = mass_balance(ds)
    assert balance.residual_gpp.dims == ("time", "site")
    assert not [name for name in balance if str(name).startswith("total_")]
    assert "no area" in balance.attrs["no_totals"]
    assert float(balance.max_relative_stocks) < 1e-12


def test_years_that_lack_months_have_no_total_and_no_change() -> None:
    balance = mass_balance(land().isel(time=slice(3, None)))
    assert balance.total_gpp.isel(year=0).isnull().all()
    assert balance.total_stocks.sel(year=[2002, 2003, 2004]).notnull().all()
    late = mass_balance(land().isel(time=slice(15, None)))
    assert late.total_stocks.sel(year=2002).isnull().all()
    assert "1 of 3 changes are NaN" in late.attrs["stocks_without_fluxes"]


def test_a_balance_goes_to_netcdf_and_back(tmp_path: Path) -> None:
    balance = mass_balance(land())
    balance.to_netcdf(tmp_path / "balance.nc")
    with xr.open_dataset(tmp_path / "balance.nc") as back:
        xr.testing.assert_allclose(back, balance)
        assert back.attrs == balance.attrs
        assert balance_report(back) == balance_report(balance)


def test_what_cannot_be_balanced_is_refused_with_what_lacks() -> None:
    ds = land()
    with pytest.raises(MissingVariableError, match=r"gpp = npp \+ ra lacks npp, ra"):
        mass_balance(ds[["gpp", "cSoil"]])
    with pytest.raises(MissingVariableError, match="fluxes or stocks of carbon"):
        mass_balance(ds[["gpp"]].rename(gpp="a").drop_attrs())
    with pytest.raises(InputError, match="positive='up'"):
        mass_balance(ds.assign(gpp=ds.gpp.assign_attrs(positive="up")))
    with pytest.raises(InputError, match="stock_time"):
        mass_balance(ds, stock_time="start")  # type: ignore[arg-type]
    bare = ds.copy()
    del bare.npp.attrs["units"], bare.ra.attrs["units"]
    with pytest.raises(UnitsError, match="2 problems"):
        mass_balance(bare)
    other = ds.assign(zone=(("lat", "lon"), np.ones((LAT.size, LON.size))))
    with pytest.raises(GridMismatchError):
        mass_balance(ds, regions=other.zone.assign_coords(lat=LAT + 1))


def test_the_report_says_what_closes_and_refuses_another_dataset() -> None:
    report = balance_report(mass_balance(land()))
    assert report.splitlines()[0] == "Balance of carbon, 2001 to 2004"
    assert report.count("closes") == 8
    assert report.count("closes exactly") == 1  # nee is -nep
    assert "NBP is +" in report
    assert "not close" not in report
    assert max(map(len, report.splitlines())) <= 96
    with pytest.raises(InputError, match="no mass balance"):
        balance_report(land())


def test_one_cell_that_is_off_is_told_from_a_world_that_is() -> None:
    ds = land()
    ds["ra"][0, 0, 0] *= 1.01
    balance = mass_balance(ds)
    assert float(balance.max_relative_gpp) > 1e-3
    assert float(balance.mean_relative_gpp) < 1e-5
    report = in_one_line(balance_report(balance))
    assert "closes on the whole: the mean residual is" in report
    assert "not close" not in report


def test_mean_residuals_are_weighted_by_area_and_flux() -> None:
    ds = land()
    ds["gpp"] = (1.01 * ds.gpp).assign_attrs(ds.gpp.attrs)
    ds["ra"] = ds.ra.where(ds.lat > -60)
    area = cell_area(ds)
    off = 0.01 / 1.01 * ds.gpp.where(ds.ra.notnull())
    gross = (ds.gpp + ds.reco).where(ds.ra.notnull())
    expected = float((off * area).sum() / (gross * area).sum())
    found = float(mass_balance(ds).mean_relative_gpp)
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("names", [["nep", "npp", "rh"], ["npp", "ra", "gpp"]])
def test_what_closes_to_rounding_is_said_to_close_whatever_it_is_compared_with(
    names: list[str],
) -> None:
    report = balance_report(mass_balance(land("f4")[names]))
    assert "closes" in report
    assert "not close" not in report


def test_rounding_of_large_stocks_is_no_gap() -> None:
    ds = land()
    for name in ds:
        ds[name] = (0.01 * ds[name] + 9e5 * (name == "cSoil")).assign_attrs(ds[name].attrs)
    balance = mass_balance(ds.astype("f4"))
    assert float(balance.mean_relative_stocks) > 1e-5
    assert "closes within the rounding of the stocks" in in_one_line(balance_report(balance))
    # The same gap in double precision is one.
    told = in_one_line(balance_report(balance.assign(rounding_stocks=1e-12)))
    assert "within the rounding" not in told


def test_what_has_no_values_does_not_count_as_missed() -> None:
    ds = land()
    report = in_one_line(balance_report(mass_balance(ds.assign(rh=ds.rh.where(False)))))
    assert "reco = ra + rh cannot be told: nowhere do all of its terms have values" in report
    report = in_one_line(balance_report(mass_balance(ds.assign(reco=ds.reco.where(False)))))
    assert "gpp + reco, to compare that with, has no values" in report
    assert "does not close" not in report


def test_monthly_stocks_close_month_by_month() -> None:
    ds = land().drop_vars(["cVeg", "cLeaf", "cWood", "cRoot", "cLitter", "cSoil", "year"])
    days = xr.DataArray(ds.time.dt.days_in_month.values, dims="time")
    filled = 900.0 + (ds.nbp.drop_attrs() * days).cumsum("time").assign_coords(time=ds.time)
    for name, share in (("cVeg", 0.3), ("cSoil", 0.7)):
        ds[name] = (share * filled).assign_attrs(units="g m-2", cell_methods="time: point")
    balance = mass_balance(ds)
    assert balance.residual_stocks.dims == ("time", "lat", "lon")
    assert "end of its step (by cell_methods)" in balance.attrs["stock_time"]
    assert float(abs(balance.residual_stocks).max()) < 1e-9
    assert balance.residual_stocks.isel(time=0).isnull().all()
    assert balance.total_stocks.dims == ("region", "time")
    assert balance.total_gpp.dims == ("region", "year")
    assert balance.attrs["pools_not_given"] == "cLitter, cCwd"
    # What is gained in a month is said per year, as all else.
    yearly = 12 * float(balance.total_stock_change.mean())
    report = in_one_line(balance_report(balance))
    assert f"stocks change by {yearly:+.3g} PgC per year" in report
    assert "per step" not in report


@pytest.mark.parametrize(
    "chunks",
    [{"time": 5, "lat": 1, "lon": 6}, {"time": 48, "lat": 5, "lon": 1}, {"time": 17, "lat": 3}],
)
def test_no_chunking_changes_a_balance(chunks: dict[str, int]) -> None:
    ds = land(stock="mean")
    lazy = mass_balance(ds.chunk(chunks), stock_time="mean").compute()
    xr.testing.assert_allclose(lazy, mass_balance(ds, stock_time="mean"), rtol=1e-9, atol=1e-10)


def test_stocks_that_are_cut_along_their_years_say_how_to_mend_it() -> None:
    with pytest.raises(ChunkError, match="year"):
        mass_balance(land().chunk(year=2))


def test_the_truth_of_the_twin_closes() -> None:
    truth = xflux.twin.Earth(resolution=15.0, start="2001", end="2001").truth
    balance = truth.carbon.mass_balance()
    for name in ("gpp", "reco", "nep", "nep_of_npp", "nee"):
        assert float(balance[f"max_relative_{name}"]) < 1e-6
    assert "synthetic" in balance.attrs


def test_what_a_yearly_stamp_stands_for_can_be_said() -> None:
    time = pd.to_datetime([f"{year}-04-11" for year in range(2001, 2006)])
    said = {"units": "PgC yr-1"}
    ds = xr.Dataset(
        {name: ("time", np.full(5, value), said) for name, value in (("gpp", 3.0), ("npp", 2.0))},
        coords={"time": time},
    )
    ds["ra"] = ("time", np.ones(5), said)
    with pytest.raises(InputError, match="stamp='YS'"):
        mass_balance(ds)
    found = mass_balance(ds, stamp="YS")
    np.testing.assert_array_equal(found.year, np.arange(2001, 2006))
    np.testing.assert_allclose(found.total_gpp, 0.0, atol=1e-12)


def test_quantities_of_pint_are_read() -> None:
    pytest.importorskip("pint_xarray")
    ds = land()[["gpp", "npp", "ra"]]
    quantified = ds.pint.quantify(dict.fromkeys(ds.data_vars, "g / m**2 / d"))
    found = mass_balance(quantified)
    np.testing.assert_allclose(found.total_gpp, mass_balance(ds).total_gpp, atol=1e-15)
