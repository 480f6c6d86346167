"""Rows down the trees of a forest, compiled."""

from __future__ import annotations

from xflux.numerics.jit import jit

__all__ = ["add_trees"]

#: Rows that go down one tree after the other while they are in the cache.
_BLOCK = 256


@jit
def add_trees(x, median, children, feature, threshold, value, roots, out):
    """Add to `out` (row,) the values of the leaves that rows x (row, column) fall into.

    `children` (node, 2) are numbers of nodes, `feature` is -1 in a leaf. Trees come in their
    order for each row, so that the sum rounds alike whatever rows are beside it.
    """
    for start in range(0, x.shape[0], _BLOCK):
        stop = min(start + _BLOCK, x.shape[0])
        for tree in range(roots.size):
            for i in range(start, stop):
                node = roots[tree]
                while feature[node] >= 0:
                    seen = x[i, feature[node]]
                    if seen != seen:
                        seen = median[feature[node]]
                    node = children[node, 0 if seen <= threshold[node] else 1]
                out[i] += value[node]
