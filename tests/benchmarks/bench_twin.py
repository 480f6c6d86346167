"""How long the idealised Earth takes to make: a year of monthly drivers at 1 degree."""

from __future__ import annotations

from importlib.util import find_spec

import dask
from standalone import standalone
from tables import Table, number
from timing import seconds

COLUMNS = ("", "s to build", "s to compute", "MB", "Mcell/s")


def measure(resolution: float) -> tuple[str, ...]:
    """Make a year of drivers, on one thread; the first call, which compiles, is not timed."""
    from xflux.twin import Earth

    Earth(resolution=20.0, start="2001", end="2001", seed=0).drivers.compute()
    made = {}

    def build() -> None:
        made["lazy"] = Earth(resolution=resolution, start="2001", end="2001", seed=0).drivers

    def compute() -> None:
        with dask.config.set(scheduler="synchronous"):
            made["drivers"] = made["lazy"].compute()

    built, computed = seconds(build), seconds(compute)
    drivers = made["drivers"]
    cells = max(array.size for array in drivers.data_vars.values())
    return (
        f"one year, monthly, {resolution:g} degrees, {len(drivers.data_vars)} variables",
        number(built),
        number(computed),
        f"{drivers.nbytes / 1e6:.0f}",
        number(cells / computed / 1e6),
    )


def run(quick: bool = False) -> list[Table]:
    """Time it, or say that it is not there."""
    title = "Idealised Earth"
    try:
        there = find_spec("xflux.twin") is not None
        if there:
            from xflux.twin import Earth  # noqa: F401
    except ImportError:
        there = False
    if not there:
        row = ("xflux.twin is not there: skipped", *[""] * (len(COLUMNS) - 1))
        return [Table(title, COLUMNS, (row,), "Nothing was measured.")]
    rows = (measure(4.0 if quick else 1.0),)
    note = "On one thread. The limit that we set is 5 s for a year of 1 degree."
    return [Table(title, COLUMNS, rows, note)]


if __name__ == "__main__":
    standalone(run, __doc__)
