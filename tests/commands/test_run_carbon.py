"""`xflux run`: carbon of plants and soils, by the literature or as land models have it."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.commands.request import RunRequest
from xflux.commands.run import run
from xflux.commands.store import reopen
from xflux.errors import InputError
from xflux.learning.boosted import Boosted

TITLE = "## Carbon of plants and soils"


def with_cover(ds: xr.Dataset) -> xr.Dataset:
    """Add land cover: three rows of forest, and one of grassland."""
    codes = np.full((4, 6), 4.0, "f4")
    codes[3] = 10.0
    return ds.assign(igbp=(("lat", "lon"), codes))


def run_carbon(out: Path, *, draw: bool = False, **options) -> str:
    many = ("drivers", "land_models")
    options = {k: (str(v),) if k in many else v for k, v in options.items()}
    drawn = ("run.draw_grid",) if draw else ("run.draw_grid", "carbon.draw_carbon")
    with ExitStack() as stack:
        for name in drawn:
            stack.enter_context(patch(f"xflux.commands.{name}", return_value=[]))
        run(RunRequest(out=out, quiet=True, **{"co2": 400.0} | options))
    return (out / "report.md").read_text()


def budget_of(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "tables" / "carbon_budget.csv").set_index("carbon")


@pytest.fixture(scope="module")
def five_years(tmp_path_factory):
    """Run on five years with land cover once; return the folder and the report."""
    from commands.conftest import make_grid

    folder = tmp_path_factory.mktemp("carbon")
    with_cover(make_grid(months=60)).to_netcdf(folder / "drivers.nc")
    out = folder / "out"
    return out, run_carbon(out, draw=True, drivers=folder / "drivers.nc")


def test_carbon_is_that_of_allocate_by_the_literature(five_years):
    out, report = five_years
    written = reopen(out / "grid_carbon.zarr").compute()
    fluxes = reopen(out / "grid_baseline.zarr").compute()
    ds = fluxes[["gpp", "reco"]].assign(igbp=fluxes["igbp"]).reset_coords(drop=True)
    expected = xflux.allocate(ds.assign(igbp=fluxes["igbp"].variable))
    for name in ("ra", "rh", "npp", "nep", "cVeg", "cSoil", "cVeg_lower", "ra_upper"):
        np.testing.assert_allclose(written[name], expected[name], rtol=1e-5)
    assert written["ra"].dtype == np.float32
    assert written["cVeg"].attrs["units"] == "g m-2"
    assert "by fractions and turnover times of the literature" in report


def test_the_store_can_be_checked_by_itself(five_years):
    out, report = five_years
    written = reopen(out / "grid_carbon.zarr")
    balance = xflux.mass_balance(written).compute()
    for name in ("gpp", "reco", "nep", "nee", "cVeg"):
        assert balance[f"max_relative_{name}"] < 1e-6
    assert "gpp = npp + ra" in report
    assert re.search(r"cVeg = cLeaf \+ cWood \+ cRoot +closes", report)


def test_budgets_are_those_of_the_store_with_trends(five_years):
    out, report = five_years
    table = budget_of(out)
    expected = xflux.budget(reopen(out / "grid_carbon.zarr")).compute().squeeze()
    for name, row in (("npp", "NPP"), ("cVeg", "cVeg"), ("cSoil", "cSoil")):
        assert table.loc[row, "here"] == pytest.approx(float(expected[f"{name}_mean"]), rel=1e-4)
        trend = float(expected[f"{name}_trend"])
        assert table.loc[row, "trend a year"] == pytest.approx(trend, rel=1e-3)
        # The mean may be the least of the totals: short turnover goes with much production.
        assert table.loc[row, "low"] <= table.loc[row, "here"] <= table.loc[row, "high"]
        assert table.loc[row, "low"] < table.loc[row, "high"]
    kept = ["gpp", "reco", "igbp", "cell_area", "land_fraction"]
    again = reopen(out / "grid_carbon.zarr").reset_coords()[kept].compute()
    scenarios = xflux.budget(again.carbon.allocate(scenarios=True), variables=["npp", "cSoil"])
    for name, row in (("npp", "NPP"), ("cSoil", "cSoil")):
        totals = scenarios[f"{name}_mean"]
        assert table.loc[row, "low"] == pytest.approx(float(totals.min()), rel=1e-4)
        assert table.loc[row, "high"] == pytest.approx(float(totals.max()), rel=1e-4)
    gaps = table["here"]
    assert gaps["GPP"] == pytest.approx(gaps["NPP"] + gaps["Ra"], rel=1e-5)
    assert gaps["NEP"] == pytest.approx(gaps["GPP"] - gaps["RECO"], rel=1e-4)
    assert "known" not in table
    assert "Fractions and turnover times of the literature know land cover alone" in report


def test_carbon_by_land_cover_adds_up(five_years):
    out, _ = five_years
    classes = pd.read_csv(out / "tables" / "carbon_by_igbp.csv").set_index("igbp")
    assert list(classes.index) == ["DBF", "GRA"]
    total = (classes["cVeg [kgC m-2]"] * classes["area [Mkm2]"]).sum()
    assert total == pytest.approx(budget_of(out).loc["cVeg", "here"], rel=1e-4)


def test_carbon_is_drawn(five_years):
    out, _ = five_years
    drawn = {path.stem for path in (out / "figures").iterdir()}
    assert drawn == {"carbon_trends", "carbon_cVeg", "carbon_cSoil", "carbon_boxes"}


def test_two_years_have_no_trend(grid_file, tmp_path):
    report = run_carbon(tmp_path / "out", drivers=grid_file(with_cover), format="netcdf")
    assert (tmp_path / "out" / "grid_carbon.nc").exists()
    assert "trend a year" not in budget_of(tmp_path / "out")
    assert "A trend needs 5 years" in report


def test_a_mean_year_is_divided_and_has_no_trend(grid_file, tmp_path):
    out = tmp_path / "out"
    report = run_carbon(out, draw=True, drivers=grid_file(with_cover, mean_year=True))
    written = reopen(out / "grid_carbon.zarr")
    assert written["ra"].dims == ("month", "lat", "lon")
    assert written["cVeg"].dims == ("lat", "lon")
    assert "sd of years" not in budget_of(out)
    assert "Pools of a mean year have no trend" in report
    drawn = {path.stem for path in (out / "figures").iterdir()}
    assert drawn == {"carbon_cVeg", "carbon_cSoil"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda ds: ds, "hold no igbp"),
        (lambda ds: with_cover(ds).isel(time=6, drop=True), "no time dimension"),
        (lambda ds: with_cover(ds).isel(time=slice(0, 7)), "whole year"),
    ],
)
def test_what_cannot_be_divided_is_left_out_with_the_reason(grid_file, tmp_path, change, said):
    report = run_carbon(tmp_path / "out", drivers=grid_file(change))
    assert re.search(rf"\*\*allocation\*\*: .*{said}", report)
    assert (tmp_path / "out" / "grid_baseline.zarr").exists()
    assert not (tmp_path / "out" / "grid_carbon.zarr").exists()


def test_carbon_is_left_as_it_is_on_request(grid_file, tmp_path):
    report = run_carbon(tmp_path / "out", drivers=grid_file(with_cover), allocate=False)
    assert TITLE not in report
    assert not (tmp_path / "out" / "grid_carbon.zarr").exists()


def test_fluxes_that_do_not_fit_are_told(grid_file, tmp_path):
    # Twice the light: uptake far above respiration.
    drivers = grid_file(lambda ds: with_cover(ds.assign(swin=(2 * ds["swin"]).assign_attrs(
        units="W m-2"))))  # fmt: skip
    report = run_carbon(tmp_path / "out", drivers=drivers)
    assert re.search(r"NEP is \S+ PgC per year, \d+ % of GPP", report)


@pytest.fixture(scope="module")
def by_models(tmp_path_factory):
    """Run on a coarse twin with a folder of its land models once."""
    folder = tmp_path_factory.mktemp("models")
    earth = xflux.twin.Earth(resolution=20.0, start="2001", end="2005")
    earth.drivers.compute().to_netcdf(folder / "drivers.nc")
    xflux.twin.write_land_models(earth, folder / "trendy", n=4)
    out = folder / "out"
    options = {"learner": "xgboost", "folds": 2, "drivers": folder / "drivers.nc"}
    # Few trees: what is learned is not what is tested here.
    few = patch("xflux.carbon.emulator_fit._trees", lambda seed: Boosted(trees=30, seed=seed))
    with few:
        report = run_carbon(out, draw=True, land_models=folder / "trendy", **options)
    return out, report, folder


def test_land_models_are_learned_from_and_set_beside(by_models):
    out, report, _ = by_models
    table = budget_of(out)
    assert (table["least"] <= table["land models"]).all()
    assert (table["land models"] <= table["largest"]).all()
    assert table.loc["NPP", "land models"] == pytest.approx(
        table.loc["GPP", "land models"] - table.loc["Ra", "land models"], rel=1e-3
    )
    scores = pd.read_csv(out / "tables" / "scores_emulator.csv").set_index("carbon")
    assert {"Ra", "Rh", "cVeg", "cSoil"} <= set(scores.index)
    assert "emulated from 4 land models" in report
    assert "those of land models" in report
    drawn = {path.stem for path in (out / "figures").iterdir()}
    assert {"carbon_trends", "carbon_cVeg", "carbon_boxes"} <= drawn


def test_an_emulator_that_was_kept_gives_the_same_carbon(by_models, tmp_path):
    out, _, folder = by_models
    emulator = str(out / "emulator.safetensors")
    report = run_carbon(tmp_path / "again", drivers=folder / "drivers.nc", emulator=emulator)
    first, again = (
        reopen(path / "grid_carbon.zarr").compute() for path in (out, tmp_path / "again")
    )
    for name in ("ra", "npp", "cVeg", "cSoil", "rh_lower"):
        np.testing.assert_allclose(first[name], again[name], rtol=1e-5)
    assert emulator in report
    assert "land models" not in budget_of(tmp_path / "again")


def test_a_file_of_no_emulator_leaves_the_fluxes(grid_file, tmp_path):
    (tmp_path / "none").write_bytes(b"none")
    options = {"drivers": grid_file(with_cover), "emulator": str(tmp_path / "none")}
    report = run_carbon(tmp_path / "out", **options)
    assert "**allocation**" in report
    assert (tmp_path / "out" / "grid_baseline.zarr").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"towers": ("t",), "land_models": ("m",)}, "--land-models .* pass --drivers"),
        ({"towers": ("t",), "emulator": "e"}, "--emulator .* pass --drivers"),
        ({"drivers": ("d",), "emulator": "e", "allocate": False}, "--no-allocate exclude"),
        ({"drivers": ("d",), "emulator": "e", "land_models": ("m",)}, "exclude each other"),
        ({"drivers": ("d",), "land_scenario": "S3"}, "belongs to --land-models"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        RunRequest(out=tmp_path, **options)


@pytest.mark.parametrize(("option", "given"), [("land_models", ("none",)), ("emulator", "none")])
def test_what_is_not_there_is_refused_before_any_work(grid_file, tmp_path, option, given):
    name = f"--{option.replace('_', '-')}"
    request = RunRequest(out=tmp_path / "o", drivers=(str(grid_file()),), co2=400.0, quiet=True,
                         **{option: given})  # fmt: skip
    with pytest.raises(InputError, match=name):
        run(request)
