"""What is being written, and how far it is: the record of an unfinished store, and its proof."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xflux.errors import FileFormatError, InputError
from xflux.files.slabs import Slabs, chunks_of, zarr_chunks
from xflux.version import __version__

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Manifest",
    "differences",
    "fingerprint",
    "flush",
    "proven",
    "read_manifest",
    "write_manifest",
]

#: Raised when older versions could not read what is written any more.
SCHEMA = 1
_ABSENT = "(absent)"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record of an unfinished store.

    Parameters
    ----------
    fingerprint : dict
        Of the Dataset, by `fingerprint`.
    length : int
        Of a slab. It depends on the machine, so that a run that goes on needs it.
    slabs, done : int
        How many there are, and how many of them, from the first, are on disk.
    overwrite : bool
        Whether the finished store may replace another.
    """

    fingerprint: dict[str, Any]
    length: int
    slabs: int
    done: int
    overwrite: bool


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Replace the record; there is the old or the new one at any moment.

    Parameters
    ----------
    path : Path
    manifest : Manifest
    """
    text = json.dumps({"schema": SCHEMA, "xflux": __version__, **asdict(manifest)}, indent=1)
    written = path.with_name(f"{path.name}.new")
    with written.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)
    flush(path.parent)


def read_manifest(path: Path) -> Manifest:
    """Read the record of an unfinished store.

    Parameters
    ----------
    path : Path

    Raises
    ------
    FileFormatError
        When it is missing, truncated or of a newer schema.
    """
    start_anew = "start anew with overwrite=True"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        schema = int(found.pop("schema"))
        writer = str(found.pop("xflux"))
        if schema <= SCHEMA:
            return Manifest(**found)
    except FileNotFoundError:
        raise FileFormatError(
            f"the record {path} of an unfinished store is missing, so that what is done cannot "
            f"be told; {start_anew}"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"the record {path} of an unfinished store is truncated or not one of xflux "
            f"({type(error).__name__}: {error}); {start_anew}"
        ) from error
    raise FileFormatError(
        f"the record {path} of an unfinished store has schema {schema}, of xflux {writer}; this is "
        f"xflux {__version__}, which reads {SCHEMA}: go on with the newer version, or {start_anew}"
    )


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk; what is absent is not.

    Parameters
    ----------
    path : Path
    """
    # A folder cannot be opened on Windows, and need not be.
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        return
    try:
        os.fsync(descriptor)
    except OSError:
        # Some network file systems have no such call for folders or for reading.
        pass
    finally:
        os.close(descriptor)


