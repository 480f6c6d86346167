"""`xflux run`: from files to a report, at towers and on a grid."""

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
from xflux.baselines.baseline import baseline
from xflux.commands.inputs import with_co2
from xflux.commands.request import RunRequest
from xflux.commands.run import run
from xflux.commands.store import reopen
from xflux.errors import InputError

FLUXES = ("gpp", "reco", "nee", "le")


def run_quietly(out: Path, *, draw: bool = False, **options) -> str:
    """Run the baseline, with figures only where they are looked at, and return the report."""
    options = {"refine": False} | options
    many = ("towers", "drivers", "sites", "tower_extra")
    options = {k: (str(v),) if k in many else v for k, v in options.items()}
    with ExitStack() as stack:
        for name in () if draw else ("draw_towers", "draw_grid"):
            stack.enter_context(patch(f"xflux.commands.run.{name}", return_value=[]))
        run(RunRequest(out=out, quiet=True, **options))
    return (out / "report.md").read_text()


def table(out: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(out / "tables" / f"{name}.csv", dtype={"year": str})


@pytest.mark.parametrize(("format", "ending"), [("zarr", "zarr"), ("netcdf", "nc")])
def test_the_fluxes_of_a_grid_are_those_of_baseline(grid_file, tmp_path, format, ending):
    drivers, out = grid_file(), tmp_path / "out"
    run_quietly(out, drivers=drivers, co2=400.0, format=format)
    with reopen(out / f"grid_baseline.{ending}") as written, xr.open_dataset(drivers) as ds:
        expected = baseline(ds, gpp=xflux.PModel(co2=400.0))
        for flux in FLUXES:
            xr.testing.assert_allclose(
                written[flux].reset_coords(drop=True).compute(), expected[flux], rtol=1e-6
            )
            assert written[flux].attrs["units"] == xflux.variables[flux].units
            assert written[flux].attrs["model"] == expected[flux].attrs["model"] or flux == "gpp"
            assert written[flux].dtype == np.float32
        assert written["cell_area"].attrs["units"] == "m2"
        np.testing.assert_array_equal(written["land_fraction"], ds["land_fraction"])
        assert "baseline" in written.attrs["title"].lower()


def test_totals_are_sums_over_land_and_the_days_of_each_month(grid_file, tmp_path):
    drivers, out = grid_file(), tmp_path / "out"
    run_quietly(out, drivers=drivers, co2=400.0)
    with xr.open_dataset(drivers) as ds:
        fluxes = baseline(ds, gpp=xflux.PModel(co2=400.0)).astype("f8")
        edges = np.sin(np.deg2rad(np.arange(40, 45)))
        area = 6371007.2**2 * np.diff(edges) * np.deg2rad(1.0)
        land = xr.DataArray(area, dims="lat") * ds["land_fraction"]
        month = (fluxes * land).sum(("lat", "lon"))
        days = fluxes["time"].dt.days_in_month
    monthly, annual = table(out, "totals_monthly"), table(out, "totals_annual")
    assert list(monthly["month"][:2]) == ["2001-01", "2001-02"]
    for flux in ("gpp", "reco", "nee"):
        pg = month[flux] * days * 1e-15
        name = f"{flux.upper()} [PgC per month]"
        np.testing.assert_allclose(monthly[name], pg, rtol=2e-5)
        expected = pg.groupby("time.year").sum()
        name = f"{flux.upper()} [PgC per year]"
        np.testing.assert_allclose(annual[name][:2], expected, rtol=2e-5)
        np.testing.assert_allclose(annual[name][2], expected.mean(), rtol=2e-5)
    assert list(annual["year"]) == ["2001", "2002", "mean"]
    le = month["le"] / land.sum()
    np.testing.assert_allclose(monthly["LE [W m-2]"], le, rtol=2e-5)
    year = (le * days).groupby("time.year").sum() / days.groupby("time.year").sum()
    np.testing.assert_allclose(annual["LE [W m-2]"][:2], year, rtol=2e-5)


def test_a_mean_year_has_one_annual_total(grid_file, tmp_path):
    out = tmp_path / "out"
    report = run_quietly(out, drivers=grid_file(mean_year=True), co2=400.0)
    annual, monthly = table(out, "totals_annual"), table(out, "totals_monthly")
    assert list(annual["year"]) == ["mean year"]
    assert list(monthly["month"])[:2] == ["Jan", "Feb"]
    for flux in ("GPP", "RECO", "NEE"):
        total = monthly[f"{flux} [PgC per month]"].sum()
        assert annual[f"{flux} [PgC per year]"][0] == pytest.approx(total, rel=1e-4)
    assert "The grid is a mean year" in report


def test_an_incomplete_year_has_no_total(grid_file, tmp_path):
    out = tmp_path / "out"
    report = run_quietly(out, drivers=grid_file(months=18), co2=400.0)
    annual = table(out, "totals_annual").set_index("year")
    assert annual.loc["2001"].notna().all()
    assert annual.loc["2002"].isna().all()
    assert "do not cover whole" in report


def test_a_grid_without_time_has_maps_but_no_totals(grid_file, tmp_path):
    out = tmp_path / "out"
    drivers = grid_file(lambda ds: ds.isel(time=6, drop=True))
    report = run_quietly(out, draw=True, drivers=drivers, co2=400.0)
    assert (out / "figures" / "map_gpp.png").stat().st_size > 0
    assert not (out / "tables" / "totals_annual.csv").exists()
    assert "no time dimension" in report


def test_a_flux_without_its_input_is_left_out_with_the_reason(grid_file, tmp_path):
    drivers, out = grid_file(lambda ds: ds.drop_vars("rnet")), tmp_path / "out"
    report = run_quietly(out, draw=True, drivers=drivers, co2=400.0)
    assert re.search(r"\*\*LE\*\*: PriestleyTaylor needs rnet .*--derive rnet", report)
    assert set(FLUXES) & set(reopen(out / "grid_baseline.zarr")) == {"gpp", "reco", "nee"}
    assert not (out / "figures" / "map_le.png").exists()
    report = run_quietly(out, drivers=drivers, co2=400.0, derive=("rnet",), overwrite=True)
    assert "estimated from swin and ta" in report
    assert "le" in reopen(out / "grid_baseline.zarr")


def test_nee_needs_both_of_its_parts(grid_file, tmp_path):
    drivers, out = grid_file(lambda ds: ds.drop_vars("vpd")), tmp_path / "out"
    report = run_quietly(out, drivers=drivers, co2=400.0)
    assert "**NEE**: it is reco - gpp, and there is no gpp" in report
    assert set(FLUXES) & set(reopen(out / "grid_baseline.zarr")) == {"reco", "le"}


def test_where_no_flux_can_be_computed_all_reasons_are_given(grid_file, tmp_path):
    drivers, out = grid_file(lambda ds: ds[["swin", "elevation"]]), tmp_path / "out"
    with pytest.raises(InputError) as error:
        run_quietly(out, drivers=drivers, co2=400.0)
    for said in ("gpp: PModel needs ta", "reco: Q10Respiration needs ta", "le: PriestleyTaylor"):
        assert said in str(error.value)
    assert not out.exists()


def test_the_grids_own_names_are_given_by_names(grid_file, tmp_path):
    drivers, out = grid_file(lambda ds: ds.rename(ta="warmth")), tmp_path / "out"
    with pytest.raises(InputError, match="ta=<your variable>"):
        run_quietly(out, drivers=drivers, co2=400.0)
    run_quietly(out, drivers=drivers, co2=400.0, names={"ta": "warmth"})
    assert set(FLUXES) <= set(reopen(out / "grid_baseline.zarr"))


def test_a_grid_without_co2_asks_for_it(grid_file, tmp_path):
    with pytest.raises(InputError, match="--co2"):
        run_quietly(tmp_path / "out", drivers=grid_file())


def test_chunks_of_unlike_months_can_be_written(grid_file, tmp_path):
    out = tmp_path / "out"

    def daily(ds):
        days = pd.date_range("2001-01-01", "2001-04-30")
        return ds.isel(time=0, drop=True).expand_dims(time=days)

    whole = grid_file(daily)
    with xr.open_dataset(whole) as ds:
        for month, part in ds.groupby("time.month"):
            part.to_netcdf(tmp_path / f"month_{month}.nc")
    run_quietly(out, drivers=tmp_path / "month_*.nc", co2=400.0)
    assert reopen(out / "grid_baseline.zarr").sizes["time"] == 120


def test_every_chunk_is_read_once(grid_file, tmp_path):
    import threading

    from xflux.commands.fluxes import baseline_of
    from xflux.commands.on_grid import run_on_grid
    from xflux.commands.progress import Progress

    lock, read = threading.Lock(), []

    def count(block, block_info=None):
        with lock:
            read.append(block_info[0]["chunk-location"])
        return block

    with xr.open_dataset(grid_file()) as opened:
        ds = opened.load().chunk(time=6)
        counted = ds["ta"].data.map_blocks(count, dtype="f4", meta=np.empty((0, 0, 0), "f4"))
        ds["ta"] = ds["ta"].copy(data=counted)
        ds = with_co2(ds, 400.0, what="grid")
        computed = baseline_of(ds, what="grid")
        run_on_grid(ds, computed, tmp_path, "zarr", Progress(quiet=True))
    assert sorted(read) == [(k, 0, 0) for k in range(4)]


def test_values_out_of_range_are_warned_of_in_the_report_and_on_stderr(grid_file, tmp_path, capsys):
    def spoil(ds):
        ds["vpd"][3, 0, 0] = -9999.0
        return ds

    report = run_quietly(tmp_path / "out", drivers=grid_file(spoil), co2=400.0)
    section = report.split("## Warnings")[1]
    assert "'vpd'" in section
    assert "'vpd'" in capsys.readouterr().err
    assert section.count("'vpd'") == 1


def test_scores_are_those_of_evaluate(tower_file, tmp_path):
    out = tmp_path / "out"
    run_quietly(out, towers=tower_file(), co2=400.0)
    observed, predicted = (
        reopen(out / f"towers_{side}.zarr").compute() for side in ("observed", "baseline")
    )
    pooled = table(out, "scores_pooled").set_index("flux")
    scores = xflux.evaluate(observed, predicted)
    for flux in FLUXES:
        row, expected = pooled.loc[flux.upper()], scores.sel(flux=flux)
        assert row["n"] == int(expected["n"])
        for metric in ("r2_nse", "r2_pearson", "rmse", "bias", "slope"):
            assert row[metric] == pytest.approx(float(expected[metric]), rel=1e-5)
        assert row["sites"] == 4
    by_class = table(out, "scores_by_igbp")
    assert set(by_class["igbp"]) == {"DBF", "ENF", "GRA"}
    assert (by_class["n"] > 0).all()
    dbf = by_class[(by_class["flux"] == "GPP") & (by_class["igbp"] == "DBF")].iloc[0]
    assert dbf["sites"] == 2
    both = (observed["gpp"].notnull() & predicted["gpp"].notnull()).sel(site=["AA-One", "AA-Two"])
    assert dbf["n"] == int(both.sum())
    assert len(table(out, "scores_by_site")) == 16
    assert set(table(out, "scores_by_component")["component"]) >= {"seasonal_cycle", "anomalies"}


def test_observations_stand_beside_the_baseline(tower_file, tmp_path):
    out = tmp_path / "out"
    towers = tower_file()
    run_quietly(out, towers=towers, co2=400.0, min_qc=None)
    observed, predicted = (
        reopen(out / f"towers_{side}.zarr").compute() for side in ("observed", "baseline")
    )
    given = pd.read_csv(towers / "monthly.csv")
    given = given[given["site"] == "BB-One"]["gpp_gC_m2_d"].to_numpy()
    np.testing.assert_allclose(observed["gpp"].sel(site="BB-One"), given)
    assert not np.allclose(predicted["gpp"].sel(site="BB-One"), given, rtol=0.01)
    assert set(predicted) == set(FLUXES)


def test_poor_quality_is_left_out(tower_file, tmp_path):
    towers = tower_file()
    run_quietly(tmp_path / "all", towers=towers, co2=400.0, min_qc=None)
    report = run_quietly(tmp_path / "good", towers=towers, co2=400.0)
    counts = {
        name: table(tmp_path / name, "scores_pooled").set_index("flux")["n"]
        for name in ("all", "good")
    }
    assert counts["all"]["GPP"] == 4 * 36
    assert counts["good"]["GPP"] == 4 * 30
    assert counts["good"]["LE"] == counts["all"]["LE"]
    assert "nee_qc >= 0.8 (GPP, RECO, NEE)" in report


def test_towers_without_quality_flags_are_used_with_a_warning(tower_file, tmp_path):
    towers = tower_file(lambda table: table.drop(columns=["nee_qc", "le_qc"]))
    out = tmp_path / "out"
    report = run_quietly(out, towers=towers, co2=400.0)
    assert "no quality flag for gpp, reco, nee, le" in report.split("## Warnings")[1]
    assert table(out, "scores_pooled").set_index("flux")["n"]["GPP"] == 4 * 36


def test_co2_of_the_towers_is_kept_and_its_gaps_are_filled(tower_file, tmp_path):
    out = tmp_path / "out"
    towers = tower_file()
    run_quietly(out, towers=towers, co2=410.0)
    co2 = reopen(out / "towers_observed.zarr")["co2"].compute()
    assert np.unique(co2[:, :18]) == [390.0]
    assert np.unique(co2[:, 18:]) == [410.0]
    run_quietly(tmp_path / "gaps", towers=towers)
    assert table(tmp_path / "gaps", "scores_pooled").set_index("flux")["n"]["GPP"] == 4 * 15


def test_a_flux_that_was_not_observed_is_not_scored(tower_file, tmp_path):
    out = tmp_path / "out"
    towers = tower_file(lambda table: table.drop(columns=["le_W_m2", "le_qc"]))
    report = run_quietly(out, towers=towers, co2=400.0)
    assert "**LE**: the towers hold no observations of it" in report
    assert list(table(out, "scores_pooled")["flux"]) == ["GPP", "RECO", "NEE"]
    assert "le" in reopen(out / "towers_baseline.zarr")


def test_towers_that_were_not_observed_at_all_are_refused(tower_file, tmp_path):
    fluxes = ["gpp_gC_m2_d", "reco_gC_m2_d", "nee_gC_m2_d", "nee_qc", "le_W_m2", "le_qc"]
    towers = tower_file(lambda table: table.drop(columns=fluxes))
    with pytest.raises(InputError, match="nothing to score"):
        run_quietly(tmp_path / "out", towers=towers, co2=400.0)


def test_without_classes_the_other_scores_remain(tower_file, tmp_path):
    towers = tower_file()
    out = tmp_path / "out"
    report = run_quietly(out, draw=True, towers=towers / "monthly.csv", co2=400.0)
    assert "pass --sites" in report
    assert not (out / "tables" / "scores_by_igbp.csv").exists()
    assert (out / "figures" / "seasonal_gpp.png").exists()


def test_towers_and_grid_make_one_report_whose_links_all_lead_somewhere(
    grid_file, tower_file, tmp_path
):
    out = tmp_path / "out"
    options = {"towers": tower_file(), "drivers": grid_file(), "co2": 400.0}
    report = run_quietly(out, draw=True, command="xflux run", **options)
    links = re.findall(r"\]\(([^)]+)\)", report)
    assert {"figures/scatter_gpp.png", "figures/map_nee.png", "tables/totals_annual.csv"} <= set(
        links
    )
    for link in links:
        assert (out / link).stat().st_size > 0
    drawn = {f"figures/{path.name}" for path in (out / "figures").iterdir()}
    written = {f"tables/{path.name}" for path in (out / "tables").iterdir()}
    assert drawn | written == set(links)
    assert "`xflux run`" in report
    assert xflux.__version__ in report


def test_the_same_run_gives_the_same_folder(grid_file, tower_file, tmp_path):
    options = {"towers": tower_file(), "drivers": grid_file(), "co2": 400.0}
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        run_quietly(folder, draw=True, **options)
    files = [sorted(p.relative_to(f) for p in f.rglob("*") if p.is_file()) for f in folders]
    assert files[0] == files[1]
    for name in files[0]:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def test_overwrite_leaves_nothing_of_the_old_run(grid_file, tower_file, tmp_path):
    out = tmp_path / "out"
    run_quietly(out, draw=True, towers=tower_file(), co2=400.0)
    run_quietly(out, draw=True, drivers=grid_file(), co2=400.0, overwrite=True)
    assert not list(out.glob("towers_*"))
    assert not (out / "figures" / "scatter_gpp.png").exists()


def test_a_map_of_the_months_that_are_there_is_called_that(grid_file, tmp_path):
    def winter_without_leaves(ds):
        ds["fapar"][0, 1, 2] = np.nan
        return ds

    said = "Where time steps are missing the mean is of those present."
    out = tmp_path / "out"
    report = run_quietly(out, draw=True, drivers=grid_file(winter_without_leaves), co2=400.0)
    assert report.count(said) == 4
    report = run_quietly(out, draw=True, drivers=grid_file(), co2=400.0, overwrite=True)
    assert said not in report


def test_the_caveats_are_of_the_fluxes_that_are_there(grid_file, tower_file, tmp_path):
    out = tmp_path / "out"
    report = run_quietly(out, towers=tower_file(), drivers=grid_file(), co2=400.0)
    caveats = report.split("## Caveats")[1]
    assert caveats.count("PriestleyTaylor scales") == 1
    assert caveats.count("small difference") == 1
    drivers = grid_file(lambda ds: ds.drop_vars(["rnet", "vpd"]))
    report = run_quietly(out, drivers=drivers, co2=400.0, overwrite=True)
    caveats = report.split("## Caveats")[1]
    assert "PriestleyTaylor" not in caveats
    assert "NEE" not in caveats


@pytest.mark.real
def test_from_icos_files_and_the_global_grid_to_a_report(data, tmp_path):
    out = tmp_path / "out"
    icos = data / "towers" / "icos_ww2020"
    report = run_quietly(
        out,
        draw=True,
        towers=icos,
        tower_extra=icos / "fapar_monthly.csv.gz",
        drivers=data / "grids" / "global_1deg" / "global_monthly_drivers.nc",
        co2=400.0,
    )
    assert "### Left out" not in report
    pooled = table(out, "scores_pooled").set_index("flux")
    assert set(pooled.index) == {"GPP", "RECO", "NEE", "LE"}
    assert pooled["r2_nse"]["GPP"] > 0.6
    assert (pooled["sites"] > 40).all()
    annual = table(out, "totals_annual").iloc[0]
    # The range of published estimates of global GPP, widely.
    assert 90 < annual["GPP [PgC per year]"] < 180
    closure = annual["RECO [PgC per year]"] - annual["GPP [PgC per year]"]
    assert annual["NEE [PgC per year]"] == pytest.approx(closure, abs=0.01)
    figures = {path.stem for path in (out / "figures").iterdir()}
    kinds = ("scatter", "seasonal", "map")
    drawn = {f"{kind}_{flux}" for kind in kinds for flux in FLUXES} | {"series_monthly"}
    assert figures == drawn | {"carbon_cVeg", "carbon_cSoil"}
    carbon = table(out, "carbon_budget").set_index("carbon")["here"]
    # Ito (2011); Erb et al. (2018); Ciais et al. (2013), widely.
    assert 40 < carbon["NPP"] < 75
    assert 350 < carbon["cVeg"] < 600
    assert 1200 < carbon["cSoil"] < 2600
