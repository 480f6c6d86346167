"""Finding latitude and longitude, and telling whether two grids are one."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from xflux.errors import AmbiguousVariableError, GridMismatchError, InputError, MissingVariableError
from xflux.labels.coordinates import find_bounds, find_lat_lon, match_grid, rounding_between, snap

LAT, LON = np.arange(-80.0, 81.0, 20.0), np.arange(0.0, 360.0, 30.0)


def field(lat: np.ndarray = LAT, lon: np.ndarray = LON, dims: tuple[str, str] = ("lat", "lon")):
    return xr.DataArray(
        np.zeros((lat.size, lon.size)), dims=dims, coords={dims[0]: lat, dims[1]: lon}, name="x"
    )


@pytest.mark.parametrize("names", [("lat", "lon"), ("latitude", "longitude"), ("LAT", "LON")])
def test_coordinates_are_found_by_name(names: tuple[str, str]) -> None:
    lat, lon = find_lat_lon(field(dims=names))
    assert (lat.name, lon.name) == names


def test_standard_names_come_before_units_and_units_before_names() -> None:
    ds = field(dims=("a", "b")).to_dataset()
    ds["a"].attrs["units"], ds["b"].attrs["units"] = "degrees_north", "degrees_east"
    ds["lat"] = ("a", LAT)
    assert find_lat_lon(ds)[0].name == "a"
    ds["north"] = ("a", LAT, {"standard_name": "latitude"})
    assert [found.name for found in find_lat_lon(ds)] == ["north", "b"]


def test_a_rotated_grid_is_found_by_its_true_coordinates() -> None:
    ds = xr.Dataset(coords={"rlat": [0.0, 1.0], "rlon": [0.0, 1.0, 2.0]})
    ds["rlat"].attrs = {"standard_name": "grid_latitude", "units": "degrees"}
    ds["rlon"].attrs = {"standard_name": "grid_longitude", "units": "degrees"}
    for name, role in (("lat", "latitude"), ("lon", "longitude")):
        ds = ds.assign_coords({name: (("rlat", "rlon"), np.ones((2, 3)), {"standard_name": role})})
    lat, lon = find_lat_lon(ds)
    assert (lat.name, lat.dims, lon.name) == ("lat", ("rlat", "rlon"), "lon")


def test_bounds_with_the_attributes_of_their_coordinate_are_not_taken_for_it() -> None:
    ds = field().to_dataset()
    ds["lat"].attrs = {"units": "degrees_north", "bounds": "edges"}
    ds["edges"] = (("lat", "nv"), np.stack([LAT - 10, LAT + 10], -1), {"units": "degrees_north"})
    assert find_lat_lon(ds)[0].name == "lat"
    assert find_bounds(ds, ds.lat).dims == ("lat", "__vertex__")


def test_missing_and_ambiguous_coordinates_are_errors_that_name_them() -> None:
    with pytest.raises(MissingVariableError, match=r"no longitude found.*coordinates are lat, x"):
        find_lat_lon(field(dims=("lat", "x")))
    ds = xr.Dataset(coords={name: ("i", LAT, {"units": "degrees_north"}) for name in ("a", "b")})
    with pytest.raises(AmbiguousVariableError, match="'a' and 'b' all read as latitude"):
        find_lat_lon(ds)


def test_bounds_of_a_wrong_shape_are_refused() -> None:
    ds = field().to_dataset().assign(lat_bnds=(("lon", "nv"), np.zeros((12, 2))))
    with pytest.raises(InputError, match="lat_bnds has dims"):
        find_bounds(ds, ds.lat)


def test_a_mask_with_other_names_of_its_dims_is_matched() -> None:
    matched = match_grid(field(dims=("latitude", "longitude")), field(), what="mask")
    assert matched.dims == ("lat", "lon")


@pytest.mark.parametrize(
    ("lat", "lon", "said"),
    [
        (LAT[:-1], LON, r"8 \(-80 to 60\) against 9 \(-80 to 80\)"),
        (LAT[::-1], LON, "opposite order"),
        (LAT, (LON + 180) % 360 - 180, "counted differently"),
        (LAT, np.sort((LON + 180) % 360 - 180), "counted differently"),
        (LAT + 2e-6, LON, r"at most 2e-06, which is rounding.*xflux.snap"),
        (LAT, LON + 15.0, "shifted by 15, where cells are 30 apart"),
        (LAT * 0.9, LON, "by up to 8; bring both to one grid"),
    ],
)
def test_grids_that_differ_are_an_error_that_says_how(
    lat: np.ndarray, lon: np.ndarray, said: str
) -> None:
    with pytest.raises(GridMismatchError, match=said):
        match_grid(field(lat, lon), field(), what="mask")


def test_sizes_are_compared_where_there_are_no_coordinates() -> None:
    bare = xr.DataArray(np.zeros((9, 11)), dims=("lat", "lon"))
    with pytest.raises(GridMismatchError, match="11 cells along 'lon', the flux has 12"):
        match_grid(bare, field(), what="area")
    assert match_grid(bare[:, :5].pad(lon=(0, 7)), field(), what="area").sizes["lon"] == 12


def test_float32_beside_float64_is_told_and_mended_by_snap() -> None:
    lat, lon = np.arange(-89.95, 90, 0.1), np.arange(-179.95, 180, 0.1)
    fine = field(lat, lon)
    coarse = field(lat.astype("f4"), lon.astype("f4")).to_dataset()
    assert (coarse.x + fine).size < fine.size
    with pytest.raises(GridMismatchError, match="rounding"):
        match_grid(coarse.x, fine, what="mask")
    mended = snap(coarse, fine)
    assert isinstance(mended, xr.Dataset)
    assert (mended.x + fine).size == fine.size
    assert match_grid(mended.x, fine, what="mask").lat.dtype == np.float64


def test_snap_keeps_names_attributes_and_lazy_data() -> None:
    obj = field(LAT + 1e-6, dims=("latitude", "longitude")).chunk()
    obj["latitude"].attrs["axis"] = "Y"
    snapped = snap(obj, field())
    np.testing.assert_array_equal(snapped.latitude, LAT)
    assert snapped.latitude.attrs == {"axis": "Y"}
    assert snapped.chunks is not None


def test_snap_refuses_what_is_not_rounding() -> None:
    off = LAT.copy()
    off[3] += 0.01
    with pytest.raises(GridMismatchError, match=r"differs by 0.01 at position \(3,\)"):
        snap(field(off), field())
    with pytest.raises(GridMismatchError, match=r"9 .* against 8"):
        snap(field(), field(LAT[:-1]))
    np.testing.assert_array_equal(snap(field(off), field(), tolerance=0.02).lat, LAT)
    with pytest.raises(GridMismatchError, match=r"more than the tolerance of 0\.2"):
        snap(field(LAT + 5), field(), tolerance=50.0)


def test_a_single_value_is_not_taken_for_the_rounding_of_another():
    assert rounding_between(np.array([2001.0]), np.array([2005.0])) is None
    assert rounding_between(np.array([45.0]), np.array([45.000001])) == pytest.approx(1e-6)
    assert rounding_between(np.array([]), np.array([])) is None
