"""MODIS land products: scale factors, fill values, classes and composites.

Files reach users raw, decoded, or decoded wrongly: the HDF files of MOD13 give
the factor to divide by (10000), which a CF reader multiplies by. What a file has
been through is read from dtype, attributes and encoding, never from its values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.errors import InputError
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["is_modis", "normalise_modis"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a MODIS product, as stored.

    Attributes
    ----------
    pattern : str
        Regular expression of its name, with underscores for blanks.
    canonical : str
        Canonical name; empty where xflux has none.
    scale : float
        Factor from stored to physical values.
    low, high : int
        Valid stored values; what lies outside is fill or flag.
    units : str
        Of the scaled values.
    water : int or None
        Stored class that is water where it is not 17.
    composite : bool
        A total over the days of a composite.
    """

    pattern: str
    canonical: str
    scale: float
    low: int
    high: int
    units: str = "1"
    water: int | None = None
    composite: bool = False


_GRID = r"(?:250m|500m|1_?km|CMG_0\.05_Deg)_(?:16_days|[Mm]onthly)_"
#: Valid ranges and factors of the product guides, collections 6 and 6.1.
LAYERS = (
    Layer(_GRID + "NDVI", "ndvi", 1e-4, -2000, 10000),
    Layer(_GRID + "EVI", "evi", 1e-4, -2000, 10000),
    Layer(_GRID + "red_reflectance", "red", 1e-4, 0, 10000),
    Layer(_GRID + "NIR_reflectance", "nir", 1e-4, 0, 10000),
    Layer(_GRID + "MIR_reflectance", "mir", 1e-4, 0, 10000),
    Layer(r"LST_Day(?:_1km|_CMG|_6km)?", "lst_day", 2e-2, 7500, 65535, "K"),
    Layer(r"LST_Night(?:_1km|_CMG|_6km)?", "lst_night", 2e-2, 7500, 65535, "K"),
    Layer(r"Fpar(?:_500m|_1km)?", "fapar", 1e-2, 0, 100),
    Layer(r"Lai(?:_500m|_1km)?", "lai", 1e-1, 0, 100),
    Layer(r"FparStdDev(?:_500m|_1km)?", "", 1e-2, 0, 100),
    Layer(r"LaiStdDev(?:_500m|_1km)?", "", 1e-1, 0, 100),
    Layer(r"sur_refl_b01", "red", 1e-4, -100, 16000),
    Layer(r"sur_refl_b02", "nir", 1e-4, -100, 16000),
    Layer(r"sur_refl_b05", "swir", 1e-4, -100, 16000),
    Layer(r"sur_refl_b07", "mir", 1e-4, -100, 16000),
    Layer(r"Nadir_Reflectance_Band1", "red", 1e-4, 0, 32766),
    Layer(r"Nadir_Reflectance_Band2", "nir", 1e-4, 0, 32766),
    Layer(r"Nadir_Reflectance_Band5", "swir", 1e-4, 0, 32766),
    Layer(r"Nadir_Reflectance_Band7", "mir", 1e-4, 0, 32766),
    Layer(r"LC_Type1", "igbp", 1.0, 1, 17),
    Layer(r"Majority_Land_Cover_Type_1", "igbp", 1.0, 0, 16, water=0),
    Layer(r"Gpp_500m", "gpp", 1e-4, 0, 30000, "kg m-2", composite=True),
    Layer(r"ET_500m", "et", 1e-1, -32767, 32700, "kg m-2", composite=True),
    Layer(r"PET_500m", "pet", 1e-1, -32767, 32700, "kg m-2", composite=True),
)
_PACKING_ATTRS = ("scale_factor", "add_offset", "_FillValue", "missing_value", "valid_range",
                  "valid_min", "valid_max", "scale_factor_err", "add_offset_err", "calibrated_nt",
                  "units")  # fmt: skip
_QUALITY = re.compile(r"_QC|_QA|^QC|Quality|reliability|State", re.IGNORECASE)
_COMPOSITE_DAYS = 8


def is_modis(ds: xr.Dataset) -> bool:
    """Tell whether a Dataset holds a layer of a MODIS product, by its names."""
    return any(_layer(str(key)) is not None for key in ds.data_vars)


