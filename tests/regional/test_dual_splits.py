"""Who sees which towers and years."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from xflux.errors import InputError
from xflux.regional import dual_splits

SITE = np.repeat(np.arange(20), 3)
YEARS = tuple(range(2001, 2018))
splits = partial(dual_splits.splits, stops=True)


def test_every_tower_is_unseen_by_exactly_one_member_and_stops_another():
    parts = splits(SITE, 10, YEARS, 2, 0)
    away = np.concatenate([part.away for part in parts])
    held = np.concatenate([part.held for part in parts])
    assert sorted(away) == sorted(held) == list(range(20))
    for part in parts:
        assert not set(part.away) & set(part.held)


def test_years_held_out_are_seen_by_no_member_and_others_stop():
    parts = splits(SITE, 5, YEARS, 2, 0)
    away = {part.away_years for part in parts}
    assert len(away) == 1
    assert len(away.pop()) == 2
    for part in parts:
        assert len(part.held_years) == 2
        assert not set(part.held_years) & set(part.away_years)


def test_years_can_be_named():
    parts = splits(SITE, 5, YEARS, (2005, 2009), 0)
    assert parts[0].away_years == (2005, 2009)
    with pytest.raises(InputError, match="1990"):
        splits(SITE, 5, YEARS, (1990,), 0)


def test_short_spans_have_no_year_held_out():
    assert splits(SITE, 5, (2001,), 2, 0)[0].away_years == ()
    assert splits(SITE, 5, (), 2, 0)[0].held_years == ()


def test_fewer_sites_than_folds_are_refused():
    with pytest.raises(InputError, match="3 sites with records make no 10 folds"):
        splits(SITE[:9], 10, YEARS, 2, 0)


def test_two_folds_leave_towers_to_train_on():
    for part in splits(SITE, 2, (), 2, 0):
        assert len(part.away) + len(part.held) < 20


def test_the_same_seed_gives_the_same_folds():
    one, same, other = (splits(SITE, 5, YEARS, 2, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.away, b.away) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a.away, b.away) for a, b in zip(one, other, strict=True))


def test_training_to_the_end_keeps_nothing_back():
    stopped, whole = (dual_splits.splits(SITE, 5, YEARS, 2, 0, stops=one) for one in (True, False))
    for one, other in zip(stopped, whole, strict=True):
        assert np.array_equal(one.away, other.away)
        assert one.away_years == other.away_years
        assert other.held.size == 0
        assert other.held_years == ()
