"""Join the Datasets of many files: exactly, lazily, and with errors that name the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import GridMismatchError, InputError, UnitsError, XfluxError, raise_together

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["join"]

_GRID = ("lat", "lon", "x", "y")


def join(datasets: Sequence[xr.Dataset], paths: Sequence[str]) -> xr.Dataset:
    """Join Datasets by their coordinates, along time, tiles and variables.

    Parameters
    ----------
    datasets : sequence of Dataset
        Lazy; no data are read. What has no time axis, such as a land mask, is
        taken from the first file that holds it.
    paths : sequence of str
        Where each came from, for messages.

    Returns
    -------
    Dataset

    Raises
    ------
    GridMismatchError
        When coordinates differ by rounding, or do not fit together.
    UnitsError
        When one variable bears different units in two files.
    InputError
        When time stamps occur twice or the files leave holes in a tiling.
    """
    import xarray as xr

    if len(datasets) == 1:
        return datasets[0]
    _check_units(datasets, paths)
    _check_rounding(datasets, paths)
    prepared = _without_conflicts(datasets)
    try:
        joined = xr.combine_by_coords(
            prepared,
            data_vars="minimal",
            coords="minimal",
            # Anything stricter would compare, and so read, the data.
            compat="override",
            join="exact",
            combine_attrs="drop_conflicts",
        )
    except ValueError as error:
        raise _explain(error, datasets, paths) from error
    assert isinstance(joined, xr.Dataset)  # of Datasets, which its type does not say
    for axis in (*_GRID, "time"):
        index = joined.indexes.get(axis)
        if index is not None and not index.is_unique:
            twice = index[index.duplicated()][0]
            raise InputError(
                f"{axis!r} = {twice} occurs in more than one file; leave one of them out, or cut "
                "the files apart with preprocess="
            )
    return joined


def _check_units(datasets: Sequence[xr.Dataset], paths: Sequence[str]) -> None:
    first: dict[str, tuple[object, str]] = {}
    errors: dict[str, XfluxError] = {}
    for ds, path in zip(datasets, paths, strict=True):
        for key, array in ds.data_vars.items():
            units = array.attrs.get("units")
            known, where = first.setdefault(str(key), (units, path))
            if units != known and key not in errors:
                errors[str(key)] = UnitsError(
                    f"{key!r} is in {known!r} in {where!r} but in {units!r} in {path!r}; bring "
                    "the files to one unit with preprocess="
                )
    raise_together(list(errors.values()))


def _check_rounding(datasets: Sequence[xr.Dataset], paths: Sequence[str]) -> None:
    """Refuse axes that are meant to be equal and are not.

    xarray would take float32 and float64 spellings of one grid for tiles of a
    larger one.
    """
    for axis in _GRID:
        first: dict[int, tuple[np.ndarray, str]] = {}
        for ds, path in zip(datasets, paths, strict=True):
            if axis not in ds.indexes:
                continue
            values = np.asarray(ds.indexes[axis], dtype="f8")
            known, where = first.setdefault(values.size, (values, path))
            difference = np.abs(values - known).max(initial=0.0)
            spacing = np.abs(np.diff(values)).min() if values.size > 1 else 1.0
            if 0.0 < difference < 0.1 * spacing:
                raise GridMismatchError(
                    f"{axis!r} of {path!r} ({ds.indexes[axis].dtype}) and of {where!r} differ by "
                    f"up to {difference:.2g}, as float32 and float64 do; give all files the same "
                    "coordinates, such as with preprocess=lambda ds: xflux.snap(ds, like)"
                )


def _without_conflicts(datasets: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Drop labels that do not hold for all files.

    Scalars that differ, such as CMIP's ``height`` of 2 m and of 10 m, and labels of
    times that some files lack, such as ERA5's ``expver``.
    """
    seen: dict[str, set[object]] = {}
    dropped: set[str] = set()
    in_time = [ds for ds in datasets if "time" in ds.dims]
    for ds in datasets:
        for key, array in ds.coords.items():
            if array.ndim == 0:
                # Scalars are never chunked on opening: this reads metadata, not a graph.
                seen.setdefault(str(key), set()).add(array.values.item())
            elif array.dims == ("time",) and any(key not in other.coords for other in in_time):
                dropped.add(str(key))
    dropped.update(key for key, values in seen.items() if len(values) > 1)
    return [ds.drop_vars(dropped, errors="ignore") for ds in datasets]


def _explain(error: ValueError, datasets: Sequence[xr.Dataset], paths: Sequence[str]) -> XfluxError:
    """Say which axis of which files does not fit."""
    for axis in (*_GRID, "time"):
        first: tuple[object, str] | None = None
        for ds, path in zip(datasets, paths, strict=True):
            if axis not in ds.indexes:
                continue
            index = ds.indexes[axis]
            if first is None:
                first, known = (index, path), index
            elif not index.equals(known):
                advice = (
                    "open them apart and bring one to the times of the other"
                    if axis == "time"
                    else "open them apart and regrid one onto the other"
                )
                kind = InputError if axis == "time" else GridMismatchError
                return kind(
                    f"the files do not fit together along {axis!r}: {first[1]!r} has "
                    f"{_span(known)}, {path!r} has {_span(index)}; {advice} ({error})"
                )
    listed = ", ".join(repr(path) for path in dict.fromkeys(paths[:6]))
    return InputError(
        f"the files cannot be joined by their coordinates ({error}); files of one variable must "
        f"differ in time or tile: {listed}"
    )


def _span(index: object) -> str:
    values = list(index)  # type: ignore[call-overload]
    return f"{len(values)} values {values[0]} .. {values[-1]}" if values else "no values"
