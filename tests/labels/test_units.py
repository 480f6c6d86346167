"""Units: what people write is read, checked and converted."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from hypothesis import given
from hypothesis import strategies as st

import xflux
from xflux.errors import UnitsError
from xflux.labels.units import CARBON_MOLAR_MASS, affine, convert, units_of
from xflux.labels.variables import variables

PER_SECOND = 86400.0
CO2_PER_CARBON = 44.0095 / 12.0107


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("g m-2 d-1", 1.0),
        ("gC m-2 d-1", 1.0),
        ("g C m-2 day-1", 1.0),
        ("gC/m2/day", 1.0),
        ("g C/m^2/d", 1.0),
        ("g.m-2.d-1", 1.0),
        ("gC m⁻² d⁻¹", 1.0),
        ("gram / day / meter ** 2", 1.0),
        ("kg m-2 s-1", 1e3 * PER_SECOND),
        ("kgC m-2 s-1", 1e3 * PER_SECOND),
        ("kg C m^-2 s^-1", 1e3 * PER_SECOND),
        ("kg(C) m-2 s-1", 1e3 * PER_SECOND),
        ("umol m-2 s-1", 1e-6 * CARBON_MOLAR_MASS * PER_SECOND),
        ("umol CO2 m-2 s-1", 1e-6 * CARBON_MOLAR_MASS * PER_SECOND),
        ("µmolCO2 m-2 s-1", 1e-6 * CARBON_MOLAR_MASS * PER_SECOND),
        ("nmol C m-2 s-1", 1e-9 * CARBON_MOLAR_MASS * PER_SECOND),
        ("g CO2 m-2 s-1", PER_SECOND / CO2_PER_CARBON),
        ("gCO2 m-2 d-1", 1.0 / CO2_PER_CARBON),
        ("gC m-2 yr-1", 1.0 / 365.25),
        ("tC ha-1 yr-1", 100.0 / 365.25),
    ],
)
def test_spellings_of_carbon_fluxes_are_read(text, scale):
    assert affine(text, "g m-2 d-1", "carbon") == pytest.approx((scale, 0.0), rel=1e-12)


@pytest.mark.parametrize(
    ("found", "expected", "species", "scale", "offset"),
    [
        ("K", "degC", "", 1.0, -273.15),
        ("degree_C", "degC", "", 1.0, 0.0),
        ("degF", "degC", "", 5 / 9, -160 / 9),
        ("kPa", "hPa", "", 10.0, 0.0),
        ("%", "1", "", 0.01, 0.0),
        ("m3 m-3", "1", "", 1.0, 0.0),
        ("1e-06", "ppm", "", 1.0, 0.0),
        ("mol mol-1", "ppm", "", 1e6, 0.0),
        ("kg m-2 s-1", "mm d-1", "water", PER_SECOND, 0.0),
        ("mm d-1", "kg m-2 d-1", "water", 1.0, 0.0),
        ("MJ m-2 d-1", "W m-2", "", 1e6 / PER_SECOND, 0.0),
        ("W m**-2", "W m-2", "", 1.0, 0.0),
        ("mol m-2 d-1", "umol m-2 s-1", "photons", 1e6 / PER_SECOND, 0.0),
        ("umol photons m-2 s-1", "umol m-2 s-1", "photons", 1.0, 0.0),
        ("MgC ha-1", "g m-2", "carbon", 100.0, 0.0),
    ],
)
def test_other_units_convert(found, expected, species, scale, offset):
    assert affine(found, expected, species) == pytest.approx((scale, offset), rel=1e-12)


def test_a_factor_of_a_power_of_ten_is_exact():
    assert affine("kPa", "hPa") == (10.0, 0.0)
    assert affine("kg m-2", "g m-2", "carbon") == (1000.0, 0.0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("g m-2 C d-1", "bare 'C'"),
        ("kg m-2 month-1", "months differ in length"),
        ("kg m-2 month-1", "is per month"),
        ("month", "counts months, which differ in length; divide by 12 and give it in years"),
        ("days since 2000-01-01", "cannot be read"),
        ("kg", "does not convert"),
        ("W m-2", "does not convert"),
        ("furlong m-2", "does not convert"),
        ("blorb", "cannot be read"),
        ("gC m-2 8d-1", "length of the composite"),
    ],
)
def test_what_is_no_carbon_flux_is_refused_with_the_reason(text, why):
    with pytest.raises(UnitsError, match=why):
        affine(text, "g m-2 d-1", "carbon")


def test_the_error_names_variable_found_and_expected():
    vpd = xr.DataArray([1.0], dims="x", name="VPD", attrs={"units": "kg"})
    with pytest.raises(UnitsError, match=r"'vpd' \(from 'VPD'\): found units 'kg', expected 'hPa'"):
        convert(vpd, variables["vpd"], "VPD")


def test_a_missing_unit_is_an_error_unless_it_may_be_assumed():
    ta = xr.DataArray([281.0], dims="x", name="ta")
    with pytest.raises(UnitsError, match=r"'ta' has no units; expected 'degC'"):
        convert(ta, variables["ta"])
    with xflux.set_options(missing_units="assume"):
        assert float(convert(ta, variables["ta"])[0]) == 281.0


def test_a_flux_of_co2_by_standard_name_is_turned_into_carbon():
    flux = xr.DataArray(
        [44.0095],
        dims="x",
        attrs={"units": "g m-2 d-1", "standard_name": "surface_upward_mass_flux_of_carbon_dioxide"},
    )
    assert float(convert(flux, variables["nee"])[0]) == pytest.approx(12.0107)


def test_conversion_is_lazy_keeps_float32_and_leaves_the_input_alone():
    raw = xr.DataArray(
        da.full((6, 4), 300.0, chunks=(2, 4), dtype="f4"), dims=("y", "x"), attrs={"units": "K"}
    )
    with no_compute():
        converted = convert(raw, variables["ta"])
    assert converted.chunks == raw.chunks
    assert converted.dtype == np.dtype("f4")
    assert converted.attrs["units"] == "degC"
    assert raw.attrs["units"] == "K"
    np.testing.assert_allclose(converted, 26.85, rtol=1e-6)


def test_integers_become_float64():
    percent = xr.DataArray(np.array([50], "i2"), dims="x", attrs={"units": "%"})
    converted = convert(percent, variables["fapar"])
    assert converted.dtype == np.dtype("f8")
    assert float(converted[0]) == 0.5


def test_a_pint_quantity_bears_its_unit_in_the_data():
    pint = pytest.importorskip("pint")
    registry = pint.UnitRegistry()
    array = xr.DataArray(registry.Quantity(np.array([1.0]), "kilopascal"), dims="x")
    assert units_of(array) == "kilopascal"
    assert float(convert(array, variables["vpd"])[0]) == 10.0


@given(st.floats(1e-6, 1e6), st.sampled_from(["kg m-2 s-1", "umol m-2 s-1", "gCO2 m-2 h-1"]))
def test_there_and_back_again(value, unit):
    scale, _ = affine(unit, "g m-2 d-1", "carbon")
    assert value * scale / scale == pytest.approx(value, rel=1e-15)


def test_the_application_registry_of_pint_is_left_alone():
    import pint

    before = pint.get_application_registry().get()
    affine("kPa", "hPa")
    assert pint.get_application_registry().get() is before


@pytest.mark.parametrize(
    "unit", ["umol m-2 s-1", "umol CO2 m-2 s-1", "kgC m-2 s-1", "gCO2 m-2 d-1"]
)
def test_carbon_converts_both_ways(unit):
    there, _ = affine(unit, "g m-2 d-1", "carbon")
    back, _ = affine("g m-2 d-1", unit, "carbon")
    assert there * back == pytest.approx(1.0, rel=1e-12)
