"""Where CSV text lies: plain, gzipped, or as a member of a zip archive.

A download that was cut short is told here, before anything is parsed.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from xflux.errors import FileFormatError

__all__ = ["CsvSource", "csv_sources", "sources_in_folder"]

_SUFFIXES = (".csv", ".csv.gz", ".zip")


@dataclass(frozen=True, slots=True)
class CsvSource:
    """One CSV file, possibly compressed.

    Attributes
    ----------
    path : Path
        The file on disk.
    member : str
        Name inside a zip archive; empty for other files.
    """

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """File name of the CSV itself, without folder and ``.gz``."""
        name = Path(self.member).name if self.member else self.path.name
        return name[:-3] if name.lower().endswith(".gz") else name

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.path.name}[{self.member}]" if self.member else self.path.name

    def read(self) -> bytes:
        """Return the whole text.

        Raises
        ------
        FileFormatError
            When the compressed data end early or are damaged.
        """
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive:
                    return archive.read(self.member)
            raw = self.path.read_bytes()
            # By content, since browsers and mail clients drop or add the suffix.
            return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
            raise FileFormatError(
                f"{self.label}: the compressed file is cut or damaged ({error}); download it again"
            ) from error


def csv_sources(path: Path) -> list[CsvSource]:
    """List the CSV files that one file on disk holds.

    Parameters
    ----------
    path : Path
        A ``.csv``, ``.csv.gz`` or ``.zip`` file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When a zip archive cannot be opened, or holds no CSV file.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.suffix.lower() != ".zip":
        return [CsvSource(path)]
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(archive.namelist())
    except zipfile.BadZipFile as error:
        raise FileFormatError(
            f"{path.name}: the zip archive is cut or damaged ({error}); download it again"
        ) from error
    members = [name for name in names if name.lower().endswith(".csv")]
    if not members:
        raise FileFormatError(f"{path.name}: the zip archive holds no CSV file")
    return [CsvSource(path, member) for member in members]


def sources_in_folder(folder: Path) -> list[CsvSource]:
    """List the CSV files below a folder, zip archives opened, in order of their paths."""
    found: list[CsvSource] = []
    for path in sorted(folder.rglob("*")):
        if path.name.lower().endswith(_SUFFIXES) and path.is_file():
            found.extend(csv_sources(path))
    return found
