"""Rows down the trees of a forest, compiled."""

from __future__ import annotations

import numpy as np

from xflux.numerics.jit import jit

__all__ = ["add_trees"]


@jit
def add_trees(x, children, feature, threshold, value, roots, out):
    """Add to `out` (row,) the values of the leaves that rows x (row, column) fall into.

    `children` (node, 2) are numbers of nodes, in a leaf its own. Some rows go down one tree before
    the next, level by level: rows do not wait for each other's memory, and neither rows nor nodes
    leave the cache. The order of trees is the same for each row, so that its sum rounds alike
    beside any others.
    """
    size = 256
    node = np.empty(size, np.int32)
    for start in range(0, x.shape[0], size):
        stop = min(start + size, x.shape[0])
        for tree in range(roots.size):
            node[:] = roots[tree]
            moved = True
            while moved:
                moved = False
                for i in range(start, stop):
                    here = node[i - start]
                    right = np.int32(x[i, feature[here]] > threshold[here])
                    below = children[here, right]
                    node[i - start] = below
                    moved |= below != here
            for i in range(start, stop):
                out[i] += value[node[i - start]]
