"""Seasonal cycles, and the scores of regional series."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from samples import towers

from xflux.errors import InputError
from xflux.skill.annual import annual_values, detrended_anomalies, interannual_variability
from xflux.skill.evaluate import evaluate
from xflux.skill.seasonal import cycle_range, cycle_rmse, mean_seasonal_cycle, seasonal_skill


def regional(seed: int = 0) -> tuple[xr.DataArray, xr.DataArray]:
    observed, predicted = towers(sites=3, steps=96, gaps=0.0, seed=seed)
    return observed.nee, predicted.nee


def test_cycle_is_the_mean_of_each_month() -> None:
    data = regional()[0]
    found = mean_seasonal_cycle(data)
    xr.testing.assert_allclose(found, data.groupby("time.month").mean())
    assert found.attrs["units"] == "g m-2 d-1"
    spread = found.max("month") - found.min("month")
    xr.testing.assert_allclose(cycle_range(data).drop_attrs(), spread.drop_attrs())


def test_cycle_of_daily_data_is_labelled_by_day() -> None:
    data = towers(sites=1, steps=730, freq="D", gaps=0.0)[0].gpp
    found = mean_seasonal_cycle(data, min_years=2)
    assert found.dayofyear.values.tolist() == list(range(1, 366))
    xr.testing.assert_allclose(found, data.groupby("time.dayofyear").mean())
    assert mean_seasonal_cycle(data, cycle="8-day").dayofyear.values[:3].tolist() == [1, 9, 17]


def test_cycles_are_compared_over_common_steps() -> None:
    observed, predicted = regional()
    gaps = np.random.default_rng(0).random(observed.shape) < 0.3
    found = cycle_rmse(observed, predicted.where(~gaps))
    expected = mean_seasonal_cycle(predicted.where(~gaps)) - mean_seasonal_cycle(
        observed.where(~gaps)
    )
    xr.testing.assert_allclose(
        found.drop_attrs(), ((expected**2).mean("month") ** 0.5).drop_attrs()
    )


def test_scores_are_made_of_their_parts() -> None:
    observed, predicted = regional()
    found = seasonal_skill(observed, predicted).drop_attrs()
    steps = evaluate(observed, predicted, dim="time", metrics=["nnse", "pearson_r"]).drop_attrs()
    xr.testing.assert_allclose(found[["nnse", "pearson_r"]], steps)
    years = [annual_values(data) for data in (observed, predicted)]
    whole = evaluate(*years, dim="year").drop_attrs()
    xr.testing.assert_allclose(found.annual_rmse, whole.rmse)
    xr.testing.assert_allclose(found.annual_bias, whole.bias)
    anomalies = evaluate(
        *(detrended_anomalies(data) for data in (observed, predicted)), dim="year"
    ).drop_attrs()
    xr.testing.assert_allclose(found.anomaly_r2_pearson, anomalies.r2_pearson)
    xr.testing.assert_allclose(found.anomaly_r2_nse, anomalies.r2_nse)
    for side, data in (("observed", observed), ("predicted", predicted)):
        xr.testing.assert_allclose(found[f"cycle_range_{side}"], cycle_range(data).drop_attrs())
        xr.testing.assert_allclose(found[f"iav_{side}"], interannual_variability(data).drop_attrs())
        xr.testing.assert_allclose(
            found[f"iav_relative_{side}"],
            interannual_variability(data, relative=True).drop_attrs(),
        )
    assert (found.n == 96).all()
    assert (found.n_years == 8).all()


def test_standardized_anomalies_hide_trend_and_scale() -> None:
    observed, _ = regional()
    predicted = 3 * observed + 0.2 * (observed.time.dt.year - 2003) + 1
    found = seasonal_skill(observed, predicted)
    np.testing.assert_allclose(found.anomaly_r2_nse, 1.0)
    assert (found.annual_rmse > 0.5).all()


def test_mean_of_the_observations_scores_one_half() -> None:
    observed, _ = regional()
    flat = xr.zeros_like(observed) + observed.mean("time")
    np.testing.assert_allclose(seasonal_skill(observed, flat).nnse, 0.5)


def test_sign_of_the_correlation_is_kept() -> None:
    observed, _ = regional()
    np.testing.assert_allclose(seasonal_skill(observed, -observed).pearson_r, -1.0)


@pytest.mark.parametrize("annual", ["mean", "sum"])
def test_lazy_scores_are_the_same(annual: str) -> None:
    observed, predicted = regional()
    with no_compute():
        lazy = seasonal_skill(observed.chunk(time=5), predicted.chunk(site=1), annual=annual)
    xr.testing.assert_allclose(
        lazy.compute(), seasonal_skill(observed, predicted, annual=annual), rtol=1e-10
    )


def test_datasets_are_scored_by_flux() -> None:
    observed, predicted = towers(sites=2, steps=60, gaps=0.0)
    found = seasonal_skill(observed, predicted)
    assert found["flux"].values.tolist() == ["gpp", "nee", "le"]
    assert found.flux_units.values.tolist() == ["g m-2 d-1", "g m-2 d-1", "W m-2"]
    assert "units" not in found.annual_rmse.attrs
    assert found.nnse.attrs["units"] == "1"
    np.testing.assert_allclose(
        found.annual_rmse.sel(flux="le"), seasonal_skill(observed.le, predicted.le).annual_rmse
    )


def test_series_need_dates() -> None:
    observed, predicted = (data.drop_vars("time") for data in regional())
    with pytest.raises(InputError, match="dates"):
        seasonal_skill(observed, predicted)
