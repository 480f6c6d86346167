"""The labelled baseline: one pass, honest errors, CF attributes, any model of the user's."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from strategies import drivers

import xflux
from xflux.errors import (
    GridMismatchError,
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxWarning,
)

FLUXES = ["gpp", "reco", "nee", "le"]


@pytest.fixture
def ds():
    return drivers(gaps=0.0)


def test_the_accessor_adds_four_fluxes_and_keeps_everything_else(ds):
    out = ds.flux.baseline()
    assert set(out.data_vars) == set(ds.data_vars) | set(FLUXES)
    for name in ds.data_vars:
        xr.testing.assert_identical(out[name], ds[name])
    assert list(xflux.baseline(ds).data_vars) == FLUXES


def test_numbers_are_those_of_a_growing_season(ds):
    summer = {"ta": 18.0, "vpd": 8.0, "fapar": 0.8, "swin": 220.0}
    for name, value in summer.items():
        ds[name] = xr.full_like(ds[name], value)
    out = xflux.baseline(ds)
    assert 4 < float(out.gpp.mean()) < 14
    assert 1 < float(out.reco.mean()) < 8
    assert float(out.nee.mean()) < 0


def test_net_exchange_is_the_difference_to_the_last_bit(ds):
    for dtype in ("f4", "f8"):
        out = xflux.baseline(drivers(dtype=dtype))
        np.testing.assert_array_equal(out.nee, out.reco - out.gpp)
        assert {array.dtype for array in out.values()} == {np.dtype(dtype)}


def test_attributes_are_cf_and_say_what_was_derived(ds):
    out = xflux.baseline(ds)
    assert (
        out.gpp.attrs["standard_name"]
        == "gross_primary_productivity_of_biomass_expressed_as_carbon"
    )
    assert out.gpp.attrs["units"] == "g m-2 d-1"
    assert out.nee.attrs["positive"] == "up"
    assert "standard_name" not in out.reco.attrs
    assert out.le.attrs["units"] == "W m-2"
    for name in FLUXES:
        assert {"long_name", "units", "cell_methods", "model"} <= set(out[name].attrs)
    assert "ppfd: 2.04 umol J-1 x swin" in out.gpp.attrs["derivation"]
    assert "patm: from elevation" in out.gpp.attrs["derivation"]
    assert "ndvi: 0.9 x fapar + 0.05" in out.le.attrs["derivation"]
    assert "PModel" in out.gpp.attrs["model"]


def test_cf_xarray_finds_the_fluxes(ds):
    pytest.importorskip("cf_xarray")
    out = ds.flux.baseline()
    for name in ("gpp", "nee", "le"):
        assert out.cf[out[name].attrs["standard_name"]].name == name


def test_nothing_is_computed_before_the_user_asks(ds):
    lazy = ds.chunk(time=2, lat=3)
    with no_compute():
        out = lazy.flux.baseline()
        repr(out)
    assert all(out[name].chunks is not None for name in FLUXES)


def test_a_missing_driver_is_named_with_what_was_looked_for_found_and_to_pass(ds):
    with pytest.raises(MissingVariableError) as caught:
        ds.drop_vars(["vpd", "co2"]).flux.baseline()
    message = str(caught.value)
    for part in ("'vpd'", "VPD_F", "ta and td", "recognised were ta", "names={'vpd'", "'co2'",
                 "PModel(co2=400.0)"):  # fmt: skip
        assert part in message


def test_net_radiation_is_estimated_only_when_asked(ds):
    without = ds.drop_vars("rnet")
    with pytest.raises(MissingVariableError, match=r"derive=\('rnet',\).*|le=None"):
        without.flux.baseline()
    assert "le" not in without.flux.baseline(le=None)
    assert "estimated" in without.flux.baseline(derive=("rnet",)).le.attrs["derivation"]


def test_carbon_dioxide_may_come_with_the_model(ds):
    fixed = ds.assign(co2=ds.co2 * 0 + 400).assign_attrs()
    fixed["co2"].attrs["units"] = "ppm"
    xr.testing.assert_allclose(
        xflux.baseline(fixed).gpp, xflux.baseline(ds.drop_vars("co2"), xflux.PModel(co2=400.0)).gpp
    )


def test_missing_input_gives_missing_output_of_that_flux_alone(ds):
    ds["rnet"][0, 0, 0] = np.nan
    ds["vpd"][1, 1, 1] = np.nan
    out = xflux.baseline(ds)
    assert np.isnan(out.le[0, 0, 0])
    assert np.isfinite(out.gpp[0, 0, 0])
    assert np.isnan(out.gpp[1, 1, 1])
    assert np.isnan(out.nee[1, 1, 1])
    assert np.isfinite(out.reco[1, 1, 1])


def test_one_impossibly_cold_cell_costs_only_itself(ds):
    ds["ta"][0, 0, 0] = -60.0
    with pytest.warns(XfluxWarning, match="'ta'"):
        out = xflux.baseline(ds)
    for name in FLUXES:
        assert np.isnan(out[name][0, 0, 0])
        assert int(np.isnan(out[name]).sum()) == 1


def test_siberian_winter_has_zero_production_not_a_gap(ds):
    ds["ta"][0] = -45.0
    out = xflux.baseline(ds)
    assert (out.gpp[0] == 0).all()
    assert (out.reco[0] >= 0).all()


@pytest.mark.parametrize(
    ("name", "value", "warned"),
    [("vpd", -3.0, True), ("fapar", 95.0, True), ("swin", -9999.0, True), ("ta", 291.0, True)],
)
def test_impossible_values_never_give_a_number(ds, name, value, warned):
    ds[name][2, 2, 2] = value
    with pytest.warns(XfluxWarning, match=f"'{name}'"):
        out = xflux.baseline(ds)
    assert np.isnan(out.nee[2, 2, 2])


def test_kelvin_without_a_unit_is_an_error(ds):
    ds["ta"] = (ds.ta + 273.15).drop_attrs()
    with pytest.raises(UnitsError, match="'ta' has no units"):
        ds.flux.baseline()


def test_every_problem_of_a_call_is_named_at_once(ds):
    ds["vpd"].attrs["units"] = "kg"
    ds["swin"].attrs["units"] = "g C m-2 day-1"
    with pytest.raises(UnitsError, match=r"(?s)'vpd'.*'swin'"):
        ds.flux.baseline()


def test_repeated_times_and_empty_selections_are_refused(ds):
    with pytest.raises(InputError, match="repeats time"):
        ds.isel(time=[0, 0, 1]).flux.baseline()
    with pytest.raises(InputError, match="length 0"):
        ds.isel(time=[]).flux.baseline()
    with pytest.raises(InputError, match="dtype object"):
        ds.assign(ta=ds.ta.astype(object)).flux.baseline()


def test_a_single_point_works(ds):
    point = ds.isel(time=0, lat=0, lon=0)
    out = point.flux.baseline()
    assert out.gpp.ndim == 0
    np.testing.assert_allclose(out.gpp, ds.flux.baseline().gpp[0, 0, 0], rtol=1e-12)


class LightUse:
    """A user's own model."""

    inputs = ("ppfd", "fapar")
    outputs = ("gpp",)

    def __init__(self, efficiency=0.02):
        self.efficiency = efficiency

    def __call__(self, light, green):
        return self.efficiency * light * green


