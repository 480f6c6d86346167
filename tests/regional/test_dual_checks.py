"""What a network of towers and atmosphere makes of data that are unlike, or not whole."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from small_dual import OPTIONS, fit, small_world

import xflux
from xflux.errors import InputError, XfluxWarning
from xflux.regional.dual_training import train

pytest.importorskip("torch")

#: No looks at bridges: quick.
PLAIN = {"check_every": 0, "epochs": 2, "folds": 3}


@pytest.fixture(scope="module")
def world():
    return small_world()


@pytest.fixture(scope="module")
def plain(world):
    return fit(world, options=PLAIN)


@pytest.fixture(scope="module")
def all_alike(plain):
    return plain.sensitivity(("all",))


def alike(one, other):
    """Tell whether two networks have the same weights."""
    return all(
        np.allclose(a.arrays[name], b.arrays[name], rtol=1e-4, atol=1e-5)
        for a, b in zip(one.members_, other.members_, strict=True)
        for name in a.arrays
    )


def in_tg_of_uptake(inversions):
    said = inversions.attrs | {"positive": "down", "units": "Tg"}
    return (-1e3 * inversions).assign_attrs(said)


def in_mid_month(inversions):
    return inversions.assign_coords(time=inversions.time + np.timedelta64(14, "D"))


def turned(inversions):
    return inversions.isel(region=slice(None, None, -1))


def by_number(inversions):
    return inversions.drop_vars("names", errors="ignore")


@pytest.mark.parametrize("change", [in_tg_of_uptake, in_mid_month, turned, by_number])
def test_inversions_say_the_same_in_other_words(world, plain, all_alike, change):
    other = fit(world, inversions=change(world["inversions"]), options=PLAIN)
    assert alike(plain, other)
    found = other.sensitivity(("all",))
    order = slice(None, None, -1) if change is turned else slice(None)
    for name in all_alike.data_vars:
        np.testing.assert_allclose(
            found[name].isel(region=order), all_alike[name], rtol=1e-3, atol=1e-4
        )
    assert found.nee.notnull().all()


def test_sensitivity_needs_no_more_regions_than_the_inversions_have(world):
    some = world["inversions"].isel(region=[2, 0])
    found = fit(world, inversions=some, options=PLAIN).sensitivity(("all",))
    assert found.sizes["region"] == 2
    assert found.rmse.notnull().all()
    alone = world["inversions"].isel(inversion=0, drop=True)
    assert fit(world, inversions=alone, options=PLAIN).sensitivity((1,)).sizes["subset"] == 1


def test_a_step_that_the_drivers_lack_is_refused(world):
    grid = world["grid"].isel(time=[k for k in range(72) if k != 20])
    with pytest.raises(InputError, match="drivers lack steps of 2002-09"):
        fit(world, drivers=grid, options=PLAIN)


def test_a_year_that_the_drivers_lack_is_left_out(world):
    grid = world["grid"].isel(time=[k for k in range(72) if k // 12 != 2])
    known = world["inversions"].sel(time=world["inversions"].time.dt.year != 2003)
    gone = world["inversions"].where(world["inversions"].time.dt.year != 2003)
    options = {**PLAIN, "held_years": (2002,)}
    one = fit(world, drivers=grid, options=options)
    other = fit(world, inversions=gone.assign_attrs(known.attrs), options=options)
    assert one.away_years_ == other.away_years_ == (2002,)
    with pytest.raises(InputError, match="2003"):
        fit(world, drivers=grid, options={**PLAIN, "held_years": (2003,)})
    with pytest.raises(InputError, match="2003"):
        fit(world, inversions=gone.assign_attrs(known.attrs),
            options={**PLAIN, "held_years": (2003,)})  # fmt: skip


def test_a_region_without_any_value_is_named(world):
    gone = world["inversions"].where(world["inversions"].region != 2)
    name = str(world["inversions"].names.sel(region=2).values)
    with pytest.raises(InputError, match=f"no value of {name}"):
        fit(world, inversions=gone.assign_attrs(world["inversions"].attrs), options=PLAIN)


def test_a_bridge_that_counts_other_land_is_refused(world):
    field = world["truth"].drop_vars("land_fraction")
    with pytest.warns(XfluxWarning):
        bridge = xflux.RegionalBridge(clusters=3, pixels=6, seed=1).fit(field, world["regions"])
    with pytest.raises(InputError, match="million km2 of land in the bridge and"):
        fit(world, bridge=bridge, options=PLAIN)


def test_an_ensemble_is_matched_by_region_and_month(world, plain):
    whole = world["inversions"]
    other = fit(world, ensemble=turned(whole), options=PLAIN)
    assert alike(plain, other)
    short = whole.sel(time=slice("2002", "2005"))
    one = fit(world, inversions=short, ensemble=whole, options=PLAIN)
    assert alike(one, fit(world, inversions=short, options=PLAIN))
    with pytest.raises(InputError, match="the ensemble lacks 24 times"):
        fit(world, ensemble=short, options=PLAIN)


def test_what_does_not_say_which_way_it_is_positive_is_refused(world):
    attrs = {
        key: value
        for key, value in world["inversions"].attrs.items()
        if key in ("units", "flux_definition")
    }
    mute = world["inversions"].rename("flux").drop_attrs().assign_attrs(attrs)
    with pytest.raises(InputError, match="which way"):
        fit(world, inversions=mute, options=PLAIN)


def test_what_is_learned_holds_what_towers_and_inversions_hold(world):
    drivers, nee = world["towers"]
    burning = nee.assign_attrs(flux_definition="nee+fire")
    inversions = world["inversions"].assign_attrs(flux_definition="nee+fire")
    model = fit(world, towers=(drivers, burning), inversions=inversions, options=PLAIN)
    assert model.apply(world["grid"]).nee.attrs["flux_definition"] == "nee+fire"


@pytest.mark.parametrize("folds", [2, 3])
@pytest.mark.parametrize("patience", [None, 5])
def test_towers_alone_have_the_same_start_folds_and_batches(world, folds, patience):
    """At a rate of nearly nothing the weights of both are those that they start from."""
    options = {**PLAIN, "folds": folds, "patience": patience, "rate": 1e-12, "held_years": 1}
    dual = fit(world, options=options)
    towers = xflux.DualConstraintNetwork(**{**OPTIONS, **options})
    towers.fit(*world["towers"], progress=False)
    for one, other in zip(dual.members_, towers.members_, strict=True):
        for part in ("away", "held"):
            assert np.array_equal(getattr(one.split, part), getattr(other.split, part))
    assert alike(dual, towers)
    np.testing.assert_allclose(dual.history.ec[:, 0], towers.history.ec[:, 0], rtol=1e-4)


def test_a_checkpoint_is_of_its_data_bridge_and_options(world, tmp_path):
    options = {"epochs": 3}
    fit(world, options=options, checkpoint=tmp_path)
    bridge = xflux.RegionalBridge(**{**world["bridge"].get_params(), "candidates": 11})
    bridge.bridge_ = world["bridge"].to_dataset()
    cells = world["bridge"].to_dataset()
    grid = world["grid"].copy(deep=True)
    used = {int(one) for one in cells.cell.values[np.isfinite(cells.weight.values)]}
    inside = np.flatnonzero((cells.region_share.fillna(0).sum("region") > 0).values.ravel())
    there = grid.ta.notnull().any("time").values.ravel()
    free = next(int(one) for one in inside if int(one) not in used and there[one])
    row, column = divmod(free, grid.sizes["lon"])
    grid["ta"][{"lat": row, "lon": column}] += 5.0
    for change in ({"bridge": bridge}, {"drivers": grid}, {"rebridge": False}):
        with pytest.raises(InputError, match="another fit"):
            fit(world, options=options, checkpoint=tmp_path, **change)


def test_without_patience_nothing_is_kept_back_and_what_is_scored_is_told(world, monkeypatch):
    seen = []

    def watching(design, seed, towers, air, split, **options):
        seen.append((split, towers))
        return train(design, seed, towers, air, split, **options)

    monkeypatch.setattr("xflux.regional.dual_members.train", watching)
    history = fit(world, options=PLAIN).history
    assert all(split.held.size == 0 and split.held_years == () for split, _ in seen)
    assert history.ec_held.notnull().all()
    assert history.atm_held.notnull().all()


def test_a_part_of_the_months_is_another_climate_and_told(world, plain):
    with pytest.warns(
        XfluxWarning, match="p_site, ta_cycle are means over the months .* 1.9 years"
    ):
        plain.apply(world["grid"].isel(time=slice(0, 24)))
    plain.apply(world["grid"].isel(lat=slice(4, 9)))
    drivers, _ = world["towers"]
    plain.apply(drivers.isel(time=slice(0, 24)))


def test_time_bounds_of_drivers_count(world, plain):
    """Months that are stamped by their ends are months all the same."""
    grid = world["grid"]
    start = grid.time.values
    end = (start.astype("datetime64[M]") + 1).astype("datetime64[ns]")
    late = grid.assign_coords(time=end).assign(
        time_bnds=(("time", "nv"), np.stack([start, end], axis=1))
    )
    late["time"].attrs = {"bounds": "time_bnds"}
    other = fit(world, drivers=late, options=PLAIN)
    assert alike(plain, other)
    found = other.check_bridge(late)
    xr.testing.assert_allclose(found, plain.check_bridge(grid), rtol=1e-3, atol=1e-4)


def test_amounts_that_no_land_can_exchange_are_refused(world):
    inversions = world["inversions"]
    first = inversions.time == inversions.time[0]
    for times, message in (
        (1e3, "check its units"),
        (xr.where(first, 100.0, 1.0), "correct their units"),  # a month alone
    ):
        inflated = (times * inversions).assign_attrs(inversions.attrs)
        with pytest.raises(InputError, match=message):
            fit(world, inversions=inflated.transpose(*inversions.dims), options=PLAIN)


def test_a_bridge_is_given_and_not_its_weights(world):
    with pytest.raises(InputError, match="bridge is a Dataset"):
        fit(world, bridge=world["bridge"].to_dataset(), options=PLAIN)


def test_numbers_of_numpy_are_saved(world, tmp_path):
    years = [np.int64(2003), np.int64(2005)]
    model = fit(world, options={**PLAIN, "held_years": years})
    loaded = xflux.DualConstraintNetwork.load(model.save(tmp_path / "dual.safetensors"))
    assert list(loaded.held_years) == [2003, 2005]
    xr.testing.assert_identical(loaded.apply(world["grid"]), model.apply(world["grid"]))


def test_a_bridge_with_missing_months_does_not_hold(world):
    cells = world["bridge"].to_dataset()
    first = int(cells.cell.values[0][np.isfinite(cells.weight.values[0])][0])
    row, column = divmod(first, world["grid"].sizes["lon"])
    truth = world["truth"].copy(deep=True)
    truth["nee"][{"time": 7, "lat": row, "lon": column}] = np.nan
    assert bool(world["bridge"].validate(truth).decoupled[0])
