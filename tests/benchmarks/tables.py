"""The table that every benchmark gives back, as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Table", "number", "read", "write"]


@dataclass(frozen=True)
class Table:
    """What was measured.

    Attributes
    ----------
    title : str
    columns : tuple of str
        Heads; the first column says what the row is.
    rows : tuple of tuple of str
    note : str
        What the table shows, and the peer or limit that it is compared with.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: {row} does not fit {self.columns}")

    def text(self) -> str:
        """Return the table for a terminal."""
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows)]

        def line(cells: Sequence[str]) -> str:
            first, *rest = zip(cells, widths)
            cut = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
            return "  ".join(cut).rstrip()

        lines = [self.title, "-" * len(self.title), *map(line, (self.columns, *self.rows))]
        return "\n".join([*lines, self.note])

    def markdown(self) -> str:
        """Return the table for a page."""
        rule = ["---", *["--:"] * (len(self.columns) - 1)]
        body = [f"| {' | '.join(cells)} |" for cells in (self.columns, rule, *self.rows)]
        return "\n".join([f"## {self.title}", "", self.note, "", *body])


def number(value: float, digits: int = 3) -> str:
    """Write a number with so many significant digits, without an exponent."""
    if value == 0:
        return "0"
    size = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:,.{max(0, digits - size)}f}"


def write(tables: Iterable[Table], path: Path) -> None:
    """Write tables as JSON."""
    path.write_text(json.dumps([asdict(table) for table in tables]), encoding="utf-8")


def read(path: Path) -> list[Table]:
    """Read what `write` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return [
        Table(
            entry["title"],
            tuple(entry["columns"]),
            tuple(map(tuple, entry["rows"])),
            entry["note"],
        )
        for entry in found
    ]
