"""From Datasets to the rows that a network of towers and atmosphere is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.calendar import find_time
from xflux.labels.find import find
from xflux.labels.units import plain_indexes
from xflux.learning.features import BASELINES, Feature, columns, parse
from xflux.learning.sources import source_arrays, warn_of_position
from xflux.regional.dual_data import Towers
from xflux.regional.found_flux import found_flux

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TowerTable", "chosen", "feature_arrays", "rows_at", "span_of", "tower_table"]

Array = NDArray[Any]

#: What is taken of it where towers and grid both hold it. Means of sites tell places apart.
DEFAULT_FEATURES: tuple[str, ...] = (
    "ta", "vpd", "swin", "lwin", "rnet", "p", "tsoil", "td", "fapar", "lai", "ndvi", "nirv", "evi",
    "ndwi", "wai", "c4_fraction", "elevation", "co2", "ta_site", "p_site", "fapar_site",
)  # fmt: skip
_KINDS = ("now", "cycle", "anomaly", "site")
_NEEDED_BY = "DualConstraintNetwork"


@dataclass(frozen=True)
class TowerTable:
    """Rows of towers, and where they stand in (site, time).

    Attributes
    ----------
    rows : Towers
    where : ndarray of bool (site, time)
        Which records are rows.
    nee : DataArray (site, time)
        What was recorded, canonical.
    """

    rows: Towers
    where: NDArray[np.bool_]
    nee: xr.DataArray


def chosen(
    named: Sequence[str] | None, towers: xr.Dataset, grid: xr.Dataset | None
) -> tuple[Feature, ...]:
    """Return the features: those named, else the default ones that towers and grid hold.

    Raises
    ------
    InputError
        For features that look back in time, classes, or none at all.
    """
    if named is None:
        held = [towers] if grid is None else [towers, grid]
        named = [
            name for name in DEFAULT_FEATURES
            if all(find(ds, parse(name).source) is not None for ds in held)
        ]  # fmt: skip
    features = tuple(parse(name) for name in named)
    if not features:
        raise InputError(
            "there are no features: towers and grid share none of the default ones; name them with "
            "features=(...)"
        )
    odd = [feature.name for feature in features if feature.kind not in _KINDS]
    if odd:
        raise InputError(
            f"{', '.join(odd)}: features of {_NEEDED_BY} are drivers of the step, their mean "
            "seasonal cycle (_cycle), anomalies (_anomaly) and means (_site); give classes as "
            "fractions, and memory as a variable of its own"
        )
    warn_of_position(features)
    return features


def feature_arrays(ds: xr.Dataset, features: Sequence[Feature]) -> dict[str, xr.DataArray]:
    """Return what features are made of, canonical, lazy where the drivers are."""
    ds = plain_indexes(ds)
    held = {
        flux: ds[name].rename(flux)
        for flux in BASELINES
        for name in (f"{flux}_baseline", flux)
        if name in ds and "model" in ds[name].attrs
    }
    missing = [
        feature.source for feature in features
        if feature.source.endswith("_baseline")
        and feature.source.removesuffix("_baseline") not in held
    ]  # fmt: skip
    if missing:
        raise InputError(
            f"the Dataset holds no {', '.join(sorted(set(missing)))}; add it with "
            "ds.flux.baseline(...)"
        )
    return source_arrays(ds, features, ds[[]].assign(held), needed_by=_NEEDED_BY)


def span_of(ds: xr.Dataset) -> float:
    """Return the days from the first to the last date; NaN without dates."""
    time = find_time(ds)
    index = None if time is None else ds.indexes.get(time)
    if index is None or not len(index):
        return float("nan")
    seconds = getattr(index.max() - index.min(), "total_seconds", None)
    return float("nan") if seconds is None else float(seconds()) / 86_400.0


def rows_at(
    ds: xr.Dataset, features: Sequence[Feature], series: str, time: str
) -> NDArray[np.float32]:
    """Return features of series; reads what `ds` holds.

    Parameters
    ----------
    ds : Dataset
        Dims (series, time), of towers or of single pixels.
    features : sequence of Feature
    series, time : str
        Names of the dimensions.

    Returns
    -------
    ndarray (series, time, feature)
        NaN where a driver is missing.
    """
    import dask

    arrays = feature_arrays(ds, features)
    names = list(arrays)
    loaded = dask.compute(*(arrays[name].variable for name in names))
    shape = (ds.sizes[series], ds.sizes[time])
    values = {}
    for name, variable in zip(names, loaded, strict=True):
        order = [dim for dim in (series, time) if dim in variable.dims]
        plain = np.asarray(variable.transpose(*order).values, np.float64)
        place = tuple(slice(None) if dim in variable.dims else None for dim in (series, time))
        values[name] = np.broadcast_to(plain[place], shape)
    made = columns(values, list(features))
    return np.asarray(made, np.float32)


def tower_table(
    drivers: xr.Dataset, nee: xr.Dataset | xr.DataArray, features: Sequence[Feature]
) -> TowerTable:
    """Return the records of towers that have all features; reads them.

    Raises
    ------
    InputError
        For other dims, towers that differ, and records without any driver.
    MissingVariableError, UnitsError
        For what is missing or of another unit.
    """
    import xarray as xr

    for called, one in (("tower_drivers", drivers), ("tower_nee", nee)):
        if not {"site", "time"} <= set(one.dims):
            raise InputError(f"{called} have the dims {tuple(one.dims)}; expected (site, time)")
    if isinstance(nee, xr.DataArray):
        held = nee.coords.to_dataset().assign(nee=nee.variable)
    else:
        held = nee
    flux = found_flux(plain_indexes(held), "nee", None, needed_by=_NEEDED_BY).canonical
    for dim in ("site", "time"):
        if not drivers.indexes[dim].equals(flux.indexes[dim]):
            raise InputError(
                f"tower_drivers and tower_nee differ along {dim!r}; align them with xr.align"
            )
    flux = flux.transpose("site", "time").load()
    x = rows_at(drivers, features, "site", "time")
    y = flux.values
    where = np.isfinite(x).all(axis=2) & np.isfinite(y)
    if not where.any():
        empty = [f.name for f, column in zip(features, x.reshape(-1, x.shape[2]).T)
                 if not np.isfinite(column).any()]  # fmt: skip
        raise InputError(
            "no record of the towers has NEE and all features"
            + (f"; {', '.join(empty)} are missing everywhere" if empty else "")
        )
    site = np.broadcast_to(np.arange(y.shape[0])[:, None], y.shape)
    rows = Towers(x[where], y[where].astype(np.float32), site[where])
    return TowerTable(rows, where, flux)
