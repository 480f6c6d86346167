"""The losses of towers and of the atmosphere, and how they are weighed (torch, plain tensors).

Upton et al. (2024), Atmospheric Chemistry and Physics 24, 2555, doi:10.5194/acp-24-2555-2024;
numbers of equations are theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Norm", "atmosphere_loss", "limits", "ranges", "weighed"]

Floats = NDArray[np.float64]

#: Keeps the gradient of the norm finite where all inversions are met.
_TINY = 1e-9
#: Logarithms of variances are held within this, so that neither loss is switched off.
LOG_VARIANCE = 6.0
#: Least range, as a share of the standard deviation of a region's months, and in Pg per month.
_LEAST_SHARE, _LEAST = 0.05, 1e-3


@dataclass(frozen=True, slots=True)
class Norm:
    """How far a region is from an ensemble of inversions.

    Attributes
    ----------
    power : float
        3: of several misfits the largest counts most.
    root : bool
        Take the root, which makes the loss a distance over a range; without it large misses of
        single months count far more.
    """

    power: float = 3.0
    root: bool = True


def ranges(inversions: Floats, *, whole: Floats | None = None) -> Floats:
    """Return by what the misfit of a region and month is divided (eq 9).

    Parameters
    ----------
    inversions : ndarray (inversion, region, month)
        Pg per month; NaN where one has no value.
    whole : ndarray (inversion, region, month), optional
        The ensemble that some were taken of, whose range counts then.

    Returns
    -------
    ndarray (region, month)
        Highest less lowest, and at least 5 % of the standard deviation of the region's months,
        or 1e-3 Pg: where inversions agree by chance the loss would be infinite. 1 where there
        is one inversion and no more of them.
    """
    of = inversions if whole is None else whole
    known = np.isfinite(of).sum(axis=0)
    if len(of) == 1:
        return np.ones(inversions.shape[1:])
    high = np.max(np.where(np.isfinite(of), of, -np.inf), axis=0)
    low = np.min(np.where(np.isfinite(of), of, np.inf), axis=0)
    mean = np.where(known > 0, np.nansum(of, axis=0) / np.maximum(known, 1), np.nan)
    least = np.maximum(_LEAST_SHARE * np.nanstd(mean, axis=1), _LEAST)
    return np.maximum(np.where(known > 0, high - low, 0.0), least[:, None])


def atmosphere_loss(
    nee: Tensor, inversions: Tensor, spread: Tensor, area: Tensor, norm: Norm
) -> Tensor:
    """Return the misfit to inversions, the mean over regions by area (eqs 8, 10 and 11).

    ``L_rm = (mean_a |NEE_rm - a_rm|^p)^(1/p) / range_rm``: the mean over inversions where eq 8
    sums, so that ensembles of other sizes are alike.

    Parameters
    ----------
    nee : Tensor (region, month)
        Pg per month.
    inversions : Tensor (inversion, region, month)
        NaN where one has no value.
    spread : Tensor (region, month)
    area : Tensor (region,)
    norm : Norm
    """
    import torch

    known = torch.isfinite(inversions)
    count = known.sum(0)
    apart = torch.where(known, nee - torch.nan_to_num(inversions), torch.zeros_like(inversions))
    misfit = (apart.abs() ** norm.power).sum(0) / count.clamp(min=1)
    if norm.root:
        misfit = (misfit + _TINY) ** (1.0 / norm.power) / spread
    else:
        misfit = misfit / spread**norm.power
    there = (count > 0).to(misfit.dtype)
    months = there.sum(1)
    of_region = (misfit * there).sum(1) / months.clamp(min=1)
    weight = area * (months > 0).to(area.dtype)
    return (weight * of_region).sum() / weight.sum()


def weighed(losses: list[Tensor], log_variances: list[Tensor]) -> Tensor:
    """Return the sum of losses by uncertainties that are learned (eqs 12 to 14).

    ``sum_i exp(-eta_i) L_i / 2 + eta_i / 2`` with eta the logarithm of the variance (Kendall et
    al. 2018). At the optimum the variance is the loss, so that units do not matter; the sum may
    be negative.
    """
    total: Any = 0.0
    for loss, eta in zip(losses, log_variances, strict=True):
        total = total + 0.5 * (-eta).exp() * loss + 0.5 * eta
    return total


def limits(eta: Tensor) -> None:
    """Hold a logarithm of a variance within what neither loss is switched off by, in place."""
    import torch

    with torch.no_grad():
        eta.clamp_(-LOG_VARIANCE, LOG_VARIANCE)
