"""Which files are meant: official tower files and tidy tables in paths, folders, archives."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from xflux.errors import FileFormatError, InputError
from xflux.files.archives import CsvSource, csv_sources, sources_in_folder
from xflux.files.fluxnet import TowerFile, identify, other_product, sniff
from xflux.files.periods import NAMES
from xflux.files.records import check_one_resolution

__all__ = ["Table", "TowerPaths", "TowerSources", "find_sources", "one_or_many"]

Table = str | Path | pd.DataFrame
TowerPaths = Table | Sequence[Table]
_SITE_TABLES = ("sites.csv",)


@dataclass(slots=True)
class TowerSources:
    """What was found.

    Attributes
    ----------
    official : list of TowerFile
    tables : list of CsvSource or DataFrame
        Tidy tables; empty where there are official files.
    sites : Path, optional
        A ``sites.csv`` in a folder that was given, or beside the files found in it.
    """

    official: list[TowerFile] = field(default_factory=list)
    tables: list[CsvSource | pd.DataFrame] = field(default_factory=list)
    sites: Path | None = None


def one_or_many(tables: TowerPaths) -> list[Table]:
    """Return a list, of one table or of several."""
    return [tables] if isinstance(tables, str | Path | pd.DataFrame) else list(tables)


def find_sources(paths: TowerPaths, resolution: str | None = None) -> TowerSources:
    """Find the files that paths, folders, patterns and zip archives mean.

    Parameters
    ----------
    paths : path, DataFrame, or sequence of these
        Official files are known by their names, at any depth of a folder; renamed
        ones by their time stamps. A folder without any holds one tidy table.
    resolution : str, optional
        Code by which official files are chosen.

    Raises
    ------
    InputError
        When nothing is found, resolutions are mixed, or official files and tidy
        tables are.
    """
    if resolution is not None and resolution not in NAMES:
        raise InputError(f"resolution={resolution!r} is none; expected one of {', '.join(NAMES)}")
    found = TowerSources()
    for path in one_or_many(paths):
        if isinstance(path, pd.DataFrame):
            found.tables.append(path)
            continue
        for place in _expand(path):
            if place.is_dir():
                _add_folder(found, place)
            else:
                _add_file(found, csv_sources(place))
    if found.official and found.tables:
        shown = [t.label if isinstance(t, CsvSource) else "a DataFrame" for t in found.tables]
        raise InputError(
            f"official files (such as {found.official[0].source.label}) and tidy tables "
            f"({', '.join(shown)}) are mixed; join the tables by extra=, or open them apart"
        )
    if resolution is not None and found.official:
        held = sorted({file.resolution for file in found.official})
        found.official = [file for file in found.official if file.resolution == resolution]
        if not found.official:
            raise InputError(
                f"no file has the resolution {resolution!r}; there are files of {', '.join(held)}"
            )
    if not found.official and not found.tables:
        raise InputError(
            f"no tower files found in {_shown(paths)}; expected official names such as "
            "FLX_<site>_FLUXNET2015_FULLSET_MM_<years>_<version>.csv (also .gz, .zip), or a tidy "
            "table with columns site, time and variables"
        )
    check_one_resolution([(file.resolution, file.source.label) for file in found.official])
    return found


def _expand(path: str | Path) -> list[Path]:
    """Expand ``~`` and a pattern."""
    expanded = Path(path).expanduser()
    if expanded.exists() or not glob.has_magic(str(path)):
        return [expanded]
    matched = sorted(Path(name) for name in glob.glob(str(expanded), recursive=True))
    if not matched:
        raise InputError(f"no file matches the pattern {str(path)!r}")
    return matched


def _shown(paths: TowerPaths) -> str:
    names = [str(p) for p in one_or_many(paths) if not isinstance(p, pd.DataFrame)]
    return ", ".join(repr(name) for name in names[:3]) or "an empty list"


def _is_site_table(source: CsvSource) -> bool:
    return source.name.lower() in _SITE_TABLES


def _add_folder(found: TowerSources, folder: Path) -> None:
    sources = sources_in_folder(folder)
    beside = [s.path for s in sources if s.path.parent == folder and _is_site_table(s)]
    if found.sites is None and beside:
        found.sites = beside[0]
    official = [file for source in sources if (file := identify(source)) is not None]
    if official:
        found.official.extend(official)
        # Files may lie deeper than the folder that was given, with their table beside them.
        deeper = {file.source.path.parent for file in official}
        tables = [s.path for s in sources if s.path.parent in deeper and _is_site_table(s)]
        if found.sites is None and len(tables) == 1:
            found.sites = tables[0]
        return
    direct = [
        source
        for source in sources
        if source.path.parent == folder and not _is_site_table(source) and not other_product(source)
    ]
    renamed = [file for source in direct if (file := _sniff_quietly(source)) is not None]
    if renamed:
        found.official.extend(renamed)
    elif len(direct) > 1:
        raise InputError(
            f"folder {str(folder)!r} holds no official tower files but {len(direct)} other tables "
            f"({', '.join(source.name for source in direct[:6])}); pass the path of one"
        )
    else:
        found.tables.extend(direct)


def _sniff_quietly(source: CsvSource) -> TowerFile | None:
    """Look into a file of a folder, where one without a site is only another table."""
    try:
        return sniff(source)
    except FileFormatError:
        return None


def _add_file(found: TowerSources, sources: list[CsvSource]) -> None:
    """Add one file on disk, which is several sources when it is a zip archive."""
    official = [file for source in sources if (file := identify(source)) is not None]
    if official:
        found.official.extend(official)
        return
    if len(sources) > 1:
        raise FileFormatError(
            f"{sources[0].path.name}: holds {len(sources)} CSV files but no official tower file "
            f"(such as {sources[0].member}); unpack it and pass the one that is meant"
        )
    file = sniff(sources[0])
    if file is not None:
        found.official.append(file)
    else:
        found.tables.append(sources[0])
