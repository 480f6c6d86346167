"""Rank correlations of a network with a Gaussian copula: association. Plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.attribution_places import (
    CONSTANT,
    ESTIMATED,
    Months,
    PlaceMethod,
    Results,
)

__all__ = ["RankNetwork", "copula_network", "spearman"]

Floats = NDArray[np.float64]


def spearman(series: Floats) -> Floats:
    """Return the rank correlations of series.

    Parameters
    ----------
    series : ndarray (series, step)
        Complete.

    Returns
    -------
    ndarray (series, series)
    """
    from scipy.stats import rankdata

    correlation = np.corrcoef(rankdata(series, axis=-1))
    return np.atleast_2d(correlation)


def copula_network(correlation: Floats, parents: list[list[int]]) -> tuple[Floats, Floats]:
    """Return what a network with a Gaussian copula makes of rank correlations.

    Parameters
    ----------
    correlation : ndarray (node, node)
        Rank correlations of the data.
    parents : list of list of int
        Of each node, in an order that counts: an arrow is conditional on those before it.

    Returns
    -------
    conditional : ndarray (node, node)
        Of child and parent: rank correlation given the parents before; NaN elsewhere.
    implied : ndarray (node, node)
        Rank correlations of all pairs in the network.

    Notes
    -----
    ``r_P = 2 sin(pi r_S / 6)`` brings rank correlations to those of normal variables (Pearson
    1907) and back. Each arrow holds the partial correlation of child and parent given the parents
    before; what no arrow ties is independent given the parents (Hanea et al. 2015).

    References
    ----------
    Hanea, A., Morales Napoles, O. and Ababei, D. (2015): Non-parametric Bayesian networks.
    Reliability Engineering and System Safety 144, 265-284.
    """
    normal = 2.0 * np.sin(np.pi * correlation / 6.0)
    nodes = len(parents)
    conditional = np.full((nodes, nodes), np.nan)
    implied = np.eye(nodes)
    for node, own in enumerate(parents):
        before = implied[:node, :node]
        # Parents as uncorrelated parts of the network: the next one, less those before it.
        parts = np.zeros((node, len(own)))
        left = 1.0
        row = np.zeros(node)
        for k, parent in enumerate(own):
            r = _partial(normal, node, parent, own[:k])
            conditional[node, parent] = 6.0 / np.pi * np.arcsin(r / 2.0)
            part = np.zeros(node)
            part[parent] = 1.0
            for other in parts[:, :k].T:
                part -= (other @ before @ part) * other
            size = np.sqrt(part @ before @ part)
            if size > 1e-9:
                parts[:, k] = part / size
                row += r * np.sqrt(left) * (before @ parts[:, k])
                left *= 1.0 - r * r
        implied[node, :node] = implied[:node, node] = row
    return conditional, 6.0 / np.pi * np.arcsin(np.clip(implied, -1.0, 1.0) / 2.0)


def _partial(correlation: Floats, one: int, other: int, given: list[int]) -> float:
    """Return a partial correlation."""
    pick = [one, other, *given]
    inverse = np.linalg.pinv(correlation[np.ix_(pick, pick)], hermitian=True)
    size = np.sqrt(inverse[0, 0] * inverse[1, 1])
    return float(np.clip(-inverse[0, 1] / size, -1.0, 1.0)) if size > 0.0 else 0.0


@dataclass(frozen=True, repr=False)
class RankNetwork(PlaceMethod):
    """Rank correlations of children and parents; of ``nep`` the parents of gpp and reco count."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the results of a place, by name."""
        pairs = (len(self.children), len(self.parents))
        return {
            "rank_correlation": pairs,
            "conditional_rank_correlation": pairs,
            "network_rank_correlation": pairs,
            "sd": (len(self.names),),
            "trend_share": (len(self.names),),
            "months": (),
            "status": (len(self.children),),
        }

    def estimate(self, months: Months) -> Results:
        """Return correlations, where every node varies."""
        varies = bool(months.varies.all())
        told: Results = {
            "status": np.full(len(self.children), ESTIMATED if varies else CONSTANT, np.int8)
        }
        if not varies:
            return told
        observed = spearman(months.anomalies)
        conditional, implied = copula_network(observed, self._parents_by_position())
        rows = [self.names.index(child) for child in self.children]
        columns = [self.names.index(parent) for parent in self.parents]
        others = np.array([[row != column for column in columns] for row in rows])
        for name, table in (
            ("rank_correlation", observed),
            ("conditional_rank_correlation", conditional),
            ("network_rank_correlation", implied),
        ):
            told[name] = np.where(others, table[np.ix_(rows, columns)], np.nan)
        return told

    def _parents_by_position(self) -> list[list[int]]:
        """Return the parents of each node; of nep the climate that acts on its two parts."""
        parents = {node: own for node, own in self.graph.links}
        if "nep" in self.names:
            both = dict.fromkeys([*parents["gpp"], *parents["reco"]])
            parents["nep"] = tuple(name for name in both if name not in ("gpp", "reco"))
        return [[self.names.index(parent) for parent in parents[name]] for name in self.names]
