"""Tidy tables of towers: one row a site and time, one column a variable.

Units come from the names of the columns (``vpd_hPa``, ``gpp_gC_m2_d``, ``LE [W m-2]``),
from the FLUXNET product where its names are used (``NEE_VUT_REF``), or from ``units=``.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from xflux.errors import FileFormatError, InputError, UnitsError, XfluxError, raise_together
from xflux.files.archives import CsvSource
from xflux.files.csv_text import MISSING, check_lines, read_header
from xflux.files.fluxnet_columns import (
    choose_columns,
    columns_to_read,
    flags_of,
    is_fluxnet_column,
    to_variables,
)
from xflux.files.periods import infer_resolution
from xflux.files.records import Record
from xflux.files.sites import SITE_COLUMNS
from xflux.files.tidy_columns import TidyColumn, find_scale, parse_column
from xflux.numerics.meteorology import latent_heat_of_vaporisation, mean_temperature

__all__ = ["TIDY", "read_tidy"]

#: What a record from such a table calls its product.
TIDY = "tidy table"

_TIME_COLUMNS = ("time", "date", "datetime", "timestamp", "timestamp_start")
_PARTS_OF_TIME = ("year", "month", "day", "doy", "week")
#: Constant in time: read from the table of sites (the same table may be given as ``sites=``).
_OF_THE_SITE = ("elevation", "igbp", "koppen")


def read_tidy(
    table: CsvSource | pd.DataFrame,
    *,
    partitioning: str = "NT",
    units: Mapping[str, str] | None = None,
    wanted: Collection[str] | None = None,
    resolution: str | None = None,
) -> list[Record]:
    """Read a tidy table into one record a site.

    Parameters
    ----------
    table : CsvSource or DataFrame
        Columns: the site; the time (``time``, ``date``, or ``year`` with ``month``,
        ``doy``, or ``week``, the week w starting on day 7 (w - 1) + 1 of the year);
        the variables, by any name of the table of variables. Others are ignored.
    partitioning : {"NT", "DT"}
        For columns with names of the FLUXNET product.
    units : mapping, optional
        Unit by column, where its name holds none.
    wanted : collection of str, optional
        Names to keep.
    resolution : str, optional
        Code such as ``MM``, where one stamp a site does not tell.

    Returns
    -------
    list of Record
        Latent heat is derived from evapotranspiration where only that is there.

    Raises
    ------
    FileFormatError
        When the site, the time or every variable is missing, for a cut file, cells
        that are no numbers, and a site and time that stand there twice.
    UnitsError
        When the unit of a column is unknown.
    """
    if isinstance(table, pd.DataFrame):
        label = "the table"
        named = table.index.names[0] is not None
        frame = table.reset_index() if named else table
    else:
        label = table.label
        frame = _read_csv(table.read(), label)
    by_lower = {str(column).lower(): str(column) for column in frame.columns}
    site = next((by_lower[name] for name in SITE_COLUMNS if name in by_lower), None)
    times = _times(frame, by_lower, label)
    if site is None or times is None:
        lacking = " and ".join(
            [what for what, x in (("'site'", site), ("'time'", times)) if x is None]
        )
        raise FileFormatError(
            f"{label}: has no column {lacking}; a tidy table has columns site, time and "
            f"variables, found were {', '.join(map(str, frame.columns[:8]))}. An official file "
            "has columns TIMESTAMP or TIMESTAMP_START"
        )
    sites = frame[site].astype(str).str.strip()
    keys = pd.MultiIndex.from_arrays([sites, times], names=["site", "time"])
    if keys.has_duplicates:
        twice = keys[keys.duplicated()][0]
        raise FileFormatError(
            f"{label}: site {twice[0]} has {twice[1]} more than once; keep one row a site and time"
        )
    code = resolution or _resolution(times, sites, label)
    official = [c for c in map(str, frame.columns) if is_fluxnet_column(c)]
    parsed = {c: parse_column(c) for c in map(str, frame.columns) if c not in official}
    known = {c: p for c, p in parsed.items() if p is not None and p.name not in _OF_THE_SITE}
    chosen = choose_columns(official, partitioning, wanted=wanted)
    keep = None if wanted is None else flags_of(wanted) | set(wanted)
    if keep is not None and "le" in keep:
        keep |= {"et", "ta", "ta_min", "ta_max"}
    plain = {c: p for c, p in known.items() if keep is None or p.name in keep}
    others = {site.lower(), *_TIME_COLUMNS, *_PARTS_OF_TIME}
    ignored = tuple(c for c in parsed if c not in known and c.lower() not in others)
    if not plain and not chosen:
        raise FileFormatError(
            f"{label}: holds none of the variables asked for; its columns are "
            f"{', '.join(map(str, frame.columns[:12]))}"
        )
    converted, columns = _convert(frame, plain, units or {}, label)
    numbers = _numbers(frame, columns_to_read(chosen), label)
    records = []
    for name, rows in frame.groupby(sites, sort=True).indices.items():
        index = pd.DatetimeIndex(times.iloc[rows], name="time")
        own = converted.iloc[rows].set_axis(index)
        source = dict(columns)
        if chosen:
            fluxnet, read = to_variables(numbers.iloc[rows].set_axis(index), chosen, code)
            own = own.join(fluxnet[[c for c in fluxnet if c not in own]])
            source = read | source
        own = own.sort_index()
        records.append(Record(str(name), code, TIDY, label, own, source, ignored=ignored))
    return [_with_latent_heat(record, wanted) for record in records]


def _read_csv(raw: bytes, label: str) -> pd.DataFrame:
    skipped, header = read_header(raw)
    if b'"' not in raw:
        check_lines(raw, len(header), skipped, label)
    try:
        frame = pd.read_csv(io.BytesIO(raw), skiprows=skipped, low_memory=False)
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise FileFormatError(f"{label}: cannot be read as CSV ({error})") from error
    frame.columns = frame.columns.str.strip()
    return frame


def _times(frame: pd.DataFrame, by_lower: Mapping[str, str], label: str) -> pd.Series | None:
    """Return the stamps, from one column or from year and month, day or week."""
    column = next((by_lower[name] for name in _TIME_COLUMNS if name in by_lower), None)
    if column is not None:
        values = frame[column]
        if values.dtype.kind in "iuf":
            values = values.astype("Int64").astype(str)
        parsed = pd.to_datetime(values, errors="coerce", format=_format(values))
        wrong = parsed.isna()
        if wrong.any():
            raise FileFormatError(
                f"{label}: {int(wrong.sum())} values of {column} are no dates, the first is "
                f"{values[wrong].iloc[0]!r} in data row {int(np.argmax(wrong.to_numpy())) + 1}"
            )
        if parsed.dt.tz is not None:
            parsed = parsed.dt.tz_localize(None)
        return parsed.astype("datetime64[ns]")
    if "year" not in by_lower:
        return None
    year = pd.to_datetime(frame[by_lower["year"]].astype(int).astype(str), format="%Y")
    if "month" in by_lower:
        month = frame[by_lower["month"]].astype(int)
        day = frame[by_lower["day"]].astype(int) if "day" in by_lower else 1
        parts = pd.DataFrame({"year": year.dt.year, "month": month, "day": day})
        return pd.to_datetime(parts).astype("datetime64[ns]")
    for name, days in (("doy", 1), ("week", 7)):
        if name in by_lower:
            offset = (frame[by_lower[name]].astype(int) - 1) * days
            return (year + pd.to_timedelta(offset, unit="D")).astype("datetime64[ns]")
    return year.astype("datetime64[ns]")


def _format(values: pd.Series) -> str | None:
    first = str(values.iloc[0]) if len(values) else ""
    return {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 12: "%Y%m%d%H%M"}.get(
        len(first) if first.isdigit() else 0
    )


def _resolution(times: pd.Series, sites: pd.Series, label: str) -> str:
    """Name the resolution that the longest record shows."""
    if times.empty:
        raise FileFormatError(f"{label}: holds no rows")
    longest = times[(sites == sites.mode().iloc[0]).to_numpy()]
    code = infer_resolution(pd.DatetimeIndex(longest))
    if code is None:
        raise FileFormatError(
            f"{label}: its time stamps do not tell the resolution (such as {times.iloc[0]}); say "
            "it with resolution='MM' (or HH, HR, DD, WW, YY)"
        )
    return code


def _numbers(frame: pd.DataFrame, columns: Collection[str], label: str) -> pd.DataFrame:
    numbers = {}
    for column in columns:
        values = pd.to_numeric(frame[column], errors="coerce").astype("f8")
        wrong = (frame[column].notna() & values.isna()).to_numpy()
        if wrong.any():
            row = int(np.argmax(wrong))
            raise FileFormatError(
                f"{label}: column {column} holds {frame[column].iloc[row]!r} in data row "
                f"{row + 1}, which is no number"
            )
        numbers[column] = values.where(values != MISSING)
    return pd.DataFrame(numbers, index=frame.index)


def _convert(
    frame: pd.DataFrame, plain: Mapping[str, TidyColumn], units: Mapping[str, str], label: str
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Bring columns into canonical names and units; all that is wrong is said at once."""
    numbers = _numbers(frame, plain, label)
    converted: dict[str, pd.Series] = {}
    columns: dict[str, str] = {}
    problems: list[XfluxError] = []
    for column, parsed in plain.items():
        if parsed.name in converted:
            raise InputError(
                f"{label}: columns {columns[parsed.name]} and {column} are both {parsed.name!r}; "
                "rename or drop one"
            )
        columns[parsed.name] = column
        converted[parsed.name] = numbers[column]
        given = units.get(column, units.get(parsed.name, parsed.units))
        try:
            scale, offset = find_scale(parsed.name, given, numbers[column], label, column)
        except UnitsError as error:
            problems.append(error)
            continue
        converted[parsed.name] = numbers[column] * scale + offset
    raise_together(problems)
    return pd.DataFrame(converted, index=frame.index), columns


def _with_latent_heat(record: Record, wanted: Collection[str] | None) -> Record:
    """Derive latent heat from evapotranspiration, where only that was measured."""
    frame, columns = record.frame, dict(record.columns)
    if "et" in frame and "le" not in frame and (wanted is None or "le" in wanted):
        if "ta" in frame:
            ta, how = frame["ta"].to_numpy(), "ta"
        elif "ta_min" in frame and "ta_max" in frame:
            ta = mean_temperature(frame["ta_min"].to_numpy(), frame["ta_max"].to_numpy())
            how = "the mean of ta_min and ta_max"
        else:
            ta, how = np.full(len(frame), 20.0), "20 degC"
        heat = latent_heat_of_vaporisation(ta) / 86400.0
        frame = frame.assign(le=frame["et"].to_numpy() * heat)
        columns["le"] = f"{columns['et']} times the latent heat of vaporisation at {how}"
    if wanted is not None:
        kept = flags_of(wanted) | set(wanted)
        frame = frame[[name for name in frame if name in kept]]
    return replace(record, frame=frame, columns=columns)
