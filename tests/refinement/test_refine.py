"""`ds.flux.refine`: lazily, in any chunks, by any model that keeps the contract."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from hypothesis import given, settings
from hypothesis import strategies as st

import xflux
from xflux.errors import InputError

EARTH = xflux.twin.Earth(resolution=20.0, start="2001", end="2004", seed=1)


@pytest.fixture(scope="module")
def model():
    return xflux.ResidualModel(learner="kernel", members=5).fit(*EARTH.towers(n=30))


@pytest.fixture(scope="module")
def drivers():
    return EARTH.drivers.compute()


@settings(max_examples=8)
@given(
    chunks=st.fixed_dictionaries(
        {"time": st.integers(1, 48), "lat": st.integers(3, 9), "lon": st.integers(6, 18)}
    )
)
def test_chunks_never_change_a_bit(model, drivers, chunks):
    expected = xflux.refine(drivers, model)
    with no_compute():
        lazy = xflux.refine(drivers.chunk(chunks), model)
    assert lazy["gpp"].chunks is not None
    xr.testing.assert_identical(lazy.compute(), expected)


def test_the_order_of_dimensions_is_kept(model, drivers):
    turned = xflux.refine(drivers.transpose("lon", "time", "lat"), model)
    assert turned["gpp"].dims == ("lon", "time", "lat")
    xr.testing.assert_equal(
        turned["gpp"].transpose("time", "lat", "lon"), xflux.refine(drivers, model)["gpp"]
    )


def test_graphs_have_few_tasks_a_chunk(model):
    ds = xflux.twin.Earth(resolution=20.0, start="2001", end="2010").drivers.chunk(time=12, lat=3)
    blocks = 10 * 3
    own = len(xflux.refine(ds, model).__dask_graph__()) - len(ds.__dask_graph__())
    assert own < 250 * blocks


def test_intervals_widen_with_what_they_are_to_hold(model, drivers):
    narrow, wide = (xflux.refine(drivers, model, interval=share) for share in (0.5, 0.9))
    for flux in ("gpp", "nee", "le"):
        reach = [(ds[f"{flux}_upper"] - ds[f"{flux}_lower"]).mean() for ds in (narrow, wide)]
        assert 0.0 < float(reach[0]) < float(reach[1])
    with pytest.raises(InputError, match="between 0 and 1"):
        xflux.refine(drivers, model, interval=90)


def test_what_lies_outside_a_mask_is_missing(model, drivers):
    whole = xflux.refine(drivers, model)
    warm = drivers["ta"].mean("time") > 5.0
    with no_compute():
        lazy = xflux.refine(drivers.chunk(time=12), model, applicability=warm.chunk(lat=4))
    inside = lazy.compute()
    assert set(inside) == set(whole)
    assert inside["gpp"].attrs == whole["gpp"].attrs
    assert inside["gpp"].dims == whole["gpp"].dims
    assert inside["gpp"].dtype == whole["gpp"].dtype
    for name, array in inside.items():
        xr.testing.assert_equal(array, whole[name].where(warm))
    chained = drivers.flux.refine(model, applicability=warm.assign_coords(height=2.0))
    xr.testing.assert_equal(chained["le_upper"].variable, inside["le_upper"].variable)
    assert "height" not in chained.coords
    members = xflux.refine(drivers, model, members=True, applicability=warm)
    assert members["gpp"].dims[0] == "member"


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (lambda ds: True, "applicability is bool; expected a DataArray of bool"),
        (lambda ds: ds["ta"], "applicability is float32"),
        (lambda ds: (ds["ta"] > 0.0).expand_dims("band"), "dims .'band'"),
        (lambda ds: (ds["ta"] > 0.0).isel(lat=slice(4)), "applicability has 4 values along 'lat'"),
        (lambda ds: (ds["ta"] > 0.0).assign_coords(lat=ds["lat"] + 1e-4), "applicability"),
    ],
)
def test_what_is_no_mask_of_the_drivers_is_refused(model, drivers, mask, message):
    with pytest.raises(InputError, match=message):
        xflux.refine(drivers, model, applicability=mask(drivers))


class Doubled:
    """A model of a user's own."""

    def apply(self, ds, *, interval=None):
        return xflux.baseline(ds)[["gpp"]] * 2.0


def test_a_model_of_ones_own_refines(drivers):
    fluxes = drivers.flux.refine(Doubled(), interval=None)
    np.testing.assert_allclose(fluxes["gpp"], 2.0 * xflux.baseline(drivers)["gpp"])


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda ds: ds[["ta"]], "expected some of"),
        (lambda ds: ds[["ta"]].rename(ta="gpp").mean("time").expand_dims(band=2), "on the dims"),
        (lambda ds: ds[["ta"]].rename(ta="gpp").isel(time=slice(3)), "on the dims"),
    ],
)
def test_what_a_model_must_not_return_is_refused(drivers, returned, message):
    class Odd:
        def apply(self, ds, *, interval=None):
            return returned(ds)

    with pytest.raises(InputError, match=message):
        xflux.refine(drivers, Odd())


def test_what_is_no_model_is_refused(drivers):
    with pytest.raises(TypeError, match="does not refine"):
        xflux.refine(drivers, object())
    with pytest.raises(TypeError, match="is a class"):
        xflux.refine(drivers, xflux.ResidualModel)
