"""Tiles cover a shape once, in order."""

from __future__ import annotations

import numpy as np
import pytest

from xflux.numerics.tiles import over_tiles, slabs


@pytest.mark.parametrize(
    "shape", [(), (1,), (100,), (7, 30), (3, 40, 5), (2, 1, 33), (0, 4), (4, 0)]
)
@pytest.mark.parametrize("size", [1, 16, 64, 1000])
def test_tiles_follow_each_other_in_memory(shape, size):
    source = np.arange(np.prod(shape, dtype=int), dtype="f8").reshape(shape)
    seen = []

    def tile(slab, start, cells):
        assert cells <= size
        part = source[(*slab, ...)].reshape(-1)
        np.testing.assert_array_equal(part, np.arange(start, start + cells))
        seen.append(cells)
        return [np.append(part, -1.0), 2 * part]

    one, two = over_tiles(tile, shape, 2, np.dtype("f8"), size)
    np.testing.assert_array_equal(one, source)
    np.testing.assert_array_equal(two, 2 * source)
    assert sum(seen) == source.size


def test_tiles_are_much_alike():
    sizes = [slab[0].stop - slab[0].start for slab in slabs((1001,), 500)]
    assert sizes == [334, 334, 333]
