"""The land cover that the pixels of a bridge stand on, beside that of their regions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import GridMismatchError, InputError
from xflux.labels.class_fractions import fractions_of_map
from xflux.labels.grid import cell_area

LAT, LON = np.array([-30.0, -10.0, 10.0, 30.0]), np.arange(5.0, 360.0, 10.0)
#: West of 180 the south is forest (2) and the north grass (10); in the east all is crop (12).
CODES = np.where(LON < 180.0, np.where(LAT < 0.0, 2.0, 10.0)[:, None], 12.0)


@pytest.fixture
def cover():
    return xr.DataArray(CODES, dims=("lat", "lon"), coords={"lat": LAT, "lon": LON}, name="igbp")


@pytest.fixture
def regions(cover):
    numbers = xr.where(cover["lon"] < 180.0, 1, 2) * xr.ones_like(cover["lat"], int)
    return numbers.transpose("lat", "lon").assign_attrs(
        flag_values=[1, 2], flag_meanings="west east"
    )


def bridge(**coords):
    """Three pixels in the west, of which one counts half and down; one in the east."""
    nan = np.nan
    return xr.Dataset(
        {"weight": (("region", "pixel"), [[2e11, -1e11, 1e11], [3e11, nan, nan]])},
        coords={
            "region": [1, 2],
            "lat": (("region", "pixel"), [[-30.0, 10.0, -10.0], [30.0, nan, nan]]),
            "lon": (("region", "pixel"), [[5.0, 15.0, 25.0], [-95.0, nan, nan]]),
            **coords,
        },
    )


def test_weights_count_whatever_their_sign(cover, regions):
    made = xflux.pft_mix(bridge(), cover, regions)
    west, east = made["contributing"].sel(region=1), made["contributing"].sel(region=2)
    assert (west.sel({"class": "EBF"}), west.sel({"class": "GRA"})) == (0.75, 0.25)
    assert east.sel({"class": "CRO"}) == 1.0
    np.testing.assert_allclose(made.sum("class").to_array(), 1.0)


def test_regions_count_by_area_and_land(cover, regions):
    made = xflux.pft_mix(bridge(), cover, regions)["region_share"].sel(region=1)
    np.testing.assert_allclose(made.sel({"class": ["EBF", "GRA"]}), 0.5)
    land = xr.where(cover["lat"] > 0.0, 0.5, 1.0) * xr.ones_like(cover)
    made = xflux.pft_mix(bridge(), cover, regions, land_fraction=land.transpose("lat", "lon"))
    np.testing.assert_allclose(
        made["region_share"].sel({"region": 1, "class": ["EBF", "GRA"]}), [2 / 3, 1 / 3]
    )
    area = cell_area(cover)
    by_hand = area.where((regions == 1) & (cover == 2)).sum() / area.where(regions == 1).sum()
    made = xflux.pft_mix(bridge(), cover, regions)
    np.testing.assert_allclose(made["region_share"].sel({"region": 1, "class": "EBF"}), by_hand)


def test_a_map_is_as_shares_of_one(cover, regions):
    xr.testing.assert_identical(
        xflux.pft_mix(bridge(), cover, regions),
        xflux.pft_mix(bridge(), fractions_of_map(cover).assign_coords(lat=LAT, lon=LON), regions),
    )


def test_cells_of_no_class_are_left_out(cover, regions):
    part = cover.where((cover["lat"] != -30.0) | (cover["lon"] != 5.0))
    made = xflux.pft_mix(bridge(), part, regions)["contributing"].sel(region=1)
    np.testing.assert_allclose(made.sel({"class": ["EBF", "GRA"]}), 0.5)


def test_regions_are_matched_by_name_where_both_have_them(cover, regions):
    named = bridge(region=[7, 8], names=("region", ["east", "west"]))
    named = named.assign_coords(lat=named["lat"][::-1].variable, lon=named["lon"][::-1].variable)
    named["weight"] = named["weight"][::-1].variable
    made = xflux.pft_mix(named, cover, regions)
    assert made["region"].values.tolist() == [7, 8]
    assert made["names"].values.tolist() == ["east", "west"]
    assert (made.isel(region=0).sel({"class": "CRO"}).to_array() == 1.0).all()
    with pytest.raises(InputError, match="regions lack north"):
        xflux.pft_mix(named.assign_coords(names=("region", ["east", "north"])), cover, regions)


def test_nothing_is_computed_of_a_lazy_cover(cover, regions):
    with no_compute():
        lazy = xflux.pft_mix(bridge(), cover.chunk(lon=9), regions)
    xr.testing.assert_allclose(lazy.compute(), xflux.pft_mix(bridge(), cover, regions))


def test_pixels_off_the_grid_are_refused(cover, regions):
    off = bridge().assign_coords(lat=bridge()["lat"] + 1.0)
    with pytest.raises(GridMismatchError, match="no centre of a cell"):
        xflux.pft_mix(off, cover, regions)


def test_what_is_no_bridge_is_refused(cover, regions):
    with pytest.raises(InputError, match="weight of the bridge"):
        xflux.pft_mix(bridge().drop_vars("weight"), cover, regions)


def test_survives_a_round_trip(cover, regions, tmp_path):
    made = xflux.pft_mix(bridge(names=("region", ["west", "east"])), cover, regions)
    made.to_netcdf(tmp_path / "mix.nc")
    with xr.open_dataset(tmp_path / "mix.nc") as back:
        xr.testing.assert_identical(back.load(), made)


def test_what_is_made_of_generated_pixels_or_cover_says_so(cover, regions):
    assert "synthetic" not in xflux.pft_mix(bridge(), cover, regions).attrs
    by_flux = bridge().assign_attrs(flux_synthetic="a test")
    assert xflux.pft_mix(by_flux, cover, regions).attrs["synthetic"] == "a test"
    marked = cover.assign_attrs(synthetic="a test")
    assert xflux.pft_mix(bridge(), marked, regions).attrs["synthetic"] == "a test"
