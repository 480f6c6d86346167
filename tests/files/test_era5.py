"""normalise_era5: amounts become rates of known truth, whatever the generation of the file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from era5_files import accumulate, as_forecasts, as_of_2024, era5_land, hourly_truth
from guards import no_compute

from xflux.errors import InputError, XfluxWarning
from xflux.files.era5 import normalise_era5
from xflux.files.era5_axes import era5_axes, era5_product

RATES = {"ssrd": "swin", "strd": "lwin", "tp": "p", "slhf": "le"}
TOLERANCE = {"f8": {"rtol": 1e-9, "atol": 1e-6}, "f4": {"rtol": 1e-3, "atol": 5e-3}}


@pytest.fixture
def truth():
    return hourly_truth()


def assert_is_truth(ds, truth, tolerance=TOLERANCE["f8"]):
    for key, name in RATES.items():
        expected = truth[name].rename(latitude="lat", longitude="lon")
        np.testing.assert_allclose(ds[key].transpose(*expected.dims), expected, **tolerance)
        np.testing.assert_array_equal(ds[key]["time"], expected["time"])


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_hourly_amounts_since_midnight_give_the_hourly_fluxes(truth, dtype):
    ds = normalise_era5(era5_land(truth, dtype), product="era5-land")
    assert_is_truth(ds, truth, TOLERANCE[dtype])
    assert {ds[key].dtype for key in RATES} == {np.dtype(dtype)}


@pytest.mark.parametrize("chunk", [1, 5, 24, 72])
def test_chunks_along_time_never_change_the_result_and_nothing_is_computed(truth, chunk):
    eager = normalise_era5(era5_land(truth), product="era5-land")
    with no_compute():
        lazy = normalise_era5(era5_land(truth).chunk(time=chunk, latitude=2), product="era5-land")
    assert all(lazy[key].chunks is not None for key in RATES)
    xr.testing.assert_identical(lazy.compute(), eager)


@pytest.mark.parametrize("form", [as_of_2024, as_forecasts])
def test_other_generations_of_files_give_the_same(truth, form):
    ds = form(era5_land(truth))
    with no_compute():
        lazy = normalise_era5(ds.chunk(), product="era5-land")
    assert set(lazy["ssrd"].dims) == {"time", "lat", "lon"}
    assert not {"number", "step", "surface", "valid_time"} & set(lazy.coords)
    assert_is_truth(lazy, truth)


def test_forecast_starts_tell_the_product(truth):
    assert era5_product(as_forecasts(era5_land(truth))) == "era5-land"
    assert_is_truth(normalise_era5(as_forecasts(era5_land(truth))), truth)


def test_one_forecast_of_one_day_gets_its_valid_times(truth):
    ds = as_forecasts(era5_land(truth)).isel(time=0)
    assert_is_truth(normalise_era5(ds), truth.isel(time=slice(24)))


def test_midnight_holds_the_last_hour_of_the_day_before(truth):
    ds = normalise_era5(era5_land(truth), product="era5-land")
    midnight = ds["strd"].sel(time="2001-02-28T00")
    expected = truth["lwin"].sel(time="2001-02-28T00")
    np.testing.assert_allclose(midnight, expected, rtol=1e-9)


def test_first_hours_without_what_came_before_are_nan(truth):
    late = era5_land(truth).isel(time=slice(5, None))
    ds = normalise_era5(late, product="era5-land")
    assert ds["ssrd"].isel(time=0).isnull().all()
    assert_is_truth(ds.isel(time=slice(1, None)), truth.isel(time=slice(6, None)))


def test_a_missing_stamp_makes_the_next_one_nan_and_no_other(truth):
    gappy = era5_land(truth).drop_isel(time=10)
    ds = normalise_era5(gappy, product="era5-land")
    empty = ds["strd"].isnull().all(("lat", "lon"))
    assert list(np.flatnonzero(empty)) == [10]
    kept = np.delete(np.arange(72), [10, 11])
    assert_is_truth(ds.isel(time=np.delete(np.arange(71), 10)), truth.isel(time=kept))


def test_nan_of_one_hour_spoils_this_hour_and_the_next_but_not_the_next_day(truth):
    ds = era5_land(truth)
    ds["ssrd"][23] = np.nan
    rate = normalise_era5(ds, product="era5-land")["ssrd"].isel(lat=0, lon=0)
    assert list(np.flatnonzero(rate.isnull())) == [23]
    ds["ssrd"][40] = np.nan
    rate = normalise_era5(ds, product="era5-land")["ssrd"].isel(lat=0, lon=0)
    assert list(np.flatnonzero(rate.isnull())) == [23, 40, 41]


@pytest.mark.parametrize("every", [3, 6, 24])
def test_stamps_every_few_hours_give_means_over_these_hours(truth, every):
    sparse = era5_land(truth).isel(time=slice(every - 1, None, every))
    ds = normalise_era5(sparse, product="era5-land")
    means = truth.coarsen(time=every).mean().assign_coords(time=sparse["time"])
    assert_is_truth(ds, means)


def test_start_stamps_hold_the_hour_that_begins_there(truth):
    ds = normalise_era5(era5_land(truth), product="era5-land", stamps="start")
    np.testing.assert_allclose(ds["strd"][:-1], truth["lwin"][1:], rtol=1e-9)
    assert ds["strd"][-1].isnull().all()
    assert "starts at the stamp" in ds["strd"].attrs["comment"]


def test_hourly_era5_holds_single_hours(truth):
    ds = era5_land(truth).assign(
        ssrd=(truth["swin"] * 3600.0).assign_attrs(units="J m**-2"),
        strd=(truth["lwin"] * 3600.0).assign_attrs(units="J m**-2"),
        tp=(truth["p"] / 24000.0).assign_attrs(units="m"),
        slhf=(-truth["le"] * 3600.0).assign_attrs(units="J m**-2"),
    )
    assert_is_truth(normalise_era5(ds, product="era5"), truth)


def test_hourly_era5_taken_for_era5_land_shows_as_nan_not_as_numbers(truth):
    hourly = (truth["swin"] * 3600.0).assign_attrs(units="J m**-2").rename("ssrd").to_dataset()
    rate = normalise_era5(hourly, product="era5-land")["ssrd"]
    falling = (hourly["ssrd"].diff("time") < -1e5).rename(latitude="lat", longitude="lon")
    falling = falling.where(falling["time"].dt.hour != 1, False)
    assert falling.any()
    assert rate.sel(time=falling["time"]).where(falling, drop=True).isnull().all()


def monthly(values, attrs, name="ssrd"):
    time = pd.date_range("2001-01-01", periods=len(values), freq="MS")
    return xr.Dataset({name: ("time", np.array(values, "f8"), attrs)}, coords={"time": time})


@pytest.mark.parametrize("product", [None, "era5", "era5-land", "era5-monthly"])
def test_monthly_means_are_amounts_per_day_whatever_the_month(product):
    ds = monthly([86400.0 * 200.0] * 3, {"units": "J m**-2"})
    np.testing.assert_allclose(normalise_era5(ds, product=product)["ssrd"], 200.0)
    rain = monthly([0.002] * 3, {"units": "m"}, "tp")
    np.testing.assert_allclose(normalise_era5(rain, product=product)["tp"], 2.0)


def test_one_monthly_mean_is_known_by_its_grib_step_type():
    attrs = {"units": "J m**-2", "GRIB_stepType": "avgad"}
    ds = normalise_era5(monthly([86400.0], attrs))
    np.testing.assert_allclose(ds["ssrd"], 1.0)
    assert "GRIB_stepType" not in ds["ssrd"].attrs


def test_monthly_copies_under_other_names_must_be_told():
    ds = monthly([0.002] * 3, {"units": "m"}, "total_precipitation")
    with pytest.raises(InputError, match="does not say over which period"):
        normalise_era5(ds)
    rate = normalise_era5(ds, product="era5-monthly")["total_precipitation"]
    np.testing.assert_allclose(rate, 2.0)


@pytest.mark.parametrize(("spacing", "product"), [(0.1, "era5-land"), (0.25, "era5")])
def test_the_grid_tells_an_unknown_product_with_a_warning(truth, spacing, product):
    ds = era5_land(truth).rename(latitude="lat", longitude="lon")
    ds = ds.assign_coords(lat=50.0 + spacing * np.arange(ds.sizes["lat"]))
    with pytest.warns(XfluxWarning, match=f"taken as {product}"):
        guessed = normalise_era5(ds)
    told = normalise_era5(ds, product=product)
    np.testing.assert_array_equal(guessed["ssrd"], told["ssrd"])


@pytest.mark.parametrize(
    ("title", "product"),
    [
        ("ERA5-Land hourly data", "era5-land"),
        ("era5_land, Laos", "era5-land"),
        ("ERA5 single levels", "era5"),
        ("ERA5 beside ERA5-Land", None),
        ("reanalysis", None),
    ],
)
def test_a_title_tells_the_product_unless_it_names_both(title, product):
    assert era5_product(xr.Dataset(attrs={"title": title})) == product


def test_hourly_stamps_contradict_a_monthly_product(truth):
    with pytest.raises(InputError, match="said to be a monthly mean"):
        normalise_era5(era5_land(truth), product="era5-monthly")


def test_a_single_hour_of_era5_land_is_refused(truth):
    with pytest.raises(InputError, match="one time stamp"):
        normalise_era5(era5_land(truth).isel(time=[3]), product="era5-land")


def test_stamps_off_whole_steps_are_refused(truth):
    ds = era5_land(truth)
    shifted = ds.assign_coords(time=ds["time"] + np.timedelta64(30, "m"))
    with pytest.raises(InputError, match="whole steps of a day"):
        normalise_era5(shifted, product="era5-land")


def test_hourly_era5_with_hours_left_out_is_refused(truth):
    with pytest.raises(InputError, match="every 3 h"):
        normalise_era5(era5_land(truth).isel(time=slice(None, None, 3)), product="era5")


def test_repeated_stamps_are_refused_and_named(truth):
    ds = era5_land(truth)
    twice = xr.concat([ds, ds.isel(time=[5])], "time")
    with pytest.raises(InputError, match="2001-02-27 06:00:00"):
        normalise_era5(twice, product="era5-land")


def test_unsorted_stamps_are_sorted(truth):
    ds = era5_land(truth).isel(time=slice(None, None, -1))
    assert_is_truth(normalise_era5(ds, product="era5-land"), truth)


@pytest.mark.parametrize("keyword", [{"product": "era6"}, {"stamps": "middle"}])
def test_unknown_keywords_are_refused(truth, keyword):
    with pytest.raises(InputError, match="is unknown"):
        normalise_era5(era5_land(truth), **keyword)


def test_packing_noise_at_night_becomes_zero(truth):
    ds = era5_land(truth)
    step = 500.0  # J m-2, of 16-bit packing
    ds["ssrd"] = (np.round(ds["ssrd"] / step) * step).assign_attrs(ds["ssrd"].attrs)
    noise = np.random.default_rng(1).choice([0.0, step], ds["ssrd"].shape)
    ds["ssrd"] = (ds["ssrd"] - noise).assign_attrs(units="J m**-2")
    rate = normalise_era5(ds, product="era5-land")["ssrd"]
    assert not rate.isnull().any()
    assert (rate >= 0.0).all()
    np.testing.assert_allclose(rate, truth["swin"], atol=2 * step / 3600.0)


def test_signed_fluxes_keep_negative_values(truth):
    rate = normalise_era5(era5_land(truth), product="era5-land")["slhf"]
    assert (rate < 0).any()


def test_net_radiation_is_the_sum_of_its_parts_downwards(truth):
    net = {
        "ssr": accumulate(truth["swin"] * 0.8 * 3600.0).assign_attrs(units="J m**-2"),
        # The files call this upward, and count it downwards.
        "str": accumulate(xr.full_like(truth["lwin"], -60.0) * 3600.0).assign_attrs(
            units="J m**-2", standard_name="surface_net_upward_longwave_flux"
        ),
    }
    ds = normalise_era5(xr.Dataset(net), product="era5-land")
    np.testing.assert_allclose(ds["rnet"], truth["swin"] * 0.8 - 60.0, atol=1e-6)
    assert ds["str"].attrs["standard_name"] == "surface_net_downward_longwave_flux"
    assert "rnet" not in normalise_era5(xr.Dataset(net)[["ssr"]], product="era5-land")


def test_rates_and_other_units_pass_unchanged(truth):
    ds = truth[["swin"]].rename(swin="ssrd", latitude="lat", longitude="lon")
    ds["ssrd"].attrs["units"] = "W m**-2"
    xr.testing.assert_identical(normalise_era5(ds), ds)


def test_names_of_the_user_are_read_as_accumulated(truth):
    ds = era5_land(truth).rename(ssrd="sunshine")
    rate = normalise_era5(ds, product="era5-land", names={"swin": "sunshine"})["sunshine"]
    np.testing.assert_allclose(rate, truth["swin"], atol=1e-6)


def test_preliminary_values_fill_the_final_ones(truth):
    ds = era5_land(truth)
    final = ds.where(ds["time"] < np.datetime64("2001-02-28T12"))
    preliminary = ds.where(ds["time"] >= np.datetime64("2001-02-28T12"))
    both = xr.concat([preliminary, final], pd.Index([5, 1], name="expver"))
    for key in ds.data_vars:
        both[key].attrs.update(ds[key].attrs)
    with no_compute():
        merged = normalise_era5(both.chunk(), product="era5-land")
    assert "expver" not in merged.dims
    assert_is_truth(merged, truth)


def test_final_values_win_over_preliminary_ones():
    ds = xr.Dataset({"t2m": ("expver", [280.0, 290.0])}, coords={"expver": ["0005", "0001"]})
    assert era5_axes(ds)["t2m"] == 290.0


def test_fields_that_do_not_change_lose_a_time_of_their_own():
    time = np.array(["2000-01-01"], "M8[ns]")
    ds = xr.Dataset({"lsm": (("valid_time", "latitude"), [[1.0, 0.0]])}, {"valid_time": time})
    settled = era5_axes(ds)
    assert settled["lsm"].dims == ("latitude",)
    assert "time" not in settled.dims


def test_geopotential_becomes_height():
    units = {"units": "m**2 s**-2"}
    ds = xr.Dataset({"z": (("latitude", "longitude"), [[9806.65]], units)})
    ds = ds.assign_coords(latitude=[10.0], longitude=[20.0])
    height = normalise_era5(ds)["z"]
    np.testing.assert_allclose(height, 1000.0)
    assert height.attrs["units"] == "m"
    assert height.attrs["standard_name"] == "surface_altitude"


def test_nothing_accumulates_at_the_start_of_a_forecast(truth):
    ds = as_forecasts(era5_land(truth))
    zero = xr.zeros_like(ds.isel(step=[0])).assign_coords(step=[np.timedelta64(0, "ns")])
    padded = xr.concat([zero, ds.isel(step=slice(23))], "step", data_vars="minimal")
    padded = padded.assign_coords(valid_time=padded["time"] + padded["step"])
    for key in ds.data_vars:
        padded[key].attrs.update(ds[key].attrs)
    rate = normalise_era5(padded)["slhf"]
    assert rate.sel(time="2001-02-28T00").isnull().all()
    np.testing.assert_allclose(rate.sel(time="2001-02-28T01"), truth["le"][24], rtol=1e-9)