def test_a_class_of_the_users_own_plugs_in(ds):
    out = xflux.baseline(ds, gpp=LightUse(0.01))
    np.testing.assert_allclose(out.gpp, 0.01 * 2.04 * ds.swin * ds.fapar)
    assert out.gpp.attrs["units"] == "g m-2 d-1"


def test_what_is_no_model_is_refused_with_what_it_lacks(ds):
    with pytest.raises(TypeError, match="is a class; pass an instance"):
        xflux.baseline(ds, gpp=LightUse)
    with pytest.raises(TypeError, match="lacks inputs and outputs"):
        xflux.baseline(ds, gpp=lambda ta: ta)
    with pytest.raises(InputError, match="computes gpp, not reco"):
        xflux.baseline(ds, reco=LightUse())
    with pytest.raises(InputError, match="nothing to compute"):
        xflux.baseline(ds, None, None, None)


def test_reference_respiration_may_be_a_map(ds):
    r_ref = xr.full_like(ds.elevation, 3.0).assign_attrs(units="g m-2 d-1")
    by_map = xflux.baseline(ds, reco=xflux.Q10Respiration(r_ref=r_ref)).reco
    by_number = xflux.baseline(ds, reco=xflux.Q10Respiration(r_ref=3.0)).reco
    np.testing.assert_allclose(by_map, by_number)


