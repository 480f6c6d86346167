"""GRIB, checked in a process of its own.

The wheels of ecCodes and of the libraries behind regionmask each bring native code that
crashes at exit where both were loaded in one process.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_grib_gives_the_true_fluxes_in_a_process_of_its_own():
    checks = Path(__file__).with_name("grib_in_own_process.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(checks)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "GRIB needs cfgrib" in done.stdout:
        pytest.skip("GRIB needs cfgrib with ecCodes")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
