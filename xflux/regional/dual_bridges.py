"""Does the bridge hold for a trained field, and how is it made anew?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import XfluxWarning
from xflux.labels.calendar import find_time
from xflux.labels.coordinates import find_bounds
from xflux.labels.find import find
from xflux.regional.bridge import RegionalBridge
from xflux.regional.bridge_estimate import on_grid_of
from xflux.regional.bridge_validation import DECOUPLED
from xflux.regional.dual_data import Member
from xflux.regional.net_field import grid_of_drivers

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["checked", "grid_of", "refitted", "regions_of", "warn_of_decoupled"]


def grid_of(ds: xr.Dataset) -> dict[str, Any]:
    """Return the variables that weigh cells and steps of a grid, where they are there."""
    names = (find(ds, "cell_area"), find(ds, "land_fraction"))
    held = {name: ds[name] for name in names if name is not None}
    time = find_time(ds)
    bounds = None if time is None or time not in ds.coords else find_bounds(ds, ds[time])
    return held if bounds is None else {**held, str(bounds.name): bounds.variable}


def regions_of(bridge: xr.Dataset, field: xr.Dataset) -> xr.DataArray:
    """Return the regions of a bridge as shares on the grid of a field."""
    grid = grid_of_drivers(field, needed_by="a bridge")
    return on_grid_of(bridge[["region_share"]], grid)["region_share"]


def refitted(bridge: RegionalBridge, field: xr.Dataset) -> RegionalBridge:
    """Return a bridge with the parameters and regions of another, fitted to a field; reads it."""
    regions = regions_of(bridge.to_dataset(), field)
    with warnings.catch_warnings():
        # Those of the first bridge said what there is to say of the regions.
        warnings.simplefilter("ignore", XfluxWarning)
        return RegionalBridge(**bridge.get_params(deep=False)).fit(field, regions, progress=False)


def checked(bridge: RegionalBridge, field: xr.Dataset, spread: Mapping[str, float]) -> xr.Dataset:
    """Compare a bridge with the exact integral of a field, lazily.

    Parameters
    ----------
    bridge : RegionalBridge
    field : Dataset
    spread : mapping of str to float
        Mean range of the inversions of each region, Pg per month.
    """
    import xarray as xr

    found = bridge.validate(field)
    names = found["names"].values if "names" in found.coords else found["region"].values
    limit = 0.5 * np.array([spread.get(str(name), np.inf) for name in names])
    wide = abs(found["bias"]) > xr.DataArray(limit, dims="region")
    attrs = {
        "long_name": f"whether the bridge explains less than {DECOUPLED:g} of the months, or errs "
        "in the mean by more than half the range of the inversions"
    }
    return found.assign(decoupled=(found["decoupled"] | wide).assign_attrs(attrs))


def warn_of_decoupled(members: Sequence[Member], *, anew: bool, stacklevel: int) -> None:
    """Warn where the bridges that members were last trained by hold no more at the last look.

    Parameters
    ----------
    members : sequence of Member
    anew : bool
        Whether bridges were made anew at each look.
    stacklevel : int
        Of the caller, as of `warnings.warn`.
    """
    last = []
    for member in members:
        looks = member.history["bridge_r2"]
        last += list(looks[np.isfinite(looks)][-1:])
    found = np.array(last)
    if found.size and found.min() < DECOUPLED:
        warnings.warn(
            f"at the last look the bridge of some region explains {max(found.min(), 0.0):.3f} of "
            f"its months, less than {DECOUPLED:g} ({int((found < DECOUPLED).sum())} of "
            f"{len(found)} members): there the atmosphere is met at a few pixels more than by the "
            "region; see history, and fit "
            + ("longer, or look more often (check_every)" if anew else "with rebridge=True"),
            XfluxWarning,
            stacklevel=stacklevel + 1,
        )
