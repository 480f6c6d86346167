"""Axes by one convention, whatever the file's."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

from xflux.errors import InputError
from xflux.files.axes import name_axes, orient_axes


def grid(lat, lon, names=("lat", "lon")):
    """Return cells that hold their own place: 1000 lat + lon east of Greenwich."""
    lat, lon = np.asarray(lat), np.asarray(lon)
    east = (lon.astype("f8") + 180.0) % 360.0 - 180.0
    values = 1000.0 * lat.astype("f8")[:, None] + east
    return xr.Dataset({"place": (names, values)}, {names[0]: lat, names[1]: lon})


def assert_in_place(ds):
    np.testing.assert_allclose(ds["place"], 1000.0 * ds["lat"] + ds["lon"], atol=1e-3)


def test_axes_are_known_by_name_and_by_attributes():
    ds = grid([1.0, 0.0], [2.0, 3.0], ("latitude", "longitude"))
    assert set(name_axes(ds).dims) == {"lat", "lon"}
    ds = grid([1.0, 0.0], [2.0, 3.0], ("j", "i"))
    ds["j"].attrs["standard_name"], ds["i"].attrs["units"] = "latitude", "degrees_east"
    assert set(name_axes(ds).dims) == {"lat", "lon"}


def test_curvilinear_coordinates_stay():
    ds = xr.Dataset(
        {"x": (("j", "i"), np.zeros((2, 2)))},
        {"latitude": (("j", "i"), np.ones((2, 2))), "longitude": (("j", "i"), np.ones((2, 2)))},
    )
    xr.testing.assert_identical(name_axes(ds), ds)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_global_grid_runs_south_to_north_and_west_to_east(dtype):
    ds = grid(np.arange(89.0, -90.0, -2.0, dtype), np.arange(0.0, 360.0, 0.5, dtype))
    with no_compute():
        done = orient_axes(ds.chunk(lat=7, lon=100))
    assert (np.diff(done["lat"]) > 0).all()
    np.testing.assert_allclose(done["lon"], np.arange(-180.0, 180.0, 0.5))
    assert done["lon"].dtype == np.dtype(dtype)
    assert_in_place(done)


def test_tenths_of_degrees_come_out_alike_in_float32_and_float64():
    lon = np.round(np.arange(3600) * 0.1, 1)
    single = orient_axes(grid([0.0, 1.0], lon.astype("f4")))["lon"]
    double = orient_axes(grid([0.0, 1.0], lon))["lon"]
    np.testing.assert_array_equal(single, double.astype("f4"))
    np.testing.assert_array_equal(double, np.round(np.arange(-1800, 1800) * 0.1, 1))


def test_a_western_region_moves_and_one_across_180_stays():
    west = orient_axes(grid([0.0, 1.0], [250.0, 251.0, 252.0]))
    np.testing.assert_array_equal(west["lon"], [-110.0, -109.0, -108.0])
    assert_in_place(west)
    across = grid([0.0, 1.0], [178.0, 179.0, 180.0, 181.0])
    xr.testing.assert_identical(orient_axes(across), across)


def test_bounds_move_with_their_cells():
    ds = grid([0.0, 1.0], np.arange(0.5, 360.0))
    edges = np.stack([ds["lon"] - 0.5, ds["lon"] + 0.5], axis=-1)
    ds = ds.assign(lon_bnds=(("lon", "bnds"), edges))
    ds["lon"].attrs["bounds"] = "lon_bnds"
    done = orient_axes(ds.chunk())
    np.testing.assert_allclose(done["lon_bnds"].mean("bnds"), done["lon"])


def test_metres_called_lat_are_refused():
    with pytest.raises(InputError, match="belong in x and y"):
        orient_axes(grid([5.1e6, 5.2e6], [1.0, 2.0]))
