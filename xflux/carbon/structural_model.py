"""Linear-Gaussian structural equations: posterior in closed form, and effects along paths.

Plain arrays. Series have mean 0 and variance 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.effective_size import autocorrelation, fading_memory, variance_inflation

__all__ = ["Fit", "Posterior", "draw", "fit", "posterior", "robustness", "total_effects"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Prior of the variance of what an equation leaves: inverse gamma of mean 1/2.
SHAPE, RATE = 2.0, 0.5
#: Parents are told apart while the smallest eigenvalue of their correlations is above.
_COLLINEAR = 1e-8


@dataclass(frozen=True)
class Fit:
    """What the months say of the coefficients of an equation.

    Attributes
    ----------
    coefficients : ndarray (parent,)
        Least squares.
    correlation : ndarray (parent, parent)
        Of the parents.
    n_eff : ndarray (parent,)
        Independent months behind each coefficient.
    values : float
        Independent months left that tell of the variance.
    lost : float
        Sum of squares that is left, of as many independent months as there are.
    left : ndarray (step,)
        Residuals.
    partial : ndarray (parent,)
        Cohen's f: the standard deviation of what each parent alone adds, over that of the
        residuals.
    """

    coefficients: Floats
    correlation: Floats
    n_eff: Floats
    values: float
    lost: float
    left: Floats
    partial: Floats


@dataclass(frozen=True)
class Posterior:
    """What is known of the coefficients of an equation.

    Given the variance s2, which is inverse gamma (`shape`, `rate`), coefficients are normal about
    `mean` with the covariance ``s2 root root'``.
    """

    mean: Floats
    root: Floats
    shape: float
    rate: float


def fit(child: Floats, parents: Floats, steps: Integers, freedom: int) -> Fit | None:
    """Regress a node on its parents by least squares, and count independent months.

    Parameters
    ----------
    child : ndarray (step,)
    parents : ndarray (parent, step)
    steps : ndarray (step,)
        Position of each value in time.
    freedom : int
        Number of values less what was taken off them before.

    Returns
    -------
    Fit or None
        None where the parents cannot be told apart.

    Notes
    -----
    ``n_k = freedom / (1 + 2 sum_l r_k(l) r_e(l))`` with the autocorrelation r_e of the residuals,
    and r_k of the part of parent k that the others do not explain: it is these products by which
    memory widens the error of a coefficient. The variance is told by ``n_s (1 - sum_k 1 / n_k)``
    values, with ``r_e^2`` in place of the product in n_s: a parent that is as slow as the
    residuals takes more off them than one month.
    """
    months = child.size
    correlation = parents @ parents.T / months
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < _COLLINEAR:
        return None
    inverse = (vectors / values) @ vectors.T
    coefficients = inverse @ (parents @ child) / months
    left = child - coefficients @ parents
    rho = autocorrelation(np.vstack([inverse @ parents, left]), steps)
    memory = fading_memory(rho[-1], steps, freedom)
    n_eff = freedom / variance_inflation(rho[:-1], memory)
    n_left = freedom / float(variance_inflation(memory, memory))
    unexplained = float(left @ left) / months
    return Fit(
        coefficients,
        correlation,
        n_eff,
        n_left * max(1.0 - float(np.sum(1.0 / n_eff)), 0.0),
        n_left * unexplained,
        left,
        np.abs(coefficients) / np.sqrt(np.diag(inverse) * max(unexplained, 1e-300)),
    )


def posterior(found: Fit, width: float) -> Posterior:
    """Join what the months say with the prior.

    Parameters
    ----------
    found : Fit
    width : float
        Prior standard deviation of coefficients, over that of what the equation leaves.

    Returns
    -------
    Posterior

    Notes
    -----
    The conjugate prior ``b | s2 ~ N(0, s2 width^2)``, ``s2 ~ IG(2, 1/2)``. With the least-squares
    fit b and correlations R of the parents ::

        P = W^1/2 R W^1/2,  W = diag(n_k)
        covariance = s2 (P + 1 / width^2)^-1,  mean = (P + 1 / width^2)^-1 P b

    With one n for all parents this is the usual posterior of n independent months.
    """
    weight = np.sqrt(found.n_eff)
    precision = weight[:, None] * found.correlation * weight
    covariance = np.linalg.inv(precision + np.eye(weight.size) / width**2)
    told = precision @ found.coefficients
    mean = covariance @ told
    # What the prior costs: how far it pulls the mean from the fit.
    pulled = max(float(found.coefficients @ told - mean @ told), 0.0)
    return Posterior(
        mean,
        np.linalg.cholesky(covariance),
        SHAPE + 0.5 * found.values,
        RATE + 0.5 * (found.lost + pulled),
    )


def draw(known: Posterior, normals: Floats, variances: Floats) -> Floats:
    """Draw coefficients, of given standard normal numbers.

    Parameters
    ----------
    known : Posterior
    normals : ndarray (draw, parent)
    variances : ndarray (draw,)
        Standard normal as well; they become the variance by the quantiles of its distribution.

    Returns
    -------
    ndarray (draw, parent)
    """
    from scipy.special import gammaincinv, ndtr

    # Quantiles are smooth in those of a normal variable: a few are worked out, those between
    # drawn through them.
    knots = np.linspace(-5.5, 5.5, 89)
    gamma = np.interp(variances, knots, np.log(gammaincinv(known.shape, ndtr(knots))))
    spread = np.sqrt(known.rate * np.exp(-gamma))
    return known.mean + spread[:, None] * (normals @ known.root.T)


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


def robustness(found: Fit, level: float | None = None) -> Floats:
    """Return how strong a confounder must be to explain coefficients away.

    Parameters
    ----------
    found : Fit
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
    f = found.partial
    if level is not None:
        from scipy.special import stdtrit

        freedom = np.maximum(found.n_eff - f.size - 1.0, 1.0)
        f = np.maximum(f - stdtrit(freedom, 0.5 + 0.5 * level) / np.sqrt(freedom), 0.0)
    return 0.5 * (np.sqrt(f**4 + 4.0 * f**2) - f**2)
