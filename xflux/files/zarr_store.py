"""Write a lazy Dataset to Zarr slab by slab, so that an interruption costs one slab.

All goes into a folder beside the path, and gets its name when it is complete: what can
be opened is whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import xarray as xr

from xflux.errors import InputError
from xflux.files.manifest import (
    Manifest,
    differences,
    fingerprint,
    flush,
    proven,
    read_manifest,
    write_manifest,
)
from xflux.files.slabs import Slabs, chunks_of, cut, evenly_chunked, zarr_chunks
from xflux.files.write_lock import LOCK, not_writable, only_writer
from xflux.progress_bar import progress_bar

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
        Of the store, on a disk; missing folders above it are made. It is there when all
        of it is written; before, all is in a folder ``.<name>.partial`` beside it.
    along : hashable, optional
        Dimension to cut; that along which the largest lazy variable has most chunks when
        not given. Lazy variables without it are written first, in one computation.
    resume : bool
        Go on with an unfinished store where there is one. Its last finished slab is
        computed again, and must come out as it is on disk; so must, where a variable is
        missing or one number throughout that slab, the last one in which it is not. When
        there is no such slab for any variable, all is written anew: the finished slabs
        are missing values and single numbers, and could as well be of other data.
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
        to be resumed, when another process writes it, for a URL, a path in another store
        or where nothing can be written, for what is no Dataset, names that Zarr cannot
        have and pint quantities. Nothing has been computed then but what is checked.
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
    _refuse_unstorable(ds, along)
    final = _on_disk(path)
    partial = final.with_name(f".{final.name}.partial")
    store = partial / "store"
    with only_writer(partial, final) as check_lock:
        _recover(partial, final)
        found = _unfinished(final, partial, resume=resume, overwrite=overwrite)
        replaces = overwrite or (resume and found is not None and found.overwrite)
        ds = _storable(ds)
        slabs = cut(ds, along)
        if found and _goes_on(ds, slabs, found, store, final):
            manifest = found
        else:
            manifest = _begin(ds, slabs, partial, overwrite=replaces)
        slabs = replace(slabs, length=manifest.length)
        names = _lazy(ds, slabs.along)
        start = manifest.done
        with progress_bar(
            len(slabs), label=final.name, unit="slab", show=progress, start=start
        ) as tell:
            for number in range(start, len(slabs)):
                _write(ds, store, names, slabs[number])
                check_lock()
                manifest = replace(manifest, done=number + 1)
                write_manifest(partial / "manifest.json", manifest)
                tell()
        check_lock()
        _finish(partial, final, overwrite=replaces)
    return final


def _refuse_unstorable(ds: Any, along: Hashable | None) -> None:
    """Refuse what no store can hold, before anything is computed or touched."""
    if not isinstance(ds, xr.Dataset):
        raise InputError(
            f"ds is a {type(ds).__name__}; give a Dataset, which a DataArray becomes by "
            "da.to_dataset(name=...)"
        )
    if along is not None and along not in ds.dims:
        raise InputError(
            f"along={along!r} is no dimension of the Dataset, which has "
            f"{', '.join(map(str, ds.dims)) or 'none'}"
        )
    # Each variable is a folder of its name, beside files that begin with a dot.
    for name in ds.variables:
        if not isinstance(name, str) or not name or name[0] == "." or {*name} & {*"/\\"}:
            raise InputError(
                f"{name!r} cannot be the name of a variable in Zarr, where it is a text without "
                '"/" that does not begin with "."; give it another by '
                f'ds.rename({{{name!r}: "..."}})'
            )
    quantified = [
        str(name) for name, variable in ds.variables.items() if hasattr(variable._data, "_REGISTRY")
    ]
    quantified += [str(name) for name, index in ds.xindexes.items() if hasattr(index, "units")]
    if quantified:
        raise InputError(
            f"{', '.join(quantified)}: pint quantities, which no file holds; write "
            'ds.pint.dequantify(format="cf")'
        )


def _on_disk(path: str | os.PathLike[str]) -> Path:
    """Return where the store will be, if there is room for it."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"path is a {type(path).__name__}; give the path of a folder")
    if "://" in os.fspath(path):
        raise InputError(
            f"{os.fspath(path)!r} is a URL, where a complete store cannot be told from an "
            "unfinished one by its name; write to a disk and copy it, or use xarray's own "
            "ds.to_zarr"
        )
    final = Path(path).expanduser()
    try:
        # Resolved, as a link and what it points to may be on different disks.
        final = final.resolve()
        if _taken(final) and not _is_store(final):
            raise InputError(f"{final} is there and is no Zarr store; name another path")
        if final.is_mount():
            raise InputError(
                f"{final} is a mount point, which cannot be renamed; name a folder in it"
            )
        above = next((folder for folder in final.parents if _is_store(folder)), None)
    except OSError as error:
        raise not_writable(final, error) from error
    if above:
        raise InputError(f"{final} is inside of the Zarr store {above}; name a path outside of it")
    return final


def _is_store(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in (".zgroup", ".zmetadata", "zarr.json"))


def _taken(final: Path) -> bool:
    """Return whether something other than an empty folder is at the path."""
    return final.exists() and not (final.is_dir() and not any(final.iterdir()))


def _storable(ds: xr.Dataset) -> xr.Dataset:
    """Return what is written: evenly chunked, with nothing of the files it came from."""
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


