"""Figures without a screen, closed after each test; and what was computed for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dask
import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def computed() -> Iterator[list[int]]:
    """Number of values that each computation handed back."""
    sizes: list[int] = []

    def size(found: Any) -> int:
        if isinstance(found, (list, tuple)):
            return sum(size(part) for part in found)
        return int(np.size(found))

    def count(graph: Any, keys: Any, **options: Any) -> Any:
        found = dask.get(graph, keys, **options)
        sizes.append(size(found))
        return found

    with dask.config.set(scheduler=count):
        yield sizes
