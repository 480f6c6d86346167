"""Eager equals lazy: any chunking, dtype and dimension order, and nothing computed early."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import chunkings, drivers, orders

import xflux

SHAPE = (4, 5, 6)
SIZES = dict(zip(("time", "lat", "lon"), SHAPE, strict=True))

CALLS = {
    "default": lambda ds: xflux.baseline(ds),
    "smith19": lambda ds: xflux.baseline(ds, xflux.PModel(jmax="smith19"), None, None),
    "fixed": lambda ds: xflux.baseline(ds, xflux.PModel(preset="ORG"), None, None),
    "lloyd_taylor": lambda ds: xflux.baseline(ds, None, xflux.LloydTaylor(), None),
    "by_class": lambda ds: xflux.baseline(
        ds, None, xflux.Q10Respiration(r_ref={"ENF": 1.0, "GRA": 2.0}), None
    ),
    "ptjpl": lambda ds: xflux.baseline(ds, None, None, xflux.PTJPL()),
    "jpl": lambda ds: xflux.baseline(ds, None, None, xflux.PTJPL(variant="jpl")),
    "estimated_rnet": lambda ds: xflux.baseline(ds.drop_vars("rnet"), derive=("rnet",)),
    "standardize": lambda ds: xflux.standardize(ds, derive=("ndvi", "rh_air")),
}


@pytest.mark.parametrize("call", CALLS)
@settings(max_examples=8)
@given(
    chunks=chunkings(SIZES),
    order=orders(),
    dtype=st.sampled_from(["f4", "f8"]),
    seed=st.integers(0, 3),
)
def test_chunking_dtype_and_order_never_change_the_answer(call, chunks, order, dtype, seed):
    reference = CALLS[call](drivers(SHAPE, dtype, seed))
    ds = drivers(SHAPE, dtype, seed).transpose(*order, missing_dims="ignore").chunk(chunks)
    with no_compute():
        lazy = CALLS[call](ds)
    assert any(array.chunks is not None for array in lazy.values())
    computed = lazy.compute()
    for name in reference:
        assert lazy[name].dtype == computed[name].dtype == reference[name].dtype
        xr.testing.assert_identical(
            computed[name].transpose(*reference[name].dims), reference[name]
        )


@pytest.mark.parametrize("call", CALLS)
def test_single_precision_follows_double(call):
    double, single = (CALLS[call](drivers(SHAPE, dtype, gaps=0.0)) for dtype in ("f8", "f4"))
    for name in double:
        expected = double[name]
        scale = float(np.abs(expected).max())
        np.testing.assert_allclose(single[name], expected, rtol=2e-4, atol=2e-5 * scale)


@settings(max_examples=10)
@given(factor=st.sampled_from([("kPa", 0.1), ("Pa", 100.0), ("hPa", 1.0)]), seed=st.integers(0, 9))
def test_the_unit_that_a_driver_comes_in_does_not_matter(factor, seed):
    ds = drivers(SHAPE, seed=seed)
    unit, scale = factor
    other = ds.assign(vpd=(ds.vpd * scale).assign_attrs(units=unit))
    xr.testing.assert_allclose(xflux.baseline(ds), xflux.baseline(other), rtol=1e-12)
