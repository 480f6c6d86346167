"""What cannot be split is refused, and the message says how many or which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit

from xflux.errors import InputError, MissingVariableError
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


def _towers(n=6, years=4, **coords):
    time = pd.date_range("2001-01-01", periods=12 * years, freq="MS")
    names = [f"S{i:02d}" for i in range(n)]
    ds = xr.Dataset(coords={"site": names, "time": time}).assign_coords(
        {name: ("site", np.asarray(values)) for name, values in coords.items()}
    )
    return ds, np.ones((n, len(time)), bool)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"S00": 1, "S01": 2, "S02": 1, "XX": 2}, "XX"),
        ({"S00": 1, "S01": 2}, r"missing \(NaN\) for records of S02"),
        ({"S00": 1, "S01": 2, "S02": np.nan}, r"missing \(NaN\) for records of S02"),
        ({"S00": 1, "S01": 1, "S02": 1}, "needs 2 labels at records or more, and there are 1"),
        (xr.DataArray([1, 2, 1], dims="site"), "matched by their 'site'"),
        (xr.DataArray([1, 2], {"site": ["S00", "S00"]}, ["site"]), "repeat a site"),
        (xr.DataArray([[1]], {"site": ["S00"], "x": [1]}, ["site", "x"]), "'x'"),
        ([1, 2, 1], "list"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    towers, there = _towers(3)
    with pytest.raises(InputError, match=message):
        Given(labels).folds(towers, there)


@pytest.mark.parametrize("splitter", [True, 2.5, "site", BySite, GroupKFold, {"S00": 1}])
def test_what_splits_nothing_is_refused(splitter):
    with pytest.raises(InputError, match="splits nothing"):
        as_splitter(splitter=splitter)


def test_groups_other_than_site_are_refused():
    with pytest.raises(InputError, match="groups='pft'"):
        as_splitter("pft")


def test_splitters_of_sklearn_that_test_some_records_never_are_refused():
    towers, there = _towers(3)
    splitter = as_splitter(splitter=ShuffleSplit(3, random_state=0))
    with (
        pytest.warns(UserWarning, match="groups parameter is ignored"),
        pytest.raises(InputError, match=r"ShuffleSplit tests \d+ records never and \d+ more than"),
    ):
        splitter.folds(towers, there)


def test_splitters_of_sklearn_that_fail_say_of_how_many_sites():
    towers, there = _towers(3)
    with pytest.raises(InputError, match="GroupKFold cannot split 3 sites"):
        as_splitter(splitter=GroupKFold(5)).folds(towers, there)


def test_splitters_of_sklearn_without_a_seed_are_refused():
    with pytest.raises(InputError, match="random_state"):
        as_splitter(splitter=KFold(3, shuffle=True))


@pytest.mark.parametrize("make", [BySite, Stratified, TimeBlocks, RandomRows, SpatialBlocks])
@pytest.mark.parametrize("k", [1, 0, 2.5])
def test_fewer_than_two_folds_are_refused(make, k):
    with pytest.raises(InputError, match=f"{make.__name__}: expected 2 or more"):
        make(k=k)


@pytest.mark.parametrize(
    ("splitter", "found"),
    [
        (BySite(10), "10 sites with records or more, and there are 6"),
        (Stratified(10), "10 sites with records or more, and there are 6"),
        (SpatialBlocks(90, k=3), "3 blocks of 90 degrees with records or more, and there are 1"),
        (TimeBlocks(5), "5 years with records or more, and there are 4"),
        (RandomRows(1000), "1000 records or more, and there are 288"),
    ],
)
def test_more_folds_than_there_are_units_say_how_many_there_are(splitter, found):
    towers, there = _towers(6, igbp=[1, 1, 1, 5, 5, 5], lat=[10.0] * 6, lon=[10.0] * 6)
    with pytest.raises(InputError, match=found):
        splitter.folds(towers, there)


@pytest.mark.parametrize("splitter", [LeaveSiteOut(), BySite(2)])
def test_a_single_site_cannot_be_left_out(splitter):
    towers, there = _towers(1)
    with pytest.raises(InputError, match="there are 1; nothing could be left out"):
        splitter.folds(towers, there)


@pytest.mark.parametrize(
    ("splitter", "missing"), [(Stratified(2), "igbp"), (SpatialBlocks(k=2), "latitude")]
)
def test_missing_coordinates_are_named(splitter, missing):
    towers, there = _towers(4)
    with pytest.raises(MissingVariableError, match=missing):
        splitter.folds(towers, there)


def test_unknown_positions_and_classes_are_refused_by_site():
    towers, there = _towers(
        4, lat=[1.0, np.nan, 2.0, 3.0], lon=[0.0, 1.0, 2.0, 3.0], igbp=[1.0, 1.0, np.nan, 5.0]
    )
    with pytest.raises(InputError, match="lat is missing at S01"):
        SpatialBlocks(k=2).folds(towers, there)
    with pytest.raises(InputError, match="igbp is missing at S02"):
        Stratified(2).folds(towers, there)


def test_positions_in_metres_are_refused():
    towers, there = _towers(4, lat=[1.0, 5e6, 2.0, 3.0], lon=[0.0, 1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="S01 is beyond 90"):
        SpatialBlocks(k=2).folds(towers, there)


def test_classes_of_single_sites_are_refused():
    towers, there = _towers(4, elevation=[1.0, 2.0, 3.0, 4.0])
    with pytest.raises(InputError, match="nothing to spread"):
        Stratified(2, by="elevation").folds(towers, there)


def test_a_gap_that_leaves_nothing_to_train_on_is_refused():
    towers, there = _towers(2, years=3)
    with pytest.raises(InputError, match="more than gap=12 steps from 2002"):
        TimeBlocks(3).folds(towers, there)


def test_records_of_another_shape_are_refused():
    towers, there = _towers(3)
    with pytest.raises(InputError, match=r"shape \(48, 3\)"):
        LeaveSiteOut().folds(towers, there.T)
    with pytest.raises(InputError, match="float64"):
        LeaveSiteOut().folds(towers, there.astype(float))


def test_sites_of_one_name_are_refused():
    towers, there = _towers(3)
    with pytest.raises(InputError, match="S01 more than once"):
        LeaveSiteOut().folds(towers.assign_coords(site=["S00", "S01", "S01"]), there)
