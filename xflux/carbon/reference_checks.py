"""Refuse, or leave out, what no land model can mean: negative pools, shares outside 0 to 1."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.fractions import POOLS
from xflux.carbon.partition_kernel import LEAST_GPP
from xflux.errors import InputError, XfluxWarning

__all__ = ["check_pools", "leave_out_impossible_shares"]

Array = NDArray[Any]

#: A root pool by difference may be as far below 0 as numbers in single precision round: of the
#: largest of a pool; and of GPP.
_ROUNDING, _ROOM = 1e-3, 1e-6
#: Shares of the cells and years of a model. Below the first it is a poor year in a cold or dry
#: place; from the second on units or signs are wrong.
_SOME, _MOST = 0.05, 0.5


def check_pools(held: Mapping[str, Array]) -> None:
    """Refuse negative pools."""
    for name in POOLS:
        if name not in held:
            continue
        below = held[name] < -_ROUNDING * max(
            1.0, float(np.nanmax(np.abs(held[name]), initial=0.0))
        )
        if below.any():
            what = " (cVeg - cLeaf - cWood)" if name == "cRoot" else ""
            raise InputError(
                f"{name}{what} of the reference is negative at {int(below.sum())} values, down to "
                f"{float(np.nanmin(held[name])):g} g m-2; mask these models or cells first"
            )


def leave_out_impossible_shares(
    held: dict[str, Array], days: NDArray[np.float64], models: Sequence[str]
) -> None:
    """Leave out years in which plants respire more than they take up, or less than nothing.

    Poor years at the edge of where plants grow are kept: means over models hold them.

    Parameters
    ----------
    held : dict of str to ndarray (model, place, year, step)
        gpp, ra and rh [g m-2 d-1]; ra and rh become NaN where a share is outside 0 to 1.
    days : ndarray (year, step)
    models : sequence of str

    Raises
    ------
    InputError
        When it is so in most cells of a model.

    Warns
    -----
    XfluxWarning
        Which models, and how much of them.
    """
    of_year = {
        name: np.einsum("mpys,ys->mpy", held[name].astype(np.float64), days)
        for name in ("gpp", "ra", "rh")
    }
    gpp, ra, rh = of_year["gpp"], of_year["ra"], of_year["rh"]
    live = (gpp > LEAST_GPP) & np.isfinite(ra) & np.isfinite(rh)
    room = _ROOM * gpp
    wrong = live & ((ra < -room) | (ra > gpp + room) | (rh < -room))
    found, out = [], np.zeros(wrong.shape, bool)
    for k, model in enumerate(models):
        share = wrong[k].sum() / max(1, live[k].sum())
        if share <= _SOME:
            continue
        least, largest = (f(ra[k][wrong[k]] / gpp[k][wrong[k]]) for f in (np.min, np.max))
        said = (
            f"{model or 'the reference'} (at {100.0 * share:.2g} % of its cells and years; there "
            f"Ra is {least:.2g} to {largest:.2g} of GPP)"
        )
        if share > _MOST:
            raise InputError(
                f"Ra / GPP is outside 0 to 1, or rh negative, in most of {said}; check units and "
                "signs of gpp, ra (or npp) and rh: respiration is positive"
            )
        found.append(said)
        out[k] = wrong[k]
    if not found:
        return
    for name in ("ra", "rh"):
        held[name] = np.where(out[..., None], np.nan, held[name])
    warnings.warn(
        "years of land models in which plants respire less than nothing or more than they take "
        f"up are left out: {', '.join(found)}",
        XfluxWarning,
        stacklevel=4,
    )
