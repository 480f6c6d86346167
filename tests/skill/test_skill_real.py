"""Scores of real towers: daytime against night-time partitioning of the same fluxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute

from xflux.skill.bootstrap import interval
from xflux.skill.evaluate import evaluate

pytestmark = pytest.mark.real
COLUMNS = {
    "GPP_NT_VUT_REF": "gpp",
    "RECO_NT_VUT_REF": "reco",
    "GPP_DT_VUT_REF": "gpp_day",
    "RECO_DT_VUT_REF": "reco_day",
    "NEE_VUT_REF_QC": "nee_qc",
}


@pytest.fixture(scope="module")
def months(data: Path) -> xr.Dataset:
    """Monthly partitioned fluxes of the ICOS towers that have both kinds."""
    records = []
    for path in sorted((data / "towers" / "icos_ww2020").glob("FLX_*_MM_*.csv.gz")):
        table = pd.read_csv(
            path,
            na_values=[-9999],
            dtype={"TIMESTAMP": str},
            usecols=lambda name: name in COLUMNS or name == "TIMESTAMP",
        )
        if len(table.columns) == len(COLUMNS) + 1:
            table["time"] = pd.to_datetime(table.pop("TIMESTAMP"), format="%Y%m")
            records.append(table.rename(columns=COLUMNS).assign(site=path.name[4:10]))
    table = pd.concat(records)
    return table[table.nee_qc > 0.5].set_index(["site", "time"]).to_xarray()


def sides(months: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    day = {"gpp_day": "gpp", "reco_day": "reco"}
    return months[["gpp", "reco"]], months[list(day)].rename(day)


def test_daytime_partitioning_scores_as_published_against_night_time(months: xr.Dataset) -> None:
    # The ceiling for any model of partitioned fluxes: r2 .94 of GPP, .81 of RECO.
    found = evaluate(*sides(months))
    np.testing.assert_allclose(found.r2_pearson, [0.94, 0.81], atol=0.03)


def test_scores_agree_with_pandas_whole_and_by_site(months: xr.Dataset) -> None:
    observed, predicted = sides(months)
    pooled, by_site = evaluate(observed, predicted), evaluate(observed, predicted, by="site")
    for flux in ("gpp", "reco"):
        table = xr.Dataset({"o": observed[flux], "p": predicted[flux]}).to_dataframe().dropna()
        np.testing.assert_allclose(
            pooled.r2_pearson.sel(flux=flux), table.corr().loc["o", "p"] ** 2, rtol=1e-10
        )
        error = (table.p - table.o) ** 2
        rmse = by_site.rmse.sel(flux=flux).to_series().dropna()
        expected = error.groupby("site").mean() ** 0.5
        np.testing.assert_allclose(rmse, expected.reindex(rmse.index), rtol=1e-10)


def test_pooled_skill_is_mostly_season_and_site(months: xr.Dataset) -> None:
    found = evaluate(*sides(months), decompose=True).r2_nse
    for component in ("total", "across_sites", "seasonal_cycle"):
        assert (found.sel(component=component) > found.sel(component="anomalies")).all()


def test_chunks_and_float32_do_not_change_real_scores(months: xr.Dataset) -> None:
    observed, predicted = sides(months)
    expected = evaluate(observed, predicted, decompose=True)
    with no_compute():
        lazy = evaluate(
            observed.chunk(site=10, time=50), predicted.chunk(site=7, time=90), decompose=True
        )
    xr.testing.assert_allclose(lazy.compute(), expected, rtol=1e-12, atol=1e-12)
    single = evaluate(observed.astype("f4"), predicted.astype("f4"), decompose=True)
    xr.testing.assert_allclose(single, expected, rtol=1e-5, atol=1e-6)


def test_interval_of_a_quarter_of_the_sites_holds_the_score_of_all(months: xr.Dataset) -> None:
    observed, predicted = sides(months)
    score = evaluate(observed, predicted).r2_pearson
    held = []
    for part in range(4):
        every = {"site": slice(part, None, 4)}
        found = interval(observed.isel(every), predicted.isel(every), metric="r2_pearson")
        held.append((found.r2_pearson_lower <= score) & (score <= found.r2_pearson_upper))
    # Eight intervals of 95 %; they err on the narrow side with so few sites.
    assert int(xr.concat(held, dim="part").sum()) >= 6
