"""The step of the pool model: exact against the matrix exponential and against an ODE solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xflux.carbon.pool_kernel import POOLS, advance, steady_state

#: Decay of every pool, passage between pools, input, and air as a sixth pool.
NONE = np.empty((0, 1, 1))


def one_step(tau, split, to_soil, start, npp, t):
    """Return the pools after a step, and what was respired in it."""
    parameters = np.r_[split, tau, to_soil][:, None, None].copy()
    pools, out = np.array(start, float)[:, None].copy(), np.empty((6, 1, 1))
    zero = np.zeros(1, int)
    advance(np.full((1, 1), npp), NONE, zero, np.array([t]), zero, parameters, pools, out)
    return out[:5, 0, 0], out[5, 0, 0] * t


def matrix(tau, split, to_soil, npp):
    """Return the system with the air and a constant source as further states."""
    rate = 1 / np.asarray(tau)
    system = np.zeros((7, 7))
    for i in range(3):
        system[i, i], system[3, i], system[i, 6] = -rate[i], rate[i], split[i] * npp
    system[3, 3], system[4, 3], system[4, 4] = -rate[3], to_soil * rate[3], -rate[4]
    system[5, 3], system[5, 4] = (1 - to_soil) * rate[3], rate[4]
    return system


def random_case(seed):
    rng = np.random.default_rng(seed)
    tau = 10 ** rng.uniform(-1.5, 3, 5)
    if seed % 3 == 1:
        tau[:] = tau[0]
    if seed % 3 == 2:
        tau[1:] = tau[0] * (1 + 10.0 ** -rng.integers(1, 14) * rng.normal(size=4))
    start = rng.uniform(0, 1, 5) * 10 ** rng.uniform(-2, 4, 5)
    return (
        tau, rng.dirichlet([1, 1, 1]), rng.uniform(0.05, 0.95), start,
        10 ** rng.uniform(-1, 4), 10 ** rng.uniform(-3, 1),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(120))
def test_a_step_is_the_matrix_exponential_also_for_equal_times(seed):
    from scipy.linalg import expm

    tau, split, to_soil, start, npp, t = random_case(seed)
    expected = expm(matrix(tau, split, to_soil, npp) * t) @ np.r_[start, 0, 1]
    pools, respired = one_step(tau, split, to_soil, start, npp, t)
    np.testing.assert_allclose(pools, expected[:5], rtol=1e-12)
    assert respired == pytest.approx(expected[5], rel=1e-12, abs=1e-14 * expected[:5].sum())


def test_a_step_is_what_an_ode_solver_finds():
    from scipy.integrate import solve_ivp

    tau, split, to_soil, start, npp, t = random_case(3)
    system = matrix(tau, split, to_soil, npp)
    found = solve_ivp(
        lambda _, y: system @ y, (0, t), np.r_[start, 0, 1], "LSODA", rtol=1e-11, atol=1e-9
    )
    pools, respired = one_step(tau, split, to_soil, start, npp, t)
    np.testing.assert_allclose(np.r_[pools, respired], found.y[:6, -1], rtol=1e-8)


@given(st.integers(0, 10_000), st.integers(2, 12))
def test_many_short_steps_are_one_long_step(seed, pieces):
    tau, split, to_soil, start, npp, t = random_case(seed)
    whole, respired = one_step(tau, split, to_soil, start, npp, t)
    pools, total = start, 0.0
    for _ in range(pieces):
        pools, part = one_step(tau, split, to_soil, pools, npp, t / pieces)
        total += part
    np.testing.assert_allclose(pools, whole, rtol=1e-11)
    assert total == pytest.approx(respired, rel=1e-9, abs=1e-12 * whole.sum())


@given(st.integers(0, 10_000))
def test_carbon_is_kept_and_no_pool_is_negative(seed):
    tau, split, to_soil, start, npp, t = random_case(seed)
    pools, respired = one_step(tau, split, to_soil, start, npp, t)
    assert (pools >= 0).all()
    assert respired >= -1e-13 * pools.sum()
    assert pools.sum() + respired == pytest.approx(start.sum() + npp * t, rel=1e-13)


@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_pools_are_linear_in_start_and_input(seed, factor):
    tau, split, to_soil, start, npp, t = random_case(seed)
    free, _ = one_step(tau, split, to_soil, start, 0.0, t)
    fed, _ = one_step(tau, split, to_soil, np.zeros(5), npp, t)
    both, _ = one_step(tau, split, to_soil, factor * start, factor * npp, t)
    np.testing.assert_allclose(both, factor * (free + fed), rtol=1e-11)


def test_the_steady_state_stays_put():
    tau, split, to_soil, _, npp, _ = random_case(7)
    parameters = np.r_[split, tau, to_soil][:, None, None].copy()
    pools = np.empty((len(POOLS), 1))
    steady_state(np.array([npp]), parameters, pools)
    for t in (1 / 365, 1.0, 400.0):
        later, respired = one_step(tau, split, to_soil, pools[:, 0], npp, t)
        np.testing.assert_allclose(later, pools[:, 0], rtol=1e-13)
        assert respired == pytest.approx(npp * t, rel=1e-11)
