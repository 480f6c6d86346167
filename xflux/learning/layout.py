"""Which columns of a row are a table, which a sequence and which an image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.features import Feature, parse

__all__ = ["Layout", "lay_out", "sequence_features"]

Rows = NDArray[np.float32]
Places = NDArray[np.int64]
_PIXEL = re.compile(r"\[(\d+),(\d+)\]$")


@dataclass(frozen=True, slots=True)
class Layout:
    """Numbers of columns.

    Attributes
    ----------
    table : ndarray (column,)
    sequence : ndarray (step, variable), optional
        Oldest step first.
    image : ndarray (channel, y, x), optional
    """

    table: Places
    sequence: Places | None = None
    image: Places | None = None

    def split(self, x: Rows) -> dict[str, Rows]:
        """Return the inputs of rows (row, column), by name."""
        return {name: x[:, places] for name, places in self.arrays().items()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what there is, by name."""
        held = {"table": self.table, "sequence": self.sequence, "image": self.image}
        return {name: places for name, places in held.items() if places is not None}


def sequence_features(sources: Sequence[str], steps: int) -> tuple[Feature, ...]:
    """Return the features that sequences of sources are made of: now, and each step before.

    Parameters
    ----------
    sources : sequence of str
        Variables, or baselines such as ``gpp_baseline``.
    steps : int
        Before the present one.

    Raises
    ------
    InputError
        For what is no variable, and for classes.
    """
    names = [(source, *(f"{source}_lag{k}" for k in range(1, steps + 1))) for source in sources]
    return tuple(parse(name) for group in names for name in group)


def lay_out(
    features: Sequence[Feature], sequence: Sequence[str], steps: int, image: Sequence[str]
) -> Layout:
    """Find sequences and images among features; what is left of them is not there.

    Steps before the present one serve the sequence alone, all else but pixels is the table too.

    Parameters
    ----------
    features : sequence of Feature
        Of the columns, in their order.
    sequence : sequence of str
        Sources.
    steps : int
    image : sequence of str
        Variables with pixels.
    """
    place = {feature.name: k for k, feature in enumerate(features)}
    series = [
        [place[feature.name] for feature in reversed(sequence_features([source], steps))]
        for source in sequence
        if source in place
    ]
    before = {f.name for f in sequence_features(sequence, steps) if f.kind == "lag"}
    table = [k for k, f in enumerate(features) if f.name not in before and f.kind != "pixel"]
    return Layout(
        np.array(table, np.int64),
        np.array(series, np.int64).T if series else None,
        _pixels(features, image),
    )


def _pixels(features: Sequence[Feature], image: Sequence[str]) -> Places | None:
    """Return the places of pixels (channel, y, x), where there are some."""
    channels = [name for name in image if any(f.source == name for f in features)]
    places: dict[tuple[int, int, int], int] = {}
    for k, feature in enumerate(features):
        if feature.kind == "pixel":
            found = _PIXEL.search(feature.name)
            assert found is not None
            channel = channels.index(feature.source)
            places[channel, int(found[1]), int(found[2])] = k
    if not places:
        return None
    sizes = [max(key[axis] for key in places) + 1 for axis in range(3)]
    if len(places) != np.prod(sizes):
        raise InputError(f"images {', '.join(channels)} differ in size; crop them to one")
    made = np.empty(sizes, np.int64)
    for key, k in places.items():
        made[key] = k
    return made
