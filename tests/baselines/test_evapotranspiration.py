"""Latent heat against its equations, its limits, and JPL's own table."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from xflux.baselines.evapotranspiration import DEVIATIONS, PTJPL, PriestleyTaylor, PTJPLConstants
from xflux.baselines.model import FluxModel
from xflux.errors import InputError
from xflux.labels.variables import variables
from xflux.numerics import meteorology

#: A warm growing season, in canonical units.
SUMMER = {
    "ta": 20.0, "ta_max": 26.0, "vpd": 10.0, "rh_air": 0.6, "rnet": 150.0, "g": 8.0, "ndvi": 0.7,
    "evi": 0.45, "fapar": 0.72, "t_opt": 22.0, "fapar_max": 0.6, "patm": 9.5e4,
}  # fmt: skip
MODELS = [
    PriestleyTaylor(),
    PriestleyTaylor(gamma=0.066),
    PTJPL(),
    PTJPL("jpl"),
    PTJPL(fapar_from="evi"),
    PTJPL(fapar_from="fapar", deviations=["t_opt"]),
]
any_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: repr(model)[:70])


def run(model, **changes):
    values = SUMMER | changes
    return model(*(values[name] for name in model.inputs))


def details(model, **changes):
    values = SUMMER | changes
    return model.details(*(values[name] for name in model.inputs))


def season(n=500, seed=0):
    """Values that span what a globe has, none of them at a bound."""
    rng = np.random.default_rng(seed)
    ta = rng.uniform(-30.0, 40.0, n)
    rh = rng.uniform(0.05, 0.99, n)
    return {
        "ta": ta,
        "ta_max": ta + rng.uniform(0.0, 12.0, n),
        "vpd": meteorology.vpd_from_relative_humidity(ta, rh),
        "rh_air": rh,
        "rnet": rng.uniform(-60.0, 700.0, n),
        "g": rng.uniform(-30.0, 90.0, n),
        "ndvi": rng.uniform(0.06, 0.95, n),
        "evi": rng.uniform(0.05, 0.7, n),
        "fapar": rng.uniform(0.0, 0.95, n),
        "t_opt": rng.uniform(2.0, 32.0, n),
        "fapar_max": rng.uniform(0.3, 0.75, n),
        "patm": rng.uniform(6.0e4, 1.02e5, n),
    }


def slope_share(ta, gamma, offset=237.3):
    es = 0.6108 * np.exp(17.27 * ta / (ta + offset))
    slope = 4098.0 * es / (ta + 237.3) ** 2
    return slope / (slope + gamma)


def twin_priestley_taylor(v):
    gamma = 0.665e-3 * v["patm"] / 1000.0
    green = np.clip((v["ndvi"] - 0.2) / 0.8, 0.0, 1.0)
    return 1.26 * green * slope_share(v["ta"], gamma) * (v["rnet"] - v["g"])


def twin_fisher(v):
    """Fisher et al. (2008), table 1, in NumPy."""
    factor = 1.26 * slope_share(v["ta"], 0.665e-3 * v["patm"] / 1000.0)
    fipar = np.clip(v["ndvi"] - 0.05, 0.0, 1.0)
    fapar = np.clip(1.3632 * (0.45 * v["ndvi"] + 0.132) - 0.048, 0.0, 1.0)
    lai = -np.log(1.0 - fipar) / 0.5
    soil = v["rnet"] * np.exp(-0.6 * lai)
    canopy = v["rnet"] - soil
    wet = v["rh_air"] ** 4
    moist = v["rh_air"] ** (v["vpd"] / 10.0)
    green = np.clip(fapar / fipar, 0.0, 1.0)
    dense = np.clip(fapar / v["fapar_max"], 0.0, 1.0)
    warm = np.exp(-(((v["ta_max"] - v["t_opt"]) / v["t_opt"]) ** 2))
    return {
        "le_soil": (wet + moist * (1.0 - wet)) * factor * (soil - v["g"]),
        "le_canopy": (1.0 - wet) * green * warm * dense * factor * canopy,
        "le_interception": wet * factor * canopy,
        "pet": factor * (v["rnet"] - v["g"]),
        "rnet_soil": soil,
    }


@any_model
class TestAnyModel:
    def test_meets_the_contract_and_travels(self, model):
        assert isinstance(model, FluxModel)
        assert model.outputs == ("le",)
        assert all(name in variables for name in model.inputs)
        assert pickle.loads(pickle.dumps(model)) == model
        hash(model)

    def test_keeps_float32_and_its_value(self, model):
        wide = season()
        narrow = {name: values.astype(np.float32) for name, values in wide.items()}
        found = model(*(narrow[name] for name in model.inputs))
        expected = model(*(wide[name] for name in model.inputs))
        assert (found.dtype, expected.dtype) == (np.float32, np.float64)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=5e-3)

    def test_is_missing_where_any_input_is(self, model):
        values = season(len(model.inputs) + 1)
        for k, name in enumerate(model.inputs):
            values[name][k] = np.nan
        found = model(*(values[name] for name in model.inputs))
        assert np.isnan(found[:-1]).all()
        assert np.isfinite(found[-1])

    @pytest.mark.parametrize("ta", [-55.1, 60.1, 293.15, -9999.0])
    def test_is_missing_outside_valid_temperatures(self, model, ta):
        assert np.isnan(run(model, ta=ta))

    def test_grows_with_net_radiation(self, model):
        assert np.all(np.diff(run(model, rnet=np.linspace(50.0, 700.0, 30))) > 0.0)

    def test_is_nothing_without_energy(self, model):
        assert run(model, rnet=0.0, g=0.0) == 0.0

    def test_broadcasts(self, model):
        found = run(model, rnet=np.linspace(0.0, 200.0, 3)[:, None], ndvi=np.linspace(0.1, 0.9, 4))
        assert found.shape == (3, 4)
        alone = run(model, rnet=200.0, ndvi=np.linspace(0.1, 0.9, 4)[1])
        # Vector and scalar instructions round differently, by one unit in the last place.
        assert found[2, 1] == pytest.approx(alone, rel=1e-14)

    def test_refuses_wrong_calls(self, model):
        with pytest.raises(InputError, match=f"needs {len(model.inputs)} arrays"):
            model(1.0)
        with pytest.raises(InputError, match=r"xflux\.baseline"):
            run(model, ta=xr.DataArray([1.0]))


class TestPriestleyTaylor:
    def test_is_that_of_the_twin(self):
        model, values = PriestleyTaylor(), season()
        found = model(*(values[name] for name in model.inputs))
        np.testing.assert_allclose(found, twin_priestley_taylor(values), rtol=1e-12, atol=1e-10)

    def test_needs_pressure_unless_gamma_is_given(self):
        assert PriestleyTaylor().inputs == ("ta", "rnet", "g", "ndvi", "patm")
        assert PriestleyTaylor(gamma=0.066).inputs == ("ta", "rnet", "g", "ndvi")

    def test_gamma_is_in_kpa(self):
        patm = 0.0667 / 0.665e-6
        assert run(PriestleyTaylor(gamma=0.0667)) == pytest.approx(
            run(PriestleyTaylor(), patm=patm)
        )

    def test_of_full_green_is_the_equation_of_1972(self):
        found = run(PriestleyTaylor(gamma=0.066), ndvi=1.0)
        assert found == pytest.approx(1.26 * slope_share(20.0, 0.066) * 142.0)
        # FAO-56 slope at 20 degC: 0.1447 kPa degC-1.
        assert found == pytest.approx(1.26 * 0.1447 / (0.1447 + 0.066) * 142.0, rel=1e-3)

    @pytest.mark.parametrize("ndvi", [-0.3, 0.0, 0.2])
    def test_of_bare_land_is_nothing_not_negative(self, ndvi):
        assert run(PriestleyTaylor(), ndvi=ndvi) == pytest.approx(0.0, abs=1e-12)

    def test_is_dew_where_energy_is_lost(self):
        assert run(PriestleyTaylor(), rnet=-50.0, g=0.0) < 0.0

    def test_ground_heat_is_not_available(self):
        with_g = run(PriestleyTaylor(), rnet=150.0, g=30.0)
        assert with_g == pytest.approx(run(PriestleyTaylor(), rnet=120.0, g=0.0))

    @given(ta=st.floats(-40, 44), warmer=st.floats(0.1, 15), ndvi=st.floats(0.25, 1.0))
    def test_grows_with_temperature_and_stays_below_1_26_of_the_energy(self, ta, warmer, ndvi):
        cold, warm = run(PriestleyTaylor(), ta=np.array([ta, ta + warmer]), ndvi=ndvi)
        assert 0.0 < cold < warm < 1.26 * (150.0 - 8.0)

    @pytest.mark.parametrize("arguments", [{"alpha": -1.0}, {"gamma": 0.0}, {"gamma": np.nan}])
    def test_refuses_impossible_parameters(self, arguments):
        with pytest.raises(InputError, match=next(iter(arguments))):
            PriestleyTaylor(**arguments)


class TestFisher:
    def test_is_that_of_the_twin_in_all_parts(self):
        values = season()
        found = PTJPL().details(*(values[name] for name in PTJPL().inputs))
        expected = twin_fisher(values)
        for name, part in expected.items():
            np.testing.assert_allclose(found[name], part, rtol=1e-11, atol=1e-10, err_msg=name)

    def test_parts_sum_to_the_whole(self):
        values = season()
        inputs = [values[name] for name in PTJPL().inputs]
        found = PTJPL().details(*inputs)
        whole = found["le_soil"] + found["le_canopy"] + found["le_interception"]
        np.testing.assert_allclose(found["le"], whole, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(found["le"], PTJPL()(*inputs))

    def test_reads_the_published_inputs(self):
        assert PTJPL().inputs == (
            "ta", "ta_max", "vpd", "rh_air", "rnet", "g", "ndvi", "t_opt", "fapar_max", "patm",
        )  # fmt: skip

    def test_of_saturated_air_evaporates_all_that_it_can(self):
        found = details(PTJPL(), rh_air=1.0, vpd=0.0)
        assert found["le_canopy"] == 0.0
        assert found["le"] == pytest.approx(found["pet"], rel=1e-12)

    def test_never_exceeds_potential_by_day(self):
        values = season() | {"g": np.zeros(500)}
        values["rnet"] = np.abs(values["rnet"])
        found = PTJPL().details(*(values[name] for name in PTJPL().inputs))
        assert (found["le"] <= found["pet"] * (1.0 + 1e-12)).all()
        for name in ("le_soil", "le_canopy", "le_interception"):
            assert (found[name] >= 0.0).all()

    @pytest.mark.parametrize("ndvi", [-0.2, 0.0, 0.05])
    def test_of_bare_land_is_the_soil_alone(self, ndvi):
        found = details(PTJPL(), ndvi=ndvi)
        assert found["rnet_soil"] == 150.0
        assert found["le"] == found["le_soil"] > 0.0
        assert found["le_canopy"] == found["le_interception"] == 0.0

    def test_transpires_most_at_the_optimum(self):
        t_max = np.linspace(5.0, 45.0, 81)
        canopy = details(PTJPL(), ta_max=t_max)["le_canopy"]
        assert t_max[canopy.argmax()] == 22.0

    @pytest.mark.parametrize("t_opt", [0.0, -5.0, 1e-3])
    def test_of_a_frozen_optimum_does_not_transpire(self, t_opt):
        found = details(PTJPL(), t_opt=t_opt)
        assert found["le_canopy"] == 0.0
        assert np.isfinite(found["le"])

    def test_of_fapar_above_its_maximum_is_not_limited_by_moisture(self):
        peak = float(PTJPL().fapar(SUMMER["ndvi"]))
        below, at, above = details(PTJPL(), fapar_max=np.array([0.2, peak, 0.0]))["le_canopy"]
        assert below == above == pytest.approx(at, rel=1e-12)

    def test_dries_with_the_deficit(self):
        soil = details(PTJPL(), vpd=np.linspace(0.0, 40.0, 20))["le_soil"]
        assert (np.diff(soil) < 0.0).all()

    def test_air_is_thinner_on_mountains(self):
        assert run(PTJPL(), patm=7.0e4) > run(PTJPL(), patm=1.0e5)

    def test_gamma_replaces_pressure(self):
        assert "patm" not in PTJPL(gamma=0.066).inputs
        patm = 0.066 / 0.665e-6
        assert run(PTJPL(gamma=0.066)) == pytest.approx(run(PTJPL(), patm=patm))


class TestFapar:
    def test_of_ndvi_goes_by_savi(self):
        assert PTJPL().fapar(0.7) == pytest.approx(1.3632 * (0.45 * 0.7 + 0.132) - 0.048)

    def test_of_evi_is_that_of_the_paper(self):
        assert PTJPL(fapar_from="evi").fapar(0.4) == pytest.approx(1.2 * (1.136 * 0.4 - 0.04))
        assert "evi" in PTJPL(fapar_from="evi").inputs

    def test_measured_is_itself(self):
        assert PTJPL(fapar_from="fapar").fapar(0.4) == 0.4
        assert "fapar" in PTJPL(fapar_from="fapar").inputs

    @pytest.mark.parametrize("source", ["ndvi", "evi", "fapar"])
    def test_at_its_maximum_limits_nothing(self, source):
        model = PTJPL(fapar_from=source)
        peak = model.fapar(SUMMER[source])
        full = details(model, fapar_max=peak)["le_canopy"]
        assert full == details(model, fapar_max=peak * 0.5)["le_canopy"]
        assert full > details(model, fapar_max=peak * 1.5)["le_canopy"]


class TestDeviations:
    def test_all_of_them_are_jpl_and_none_is_fisher(self):
        assert run(PTJPL(deviations=DEVIATIONS)) == run(PTJPL("jpl"))
        assert run(PTJPL("jpl", deviations=())) == run(PTJPL())

    def test_change_what_is_read(self):
        assert PTJPL("jpl").inputs == ("ta", "rh_air", "rnet", "g", "ndvi", "t_opt", "fapar_max")
        assert "patm" not in PTJPL(deviations=["gamma"]).inputs
        assert "ta_max" not in PTJPL(deviations=["temperature"]).inputs
        assert "vpd" not in PTJPL(deviations=["saturation_floor"]).inputs

    def test_gamma_is_that_of_jpl(self):
        assert run(PTJPL(deviations=["gamma"])) == pytest.approx(run(PTJPL(gamma=0.0662)))

    def test_wetness_cuts_below_seventy_percent(self):
        dry, wet = (details(PTJPL(deviations=["wetness"]), rh_air=rh) for rh in (0.69, 0.71))
        factor = 1.26 * slope_share(20.0, 0.665e-6 * SUMMER["patm"])
        for found, fraction in ((dry, 1e-4), (wet, 0.71**4)):
            canopy = 150.0 - found["rnet_soil"]
            assert found["le_interception"] == pytest.approx(fraction * factor * canopy)

    def test_t_opt_follows_a_higher_temperature(self):
        raised = details(PTJPL(deviations=["t_opt"]), t_opt=5.0)["le_canopy"]
        assert raised == details(PTJPL(), t_opt=SUMMER["ta_max"])["le_canopy"]
        higher = details(PTJPL(deviations=["t_opt"]), t_opt=30.0)["le_canopy"]
        assert higher == details(PTJPL(), t_opt=30.0)["le_canopy"]

    def test_saturation_floor_dries_cold_air(self):
        floor = details(PTJPL(deviations=["saturation_floor"]), ta=-10.0)["le_soil"]
        vpd = 10.0 * (1.0 - SUMMER["rh_air"])
        assert floor == pytest.approx(details(PTJPL(), ta=-10.0, vpd=vpd)["le_soil"])

    def test_limits_hold_latent_heat_between_nothing_and_potential(self):
        values = season()
        model = PTJPL(deviations=["limits"])
        found = model.details(*(values[name] for name in model.inputs))
        assert (found["le"] <= np.maximum(found["pet"], 0.0) + 1e-12).all()
        assert (found["le"] >= np.minimum(found["pet"], 0.0) - 1e-12).all()

    def test_bare_land_goes_missing(self):
        found = run(PTJPL(deviations=["bare"]), ndvi=np.array([-0.1, 0.05, 0.06]))
        np.testing.assert_array_equal(np.isnan(found), [True, True, False])

    def test_of_other_names_are_refused(self):
        with pytest.raises(InputError, match=r"holds 'wet'; known are gamma"):
            PTJPL(deviations=["wet"])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"variant": "fisher"}, "variant is 'fisher'"),
            ({"fapar_from": "lai"}, "fapar_from is 'lai'"),
            ({"gamma": -1.0}, "gamma is -1"),
        ],
    )
    def test_impossible_parameters_are_refused(self, arguments, message):
        with pytest.raises(InputError, match=message):
            PTJPL(**arguments)

    def test_constants_can_be_changed(self):
        assert run(PTJPL(constants=PTJPLConstants(beta=0.5))) < run(PTJPL())


@pytest.mark.real
class TestReal:
    @pytest.fixture
    def overpasses(self, data: Path) -> pd.DataFrame:
        folder = data / "towers" / "ptjpl_ecostress"
        return pd.read_csv(folder / "ECOv002-cal-val-PT-JPL-outputs.csv")

    def _run(self, model, table):
        columns = {
            "ta": "Ta_C", "ta_max": "Ta_C", "rh_air": "RH", "rnet": "Rn", "g": "G_Wm2",
            "ndvi": "NDVI", "t_opt": "Topt_C", "fapar_max": "fAPARmax",
        }  # fmt: skip
        values = {name: table[column].to_numpy(float) for name, column in columns.items()}
        values["vpd"] = meteorology.vpd_from_relative_humidity(values["ta"], values["rh_air"])
        values["patm"] = meteorology.pressure_from_elevation(table["Elev"].to_numpy(float))
        return model.details(*(values[name] for name in model.inputs))

    def test_priestley_taylor_is_the_reference_values(self, data: Path):
        table = pd.read_csv(data / "reference" / "reco_le_reference.csv")
        rows = table[table["function"] == "le_pt_ndvi_clip_G0_gamma.066"]
        assert len(rows) == 555
        ta, rnet, ndvi = (rows[name].to_numpy(float) for name in ("ta_C", "rn", "ndvi"))
        found = PriestleyTaylor(gamma=0.066)(ta, rnet, 0.0, ndvi)
        np.testing.assert_allclose(found, rows["value"], rtol=1e-12, atol=1e-12)

    def test_jpl_is_every_row_of_their_table(self, overpasses):
        found = self._run(PTJPL("jpl"), overpasses)
        theirs = {
            "le": "LE_Wm2", "le_soil": "LE_soil_Wm2", "le_canopy": "LE_canopy_Wm2",
            "le_interception": "LE_interception_Wm2", "pet": "PET_Wm2",
            "rnet_soil": "Rn_soil_Wm2",
        }  # fmt: skip
        for name, column in theirs.items():
            # Their wet fraction passes through float32: 3e-7 of the parts.
            np.testing.assert_allclose(
                found[name], overpasses[column], rtol=1e-6, atol=1e-6, err_msg=name
            )
        assert np.isfinite(found["le"]).sum() == 1063

    def test_jpl_correlates_with_towers_and_fisher_needs_its_optimum_raised(self, overpasses):
        def correlation(model):
            le = self._run(model, overpasses)["le"]
            valid = np.isfinite(le)
            return np.corrcoef(le[valid], overpasses["LE"].to_numpy()[valid])[0, 1]

        assert correlation(PTJPL("jpl")) > 0.79
        assert correlation(PTJPL(deviations=["t_opt"])) > 0.79
        # The optima of this table, 8 degC on average, are far below its temperatures.
        assert correlation(PTJPL("fisher2008")) < 0.2
