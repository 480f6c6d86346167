"""Time several things in turns, so that a drifting machine does not decide."""

from __future__ import annotations

import gc
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Timing", "interleave", "seconds"]


@dataclass
class Timing:
    """Wall times of one thing, and the share of them that the kernel took."""

    walls: list[float] = field(default_factory=list)
    system: float = 0.0

    @property
    def best(self) -> float:
        """Shortest wall time, s."""
        return min(self.walls)

    @property
    def spread(self) -> str:
        """Say by how much the median is longer than the best."""
        return f"+{100 * (statistics.median(self.walls) / self.best - 1):.0f} %"

    @property
    def in_system(self) -> str:
        """Say which share of all wall time went into the operating system (page faults)."""
        return f"{100 * self.system / sum(self.walls):.0f} %"


def seconds(function: Callable[[], object]) -> float:
    """Return the wall time of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def interleave(runs: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Timing]:
    """Call everything once, round after round.

    A round in which a machine is busy with something else slows down all of them; the
    best of the rounds counts. What was not called before is compiled by then: warm up
    first.
    """
    timings = {name: Timing() for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            gc.collect()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_stime
            timings[name].walls.append(seconds(run))
            timings[name].system += resource.getrusage(resource.RUSAGE_SELF).ru_stime - before
    return timings
