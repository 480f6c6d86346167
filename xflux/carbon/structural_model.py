"""Linear-Gaussian structural equations: posterior in closed form, and effects along paths.

Plain arrays. Series have mean 0 and variance 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.effective_size import autocorrelation, fading_memory, variance_inflation

__all__ = ["Posterior", "draw", "equation", "robustness", "total_effects"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Prior of the variance of what an equation leaves: inverse gamma of mean 1/2.
SHAPE, RATE = 2.0, 0.5
#: Parents are told apart while the smallest eigenvalue of their correlations is above.
_COLLINEAR = 1e-8


@dataclass(frozen=True)
class Posterior:
    """What is known of the coefficients of an equation.

    Given the variance s2, which is inverse gamma (`shape`, `rate`), coefficients are normal about
    `mean` with the covariance ``s2 root root'``.

    Attributes
    ----------
    mean : ndarray (parent,)
    root : ndarray (parent, parent)
    shape, rate : float
    n_eff : ndarray (parent,)
        Independent months behind each coefficient.
    left : ndarray (step,)
        Residuals of least squares.
    partial : ndarray (parent,)
        Cohen's f of each parent by least squares: the standard deviation of what it alone adds,
        over that of the residuals.
    """

    mean: Floats
    root: Floats
    shape: float
    rate: float
    n_eff: Floats
    left: Floats
    partial: Floats


def equation(
    child: Floats, parents: Floats, steps: Integers, freedom: int, width: float
) -> Posterior | None:
    """Regress a node on its parents.

    Parameters
    ----------
    child : ndarray (step,)
    parents : ndarray (parent, step)
    steps : ndarray (step,)
        Position of each value in time.
    freedom : int
        Number of values less what was taken off them before.
    width : float
        Prior standard deviation of coefficients, over that of what the equation leaves.

    Returns
    -------
    Posterior or None
        None where the parents cannot be told apart.

    Notes
    -----
    The conjugate prior ``b | s2 ~ N(0, s2 width^2)``, ``s2 ~ IG(2, 1/2)``. Months remember, so
    that the likelihood counts fewer of them: with the least-squares fit b and correlations R of
    the parents ::

        P = W^1/2 R W^1/2,  W = diag(n_k),  n_k = freedom / (1 + 2 sum_l (1 - l / n) r_k(l) r_e(l))
        covariance = s2 (P + 1 / width^2)^-1,  mean = (P + 1 / width^2)^-1 P b

    where r_e is the autocorrelation of the residuals, and r_k that of the part of parent k that the
    others do not explain: it is these two products by which memory widens the error of a
    coefficient. With one n for all parents this is the usual posterior of n independent months.
    The variance is told by ``n_s (1 - sum_k 1 / n_k)`` values, with ``r_e^2`` in place of the
    product in n_s: a parent that is as slow as the residuals takes more off them than one month.
    """
    count, months = parents.shape
    correlation = parents @ parents.T / months
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < _COLLINEAR:
        return None
    inverse = (vectors / values) @ vectors.T
    fitted = inverse @ (parents @ child) / months
    left = child - fitted @ parents
    own = inverse @ parents
    rho = autocorrelation(np.vstack([own, left]), steps)
    memory = fading_memory(rho[-1], steps, freedom)
    n_eff = freedom / variance_inflation(rho[:-1], memory)
    n_left = freedom / float(variance_inflation(memory, memory))
    weight = np.sqrt(n_eff)
    precision = weight[:, None] * correlation * weight
    covariance = np.linalg.inv(precision + np.eye(count) / width**2)
    told = precision @ fitted
    mean = covariance @ told
    # What each parent takes off the residuals: one independent month, of however many there are.
    values_left = n_left * max(1.0 - float(np.sum(1.0 / n_eff)), 0.0)
    unexplained = float(left @ left) / months
    lost = n_left * unexplained
    partial = np.abs(fitted) / np.sqrt(np.diag(inverse) * max(unexplained, 1e-300))
    return Posterior(
        mean,
        np.linalg.cholesky(covariance),
        SHAPE + 0.5 * values_left,
        RATE + 0.5 * (lost + max(float(fitted @ told - mean @ told), 0.0)),
        n_eff,
        left,
        partial,
    )


def draw(posterior: Posterior, normals: Floats, uniforms: Floats) -> Floats:
    """Draw coefficients, of given standard normal and uniform numbers.

    Parameters
    ----------
    posterior : Posterior
    normals : ndarray (draw, parent)
    uniforms : ndarray (draw,)
        Between 0 and 1; they become the variance by the quantiles of its distribution.

    Returns
    -------
    ndarray (draw, parent)
    """
    from scipy.special import gammaincinv

    spread = np.sqrt(posterior.rate / gammaincinv(posterior.shape, uniforms))
    return posterior.mean + spread[:, None] * (normals @ posterior.root.T)


def total_effects(direct: Floats) -> Floats:
    """Sum effects over all paths: ``(I - B)^-1 - I``.

    Parameters
    ----------
    direct : ndarray (draw, child, parent)
        Strictly lower triangular: causes stand before effects.

    Returns
    -------
    ndarray (draw, child, parent)
    """
    nodes = direct.shape[-1]
    # Rows of causes are done when their effects need them: forward substitution.
    total = np.zeros_like(direct)
    for child in range(nodes):
        row = direct[:, child]
        total[:, child] = row
        for parent in np.flatnonzero(np.any(row, axis=0)):
            total[:, child] += row[:, parent, None] * total[:, parent]
    return total


def robustness(posterior: Posterior, level: float | None = None) -> Floats:
    """Return how strong a confounder must be to explain coefficients away.

    Parameters
    ----------
    posterior : Posterior
    level : float, optional
        Of the interval that would then reach 0, such as 0.9; None: the estimate itself becomes 0.

    Returns
    -------
    ndarray (parent,) [1]
        Share of what parent and child each leave unexplained that an unseen common cause would
        have to explain: 0 (fragile) to 1.

    Notes
    -----
    ``RV = (sqrt(f^4 + 4 f^2) - f^2) / 2`` with Cohen's partial ``f = |t| / sqrt(df)``, less
    ``t_crit / sqrt(df - 1)`` for the interval (Cinelli and Hazlett 2020, eqs. 17 to 19).

    References
    ----------
    Cinelli, C. and Hazlett, C. (2020): Making sense of sensitivity: extending omitted variable
    bias. Journal of the Royal Statistical Society B 82, 39-67.
    """
    f = posterior.partial
    if level is not None:
        from scipy.special import stdtrit

        freedom = np.maximum(posterior.n_eff - f.size - 1.0, 1.0)
        f = np.maximum(f - stdtrit(freedom, 0.5 + 0.5 * level) / np.sqrt(freedom), 0.0)
    return 0.5 * (np.sqrt(f**4 + 4.0 * f**2) - f**2)
