"""Groups of pairs: which class, season, site or bin each belongs to, by name.

The labels are known before any data are seen, so that a result has the same shape
whether its inputs are lazy or not.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from xflux.errors import InputError, MissingVariableError
from xflux.skill.pairs import check_coordinates
from xflux.skill.reduction import Codes, is_lazy

__all__ = ["OBSERVED", "By", "Grouping", "Item", "ObservedBins", "group_by", "items_of", "is_time",
           "time_dim"]  # fmt: skip

#: One item of `by`: a name, an array of labels, or edges of bins by name.
Item = str | xr.DataArray | Mapping[str, Any]
#: What `by` takes: an item, or several of them.
By = Item | Sequence[Item]

#: The name that stands for the observed values themselves.
OBSERVED = "observed"

_SEASONS = ("DJF", "MAM", "JJA", "SON")
_TIME_PARTS = ("season", "month", "year", "dayofyear", "hour")


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups along some dimensions.

    Attributes
    ----------
    name : hashable
        Dimension of the result.
    codes : Codes
        Position of each pair's label; -1 for none.
    labels : ndarray
    attrs : mapping
        Attributes for the coordinate of the result.
    """

    name: Hashable
    codes: Codes
    labels: NDArray[Any]
    attrs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ObservedBins:
    """Bins of the observed values, which are groups once it is known of which flux.

    Attributes
    ----------
    edges : ndarray
        In the units of the observations.
    """

    edges: NDArray[np.float64]

    @property
    def name(self) -> str:
        """Dimension of the result."""
        return f"{OBSERVED}_bin"

    def of(self, observed: xr.Variable) -> Grouping:
        """Return the groups of the observations of one flux; lazy where they are."""
        return _binned(observed, self.edges, self.name, "observed value")


def items_of(by: By | None) -> list[Item]:
    """Return what `by` names, one by one: of a mapping, each name with its edges."""
    if by is None:
        return []
    given: list[Item] = [by] if isinstance(by, str | xr.DataArray | Mapping) else list(by)
    items: list[Item] = []
    for item in given:
        if isinstance(item, Mapping):
            items.extend({name: edges} for name, edges in item.items())
        else:
            items.append(item)
    return items


def group_by(
    by: Item,
    observed: xr.DataArray | xr.Dataset,
    predicted: xr.DataArray | xr.Dataset,
) -> Grouping | ObservedBins:
    """Turn a name, an array of labels or edges of bins into groups.

    Parameters
    ----------
    by : str, DataArray or mapping
        A coordinate or variable of the observations, else of the predictions, such as
        ``"igbp"``; a part of the date (``"season"``, ``"month"``, ``"year"``,
        ``"dayofyear"``, ``"hour"``); labels; or one name with edges of bins.
    observed, predicted : DataArray or Dataset

    Returns
    -------
    Grouping or ObservedBins
        Classes with CF ``flag_values`` and ``flag_meanings`` bear their names, all that the
        attribute lists, in its order. Other labels are sorted. Bins hold their lower edge and
        not their upper one.

    Raises
    ------
    MissingVariableError
        When there is nothing of that name.
    InputError
        When the labels are lazy and not known beforehand, or edges do not rise.
    """
    if isinstance(by, Mapping):
        ((key, edges),) = by.items()
        return _bins(str(key), edges, observed, predicted)
    if isinstance(by, xr.DataArray):
        check_coordinates(observed, by, "observed", "by")
        check_coordinates(predicted, by, "predicted", "by")
        return _from_array(by, by.name if by.name is not None else "group")
    name = by.removeprefix("time.")
    for source in (observed, predicted):
        held = source.variables if isinstance(source, xr.Dataset) else source.coords
        if by in held:
            return _from_array(source[by], by)
    if name in _TIME_PARTS:
        source = observed if any(is_time(observed, dim) for dim in observed.dims) else predicted
        return _from_date(source[time_dim(source)], name)
    raise MissingVariableError(
        f"by={by!r}: neither observed nor predicted has a coordinate or variable of that name "
        f"(coordinates: {sorted({str(c) for s in (observed, predicted) for c in s.coords})}), and "
        f"it is no part of a date ({', '.join(_TIME_PARTS)}); pass a DataArray of labels instead"
    )


