"""What sites left out tell of errors: how they go together, and how wide intervals are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xflux.refinement.closure import error_covariance, project
from xflux.refinement.intervals import Spread, fit_spread

__all__ = ["calibrate"]

Floats = NDArray[np.float64]

_THREE = ("gpp", "reco", "nee")


def calibrate(
    targets: Mapping[str, Floats],
    left_out: Mapping[str, Floats],
    site: NDArray[np.int64],
    *,
    close: bool,
    net_gives_way: bool,
    cover: Floats | None = None,
) -> tuple[Floats | None, dict[str, Spread]]:
    """Learn from what was predicted of sites that members did not see.

    Parameters
    ----------
    targets, left_out : mapping of str to ndarray (row,)
        Observed and predicted, by flux; NaN where there is none.
    site : ndarray of int (row,)
    close : bool
        Whether the three carbon fluxes will be closed.
    net_gives_way : bool
        Whether closing changes nee alone.
    cover : ndarray (row,), optional
        Codes of land cover.

    Returns
    -------
    covariance : ndarray (3, 3) or None
        Of the errors of gpp, reco and nee; None where they are not closed.
    spreads : dict of str to Spread
        Of the fluxes as they will be returned: gross ones 0 or more, and closed where all three
        were predicted.
    """
    covariance = None
    made = dict(left_out)
    for flux in {"gpp", "reco"} & set(made):
        made[flux] = np.maximum(made[flux], 0.0)
    if close and set(_THREE) <= set(targets):
        errors = np.stack([targets[flux] - made[flux] for flux in _THREE])
        covariance = error_covariance(errors, site)
        closing = np.diag([0.0, 0.0, 1.0]) if net_gives_way else covariance
        three = project(made["gpp"], made["reco"], made["nee"], closing)
        for flux, closed in zip(_THREE, three, strict=True):
            made[flux] = np.where(np.isfinite(closed), closed, made[flux])
    spreads = {}
    for flux, target in targets.items():
        known = np.isfinite(target) & np.isfinite(made[flux])
        if known.any():
            groups = np.unique(site[known], return_inverse=True)[1].astype(np.int64)
            spreads[flux] = fit_spread(
                target[known], made[flux][known], groups, None if cover is None else cover[known]
            )
    return covariance, spreads
