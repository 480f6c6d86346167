"""Write results chunk by chunk, and open them again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xflux.commands.progress import Progress
from xflux.commands.request import Format
from xflux.files.slabs import evenly_chunked
from xflux.files.zarr_store import ZARR

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["reopen", "store"]

_ENDINGS: dict[Format, str] = {"zarr": ".zarr", "netcdf": ".nc"}


def store(ds: xr.Dataset, folder: Path, name: str, format: Format, progress: Progress) -> Path:
    """Write a Dataset, computing each of its chunks once.

    Parameters
    ----------
    ds : Dataset
        Lazy or not; no more than a chunk a thread is held in memory.
    folder : Path
    name : str
        Of the store, without its ending.
    format : {"zarr", "netcdf"}
    progress : Progress

    Returns
    -------
    Path

    Raises
    ------
    ImportError
        When the library for the format is missing, with the command that installs it.
    """
    path = folder / f"{name}{_ENDINGS[format]}"
    _require(format)
    largest = max(ds.data_vars.values(), key=lambda array: array.size)
    sizes = " x ".join(f"{size} {dim}" for dim, size in largest.sizes.items())
    with progress.computing(
        f"writing {path.name} ({', '.join(map(str, ds.data_vars))}; {sizes})"
    ) as compute:
        compute(_lazy_write(evenly_chunked(ds), path, format))
    return path


def reopen(path: Path) -> xr.Dataset:
    """Open a store lazily, in the chunks that it has."""
    import xarray as xr

    engine = "zarr" if path.suffix == ".zarr" else None
    return xr.open_dataset(path, engine=engine, chunks={}, decode_coords="all")


def _require(format: Format) -> None:
    from importlib.util import find_spec

    needed = {"zarr": ("zarr",), "netcdf": ("netCDF4", "h5netcdf")}[format]
    if not any(find_spec(module) for module in needed):
        raise ImportError(
            f"--format {format} needs {' or '.join(needed)}; install it with "
            "python -m pip install 'xflux[demo]'"
        )


def _lazy_write(ds: xr.Dataset, path: Path, format: Format) -> Any:
    compressed: dict[Any, dict[str, Any]] = {}
    if format == "netcdf":
        # A complevel of 1 is almost as small as 9 for floats, and several times faster.
        for name, array in ds.data_vars.items():
            if array.ndim and array.dtype.kind in "fiu":
                compressed[name] = {"zlib": True, "complevel": 1, "shuffle": True}
        return ds.to_netcdf(path, compute=False, encoding=compressed)
    return ds.to_zarr(path, mode="w-", compute=False, **ZARR)