def test_reference_respiration_may_go_by_class(ds):
    classes = {"ENF": 1.0, "MF": 2.0, "GRA": 3.0}
    reco = xflux.baseline(ds, reco=xflux.Q10Respiration(r_ref=classes, q10=1.0)).reco
    expected = ds.igbp.copy(data=np.select([ds.igbp == 1, ds.igbp == 5, ds.igbp == 10],
                                           [1.0, 2.0, 3.0], np.nan))  # fmt: skip
    np.testing.assert_allclose(reco, expected.broadcast_like(reco).transpose(*reco.dims))


def test_quantified_in_quantified_out(ds):
    pint = pytest.importorskip("pint")
    registry = pint.UnitRegistry()
    plain = xflux.baseline(ds)
    quantified = ds.copy()
    for name in ("ta", "vpd"):
        unit = {"ta": "degC", "vpd": "hPa"}[name]
        data = registry.Quantity(ds[name].values, unit)
        quantified[name] = (ds[name].dims, data)
    out = xflux.baseline(quantified)
    assert out.gpp.data.check("[mass] / [length] ** 2 / [time]")
    np.testing.assert_allclose(out.gpp.data.magnitude, plain.gpp)


@pytest.mark.parametrize("store", ["netcdf", "zarr"])
def test_attributes_survive_a_round_trip(ds, store, tmp_path):
    pytest.importorskip("zarr" if store == "zarr" else "netCDF4")
    out = ds.chunk(time=2).flux.baseline()
    path = tmp_path / f"out.{store}"
    if store == "zarr":
        out.to_zarr(path)
        back = xr.open_zarr(path)
    else:
        out.to_netcdf(path)
        back = xr.open_dataset(path)
    for name in FLUXES:
        assert back[name].attrs == out[name].attrs
    xr.testing.assert_allclose(back, out)


def test_a_hundred_chunks_cost_few_tasks(ds):
    lazy = drivers((100, 5, 6)).chunk(time=1)
    out = xflux.baseline(lazy)
    own = len(set(out.__dask_graph__())) - len(set(lazy.__dask_graph__()))
    assert own / 100 <= 12


def test_the_greenest_month_follows_the_models_own_line(ds):
    ds["ndvi"] = xr.full_like(ds.fapar, 0.5).assign_attrs(units="1")
    ds["ndvi"][2] = 0.8
    model = xflux.PTJPL()
    derived = xflux.baseline(ds, None, None, model).le
    given = ds.assign(fapar_max=xr.full_like(ds.elevation, model.fapar(0.8)))
    given["fapar_max"].attrs["units"] = "1"
    np.testing.assert_allclose(derived, xflux.baseline(given, None, None, model).le)
    assert "line of PT-JPL from ndvi" in derived.attrs["derivation"]


def test_optimum_temperature_needs_a_series(ds):
    one = ds.isel(time=0)
    with pytest.raises(MissingVariableError, match="t_opt"):
        xflux.baseline(one, None, None, xflux.PTJPL())


def test_light_below_zero_at_night_is_darkness(ds):
    ds["swin"][0] = -10.0
    out = xflux.baseline(ds)
    assert (out.gpp[0] == 0).all()
    xr.testing.assert_equal(xflux.baseline(ds.flux.standardize()).gpp, out.gpp)


class Both:
    """A model of two fluxes."""

    inputs = ("ta",)
    outputs = ("gpp", "reco")

    def __call__(self, ta):
        return 0.0 * ta + 5.0, 0.0 * ta + 99.0


def test_two_models_of_one_flux_are_refused(ds):
    with pytest.raises(InputError, match=r"gpp= and reco= both compute 'reco'.*reco=None"):
        xflux.baseline(ds, gpp=Both())
    out = xflux.baseline(ds, gpp=Both(), reco=None, le=None)
    np.testing.assert_allclose(out.nee, 94.0)


