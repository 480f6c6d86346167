"""The P-model against values that others publish."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xflux.baselines.constants import MengoliStress, StockerStress
from xflux.baselines.photosynthesis import PModel
from xflux.baselines.pmodel_tiles import mengoli, stocker

pytestmark = pytest.mark.real

#: What the reference gives in umol m-2 s-1 of photons, we give in g m-2 d-1 of carbon.
DAY = 86400e-6
PYREALM = (
    "lue", "gammastar", "kmm", "ns_star", "xi", "ca", "chi", "ci", "mj", "mc", "f_v", "f_j",
    "vcmax", "jmax", "vcmax25", "jmax25", "gs", "iwue",
)  # fmt: skip


@pytest.fixture(scope="module")
def cases(data):
    return pd.read_csv(data / "reference" / "pmodel_cases.csv.gz")


@pytest.fixture(scope="module")
def published(data):
    return pd.read_csv(data / "reference" / "rpmodel_published_models.csv")


def settings(variant):
    """The model of one of the reference's settings, and its pathway."""
    first = variant.iloc[0]
    if first.variant.startswith("stocker2020_"):
        return PModel(preset=first.variant.removeprefix("stocker2020_")), "c3"
    model = PModel(
        phi0=float(first.reference_kphio),
        phi0_temperature=first.method_kphio == "temperature",
        jmax=None if first.method_jmaxlim == "none" else first.method_jmaxlim,
        c4="no_gamma" if first.method_optchi == "c4_no_gamma" else "standard",
    )
    return model, "c3" if first.method_optchi == "prentice14" else "c4"


def inputs(table, pathway, dtype=np.float64):
    columns = (
        table.tc, table.vpd / 100, table.co2, table.patm, table.fapar, table.ppfd,
        np.full(len(table), pathway == "c4"),
    )  # fmt: skip
    return [np.asarray(column, dtype) for column in columns]


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-9), (np.float32, 2e-5)])
def test_every_case_and_setting_of_pyrealm_is_met(cases, dtype, rtol):
    variants = cases.groupby("variant", sort=False)
    assert len(variants) == 20
    for name, variant in variants:
        model, pathway = settings(variant)
        arrays = inputs(variant, pathway, dtype)
        made = model.details(*arrays, pathway=pathway)
        for key in PYREALM:
            np.testing.assert_allclose(made[key], variant[key], rtol=rtol, err_msg=f"{name} {key}")
        for gpp in (made["gpp"], model(*arrays)):
            assert gpp.dtype == dtype
            np.testing.assert_allclose(gpp, variant.gpp * DAY, rtol=rtol, err_msg=name)


RPMODEL = {
    # What rpmodel prints over what its equations as published give (pathway, jmax of ours
    # that it corresponds to, temperature factor, factor).
    "c3-{}-wang17-fkphio-off-sm-off": ("c3", "wang17", False, 1.0),
    "c3-{}-wang17-fkphio-on-sm-off": ("c3", "wang17", True, 1.0),
    "c3-{}-none-fkphio-off-sm-off": ("c3", None, False, 1.0),
    "c3-{}-none-fkphio-on-sm-off": ("c3", None, True, 1.0),
    # omega* / (8 theta), which holds for the yield of electrons, times that of CO2.
    "c3-{}-smith19-fkphio-off-sm-off": ("c3", "smith19", False, 0.25),
    "c3-{}-smith19-fkphio-on-sm-off": ("c3", "smith19", True, 0.25),
    # No limit to Jmax, whatever is asked for.
    "c4-{}-fkphio-on-sm-off": ("c4", None, True, 1.0),
    # Without the temperature factor, its value at 15 degC (rpmodel issue 23).
    "c4-{}-fkphio-off-sm-off": ("c4", None, False, -0.064 + 0.03 * 15 - 0.000464 * 15**2),
}


