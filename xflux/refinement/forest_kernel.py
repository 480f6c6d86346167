"""Rows down the trees of a forest, compiled."""

from __future__ import annotations

from xflux.numerics.jit import jit

__all__ = ["add_trees"]


@jit
def add_trees(x, median, children, feature, threshold, value, roots, out):
    """Add to `out` (row,) the values of the leaves that rows x (row, column) fall into.

    `children` (node, 2) are numbers of nodes, `feature` is -1 in a leaf. All rows go down one
    tree before the next, as it is the nodes that are read at random and shall stay in the cache.
    The order of trees is the same for each row, so that its sum rounds alike beside any others.
    """
    for tree in range(roots.size):
        for i in range(x.shape[0]):
            node = roots[tree]
            while feature[node] >= 0:
                seen = x[i, feature[node]]
                if seen != seen:
                    seen = median[feature[node]]
                node = children[node, 0 if seen <= threshold[node] else 1]
            out[i] += value[node]