def test_a_model_without_a_repr_is_called_by_its_class(ds):
    assert xflux.baseline(ds, gpp=LightUse()).gpp.attrs["model"] == "LightUse()"


def test_the_accessor_says_when_it_replaces_observations(ds):
    ds["gpp"] = xr.full_like(ds.ta, 3.0).assign_attrs(units="g m-2 d-1")
    with pytest.warns(XfluxWarning, match="replaces gpp of the Dataset"):
        once = ds.flux.baseline()
    once.flux.baseline()


def test_a_value_per_place_serves_some_of_the_places_in_any_order(ds):
    r_ref = (ds.lat * 0.01).drop_attrs().assign_attrs(units="g m-2 d-1")
    model = xflux.Q10Respiration(r_ref=r_ref)
    some = xflux.baseline(ds.isel(lat=[3, 1]), None, model, None).reco
    np.testing.assert_allclose(some, xflux.baseline(ds, None, model, None).reco.isel(lat=[3, 1]))
    far = ds.isel(lat=[0]).assign_coords(lat=[-5.0])
    with pytest.raises(GridMismatchError, match="'lat'"):
        xflux.baseline(far, None, model, None)


def test_asked_for_net_radiation_that_cannot_be_had_says_what_is_missing(ds):
    with pytest.raises(MissingVariableError, match=r"'rnet'.*derived from swin and lwin and ta"):
        xflux.baseline(ds.drop_vars(["rnet", "swin"]), None, None, derive=("rnet",))


@pytest.mark.parametrize("dtype", [">f4", ">f8", "f2"])
@pytest.mark.parametrize("lazy", [False, True])
def test_foreign_byte_order_and_half_precision_are_read_right(ds, dtype, lazy):
    other = ds.assign(
        {name: ds[name].astype(dtype).assign_attrs(ds[name].attrs) for name in ("ta", "vpd")}
    )
    native = other.assign(
        {name: other[name].astype("f8").assign_attrs(ds[name].attrs) for name in ("ta", "vpd")}
    )
    got = xflux.baseline(other.chunk(time=1) if lazy else other)
    xr.testing.assert_allclose(got.compute(), xflux.baseline(native), rtol=1e-5)
    whole = ds.assign(ta=ds.ta.round().astype(">i2").assign_attrs(units="degC"))
    xr.testing.assert_allclose(
        xflux.baseline(whole).reco, xflux.baseline(ds.assign(ta=whole.ta.astype("f8"))).reco
    )


def test_packed_values_are_not_taken_for_values(ds):
    packed = (ds.ta * 10).round().astype("i2").assign_attrs(units="degC", scale_factor=0.1)
    with pytest.raises(InputError, match=r"packed, with scale_factor.*decode_cf"):
        ds.assign(ta=packed).flux.baseline()


def test_a_dimension_called_like_a_flux_is_refused(ds):
    with pytest.raises(InputError, match="'gpp' is a dimension"):
        ds.rename(lat="gpp").flux.baseline()


class OneNumber(LightUse):
    """Returns the wrong shape."""

    def __call__(self, light, green):
        return np.zeros(3)


def test_a_model_that_returns_another_shape_is_named(ds):
    with pytest.raises(InputError, match=r"OneNumber\(\) returned shapes \[\(3,\)\] for gpp"):
        xflux.baseline(ds, gpp=OneNumber())


def test_quantified_coordinates_are_no_obstacle(ds):
    pint = pytest.importorskip("pint")
    pytest.importorskip("pint_xarray")
    registry = pint.UnitRegistry(force_ndarray_like=True)
    registry.define("degrees_north = degree = degrees_east")
    ds = ds.drop_vars("igbp")
    for name in ("swin", "rnet"):
        ds[name].attrs["units"] = "watt / meter ** 2"
    plain = xflux.baseline(ds)
    for lazy in (ds, ds.chunk(time=2)):
        out = lazy.pint.quantify(unit_registry=registry).flux.baseline()
        assert str(out.gpp.data.units) == "gram / day / meter ** 2"
        np.testing.assert_allclose(out.gpp.data.magnitude, plain.gpp)
    standard = ds.pint.quantify(unit_registry=registry).flux.standardize()
    np.testing.assert_array_equal(standard.ta.data.magnitude, ds.ta)
