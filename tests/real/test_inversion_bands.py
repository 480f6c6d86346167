"""The land flux of real inversions by band of latitude, and the growth that it implies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from real.inversions import (
    BANDS,
    NAMES,
    budget,
    by_system,
    co2,
    inversions,
    land_models,
    paths,
)

import xflux
from xflux.errors import InputError, XfluxWarning
from xflux.skill.annual import annual_values, interannual_variability
from xflux.skill.growth_rate import RIVERS, annual_growth
from xflux.skill.seasonal import cycle_range, mean_seasonal_cycle

pytestmark = pytest.mark.real

PERIOD = slice("2000", "2016")


@pytest.fixture(scope="module")
def flux(data: Path) -> xr.DataArray:
    return inversions(data)


def test_band_integrals_equal_those_of_the_table(data: Path) -> None:
    with pytest.warns(XfluxWarning, match="TM5-Flux-m0f, TM5-Flux-mmf, TM5-Flux-mrf, TM5-Flux-mwf"):
        mine = xflux.open_inversions(paths(data), bands=BANDS)
    with pytest.warns(XfluxWarning, match="share one land flux"):
        table = xflux.open_inversions(
            data / "inversions" / "land_nee_5bands_monthly.csv.gz",
            regions=NAMES,
            flux_definition="nee+fire+lateral",
        )
    table = table.sel(inversion=mine.inversion)
    assert mine.sizes == {"inversion": 11, "region": 5, "time": 324}
    np.testing.assert_array_equal(mine.isnull(), table.isnull())
    # The table is rounded to four digits: of each band within 1e-4 of its standard deviation.
    apart = np.abs(mine.values - table.values)
    assert np.nanmax(apart / mine.std("time").values[..., None]) < 1e-3
    means = [annual_values(one, annual="sum").mean("year") for one in (mine, table)]
    np.testing.assert_allclose(means[0], means[1], rtol=0.01, atol=1e-4)


def test_land_takes_up_carbon_in_the_north_by_all_systems(flux: xr.DataArray) -> None:
    yearly = annual_values(flux.sel(time=PERIOD), annual="sum").mean("year")
    north = yearly.isel(region=[3, 4]).sum("region")
    assert np.all((north > -3.0) & (north < -1.4))
    tropics = by_system(yearly.isel(region=[1, 2]).sum("region"))
    assert -0.4 < float(tropics.mean()) < 0.8
    # The spread of the tropics is larger than that of the boreal north.
    assert float(tropics.std()) > 1.2 * float(by_system(yearly.isel(region=4)).std())
    globe = yearly.sum("region")
    assert np.all((globe > -2.6) & (globe < -1.3))


def test_the_seasons_are_those_of_each_hemisphere(flux: xr.DataArray) -> None:
    recent = flux.sel(time=PERIOD)
    lowest = mean_seasonal_cycle(recent).idxmin("month")
    assert np.all(lowest.isel(region=4) == 7)
    assert np.all(lowest.isel(region=3).isin([6, 7]))
    assert np.all(lowest.isel(region=1).isin([2, 3, 4]))
    spread = cycle_range(recent)
    assert np.all((spread.isel(region=4) > 1.9) & (spread.isel(region=4) < 2.6))
    globe = cycle_range(recent.sum("region"))
    assert np.all((globe > 3.0) & (globe < 4.5))


def test_the_tropics_vary_most_from_year_to_year(flux: xr.DataArray) -> None:
    recent = flux.sel(time=PERIOD)
    bands = interannual_variability(recent.mean("inversion"), annual="sum")
    assert float(bands.isel(region=[1, 2]).min()) > float(bands.isel(region=[0, 4]).max())
    globe = interannual_variability(recent.sum("region"), annual="sum")
    assert np.all((globe > 0.6) & (globe < 1.1))


def test_in_like_definition_inversions_agree_with_the_global_carbon_budget(
    data: Path, flux: xr.DataArray
) -> None:
    table = budget(data)
    yearly = annual_values(by_system(flux.sum("region", skipna=False)).sel(time=PERIOD),
                           annual="sum")  # fmt: skip
    published = -table.nbp.sel(year=yearly.year)  # E_LUC - S_LAND, positive to the air
    seen = float(yearly.mean())
    without_rivers = seen + RIVERS
    # -1.85 with what rivers carry, -1.20 without, against -1.61 +- 1.1 (S_LAND 0.9, E_LUC 0.7).
    assert -2.2 < seen < -1.5
    assert abs(without_rivers - float(published.mean())) < 0.6
    # S_LAND alone, which knows no land use, is another flux.
    assert abs(without_rivers + float(table.s_land.sel(year=yearly.year).mean())) > 1.3
    assert float(xr.corr(yearly.mean("inversion"), published)) > 0.6


def test_inversions_and_land_models_do_not_mix_unless_like(data: Path) -> None:
    models = land_models(data)
    models.attrs["positive"] = "up"
    ours = inversions(data).sum("region", keep_attrs=True)
    theirs = models.sum("region", keep_attrs=True).mean("inversion", keep_attrs=True)
    with pytest.raises(InputError, match="flux_definition"):
        xflux.evaluate(ours.isel(inversion=0), theirs.sel(time=ours.time), dim="time")
    rivers = xr.DataArray(
        -RIVERS * np.array([0.14, 0.21, 0.21, 0.22, 0.22]),
        {"region": np.arange(1, 6)},
        ("region",),
        attrs={"units": "PgC yr-1", "positive": "up"},
    )
    like = xflux.open_inversions(
        paths(data), bands=BANDS, identical="first", flux_definition="nbp+lateral",
        subtract={"lateral": rivers},
    ).sum("region", keep_attrs=True, skipna=False)  # fmt: skip
    assert like.attrs["flux_definition"] == "nbp"
    scores = xflux.evaluate(theirs.sel(time=like.time), like, dim="time")
    assert float(scores.r2_pearson.mean()) > 0.8  # of months, most of which is season


def test_growth_at_mauna_loa_is_that_of_noaa_and_of_the_budget(data: Path) -> None:
    growth = annual_growth(co2(data))
    known = {1998: 2.97, 2010: 2.33, 2012: 2.61, 2015: 2.96, 2016: 2.92, 2018: 2.86}
    np.testing.assert_allclose(growth.sel(year=list(known)), list(known.values()), atol=0.15)
    observed = (growth * 2.124).sel(year=slice(1959, 2022))
    published = budget(data).g_atm.sel(year=observed.year)
    assert float(xr.corr(observed, published)) > 0.9
    assert abs(float((observed - published).mean())) < 0.1


def test_inversions_close_the_growth_of_carbon_in_the_air(data: Path, flux: xr.DataArray) -> None:
    scores = xflux.growth_rate_check(flux, budget(data), co2(data))
    assert np.all(scores.n_years == [27, 17, 17, 17, 17, 18, 18, 18])
    assert np.all(scores.anomaly_pearson_r > 0.55)
    assert float(scores.anomaly_pearson_r.median()) > 0.8
    assert np.all(np.abs(scores.bias) < 0.75)
    many = xflux.growth_rate_check(flux, budget(data))
    assert float(many.anomaly_pearson_r.mean()) > float(scores.anomaly_pearson_r.mean())


def test_land_models_follow_the_growth_less_well_than_inversions(
    data: Path, flux: xr.DataArray
) -> None:
    models = land_models(data)
    table = budget(data)
    theirs = xflux.growth_rate_check(models.sel(time=PERIOD), table)
    ours = xflux.growth_rate_check(flux.sel(time=PERIOD), table)
    assert float(ours.anomaly_pearson_r.mean()) > float(theirs.anomaly_pearson_r.mean())
    mean = models.mean("inversion", keep_attrs=True)
    scores = xflux.growth_rate_check(mean, table)
    assert 0.5 < float(scores.anomaly_pearson_r) < 0.9
    assert abs(float(scores.bias)) < 0.3
    # Against another year's growth nothing is left of it.
    shifted = mean.assign_coords(time=mean.indexes["time"] + np.timedelta64(366, "D"))
    shifted = shifted.assign_coords(
        time=shifted.time.values.astype("datetime64[M]").astype("M8[ns]")
    )
    assert float(xflux.growth_rate_check(shifted, table).anomaly_pearson_r) < 0.3
