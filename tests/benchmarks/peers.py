"""What the P-model is compared with, all on the same cells: pyrealm, NumPy, moving memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy_pmodel
from numpy.typing import NDArray

from xflux import PModel

__all__ = ["UNITS", "agreement", "cells", "in_blocks", "move", "pyrealm_gpp", "xflux_gpp"]

Array = NDArray[Any]

RANGES = {
    "ta": (-10.0, 40.0), "vpd": (0.5, 40.0), "co2": (350.0, 420.0), "patm": (7e4, 1.02e5),
    "fapar": (0.0, 1.0), "ppfd": (0.0, 1000.0),
}  # fmt: skip
UNITS = {
    "ta": "degC", "vpd": "hPa", "co2": "ppm", "patm": "Pa", "fapar": "1", "ppfd": "umol m-2 s-1",
}  # fmt: skip
#: pyrealm is an extra of its own (``bench``); without it there is no ratio to it.
HAS_PYREALM = find_spec("pyrealm") is not None

# On every call pyrealm tells of its new default for phi0, which is given here.
warnings.filterwarnings("ignore", message=r"(?s)\s*Pyrealm 2.0.0 uses|'where' used without 'out'")

_MODEL = PModel()


def cells(count: int, dtype: str = "f8") -> dict[str, Array]:
    """Return drivers of the P-model, of any climate that pyrealm takes."""
    rng = np.random.default_rng(0)
    return {
        name: rng.uniform(low, high, count).astype(dtype) for name, (low, high) in RANGES.items()
    }


def pyrealm_gpp(ta: Array, vpd: Array, co2: Array, patm: Array, fapar: Array, ppfd: Array) -> Array:
    """Return what pyrealm computes, in umol m-2 s-1 of photons: g m-2 s-1 x 1e6 of carbon."""
    from pyrealm.pmodel import PModel as Theirs
    from pyrealm.pmodel import PModelEnvironment

    environment = PModelEnvironment(
        tc=ta, vpd=vpd * 100, co2=co2, patm=patm, fapar=fapar, ppfd=ppfd
    )
    return np.asarray(Theirs(environment, reference_kphio=0.081785).gpp)


def xflux_gpp(*arrays: Array) -> Array:
    """Return what our kernel computes, g m-2 d-1."""
    return _MODEL(*arrays, c4_fraction=0.0)


def in_blocks(function: Callable[..., Array], arrays: list[Array], size: int) -> None:
    """Call a function block by block, and let go of what it returns."""
    for start in range(0, arrays[0].size, size):
        function(*(array[start : start + size] for array in arrays))


def move(inputs: list[Array], outputs: list[Array], size: int = 16384) -> None:
    """Read every input and write every output, and do nothing else: the bound by bandwidth.

    What is read goes into a block that stays in the first-level cache, and what is written
    comes from there.
    """
    block = np.zeros(size, inputs[0].dtype)
    flat = [array.reshape(-1) for array in (*inputs, *outputs)]
    for start in range(0, flat[0].size, size):
        for array in flat[: len(inputs)]:
            part = array[start : start + size]
            np.copyto(block[: part.size], part)
        for array in flat[len(inputs) :]:
            part = array[start : start + size]
            np.copyto(part, block[: part.size])


def agreement() -> str:
    """Check that peers compute the same before they are timed; say how closely.

    Raises
    ------
    AssertionError
        When they do not.
    """
    arrays = list(cells(100_000).values())
    ours = xflux_gpp(*arrays)

    def away(other: Array) -> float:
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(other))
        off = np.abs(other - ours)[ours > 1e-6] / ours[ours > 1e-6]
        return float(np.nanmax(off))

    said = {"NumPy": away(numpy_pmodel.gpp(*arrays))}
    if HAS_PYREALM:
        said["pyrealm"] = away(pyrealm_gpp(*arrays) * 86400e-6)
    for name, error in said.items():
        assert error < 1e-12, f"{name} is {error:.1e} away from the kernel"
    return ", ".join(f"{name} within {error:.0e}" for name, error in said.items())
