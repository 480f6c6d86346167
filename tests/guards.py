"""Guards that tests put around calls: nothing may be computed before the user asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask


@contextmanager
def no_compute() -> Iterator[None]:
    """Fail when anything lazy is computed inside the block."""

    def refuse(graph: Any, keys: Any, **options: Any) -> Any:
        raise AssertionError("a lazy array was computed before the user asked for it")

    with dask.config.set(scheduler=refuse):
        yield


@contextmanager
def counting() -> Iterator[list[int]]:
    """Count how often something is computed inside the block."""
    computed: list[int] = []

    def count(graph: Any, keys: Any, **options: Any) -> Any:
        computed.append(1)
        return dask.get(graph, keys, **options)

    with dask.config.set(scheduler=count):
        yield computed
