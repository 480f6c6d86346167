"""Eleven daily towers: not worse than pyrealm with the same quantum yield."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import xflux

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def days(data):
    table = pd.read_csv(data / "towers" / "rsofun_daily" / "daily.csv.gz")
    sites = pd.read_csv(data / "towers" / "rsofun_daily" / "sites.csv").set_index("site")
    table["patm"] = table.patm.fillna(
        101325.0 * (1 - 0.0065 * table.site.map(sites.elv) / 298.15) ** 5.2559
    )
    # pyrealm refuses a whole array for one value out of its bounds.
    return table[(table.temp > -25) & (table.vpd >= 0)].reset_index(drop=True)


@pytest.mark.parametrize(
    ("preset", "method", "phi0"), [("BRC", "temperature", 0.081785), ("ORG", "fixed", 0.049977)]
)
def test_rmse_is_not_above_that_of_pyrealm(days, preset, method, phi0):
    pmodel = pytest.importorskip("pyrealm.pmodel")
    env = pmodel.PModelEnvironment(
        tc=days.temp.to_numpy(),
        vpd=days.vpd.to_numpy(),
        co2=days.co2.to_numpy(),
        patm=days.patm.to_numpy(),
        fapar=days.fapar.to_numpy(),
        ppfd=days.ppfd.to_numpy() * 1e6,
    )
    theirs = pmodel.PModel(env, method_kphio=method, reference_kphio=phi0).gpp * 86400e-6
    model = xflux.PModel(preset=preset)
    drivers = {
        "ta": days.temp,
        "vpd": days.vpd / 100.0,
        "co2": days.co2,
        "patm": days.patm,
        "fapar": days.fapar,
        "ppfd": days.ppfd * 1e6,
        "c4_fraction": 0.0 * days.temp,
    }
    ours = model(*(drivers[name].to_numpy() for name in model.inputs))
    good = (days.gpp_qc >= 0.8) & days.gpp.notna() & np.isfinite(theirs) & np.isfinite(ours)
    assert days.site[good].nunique() >= 10
    for site, group in days[good].groupby("site"):
        rmse = [
            float(np.sqrt(np.mean((flux[group.index] - group.gpp) ** 2))) for flux in (ours, theirs)
        ]
        assert rmse[0] <= rmse[1] * (1 + 1e-6), site