def normalise_modis(ds: xr.Dataset, *, names: Mapping[str, str] | None = None) -> xr.Dataset:
    """Bring MODIS layers to physical values, NaN where filled, lazily.

    MOD/MYD/MCD 13 (NDVI, EVI, reflectances), 15 (fAPAR, LAI), 12 (IGBP classes),
    11 (surface temperatures by day and night), 09 and 43 (bands 1, 2, 5 and 7), 16 and 17
    (ET and potential ET, GPP per composite).

    Parameters
    ----------
    ds : Dataset
        As opened, decoded or not.
    names : mapping, optional
        Canonical name to the name in the file; these keep their names.

    Returns
    -------
    Dataset
        Layers under canonical names where that leaves no two alike, with their
        units. Quality flags are kept as integers, with their fill value; other
        variables pass unchanged.

    Raises
    ------
    InputError
        When totals over composites bear no stamps of 8-day composites.

    Notes
    -----
    Valid ranges are those of the stored values: fAPAR of MOD15 is 0-100 times 0.01,
    and 249-255 are fills that say why, which decoding alone turns into 2.49-2.54.
    MCD12C1 numbers water 0, which becomes 17 as in MCD12Q1. Composites of MOD16 and
    MOD17 hold totals of 8 days, the last of a year of 5 or 6.
    """
    ds = _standard_calendar(ds)
    layers = {str(key): _layer(str(key)) for key in ds.data_vars}
    changed = {key: _physical(ds[key], layer) for key, layer in layers.items() if layer is not None}
    flags = {
        key: _integer_flags(ds[key])
        for key, layer in layers.items()
        if layer is None and _QUALITY.search(key)
    }
    ds = ds.assign({**changed, **flags})
    kept = set((names or {}).values())
    found: dict[str, list[str]] = {}
    for key, layer in layers.items():
        if layer is not None and layer.canonical and key not in kept:
            found.setdefault(layer.canonical, []).append(key)
    return ds.rename(
        {
            keys[0]: canonical
            for canonical, keys in found.items()
            if len(keys) == 1 and canonical not in ds.variables and canonical not in (names or {})
        }
    )


def _layer(name: str) -> Layer | None:
    spelt = name.strip("_").replace(" ", "_")
    return next((layer for layer in LAYERS if re.fullmatch(layer.pattern, spelt)), None)


def _physical(array: xr.DataArray, layer: Layer) -> xr.DataArray:
    factor = _factor(array, layer)
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype("f4")
    values = array.astype(dtype)
    if factor != 1.0:
        values = values * dtype.type(factor)
    half = 0.5 * layer.scale
    low, high = layer.low * layer.scale - half, layer.high * layer.scale + half
    values = values.where((values >= dtype.type(low)) & (values <= dtype.type(high)))
    attrs = {key: value for key, value in array.attrs.items() if key not in _PACKING_ATTRS}
    if layer.water is not None:
        values = values.where(values != layer.water, 17)
        attrs = {key: attrs[key] for key in attrs if not key.startswith("flag_")}
    units = layer.units
    if layer.composite:
        values = values / _days_of_composites(array)
        units = f"{units} d-1"
    if layer.canonical:
        row = variables[layer.canonical]
        attrs.update({"long_name": row.long_name})
        if row.standard_name:
            attrs["standard_name"] = row.standard_name
    values.attrs = {**attrs, "units": units}
    return values


def _factor(array: xr.DataArray, layer: Layer) -> float:
    """Find what is left to multiply by: 1 when the file is decoded already."""
    pending = array.attrs.get("scale_factor")
    if pending is not None:
        return layer.scale
    applied = array.encoding.get("scale_factor")
    if applied is not None:
        applied = float(np.asarray(applied).ravel()[0])
        # A factor of 1 did nothing; a factor above 1 is HDF's, meant to be divided by.
        return layer.scale / applied if applied >= 1.0 > layer.scale else 1.0
    stored = array.encoding.get("dtype")
    if array.dtype.kind in "iu" or (stored is not None and np.dtype(stored).kind in "iu"):
        return layer.scale
    span = array.attrs.get("valid_range", array.attrs.get("valid_max"))
    if span is not None and float(np.asarray(span).ravel()[-1]) == layer.high:
        return layer.scale
    return 1.0


def _integer_flags(array: xr.DataArray) -> xr.DataArray:
    """Undo the decoding of bit flags, which have no use as floating numbers."""
    stored, fill = array.encoding.get("dtype"), array.encoding.get("_FillValue")
    if array.dtype.kind != "f" or stored is None or fill is None or np.dtype(stored).kind == "f":
        return array
    flags = array.fillna(fill).astype(stored)
    flags.attrs = {**array.attrs, "_FillValue": np.dtype(stored).type(fill)}
    return flags


def _days_of_composites(array: xr.DataArray) -> xr.DataArray:
    import xarray as xr

    times = array.indexes.get("time")
    if not isinstance(times, pd.DatetimeIndex) or ((times.day_of_year - 1) % _COMPOSITE_DAYS).any():
        raise InputError(
            f"{array.name!r} is a total over 8-day composites, whose first days (of the year 1, "
            "9, ..., 361) are needed in 'time'; divide by the days of each period, set the units "
            "to 'kg m-2 d-1', and rename it"
        )
    left = np.where(times.is_leap_year, 366, 365) - times.day_of_year.to_numpy() + 1
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype("f4")
    return xr.DataArray(np.minimum(left, _COMPOSITE_DAYS).astype(dtype), dims=["time"])


def _standard_calendar(ds: xr.Dataset) -> xr.Dataset:
    """Read dates called Julian as what they are.

    AppEEARS writes ``calendar: julian`` for days since 2000, which from 2000 on
    counts as the standard calendar does (until 2100).
    """
    index = ds.indexes.get("time")
    if index is None or getattr(index, "calendar", None) != "julian":
        return ds
    if index[0].year < 2000 or index[-1].year > 2099:
        return ds
    dates = [np.datetime64(date.strftime("%Y-%m-%dT%H:%M:%S"), "ns") for date in index]
    return ds.assign_coords(time=("time", np.array(dates), ds["time"].attrs))
