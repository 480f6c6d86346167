"""Speed of the P-model: ours, pyrealm's, and what moving the memory takes.

    python tests/benchmarks/bench_photosynthesis.py [cells] [repeats]

All run in turns within one process, on one thread; the best of the repeats counts, and
only ratios within a run compare. The bound is a copy of every input and of the output.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

from xflux import PModel

RANGES = {
    "ta": (-10.0, 40.0), "vpd": (0.5, 40.0), "co2": (350.0, 420.0), "patm": (7e4, 1.02e5),
    "fapar": (0.0, 1.0), "ppfd": (0.0, 1000.0),
}  # fmt: skip
TILE = 16384


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_tiles(model: PModel, arrays: list[np.ndarray]) -> None:
    for start in range(0, arrays[0].size, TILE):
        model(*(array[start : start + TILE] for array in arrays))


def main(cells: int = 1_000_000, repeats: int = 3) -> None:
    rng = np.random.default_rng(0)
    double = [rng.uniform(low, high, cells) for low, high in RANGES.values()]
    double.append(np.zeros(cells))
    single = [array.astype(np.float32) for array in double]
    target = np.empty(cells)
    model = PModel()
    runs: dict[str, Callable[[], object]] = {
        "xflux float64, whole array": lambda: model(*double),
        "xflux float64, in tiles": lambda: in_tiles(model, double),
        "xflux float32, whole array": lambda: model(*single),
        "xflux float32, in tiles": lambda: in_tiles(model, single),
        "memory bound, float64": lambda: [np.copyto(target, array) for array in double],
    }
    try:
        from pyrealm.pmodel import PModel as Theirs
        from pyrealm.pmodel import PModelEnvironment
    except ImportError:
        print("pyrealm is not installed; no ratio to it")
    else:
        ta, vpd, co2, patm, fapar, ppfd, _ = double

        def theirs() -> None:
            environment = PModelEnvironment(
                tc=ta, vpd=vpd * 100, co2=co2, patm=patm, fapar=fapar, ppfd=ppfd
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                Theirs(environment, reference_kphio=0.081785)

        runs["pyrealm, whole array"] = theirs
    for arrays in (double, single):
        model(*(array[:TILE] for array in arrays))
    best = dict.fromkeys(runs, np.inf)
    for _ in range(repeats):
        for name, run in runs.items():
            best[name] = min(best[name], seconds(run))
    reference = best.get("pyrealm, whole array")
    print(f"{cells} cells, best of {repeats}")
    for name, taken in best.items():
        ratio = f"{reference / taken:8.1f} x pyrealm" if reference else ""
        bound = f"{taken / best['memory bound, float64']:8.1f} x the bound"
        print(f"{name:28} {cells / taken / 1e6:8.1f} Mcell/s {ratio} {bound}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
