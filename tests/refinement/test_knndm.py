"""kNNDM: tested sites are as far from those trained on as the domain is from the towers."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

import xflux
from xflux.errors import InputError, MissingVariableError
from xflux.refinement.knndm import KNNDM, _draw, _merge, divide, great_circle
from xflux.refinement.splits import BySite, LeaveSiteOut


def _grid(step=5.0, **data):
    lat = np.arange(-90 + step / 2, 90, step)
    lon = np.arange(-180 + step / 2, 180, step)
    return xr.Dataset(coords={"lat": lat, "lon": lon}).assign(
        {name: (("lat", "lon"), values(*np.meshgrid(lat, lon, indexing="ij")))
         for name, values in data.items()}
    )  # fmt: skip


def _towers(lat, lon, **data):
    n = len(lat)
    ds = xr.Dataset(
        {name: ("site", np.asarray(values)) for name, values in data.items()},
        {"site": [f"S{i:03d}" for i in range(n)], "time": np.arange(3)},
    ).assign_coords(lat=("site", np.asarray(lat)), lon=("site", np.asarray(lon)))
    return ds, np.ones((n, 3), bool)


def _clustered(n=60, seed=0):
    """Towers in Europe, America and Australia."""
    random = np.random.default_rng(seed)
    centre = random.choice(3, n, p=[0.6, 0.3, 0.1])
    lat = np.array([50.0, 40.0, -30.0])[centre] + random.normal(0, 3, n)
    lon = np.array([10.0, -90.0, 145.0])[centre] + random.normal(0, 4, n)
    return _towers(lat, lon)


def _haversine(lat, lon, lat2, lon2):
    lat, lon, lat2, lon2 = map(np.deg2rad, (lat, lon, lat2, lon2))
    a = np.sin((lat - lat2) / 2) ** 2 + np.cos(lat) * np.cos(lat2) * np.sin((lon - lon2) / 2) ** 2
    return 2 * 6371.0072 * np.arcsin(np.sqrt(a))


def _w1_on_the_earth(folds, towers, grid):
    """Compute W1 on its own, by haversines and every cell with the weight of its area."""
    lat, lon = towers["lat"].values, towers["lon"].values
    apart = _haversine(lat[:, None], lon[:, None], lat, lon)
    where = np.array([fold.test.any(axis=1) for fold in folds]).argmax(axis=0)
    elsewhere = np.where(where[:, None] != where, apart, np.inf).min(axis=1)
    cell_lat, cell_lon = (a.ravel() for a in np.meshgrid(grid["lat"], grid["lon"], indexing="ij"))
    to_cells = _haversine(cell_lat[:, None], cell_lon[:, None], lat, lon).min(axis=1)
    return wasserstein_distance(elsewhere, to_cells, None, np.cos(np.deg2rad(cell_lat)))


def test_whole_sites_are_split_and_every_one_is_tested_once():
    towers, there = _clustered()
    there[::2, 0] = False
    folds = KNNDM(_grid(), 5).folds(towers, there)
    assert len(folds) == 5
    assert (np.sum([fold.test for fold in folds], axis=0) == there).all()
    for fold in folds:
        assert not (fold.train.any(axis=1) & fold.test.any(axis=1)).any()
        assert fold.test.any(axis=1).sum() <= 30


def test_w1_is_the_distance_between_the_two_distributions():
    towers, there = _clustered()
    domain = KNNDM(_grid(), 5, points=20000)
    found = domain.division(towers, there)
    expected = _w1_on_the_earth(domain.folds(towers, there), towers, _grid())
    assert found.w1 == pytest.approx(expected, rel=2e-3)


def test_it_matches_a_map_better_than_leaving_out_sites_or_random_folds():
    towers, there = _clustered()
    grid = _grid()
    ours = KNNDM(grid, 5).folds(towers, there)
    others = (LeaveSiteOut(), BySite(5), BySite(5, seed=1))
    w1 = [_w1_on_the_earth(split.folds(towers, there), towers, grid) for split in others]
    assert _w1_on_the_earth(ours, towers, grid) < min(w1)


def test_folds_are_random_where_sites_are_as_dense_as_the_domain():
    random = np.random.default_rng(1)
    lat, lon = np.rad2deg(np.arcsin(random.uniform(-1, 1, 200))), random.uniform(-180, 180, 200)
    towers, there = _towers(lat, lon)
    first = KNNDM(_grid(), 10).division(towers, there)
    assert first.clusters == 200
    assert (np.bincount(first.fold) == 20).all()
    second = KNNDM(_grid(), 10, seed=1).division(towers, there)
    assert not np.array_equal(first.fold, second.fold)


def test_a_domain_near_the_towers_parts_them_more_finely_than_a_far_one():
    towers, there = _clustered()
    near = _grid(1.0).sel(lat=slice(44, 56), lon=slice(0, 20))
    assert KNNDM(near, 4).division(towers, there).clusters > 10
    assert KNNDM(_grid(), 4).division(towers, there).clusters < 10


def test_folds_do_not_depend_on_the_order_of_sites():
    towers, there = _clustered()
    order = np.random.default_rng(5).permutation(60)
    ours = KNNDM(_grid(), 5).folds(towers, there)
    theirs = KNNDM(_grid(), 5).folds(towers.isel(site=order), there[order])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.test[order], b.test)


def test_turning_the_earth_changes_nothing():
    towers, there = _clustered()
    turned = towers.assign_coords(lon=(towers["lon"] + 170) % 360)
    domain = _grid(lai=lambda lat, lon: np.where(lat > 0, 1.0, np.nan))
    moved = domain.assign_coords(lon=domain["lon"] + 170)
    ours = KNNDM(domain, 5).division(towers, there)
    theirs = KNNDM(moved, 5).division(turned, there)
    np.testing.assert_array_equal(ours.fold, theirs.fold)
    assert ours.w1 == pytest.approx(theirs.w1, rel=1e-9)


@pytest.mark.parametrize(
    "make",
    [
        lambda land: _grid(ta=lambda lat, lon: lat).assign(
            land_fraction=(("lat", "lon"), land * 100.0, {"units": "%"})
        ),
        lambda land: _grid(ta=lambda lat, lon: np.where(land, 1.0, np.nan)),
        lambda land: _grid(ta=lambda lat, lon: np.where(land, 1.0, np.nan)).ta,
        lambda land: _grid(mask=lambda lat, lon: land).mask,
        lambda land: _grid(
            ta=lambda lat, lon: np.where(land, 1.0, np.nan), igbp=lambda lat, lon: land.astype("i1")
        ).expand_dims(time=3),
    ],
    ids=["land fraction", "Dataset", "DataArray", "mask", "in time, with classes"],
)
def test_cells_without_land_or_data_are_not_of_the_domain(make):
    towers, there = _clustered()
    lat, lon = np.meshgrid(_grid()["lat"], _grid()["lon"], indexing="ij")
    found = KNNDM(make((lat > 0) & (lon > 0)), 5).division(towers, there)
    part = _grid().sel(lat=slice(0, 90), lon=slice(0, 180))
    expected = KNNDM(part, 5).division(towers, there)
    np.testing.assert_array_equal(found.fold, expected.fold)
    assert found.w1 == pytest.approx(expected.w1, rel=1e-9)


def test_dask_domains_give_the_same():
    towers, there = _clustered()
    grid = _grid(ta=lambda lat, lon: np.where(lat > 0, lat, np.nan))
    for features in (None, ("ta",)):
        here = towers.assign(ta=towers["lat"] / 2 + 20)
        ours = KNNDM(grid, 5, features=features).division(here, there)
        theirs = KNNDM(grid.chunk(lat=7), 5, features=features).division(here, there)
        np.testing.assert_array_equal(ours.fold, theirs.fold)
        assert ours.w1 == theirs.w1


def test_cells_are_drawn_by_their_area():
    grid = _grid(1.0)
    weight = np.cos(np.deg2rad(grid["lat"])) * xr.ones_like(grid["lon"])
    drawn = _draw([grid["lat"].broadcast_like(weight)], weight, 4000, 0)[:, 0]
    # Half of a sphere lies within 30 degrees of the equator.
    assert np.mean(np.abs(drawn) < 30) == pytest.approx(0.5, abs=2e-3)


def test_points_count_all_the_same():
    towers, there = _clustered()
    points = xr.Dataset(
        coords={"lat": ("cell", [10.0, 70.0, -20.0]), "lon": ("cell", [0.0, 5.0, -60.0])}
    )
    found = KNNDM(points, 4).division(towers, there)
    lat, lon = towers["lat"].values, towers["lon"].values
    to_cells = _haversine(points["lat"].values[:, None], points["lon"].values[:, None], lat, lon)
    apart = _haversine(lat[:, None], lon[:, None], lat, lon)
    elsewhere = np.where(found.fold[:, None] != found.fold, apart, np.inf).min(axis=1)
    assert found.w1 == pytest.approx(wasserstein_distance(elsewhere, to_cells.min(axis=1)))


def test_pairs_on_a_line_are_dealt_out_in_turn_where_the_domain_is_as_far_as_the_next_pair():
    sites = np.array([0.0, 1, 10, 11, 22, 23, 36, 37])[:, None]
    # 9 to 13 from the nearest site, as one pair is from the next.
    cells = np.linspace(46, 50, 9)[:, None]
    found = divide(sites, cells, 2, largest=0.6)
    assert found.clusters == 4
    first = found.fold[0]
    np.testing.assert_array_equal(found.fold == first, np.array([1, 1, 0, 0, 1, 1, 0, 0], bool))
    elsewhere = [10.0, 9, 9, 10, 11, 12, 13, 14]
    assert found.w1 == pytest.approx(wasserstein_distance(elsewhere, cells[:, 0] - 37))


def test_a_line_is_cut_in_half_where_the_domain_is_far_away():
    sites = np.array([0.0, 1, 10, 11, 22, 23, 36, 37])[:, None]
    found = divide(sites, np.linspace(400, 500, 9)[:, None], 2, largest=0.6)
    assert found.clusters == 2
    assert sorted(np.bincount(found.fold)) == [4, 4]


@given(
    cluster=st.lists(st.integers(0, 12), min_size=8, max_size=60),
    k=st.integers(2, 5),
    seed=st.integers(0, 9),
)
def test_merging_keeps_clusters_whole_and_fills_every_fold(cluster, k, seed):
    code = np.unique(cluster, return_inverse=True)[1]
    if code.max() + 1 < k:
        return
    fold = _merge(code, np.random.default_rng(seed).normal(size=len(code)), k)
    assert np.bincount(fold, minlength=k).min() > 0
    assert fold.max() == k - 1
    for value in range(code.max() + 1):
        assert len(set(fold[code == value])) == 1


def test_a_cluster_as_large_as_a_fold_stays_alone():
    cluster = np.repeat([0, 1, 2, 3, 4], [12, 2, 2, 2, 2])
    fold = _merge(cluster, cluster.astype(float), 3)
    assert set(np.flatnonzero(fold == fold[0])) == set(range(12))


def test_great_circles_of_chords():
    assert great_circle(np.array([0.0, np.sqrt(2), 2.0])) == pytest.approx(
        np.array([0.0, 0.5, 1.0]) * np.pi * 6371.0072
    )


def _climate(lat, lon):
    return 30 - 0.5 * np.abs(lat)


def test_feature_space_matches_a_climate_that_towers_lack():
    random = np.random.default_rng(0)
    lat = random.normal(50, 4, 40)
    towers, there = _towers(lat, random.uniform(-10, 30, 40), ta=_climate(lat, 0),
                            p=random.normal(2, 1, 40))  # fmt: skip
    grid = _grid(ta=_climate, p=lambda lat, lon: 2 + np.sin(np.deg2rad(lon)))
    split = KNNDM(grid, 4, features=("ta", "p"))
    found = split.division(towers, there)
    assert found.clusters < 40
    # In standard deviations: units of the features do not matter.
    towers["ta"], grid["ta"] = towers["ta"] * 1.8 + 32, grid["ta"] * 1.8 + 32
    other = split.division(towers, there)
    np.testing.assert_array_equal(found.fold, other.fold)
    assert found.w1 == pytest.approx(other.w1)


def test_features_are_means_over_time_on_either_side():
    towers, there = _clustered(30)
    towers["ta"] = ("site", np.random.default_rng(0).normal(size=30))
    grid = _grid(ta=_climate)
    ours = KNNDM(grid, 4, features=["ta"]).division(towers, there)
    season = xr.DataArray([-1.0, 0.0, 1.0], dims="time")
    towers["ta"] = towers["ta"] + season
    grid["ta"] = grid["ta"] + season.rename(time="month")
    theirs = KNNDM(grid, 4, features=["ta"]).division(towers, there)
    np.testing.assert_array_equal(ours.fold, theirs.fold)
    assert ours.w1 == pytest.approx(theirs.w1)


def test_a_table_of_features_needs_no_place():
    towers, there = _clustered(30)
    towers["ta"] = ("site", np.random.default_rng(0).normal(size=30))
    table = xr.Dataset({"ta": ("row", np.linspace(-8, 8, 50))})
    assert len(KNNDM(table, 4, features=["ta"]).folds(towers, there)) == 4


def test_cells_with_a_missing_feature_are_not_of_the_domain():
    towers, there = _clustered(30)
    towers["ta"] = ("site", np.random.default_rng(0).normal(size=30))
    values = np.linspace(-8, 8, 50)
    table = xr.Dataset({"ta": ("row", np.where(values > 0, values, np.nan))})
    part = xr.Dataset({"ta": ("row", values[values > 0])})
    ours = KNNDM(table, 4, features=["ta"]).division(towers, there)
    assert ours.w1 == KNNDM(part, 4, features=["ta"]).division(towers, there).w1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 1}, "k=1 folds of KNNDM"),
        ({"k": 2}, "largest=0.5"),
        ({"k": 5, "largest": 0.1}, "largest=0.1"),
        ({"k": 5, "largest": 1.0}, "largest=1"),
        ({"points": 0}, "points=0"),
        ({"features": "ta"}, "features='ta'"),
        ({"features": ()}, "features="),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        KNNDM(_grid(), **options)


def test_fewer_sites_than_folds_are_refused():
    towers, there = _clustered(6)
    with pytest.raises(InputError, match="needs 10 sites with records or more, and there are 6"):
        KNNDM(_grid(), 10).folds(towers, there)
    with pytest.raises(InputError, match="there are 6"):
        KNNDM(_grid(), 10).division(towers, there)


def test_too_small_a_largest_share_is_refused():
    sites = np.concatenate([np.zeros(9), [50.0, 51.0, 90.0]])[:, None]
    sites[:9, 0] += np.arange(9) * 1e-3
    with pytest.raises(InputError, match="at most 34%"):
        divide(sites[:11], np.array([[200.0], [210.0], [220.0]] * 20), 3, largest=0.34)


@pytest.mark.parametrize("side", ["towers", "domain"])
def test_missing_features_and_places_are_named(side):
    towers, there = _clustered(20)
    grid = _grid(ta=_climate)
    if side == "domain":
        towers["ta"], grid = towers["lat"], grid.drop_vars("ta")
    with pytest.raises(MissingVariableError, match=f"'ta', which {side} has not"):
        KNNDM(grid, 4, features=["ta"]).folds(towers, there)
    bare = (towers.drop_vars("lat"), grid) if side == "towers" else (towers, grid.drop_vars("lat"))
    with pytest.raises(MissingVariableError, match="latitude"):
        KNNDM(bare[1], 4).folds(bare[0], there)


def test_features_that_cannot_be_compared_are_refused():
    towers, there = _clustered(20)
    towers["ta"] = towers["lat"].drop_vars("lat").assign_attrs(units="K")
    grid = _grid(ta=_climate, igbp=lambda lat, lon: lat * 0)
    grid["ta"].attrs["units"] = "degC"
    with pytest.raises(InputError, match="'K' at towers and 'degC' in the domain"):
        KNNDM(grid, 4, features=["ta"]).folds(towers, there)
    with pytest.raises(InputError, match="igbp is a class"):
        KNNDM(grid, 4, features=["igbp"]).folds(towers.assign(igbp=towers["lat"] * 0), there)
    grid["ta"].attrs = {}
    with pytest.raises(InputError, match="the same at all sites"):
        KNNDM(grid, 4, features=["ta"]).folds(towers.assign(ta=towers["lat"] * 0), there)
    towers["ta"] = towers["ta"].where(towers["site"] != "S003")
    with pytest.raises(InputError, match="ta is missing at S003"):
        KNNDM(grid, 4, features=["ta"]).folds(towers, there)


def test_an_empty_domain_is_refused():
    towers, there = _clustered(20)
    with pytest.raises(InputError, match="no place with data"):
        KNNDM(_grid(ta=lambda lat, lon: lat * np.nan), 4).folds(towers, there)


def test_towers_of_the_twin_are_matched_to_its_map():
    earth = xflux.twin.Earth(start="2001", end="2001")
    drivers, observed = earth.towers(40)
    there = observed["nee"].notnull().values
    found = KNNDM(earth.drivers, 5).division(drivers, there)
    assert set(found.fold) == set(range(5))


@pytest.mark.real
@pytest.mark.parametrize("features", [None, ("ta", "vpd")])
def test_towers_of_icos_are_far_from_most_of_the_land(data, features):
    path = data / "towers" / "icos_ww2020"
    towers = xflux.open_towers(path, extra=path / "fapar_monthly.csv.gz", min_qc=0.8)
    there = towers["gpp"].notnull().values
    with xr.open_dataset(data / "grids/global_1deg/global_monthly_drivers.nc") as grid:
        found = KNNDM(grid, 5, features=features).division(towers, there)
        apart = KNNDM(grid, 50, features=features).division(towers, there)
    assert found.clusters < 10
    assert found.w1 < apart.w1
