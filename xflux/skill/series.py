"""What the metrics of series have in common: a series as a pair, formulas, labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.skill.groups import time_dim
from xflux.skill.moments import Floats, Moments
from xflux.skill.pairs import coordinates_of, match
from xflux.skill.reduction import MOMENT, Pair

__all__ = ["alone", "described", "formula_of", "labelled"]


def alone(data: xr.DataArray) -> tuple[Pair, xr.DataArray]:
    """Pair a series with itself: one reduction serves series and pairs."""
    if not isinstance(data, xr.DataArray):
        raise InputError(f"expected a DataArray, found {type(data).__name__}; select a variable")
    return match(data, data)[None], data[time_dim(data)]


def formula_of(
    state: xr.Variable, formula: Callable[[Moments], Floats], dtype: type = np.float64
) -> xr.Variable:
    """Apply a formula to moments, lazily where they are lazy."""
    result: xr.Variable = xr.apply_ufunc(
        partial(_apply, formula=formula, dtype=dtype),
        state,
        input_core_dims=[[MOMENT]],
        dask="parallelized",
        output_dtypes=[dtype],
    )
    return result


def _apply(state: Floats, *, formula: Callable[[Moments], Floats], dtype: type) -> NDArray[Any]:
    return formula(Moments.split(state)).astype(dtype)


def labelled(
    variable: xr.Variable,
    *sources: xr.DataArray | xr.Dataset,
    index: Mapping[str, NDArray[np.int64]] | None = None,
) -> xr.DataArray:
    """Give a result the coordinates of the dimensions that are left, and new ones."""
    coords = coordinates_of(variable.dims, *sources)
    for name, values in (index or {}).items():
        coords[name] = xr.Variable((name,), values)
    return xr.DataArray(variable, coords=coords)


def described(data: xr.DataArray, text: str) -> dict[str, str]:
    """Return the attributes of what was made from a series, in its units."""
    name = data.attrs.get("long_name", data.name or "the series")
    units = {"units": str(data.attrs["units"])} if "units" in data.attrs else {}
    return {"long_name": text.format(name), **units}
