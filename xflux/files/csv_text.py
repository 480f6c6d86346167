"""The text of a CSV file: header, whole lines, numbers.

pandas fills a line that breaks off with NaN, which would pass for a gap in the
measurements; here it is an error that names the line.
"""

from __future__ import annotations

import io
from collections.abc import Collection

import numpy as np
import pandas as pd

from xflux.errors import FileFormatError

__all__ = ["MISSING", "check_lines", "read_header", "read_numbers"]

#: What stands for a missing value in the files of every flux network.
MISSING = -9999.0


def read_header(raw: bytes) -> tuple[int, list[str]]:
    """Return the number of ``#`` lines above the header, and the column names.

    Parameters
    ----------
    raw : bytes
        Text of the file.
    """
    skipped = 0
    start = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
    while raw[start : start + 1] == b"#":
        end = raw.find(b"\n", start)
        if end < 0:
            return skipped + 1, []
        start = end + 1
        skipped += 1
    end = raw.find(b"\n", start)
    line = raw[start : end if end >= 0 else len(raw)].decode("utf-8", "replace").strip()
    return skipped, [name.strip().strip('"') for name in line.split(",")]


def check_lines(raw: bytes, width: int, skipped: int, label: str) -> None:
    """Demand that every line has as many columns as the header.

    Parameters
    ----------
    raw : bytes
        Text of the file, without commas inside quotes.
    width, skipped : int
        Number of columns, and of lines above the header.
    label : str
        Name of the file, for the message.

    Raises
    ------
    FileFormatError
        Names the first line that differs.
    """
    above = 0
    for _ in range(skipped):
        above = raw.find(b"\n", above) + 1
    lines = raw.count(b"\n", above) + (not raw.endswith(b"\n"))
    # Two counts instead of a look at every line: half-hourly files have 400,000 of them.
    if raw.count(b",", above) == lines * (width - 1):
        return
    for number, line in enumerate(raw[above:].split(b"\n"), start=skipped + 1):
        found = line.count(b",") + 1
        if line.strip() and found != width:
            raise FileFormatError(
                f"{label}: line {number} has {found} columns where the header has {width}; the "
                "file is cut or damaged, download it again"
            )


def read_numbers(
    raw: bytes, header: list[str], skipped: int, columns: Collection[str], label: str
) -> pd.DataFrame:
    """Read some columns as numbers; an empty cell is NaN.

    Parameters
    ----------
    raw : bytes
        Text of the file.
    header, skipped : list of str, int
        From `read_header`.
    columns : collection of str
        What to read.
    label : str
        Name of the file, for the message.

    Raises
    ------
    FileFormatError
        Names line and column of a cell that is no number.
    """
    positions = sorted({header.index(column) for column in columns})
    try:
        frame = pd.read_csv(
            io.BytesIO(raw), skiprows=skipped, usecols=positions, skipinitialspace=True
        )
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise FileFormatError(f"{label}: cannot be read as CSV ({error})") from error
    frame.columns = pd.Index([header[position] for position in positions])
    for column, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if dtype.kind in "iuf":
            continue
        numbers = pd.to_numeric(frame[column], errors="coerce")
        wrong = (frame[column].notna() & numbers.isna()).to_numpy()
        if wrong.any():
            row = int(np.argmax(wrong))
            raise FileFormatError(
                f"{label}: line {row + skipped + 2}, column {column} holds "
                f"{frame[column].iloc[row]!r}, which is no number; the file is damaged"
            )
        frame[column] = numbers
    return frame
