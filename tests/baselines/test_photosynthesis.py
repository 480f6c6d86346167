"""What `PModel` promises: settings, limits, missing values, dtypes, shapes."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xflux.baselines.constants import PModelConstants
from xflux.baselines.photosynthesis import PHI0_PRESETS, PModel
from xflux.errors import InputError, XfluxWarning
from xflux.numerics.jit import FASTMATH
from xflux.numerics.water import water_viscosity

NAMES = ("ta", "vpd", "co2", "patm", "fapar", "ppfd", "c4_fraction")
CALM = {
    "ta": 20.0, "vpd": 10.0, "co2": 400.0, "patm": 101325.0, "fapar": 0.8, "ppfd": 400.0,
    "c4_fraction": 0.0,
}  # fmt: skip
RANGES = {
    "ta": (-12.0, 45.0), "vpd": (0.0, 60.0), "co2": (250.0, 900.0), "patm": (5e4, 1.05e5),
    "fapar": (0.0, 1.0), "ppfd": (0.0, 1500.0), "c4_fraction": (0.0, 1.0),
}  # fmt: skip

weather = st.fixed_dictionaries({name: st.floats(*RANGES[name]) for name in NAMES})
models = st.builds(
    PModel,
    jmax=st.sampled_from(["wang17", "smith19", None]),
    preset=st.sampled_from(["BRC", "ORG", "theoretical"]),
    phi0_temperature=st.booleans(),
)


def random_inputs(n, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    arrays = [rng.uniform(*RANGES[name], n) for name in NAMES[:-1]]
    arrays.append(rng.choice([0.0, 0.0, 0.3, 1.0], n))
    return [array.astype(dtype) for array in arrays]


def twin(ta, vpd, co2, patm, fapar, ppfd, c4_fraction, *, phi0, limit):
    """The P-model as printed, C3 and C4 with the temperature factor, in plain NumPy."""

    def f(energy):
        return np.exp(energy * (ta - 25) / (298.15 * 8.3145 * (ta + 273.15)))

    with np.errstate(all="ignore"):
        gammastar = 4.332 * patm / 101325 * f(37830)
        kmm = 39.97 * f(79430) * (1 + 0.209476 * patm / (27480 * f(36380)))
        viscosity = np.array([float(water_viscosity(t, p)) for t, p in zip(ta, patm)])
        ns_star = viscosity / float(water_viscosity(25.0, 101325.0))
        ca = 1e-6 * co2 * patm
        xi = np.sqrt(146 * (kmm + gammastar) / (1.6 * ns_star))
        chi = gammastar / ca + (1 - gammastar / ca) * xi / (xi + np.sqrt(100 * vpd))
        mj = (chi * ca - gammastar) / (chi * ca + 2 * gammastar)
        c3 = phi0 * np.maximum(0, 0.352 + 0.022 * ta - 0.00034 * ta**2) * mj * limit(mj)
        c4 = 0.125 * np.maximum(0, -0.064 + 0.03 * ta - 0.000464 * ta**2) * limit(np.ones(1))
        mixed = np.where(c4_fraction == 1, c4, (1 - c4_fraction) * c3 + c4_fraction * c4)
    return mixed * fapar * ppfd * 12.0107 * 1e-6 * 86400


def wang17(mj):
    return np.where(mj > 0.41, np.sqrt(np.maximum(1 - (0.41 / mj) ** (2 / 3), 0)), np.nan)


def smith19(mj):
    theta, c = 0.85, 0.05336251
    p = (1 / 1.4 - 0.7) ** 2 / (1 - theta) + 3.4
    m_star = 4 * c / np.polynomial.polynomial.polyroots([-1, p, -p * theta])[0].real
    ratio = 4 * c / mj
    root = np.sqrt((1 - theta) * (1 / (ratio * (1 - theta * ratio)) - 4 * theta))
    omega = -(1 - 2 * theta) + np.where(mj < m_star, -root, root)
    return (1 + omega - np.sqrt((1 + omega) ** 2 - 4 * theta * omega)) / (2 * theta)


@pytest.mark.parametrize(
    ("jmax", "limit"), [("wang17", wang17), ("smith19", smith19), (None, np.ones_like)]
)
def test_the_kernel_computes_the_equations_as_printed(jmax, limit):
    inputs = random_inputs(300)
    expected = twin(*inputs, phi0=0.081785, limit=limit)
    np.testing.assert_allclose(PModel(jmax=jmax)(*inputs), expected, rtol=1e-9)


@given(models, weather)
def test_gpp_is_never_negative(model, cell):
    gpp = float(model(**cell))
    assert np.isnan(gpp) or gpp >= 0


@given(models, weather, st.floats(0.01, 0.99))
def test_gpp_is_proportional_to_fapar_and_to_ppfd(model, cell, factor):
    gpp = model(**cell)
    for name in ("fapar", "ppfd"):
        np.testing.assert_allclose(
            model(**{**cell, name: cell[name] * factor}), gpp * factor, rtol=1e-12, atol=1e-300
        )


@given(models, weather, st.floats(0.1, 20.0))
def test_gpp_of_c3_falls_with_dryness_and_grows_with_carbon_dioxide(model, cell, step):
    cell = {**cell, "c4_fraction": 0.0}
    gpp = float(model(**cell))
    drier = float(model(**{**cell, "vpd": cell["vpd"] + step}))
    richer = float(model(**{**cell, "co2": cell["co2"] + step}))
    # smith19 has a kink, where its omega changes roots, that is not of this world.
    if model.jmax != "smith19" and not np.isnan([gpp, drier, richer]).any():
        assert drier <= gpp * (1 + 1e-12)
        assert richer >= gpp * (1 - 1e-12)


@given(weather)
def test_gpp_of_c4_knows_neither_dryness_nor_carbon_dioxide(cell):
    pure = {**cell, "c4_fraction": 1.0}
    gpp = PModel()(**pure)
    assert PModel()(**{**pure, "vpd": 55.0, "co2": 300.0}) == gpp
    assert PModel(c4="no_gamma")(**pure) == gpp


@pytest.mark.parametrize("jmax", ["wang17", "smith19", None])
@pytest.mark.parametrize("size", [1, 3, 64, 1000])
def test_tiles_of_any_size_agree_to_the_last_bits(jmax, size):
    # The remainder of a vectorised loop may round otherwise; grids are cut into whole vectors.
    inputs = random_inputs(2003)
    model = PModel(jmax=jmax)
    whole = model(*inputs)
    tiles = [model(*(a[i : i + size] for a in inputs)) for i in range(0, 2003, size)]
    np.testing.assert_allclose(np.concatenate(tiles), whole, rtol=1e-14, atol=0)


def test_float32_stays_float32_and_agrees():
    inputs = random_inputs(5000, np.float32)
    single = PModel()(*inputs)
    double = PModel()(*(a.astype(np.float64) for a in inputs))
    assert single.dtype == np.float32
    # Close to mj = 0.41, where the limit has a vertical tangent, no precision helps.
    clear = PModel().details(*(a.astype(np.float64) for a in inputs))["mj"] > 0.42
    np.testing.assert_allclose(single[clear], double[clear], rtol=1e-4, atol=1e-6)
    lit = double > 0
    assert np.median(np.abs(single[lit] / double[lit] - 1)) < 1e-6


def test_integers_become_float64():
    gpp = PModel()(20, 10, 400, 101325, 1, 400, 0)
    assert gpp.dtype == np.float64
    assert gpp == PModel()(20.0, 10.0, 400.0, 101325.0, 1.0, 400.0, 0.0)


def test_inputs_broadcast_against_each_other():
    ta = np.linspace(0.0, 30.0, 5)[:, None]
    ppfd = np.linspace(0.0, 900.0, 4)
    driven = {k: v for k, v in CALM.items() if k != "co2"} | {"ta": ta, "ppfd": ppfd}
    gpp = PModel(co2=400.0)(**driven)
    assert gpp.shape == (5, 4)
    assert gpp[3, 2] == PModel()(**CALM | {"ta": ta[3, 0], "ppfd": ppfd[2]})


def test_inputs_are_left_as_they_were():
    inputs = random_inputs(100)
    before = [a.copy() for a in inputs]
    PModel()(*inputs)
    for a, b in zip(inputs, before):
        np.testing.assert_array_equal(a, b)
        assert a.flags.writeable


def test_a_fraction_of_c4_that_is_left_out_is_zero():
    *drivers, fraction = CALM.values()
    assert PModel()(*drivers) == PModel()(*drivers, fraction)


def test_empty_arrays_give_empty_arrays():
    assert PModel()(*[np.empty(0)] * 7).shape == (0,)


@pytest.mark.parametrize("fraction", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_a_missing_value_in_any_input_is_missing_in_the_output(name, fraction):
    cells = {key: np.full(6, value) for key, value in CALM.items()} | {
        "c4_fraction": np.full(6, fraction)
    }
    cells[name] = cells[name].copy()
    cells[name][2] = np.nan
    gpp = PModel()(**cells)
    assert np.isnan(gpp).tolist() == [False, False, True, False, False, False]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ({"vpd": -0.1}, np.nan),
        ({"ta": -55.1}, np.nan),
        ({"fapar": 0.0}, 0.0),
        ({"ppfd": 0.0}, 0.0),
        ({"ta": -20.0}, 0.0),
        ({"ta": -30.0}, 0.0),
        ({"ta": -44.9}, 0.0),
        ({"ta": -55.0}, 0.0),
        ({"ta": 2.0, "c4_fraction": 1.0}, 0.0),
        ({"fapar": 0.0, "vpd": np.nan}, np.nan),
        ({"ta": -30.0, "co2": np.nan}, np.nan),
        ({"ta": 48.0, "vpd": 110.0, "co2": 180.0}, np.nan),
        ({"ta": 48.0, "vpd": 110.0, "co2": 180.0, "ppfd": 0.0}, 0.0),
    ],
)
def test_gpp_is_zero_or_missing_where_it_should_be(cell, expected):
    np.testing.assert_array_equal(PModel()(**{**CALM, **cell}), expected)


@pytest.mark.parametrize("jmax", ["wang17", "smith19", None])
def test_too_little_carbon_dioxide_leaves_gpp_undefined_and_never_negative(jmax):
    co2 = np.linspace(100.0, 900.0, 200)
    desert = CALM | {"ta": 48.0, "vpd": 60.0, "patm": 9e4, "co2": co2}
    gpp = PModel(jmax=jmax)(**desert)
    known = ~np.isnan(gpp)
    assert not known[0]
    assert known[-1]
    assert (np.diff(known.astype(int)) >= 0).all()
    assert (gpp[known] > 0).all()
    np.testing.assert_array_equal(np.isnan(PModel(jmax=jmax).details(**desert)["lue"]), ~known)


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_a_yield_without_temperature_ends_where_water_does(fraction):
    model = PModel(phi0=0.08, phi0_temperature=False)
    warm, cold = model(**CALM | {"ta": np.array([-25.0, -25.1]), "c4_fraction": fraction})
    assert warm > 0
    assert np.isnan(cold)


def test_saturated_air_opens_the_stomata_fully():
    details = PModel().details(**CALM | {"vpd": 0.0})
    assert details["chi"] == pytest.approx(1.0)
    assert np.isnan(details["gs"])
    assert details["gpp"] > 0


def test_a_mixture_lies_between_its_pathways_and_ignores_an_undefined_one():
    share = np.array([0.0, 0.25, 1.0])
    c3, mixed, c4 = PModel()(**CALM | {"c4_fraction": share})
    assert mixed == pytest.approx(0.75 * c3 + 0.25 * c4, rel=1e-14)
    desert = CALM | {"ta": 48.0, "vpd": 110.0, "co2": 180.0, "c4_fraction": share}
    assert np.isnan(PModel()(**desert)).tolist() == [True, True, False]


def test_presets_are_c3_calibrations():
    for preset, phi0 in PHI0_PRESETS.items():
        assert PModel(preset=preset).quantum_yield("c3")[0] == phi0
        assert PModel(preset=preset).quantum_yield("c4")[0] == 0.125


def test_org_is_fixed_in_c3_and_full_brings_its_stress():
    assert PModel(preset="ORG").quantum_yield("c3")[1] == (1.0, 0.0, 0.0)
    assert PModel(preset="ORG").quantum_yield("c4")[1] == PModelConstants().temperature_c4
    assert PModel(preset="FULL").inputs[-1] == "soil_moisture"
    full = PModel(preset="FULL")(**CALM, soil_moisture=0.2)
    assert full == pytest.approx(0.88133 * PModel(phi0=0.087182)(**CALM), rel=1e-5)


def test_a_yield_by_hand_serves_c4_too_unless_that_has_its_own():
    assert PModel(phi0=0.1).quantum_yield("c4")[0] == 0.1
    assert PModel(phi0=0.1, phi0_c4=0.06).quantum_yield("c4")[0] == 0.06
    assert PModel(phi0_c4=0.06).quantum_yield("c3")[0] == PHI0_PRESETS["BRC"]


def test_a_preset_can_be_exchanged_without_a_trace():
    for first in PHI0_PRESETS:
        for second in PHI0_PRESETS:
            assert replace(PModel(preset=first), preset=second) == PModel(preset=second)


def test_inputs_depend_on_what_the_settings_need():
    assert PModel().inputs == NAMES
    assert "co2" not in PModel(co2=410.0).inputs
    assert PModel(soil_stress="mengoli").inputs[-2:] == ("soil_moisture", "aridity")
    assert PModel().outputs == ("gpp",)


def test_carbon_dioxide_of_the_model_is_that_of_an_array():
    inputs = random_inputs(50)
    inputs[2][:] = 410.0
    np.testing.assert_array_equal(PModel(co2=410.0)(*inputs[:2], *inputs[3:]), PModel()(*inputs))


def test_a_drier_climate_has_the_stronger_stress():
    dry, wet = (
        PModel(soil_stress="stocker", mean_alpha=alpha)(**CALM, soil_moisture=0.1)
        for alpha in (0.3, 1.0)
    )
    assert dry < wet < PModel()(**CALM)


def test_the_theoretical_yield_with_the_stress_of_another_warns():
    with pytest.warns(XfluxWarning, match="FULL"):
        PModel(preset="theoretical", soil_stress="stocker")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "brc"}, "preset='brc'.*'BRC'"),
        ({"jmax": "none"}, "'wang17'"),
        ({"c4": True}, "no_gamma"),
        ({"soil_stress": "beta"}, "mengoli"),
        ({"phi0": 0.0}, "phi0=0.0.*between 0 and 1"),
        ({"phi0": np.nan}, "phi0=nan"),
        ({"phi0": "0.1"}, "expected a number"),
        ({"phi0_c4": 8.0}, "phi0_c4"),
        ({"co2": 0.0004}, "ppm"),
        ({"mean_alpha": None}, "mean_alpha"),
        ({"phi0_temperature": 0.5}, "phi0_temperature"),
        ({"preset": "FULL", "soil_stress": "mengoli"}, "FULL was calibrated with"),
        ({"phi0": -1.0, "co2": -1.0}, "2 problems"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        PModel(**settings)


def test_wrong_inputs_are_named():
    with pytest.raises(InputError, match=r"got 2 by position.*missing: co2, patm, fapar, ppfd"):
        PModel()(20.0, 10.0)
    with pytest.raises(InputError, match="got 8 by position"):
        PModel()(*CALM.values(), 0.3)
    with pytest.raises(InputError, match="missing: patm, fapar, ppfd"):
        PModel()(ta=20.0, vpd=10.0, co2=400.0)
    with pytest.raises(InputError, match="given twice: ta, tair"):
        PModel()(20.0, ta=20.0, tair=20.0)
    with pytest.raises(InputError, match="pathway='C3'"):
        PModel().details(**CALM, pathway="C3")
    with pytest.raises(InputError, match="dtype"):
        PModel()(*["warm"] * 7)


def test_details_hold_together():
    inputs = random_inputs(400)
    for pathway, fraction in (("c3", 0.0), ("c4", 1.0)):
        inputs[-1][:] = fraction
        made = PModel(c4="no_gamma").details(*inputs, pathway=pathway)
        np.testing.assert_array_equal(made["gpp"], PModel(c4="no_gamma")(*inputs))
        light = inputs[4] * inputs[5]
        np.testing.assert_allclose(made["gpp"], made["lue"] * light * 0.0864, rtol=1e-12)
        co_limited = made["vcmax"] * made["mc"] * 12.0107
        np.testing.assert_allclose(co_limited, made["lue"] * light, rtol=1e-12)
        np.testing.assert_allclose(made["chi"] * made["ca"], made["ci"], rtol=1e-14)


def test_details_say_what_the_soil_took():
    made = PModel(preset="FULL").details(**CALM, soil_moisture=np.array([0.2, 0.7]))
    np.testing.assert_allclose(made["soil_stress"], [0.88133, 1.0], atol=1e-5)
    np.testing.assert_allclose(made["gpp"], made["lue"] * 320 * 0.0864 * made["soil_stress"])


def test_models_are_values():
    model = PModel(preset="ORG", co2=400.0)
    model(**{k: v for k, v in CALM.items() if k != "co2"})
    assert pickle.loads(pickle.dumps(model)) == model == PModel(preset="ORG", co2=400.0)
    assert repr(model) == "PModel(preset='ORG', co2=400.0)"
    with pytest.raises(FrozenInstanceError):
        model.phi0 = 0.1


def test_making_a_model_does_not_load_the_compiler():
    code = (
        "import sys; from xflux.baselines.photosynthesis import PModel; PModel(co2=400.0).inputs;"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="compilation is switched off")
@pytest.mark.parametrize(("dtype", "kind"), [("f4", "float"), ("f8", "double")])
@pytest.mark.parametrize("loop", ["c3_wang17", "c4", "mix_c4"])
def test_loops_are_vectorised_in_their_own_precision(loop, dtype, kind):
    from xflux.baselines import pmodel_kernel
    from xflux.baselines.pmodel_tiles import coefficients

    inputs = random_inputs(8, dtype)[: 7 if loop == "mix_c4" else 6]
    options = {"error_model": "numpy", "fastmath": set(FASTMATH)}
    fresh = numba.njit(**options)(getattr(pmodel_kernel, loop).py_func)
    fresh(*inputs, coefficients(PModel(), "c3", np.dtype(dtype)), np.empty(8, dtype))
    (code,) = fresh.inspect_llvm().values()
    assert re.search(rf"fmul .*<\d+ x {kind}>", code)
    if kind == "float":
        assert not re.search(r"fmul .*<\d+ x double>", code)
