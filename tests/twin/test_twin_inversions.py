"""Inversions of the idealised Earth: right about the world, wrong about who took it up."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xflux
from tests.guards import no_compute
from xflux.errors import GridMismatchError, InputError
from xflux.labels.integral import integrate
from xflux.twin.fingerprint import inversion_fingerprint
from xflux.twin.inversion_errors import MONTHS, InversionErrors, borders, patterns

EARTH = xflux.twin.Earth(resolution=5.0, start="2001", end="2003")
#: South, north, west, east.
BOXES = {
    "boreal_america": (50, 84, -170, -20), "temperate_america": (13, 50, -130, -50),
    "tropical_america": (-20, 13, -92, -30), "south_america": (-60, -20, -80, -30),
    "europe": (36, 72, -12, 60), "boreal_asia": (50, 84, 60, 180),
    "north_africa": (0, 36, -20, 60), "south_africa": (-36, 0, 5, 52),
    "temperate_asia": (22, 50, 60, 150), "tropical_asia": (-12, 22, 60, 160),
    "australia": (-48, -12, 110, 180),
}  # fmt: skip
NAMES = list(BOXES)
TROPICAL = [NAMES.index(name) for name in ("tropical_america", "north_africa", "south_africa")]
NORTHERN = [NAMES.index(name) for name in ("boreal_america", "europe", "boreal_asia")]


def boxes(earth):
    """Return a mask that divides all land, what no box holds being of another region."""
    share = earth.truth["land_fraction"].compute()
    lat, lon = xr.broadcast(share["lat"], share["lon"])
    mask = xr.where(share > 0, len(BOXES) + 1, 0)
    for number, (south, north, west, east) in reversed(list(enumerate(BOXES.values(), 1))):
        inside = (lat > south) & (lat < north) & (lon > west) & (lon < east)
        mask = xr.where(inside & (share > 0), number, mask)
    mask.attrs = {
        "flag_values": np.arange(1, len(BOXES) + 2),
        "flag_meanings": " ".join([*BOXES, "rest"]),
    }
    return mask


@pytest.fixture(scope="module")
def mask():
    return boxes(EARTH)


@pytest.fixture(scope="module")
def truth(mask):
    ds = EARTH.truth
    return integrate(
        ds["nee"], area=ds["cell_area"], land_fraction=ds["land_fraction"], regions=mask
    ).compute()


@pytest.fixture(scope="module")
def seen(mask):
    return EARTH.inversions(mask).compute()


@pytest.fixture(scope="module")
def annual(mask):
    """Errors of many models over two centuries, PgC per year, (inversion, region, year)."""
    land = (EARTH.truth["cell_area"] * EARTH.truth["land_fraction"]).values
    draw = InversionErrors(0, 60, len(BOXES) + 1, 0, MONTHS)
    monthly = draw(mask.values - 1, land, mask["lat"].values, mask["lon"].values)
    return monthly.reshape(*monthly.shape[:2], -1, 12).sum(axis=-1)


def test_a_series_says_what_it_is(seen):
    assert seen.name == "nee"
    assert seen.dims == ("inversion", "region", "time")
    assert seen.shape == (5, 12, 36)
    assert seen.dtype == np.float64
    assert seen.attrs["units"] == "Pg"
    assert seen.attrs["cell_methods"] == "area: sum where land time: sum"
    assert seen.attrs["positive"] == "up"
    assert seen.attrs["flux_definition"] == "nee"
    assert "not data of the Earth" in seen.attrs["synthetic"]
    assert inversion_fingerprint() in seen.attrs["source"]
    assert list(seen["names"].values) == [*BOXES, "rest"]
    assert seen["inversion"].dtype.kind == "U"
    assert bool(seen.notnull().all())


def test_it_survives_netcdf_and_zarr(seen, tmp_path):
    seen.to_netcdf(tmp_path / "seen.nc")
    with xr.open_dataarray(tmp_path / "seen.nc") as back:
        xr.testing.assert_identical(back.load(), seen)
    seen.to_dataset().to_zarr(tmp_path / "seen.zarr", consolidated=False)
    with xr.open_zarr(tmp_path / "seen.zarr", consolidated=False) as stored:
        xr.testing.assert_equal(stored["nee"].load(), seen)


def test_nothing_is_computed_before_it_is_asked_for(mask):
    with no_compute():
        made = EARTH.inversions(mask)
    assert made.chunks is not None


def test_the_same_seed_gives_the_same_inversions_in_any_chunks(mask, seen):
    cut = xflux.twin.Earth(start="2001", end="2003", chunks={"time": 5, "lat": 7, "lon": 20})
    xr.testing.assert_allclose(cut.inversions(mask).compute(), seen, rtol=1e-12)
    lazy = mask.chunk(lat=10, lon=31)
    xr.testing.assert_allclose(EARTH.inversions(lazy).compute(), seen, rtol=1e-12)
    other = xflux.twin.Earth(start="2001", end="2003", seed=1)
    assert not np.allclose(other.inversions(boxes(other)), seen)


def test_the_first_of_many_inversions_are_those_of_few(mask, seen):
    xr.testing.assert_identical(
        EARTH.inversions(mask, n=3).compute(), seen.isel(inversion=slice(3))
    )


def test_a_month_errs_alike_whatever_the_span(mask, seen):
    later = xflux.twin.Earth(start="2002-03", end="2003-05").inversions(mask)
    same = seen.sel(time=slice("2002-03", "2003-05"))
    xr.testing.assert_allclose(later.compute(), same, rtol=1e-12)


def test_shares_of_cells_are_regions_as_a_mask_is(mask, seen):
    shares = xr.concat(
        [(mask == number).astype(float) for number in mask.attrs["flag_values"]],
        xr.DataArray(mask.attrs["flag_values"], dims="region", name="region"),
    ).assign_coords(names=("region", mask.attrs["flag_meanings"].split()))
    np.testing.assert_allclose(EARTH.inversions(shares), seen, rtol=1e-10, atol=1e-14)


def test_sums_over_a_partition_keep_to_the_world(seen, truth):
    """Dipoles cancel: the world is seen far better than its regions are."""
    error = (seen - truth).resample(time="YS").sum()
    world = integrate(
        EARTH.truth["nee"],
        area=EARTH.truth["cell_area"],
        land_fraction=EARTH.truth["land_fraction"],
        freq="YS",
    )
    np.testing.assert_allclose(truth.resample(time="YS").sum().sum("region"), world.squeeze())
    of_world = float(np.sqrt((error.sum("region") ** 2).mean()))
    apart = float(np.sqrt((error**2).sum("region").mean()))
    assert of_world < 0.8
    assert apart > 2.0 * of_world


def test_the_world_errs_by_a_third_of_a_pgc_a_year(annual):
    assert annual.sum(axis=1).std() == pytest.approx(0.35, rel=0.1)


def test_tropical_regions_err_more_than_northern_ones(annual):
    spread = annual.std(axis=(0, 2))
    assert 0.45 < spread[TROPICAL].min() <= spread[TROPICAL].max() < 0.8
    assert 0.2 < spread[NORTHERN].min() <= spread[NORTHERN].max() < 0.45


def test_what_a_region_gains_its_neighbour_loses(annual):
    series = annual.transpose(1, 0, 2).reshape(annual.shape[1], -1)
    related = np.corrcoef(series)
    for one, other in (
        ("north_africa", "south_africa"),
        ("tropical_america", "south_america"),
        ("tropical_asia", "australia"),
    ):
        assert related[NAMES.index(one), NAMES.index(other)] < -0.3
    far = related[NAMES.index("tropical_america"), NAMES.index("temperate_asia")]
    assert abs(far) < 0.25


def test_half_of_an_annual_error_is_a_bias_of_the_model(annual):
    kept = annual.mean(axis=2).var(axis=0) / annual.var(axis=(0, 2))
    assert 0.35 < kept.mean() < 0.65


def test_monthly_errors_last_and_have_a_season(mask):
    land = (EARTH.truth["cell_area"] * EARTH.truth["land_fraction"]).values
    draw = InversionErrors(3, 20, len(BOXES) + 1, 0, MONTHS)
    monthly = draw(mask.values - 1, land, mask["lat"].values, mask["lon"].values)
    by_month = monthly.reshape(*monthly.shape[:2], -1, 12)
    season = by_month.mean(axis=2, keepdims=True)
    centred = (by_month - season).reshape(monthly.shape)
    lagged = (centred[..., 1:] * centred[..., :-1]).mean() / (centred**2).mean()
    assert lagged == pytest.approx(np.exp(-1 / 6), abs=0.02)
    swing = np.ptp(season, axis=-1)[:, TROPICAL]
    assert 0.05 < swing.mean() < 0.3  # PgC per month


@pytest.fixture
def grid():
    return np.arange(-87.5, 90, 5.0), np.arange(-177.5, 180, 5.0)


def test_regions_meet_across_the_date_line(grid):
    lat, lon = grid
    within = np.zeros((3, lat.size, lon.size))
    within[0, 10:20, :5], within[1, 10:20, -5:], within[2, 10:20, 30:35] = 1.0, 1.0, 1.0
    shared = borders(within, lat, lon)
    assert shared[0, 1] == shared[1, 0] == 10.0
    # An island trades with the nearest.
    assert (shared[2] > 0).sum() == 1
    np.testing.assert_array_equal(shared, shared.T)


def test_trade_between_neighbours_sums_to_nothing(grid):
    lat, lon = grid
    within = np.zeros((4, lat.size, lon.size))
    within[0, 10:20, :9], within[1, 10:20, 9:20], within[2, 20:30, :20] = 1.0, 1.0, 1.0
    made = patterns(within, np.full(within.shape[1:], 2e10), lat, lon)
    np.testing.assert_allclose(made[:, :-1].sum(axis=0), 0.0, atol=1e-15)
    assert made[:, -1].sum() == pytest.approx(0.35)
    # The last region has no land.
    assert np.all(made[3] == 0.0)


def test_one_region_errs_as_the_world_does(mask):
    one = xr.where(mask > 0, 1, 0)
    made = EARTH.inversions(one, n=2)
    assert made.sizes["region"] == 1
    assert bool(made.notnull().all().compute())


def test_a_region_without_land_is_nan(mask):
    moved = mask.copy()
    moved.attrs = {"flag_values": np.arange(1, 14)}
    made = EARTH.inversions(moved, n=1).compute()
    assert bool(made.isel(region=-1).isnull().all())
    assert bool(made.isel(region=slice(12)).notnull().all())


def test_days_are_summed_to_months(mask):
    daily = xflux.twin.Earth(start="2001-01", end="2001-02", freq="D").inversions(mask, n=1)
    assert daily.sizes["time"] == 2
    assert bool(daily.notnull().all().compute())


def test_regions_on_another_grid_are_refused(mask):
    with pytest.raises(GridMismatchError, match="regions"):
        xflux.twin.Earth(resolution=10.0, start="2001", end="2001").inversions(mask)


@pytest.mark.parametrize("regions", ["africa", 3, {"a": 1}])
def test_what_is_no_mask_is_refused(regions):
    with pytest.raises(InputError, match="regions"):
        EARTH.inversions(regions)


def test_inversions_need_regions():
    with pytest.raises(InputError, match="regions"):
        EARTH.inversions(None)


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "5"])
def test_a_number_that_is_none_is_refused(mask, n):
    with pytest.raises(InputError, match="number of inversions"):
        EARTH.inversions(mask, n=n)


def test_the_errors_have_a_hash_of_their_own():
    assert EARTH.parameters == "91baf39fd0db"
    assert inversion_fingerprint() == "33e79031f9cf"
