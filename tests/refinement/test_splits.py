"""Folds part the records, keep sites whole, and follow names and seed alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut

import xflux
from xflux.refinement import folds
from xflux.refinement.folds import Fold, checked, deal
from xflux.refinement.splits import (
    BySite,
    Given,
    LeaveSiteOut,
    RandomRows,
    SpatialBlocks,
    Stratified,
    TimeBlocks,
    as_splitter,
)

N = 24


@pytest.fixture(scope="module")
def twin() -> tuple[xr.Dataset, np.ndarray]:
    drivers, observed = xflux.twin.Earth(start="2001", end="2008").towers(N)
    return drivers, observed["nee"].notnull().values


def _towers(n=6, years=4, **coords):
    time = pd.date_range("2001-01-01", periods=12 * years, freq="MS")
    names = [f"S{i:02d}" for i in range(n)]
    ds = xr.Dataset(coords={"site": names, "time": time}).assign_coords(
        {name: ("site", np.asarray(values)) for name, values in coords.items()}
    )
    return ds, np.ones((n, len(time)), bool)


def _labels(towers):
    return {str(name): f"label {i % 3}" for i, name in enumerate(sorted(towers["site"].values))}


WHOLE = {
    "leave-site-out": lambda towers: LeaveSiteOut(),
    "by-site": lambda towers: BySite(5, seed=3),
    "stratified": lambda towers: Stratified(4),
    "blocks": lambda towers: SpatialBlocks(20, k=4),
    "given": lambda towers: Given(_labels(towers)),
    "sklearn": lambda towers: as_splitter(splitter=GroupKFold(4)),
}
ALL = {
    **WHOLE,
    "time": lambda towers: TimeBlocks(3),
    "rows": lambda towers: RandomRows(7, seed=1),
}


@pytest.mark.parametrize("kind", ALL)
def test_each_record_is_tested_once_and_never_trained_on_then(twin, kind):
    towers, there = twin
    folds = ALL[kind](towers).folds(towers, there)
    assert len({fold.name for fold in folds}) == len(folds) >= 2
    assert (np.sum([fold.test for fold in folds], axis=0) == there).all()
    for fold in folds:
        assert fold.train.any()
        assert not (fold.train & (fold.test | ~there)).any()
        assert fold.train.dtype == fold.test.dtype == bool


@pytest.mark.parametrize("kind", WHOLE)
def test_no_site_is_on_both_sides_of_splits_by_site(twin, kind):
    towers, there = twin
    for fold in WHOLE[kind](towers).folds(towers, there):
        assert not (fold.train.any(axis=1) & fold.test.any(axis=1)).any()
        # All else is trained on.
        assert ((fold.train | fold.test) == there).all()


@pytest.mark.parametrize("kind", ALL)
def test_folds_do_not_depend_on_the_order_of_sites(twin, kind):
    towers, there = twin
    order = np.random.default_rng(5).permutation(N)
    ours = ALL[kind](towers).folds(towers, there)
    theirs = ALL[kind](towers).folds(towers.isel(site=order), there[order])
    for a, b in zip(ours, theirs, strict=True):
        assert a.name == b.name
        np.testing.assert_array_equal(a.test[order], b.test)
        np.testing.assert_array_equal(a.train[order], b.train)


@pytest.mark.parametrize("kind", ALL)
def test_folds_neither_use_nor_move_the_global_random_state(twin, kind):
    towers, there = twin
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = ALL[kind](towers).folds(towers, there)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    second = ALL[kind](towers).folds(towers, there)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.test, b.test)


@pytest.mark.parametrize("make", [BySite, Stratified, RandomRows], ids=lambda make: make.__name__)
def test_another_seed_makes_other_folds(twin, make):
    towers, there = twin
    first, second = (make(k=5, seed=seed).folds(towers, there)[0].test for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_sites_without_records_are_in_no_fold(twin):
    towers, there = twin
    there = there.copy()
    there[[2, 7]] = False
    folds = LeaveSiteOut().folds(towers, there)
    assert len(folds) == N - 2
    assert not any(fold.train[[2, 7]].any() or fold.test[[2, 7]].any() for fold in folds)


def test_leave_site_out_names_folds_by_site(twin):
    towers, there = twin
    for fold in LeaveSiteOut().folds(towers, there):
        (row,) = np.flatnonzero(fold.test.any(axis=1))
        assert towers["site"].values[row] == fold.name


@given(
    records=st.lists(st.integers(1, 300), min_size=2, max_size=60),
    k=st.integers(2, 10),
    seed=st.integers(0, 3),
)
def test_dealing_fills_every_fold_and_balances_to_within_the_largest_unit(records, k, seed):
    k = min(k, len(records))
    load = np.bincount(deal(np.array(records), k, seed), records, minlength=k)
    assert load.min() > 0
    assert load.max() - load.min() <= max(records)


@given(
    classes=st.lists(st.integers(0, 4), min_size=6, max_size=60),
    k=st.integers(2, 6),
    seed=st.integers(0, 3),
)
def test_dealing_spreads_each_class_evenly(classes, k, seed):
    code = np.unique(classes, return_inverse=True)[1]
    fold = deal(np.arange(1, len(code) + 1), k, seed, code)
    for value in range(code.max() + 1):
        count = np.bincount(fold[code == value], minlength=k)
        assert count.max() - count.min() <= 1
    assert np.bincount(fold, minlength=k).min() > 0


def test_folds_by_site_hold_about_as_many_records():
    towers, there = _towers(40, years=20)
    lengths = np.random.default_rng(0).integers(12, 240, 40)
    there &= np.arange(240) < lengths[:, None]
    size = [fold.test.sum() for fold in BySite(5).folds(towers, there)]
    assert max(size) / min(size) < 1.1


def test_stratified_tests_each_class_in_each_fold():
    towers, there = _towers(12, igbp=[1] * 4 + [10] * 4 + [12] * 4)
    for fold in Stratified(4).folds(towers, there):
        assert sorted(towers["igbp"].values[fold.test.any(axis=1)]) == [1, 10, 12]


def test_stratified_spreads_any_class_of_sites():
    towers, there = _towers(6, climate=["dry", "wet"] * 3)
    for fold in Stratified(3, by="climate").folds(towers, there):
        assert set(towers["climate"].values[fold.test.any(axis=1)]) == {"dry", "wet"}


def test_blocks_keep_neighbours_together_also_across_the_date_line():
    lon = [179.0, -179.5, 180.5, 0.2, 359.9, -0.1, 60.0, -1e-18]
    towers, there = _towers(8, lat=[10.0] * 8, lon=lon)
    folds = SpatialBlocks(10, k=5).folds(towers, there)
    where = [[bool(fold.test[i].any()) for fold in folds].index(True) for i in range(8)]
    assert where[1] == where[2] != where[0]
    assert where[4] == where[5]
    # The remainder of -1e-18 by 360 is 360.0.
    assert where[3] == where[7]


@pytest.mark.parametrize("lat", [-90.0, 90.0])
def test_blocks_reach_to_the_poles_and_longitudes_of_either_kind_are_one(lat):
    shifted = []
    for turn in (0.0, 360.0, -360.0):
        towers, there = _towers(
            4, lat=[lat, 0.0, 20.0, 40.0], lon=np.array([-1e-18, 5.0, 9.0, 1.0]) + turn
        )
        shifted.append([fold.test for fold in SpatialBlocks(7, k=4).folds(towers, there)])
    np.testing.assert_array_equal(shifted[0], shifted[1])
    np.testing.assert_array_equal(shifted[0], shifted[2])


def test_time_blocks_are_whole_years_at_all_sites_with_a_gap_before_and_after():
    towers, there = _towers(3, years=6)
    folds = TimeBlocks(3, gap=5).folds(towers, there)
    assert [fold.name for fold in folds] == ["2001-2002", "2003-2004", "2005-2006"]
    steps = np.flatnonzero(folds[1].test[0])
    assert (steps == np.arange(24, 48)).all()
    trained = folds[1].train.all(axis=0)
    assert (np.flatnonzero(~trained) == np.arange(24 - 5, 48 + 5)).all()


def test_time_blocks_share_records_not_years():
    towers, there = _towers(10, years=10)
    there[1:, :60] = False
    names = [fold.name for fold in TimeBlocks(2, gap=0).folds(towers, there)]
    assert names == ["2001-2007", "2008-2010"]


def test_time_blocks_do_not_need_time_in_order():
    towers, there = _towers(3, years=6)
    order = np.random.default_rng(0).permutation(72)
    ours = TimeBlocks(3).folds(towers, there)
    theirs = TimeBlocks(3).folds(towers.isel(time=order), there[:, order])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.train[:, order], b.train)


def test_time_blocks_work_at_a_single_site():
    towers, there = _towers(1, years=8)
    assert len(TimeBlocks(2).folds(towers, there)) == 2


def test_random_rows_leave_every_site_on_both_sides(twin):
    towers, there = twin
    folds = RandomRows(5).folds(towers, there)
    assert all(fold.train.any(axis=1).all() for fold in folds)
    assert np.ptp([fold.test.sum() for fold in folds]) <= 1


def test_given_labels_name_the_folds_in_order():
    towers, there = _towers(4)
    folds = Given({"S00": 10, "S01": 2, "S02": 10, "S03": 1}).folds(towers, there)
    assert [fold.name for fold in folds] == ["1", "2", "10"]
    assert (folds[2].test.any(axis=1) == [True, False, True, False]).all()


def test_given_labels_are_matched_by_name_not_by_position():
    towers, there = _towers(3)
    labels = xr.DataArray([1.0, 2.0, 1.0], {"site": ["S02", "S00", "S01"]}, ["site"])
    folds = Given(labels).folds(towers, there)
    assert [fold.name for fold in folds] == ["1", "2"]
    assert (folds[1].test.any(axis=1) == [True, False, False]).all()


def test_given_labels_may_be_by_site_and_time():
    towers, there = _towers(3)
    there[0, 0] = False
    season = xr.where(towers["time"].dt.month > 6, "late", "early")
    labels = season.expand_dims(site=towers["site"]).transpose("time", "site").copy()
    labels = labels.isel(time=slice(None, None, -1)).astype(object)
    labels.loc[{"site": "S00", "time": "2001-01-01"}] = np.nan
    folds = Given(labels).folds(towers, there)
    assert [fold.name for fold in folds] == ["early", "late"]
    late = np.broadcast_to((towers["time"].dt.month > 6).values, there.shape)
    np.testing.assert_array_equal(folds[1].test, late & there)


def test_sites_without_records_need_no_label():
    towers, there = _towers(3)
    there[2] = False
    assert len(Given({"S00": "a", "S01": "b"}).folds(towers, there)) == 2


def test_as_splitter_reads_what_a_user_writes():
    assert as_splitter() == LeaveSiteOut()
    assert as_splitter("site", None) == LeaveSiteOut()
    assert as_splitter(splitter=7) == as_splitter(splitter=np.int64(7)) == BySite(7)
    assert as_splitter(splitter=RandomRows(3)) == RandomRows(3)


def test_splitters_of_sklearn_know_sites_as_groups(twin):
    towers, there = twin
    ours = LeaveSiteOut().folds(towers, there)
    theirs = as_splitter(splitter=LeaveOneGroupOut()).folds(towers, there)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.test, b.test)
        np.testing.assert_array_equal(a.train, b.train)


def test_a_leak_is_an_error_of_ours():
    there = np.ones((2, 4), bool)
    early = np.zeros_like(there)
    early[:, :2] = True
    parts = [Fold("early", ~early, early), Fold("late", early, ~early)]
    assert checked(parts, there, whole=False) == parts
    with pytest.raises(AssertionError, match="an error of xflux"):
        checked(parts, there, whole=True)
    with pytest.raises(AssertionError, match="an error of xflux"):
        checked(parts[:1], there, whole=False)
    with pytest.raises(AssertionError, match="an error of xflux"):
        checked([Fold("all", there, early), parts[1]], there, whole=False)


def test_a_split_by_site_that_leaks_does_not_get_past_the_check(monkeypatch):
    towers, there = _towers(4)
    monkeypatch.setattr(folds, "parted", lambda code, names, there, *, whole: checked(
        [Fold("a", there, there)], there, whole=whole))  # fmt: skip
    with pytest.raises(AssertionError, match="an error of xflux"):
        BySite(2).folds(towers, there)


@pytest.mark.real
def test_towers_of_icos_split_in_every_way(data):
    path = data / "towers" / "icos_ww2020"
    towers = xflux.open_towers(path, extra=path / "fapar_monthly.csv.gz", min_qc=0.8)
    there = towers["gpp"].notnull().values
    for splitter in (LeaveSiteOut(), BySite(), Stratified(), SpatialBlocks(), TimeBlocks()):
        folds = splitter.folds(towers, there)
        assert (np.sum([fold.test for fold in folds], axis=0) == there).all()
    size = [fold.test.sum() for fold in BySite().folds(towers, there)]
    assert max(size) / min(size) < 1.1
