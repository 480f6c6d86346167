"""Shapes on a grid: exact shares, wherever longitudes are counted from."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import xflux
from xflux.errors import InputError, XfluxWarning
from xflux.labels.grid import EARTH_RADIUS, cell_area
from xflux.labels.shapes import shares_of_shapes

shapely = pytest.importorskip("shapely", minversion="2.0")

Box = tuple[float, float, float, float]


def grid(step: float = 5.0, first: float = 0.0) -> xr.Dataset:
    half = step / 2
    lat, lon = np.arange(-90 + half, 90, step), np.arange(first + half, first + 360, step)
    return xr.Dataset(coords={"lat": lat, "lon": lon})


def of_box(box: Box) -> float:
    """Steradians of a box."""
    west, south, east, north = np.deg2rad(box)
    return float((east - west) * (np.sin(north) - np.sin(south)))


def area(shares: xr.DataArray, ds: xr.Dataset) -> float:
    """Steradians of the first region."""
    return float((shares[0] * cell_area(ds) / EARTH_RADIUS**2).sum())


#: Shapes that are meant to reach beyond the grid.
PARTS = pytest.mark.filterwarnings("ignore:regions reach beyond:xflux.XfluxWarning")
GRIDS = {
    "from 0": grid(),
    "from -180": grid(first=-180.0),
    "across the date line": grid(first=-177.5),
    "turned": grid().isel(lat=slice(None, None, -1), lon=slice(None, None, -1)),
    "rolled": grid().roll(lon=30, roll_coords=True),
    "Gaussian": grid().assign_coords(
        lat=np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(36)[0]))
    ),
}
BOXES: list[Box] = [
    (0, 85, 50, 87.5),  # an edge inside polar cells
    (10.1, 3.2, 10.6, 4.0),  # within a cell
    (0, 62.5, 20, 65),  # along half the height of cells
    (-130, -60, -121, -13),
    (230, -60, 239, -13),  # the same, from 0
    (170, -10, 195, 90),  # across the date line, to the pole
    (-180, -90, 180, -60.5),
    (0, -90, 360, -60.5),
]


@pytest.mark.parametrize("box", BOXES, ids=str)
@pytest.mark.parametrize("ds", GRIDS.values(), ids=GRIDS)
def test_boxes_have_their_area_on_any_grid(ds: xr.Dataset, box: Box) -> None:
    shares = shares_of_shapes([shapely.box(*box)], ds)
    assert area(shares, ds) == pytest.approx(of_box(box), rel=1e-10)
    middle = {"lat": (box[1] + box[3]) / 2, "lon": (box[0] + box[2]) / 2 % 360}
    turned = shares.assign_coords(lon=shares.lon % 360)
    assert turned[0].sortby("lon").sel(middle, method="nearest") > 0


def test_shares_do_not_depend_on_how_longitudes_are_counted() -> None:
    shape = shapely.Polygon([(150, -50), (215, -20), (189, 66), (178, 10)])
    west = shapely.transform(shape, lambda points: points - [360, 0])
    ours = shares_of_shapes({"all": shape}, grid())
    np.testing.assert_allclose(shares_of_shapes([west], grid()), ours, atol=1e-12)
    theirs = shares_of_shapes([west], grid(first=-180.0))
    np.testing.assert_allclose(theirs.roll(lon=36).values, ours, atol=1e-12)
    cut = [
        shapely.clip_by_rect(shape, *limits) for limits in ((0, -90, 180, 90), (180, -90, 360, 90))
    ]
    halves = shapely.union(cut[0], shapely.transform(cut[1], lambda points: points - [360, 0]))
    np.testing.assert_allclose(shares_of_shapes([halves], grid()), ours, atol=1e-12)


def test_zones_are_bands_of_latitude() -> None:
    edges = (-90, -23.5, 11.0, 88.2, 90)
    for ds in GRIDS.values():
        zones = [shapely.box(-180, south, 180, north) for south, north in pairwise(edges)]
        bands = xflux.latitude_bands(ds, edges)
        np.testing.assert_allclose(shares_of_shapes(zones, ds), bands, rtol=1e-12, atol=1e-14)


cuts = st.lists(st.floats(0.01, 0.99), max_size=4, unique=True)


@given(cuts, cuts, st.floats(-180, 0), st.sampled_from(sorted(GRIDS)))
def test_boxes_that_meet_fill_all_cells(
    along: list[float], across: list[float], first: float, kind: str
) -> None:
    x = first + 360 * np.array([0, *sorted(along), 1])
    y = -90 + 180 * np.array([0, *sorted(across), 1])
    boxes = [shapely.box(*w, *e) for w, e in _corners(x, y)]
    total = shares_of_shapes(boxes, GRIDS[kind]).sum("region")
    np.testing.assert_allclose(total, 1.0, atol=1e-9)


def _corners(x: Any, y: Any) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    columns, rows = [*pairwise(x)], [*pairwise(y)]
    return [((w, s), (e, n)) for w, e in columns for s, n in rows]


def test_triangles_that_meet_fill_all_cells() -> None:
    rng = np.random.default_rng(3)
    inner = np.column_stack([rng.uniform(-180, 180, 60), rng.uniform(-90, 90, 60)])
    corners = [(x, y) for x in (-180, 180) for y in (-90, 90)]
    mesh = shapely.delaunay_triangles(shapely.multipoints([*corners, *map(tuple, inner)]))
    for ds in GRIDS.values():
        total = shares_of_shapes(list(mesh.geoms), ds).sum("region")
        np.testing.assert_allclose(total, 1.0, atol=1e-9)


def test_shares_are_what_clipping_finds() -> None:
    ds = grid(10.0)
    star = shapely.Polygon(
        [(200 + r * np.cos(a), 20 + 0.6 * r * np.sin(a))
         for r, a in zip(np.tile([90, 25], 9), np.linspace(0, 2 * np.pi, 18, endpoint=False))],
        holes=[[(190, 14), (213, 11), (196, 33)]],
    )  # fmt: skip
    shape = shapely.union(star, shapely.Polygon([(20, -70), (90, -71), (33, -33.3)]))
    cells = shapely.box(*np.broadcast_arrays(
        ds.lon.values - 5, ds.lat.values[:, None] - 5, ds.lon.values + 5, ds.lat.values[:, None] + 5
    ))  # fmt: skip

    def equal_area(points: Any) -> Any:
        return np.column_stack([points[:, 0], np.sin(np.deg2rad(points[:, 1]))])

    parts = shapely.segmentize(shapely.intersection(cells, shape), 0.02)
    inside = shapely.area(shapely.transform(parts, equal_area))
    whole = shapely.area(shapely.transform(cells, equal_area))
    for given_in in (shape, shapely.reverse(shape), shapely.normalize(shape)):
        shares = shares_of_shapes([given_in], ds)[0]
        np.testing.assert_allclose(shares, inside / whole, atol=1e-7)
        np.testing.assert_array_equal(shares == 1, shapely.covers(shape, cells))
        np.testing.assert_array_equal(shares > 0, inside > 0)


@pytest.mark.parametrize("size", [1.0, 1e-2, 1e-4])
def test_a_shape_smaller_than_a_cell_has_its_share(size: float) -> None:
    box = (12.5, 47.0, 12.5 + size, 47.0 + size)
    shares = shares_of_shapes({"large": shapely.box(-90, -40, 90, 40), "islet": shapely.box(*box)},
                              grid())  # fmt: skip
    islet = shares[1]
    assert int((islet > 0).sum()) == 1
    expected = of_box(box) / (cell_area(grid()).sel(lat=47.5, lon=12.5) / EARTH_RADIUS**2)
    assert islet.sel(lat=47.5, lon=12.5).item() == pytest.approx(float(expected), rel=1e-7)
    ds = grid().assign(nee=xr.ones_like(cell_area(grid())).assign_attrs(units="g m-2 d-1"))
    ds = ds.expand_dims(time=np.array(["2001-01-01", "2001-02-01"], "M8[ns]"))
    found = xflux.regional_integral(ds, regions={"islet": shapely.box(*box)}, units="gC").nee
    exact = 31 * of_box(box) * EARTH_RADIUS**2
    assert found.values[0, 0] == pytest.approx(exact, rel=1e-7)


@PARTS
def test_a_shape_off_a_regional_grid_has_no_share() -> None:
    ds = grid().sel(lat=slice(30, 70), lon=slice(0, 40))
    shapes = {"austral": shapely.box(120, -40, 150, -10), "across": shapely.box(-20, 12, 7, 44)}
    shares = shares_of_shapes(shapes, ds)
    assert not shares[0].any()
    on_the_globe = shares_of_shapes(shapes, grid()).sel(lat=ds.lat, lon=ds.lon)
    np.testing.assert_allclose(shares, on_the_globe, atol=1e-14)


@PARTS
def test_cells_are_as_their_bounds_say() -> None:
    lat_edges, lon_edges = np.array([-90, -80, -30.0, 60, 90]), np.array([-20.0, 0, 100, 200, 340])
    ds = xr.Dataset(
        {
            "lat_bnds": (("lat", "v"), np.column_stack([lat_edges[:-1], lat_edges[1:]])),
            "lon_bnds": (("lon", "v"), np.column_stack([lon_edges[:-1], lon_edges[1:]])),
            "nee": (("time", "lat", "lon"), np.ones((2, 4, 4)), {"units": "g m-2 d-1"}),
        },
        coords={
            "time": np.array(["2001-01-01", "2001-02-01"], "M8[ns]"),
            "lat": [-85.0, -55, 15, 75], "lon": [-10.0, 50, 120, 260],
        },
    )  # fmt: skip
    box = (-7.0, -35.0, 130.0, 65.0)
    assert area(shares_of_shapes([shapely.box(*box)], ds), ds) == pytest.approx(of_box(box))
    found = xflux.regional_integral(ds, regions=[shapely.box(*box)], units="gC").nee
    assert found.values[0, 0] == pytest.approx(31 * of_box(box) * EARTH_RADIUS**2, rel=1e-10)
    apart = ds.isel(lat=[0, 2], lon=[0, 3])
    all_round = shares_of_shapes([shapely.box(-180, -90, 180, 90)], apart)
    np.testing.assert_array_equal(all_round, 1.0)
    wide = ds.isel(lat=[1, 2, 3])
    wide["lat_bnds"] = wide.lat_bnds + xr.DataArray([0.0, 3.0], dims="v")
    with pytest.raises(InputError, match="one ends at -27 degrees, the next begins at -30"):
        shares_of_shapes([shapely.box(*box)], wide)


@PARTS
def test_bounds_that_differ_by_rounding_are_one() -> None:
    ds = grid(0.1).isel(lat=slice(1000, 1100), lon=slice(1000, 1100))
    half = np.array([-0.05, 0.05], np.float32)
    bounds = {
        f"{name}_bnds": ((name, "v"), ds[name].values.astype(np.float32)[:, None] + half)
        for name in ("lat", "lon")
    }
    box = shapely.box(100, 0, 120, 30)
    np.testing.assert_array_equal(shares_of_shapes([box], ds.assign(bounds)), 1.0)


def test_columns_may_begin_inside_a_turn() -> None:
    lon = np.array([350.0, 0.0, 10.0, 20.0])
    ds = xr.Dataset(coords={"lat": np.arange(-85.0, 86, 10), "lon": lon})
    shares = shares_of_shapes([shapely.box(-7, 0, 20, 90)], ds)[0].sel(lat=45.0)
    np.testing.assert_allclose(shares, [0.2, 1.0, 1.0, 0.5], atol=1e-13)


def test_what_is_no_shape_on_a_grid_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    box = shapely.box(0, 0, 9, 9)
    with pytest.raises(InputError, match="from -180 to 190, more than once round the Earth"):
        shares_of_shapes([shapely.box(-180, 0, 190, 9)], grid())
    y, x = np.meshgrid(np.arange(3.0), np.arange(4.0), indexing="ij")
    curved = xr.Dataset(coords={"lat": (("y", "x"), y), "lon": (("y", "x"), x)})
    with pytest.raises(InputError, match="lat is not of one dimension; give regionmask"):
        shares_of_shapes([box], curved)
    with pytest.raises(InputError, match="no rows of one latitude"):
        shares_of_shapes([box], curved.isel(y=0))
    monkeypatch.setitem(sys.modules, "shapely", None)
    with pytest.raises(InputError, match=r"pip install 'xflux\[regions\]'"):
        shares_of_shapes([box], grid())


def test_a_shape_that_reaches_beyond_the_grid_is_told():
    ds = grid().sel(lon=slice(0, 90))
    shapes = {"half": shapely.box(60, 0, 120, 30), "inside": shapely.box(10, 0, 50, 30)}
    with pytest.warns(XfluxWarning, match=r"half \(50 %\)"):
        found = shares_of_shapes(shapes, ds)
    assert found[0].any()
