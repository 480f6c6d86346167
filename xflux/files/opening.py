"""Open files lazily: NetCDF, Zarr, and GRIB when cfgrib is there."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping
from typing import Any

import xarray as xr

from xflux.errors import FileFormatError, InputError

__all__ = ["expand_paths", "open_lazily"]

_GRIB = (".grib", ".grib1", ".grib2", ".grb", ".grb1", ".grb2")
_READABLE = (".nc", ".nc4", ".cdf", ".h5", ".zarr", *_GRIB)
_ZARR_MARKS = ("zarr.json", ".zgroup", ".zmetadata")

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def expand_paths(paths: Paths) -> list[str]:
    """Turn a path, pattern, folder or list of these into a list of files.

    Parameters
    ----------
    paths : str, path, or iterable of these
        A file, a Zarr store, a pattern (``"era5/*.nc"``), a folder (the NetCDF,
        Zarr and GRIB files directly in it), or a URL, which is passed on as it is.

    Returns
    -------
    list of str
        Sorted within each pattern and folder, every file once.

    Raises
    ------
    FileNotFoundError
        When a path is not there, or a pattern or folder holds no readable file.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise InputError("paths is empty; give a file, a pattern, a folder or a list of these")
    found: list[str] = []
    for one in given:
        if not isinstance(one, str | os.PathLike):
            raise InputError(f"paths holds {one!r} of type {type(one).__name__}; expected a path")
        found.extend(_expand(os.path.expanduser(os.fspath(one))))
    return list(dict.fromkeys(found))


def _expand(path: str) -> list[str]:
    if "://" in path:
        return [path]
    if os.path.isdir(path) and not _is_zarr(path):
        inside = sorted(name for name in os.listdir(path) if name.lower().endswith(_READABLE))
        if not inside:
            raise FileNotFoundError(
                f"folder {path!r} holds no file that ends in {', '.join(_READABLE)}; "
                "name the files or a pattern"
            )
        return [os.path.join(path, name) for name in inside]
    if os.path.exists(path):
        return [path]
    if glob.has_magic(path):
        # cfgrib leaves index files beside the data, which a pattern may catch.
        matches = sorted(name for name in glob.glob(path) if not name.endswith(".idx"))
        if not matches:
            raise FileNotFoundError(f"no file matches the pattern {path!r}")
        return matches
    raise FileNotFoundError(f"there is no file or folder {path!r}")


def _is_zarr(path: str) -> bool:
    return path.rstrip("/").endswith(".zarr") or any(
        os.path.exists(os.path.join(path, mark)) for mark in _ZARR_MARKS
    )


def _is_grib(path: str) -> bool:
    if path.lower().endswith(_GRIB):
        return True
    if "://" in path or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(4) == b"GRIB"


def open_lazily(
    path: str, *, chunks: Any = "auto", engine: str | None = None, **options: Any
) -> list[xr.Dataset]:
    """Open one file without reading its data.

    Parameters
    ----------
    path : str
        A NetCDF or GRIB file, a Zarr store or a URL.
    chunks : default "auto"
        As in `xarray.open_dataset`; never None, which would not be lazy.
    engine : str, optional
        As in `xarray.open_dataset`; found from the file when not given.
    **options
        Passed to `xarray.open_dataset`.

    Returns
    -------
    list of Dataset
        One, or for GRIB as many as its messages need hypercubes.

    Raises
    ------
    FileFormatError
        When the file is damaged or of no format that is installed here.
    ImportError
        For GRIB without cfgrib.
    """
    if chunks is None:
        raise InputError(
            'chunks=None would read the data eagerly; use chunks="auto" or {} (the chunks of '
            "the file), and call .load() on the result to have it in memory"
        )
    if engine == "cfgrib" or (engine is None and _is_grib(path)):
        return _open_grib(path, chunks, options)
    if engine is None and _is_zarr(path):
        engine = "zarr"
    if engine is None:
        _check_complete(path)
    try:
        ds = xr.open_dataset(path, engine=engine, chunks=chunks, **options)
    except (ImportError, TypeError):
        raise
    except Exception as error:  # each backend has exceptions of its own
        raise FileFormatError(
            f"{path!r} cannot be opened ({type(error).__name__}: {error}); it may be truncated or "
            "of another format. If xarray.open_dataset opens it with an option (engine=, "
            "decode_times=False, ...), pass the option on"
        ) from error
    if not ds.variables:
        raise FileFormatError(f"{path!r} holds no variables; it may be truncated or empty")
    return [ds]


def _check_complete(path: str) -> None:
    """Refuse a classic NetCDF file that ends early.

    The NetCDF library reads zeros beyond the end, which would pass for values.
    """
    if "://" in path or not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        if file.read(4) not in (b"CDF\x01", b"CDF\x02"):
            return
    from scipy.io import netcdf_file

    try:
        # Maps every variable into memory, and so into the file, without reading it.
        with netcdf_file(path, mmap=True):
            pass
    except Exception as error:
        raise FileFormatError(
            f"{path!r} is shorter than its header says, as after a download that broke off "
            f"({type(error).__name__}: {error}); get it again, or pass engine='netcdf4' to read "
            "zeros where it ends"
        ) from error


def _open_grib(path: str, chunks: Any, options: Mapping[str, Any]) -> list[xr.Dataset]:
    try:
        import cfgrib
    except (ImportError, RuntimeError) as error:  # RuntimeError: ecCodes itself is missing
        raise ImportError(
            f"{path!r} is GRIB, which needs cfgrib with ecCodes: pip install 'xflux[grib]', "
            "or convert the file to NetCDF"
        ) from error
    options = dict(options)
    # Without this, cfgrib writes an index file beside the data.
    backend = {"indexpath": "", **options.pop("backend_kwargs", {})}
    try:
        # One file may hold variables of different levels and steps: several hypercubes.
        datasets = cfgrib.open_datasets(path, backend_kwargs=backend, chunks=chunks, **options)
    except Exception as error:
        raise FileFormatError(
            f"{path!r} cannot be opened as GRIB ({type(error).__name__}: {error}); it may be "
            "truncated or hold no message"
        ) from error
    if not datasets:
        raise FileFormatError(f"{path!r} holds no GRIB message that cfgrib can read")
    return list(datasets)