def _unfinished(final: Path, partial: Path, *, resume: bool, overwrite: bool) -> Manifest | None:
    """Return the record of an unfinished store that matters, unless the call is refused."""
    found = None
    if (partial / "store").exists() and (resume or not overwrite):
        found = read_manifest(partial / "manifest.json")
    how_far = f"{found.done} of {found.slabs} slabs" if found else ""
    if _taken(final) and not overwrite and not (resume and found and found.overwrite):
        beside = ""
        if found:
            goes_on = "resume=True" if found.overwrite else "resume=True with overwrite=True"
            beside = (
                f". Beside it is an unfinished store with {how_far}, by a run that was "
                f"interrupted: {goes_on} goes on with it, overwrite=True drops it and starts "
                "anew; either replaces the complete one in the end"
            )
        raise InputError(
            f"{final} is complete already; open it by xr.open_zarr, or replace it with "
            f"overwrite=True{beside}"
        )
    # Where no slab is finished, nothing is lost by writing the little there is again.
    if found and found.done and not resume:
        raise InputError(
            f"{how_far} of {final} are written, by a run that was interrupted; resume=True goes "
            "on with them, overwrite=True starts anew"
        )
    return found


def _goes_on(ds: xr.Dataset, slabs: Slabs, found: Manifest, store: Path, final: Path) -> bool:
    """Return whether the finished slabs can be kept; refuse those of other data."""
    if not found.done:
        return False
    how_far = f"{found.done} of {found.slabs} slabs of {final} are written"
    others = differences(found.fingerprint, fingerprint(ds, slabs))
    if others:
        shown = "\n".join(f"- {other}" for other in others[:8])
        more = f"\n- and {len(others) - 8} more" if len(others) > 8 else ""
        raise InputError(
            f"{how_far}, but of other data than these:\n{shown}{more}\n"
            "Give what it was begun with, or start anew with overwrite=True"
        )
    begun = replace(slabs, length=found.length)
    return proven(ds, store, _lazy(ds, slabs.along), begun, found.done, how_far)


def _begin(ds: xr.Dataset, slabs: Slabs, partial: Path, *, overwrite: bool) -> Manifest:
    """Make the store, with all that is not cut into slabs."""
    import dask.array

    begun, store = partial / "begun", partial / "store"
    # Names and types alone: in place of each lazy array stands one block that is not computed.
    frame = ds.copy()
    for name, variable in frame.variables.items():
        if variable.chunks is not None:
            variable.data = dask.array.empty(variable.shape, dtype=variable.dtype, chunks=-1)
        if variable.ndim:
            variable.encoding["chunks"] = zarr_chunks(ds, name)
    try:
        frame.to_zarr(begun, mode="w-", compute=False, **ZARR)
    except Exception:
        # Such as attributes that are no JSON: refused, before anything else was touched.
        shutil.rmtree(begun, ignore_errors=True)
        raise
    manifest = Manifest(fingerprint(ds, slabs), slabs.length, len(slabs), 0, overwrite)
    # First the record: beside the old one, the new store would pass for as far as that was.
    write_manifest(partial / "manifest.json", manifest)
    _drop(store)
    begun.rename(store)
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
    files = [store / str(name) / key for name in names for key, _ in chunks_of(ds, name, region)]
    with ThreadPoolExecutor(8) as pool:
        # The record must not be on disk before what it records, or a loss of power makes it lie.
        list(pool.map(flush, [*files, *(store / str(name) for name in names)]))


def _finish(partial: Path, final: Path, *, overwrite: bool) -> None:
    """Give the store its name, and remove what was beside it.

    Interrupted anywhere, it has the old or the new store at the path, or beside it where
    `_recover` finds it.
    """
    store, replaced = partial / "store", partial / "replaced"
    # Left by a worker that was killed while it wrote; its chunk has been written again.
    for unfinished in store.glob("*/*.partial"):
        unfinished.unlink(missing_ok=True)
    if _taken(final):
        if not (overwrite and _is_store(final)):
            raise InputError(
                f"something that is not to be replaced has come to {final} meanwhile; move it "
                "away and go on with resume=True, or replace a store with resume=True, "
                "overwrite=True"
            )
        final.rename(replaced)
        flush(partial)
    elif final.exists():
        final.rmdir()
    store.rename(final)
    flush(final.parent)
    _recover(partial, final)
    for left in partial.iterdir():
        if left.name != LOCK:
            left.unlink(missing_ok=True)


def _recover(partial: Path, final: Path) -> None:
    """Bring the old store back where an interrupted call left none, and clear up after it."""
    store, replaced = partial / "store", partial / "replaced"
    if replaced.exists():
        if not _taken(final):
            if final.exists():
                final.rmdir()
            replaced.rename(final)
            flush(final.parent)
        elif store.exists():
            # Neither is the new one, which has not got its name.
            raise InputError(
                f"{final} and {replaced} are both there; the second was at the path before, when "
                "an overwrite=True was interrupted. Move one of them away and call again"
            )
        else:
            _drop(replaced)
    for rubbish in partial.iterdir():
        if rubbish.is_dir() and rubbish != store:
            shutil.rmtree(rubbish)
    if not store.exists():
        for record in partial.glob("manifest.json*"):
            record.unlink()


def _drop(folder: Path) -> None:
    """Remove a folder, of which no part must ever pass for the whole."""
    if folder.exists():
        rubbish = folder.with_name(f"dropped-{uuid4().hex}")
        folder.rename(rubbish)
        shutil.rmtree(rubbish)
