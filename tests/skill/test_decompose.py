"""Across sites, mean seasonal cycle, anomalies: each component is scored on its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute
from samples import towers

from xflux.errors import InputError
from xflux.skill.decompose import COMPONENTS
from xflux.skill.evaluate import evaluate

YEARS = 6


def made(freq: str = "MS", years: int = YEARS, seed: int = 0) -> dict[str, xr.DataArray]:
    """Site means, cycles and anomalies that are orthogonal by construction."""
    rng = np.random.default_rng(seed)
    time = xr.date_range("2001-01-01", f"{2000 + years}-12-31", freq=freq, calendar="noleap")
    stamps = xr.DataArray(time, {"time": time}, "time")
    number = stamps.dt.month - 1 if freq == "MS" else stamps.dt.dayofyear - 1
    size = 12 if freq == "MS" else 365
    sites = xr.DataArray(rng.normal(5, 2, 8), {"site": list("abcdefgh")}, "site")
    cycle = xr.DataArray(rng.normal(0, 2, (8, size)), dims=("site", "period"))
    cycle = (cycle - cycle.mean("period")).isel(period=number)
    noise = xr.DataArray(rng.normal(0, 1, (8, len(time))), {"time": time}, ("site", "time"))
    noise = noise - noise.groupby(number.rename("number")).mean("time").sel(number=number)
    return {"sites": sites, "cycle": cycle, "noise": noise.drop_vars("number")}


def total(parts: dict[str, xr.DataArray], *factors: float) -> xr.DataArray:
    return sum(
        (factor * part for factor, part in zip(factors, parts.values(), strict=True)),
        start=xr.DataArray(0.0),
    ).transpose("site", "time")


@pytest.mark.parametrize("freq", ["MS", "D"])
def test_each_component_finds_its_own_error(freq: str) -> None:
    parts = made(freq, years=3)
    found = evaluate(total(parts, 1, 1, 1), total(parts, 0.5, 1.5, -0.25), decompose=True)
    assert found.component.values.tolist() == list(COMPONENTS)
    slopes = found.slope.sel(component=["across_sites", "seasonal_cycle", "anomalies"])
    np.testing.assert_allclose(slopes, [0.5, 1.5, -0.25], rtol=1e-10)
    np.testing.assert_allclose(
        found.r2_nse.sel(component=["seasonal_cycle", "anomalies"]),
        [1 - 0.5**2, 1 - 1.25**2],
        rtol=1e-10,
    )
    size = 12 if freq == "MS" else 365
    assert found.n.values.tolist() == [8 * size * 3, 8, 8 * size, 8 * size * 3]


def test_total_is_the_score_without_decomposition() -> None:
    observed, predicted = towers()
    xr.testing.assert_allclose(
        evaluate(observed, predicted, decompose=True).sel(component="total", drop=True),
        evaluate(observed, predicted),
    )


def test_squares_of_the_components_add_up_where_nothing_is_missing() -> None:
    observed, predicted = (ds.gpp for ds in towers(gaps=0.0))
    found = evaluate(observed, predicted, decompose=True, norm="sd")
    square = (found.rmse**2).to_series()
    parts = square["across_sites"] + square["seasonal_cycle"] + square["anomalies"]
    np.testing.assert_allclose(parts, square["total"], rtol=1e-10)


def test_agrees_with_a_table_grouped_by_hand() -> None:
    observed, predicted = towers(sites=6, steps=60, gaps=0.3)
    found = evaluate(observed.gpp, predicted.gpp, decompose=True)
    table = xr.Dataset({"o": observed.gpp, "p": predicted.gpp}).to_dataframe().dropna()
    table = table.assign(month=table.index.get_level_values("time").month)
    cells = table.groupby(["site", "month"])[["o", "p"]].agg(["mean", "count"])
    cells = cells[cells["o", "count"] >= 2]
    cycle = pd.DataFrame({side: cells[side, "mean"] for side in "op"})
    sites = cycle.groupby("site").mean()
    season = cycle - sites.reindex(cycle.index, level="site")
    anomalies = table[["o", "p"]] - cycle.reindex(
        pd.MultiIndex.from_arrays([table.index.get_level_values("site"), table.month])
    ).set_axis(table.index)
    for name, rows in (
        ("across_sites", sites),
        ("seasonal_cycle", season),
        ("anomalies", anomalies.dropna()),
    ):
        score = found.sel(component=name)
        assert score.n == len(rows)
        np.testing.assert_allclose(score.r2_pearson, rows.corr().loc["o", "p"] ** 2)
        np.testing.assert_allclose(score.mae, (rows.p - rows.o).abs().mean())


def test_a_month_needs_pairs_in_so_many_years() -> None:
    parts = made()
    observed, predicted = total(parts, 1, 1, 1), total(parts, 1, 0, 0)
    once = observed.where((observed.site != "a") | (observed.time.dt.year == 2001))
    found = evaluate(once, predicted, decompose=True)
    assert found.n.values.tolist() == [7 * 12 * YEARS + 12, 7, 7 * 12, 7 * 12 * YEARS]
    lenient = evaluate(once, predicted, decompose=True, min_years=1)
    assert lenient.n.sel(component="across_sites") == 8


def test_days_of_one_month_are_not_years() -> None:
    parts = made("D", years=2)
    observed = total(parts, 1, 1, 1).where(lambda values: values.site != "a", other=np.nan)
    once = total(parts, 1, 1, 1).where(lambda values: values.time.dt.year == 2001)
    observed = observed.fillna(once)
    found = evaluate(observed, observed + 1, decompose=True, cycle="month")
    assert found.n.sel(component=["across_sites", "seasonal_cycle"]).values.tolist() == [7, 7 * 12]


def test_means_are_of_the_pairs_alone() -> None:
    parts = made()
    observed = total(parts, 1, 1, 1)
    gaps = np.random.default_rng(1).random(observed.shape) < 0.3
    found = evaluate(observed, (2 * observed).where(~gaps), decompose=True)
    np.testing.assert_allclose(found.slope, 2.0, rtol=1e-10)


def test_a_cycle_that_repeats_exactly_has_no_anomalies_to_score() -> None:
    parts = made()
    observed = total(parts, 1, 1, 0)
    found = evaluate(observed, total(parts, 1, 1, 1), decompose=True).sel(component="anomalies")
    assert np.isnan(found.r2_nse)
    assert np.isnan(found.r2_pearson)
    np.testing.assert_allclose(found.rmse, float((parts["noise"] ** 2).mean() ** 0.5))


def test_groups_of_sites_split_the_components() -> None:
    observed, predicted = towers()
    found = evaluate(observed.gpp, predicted.gpp, by="igbp", decompose=True)
    sites = {"site": (observed.igbp == 4).values}
    alone = evaluate(observed.gpp.isel(sites), predicted.gpp.isel(sites), decompose=True)
    xr.testing.assert_allclose(found.sel(igbp="DBF", drop=True), alone, rtol=1e-10)


def test_every_point_of_a_grid_is_a_site() -> None:
    observed, predicted = (ds.gpp.isel(site=slice(4)) for ds in towers())
    grids = [
        xr.DataArray(values.data.reshape(2, 2, -1), {"time": values.time}, ("lat", "lon", "time"))
        for values in (observed, predicted)
    ]
    xr.testing.assert_allclose(
        evaluate(*(grid.transpose("time", ...) for grid in grids), decompose=True),
        evaluate(observed.drop_attrs(), predicted.drop_attrs(), decompose=True),
        rtol=1e-10,
    )


def test_one_site_has_no_skill_across_sites() -> None:
    observed, predicted = (ds.gpp for ds in towers())
    found = evaluate(observed, predicted, by="site", decompose=True)
    assert (found.n.sel(component="across_sites") == 1).all()
    assert found.r2_nse.sel(component="across_sites").isnull().all()
    alone = evaluate(observed[2], predicted[2], decompose=True)
    xr.testing.assert_allclose(found.isel(site=2).drop_vars(["site", "igbp"]), alone)


def test_weights_of_sites_go_with_every_component() -> None:
    observed, predicted = towers()
    weights = xr.DataArray([1.0, 2.0, 0.0, 3.0, 1.0], dims="site")
    repeated = np.repeat(np.arange(5), weights.astype(int))
    expected = evaluate(
        *(ds.gpp.isel(site=repeated).drop_vars("site") for ds in (observed, predicted)),
        decompose=True,
    )
    found = evaluate(observed.gpp, predicted.gpp, weights=weights, decompose=True)
    xr.testing.assert_allclose(found.drop_vars("n"), expected.drop_vars("n"), rtol=1e-10)


def test_weights_in_time_weigh_the_means() -> None:
    observed, predicted = towers()
    days = observed.time.dt.days_in_month.astype(float)
    with no_compute():
        lazy = evaluate(
            observed.chunk(time=7), predicted.chunk(time=5), weights=days.chunk(), decompose=True
        )
    xr.testing.assert_allclose(
        lazy.compute(), evaluate(observed, predicted, weights=days, decompose=True), rtol=1e-10
    )


def test_groups_in_time_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"by='season' varies in time"):
        evaluate(*towers(), by="season", decompose=True)


def test_time_must_be_reduced() -> None:
    with pytest.raises(InputError, match="'time' is kept"):
        evaluate(*towers(), dim="site", decompose=True)


def test_half_hours_are_sent_back() -> None:
    with pytest.raises(InputError, match=r"resample\(time='1D'\)"):
        evaluate(*towers(freq="h"), decompose=True)


def test_dates_must_be_there() -> None:
    observed, predicted = (ds.drop_vars("time") for ds in towers())
    with pytest.raises(InputError, match="has dates"):
        evaluate(observed, predicted, decompose=True)
