"""standardize: canonical names and units, derived where it needs no guess."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError, MissingVariableError, UnitsError, XfluxWarning


@pytest.fixture
def era5():
    """A corner of a grid with the names and units of ERA5."""
    dims = ("time", "latitude", "longitude")
    shape = (3, 2, 4)
    ds = xr.Dataset(
        {
            "t2m": (dims, np.full(shape, 293.15, "f4"), {"units": "K"}),
            "d2m": (dims, np.full(shape, 283.15, "f4"), {"units": "K"}),
            "ssrd": (dims, np.full(shape, 200.0, "f4"), {"units": "W m**-2"}),
            "sp": (dims, np.full(shape, 95000.0, "f4"), {"units": "Pa"}),
            "mystery": (dims, np.zeros(shape, "f4"), {"units": "1"}),
        },
        coords={
            "time": np.array(["2001-01", "2001-02", "2001-03"], "M8[ns]"),
            "latitude": [50.0, 49.0],
            "longitude": [0.0, 1.0, 2.0, 3.0],
        },
    )
    return ds


def test_names_units_and_attributes_become_canonical(era5):
    ds = era5.flux.standardize()
    assert {"ta", "td", "swin", "patm", "vpd", "ppfd", "mystery"} == set(ds.data_vars)
    assert ds.ta.attrs["units"] == "degC"
    assert ds.ta.attrs["standard_name"] == "air_temperature"
    assert ds.ta.attrs["source_name"] == "t2m"
    np.testing.assert_allclose(ds.ta, 20.0, rtol=1e-5)
    np.testing.assert_allclose(ds.ppfd, 408.0, rtol=1e-6)


def test_vpd_comes_from_dewpoint_and_says_so(era5):
    ds = era5.flux.standardize()
    expected = 6.108 * (np.exp(17.27 * 20 / 257.3) - np.exp(17.27 * 10 / 247.3))
    np.testing.assert_allclose(ds.vpd, expected, rtol=2e-4)
    assert "dew point" in ds.vpd.attrs["derivation"]


def test_nothing_is_computed_and_chunks_stay(era5):
    lazy = era5.chunk({"time": 1})
    with no_compute():
        ds = lazy.flux.standardize()
    assert ds.ta.chunksizes["time"] == (1, 1, 1)
    xr.testing.assert_allclose(ds.compute(), era5.flux.standardize())


def test_it_is_idempotent(era5):
    once = era5.flux.standardize()
    twice = once.flux.standardize()
    xr.testing.assert_equal(once, twice)
    for name in once:
        dropped = ("source_name", "derivation")
        kept = [
            {k: v for k, v in ds[name].attrs.items() if k not in dropped} for ds in (once, twice)
        ]
        assert kept[0] == kept[1]


def test_all_wrong_units_are_reported_at_once(era5):
    era5.t2m.attrs["units"] = "kg"
    era5.sp.attrs["units"] = "m"
    with pytest.raises(UnitsError, match=r"(?s)2 problems:.*'ta'.*'patm'"):
        era5.flux.standardize()


def test_an_undeclared_fill_value_becomes_nan_with_a_warning(era5):
    era5["sp"] = era5.sp.where(era5.longitude > 0, -9999.0).assign_attrs(units="Pa")
    with pytest.warns(XfluxWarning, match="'patm': values outside"):
        ds = era5.flux.standardize()
    assert np.isnan(ds.patm.isel(longitude=0)).all()
    assert np.isfinite(ds.patm.isel(longitude=1)).all()


def test_percent_with_the_unit_of_a_fraction_is_not_taken_for_a_fraction(era5):
    era5["fapar"] = xr.full_like(era5.t2m, 95.0).assign_attrs(units="1")
    with pytest.warns(XfluxWarning, match="'fapar'"):
        ds = era5.flux.standardize()
    assert np.isnan(ds.fapar).all()


def test_net_radiation_is_only_estimated_on_request(era5):
    assert "rnet" not in era5.flux.standardize()
    ds = era5.flux.standardize(derive=("rnet",))
    assert "estimated" in ds.rnet.attrs["derivation"]
    assert (ds.rnet < 200).all()


def test_what_cannot_be_derived_is_an_error(era5):
    with pytest.raises(MissingVariableError, match="'lai'"):
        era5.flux.standardize(derive=("lai",))


def test_classes_follow_their_own_flags():
    igbp = xr.DataArray(
        np.array([[0, 3], [7, 250]], "u1"),
        dims=("lat", "lon"),
        attrs={"flag_values": [0, 3, 7], "flag_meanings": "water ENF grasslands"},
    )
    ds = xr.Dataset({"LC_Type1": igbp}).flux.standardize()
    np.testing.assert_array_equal(ds.igbp, [[np.nan, 1], [10, np.nan]])


def test_classes_may_be_names():
    names = np.array(["ENF", "enf", "Evergreen Needleleaf Forest", "CRO", ""])
    ds = xr.Dataset({"igbp": ("site", names)}).flux.standardize()
    np.testing.assert_array_equal(ds.igbp, [1, 1, 1, 12, np.nan])


def test_an_unknown_class_is_named():
    ds = xr.Dataset({"igbp": ("site", np.array(["ENF", "XXX"]))})
    with pytest.warns(XfluxWarning, match="'XXX' became NaN"):
        assert np.isnan(ds.flux.standardize().igbp[1])


@pytest.mark.parametrize("swin", [-10.0, 0.0, 300.0])
def test_standardizing_twice_is_standardizing_once(swin):
    ds = xr.Dataset({"swin": ("x", [swin], {"units": "W m-2"})}).flux.standardize()
    assert float(ds.ppfd[0]) >= 0
    xr.testing.assert_equal(ds.flux.standardize(), ds)


def test_a_request_must_be_a_tuple_of_known_names(era5):
    with pytest.raises(InputError, match="is a string; pass a tuple"):
        era5.flux.standardize(derive="rnet")
    with pytest.raises(InputError, match="did you mean 'rnet'"):
        era5.flux.standardize(derive=("rnett",))


def test_a_coordinate_stays_a_coordinate():
    ds = xr.Dataset(
        {"ta": ("site", [280.0, 290.0], {"units": "K"})},
        coords={"elv": ("site", [10.0, 20.0], {"units": "m"})},
    ).flux.standardize()
    assert "elevation" in ds.coords
    assert "elv" not in ds.variables
    assert "patm" in ds


def test_quantified_in_quantified_out():
    pint = pytest.importorskip("pint")
    registry = pint.UnitRegistry()
    kelvin = registry.Quantity(np.array([280.0, 290.0]), "kelvin")
    ds = xflux.standardize(xr.Dataset({"ta": ("x", kelvin)}))
    assert ds.ta.data.units == registry.Unit("degree_Celsius")
    np.testing.assert_allclose(ds.ta.data.magnitude, [6.85, 16.85])


def test_an_index_is_not_guessed_from_another_one_unasked():
    ds = xr.Dataset({"fapar": ("x", [0.5], {"units": "1"})})
    assert "ndvi" not in ds.flux.standardize()
    np.testing.assert_allclose(ds.flux.standardize(derive=("ndvi",)).ndvi, 0.5)
