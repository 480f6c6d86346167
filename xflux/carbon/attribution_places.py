"""What every method of attribution does with places: run over them, and say why one fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.anomaly_scores import Anomalies, anomalies, trend_share
from xflux.carbon.causal_graph import CausalGraph

__all__ = ["ALIKE", "CONSTANT", "ESTIMATED", "FEW", "STATUS", "Months", "PlaceMethod", "Results"]

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


@dataclass(frozen=True)
class Months:
    """The months of a place in which all nodes have values.

    Attributes
    ----------
    steps : ndarray (step,)
        Counted from any January.
    series, anomalies : ndarray (node, step)
        In canonical units, nep among them where it is asked for.
    sd : ndarray (node,)
        Of the anomalies.
    varies : ndarray of bool (node,)
        Whether that is more than rounding.
    """

    steps: NDArray[np.int64]
    series: Floats
    anomalies: Floats
    sd: Floats
    varies: NDArray[np.bool_]


@dataclass(frozen=True, repr=False)
class PlaceMethod:
    """What is done with the series of a place; called on arrays of many places.

    Attributes
    ----------
    graph : CausalGraph
        Its nodes are the arrays that it is called with, in that order.
    children, parents : tuple of str
        Of the results; ``nep`` among the children is gpp less reco.
    months : tuple of int
        Of each step, counted from any January.
    anomalies : {"seasonal", "detrended", "raw"}
    dtype : str
        Of the results.
    """

    graph: CausalGraph
    children: tuple[str, ...]
    parents: tuple[str, ...]
    months: tuple[int, ...]
    anomalies: Anomalies
    dtype: str

    @property
    def names(self) -> tuple[str, ...]:
        """Nodes, and nep where it is asked for."""
        return (*self.graph.nodes, *(["nep"] if "nep" in self.children else []))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the results of a place, by name."""
        raise NotImplementedError

    def __repr__(self) -> str:
        # Names the tasks of Dask.
        return type(self).__name__

    def __call__(self, *arrays: NDArray[np.floating]) -> tuple[NDArray[Any], ...]:
        """Return the results of many places.

        Parameters
        ----------
        *arrays : ndarray (..., step)
            One for each node of the graph, in canonical units.

        Returns
        -------
        tuple of ndarray
            With what `shapes` says behind the dims of the places; NaN where a place has no result.
        """
        places = np.broadcast_shapes(*(array.shape[:-1] for array in arrays))
        results: dict[str, NDArray[Any]] = {
            name: np.zeros(places + shape, np.int8)
            if name == "status"
            else np.full(places + shape, np.nan, self.dtype)
            for name, shape in self.shapes.items()
        }
        spread = [np.broadcast_to(array, places + array.shape[-1:]) for array in arrays]
        for place in np.ndindex(places):
            series = np.array([array[place] for array in spread], np.float64)
            for name, values in self.at_place(series).items():
                results[name][place] = values
        return tuple(results.values())

    def at_place(self, series: Floats) -> Results:
        """Return the results of one place.

        Parameters
        ----------
        series : ndarray (node, step)

        Returns
        -------
        dict of str to ndarray
            What is not estimated may be left out.
        """
        there = np.all(np.isfinite(series), axis=0)
        count = int(there.sum())
        none = _unusable(count, len(self.children))
        if none:
            return none
        steps = np.asarray(self.months)[there]
        series = _with_net(series[:, there], self.graph, self.names)
        plain = anomalies(series, steps, self.anomalies)
        sd = plain.std(axis=-1)
        # What is left of a constant is rounding.
        varies = sd > 1e-6 * np.sqrt(np.mean(series**2, axis=-1))
        told: Results = {
            "sd": np.where(varies, sd, np.nan),
            "trend_share": np.where(varies, trend_share(series, steps), np.nan),
            "months": np.array(float(count)),
        }
        return told | self.estimate(Months(steps, series, plain, sd, varies))

    def estimate(self, months: Months) -> Results:
        """Return what a method makes of the months of a place, and its status."""
        raise NotImplementedError


def _unusable(count: int, children: int) -> Results:
    """Return the results of a place with too few months; none where there are enough."""
    if count >= _MONTHS:
        return {}
    code = SHORT if count else EMPTY
    return {"months": np.array(float(count)), "status": np.full(children, code, np.int8)}


def _with_net(series: Floats, graph: CausalGraph, names: tuple[str, ...]) -> Floats:
    """Add gpp less reco where it is among the names."""
    if "nep" not in names:
        return series
    gpp, reco = (series[graph.nodes.index(name)] for name in ("gpp", "reco"))
    return np.vstack([series, gpp - reco])
