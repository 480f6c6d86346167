"""`fit_turnover` finds the times that made the pools."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.carbon.pool_kernel import POOLS
from xflux.errors import ChunkError, InputError, MissingVariableError

SHARES = {"npp_to_leaf": 0.3, "npp_to_wood": 0.3, "npp_to_root": 0.4}


def world(seed=1, wood=0.3):
    """Return NPP with a trend and pools far from balance, and the times that made them."""
    rng = np.random.default_rng(seed)
    months, cells = 180, 6
    time = xr.date_range("2000-01-01", periods=months, freq="MS")
    season = 1.2 - np.cos(2 * np.pi * np.arange(months) / 12) + np.arange(months) / 200
    npp = season[:, None] * rng.uniform(0.5, 2.0, cells)
    ds = xr.Dataset({"npp": (("time", "cell"), npp, {"units": "g m-2 d-1"})}, {"time": time})

    def drawn(low, high, units="year"):
        values = np.exp(rng.uniform(np.log(low), np.log(high), cells))
        return xr.DataArray(values, dims="cell", attrs={"units": units})

    truth = xr.Dataset(
        {
            "tau_leaf": drawn(0.5, 2), "tau_wood": drawn(15, 60), "tau_root": drawn(1, 5),
            "tau_litter": drawn(1, 6), "tau_soil": drawn(10, 60),
            "litter_to_soil": drawn(0.2, 0.5, "1"),
        }
    )  # fmt: skip
    split = SHARES | {"npp_to_wood": wood, "npp_to_root": 0.7 - wood}
    parameters = {**split, **{name: truth[name] for name in truth}}
    steady = xflux.simulate_pools(ds, parameters)
    start = steady[[f"{name}_initial" for name in POOLS]] * rng.uniform(0.4, 1.6)
    start = start.rename({f"{name}_initial": name for name in POOLS})
    for name in POOLS:
        start[name].attrs["units"] = "g m-2"
    pools = xflux.simulate_pools(ds, parameters, initial=start)
    return ds.assign({name: pools[name] for name in POOLS}), truth, split


def test_times_that_made_the_pools_are_found():
    ds, truth, split = world()
    found = xflux.fit_turnover(ds, split)
    for name in ("tau_leaf", "tau_wood", "tau_root", "tau_litter"):
        np.testing.assert_allclose(found[name], truth[name], rtol=2e-2, err_msg=name)
    again = xflux.simulate_pools(
        ds[["npp"]].isel(time=slice(1, None)),
        found,
        initial=ds[list(POOLS)].isel(time=0, drop=True),
    )
    for name in POOLS:
        np.testing.assert_allclose(again[name], ds[name].isel(time=slice(1, None)), rtol=1e-2)


def test_a_pool_that_is_not_there_has_no_time():
    ds, truth, split = world(wood=0.0)
    found = xflux.fit_turnover(ds, split)
    assert found.tau_wood.isnull().all()
    np.testing.assert_allclose(found.tau_root, truth.tau_root, rtol=2e-2)
    assert xflux.simulate_pools(ds[["npp"]], found).cSoil.notnull().all()


def test_lazy_is_eager_and_missing_is_missing():
    ds, _, split = world()
    ds["cSoil"][dict(time=5, cell=2)] = np.nan
    with no_compute():
        lazy = xflux.fit_turnover(ds.chunk(cell=2, time=-1), split)
    eager = xflux.fit_turnover(ds, split)
    xr.testing.assert_allclose(lazy.compute(), eager, rtol=1e-6)
    assert eager.tau_leaf.isnull().values.tolist() == [False, False, True, False, False, False]


def test_bad_input_is_told():
    ds, _, split = world()
    with pytest.raises(ChunkError):
        xflux.fit_turnover(ds.chunk(time=12), split)
    with pytest.raises(InputError, match="4 or more"):
        xflux.fit_turnover(ds.isel(time=slice(0, 2)), split)
    with pytest.raises(MissingVariableError, match="npp_to_root"):
        xflux.fit_turnover(ds, {"npp_to_leaf": 0.5, "npp_to_wood": 0.5})
    with pytest.raises(MissingVariableError, match="cSoil"):
        xflux.fit_turnover(ds.drop_vars("cSoil"), split)
    assert xflux.fit_turnover(ds, split | {"npp_to_leaf": 0.9}).tau_leaf.isnull().all()
