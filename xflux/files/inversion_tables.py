"""Regional series as tables: a column a region, or a row a value."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xflux.errors import FileFormatError, InputError, UnitsError
from xflux.files.archives import CsvSource
from xflux.files.carbon_units import read_carbon_unit
from xflux.files.csv_text import MISSING, check_lines, read_header
from xflux.files.inversion_months import listed
from xflux.files.land_model_times import month_starts
from xflux.labels.region_totals import totals_among

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["is_table", "read_table"]

_MEMBERS = ("inversion", "model", "member", "source")
_REGIONS = ("region", "region_name", "band")
_DATES = ("time", "date", "yyyymm", "month_start")
_INDEX = ("", "unnamed: 0", "index")
#: A unit at the end of the name of a column: ``nee [PgC/yr]``, ``nee_land_PgC_yr``.
_IN_BRACKETS = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]\s*$")
_AT_END = re.compile(
    r"(?:^|[_\s])([PTGMk]?g|Gt|Mt)\s?_?C?[_\s/]+(?:per[_\s])?(yr|year|month|mon|day|d|s)(?:-1)?$"
)
_UP = ("nee", "nbe", "emission")
_DOWN = ("nbp", "nep", "uptake", "sink")


def is_table(path: str) -> bool:
    """Tell whether a path is that of a table."""
    return path.lower().endswith((".csv", ".csv.gz", ".txt", ".txt.gz"))


def read_table(
    path: str,
    stem: str,
    *,
    regions: Sequence[str] | None,
    variable: str | None,
    units: str | None,
    positive: str | None,
) -> tuple[xr.DataArray, str]:
    """Read a table of regional series.

    Parameters
    ----------
    path, stem : str
        File, and the name of the inversion where no column has one.
    regions : sequence of str or None
        Which to read, in their order; None: all.
    variable : str or None
        Column of values, where there are several.
    units, positive : str or None
        Where the name of the column does not say.

    Returns
    -------
    array : DataArray (inversion, region, time) [Pg]
        In memory; NaN where the table has no value. The attribute ``comment`` names regions that
        are the sums of others by their names, unless `regions` asks for them.
    positive : {"up", "down"}

    Raises
    ------
    FileFormatError
        For a table without dates, with text for numbers, or with a value given twice.
    UnitsError
        When neither `units` nor the name of the column is one of carbon.
    InputError
        For a direction that is not told, and for regions that are not there.
    """
    import xarray as xr

    source = CsvSource(Path(path))
    raw = source.read()
    skipped, header = read_header(raw)
    check_lines(raw, len(header), skipped, source.label)
    table = pd.read_csv(io.BytesIO(raw), skiprows=skipped, skipinitialspace=True)
    table.columns = pd.Index(header)
    keys = {column.lower(): column for column in header if column.lower() not in _INDEX}
    months, dated = _months(table, keys, source.label)
    member = next((keys[name] for name in _MEMBERS if name in keys), None)
    region = next((keys[name] for name in _REGIONS if name in keys), None)
    rest = [column for column in keys.values() if column not in (*dated, member, region)]
    named = pd.Series([stem] * len(table)) if member is None else table[member].astype(str)
    if region is None:
        columns = _asked(rest, regions, source.label)
        said = ""
        long = pd.concat(
            [
                pd.DataFrame({"inversion": named, "region": name, "month": months,
                              "value": _numbers(table[name], name, source.label)})
                for name in columns
            ]
        )  # fmt: skip
    else:
        said = _value_column(rest, variable, source.label)
        values = _numbers(table[said], said, source.label)
        labels = table[region].astype(str)
        long = pd.DataFrame(
            {"inversion": named, "region": labels, "month": months, "value": values}
        )
        columns = _asked(list(dict.fromkeys(labels)), regions, source.label)
        long = long[long["region"].isin(columns)]
    keyed = long.set_index(["inversion", "region", "month"])["value"]
    if keyed.index.duplicated().any():
        one, other, month = keyed.index[keyed.index.duplicated()][0]
        raise FileFormatError(
            f"{source.label} gives {other} of {one} twice for {listed(np.array([month]))}"
        )
    names = list(dict.fromkeys(long["inversion"]))
    span = np.arange(long["month"].min(), long["month"].max() + 1)
    full = pd.MultiIndex.from_product([names, columns, span])
    cube = keyed.reindex(full).to_numpy(np.float64).reshape(len(names), len(columns), span.size)
    time = month_starts(span)
    array = xr.DataArray(
        cube * _scale(units or _unit_in(said), time, source.label, said),
        {
            "inversion": names,
            "region": np.arange(1, len(columns) + 1),
            "names": ("region", np.asarray(columns)),
            "time": time,
        },
        ("inversion", "region", "time"),
    )
    if regions is None and (totals := totals_among(columns)):
        array.attrs["comment"] = _said_of(totals, columns, source.label)
    return array, _direction(positive, said, source.label)


def _said_of(totals: list[str], columns: list[str], label: str) -> str:
    others = [name for name in columns if name not in totals]
    way = f"regions={others}" if others else "regions= with the one you want"
    return (
        f"{label}: {', '.join(map(repr, totals))} among the regions stands for others by its name, "
        f"and counts again in sums over regions; leave it out with {way}"
    )


def _months(
    table: pd.DataFrame, keys: dict[str, str], label: str
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], tuple[str, ...]]:
    """Return the month of each row, counted from year 0, and the columns that tell it."""
    if "year" in keys and "month" in keys:
        columns: tuple[str, ...] = (keys["year"], keys["month"])
        year, month = (_numbers(table[column], column, label) for column in columns)
    else:
        name = next((name for name in _DATES if name in keys), None)
        if name is None:
            held = ", ".join(map(repr, list(keys.values())[:8]))
            raise FileFormatError(
                f"{label}: no column of dates among {held}; expected one of {', '.join(_DATES)}, "
                "or year and month"
            )
        columns = (keys[name],)
        text = table[keys[name]].astype(str).str.strip()
        # 200101 is January 2001, which pandas takes for the first of January of 20.
        compact = bool(text.str.fullmatch(r"\d{6}").all())
        dates = pd.to_datetime(text, errors="coerce", format="%Y%m" if compact else "ISO8601")
        if dates.isna().any():
            raise FileFormatError(
                f"{label}: {keys[name]} holds {text[dates.isna()].iloc[0]!r}, expected dates as "
                "2001-01-01 or 200101"
            )
        year = np.asarray(dates.dt.year, np.float64)
        month = np.asarray(dates.dt.month, np.float64)
    counts = year * 12 + month - 1
    if not np.all((month >= 1) & (month <= 12) & (counts == np.round(counts))):
        raise FileFormatError(f"{label}: {', '.join(columns)} hold what is no month")
    return counts.astype(np.int64), columns


def _asked(there: list[str], regions: Sequence[str] | None, label: str) -> list[str]:
    if regions is None:
        if not there:
            raise FileFormatError(f"{label} has no column of a region")
        return there
    absent = [str(name) for name in regions if name not in there]
    if absent:
        raise InputError(
            f"{label} has no region {', '.join(map(repr, absent))}; it has {', '.join(there)}"
        )
    return [str(name) for name in regions]


def _value_column(rest: list[str], variable: str | None, label: str) -> str:
    if variable is not None and variable in rest:
        return variable
    if variable is None and len(rest) == 1:
        return rest[0]
    raise FileFormatError(
        f"{label}: which of the columns {', '.join(map(repr, rest)) or 'none'} holds the flux? "
        "Name it with variable="
    )


def _numbers(column: pd.Series, name: str, label: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = pd.to_numeric(column, errors="coerce")
    wrong = column.notna() & values.isna()
    if wrong.any():
        raise FileFormatError(
            f"{label}: {name} holds {column[wrong].iloc[0]!r}, which is no number"
        )
    return values.where(values != MISSING).to_numpy(np.float64)


def _unit_in(column: str) -> str | None:
    if match := _IN_BRACKETS.search(column):
        return match.group(1)
    if match := _AT_END.search(column):
        return f"{match.group(1)} {match.group(2)}-1"
    return None


def _scale(units: str | None, time: Any, label: str, column: str) -> Any:
    """Return what turns a value of each month into Pg."""
    called = f"{label}{f': {column!r}' if column else ''}"
    if units is None:
        raise UnitsError(
            f"{called} does not say its units; give units='PgC month-1' or units='PgC yr-1'"
        )
    unit = read_carbon_unit(units, called)
    if unit.of != "whole":
        raise UnitsError(
            f"{called} has units {units!r}, and regions as a whole have such as 'PgC month-1'"
        )
    days = pd.DatetimeIndex(time).days_in_month.to_numpy(np.float64)
    return unit.scale if unit.amount else unit.scale * days


def _direction(positive: str | None, column: str, label: str) -> str:
    key = column.lower()
    if positive is not None:
        return positive
    up, down = (any(key.startswith(word) for word in words) for words in (_UP, _DOWN))
    if up == down:
        raise InputError(
            f"{label} does not say which way its values are positive; give positive='up' (to the "
            "atmosphere) or positive='down' (uptake)"
        )
    return "up" if up else "down"
