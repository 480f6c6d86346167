"""`xflux demo`: an idealised Earth, through the chain, to a report that scores it by the truth."""

from __future__ import annotations

import contextlib
import io
import sys

import numpy as np
import pandas as pd
import pytest

import xflux
from xflux.cli import main
from xflux.commands.demo_atmosphere import add_demo_atmosphere
from xflux.commands.progress import Progress
from xflux.commands.report import Report
from xflux.commands.store import reopen, store
from xflux.commands.warned import collect_warnings


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Run the demo once, its networks briefly; return its folder and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "demo"
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(printed):
        patched.setattr("xflux.commands.demo_atmosphere._EPOCHS", 12)
        assert main(["demo", "--out", str(out)]) == 0
    return out, printed.getvalue()


def test_the_demo_prints_what_it_did_and_the_hash_of_the_planet(shown):
    out, printed = shown
    assert "synthetic" in printed
    assert f"frozen parameters {xflux.twin.Earth().parameters}" in printed
    for words in ("THE PLANET", "AT THE TOWERS", "LEARNED FROM THE TOWERS", "ON THE GRID",
                  "REFINED ON THE GRID", "AGAINST THE TRUTH", "CARBON OF PLANTS AND SOILS",
                  "CARBON AGAINST THE TRUTH", "CAUSES",
                  "TOWERS AND THE ATMOSPHERE"):  # fmt: skip
        assert words in printed
    assert "GPP [PgC per year]" in printed
    assert f"xflux demo --seed 1 --out {out} --overwrite" in printed


def test_everything_that_the_demo_writes_says_synthetic(shown):
    out, _ = shown
    report = (out / "report.md").read_text()
    assert "synthetic" in report.splitlines()[0]
    stores = {
        "grid_baseline": ("gpp", "reco", "nee", "le"),
        "grid_refined": ("gpp", "reco", "nee", "le"),
        "grid_truth": ("gpp", "reco", "nee", "le", "npp", "ra", "rh"),
        "grid_carbon": ("gpp", "ra", "rh", "npp", "nep", "cVeg", "cLitter", "cSoil"),
        "grid_nee_towers": ("nee",),
        "grid_nee_dual": ("nee",),
        "towers_observed": ("gpp", "nee"),
        "towers_baseline": ("gpp", "nee"),
        "towers_validated": ("gpp", "nee"),
    }
    for name, fluxes in stores.items():
        written = reopen(out / f"{name}.zarr")
        for flux in fluxes:
            assert "synthetic" in written[flux].attrs, (name, flux)
    for path in (out / "tables").iterdir():
        assert (pd.read_csv(path)["data"] == "synthetic").all(), path
    for line in report.splitlines():
        if line.startswith("!["):
            assert "(synthetic)" in line


def test_the_demo_draws_maps_series_scatter_and_budgets(shown):
    out, _ = shown
    drawn = {path.stem for path in (out / "figures").iterdir()}
    expected = {"planet", "series_monthly", "budget", "budget_truth", "truth_by_latitude"}
    expected |= {"carbon_trends", "carbon_cVeg", "carbon_cSoil", "carbon_boxes", "effects"}
    expected |= {f"map_{flux}" for flux in ("gpp", "reco", "nee", "le")}
    expected |= {f"scatter_{flux}" for flux in ("gpp", "reco", "nee", "le")}
    expected |= {"error_gpp", "error_nee", "truth_gpp", "truth_nee"}
    expected |= {f"validated_{flux}" for flux in ("gpp", "reco", "nee", "le")}
    expected |= {f"refined_{flux}" for flux in ("gpp", "reco", "nee", "le")}
    expected |= {
        f"atmosphere_{what}" for what in ("years", "seasons", "skill", "maps", "correlations")
    }
    assert expected <= drawn
    assert all(path.stat().st_size > 5000 for path in (out / "figures").iterdir())
    assert "Left out" not in (out / "report.md").read_text()


