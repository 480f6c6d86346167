"""What models get, tile by tile: values of their own, whatever they do with them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.labels import pipeline

#: More than two tiles of float64, and no multiple of what tiles are filled up to.
CELLS = 2 * pipeline._BYTES // 8 + 1001


def series(dtype="f8", **sizes):
    """Return drivers of a light-use model, in canonical units and within their ranges."""
    sizes = sizes or {"cell": CELLS}
    rng = np.random.default_rng(0)
    shape = tuple(sizes.values())
    ranges = {"ta": (-5.0, 30.0, "degC"), "fapar": (0.0, 1.0, "1"), "vpd": (0.5, 30.0, "hPa")}
    return xr.Dataset(
        {
            name: (tuple(sizes), rng.uniform(low, high, shape).astype(dtype), {"units": units})
            for name, (low, high, units) in ranges.items()
        }
    )


class Model:
    """Contract of a user's model; `function` gets fapar and ta."""

    inputs = ("fapar", "ta")
    outputs = ("gpp",)

    def __init__(self, function):
        self.function = function

    def __call__(self, fapar, ta):
        return self.function(fapar, ta)


def gpp(ds, function):
    return xflux.baseline(ds, Model(function), None, None).gpp


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_model_may_return_what_it_gets(dtype):
    ds = series(dtype)
    np.testing.assert_array_equal(gpp(ds, lambda fapar, ta: ta), ds.ta)
    np.testing.assert_array_equal(gpp(ds, lambda fapar, ta: ta[::-1][::-1]), ds.ta)


def test_a_model_may_keep_what_it_gets_and_what_it_returns():
    ds = series()
    kept, views, made = [], [], []

    def function(fapar, ta):
        kept.append(fapar)
        views.append(ta[1:])
        made.append(fapar * ta)
        return made[-1]

    result = gpp(ds, function)
    assert len(kept) > 2
    starts = np.cumsum([0, *(part.size for part in kept)])
    for start, fapar, ta, flux in zip(starts, kept, views, made):
        # Tiles are filled up at their end.
        n = min(fapar.size, CELLS - start) - pipeline.LANES
        np.testing.assert_array_equal(fapar[:n] * np.r_[0.0, ta][:n], np.r_[0.0, flux[1:n]])
    first = kept[0][: kept[0].size - pipeline.LANES]
    np.testing.assert_array_equal(first, ds.fapar.values[: first.size])
    assert len({array.ctypes.data for array in kept}) == len(kept)
    np.testing.assert_array_equal(result, ds.fapar * ds.ta)


def test_a_model_may_write_into_what_it_gets():
    ds = series()
    before = ds.copy(deep=True)

    def function(fapar, ta):
        fapar *= 2.0
        ta[:] = 1.0
        return fapar

    np.testing.assert_array_equal(gpp(ds, function), 2.0 * before.fapar)
    xr.testing.assert_identical(ds, before)


def test_what_does_not_vary_is_written_into_without_harm():
    ds = series(time=9, y=150, x=211)
    ds["fapar"] = ds.fapar.isel(time=0)
    before = ds.copy(deep=True)

    def function(fapar, ta):
        fapar += ta
        return fapar

    expected = (before.fapar + before.ta).transpose("time", "y", "x")
    np.testing.assert_array_equal(gpp(ds, function), expected)
    xr.testing.assert_identical(ds, before)


def test_a_model_of_ours_that_was_changed_is_the_users():
    class Careless(xflux.Q10Respiration):
        def __call__(self, ta, fapar):
            result = super().__call__(ta, fapar)
            ta[:] = np.nan
            return result

    ds = series()
    before = ds.copy(deep=True)
    changed = xflux.baseline(ds, None, Careless(), None)
    np.testing.assert_array_equal(changed.reco, xflux.baseline(ds, None, le=None).reco)
    xr.testing.assert_identical(ds, before)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("size", [1, 63, 1001, 40_000])
def test_chunks_and_tiles_never_change_the_answer(dtype, size):
    ds = series(dtype).isel(cell=slice(0, 70_001 if size > 63 else 200))
    ds.ta[7], ds.fapar[9] = np.nan, -0.0
    model = xflux.Q10Respiration()
    whole = xflux.baseline(ds, None, model, None).reco
    chunked = xflux.baseline(ds.chunk(cell=size), None, model, None).reco.compute()
    assert whole.values.tobytes() == chunked.values.tobytes()


def test_values_that_need_no_conversion_are_as_good_as_converted():
    ds = series()
    ds.fapar[[0, 5, -1]] = [-0.0, 7.0, 1.0]
    ds.ta[3] = np.nan
    kelvin = ds.assign(ta=(ds.ta + 273.15).assign_attrs(units="K"))
    with pytest.warns(xflux.XfluxWarning, match="fapar"):
        found = xflux.baseline(ds, None, le=None).reco
    with pytest.warns(xflux.XfluxWarning, match="fapar"):
        converted = xflux.baseline(kelvin, None, le=None).reco
    np.testing.assert_allclose(found, converted, rtol=1e-12)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found)), [3, 5])
    assert found[0] == 0.0
    assert not np.signbit(found[0])


def test_no_model_is_compiled_anew_for_read_only_arrays():
    from xflux.baselines.respiration_kernels import q10_scaled

    ds = series()
    expected = xflux.baseline(ds, None, le=None).reco
    compiled = list(getattr(q10_scaled, "signatures", []))
    for name in ("ta", "fapar"):
        ds[name].values.flags.writeable = False
    np.testing.assert_array_equal(xflux.baseline(ds, None, le=None).reco, expected)
    assert list(getattr(q10_scaled, "signatures", [])) == compiled
