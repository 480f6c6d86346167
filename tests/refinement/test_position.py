"""Latitude, longitude and native classes are features for those who name them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError, MissingVariableError, XfluxWarning
from xflux.learning.features import DEFAULT_FEATURES, columns, expand, parse

EARTH = xflux.twin.Earth(resolution=20.0, start="2001", end="2003", seed=1)
FEATURES = ("ta", "swin", "lat", "lon")


@pytest.fixture(scope="module")
def towers():
    return EARTH.towers(n=20)


def fit(towers, features, learner="kernel"):
    model = xflux.ResidualModel(
        learner, features=features, fluxes=("le",), members=2, rows=0.5, seed=3
    )
    return model.fit(*towers)


@pytest.fixture(scope="module")
def model(towers):
    with pytest.warns(XfluxWarning, match="lat and lon as features"):
        return fit(towers, FEATURES)


def test_position_is_no_default_and_is_warned_of(towers, model):
    assert not {"lat", "lon"} & set(DEFAULT_FEATURES)
    assert list(model.feature_names_in_) == list(FEATURES)
    with pytest.raises(XfluxWarning, match="artefacts"):
        fit(towers, ("ta", "lat"))


def test_grids_have_it_along_their_dims_lazily(model):
    drivers = EARTH.drivers.isel(time=slice(0, 3)).compute()
    expected = model.apply(drivers)
    with no_compute():
        lazy = model.apply(drivers.chunk(lat=4, lon=5))
    xr.testing.assert_identical(lazy.compute(), expected)
    row = drivers.sel(lat=[50.0], method="nearest")
    moved = row.assign_coords(lat=(row["lat"] + 10.0).assign_attrs(row["lat"].attrs))
    before, after = (model.apply(ds)["le"].values for ds in (row, moved))
    assert np.nanmax(np.abs(after - before)) > 0.01


def test_names_order_and_kind_of_longitude_do_not_matter(model):
    drivers = EARTH.drivers.isel(time=slice(0, 2)).compute()
    expected = model.apply(drivers)["le"]
    east = drivers.assign_coords(lon=(drivers["lon"] % 360.0).assign_attrs(drivers["lon"].attrs))
    other = east.rename(lat="latitude", lon="longitude").transpose("longitude", "time", "latitude")
    made = model.apply(other)["le"].transpose("time", "latitude", "longitude")
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-4)


def test_without_a_position_it_is_told(towers, model):
    with pytest.raises(MissingVariableError, match="no latitude and longitude"):
        model.apply(towers[0].drop_vars(["lat", "lon"]))


def test_position_has_no_memory():
    with pytest.raises(InputError, match="is no feature"):
        parse("lat_lag1")


def test_a_native_class_is_one_column_of_codes():
    feature = parse("igbp:native")
    assert (feature.source, feature.kind) == ("igbp", "code")
    assert expand([feature], {"igbp": [1, 10]}) == (feature,)
    codes = np.array([[1.0, 10.0, np.nan]])
    np.testing.assert_array_equal(columns({"igbp": codes}, [feature])[..., 0], codes)
    for name in ("ta:native", "igbp_lag1:native", "oak:native"):
        with pytest.raises(InputError, match="is no class"):
            parse(name)


@pytest.mark.parametrize("learner", ["xgboost", "lightgbm"])
def test_trees_take_native_classes(towers, learner, tmp_path):
    pytest.importorskip(learner)
    drivers, observed = towers
    # What tells classes apart is not the order of their codes.
    codes = np.array([5, 1, 5, 10] * 5, "i1")
    drivers = drivers.assign_coords(igbp=drivers["igbp"].copy(data=codes))
    odd = xr.where(drivers["igbp"] == 5, 60.0, 0.0).drop_vars("igbp")
    shifted = (observed["le"] + odd).assign_attrs(observed["le"].attrs)
    observed = observed.assign(le=shifted.transpose(*observed["le"].dims))
    model = xflux.ResidualModel(
        learner, features=("igbp:native", "ta"), fluxes=("le",), members=1, rows=1.0, columns=1.0
    ).fit(drivers, observed)
    made = model.apply(drivers)["le"].mean("time")
    assert float(made[drivers["igbp"] == 5].mean() - made[drivers["igbp"] != 5].mean()) > 40.0
    again = xflux.ResidualModel.load(model.save(tmp_path / "model"))
    xr.testing.assert_identical(again.apply(drivers), model.apply(drivers))
    unseen = drivers.assign_coords(igbp=drivers["igbp"].copy(data=np.full(20, 15, "i1")))
    assert bool(model.apply(unseen)["le"].isnull().all())


def test_other_learners_refuse_native_classes(towers):
    with pytest.raises(InputError, match="'igbp:native', which boosted trees alone"):
        fit(towers, ("igbp:native", "ta"))
