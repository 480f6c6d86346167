"""The growth of carbon in the air that a land flux implies, against that observed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError, MissingVariableError, UnitsError
from xflux.skill.growth_rate import PG_PER_PPM, RIVERS, annual_growth

YEARS = np.arange(2000, 2012)


def budget(**terms: float) -> xr.Dataset:
    rises = {"e_fossil": 9.0, "s_ocean": 2.5, "s_cement": 0.2, **terms}
    ds = xr.Dataset({name: ("year", np.full(12, value)) for name, value in rises.items()})
    ds["g_atm"] = ("year", growth())
    for name in ds:
        ds[name].attrs["units"] = "Pg"
    ds["e_luc"] = ("year", np.full(12, 1.4), {"units": "Pg", "positive": "up"})
    return ds.assign_coords(year=YEARS)


def growth() -> np.ndarray:
    return 4.3 + 0.02 * np.arange(12) + np.sin(np.arange(12) * 1.3)


def land(extra: float = 0.0, **attrs: str) -> xr.DataArray:
    """Return the monthly land flux, in two regions, that closes the budget."""
    yearly = growth() - 9.0 + 0.2 + 2.5 + extra
    time = pd.date_range("2000-01-01", periods=144, freq="MS")
    season = np.tile(np.sin(np.arange(12) * np.pi / 6), 12)
    monthly = np.repeat(yearly / 12, 12) + season
    said = {"units": "Pg", "positive": "up", "flux_definition": "nbp", **attrs}
    return xr.DataArray(
        np.stack([0.25 * monthly, 0.75 * monthly]),
        {"region": [1, 2], "time": time},
        ("region", "time"),
        name="nee",
        attrs=said,
    )


def co2(rise: np.ndarray) -> xr.DataArray:
    """Return monthly carbon dioxide that rises evenly within each year, with a season."""
    time = pd.date_range("1999-01-01", periods=14 * 12, freq="MS")
    steps = np.repeat(np.concatenate([rise[:1], rise, rise[-1:]]), 12) / 12
    trend = 370 + np.cumsum(steps) - steps / 2
    season = np.tile(3 * np.sin(np.arange(12) * np.pi / 6), 14)
    return xr.DataArray(trend + season, {"time": time}, ("time",), "co2", {"units": "ppm"})


def test_a_land_flux_that_closes_the_budget_scores_perfectly() -> None:
    scores = xflux.growth_rate_check(land(), budget())
    np.testing.assert_allclose(scores.implied, growth(), rtol=1e-12)
    np.testing.assert_allclose(scores.observed, growth(), rtol=1e-12)
    assert abs(float(scores.bias)) < 1e-9
    assert float(scores.rmse) < 1e-9
    assert float(scores.anomaly_pearson_r) == pytest.approx(1.0)
    assert float(scores.anomaly_slope) == pytest.approx(1.0)
    assert int(scores.n_years) == 12
    assert scores.bias.attrs["units"] == "Pg"


def test_growth_at_mauna_loa_is_from_new_year_to_new_year() -> None:
    found = annual_growth(co2(np.full(12, 2.0)))
    assert found.dims == ("year",)
    np.testing.assert_allclose(found.sel(year=slice(2000, 2011)), 2.0, rtol=1e-9)
    assert np.isnan(found.sel(year=1999))  # its new year lacks the November before
    gap = co2(np.full(12, 2.0))
    gap = gap.where(gap.time != np.datetime64("2005-01-01"))
    lacking = annual_growth(gap)
    assert list(lacking.year.values[lacking.isnull().values]) == [1999, 2004, 2005, 2012]


def test_growth_is_converted_to_carbon() -> None:
    steady = land()
    steady = steady.copy(data=steady.values * 0 + 0.0)
    scores = xflux.growth_rate_check(steady, budget(), co2(np.full(12, 2.0)))
    np.testing.assert_allclose(scores.observed, 2.0 * PG_PER_PPM, rtol=1e-9)
    assert float(scores.bias) == pytest.approx(9.0 - 0.2 - 2.5 - 2.0 * PG_PER_PPM)


def test_growth_within_years_goes_into_the_right_year() -> None:
    rise = 2.0 + np.sin(np.arange(12.0))
    found = annual_growth(co2(rise)).sel(year=slice(2000, 2011))
    # Four months around each new year share a little of the neighbouring years.
    assert np.corrcoef(found, rise)[0, 1] > 0.97


def test_uptake_and_rivers_are_accounted_for() -> None:
    down = -land(positive="down")
    down.attrs = {**land().attrs, "positive": "down"}
    assert abs(float(xflux.growth_rate_check(down, budget()).bias)) < 1e-9
    seen = land(-RIVERS, flux_definition="nee+fire+lateral")
    scores = xflux.growth_rate_check(seen, budget())
    assert abs(float(scores.bias)) < 1e-9
    assert "rivers" in scores.attrs["ocean"]
    assert float(xflux.growth_rate_check(seen, budget(), rivers=0.0).bias) == pytest.approx(-RIVERS)


def test_of_a_flux_that_lacks_terms_the_anomalies_alone_count() -> None:
    scores = xflux.growth_rate_check(land(-1.4, flux_definition="nee"), budget())
    assert np.isnan(scores.bias)
    assert np.isnan(scores.rmse)
    assert float(scores.anomaly_pearson_r) == pytest.approx(1.0)
    assert "lacks fire, luc" in scores.attrs["comment"]


def test_terms_that_lack_may_be_supplied() -> None:
    without = land(-1.4, flux_definition="nee+fire")
    scores = xflux.growth_rate_check(without, budget(), supply={"luc": budget().e_luc})
    assert abs(float(scores.bias)) < 1e-9
    assert "comment" not in scores.attrs
    with pytest.raises(InputError, match=r"'luc', which is in the land flux \(nbp\)"):
        xflux.growth_rate_check(land(), budget(), supply={"luc": budget().e_luc})
    with pytest.raises(InputError, match="no term"):
        xflux.growth_rate_check(land(), budget(), supply={"ocean": budget().e_luc})


def test_each_member_is_scored_over_its_own_years() -> None:
    short = land().where(land().time.dt.year > 2003)
    both = xr.concat([land(), short], dim="inversion", combine_attrs="override")
    both = both.assign_coords(inversion=["long", "short"])
    scores = xflux.growth_rate_check(both, budget())
    assert list(scores.n_years.values) == [12, 8]
    np.testing.assert_allclose(scores.anomaly_pearson_r, 1.0)
    np.testing.assert_allclose(scores.bias, 0.0, atol=1e-9)
    assert scores.bias.dims == ("inversion",)


def test_lazy_is_eager() -> None:
    flux = land()
    with no_compute():
        lazy = xflux.growth_rate_check(flux.chunk(time=7, region=1), budget())
    eager = xflux.growth_rate_check(flux, budget())
    xr.testing.assert_allclose(lazy.compute(), eager, rtol=1e-9, atol=1e-9)


def test_years_are_read_as_they_are() -> None:
    attrs = {"units": "GtC", "positive": "up", "flux_definition": "nbp"}
    yearly = xr.DataArray(growth() - 6.3, {"year": YEARS}, ("year",), attrs=attrs)
    assert abs(float(xflux.growth_rate_check(yearly, budget()).bias)) < 1e-9


def test_a_year_that_lacks_a_month_is_left_out() -> None:
    flux = land()
    flux[:, 5] = np.nan
    assert int(xflux.growth_rate_check(flux, budget()).n_years) == 11


def test_a_region_without_values_is_no_zero() -> None:
    flux = land()
    flux[0] = np.nan
    assert int(xflux.growth_rate_check(flux, budget()).n_years) == 0


def test_a_budget_before_cement_says_so() -> None:
    scores = xflux.growth_rate_check(land(-0.2), budget().drop_vars("s_cement"))
    assert abs(float(scores.bias)) < 1e-9
    assert scores.attrs["cement"] == "carbonation not known"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"units": "g m-2 d-1"}, UnitsError, "expected 'Pg' of each month"),
        ({"units": "kgC s-1"}, UnitsError, "expected 'Pg' of each month"),
        ({"units": "PgC yr-1"}, UnitsError, "expected 'Pg' of each month"),
        ({"flux_definition": "nbp+fossil"}, InputError, "holds fossil fuel"),
        ({"positive": "out"}, InputError, "expected 'up'"),
    ],
)
def test_what_is_no_amount_of_the_land_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        xflux.growth_rate_check(land(**change), budget())


def test_what_is_not_said_is_asked_for() -> None:
    silent = land()
    del silent.attrs["flux_definition"]
    with pytest.raises(InputError, match="does not say what it holds"):
        xflux.growth_rate_check(silent, budget())
    unsigned = land().rename("flux")
    del unsigned.attrs["positive"]
    with pytest.raises(InputError, match="which way it is positive"):
        xflux.growth_rate_check(unsigned, budget())
    with pytest.raises(MissingVariableError, match="no 's_ocean'"):
        xflux.growth_rate_check(land(), budget().drop_vars("s_ocean"))
    with pytest.raises(InputError, match="expected time or year"):
        xflux.growth_rate_check(land().isel(time=0, drop=True), budget())
    with pytest.raises(InputError, match="no dates"):
        xflux.growth_rate_check(land(), budget(), co2(np.ones(12)).isel(time=0, drop=True))
    twice = co2(np.ones(12))
    twice = twice.assign_coords(time=twice.time.where(twice.time.dt.day > 1, twice.time[0]))
    with pytest.raises(InputError, match="several values in one month"):
        xflux.growth_rate_check(land(), budget(), twice)


def test_a_total_beside_its_regions_is_refused() -> None:
    twice = land().assign_coords(names=("region", ["Europe", "World"]))
    with pytest.raises(InputError, match="'World' beside"):
        xflux.growth_rate_check(twice, budget())


def test_more_than_land_exchanges_asks_for_the_units() -> None:
    with pytest.raises(InputError, match="check its units"):
        xflux.growth_rate_check((1e3 * land()).assign_attrs(land().attrs), budget())


def test_years_in_common_are_needed() -> None:
    early = budget().assign_coords(year=YEARS - 100)
    words = r"land flux \(2000 to 2011\) and the budget \(1900 to 1911\) have no year in common"
    with pytest.raises(InputError, match=words):
        xflux.growth_rate_check(land(), early)
    air = co2(np.full(12, 2.0))
    late = air.assign_coords(time=air.time + np.timedelta64(365 * 20, "D"))
    with pytest.raises(InputError, match=r"budget with carbon dioxide \(no year\)"):
        xflux.growth_rate_check(land(), budget(), late)
