"""Raw ICOS files through open_towers, baseline and evaluate."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.files.co2 import fill_co2

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def towers(data):
    folder = data / "towers" / "icos_ww2020"
    ds = xflux.open_towers(folder, extra=folder / "fapar_monthly.csv.gz", min_qc=0.8)
    return fill_co2(ds, xflux.read_co2(data / "budgets" / "co2_mm_mlo.csv"))


@pytest.fixture(scope="module")
def fluxes(towers):
    return xflux.baseline(towers)


def test_all_towers_are_read(towers):
    assert towers.sizes["site"] == 57
    months = {name: int(towers[name].notnull().sum()) for name in ("gpp", "reco", "nee", "le")}
    assert months["nee"] > 7000
    assert months["le"] > 5000
    with_fapar = (towers.nee.notnull() & towers.fapar.notnull()).any("time")
    assert int(with_fapar.sum()) == 56
    without_rnet = towers.rnet.isnull().all("time")
    assert int(without_rnet.sum()) == 8


def test_the_defaults_have_the_skill_of_the_literature(towers, fluxes):
    score = xflux.evaluate(towers, fluxes)
    r2 = {str(flux): float(score.r2_nse.sel(flux=flux)) for flux in score["flux"].values}
    assert r2["gpp"] >= 0.71
    assert r2["reco"] > 0.2
    assert r2["le"] > 0.55
    assert abs(float(score.bias.sel(flux="gpp"))) < 0.3


def test_seasons_are_on_the_right_side_of_the_year(fluxes):
    cycle = fluxes.gpp.groupby("time.month").mean("time").median("site")
    assert int(cycle.idxmax()) in (6, 7)
    assert float(cycle.sel(month=1)) < 0.3 * float(cycle.max())
    nee = fluxes.nee.groupby("time.month").mean("time").median("site")
    assert float(nee.sel(month=7)) < 0 < float(nee.sel(month=12))


def test_respiration_fitted_on_other_sites_beats_the_default(towers):
    """Ten folds of whole sites; nothing of a scored site is seen by its fit."""
    sites = towers.site.values
    predicted = []
    for fold in range(10):
        left_out = np.isin(sites, sites[fold::10])
        model = xflux.Q10Respiration().fit(towers.isel(site=~left_out))
        held = towers.isel(site=left_out)
        predicted.append(xflux.baseline(held, None, model, None))
    fitted = xr.concat(predicted, "site").sel(site=sites)
    score = xflux.evaluate(towers.reco, fitted.reco)
    default = xflux.evaluate(towers.reco, xflux.baseline(towers, None, le=None).reco)
    assert float(score.r2_nse) > 0.5
    assert float(score.r2_nse) > float(default.r2_nse)


def test_a_network_pays_for_breaking_laws(towers):
    pytest.importorskip("torch")
    lawless = {"mass": 0.0, "light": 0.0, "temperature": 0.0}
    before, after = (
        xflux.ConstrainedNetwork(members=1, rows=1.0, **weights)
        .fit(towers, towers)
        .broken_laws(towers)
        for weights in (lawless, {})
    )
    print("without penalties", before, "with", after)
    assert before["light"] > 0.005
    assert after["light"] < 0.5 * before["light"]
    assert after["temperature"] <= max(before["temperature"], 0.01)
    assert after["mass"] < 0.5 * before["mass"]
