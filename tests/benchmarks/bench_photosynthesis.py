"""The P-model on plain arrays: ours, pyrealm's, NumPy's, and what moving the memory takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy_pmodel
import peers
from standalone import standalone
from tables import Table, number
from timing import interleave

BLOCK = 20_000
REFERENCE, BOUND = "pyrealm, whole arrays", "moving 6 inputs and 1 output, float64"


def measure(count: int, repeats: int, agreed: str) -> Table:
    """Time every peer on so many cells."""
    double = list(peers.cells(count).values())
    single = [array.astype(np.float32) for array in double]
    target = np.empty_like(double[0])
    runs: dict[str, Callable[[], object]] = {
        "xflux float64, whole arrays": partial(peers.xflux_gpp, *double),
        "xflux float64, in blocks": partial(peers.in_blocks, peers.xflux_gpp, double, BLOCK),
        "xflux float32, whole arrays": partial(peers.xflux_gpp, *single),
        "xflux float32, in blocks": partial(peers.in_blocks, peers.xflux_gpp, single, BLOCK),
        "NumPy, whole arrays": partial(numpy_pmodel.gpp, *double),
        "NumPy, in blocks": partial(numpy_pmodel.gpp_in_blocks, *double, size=BLOCK),
        BOUND: partial(peers.move, double, [target]),
    }
    if peers.HAS_PYREALM:
        runs[REFERENCE] = partial(peers.pyrealm_gpp, *double)
        runs["pyrealm, in blocks"] = partial(peers.in_blocks, peers.pyrealm_gpp, double, BLOCK)
    for arrays in (double, single):
        peers.xflux_gpp(*(array[:BLOCK] for array in arrays))
    timings = interleave(runs, repeats)
    bound = timings[BOUND].best
    rows = []
    for name, timing in timings.items():
        ratio = timings[REFERENCE].best / timing.best if REFERENCE in timings else np.nan
        rows.append(
            (
                name,
                number(count / timing.best / 1e6),
                timing.spread,
                number(ratio),
                number(timing.best / bound),
                timing.in_system,
            )
        )
    precision = (
        timings["xflux float64, whole arrays"].best / timings["xflux float32, whole arrays"].best
    )
    note = (
        f"One thread, {repeats} rounds, blocks of {BLOCK:,} cells. Peers compute the same "
        f"({agreed}). float32 is {number(precision)} x as fast as float64. *In the system* is the "
        "share of time that page faults take: large temporaries, which glibc maps afresh each "
        "time above 32 MB, are why pyrealm slows down as arrays grow."
    )
    columns = ("", "Mcell/s", "spread", "x pyrealm", "x the bound's time", "in the system")
    return Table(f"P-model, plain arrays, {count:.0e} cells", columns, tuple(rows), note)


def run(quick: bool = False) -> list[Table]:
    """Time small arrays, and large ones."""
    agreed = peers.agreement()
    sizes = {1_000_000: 5} if quick else {1_000_000: 7, 10_000_000: 5}
    return [measure(count, repeats, agreed) for count, repeats in sizes.items()]


if __name__ == "__main__":
    standalone(run, __doc__)
