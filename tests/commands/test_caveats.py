"""Caveats: each where it applies, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from xflux.commands.at_towers import TowerResult
from xflux.commands.caveats import grid_caveats, model_caveats, tower_caveats
from xflux.commands.fluxes import Baseline
from xflux.commands.on_grid import GridResult
from xflux.commands.report import Report
from xflux.commands.scores import Scores
from xflux.commands.tables import Table

MODELS = {
    "gpp": "PModel()", "reco": "Q10Respiration(q10=1.5)", "nee": "reco - gpp",
    "le": "PriestleyTaylor(alpha=1.26)",
}  # fmt: skip


def a_baseline(*fluxes: str, derived: dict[str, str] | None = None, **models: str) -> Baseline:
    arrays = {
        flux: xr.DataArray(0.0, attrs={"model": models.get(flux, MODELS[flux])}) for flux in fluxes
    }
    return Baseline(xr.Dataset(arrays), {}, derived or {}, {})


def a_grid(domain: str = "global", period: str = "2001-01 to 2001-12") -> GridResult:
    return GridResult(Path("x"), xr.Dataset(), None, domain, period, {})


def at_towers(bias: float) -> TowerResult:
    observed = xr.Dataset({"le": ("site", [50.0, np.nan])})
    table = Table("t", "T", pd.DataFrame())
    return TowerResult([], observed, observed + bias, Scores([], {}, ("le",)), table)


def test_the_want_of_le_is_explained_where_priestley_and_taylor_made_it():
    made = " ".join(model_caveats(a_baseline("le")))
    assert "without evaporation from soil" in made
    assert "NDVI here" not in made
    other = model_caveats(a_baseline("le", le="PTJPL()"))
    assert "PriestleyTaylor" not in " ".join(other)
    assert not model_caveats(a_baseline())


def test_an_ndvi_that_was_derived_is_told():
    made = model_caveats(a_baseline("le", derived={"ndvi": "0.9 x fapar + 0.05"}))
    assert "NDVI here: 0.9 x fapar + 0.05" in " ".join(made)


def test_nee_is_said_to_be_a_small_difference_only_where_there_is_nee():
    assert "small difference" in " ".join(model_caveats(a_baseline("gpp", "reco", "nee")))
    assert "small difference" not in " ".join(model_caveats(a_baseline("gpp")))
    assert "extrapolates" in " ".join(model_caveats(a_baseline("reco")))
    assert "extrapolates" not in " ".join(model_caveats(a_baseline("reco", reco="LloydTaylor()")))


def test_towers_that_are_low_do_not_explain_a_model_that_is_lower():
    assert "the baseline is lower still, by 4.0 W m-2" in " ".join(tower_caveats(at_towers(-4.0)))
    assert "lower still" not in " ".join(tower_caveats(at_towers(4.0)))


def test_the_mean_of_the_globe_is_no_measure_of_a_region():
    drivers, made = xr.Dataset(), a_baseline("le")
    assert "Wild" in " ".join(grid_caveats(drivers, made, a_grid()))
    assert grid_caveats(drivers, made, a_grid(domain="0° to 10°N, 0° to 10°E")) == []


def test_what_holds_for_towers_and_grid_is_said_once():
    report = Report("T")
    report.warn_of(["a", "b"])
    report.warn_of(["b", "c"])
    assert report.caveats == ["a", "b", "c"]
