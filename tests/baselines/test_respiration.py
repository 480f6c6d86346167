"""Respiration against its equations, its limits and published numbers."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import xflux
from xflux.baselines.model import FluxModel
from xflux.baselines.per_class import PerClass
from xflux.baselines.respiration import LloydTaylor, Q10Respiration
from xflux.errors import InputError
from xflux.labels.variables import IGBP

MODELS = [Q10Respiration, LloydTaylor]
TA = np.linspace(-54.0, 59.0, 400)


def twin(model, ta, scale=1.0):
    """The equations in NumPy, of a number `r_ref`."""
    ta, scale = np.asarray(ta, float), np.maximum(scale, 0.0)
    if isinstance(model, Q10Respiration):
        response = model.q10 ** ((ta - model.t_ref) / 10.0)
    else:
        above = np.where(ta > -46.02, ta + 46.02, np.nan)
        response = np.exp(model.e0 * (1.0 / (model.t_ref + 46.02) - 1.0 / above))
        response = np.where(ta <= -46.02, 0.0, response)
    value = model.r_ref * scale * response
    return np.where((ta >= -55.0) & (ta <= 60.0), value, np.nan)


@pytest.mark.parametrize("model_type", MODELS)
class TestEquation:
    @pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 3e-6)])
    def test_is_that_of_the_twin(self, model_type, dtype, rtol):
        model = model_type(r_ref=2.5)
        ta = TA.astype(dtype)
        found = model(ta)
        assert found.dtype == dtype
        # float32 keeps fewer digits of the large exponents where the equation is
        # as good as 0.
        atol = 1e-30 if dtype is np.float64 else 1e-9
        np.testing.assert_allclose(found, twin(model, ta), rtol=rtol, atol=atol)

    def test_is_the_reference_at_the_reference_temperature(self, model_type):
        assert model_type(r_ref=3.25, t_ref=15.0)(15.0) == pytest.approx(3.25, rel=1e-15)

    @given(ta=st.floats(-45.0, 59.0), warmer=st.floats(0.01, 20.0), fapar=st.floats(0.01, 1.0))
    def test_grows_with_temperature(self, model_type, ta, warmer, fapar):
        cold, warm = model_type()([ta, min(ta + warmer, 60.0)], fapar)
        assert 0.0 <= cold < warm

    @pytest.mark.parametrize("ta", [np.nan, -55.01, 60.01, 300.0, -9999.0])
    def test_of_no_valid_temperature_is_missing(self, model_type, ta):
        assert np.isnan(model_type(r_ref=2.0)(ta))
        assert np.isnan(model_type()(ta, 0.5))

    def test_counts_the_ends_of_the_valid_range(self, model_type):
        assert np.isfinite(model_type(r_ref=2.0)([-55.0, 60.0])).all()

    def test_is_the_same_for_any_shape_and_layout(self, model_type):
        model = model_type()
        ta = TA.reshape(20, 20)
        fapar = np.linspace(0.0, 1.0, 20)
        whole = model(ta, fapar)
        assert whole.shape == (20, 20)
        np.testing.assert_array_equal(model(ta.T.copy().T, fapar), whole)
        np.testing.assert_array_equal(model(ta[3], fapar), whole[3])
        assert model(ta[3, 4], fapar[4]) == whole[3, 4]


class TestQ10:
    def test_is_the_factor_per_ten_degrees(self):
        cold, warm = Q10Respiration(r_ref=1.0, q10=2.3)([7.0, 17.0])
        assert warm / cold == pytest.approx(2.3)

    def test_of_one_is_constant(self):
        assert (Q10Respiration(r_ref=1.7, q10=1.0)(TA) == 1.7).all()


class TestLloydTaylor:
    @pytest.mark.parametrize(("ta", "q10"), [(10.0, 2.67), (21.95, 1.95)])
    def test_local_q10_is_that_of_the_equation(self, ta, q10):
        low, high = LloydTaylor(r_ref=1.0)([ta - 0.01, ta + 0.01])
        assert (high / low) ** (10.0 / 0.02) == pytest.approx(q10, abs=0.005)

    def test_of_e0_127_has_the_sensitivity_of_q10_1_5_at_10_degrees(self):
        step = np.array([9.99, 10.01])
        one, other = LloydTaylor(r_ref=1.0, e0=127.2)(step), Q10Respiration(r_ref=1.0)(step)
        assert one[1] / one[0] == pytest.approx(other[1] / other[0], rel=1e-5)

    def test_vanishes_towards_its_zero_and_stays_there(self):
        near = LloydTaylor(r_ref=5.0)([-40.0, -45.0, -46.0, -46.02, -46.03, -50.0, -55.0])
        assert (np.diff(near) <= 0.0).all()
        assert (near[2:] == 0.0).all()

    def test_is_defined_just_above_its_zero_in_float32(self):
        ta = np.nextafter(np.float32(-46.02), np.float32(0.0))
        assert LloydTaylor(r_ref=5.0)(np.array([ta]))[0] == 0.0

    def test_of_no_sensitivity_is_constant_above_its_zero(self):
        assert (LloydTaylor(r_ref=1.7, e0=0.0)(TA[TA > -46.0]) == 1.7).all()

    def test_needs_a_reference_above_its_zero(self):
        with pytest.raises(InputError, match=r"t_ref is -50\.0"):
            LloydTaylor(t_ref=-50.0)


@pytest.mark.parametrize("model_type", MODELS)
class TestDefault:
    def test_is_proportional_to_fapar(self, model_type):
        model = model_type()
        assert model.inputs == ("ta", "fapar")
        assert model.outputs == ("reco",)
        value = model_type.coefficients["fapar"].value
        np.testing.assert_allclose(
            model(TA, 0.4), twin(model_type(r_ref=value), TA, 0.4), rtol=1e-12, atol=1e-30
        )

    def test_of_a_desert_is_nothing(self, model_type):
        assert (model_type()(TA[TA > -40], 0.0) == 0.0).all()

    def test_of_nirv_has_its_own_coefficient(self, model_type):
        model = model_type(scale_by="nirv")
        assert model.inputs == ("ta", "nirv")
        assert model(10.0, 0.2) == pytest.approx(0.2 * model.coefficients["nirv"].value)

    def test_of_negative_nirv_is_nothing(self, model_type):
        assert model_type(scale_by="nirv")(10.0, -0.05) == 0.0

    def test_of_missing_fapar_is_missing(self, model_type):
        np.testing.assert_array_equal(
            np.isnan(model_type()([10.0, 10.0], [np.nan, 0.3])), [True, False]
        )

    def test_states_source_and_error_of_its_coefficients(self, model_type):
        for coefficient in model_type.coefficients.values():
            assert coefficient.source
        assert 0.0 < model_type.coefficients["fapar"].standard_error < 0.5

    def test_of_a_number_with_scale_by_is_per_unit(self, model_type):
        model = model_type(r_ref=6.0, scale_by="fapar")
        assert model.inputs == ("ta", "fapar")
        assert model(10.0, 0.5) == pytest.approx(3.0)

    def test_of_a_number_is_absolute_whatever_was_there_before(self, model_type):
        assert dataclasses.replace(model_type(), r_ref=2.0).inputs == ("ta",)


class TestPerClass:
    MODEL = Q10Respiration(r_ref={"ENF": 3.0, 10: 4.0})

    def test_takes_names_and_codes(self):
        assert dict(self.MODEL.r_ref) == {"ENF": 3.0, "GRA": 4.0}
        assert self.MODEL.inputs == ("ta", "igbp")
        np.testing.assert_allclose(self.MODEL([10.0, 10.0], [1.0, 10.0]), [3.0, 4.0])

    @pytest.mark.parametrize("code", [0, 2, 17, 18, 255, -1, 1.5, np.nan, np.inf, -np.inf])
    def test_of_a_class_without_a_value_is_missing(self, code):
        assert np.isnan(self.MODEL(10.0, code))

    @pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "f4", "f8"])
    def test_takes_codes_of_any_dtype(self, dtype):
        found = self.MODEL(np.full(3, 10.0, "f4"), np.array([1, 10, 12], dtype))
        np.testing.assert_allclose(found, [3.0, 4.0, np.nan])
        assert found.dtype == (np.float32)

    def test_can_be_per_unit_of_fapar(self):
        model = Q10Respiration(r_ref={"ENF": 5.0}, scale_by="fapar")
        assert model.inputs == ("ta", "fapar", "igbp")
        np.testing.assert_allclose(model(10.0, 0.5, [1, 2]), [2.5, np.nan])

    def test_broadcasts_sites_against_time(self):
        found = self.MODEL(np.full((2, 3), 10.0), np.array([[1], [10]]))
        np.testing.assert_allclose(found, [[3.0] * 3, [4.0] * 3])

    def test_cannot_be_changed_from_outside(self):
        values = {"ENF": 3.0}
        model = Q10Respiration(r_ref=values)
        values["ENF"] = 99.0
        assert model.r_ref["ENF"] == 3.0
        with pytest.raises(TypeError):
            model.r_ref["ENF"] = 1.0

    def test_has_all_classes_of_the_table(self):
        every = PerClass({name: float(code) for name, code in IGBP.items()})
        codes = np.arange(1, 18)
        np.testing.assert_array_equal(every.at(codes, np.dtype("f8")), codes)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"XYZ": 1.0}, "'XYZ' is no IGBP class"),
            ({}, "empty"),
            ({"ENF": -1.0}, "the value of ENF is -1.0"),
            ({"ENF": np.nan}, "the value of ENF is nan"),
            ({"ENF": 1.0, 1: 2.0}, "ENF is given twice"),
        ],
    )
    def test_says_what_is_wrong(self, values, message):
        with pytest.raises(InputError, match=message):
            Q10Respiration(r_ref=values)


class TestMap:
    MAP = xr.DataArray([2.0, np.nan, 4.0], dims="x", attrs={"units": "g m-2 d-1"})

    def test_is_an_input_that_the_model_brings_along(self):
        model = LloydTaylor(r_ref=self.MAP)
        assert model.inputs == ("ta", "r_ref")
        assert list(model.labelled) == ["r_ref"]
        assert model.labelled["r_ref"] is self.MAP
        np.testing.assert_allclose(model(10.0, self.MAP.values), [2.0, np.nan, 4.0])

    def test_other_models_bring_nothing(self):
        assert LloydTaylor().labelled == {}
        assert LloydTaylor(r_ref={"ENF": 1.0}).labelled == {}

    def test_does_not_fill_the_repr(self):
        assert repr(Q10Respiration(r_ref=self.MAP)) == (
            "Q10Respiration(r_ref=<DataArray {'x': 3}>, q10=1.5, t_ref=10.0, scale_by=None)"
        )


class TestModel:
    @pytest.mark.parametrize(
        "model",
        [
            Q10Respiration(),
            LloydTaylor(r_ref=2.0),
            Q10Respiration(r_ref={"ENF": 3.0}),
            LloydTaylor(r_ref=TestMap.MAP),
        ],
        ids=repr,
    )
    def test_meets_the_contract_and_travels(self, model):
        assert isinstance(model, FluxModel)
        copy = pickle.loads(pickle.dumps(model))
        assert copy == model
        assert hash(copy) == hash(model)

    def test_differs_by_parameters_and_kind(self):
        assert Q10Respiration() != Q10Respiration(q10=2.0)
        assert Q10Respiration(r_ref=1.0) != LloydTaylor(r_ref=1.0)
        assert LloydTaylor(r_ref=TestMap.MAP) != LloydTaylor(r_ref=TestMap.MAP + 1)

    def test_is_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            Q10Respiration().q10 = 2.0

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"r_ref": -1.0}, "r_ref is -1.0"),
            ({"r_ref": np.nan}, "r_ref is nan"),
            ({"r_ref": "2"}, "r_ref is '2'"),
            ({"r_ref": np.ones(3)}, "r_ref is array"),
            ({"q10": 0.0}, "q10 is 0.0"),
            ({"t_ref": np.inf}, "t_ref is inf"),
            ({"scale_by": "lai"}, "scale_by is 'lai'"),
        ],
    )
    def test_refuses_impossible_parameters(self, arguments, message):
        with pytest.raises(InputError, match=message):
            Q10Respiration(**arguments)

    def test_refuses_labelled_arrays(self):
        with pytest.raises(InputError, match=r"xflux\.baseline"):
            Q10Respiration(r_ref=1.0)(xr.DataArray([1.0]))


@pytest.mark.real
class TestReal:
    def test_is_the_reference_values(self, data: Path):
        table = pd.read_csv(data / "reference" / "reco_le_reference.csv")
        rows = table[table["function"] == "reco_q10"]
        assert len(rows) == 111
        for q10, part in rows.groupby("q10"):
            found = Q10Respiration(r_ref=2.5, q10=q10)(part["ta_C"].to_numpy(float))
            np.testing.assert_allclose(found, part["value"], rtol=1e-13)
        rows = table[table["function"] == "reco_lloyd_taylor_Tref10"]
        assert len(rows) == 74
        for e0, part in rows.groupby("e0"):
            found = LloydTaylor(r_ref=2.5, e0=e0)(part["ta_C"].to_numpy(float))
            np.testing.assert_allclose(found, part["value"], rtol=1e-10)

    def test_default_gives_a_believable_globe(self, data: Path):
        grid = xr.open_dataset(data / "grids" / "global_1deg" / "global_monthly_drivers.nc")
        days = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[:, None, None]
        weight = (grid["cell_area"] * grid["land_fraction"]).values * days
        reco = Q10Respiration()(grid["ta"].values, grid["fapar"].values)
        assert reco.dtype == np.float32
        total = np.nansum(reco.astype(float) * weight) * 1e-15
        assert 90.0 < total < 125.0
        # Deserts and ice do not respire.
        bare = grid["fapar"].values < 0.05
        assert np.nansum(reco * weight * bare) * 1e-15 < 0.01 * total

    def test_default_predicts_towers_it_has_not_seen(self, data: Path):
        towers = xflux.open_towers(
            data / "towers" / "icos_ww2020" / "FLX_*_MM_*.csv.gz",
            sites=data / "towers" / "icos_ww2020" / "sites.csv",
            extra=data / "towers" / "icos_ww2020" / "fapar_monthly.csv.gz",
            min_qc={"nee": 0.8},
            variables=["ta", "reco", "nee"],
            units={"ppfd_mol_m2_s": "mol m-2 s-1"},
        )
        observed = towers["reco"].values
        predicted = Q10Respiration()(towers["ta"].values, towers["fapar"].values)
        valid = np.isfinite(observed) & np.isfinite(predicted)
        error = (predicted - observed)[valid]
        assert valid.sum() > 7000
        scatter = observed[valid] - observed[valid].mean()
        assert 1.0 - np.sum(error**2) / np.sum(scatter**2) > 0.3
        assert abs(error.mean()) < 1.0
