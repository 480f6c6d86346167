"""Parameters of the pool model: numbers, by land cover class, maps, or changing by year."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.literature import PlantParameters, literature
from xflux.carbon.pool_kernel import PARAMETERS
from xflux.errors import (
    InputError,
    MissingVariableError,
    XfluxError,
    XfluxWarning,
    raise_together,
)
from xflux.labels.blockwise import require_whole
from xflux.labels.find import find
from xflux.labels.standardize import canonical
from xflux.labels.units import convert
from xflux.labels.variables import IGBP, Variable

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Given", "parameter_attributes", "pool_parameters"]

#: What a user may give: parameters by name; what is left out comes from the literature.
Given = Mapping[str, Any] | PlantParameters | None


def parameter_attributes(name: str) -> dict[str, str]:
    """Return what a parameter is called, and its unit."""
    if name == "litter_to_soil":
        return {"long_name": "share of decayed litter that becomes soil", "units": "1"}
    if name.startswith("npp_to_"):
        part = name.removeprefix("npp_to_")
        said = f"share of net primary production that becomes {part}"
        return {"long_name": said, "units": "1"}
    pool = name.removeprefix("tau_")
    return {"long_name": f"residence time of carbon in {pool}", "units": "year"}


def pool_parameters(
    ds: xr.Dataset,
    given: Given,
    years: NDArray[np.int64] | None,
    *,
    names: Mapping[str, str] | None = None,
) -> tuple[dict[str, xr.DataArray], str]:
    """Return every parameter of the pool model as an array, lazily, and where they are from.

    Parameters
    ----------
    ds : Dataset
        With `igbp`, where anything is by class.
    given : mapping, Dataset, PlantParameters or None
        Of numbers, mappings by class and DataArrays.
    years : array or None
        Calendar years that parameters along `year` must have; None without a calendar.
    names : mapping, optional
        Your own name of `igbp`.

    Raises
    ------
    InputError, UnitsError, MissingVariableError
        All problems at once.

    Warns
    -----
    XfluxWarning
        For classes of a map in memory that have no value. Of a lazy map it is not known which
        it holds; the text of where parameters are from names all that have none.
    """
    import xarray as xr

    if isinstance(given, PlantParameters):
        given = {name: value for name, value in asdict(given).items() if name in PARAMETERS}
    values: dict[str, Any] = {}
    if given is not None:
        values = {str(name): given[name] for name in given}
        unknown = sorted(set(values) - set(PARAMETERS))
        # A Dataset of fractions may hold more, such as Ra/GPP.
        if unknown and not isinstance(given, xr.Dataset):
            raise InputError(
                f"{', '.join(map(repr, unknown))}: no parameter of the pools; they are "
                f"{', '.join(PARAMETERS)}"
            )
    absent = [name for name in PARAMETERS if name not in values]
    errors: list[XfluxError] = []
    arrays: dict[str, xr.DataArray] = {}
    codes = _codes(ds, values, absent, names)
    for name in PARAMETERS:
        value = values.get(name, literature(name) if name in absent else None)
        try:
            arrays[name] = _as_array(name, value, codes, years)
        except XfluxError as error:
            errors.append(error)
    raise_together(errors)
    without = _without_value(values)
    _warn_of_classes(without, codes)
    splits = [arrays[f"npp_to_{part}"] for part in ("leaf", "wood", "root")]
    if all(split.ndim == 0 for split in splits):
        total = sum(float(split) for split in splits)
        if abs(total - 1) > 1e-5:
            raise InputError(f"npp_to_leaf, npp_to_wood and npp_to_root sum to {total:g}, not to 1")
    nowhere = f"; NaN for {', '.join(without)}, which have no value" if without else ""
    if not absent:
        return arrays, f"given{nowhere}"
    source = "literature by IGBP class (xflux.carbon.literature)"
    if len(absent) < len(PARAMETERS):
        source = f"given{nowhere}; {', '.join(absent)}: {source}"
    return arrays, source


def _without_value(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the classes that some parameter by class has no value for, and which."""
    lacking: dict[str, list[str]] = {}
    for called, code in IGBP.items():
        for name, value in values.items():
            if _is_by_class(value) and called not in value and code not in value:
                lacking.setdefault(called, []).append(name)
    return lacking


