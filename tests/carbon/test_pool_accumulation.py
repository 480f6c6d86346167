"""What accumulates between two states: exact for rates that are constant in steps."""

from __future__ import annotations

import numpy as np
import pytest

from xflux.carbon.accumulation import accumulate, accumulation_weights, overlap_weights

STEPS = np.stack([np.arange(24), np.arange(1, 25)], axis=-1) * 10
RATES = np.random.default_rng(0).normal(size=24)


def held(moment):
    """Return what a pool holds at a moment, by adding up step by step."""
    inside = np.clip(moment - STEPS[:, 0], 0, 10) / 10
    return float(inside @ RATES)


def test_between_two_moments_lie_the_steps_between() -> None:
    states = np.array([[30, 30], [75, 75], [240, 240]])
    found = accumulate(RATES, accumulation_weights(STEPS, states))
    np.testing.assert_allclose(found, [held(75) - held(30), held(240) - held(75)], rtol=1e-12)


def test_between_two_means_lies_the_difference_of_finely_averaged_pools() -> None:
    states = np.array([[0, 120], [120, 240]])
    found = accumulate(RATES, accumulation_weights(STEPS, states))
    fine = np.array([held(moment) for moment in np.arange(0.05, 240, 0.1)])
    expected = fine[1200:].mean() - fine[:1200].mean()
    np.testing.assert_allclose(found, [expected], rtol=1e-9)


def test_what_steps_do_not_cover_is_nan_and_a_gap_elsewhere_is_not() -> None:
    steps = np.delete(STEPS, 5, axis=0)
    weights = accumulation_weights(steps, np.array([[0, 0], [120, 120], [240, 240]]))
    assert np.isnan(weights[0]).all()
    assert np.isfinite(weights[1]).all()
    assert np.isnan(accumulation_weights(STEPS, np.array([[200, 200], [300, 300]]))).all()
    periods = overlap_weights(steps, np.array([[0, 120], [120, 240]]))
    assert np.isnan(periods[0]).all()
    assert periods[1].sum() == 12


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_step_that_does_not_count_may_be_nan(dtype: str) -> None:
    values = np.array([[1.0, np.nan, 2.0]], dtype)
    found = accumulate(values, np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.array([[2.0, np.nan]], dtype))
