"""Folders of land models: lazy, on one grid and one axis of time."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from land_model_files import STAMPS, cells, land_model_file

import xflux
from xflux.errors import InputError, UnitsError, XfluxWarning
from xflux.labels.grid import cell_area
from xflux.twin.land_model_parameters import LAND_MODELS

PER_DAY = 86400e3  # of kg m-2 s-1, g m-2 d-1


@pytest.fixture(scope="module")
def earth():
    return xflux.twin.Earth(resolution=10.0, start="2001", end="2003", seed=1)


@pytest.fixture(scope="module")
def folder(earth, tmp_path_factory):
    path = tmp_path_factory.mktemp("trendy")
    xflux.twin.write_land_models(earth, path, n=12)
    return path


@pytest.fixture(scope="module")
def models(earth):
    return earth.land_models(12).compute()


def test_a_folder_of_the_twin_is_one_lazy_ensemble(folder, earth):
    with no_compute():
        ds = xflux.open_land_models(folder)
    assert ds["model"].values.tolist() == [model.name for model in LAND_MODELS[:12]]
    assert ds["gpp"].dims == ("model", "time", "lat", "lon")
    assert ds["cVeg"].dims == ("model", "year", "lat", "lon")
    assert all(array.chunks is not None for array in ds.data_vars.values())
    np.testing.assert_array_equal(ds["time"], earth.drivers["time"])
    assert ds["year"].values.tolist() == [2001, 2002, 2003]
    assert ds["gpp"].dtype == np.float32


def test_what_was_generated_says_so_when_it_comes_back(folder):
    ds = xflux.open_land_models(folder)
    marks = {array.attrs.get("synthetic") for array in ds.data_vars.values()}
    assert marks == {ds.attrs["synthetic"]}
    assert "xflux.twin.Earth" in ds.attrs["synthetic"]
    with pytest.warns(XfluxWarning, match="no land_fraction"):
        assert "synthetic" in xflux.budget(ds, variables=["cVeg"]).attrs


def test_a_grid_gives_its_land_fraction_and_totals_are_those_of_the_models(folder, earth, models):
    with no_compute():
        ds = xflux.open_land_models(folder, variables=["gpp", "cVeg"], grid=earth.drivers)
        found = xflux.budget(ds, variables=["gpp", "cVeg"])
    assert ds["land_fraction"].dims == ds["cell_area"].dims == ("lat", "lon")
    xr.testing.assert_allclose(ds["land_fraction"], models["land_fraction"].drop_attrs())
    xr.testing.assert_allclose(ds["cell_area"], models["cell_area"].drop_attrs())
    own = xflux.budget(models[["gpp", "cVeg", "land_fraction", "cell_area"]])
    alike = ~ds["regridded"].values
    assert alike.sum() > 5
    for name in ("gpp", "cVeg"):
        np.testing.assert_allclose(found[name][alike], own[name][alike], rtol=1e-5)
        # Where half of a cell or more is sea to a model on a coarser grid, it has no values.
        np.testing.assert_allclose(found[name], own[name], rtol=0.15)
    assert found.attrs["weights"] == "area of cells x land fraction"


def test_land_fraction_is_had_from_other_names_dims_and_units(tmp_path):
    land_model_file(tmp_path, "ONE_S3_gpp.nc")
    lat, lon = cells(3, 6)
    share = np.linspace(0.0, 100.0, 18).reshape(6, 3)
    grid = xr.Dataset(
        {"sftlf": (("longitude", "latitude"), share, {"units": "%"})},
        coords={"latitude": lat[::-1], "longitude": lon},
    )
    ds = xflux.open_land_models(tmp_path, grid=grid)
    np.testing.assert_allclose(ds["land_fraction"], share.T / 100.0)
    np.testing.assert_array_equal(ds["lat"], lat[::-1])
    assert "cell_area" not in ds
    odd = grid.assign(sftlf=grid.sftlf.assign_attrs(units="m"))
    with pytest.raises(UnitsError, match=r"grid: .*sftlf"):
        xflux.open_land_models(tmp_path, grid=odd)
    with pytest.raises(InputError, match=r"grid: land_fraction has the dims .*band"):
        xflux.open_land_models(tmp_path, grid=grid.expand_dims(band=2))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (("area: mean where land time: point",) * 2, "area: mean where land time: point"),
        (("area: mean time: mean",) * 2, "area: mean time: mean"),
        (("area: mean time: mean", "area: mean time: point"), "area: mean where land"),
        (("area: mean time: mean", None), "area: mean where land"),
    ],
)
def test_cell_methods_are_kept_where_all_models_say_the_same(tmp_path, said, kept):
    for model, methods in zip(("ASH", "FIR"), said, strict=True):
        land_model_file(
            tmp_path, f"{model}_S3_cVeg.nc", units="kg m-2", stamps=[100.0, 465.0, 830.0],
            cell_methods=methods,
        )  # fmt: skip
    assert xflux.open_land_models(tmp_path)["cVeg"].attrs["cell_methods"] == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("area: mean where land time: point", "area: mean where land time: point"),
        ("area: mean where land time: mean", "area: mean where land"),
    ],
)
def test_december_of_monthly_means_is_no_mean_of_the_year(tmp_path, said, kept):
    land_model_file(tmp_path, "ASH_S3_cSoil.nc", units="kg m-2", cell_methods=said)
    assert xflux.open_land_models(tmp_path)["cSoil"].attrs["cell_methods"] == kept


def test_stocks_of_a_written_folder_are_those_of_the_ends_of_years(folder, earth):
    ds = xflux.open_land_models(folder, models=["ALDER"], grid=earth.drivers)
    with no_compute():
        balance = ds.carbon.mass_balance()
    assert balance.attrs["stock_time"] == "end of its year (by cell_methods)"
    assert balance.attrs["weights"] == "area of cells x land fraction"


def test_a_mark_of_one_variable_is_not_one_of_all(tmp_path):
    land_model_file(tmp_path, "ONE_S3_gpp.nc")
    land_model_file(tmp_path, "ONE_S3_npp.nc", synthetic="made up")
    ds = xflux.open_land_models(tmp_path)
    assert ds["npp"].attrs["synthetic"] == "made up"
    assert "synthetic" not in ds["gpp"].attrs


def test_values_on_the_own_grid_are_those_that_were_written(folder, earth, models):
    ds = xflux.open_land_models(folder, grid=earth.drivers).compute()
    fine = [k for k in range(12) if k % 4 != 1]
    for ours, theirs, factor in (
        ("gpp", "gpp", PER_DAY), ("nbp", "nbp", PER_DAY), ("f_fire", "fFire", PER_DAY),
        ("npp_root", "nppRoot", PER_DAY), ("cVeg", "cVeg", 1e3), ("cSoil", "cSoil", 1e3),
    ):  # fmt: skip
        expected = models[theirs].isel(model=fine) * factor
        np.testing.assert_allclose(ds[ours].isel(model=fine), expected, rtol=3e-6, atol=1e-9)


def test_units_names_and_provenance_are_told(folder):
    ds = xflux.open_land_models(folder)
    for name, array in ds.data_vars.items():
        assert array.attrs["units"] == xflux.variables[name].units
    assert ds["cLitter"].attrs["missing_models"] == "FIR"
    assert ds["npp_leaf"].attrs["missing_models"] == "DOGWOOD HAZEL"
    assert bool(ds["cLitter"].sel(model="FIR").isnull().all())
    assert ds.attrs["scenario"] == "S3"
    assert "9 x 18" in ds.attrs["grid"]
    assert "coarsest" in ds.attrs["grid"]
    assert "ALDER_S3_gpp.nc" in ds.attrs["files"]
    assert ds["calendar"].values[:3].tolist() == ["standard", "noleap", "360_day"]
    assert ds["regridded"].values[:3].tolist() == [True, False, True]


def test_totals_on_a_common_grid_are_near_those_of_the_models(folder, models):
    ds = xflux.open_land_models(folder, variables=["gpp", "cVeg"]).compute()
    area = models["cell_area"].where(models["land_fraction"] > 0)
    own = (models["cVeg"] * 1e3 * area).sum(("lat", "lon"))
    common = (ds["cVeg"] * cell_area(ds)).sum(("lat", "lon"))
    np.testing.assert_allclose(common, own, rtol=0.2)


@pytest.mark.filterwarnings("ignore:The data type", "ignore:Consolidated metadata")
def test_it_survives_files(folder, tmp_path):
    ds = xflux.open_land_models(folder, variables=["gpp", "cVeg"]).compute()
    ds.to_netcdf(tmp_path / "ensemble.nc")
    with xr.open_dataset(tmp_path / "ensemble.nc") as again:
        xr.testing.assert_identical(again.load(), ds)
    ds.to_zarr(tmp_path / "ensemble.zarr")
    xr.testing.assert_equal(xr.open_zarr(tmp_path / "ensemble.zarr").load(), ds)


@pytest.mark.parametrize("chunks", [{}, {"time": 5}, {"lat": 2, "lon": 3, "latitude": 2}])
def test_chunks_change_nothing(folder, chunks):
    wanted = {"variables": ["gpp", "cVeg"], "models": ["ALDER", "BEECH", "CEDAR"]}
    reference = xflux.open_land_models(folder, **wanted).compute()
    again = xflux.open_land_models(folder, **wanted, chunks=chunks).compute()
    xr.testing.assert_identical(again, reference)


def test_variables_and_models_are_chosen_by_either_name(folder):
    ds = xflux.open_land_models(
        folder, variables=("fFire", "nppLeaf"), models=["BEECH", "IRONWOOD"]
    )
    assert set(ds.data_vars) == {"f_fire", "npp_leaf"}
    assert ds["model"].values.tolist() == ["BEECH", "IRONWOOD"]


def test_the_written_folder_has_the_habits_of_real_ones(folder):
    names = {path.name for path in folder.iterdir()}
    assert "ALDER_S3_gpp.nc" in names
    assert not any(name.startswith("ALDER_S3_fFire") or "FIR_S3_cLitter" in name for name in names)
    calendars, sizes, southward, far_east = set(), set(), set(), set()
    for path in folder.glob("*_gpp.nc"):
        with xr.open_dataset(path, decode_times=False) as ds:
            lat, lon = (ds[next(n for n in ds.coords if n.startswith(a))] for a in ("lat", "lon"))
            calendars.add(ds["time"].attrs["calendar"])
            sizes.add(lat.size)
            southward.add(bool(lat[0] > lat[1]))
            far_east.add(bool(lon.max() > 180))
    assert calendars == {"standard", "noleap", "360_day"}
    assert sizes == {9, 18}
    assert southward == far_east == {True, False}


def test_an_integral_is_conserved_from_grid_to_grid(tmp_path):
    source, target = cells(20, 36, west=-5.0), cells(9, 18, west=0.0)
    values = np.random.default_rng(0).random((24, 20, 36)) * 1e-8
    for dtype, close in ((np.float64, 1e-12), (np.float32, 1e-6)):
        land_model_file(tmp_path, "OAK_S3_gpp.nc", values=values, grid=source, dtype=dtype)
        to = xr.Dataset(coords={"lat": target[0][::-1], "lon": target[1]})
        ds = xflux.open_land_models(tmp_path, grid=to)
        assert ds["gpp"].dtype == dtype
        np.testing.assert_array_equal(ds["lat"], to["lat"])
        own = xr.DataArray(
            values * PER_DAY,
            dims=("time", "lat", "lon"),
            coords={"lat": source[0], "lon": source[1]},
        )
        before = (own * cell_area(own)).sum(("lat", "lon"))
        after = (ds["gpp"].astype("f8") * cell_area(ds)).sum(("lat", "lon"))
        np.testing.assert_allclose(after.isel(model=0), before, rtol=close)
        (tmp_path / "OAK_S3_gpp.nc").unlink()


def test_a_constant_stays_constant_across_the_date_line(tmp_path):
    land_model_file(tmp_path, "OAK_S3_gpp.nc", values=2e-8, grid=cells(12, 24, west=0.0))
    to = xr.Dataset(coords=dict(zip(("lat", "lon"), cells(9, 16, west=-183.0), strict=True)))
    gpp = xflux.open_land_models(tmp_path, grid=to)["gpp"]
    np.testing.assert_allclose(gpp, 2e-8 * PER_DAY, rtol=1e-6)


def test_coasts_count_where_half_of_a_cell_has_values(tmp_path):
    values = np.full((24, 12, 24), 1e-8)
    values[:, 0, 0:2] = np.nan  # half of the first cell of the target
    values[:, 2:4, 0:2] = np.nan
    values[:, 2, 2] = values[:, 3, 2:4] = np.nan
    land_model_file(tmp_path, "OAK_S3_gpp.nc", values=values, grid=cells(12, 24))
    to = xr.Dataset(coords=dict(zip(("lat", "lon"), cells(6, 12), strict=True)))
    gpp = xflux.open_land_models(tmp_path, grid=to)["gpp"].isel(model=0, time=0).compute()
    # Of the southernmost rows the outer one is the smaller.
    assert np.isfinite(gpp[0, 0])
    assert np.isnan(gpp[1, 0])
    assert np.isnan(gpp[1, 1])


@pytest.mark.parametrize(
    ("units", "calendar", "stamps"),
    [
        ("days since 2001-01-01", "standard", STAMPS),
        ("days since 2001-01-01", "noleap", STAMPS),
        ("days since 2001-01-01", "360_day", np.arange(24) * 30.0 + 29.0),
        ("hours since 1900-01-01 00:00:00", "standard", (STAMPS + 36890) * 24),
        ("months since 2001-01-01", "standard", np.arange(24.0)),
        ("months since 2000-07-01 00:00:00", "360_day", np.arange(24.0) + 6.5),
        ("days since 2001-1-1", "None", STAMPS),
    ],
)
def test_every_calendar_gives_the_same_months(tmp_path, units, calendar, stamps):
    land_model_file(tmp_path, "OAK_S3_gpp.nc", time_units=units, calendar=calendar, stamps=stamps)
    ds = xflux.open_land_models(tmp_path)
    np.testing.assert_array_equal(
        ds["time"], np.arange("2001-01", "2003-01", dtype="M8[M]").astype("M8[ns]")
    )


@pytest.mark.parametrize(
    ("units", "stamps"),
    [
        ("days since 2001-01-01", [182.0, 547.0, 912.0]),
        ("days since 2001-01-01", [364.0, 729.0, 1094.0]),
        ("years since 2001-01-01", [0.0, 1.0, 2.0]),
        ("years since 2001-01-01", [0.5, 1.5, 2.5]),
        ("months since 2001-01-01", [6.0, 18.0, 30.0]),
    ],
)
def test_stocks_lie_on_years(tmp_path, units, stamps):
    land_model_file(tmp_path, "OAK_S3_cVeg.nc", values=3.0, units="kg m-2", time_units=units,
                    stamps=stamps)  # fmt: skip
    ds = xflux.open_land_models(tmp_path)
    assert ds["year"].values.tolist() == [2001, 2002, 2003]
    assert "time" not in ds.dims
    np.testing.assert_allclose(ds["cVeg"], 3000.0)


def test_bounds_tell_months_whose_stamps_are_their_ends(tmp_path):
    path = land_model_file(tmp_path, "made_S3_gpp.nc")
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    edges = np.cumsum([0.0, *lengths, *lengths])
    with xr.open_dataset(path, decode_times=False) as ds:
        ds = ds.load()
    ds["time_bnds"] = (("time", "nv"), np.stack([edges[:-1], edges[1:]], axis=1))
    ds = ds.assign_coords(time=("time", edges[1:], {**ds["time"].attrs, "calendar": "noleap",
                                                    "bounds": "time_bnds"}))  # fmt: skip
    ds.to_netcdf(tmp_path / "OAK_S3_gpp.nc")
    path.unlink()
    months = xflux.open_land_models(tmp_path)["time"].values.astype("M8[M]")
    assert str(months[0]) == "2001-01"
    assert str(months[-1]) == "2002-12"


def test_monthly_stocks_give_december_and_monthly_parts_the_mean_of_the_year(tmp_path):
    values = (np.arange(24.0) + 1.0)[:, None, None]
    land_model_file(tmp_path, "OAK_S3_cVeg.nc", values=values, units="kg m-2", calendar="noleap")
    land_model_file(tmp_path, "OAK_S3_nppLeaf.nc", values=values * 1e-9, calendar="noleap",
                    dtype=np.float64)  # fmt: skip
    ds = xflux.open_land_models(tmp_path).compute()
    np.testing.assert_allclose(ds["cVeg"][0, :, 0, 0], [12e3, 24e3])
    days = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    mean = (days * np.arange(1, 13)).sum() / 365 * 1e-9 * PER_DAY
    np.testing.assert_allclose(ds["npp_leaf"][0, 0, 0, 0], mean, rtol=1e-12)


def test_times_are_those_that_all_have(tmp_path):
    land_model_file(tmp_path, "OAK_S3_gpp.nc")
    land_model_file(tmp_path, "ELM_S3_gpp.nc", time_units="days since 2001-07-01")
    with pytest.warns(XfluxWarning, match="ELM"):
        assert xflux.open_land_models(tmp_path).sizes["time"] == 18
    land_model_file(tmp_path, "FIR_S3_gpp.nc", time_units="days since 1951-01-01")
    with pytest.raises(InputError, match=r"FIR_S3_gpp.*ends before .*no month in common"):
        xflux.open_land_models(tmp_path)


def test_a_file_that_cuts_all_models_is_named_with_what_it_cuts(tmp_path):
    for model in ("ASH", "ELM", "OAK"):
        land_model_file(tmp_path, f"{model}_S3_gpp.nc")
    assert xflux.open_land_models(tmp_path).sizes["time"] == 24
    land_model_file(tmp_path, "OAK_S3_ra.nc", stamps=STAMPS[:12])
    said = r"OAK \(OAK_S3_ra\.nc; 2001-01 to 2001-12\) cuts 2002-01 to 2002-12 from all"
    with pytest.warns(XfluxWarning, match=said) as told:
        ds = xflux.open_land_models(tmp_path)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert "ASH" not in str(told[0].message)
    assert ds.sizes["time"] == 12
    land_model_file(tmp_path, "ELM_S3_ra.nc", stamps=STAMPS[3:])
    with pytest.warns(XfluxWarning, match=r"ELM \(.*cuts 2001-01 to 2001-03 from all; OAK"):
        assert xflux.open_land_models(tmp_path).sizes["time"] == 9


def test_what_one_model_has_beyond_all_others_is_cut_without_a_word(tmp_path):
    for model in ("ASH", "ELM"):
        land_model_file(tmp_path, f"{model}_S3_gpp.nc", stamps=STAMPS[12:])
    land_model_file(tmp_path, "OAK_S3_gpp.nc")
    assert xflux.open_land_models(tmp_path).sizes["time"] == 12


def test_years_that_one_model_cuts_are_told(tmp_path):
    for model, years in (("ASH", 3), ("ELM", 2)):
        land_model_file(
            tmp_path, f"{model}_S3_cVeg.nc", units="kg m-2", stamps=[100.0, 465.0, 830.0][:years]
        )
    with pytest.warns(XfluxWarning, match=r"ELM \(ELM_S3_cVeg.nc; 2001 to 2002\) cuts 2003 from"):
        assert xflux.open_land_models(tmp_path)["year"].values.tolist() == [2001, 2002]


def test_mixed_units_are_one(tmp_path):
    land_model_file(tmp_path, "A_S3_gpp.nc", values=1e-8)
    land_model_file(tmp_path, "B_S3_gpp.nc", values=1e-8 * PER_DAY, units="gC m-2 day-1")
    land_model_file(
        tmp_path, "C_S3_gpp.nc", values=1e-8 * 44.0095 / 12.0107, units="kg CO2 m-2 s-1"
    )
    gpp = xflux.open_land_models(tmp_path)["gpp"]
    np.testing.assert_allclose(gpp, 1e-8 * PER_DAY, rtol=1e-6)


def test_fill_values_are_missing(tmp_path):
    values = np.full((24, 6, 12), 1e-8)
    values[:, 0] = -99999.0
    land_model_file(tmp_path, "OAK_S3_gpp.nc", values=values, missing_value=np.float32(-99999.0))
    gpp = xflux.open_land_models(tmp_path)["gpp"].compute()
    assert bool(gpp[:, :, 0].isnull().all())
    assert bool(gpp[:, :, 1:].notnull().all())


def test_periods_of_cmip_are_joined(tmp_path):
    form = "gpp_Lmon_UKESM1-0-LL_historical_r1i1p1f2_gn_{}.nc"
    for period, year in (("200101-200212", 2001), ("200301-200412", 2003)):
        land_model_file(tmp_path, form.format(period), values=year * 1e-12,
                        time_units=f"days since {year}-01-01")  # fmt: skip
    ds = xflux.open_land_models(tmp_path)
    assert ds["model"].values.tolist() == ["UKESM1-0-LL"]
    assert ds.sizes["time"] == 48
    np.testing.assert_allclose(
        ds["gpp"][0, [0, -1], 0, 0], np.array([2001, 2003]) * 1e-12 * PER_DAY
    )
    land_model_file(tmp_path, form.format("200601-200712"), time_units="days since 2006-01-01")
    with pytest.raises(InputError, match=r"200601-200712.*gap of 12 months"):
        xflux.open_land_models(tmp_path)
    (tmp_path / form.format("200601-200712")).unlink()
    land_model_file(tmp_path, form.format("200401-200512"), time_units="days since 2004-01-01")
    with pytest.raises(InputError, match="overlap in time"):
        xflux.open_land_models(tmp_path)


def test_models_may_bear_underscores_and_digits(tmp_path):
    land_model_file(tmp_path, "LPX_Bern_S3_gpp.nc", variable="gpp")
    land_model_file(tmp_path, "CLM5.0_S3_gpp.nc")
    assert xflux.open_land_models(tmp_path)["model"].values.tolist() == ["CLM5.0", "LPX_Bern"]
