"""A small twin with towers and inversions, and a network that is soon fitted to it."""

from __future__ import annotations

import warnings
from functools import cache

import xflux
from xflux.errors import XfluxWarning

OPTIONS = {
    "hidden": (8,), "folds": 3, "epochs": 6, "batch": 256, "check_every": 3,
    "features": ("ta", "swin", "fapar", "p_site", "ta_cycle"),
}  # fmt: skip


@cache
def small_world():
    """Return towers, grid, regions, inversions and a bridge."""
    earth = xflux.twin.Earth(resolution=15.0, start="2001", end="2006")
    grid = earth.drivers.load()
    drivers, observed = earth.towers(24, night_loss=1.0)
    regions = xflux.latitude_bands(grid, edges=(-60, 0, 30, 80))
    inversions = earth.inversions(regions, n=3).load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XfluxWarning)
        bridge = xflux.RegionalBridge(clusters=3, pixels=6, seed=1).fit(earth.truth.load(), regions)
    return {
        "towers": (drivers, observed.nee), "grid": grid, "regions": regions,
        "inversions": inversions, "bridge": bridge, "truth": earth.truth.load(),
    }  # fmt: skip


def fit(world, *, seed=0, rebridge=True, options=None, **changed):
    """Fit a network; it is too small and too short for its bridges to hold."""
    given = {
        "drivers": world["grid"], "inversions": world["inversions"], "bridge": world["bridge"],
        "rebridge": rebridge, "progress": False, **changed,
    }  # fmt: skip
    towers = given.pop("towers", world["towers"])
    model = xflux.DualConstraintNetwork(**{**OPTIONS, **(options or {})}, seed=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "at the last look", XfluxWarning)
        return model.fit(*towers, **given)
