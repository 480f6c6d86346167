"""Tables of results: with units, as CSV for programs and as Markdown for readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes
    ----------
    name : str
        Of the CSV file, without its ending.
    title : str
    frame : DataFrame
        Columns bear their units in brackets, or a column ``units`` does.
    note : str
        What a reader must know: how it was made, what the columns mean.
    shown : DataFrame, optional
        A shorter form for the report, where all would be too much; None: `frame`.
    digits : mapping of str to int
        Decimals in Markdown by column; 2 for others. CSV has six significant digits.
    """

    name: str
    title: str
    frame: pd.DataFrame
    note: str = ""
    shown: pd.DataFrame | None = None
    digits: Mapping[str, int] = field(default_factory=dict)

    def write(self, folder: Path, *, label: str = "") -> None:
        """Write the CSV file; a label such as ``synthetic`` stands in each row."""
        frame = self.frame.assign(data=label) if label else self.frame
        frame.to_csv(
            folder / f"{self.name}.csv", index=False, float_format="%.6g", lineterminator="\n"
        )

    def markdown(self) -> str:
        """Return the table as Markdown, numbers to the right."""
        frame = self.frame if self.shown is None else self.shown
        names = [str(name) for name in frame.columns]
        cells = [
            [_text(value, self.digits.get(name, 2)) for value in frame[column]]
            for name, column in zip(names, frame.columns, strict=True)
        ]
        rules = ["---:" if _is_number(frame[column]) else "---" for column in frame.columns]
        rows = [names, rules, *map(list, zip(*cells, strict=True))]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def plain(self) -> str:
        """Return the table as lines for a terminal."""
        frame = self.frame if self.shown is None else self.shown
        columns = {
            str(name): [_text(value, self.digits.get(str(name), 2)) for value in frame[name]]
            for name in frame.columns
        }
        return pd.DataFrame(columns).to_string(index=False)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column))


def _text(value: Any, digits: int) -> str:
    if isinstance(value, float | np.floating):
        # Adding 0.0 makes of -0.0, which rounding leaves, a plain zero.
        return "" if np.isnan(value) else f"{round(float(value), digits) + 0.0:.{digits}f}"
    return str(value).replace("|", "\\|")