def test_the_totals_of_the_demo_close(shown):
    out, _ = shown
    annual = pd.read_csv(out / "tables" / "totals_annual.csv")
    gpp, reco, nee = (annual[f"{flux} [PgC per year]"] for flux in ("GPP", "RECO", "NEE"))
    np.testing.assert_allclose(nee, reco - gpp, atol=1e-3)
    assert (gpp > 0).all()


def test_scores_against_the_truth_are_those_of_evaluate(shown):
    out, _ = shown
    table = pd.read_csv(out / "tables" / "scores_against_truth.csv").set_index(["flux", "estimate"])
    truth, refined = (reopen(out / f"grid_{name}.zarr") for name in ("truth", "refined"))
    weights = truth["cell_area"] * truth["land_fraction"]
    there = refined["nee"].notnull()
    for name in ("baseline", "refined"):
        ours = reopen(out / f"grid_{name}.zarr")[["gpp", "nee"]].where(there)
        scores = xflux.evaluate(truth[["gpp", "nee"]], ours, weights=weights).compute()
        for flux in ("gpp", "nee"):
            for metric in ("r2_nse", "rmse", "bias"):
                expected = float(scores[metric].sel({"flux": flux}))
                found = table.loc[(flux.upper(), name), metric]
                assert found == pytest.approx(expected, rel=1e-4)


def test_the_refinement_of_the_demo_is_nearer_to_the_truth(shown):
    out, _ = shown
    table = pd.read_csv(out / "tables" / "scores_against_truth.csv").set_index(["flux", "estimate"])
    for flux in ("GPP", "RECO", "NEE", "LE"):
        before, after = (table.loc[(flux, name), "r2_nse"] for name in ("baseline", "refined"))
        assert after > before
    assert table.loc[("NEE", "refined"), "r2_nse"] > 0.5


def test_totals_against_the_truth_tell_the_sink(shown):
    out, printed = shown
    table = pd.read_csv(out / "tables" / "totals_against_truth.csv").set_index("flux")
    true, before, after = (
        table.loc["NEE", f"{name}, mean"] for name in ("truth", "baseline", "refined")
    )
    assert -4.0 < true < -2.0
    assert before < after
    assert f"truth {true:.1f}, baseline {before:.1f}, refined {after:.1f} PgC per year" in printed
    assert f"wrong by {abs(after - true):.1f} PgC per year" in printed
    assert 90 < table.loc["GPP", "truth, mean"] < 150


def test_intervals_of_the_demo_close_around_most_of_the_truth(shown):
    out, _ = shown
    table = pd.read_csv(out / "tables" / "intervals_against_truth.csv").set_index("flux")
    assert (table["all"] > 0.9).all()
    refined, truth = (reopen(out / f"grid_{name}.zarr") for name in ("refined", "truth"))
    weights = truth["cell_area"] * truth["land_fraction"]
    ends = refined[["nee_lower", "nee_upper"]]
    held = xflux.evaluate_intervals(truth[["nee"]], ends, level=0.9, weights=weights).coverage
    assert table.loc["NEE", "all"] == pytest.approx(held.compute().item(), rel=1e-4)


def test_refined_fluxes_of_the_demo_lie_in_their_intervals_and_close(shown):
    out, _ = shown
    refined = reopen(out / "grid_refined.zarr").compute()
    for flux in ("gpp", "reco", "nee", "le"):
        there = refined[flux].notnull()
        inside = (refined[f"{flux}_lower"] <= refined[flux]) & (
            refined[flux] <= refined[f"{flux}_upper"]
        )
        assert bool(inside.where(there, True).all())
    gap = abs(refined["nee"] - (refined["reco"] - refined["gpp"])).max()
    assert float(gap) < 1e-5


