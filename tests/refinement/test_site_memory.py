"""What a known site has for itself: added there, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.refinement.site_memory import fit_memory


@pytest.fixture(scope="module")
def towers():
    drivers, observed = xflux.twin.Earth(start="2001", end="2004", seed=2).towers(n=14)
    return drivers, observed[["gpp"]]


@pytest.fixture(scope="module")
def fitted(towers):
    drivers, observed = towers
    early = observed.where(observed["time"].dt.year < 2004)
    return _model().fit(drivers, early)


def _model(**options):
    features = ("ta", "vpd", "swin", "fapar", "gpp_baseline")
    return xflux.ResidualModel(
        "xgboost", fluxes=("gpp",), features=features, members=3, closure="none", **options
    )


def test_a_mean_a_season_and_the_weeks_around_are_remembered():
    time = np.arange(240) / 12.0
    season = np.cos(2 * np.pi * time)
    residual = np.r_[1.0 + season, np.zeros(240)]
    memory = fit_memory(residual, np.repeat([3, 7], 240), np.tile(time, 2))
    later = 21.0 + np.arange(12) / 12.0
    np.testing.assert_allclose(memory.predict(3, later), 1 + np.cos(2 * np.pi * later), atol=0.1)
    np.testing.assert_allclose(memory.predict(7, later), 0.0, atol=1e-9)
    np.testing.assert_array_equal(memory.predict(5, later), 0.0)


def test_one_record_is_believed_by_the_share_of_the_signal():
    # Variances .3 + .7 + .5 of a signal beside 1 of noise.
    memory = fit_memory(np.array([5.0]), np.array([0]), np.array([2001.0]))
    assert memory.predict(0, np.array([2001.0]))[0] == pytest.approx(5 * 1.5 / 2.5)


def test_the_order_of_records_says_nothing():
    random = np.random.default_rng(0)
    residual, time = random.normal(size=60), random.uniform(2000, 2005, 60)
    site = random.integers(0, 4, 60)
    mixed = random.permutation(60)
    first = fit_memory(residual, site, time)
    second = fit_memory(residual[mixed], site[mixed], time[mixed])
    np.testing.assert_array_equal(first.predict(2, time), second.predict(2, time))


def test_years_that_were_not_seen_of_a_known_site_are_predicted_better(towers, fitted):
    drivers, observed = towers
    late = observed["time"].dt.year == 2004
    free = _model(site_memory=False).fit(drivers, observed.where(~late))

    def error(model):
        made = model.apply(drivers)["gpp"]
        return float(((made - observed["gpp"]) ** 2).where(late).mean())

    assert error(fitted) < 0.9 * error(free)


def test_other_sites_and_grids_are_what_they_would_be_without(towers, fitted):
    drivers, observed = towers
    free = _model(site_memory=False).fit(drivers, observed.where(observed["time"].dt.year < 2004))
    renamed = drivers.assign_coords(site=[f"new {k}" for k in range(drivers.sizes["site"])])
    xr.testing.assert_equal(fitted.apply(renamed), free.apply(renamed))
    grid = xflux.twin.Earth(start="2004", end="2004", seed=2).drivers.isel(lat=slice(10, 14))
    xr.testing.assert_equal(fitted.apply(grid), free.apply(grid))


def test_a_name_elsewhere_on_the_map_is_another_site(towers, fitted):
    drivers, _ = towers
    moved = drivers.assign_coords(lat=drivers["lat"] + 1.0)
    renamed = drivers.assign_coords(site=[f"new {k}" for k in range(drivers.sizes["site"])])
    np.testing.assert_array_equal(fitted.apply(moved)["gpp"], fitted.apply(renamed)["gpp"])


def test_numbers_without_positions_are_no_names(towers):
    drivers, observed = towers
    bare = drivers.drop_vars(["lat", "lon"]).assign_coords(site=np.arange(14))
    model = _model().fit(bare, observed.drop_vars(["lat", "lon"]).assign_coords(site=np.arange(14)))
    other = bare.assign_coords(site=np.arange(14) + 100)
    np.testing.assert_array_equal(model.apply(bare)["gpp"], model.apply(other)["gpp"])


def test_sites_in_any_order_chunks_and_part_keep_what_is_theirs(towers, fitted):
    drivers, _ = towers
    whole = fitted.apply(drivers)["gpp"]
    some = drivers.isel(site=[5, 0, 9])
    xr.testing.assert_equal(fitted.apply(some)["gpp"], whole.isel(site=[5, 0, 9]))
    xr.testing.assert_equal(fitted.apply(drivers.chunk(site=4, time=7))["gpp"].compute(), whole)


def test_one_site_that_is_selected_is_still_known(towers, fitted):
    drivers, _ = towers
    whole = fitted.apply(drivers)["gpp"]
    xr.testing.assert_equal(fitted.apply(drivers.isel(site=3))["gpp"], whole.isel(site=3))


def test_longitudes_may_run_from_0_to_360(towers, fitted):
    drivers, _ = towers
    turned = drivers.assign_coords(lon=(drivers["lon"] % 360.0).assign_attrs(drivers["lon"].attrs))
    np.testing.assert_array_equal(fitted.apply(turned)["gpp"], fitted.apply(drivers)["gpp"])


def test_a_name_alone_is_not_enough_where_one_side_has_positions(towers, fitted):
    drivers, _ = towers
    bare = drivers.drop_vars(["lat", "lon"])
    assert "site_memory" in fitted.apply(drivers)["gpp"].attrs
    assert "site_memory" not in fitted.apply(bare)["gpp"].attrs


def test_days_are_remembered_as_their_months():
    random = np.random.default_rng(0)
    time = 2001 + np.arange(365 * 20) / 365.25
    residual = 1.0 + random.normal(size=time.size)
    memory = fit_memory(residual, np.zeros(time.size, np.int64), time)
    assert memory.time.size == 240
    assert memory.predict(0, np.array([2030.5]))[0] == pytest.approx(1.0, abs=0.15)


def test_towers_without_dates_are_fitted_and_not_remembered(towers):
    drivers, observed = (ds.drop_vars("time") for ds in towers)
    model = xflux.ResidualModel(
        "kernel", fluxes=("gpp",), features=("ta", "vpd", "fapar"), members=2, closure="none"
    )
    held = drivers.flux.baseline()
    model.fit(held.drop_vars([name for name in held if name.startswith("never")]), observed)
    assert model.refinement_.known is None


def test_a_saved_model_remembers(towers, fitted, tmp_path):
    drivers, _ = towers
    again = xflux.ResidualModel.load(fitted.save(tmp_path / "model.safetensors"))
    xr.testing.assert_identical(again.apply(drivers), fitted.apply(drivers))


def test_carbon_still_closes_at_known_sites():
    drivers, observed = xflux.twin.Earth(start="2001", end="2002", seed=2).towers(n=10)
    model = xflux.ResidualModel("kernel", fluxes=("gpp", "reco", "nee"), members=3)
    made = model.fit(drivers, observed).apply(drivers, members=True)
    np.testing.assert_array_equal(made["nee"], made["reco"] - made["gpp"])
    assert float(made["gpp"].min()) >= 0.0
