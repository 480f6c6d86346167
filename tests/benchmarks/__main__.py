"""All benchmarks by one command: python tests/benchmarks [--quick] [--only NAME ...] [--page FILE].

Each runs in an interpreter of its own, on one thread unless it says otherwise, so that peak
memory and thread pools are its own. Only ratios within a run compare.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from machine import describe
from tables import Table, read

FOLDER = Path(__file__).resolve().parent

#: Libraries that would start threads beside those of a benchmark.
ONE_THREAD = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


def names() -> list[str]:
    """Return the names of all benchmarks, which are those of their modules."""
    return sorted(path.stem for path in FOLDER.glob("bench_*.py"))


def purpose(name: str) -> str:
    """Return the first line of a benchmark's docstring, without running it."""
    text = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")))
    return (text or "").splitlines()[0]


def measure(name: str, *, quick: bool) -> list[Table]:
    """Run one benchmark in a fresh interpreter, which prints; return its tables."""
    with tempfile.TemporaryDirectory() as folder:
        tables = Path(folder) / "tables.json"
        command = [sys.executable, str(FOLDER / f"{name}.py"), "--json", str(tables)]
        subprocess.run(command + ["--quick"] * quick, check=True, env={**os.environ, **ONE_THREAD})
        return read(tables)


def page(tables: Sequence[Table], command: str, *, quick: bool) -> str:
    """Return the page that the documentation shows."""
    day = datetime.now(UTC).date().isoformat()
    size = " Small sizes (`--quick`): not the numbers to quote." if quick else ""
    head = (
        "# Benchmarks\n\n"
        f"Measured on {day} by `{command}`.{size} {describe()}\n\n"
        "Peers take turns within one process, on one thread unless a row says otherwise; the "
        "best of the rounds counts, and *spread* is by how much the median is longer. Ratios "
        "hold within a table, seconds on this machine alone.\n\n"
    )
    return head + "\n\n".join(table.markdown() for table in tables) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; return 1 when any benchmark failed."""
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--list", action="store_true", help="name the benchmarks and leave")
    parser.add_argument("--quick", action="store_true", help="small sizes, about a minute")
    parser.add_argument("--only", nargs="+", choices=names(), metavar="NAME", default=names())
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the tables as Markdown")
    given = parser.parse_args(argv)
    if given.list:
        print("\n".join(f"{name:22} {purpose(name)}" for name in names()))
        return 0
    print(describe())
    tables: list[Table] = []
    failed = []
    for name in given.only:
        print(f"\n== {name}", flush=True)
        try:
            tables += measure(name, quick=given.quick)
        except subprocess.CalledProcessError as error:
            failed.append(f"{name} (exit code {error.returncode})")
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
        return 1
    if given.page:
        arguments = sys.argv[1:] if argv is None else argv
        command = " ".join(["python tests/benchmarks", *arguments])
        given.page.write_text(page(tables, command, quick=given.quick), encoding="utf-8")
        print(f"\nwritten: {given.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
