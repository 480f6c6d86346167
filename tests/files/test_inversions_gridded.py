"""Gridded inversions, as for the Global Carbon Budget, as regional series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from files.inversion_files import (
    RATES,
    days_of,
    global_budget_file,
    grid,
    months,
    uniform,
    zonal_file,
)
from guards import no_compute

import xflux
from xflux.errors import XfluxWarning
from xflux.labels.grid import cell_area

#: Area of the sphere, m2.
SPHERE = 4 * np.pi * 6371007.2**2


def mask() -> xr.DataArray:
    """Return three regions and cells outside of them."""
    cells = grid()
    number = np.arange(6)[:, None] % 4 + np.zeros(12, int)
    coords = {"latitude": cells.latitude, "longitude": cells.longitude}
    meanings = {"flag_values": [1, 2, 3], "flag_meanings": "one two three"}
    return xr.DataArray(number, coords, ("latitude", "longitude"), attrs=meanings)


def test_a_file_of_the_global_carbon_budget_is_read_by_its_content(tmp_path: Path) -> None:
    path = global_budget_file(tmp_path / "GCP2024_inversions_1x1_version1_2.nc")
    found = xflux.open_inversions(path)
    assert found.dims == ("inversion", "region", "time")
    assert list(found.inversion.values) == ["CAMS", "CTE"]
    assert found.attrs["units"] == "Pg"
    assert found.attrs["positive"] == "up"
    assert found.attrs["flux_definition"] == "nee+fire+lateral"
    assert found.attrs["cell_methods"] == "area: sum where land time: sum"
    assert list(found.names.values) == ["globe"]
    expected_time = np.arange("2001-01", "2002-01", dtype="datetime64[M]")
    np.testing.assert_array_equal(found.time, expected_time.astype("datetime64[ns]"))
    for inversion, rate in zip(("CAMS", "CTE"), RATES, strict=True):
        expected = rate * SPHERE * 1e-15 * days_of(found)
        np.testing.assert_allclose(found.sel(inversion=inversion)[0], expected, rtol=1e-12)


def test_regions_of_a_partition_sum_to_the_globe(tmp_path: Path) -> None:
    path = global_budget_file(tmp_path / "gcb.nc")
    whole = xflux.open_inversions(path)
    regions = (mask() + 1).assign_attrs(flag_values=[1, 2, 3, 4])
    parts = xflux.open_inversions(path, regions=regions)
    np.testing.assert_allclose(parts.sum("region"), whole.sum("region"), rtol=1e-12)
    named = xflux.open_inversions(path, regions=mask())
    assert list(named.names.values) == ["one", "two", "three"]
    np.testing.assert_array_equal(named.region, [1, 2, 3])


def test_a_function_makes_the_regions_of_each_file_on_its_grid(tmp_path: Path) -> None:
    path = global_budget_file(tmp_path / "gcb.nc")
    fine = xr.open_dataset(path).interp(
        latitude=np.arange(-82.5, 90, 15), longitude=np.arange(-172.5, 180, 15),
        kwargs={"fill_value": "extrapolate"},
    )  # fmt: skip
    fine = fine.drop_vars("cell_area").assign(ensemble_member_name=("ensemble_member", ["A", "B"]))
    fine.to_netcdf(tmp_path / "fine.nc")
    asked = []

    def halves(ds: xr.Dataset) -> xr.DataArray:
        asked.append(ds.sizes["latitude"])
        return xflux.latitude_bands(ds, (-90, 0, 90))

    found = xflux.open_inversions([path, tmp_path / "fine.nc"], regions=halves)
    assert asked == [6, 12]
    assert list(found.names.values) == ["90S-0", "0-90N"]
    one = xflux.open_inversions(path, bands=(-90, 0, 90))
    np.testing.assert_allclose(found.isel(inversion=[0, 1]), one, rtol=1e-12)
    np.testing.assert_allclose(found.sel(inversion="A"), one.sel(inversion="CAMS"), rtol=1e-6)


def test_bands_cut_rows_of_cells_by_their_area(tmp_path: Path) -> None:
    path = global_budget_file(tmp_path / "gcb.nc")
    edges = (-90, -23.5, 0, 50, 90)
    found = xflux.open_inversions(path, bands=edges)
    share = np.diff(np.sin(np.deg2rad(edges))) / 2
    expected = RATES[0] * SPHERE * 1e-15 * share[:, None] * days_of(found)
    np.testing.assert_allclose(found.sel(inversion="CAMS"), expected, rtol=1e-12)
    assert list(found.names.values) == ["90S-23.5S", "23.5S-0", "0-50N", "50N-90N"]


def test_a_gridded_file_stays_lazy(tmp_path: Path) -> None:
    path = tmp_path / "CT.nc"
    uniform(0.1, months(), "mol m-2 s-1", 1.0).to_dataset(name="co2flux_land").to_netcdf(path)
    with no_compute():
        lazy = xflux.open_inversions(path, bands=(-90, 0, 90), chunks={"time": 5, "latitude": 4})
    assert lazy.chunks is not None
    eager = xflux.open_inversions(path, bands=(-90, 0, 90), chunks={})
    np.testing.assert_allclose(lazy.values, eager.values, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "units", "scale"),
    [
        ("Terrestrial_flux", "kgC m-2 s-1", 1e-3 / 86400),
        ("co2flux_land", "gC m-2 d-1", 1.0),
        ("flux_apos_bio", "kgC m-2 month-1", None),
    ],
)
def test_units_of_other_inversions_give_the_same_amounts(tmp_path, name, units, scale):
    time = months()
    field = uniform(0.3, time, units, 1.0 if scale is None else scale)
    if scale is None:
        field = field * xr.DataArray(time.days_in_month.to_numpy() * 1e-3, dims="time")
        field.attrs = {"units": units}
    field.to_dataset(name=name).to_netcdf(tmp_path / "other.nc")
    found = xflux.open_inversions(tmp_path / "other.nc")
    np.testing.assert_allclose(found[0, 0], 0.3 * SPHERE * 1e-15 * days_of(found), rtol=1e-9)
    assert list(found.inversion.values) == ["other"]


def test_a_flux_of_whole_cells_is_divided_by_the_area_that_the_file_holds(tmp_path: Path) -> None:
    area = cell_area(grid()) * 1.1
    field = uniform(1.0, months(), "PgC/yr", 1.0) * area * (0.3 * 365.25e-15)
    field.attrs = {"units": "PgC/yr"}
    ds = xr.Dataset({"co2flux_land": field, "dxyp": area.assign_attrs(units="m2")})
    ds.rename(time="mtime").to_netcdf(tmp_path / "jena.nc")
    found = xflux.open_inversions(tmp_path / "jena.nc")
    np.testing.assert_allclose(found[0, 0], 0.33 * SPHERE * 1e-15 * days_of(found), rtol=1e-9)


def test_fire_that_a_file_holds_beside_the_biosphere_is_added(tmp_path: Path) -> None:
    fields = {
        name: uniform(rate, months(), "mol m-2 s-1", 1 / (12.0107 * 86400))
        for name, rate in (("bio_flux_opt", -0.2), ("fire_flux_imp", 0.05), ("ocn_flux_opt", 9.0))
    }
    xr.Dataset(fields).to_netcdf(tmp_path / "CT2022.nc")
    found = xflux.open_inversions(tmp_path / "CT2022.nc")
    np.testing.assert_allclose(found[0, 0], -0.15 * SPHERE * 1e-15 * days_of(found), rtol=1e-6)
    assert found.attrs["flux_definition"] == "nee+fire+lateral"


def test_days_are_summed_to_the_months_that_are_whole(tmp_path: Path) -> None:
    days = pd.date_range("2001-01-20", "2001-04-10", freq="D")
    field = uniform(0.3, days, "gC m-2 d-1", 1.0)
    field.to_dataset(name="co2flux_land").to_netcdf(tmp_path / "daily.nc")
    with pytest.warns(XfluxWarning, match=r"daily\.nc: 2001-01, 2001-04 left out"):
        found = xflux.open_inversions(tmp_path / "daily.nc")
    assert [str(time)[:7] for time in found.time.values] == ["2001-02", "2001-03"]
    np.testing.assert_allclose(found[0, 0], 0.3 * SPHERE * 1e-15 * np.array([28, 31]), rtol=1e-12)


def test_uptake_is_turned_round(tmp_path: Path) -> None:
    field = uniform(0.3, months(), "gC m-2 d-1", 1.0)
    field.attrs["positive"] = "down"
    field.to_dataset(name="co2flux_land").to_netcdf(tmp_path / "down.nc")
    found = xflux.open_inversions(tmp_path / "down.nc")
    assert np.all(found < 0)
    assert found.attrs["positive"] == "up"


def test_nbp_of_a_land_model_is_uptake_by_its_name(tmp_path: Path) -> None:
    uniform(0.3, months(), "kg m-2 s-1", 1e-3 / 86400).to_dataset(name="nbp").to_netcdf(
        tmp_path / "JULES_S3_nbp.nc"
    )
    found = xflux.open_inversions(tmp_path / "JULES_S3_nbp.nc")
    assert np.all(found < 0)
    assert found.attrs["flux_definition"] == "nbp"


def test_files_of_one_name_follow_each_other_in_time(tmp_path: Path) -> None:
    for year in (2001, 2002):
        field = uniform(0.1 * year / 2001, months(12, f"{year}-01-01"), "gC m-2 d-1", 1.0)
        field.to_dataset(name="flux_apos_bio").to_netcdf(tmp_path / f"cams_{year}.nc")
    found = xflux.open_inversions({"CAMS": tmp_path / "cams_*.nc"})
    assert found.sizes == {"inversion": 1, "region": 1, "time": 24}
    assert not found.isnull().any()


def test_what_is_read_comes_back_from_a_file(tmp_path: Path) -> None:
    found = xflux.open_inversions(global_budget_file(tmp_path / "gcb.nc"), bands=(-90, 0, 90))
    found.to_netcdf(tmp_path / "regional.nc")
    back = xr.open_dataarray(tmp_path / "regional.nc")
    xr.testing.assert_identical(back.load(), found.load())


def test_members_of_one_name_are_told_apart_by_the_names_of_their_files(tmp_path: Path) -> None:
    one, other = (global_budget_file(tmp_path / name) for name in ("2023.nc", "2024.nc"))
    zonal_file(tmp_path / "CAMS.nc")
    found = xflux.open_inversions(
        {"GCB2024": other, "GCB2023": one, "CAMS": tmp_path / "CAMS.nc"}, bands=(-90, 0, 90)
    )
    assert list(found.inversion.values) == [
        "GCB2024 CAMS", "GCB2024 CTE", "GCB2023 CAMS", "GCB2023 CTE", "CAMS",
    ]  # fmt: skip
    alone = xflux.open_inversions({"GCB": one, "CAMS2": tmp_path / "CAMS.nc"})
    assert list(alone.inversion.values) == ["CAMS", "CTE", "CAMS2"]


@pytest.mark.parametrize(
    ("units", "scale"),
    [
        ("PgC/yr/gridcell", 365.25e-15),
        ("PgC yr-1 cell-1", 365.25e-15),
        ("kg/s/cell", 1e-3 / 86400),
        ("kg s-1 grid_cell-1", 1e-3 / 86400),
        ("gC per day per grid cell", 1.0),
    ],
)
def test_a_flux_of_whole_cells_may_say_so(tmp_path, units, scale):
    field = uniform(0.3, months(), units, scale) * cell_area(grid()).drop_attrs()
    field.to_dataset(name="land_flux").to_netcdf(tmp_path / "a.nc")
    found = xflux.open_inversions(tmp_path / "a.nc")
    np.testing.assert_allclose(found[0, 0], 0.3 * SPHERE * 1e-15 * days_of(found), rtol=1e-9)
