"""A bridge as a Dataset of weights, and as a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import FileFormatError, InputError
from xflux.regional.bridge_fit import Choice, r2
from xflux.regional.bridge_samples import PG, RegionSamples
from xflux.regional.net_field import NetField, months_of

if TYPE_CHECKING:
    import xarray as xr

    from xflux.labels.regions import Regions

__all__ = ["bridge_dataset", "read", "write"]

_FORMAT = "xflux regional bridge"
#: Raised when older versions could not read what is written any more.
SCHEMA = 1
#: Variables, their long names and units.
_SAID = {
    "weight": ("area that a pixel stands for", "m2"),
    "cell": ("position of a pixel on the grid, rows first, -1 where there is none", "1"),
    "lat": ("latitude", "degrees_north"),
    "lon": ("longitude", "degrees_east"),
    "intercept": ("amount of a month beside that of the pixels, mass of carbon", "Pg"),
    "n_pixels": ("contributing pixels", "1"),
    "region_pixels": ("pixels of the region", "1"),
    "region_area": ("area of land in the region", "m2"),
    "weight_share": ("sum of weights over the area of the region", "1"),
    "r2": ("explained variance of months fitted", "1"),
    "r2_cv": ("explained variance of months in years or members left out", "1"),
    "r2_anomaly": ("explained variance of anomalies from the seasonal cycle, left out", "1"),
    "r2_annual": ("explained variance of annual sums, left out", "1"),
    "penalty": ("penalty of the Lasso", "Pg"),
    "enough": ("whether the pixels explain the region as well as was asked for", "1"),
    "land_area": ("area of land in the cell", "m2"),
    "region_share": ("share of the cell in the region", "1"),
}


def bridge_dataset(
    field: NetField,
    read: Sequence[RegionSamples],
    regions: Regions,
    land: xr.DataArray,
    choices: Sequence[Choice],
) -> xr.Dataset:
    """Put what was chosen into one Dataset; see `xflux.RegionalBridge.to_dataset`."""
    import xarray as xr

    width = max(1, *(len(choice.pixels) for choice in choices))
    lat, lon = (np.asarray(field.rate[dim].values, np.float64) for dim in (field.lat, field.lon))
    weight, cell = np.full((len(read), width), np.nan), np.full((len(read), width), -1, np.int64)
    place = {"lat": weight.copy(), "lon": weight.copy()}
    scores: dict[str, list[float]] = {name: [] for name in (
        "intercept", "n_pixels", "region_pixels", "region_area", "weight_share", "r2", "r2_cv",
        "r2_anomaly", "r2_annual", "penalty", "enough",
    )}  # fmt: skip
    _, year, _ = months_of(field.steps)
    for k, (region, choice) in enumerate(zip(read, choices, strict=True)):
        count = len(choice.pixels)
        order = np.argsort(-np.abs(choice.weights), kind="stable")
        pixels = choice.pixels[order]
        weight[k, :count] = choice.weights[order] / PG
        cell[k, :count] = region.row[pixels] * lon.size + region.column[pixels]
        place["lat"][k, :count] = lat[region.row[pixels]]
        place["lon"][k, :count] = lon[region.column[pixels]]
        area = float(region.samples.area.sum())
        row = {
            "intercept": choice.intercept, "n_pixels": count, "region_pixels": region.size,
            "region_area": area / PG, "weight_share": choice.weights.sum() / area,
            "r2": choice.r2, "r2_cv": choice.r2_cv, "r2_anomaly": choice.r2_anomaly,
            "r2_annual": _annual(region, choice, year), "penalty": choice.penalty,
            "enough": choice.enough,
        }  # fmt: skip
        for name, value in row.items():
            scores[name].append(value)
    grid = ("grid_lat", "grid_lon")
    ds = xr.Dataset(
        {
            "weight": (("region", "pixel"), weight),
            "cell": (("region", "pixel"), cell),
            **{name: (("region", "pixel"), values) for name, values in place.items()},
            **{name: ("region", np.array(values)) for name, values in scores.items()},
            "land_area": (grid, land.values),
            "region_share": (("region", *grid), _shares(regions)),
        },
        coords={"grid_lat": lat, "grid_lon": lon},
    ).assign_coords(regions.labels.coords)
    for name, (text, units) in _SAID.items():
        ds[name].attrs = {"long_name": text, "units": units}
    for name, source in zip(grid, ("lat", "lon"), strict=True):
        text, units = _SAID[source]
        ds[name].attrs = {"standard_name": text, "long_name": text, "units": units}
    kept = ("flux_definition", "synthetic", "model", "refinement")
    attrs = {
        f"flux_{key}".replace("flux_flux", "flux"): field.rate.attrs[key]
        for key in kept
        if key in field.rate.attrs
    }
    return ds.assign_attrs(
        title="Regional fluxes from few pixels", variable=str(field.rate.name), **attrs
    )


def _annual(region: RegionSamples, choice: Choice, year: Any) -> float:
    """Return the explained variance of annual sums of what was left out, over whole years."""
    years, count = np.unique(year, return_counts=True)
    whole = years[count == 12]
    if whole.size < 2:
        return float("nan")
    sums = []
    for values in (region.samples.y, choice.left_out):
        series = values.reshape(-1, year.size)
        sums.append(np.stack([series[:, year == one].sum(axis=1) for one in whole], axis=1).ravel())
    return r2(sums[0], sums[1])


def _shares(regions: Regions) -> np.ndarray[Any, Any]:
    """Return the share of each cell in each region, float32."""
    values = regions.weights.values
    if not regions.crisp:
        return np.nan_to_num(values).astype(np.float32)
    return np.stack([values == k for k in range(regions.labels.size)]).astype(np.float32)


def write(ds: xr.Dataset, path: str | os.PathLike[str], parameters: Mapping[str, Any]) -> Path:
    """Write a bridge to a NetCDF file, which is there when it is complete."""
    final = Path(path).expanduser()
    if not final.parent.is_dir():
        raise InputError(f"{final.parent} is no folder; make it first")
    kept = ds.assign_attrs(
        format=_FORMAT, schema=SCHEMA, model_parameters=json.dumps(dict(parameters))
    )
    kept["enough"] = kept["enough"].astype("i1")
    partial = final.with_name(f".{final.name}.partial")
    kept.to_netcdf(partial)
    partial.replace(final)
    return final


def read(path: str | os.PathLike[str]) -> tuple[xr.Dataset, dict[str, Any]]:
    """Read what `write` wrote, into memory.

    Raises
    ------
    FileFormatError
        For what is truncated, no bridge, of a newer version, or does not fit together.
    """
    import xarray as xr

    file = Path(path).expanduser()
    if not file.is_file():
        raise FileFormatError(f"{file} is no file")
    try:
        with xr.open_dataset(file) as opened:
            ds = opened.load()
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{file} is truncated, or no NetCDF: {error}") from error
    if ds.attrs.get("format") != _FORMAT:
        raise FileFormatError(f"{file} holds no bridge of xflux")
    if int(ds.attrs.pop("schema")) > SCHEMA:
        raise FileFormatError(f"{file} is of a newer xflux; update xflux")
    parameters = json.loads(ds.attrs.pop("model_parameters"))
    del ds.attrs["format"]
    _require_sound(ds, file)
    ds["enough"] = ds["enough"].astype(bool)
    ds["cell"] = ds["cell"].astype(np.int64)
    return ds, parameters


def _require_sound(ds: xr.Dataset, file: Path) -> None:
    """Refuse a bridge that was changed: a weight that is lost would be a pixel that counts less."""
    absent = [name for name in (*_SAID, "region", "grid_lat", "grid_lon") if name not in ds]
    if absent:
        raise FileFormatError(f"{file} is no whole bridge: it lacks {', '.join(absent)}")
    cell, width = ds["cell"].values, ds.sizes["grid_lon"]
    used = cell >= 0
    where = np.where(used, cell, 0).astype(np.int64)
    if np.any(where >= ds.sizes["grid_lat"] * width):
        raise FileFormatError(f"{file} was changed: a pixel lies off the grid of the bridge")
    at = {"lat": ds["grid_lat"].values[where // width], "lon": ds["grid_lon"].values[where % width]}
    for name in ("lat", "lon"):
        if not np.array_equal(ds[name].values[used], at[name][used]):
            raise FileFormatError(f"{file} was changed: cell and {name} of pixels do not agree")
    sound = np.isfinite(ds["weight"].values) == used
    if not sound.all() or not np.isfinite(ds["intercept"].values).all():
        raise FileFormatError(f"{file} was changed: weights or intercepts are missing")
