"""What every method of attribution does with places: run over them, and say why one fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.causal_graph import CausalGraph

__all__ = ["ALIKE", "CONSTANT", "ESTIMATED", "FEW", "STATUS", "PlaceMethod", "over_places",
           "unusable", "with_net"]  # fmt: skip

Floats = NDArray[np.float64]
Results = dict[str, "Floats | NDArray[np.int8]"]

#: Why there is no number, by its code.
STATUS = (
    "estimated",
    "no_month_with_all_nodes",
    "fewer_than_36_months",
    "a_node_does_not_vary",
    "parents_cannot_be_told_apart",
    "too_few_independent_months",
)
ESTIMATED, EMPTY, SHORT, CONSTANT, ALIKE, FEW = range(len(STATUS))
#: Months with all nodes that an estimate needs: three years.
_MONTHS = 36


class PlaceMethod(Protocol):
    """What is done with the series of one place."""

    @property
    def dtype(self) -> str:
        """Of the results."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the results of a place, by name."""

    def at_place(self, series: Floats) -> Results:
        """Return the results of one place, of its series (node, step)."""


def over_places(
    method: PlaceMethod, arrays: tuple[NDArray[np.floating], ...]
) -> tuple[NDArray[Any], ...]:
    """Work on every place of arrays (..., step), one for each node.

    Returns
    -------
    tuple of ndarray
        With what `shapes` says behind the dims of the places; NaN where a place has no result.
    """
    places = np.broadcast_shapes(*(array.shape[:-1] for array in arrays))
    results: dict[str, NDArray[Any]] = {
        name: np.zeros(places + shape, np.int8)
        if name == "status"
        else np.full(places + shape, np.nan, method.dtype)
        for name, shape in method.shapes.items()
    }
    spread = [np.broadcast_to(array, places + array.shape[-1:]) for array in arrays]
    for place in np.ndindex(places):
        series = np.array([array[place] for array in spread], np.float64)
        for name, values in method.at_place(series).items():
            results[name][place] = values
    return tuple(results.values())


def unusable(count: int, children: int) -> Results:
    """Return the results of a place with too few months; none where there are enough."""
    if count >= _MONTHS:
        return {}
    code = SHORT if count else EMPTY
    return {"months": np.array(float(count)), "status": np.full(children, code, np.int8)}


def with_net(series: Floats, graph: CausalGraph, names: tuple[str, ...]) -> Floats:
    """Add gpp less reco where it is among the names."""
    if "nep" not in names:
        return series
    gpp, reco = (series[graph.nodes.index(name)] for name in ("gpp", "reco"))
    return np.vstack([series, gpp - reco])
