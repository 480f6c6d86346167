"""Run one benchmark as a script: its tables to the terminal, or to a file for the page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tables import Table, write

__all__ = ["standalone"]

# Grids of drivers are made where the tests make them.
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))


def standalone(run: Callable[[bool], Sequence[Table]], description: str | None) -> None:
    """Read ``--quick`` and ``--json FILE``, run, and print the tables."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, for a first look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables there too")
    given = parser.parse_args()
    tables = list(run(given.quick))
    for table in tables:
        print(f"\n{table.text()}", flush=True)
    if given.json:
        write(tables, given.json)
