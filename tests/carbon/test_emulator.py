"""The emulator of land models: honest scores, scenarios, saving, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from land import EARTH, drivers, emulator, models, small
from sklearn.base import clone

import xflux
from xflux.carbon.emulator_fit import _folds
from xflux.carbon.reference_fractions import scenario_fractions
from xflux.carbon.training import training
from xflux.errors import (
    FileFormatError,
    GridMismatchError,
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxWarning,
)

POOLS = ("cVeg", "cLeaf", "cWood", "cRoot", "cLitter", "cSoil")


def test_it_beats_the_means_of_classes_at_blocks_left_out():
    scores = emulator().validation.sel(scenario="mean")
    assert float(scores["fraction_skill"].sel(fraction="ra_fraction")) > 0.2
    assert float(scores["fraction_skill"].sel(fraction="rh_fraction")) > 0.2
    for pool in ("cLitter", "cSoil"):
        at = scores.sel(variable=pool)
        assert float(at["r2_pearson"]) > float(at["null_r2_pearson"]), pool
    assert "blocks of 10 degrees" in emulator().validation.attrs["comment"]


def test_what_cannot_be_learned_has_no_skill():
    random = np.random.default_rng(0)
    noisy = models().copy()
    shape = noisy["cSoil"].isel(year=0).shape
    noise = xr.DataArray(random.lognormal(0.0, 1.0, shape), dims=("model", "lat", "lon"))
    noisy["cSoil"] = (noisy["nppLeaf"] * 0.0 + noise * 10.0).assign_attrs(units="kg m-2")
    noisy["cSoil"] = noisy["cSoil"].transpose("model", "year", "lat", "lon")
    reference = noisy.sel(model=noisy["model"][:1])
    scores = small(quantiles=()).fit(drivers(), reference).validation.squeeze("scenario")
    assert float(scores["fraction_skill"].sel(fraction="turnover_soil")) < 0.1


def test_folds_never_part_a_block():
    data = training(drivers(), models(), features=None, names=None, cells=4000, seed=0)
    fold = _folds(small(block=30.0, folds=4), data)
    row = np.floor((data.place["latitude"] + 90.0) / 30.0)
    column = np.floor((data.place["longitude"] % 360.0) / 30.0)
    blocks = row * 100 + column
    assert all(len(np.unique(fold[blocks == block])) == 1 for block in np.unique(blocks))
    assert set(fold) == {0, 1, 2, 3}


def test_fractions_of_the_mean_give_the_mean_of_the_fluxes():
    data = training(drivers(), models(), features=None, names=None, cells=4000, seed=0)
    made = scenario_fractions(data.held, data.days, None)
    there = np.isfinite(data.held["ra"]) & np.isfinite(data.held["gpp"])
    ra = np.where(there, data.held["ra"], np.nan)
    gpp = np.where(there, data.held["gpp"], np.nan)
    yearly = [np.einsum("pys,ys->py", np.nanmean(x, axis=0), data.days) for x in (ra, gpp)]
    known = np.isfinite(made["ra_fraction"])
    np.testing.assert_allclose(
        made["ra_fraction"][known], (yearly[0] / yearly[1])[known], rtol=1e-6
    )


def test_quantiles_are_ordered_and_of_enough_models():
    data = training(drivers(), models(), features=None, names=None, cells=4000, seed=0)
    low, high = (scenario_fractions(data.held, data.days, q) for q in (0.25, 0.75))
    for name, sign in (("ra_fraction", 1), ("turnover_soil", 1), ("rh_fraction", -1)):
        known = np.isfinite(low[name]) & np.isfinite(high[name])
        assert known.any(), name
        assert (sign * (high[name] - low[name])[known] >= 0.0).all(), name
    two = training(drivers(), models().isel(model=slice(0, 2)), features=None, names=None,
                   cells=4000, seed=0)  # fmt: skip
    assert np.isnan(scenario_fractions(two.held, two.days, None)["ra_fraction"]).all()


def test_one_model_without_time_has_a_mean_and_no_quantiles():
    one = models().isel(model=0, drop=True)
    mean = one.mean([dim for dim in ("time", "year") if dim in one.dims], keep_attrs=True)
    fitted = small().fit(drivers(), mean)
    assert list(fitted.validation["scenario"].values) == ["mean"]
    ds = drivers()
    year = ds[["gpp", "reco"]].mean("time", keep_attrs=True)
    kept = {name: ds[name] for name in fitted.emulation_.predictors.names if name in ds}
    drove = {n: a.groupby("time.month").mean(keep_attrs=True) if "time" in a.dims else a
             for n, a in kept.items() if n not in ("gpp", "reco")}  # fmt: skip
    made = xflux.allocate(year.assign(drove), fitted)
    assert made["cVeg"].dims == ("lat", "lon")
    there = made["cVeg"].notnull()
    assert int(there.sum()) > 50
    # 1 model of the twin holds some hundred PgC: what it allocates to is of its order.
    assert 1e3 < float(made["cSoil"].where(there).mean()) < 1e5


def test_years_in_which_plants_respire_more_than_they_take_up_are_left_out_and_told():
    wrong = models().copy()
    first = wrong["model"].values[0]
    cells = wrong["lat"] > 45.0
    wrong["ra"] = wrong["ra"].where(~(cells & (wrong["model"] == first)), 1.5 * wrong["gpp"])
    wrong["ra"].attrs = models()["ra"].attrs
    with pytest.warns(XfluxWarning, match=rf"{first} \(at .*to 1.5 of GPP"):
        small(quantiles=()).fit(drivers(), wrong)
    wrong["ra"] = (3.0 * models()["gpp"]).assign_attrs(models()["ra"].attrs)
    with pytest.raises(InputError, match=r"outside 0 to 1.*check units and signs"):
        small(quantiles=()).fit(drivers(), wrong)


def test_soils_do_not_swing_with_the_weather_and_co2_beyond_training_counts_as_the_nearest():
    ds = drivers()
    made = xflux.allocate(ds, emulator())
    held = made["cSoil"].where(made["cSoil"].notnull().all("year")).sum(["lat", "lon"])
    line = held.polyfit("year", 1)["polyfit_coefficients"]
    swing = held - xr.polyval(held["year"], line)
    assert float(swing.std() / held.mean()) < 1e-3
    more = ds.assign(co2=(ds["co2"] + 200.0).assign_attrs(ds["co2"].attrs))
    most = ds.assign(co2=(ds["co2"] + 400.0).assign_attrs(ds["co2"].attrs))
    xr.testing.assert_equal(xflux.allocate(more, emulator())["cSoil"],
                            xflux.allocate(most, emulator())["cSoil"])  # fmt: skip


@pytest.mark.parametrize("split", ["block", "random"])
def test_the_same_seed_gives_the_same_numbers(split):
    one = small(split=split, quantiles=()).fit(drivers(), models())
    two = small(split=split, quantiles=()).fit(drivers().chunk(time=12), models().chunk(lat=3))
    xr.testing.assert_allclose(one.validation, two.validation, rtol=1e-9)
    xr.testing.assert_identical(
        xflux.allocate(drivers(), one)["cSoil"], xflux.allocate(drivers(), two)["cSoil"]
    )


def test_it_comes_back_from_a_file(tmp_path):
    fitted = small(learner="kernel", quantiles=(0.5,), rows=300).fit(drivers(), models())
    path = fitted.save(tmp_path / "land.safetensors")
    back = xflux.AllocationEmulator.load(path)
    assert back.get_params() == fitted.get_params()
    xr.testing.assert_identical(back.validation, fitted.validation)
    xr.testing.assert_identical(xflux.allocate(drivers(), back), xflux.allocate(drivers(), fitted))
    assert "held_out" not in vars(back)
    with pytest.raises(AttributeError, match=r"held_out is not kept in files.*fit it again"):
        back.held_out.sizes  # noqa: B018
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileFormatError, match="truncated"):
        xflux.AllocationEmulator.load(path)


def test_what_fitting_makes_is_missed_by_what_to_do(tmp_path):
    for name in ("validation", "held_out", "emulation_"):
        with pytest.raises(AttributeError, match=rf"{name} is made by fitting; call fit"):
            getattr(small(), name)
    with pytest.raises(AttributeError, match="no attribute 'heldout'"):
        emulator().heldout  # noqa: B018
    # The way out that the message names.
    held = emulator().held_out
    held.to_netcdf(tmp_path / "held_out.nc")
    with xr.open_dataset(tmp_path / "held_out.nc") as back:
        xr.testing.assert_equal(back, held)


def test_a_learner_of_scikit_learn_is_used_and_not_saved(tmp_path):
    fitted = small(quantiles=()).fit(drivers(), models())
    assert "cVeg" in xflux.allocate(drivers(), fitted)
    with pytest.raises(InputError):
        fitted.save(tmp_path / "land.safetensors")


def test_parameters_follow_scikit_learn():
    made = clone(small(quantiles=(0.1, 0.9)))
    assert made.quantiles == (0.1, 0.9)
    assert not hasattr(made, "emulation_")


def test_held_out_maps_can_be_drawn():
    held = emulator().held_out.sel(estimate="emulated")["cVeg"].isel(year=0)
    grid = held.set_index(cell=["lat", "lon"]).unstack("cell")
    assert set(grid.dims) == {"lat", "lon"}
    assert float(grid.max()) > 1000.0
    assert emulator().validation["pixel_r2_pearson"].dims == ("variable", "lat", "lon")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "site"}, "split='site'"),
        ({"form": "free"}, "form='free'"),
        ({"quantiles": (0.0, 0.5)}, "quantiles="),
        ({"folds": 1}, "folds=1"),
        ({"block": 0.0}, "block=0.0"),
        ({"learner": "forest"}, "learner='forest'"),
        ({"features": ("gpp",)}, "no driver"),
        ({"features": "ta"}, "is a string"),
        ({"block": 90.0, "folds": 40}, "smaller block"),
    ],
)
def test_parameters_that_are_none_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        small(**options).fit(drivers(), models())


def test_a_reference_that_lacks_something_is_refused_by_name():
    with pytest.raises(MissingVariableError, match="no ra"):
        small().fit(drivers(), models().drop_vars(["ra", "npp"]))
    with pytest.raises(UnitsError, match="cSoil"):
        small().fit(drivers(), models().assign(cSoil=models()["cSoil"].assign_attrs(units="K")))
    litter = (-models()["cLitter"]).assign_attrs(units="kg m-2")
    with pytest.raises(InputError, match="cLitter of the reference is negative"):
        small().fit(drivers(), models().assign(cLitter=litter))
    other = xflux.twin.Earth(resolution=30.0, start="2001", end="2004").drivers
    with pytest.raises(GridMismatchError):
        small().fit(other, models())
    later = xflux.twin.Earth(resolution=15.0, start="2011", end="2012", seed=2).drivers
    with pytest.raises(InputError, match="no whole year in common"):
        small().fit(later, models())
    with pytest.raises(InputError, match="nowhere above 0"):
        small().fit(drivers(), models().assign(gpp=models()["gpp"].copy() * 0.0).assign(
            gpp=lambda ds: ds["gpp"].assign_attrs(units="kg m-2 s-1")))  # fmt: skip


def test_npp_stands_in_for_ra_and_pools_may_lack():
    ds = models().drop_vars(["ra", "cLitter", "nppLeaf"])
    fitted = small(quantiles=()).fit(drivers(), ds)
    made = xflux.allocate(drivers(), fitted)
    assert "cLitter" not in made
    assert "cSoil" in made
    assert "npp_to_leaf" not in fitted.validation["fraction"].values


def test_latitude_is_a_feature_on_request_alone():
    assert "lat" not in emulator().emulation_.predictors.names
    fitted = small(quantiles=(), features=("ta", "igbp", "lat")).fit(EARTH.drivers, models())
    assert fitted.emulation_.predictors.names == ("ta", "gpp", "lat", "igbp")
    assert "ra" in xflux.allocate(drivers(), fitted)


def test_what_was_learned_from_generated_models_says_so():
    ds = drivers().copy(deep=True)
    for array in ds.data_vars.values():
        array.attrs.pop("synthetic", None)
    assert "synthetic" not in xflux.allocate(ds)["ra"].attrs
    assert "Earth" in xflux.allocate(ds, emulator())["ra"].attrs["synthetic"]
