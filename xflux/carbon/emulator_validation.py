"""Score an emulator at places that it did not learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.fractions import FRACTIONS, TIMES
from xflux.labels.attach import attributes
from xflux.skill.metrics import METRICS, intercept, mae, n, nrmse, r2_nse, r2_pearson, rmse, slope

if TYPE_CHECKING:
    import xarray as xr

    from xflux.carbon.training import Training

__all__ = ["HeldOut", "held_out_dataset", "validation_dataset"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

_METRICS = {
    "r2_pearson": r2_pearson, "r2_nse": r2_nse, "rmse": rmse, "nrmse": nrmse, "mae": mae,
    "slope": slope, "intercept": intercept, "n": n,
}  # fmt: skip
_SCORED = ("ra", "rh", "npp", "cVeg", "cLeaf", "cWood", "cRoot", "cLitter", "cSoil")
_SEASONS = {"DJF": (12, 1, 2), "MAM": (3, 4, 5), "JJA": (6, 7, 8), "SON": (9, 10, 11)}
#: Years from which a place has a correlation over time.
_YEARS = 3


@dataclass(frozen=True)
class HeldOut:
    """What one scenario is, and what was predicted of it at places that were left out.

    Attributes
    ----------
    fractions : mapping of str to mapping of str to ndarray
        By estimate: ``reference``, ``emulated``, ``null`` (means of classes); (place, year) or
        (place, year, step).
    outputs : mapping of str to mapping of str to ndarray
        Fluxes (place, year, step) and pools (place, year), likewise.
    """

    fractions: Mapping[str, Mapping[str, Floats]]
    outputs: Mapping[str, Mapping[str, Array]]


def validation_dataset(held: Mapping[str, HeldOut], data: Training, said: str) -> xr.Dataset:
    """Return scores by variable and scenario, and of the mean by class, season and place."""
    import xarray as xr

    first = next(iter(held.values()))
    names = [name for name in _SCORED if name in first.outputs["reference"]]
    scenarios = list(held)
    ds = xr.Dataset(coords={"variable": names, "scenario": scenarios})
    for metric, function in _METRICS.items():
        for estimate, start in (("emulated", ""), ("null", "null_")):
            values = [
                [
                    float(function(_flat(h.outputs["reference"][k]), _flat(h.outputs[estimate][k])))
                    for h in held.values()
                ]
                for k in names
            ]
            if start == "" or metric in ("r2_pearson", "r2_nse", "nrmse"):
                long_name = METRICS[metric].long_name
                ds[f"{start}{metric}"] = (("variable", "scenario"), values)
                ds[f"{start}{metric}"].attrs["long_name"] = (
                    f"{long_name} of the means of classes" if start else long_name
                )
    ds["mean"] = (
        ("variable", "scenario"),
        [[float(np.nanmean(h.outputs["reference"][k])) for h in held.values()] for k in names],
    )
    fractions = [name for name in FRACTIONS if name in first.fractions["reference"]]
    if fractions:
        ds = ds.assign_coords(fraction=fractions)
        skill = [[_skill(h, name) for h in held.values()] for name in fractions]
        ds["fraction_skill"] = (("fraction", "scenario"), skill)
        ds["fraction_skill"].attrs["long_name"] = (
            "1 - SSE / SSE of the means of classes, of the fraction itself, of turnover times of "
            "their logarithm"
        )
    mean = held[scenarios[0]].outputs
    ds = ds.merge(_by_class(mean, names, data)).merge(_by_season(mean, names, data))
    ds = ds.merge(_by_place(mean, names, data))
    ds.attrs = {"comment": said, "models": ", ".join(name for name in data.models if name)}
    return ds


def held_out_dataset(held: HeldOut, data: Training) -> xr.Dataset:
    """Return the mean of the ensemble, as it is, as it was predicted, and the null."""
    import xarray as xr

    estimates = ["reference", "emulated", "null"]
    ds = xr.Dataset(coords={"estimate": estimates, **_places(data)})
    if data.labels is not None:
        ds = ds.assign_coords(year=data.labels)
    for name in _SCORED:
        if name in held.outputs["reference"]:
            values = np.stack([held.outputs[estimate][name] for estimate in estimates])
            dims = ("estimate", "cell", "year", "step")[: values.ndim]
            ds[name] = (dims, values, attributes(name, dims))
    return ds


def _flat(values: Array) -> Floats:
    return np.asarray(values, np.float64).reshape(-1)


def _skill(held: HeldOut, name: str) -> float:
    plain = [
        _flat(held.fractions[estimate][name]) for estimate in ("reference", "emulated", "null")
    ]
    if name in TIMES:
        with np.errstate(divide="ignore", invalid="ignore"):
            plain = [np.log(values) for values in plain]
    there = np.all([np.isfinite(values) for values in plain], axis=0)
    truth, made, null = (values[there] for values in plain)
    below = float(np.sum((null - truth) ** 2))
    return 1.0 - float(np.sum((made - truth) ** 2)) / below if below > 0.0 else float("nan")


def _score(mean: Mapping[str, Mapping[str, Array]], name: str, where: Any) -> float:
    truth, made = (_flat(mean[e][name][where]) for e in ("reference", "emulated"))
    return float(r2_pearson(truth, made))


def _by_class(
    mean: Mapping[str, Mapping[str, Array]], names: list[str], data: Training
) -> xr.Dataset:
    import xarray as xr

    if "igbp" not in data.values:
        return xr.Dataset()
    codes = np.asarray(data.values["igbp"][:, 0, 0])
    kinds = [int(code) for code in np.unique(codes[np.isfinite(codes)])]
    values = [[_score(mean, name, codes == code) for code in kinds] for name in names]
    made = xr.Dataset({"r2_pearson_by_class": (("variable", "igbp"), values)})
    return made.assign_coords(igbp=("igbp", kinds, attributes("igbp")))


def _by_season(
    mean: Mapping[str, Mapping[str, Array]], names: list[str], data: Training
) -> xr.Dataset:
    import xarray as xr

    if data.steps != 12:
        return xr.Dataset()
    fluxes = [name for name in names if mean["reference"][name].ndim == 3]
    values = np.full((len(names), len(_SEASONS)), np.nan)
    for k, name in enumerate(names):
        if name in fluxes:
            for j, months in enumerate(_SEASONS.values()):
                where = (slice(None), slice(None), [month - 1 for month in months])
                values[k, j] = _score(mean, name, where)
    made = xr.Dataset({"r2_pearson_by_season": (("variable", "season"), values)})
    return made.assign_coords(season=list(_SEASONS))


def _by_place(
    mean: Mapping[str, Mapping[str, Array]], names: list[str], data: Training
) -> xr.Dataset:
    """Return scores over time at each place, on the grid."""
    import xarray as xr

    grid = {str(dim): axis for dim, axis in data.dims.items()}
    shape = tuple(axis.size for axis in grid.values())
    where: tuple[Any, ...] = tuple(data.place[dim] for dim in grid)
    made = xr.Dataset(coords=grid)
    functions = {"pixel_r2_pearson": r2_pearson, "pixel_nrmse": nrmse}
    for key, function in functions.items():
        maps = np.full((len(names), *shape), np.nan, np.float32)
        for k, name in enumerate(names):
            truth, emulated = (mean[e][name] for e in ("reference", "emulated"))
            flat = (truth.reshape(len(truth), -1), emulated.reshape(len(truth), -1))
            if truth.shape[1] >= _YEARS or (truth.ndim == 3 and truth.shape[2] > 1):
                maps[(k, *where)] = function(*flat, axis=1)
        made[key] = (("variable", *grid), maps)
        said = METRICS[key.removeprefix("pixel_")].long_name
        made[key].attrs = {"long_name": f"{said} over time, at places left out", "units": "1"}
    return made


def _places(data: Training) -> dict[str, Any]:
    """Return where cells lie: ``held_out.set_index(cell=[...]).unstack("cell")`` is a map."""
    grid = {str(dim): axis for dim, axis in data.dims.items()}
    return {dim: ("cell", axis.values[data.place[dim]], axis.attrs) for dim, axis in grid.items()}
