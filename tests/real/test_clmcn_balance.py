"""CLM-CN adds up to rounding, once fire is given; and what published tables say of land."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from xflux.carbon.balance import mass_balance
from xflux.carbon.balance_report import balance_report
from xflux.files.carbon_budget import read_global_carbon_budget

pytestmark = pytest.mark.real

FILES = ("b30.061cb_ANN_globalClimo", "ccsm3_bgc4_I_11b_ANN_globalClimo")
FLUXES = {"gpp": "GPP", "npp": "NPP", "ra": "AR", "rh": "HR", "nee": "NEE"}
POOLS = {"cVeg": "TOTVEGC", "cLitter": "TOTLITC", "cCwd": "CWDC", "cSoil": "TOTSOMC"}
FIRE = {"f_fire": "COL_FIRE_CLOSS"}
#: Stamps are the mean of the ends of months; stocks are means over the year, as all else.
HOW = {"stamp": "YS", "stock_time": "mean"}


@pytest.fixture(params=FILES)
def clmcn(data: Path, request: pytest.FixtureRequest) -> xr.Dataset:
    names = {**FLUXES, **POOLS, **FIRE}
    with xr.open_dataset(data / f"land_models/clmcn/{request.param}.nc") as ds:
        ds = ds[list(names.values())].load()
    # Units stand in PROVENANCE.md alone.
    for name, own in names.items():
        ds[own].attrs["units"] = "PgC" if name in POOLS else "PgC yr-1"
    ds["NEE"].attrs["flux_definition"] = "nee+fire"
    return ds


def test_it_closes_with_fire(clmcn: xr.Dataset) -> None:
    found = mass_balance(clmcn, names={**FLUXES, **POOLS, **FIRE}, **HOW)
    assert found.attrs["identities"] == "gpp = npp + ra; nee = rh - npp + f_fire"
    # To 3e-6 of GPP, in its own float32.
    assert float(abs(found.total_gpp / clmcn.GPP.mean().item()).max()) < 3e-6
    assert float(found.max_relative_gpp) < 3e-6
    assert float(found.max_relative_nee_of_npp) < 3e-6
    # A yearly mean of pools follows from yearly fluxes but for the season: in the mean of years.
    assert abs(float(found.total_stocks.mean())) < 0.02
    assert float(found.max_relative_stocks) < 0.005
    report = " ".join(balance_report(found).split())
    assert report.count(": the residual is at most") == 2
    assert "closes over the years: stocks change by" in report
    assert "not close:" not in report


def test_fire_within_nee_that_does_not_say_so_is_told(clmcn: xr.Dataset) -> None:
    del clmcn["NEE"].attrs["flux_definition"]
    found = mass_balance(clmcn, names={**FLUXES, **POOLS, **FIRE}, **HOW)
    report = " ".join(balance_report(found).split())
    fire = clmcn.COL_FIRE_CLOSS.mean().item()
    assert f"that is the f_fire that was given, {fire:.3g} PgC per year: nee holds it" in report


def test_without_fire_the_gap_is_the_fire_and_the_report_says_so(clmcn: xr.Dataset) -> None:
    del clmcn["NEE"].attrs["flux_definition"]
    found = mass_balance(clmcn.drop_vars("COL_FIRE_CLOSS"), names={**FLUXES, **POOLS}, **HOW)
    fire = clmcn.COL_FIRE_CLOSS.mean().item()
    assert 1.0 < fire < 1.2
    assert float(found.total_stocks.mean()) == pytest.approx(-fire, abs=0.02)
    assert float(found.total_nee_of_npp.mean()) == pytest.approx(fire, abs=1e-4)
    report = " ".join(balance_report(found).split())
    assert "losses that were not given can explain that: f_fire" in report
    assert f"nee is {fire:.3g} PgC per year more than -nep, the same flux" in report


def test_without_coarse_wood_the_stocks_do_not_close(clmcn: xr.Dataset) -> None:
    names = {**FLUXES, **POOLS, **FIRE}
    del names["cCwd"]
    found = mass_balance(clmcn, names=names, **HOW)
    assert found.attrs["pools_not_given"] == "cCwd"
    assert abs(float(found.total_stocks.mean())) > 0.05


@pytest.mark.parametrize("name", ["GPP", "NPP", "AR"])
def test_a_percent_is_detected(clmcn: xr.Dataset, name: str) -> None:
    clmcn[name] = (1.01 * clmcn[name]).assign_attrs(clmcn[name].attrs)
    found = mass_balance(clmcn, names={**FLUXES, **POOLS, **FIRE}, **HOW)
    assert float(found.max_relative_gpp) > 1e-3
    assert "does not close: gpp is" in balance_report(found)
    if name == "NPP":
        assert abs(float(found.total_stocks.mean())) > 0.3


def test_tables_of_the_global_budget_give_the_land_sink(data: Path) -> None:
    folder = data / "budgets"
    # The 2024 budget brought its land sink down by 0.7 PgC per year, and land use up.
    for file, land_sink, land_use in (
        ("Global_Carbon_Budget_2023v1.1_tab", 2.97, 1.40),
        ("Global_Carbon_Budget_2024v1_tab", 2.28, 1.70),
    ):
        found = read_global_carbon_budget(folder / f"{file}HistoricalBudget.csv")
        mean = found.sel(year=slice(2001, 2016)).mean()
        assert mean.s_land.item() == pytest.approx(land_sink, abs=0.02)
        assert mean.e_luc.item() == pytest.approx(land_use, abs=0.02)
        np.testing.assert_allclose(found.nbp, found.s_land - found.e_luc)
    models = read_global_carbon_budget(folder / "gcb2019_terrestrial-sink.csv")
    assert models.sizes["model"] == 16
    spread = models.s_land_model.std("model").mean().item()
    assert 0.5 < spread < 1.5
