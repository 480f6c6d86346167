"""Pixels with series alike stand in one group, and a sample has some of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xflux.regional import clusters
from xflux.regional.clusters import cluster_series, stratified_sample

Array = np.ndarray[Any, Any]
PHASE = 2 * np.pi * np.arange(60) / 12


def noisy(*shapes: tuple[Array, int], seed: int = 0) -> tuple[Array, Array]:
    """Return series of some shapes, each so many times, and which shape they have."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.full(count, k) for k, (_, count) in enumerate(shapes)])
    series = np.concatenate([np.tile(shape, (count, 1)) for shape, count in shapes])
    order = rng.permutation(truth.size)
    return (series + rng.normal(0, 0.1, series.shape))[order], truth[order]


def same_groups(labels: Array, truth: Array) -> bool:
    """Whether two divisions are one, whatever the numbers of their groups."""
    pairs = set(zip(labels.tolist(), truth.tolist(), strict=True))
    return len(pairs) == len(set(labels.tolist())) == len(set(truth.tolist()))


def found(series: Array, count: int, seed: int = 0) -> clusters.Clusters:
    return cluster_series(series, count, band=1, random=np.random.default_rng(seed))


def test_two_shapes_are_told_apart() -> None:
    series, truth = noisy((np.sin(PHASE), 30), (np.sin(2 * PHASE), 12))
    groups = found(series, 2)
    assert same_groups(groups.labels, truth)
    # A medoid belongs to the group that it stands for.
    np.testing.assert_array_equal(groups.labels[groups.medoids], [0, 1])


def test_two_amplitudes_of_one_shape_are_told_apart() -> None:
    series, truth = noisy((np.sin(PHASE), 25), (4.0 * np.sin(PHASE), 25))
    assert same_groups(found(series, 2).labels, truth)


def test_a_medoid_is_the_series_nearest_to_all_of_its_group() -> None:
    levels = np.array([0.0, 1.0, 2.0, 3.0, 10.0, 50.0, 51.0, 52.0])
    groups = found(np.repeat(levels[:, None], 12, axis=1), 2)
    assert sorted(groups.medoids.tolist()) == [2, 6]


def test_more_series_than_are_warped_join_the_nearest_medoid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    series, truth = noisy((np.sin(PHASE), 80), (np.sin(2 * PHASE), 40), (0.0 * PHASE, 30))
    whole = found(series, 3)
    monkeypatch.setattr(clusters, "MOST", 40)
    drawn = found(series, 3)
    assert same_groups(whole.labels, truth)
    assert same_groups(drawn.labels, truth)
    assert drawn.labels.shape == (150,)
    np.testing.assert_array_equal(drawn.labels[drawn.medoids], [0, 1, 2])
    again = found(series, 3)
    np.testing.assert_array_equal(again.labels, drawn.labels)
    np.testing.assert_array_equal(again.medoids, drawn.medoids)


@pytest.mark.parametrize(("count", "series"), [(1, 5), (8, 1), (8, 3), (3, 3)])
def test_groups_are_no_more_than_series(count: int, series: int) -> None:
    given, _ = noisy((np.sin(PHASE), series))
    labels = found(given, count).labels
    assert len(set(labels.tolist())) == min(count, series)


def test_series_that_are_equal_are_one_group() -> None:
    groups = found(np.ones((6, 12)), 3)
    np.testing.assert_array_equal(groups.labels, 0)
    assert groups.medoids.shape == (1,)


def test_nearly_all_equal_series_do_not_break_the_groups() -> None:
    series = np.ones((30, 12))
    series[3] *= 5.0
    groups = found(series, 4)
    np.testing.assert_array_equal(groups.labels[groups.medoids], np.arange(groups.medoids.size))


def draw(strata: Array, count: int, seed: int = 0) -> Array:
    return stratified_sample(strata, count, np.random.default_rng(seed))


def test_a_sample_is_in_proportion() -> None:
    strata = np.repeat([0, 1, 2], [600, 300, 100])
    taken = draw(strata, 100)
    np.testing.assert_array_equal(np.bincount(strata[taken]), [60, 30, 10])
    assert np.unique(taken).size == 100
    assert (np.diff(taken) > 0).all()


def test_the_smallest_stratum_has_one() -> None:
    strata = np.repeat([0, 1], [999, 1])
    np.testing.assert_array_equal(np.bincount(strata[draw(strata, 10)]), [9, 1])
    assert 999 in draw(strata, 2)


def test_few_are_all_taken() -> None:
    np.testing.assert_array_equal(draw(np.array([1, 0, 1]), 3), [0, 1, 2])
    np.testing.assert_array_equal(draw(np.array([1, 0, 1]), 300), [0, 1, 2])


def test_the_seed_alone_decides_what_is_drawn() -> None:
    strata = np.repeat([0, 1], 50)
    np.testing.assert_array_equal(draw(strata, 20, seed=1), draw(strata, 20, seed=1))
    assert not np.array_equal(draw(strata, 20, seed=1), draw(strata, 20, seed=2))


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    count=st.integers(1, 120),
    seed=st.integers(0, 9),
)
def test_a_sample_has_its_size_and_some_of_each(sizes: list[int], count: int, seed: int) -> None:
    strata = np.repeat(np.arange(len(sizes)), sizes)
    taken = draw(strata, count, seed)
    assert np.unique(taken).size == taken.size
    assert set(strata[taken].tolist()) == set(range(len(sizes)))
    assert taken.size == min(max(count, len(sizes)), strata.size)
