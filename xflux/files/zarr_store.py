"""Write a lazy Dataset to Zarr slab by slab, so that an interruption costs one slab.

All goes into a folder beside the path, and gets its name when it is complete: what can
be opened is whole.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any

import xarray as xr

from xflux.errors import InputError
from xflux.files.manifest import (
    Manifest,
    differences,
    fingerprint,
    flush,
    read_manifest,
    write_manifest,
)
from xflux.files.slabs import Slabs, cut, evenly_chunked, zarr_chunks
from xflux.files.write_lock import LOCK, only_writer

__all__ = ["ZARR", "to_zarr"]

#: Version 2 of the format: read by every tool, and it has text, which version 3 does not yet.
ZARR: dict[str, Any] = {"zarr_format": 2, "consolidated": True}

#: What the encoding of an opened file says about other variables. All else in it is of that
#: file, such as its chunks, its compression and an integer type into which new values may not fit.
_REFERENCES = (
    "ancillary_variables", "bounds", "cell_measures", "climatology", "coordinates",
    "formula_terms", "grid_mapping",
)  # fmt: skip

Region = dict[Any, slice]


def to_zarr(
    ds: xr.Dataset,
    path: str | os.PathLike[str],
    *,
    along: Hashable | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Write a Dataset to Zarr, slab by slab, so that it can be interrupted.

    Each slab is one computation, on whatever computes now: threads, processes or a
    cluster, of which every worker must see `path`.

    Parameters
    ----------
    ds : Dataset
        Lazy or not.
    path : path
        Of the store, on a disk. It is there when all of it is written; before, all is in
        a folder ``.<name>.partial`` beside it.
    along : hashable, optional
        Dimension to cut; that along which the largest lazy variable has most chunks when
        not given. Lazy variables without it are written first, in one computation.
    resume : bool
        Go on with an unfinished store where there is one. Its last finished slab is
        computed again, and must come out as it is on disk.
    overwrite : bool
        Replace a store that is there, once the new one is complete, and drop an
        unfinished one unless `resume` goes on with it.
    progress : bool
        Show a bar of the slabs, where stderr is a terminal and tqdm is installed.

    Returns
    -------
    Path
        Of the store. Values are stored as they are, packed by no ``scale_factor`` or
        ``dtype`` in the encoding.

    Raises
    ------
    InputError
        When something is at `path`, an unfinished store is there, or one of other data is
        to be resumed, when another process writes it, for a URL and for pint quantities.
    FileFormatError
        When the record of an unfinished store cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import xarray as xr
    >>> ds = xr.Dataset({"gpp": ("time", [1.0, 2.0, 3.0])}).chunk(time=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     stored = to_zarr(ds, f"{folder}/gpp.zarr")
    ...     xr.open_zarr(stored).gpp.values
    array([1., 2., 3.])
    """
    final = _on_disk(path)
    ds = _storable(ds)
    slabs = cut(ds, along)
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_name(f".{final.name}.partial")
    with only_writer(partial, final) as check_lock:
        manifest = _go_on(ds, slabs, final, partial, resume=resume, overwrite=overwrite)
        if manifest is None:
            manifest = _begin(ds, slabs, partial, overwrite=overwrite)
        slabs = replace(slabs, length=manifest.length)
        store = partial / "store"
        names = _lazy(ds, slabs.along)
        for number in _shown(range(manifest.done, len(slabs)), len(slabs), final, progress):
            _write(ds, store, names, slabs[number])
            check_lock()
            manifest = replace(manifest, done=number + 1)
            write_manifest(partial / "manifest.json", manifest)
        check_lock()
        _finish(partial, final)
    return final


def _on_disk(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"path is a {type(path).__name__}; give the path of a folder")
    if "://" in os.fspath(path):
        raise InputError(
            f"{os.fspath(path)!r} is a URL, where a complete store cannot be told from an "
            "unfinished one by its name; write to a disk and copy it, or use xarray's own "
            "ds.to_zarr"
        )
    # Resolved, as a link and what it points to may be on different disks.
    return Path(path).expanduser().resolve()


def _storable(ds: xr.Dataset) -> xr.Dataset:
    """Return what is written: plain, evenly chunked, with nothing of the files it came from."""
    quantified = [
        str(name) for name, variable in ds.variables.items() if hasattr(variable._data, "_REGISTRY")
    ]
    quantified += [str(name) for name, index in ds.xindexes.items() if hasattr(index, "units")]
    if quantified:
        raise InputError(
            f"{', '.join(quantified)}: pint quantities, which no file holds; write "
            'ds.pint.dequantify(format="cf")'
        )
    ds = evenly_chunked(ds).copy()
    for variable in ds.variables.values():
        if variable.chunks is not None and variable.dtype.kind == "O":
            # What kind of objects they are, texts or dates, is seen from them alone.
            variable.load()
        variable.encoding = {
            key: value for key, value in variable.encoding.items() if key in _REFERENCES
        }
    ds.encoding = {key: value for key, value in ds.encoding.items() if key in _REFERENCES}
    return ds


