"""The same numbers on one thread and on several; of processes, see `test_clusters`."""

from __future__ import annotations

import pickle

import dask
import pytest
import xarray as xr
from strategies import drivers

import xflux

MODELS = [
    xflux.PModel(),
    xflux.PModel(preset="FULL", mean_alpha=0.9),
    xflux.Q10Respiration(r_ref={"ENF": 2.0}),
    xflux.LloydTaylor(),
    xflux.PriestleyTaylor(),
    xflux.PTJPL(variant="jpl"),
]


def lazy() -> xr.Dataset:
    ds = drivers((4, 5, 6)).chunk(time=2, lat=3)
    return xflux.baseline(ds, le=xflux.PTJPL())


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_models_survive_pickling(model):
    copy = pickle.loads(pickle.dumps(model))
    assert copy == model
    assert repr(copy) == repr(model)
    assert copy.inputs == model.inputs


def test_threads_give_what_one_thread_gives():
    with dask.config.set(scheduler="synchronous"):
        alone = lazy().compute()
    with dask.config.set(scheduler="threads"):
        xr.testing.assert_identical(lazy().compute(), alone)
