"""Tables of sites: where a tower stands, how high, in what vegetation and climate.

Read are the tables that the networks hand out (AmeriFlux, FLUXNET, ICOS; also their
long BADM form, one line a value) and one's own, columns matched leniently.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from xflux.errors import FileFormatError, InputError, XfluxWarning
from xflux.files.archives import csv_sources
from xflux.labels.attach import attributes
from xflux.labels.variables import variables

__all__ = ["SITE_COLUMNS", "SiteTable", "attach_sites", "read_sites"]

#: What a column with the site code is called, in lower case.
SITE_COLUMNS = ("site", "site_id", "siteid", "sitename", "site id", "station", "site_code")
SiteTable = str | Path | pd.DataFrame

_PLACE: dict[str, dict[str, Any]] = {
    "lat": {"standard_name": "latitude", "long_name": "Latitude", "units": "degrees_north"},
    "lon": {"standard_name": "longitude", "long_name": "Longitude", "units": "degrees_east"},
}
_BOUNDS = {"lat": (-90.0, 90.0), "lon": (-180.0, 360.0)}
_NUMBERS = ("elevation", "c4_fraction", "zm", "z0")
_CLASSES = ("igbp", "koppen")
#: Further spellings of columns, in lower case.
_SPELLINGS = {
    "lat": ("lat", "latitude", "location_lat", "lat_deg"),
    "lon": ("lon", "long", "longitude", "location_long", "location_lon", "lon_deg"),
    "elevation": ("location_elev", "elevation_m", "elv_m", "masl"),
    "igbp": ("igbp_class", "vegetation", "veg", "pft"),
    "koppen": ("koppen", "climate", "koeppen_geiger", "koppen_geiger", "clim"),
    "zm": ("reference_height", "measurement_height"),
    "name": ("name", "site_name", "site name", "long_name"),
}


def read_sites(tables: SiteTable | Sequence[SiteTable]) -> pd.DataFrame:
    """Read tables of sites.

    Parameters
    ----------
    tables : path, DataFrame, or sequence of these
        Columns, by any of their usual names and in any case: site, lat, lon
        (degrees), elevation (m), igbp (short names, or MODIS numbers), koppen
        (classes of Beck et al. 2018), name, c4_fraction (1), zm, z0 (m). Others
        are ignored.

    Returns
    -------
    DataFrame
        By site code, with those of lat, lon, elevation, igbp, koppen, name,
        c4_fraction, zm, z0 that were found.

    Raises
    ------
    FileFormatError
        When there is no column of site codes, or none to join.
    InputError
        For coordinates that are none, and a site that stands there twice with
        different values.
    """
    several = [tables] if isinstance(tables, str | Path | pd.DataFrame) else list(tables)
    frames = [_read_one(table) for table in several]
    joined = pd.concat(frames)
    joined = joined[~joined.reset_index().duplicated().to_numpy()]
    if joined.index.has_duplicates:
        twice = sorted(set(joined.index[joined.index.duplicated()]))
        raise InputError(
            f"the table of sites holds {', '.join(twice[:5])} more than once, with different "
            "values; keep one row a site"
        )
    return joined


def _read_one(table: SiteTable) -> pd.DataFrame:
    if isinstance(table, pd.DataFrame):
        label, frame = "the table of sites", table.reset_index() if table.index.name else table
    else:
        source = csv_sources(Path(table))[0]
        label, frame = source.label, _read_csv(source.read(), source.label)
    names = {str(column).strip().lower(): column for column in frame.columns}
    site = next((names[name] for name in SITE_COLUMNS if name in names), None)
    if site is None:
        raise FileFormatError(
            f"{label}: has no column with the site code (expected 'site', found "
            f"{', '.join(map(str, frame.columns[:8]))})"
        )
    if {"variable", "datavalue"} <= set(names):
        frame = _from_badm(frame, site, names["variable"], names["datavalue"])
        names = {str(column).strip().lower(): column for column in frame.columns}
        site = names["site"]
    found = {}
    for name in (*_PLACE, *_NUMBERS, *_CLASSES, "name"):
        column = next((names[s] for s in _spellings(name) if s in names), None)
        if column is not None and column != site:
            found[name] = _checked(frame[column], name, label)
    if not found:
        raise FileFormatError(
            f"{label}: has none of the columns lat, lon, elevation, igbp, koppen (found "
            f"{', '.join(map(str, frame.columns[:8]))})"
        )
    read = pd.DataFrame(found)
    read.index = pd.Index(frame[site].astype(str).str.strip(), name="site")
    return read


def _spellings(name: str) -> list[str]:
    aliases = [alias.lower() for alias in variables[name].aliases] if name in variables else []
    return [name, *aliases, *_SPELLINGS.get(name, ())]


def _read_csv(raw: bytes, label: str) -> pd.DataFrame:
    header = raw.split(b"\n", 1)[0].decode("latin-1")
    # AmeriFlux hands its table out with tabs, spreadsheets in much of Europe with semicolons.
    separator = max(",\t;", key=header.count)
    for encoding in ("utf-8-sig", "latin-1"):
        try:
            return pd.read_csv(io.BytesIO(raw), sep=separator, encoding=encoding)
        except UnicodeDecodeError:
            continue
        except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise FileFormatError(f"{label}: cannot be read as a table ({error})") from error
    raise AssertionError("latin-1 reads any bytes")


def _from_badm(frame: pd.DataFrame, site: Any, variable: Any, value: Any) -> pd.DataFrame:
    """Turn the long form (a line a value) into a row a site; the first value wins."""
    first = frame.drop_duplicates([site, variable])
    wide = first.pivot(index=site, columns=variable, values=value)
    wide.index.name = "site"
    return wide.reset_index()


def _checked(column: pd.Series, name: str, label: str) -> pd.Series:
    """Return numbers within their bounds, or text."""
    if name == "name":
        return column.fillna("").astype(str)
    if name in _CLASSES:
        return _codes(column, name, label)
    numbers = pd.to_numeric(column, errors="coerce").astype("f8")
    numbers = numbers.where(numbers != -9999)
    wrong = column.notna() & numbers.isna() & ~column.astype(str).isin(["-9999", "-9999.0", ""])
    # Other ranges are seen to when a calculation meets them, as those of every variable.
    if name in _BOUNDS:
        low, high = _BOUNDS[name]
        wrong |= numbers.notna() & ~numbers.between(low, high)
    if wrong.any():
        expected = "a number" if name not in _BOUNDS else f"{low:g} to {high:g}"
        raise InputError(
            f"{label}: {column.name} holds '{column[wrong].iloc[0]}'; expected {expected}"
        )
    return numbers


def _codes(column: pd.Series, name: str, label: str) -> pd.Series:
    """Number classes as the table of variables does; -1 is unknown."""
    classes = variables[name].classes or {}
    by_name = {key.lower(): code for key, code in classes.items()}
    known = set(classes.values())

    def code_of(value: Any) -> int:
        text = str(value).strip()
        if text.lower() in by_name:
            return by_name[text.lower()]
        try:
            number = float(text)
        except ValueError:
            return -1
        return int(number) if number in known else -1

    codes = column.map(code_of).astype("i1")
    empty = column.isna() | column.astype(str).str.strip().isin(["", "-", "-9999", "nan"])
    lost = column[(codes == -1) & ~empty]
    if len(lost):
        warnings.warn(
            f"{label}: {len(lost)} values of {column.name} are no {name} class (such as "
            f"{lost.iloc[0]!r}) and stay unknown; known are {', '.join(list(classes)[:6])}, ...",
            XfluxWarning,
            stacklevel=2,
        )
    return codes


def attach_sites(
    ds: xr.Dataset, table: pd.DataFrame, label: str, *, warn: bool = True
) -> xr.Dataset:
    """Give a Dataset of towers the coordinates of its sites.

    Parameters
    ----------
    ds : Dataset
        With dimension ``site``.
    table : DataFrame
        From `read_sites`.
    label : str
        Name of the table, for messages.
    warn : bool, optional
        Warn of sites that the table does not hold. ``attrs["sites_table"]`` names
        them in any case.

    Raises
    ------
    InputError
        When the table holds none of the sites.
    """
    sites = [str(site) for site in ds["site"].values]
    absent = [site for site in sites if site not in table.index]
    if len(absent) == len(sites):
        raise InputError(
            f"{label}: holds none of the {len(sites)} sites (such as {sites[0]}); it holds "
            f"{', '.join(map(str, table.index[:5]))}, ..."
        )
    ds = ds.assign_attrs(sites_table=label)
    if absent:
        told = f"{label} (without {len(absent)} of {len(sites)} sites: {', '.join(absent)})"
        ds.attrs["sites_table"] = told
        if warn:
            warnings.warn(
                f"sites: {told}; coordinates stay unknown there", XfluxWarning, stacklevel=3
            )
    rows = table.reindex(sites)
    for name in rows.columns:
        if name in _CLASSES:
            values = rows[name].fillna(-1).to_numpy().astype("i1")
            attrs = attributes(name, comment="-1 where the class is unknown")
        elif name == "name":
            values = rows[name].fillna("").to_numpy().astype(np.str_)
            attrs = {"long_name": "Site name"}
        else:
            values = rows[name].to_numpy().astype("f8")
            attrs = _PLACE[name] if name in _PLACE else attributes(name, ("site",))
        ds = ds.assign_coords({name: ("site", values, dict(attrs))})
    return ds
