"""When the steps of the files of inversions are: bounds, middles, ends, and counted months."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from files.inversion_files import days_of, months, uniform, zonal_file

import xflux
from xflux.errors import InputError, XfluxWarning

SPHERE = 4 * np.pi * 6371007.2**2
JANUARY = np.datetime64("2001-01-01")
#: One value for each month of 2001.
FACTORS = xr.DataArray(np.arange(1.0, 13.0), dims="time")


def monthly(time: object, bounds: np.ndarray | None = None) -> xr.Dataset:
    """Return a flux of 1, 2, ... 12 g m-2 d-1 in the months of 2001."""
    field = (uniform(1.0, months(), "", 1.0) * FACTORS).assign_attrs(units="gC m-2 d-1")
    ds = field.to_dataset(name="co2flux_land").assign_coords(time=("time", time))
    return ds if bounds is None else bounded(ds, bounds)


def bounded(ds: xr.Dataset, bounds: np.ndarray) -> xr.Dataset:
    """Give bounds to the steps of a Dataset."""
    ds = ds.assign(time_bnds=(("time", "nv"), bounds))
    ds["time"].attrs["bounds"] = "time_bnds"
    if ds.time.dtype.kind == "M":
        ds["time"].encoding = {"units": "hours since 1970-01-01", "dtype": "float64"}
    return ds


def ends() -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the months of 2001, and their bounds."""
    edges = np.arange("2001-01", "2002-02", dtype="datetime64[M]").astype("datetime64[ns]")
    return edges[1:], np.stack([edges[:-1], edges[1:]], axis=-1)


def hourly(start: str, hours: int, days: int = 59) -> xr.Dataset:
    """Return a flux of 1 g m-2 d-1 every few hours."""
    time = pd.date_range(start, periods=days * 24 // hours, freq=f"{hours}h")
    return uniform(1.0, time, "gC m-2 d-1", 1.0).to_dataset(name="co2flux_land")


def test_stamps_at_the_end_of_months_belong_to_the_months_of_their_bounds(tmp_path: Path) -> None:
    monthly(*ends()).to_netcdf(tmp_path / "a.nc")
    found = xflux.open_inversions(tmp_path / "a.nc")
    assert found.time.values[0] == JANUARY
    np.testing.assert_allclose(found[0, 0], FACTORS * SPHERE * 1e-15 * days_of(found), rtol=1e-12)


def test_bounds_decide_by_latitude_too(tmp_path: Path) -> None:
    zonal = xr.open_dataset(zonal_file(tmp_path / "z.nc")).load()
    stamps, bounds = ends()
    bounded(zonal.assign_coords(time=stamps), bounds).to_netcdf(tmp_path / "ends.nc")
    found = xflux.open_inversions(tmp_path / "ends.nc")
    assert found.time.values[0] == JANUARY
    np.testing.assert_allclose(found[0, 0], 1.8 * days_of(found) / 365.25, rtol=1e-12)


def test_bounds_of_steps_of_hours_keep_the_first_month(tmp_path: Path) -> None:
    ds = hourly("2001-01-01 03:00", 3)
    stamps = ds.time.values
    bounds = np.stack([stamps - np.timedelta64(3, "h"), stamps], axis=-1)
    bounded(ds, bounds).to_netcdf(tmp_path / "CT.nc")
    found = xflux.open_inversions(tmp_path / "CT.nc")
    np.testing.assert_allclose(found[0, 0], SPHERE * 1e-15 * np.array([31, 28]), rtol=1e-9)


def test_bounds_that_miss_the_end_of_a_month_by_a_day_are_that_month(tmp_path: Path) -> None:
    _, bounds = ends()
    bounds = bounds - np.array([0, 1], "timedelta64[D]")
    monthly(bounds[:, 0], bounds).to_netcdf(tmp_path / "a.nc")
    found = xflux.open_inversions(tmp_path / "a.nc")
    np.testing.assert_allclose(found[0, 0], FACTORS * SPHERE * 1e-15 * days_of(found), rtol=1e-12)


def test_bounds_that_contradict_stamps_are_told_with_the_file(tmp_path: Path) -> None:
    stamps, bounds = ends()
    monthly(stamps + np.timedelta64(40, "D"), bounds).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match=r"a\.nc: time_bnds at position 0"):
        xflux.open_inversions(tmp_path / "a.nc")


def test_bounds_of_years_are_no_months(tmp_path: Path) -> None:
    zonal = xr.open_dataset(zonal_file(tmp_path / "z.nc", count=2)).load()
    edges = np.array(["2001-01-01", "2002-01-01", "2003-01-01"], "datetime64[ns]")
    bounds = np.stack([edges[:-1], edges[1:]], axis=-1)
    bounded(zonal.assign_coords(time=edges[1:]), bounds).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match=r"a\.nc has steps of 365 days"):
        xflux.open_inversions(tmp_path / "a.nc")


def test_bounds_that_the_time_does_not_name_decide_too(tmp_path: Path) -> None:
    stamps, bounds = ends()
    ds = monthly((stamps - JANUARY) / np.timedelta64(1, "D"))
    ds["time"].attrs["units"] = "days since 2001-01-01"
    ds["time_bnds"] = (("time", "nv"), (bounds - JANUARY) / np.timedelta64(1, "D"))
    ds.to_netcdf(tmp_path / "a.nc")
    found = xflux.open_inversions(tmp_path / "a.nc")
    assert found.time.values[0] == JANUARY


