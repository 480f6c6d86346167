"""Meteorology against published numbers, its own limits, and between its own routes."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xflux.numerics import meteorology as met

MEGAJOULE_PER_DAY = 1e6 / 86400.0
TEMPERATURES = np.linspace(-50.0, 55.0, 211)


class TestPublishedNumbers:
    @pytest.mark.parametrize(("ta", "kpa"), [(1, 0.657), (10, 1.228), (20, 2.338), (30, 4.243)])
    def test_saturation_vapour_pressure_is_that_of_fao_56_table_2_3(self, ta, kpa):
        assert met.saturation_vapour_pressure(ta) == pytest.approx(10 * kpa, abs=0.006)

    @pytest.mark.parametrize(("ta", "kpa"), [(10, 0.082), (20, 0.145), (30, 0.243), (40, 0.393)])
    def test_slope_is_that_of_fao_56_table_2_4(self, ta, kpa):
        assert met.saturation_slope(ta) == pytest.approx(10 * kpa, abs=0.006)

    def test_psychrometric_constant_is_that_of_fao_56_example_2(self):
        assert met.psychrometric_constant(81800.0) == pytest.approx(0.54, abs=0.005)

    def test_latent_heat_is_2_45_megajoule_near_20_degrees(self):
        assert met.latent_heat_of_vaporisation(20.0) == pytest.approx(2.45e6, abs=0.01e6)

    def test_pressure_at_1000_m(self):
        assert met.pressure_from_elevation(1000.0) == pytest.approx(90241.54, abs=0.01)
        assert met.pressure_from_elevation(0.0) == 101325.0

    def test_radiation_above_the_air_is_that_of_fao_56_example_8(self):
        # 20 degrees south on 3 September: 32.2 MJ m-2 d-1.
        found = met.top_of_atmosphere_radiation(-20.0, 246)
        assert found == pytest.approx(32.2 * MEGAJOULE_PER_DAY, rel=0.003)

    def test_net_radiation_is_that_of_fao_56_example_12(self):
        # Rio de Janeiro in May: 19.1 to 25.1 degC, e_a 2.1 kPa, R_s 14.5, R_a 25.1 MJ m-2 d-1.
        ta = 22.1
        vpd = met.saturation_vapour_pressure(ta) - 21.0
        swin, toa = 14.5 * MEGAJOULE_PER_DAY, 25.1 * MEGAJOULE_PER_DAY
        found = met.net_radiation(swin, ta, vpd=vpd, toa=toa)
        assert found == pytest.approx(7.6 * MEGAJOULE_PER_DAY, rel=0.02)


class TestSlope:
    def test_is_the_derivative_of_the_pressure(self):
        step = 1e-4
        upper = met.saturation_vapour_pressure(TEMPERATURES + step)
        lower = met.saturation_vapour_pressure(TEMPERATURES - step)
        # 4098 stands for 17.27 x 237.3 = 4098.17.
        np.testing.assert_allclose(
            met.saturation_slope(TEMPERATURES), (upper - lower) / (2 * step), rtol=5e-5
        )


class TestHumidity:
    def test_all_routes_to_the_deficit_agree(self):
        ta, humidity, patm = TEMPERATURES, 0.4, 9.0e4
        ea = humidity * met.saturation_vapour_pressure(ta)
        magnus = np.log(ea / 6.108) / 17.27
        td = 237.3 * magnus / (1.0 - magnus)
        q = 0.622 * ea / (0.01 * patm - 0.378 * ea)
        expected = 0.6 * met.saturation_vapour_pressure(ta)
        for found in (
            met.vpd_from_vapour_pressure(ta, ea),
            met.vpd_from_dewpoint(ta, td),
            met.vpd_from_relative_humidity(ta, humidity),
            met.vpd_from_specific_humidity(ta, q, patm),
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-10)
        np.testing.assert_allclose(met.relative_humidity_from_dewpoint(ta, td), 0.4, rtol=1e-10)
        np.testing.assert_allclose(met.relative_humidity_from_vpd(ta, expected), 0.4, rtol=1e-10)

    def test_saturated_air_has_no_deficit(self):
        assert (met.vpd_from_dewpoint(TEMPERATURES, TEMPERATURES) == 0.0).all()
        assert (met.relative_humidity_from_vpd(TEMPERATURES, 0.0) == 1.0).all()

    @pytest.mark.parametrize("ratio", [1.0001, 1.02, 1.0499])
    def test_slight_supersaturation_counts_as_saturated(self, ratio):
        ea = ratio * met.saturation_vapour_pressure(TEMPERATURES)
        assert (met.vpd_from_vapour_pressure(TEMPERATURES, ea) == 0.0).all()

    @pytest.mark.parametrize("ratio", [1.06, 2.0, 100.0, -0.01])
    def test_vapour_that_contradicts_the_temperature_is_missing(self, ratio):
        ea = ratio * met.saturation_vapour_pressure(TEMPERATURES)
        assert np.isnan(met.vpd_from_vapour_pressure(TEMPERATURES, ea)).all()

    def test_a_dew_point_far_above_the_air_is_missing(self):
        np.testing.assert_array_equal(
            met.vpd_from_dewpoint([20.0, 20.0, 20.0], [20.3, 22.0, np.nan]), [0.0, np.nan, np.nan]
        )

    def test_humidity_in_percent_is_missing_not_wrong(self):
        assert np.isnan(met.vpd_from_relative_humidity(20.0, 55.0))

    def test_a_deficit_above_saturation_is_dry_air(self):
        assert met.relative_humidity_from_vpd(20.0, 30.0) == 0.0

    @given(st.floats(-50, 55), st.floats(-60, 55), st.floats(0.01, 30.0))
    def test_deficit_falls_with_the_dew_point(self, ta, td, less):
        wet, dry = met.vpd_from_dewpoint(ta, [td, td - less])
        assert np.isnan(wet) or dry >= wet >= 0.0


class TestLight:
    def test_photons_and_energy_of_shortwave_agree(self):
        swin = np.array([0.0, 100.0, 800.0])
        photons = met.ppfd_from_par(met.par_from_shortwave(swin))
        # 2.04 / 4.57 is written as 0.446.
        np.testing.assert_allclose(photons, met.ppfd_from_shortwave(swin), rtol=1e-3)

    def test_ndvi_of_known_reflectances(self):
        assert met.ndvi_from_reflectance(0.05, 0.45) == pytest.approx(0.8)
        assert met.nirv_from_reflectance(0.05, 0.45) == pytest.approx(0.36)
        assert met.nirv_from_ndvi(0.8, 0.45) == pytest.approx(0.36)
        assert met.ndvi_from_fapar(0.5) == pytest.approx(0.5)

    def test_ndvi_of_slightly_negative_red_stays_in_range(self):
        assert met.ndvi_from_reflectance(-0.002, 0.3) == 1.0

    def test_water_index_falls_as_leaves_dry(self):
        assert met.ndwi_from_reflectance(0.3, 0.2) == pytest.approx(0.2)
        assert met.ndwi_from_reflectance(0.3, 0.33) < 0.0

    def test_ndvi_of_nothing_is_missing(self):
        assert np.isnan(met.ndvi_from_reflectance([0.0, -0.2], [0.0, 0.1])).all()


class TestNetRadiation:
    def test_a_black_body_in_its_own_radiation_only_gains_the_sun(self):
        sigma_t4 = 5.670374e-8 * (20.0 + 273.15) ** 4
        found = met.net_radiation_from_longwave(100.0, sigma_t4, 20.0, albedo=0.0)
        assert found == pytest.approx(100.0)

    def test_grows_with_the_sun_and_falls_with_albedo(self):
        assert met.net_radiation(300.0, 15.0) > met.net_radiation(200.0, 15.0)
        assert met.net_radiation(300.0, 15.0) > met.net_radiation(300.0, 15.0, albedo=0.4)

    def test_dry_and_clear_air_loses_more(self):
        humid = met.net_radiation(200.0, 15.0, vpd=1.0)
        assert met.net_radiation(200.0, 15.0, vpd=12.0) < humid
        cloudy = met.net_radiation(200.0, 15.0, toa=450.0)
        assert met.net_radiation(200.0, 15.0, toa=300.0) < cloudy

    def test_is_defined_in_the_polar_night(self):
        assert met.top_of_atmosphere_radiation(80.0, 355) == 0.0
        assert -100.0 < met.net_radiation(0.0, -30.0, toa=0.0) < 0.0

    def test_sun_above_the_air_is_largest_at_the_pole_in_summer(self):
        pole, equator = met.top_of_atmosphere_radiation([90.0, 0.0], 172)
        assert pole > equator > 350.0


class TestPotentialEvapotranspiration:
    def test_is_that_of_priestley_and_taylor(self):
        # Delta 1.4477, gamma 0.6738 hPa degC-1 and lambda 2.4538 MJ kg-1 at 20 degC.
        share = 1.4477 / (1.4477 + 0.6738)
        expected = 1.26 * share * 100.0 * 0.0864 / 2.45378
        found = met.potential_evapotranspiration(20.0, 100.0, 101325.0)
        assert found == pytest.approx(expected, rel=1e-4)

    def test_nothing_evaporates_at_night(self):
        assert met.potential_evapotranspiration(5.0, -60.0, 1e5) == 0.0


def _functions():
    return [
        function
        for name in met.__all__
        for function in [getattr(met, name)]
        if inspect.signature(function).parameters
    ]


_SAMPLE = {
    "values": 3.0, "ta": 15.0, "ta_min": 10.0, "ta_max": 20.0, "td": 8.0, "ea": 9.0, "q": 0.007,
    "rh_air": 0.6, "vpd": 6.0, "patm": 9.5e4, "elevation": 300.0, "swin": 210.0, "lwin": 320.0,
    "par": 95.0, "red": 0.06, "nir": 0.3, "swir": 0.2, "rnet": 90.0, "ndvi": 0.6, "fapar": 0.55,
    "latitude": 48.0, "day_of_year": 120.0,
}  # fmt: skip


@pytest.mark.parametrize("function", _functions(), ids=lambda function: function.__name__)
class TestEveryFunction:
    def _required(self, function):
        parameters = inspect.signature(function).parameters.values()
        return [p.name for p in parameters if p.default is inspect.Parameter.empty]

    def test_keeps_float32_and_its_value(self, function):
        values = [_SAMPLE[name] for name in self._required(function)]
        wide = function(*(np.full(3, value) for value in values))
        narrow = function(*(np.full(3, value, np.float32) for value in values))
        assert (wide.dtype, narrow.dtype) == (np.float64, np.float32)
        np.testing.assert_allclose(narrow, wide, rtol=2e-5)

    def test_keeps_nan_and_shape(self, function):
        names = self._required(function)
        for gap in names:
            arrays = [np.full((2, 3), _SAMPLE[name]) for name in names]
            arrays[names.index(gap)][0, 1] = np.nan
            found = function(*arrays)
            assert found.shape == (2, 3)
            np.testing.assert_array_equal(np.isnan(found), np.isnan(arrays[names.index(gap)]))


def test_optional_inputs_of_net_radiation_keep_float32():
    arrays = [np.full(2, _SAMPLE[name], np.float32) for name in ("swin", "ta", "vpd")]
    toa = np.array([400.0, 0.0], np.float32)
    assert met.net_radiation(*arrays[:2], vpd=arrays[2], toa=toa).dtype == np.float32


@pytest.mark.real
class TestReal:
    def test_pressure_and_slope_are_those_of_pyrealm(self, data: Path):
        table = pd.read_csv(data / "reference" / "physics_reference.csv")
        np.testing.assert_allclose(
            met.pressure_from_elevation(table["elev"].to_numpy(float)), table["patm_Pa"], rtol=1e-6
        )
        ta = table["tc"].to_numpy(float)
        found = met.saturation_slope(ta)
        np.testing.assert_allclose(100.0 * found, table["slope_fao56_Pa_per_C"], rtol=2e-3)

    def test_vapour_pressure_and_slope_are_the_reference_values(self, data: Path):
        table = pd.read_csv(data / "reference" / "reco_le_reference.csv")
        for name, function in (
            ("es_kPa", met.saturation_vapour_pressure),
            ("slope_kPa_per_C", met.saturation_slope),
        ):
            rows = table[table["function"] == name]
            found = 0.1 * function(rows["ta_C"].to_numpy(float))
            np.testing.assert_allclose(found, rows["value"], rtol=1e-12)

    def test_net_radiation_explains_what_towers_measure(self, data: Path):
        columns = ["SW_IN_F", "LW_IN_F", "TA_F", "VPD_F", "NETRAD", "NETRAD_QC"]
        frames = [
            pd.read_csv(path, usecols=lambda name: name in columns, na_values=-9999)
            for path in sorted((data / "towers" / "icos_ww2020").glob("FLX_[BDF]*_MM_*.csv.gz"))
        ]
        table = pd.concat([frame for frame in frames if "NETRAD" in frame])
        table = table[table["NETRAD_QC"] >= 0.8].dropna()
        swin, ta = table["SW_IN_F"].to_numpy(), table["TA_F"].to_numpy()
        observed = table["NETRAD"].to_numpy()
        assert observed.size > 1000
        for estimate in (
            met.net_radiation(swin, ta),
            met.net_radiation(swin, ta, vpd=table["VPD_F"].to_numpy()),
            met.net_radiation_from_longwave(swin, table["LW_IN_F"].to_numpy(), ta),
        ):
            error = estimate - observed
            assert 1.0 - np.sum(error**2) / np.sum((observed - observed.mean()) ** 2) > 0.8
            assert abs(error.mean()) < 15.0
