"""Carbon dioxide of the background air, for towers that did not measure it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from xflux.errors import FileFormatError, InputError
from xflux.files.archives import CsvSource
from xflux.files.csv_text import check_lines, read_header, read_numbers
from xflux.files.extra import match_periods
from xflux.files.periods import infer_resolution
from xflux.labels.attach import describe
from xflux.labels.units import convert
from xflux.labels.variables import variables

__all__ = ["fill_co2", "read_co2"]

_SOURCE = "NOAA GML and Scripps, Mauna Loa monthly mean (Lan, Tans and Thoning)"


def read_co2(path: str | Path) -> xr.DataArray:
    """Read the monthly record of Mauna Loa, as NOAA hands it out.

    Parameters
    ----------
    path : path
        ``co2_mm_mlo.csv`` of gml.noaa.gov/ccgg/trends (comment lines, then the
        columns year, month, decimal date, average, ...), also gzipped.

    Returns
    -------
    DataArray
        ``co2`` [ppm], dims (time), float64, stamped with the start of each month.
        Negative values are missing.

    Raises
    ------
    FileFormatError
        When the columns are not those of that file, and where it is cut.
    """
    source = CsvSource(Path(path))
    raw = source.read()
    skipped, header = read_header(raw)
    if not {"year", "month", "average"} <= set(header):
        raise FileFormatError(
            f"{source.label}: expected the columns year, month, average of NOAA's co2_mm_mlo.csv, "
            f"found {', '.join(header[:6])}"
        )
    check_lines(raw, len(header), skipped, source.label)
    numbers = read_numbers(raw, header, skipped, ["year", "month", "average"], source.label)
    times = pd.to_datetime(numbers[["year", "month"]].astype(int).assign(day=1))
    if times.duplicated().any():
        raise FileFormatError(
            f"{source.label}: {times[times.duplicated()].iloc[0]:%Y-%m} is double"
        )
    monthly = xr.DataArray(
        numbers["average"].where(numbers["average"] > 0).to_numpy("f8"),
        dims="time",
        coords={"time": pd.DatetimeIndex(times).as_unit("ns")},
    ).sortby("time")
    return describe(monthly, "co2", source=_SOURCE)


def fill_co2(towers: xr.Dataset, co2: xr.DataArray | str | Path) -> xr.Dataset:
    """Fill the carbon dioxide that towers lack from a monthly record.

    Parameters
    ----------
    towers : Dataset
        With dimension ``time``; ``co2`` [ppm] may be absent. Time stamps are starts
        of periods; may be lazy, and stays so.
    co2 : DataArray or path
        Monthly record, dims (time) [ppm], such as `read_co2` gives, or its file. It
        is read at once.

    Returns
    -------
    Dataset
        With `co2` wherever the record reaches: the value of a month for the days and
        hours in it, the mean for a year. Where the towers measured, nothing changes.

    Raises
    ------
    InputError
        When `towers` has no time, or one too short to tell its resolution.
    """
    record = co2 if isinstance(co2, xr.DataArray) else read_co2(co2)
    if "time" not in towers.coords or record.dims != ("time",):
        raise InputError("fill_co2 needs towers with a time coordinate, and co2 of dims (time,)")
    record = convert(record, variables["co2"], str(record.name or "co2"))
    if towers["time"].dtype.kind != "M" or record["time"].dtype.kind != "M":
        raise InputError("fill_co2 needs dates of the standard calendar in towers and in co2")
    periods = pd.DatetimeIndex(towers["time"].values)
    resolution = towers.attrs.get("resolution") or infer_resolution(periods)
    if resolution is None:
        raise InputError(
            "one time stamp does not tell how long a period is; set "
            "towers.attrs['resolution'] to HH, HR, DD, WW, MM or YY"
        )
    stamps = pd.DatetimeIndex(record["time"].values)
    matched = match_periods(periods, resolution, stamps, np.asarray(record.values, dtype="f8"))
    background = xr.DataArray(matched, dims="time", coords={"time": towers["time"]})
    told = str(record.attrs.get("source", "a monthly record"))
    if "co2" in towers:
        before = towers["co2"].attrs.get("source", "measured")
        background = background.astype(towers["co2"].dtype)
        filled = towers["co2"].fillna(background)
        source = f"{before}; gaps: {told}"
    else:
        others = {dim: towers.sizes[dim] for dim in ("site",) if dim in towers.dims}
        filled = background.expand_dims(others, axis=0).copy() if others else background
        filled = filled.assign_coords({dim: towers[dim] for dim in others if dim in towers.coords})
        source = told
    return towers.assign(co2=describe(filled, "co2", source=source))
