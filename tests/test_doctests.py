"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import xflux

MODULES = [
    module.name
    for module in pkgutil.walk_packages(xflux.__path__, "xflux.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name):
    failed, _ = doctest.testmod(import_module(name))
    assert failed == 0


def test_there_are_examples():
    assert sum(doctest.testmod(import_module(name)).attempted for name in MODULES) >= 20
