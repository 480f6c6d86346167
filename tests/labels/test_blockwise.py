"""The wrapper between kernels and labelled arrays."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from hypothesis import given
from hypothesis import strategies as st
from strategies import chunkings, orders

from xflux.errors import ChunkError, GridMismatchError, InputError
from xflux.labels.blockwise import blockwise, common_dtype, require_whole


def both(a, b):
    """Return two results of arrays that broadcast."""
    return a + b, a * b


def field(dtype="f8", **sizes):
    sizes = sizes or {"time": 3, "lat": 4, "lon": 5}
    values = np.arange(np.prod(list(sizes.values())), dtype=dtype).reshape(tuple(sizes.values()))
    return xr.DataArray(
        values, dims=tuple(sizes), coords={dim: np.arange(n) * 0.1 for dim, n in sizes.items()}
    )


def test_a_multi_output_kernel_broadcasts_by_name():
    total, product = blockwise(both, [field(), field(lat=4)], outputs=2, dtype=np.dtype("f8"))
    xr.testing.assert_equal(total, field() + field(lat=4))
    xr.testing.assert_equal(product, field() * field(lat=4))


def test_coordinates_in_other_chunks_than_the_values_are_left_alone():
    area = field(lat=4).chunk(lat=4)
    lazy = field().chunk(lat=2, time=1).assign_coords(cell_area=area.variable)
    (total, _) = blockwise(both, [lazy, field(lat=4)], outputs=2, dtype=np.dtype("f8"))
    assert total.variable.chunksizes["lat"] == (2, 2)
    np.testing.assert_array_equal(total.variable.compute(), field() + field(lat=4))
    with pytest.raises(ChunkError, match="is in 2 chunks along 'lat'"):
        require_whole(lazy, "lat", "flux")


def test_dimensions_follow_the_largest_input_wherever_it_stands():
    (total, _) = blockwise(both, [field(lat=4), field()], outputs=2, dtype=np.dtype("f8"))
    assert total.dims == ("time", "lat", "lon")


def test_attributes_of_inputs_are_not_inherited():
    (total, _) = blockwise(
        both, [field().assign_attrs(units="K"), field()], outputs=2, dtype=np.dtype("f8")
    )
    assert total.attrs == {}


@given(
    chunks=chunkings({"time": 3, "lat": 4, "lon": 5}),
    other=chunkings({"lat": 4}),
    order=orders(),
    dtype=st.sampled_from(["f4", "f8"]),
)
def test_any_chunking_and_order_gives_the_eager_result(chunks, other, order, dtype):
    a, b = field(dtype).transpose(*order), field("f4", lat=4)
    eager = blockwise(both, [a, b], outputs=2, dtype=np.dtype(dtype))
    with no_compute():
        lazy = blockwise(both, [a.chunk(chunks), b.chunk(other)], outputs=2, dtype=np.dtype(dtype))
    for one, other_one in zip(eager, lazy, strict=True):
        assert other_one.chunks is not None
        assert other_one.dims == order
        assert other_one.dtype == other_one.compute().dtype == np.dtype(dtype)
        xr.testing.assert_identical(one, other_one.compute())


def test_chunks_of_the_largest_input_rule_and_do_not_multiply():
    a = field(time=8).chunk(time=4)
    b = field(time=8).chunk(time=3)
    big = field(time=8, lat=4).chunk(time=2)
    (total, _) = blockwise(
        lambda x, y, z: (x + y + z, x), [a, b, big], outputs=2, dtype=np.dtype("f8")
    )
    assert total.chunksizes["time"] == (2, 2, 2, 2)


def test_coordinates_that_differ_by_rounding_are_told_apart_from_another_grid():
    a = field(lat=4)
    single = a.assign_coords(lat=a.lat.astype("f4").astype("f8"))
    with pytest.raises(GridMismatchError, match=r"'lat'.*rounding.*xflux\.snap\(fapar, like\)"):
        blockwise(both, [a, single], outputs=2, dtype=np.dtype("f8"), called=["ta", "fapar"])
    with pytest.raises(GridMismatchError, match=r"'lat' of fapar differs from that of ta: shifted"):
        blockwise(
            both, [a, a.assign_coords(lat=a.lat + 5)], outputs=2, dtype=np.dtype("f8"),
            called=["ta", "fapar"],
        )  # fmt: skip
    with pytest.raises(GridMismatchError, match="has 3 values along 'lat', ta has 4"):
        blockwise(
            both, [a, a.isel(lat=slice(3))], outputs=2, dtype=np.dtype("f8"),
            called=["ta", "fapar"],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (field().isel(time=[]), r"is empty: dimension 'time' has length 0"),
        (field().isel(time=[0, 0, 1]), r"repeats time = 0.*drop_duplicates\('time'\)"),
        (field().astype(object), r"has dtype object, expected numbers"),
    ],
)
def test_bad_axes_are_refused(array, why):
    with pytest.raises(InputError, match=why):
        blockwise(both, [array, array], outputs=2, dtype=np.dtype("f8"), called=["ta", "ta"])


def test_a_scalar_is_an_array_too():
    (total, _) = blockwise(
        both, [xr.DataArray(1.0), xr.DataArray(2.0)], outputs=2, dtype=np.dtype("f8")
    )
    assert total.ndim == 0
    assert float(total) == 3.0


def test_chunks_along_a_whole_dimension_name_the_mend():
    with pytest.raises(ChunkError, match=r"'time'.*\.chunk\(\{'time': -1\}\)"):
        require_whole(field().chunk(time=1), "time", "ta")
    require_whole(field().chunk(lat=1), "time", "ta")


def test_float32_is_not_widened_by_scalars_and_integers():
    single, whole = field("f4"), field("i4")
    assert common_dtype([single, whole, xr.DataArray(1.0)]) == np.dtype("f4")
    assert common_dtype([single, field("f8")]) == np.dtype("f8")
    assert common_dtype([whole]) == np.dtype("f8")
    assert common_dtype([field("f2")]) == np.dtype("f4")