def test_carbon_of_the_demo_adds_up_and_lies_within_the_land_models(shown):
    out, printed = shown
    balance = xflux.mass_balance(reopen(out / "grid_carbon.zarr")).compute()
    for name in ("gpp", "reco", "nep", "nep_of_npp", "nee", "cVeg"):
        assert balance[f"max_relative_{name}"] < 1e-6
    table = pd.read_csv(out / "tables" / "carbon_budget.csv").set_index("carbon")
    for name in ("GPP", "RECO", "Ra", "Rh", "NPP", "cVeg", "cWood", "cLitter", "cSoil"):
        assert table.loc[name, "least"] < table.loc[name, "here"] < table.loc[name, "largest"]
    assert "gpp = npp + ra" in printed


def test_carbon_by_the_emulator_is_nearer_to_the_truth_than_by_the_literature(shown):
    out, printed = shown
    table = pd.read_csv(out / "tables" / "carbon_against_truth.csv")
    scores = table.set_index(["flux", "estimate"])["r2_nse"]
    for flux in ("Ra", "Rh", "NPP"):
        before, after, best = scores[flux]
        assert before < after < best
    assert scores["NPP", "refined, by the emulator"] > 0.8
    emulator = xflux.AllocationEmulator.load(out / "emulator.safetensors")
    validation = emulator.validation.sel(scenario="mean")
    assert (validation["fraction_skill"] > 0.0).all()
    assert (validation["r2_pearson"] > 0.9).all()
    assert "skill on the fractions over means of land cover" in printed


def test_pools_in_time_conserve_carbon_and_emulated_ones_do_not(shown):
    out, _ = shown
    table = pd.read_csv(out / "tables" / "sinks.csv").set_index("carbon")
    emulated = table.loc["emulated pools, of the refined fluxes"]
    assert abs(emulated["gap"]) > 1.0
    in_time = table[table.index.str.startswith("pools in time")].iloc[0]
    assert abs(in_time["gap"]) < 1e-4 * abs(in_time["NEP"])


def test_effects_of_the_demo_have_signs_beside_those_of_the_truth(shown):
    out, printed = shown
    table = pd.read_csv(out / "tables" / "effects.csv", keep_default_na=False)
    assert set(table["region"]) == {"tropics", "north of 23.5 N"}
    assert set(table["flux"]) == {"GPP", "RECO", "NEP"}
    sure = table[table["sign"] != ""]
    assert ((sure["from"] > 0) == (sure["sign"] == "+")).all()
    both = sure[sure["sign in truth"] != ""]
    assert len(both) > 8
    assert (both["sign"] == both["sign in truth"]).mean() > 0.8
    assert "alike in" in printed


@pytest.mark.slow
def test_the_atmosphere_brings_the_sink_of_biased_towers_near_to_the_truth(shown, tmp_path):
    out, _ = shown
    (tmp_path / "figures").mkdir()
    report = Report("", label="synthetic")
    with collect_warnings():
        said = add_demo_atmosphere(
            report, xflux.twin.Earth(), out / "grid_truth.zarr", tmp_path, "zarr",
            Progress(quiet=True),
        )  # fmt: skip
    report.write(tmp_path, [])
    globe = pd.read_csv(tmp_path / "tables" / "atmosphere_globe.csv", index_col="estimate")
    alone, dual, true = (
        globe.loc[name, "annual mean"] for name in ("towers alone", "with the atmosphere", "truth")
    )
    assert alone < true - 5.0
    assert abs(dual - true) < 1.0
    assert globe.loc["with the atmosphere", "rmse of years not seen"] < 2.0
    pixels = pd.read_csv(tmp_path / "tables" / "atmosphere_pixels.csv", index_col="estimate")
    rmse = pixels["rmse, tropics"]
    assert rmse["with the atmosphere"] < rmse["towers alone, and a constant by region"]
    assert rmse["towers alone, and a constant by region"] < rmse["towers alone"]
    assert f"takes up {-alone:.1f} PgC per year by towers alone" in said
    assert f"{-dual:.1f} with the atmosphere, {-true:.1f} in truth" in said


