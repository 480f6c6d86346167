"""Small made-up tower files with known truth, in the shape of every product."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

FREQUENCIES = {"HH": "30min", "HR": "60min", "DD": "D", "MM": "MS", "YY": "YS"}
FORMATS = {"HH": "%Y%m%d%H%M", "HR": "%Y%m%d%H%M", "DD": "%Y%m%d", "WW": "%Y%m%d"} | {
    "MM": "%Y%m",
    "YY": "%Y",
}


def period_starts(resolution: str, first: int, last: int) -> pd.DatetimeIndex:
    """Starts of the periods of whole years; of two days in HH and HR, to keep files small."""
    if resolution == "WW":
        weeks = [pd.date_range(f"{y}-01-01", periods=52, freq="7D") for y in range(first, last + 1)]
        return weeks[0].append(weeks[1:])
    end = f"{first}-01-02 23:59" if resolution in ("HH", "HR") else f"{last}-12-31"
    return pd.date_range(f"{first}-01-01", end, freq=FREQUENCIES[resolution])


def fluxnet_table(
    resolution: str,
    columns: Mapping[str, float | np.ndarray],
    first: int = 2003,
    last: int = 2004,
) -> pd.DataFrame:
    """A table as it stands in a FLUXNET file; a number is constant in time."""
    starts = period_starts(resolution, first, last)
    stamps = starts.strftime(FORMATS[resolution])
    if resolution in ("HH", "HR"):
        ends = (starts + pd.Timedelta(FREQUENCIES[resolution])).strftime(FORMATS[resolution])
        table = {"TIMESTAMP_START": stamps, "TIMESTAMP_END": ends}
    elif resolution == "WW":
        ends = np.where(
            starts.day_of_year == 358,
            (starts + pd.offsets.YearEnd()).strftime("%Y%m%d"),
            (starts + pd.Timedelta("6D")).strftime("%Y%m%d"),
        )
        table = {"TIMESTAMP_START": stamps, "TIMESTAMP_END": ends}
    else:
        table = {"TIMESTAMP": stamps}
    values = {name: np.broadcast_to(value, len(starts)) for name, value in columns.items()}
    return pd.DataFrame({**table, **values})


def write_csv(path: Path, table: pd.DataFrame, above: str = "") -> Path:
    """Write a table plainly, gzipped or into a zip archive, by the suffix of the path."""
    text = (above + table.to_csv(index=False)).encode()
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text, mtime=0))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{path.stem}.csv", text)
    else:
        path.write_bytes(text)
    return path


def write_tower(
    folder: Path,
    site: str,
    resolution: str = "MM",
    columns: Mapping[str, float | np.ndarray] | None = None,
    *,
    first: int = 2003,
    last: int = 2004,
    suffix: str = ".csv",
) -> Path:
    """Write an official file of constant values."""
    columns = columns or {"TA_F": 10.0, "NEE_VUT_REF": -1.0}
    last = first if resolution in ("HH", "HR") else last
    name = f"FLX_{site}_FLUXNET2015_FULLSET_{resolution}_{first}-{last}_1-3{suffix}"
    return write_csv(folder / name, fluxnet_table(resolution, columns, first, last))
