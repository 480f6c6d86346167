"""What the numbers were measured on, and how much memory a process has taken."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["describe", "high_water", "in_use"]

PACKAGES = ("xflux", "numpy", "numba", "xarray", "dask", "distributed", "pyrealm")


def describe() -> str:
    """Say which processor, memory and versions these are."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    system = f"{platform.system()} {platform.release()}"
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return (
        f"{_processor()}, {cores} cores, {memory:.0f} GB of memory, {system}; "
        f"Python {platform.python_version()}, {versions}."
    )


def in_use() -> float:
    """Return the memory that this process has now (RSS), MB."""
    return _status("VmRSS")


def high_water() -> float:
    """Return the most memory that this process had at any time (peak RSS), MB."""
    return _status("VmHWM")


def _status(key: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError(f"/proc/self/status holds no {key}")


def _processor() -> str:
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    model = fields.get("model name", platform.processor())
    return f"{model} (family {fields.get('cpu family', '?')}, model {fields.get('model', '?')})"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
