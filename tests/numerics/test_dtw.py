"""Distances by dynamic time warping, against the definition written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xflux.errors import InputError
from xflux.numerics.dtw import dtw_distances

Array = np.ndarray[Any, Any]


def defined(one: Array, other: Array, band: int) -> float:
    """Return the distance of two series, by the recursion over all pairs of steps."""
    cost = np.full((one.size + 1, one.size + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(1, one.size + 1):
        for j in range(max(1, i - band), min(one.size, i + band) + 1):
            least = min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
            cost[i, j] = (one[i - 1] - other[j - 1]) ** 2 + least
    return float(np.sqrt(cost[-1, -1]))


def series(count: int, steps: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(count, steps)).astype(np.float32)


@pytest.mark.parametrize("band", [0, 1, 3, 12, 40])
def test_distances_are_those_of_the_definition(band: int) -> None:
    given, others = series(5, 30), series(4, 30, seed=1)
    expected = [[defined(one, other, band) for other in others] for one in given]
    np.testing.assert_allclose(dtw_distances(given, others, band=band), expected, rtol=1e-5)


def test_a_band_of_0_is_the_euclidean_distance() -> None:
    given = series(20, 15)
    apart = np.linalg.norm(given[:, None] - given[None], axis=2)
    np.testing.assert_allclose(dtw_distances(given, band=0), apart, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 33])
def test_any_number_of_series_fits_into_the_lanes(count: int) -> None:
    given = series(count, 24)
    found = dtw_distances(given, band=4)
    assert found.shape == (count, count)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, dtw_distances(given, given, band=4), rtol=1e-6)
    last = [defined(given[-1], other, 4) for other in given]
    np.testing.assert_allclose(found[-1], last, rtol=1e-5, atol=1e-6)


def test_a_shift_within_the_band_costs_less() -> None:
    phase = 2 * np.pi * np.arange(48) / 12
    pair = np.stack([np.sin(phase), np.sin(phase - 2 * np.pi * 3 / 12)])
    apart = [dtw_distances(pair, band=band)[0, 1] for band in (0, 1, 3)]
    assert apart[0] > apart[1] > apart[2]
    # What is left are the three months at either end that have no partner.
    assert apart[2] < 0.5 * apart[0]


@given(
    count=st.integers(1, 20), steps=st.integers(1, 20), band=st.integers(0, 25),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_a_distance_is_symmetric_and_no_larger_with_a_wider_band(
    count: int, steps: int, band: int, seed: int
) -> None:
    given = series(count, steps, seed)
    found, wider = (dtw_distances(given, band=wide) for wide in (band, band + 1))
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diag(found), 0.0)
    assert np.isfinite(found).all()
    assert (wider <= found * (1 + 1e-6)).all()
    backwards = dtw_distances(given[:, ::-1], band=band)
    np.testing.assert_allclose(backwards, found, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_missing_values_are_refused(wrong: float) -> None:
    given = series(3, 10)
    given[1, 4] = wrong
    with pytest.raises(InputError, match="cannot be warped"):
        dtw_distances(given, band=2)
    with pytest.raises(InputError, match="cannot be warped"):
        dtw_distances(series(3, 10), given, band=2)


def test_other_lengths_and_bands_below_0_are_refused() -> None:
    with pytest.raises(InputError, match="of one length"):
        dtw_distances(series(3, 10), series(3, 11), band=2)
    with pytest.raises(InputError, match="of one length"):
        dtw_distances(series(3, 10)[0], band=2)
    with pytest.raises(InputError, match="0 or more"):
        dtw_distances(series(3, 10), band=-1)
