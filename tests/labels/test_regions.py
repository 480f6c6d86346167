"""Masks of integers, fractions and regionmask in one form."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

from xflux.errors import GridMismatchError, InputError
from xflux.labels.grid import cell_area
from xflux.labels.regions import Regions, as_regions

# regionmask's own affair
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:regionmask")

GRID = cell_area(
    xr.Dataset(coords={"lat": np.arange(-75.0, 76.0, 30.0), "lon": np.arange(-165.0, 166.0, 30.0)})
)


def mask(values: object, **attrs: object) -> xr.DataArray:
    return xr.DataArray(
        np.broadcast_to(np.asarray(values), GRID.shape).copy(),
        dims=GRID.dims, coords=GRID.coords, attrs=attrs,
    )  # fmt: skip


def regions(given: object) -> Regions:
    found = as_regions(given, GRID)
    assert found is not None
    return found


COLUMNS = np.repeat([0, 3, 7], 4)


def test_none_is_the_globe() -> None:
    assert as_regions(None, GRID) is None


def test_each_positive_integer_is_a_region_and_the_rest_lies_outside() -> None:
    values = COLUMNS.astype(float)
    # 3.6e-40 stands for 0 in the published TransCom mask.
    values[:3] = np.nan, -4.0, 3.6e-40
    for given in (mask(values), mask(COLUMNS), mask(COLUMNS.astype("u1")), mask(COLUMNS).values):
        found = regions(given)
        assert found.crisp
        np.testing.assert_array_equal(found.labels, [3, 7])
        np.testing.assert_array_equal(found.weights[2], [-1] * 4 + [0] * 4 + [1] * 4)


def test_flag_values_are_the_regions_in_their_order() -> None:
    found = regions(mask(COLUMNS, flag_values=[7, 0, 5], flag_meanings="east west none"))
    np.testing.assert_array_equal(found.labels, [7, 0, 5])
    np.testing.assert_array_equal(found.labels.names, ["east", "west", "none"])
    np.testing.assert_array_equal(found.weights[0], [1] * 4 + [-1] * 4 + [0] * 4)


def test_a_lazy_mask_stays_lazy_and_needs_its_numbers() -> None:
    with no_compute():
        with pytest.raises(InputError, match=r"regions.load\(\)"):
            as_regions(mask(COLUMNS).chunk(lon=5), GRID)
        found = regions(mask(COLUMNS, flag_values=[3, 7]).chunk(lon=5))
    np.testing.assert_array_equal(found.weights, regions(mask(COLUMNS)).weights)


def test_booleans_are_one_region() -> None:
    found = regions(mask(COLUMNS == 3))
    np.testing.assert_array_equal(found.labels, [1])
    np.testing.assert_array_equal(found.weights == 0, mask(COLUMNS == 3))


def test_fractions_keep_the_labels_of_their_dimension_whatever_it_is_called() -> None:
    layers = xr.concat([mask(0.25), mask(0.5)], dim="basin").assign_coords(
        basin=["Amazon", "Congo"], size=("basin", [7, 4]), when=3
    )
    found = regions(layers.transpose("lon", "basin", "lat"))
    assert not found.crisp
    assert found.weights.dims == ("region", "lat", "lon")
    np.testing.assert_array_equal(found.labels, ["Amazon", "Congo"])
    assert set(found.labels.coords) == {"region", "size"}
    bare = regions(layers.drop_vars(["basin", "size", "when"]))
    np.testing.assert_array_equal(bare.labels.region, [0, 1])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (mask(0.5), "fractions need that dimension"),
        (mask(0), "no positive number"),
        (mask(COLUMNS).isel(lat=0, drop=True), r"dims \('lon',\)"),
        (mask(COLUMNS).expand_dims(a=1, b=2), r"dims \('a', 'b', 'lat', 'lon'\)"),
        (mask(np.repeat(["a", "b"], 6)), "dtype <U1"),
        (mask(COLUMNS).to_dataset(name="tc"), "Dataset, hold.*tc"),
        (np.zeros((2, 3)), "ndarray"),
        ("transcom", "str"),
    ],
)
def test_what_is_no_mask_is_refused_with_what_would_be(given: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        as_regions(given, GRID)


def test_a_mask_on_another_grid_is_refused() -> None:
    with pytest.raises(GridMismatchError, match="shifted by 15"):
        as_regions(mask(COLUMNS).assign_coords(lon=GRID.lon + 15), GRID)


def squares(overlap: bool | None, *corners: tuple[float, float]):
    regionmask = pytest.importorskip("regionmask")
    outlines = [
        np.array([[w, s], [w + 60, s], [w + 60, s + 60], [w, s + 60]], float) for w, s in corners
    ]
    return regionmask.Regions(
        outlines, numbers=[0, 4, 9], names=["one", "two", "far"], abbrevs=["o", "t", "f"],
        overlap=overlap,
    )  # fmt: skip


def test_regionmask_regions_are_crisp_where_they_do_not_overlap() -> None:
    apart = squares(False, (-60, -60), (0, 0), (0, 100))
    found = regions(apart)
    assert found.crisp
    # A region without any cell keeps its place.
    np.testing.assert_array_equal(found.labels, [0, 4, 9])
    np.testing.assert_array_equal(found.labels.names, ["one", "two", "far"])
    counts = [int((found.weights == k).sum()) for k in range(3)]
    assert counts == [4, 4, 0]
    np.testing.assert_array_equal(regions(apart.mask(GRID.lon, GRID.lat)).labels, [0, 4])


@pytest.mark.filterwarnings("ignore:Detected overlapping regions")
@pytest.mark.parametrize("overlap", [True, None])
def test_regionmask_regions_that_overlap_are_layers(overlap: bool | None) -> None:
    found = regions(squares(overlap, (-60, -60), (-30, -30), (100, 0)))
    assert not found.crisp
    np.testing.assert_array_equal(found.weights.sum(("lat", "lon")), [4, 4, 4])
    assert (found.weights.sum("region") == 2).any()
    np.testing.assert_array_equal(found.labels.abbrevs, ["o", "t", "f"])


def test_shares_of_regionmask_are_fractions() -> None:
    shares = squares(False, (-45, -45), (20, 20), (100, 0)).mask_3D_frac_approx(GRID.lon, GRID.lat)
    found = regions(shares)
    assert not found.crisp
    assert 0 < float(found.weights.max()) <= 1
    assert ((found.weights > 0) & (found.weights < 1)).any()
