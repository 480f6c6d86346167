"""Fixtures shared by all tests."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

# The native libraries below regionmask and netCDF4 abort together at exit when NetCDF was read
# before the first import of regionmask (no xflux needed to see it); the other order is safe.
with suppress(ImportError):
    import regionmask  # noqa: F401

# Kernels compile at their first call, which no deadline foresees.
settings.register_profile("xflux", deadline=None, max_examples=30, derandomize=True)
settings.load_profile("xflux")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the real data; the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"the real data are not beside the project (looked for {DATA.name} there)")
    return DATA
