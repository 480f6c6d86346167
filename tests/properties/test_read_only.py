"""In a container whose disk cannot be written the numbers are the same."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from strategies import drivers

import xflux

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders are closed by their mode")

#: The kernels of every flux, in both precisions; prints what its bytes are.
CODE = """
import hashlib, os, sys
import xarray as xr
import xflux
from xflux.baselines import pmodel_kernel

package = os.path.dirname(xflux.__file__)
assert package == os.environ.get("PACKAGE", package), package
for folder in filter(None, os.environ.get("CLOSED", "").split(":")):
    try:
        open(os.path.join(folder, "probe"), "w")
    except PermissionError:
        continue
    sys.exit(f"{folder} can be written")
for dtype in ("f8", "f4"):
    ds = xr.load_dataset(sys.argv[1]).astype(dtype)
    for le in (xflux.PriestleyTaylor(), xflux.PTJPL()):
        fluxes = xflux.baseline(ds, reco=xflux.LloydTaylor(), le=le)
        for name in ("gpp", "reco", "nee", "le"):
            values = fluxes[name].values
            print(dtype, name, values.dtype, hashlib.sha256(values.tobytes()).hexdigest())
"""

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE = 1


def _obey_modes() -> None:
    """Make root obey the modes of files, as any other user does.

    Another user would not do: the interpreter may lie in root's own home.
    """
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)


def numbers(file: Path, folder: Path, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-B", "-c", CODE, str(file)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        preexec_fn=_obey_modes,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def set_mode(mode: int, *folders: Path) -> None:
    """Set that of some folders and of all folders in them."""
    for folder in folders:
        for one in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
            one.chmod(mode)


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["closed", "not set"])
def test_without_a_cache_the_numbers_are_those_of_a_normal_process(tmp_path, cache):
    if not sys.platform.startswith("linux") and os.geteuid() == 0:
        pytest.skip("root can write everywhere")
    install, home, given = (tmp_path / name for name in ("install", "home", "given"))
    package = shutil.copytree(
        Path(xflux.__file__).parent,
        install / "xflux",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for folder in (home, given):
        folder.mkdir()
    drivers((3, 4, 5), gaps=0.1).to_netcdf(tmp_path / "drivers.nc")
    normal = numbers(tmp_path / "drivers.nc", Path(xflux.__file__).parents[1])
    try:
        set_mode(0o555, install, home, given)
        read_only = numbers(
            tmp_path / "drivers.nc",
            install,
            PYTHONPATH=str(install),
            PACKAGE=str(package),
            CLOSED=f"{package}:{install}:{home}:{given}",
            HOME=str(home),
            XDG_CACHE_HOME=str(home),
            **({"NUMBA_CACHE_DIR": str(given)} if cache == "closed" else {}),
        )
        assert not list(install.rglob("__pycache__"))
        assert not list(home.iterdir())
    finally:
        set_mode(0o755, install, home, given)
    assert len(normal) == 2 * 2 * 4
    assert read_only == normal
    assert len(set(read_only)) == 2 * (3 + 2)  # only le is another in the second run
