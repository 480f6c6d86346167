"""`xflux run` with towers: what is learned, validated, and taken to the grid."""

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
from xflux.commands.learning import _Held, learn
from xflux.commands.progress import Progress
from xflux.commands.refined import load_model
from xflux.commands.request import RunRequest
from xflux.commands.run import run
from xflux.commands.store import reopen
from xflux.errors import FileFormatError, InputError
from xflux.progress_bar import progress_bar
from xflux.refinement.folds import Fold

FLUXES = ("gpp", "reco", "nee", "le")


def run_refined(out: Path, *, draw: bool = False, **options) -> str:
    """Run with the quickest learner, with figures where they are looked at; return the report."""
    many = ("towers", "drivers")
    options = {k: (str(v),) if k in many else v for k, v in options.items()}
    options = {"co2": 400.0, "learner": "kernel", "folds": 4} | options
    drawn = ("draw_towers", "draw_grid", "draw_validated", "draw_refined")
    with ExitStack() as stack:
        for name in () if draw else drawn:
            stack.enter_context(patch(f"xflux.commands.run.{name}", return_value=[]))
        run(RunRequest(out=out, quiet=True, **options))
    return (out / "report.md").read_text()


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Run on towers and grid once; return the folder, the report and the drivers."""
    from commands.conftest import make_grid, make_towers

    folder = tmp_path_factory.mktemp("refined")
    make_grid().to_netcdf(folder / "drivers.nc")
    towers = folder / "towers"
    towers.mkdir()
    make_towers().to_csv(towers / "monthly.csv", index=False)
    pd.DataFrame(
        {
            "site": ["AA-One", "AA-Two", "BB-One", "BB-Two"],
            "lat": [45.0, 46.0, 60.0, 61.0], "lon": [5.0, 6.0, 20.0, 21.0],
            "igbp": ["DBF", "DBF", "ENF", "ENF"], "elevation": [100.0, 200.0, 50.0, 60.0],
        }
    ).to_csv(towers / "sites.csv", index=False)  # fmt: skip
    out = folder / "out"
    report = run_refined(out, draw=True, towers=towers, drivers=folder / "drivers.nc")
    return out, report, folder


def test_the_grid_holds_refined_fluxes_and_their_intervals(both):
    out, _, folder = both
    written = reopen(out / "grid_refined.zarr").compute()
    model = xflux.ResidualModel.load(out / "model.safetensors")
    with xr.open_dataset(folder / "drivers.nc") as ds:
        drivers = ds.load().assign(co2=xr.DataArray(np.float32(400), attrs={"units": "ppm"}))
    expected = xflux.refine(drivers, model)
    for flux in FLUXES:
        for name in (flux, f"{flux}_lower", f"{flux}_upper"):
            np.testing.assert_allclose(
                written[name].transpose(*expected[name].dims), expected[name], rtol=1e-4, atol=1e-4
            )
    assert written["gpp"].dtype == np.float32
    assert written["gpp"].attrs["units"] == xflux.variables["gpp"].units
    assert "refined" in written.attrs["title"].lower()
    assert "cell_area" in written.coords


def test_the_report_says_where_the_towers_are_and_that_all_else_is_extrapolated(both):
    out, _, _ = both
    text = (out / "report.md").read_text()
    assert "lie from latitude 45 to 61 and longitude 5 to 21" in text


def test_scores_are_of_sites_that_were_not_seen(both):
    out, report, _ = both
    validated = reopen(out / "towers_validated.zarr").compute()
    observed = reopen(out / "towers_observed.zarr").compute()
    table = pd.read_csv(out / "tables" / "scores_validated.csv").set_index(["flux", "estimate"])
    scores = xflux.evaluate(observed, validated)
    assert validated.attrs["left_out"] == "whole sites"
    model = xflux.ResidualModel.load(out / "model.safetensors")
    fitted = xflux.refine(observed, model, interval=None)
    for flux in FLUXES:
        found = table.loc[(flux.upper(), "refined")]
        one = scores.sel({"flux": flux, "estimate": "refined"})
        assert found["n"] == int(one["n"])
        assert found["r2_nse"] == pytest.approx(float(one["r2_nse"]), rel=1e-5)
        seen = xflux.evaluate(observed[[flux]], fitted[[flux]])["r2_nse"]
        assert float(seen.squeeze()) > float(one["r2_nse"])
    assert "4 folds of whole sites" in report


def test_what_the_grid_lacks_is_not_learned_from(both):
    out, report, _ = both
    assert re.search(r"\*\*learning from [^*]*igbp[^*]*\*\*: the towers hold it", report)
    model = xflux.ResidualModel.load(out / "model.safetensors")
    assert "igbp" not in model.feature_names_in_
    assert {"ta", "ta_lag1", "gpp_baseline"} <= set(model.feature_names_in_)


def test_all_links_of_the_report_lead_somewhere(both):
    out, report, _ = both
    links = set(re.findall(r"\]\(([^)]+)\)", report))
    assert {"validation.html", "figures/validated_nee.png", "figures/refined_gpp.png"} <= links
    for link in links:
        assert (out / link).stat().st_size > 0
    drawn = {f"figures/{path.name}" for path in (out / "figures").iterdir()}
    written = {f"tables/{path.name}" for path in (out / "tables").iterdir()}
    assert drawn | written == links - {"validation.html"}
    assert "Baseline and refined fluxes" in report.splitlines()[0]


def test_totals_compare_both_over_the_same_land(both):
    out, _, _ = both
    table = pd.read_csv(out / "tables" / "totals_compared.csv").set_index("flux")
    refined = pd.read_csv(out / "tables" / "totals_annual_refined.csv").iloc[-1]
    baseline = pd.read_csv(out / "tables" / "totals_annual.csv").iloc[-1]
    for flux in ("GPP", "RECO", "NEE"):
        name = f"{flux} [PgC per year]"
        assert table.loc[flux, "refined"] == pytest.approx(refined[name], rel=1e-4)
        # All of this grid has a refined value.
        assert table.loc[flux, "baseline"] == pytest.approx(baseline[name], rel=1e-4)
    assert (table["land without [%]"] == 0).all()


def test_a_saved_model_refines_alike(both, tmp_path):
    out, _, folder = both
    report = run_refined(
        tmp_path / "out", drivers=folder / "drivers.nc", model=str(out / "model.safetensors")
    )
    first, second = (
        reopen(path / "grid_refined.zarr").compute() for path in (out, tmp_path / "out")
    )
    xr.testing.assert_equal(first.drop_attrs(), second.drop_attrs())
    assert "Learned from the towers" not in report
    assert str(out / "model.safetensors") in report


def test_a_saved_network_refines_as_well(both, tmp_path):
    pytest.importorskip("torch")
    out, _, folder = both
    towers = reopen(out / "towers_observed.zarr").compute()
    model = xflux.ConstrainedNetwork(
        (4,), fluxes=("gpp",), features=("ta", "gpp_baseline"), temperature=0.0, light=0.0,
        members=2, epochs=2,
    ).fit(towers, towers)  # fmt: skip
    path = model.save(tmp_path / "network.safetensors")
    drivers = folder / "drivers.nc"
    run_refined(tmp_path / "out", drivers=drivers, model=str(path))
    written = reopen(tmp_path / "out" / "grid_refined.zarr").compute()
    with xr.open_dataset(drivers) as ds:
        expected = xflux.refine(
            ds.load().assign(co2=xr.DataArray(400.0, attrs={"units": "ppm"})), model, interval=None
        )["gpp"]
    np.testing.assert_allclose(
        written["gpp"].transpose(*expected.dims), expected, rtol=1e-4, atol=1e-4
    )


def test_a_file_of_no_model_is_refused_in_words_of_the_first_kind(tmp_path):
    (tmp_path / "model").write_bytes(b"none")
    with pytest.raises(FileFormatError, match="truncated, or no refinement"):
        load_model(str(tmp_path / "model"))


def test_fits_beside_each_other_draw_no_bars_and_name_their_fold():
    drivers, observed = xflux.twin.Earth(resolution=30.0, end="2003").towers(n=12)
    options = {"fluxes": ("le",), "features": ("ta", "le_baseline"), "members": 2, "rows": 0.5}
    model = xflux.ResidualModel("kernel", **options)
    shown = []

    def bar(*args, show, **options):
        shown.append(show)
        return progress_bar(*args, show=False, **options)

    with ExitStack() as stack:
        for name in ("residual", "validation"):
            stack.enter_context(patch(f"xflux.refinement.{name}.progress_bar", bar))
        learned = learn(model, drivers, observed, folds=2, progress=Progress(quiet=True))
    assert learned.folds == 2
    assert len(shown) >= 5
    assert not any(shown)
    nothing = np.zeros((12, 36), bool)
    held = _Held(model, drivers, observed, Fold("fold 1 of 2", nothing, nothing))
    assert repr(held) == "_Held('fold 1 of 2')"


def test_towers_alone_are_learned_from_and_validated(both, tmp_path):
    _, _, folder = both
    run_refined(tmp_path / "out", towers=folder / "towers")
    assert (tmp_path / "out" / "validation.html").exists()
    model = xflux.ResidualModel.load(tmp_path / "out" / "model.safetensors")
    assert "igbp" in model.feature_names_in_


def test_without_refinement_nothing_is_learned(both, tmp_path):
    _, _, folder = both
    report = run_refined(tmp_path / "out", towers=folder / "towers", refine=False)
    assert not (tmp_path / "out" / "model.safetensors").exists()
    assert "# Baseline fluxes" in report.splitlines()
    assert "Learned from the towers" not in report


def test_too_few_towers_leave_the_baseline_with_the_reason(tower_file, grid_file, tmp_path):
    towers = tower_file(lambda table: table[table["site"] == "AA-One"])
    out = tmp_path / "out"
    report = run_refined(out, towers=towers, drivers=grid_file())
    assert re.search(r"\*\*refinement\*\*: .*expected at least 30 of 3", report)
    assert (out / "grid_baseline.zarr").exists()
    assert not (out / "grid_refined.zarr").exists()


def test_a_mean_year_is_refined_without_the_months_before(tower_file, grid_file, tmp_path):
    out = tmp_path / "out"
    report = run_refined(out, towers=tower_file(), drivers=grid_file(mean_year=True), folds=2)
    # Two sites in a fold leave two to learn from, which are too few.
    assert re.search(r"\*\*cross-validation\*\*: .*expected at least 30 of 3", report)
    assert "learning from the months before" in report
    model = xflux.ResidualModel.load(out / "model.safetensors")
    assert not [name for name in model.feature_names_in_ if "_lag" in name or "_mean" in name]
    assert bool(reopen(out / "grid_refined.zarr")["gpp"].notnull().all())


def test_a_flux_without_baseline_on_the_grid_is_not_refined(tower_file, grid_file, tmp_path):
    out = tmp_path / "out"
    drivers = grid_file(lambda ds: ds.drop_vars("rnet"))
    report = run_refined(out, towers=tower_file(), drivers=drivers)
    assert "**refined le**: the grid lacks it" in report
    assert "le" not in reopen(out / "grid_refined.zarr")
    assert "nee_upper" in reopen(out / "grid_refined.zarr")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"towers": ("t",), "model": "m"}, "pass --drivers"),
        ({"drivers": ("d",), "model": "m", "refine": False}, "exclude each other"),
        ({"towers": ("t",), "folds": 1}, "two folds"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        RunRequest(out=tmp_path, **options)


def test_a_model_that_is_not_there_is_refused(grid_file, tmp_path):
    with pytest.raises(InputError, match="--model: there is no file"):
        run_refined(tmp_path / "out", drivers=grid_file(), model=str(tmp_path / "none"))
