"""open_drivers: files in, one lazy Dataset in canonical names and units out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from era5_files import as_of_2024, era5_land, hourly_truth
from guards import no_compute

from xflux.errors import InputError, MissingVariableError, UnitsError, XfluxWarning
from xflux.files.drivers import open_drivers

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata")


def opened(*args, **options):
    with no_compute():
        return open_drivers(*args, **options)


@pytest.fixture
def truth():
    return hourly_truth()


def packed(ds):
    """Return the 16-bit packing of older files."""
    encoding = {}
    for key, array in ds.data_vars.items():
        low, high = float(array.min()), float(array.max())
        scale = max(high - low, 1e-9) / 65000.0
        offset = low + 32500.0 * scale
        encoding[key] = dict(
            dtype="i2", scale_factor=scale, add_offset=offset, _FillValue=np.int16(-32767)
        )
    return encoding


def assert_is_truth(ds, truth, **tolerance):
    truth = truth.rename(latitude="lat", longitude="lon").sortby("lat")
    for name, expected in truth.data_vars.items():
        np.testing.assert_allclose(ds[name], expected, **tolerance)
    for coord in ("time", "lat", "lon"):
        np.testing.assert_array_equal(ds[coord], truth[coord])


def test_era5_land_netcdf_gives_the_true_fluxes_and_vpd(tmp_path, truth):
    era5_land(truth).to_netcdf(tmp_path / "land.nc")
    ds = opened(tmp_path / "land.nc", product="era5-land")
    assert all(array.chunks is not None for array in ds.data_vars.values())
    assert_is_truth(ds, truth, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ds["ta"], 20.0, rtol=1e-6)
    # Tetens' formula over water as in Allen et al. (1998), eq. 11: 2.338 - 1.228 kPa
    np.testing.assert_allclose(ds["vpd"], 11.1, rtol=5e-3)
    assert ds["swin"].attrs["units"] == "W m-2"
    assert ds["p"].attrs["units"] == "mm d-1"
    assert "00 UTC" in ds["swin"].attrs["comment"]
    assert ds["swin"].attrs["source_name"] == "ssrd"


def test_packed_files_by_month_and_kind_are_joined_before_they_are_differenced(tmp_path, truth):
    land = era5_land(truth)
    halves = {"feb": land.isel(time=slice(30)), "mar": land.isel(time=slice(30, None))}
    for label, half in halves.items():
        for kind, keys in {"rad": ["ssrd", "strd", "slhf"], "air": ["t2m", "d2m", "tp"]}.items():
            part = half[keys]
            part.to_netcdf(tmp_path / f"{label}_{kind}.nc", encoding=packed(part))
    ds = opened(tmp_path, product="era5-land", chunks={"time": 7})
    # a step of packing is 2.5e7 / 65000 J m-2 and 0.1 m / 65000; a difference has two
    assert_is_truth(ds[["swin", "lwin", "le"]], truth[["swin", "lwin", "le"]], atol=0.6)
    assert not ds["swin"].isnull().any()
    np.testing.assert_allclose(ds["p"], truth["p"].sortby("latitude"), atol=0.2)


@pytest.mark.filterwarnings("ignore:The specified chunks separate the stored chunks")
@pytest.mark.filterwarnings("ignore:.*Zarr V3 specification")
@pytest.mark.parametrize(
    "chunks", ["auto", {}, {"valid_time": 5, "latitude": 1}, {"valid_time": 11}]
)
def test_newer_files_and_zarr_give_the_same_by_any_chunks(tmp_path, truth, chunks):
    new = as_of_2024(era5_land(truth))
    new.to_netcdf(tmp_path / "new.nc")
    new.to_zarr(tmp_path / "new.zarr")
    for name in ("new.nc", "new.zarr"):
        ds = opened(tmp_path / name, product="era5-land", chunks=chunks)
        assert (ds["expver"] == "0001").all()
        assert_is_truth(ds, truth, rtol=1e-6, atol=1e-6)


def test_float32_and_float64_files_agree(tmp_path, truth):
    for dtype in ("f4", "f8"):
        era5_land(truth, dtype).to_netcdf(tmp_path / f"{dtype}.nc")
    single, double = (opened(tmp_path / f"{d}.nc", product="era5-land") for d in ("f4", "f8"))
    assert single["swin"].dtype == np.dtype("f4")
    for name in ("swin", "p", "vpd"):
        np.testing.assert_allclose(single[name], double[name], rtol=1e-3, atol=5e-3)


def test_a_file_that_does_not_say_its_product_is_taken_as_era5_land_with_a_warning(tmp_path, truth):
    era5_land(truth).to_netcdf(tmp_path / "a.nc")
    with pytest.warns(XfluxWarning, match="taken as era5-land.*Pass product="):
        guessed = open_drivers(tmp_path / "a.nc")
    xr.testing.assert_equal(guessed, opened(tmp_path / "a.nc", product="era5-land"))
    with pytest.raises(UnitsError):
        open_drivers(tmp_path / "a.nc", product="cf")


def test_monthly_means_need_no_product(tmp_path):
    time = pd.date_range("2001-01-01", periods=3, freq="MS")
    data = np.full((3, 2, 2), 86400.0 * 150.0, "f4")
    ds = xr.Dataset(
        {"ssrd": (("time", "latitude", "longitude"), data, {"units": "J m**-2"})},
        {"time": time, "latitude": [1.0, 0.0], "longitude": [250.0, 251.0]},
    )
    for i in range(3):
        ds.isel(time=[i]).to_netcdf(tmp_path / f"{i}.nc")
    monthly = opened(sorted(tmp_path.glob("*.nc")))
    np.testing.assert_allclose(monthly["swin"], 150.0, rtol=1e-6)
    np.testing.assert_array_equal(monthly["lon"], [-110.0, -109.0])
    np.testing.assert_array_equal(monthly["lat"], [0.0, 1.0])


def test_a_land_mask_with_a_date_of_its_own_joins(tmp_path, truth):
    era5_land(truth).to_netcdf(tmp_path / "land.nc")
    shape = (1, truth.sizes["latitude"], truth.sizes["longitude"])
    mask = xr.Dataset(
        {"lsm": (("valid_time", "latitude", "longitude"), np.ones(shape), {"units": "(0 - 1)"})},
        {
            "valid_time": pd.to_datetime(["2000-01-01"]),
            "latitude": truth["latitude"],
            "longitude": truth["longitude"],
        },
    )
    mask.to_netcdf(tmp_path / "mask.nc")
    ds = opened(tmp_path, product="era5-land")
    assert ds["land_fraction"].dims == ("lat", "lon")


def cmip(name, units, standard_name, value, years, height, calendar="noleap"):
    time = xr.date_range(
        f"{years[0]}-01-16", periods=12 * len(years), freq="MS", calendar=calendar, use_cftime=True
    )
    lat, lon = np.linspace(-88.0, 88.0, 5), np.arange(0.0, 360.0, 60.0)
    ds = xr.Dataset(
        {
            name: (("time", "lat", "lon"), np.full((time.size, 5, 6), value, "f4")),
            "lat_bnds": (("lat", "bnds"), np.stack([lat - 22, lat + 22], -1)),
            "lon_bnds": (("lon", "bnds"), np.stack([lon - 30, lon + 30], -1)),
        },
        coords={
            "time": time,
            "lat": ("lat", lat, {"bounds": "lat_bnds", "standard_name": "latitude"}),
            "lon": ("lon", lon, {"bounds": "lon_bnds", "standard_name": "longitude"}),
            "height": height,
        },
        attrs={"mip_era": "CMIP6"},
    )
    ds[name].attrs.update(
        units=units,
        standard_name=standard_name,
        cell_methods="area: time: mean",
        cell_measures="area: areacella",
    )
    return ds


CMIP = {
    "tas": ("K", "air_temperature", 293.15, 2.0, "ta", 20.0),
    "hurs": ("%", "relative_humidity", 50.0, 2.0, "rh_air", 0.5),
    "rsds": ("W m-2", "surface_downwelling_shortwave_flux_in_air", 180.0, 0.0, "swin", 180.0),
    "pr": ("kg m-2 s-1", "precipitation_flux", 1.0 / 86400.0, 0.0, "p", 1.0),
    "ps": ("Pa", "surface_air_pressure", 95000.0, 0.0, "patm", 95000.0),
    "co2": ("1e-06", "mole_fraction_of_carbon_dioxide_in_air", 400.0, 0.0, "co2", 400.0),
    "sfcWind": ("m s-1", "wind_speed", 3.0, 10.0, "wind_speed", 3.0),
}


def test_cmip_files_by_variable_and_period_keep_their_calendar_and_bounds(tmp_path):
    for name, (units, standard, value, height, _, _) in CMIP.items():
        for years in ((2001,), (2002, 2003)):
            made = cmip(name, units, standard, value, years, height)
            made.to_netcdf(tmp_path / f"{name}_{years[0]}.nc")
    ds = opened(str(tmp_path / "*.nc"))
    for _, _, _, _, canonical, expected in CMIP.values():
        np.testing.assert_allclose(ds[canonical], expected, rtol=1e-6)
        assert ds[canonical].sizes["time"] == 36
    assert ds["time"].dt.calendar == "noleap"
    assert ds["vpd"].attrs["units"] == "hPa"
    assert {"lat_bnds", "lon_bnds"} <= set(ds.data_vars)
    np.testing.assert_array_equal(ds["lon"], [-180, -120, -60, 0, 60, 120])
    np.testing.assert_allclose(ds["lon_bnds"].mean("bnds"), ds["lon"])


def test_modis_fapar_joins_climate_on_its_grid(tmp_path):
    time = pd.date_range("2001-01-01", periods=3, freq="8D")
    coords = {"time": time, "lat": [1.0, 0.0], "lon": [10.0, 11.0]}
    dims = ("time", "lat", "lon")
    raw = np.array([[[0, 50], [100, 255]]] * 3, "u1")
    fill = {"_FillValue": np.uint8(255)}
    modis = xr.Dataset({"Fpar_500m": (dims, raw, {**fill, "scale_factor": 0.01})}, coords)
    modis["FparLai_QC"] = (dims, raw, fill)
    modis.to_netcdf(tmp_path / "modis.nc")
    climate = xr.Dataset({"tas": (dims, np.full((3, 2, 2), 293.15), {"units": "K"})}, coords)
    climate.to_zarr(tmp_path / "climate.zarr")
    ds = opened([tmp_path / "modis.nc", tmp_path / "climate.zarr"])
    np.testing.assert_allclose(ds["fapar"][0, ::-1], [[0.0, 0.5], [1.0, np.nan]], rtol=1e-6)
    np.testing.assert_allclose(ds["ta"], 20.0)
    assert ds["FparLai_QC"].dtype == np.dtype("u1")


@pytest.mark.filterwarnings("ignore:The specified chunks separate the stored chunks")
def test_what_was_opened_can_be_written_again(tmp_path, truth):
    land = as_of_2024(era5_land(truth)).drop_vars("expver")
    land.to_zarr(tmp_path / "in.zarr", encoding={"ssrd": {"chunks": (10, 3, 2)}})
    ds = opened(tmp_path / "in.zarr", product="era5-land", chunks={"valid_time": 33})
    ds.to_zarr(tmp_path / "out.zarr")
    ds.to_netcdf(tmp_path / "out.nc")
    for name in ("out.zarr", "out.nc"):
        with xr.open_dataset(tmp_path / name) as again:
            xr.testing.assert_allclose(again["swin"], ds["swin"])


def test_names_of_the_user_and_what_is_unknown(tmp_path):
    ds = xr.Dataset({"mine": ("x", [293.15], {"units": "K"}), "other": ("x", np.array([3], "i2"))})
    ds.to_netcdf(tmp_path / "a.nc")
    done = opened(tmp_path / "a.nc", names={"ta": "mine"})
    np.testing.assert_allclose(done["ta"], 20.0)
    assert done["other"].dtype == np.dtype("i2")
    with pytest.raises(MissingVariableError, match="'mine', 'other'"):
        open_drivers(tmp_path / "a.nc")
    with pytest.raises(MissingVariableError, match="there is no variable 'absent'"):
        open_drivers(tmp_path / "a.nc", names={"ta": "absent"})


def test_preprocess_mends_a_file_first(tmp_path):
    xr.Dataset({"tas": ("x", [293.15])}).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(UnitsError, match="no units"):
        open_drivers(tmp_path / "a.nc")
    mend = {"preprocess": lambda ds: ds.assign(tas=ds["tas"].assign_attrs(units="K"))}
    np.testing.assert_allclose(opened(tmp_path / "a.nc", **mend)["ta"], 20.0)


def test_an_unknown_product_is_refused():
    with pytest.raises(InputError, match="product='merra'"):
        open_drivers("any.nc", product="merra")


def test_orientation_can_be_left_as_it_is(tmp_path, truth):
    era5_land(truth).to_netcdf(tmp_path / "land.nc")
    ds = opened(tmp_path / "land.nc", product="era5-land", orient=False)
    np.testing.assert_array_equal(ds["lat"], truth["latitude"])


@pytest.mark.real
def test_the_global_climatology_opens_as_it_is(data):
    path = data / "grids" / "global_1deg" / "global_monthly_drivers.nc"
    ds = opened(path)
    raw = xr.open_dataset(path)
    expected = {"ta", "ta_min", "ta_max", "vpd", "p", "swin", "rnet", "fapar", "lai", "elevation"}
    assert expected | {"patm", "land_fraction", "igbp", "cell_area", "ppfd"} <= set(ds.data_vars)
    np.testing.assert_array_equal(ds["ta"], raw["ta"])
    np.testing.assert_array_equal(ds["month"], np.arange(1, 13))
    assert "cld" in ds


@pytest.mark.real
def test_the_regional_climatology_turns_south_to_north(data):
    path = next((data / "grids" / "laos").glob("*.nc"))
    ds, raw = opened(path), xr.open_dataset(path)
    np.testing.assert_array_equal(ds["swin"], raw["swdown"].sortby("lat"))
    np.testing.assert_array_equal(ds["ta_min"], raw["tmin"].sortby("lat"))
    assert ds["laos_mask"].dtype == raw["laos_mask"].dtype
