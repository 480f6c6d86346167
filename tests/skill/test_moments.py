"""Moments: what merges, merges to the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xflux.errors import InputError
from xflux.skill import moments
from xflux.skill.moments import Moments, empty, merge, of_pairs, resample


def sample(seed: int, size: int, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    observed = offset + rng.normal(size=size)
    predicted = observed + rng.normal(size=size)
    observed[rng.random(size) < 0.2] = np.nan
    return observed, predicted, rng.uniform(0, 2, size)


@given(
    seed=st.integers(0, 100),
    cuts=st.lists(st.integers(0, 50), max_size=6),
    offset=st.sampled_from([0.0, 1e4]),
)
def test_parts_merge_to_the_whole(seed: int, cuts: list[int], offset: float) -> None:
    pairs = sample(seed, 50, offset)
    edges = [0, *sorted(cuts), 50]
    parts = [of_pairs(*(values[low:high] for values in pairs)) for low, high in pairwise(edges)]
    np.testing.assert_allclose(merge(np.stack(parts), axis=0), of_pairs(*pairs), rtol=1e-10)


def test_empty_changes_nothing() -> None:
    state = of_pairs(*sample(0, 20))
    np.testing.assert_array_equal(merge(np.stack([state, empty((1,))]), axis=0), state)


@pytest.mark.parametrize("tile", [1, 7, 64])
@pytest.mark.parametrize("grouped", [False, True])
def test_size_of_tiles_does_not_matter(
    tile: int, grouped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed, predicted, weights = (values.reshape(5, 12) for values in sample(1, 60))
    groups = (np.arange(12) % 4 - 1, 3) if grouped else ()
    whole = of_pairs(observed, predicted, weights, *groups)
    monkeypatch.setattr(moments, "_TILE", tile)
    np.testing.assert_allclose(
        of_pairs(observed, predicted, weights, *groups), whole, rtol=1e-12, atol=1e-13
    )


def test_a_group_is_what_its_pairs_alone_are() -> None:
    observed, predicted, weights = sample(2, 90)
    codes = np.arange(90) % 4 - 1
    grouped = of_pairs(observed, predicted, weights, codes, 3)
    for group in range(3):
        alone = of_pairs(*(values[codes == group] for values in (observed, predicted, weights)))
        np.testing.assert_allclose(grouped[group], alone[0], rtol=1e-12, atol=1e-13)


def test_drawn_parts_are_what_their_repeats_merge_to() -> None:
    state = np.stack([of_pairs(*sample(seed, 15, offset=100.0))[0] for seed in range(6)])
    counts = np.random.default_rng(0).multinomial(6, np.full(6, 1 / 6), size=20)
    expected = [merge(np.repeat(state, row, axis=0), axis=0) for row in counts]
    np.testing.assert_allclose(resample(state, counts), expected, rtol=1e-10, atol=1e-10)


def test_infinite_values_count_and_spoil_the_sums() -> None:
    found = Moments.split(of_pairs([1.0, np.inf], [1.0, 2.0]))
    assert found.n == 2
    assert not np.isfinite(found.square_observed)


def test_missing_weight_is_refused_with_the_remedy() -> None:
    with pytest.raises(InputError, match=r"weights\.fillna\(0\)"):
        of_pairs([1.0, 2.0], [1.0, 2.0], [1.0, np.nan])


def test_negative_weight_is_refused() -> None:
    with pytest.raises(InputError, match="negative"):
        of_pairs([1.0, 2.0], [1.0, 2.0], [1.0, -1.0])
