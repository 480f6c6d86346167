"""What `import xflux` adds to `import xarray`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from standalone import standalone
from tables import Table, number


def seconds(module: str) -> float:
    """Return the wall time of a fresh interpreter that imports a module."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - start


def run(quick: bool = False) -> list[Table]:
    """Time both in turn, so that a drifting machine does not decide."""
    pairs = 3 if quick else 10
    seconds("xarray"), seconds("xflux")
    times = [(seconds("xarray"), seconds("xflux")) for _ in range(pairs)]
    ratios = [both / alone for alone, both in times]
    row = (
        "import xflux",
        number(min(both for _, both in times)),
        number(min(alone for alone, _ in times)),
        number(statistics.median(ratios)),
        f"{number(min(ratios))} to {number(max(ratios))}",
    )
    columns = ("", "s", "s of xarray alone", "ratio (median)", "range")
    note = (
        "Fresh interpreters in pairs. What is heavy (numba, dask, pint, matplotlib) is imported "
        "when it is first needed; the peer is xarray, which xflux cannot do without."
    )
    return [Table("Import", columns, (row,), note)]


if __name__ == "__main__":
    standalone(run, __doc__)
