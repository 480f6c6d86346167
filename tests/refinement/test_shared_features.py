"""`xflux.shared_features`: a model that both towers and a grid can feed."""

from __future__ import annotations

import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import ChunkError, InputError, MissingVariableError
from xflux.learning.features import FLUXCOM_FEATURES

EARTH = xflux.twin.Earth(resolution=30.0, start="2001", end="2003", seed=1)


@pytest.fixture(scope="module")
def towers():
    return EARTH.towers(n=12)


def test_a_model_of_shared_features_refines_a_grid_that_lacks_some(towers):
    drivers, observed = towers
    grid = EARTH.drivers.drop_vars(["p", "elevation"]).compute()
    options = {"learner": "kernel", "fluxes": ("reco",), "members": 2, "rows": 0.5}
    with pytest.raises(MissingVariableError, match=r"shared_features\(towers, ds\)"):
        xflux.refine(grid, xflux.ResidualModel(**options).fit(drivers, observed))
    with no_compute():
        features = xflux.shared_features(drivers, grid.chunk())
    assert {"p", "p_lag1", "p_mean12"}.isdisjoint(features)
    assert {"ta", "ta_lag1", "igbp", "gpp_baseline"} <= set(features)
    fitted = xflux.ResidualModel(**options, features=features).fit(drivers, observed)
    assert xflux.refine(grid, fitted)["reco"].notnull().any()


def test_a_mean_year_and_other_steps_have_no_memory(towers):
    drivers, _ = towers
    grid = EARTH.drivers
    year = grid.groupby("time.month").mean()
    sparse = grid.isel(time=slice(None, None, 3))
    for other in (year, sparse, grid.isel(time=0)):
        features = xflux.shared_features(drivers, other)
        assert not [name for name in features if "_lag" in name or "_mean" in name]
        assert "ta" in features


def test_nothing_shared_is_refused(towers):
    drivers, _ = towers
    with pytest.raises(InputError, match="share no driver"):
        xflux.shared_features(drivers, EARTH.drivers[["ta"]].rename(ta="mine").drop_attrs())
    with pytest.raises(InputError, match="no Dataset was given"):
        xflux.shared_features()


def test_what_stands_still_on_a_grid_has_no_memory(towers):
    drivers, _ = towers
    grid = EARTH.drivers.compute()
    features = xflux.shared_features(
        drivers, grid.assign(fapar=grid["fapar"].isel(time=0, drop=True))
    )
    assert "fapar" in features
    assert "fapar_lag1" not in features
    assert "ta_lag1" in features


def test_the_drivers_of_fluxcom_that_both_hold_or_can_be_made_of_what_they_hold(towers, tmp_path):
    drivers, observed = towers
    grid = EARTH.drivers.compute()
    with no_compute():
        features = xflux.shared_features(drivers, grid.chunk(time=12), among=FLUXCOM_FEATURES)
    made = ("swin_potential_cycle", "wai")
    assert features == ("fapar_cycle", "ndvi_cycle", "swin_cycle", *made, "ta")
    still = grid.assign(fapar=grid["fapar"].isel(time=0, drop=True))
    assert "fapar_cycle" not in xflux.shared_features(drivers, still, among=FLUXCOM_FEATURES)
    model = xflux.ResidualModel(
        learner="kernel", fluxes=("reco",), members=2, rows=0.5, features=features
    ).fit(drivers, observed)
    model.save(tmp_path / "model.safetensors")
    model = xflux.ResidualModel.load(tmp_path / "model.safetensors")
    with no_compute():
        lazy = xflux.refine(grid.chunk(lat=2), model, interval=None)
    done = xflux.refine(grid, model, interval=None)
    assert done["reco"].notnull().any()
    xr.testing.assert_identical(lazy.compute(), done)
    year = grid.groupby("time.month").mean(keep_attrs=True)
    assert xflux.refine(year, model, interval=None)["reco"].notnull().any()
    with pytest.raises(ChunkError, match=r"\.chunk\(\{'time': -1\}\)"):
        xflux.refine(grid.chunk(time=12), model)