def _go_on(
    ds: xr.Dataset, slabs: Slabs, final: Path, partial: Path, *, resume: bool, overwrite: bool
) -> Manifest | None:
    """Return how far an unfinished store is, where it can be gone on with."""
    if final.exists() and not _replaceable(final):
        raise InputError(f"{final} is there and is no Zarr store; name another path")
    found = None
    if (partial / "store").exists() and (resume or not overwrite):
        found = read_manifest(partial / "manifest.json")
        if not found.done:
            # Nothing is lost by writing the little there is again.
            found = None
    if final.exists() and not overwrite and not (resume and found and found.overwrite):
        raise InputError(
            f"{final} is complete already; open it by xr.open_zarr, or replace it with "
            "overwrite=True"
        )
    if found is None:
        return None
    how_far = f"{found.done} of {found.slabs} slabs of {final} are written"
    if not resume:
        raise InputError(
            f"{how_far}, by a run that was interrupted; resume=True goes on with them, "
            "overwrite=True starts anew"
        )
    others = differences(found.fingerprint, fingerprint(ds, slabs))
    if others:
        shown = "\n".join(f"- {other}" for other in others[:8])
        more = f"\n- and {len(others) - 8} more" if len(others) > 8 else ""
        raise InputError(
            f"{how_far}, but of other data than these:\n{shown}{more}\n"
            "Give what it was begun with, or start anew with overwrite=True"
        )
    last = replace(slabs, length=found.length)[found.done - 1]
    _recheck(ds, partial / "store", _lazy(ds, slabs.along), last, how_far)
    return found


def _replaceable(final: Path) -> bool:
    return final.is_dir() and (
        any((final / mark).exists() for mark in (".zgroup", "zarr.json"))
        or not any(final.iterdir())
    )


def _recheck(
    ds: xr.Dataset, store: Path, names: Iterable[Hashable], region: Region, how_far: str
) -> None:
    """Refuse to go on where a finished slab does not come out as it is on disk."""
    import dask

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


def _begin(ds: xr.Dataset, slabs: Slabs, partial: Path, *, overwrite: bool) -> Manifest:
    """Make the store, with all that is not cut into slabs."""
    import dask.array

    manifest = Manifest(fingerprint(ds, slabs), slabs.length, len(slabs), 0, overwrite)
    # First the record: beside the old one, a store that is half removed would pass for whole.
    write_manifest(partial / "manifest.json", manifest)
    for leftover in ("store", "replaced"):
        shutil.rmtree(partial / leftover, ignore_errors=True)
    store = partial / "store"
    # Names and types alone: in place of each lazy array stands one block that is not computed.
    frame = ds.copy()
    for name, variable in frame.variables.items():
        if variable.chunks is not None:
            variable.data = dask.array.empty(variable.shape, dtype=variable.dtype, chunks=-1)
        if variable.ndim:
            variable.encoding["chunks"] = zarr_chunks(ds, name)
    frame.to_zarr(store, mode="w-", compute=False, **ZARR)
    _write(ds, store, _lazy(ds, slabs.along, has=False), {})
    for file in [store, *store.rglob("*")]:
        flush(file)
    return manifest


def _lazy(ds: xr.Dataset, along: Hashable | None, *, has: bool = True) -> list[Hashable]:
    """Return the lazy variables that have a dimension, or those that have not."""
    return [
        name
        for name, variable in ds.variables.items()
        if variable.chunks is not None and (along in variable.dims) is has
    ]


def _write(ds: xr.Dataset, store: Path, names: list[Hashable], region: Region) -> None:
    """Compute a part of some variables, all in one computation, and have it on disk."""
    if not names:
        return
    part = xr.Dataset({name: ds.variables[name].isel(region) for name in names})
    part.to_zarr(store, mode="r+", region=region or None, consolidated=True)
    files = [file for name in names for file in _chunk_files(ds, store, name, region)]
    with ThreadPoolExecutor(8) as pool:
        # The record must not be on disk before what it records, or a loss of power makes it lie.
        list(pool.map(flush, [*files, *(store / str(name) for name in names)]))


def _chunk_files(ds: xr.Dataset, store: Path, name: Hashable, region: Region) -> Iterator[Path]:
    variable = ds.variables[name]
    ranges = []
    for dim, size, chunk in zip(variable.dims, variable.shape, zarr_chunks(ds, name), strict=True):
        part = region.get(dim, slice(0, size))
        ranges.append(range(part.start // chunk, ceil(part.stop / chunk)))
    for index in product(*ranges):
        yield store / str(name) / (".".join(map(str, index)) or "0")


def _finish(partial: Path, final: Path) -> None:
    """Give the store its name, and remove what was beside it."""
    store, replaced = partial / "store", partial / "replaced"
    # Left by a worker that was killed while it wrote; its chunk has been written again.
    for unfinished in store.glob("*/*.partial"):
        unfinished.unlink(missing_ok=True)
    if final.exists():
        shutil.rmtree(replaced, ignore_errors=True)
        final.rename(replaced)
    store.rename(final)
    flush(final.parent)
    for left in partial.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != LOCK:
            left.unlink()


def _shown(numbers: range, total: int, final: Path, progress: bool) -> Iterable[int]:
    if not progress or not sys.stderr.isatty():
        return numbers
    try:
        from tqdm import tqdm
    except ImportError:
        return numbers
    bar: Iterable[int] = tqdm(
        numbers, total=total, initial=numbers.start, desc=final.name, unit="slab", leave=False
    )
    return bar
