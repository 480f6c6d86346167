"""What `import xflux` adds to `import xarray`: python tests/benchmarks/bench_import.py [pairs]."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(module: str) -> float:
    """Return the wall time of a fresh interpreter that imports a module."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - start


def main(pairs: int = 10) -> None:
    """Time both in turn, so that a drifting machine does not decide."""
    seconds("xarray"), seconds("xflux")
    ratios = []
    for _ in range(pairs):
        alone, both = seconds("xarray"), seconds("xflux")
        ratios.append(both / alone)
    median, low, high = statistics.median(ratios), min(ratios), max(ratios)
    print(f"import xflux / import xarray: {median:.3f} ({low:.3f} to {high:.3f}, {pairs} pairs)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
