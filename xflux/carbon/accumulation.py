"""From rates in steps to what has come together between two states of a pool.

A state is a moment, or a mean over a period. Rates are constant within a step, so that what
accumulates between two states is an exact weighted sum of the steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["accumulate", "accumulation_weights", "overlap_weights"]

Array = np.ndarray[Any, Any]


def accumulation_weights(steps: Array, states: Array) -> Array:
    """Return what each step adds between one state and the next, in lengths of the step.

    Parameters
    ----------
    steps : array (step, 2)
        Start and end of each step, ascending.
    states : array (state, 2)
        Start and end of the period that each state is the mean of; alike for a moment. In
        the same units of time.

    Returns
    -------
    array (state - 1, step)
        0 to 1. All NaN for a pair of states between which steps are missing.

    Notes
    -----
    A pool that a step fills at rate r holds ``r (t - start)`` of it at a moment t within. Its
    mean over a period (A, B) is ``(G(B) - G(A)) / (B - A)`` with G the integral of that, and
    what lies between two states is the difference of the two::

        G(t) = 0 before the step, (t - start)^2 / 2 within, length (t - middle) behind
    """
    origin = steps[0, 0]
    start, end = (np.asarray(steps - origin, np.float64)[:, k] for k in (0, 1))
    begin, finish = (np.asarray(states - origin, np.float64)[:, k, None] for k in (0, 1))
    length = end - start

    def filled(moment: Array) -> Array:
        return np.clip((moment - start) / length, 0.0, 1.0)

    def integral(moment: Array) -> Array:
        inside = np.clip(moment - start, 0.0, length)
        return 0.5 * inside**2 / length + np.maximum(moment - end, 0.0)

    period = finish - begin
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (integral(finish) - integral(begin)) / period
    held = np.where(period > 0.0, mean, filled(finish))
    weights = np.diff(held, axis=0)
    first, last = begin[:-1], finish[1:]
    covered = np.clip(np.minimum(end, last) - np.maximum(start, first), 0.0, None).sum(axis=1)
    whole = covered >= (last - first)[:, 0] * (1.0 - 1e-9)
    weights[~whole] = np.nan
    return weights


def overlap_weights(steps: Array, periods: Array) -> Array:
    """Return which share of each step lies in each period.

    Parameters
    ----------
    steps : array (step, 2)
    periods : array (period, 2)

    Returns
    -------
    array (period, step)
        0 to 1. All NaN for a period that steps do not cover.
    """
    start, end = steps[:, 0], steps[:, 1]
    first, last = periods[:, :1], periods[:, 1:]
    shared = np.clip(np.minimum(end, last) - np.maximum(start, first), 0, None)
    weights = shared / (end - start)
    whole = shared.sum(axis=1) >= (last - first)[:, 0] * (1.0 - 1e-9)
    weights[~whole] = np.nan
    return weights


def accumulate(values: Array, weights: Array) -> Array:
    """Sum steps by weights; a step that does not count may be NaN.

    Parameters
    ----------
    values : array (..., step)
        Amounts.
    weights : array (sum, step)
        What does not count is 0.

    Returns
    -------
    array (..., sum)
        In the dtype of `values`, summed in float64.
    """
    sums = np.zeros((*values.shape[:-1], len(weights)), np.float64)
    for k, row in enumerate(weights):
        used = np.flatnonzero(row != 0.0)
        if used.size:
            sums[..., k] = values[..., used].astype(np.float64) @ row[used]
    return sums.astype(values.dtype if values.dtype.kind == "f" else np.float64)
