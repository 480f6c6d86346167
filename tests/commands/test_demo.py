"""`xflux demo`: a generated world, through to the report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.cli import main
from xflux.commands.demo_world import demo_world
from xflux.commands.store import reopen


def test_the_demo_makes_a_report_that_says_synthetic(tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "synthetic" in shown
    assert "GPP [PgC per year]" in shown
    report = (out / "report.md").read_text()
    assert "synthetic" in report.splitlines()[0]
    written = reopen(out / "grid_baseline.zarr")
    for flux in ("gpp", "reco", "nee", "le"):
        assert "synthetic" in written[flux].attrs
        assert f"Baseline {flux.upper()}, mean of 2001-01 to 2002-12 (synthetic)" in report
        assert (out / "figures" / f"map_{flux}.png").stat().st_size > 0
    assert "synthetic" in written.attrs


def test_the_totals_of_the_demo_close(tmp_path):
    main(["demo", "--out", str(tmp_path / "demo"), "--quiet"])
    annual = pd.read_csv(tmp_path / "demo" / "tables" / "totals_annual.csv")
    gpp, reco, nee = (annual[f"{flux} [PgC per year]"] for flux in ("GPP", "RECO", "NEE"))
    np.testing.assert_allclose(nee, reco - gpp, atol=1e-3)
    assert (gpp > 0).all()


def test_the_demo_does_not_overwrite(tmp_path, capsys):
    (tmp_path / "xflux-demo").mkdir()
    assert main(["demo", "--out", str(tmp_path / "xflux-demo")]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert list((tmp_path / "xflux-demo").iterdir()) == []


def test_the_demo_goes_into_a_folder_of_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--quiet", "--format", "netcdf"]) == 0
    assert (tmp_path / "xflux-demo" / "grid_baseline.nc").exists()


def test_a_seed_makes_a_world():
    xr.testing.assert_identical(demo_world(seed=3), demo_world(seed=3))
    assert not demo_world(seed=3)["sftlf"].equals(demo_world(seed=4)["sftlf"])


@pytest.mark.parametrize("resolution", [5.0, 10.0])
def test_three_tenths_of_the_surface_are_land(resolution):
    world = demo_world(resolution=resolution)
    area = xflux.labels.grid.cell_area(world)
    share = float((world["sftlf"] / 100 * area).sum() / area.sum())
    assert share == pytest.approx(0.3, abs=0.01 * (resolution / 5) ** 2)


def test_there_is_no_climate_at_sea():
    world = demo_world()
    sea = world["sftlf"] == 0
    for name in ("tas", "d2m", "rsds", "fapar"):
        there = world[name].notnull().compute()
        assert not bool((there & sea).any())
        assert bool(there.where(~sea, True).all())


def test_the_climate_lies_within_the_range_of_the_table():
    with no_compute():
        drivers = xflux.standardize(demo_world(), derive=("rnet",))
    for name in ("ta", "vpd", "swin", "fapar", "rnet", "patm"):
        row = xflux.variables[name]
        values = drivers[name].compute()
        assert float(values.min()) >= row.valid_min
        assert float(values.max()) <= row.valid_max
    assert float((drivers["td"] - drivers["ta"]).max()) <= 0


def test_seasons_are_opposite_in_the_hemispheres():
    world = demo_world()
    cycle = world["tas"].groupby("time.month").mean()
    swing = (cycle.sel(month=7) - cycle.sel(month=1)).compute()
    assert float(swing.where(world["lat"] > 20).min()) > 0
    assert float(swing.where(world["lat"] < -20).max()) < 0
