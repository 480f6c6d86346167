"""What a refinement was fitted to, and by which versions: the same fit says the same."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

from xflux.errors import XfluxError
from xflux.labels.attach import generated
from xflux.learning.sources import positions
from xflux.refinement.steps import step_days

__all__ = ["provenance"]

_PACKAGES = (
    "xflux", "numpy", "scipy", "scikit-learn", "xgboost", "lightgbm", "torch", "xarray",
)  # fmt: skip


def provenance(observed: xr.Dataset, used: Mapping[str, NDArray[np.bool_]]) -> dict[str, Any]:
    """Describe the records of a fit, as JSON holds it.

    Parameters
    ----------
    observed : Dataset
        Dims (site, time).
    used : mapping of str to ndarray (site, time)
        Records that each flux was fitted to.

    Returns
    -------
    dict
        ``sites``, their names; ``extent``, the least and largest ``lat`` and ``lon`` of them, where
        positions are known; ``first`` and ``last`` step; ``step_days``, their
        length; ``records`` by flux; ``versions`` of
        packages; ``synthetic``, where records were generated. No date, so that the same fit is
        the same file.
    """
    any_ = np.any(list(used.values()), axis=0)
    sites = np.flatnonzero(any_.any(axis=1))
    steps = np.flatnonzero(any_.any(axis=0))
    names = observed.indexes.get("site")
    times = observed.indexes.get("time")
    return {
        "sites": [str(k if names is None else names[k]) for k in sites],
        "first": _said(steps[0] if times is None else times[steps[0]]),
        "last": _said(steps[-1] if times is None else times[steps[-1]]),
        "step_days": step_days(observed),
        "records": {flux: int(rows.sum()) for flux, rows in used.items()},
        "versions": {"python": platform.python_version(), **_versions()},
        **({"extent": extent} if (extent := _extent(observed, sites)) else {}),
        **({"synthetic": mark} if (mark := generated(observed.data_vars.values())) else {}),
    }


def _extent(observed: xr.Dataset, sites: NDArray[np.int64]) -> dict[str, list[float]] | None:
    """Return the least and largest latitude and longitude of sites; None where one is unknown."""
    try:
        found = positions(observed)
    except XfluxError:
        return None
    if any(array.dims != ("site",) or array.isnull().any() for array in found.values()):
        return None
    each = {name: array.values[sites].astype(np.float64) for name, array in found.items()}
    return {name: [float(at.min()), float(at.max())] for name, at in each.items()}


def _said(step: Any) -> str:
    return step.isoformat() if hasattr(step, "isoformat") else str(step)


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # lightgbm and torch need not be there
            continue
    return found
