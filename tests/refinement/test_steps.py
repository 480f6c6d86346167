"""Steps of another length, and mean years, are refused: a lag of one day is not one of a month."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.errors import InputError, XfluxWarning
from xflux.refinement.steps import step_days


@pytest.fixture(scope="module")
def towers():
    return xflux.twin.Earth(start="2001", end="2003", seed=5).towers(n=12)


def fitted(towers, *features):
    model = xflux.ResidualModel("kernel", fluxes=("gpp",), features=features, members=3)
    return model.fit(*towers)


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
def test_months_of_any_calendar_are_of_30_days_or_so(calendar):
    time = xr.date_range("2001-01-01", periods=24, freq="MS", calendar=calendar)
    assert 29.5 <= step_days(xr.Dataset(coords={"time": time})) <= 31.0
    assert step_days(xr.Dataset(coords={"time": time[:1]})) is None
    assert step_days(xr.Dataset(coords={"time": np.arange(4)})) is None


def test_days_are_refused_by_a_model_of_months(towers):
    model = fitted(towers, "ta", "fapar", "gpp_baseline")
    drivers = towers[0]
    days = pd.date_range("2001-01-01", periods=drivers.sizes["time"], freq="D")
    with pytest.raises(InputError, match=r"steps are of 1 days.*fitted to steps of 31"):
        model.apply(drivers.assign_coords(time=days))


def test_a_mean_year_is_refined_by_features_of_the_month_alone(towers):
    grid = xflux.twin.Earth(start="2001", end="2001", seed=5).drivers.isel(lat=slice(20, 24))
    year = grid.assign_coords(time=np.arange(1, 13)).rename(time="month")
    year["month"].attrs["standard_name"] = "month"
    made = fitted(towers, "ta", "fapar", "gpp_baseline").apply(year)
    assert made["gpp"].sizes["month"] == 12
    with pytest.raises(InputError, match="such as ta_lag1, look at other steps"):
        fitted(towers, "ta", "ta_lag1", "gpp_baseline").apply(year)
    with pytest.raises(InputError, match="such as ta_anomaly"):
        fitted(towers, "ta", "ta_anomaly", "gpp_baseline").apply(year)


def test_another_calibration_of_the_baseline_is_refused(towers):
    drivers = towers[0].assign(co2=towers[0]["co2"])
    model = fitted(towers, "ta", "fapar", "gpp_baseline")
    other = drivers.flux.baseline(gpp=xflux.PModel(preset="ORG"))
    with pytest.raises(InputError, match="learned the errors of"):
        model.apply(other)


def test_observations_are_replaced_with_a_warning_and_the_level_is_kept(towers):
    drivers, observed = towers
    both = drivers.assign(gpp=observed["gpp"])
    model = fitted(towers, "ta", "fapar", "gpp_baseline")
    with pytest.warns(XfluxWarning, match="refine replaces gpp"):
        made = both.flux.refine(model, interval=0.8)
    assert made.attrs["interval"] == 0.8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = xflux.refine(both, model)
    assert xflux.evaluate_intervals(observed[["gpp"]], alone)["coverage"].item() > 0.5


def test_what_is_no_dataset_is_refused(towers):
    drivers, observed = towers
    with pytest.raises(InputError, match="observed are a DataArray"):
        xflux.ResidualModel("kernel").fit(drivers, observed["gpp"])
