"""Official tower products: FLUXNET2015, ICOS, AmeriFlux FLUXNET and BASE, as downloaded.

A file is known by its official name; a renamed one by its time stamps. What a cut
download or a careless edit leaves behind is an error that names file and line.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from xflux.errors import FileFormatError
from xflux.files.archives import CsvSource
from xflux.files.csv_text import MISSING, check_lines, read_header, read_numbers
from xflux.files.fluxnet_columns import (
    choose_columns,
    columns_to_read,
    expected_columns,
    to_variables,
)
from xflux.files.periods import complete_index, infer_resolution, last_period
from xflux.files.records import Record
from xflux.files.sites import SITE_COLUMNS

__all__ = ["TowerFile", "identify", "other_product", "read_official", "sniff"]

_NAME = re.compile(
    r"[A-Za-z0-9]+_(?P<site>[A-Z]{2}-[A-Za-z0-9]{3})_"
    r"(?P<product>FLUXNET2015|FLUXNET|BASE)(?:_(?P<content>FULLSET|SUBSET|FLUXMET))?"
    r"_(?P<resolution>HH|HR|DD|WW|MM|YY)(?:_(?P<first>\d{4})-(?P<last>\d{4}))?"
    r"(?:_(?!VARINFO)[\w.-]+)?\.csv",
    re.IGNORECASE,
)
_SITE = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}-[A-Za-z0-9]{3}(?![A-Za-z0-9])")
_OTHER_PRODUCT = re.compile(
    r"_(ERAI|ERA5|AUXMETEO|AUXNEE|BIF\w*?|VARINFO|METEO\w*?|FLUXES|SITEINFO|ANCILLARY)(?=[_.])"
)
_STAMPS = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 12: "%Y%m%d%H%M"}
_DIGITS = {"HH": 12, "HR": 12, "DD": 8, "WW": 8, "MM": 6, "YY": 4}


@dataclass(frozen=True, slots=True)
class TowerFile:
    """An official file, and what its name says.

    Attributes
    ----------
    source : CsvSource
    site : str
        Site code, such as ``FI-Hyy``.
    product : str
        Such as ``FLUXNET2015 FULLSET``.
    resolution : str
        ``HH``, ``HR``, ``DD``, ``WW``, ``MM`` or ``YY``.
    years : tuple of int, optional
        First and last year.
    """

    source: CsvSource
    site: str
    product: str
    resolution: str
    years: tuple[int, int] | None = None


def identify(source: CsvSource) -> TowerFile | None:
    """Read the name of a file; None when it is not that of an official tower file."""
    match = _NAME.fullmatch(source.name)
    if match is None:
        return None
    product = " ".join(part for part in match.group("product", "content") if part)
    years = (int(match["first"]), int(match["last"])) if match["first"] else None
    return TowerFile(source, match["site"], product, match["resolution"].upper(), years)


def other_product(source: CsvSource) -> str:
    """Return which product without fluxes a name is of, such as ERAI; else nothing."""
    match = _OTHER_PRODUCT.search(source.name)
    return match[1] if match else ""


def sniff(source: CsvSource) -> TowerFile | None:
    """Know a renamed official file by its time stamps.

    Returns
    -------
    TowerFile or None
        None when the columns are not those of an official file.

    Raises
    ------
    FileFormatError
        When it is another product of the networks, or its site cannot be told.
    """
    other = other_product(source)
    if other:
        raise FileFormatError(
            f"{source.label}: this is the product {other}, which holds no tower fluxes; "
            "open the FULLSET, SUBSET, FLUXMET or BASE file of the site"
        )
    raw = source.read()
    skipped, header = read_header(raw)
    if not {"TIMESTAMP", "TIMESTAMP_START"} & set(header):
        return None
    if {name.lower() for name in header} & set(SITE_COLUMNS):
        return None
    site = _SITE.search(source.name)
    if site is None:
        raise FileFormatError(
            f"{source.label}: holds tower columns, but neither its name nor a column says of "
            "which site; rename it so that the name holds the site code (such as FI-Hyy), or add "
            "a column 'site'"
        )
    is_base = bool(skipped) or not any("_F" in column for column in header)
    stamp = "TIMESTAMP" if "TIMESTAMP" in header else "TIMESTAMP_START"
    frame = read_numbers(raw, header, skipped, {stamp}, source.label).head(400)
    resolution = infer_resolution(_stamps(frame[stamp], None, source.label))
    if resolution is None:
        raise FileFormatError(
            f"{source.label}: too few rows to tell the resolution; give the file its official "
            "name (FLX_<site>_FLUXNET2015_FULLSET_<resolution>_...csv)"
        )
    return TowerFile(source, site[0], "BASE" if is_base else "FLUXNET", resolution)


def _stamps(values: pd.Series, resolution: str | None, label: str) -> pd.DatetimeIndex:
    """Turn stamps such as 202001 into period starts."""
    if values.empty:
        raise FileFormatError(f"{label}: holds no data below its header; download it again")
    if values.isna().any():
        raise FileFormatError(
            f"{label}: {int(values.isna().sum())} rows have no time stamp; the file is damaged"
        )
    text = values.astype("int64").astype(str)
    digits = len(text.iloc[0])
    if resolution is not None and digits != _DIGITS[resolution]:
        raise FileFormatError(
            f"{label}: its name says {resolution}, whose time stamps have "
            f"{_DIGITS[resolution]} digits, but it holds {text.iloc[0]!r}; it is another product, "
            "or wrongly named"
        )
    parsed = pd.to_datetime(text, format=_STAMPS.get(digits, "%Y%m%d%H%M"), errors="coerce")
    if parsed.isna().any():
        wrong = text[parsed.isna()].iloc[0]
        raise FileFormatError(f"{label}: {wrong!r} is no time stamp; the file is damaged")
    return pd.DatetimeIndex(parsed, name="time").as_unit("ns")


def _check_times(index: pd.DatetimeIndex, file: TowerFile, *, whole: bool) -> list[str]:
    """Demand one row a period; return what is worth a warning.

    `whole` says whether the last line of the file ends as a line does.
    """
    label = file.source.label
    if index.has_duplicates:
        twice = index[index.duplicated()]
        raise FileFormatError(
            f"{label}: {len(twice)} time stamps stand there twice, the first is "
            f"{twice[0]}; keep one row a period"
        )
    complete = complete_index(index, file.resolution)
    odd = index.difference(complete)
    if len(odd):
        raise FileFormatError(
            f"{label}: {len(odd)} time stamps do not fit the resolution {file.resolution}, the "
            f"first is {odd[0]}; the file is another product, or wrongly named"
        )
    gaps = complete.difference(index)
    if len(gaps):
        raise FileFormatError(
            f"{label}: {len(gaps)} of {len(complete)} time stamps are missing between "
            f"{index.min()} and {index.max()}, the first is {gaps[0]}; official files have a row "
            f"for every period ({MISSING:g} where nothing was measured): download it again"
        )
    if file.years is not None:
        held = (int(index.min().year), int(index.max().year))
        last = last_period(held[1], file.resolution)
        early = f"{label}: ends with {index.max()}, where official files go on to {last}"
        if index.max() < last and not whole:
            raise FileFormatError(f"{early}, and its last line is cut: download it again")
        advice = "unless it was cut on purpose, download it again"
        if held != file.years:
            said = f"{file.years[0]}-{file.years[1]}"
            return [f"{label}: holds {held[0]}-{held[1]} where its name says {said}; {advice}"]
        if index.max() < last:
            return [f"{early}; {advice}"]
    return []


def read_official(
    file: TowerFile,
    partitioning: str = "NT",
    *,
    wanted: Collection[str] | None = None,
) -> Record:
    """Read one official file into canonical names and units.

    Parameters
    ----------
    file : TowerFile
        From `identify` or `sniff`.
    partitioning : {"NT", "DT"}
        Which partitioning ``gpp`` and ``reco`` are taken from.
    wanted : collection of str, optional
        Names to keep; everything by default. Other columns are not parsed.

    Returns
    -------
    Record
        Time stamps are period starts in the local standard time of the site.

    Raises
    ------
    FileFormatError
        For a cut or damaged file, one of another product, and time stamps that are
        double, missing or of another resolution.
    """
    label = file.source.label
    raw = file.source.read()
    skipped, header = read_header(raw)
    stamp = next((c for c in ("TIMESTAMP", "TIMESTAMP_START") if c in header), None)
    if stamp is None:
        raise FileFormatError(
            f"{label}: has no column TIMESTAMP or TIMESTAMP_START; its columns begin with "
            f"{', '.join(header[:4])}. It is no FLUXNET, ICOS or AmeriFlux CSV file"
        )
    check_lines(raw, len(header), skipped, label)
    everything = choose_columns(header, partitioning, base=file.product == "BASE")
    main = {next(iter(columns.values())) for columns in everything.values()}
    if all(column.endswith("_ERA") for column in main):
        raise FileFormatError(
            f"{label}: holds none of the columns of tower data ({expected_columns()}, ...), but "
            f"{', '.join(header[:6])}, ...; open the FULLSET, SUBSET, FLUXMET or BASE file"
        )
    chosen = choose_columns(header, partitioning, base=file.product == "BASE", wanted=wanted)
    table = read_numbers(raw, header, skipped, {stamp} | columns_to_read(chosen), label)
    index = _stamps(table.pop(stamp), file.resolution, label)
    notes = _check_times(index, file, whole=raw.endswith(b"\n"))
    table = table.astype("f8").where(table != MISSING)
    table.index = index
    frame, columns = to_variables(table.sort_index(), chosen, file.resolution)
    return Record(file.site, file.resolution, file.product, label, frame, columns, notes)
