"""Valid times in place of forecast start and step, as GRIB readers give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["valid_times"]


def valid_times(ds: xr.Dataset) -> xr.Dataset:
    """Give a Dataset one time axis: when its values are valid.

    Parameters
    ----------
    ds : Dataset
        With ``time`` (start of the forecast) and ``step``, either of them an
        axis or a scalar, as cfgrib opens GRIB; or with the axis ``valid_time``,
        as the Climate Data Store writes NetCDF; or with neither.

    Returns
    -------
    Dataset
        With the axis ``time``. Where starts and steps are a table, pairs that
        were not in the file leave stamps without a value (NaN).
    """
    if "valid_time" in ds.dims:
        old = [key for key in ("time", "step") if key in ds.coords and key not in ds.dims]
        return ds.drop_vars(old).rename(valid_time="time")
    if not {"time", "step", "valid_time"} <= set(ds.coords):
        return ds
    # From the axes: valid_time itself may be chunked, and would have to be computed.
    starts = np.atleast_1d(ds["time"].values)
    steps = np.atleast_1d(ds["step"].values)
    valid = pd.DatetimeIndex((starts[:, None] + steps[None, :]).ravel())
    axes = [axis for axis in ("time", "step") if axis in ds.dims]
    attrs = ds["valid_time"].attrs
    if len(axes) == 2:
        return _flatten(ds, valid, attrs)
    ds = ds.drop_vars(["time", "step", "valid_time"])
    if axes:
        ds = ds.rename({axes[0]: "time"})
    else:
        ds = ds.expand_dims("time")  # an axis of length one lets the file join others
    return ds.assign_coords(time=("time", valid, attrs))


def _flatten(ds: xr.Dataset, valid: pd.DatetimeIndex, attrs: dict[str, object]) -> xr.Dataset:
    """Lay starts and steps in one row; the order of the other dimensions stays."""
    if not valid.is_unique and (ds.indexes["step"] == np.timedelta64(0)).any():
        # The start of a forecast is also the end of the one before.
        later = ds.indexes["step"] != np.timedelta64(0)
        keep = np.tile(later, ds.sizes["time"])
        return _flatten(ds.isel(step=later), valid[keep], attrs)
    order = {}
    for key, array in ds.data_vars.items():
        if {"time", "step"} <= set(array.dims):
            rest = [dim for dim in array.dims if dim not in ("time", "step")]
            first = min(array.dims.index("time"), array.dims.index("step"))
            order[key] = [*rest[:first], "valid", *rest[first:]]
    flat = ds.drop_vars(["time", "step", "valid_time"])
    flat = flat.stack(valid=("time", "step"), create_index=False)
    flat = flat.assign({key: flat[key].transpose(*dims) for key, dims in order.items()})
    flat = flat.rename(valid="time").assign_coords(time=("time", valid, attrs))
    return flat if valid.is_monotonic_increasing else flat.sortby("time")
