"""Files are joined exactly, without reading their data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute

from xflux.errors import GridMismatchError, InputError, UnitsError
from xflux.files.joining import join

LAT, LON = np.round(np.arange(5) * 0.1, 1), np.arange(4.0)


def made(name="tas", start="2001-01", months=2, lat=LAT, units="K", **coords):
    shape = (months, lat.size, LON.size)
    time = pd.date_range(start, periods=months, freq="MS")
    values = np.random.default_rng(months).normal(size=shape)
    ds = xr.Dataset(
        {name: (("time", "lat", "lon"), values, {"units": units})},
        coords={"time": time, "lat": lat, "lon": LON, **coords},
    )
    return ds.chunk(time=1)


def joined(*datasets):
    with no_compute():
        return join(datasets, [f"file{i}.nc" for i, _ in enumerate(datasets)])


def test_times_and_variables_are_joined_in_any_order():
    early, late, rain = made(), made(start="2001-03"), made("pr", months=4, units="mm d-1")
    ds = joined(late, rain, early)
    xr.testing.assert_identical(ds["tas"].load(), xr.concat([early, late], "time")["tas"].load())
    xr.testing.assert_identical(ds["pr"].load(), rain["pr"].load())


def test_tiles_are_joined():
    whole = made()
    ds = joined(whole.isel(lat=slice(2, None)), whole.isel(lat=slice(2)))
    xr.testing.assert_identical(ds.load(), whole.load())


def test_fields_without_time_come_from_the_first_file():
    first = made().assign(lsm=("lat", np.ones(5)))
    second = made(start="2001-03").assign(lsm=("lat", np.ones(5)))
    assert joined(first, second)["lsm"].dims == ("lat",)


def test_heights_that_differ_are_left_out_and_equal_ones_stay():
    ds = joined(made(height=2.0, realm=1), made("sfcWind", units="m s-1", height=10.0, realm=1))
    assert "height" not in ds.coords
    assert ds["realm"] == 1


def test_labels_of_times_that_some_files_lack_are_left_out():
    labelled = made().assign_coords(expver=("time", ["0001", "0001"]))
    ds = joined(labelled, made(start="2001-03"))
    assert "expver" not in ds.coords
    assert ds.sizes["time"] == 4
    both = joined(labelled, labelled.assign_coords(time=made(start="2001-03")["time"]))
    assert both["expver"].dims == ("time",)


def test_float32_beside_float64_is_refused_not_tiled():
    single = made(start="2001-03", lat=LAT.astype("f4"))
    with pytest.raises(GridMismatchError, match=r"'lat' of 'file1.nc' \(float32\).*snap"):
        joined(made(), single)


def test_other_grids_are_refused_with_their_names():
    with pytest.raises(GridMismatchError, match=r"'lat'.*file0.nc.*5 values.*file1.nc.*3 values"):
        joined(made(), made("pr", lat=np.array([0.0, 1.0, 2.0])))


def test_other_times_of_another_variable_are_refused():
    with pytest.raises(InputError, match="along 'time'"):
        joined(made(), made("pr", start="2001-02"))


def test_two_units_of_one_variable_are_refused():
    with pytest.raises(UnitsError, match=r"'K' in 'file0\.nc' but in 'degC' in 'file1\.nc'"):
        joined(made(), made(start="2001-03", units="degC"))


def test_the_same_file_twice_under_two_names_is_refused():
    with pytest.raises(InputError):
        joined(made(), made())


def test_overlapping_times_are_refused():
    with pytest.raises(InputError):
        joined(made(months=3), made(start="2001-02", months=3))
    with pytest.raises(InputError, match="2001-03-01"):
        joined(made(months=3), made(start="2001-03", months=3))