def _warn_of_classes(without: Mapping[str, list[str]], codes: xr.DataArray | None) -> None:
    """Warn of land whose cells come out as NaN; water has no pools."""
    if codes is None or codes.chunks is not None:
        return
    here = set(np.unique(np.asarray(codes.values)).tolist())
    told = {k: names for k, names in without.items() if IGBP[k] in here and k != "WAT"}
    if told:
        names = ", ".join(dict.fromkeys(name for one in told.values() for name in one))
        warnings.warn(
            f"cells of {', '.join(told)} are NaN, as the parameters have no value for them "
            f"({names}); add these classes, such as parameters={{'{next(iter(told.values()))[0]}': "
            f"{{'{next(iter(told))}': ...}}}}",
            XfluxWarning,
            stacklevel=3,
        )


def _codes(
    ds: xr.Dataset, values: Mapping[str, Any], absent: list[str], names: Mapping[str, str] | None
) -> xr.DataArray | None:
    """Return land cover, where a parameter is by class."""
    by_class = [name for name, value in values.items() if _is_by_class(value)]
    if not absent and not by_class:
        return None
    if find(ds, "igbp", dict(names or {})) is None:
        what = f"{', '.join(absent or by_class)} would be taken by IGBP class"
        if absent:
            what += " from the literature"
        raise MissingVariableError(
            f"{what}, but there is no 'igbp'; add it, name it with names={{'igbp': ...}}, or give "
            "numbers or maps, such as parameters={'tau_soil': 40.0, ...}"
        )
    codes = canonical(ds, ["igbp"], names=names, needed_by="simulate_pools").igbp
    if "time" in codes.dims:
        raise InputError("'igbp' changes with time; give parameters along 'year' instead")
    return codes


def _is_by_class(value: Any) -> bool:
    return isinstance(value, Mapping)


def _as_array(
    name: str, value: Any, codes: xr.DataArray | None, years: NDArray[np.int64] | None
) -> xr.DataArray:
    import xarray as xr

    if isinstance(value, Mapping):
        value = _by_code(name, value)
    if isinstance(value, np.ndarray) and codes is not None and value.shape == (18,):
        return xr.apply_ufunc(
            _Lookup(tuple(value.tolist())), codes, dask="parallelized", output_dtypes=["f8"]
        )
    if isinstance(value, Real) and not isinstance(value, bool):
        _check(name, float(value))
        return xr.DataArray(float(value))
    if isinstance(value, xr.DataArray):
        return _labelled(name, value, years)
    raise InputError(
        f"{name} is a {type(value).__name__}; expected a number, a mapping by IGBP class or a "
        "DataArray"
    )


def _check(name: str, value: float) -> None:
    if name.startswith("tau_"):
        if not 0 < value < np.inf:
            raise InputError(f"{name} is {value:g}; expected a finite time above 0 years")
    elif not 0 <= value <= 1:
        raise InputError(f"{name} is {value:g}; expected a fraction between 0 and 1")


def _by_code(name: str, values: Mapping[Any, Any]) -> NDArray[np.float64]:
    """Return values at the codes, NaN where a class has none."""
    by_name = {code: called for called, code in IGBP.items()}
    array = np.full(max(IGBP.values()) + 1, np.nan)
    for key, value in values.items():
        called = by_name.get(key, key)
        if called not in IGBP:
            raise InputError(
                f"{name}: {key!r} is no IGBP class; expected {', '.join(IGBP)} or their codes"
            )
        _check(name, float(value))
        array[IGBP[called]] = float(value)
    return array


def _labelled(name: str, array: xr.DataArray, years: NDArray[np.int64] | None) -> xr.DataArray:
    """Return a map of a parameter in years or as a fraction, at the years of the simulation."""
    units = "year" if name.startswith("tau_") else "1"
    array = convert(array, Variable(name, units, name), f"{name} of the parameters")
    if "time" in array.dims or "month" in array.dims:
        raise InputError(f"{name} has a time dimension; parameters may change along 'year' only")
    if "year" not in array.dims:
        return array
    if years is None:
        raise InputError(f"{name} changes by year, but the time steps are those of a mean year")
    if "year" not in array.coords:
        raise InputError(f"{name} has a dimension 'year' without the calendar years as coordinate")
    missing = sorted(set(years.tolist()) - set(np.asarray(array["year"]).astype(int).tolist()))
    if missing:
        raise InputError(
            f"{name} lacks the years {', '.join(map(str, missing[:5]))} of the time steps"
        )
    require_whole(array, "year", name)
    return array.sel(year=years)


class _Lookup:
    """Look values up by code; a class of its own so that it travels to workers."""

    def __init__(self, values: tuple[float, ...]) -> None:
        self.values = values

    def __call__(self, codes: NDArray[Any]) -> NDArray[np.float64]:
        table = np.array([*self.values, np.nan])
        known = np.isfinite(codes) & (codes >= 0) & (codes < len(self.values))
        return np.asarray(table[np.where(known, codes, len(self.values)).astype(np.intp)])
