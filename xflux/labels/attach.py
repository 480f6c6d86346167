"""What xflux says about the arrays it returns: names, attributes, encoding, history.

Attributes are replaced, never inherited: xarray keeps the attributes of an input
through arithmetic, so that a flux would come out as a temperature in degC.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xflux.errors import XfluxWarning
from xflux.labels.variables import Variable, variables
from xflux.version import __version__

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "attributes", "describe", "generated", "warn_of_replaced", "with_coordinate_attributes",
    "with_history",
]  # fmt: skip

Labelled = TypeVar("Labelled", "xr.Dataset", "xr.DataArray")


def attributes(name: str, dims: tuple[object, ...] | None = None, **extra: Any) -> dict[str, Any]:
    """Return the CF attributes of a variable of the table.

    Parameters
    ----------
    name : str
        Canonical name.
    dims : tuple of str, optional
        Dimensions of the array; without ``time`` among them no method over
        time is stated.
    **extra
        Further attributes; None leaves one of the table out.

    Returns
    -------
    dict
    """
    row = variables[name]
    attrs: dict[str, Any] = {}
    if row.standard_name:
        attrs["standard_name"] = row.standard_name
    attrs["long_name"] = row.long_name
    attrs["units"] = row.units
    cell_methods = row.cell_methods
    if dims is not None and "time" not in dims:
        cell_methods = _without_time(cell_methods)
    if cell_methods:
        attrs["cell_methods"] = cell_methods
    if row.positive:
        attrs["positive"] = row.positive
    if row.classes is not None:
        attrs.update(_flags(row))
    attrs.update(extra)
    return {key: value for key, value in attrs.items() if value is not None}


def _without_time(cell_methods: str) -> str:
    if cell_methods == "area: time: mean":
        return "area: mean"
    return cell_methods.split(" time:")[0]


def _flags(row: Variable) -> dict[str, Any]:
    assert row.classes is not None
    values = np.array(list(row.classes.values()), dtype="i1")
    return {"flag_values": values, "flag_meanings": " ".join(row.classes)}


def describe(array: xr.DataArray, name: str, **extra: Any) -> xr.DataArray:
    """Name an array and replace its attributes by those of the table.

    Parameters
    ----------
    array : DataArray
        In the canonical unit of `name`.
    name : str
        Canonical name.
    **extra
        Further attributes (``None`` removes one of the table).

    Returns
    -------
    DataArray
        Shares its data with `array`; encoding is empty.
    """
    described = array.copy(deep=False)
    described.name = name
    described.attrs = attributes(name, array.dims, **extra)
    described.encoding = {}
    return described


def generated(arrays: Iterable[xr.DataArray]) -> str | None:
    """Return what says that some of these were generated; None where none was."""
    marks = {str(array.attrs.get("synthetic", "")) for array in arrays}
    return "; ".join(sorted(marks - {""})) or None


def warn_of_replaced(names: Sequence[object], *, by: str, alone: str, stacklevel: int = 2) -> None:
    """Warn that variables which may be observations give way to what is computed.

    Parameters
    ----------
    names : sequence
        Of the variables; empty: nothing is said.
    by : str
        What replaces them, such as ``baseline``.
    alone : str
        How to have what is computed alone.
    stacklevel : int
        Of the caller, as of `warnings.warn`.
    """
    if names:
        warnings.warn(
            f"{by} replaces {', '.join(map(str, names))} of the Dataset (observations?); {alone}",
            XfluxWarning,
            stacklevel=stacklevel + 1,
        )


def with_coordinate_attributes(
    result: Labelled, sources: Iterable[xr.Dataset | xr.DataArray]
) -> Labelled:
    """Give coordinates back their attributes, which go with those of the data otherwise.

    Parameters
    ----------
    result : Dataset or DataArray
    sources : iterable of Dataset or DataArray
        What it was made of; the first that says something of a coordinate counts.

    Returns
    -------
    Dataset or DataArray
        Shares its data with `result`; coordinates that have attributes keep those alone.
    """
    kept = result.copy(deep=False)
    for source in sources:
        for key, coordinate in kept.coords.items():
            if not coordinate.attrs and key in source.coords:
                coordinate.attrs = dict(source.coords[key].attrs)
    return kept


def with_history(ds: xr.Dataset, event: str) -> xr.Dataset:
    """Append a line to the history of a Dataset.

    No time stamp is written, so that the same call gives the same result.

    Parameters
    ----------
    ds : Dataset
    event : str
        What was done, such as ``baseline(gpp=PModel())``.
    """
    line = f"xflux {__version__}: {event}"
    before = str(ds.attrs.get("history", "")).rstrip()
    return ds.assign_attrs(history=f"{before}\n{line}" if before else line)
