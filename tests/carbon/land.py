"""A small Earth with land models, and an emulator fitted to them."""

from __future__ import annotations

from functools import cache

import xarray as xr

import xflux

EARTH = xflux.twin.Earth(resolution=15.0, start="2001", end="2004", seed=2)


@cache
def drivers() -> xr.Dataset:
    """Return drivers with the true gpp and reco, in memory."""
    truth = EARTH.truth
    return EARTH.drivers.assign(gpp=truth["gpp"], reco=truth["reco"]).compute()


@cache
def models() -> xr.Dataset:
    """Return land models in CMIP names and units, in memory."""
    return EARTH.land_models(n=5).compute()


def small(**options) -> xflux.AllocationEmulator:
    """Return an emulator of short trees, which fits in a second."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    learner = HistGradientBoostingRegressor(max_iter=40, random_state=0)
    return xflux.AllocationEmulator(**({"learner": learner, "folds": 2} | options))


@cache
def emulator() -> xflux.AllocationEmulator:
    """Return a fitted one, which can be saved."""
    return xflux.AllocationEmulator("kernel", folds=2, rows=3000).fit(EARTH.drivers, models())
