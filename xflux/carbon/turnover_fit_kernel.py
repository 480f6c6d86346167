"""Turnover times that make the pool model follow pools through time, cell by cell.

Damped least squares of the logarithms of pools (Levenberg 1944, Marquardt 1963) on the
logarithms of the residence times and the logit of `litter_to_soil`, in all cells at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.pool_kernel import PARAMETERS, POOLS, advance

__all__ = ["fit"]

Array = NDArray[np.float64]

_ROUNDS = 60
_STEP = 1e-5
#: Weight of a pull towards the first guess beside one pool at one moment: keeps what the pools
#: do not tell, as litter_to_soil and tau_soil of a soil in balance, from running off.
_PULL = 0.003
#: Which parameters are learned from which pool, in the order of the chain: what this model gets
#: wrong further down must not bend what is known further up.
_OWN = ((0,), (1,), (2,), (3,), (4, 5))
_TO_SOIL = 0.3


def fit(npp: Array, pools: Array, shares: Array, length: Array) -> Array:
    """Return residence times and `litter_to_soil`.

    Parameters
    ----------
    npp : array (step, cell)
        g m-2 a-1, of the steps after the first stamp.
    pools : array (pool, step + 1, cell)
        At the start, and at the end of each step, g m-2.
    shares : array (3, cell)
        Of npp to leaf, wood, root; they sum to 1.
    length : array (step)
        Years.

    Returns
    -------
    array (6, cell)
        The five times in years, and `litter_to_soil`; NaN where a value is missing or not
        above 0, and the time of a pool that is neither fed nor there.
    """
    pools = pools.copy()
    idle = (shares == 0) & (pools[:3] == 0).all(axis=1)
    pools[:3][np.broadcast_to(idle[:, None], pools[:3].shape)] = 1e-12
    good = np.isfinite(npp).all(axis=0) & (pools > 0).all(axis=(0, 1))
    good &= np.isfinite(pools).all(axis=(0, 1)) & np.isfinite(shares).all(axis=0)
    parameters = np.full((6, npp.shape[1]), np.nan)
    if good.any():
        parameters[:, good] = _fit(npp[:, good], pools[..., good], shares[:, good], length)
    parameters[:3][idle] = np.nan
    return parameters


def _fit(npp: Array, pools: Array, shares: Array, length: Array) -> Array:
    observed = np.log(pools[:, 1:])
    theta = _guess(npp, pools, shares, length)
    for pool, own in enumerate(_OWN):

        def off(tried: Array, pool: int = pool) -> Array:
            with np.errstate(invalid="ignore", divide="ignore"):
                modelled = np.log(_simulate(tried, npp, pools[:, 0], shares, length)[pool])
            far = modelled - observed[pool]
            return np.where(np.isfinite(far), far, 1e3)

        theta = _least(off, theta, own)
    return np.concatenate([np.exp(theta[:5]), 1 / (1 + np.exp(-theta[5:]))])


def _least(off: Callable[[Array], Array], start: Array, own: tuple[int, ...]) -> Array:
    """Move some of the parameters (parameter, cell) to where the residual is least."""
    theta = start.copy()
    residual = off(theta)
    cost = _cost(residual, theta - start)
    damping = np.full(theta.shape[1], 1e-2)
    for _ in range(_ROUNDS):
        tried = theta.copy()
        tried[list(own)] += _step(off, theta, start, residual, damping, own)
        tried = np.clip(tried, start - 6.0, start + 6.0)
        there = off(tried)
        new = _cost(there, tried - start)
        better = new < cost
        settled = np.abs(cost - new) <= 1e-12 * cost
        theta = np.where(better, tried, theta)
        residual = np.where(better, there, residual)
        cost = np.where(better, new, cost)
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-9, 1e9)
        if settled.all():
            break
    return theta


def _step(
    off: Callable[[Array], Array],
    theta: Array,
    start: Array,
    residual: Array,
    damping: Array,
    own: tuple[int, ...],
) -> Array:
    """Return the damped step of some parameters in each cell."""
    slopes = []
    for k in own:
        moved = theta.copy()
        moved[k] += _STEP
        slopes.append((off(moved) - residual) / _STEP)
    slope = np.stack(slopes)
    normal = np.einsum("itc,jtc->cij", slope, slope) + np.eye(len(own)) * _PULL**2
    gradient = np.einsum("itc,tc->ci", slope, residual)
    gradient += _PULL**2 * (theta - start)[list(own)].T
    np.einsum("cii->ci", normal)[...] *= 1 + damping[:, None]
    step: Array = -np.linalg.solve(normal, gradient[..., None])[..., 0].T
    return np.clip(step, -1.0, 1.0)


def _cost(residual: Array, moved: Array) -> Array:
    total: Array = (residual**2).sum(axis=0) + _PULL**2 * (moved**2).sum(axis=0)
    return total


def _simulate(theta: Array, npp: Array, start: Array, shares: Array, length: Array) -> Array:
    """Return the pools at the end of each step."""
    steps, cells = npp.shape
    values = np.empty((len(PARAMETERS), 1, cells))
    values[:3, 0], values[3:8, 0] = shares, np.exp(theta[:5])
    values[8, 0] = 1 / (1 + np.exp(-theta[5]))
    lengths, which = np.unique(length, return_inverse=True)
    out = np.empty((len(POOLS) + 1, steps, cells))
    none = np.empty((0, steps, cells))
    advance(
        npp, none, which.astype(np.int64), lengths, np.zeros(steps, np.int64), values,
        start.copy(), out,
    )  # fmt: skip
    return out[:-1]


def _guess(npp: Array, pools: Array, shares: Array, length: Array) -> Array:
    """Return times from the carbon balance of each pool: mean stock over mean decay."""
    held = ((pools[:, 1:] + pools[:, :-1]) / 2 * length[:, None]).sum(axis=1)
    grown = pools[:, -1] - pools[:, 0]
    fed = (npp * length[:, None]).sum(axis=0)

    def time(held: Array, decayed: Array, otherwise: Array) -> Array:
        return np.asarray(held / np.where(decayed > 0.05 * otherwise, decayed, otherwise))

    tiny = 1e-9
    gain = np.maximum(shares * fed, tiny)
    living = np.stack([time(held[i], gain[i] - grown[i], gain[i]) for i in range(3)])
    decayed = np.maximum(fed - grown[:3].sum(axis=0), 0.05 * np.maximum(fed, tiny))
    litter = time(held[3], decayed - grown[3], decayed)
    rotted = np.maximum(decayed - grown[3], 0.05 * decayed)
    # Soil is taken to turn over no faster than in 2 years, no slower than in 2000.
    into = _TO_SOIL * rotted
    soil = np.clip(time(held[4], into - grown[4], into), 2.0, 2000.0)
    share = np.clip((held[4] / soil + grown[4]) / rotted, 0.02, 0.98)
    times = np.concatenate([np.maximum(living, 1e-3), litter[None], soil[None]])
    return np.concatenate([np.log(times), np.log(share / (1 - share))[None]])