def fingerprint(ds: xr.Dataset, slabs: Slabs) -> dict[str, Any]:
    """Describe all of a Dataset that can be told without computing it.

    Parameters
    ----------
    ds : Dataset
        As it will be written.
    slabs : Slabs

    Returns
    -------
    dict
        Of what JSON holds. Values that are in memory are there as a digest.
    """
    described = {
        "along": slabs.along,
        "sizes": dict(ds.sizes),
        "attrs": ds.attrs,
        "coordinates": sorted(map(str, ds.coords)),
        "variables": {
            name: {
                "dims": variable.dims,
                "dtype": str(variable.dtype),
                "chunks": zarr_chunks(ds, name),
                "attrs": variable.attrs,
                "encoding": variable.encoding,
                "values": "lazy" if variable.chunks is not None else _digest(variable.values),
            }
            for name, variable in ds.variables.items()
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(_with_text_keys(described), default=_plain))
    return plain


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufUS":
        return value.tolist() if value.dtype.kind != "S" else repr(value)
    return repr(value)


def _digest(values: np.ndarray) -> str:
    digest = hashlib.sha256(f"{values.dtype} {values.shape}".encode())
    if values.dtype.kind == "O":
        # Texts and dates: their bytes would be addresses.
        digest.update("\n".join(map(repr, values.ravel())).encode())
    else:
        digest.update(np.ascontiguousarray(values).reshape(-1).view("u1").data)
    return digest.hexdigest()


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name what differs between two fingerprints, a line each.

    Parameters
    ----------
    before, now : mapping
    """
    variables, others = before["variables"], now["variables"]
    found = []
    for name in [*variables, *(name for name in others if name not in variables)]:
        if name not in others:
            found.append(f"{name}: on disk alone")
        elif name not in variables:
            found.append(f"{name}: not on disk")
    changed: dict[str, list[str]] = {}
    for name in [name for name in variables if name in others]:
        for change in _changes(variables[name], others[name]):
            changed.setdefault(change, []).append(name)
    whole = {key: value for key, value in before.items() if key != "variables"}
    found += _changes(whole, now)
    return found + [f"{', '.join(names)}: {change}" for change, names in changed.items()]


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Say what differs in `before`, also in what it holds of mappings."""
    for key, was in before.items():
        is_now = now[key]
        if isinstance(was, Mapping):
            absent = {name: _ABSENT for name in (*was, *is_now)}
            yield from _changes({**absent, **was}, {**absent, **is_now}, f"{key} ")
        # As text, in which NaN equals NaN.
        elif (old := json.dumps(was)) != (new := json.dumps(is_now)):
            if key == "values" and "lazy" not in (was, is_now):
                yield "other values"
            else:
                yield f"{above}{key} {_short(old)} on disk, {_short(new)} now"


def _short(text: str, length: int = 120) -> str:
    return text if len(text) <= length else f"{text[:length]}..."


def proven(
    ds: xr.Dataset, store: Path, names: list[Hashable], slabs: Slabs, done: int, how_far: str
) -> bool:
    """Compute finished slabs again, and refuse to go on where they are not as on disk.

    They are the last one and, for each variable, the last one in which it tells one
    Dataset from another: missing values (at sea) equal those of any other, and so does a
    single number (no GPP in winter).

    Parameters
    ----------
    ds : Dataset
        What is written.
    store : Path
        It is read backwards, chunk by chunk, until each variable was found to tell.
    names : list of hashable
        Of the variables that are cut into slabs.
    slabs : Slabs
        As they were when the store was begun.
    done : int
        How many of them are finished, one or more.
    how_far : str
        For messages.

    Returns
    -------
    bool
        False when no finished slab tells anything of any variable. Nothing is computed
        then: proof would be to compute all of them, which is to start anew.

    Raises
    ------
    InputError
        When a slab does not come out as it is on disk.
    """
    import xarray as xr

    with xr.open_zarr(store, chunks=None) as stored:
        telling: dict[int, list[Hashable]] = {}
        unknown = list(names)
        for number in reversed(range(done)):
            found = [name for name in unknown if _tells(ds, stored, name, slabs[number])]
            if found:
                telling[number] = found
                unknown = [name for name in unknown if name not in found]
            if not unknown:
                break
    if not telling:
        return False
    for number, some in {**telling, done - 1: names}.items():
        _recheck(ds, store, some, slabs[number], how_far)
    return True


def _tells(ds: xr.Dataset, stored: xr.Dataset, name: Hashable, region: dict[Any, slice]) -> bool:
    """Return whether a variable has several values in a slab on disk."""
    first = None
    for _, part in chunks_of(ds, name, region):
        values = _telling(stored.variables[name][part].values)
        if values.size:
            first = values[0] if first is None else first
            if (values != first).any():
                return True
    return False


def _telling(values: np.ndarray) -> np.ndarray:
    """Return the values that are not missing or infinite."""
    return values[np.isfinite(values) if values.dtype.kind in "fc" else ~pd.isnull(values)]


def _recheck(
    ds: xr.Dataset, store: Path, names: list[Hashable], region: dict[Any, slice], how_far: str
) -> None:
    import dask
    import xarray as xr

    with xr.open_zarr(store, chunks={}) as stored:
        same = {}
        for name in names:
            before = stored.variables[name].isel(region, missing_dims="ignore")
            now = ds.variables[name].isel(region)
            equal = (before == now) | (before.isnull() & now.isnull())
            same[str(name)] = equal.data.all()
        (same,) = dask.compute(same)
    others = [name for name, equal in same.items() if not equal]
    if others:
        (dim, part), *_ = region.items()
        raise InputError(
            f"{how_far}, but {', '.join(others)} at {dim} {part.start} to {part.stop - 1} are not "
            "what they are on disk: the data or the code behind them have changed. Give what it "
            "was begun with, or start anew with overwrite=True"
        )