def test_the_verdict_says_where_the_atmosphere_makes_it_worse(shown):
    out, printed = shown
    towers = pd.read_csv(out / "tables" / "atmosphere_towers.csv", index_col="estimate")
    records = towers["records, tropics"]
    worse = records["with the atmosphere"] > records["towers alone"]
    said = " ".join(printed.split())
    assert f"Records of tropical towers are met {'worse' if worse else 'better'}" in said
    years = pd.read_csv(out / "tables" / "atmosphere_globe.csv", index_col="estimate")[
        "r2_pearson of years"
    ]
    better = years["with the atmosphere"] > years["towers alone"]
    assert f"Anomalies of years are followed {'better' if better else 'worse'} (r2" in said


def test_scores_of_both_networks_of_the_demo_are_those_of_regional_skill(shown):
    out, _ = shown
    truth = reopen(out / "grid_truth.zarr")[["nee", "cell_area", "land_fraction"]].load()
    regions = xflux.transcom_regions(truth.reset_coords()).load()
    sums = xflux.regional_integral(truth.reset_coords(), regions=regions).nee
    field = reopen(out / "grid_nee_dual.zarr").load().reset_coords()
    made = xflux.regional_integral(field, regions=regions).nee
    scores = xflux.regional_skill(sums, made, independent=True)
    globe = pd.read_csv(out / "tables" / "atmosphere_globe.csv", index_col="estimate")
    assert (globe["trained on it"].dropna() == "no").all()
    table = pd.read_csv(out / "tables" / "atmosphere_regions.csv", index_col="region")
    found = table["nnse, with the atmosphere"]
    np.testing.assert_allclose(found, scores.nnse, rtol=1e-3)
    np.testing.assert_allclose(table["truth"], scores.annual_mean_reference, rtol=1e-3, atol=1e-4)


def test_without_torch_the_demo_leaves_the_networks_out(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    earth = xflux.twin.Earth(resolution=30.0, end="2002")
    progress = Progress(quiet=True)
    true = store(earth.truth, tmp_path, "grid_truth", "netcdf", progress)
    report = Report("")
    said = add_demo_atmosphere(report, earth, true, tmp_path, "netcdf", progress)
    assert "pip install 'xflux[nn]'" in said
    assert "pip install 'xflux[nn]'" in report.sections[0].left_out["the networks"]
    assert not report.files


def test_the_model_of_the_demo_can_be_taken_on(shown):
    out, _ = shown
    model = xflux.ResidualModel.load(out / "model.safetensors")
    drivers = xflux.twin.Earth().drivers.isel(time=slice(0, 13))
    again = xflux.refine(drivers, model, interval=None)["gpp"].isel(time=12).compute()
    written = reopen(out / "grid_refined.zarr")["gpp"].isel(time=12).compute()
    np.testing.assert_allclose(again, written, rtol=1e-4, atol=1e-4)
    assert "synthetic" in (out / "validation.html").read_text()


def test_the_demo_does_not_overwrite(tmp_path, capsys):
    (tmp_path / "xflux-demo").mkdir()
    assert main(["demo", "--out", str(tmp_path / "xflux-demo")]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert list((tmp_path / "xflux-demo").iterdir()) == []


@pytest.mark.slow
def test_the_demo_goes_into_a_folder_of_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Carbon and causes are the same in either format, and take long.
    for step in ("add_demo_carbon", "add_causes", "add_demo_atmosphere"):
        monkeypatch.setattr(f"xflux.commands.demo.{step}", lambda *arguments: "")
    assert main(["demo", "--quiet", "--format", "netcdf"]) == 0
    assert (tmp_path / "xflux-demo" / "grid_baseline.nc").exists()
    assert (tmp_path / "xflux-demo" / "grid_truth.nc").exists()
