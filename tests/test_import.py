"""`import xflux` adds little to `import xarray` and changes nothing outside itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["torch", "xgboost", "sklearn", "numba", "matplotlib", "dask", "pint", "scipy", "cf_xarray"]


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_heavy_is_imported():
    code = (
        "import sys, xarray; before = set(sys.modules); import xflux\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules and name not in before])"
    )
    assert python(code) == "[]"


def test_registry_options_and_filters_stay_untouched():
    code = """
import warnings, pint, numpy, xarray as xr
registry = pint.get_application_registry().get()
options, filters = dict(xr.core.options.OPTIONS), list(warnings.filters)
import xflux
assert list(warnings.filters) == filters
ds = xr.Dataset({"ta": ("x", [280.0], {"units": "K"})}).flux.standardize()
assert pint.get_application_registry().get() is registry
assert dict(xr.core.options.OPTIONS) == options
print("untouched")
"""
    assert python(code) == "untouched"


def test_every_public_name_can_be_had():
    import xflux

    for name in xflux.__all__:
        assert getattr(xflux, name) is not None
    assert set(xflux.__all__) <= set(dir(xflux))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = xflux.nonsense


def test_functions_are_not_shadowed_by_folders():
    code = "import xflux, xflux.files.towers; xflux.PModel(); print(callable(xflux.baseline))"
    assert python(code) == "True"


def test_the_type_stub_names_what_can_be_had():
    from pathlib import Path

    import xflux

    stub = Path(xflux.__file__).with_suffix(".pyi").read_text()
    named = {line.split(" as ")[1].rstrip(",") for line in stub.splitlines() if " as " in line}
    assert named | {"__version__"} == set(xflux.__all__)
