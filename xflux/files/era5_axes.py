"""The axes of ERA5 files of any generation, and what files tell about their product."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import numpy as np

from xflux.errors import InputError
from xflux.files.axes import name_axes
from xflux.files.era5_variables import accumulated_in
from xflux.files.forecast_times import valid_times

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Era5Product", "era5_axes", "era5_product"]

Era5Product = Literal["era5-land", "era5", "era5-monthly"]

#: Fields that do not change, which files give with a time of their own.
STATIC = ("z", "lsm", "cvh", "cvl", "tvh", "tvl", "slt", "cl", "dl", "geopotential",
          "land_sea_mask")  # fmt: skip


def era5_product(ds: xr.Dataset) -> Era5Product | None:
    """Tell the product from attributes and forecast steps; None when they do not say.

    ERA5-Land's forecasts start at 00 UTC, those of ERA5 at 06 and 18 UTC.
    """
    if any(_is_average(array) for array in ds.data_vars.values()):
        return "era5-monthly"
    if {"step", "time"} <= set(ds.coords) and accumulated_in(ds):
        steps = np.atleast_1d(ds["step"].values)
        hours = {int(hour) for hour in np.atleast_1d(ds["time"].dt.hour.values)}
        if np.timedelta64(0) < steps.max() <= np.timedelta64(24, "h"):
            if hours == {0}:
                return "era5-land"
            if hours <= {6, 18}:
                return "era5"
    keys = ("title", "source", "product", "product_name", "dataset", "dataset_id", "id", "summary")
    text = " ".join(str(ds.attrs.get(key, "")) for key in keys).lower()
    land = re.search(r"era5[-_ ]?land", text)
    plain = re.search(r"era5(?![-_ ]?land)", text)
    if bool(land) == bool(plain):
        return None
    return "era5-land" if land else "era5"


def era5_axes(ds: xr.Dataset) -> xr.Dataset:
    """Bring the dimensions of any generation of ERA5 files to time, lat, lon.

    Final values are completed by preliminary ones (``expver``), valid times
    replace forecast times, single members and levels of GRIB go, and fields
    that do not change lose a time axis of length one.

    Parameters
    ----------
    ds : Dataset
        Any; what is not of ERA5 passes unchanged but for names of axes.

    Returns
    -------
    Dataset
    """
    if "expver" in ds.dims:
        ds = _merge_versions(ds)
    if "step" in ds.dims:
        ds = _without_first_step(ds)
    if ds.sizes.get("number") == 1:
        ds = ds.squeeze("number", drop=True)
    ds = valid_times(ds)
    scalars = [
        key
        for key in ("number", "surface", "step", "expver", "depthBelowLandLayer", "depthBelowLand",
                    "heightAboveGround")
        if key in ds.coords and ds[key].ndim == 0
    ]  # fmt: skip
    ds = name_axes(ds.drop_vars(scalars))
    if ds.sizes.get("time") == 1:
        still = [key for key in STATIC if key in ds.data_vars and "time" in ds[key].dims]
        settled = {key: ds[key].isel(time=0, drop=True) for key in still}
        moving = any("time" in ds[key].dims for key in ds.data_vars if key not in still)
        ds = ds.assign(settled)
        # A stamp that no variable needs would keep the file from joining others.
        ds = ds if moving or not still else ds.drop_dims("time")
    return ds


def _without_first_step(ds: xr.Dataset) -> xr.Dataset:
    """Blank amounts at the start of a forecast, where nothing has accumulated yet."""
    later = ds["step"] > np.timedelta64(0)
    blanked = {
        key: ds[key].where(later)
        for key in accumulated_in(ds)
        if "step" in ds[key].dims and not bool(later.all())
    }
    return ds.assign(blanked)


def _merge_versions(ds: xr.Dataset) -> xr.Dataset:
    """Fill what is not final yet (expver 1) with preliminary values (expver 5)."""
    if "expver" not in ds.coords:
        raise InputError("the dimension 'expver' has no coordinate; select a version first")
    versions = sorted(ds["expver"].values.tolist(), key=int)
    merged = {}
    for key, array in ds.data_vars.items():
        if "expver" in array.dims:
            result = array.sel(expver=versions[0], drop=True)
            for version in versions[1:]:
                result = result.fillna(array.sel(expver=version, drop=True))
            merged[key] = result.assign_attrs(array.attrs)
    return ds.drop_dims("expver").assign(merged)


def _is_average(array: xr.DataArray) -> bool:
    """Tell a monthly mean by GRIB; "avg" alone is a mean over the step."""
    step_type = str(array.attrs.get("GRIB_stepType", ""))
    return (step_type.startswith("avg") and step_type != "avg") or array.attrs.get(
        "GRIB_stream"
    ) == "moda"
