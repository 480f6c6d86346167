"""Memory that nobody holds any more is used again, and none that somebody holds."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from xflux.numerics.scratch import empty, scratch

F8, F4 = np.dtype("f8"), np.dtype("f4")


def address(array):
    return array.ctypes.data


def test_memory_that_is_let_go_of_is_used_again_whatever_the_dtype():
    with scratch(800):
        first = address(empty(100, F8))
        assert address(empty((5, 40), F4)) == first


HOLDS = {
    "itself": lambda array: array,
    "part": lambda array: array[3:],
    "view of a view": lambda array: array.reshape(2, -1).T[::2],
    "other dtype": lambda array: array.view("f4")[1:],
    "memoryview": memoryview,
    "none of it": lambda array: array[:0],
}


@pytest.mark.parametrize("hold", HOLDS.values(), ids=HOLDS)
def test_what_is_held_in_any_way_is_left_alone(hold):
    with scratch(800):
        array = empty(100, F8)
        first = address(array)
        held = hold(array)
        del array
        assert address(empty(100, F8)) != first
        del held
        assert address(empty(100, F8)) == first


def test_what_is_held_outlives_the_block():
    with scratch(800):
        array = empty(100, F8)
        array[:] = 1.0
    with scratch(800):
        empty(100, F8)[:] = 2.0
    assert (array == 1.0).all()


def test_large_and_empty_arrays_and_those_outside_are_plain():
    outside = empty(100, F8)
    with scratch(800):
        for array in (empty(101, F8), empty(0, F8), outside):
            assert array.base is None
        assert empty((), F8).shape == ()


def test_blocks_nest_and_threads_are_apart():
    found = []
    with scratch(800):
        with scratch(80):
            assert empty(100, F8).base is None
        assert empty(100, F8).base is not None
        thread = threading.Thread(target=lambda: found.append(empty(100, F8)))
        thread.start()
        thread.join()
    assert found[0].base is None
