"""From drivers as users have them to the variables that fractions are predicted from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import InputError, MissingVariableError
from xflux.labels.coordinates import find_lat_lon
from xflux.labels.find import find, require_known
from xflux.labels.pipeline import materialise
from xflux.labels.resolve import resolve
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DEFAULT_FEATURES", "driver_arrays", "features_of"]

#: What is taken of it where the drivers hold it.
DEFAULT_FEATURES = (
    "ta", "tsoil", "vpd", "swin", "rnet", "p", "fapar", "lai", "soil_moisture", "co2",
    "elevation", "igbp", "c4_fraction", "sand", "clay",
)  # fmt: skip
_POSITION = ("lat", "lon")
#: What is no driver but what allocation starts from or makes.
_FLUXES = ("gpp", "reco", "nee", "nep", "npp", "ra", "rh", "nbp")


def features_of(
    ds: xr.Dataset, features: Sequence[str] | None, names: Mapping[str, str] | None
) -> tuple[str, ...]:
    """Return the variables that are used: those asked for, else what there is of the default.

    Raises
    ------
    InputError
        For a name that is no driver, or where the drivers hold none of the default.
    """
    if features is None:
        known = names or {}
        found = tuple(
            name
            for name in DEFAULT_FEATURES
            if find(ds, name, known) is not None or (name == "vpd" and _follows(ds, name, names))
        )
        if not found:
            raise InputError(
                f"the drivers hold none of {', '.join(DEFAULT_FEATURES)}; name what there is with "
                "names={...}, or choose with features=(...)"
            )
        return found
    if isinstance(features, str):
        raise InputError(f"features={features!r} is a string; pass a tuple of names")
    for name in features:
        if name not in _POSITION:
            require_known(name, "features")
        if name in _FLUXES:
            raise InputError(
                f"features hold {name!r}, which is no driver; gpp is always known beside them"
            )
    if not features:
        raise InputError("features=() leaves nothing to predict from; None takes the default")
    return tuple(dict.fromkeys(features))


def driver_arrays(
    ds: xr.Dataset, features: Sequence[str], names: Mapping[str, str] | None
) -> dict[str, xr.DataArray]:
    """Return drivers in canonical units, lazily where they are lazy.

    Raises
    ------
    MissingVariableError, UnitsError
        For what is missing, or of another unit.
    """
    wanted = [name for name in features if name not in _POSITION]
    plan = resolve(
        ds.drop_vars([name for name in _FLUXES if name in ds.data_vars]),
        dict.fromkeys(wanted, "allocation"),
        names={k: v for k, v in (names or {}).items() if k in variables and k not in _FLUXES},
        otherwise={},
    )
    arrays = {name: materialise(plan, name).reset_coords(drop=True) for name in wanted}
    if set(_POSITION) & set(features):
        lat, lon = find_lat_lon(ds)
        position = {"lat": lat, "lon": (lon + 180.0) % 360.0 - 180.0}
        for name in _POSITION:
            if name in features:
                array = position[name].astype(np.float32).reset_coords(drop=True)
                arrays[name] = array.drop_attrs()
    return arrays


def _follows(ds: xr.Dataset, name: str, names: Mapping[str, str] | None) -> bool:
    """Tell whether a variable can be derived."""
    try:
        resolve(ds, {name: "allocation"}, names=dict(names or {}))
    except MissingVariableError:
        return False
    return True
