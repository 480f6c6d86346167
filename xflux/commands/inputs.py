"""Open what the user names, and complete its carbon dioxide."""

from __future__ import annotations

import glob
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.commands.fluxes import FLUXES
from xflux.commands.request import RunRequest
from xflux.errors import InputError, XfluxError, XfluxWarning, raise_together
from xflux.labels.attach import describe

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_paths", "open_grid", "open_tower_records", "read_co2_option", "with_co2"]


def check_paths(request: RunRequest) -> None:
    """Check that every path is there, before any of them is read: towers take minutes.

    Raises
    ------
    InputError
        For all that are missing, by option.
    """
    from xflux.files.opening import expand_paths

    problems: list[XfluxError] = []
    options = {
        "--towers": request.towers, "--sites": request.sites, "--tower-extra": request.tower_extra,
    }  # fmt: skip
    for option, paths in options.items():
        for path in paths:
            place = Path(path).expanduser()
            patterns = option == "--towers" and glob.has_magic(path)
            if not place.exists() and not (patterns and glob.glob(str(place), recursive=True)):
                what = "no file matches the pattern" if patterns else "there is no file or folder"
                problems.append(InputError(f"{option}: {what} {path!r}"))
    for option, file in (("--model", request.model), ("--emulator", request.emulator)):
        if file is not None and not Path(file).expanduser().is_file():
            problems.append(InputError(f"{option}: there is no file {file!r}"))
    opened = {
        "--drivers": request.drivers, "--land-models": request.land_models,
        "--inversions": tuple(path for _, path in request.named_inversions),
        "--regions": request.regions,
        "--subtract": tuple(request.subtract.values()),
    }  # fmt: skip
    for option, paths in opened.items():
        for path in paths:
            try:
                expand_paths(path)
            except (FileNotFoundError, InputError) as error:
                problems.append(InputError(f"{option}: {error}"))
    raise_together(problems)


def open_tower_records(request: RunRequest) -> xr.Dataset:
    """Open the towers of a request: dims (site, time), canonical, fluxes filtered by quality."""
    from xflux.files.towers import open_towers

    towers = open_towers(
        list(request.towers),
        sites=list(request.sites) or None,
        extra=list(request.tower_extra) or None,
        partitioning=request.partitioning,
        units=dict(request.units) or None,
    )
    return towers if request.min_qc is None else _filtered(towers, request.min_qc)


def _filtered(towers: xr.Dataset, min_qc: float) -> xr.Dataset:
    """Filter the fluxes that have a quality flag; say which have none."""
    from xflux.files.fluxnet_columns import flag_name
    from xflux.files.quality import apply_min_qc

    held = [flux for flux in FLUXES if flux in towers]
    flagged = [flux for flux in held if f"{flux}_qc" in towers or flag_name(flux) in towers]
    without = [flux for flux in held if flux not in flagged]
    if without:
        warnings.warn(
            f"--min-qc: the towers hold no quality flag for {', '.join(without)}; all their values "
            "are used",
            XfluxWarning,
            stacklevel=2,
        )
    return apply_min_qc(towers, dict.fromkeys(flagged, min_qc)) if flagged else towers


def open_grid(request: RunRequest) -> xr.Dataset:
    """Open the gridded drivers of a request, lazily, canonical."""
    import dask

    from xflux.files.drivers import open_drivers

    # A thread holds a chunk of some ten variables at once: Dask's 128 MiB would be over 1 GB each.
    with dask.config.set({"array.chunk-size": "32MiB"}):
        return open_drivers(
            list(request.drivers),
            names=dict(request.names),
            derive=request.derive,
            product=request.product,
        )


def read_co2_option(given: float | str | None) -> float | xr.DataArray | None:
    """Return the number that was given, or the record in the file.

    Raises
    ------
    InputError
        When it is neither.
    """
    if not isinstance(given, str):
        return given
    if not Path(given).expanduser().is_file():
        raise InputError(
            f"--co2 {given!r} is neither a number in ppm nor a file; pass --co2 400, or the path "
            "of NOAA's monthly record"
        )
    from xflux.files.co2 import read_co2

    return read_co2(Path(given).expanduser())


def with_co2(ds: xr.Dataset, co2: float | xr.DataArray | None, *, what: str) -> xr.Dataset:
    """Fill the carbon dioxide that a Dataset lacks.

    Parameters
    ----------
    ds : Dataset
        Towers or grid, canonical; its own co2 stays where it has values.
    co2 : float, DataArray or None
        ppm for all that is missing, or a monthly record of dims (time).
    what : {"towers", "grid"}
        For messages.

    Returns
    -------
    Dataset
        With `co2` [ppm]; lazy where it was.

    Raises
    ------
    InputError
        When there is none at all, or a record meets a grid without dates.
    """
    verb = "hold" if what == "towers" else "holds"
    if co2 is None:
        if "co2" not in ds:
            raise InputError(
                f"the {what} {verb} no co2, which GPP needs; pass --co2 with a mole fraction in "
                "ppm (--co2 400) or the path of NOAA's monthly record (--co2 co2_mm_mlo.csv)"
            )
        return ds
    if isinstance(co2, float):
        told = f"{co2:g} ppm, as given by --co2"
        if "co2" not in ds:
            import xarray as xr

            # float32, so that one number does not widen a float32 grid.
            constant = xr.DataArray(np.float32(co2), name="co2")
            return ds.assign(co2=describe(constant, "co2", source=told))
        before = ds["co2"].attrs.get("source", f"of the {what}")
        filled = ds["co2"].fillna(ds["co2"].dtype.type(co2))
        return ds.assign(co2=describe(filled, "co2", source=f"{before}; gaps: {told}"))
    from xflux.files.co2 import fill_co2

    dates = ds.indexes.get("time")
    if not isinstance(dates, pd.DatetimeIndex):
        found = "a mean year" if "month" in ds.dims else "dates of another calendar, or none"
        raise InputError(
            f"--co2: a monthly record needs the dates of the standard calendar, but the {what} "
            f"{verb} {found}; pass a number in ppm, such as --co2 400"
        )
    _warn_outside(dates, co2.indexes["time"], what)
    return fill_co2(ds, co2)


def _warn_outside(dates: pd.Index, record: pd.Index, what: str) -> None:
    """Say which time steps the record does not reach: their GPP is missing."""
    start, end = record.min(), record.max() + pd.offsets.MonthBegin(1)
    outside = int(((dates < start) | (dates >= end)).sum())
    if outside:
        warnings.warn(
            f"--co2: the record runs from {record.min():%Y-%m} to {record.max():%Y-%m}, which "
            f"leaves {outside} of {len(dates)} time steps of the {what} "
            f"({dates.min():%Y-%m} to {dates.max():%Y-%m}) without CO2 unless they hold their own",
            XfluxWarning,
            stacklevel=3,
        )
