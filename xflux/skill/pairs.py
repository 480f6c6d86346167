"""What may be compared with what: variables, coordinates, units and signs that agree.

Nothing is aligned, interpolated or negated in silence: what disagrees is refused, with
the line that mends it.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from xflux.errors import (
    GridMismatchError,
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxError,
    XfluxWarning,
    raise_together,
)
from xflux.labels.coordinates import how_they_differ, rounding_between
from xflux.labels.find import find, looked_for
from xflux.labels.units import affine, dequantify
from xflux.labels.variables import Variable, variables
from xflux.skill.reduction import Pair

__all__ = ["FLUXES", "check_coordinates", "coordinates_of", "match"]

#: What is scored of two Datasets unless variables are named; drivers are not.
FLUXES = (
    "gpp", "reco", "nee", "nep", "npp", "ra", "rh", "nbp", "f_fire", "f_luc", "f_harvest",
    "f_grazing", "le", "h", "et",
)  # fmt: skip

Data = TypeVar("Data", xr.DataArray, xr.Dataset)


def match(
    observed: Data,
    predicted: Data,
    weights: xr.DataArray | None = None,
    *,
    names: Sequence[str] | None = None,
) -> dict[str | None, Pair]:
    """Pair what two objects share, and check that it may be compared.

    Parameters
    ----------
    observed, predicted : DataArray or Dataset
        Both of one kind. Variables of Datasets are found by canonical name, CF standard
        name or alias.
    weights : DataArray, optional
        Of some of the pairs' dimensions.
    names : sequence of str, optional
        Canonical names of the variables of Datasets; None: every flux that both hold.

    Returns
    -------
    dict
        Pairs by canonical name, the predictions in the units of the observations; the key
        of two DataArrays is None.

    Raises
    ------
    InputError
        When the kinds, signs or definitions of flux differ, or the weights do not fit.
    MissingVariableError
        When a variable is not in both, or none is.
    GridMismatchError
        When coordinates disagree.
    UnitsError
        When units do not convert into each other.
    """
    if weights is not None:
        if not isinstance(weights, xr.DataArray):
            raise InputError(f"weights must be a DataArray, found {type(weights).__name__}")
        check_coordinates(observed, weights, "observed", "weights")
        check_coordinates(predicted, weights, "predicted", "weights")
    if isinstance(observed, xr.DataArray) and isinstance(predicted, xr.DataArray):
        check_coordinates(observed, predicted, "observed", "predicted")
        return {None: _pair(observed, predicted, weights)}
    if not (isinstance(observed, xr.Dataset) and isinstance(predicted, xr.Dataset)):
        raise InputError(
            "observed and predicted must be both Datasets or both DataArrays, found "
            f"{type(observed).__name__} and {type(predicted).__name__}; select the variable of "
            "the Dataset, or make the DataArray a Dataset by .to_dataset(name='gpp')"
        )
    shared = _shared(observed, predicted, names)
    if names is None:
        shared = _without_copies(shared, observed, predicted)
    # What is not scored, such as a profile of soil, may lie on other coordinates.
    check_coordinates(
        observed[[key for key, _ in shared.values()]],
        predicted[[key for _, key in shared.values()]],
        "observed",
        "predicted",
    )
    pairs: dict[str | None, Pair] = {}
    errors: list[XfluxError] = []
    for name, (key_observed, key_predicted) in shared.items():
        try:
            pairs[name] = _pair(observed[key_observed], predicted[key_predicted], weights, name)
        except XfluxError as error:
            errors.append(error)
    raise_together(errors)
    return pairs


def _without_copies(
    shared: dict[str, tuple[str, str]], observed: xr.Dataset, predicted: xr.Dataset
) -> dict[str, tuple[str, str]]:
    """Leave out observations that were carried along into the predictions.

    They would score as perfect. Where all are the same, the caller means it.
    """
    copies = [name for name, (a, b) in shared.items() if _is_copy(observed[a], predicted[b])]
    if not copies or len(copies) == len(shared):
        return shared
    warnings.warn(
        f"{', '.join(copies)} of the predictions {'are' if len(copies) > 1 else 'is'} the "
        "observations themselves, and left out",
        XfluxWarning,
        stacklevel=4,
    )
    return {name: keys for name, keys in shared.items() if name not in copies}


def _is_copy(one: xr.DataArray, other: xr.DataArray) -> bool:
    """Tell whether two arrays hold the very same data, without reading it."""
    first, second = one.variable._data, other.variable._data
    if one.chunks is not None and other.chunks is not None:
        return str(one.data.name) == str(other.data.name)
    return first is second


def _shared(
    observed: xr.Dataset, predicted: xr.Dataset, names: Sequence[str] | None
) -> dict[str, tuple[str, str]]:
    """Find the variables to compare: their names in either Dataset, by canonical name."""
    if isinstance(names, str):
        names = (names,)
    shared: dict[str, tuple[str, str]] = {}
    missing = []
    for name in FLUXES if names is None else names:
        key_observed = find(observed, name)
        key_predicted = find(predicted, name) if key_observed is not None else None
        if key_observed is not None and key_predicted is not None:
            shared[name] = key_observed, key_predicted
        elif names is not None:
            where = "observed" if key_observed is None else "predicted"
            missing.append(
                MissingVariableError(
                    f"no {name!r} in {where}, which holds "
                    f"{_listing(observed if where == 'observed' else predicted)}; looked for "
                    f"{looked_for(name)}{_sign_hint(name, observed, predicted)}"
                )
            )
    raise_together(missing)
    if not shared:
        raise MissingVariableError(
            "observed and predicted share no flux to score: observed holds "
            f"{_listing(observed)}; predicted holds {_listing(predicted)}. Rename them to the "
            "canonical names (see xflux.variables), or name what is not a flux by "
            f"variables=[...]{_sign_hint('nee', observed, predicted)}"
        )
    return shared


def _sign_hint(name: str, observed: xr.Dataset, predicted: xr.Dataset) -> str:
    if name not in ("nee", "nep"):
        return ""
    held = [{key for key in ("nee", "nep") if find(ds, key)} for ds in (observed, predicted)]
    if not all(held) or held[0] & held[1]:
        return ""
    return ". One holds nee and the other nep: bring them to one sign, ds['nee'] = -ds['nep']"


def _listing(ds: xr.Dataset) -> str:
    keys = [repr(str(key)) for key in ds.data_vars]
    return (
        ", ".join(keys[:12]) + (f", ... ({len(keys)} in all)" if len(keys) > 12 else "") or "none"
    )


def _pair(
    observed: xr.DataArray,
    predicted: xr.DataArray,
    weights: xr.DataArray | None,
    name: str | None = None,
) -> Pair:
    observed, predicted = dequantify(observed)[0], dequantify(predicted)[0]
    called = name or _called(observed, predicted)
    for side, array in (("observed", observed), ("predicted", predicted)):
        if array.dtype.kind not in "fiub":
            raise InputError(f"{called}: {side} has dtype {array.dtype}, expected real numbers")
    _check_meaning(observed, predicted, called)
    alone = [
        [dim for dim in one.dims if dim not in other.dims]
        for one, other in ((observed, predicted), (predicted, observed))
    ]
    if all(alone):
        raise InputError(
            f"{called}: observed has the dimensions {alone[0]}, which predicted lacks, and "
            f"predicted has {alone[1]}, which observed lacks; bring one to the places and times "
            "of the other first, for a grid at towers with "
            "grid.sel(lat=towers.lat, lon=towers.lon, method='nearest')"
        )
    units = observed.attrs.get("units", predicted.attrs.get("units"))
    _check_units_said(observed, predicted, called)
    row = next((variables[str(n)] for n in (name, observed.name) if n in variables), None)
    pair = Pair(
        _within_range(observed.variable, row, units),
        _within_range(_in_units_of(observed, predicted, called), row, units),
        None if weights is None else weights.variable,
        None if units is None else str(units),
    )
    if weights is not None and not set(weights.dims) <= set(pair.dims):
        extra = [dim for dim in weights.dims if dim not in pair.dims]
        raise InputError(
            f"{called}: weights have the dimensions {extra}, which the pairs do not have "
            f"{list(pair.dims)}; select or reduce them first"
        )
    return pair


def _called(observed: xr.DataArray, predicted: xr.DataArray) -> str:
    names = [str(array.name) for array in (observed, predicted) if array.name is not None]
    return " and ".join(dict.fromkeys(names)) or "unnamed array"


def _in_units_of(observed: xr.DataArray, predicted: xr.DataArray, called: str) -> xr.Variable:
    """Convert the predictions, lazily, into the units of the observations."""
    expected, found = (array.attrs.get("units") for array in (observed, predicted))
    if expected is None or found is None or str(expected) == str(found):
        return predicted.variable
    known = [name for name in (called, observed.name, predicted.name) if name in variables]
    try:
        scale, offset = affine(
            str(found), str(expected), variables[str(known[0])].species if known else ""
        )
    except UnitsError as error:
        raise UnitsError(
            f"{called}: observed is in {expected!r} and predicted in {found!r}, which do not "
            f"convert into each other ({error})"
        ) from error
    if (scale, offset) == (1.0, 0.0):
        return predicted.variable
    # In float64: the reduction works in it, and a rounded conversion would cost skill.
    data = predicted.variable.data.astype(np.float64) * scale + offset
    return xr.Variable(predicted.dims, data)


def _check_units_said(observed: xr.DataArray, predicted: xr.DataArray, called: str) -> None:
    """Say when one of two is taken to be in the units of the other."""
    said = [array.attrs.get("units") for array in (observed, predicted)]
    if (said[0] is None) != (said[1] is None):
        silent, units = ("observed", said[1]) if said[0] is None else ("predicted", said[0])
        warnings.warn(
            f"{called}: {silent} bears no units and is taken to be in {units!r}",
            XfluxWarning,
            stacklevel=5,
        )


def _within_range(values: xr.Variable, row: Variable | None, units: object) -> xr.Variable:
    """Blank what cannot be true, such as -9999, by the range of the table, lazily."""
    if row is None or units is None or not np.isfinite(row.valid_max - row.valid_min):
        return values
    try:
        scale, offset = affine(str(units), row.units, row.species)
    except UnitsError:
        return values
    low, high = ((bound - offset) / scale for bound in (row.valid_min, row.valid_max))
    data: Any = values.data
    if values.chunks is not None:
        # One task a chunk, where a condition of DataArrays would be four.
        kind = data.dtype if data.dtype.kind == "f" else np.dtype("f8")
        return xr.Variable(values.dims, data.map_blocks(_blank, low, high, dtype=kind))
    return xr.Variable(values.dims, _blank(data, low, high))


def _blank(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.where((values >= low) & (values <= high), values, np.nan).astype(
        values.dtype if values.dtype.kind == "f" else "f8", copy=False
    )


def _check_meaning(observed: xr.DataArray, predicted: xr.DataArray, called: str) -> None:
    """Refuse fluxes of opposite sign, and net fluxes that do not contain the same."""
    signs = [_positive(array) for array in (observed, predicted)]
    if all(signs) and signs[0] != signs[1]:
        raise InputError(
            f"{called}: observed is positive {signs[0]}ward and predicted positive "
            f"{signs[1]}ward; bring them to one sign (nee = -nep) and set attrs['positive']"
        )
    definitions = [array.attrs.get("flux_definition") for array in (observed, predicted)]
    if None not in definitions and definitions[0] != definitions[1]:
        raise InputError(
            f"{called}: observed is {definitions[0]!r} and predicted {definitions[1]!r} "
            "(attrs['flux_definition']); add or subtract what one of them lacks, such as fire "
            "or land use, and set the attribute"
        )


def _positive(array: xr.DataArray) -> str:
    if "positive" in array.attrs:
        return str(array.attrs["positive"])
    return variables[str(array.name)].positive if array.name in variables else ""


def check_coordinates(
    first: xr.DataArray | xr.Dataset,
    second: xr.DataArray | xr.Dataset,
    called_first: str,
    called_second: str,
) -> None:
    """Check that two objects agree along every dimension that they share.

    Raises
    ------
    GridMismatchError
        All disagreements together; each says where the two part and how to select.
    """
    errors: list[XfluxError] = []
    for dim in second.sizes:
        if dim not in first.sizes:
            continue
        reason = _disagreement(first, second, dim, called_first, called_second)
        if reason:
            errors.append(
                GridMismatchError(
                    f"{called_first} and {called_second} disagree along {dim!r}: {reason}"
                )
            )
    raise_together(errors)


def coordinates_of(
    dims: Iterable[Hashable], *sources: xr.DataArray | xr.Dataset
) -> dict[Hashable, xr.Variable]:
    """Collect the coordinates along some dimensions; the first source wins."""
    kept = set(dims)
    coordinates: dict[Hashable, xr.Variable] = {}
    for source in sources:
        for name, coordinate in source.coords.items():
            if coordinate.dims and set(coordinate.dims) <= kept:
                coordinates.setdefault(name, coordinate.variable)
    return coordinates


def _disagreement(
    first: xr.DataArray | xr.Dataset,
    second: xr.DataArray | xr.Dataset,
    dim: Hashable,
    called_first: str,
    called_second: str,
) -> str:
    sizes = f"sizes {first.sizes[dim]} and {second.sizes[dim]}"
    if dim not in first.indexes or dim not in second.indexes:
        if first.sizes[dim] == second.sizes[dim]:
            return ""
        return f"{sizes}, and one has no coordinate to select by; give both {dim!r} coordinates"
    one, other = first.indexes[dim], second.indexes[dim]
    if one.equals(other):
        return ""
    if len(one) == len(other) and one.isin(other).all() and other.isin(one).all():
        return (
            f"same labels in another order; use {called_second}.sel({dim}={called_first}[{dim!r}])"
        )
    numbers = one.dtype.kind in "fiu" and other.dtype.kind in "fiu"
    if numbers and rounding_between(one.to_numpy(), other.to_numpy()) is not None:
        differ = how_they_differ(one.to_numpy(), other.to_numpy(), called_first, str(dim))
        return f"{sizes}, which differ{differ}"
    if one.isin(other).any():
        alone = one[~one.isin(other)]
        label, holder = (alone[0], called_first) if len(alone) else (None, called_second)
        if label is None:
            label = other[~other.isin(one)][0]
        return (
            f"{sizes}, {label} is in {holder} alone; keep what both have by "
            f"xr.align({called_first}, {called_second}, join='inner')"
        )
    return (
        f"{sizes}, no label in common ({one[0]} ... against {other[0]} ...); select the "
        f"nearest by {called_second}.sel({dim}={called_first}[{dim!r}], method='nearest', "
        "tolerance=...), or bring both to one calendar or grid"
    )
