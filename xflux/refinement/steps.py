"""Whether the steps of a Dataset are those that a model was fitted to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import InputError
from xflux.labels.calendar import find_time
from xflux.learning.features import Feature

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_steps", "same_steps", "step_days"]

#: Times by which steps may differ and still be alike, as months of 28 and 31 days are.
_ALIKE = 1.5
#: Kinds of features that are made of more than the step itself.
_WITH_OTHERS = ("lag", "mean", "site", "anomaly")


def step_days(ds: xr.Dataset) -> float | None:
    """Return the median length of a step in days; None without dates, or of one step."""
    time = find_time(ds)
    index = ds.indexes.get(time) if time is not None else None
    if index is None or len(index) < 2:
        return None
    if index.dtype.kind != "M" and not hasattr(index, "calendar"):
        return None
    steps = np.diff(index.values).astype("timedelta64[s]").astype(np.float64)
    return float(np.median(steps)) / 86400.0


def same_steps(*datasets: xr.Dataset) -> bool:
    """Tell whether all have dates, and steps of about one length."""
    found = [step_days(ds) for ds in datasets]
    known = [days for days in found if days is not None]
    return len(known) == len(found) and max(known) <= _ALIKE * min(known)


def check_steps(ds: xr.Dataset, fitted: float | None, features: Iterable[Feature]) -> None:
    """Refuse steps of another length, and memory where there are no dates.

    Parameters
    ----------
    ds : Dataset
    fitted : float, optional
        Days of a step that the model was fitted to.
    features : iterable of Feature

    Raises
    ------
    InputError
    """
    remembered = [feature.name for feature in features if feature.kind in _WITH_OTHERS]
    if remembered and find_time(ds) == "month":
        raise InputError(
            f"{len(remembered)} features of the model, such as {remembered[0]}, look at other "
            "steps, and a mean year has none before January; give a grid with dates, such as two "
            "mean years in a row of which the second is used, or fit with features= of the step "
            "alone"
        )
    found = step_days(ds)
    if fitted is None or found is None or 1.0 / _ALIKE <= found / fitted <= _ALIKE:
        return
    raise InputError(
        f"the steps are of {found:g} days, and the model was fitted to steps of {fitted:g}, whose "
        f"lags, means and laws are others. Resample to {fitted:g} days, or fit a model to towers "
        f"of {found:g}"
    )
