"""One network of NEE by towers and atmosphere, on a small twin."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from small_dual import OPTIONS, fit, small_world

import xflux
from xflux.errors import (
    FileFormatError,
    GridMismatchError,
    InputError,
    UnitsError,
    XfluxWarning,
)

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def world():
    return small_world()


@pytest.fixture(scope="module")
def dual(world):
    return fit(world)


@pytest.fixture(scope="module")
def towers_only(world):
    return xflux.DualConstraintNetwork(**OPTIONS).fit(*world["towers"], progress=False)


def global_sum(world, model):
    field = model.apply(world["grid"])
    field = field.assign(
        cell_area=world["grid"].cell_area, land_fraction=world["grid"].land_fraction
    )
    found = xflux.regional_integral(field, regions=world["regions"])
    return found.nee.transpose("region", "time").values


def misfit(world, model):
    target = world["inversions"].mean("inversion").transpose("region", "time").values
    return float(np.sqrt(np.mean((global_sum(world, model) - target) ** 2)))


def test_the_atmosphere_brings_regions_nearer_to_the_inversions(world, dual, towers_only):
    assert misfit(world, dual) < misfit(world, towers_only)


def test_the_same_seed_gives_the_same_network_and_another_another(world, dual):
    again = fit(world)
    xr.testing.assert_identical(again.apply(world["grid"]), dual.apply(world["grid"]))
    other = fit(world, seed=1, rebridge=False, options={"check_every": 0})
    assert not other.apply(world["grid"]).nee.equals(dual.apply(world["grid"]).nee)


def test_nee_is_lazy_and_the_same_in_any_chunks(world, dual):
    eager = dual.apply(world["grid"], interval=0.9)
    with no_compute():
        lazy = dual.apply(world["grid"].chunk(time=7, lat=3, lon=5), interval=0.9)
    xr.testing.assert_allclose(lazy.compute(), eager, rtol=1e-6, atol=1e-6)
    assert eager.nee.dtype == np.float32
    assert eager.nee.attrs["units"] == "g m-2 d-1"
    assert eager.nee.attrs["flux_definition"] == "nee"
    assert (eager.nee_upper - eager.nee >= 0).where(eager.nee.notnull(), True).all()


def test_missing_drivers_give_missing_nee(world, dual):
    grid = world["grid"].copy(deep=True)
    place = {"lat": 8, "lon": 12}
    grid["fapar"][{"time": 3, **place}] = np.nan
    made = dual.apply(grid).nee
    assert np.isnan(made[{"time": 3, **place}])
    assert np.isfinite(made[{"time": 4, **place}]) == np.isfinite(
        dual.apply(world["grid"]).nee[{"time": 4, **place}]
    )


def test_members_average_to_the_estimate(world, dual):
    members = dual.apply(world["grid"], members=True).nee
    assert members.sizes["member"] == 3
    mean = members.mean("member")
    xr.testing.assert_allclose(mean, dual.apply(world["grid"]).nee, rtol=1e-5, atol=1e-5)


def test_it_refines_a_dataset(world, dual):
    refined = world["grid"].flux.refine(dual)
    assert {"nee", "nee_lower", "nee_upper"} <= set(refined.data_vars)
    both = world["grid"].flux.baseline().flux.refine(dual, interval=None)
    assert "nee_baseline" in both


def test_towers_are_predicted_by_the_member_that_never_saw_them(world, dual):
    out = dual.out_of_fold_
    assert out.dims == ("site", "time")
    assert out.notnull().sum() <= world["towers"][1].notnull().sum()
    k = dual.members_[1].split.away[0]
    site = world["towers"][0].isel(site=[k])
    made = dual.apply(site, members=True).nee.isel(member=1)
    there = out.isel(site=[k]).notnull()
    xr.testing.assert_allclose(
        made.where(there).drop_vars("member").drop_attrs(), out.isel(site=[k]).drop_attrs(),
        rtol=1e-5, atol=1e-5,
    )  # fmt: skip


def test_training_can_stop_early_and_keeps_the_best_epoch(world):
    options = {"epochs": 12, "patience": 1, "check_every": 0, "rate": 0.05}
    history = fit(world, rebridge=False, options=options).history
    for k in range(3):
        score = history.score.isel(member=k).dropna("epoch").values
        assert int(np.argmin(score)) == history.best_epoch.values[k]
    assert history.sizes["epoch"] <= 12


def test_history_tells_every_epoch_of_every_member(dual):
    history = dual.history
    assert history.sizes == {"member": 3, "epoch": 6}
    assert history.atm.notnull().all()
    looks = history.bridge_r2.notnull().sum("epoch")
    assert (looks == 2).all()


def test_a_saved_network_predicts_the_same(world, dual, tmp_path):
    path = dual.save(tmp_path / "dual.safetensors")
    loaded = xflux.DualConstraintNetwork.load(path)
    xr.testing.assert_identical(
        loaded.apply(world["grid"], interval=0.5), dual.apply(world["grid"], interval=0.5)
    )
    xr.testing.assert_identical(loaded.history, dual.history)
    assert loaded.get_params() == dual.get_params()
    with pytest.raises(InputError, match="sensitivity"):
        loaded.sensitivity()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileFormatError):
        xflux.DualConstraintNetwork.load(path)


def test_an_interrupted_fit_resumes_to_the_same_network(world, dual, tmp_path, monkeypatch):
    from xflux.regional import dual_members

    calls = []

    def failing(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*args, **options)

    train = dual_members.train
    monkeypatch.setattr(dual_members, "train", failing)
    with pytest.raises(KeyboardInterrupt):
        fit(world, checkpoint=tmp_path)
    resumed = fit(world, checkpoint=tmp_path)
    assert len(calls) == 4  # one before, the one that failed, two after
    xr.testing.assert_identical(resumed.apply(world["grid"]), dual.apply(world["grid"]))
    with pytest.raises(InputError, match="another fit"):
        fit(world, seed=3, checkpoint=tmp_path)


def test_bridges_are_judged_and_made_anew(world, dual):
    found = dual.check_bridge(world["grid"]).compute()
    assert {"r2", "bias", "decoupled"} <= set(found.data_vars)
    assert (found.r2 > 0.8).all()


def test_bridges_that_hold_no_more_are_told(world):
    model = xflux.DualConstraintNetwork(**OPTIONS)
    given = {"inversions": world["inversions"], "bridge": world["bridge"], "progress": False}
    for rebridge, way in ((False, "rebridge=True"), (True, "longer, or look more often")):
        with pytest.warns(XfluxWarning, match=f"less than 0.9.*{way}"):
            model.fit(*world["towers"], drivers=world["grid"], rebridge=rebridge, **given)


def test_drivers_alone_say_which_features_the_grid_holds(world):
    options = {"features": None, "epochs": 1, "check_every": 0}
    model = xflux.DualConstraintNetwork(**{**OPTIONS, **options})
    grid = world["grid"].drop_vars("fapar")
    towers = model.fit(*world["towers"], drivers=grid, progress=False)
    assert "fapar" not in towers.feature_names_in_
    assert np.isfinite(towers.apply(grid).nee).any()


def test_a_region_without_inversions_is_not_constrained(world):
    some = world["inversions"].isel(region=[0, 2])
    made = fit(world, inversions=some, rebridge=False, options={"check_every": 0})
    assert np.isfinite(misfit(world, made))


def test_uptake_positive_and_other_units_are_understood(world):
    plain = fit(world, rebridge=False, options={"check_every": 0})
    turned = (-1e3 * world["inversions"]).assign_attrs(
        world["inversions"].attrs | {"positive": "down", "units": "Tg"}
    )
    other = fit(world, inversions=turned, rebridge=False, options={"check_every": 0})
    xr.testing.assert_allclose(
        plain.apply(world["grid"]), other.apply(world["grid"]), rtol=1e-4, atol=1e-4
    )


def test_sensitivity_fits_to_some_of_the_inversions(world):
    model = fit(world, rebridge=False, options={"check_every": 0, "epochs": 2})
    found = model.sensitivity((1, "all"), draws=1)
    assert found.sizes["subset"] == 4
    assert found.nee.dims == ("subset", "region", "time")
    names = found.subset.values
    assert str(world["inversions"].inversion.values[0]) == names[0]
    assert found.rmse_all.notnull().all()


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda i: i.assign_attrs(flux_definition="nbp"), InputError, "fire"),
        (lambda i: i.assign_attrs(units="kg s-1"), UnitsError, "kg s-1"),
        (lambda i: i.isel(time=[k for k in range(72) if k != 20]), InputError, "2002-09"),
        (lambda i: i.isel(time=slice(0, 6)), InputError, "whole year"),
        (
            lambda i: i.drop_vars("names", errors="ignore").assign_coords(region=[7, 8, 9]),
            InputError, "the bridge has no",
        ),
        (lambda i: i.rename(region="zone"), InputError, "dims"),
    ],
)  # fmt: skip
def test_inversions_that_do_not_fit_are_refused(world, change, error, match):
    with pytest.raises(error, match=match):
        fit(world, inversions=change(world["inversions"]))


def test_what_is_missing_or_on_another_grid_is_refused(world):
    model = xflux.DualConstraintNetwork(**OPTIONS)
    with pytest.raises(InputError, match="bridge is missing"):
        model.fit(*world["towers"], drivers=world["grid"], inversions=world["inversions"])
    with pytest.raises(GridMismatchError, match="regrid"):
        fit(world, drivers=world["grid"].assign_coords(lat=world["grid"].lat + 1.0))
    with pytest.raises(InputError, match="_lag"):
        fit(world, options={"features": ("ta_lag1",)})
    with pytest.raises(InputError, match="fewer"):
        fit(world, options={"folds": 40})
    with pytest.raises(InputError, match="not fitted"):
        xflux.DualConstraintNetwork().apply(world["grid"])
    with pytest.raises(InputError, match="weighting"):
        fit(world, options={"weighting": "equal"})
