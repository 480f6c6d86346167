"""Open the records of eddy covariance towers as one labelled Dataset."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
import xarray as xr

from xflux.errors import FileFormatError, InputError, XfluxError, XfluxWarning, raise_together
from xflux.files.archives import csv_sources
from xflux.files.co2 import fill_co2
from xflux.files.extra import join_extra
from xflux.files.fluxnet import read_official
from xflux.files.fluxnet_columns import split_name
from xflux.files.periods import NAMES
from xflux.files.quality import apply_min_qc, blank_impossible, mark_partitioning
from xflux.files.records import Record, check_together, stack
from xflux.files.sites import SiteTable, attach_sites, read_sites
from xflux.files.tidy import TIDY, read_tidy
from xflux.files.tower_sources import (
    TowerPaths,
    TowerSources,
    find_sources,
    one_or_many,
)
from xflux.labels.attach import with_history
from xflux.labels.variables import variables as TABLE

__all__ = ["open_towers"]

_REFERENCES = (
    "Pastorello et al. (2020) Sci. Data 7:225, doi:10.1038/s41597-020-0534-3 (FLUXNET2015 and "
    "ONEFlux); cite the sites by their codes, and the release that the files come from"
)


def open_towers(
    paths: TowerPaths,
    *,
    sites: SiteTable | Sequence[SiteTable] | None = None,
    extra: TowerPaths | None = None,
    min_qc: float | Mapping[str, float] | None = None,
    partitioning: Literal["NT", "DT"] = "NT",
    resolution: str | None = None,
    variables: Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    co2: xr.DataArray | str | Path | None = None,
) -> xr.Dataset:
    """Open tower records as a Dataset of dims (site, time).

    Read are the CSV files of FLUXNET2015, ICOS and AmeriFlux as they are downloaded
    (``FLX_*``, ``AMF_*``, ``ICOSETC_*`` and their kin: FULLSET, SUBSET, FLUXMET, and
    AmeriFlux BASE; also gzipped or in a zip archive), and tidy tables.

    Parameters
    ----------
    paths : path, DataFrame, or sequence of these
        Files, folders, patterns (``"*_MM_*.csv"``) or zip archives. Official files in
        a folder are found at any depth, and other tables then left alone; a folder
        without any holds one tidy table (columns site, time, variables).
    sites : path, DataFrame, or sequence, optional
        Tables of lat, lon (degrees), elevation (m), igbp, koppen, name. By default
        the ``sites.csv`` of a folder in `paths`, if there is one.
    extra : path, DataFrame, or sequence, optional
        Tidy tables to join, such as fAPAR: by site and period, see Notes.
    min_qc : float or mapping, optional
        Each flux is NaN below this, by its own quality flag (that of nee for gpp and
        reco), and where the flag is missing. A number for all of gpp, reco, nee, le, h,
        or one by variable: ``{"nee": 0.8, "le": 0.5}``.
    partitioning : {"NT", "DT"}, optional
        Night-time or daytime partitioning for gpp and reco. The other is kept beside.
    resolution : {"HH", "HR", "DD", "WW", "MM", "YY"}, optional
        Which files to take where there are several resolutions.
    variables : sequence of str, optional
        What to read of the tower files (with the quality flags); everything by
        default, which is much for half-hourly files.
    units : mapping, optional
        Unit by column of a tidy table whose names hold none:
        ``{"ppfd": "mol m-2 s-1"}``. Without it, only what has no dimension is read.
    co2 : DataArray or path, optional
        Monthly record to fill co2 with where towers lack it, see `read_co2`.

    Returns
    -------
    Dataset
        Read at once (CSV cannot be read lazily), float64, in canonical names and
        units; time is the start of the period, in the local standard time of each site
        for official files; -9999 is NaN. Coordinates of the sites: lat, lon, elevation,
        igbp, koppen, name.

        ==================  ==========================================================
        ``nee gpp reco``    VUT reference; CUT at sites without VUT (see ``source``)
        ``le h``            gap-filled (``LE_F_MDS``), not corrected for closure
        ``*_qc``            fraction of measured and well gap-filled values, 0-1; in
                            HH and HR 1 for the flags 0 and 1, else 0
        ``*_flag``          in HH and HR, the flag of nee, le, h as it stands: 0
                            measured, 1-3 filled, well to poorly
        ``*_randunc``       random uncertainty (nee, le, h)
        ``*_jointunc``      joint with that of the ustar threshold (nee)
        ``*_05 ... _95``    percentiles over ustar thresholds (nee, gpp, reco)
        ``*_mean _se``      mean and standard error over ustar thresholds
        ``*_ustar50``       at the median ustar threshold
        ``*_dt`` / ``_nt``  gpp, reco by the other partitioning
        ``*_cut``           constant ustar threshold (``nee_cut_qc`` its flag)
        ``*_corr``          le, h corrected for closure; beside it ``*_corr_25``,
                            ``*_corr_75``, ``*_corr_jointunc``
        ==================  ==========================================================

        ``partitioning_flag`` marks where reco - gpp misses nee by over 0.5 g m-2 d-1.

    Raises
    ------
    FileFormatError
        For files that are cut or damaged, lack rows, hold stamps twice, or are
        another product.
    InputError
        When nothing is found, resolutions are mixed, or two files hold the same
        period of a site.
    UnitsError
        For a column of a tidy table whose unit is unknown.

    Notes
    -----
    Units of FLUXNET (Pastorello et al. 2020): carbon is umol CO2 m-2 s-1 in HH and HR,
    gC m-2 d-1 in DD, WW, MM, gC m-2 per year in YY; precipitation mm per half-hour
    or hour, mm d-1, mm per year. Rates per year are divided by the days of the year.

    An extra table as fine as the towers or finer is averaged over their periods; of a
    coarser one, the value whose period holds the start is taken. A stamp may lie
    anywhere in its month or year.

    Examples
    --------
    >>> towers = open_towers("icos", extra="icos/fapar.csv", min_qc=0.8)  # doctest: +SKIP
    """
    if partitioning not in ("NT", "DT"):
        raise InputError(f"partitioning={partitioning!r}; expected 'NT' or 'DT'")
    wanted = None if variables is None else _checked_names(variables)
    found = find_sources(paths, resolution)
    records = _read(found, partitioning, wanted, units, resolution)
    ds = stack(records)
    if not ds.data_vars:
        raise InputError(
            f"none of the variables {', '.join(wanted or ())} is in the files (such as "
            f"{records[0].label})"
        )
    ds = _say_partitioning(ds, records, partitioning)
    ds.attrs = _attributes(records, partitioning)
    if found.official:
        ds["time"].attrs["comment"] = "local standard time of each site"
    if sites is not None:
        ds = attach_sites(ds, read_sites(sites), _label(sites))
    elif found.sites is not None:
        ds = attach_sites(ds, read_sites(found.sites), found.sites.name, warn=False)
    used = list(records)
    for table in one_or_many(extra) if extra is not None else ():
        joined = _read_extra(table, partitioning, units)
        used += joined
        ds = join_extra(ds, joined, records[0].resolution)
        ds.attrs["extra_tables"] = ", ".join(
            filter(None, [ds.attrs.get("extra_tables"), _label(table)])
        )
    _check_units_used(units, used)
    if co2 is not None:
        ds = fill_co2(ds, co2)
    ds = blank_impossible(ds)
    if min_qc is not None:
        ds = apply_min_qc(ds, min_qc)
    said = f"open_towers({len(records)} records, partitioning={partitioning!r}, min_qc={min_qc})"
    return with_history(mark_partitioning(ds), said)


def _checked_names(names: Sequence[str]) -> list[str]:
    if isinstance(names, str) or not names:
        raise InputError(f"variables={names!r}; expected a list of names, such as ['nee', 'ta']")
    for name in names:
        if not split_name(name)[0]:
            close = difflib.get_close_matches(name, TABLE, n=3)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise InputError(f"variables: {name!r} is not in the table of variables{hint}")
    return list(names)


def _read(
    found: TowerSources,
    partitioning: str,
    wanted: list[str] | None,
    units: Mapping[str, str] | None,
    resolution: str | None,
) -> list[Record]:
    """Read every file; all that is wrong is said at once."""
    records: list[Record] = []
    problems: list[XfluxError] = []
    for file in found.official:
        try:
            records.append(read_official(file, partitioning, wanted=wanted))
        except FileFormatError as error:
            problems.append(error)
    raise_together(problems)
    for table in found.tables:
        records += read_tidy(
            table, partitioning=partitioning, units=units, wanted=wanted, resolution=resolution
        )
    check_together(records)
    for note in dict.fromkeys(note for record in records for note in record.notes):
        warnings.warn(note, XfluxWarning, stacklevel=3)
    return records


def _read_extra(
    table: str | Path | pd.DataFrame, partitioning: str, units: Mapping[str, str] | None
) -> list[Record]:
    if isinstance(table, pd.DataFrame):
        return read_tidy(table, partitioning=partitioning, units=units)
    sources = csv_sources(Path(table).expanduser())
    if len(sources) > 1:
        raise FileFormatError(f"extra {sources[0].path.name}: holds {len(sources)} CSV files")
    return read_tidy(sources[0], partitioning=partitioning, units=units)


def _say_partitioning(ds: xr.Dataset, records: Sequence[Record], partitioning: str) -> xr.Dataset:
    """Name the sites at which only the other partitioning is there."""
    other = "DT" if partitioning == "NT" else "NT"
    for flux in ("gpp", "reco"):
        lacking = []
        for record in records:
            beside = record.frame.get(f"{flux}_{other.lower()}")
            if beside is None or beside.isna().all():
                continue
            if flux not in record.frame or record.frame[flux].isna().all():
                lacking.append(record.site)
        if lacking and len(lacking) == len(records):
            raise InputError(
                f"partitioning={partitioning!r} is in none of the files; they hold {other!r}"
            )
        if lacking and flux in ds:
            ds[flux].attrs["comment"] = (
                f"missing at {', '.join(lacking)}, whose files hold the {other} partitioning alone "
                f"({flux}_{other.lower()})"
            )
    return ds


def _check_units_used(units: Mapping[str, str] | None, records: Sequence[Record]) -> None:
    """Demand that every unit given is that of a column; a typing error would go unseen."""
    known = {text for record in records for pair in record.columns.items() for text in pair}
    unused = [column for column in units or {} if column not in known]
    if unused:
        raise InputError(
            f"units: {', '.join(map(repr, unused))} is no column that was read; there are "
            f"{', '.join(sorted(known)[:12])}"
        )


def _label(tables: object) -> str:
    if isinstance(tables, pd.DataFrame):
        return "a DataFrame"
    if isinstance(tables, str | Path):
        return Path(tables).name
    return ", ".join(_label(table) for table in tables)  # type: ignore[attr-defined]


def _attributes(records: Sequence[Record], partitioning: str) -> dict[str, str]:
    """Say where the Dataset comes from."""
    labels = list(dict.fromkeys(record.label for record in records))
    products = ", ".join(dict.fromkeys(record.product for record in records))
    more = f", ... ({len(labels)} files)" if len(labels) > 3 else ""
    code = records[0].resolution
    attrs = {
        "Conventions": "CF-1.11",
        "featureType": "timeSeries",
        "title": f"{NAMES[code].capitalize()} records of eddy covariance towers",
        "resolution": code,
        "source": f"{products}: {', '.join(labels[:3])}{more}",
    }
    if any(record.product != TIDY for record in records):
        attrs["references"] = _REFERENCES
    if any(re.search("_[ND]T_", text) for record in records for text in record.columns.values()):
        attrs["partitioning"] = partitioning
    ignored = dict.fromkeys(column for record in records for column in record.ignored)
    if ignored:
        attrs["ignored_columns"] = ", ".join(ignored)
    return attrs
