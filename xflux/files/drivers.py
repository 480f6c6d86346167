"""Open climate and satellite drivers: ERA5-Land, ERA5, CMIP, MODIS and plain CF files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from xflux.errors import InputError, MissingVariableError
from xflux.files.axes import name_axes, orient_axes
from xflux.files.era5 import Stamps, normalise_era5
from xflux.files.era5_axes import era5_axes, era5_product
from xflux.files.joining import join
from xflux.files.modis import is_modis, normalise_modis
from xflux.files.opening import Paths, expand_paths, open_lazily
from xflux.labels.find import check_names
from xflux.labels.standardize import standardize
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["open_drivers"]

Product = Literal["era5-land", "era5", "era5-monthly", "modis", "cf"]
_ERA5 = ("era5-land", "era5", "era5-monthly")
_PRODUCTS = (*_ERA5, "modis", "cf")
# How arrays lay in the files; after joining and rechunking it only hinders writing.
_STORAGE = ("chunks", "preferred_chunks", "chunksizes", "contiguous", "shards", "original_shape",
            "source", "unlimited_dims")  # fmt: skip


def open_drivers(
    paths: Paths,
    *,
    names: Mapping[str, str] | None = None,
    derive: Sequence[str] = (),
    chunks: Any = "auto",
    product: Product | None = None,
    stamps: Stamps = "end",
    orient: bool = True,
    preprocess: Callable[[xr.Dataset], xr.Dataset] | None = None,
    engine: str | None = None,
    **options: Any,
) -> xr.Dataset:
    """Open gridded drivers as one lazy Dataset in canonical names and units.

    Reads NetCDF and Zarr, and GRIB where cfgrib is installed. Many files are
    joined by their coordinates along time, tiles and variables.

    Parameters
    ----------
    paths : str, path, or list of these
        Files, Zarr stores, patterns, folders or URLs.
    names : mapping of str to str, optional
        Canonical name to the name in the files, ``{"ta": "my_temperature"}``.
    derive : sequence of str
        Further variables to derive, as in `standardize`.
    chunks : default "auto"
        As in `xarray.open_dataset`; ``{}`` keeps the chunks of the files.
    product : {"era5-land", "era5", "era5-monthly", "modis", "cf"}, optional
        Whose conventions the files follow. Found from the files, except how
        hourly radiation and precipitation of ERA5 and ERA5-Land accumulate,
        which NetCDF of the Climate Data Store does not tell: it is taken by the
        grid (0.25 degree: ERA5, else ERA5-Land) with an `XfluxWarning`. "cf"
        applies no convention but what attributes say.
    stamps : {"end", "start"}
        Whether hourly rates of ERA5 stand at the end of their hour, as in the
        files, or at its start; see `xflux.files.era5.normalise_era5`.
    orient : bool
        Order grids from south to north and from 180 W to 180 E, so that
        products align.
    preprocess : callable, optional
        Applied to each Dataset as opened, before anything else.
    engine, **options
        Passed to `xarray.open_dataset`.

    Returns
    -------
    Dataset
        Lazy. Axes are called ``time``, ``lat``, ``lon``; variables of the table
        `xflux.variables` bear its names, units and attributes, derived ones
        (vpd from dewpoint or humidity, ...) included; the rest stays as it was.

    Raises
    ------
    FileNotFoundError
        For a path, pattern or folder that gives no file.
    FileFormatError
        For a file that cannot be opened.
    ImportError
        For GRIB without cfgrib.
    InputError
        For accumulated variables whose product cannot be told, and for files
        that cannot be joined.
    GridMismatchError
        For grids that differ between files.
    UnitsError
        For missing or wrong units.
    MissingVariableError
        When no variable is recognised.

    Examples
    --------
    >>> ds = xflux.open_drivers("era5land_*.nc", product="era5-land")  # doctest: +SKIP
    >>> ds["vpd"].attrs["units"]  # doctest: +SKIP
    'hPa'
    """
    if product is not None and product not in _PRODUCTS:
        expected = ", ".join(map(repr, _PRODUCTS))
        raise InputError(f"product={product!r} is unknown; expected one of {expected}")
    datasets: list[xr.Dataset] = []
    sources: list[str] = []
    era5_product_found: set[Any] = set()
    for path in expand_paths(paths):
        for opened in open_lazily(path, chunks=chunks, engine=engine, **options):
            ds = opened if preprocess is None else preprocess(opened)
            era5_product_found.add(era5_product(ds))
            datasets.append(_normalise_file(ds, product, names, orient=orient))
            sources.append(path)
    joined = join(datasets, sources)
    check_names(joined, names)
    if product is None or product in _ERA5:
        told = era5_product_found - {None}
        era5: Any = product or (told.pop() if len(told) == 1 else None)
        joined = normalise_era5(joined, product=era5, stamps=stamps, names=names)
    drivers = standardize(joined, names=names, derive=derive)
    if not any(name in variables for name in drivers.variables):
        held = ", ".join(repr(str(key)) for key in list(joined.data_vars)[:30]) or "no variables"
        raise MissingVariableError(
            f"no variable of {sources[0]!r} is recognised (it holds {held}); pass "
            "names={'ta': '<your variable>', ...}; xflux.variables lists the names"
        )
    return _without_storage(drivers)


def _normalise_file(
    ds: xr.Dataset, product: Product | None, names: Mapping[str, str] | None, *, orient: bool
) -> xr.Dataset:
    """Bring one file to physical values and common axes, before it joins others."""
    if product == "modis" or (product is None and is_modis(ds)):
        ds = normalise_modis(ds, names=names)
    ds = name_axes(ds) if product in ("modis", "cf") else era5_axes(ds)
    return orient_axes(ds) if orient else ds


def _without_storage(ds: xr.Dataset) -> xr.Dataset:
    tidy = ds.copy(deep=False)
    for variable in tidy.variables.values():
        variable.encoding = {
            key: value for key, value in variable.encoding.items() if key not in _STORAGE
        }
    tidy.encoding = {}
    return tidy
