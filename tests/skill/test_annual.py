"""Annual values, their variability, and their departures from the trend."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

from xflux.errors import InputError
from xflux.skill.annual import annual_values, detrended_anomalies, interannual_variability


def series(
    years: int = 10, freq: str = "MS", calendar: str = "standard", seed: int = 0
) -> xr.DataArray:
    time = xr.date_range("2001-01-01", f"{2000 + years}-12-30", freq=freq, calendar=calendar)
    values = np.random.default_rng(seed).normal(3, 1, (2, len(time)))
    return xr.DataArray(
        values,
        {"region": ["north", "south"], "time": time},
        ("region", "time"),
        name="nee",
        attrs={"units": "g m-2 d-1", "long_name": "Net ecosystem exchange"},
    )


def test_months_count_by_their_days_in_a_mean() -> None:
    data = series()
    days = data.time.dt.days_in_month
    expected = (data * days).groupby("time.year").sum() / days.groupby("time.year").sum()
    found = annual_values(data)
    xr.testing.assert_allclose(found, expected)
    assert found.attrs["units"] == "g m-2 d-1"


def test_amounts_are_summed() -> None:
    data = series()
    xr.testing.assert_allclose(annual_values(data, annual="sum"), data.groupby("time.year").sum())


@pytest.mark.parametrize(
    ("freq", "calendar"),
    [("MS", "standard"), ("D", "standard"), ("8D", "standard"), ("MS", "360_day"), ("D", "noleap")],
)
def test_whole_years_are_recognized(freq: str, calendar: str) -> None:
    data = series(4, freq, calendar)
    if freq == "8D":  # composites start anew each year
        data = series(4, "D").isel(time=series(4, "D").time.dt.dayofyear.values % 8 == 1)
    if freq == "D":
        data = series(4, "D", calendar).reindex(
            time=xr.date_range("2001-01-01", "2004-12-31", freq="D", calendar=calendar),
            fill_value=1.0,
        )
    assert annual_values(data).notnull().all()
    missing = data.copy()
    missing[0, 5] = np.nan
    found = annual_values(missing)
    assert found.isnull().sum() == 1
    assert np.isnan(found[0, 0])
    assert annual_values(data.isel(time=slice(1, None))).isnull().sum() == 2


def test_variability_is_the_sample_standard_deviation() -> None:
    data = series()
    values = annual_values(data)
    xr.testing.assert_allclose(
        interannual_variability(data).drop_attrs(), values.std("year", ddof=1).drop_attrs()
    )
    relative = interannual_variability(data, relative=True)
    xr.testing.assert_allclose(
        relative.drop_attrs(), (values.std("year", ddof=1) / values.mean("year")).drop_attrs()
    )
    assert relative.attrs["units"] == "1"


def test_relative_variability_is_undefined_where_the_mean_crosses_zero() -> None:
    data = series()
    centred = data - annual_values(data).mean("year")
    assert interannual_variability(centred, relative=True).isnull().all()
    assert interannual_variability(centred).notnull().all()


def test_one_year_has_no_variability() -> None:
    assert interannual_variability(series(1)).isnull().all()


@pytest.mark.parametrize("gap", [False, True])
def test_anomalies_are_residuals_of_the_least_squares_line(gap: bool) -> None:
    data = series()
    if gap:
        data[:, 40] = np.nan
    values = annual_values(data)[0].dropna("year")
    line = np.polyval(np.polyfit(values.year, values, 1), values.year)
    residual = values - line
    found = detrended_anomalies(data, standardize=False)[0].dropna("year")
    np.testing.assert_allclose(found, residual, rtol=1e-9)
    standardized = detrended_anomalies(data)[0].dropna("year")
    np.testing.assert_allclose(standardized, residual / residual.std(ddof=1), rtol=1e-9)
    np.testing.assert_allclose(standardized.std(ddof=1), 1.0)


def test_a_straight_line_leaves_no_anomalies_to_standardize() -> None:
    data = series()
    line = xr.zeros_like(data) + 0.1 * data.time.dt.year
    assert detrended_anomalies(line).isnull().all()
    np.testing.assert_allclose(detrended_anomalies(line, standardize=False), 0.0, atol=1e-10)


def test_two_years_are_too_few_for_a_trend() -> None:
    for standardize in (True, False):
        assert detrended_anomalies(series(2), standardize=standardize).isnull().all()


def test_lazy_series_stay_lazy() -> None:
    data = series()
    for function in (annual_values, interannual_variability, detrended_anomalies):
        with no_compute():
            lazy = function(data.chunk(time=7, region=1))
        xr.testing.assert_allclose(lazy.compute(), function(data), rtol=1e-9)


def test_wrong_ways_to_a_year_are_named() -> None:
    with pytest.raises(InputError, match="'mean' or 'sum'"):
        annual_values(series(), annual="median")  # type: ignore[arg-type]


def test_a_dataset_is_no_series() -> None:
    with pytest.raises(InputError, match="select a variable"):
        annual_values(series().to_dataset())  # type: ignore[arg-type]
