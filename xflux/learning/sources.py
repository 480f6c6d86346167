"""From drivers as users have them to the sources of features, labelled and lazy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import InputError, XfluxWarning
from xflux.labels.calendar import find_time
from xflux.labels.coordinates import find_lat_lon
from xflux.labels.find import find
from xflux.labels.pipeline import materialise
from xflux.labels.resolve import resolve
from xflux.labels.seasonal_means import mean_of_month, mean_of_season
from xflux.labels.variables import variables
from xflux.learning.features import BASELINES, POSITION, Feature, sources
from xflux.learning.pixels import pixel_arrays

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "DERIVED",
    "NAMING",
    "OTHERWISE",
    "canonical",
    "positions",
    "source_arrays",
    "warn_of_position",
    "with_net_radiation",
]


#: For messages: how a variable of another name comes in, and what else to do about co2.
NAMING = (
    "Rename it with xflux.standardize(ds, {}), or fit without it, to "
    "features=xflux.shared_features(towers, ds)"
)
OTHERWISE = {"co2": "or add a record of it with xflux.fill_co2"}
#: What features are derived of unasked where the drivers do not hold it.
DERIVED = ("rnet", "swin_potential", "wai")


def canonical(ds: xr.Dataset, name: str, *, needed_by: str) -> xr.DataArray:
    """Return a variable in canonical units, plain, with its attributes.

    Raises
    ------
    UnitsError
        For another unit, named with what needs the variable.
    """
    array, units = ds[name], variables[name].units
    if array.attrs.get("units") == units:
        return array
    plan = resolve(ds[[name]], {name: needed_by})
    return materialise(plan, name).assign_attrs(array.attrs | {"units": units})


def with_net_radiation(ds: xr.Dataset) -> xr.Dataset:
    """Fill gaps of net radiation by its estimate: at half of the towers it is not measured."""
    own = find(ds, "rnet")
    if own is None or any(find(ds, name) is None for name in ("swin", "ta")):
        return ds
    others = ds.drop_vars(own)
    gaps = "the gaps of net radiation"
    estimate = resolve(others, {"rnet": gaps}, derive=("rnet",))
    measured = canonical(ds[[own]].rename({own: "rnet"}), "rnet", needed_by=gaps)
    filled = measured.fillna(materialise(estimate, "rnet"))
    return others.assign(rnet=filled.assign_attrs(measured.attrs))


def source_arrays(
    ds: xr.Dataset,
    features: Sequence[Feature],
    fluxes: xr.Dataset,
    *,
    needed_by: str,
) -> dict[str, xr.DataArray]:
    """Return what features are made of, in canonical units.

    Parameters
    ----------
    ds : Dataset
        Drivers.
    features : sequence of Feature
    fluxes : Dataset
        Baseline.
    needed_by : str
        For messages.

    Returns
    -------
    dict
        Each source; of sources with anomalies, mean seasonal cycles or site means also
        ``<source>_cycle``, ``<source>_season`` and ``<source>_mean``; each pixel of images. Lazy
        where the drivers are.

    Raises
    ------
    MissingVariableError, UnitsError
        For what is missing, or of another unit.
    """
    images = pixel_arrays(ds, features)
    features = [feature for feature in features if feature.kind != "pixel"]
    wanted = sources(features)
    drivers = [name for name in wanted if not name.endswith("_baseline") and name not in POSITION]
    held = ds.drop_vars([name for name in BASELINES if name in ds])
    plan = resolve(
        held, dict.fromkeys(drivers, needed_by), derive=DERIVED, naming=NAMING,
        otherwise=OTHERWISE,
    )  # fmt: skip
    arrays = {name: materialise(plan, name) for name in drivers}
    arrays |= {
        name: fluxes[name.removesuffix("_baseline")].drop_attrs()
        for name in wanted
        if name.endswith("_baseline")
    }
    if POSITION.keys() & set(wanted):
        arrays |= {name: array for name, array in positions(ds).items() if name in wanted}
    for feature in features:
        source = arrays[feature.source]
        series = feature.kind in ("site", "anomaly", "cycle", "lag", "mean")
        if series and find_time(source) is None:
            raise InputError(
                f"feature {feature.name!r} needs a series, and {feature.source} has the dims "
                f"{source.dims}, without time"
            )
        if feature.kind == "site":
            arrays[f"{feature.source}_mean"] = _mean_year(source)
        if feature.kind == "anomaly":
            arrays[f"{feature.source}_cycle"] = mean_of_month(source)
        if feature.kind == "cycle":
            arrays[f"{feature.source}_season"] = mean_of_season(source)
    return arrays | images


def positions(ds: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return latitude and longitude in degrees, the latter from -180 up to 180."""
    position = {}
    for name, array in zip(POSITION, find_lat_lon(ds), strict=True):
        units = str(array.attrs.get("units", "")).lower()
        degrees = array * (180.0 / np.pi) if units.startswith("rad") else array
        position[name] = degrees.astype(np.float32).reset_coords(drop=True).drop_attrs()
    position["lon"] = (position["lon"] + 180.0) % 360.0 - 180.0
    return position


def _mean_year(array: xr.DataArray) -> xr.DataArray:
    """Return the mean of the mean seasonal cycle, so that gaps in winter do not warm it."""
    return array.groupby("time.month").mean().mean("month")


def warn_of_position(features: Sequence[Feature]) -> None:
    """Warn when a model may know sites by where they stand."""
    named = [feature.name for feature in features if feature.source in POSITION]
    if named:
        warnings.warn(
            f"{' and '.join(named)} as features let a model know its sites by where they stand: "
            "it remembers them, which helps at these sites alone, and maps between them show "
            "artefacts. Judge it by sites or blocks left out, and leave them out if it is no "
            "better",
            XfluxWarning,
            stacklevel=4,
        )