@pytest.mark.parametrize("kind", ["sc", "ar"])
@pytest.mark.parametrize("config", RPMODEL)
def test_rpmodel_is_met_up_to_its_known_errors(published, config, kind):
    table = published[published.config == f"rpmodel-{config.format(kind)}"]
    pathway, jmax, scaled, factor = RPMODEL[config]
    model = PModel(phi0=0.05, jmax=jmax, phi0_temperature=scaled)
    made = model.details(*inputs(table, pathway), pathway=pathway)
    # Printed to 8 decimals.
    close = {"rtol": 1e-6, "atol": 5.1e-9}
    np.testing.assert_allclose(made["gpp"] / DAY * factor, table.gpp, **close)
    for key in ("ca", "gammastar", "kmm", "ns_star", "xi", "chi", "ci", "mj", "mc"):
        np.testing.assert_allclose(made[key], table[key], err_msg=key, **close)
    # Theirs is (ca - ci) / 1.6 in Pa, ours a mole fraction.
    np.testing.assert_allclose(made["iwue"] * 1e-6 * table.patm, table.iwue, **close)
    if factor == 1.0 and pathway == "c3":
        np.testing.assert_allclose(made["vcmax"], table.vcmax, **close)
        # Where nothing is assimilated these are 0 here, and 0 / 0 there.
        growing = made["gpp"] > 0
        for key in ("gs", "jmax") if jmax else ("gs",):
            np.testing.assert_allclose(made[key][growing], table[key][growing], **close)


def test_the_limit_that_rpmodel_leaves_out_of_c4_is_a_third(published):
    table = published[published.config == "rpmodel-c4-ar-fkphio-on-sm-off"]
    limited = PModel(phi0=0.05)(*inputs(table, "c4")) / DAY
    ratio = np.sqrt(1 - 0.41 ** (2 / 3))
    np.testing.assert_allclose(limited, ratio * table.gpp, rtol=1e-6, atol=5.1e-9)


@pytest.mark.parametrize("scaled", [True, False])
def test_rpmodel_with_soil_moisture_is_met(published, scaled):
    config = f"rpmodel-c3-ar-wang17-fkphio-{'on' if scaled else 'off'}-sm-on"
    table = published[published.config == config]
    model = PModel(phi0=0.05, phi0_temperature=scaled, soil_stress="stocker")
    # All of its cells have a soil moisture of 0.2 and a mean alpha of 1.
    gpp = model(*inputs(table, "c3"), np.full(len(table), 0.2)) / DAY
    np.testing.assert_allclose(gpp, table.gpp, rtol=1e-6, atol=5.1e-9)


def test_the_stress_of_rpmodel_is_met_for_every_mean_alpha(data):
    table = pd.read_csv(data / "reference" / "rpmodel_published_functions_array100.csv")
    stress = [
        stocker(np.array([moisture]), alpha, StockerStress())[0]
        for moisture, alpha in zip(table.soilm, table.meanalpha)
    ]
    np.testing.assert_allclose(stress, table.soilmstress, atol=5.1e-9)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_soil_moisture_stress_is_met(data, dtype, atol):
    table = pd.read_csv(data / "reference" / "soilmstress_reference.csv")
    for (function, second), rows in table.groupby(["function", "arg2"]):
        moisture = rows.soilm.to_numpy(dtype)
        if function == "calc_soilmstress_stocker":
            stress = stocker(moisture, second, StockerStress())
        else:
            stress = mengoli(moisture, np.full(len(rows), second, dtype), MengoliStress())
        assert stress.dtype == dtype
        np.testing.assert_allclose(stress, rows.value, rtol=0, atol=atol, err_msg=function)


def test_the_calibrated_yields_fit_towers_better_than_the_theoretical_one(data):
    table = pd.read_csv(data / "towers" / "rsofun_daily" / "daily.csv.gz").dropna(
        subset=["patm", "gpp"]
    )
    table = table[table.gpp_qc >= 0.8]
    drivers = inputs(table.assign(tc=table.temp, ppfd=table.ppfd * 1e6), "c3")

    def rmse(preset):
        return float(np.sqrt(np.nanmean((PModel(preset=preset)(*drivers) - table.gpp) ** 2)))

    assert rmse("BRC") < 0.75 * rmse("theoretical")
    assert rmse("ORG") < 0.75 * rmse("theoretical")
