"""normalise_modis: physical values and NaN, however the file was stored and read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError
from xflux.files.modis import is_modis, normalise_modis

DIMS = ("time", "lat", "lon")
TIME = pd.to_datetime(["2004-01-01", "2004-12-26"])


def layer(name, values, dtype, attrs=None, time=TIME):
    """Return a Dataset with one layer, (2, 1, n)."""
    values = np.array([[values], [values]], dtype)
    coords = {"time": time, "lat": [10.0], "lon": np.arange(values.shape[-1]) + 20.0}
    return xr.Dataset({name: (DIMS, values, attrs or {})}, coords=coords)


def reopened(ds, path, encoding=None, **options):
    ds.to_netcdf(path, encoding=encoding)
    return xr.open_dataset(path, chunks={}, **options)


FPAR = [0, 42, 100, 249, 252, 254, 255]
FPAR_TRUTH = [0.0, 0.42, 1.0, *[np.nan] * 4]
NDVI = [-2000, 0, 8123, 10000, -3000]
NDVI_TRUTH = [-0.2, 0.0, 0.8123, 1.0, np.nan]


@pytest.mark.parametrize("name", ["Fpar_500m", "Fpar_1km", "Fpar"])
@pytest.mark.parametrize(
    "attrs", [{}, {"scale_factor": 0.01, "_FillValue": 255, "units": "Percent"}]
)
def test_raw_fapar_is_scaled_and_its_fills_are_nan(name, attrs):
    with no_compute():
        ds = normalise_modis(layer(name, FPAR, "u1", attrs).chunk(time=1))
    np.testing.assert_allclose(ds["fapar"][0, 0], FPAR_TRUTH, rtol=1e-6)
    assert ds["fapar"].attrs["units"] == "1"
    assert "scale_factor" not in ds["fapar"].attrs
    assert ds["fapar"].dtype == np.dtype("f4")


@pytest.mark.parametrize("mask_and_scale", [True, False])
def test_decoded_and_undecoded_files_agree(tmp_path, mask_and_scale):
    attrs = {"scale_factor": 0.01, "valid_range": np.array([0, 100], "u1"), "_FillValue": 255}
    raw = layer("Fpar_500m", FPAR, "u1", attrs)
    ds = normalise_modis(reopened(raw, tmp_path / "f.nc", mask_and_scale=mask_and_scale))
    np.testing.assert_allclose(ds["fapar"][1, 0], FPAR_TRUTH, rtol=1e-6)


@pytest.mark.parametrize("mask_and_scale", [True, False])
@pytest.mark.parametrize("factor", [10000.0, 1e-4, 1.0, None])
def test_ndvi_is_right_by_whatever_factor_the_file_gives(tmp_path, factor, mask_and_scale):
    attrs = {"_FillValue": np.int16(-3000), "valid_range": np.array([-2000, 10000], "i2")}
    if factor is not None:
        attrs["scale_factor"] = factor
    raw = layer("_1_km_16_days_NDVI", NDVI, "i2", attrs)
    ds = normalise_modis(reopened(raw, tmp_path / "n.nc", mask_and_scale=mask_and_scale))
    np.testing.assert_allclose(ds["ndvi"][0, 0], NDVI_TRUTH, rtol=1e-6)
    assert "valid_range" not in ds["ndvi"].attrs


def test_floats_with_the_stored_valid_range_are_still_to_be_scaled():
    attrs = {"valid_range": np.array([-2000, 10000], "i2")}
    ds = normalise_modis(layer("500m_16_days_NDVI", NDVI, "f8", attrs))
    np.testing.assert_allclose(ds["ndvi"][0, 0], NDVI_TRUTH)
    assert ds["ndvi"].dtype == np.dtype("f8")


def test_physical_floats_pass_but_for_fills():
    ds = normalise_modis(layer("Fpar_500m", [0.0, 0.42, 1.0, 2.49, np.nan], "f8"))
    np.testing.assert_array_equal(ds["fapar"][0, 0], [0.0, 0.42, 1.0, np.nan, np.nan])


@pytest.mark.parametrize(
    ("name", "canonical", "raw", "value"),
    [
        ("250m 16 days NDVI", "ndvi", 5000, 0.5),
        ("CMG 0.05 Deg Monthly EVI", "evi", 5000, 0.5),
        ("_250m_16_days_red_reflectance", "red", 1200, 0.12),
        ("_250m_16_days_NIR_reflectance", "nir", 3400, 0.34),
        ("Lai_500m", "lai", 35, 3.5),
        ("sur_refl_b01", "red", 1200, 0.12),
        ("Nadir_Reflectance_Band2", "nir", 3400, 0.34),
        ("Nadir_Reflectance_Band5", "swir", 2500, 0.25),
        ("Nadir_Reflectance_Band7", "mir", 900, 0.09),
        ("_1_km_16_days_MIR_reflectance", "mir", 900, 0.09),
    ],
)
def test_layers_come_under_canonical_names(name, canonical, raw, value):
    ds = normalise_modis(layer(name, [raw], "i2"))
    np.testing.assert_allclose(ds[canonical], value, rtol=1e-6)


@pytest.mark.parametrize("name", ["LST_Day_1km", "LST_Night_CMG"])
def test_surface_temperatures_are_kelvin_and_become_celsius(name):
    ds = normalise_modis(layer(name, [15000, 7500, 0], "u2"))
    (canonical,) = (key for key in ds.data_vars if key.startswith("lst_"))
    np.testing.assert_allclose(ds[canonical][0, 0], [300.0, 150.0, np.nan])
    celsius = xflux.standardize(ds.isel(lon=slice(1)))[canonical]
    assert celsius.attrs["units"] == "degC"
    np.testing.assert_allclose(celsius, 26.85, rtol=1e-5)


def test_land_cover_classes_stay_and_fills_go():
    ds = normalise_modis(layer("LC_Type1", [1, 17, 0, 255], "u1"))
    np.testing.assert_array_equal(ds["igbp"][0, 0], [1, 17, np.nan, np.nan])


def test_water_of_the_climate_grid_is_class_17():
    attrs = {"flag_values": np.arange(17), "flag_meanings": "water " + "x " * 16}
    ds = normalise_modis(layer("Majority_Land_Cover_Type_1", [0, 1, 16, 255], "u1", attrs))
    np.testing.assert_array_equal(ds["igbp"][0, 0], [17, 1, 16, np.nan])
    assert "flag_values" not in ds["igbp"].attrs


def test_quality_flags_stay_integers_whatever_decoding_did(tmp_path):
    raw = layer("Fpar_500m", FPAR[:3], "u1")
    raw["FparLai_QC"] = (DIMS, np.array([[[0, 157, 255]]] * 2, "u1"), {"_FillValue": np.uint8(255)})
    opened = reopened(raw, tmp_path / "q.nc")
    assert opened["FparLai_QC"].dtype.kind == "f"
    with no_compute():
        flags = normalise_modis(opened)["FparLai_QC"]
    assert flags.dtype == np.dtype("u1")
    np.testing.assert_array_equal(flags[0, 0], [0, 157, 255])


def test_two_layers_of_one_kind_keep_their_names():
    ds = layer("_500m_16_days_NDVI", [5000], "i2")
    ds["_1_km_16_days_NDVI"] = ds["_500m_16_days_NDVI"]
    done = normalise_modis(ds)
    assert set(done.data_vars) == {"_500m_16_days_NDVI", "_1_km_16_days_NDVI"}


def test_a_name_the_user_gives_is_kept():
    ds = layer("_500m_16_days_NDVI", [5000], "i2")
    done = normalise_modis(ds, names={"ndvi": "_500m_16_days_NDVI"})
    np.testing.assert_allclose(done["_500m_16_days_NDVI"], 0.5)


def test_gpp_of_composites_becomes_daily_also_in_the_short_last_one():
    ds = normalise_modis(layer("Gpp_500m", [800, 32766], "i2"))
    # 0.08 kg m-2 over 8 days from 1 January, over 6 days from 26 December of a leap year
    np.testing.assert_allclose(ds["gpp"][:, 0, 0], [0.01, 0.08 / 6.0], rtol=1e-6)
    assert ds["gpp"][:, 0, 1].isnull().all()
    assert ds["gpp"].attrs["units"] == "kg m-2 d-1"


def test_composites_without_their_first_days_are_refused():
    ds = layer("Gpp_500m", [800], "i2", time=pd.to_datetime(["2004-01-02", "2004-01-10"]))
    with pytest.raises(InputError, match="8-day composites"):
        normalise_modis(ds)


def test_dates_called_julian_become_standard_dates():
    ds = layer("Fpar_500m", [50], "u1")
    julian = xr.date_range("2004-02-28", periods=2, freq="2D", calendar="julian", use_cftime=True)
    dates = normalise_modis(ds.assign_coords(time=julian)).indexes["time"]
    assert list(dates) == list(pd.to_datetime(["2004-02-28", "2004-03-01"]))


def test_other_files_are_not_taken_for_modis():
    other = xr.Dataset({"NDVI": ("lat", [0.5]), "LC": ("lat", [3])}, {"lat": [1.0]})
    assert not is_modis(other)
    xr.testing.assert_identical(normalise_modis(other), other)
    assert is_modis(layer("Fpar_500m", [1], "u1"))
