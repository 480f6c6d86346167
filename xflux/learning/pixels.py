"""Images around towers as features: each pixel is one, lazily."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xflux.errors import InputError, MissingVariableError
from xflux.labels.calendar import find_time
from xflux.learning.features import Feature

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["pixel_arrays", "pixel_features"]


def pixel_features(ds: xr.Dataset, names: Sequence[str]) -> tuple[Feature, ...]:
    """Return one feature for each pixel of images.

    Parameters
    ----------
    ds : Dataset
        Towers.
    names : sequence of str
        Variables with the dims (site, y, x) or (site, time, y, x), whatever y and x are called.

    Raises
    ------
    MissingVariableError
        For an image that is not there.
    InputError
        For other dims: on a grid a pixel has no image around it.
    """
    made: list[Feature] = []
    for name in names:
        height, width = (ds[name].sizes[dim] for dim in _axes(ds, name))
        made += [
            Feature(f"{name}[{i},{j}]", name, "pixel") for i in range(height) for j in range(width)
        ]
    return tuple(made)


def pixel_arrays(ds: xr.Dataset, features: Sequence[Feature]) -> dict[str, xr.DataArray]:
    """Return the series of each pixel, by the name of its feature.

    Raises
    ------
    MissingVariableError, InputError
        As in `pixel_features`; and for an image of another size than that of the features.
    """
    pixels = [feature for feature in features if feature.kind == "pixel"]
    made: dict[str, xr.DataArray] = {}
    for name in dict.fromkeys(feature.source for feature in pixels):
        y, x = _axes(ds, name)
        known = [f.name for f in pixels if f.source == name]
        if known != [feature.name for feature in pixel_features(ds, [name])]:
            last = known[-1].removeprefix(name)
            raise InputError(
                f"{name} has {ds[name].sizes[y]} x {ds[name].sizes[x]} pixels, and the model was "
                f"fitted to those up to {last}; crop the images to the same size"
            )
        image = ds[name].drop_attrs().drop_vars([y, x], errors="ignore")
        for i in range(image.sizes[y]):
            row = image.isel({y: i})
            made |= {f"{name}[{i},{j}]": row.isel({x: j}) for j in range(image.sizes[x])}
    return made


def _axes(ds: xr.Dataset, name: str) -> tuple[str, str]:
    """Return the dims of the pixels."""
    if name not in ds:
        raise MissingVariableError(
            f"the image {name!r} is not among the drivers; add it, with the dims (site, y, x) or "
            "(site, time, y, x)"
        )
    found = [str(dim) for dim in ds[name].dims if dim not in ("site", find_time(ds[name]))]
    if "site" not in ds[name].dims or len(found) != 2:
        raise InputError(
            f"the image {name!r} has the dims {ds[name].dims}; expected (site, y, x) or (site, "
            "time, y, x). On grids images are not offered, as a pixel has none around it: cut "
            "patches yourself, and predict their rows with SmartForest4D on arrays"
        )
    return found[0], found[1]