def _bins(
    name: str,
    edges: Any,
    observed: xr.DataArray | xr.Dataset,
    predicted: xr.DataArray | xr.Dataset,
) -> Grouping | ObservedBins:
    try:
        found = np.asarray(edges, np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.ndim != 1 or found.size < 2 or not (np.diff(found) > 0).all():
        raise InputError(
            f"by={{{name!r}: {edges!r}}}: expected rising edges of bins, at least two, such as "
            "[0, 5, np.inf]"
        )
    if name == OBSERVED:
        return ObservedBins(found)
    for source in (observed, predicted):
        held = source.variables if isinstance(source, xr.Dataset) else source.coords
        if name in held:
            if source[name].dtype.kind not in "fiu":
                raise InputError(f"by={{{name!r}: ...}}: {name!r} holds no numbers to bin")
            said = str(source[name].attrs.get("long_name", name))
            return _binned(source[name].variable, found, f"{name}_bin", said)
    raise MissingVariableError(
        f"by={{{name!r}: ...}}: neither observed nor predicted has a coordinate or variable of "
        f"that name; the values that are scored are binned by {OBSERVED!r}"
    )


def _binned(values: xr.Variable, edges: NDArray[np.float64], name: str, said: str) -> Grouping:
    look_up = partial(_bin_positions, edges=edges)
    data: Any = values.data
    found = data.map_blocks(look_up, dtype=np.int64) if is_lazy(data) else look_up(data)
    labels = np.array([f"[{low}, {high})" for low, high in pairwise(_told_apart(edges))])
    attrs = {"long_name": f"Bin of {said}", "edges": edges}
    return Grouping(name, Codes(xr.Variable(values.dims, found), len(labels)), labels, attrs)


def _told_apart(edges: NDArray[np.float64]) -> list[str]:
    """Write edges with 6 digits, or with as many as tell them apart."""
    for digits in range(6, 17):
        written = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(written)) == len(written):
            return written
    # 17 digits tell any two numbers apart.
    return [f"{edge:.17g}" for edge in edges]


def _bin_positions(data: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Position of the bin of each value; -1 outside all bins, and of NaN."""
    place = np.searchsorted(edges, data, side="right").astype(np.int64) - 1
    return np.where(place < len(edges) - 1, place, -1)


def is_time(data: xr.DataArray | xr.Dataset, dim: Hashable) -> bool:
    """Tell whether a dimension has dates for its coordinate, of any CF calendar."""
    index = data.indexes.get(dim)
    return isinstance(index, pd.DatetimeIndex | xr.CFTimeIndex)


def time_dim(data: xr.DataArray | xr.Dataset) -> Hashable:
    """Return the dimension whose coordinate are dates.

    Raises
    ------
    InputError
        When there is none, or several and none is called ``time``.
    """
    found = [dim for dim in data.sizes if is_time(data, dim)]
    if "time" in found:
        return "time"
    if len(found) == 1:
        return found[0]
    raise InputError(
        f"no dimension of {tuple(data.sizes)} has dates for its coordinate; decode them with "
        "xr.decode_cf(ds), or call the one that is meant 'time'"
    )


def _from_date(time: xr.DataArray, part: str) -> Grouping:
    values = getattr(time.dt, part).to_numpy()
    present = pd.unique(values)
    known: Sequence[Any] = _SEASONS if part == "season" else sorted(present)
    labels = np.array([label for label in known if label in present])
    codes = pd.Index(labels).get_indexer(pd.Index(values)).astype(np.int64)
    return Grouping(
        part, Codes(xr.Variable(time.dims, codes), len(labels)), labels, {"long_name": part}
    )


def _from_array(array: xr.DataArray, name: Hashable) -> Grouping:
    kept = {key: array.attrs[key] for key in ("long_name", "standard_name") if key in array.attrs}
    data = array.variable.data
    if "flag_values" in array.attrs and "flag_meanings" in array.attrs:
        values, labels = _flags(array, name)
    elif array.dtype == bool:
        values, labels = np.array([False, True]), np.array([False, True])
    elif is_lazy(data):
        raise InputError(
            f"by={name!r} is lazy, and which labels it holds is not known before it is computed: "
            "compute it first (by.compute()), or give it flag_values and flag_meanings"
        )
    else:
        flat = pd.Series(np.asarray(data).reshape(-1))
        codes, uniques = pd.factorize(flat.where(flat != ""), sort=True)  # no name: no group
        labels = np.asarray(uniques)
        shaped = codes.reshape(array.shape).astype(np.int64)
        return Grouping(name, Codes(xr.Variable(array.dims, shaped), len(labels)), labels, kept)
    look_up = partial(_positions, values=values)
    if is_lazy(data):
        found = data.map_blocks(look_up, dtype=np.int64)
    else:
        found = look_up(np.asarray(data))
    return Grouping(name, Codes(xr.Variable(array.dims, found), len(labels)), labels, kept)


def _flags(array: xr.DataArray, name: Hashable) -> tuple[NDArray[Any], NDArray[Any]]:
    found = array.attrs["flag_values"]
    if isinstance(found, str):
        found = [float(item.strip(" bBsSlL")) for item in found.replace(",", " ").split()]
    values = np.atleast_1d(np.asarray(found))
    labels = np.array(str(array.attrs["flag_meanings"]).split())
    if len(values) != len(labels):
        raise InputError(
            f"by={name!r}: {len(values)} flag_values but {len(labels)} flag_meanings; CF wants "
            "one word a value, separated by blanks"
        )
    return values, labels


def _positions(data: NDArray[Any], values: NDArray[Any]) -> NDArray[np.int64]:
    """Position of each element among `values`; -1 where it is not among them."""
    order = np.argsort(values)
    ranked = values[order]
    place = np.minimum(np.searchsorted(ranked, data), len(ranked) - 1)
    return np.where(ranked[place] == data, order[place], -1).astype(np.int64)