@pytest.mark.parametrize("name", ["fire", "gfed"])
def test_bounds_of_a_term_decide(tmp_path: Path, name: str) -> None:
    monthly(pd.date_range("2001-01-01", periods=12, freq="MS")).to_netcdf(tmp_path / "a.nc")
    fire = monthly(*ends()).rename(co2flux_land=name)
    left = xflux.open_inversions(tmp_path / "a.nc", subtract={"fire": fire})
    np.testing.assert_allclose(left, 0.0, atol=1e-12)
    assert left.attrs["flux_definition"] == "nee+lateral"


def test_a_term_of_several_fluxes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    monthly(pd.date_range("2001-01-01", periods=12, freq="MS")).to_netcdf(path)
    both = monthly(*ends())
    both["other"] = both.co2flux_land
    with pytest.raises(InputError, match=r"'fire'.* 2 fluxes of carbon: co2flux_land, other"):
        xflux.open_inversions(path, subtract={"fire": both})


@pytest.mark.parametrize(("start", "hours"), [("01:30", 3), ("00:30", 1), ("12:00", 24)])
def test_stamps_half_a_step_after_midnight_are_middles(tmp_path, start, hours):
    hourly(f"2001-01-01 {start}", hours).to_netcdf(tmp_path / "CT.nc")
    found = xflux.open_inversions(tmp_path / "CT.nc")
    np.testing.assert_allclose(found[0, 0], SPHERE * 1e-15 * np.array([31, 28]), rtol=1e-9)


def test_months_that_are_not_whole_are_told(tmp_path: Path) -> None:
    hourly("2001-01-01 03:00", 3).to_netcdf(tmp_path / "CT.nc")
    with pytest.warns(XfluxWarning, match=r"CT\.nc: 2001-01, 2001-03 left out, .* time bounds"):
        found = xflux.open_inversions(tmp_path / "CT.nc")
    assert [str(time)[:7] for time in found.time.values] == ["2001-02"]
    assert "comment" not in found.attrs


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_months_since_are_calendar_months(tmp_path, calendar, shift):
    time = np.arange(12) + shift
    ds = monthly(time)
    ds["time"].attrs = {"units": "months since 2001-01-01", "calendar": calendar}
    ds.to_netcdf(tmp_path / "a.nc")
    found = xflux.open_inversions(tmp_path / "a.nc", chunks={"time": 5})
    assert found.chunks is not None
    assert found.time.values[0] == JANUARY
    days = np.full(12, 30) if calendar == "360_day" else days_of(found)
    np.testing.assert_allclose(found[0, 0], FACTORS * SPHERE * 1e-15 * days, rtol=1e-12)


def test_bounds_in_months_decide(tmp_path: Path) -> None:
    ds = monthly(np.arange(1, 13), np.stack([np.arange(12), np.arange(1, 13)], axis=-1))
    ds["time"].attrs["units"] = "months since 2001-01-01"
    ds.to_netcdf(tmp_path / "a.nc")
    assert xflux.open_inversions(tmp_path / "a.nc").time.values[0] == JANUARY


@pytest.mark.parametrize("kind", [np.int32, np.float64])
@pytest.mark.parametrize("units", [None, "yyyymm"])
def test_numbers_as_yyyymm_are_months(tmp_path, kind, units):
    ds = monthly(np.arange(200101, 200113).astype(kind))
    ds["time"].attrs = {} if units is None else {"units": units}
    ds.to_netcdf(tmp_path / "a.nc")
    found = xflux.open_inversions(tmp_path / "a.nc")
    np.testing.assert_allclose(found[0, 0], FACTORS * SPHERE * 1e-15 * days_of(found), rtol=1e-12)


@pytest.mark.parametrize(
    ("time", "units", "words"),
    [
        (np.arange(12) * 0.97, "months since 2001-01-01", "holds 0.97 'months since 2001-01-01'"),
        (np.arange(12) + 0.5, "months since 2001-01-15", "which tells no date"),
        (np.arange(12), "", "'time' holds 0 .* no date; expected such as 'days since"),
        (2001 + np.arange(12) / 12, "", "'time' holds 2001 "),
        (np.arange(12) + 200102, "", "'time' holds 200113 "),
        (
            np.arange(12),
            "fortnights since 2001-01-01",
            "cannot be read as dates; write them",
        ),
    ],
)
def test_times_that_are_no_dates_are_told_with_the_file(tmp_path, time, units, words):
    ds = monthly(time)
    ds["time"].attrs["units"] = units
    ds.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match=rf"a\.nc: .*{words}") as told:
        xflux.open_inversions(tmp_path / "a.nc")
    assert "decode_times" not in str(told.value)


def test_a_damaged_file_is_still_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.nc").write_bytes(b"\x89HDF\r\n\x1a\n damaged")
    with pytest.raises(InputError, match="cannot be opened"):
        xflux.open_inversions(tmp_path / "a.nc")


def test_steps_longer_than_months_are_told_with_the_file(tmp_path: Path) -> None:
    edges = np.array(["2001-01-01", "2002-01-01", "2003-01-01"], "datetime64[ns]")
    ds = uniform(1.0, edges[:-1], "gC m-2 d-1", 1.0).to_dataset(name="co2flux_land")
    bounded(ds, np.stack([edges[:-1], edges[1:]], axis=-1)).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match=r"a\.nc: time steps of up to 365 days"):
        xflux.open_inversions(tmp_path / "a.nc")


def test_a_file_without_a_whole_month_is_refused(tmp_path: Path) -> None:
    hourly("2001-01-01 03:00", 3, days=31).to_netcdf(tmp_path / "CT.200101.nc")
    with pytest.raises(InputError, match=r"holds no whole month .* need time bounds"):
        xflux.open_inversions({"CT": tmp_path / "CT.200101.nc"})
