"""Inversions that do not go together, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from files.inversion_files import global_budget_file, grid, months, uniform, zonal_file

import xflux
from xflux.errors import FileFormatError, GridMismatchError, InputError, UnitsError


def test_unlike_definitions_are_not_joined(tmp_path: Path) -> None:
    one = zonal_file(tmp_path / "CAMS.nc")
    other = zonal_file(tmp_path / "CT.nc", 0.2, flux_definition="nee")
    with pytest.raises(InputError, match=r"CAMS\.nc.*'nee\+fire\+lateral'.*CT\.nc.*'nee'.*fire"):
        xflux.open_inversions([one, other])


def test_a_definition_that_the_file_contradicts_is_refused(tmp_path: Path) -> None:
    path = zonal_file(tmp_path / "CT.nc", flux_definition="nee")
    with pytest.raises(InputError, match="leave one out"):
        xflux.open_inversions(path, flux_definition="nee+fire")


def test_months_that_lack_are_named(tmp_path: Path) -> None:
    ds = xr.open_dataset(zonal_file(tmp_path / "a.nc"))
    ds.isel(time=[0, 1, 2, 5, 6]).to_netcdf(tmp_path / "gap.nc")
    with pytest.raises(InputError, match=r"gap\.nc.* lacks 2001-04, 2001-05"):
        xflux.open_inversions(tmp_path / "gap.nc")


def test_months_that_lack_on_a_grid_are_named(tmp_path: Path) -> None:
    field = uniform(0.1, months(), "gC m-2 d-1", 1.0).isel(time=[0, 1, 2, 5, 6])
    field.to_dataset(name="co2flux_land").to_netcdf(tmp_path / "gap.nc")
    with pytest.raises(InputError, match=r"gap\.nc.* lacks 2001-04, 2001-05"):
        xflux.open_inversions(tmp_path / "gap.nc")


def test_years_are_not_taken_for_months(tmp_path: Path) -> None:
    ds = xr.open_dataset(zonal_file(tmp_path / "a.nc", count=36))
    ds.isel(time=slice(0, None, 12)).to_netcdf(tmp_path / "yearly.nc")
    with pytest.raises(InputError, match=r"yearly\.nc lacks 2001-02"):
        xflux.open_inversions(tmp_path / "yearly.nc")


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ("W m-2", "no flux of carbon"),
        ("kg m-2 s-1", "by latitude alone"),
        ("PgC/yr/gridcell", "number of cells"),
        ("", "no units"),
    ],
)
def test_units_of_a_flux_by_latitude_are_checked(tmp_path, units, words):
    path = zonal_file(tmp_path / "a.nc", units=units)
    with pytest.raises(UnitsError, match=words):
        xflux.open_inversions(path)


def test_a_flux_per_degree_on_a_grid_is_refused(tmp_path: Path) -> None:
    field = uniform(0.1, months(), "PgC yr-1 degree-1", 1.0)
    field.to_dataset(name="land_flux").to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match="degree-1"):
        xflux.open_inversions(tmp_path / "a.nc")


@pytest.mark.parametrize("sign", ["upward", "out"])
def test_a_direction_that_is_none_is_refused(tmp_path, sign):
    with pytest.raises(InputError, match="expected 'up'"):
        xflux.open_inversions(zonal_file(tmp_path / "a.nc", positive=sign))


def test_an_unknown_variable_must_say_what_it_is(tmp_path: Path) -> None:
    ds = xr.open_dataset(zonal_file(tmp_path / "a.nc")).rename(SFCO2_LND="bio")
    ds.to_netcdf(tmp_path / "b.nc")
    with pytest.raises(FileFormatError, match=r"b\.nc holds 'bio', none of which is known"):
        xflux.open_inversions(tmp_path / "b.nc")
    with pytest.raises(FileFormatError, match=r"holds no 'land'; it holds 'bio'"):
        xflux.open_inversions(tmp_path / "b.nc", variable="land")
    with pytest.raises(InputError, match="which way it is positive"):
        xflux.open_inversions(tmp_path / "b.nc", variable="bio")
    with pytest.raises(InputError, match="does not say what it holds"):
        xflux.open_inversions(tmp_path / "b.nc", variable="bio", positive="up")
    found = xflux.open_inversions(
        tmp_path / "b.nc", variable="bio", positive="up", flux_definition="nee+fire"
    )
    assert float(found.sum()) > 0


def test_a_layout_without_latitude_is_unknown(tmp_path: Path) -> None:
    values = ("time", np.zeros(12), {"units": "PgC yr-1"})
    xr.Dataset({"land_flux": values}, {"time": months()}).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(FileFormatError, match=r"dims \('time',\); expected time and latitude"):
        xflux.open_inversions(tmp_path / "a.nc")


def test_regions_on_another_grid_are_refused(tmp_path: Path) -> None:
    path = global_budget_file(tmp_path / "gcb.nc")
    cells = grid()
    mask = xr.DataArray(
        np.ones((6, 12), int),
        {"latitude": cells.latitude, "longitude": cells.longitude - 15},
        ("latitude", "longitude"),
    )
    with pytest.raises(GridMismatchError, match="shifted by"):
        xflux.open_inversions(path, regions=mask)


def test_regions_and_bands_that_do_not_fit_the_file_are_refused(tmp_path: Path) -> None:
    zonal, gridded = zonal_file(tmp_path / "z.nc"), global_budget_file(tmp_path / "g.nc")
    with pytest.raises(InputError, match="give bands="):
        xflux.open_inversions(zonal, regions=xr.DataArray(np.ones((2, 2))))
    with pytest.raises(InputError, match="is no table"):
        xflux.open_inversions(gridded, regions=["Europe"])
    with pytest.raises(InputError, match="not both"):
        xflux.open_inversions(zonal, bands=(-90, 90), regions=["Europe"])
    for wrong in [(90, -90), (0,), (-100, 0), {"a": (5, 5)}, {"a": (1,)}]:
        with pytest.raises(InputError, match="bands="):
            xflux.open_inversions(zonal, bands=wrong)


def test_bands_beyond_the_rows_are_refused(tmp_path: Path) -> None:
    ds = xr.open_dataset(zonal_file(tmp_path / "a.nc"))
    ds.isel(lat=slice(3, None)).to_netcdf(tmp_path / "land.nc")
    with pytest.raises(InputError, match=r"covers -60 to 90 .* not the whole of 90S-0"):
        xflux.open_inversions(tmp_path / "land.nc", bands=(-90, 0, 90))
    assert xflux.open_inversions(tmp_path / "land.nc", bands=(-60, 0, 90)).sizes["region"] == 2


def test_inversions_of_one_name_or_of_unlike_regions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    one, other = zonal_file(tmp_path / "a.nc"), zonal_file(tmp_path / "b" / "a.nc", 0.2)
    with pytest.raises(InputError, match="two inversions are called a"):
        xflux.open_inversions([one, other])
    table = tmp_path / "t.csv"
    table.write_text("time,Europe\n2001-01-01,0.1\n2001-02-01,0.1\n")
    with pytest.raises(InputError, match=r"unlike regions: .*only in the first; .*second"):
        xflux.open_inversions([one, table], units="PgC yr-1", positive="up",
                              flux_definition="nee+fire+lateral", variable=None)  # fmt: skip


def test_overlapping_files_of_one_inversion_are_refused(tmp_path: Path) -> None:
    for k, start in enumerate(("2001-01-01", "2001-06-01")):
        zonal_file(tmp_path / f"part_{k}.nc", start=start)
    with pytest.raises(InputError, match=r"files of 'CAMS': months are double .* at 2001-06"):
        xflux.open_inversions({"CAMS": tmp_path / "part_*.nc"})


def test_an_option_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="identical='drop'"):
        xflux.open_inversions(zonal_file(tmp_path / "a.nc"), identical="drop")


@pytest.mark.parametrize(
    "options",
    [
        {"paths": {"a": "one.nc", "b": "other.nc"}, "units": "K"},
        {"paths": ["one.nc", "other.nc"]},
        {"paths": {"a": "one.nc", "b": "other.nc"}, "subtract": {"luc": xr.DataArray(1.0)}},
    ],
)
def test_files_are_closed_when_the_call_fails(tmp_path, monkeypatch, options):
    for name in ("one.nc", "other.nc"):
        global_budget_file(tmp_path / name)
    closed = []
    close = xr.Dataset.close

    def noted(ds: xr.Dataset) -> None:
        closed.append(Path(ds.encoding["source"]).name)
        close(ds)

    monkeypatch.setattr(xr.Dataset, "close", noted)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        xflux.open_inversions(options.pop("paths"), identical="first", **options)
    assert sorted(closed) == ["one.nc", "other.nc"]


def test_files_of_one_inversion_that_are_not_given_as_one_are_refused(tmp_path: Path) -> None:
    for k in range(1, 4):
        field = uniform(0.1, months(1, f"2001-{k:02d}-01"), "gC m-2 d-1", 1.0)
        field.to_dataset(name="co2flux_land").to_netcdf(tmp_path / f"CT.20010{k}.nc")
    with pytest.raises(InputError, match=r"3 files, such as CT\.200101\.nc .*\{'CT': pattern\}"):
        xflux.open_inversions(tmp_path / "CT.*.nc")
    assert xflux.open_inversions({"CT": tmp_path / "CT.*.nc"}).sizes["time"] == 3


def test_files_of_one_inversion_with_other_members_are_refused(tmp_path: Path) -> None:
    ds = xr.open_dataset(global_budget_file(tmp_path / "gcb.nc", 24)).load()
    ds.isel(time=slice(12)).to_netcdf(tmp_path / "y1.nc")
    turned = ds.isel(time=slice(12, 24), ensemble_member=[1, 0])
    turned.to_netcdf(tmp_path / "y2.nc")
    with pytest.raises(InputError, match=r"differ in their inversions: CAMS, CTE; CTE, CAMS"):
        xflux.open_inversions({"GCB": tmp_path / "y*.nc"})


def test_inversions_that_stay_double_are_told_with_a_way_out(tmp_path: Path) -> None:
    for name in ("one.nc", "other.nc"):
        global_budget_file(tmp_path / name)
    paths = [tmp_path / "one.nc", tmp_path / "other.nc"]
    with pytest.raises(InputError, match=r"called CAMS, CTE; give .* \{'first': one"):
        xflux.open_inversions(paths)
    found = xflux.open_inversions(dict(zip(("first", "second"), paths)), chunks={})
    assert found.sizes["inversion"] == 4
