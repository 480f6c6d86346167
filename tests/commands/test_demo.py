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
from xflux.commands.fluxes import baseline_of
from xflux.commands.store import reopen


def test_the_demo_makes_a_report_that_says_synthetic(tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "synthetic" in shown
    assert "GPP [PgC per year]" in shown
    assert f"xflux demo --seed 1 --out {out} --overwrite" in shown
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
@pytest.mark.parametrize("seed", [0, 3])
def test_a_quarter_of_the_surface_is_land_most_of_it_in_the_north(resolution, seed):
    world = demo_world(resolution=resolution, seed=seed)
    land = world["sftlf"] / 100 * xflux.labels.grid.cell_area(world)
    surface = float(xflux.labels.grid.cell_area(world.drop_vars("sftlf")).sum())
    assert float(land.sum()) / surface == pytest.approx(0.26, abs=0.02)
    assert float(land.where(world["lat"] > 0).sum()) > 0.65 * float(land.sum())


@pytest.fixture(scope="module", params=[0, 3, 8, 19])
def world_and_fluxes(request):
    """Return drivers and baseline of a world, in memory, with the area of its land."""
    drivers = xflux.standardize(demo_world(seed=request.param), derive=("rnet",))
    fluxes = baseline_of(drivers, derive=("rnet",), what="grid").fluxes.compute()
    area = xflux.labels.grid.cell_area(drivers).where(fluxes["gpp"].notnull().any("time"))
    return drivers.compute(), fluxes, area


def test_the_totals_of_every_world_are_those_of_a_living_planet(world_and_fluxes):
    _, fluxes, area = world_and_fluxes
    mean = fluxes.mean("time")
    total = {
        flux: float((mean[flux] * area).sum()) * 365.25 / 1e15 for flux in ("gpp", "reco", "nee")
    }
    assert 100 < total["gpp"] < 145
    assert 100 < total["reco"] < 145
    assert -15 < total["nee"] < 5
    assert 18 < float((mean["le"] * area).sum() / area.sum()) < 40


def test_the_northern_summer_is_a_sink_and_its_winter_a_source(world_and_fluxes):
    _, fluxes, area = world_and_fluxes
    nee = (fluxes["nee"] * area).sel(lat=slice(25, 90)).sum(("lat", "lon"))
    cycle = nee.groupby("time.month").mean()
    assert int(cycle.idxmin()) in (6, 7)
    assert float(cycle.sel(month=1)) > 0


def test_rain_forests_evaporate_and_deserts_do_not_with_a_belt_between(world_and_fluxes):
    drivers, fluxes, _ = world_and_fluxes
    mean, fapar = fluxes["le"].mean("time"), drivers["fapar"].mean("time")
    warm = drivers["ta"].mean("time") > 15
    desert, belt, forest = (
        float(mean.where(warm & (fapar > low) & (fapar < high)).median())
        for low, high in ((0.0, 0.1), (0.2, 0.4), (0.6, 1.0))
    )
    assert desert < 5 < belt < 45 < forest < 110


def test_the_tropics_are_neither_a_great_sink_nor_a_great_source(world_and_fluxes):
    _, fluxes, area = world_and_fluxes
    tropics = fluxes["nee"].mean("time").sel(lat=slice(-10, 10))
    assert abs(float(tropics.weighted(area.fillna(0.0)).mean())) < 1.25


def test_there_is_no_climate_at_sea():
    world = demo_world()
    sea = world["sftlf"] == 0
    for name in ("tas", "d2m", "rsds", "rlds", "fapar", "ndvi"):
        there = world[name].notnull().compute()
        assert not bool((there & sea).any())
        assert bool(there.where(~sea, True).all())


def test_the_climate_lies_within_the_range_of_the_table():
    with no_compute():
        drivers = xflux.standardize(demo_world(), derive=("rnet",))
    for name in ("ta", "vpd", "swin", "lwin", "fapar", "ndvi", "rnet", "patm"):
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
