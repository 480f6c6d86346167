"""Bridges of the twin: few pixels, the same in any chunks, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.errors import (
    InputError,
    XfluxWarning,
)
from xflux.regional.bridge import RegionalBridge

pytestmark = pytest.mark.filterwarnings("ignore:the pixels of:xflux.XfluxWarning")


#: What a regression in the choice of pixels would move.
ESTIMATED = ("weight", "cell", "intercept", "r2", "r2_cv", "r2_anomaly", "n_pixels")


def same(one: xr.Dataset, other: xr.Dataset, rtol: float = 1e-9) -> None:
    """Require that two bridges are one."""
    for name in ESTIMATED:
        np.testing.assert_allclose(one[name], other[name], rtol=rtol, err_msg=name)


def watched(ds: xr.Dataset, chunks: dict[str, int]) -> tuple[xr.Dataset, list[int]]:
    """Return a lazy Dataset, and a list that grows with each chunk of NEE that is visited."""
    visits: list[int] = []

    def visit(block: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        visits.append(1)
        return block

    lazy = ds.chunk(chunks)
    meta = np.empty((0, 0, 0), ds.nee.dtype)
    data = lazy.nee.data.map_blocks(visit, dtype=ds.nee.dtype, meta=meta)
    return lazy.assign(nee=lazy.nee.copy(data=data)), visits


def test_few_pixels_explain_regions_in_years_left_out(bridge: RegionalBridge) -> None:
    fitted = bridge.to_dataset()
    assert fitted.enough.all()
    assert (fitted.n_pixels <= 12).all()
    assert (fitted.r2_cv >= 0.95).all()
    assert (fitted.r2_anomaly >= 0.7).all()
    np.testing.assert_allclose(fitted.weight_share, 1.0, atol=0.2)
    np.testing.assert_array_equal(fitted.names, ["30S-0", "0-30N"])
    np.testing.assert_array_equal(np.isfinite(fitted.weight).sum("pixel"), fitted.n_pixels)


def test_pixels_lie_on_land_of_their_region(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    fitted = bridge.to_dataset()
    for k in range(2):
        there = np.isfinite(fitted.weight[k])
        lat, lon = fitted.lat[k][there], fitted.lon[k][there]
        assert ((lat < 0) if k == 0 else (lat > 0)).all()
        assert seen.nee.sel(lat=lat, lon=lon).notnull().all()
        cells = fitted.cell[k][there].values
        np.testing.assert_array_equal(seen.lat.values[cells // seen.lon.size], lat)
        np.testing.assert_array_equal(seen.lon.values[cells % seen.lon.size], lon)


def test_weights_say_what_they_are(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    fitted = bridge.to_dataset()
    assert fitted.weight.attrs["units"] == "m2"
    assert fitted.intercept.attrs["units"] == "Pg"
    assert fitted.attrs["flux_definition"] == "nee"
    assert "synthetic" in " ".join(map(str, fitted.attrs))
    land = (seen.cell_area * seen.land_fraction.fillna(0.0)).where(abs(seen.lat) < 30).sum()
    assert float(fitted.region_area.sum()) <= float(land) * (1 + 1e-6)


def test_the_seed_alone_decides(seen: xr.Dataset, bands: xr.DataArray) -> None:
    made = [RegionalBridge(candidates=20, seed=seed).fit(seen, bands) for seed in (3, 3, 4)]
    one, again, other = (bridge.to_dataset() for bridge in made)
    same(one, again)
    assert not np.array_equal(one.cell, other.cell)


@pytest.mark.parametrize("chunks", [{"time": 7}, {"lat": 5, "lon": 9}, {"time": 12, "lon": 36}])
def test_chunks_do_not_change_a_bridge_and_are_read_once(
    bridge: RegionalBridge, seen: xr.Dataset, bands: xr.DataArray, chunks: dict[str, int]
) -> None:
    lazy, visits = watched(seen, chunks)
    found = RegionalBridge().fit(lazy, bands)
    assert len(visits) == lazy.nee.data.npartitions
    same(bridge.to_dataset(), found.to_dataset())


def test_precision_does_not_change_a_bridge(
    bridge: RegionalBridge, seen: xr.Dataset, bands: xr.DataArray
) -> None:
    assert seen.nee.dtype == np.float32
    double = seen.assign(nee=seen.nee.astype("f8"))
    same(bridge.to_dataset(), RegionalBridge().fit(double, bands).to_dataset(), rtol=1e-5)


def test_units_and_direction_are_read(
    bridge: RegionalBridge, seen: xr.Dataset, bands: xr.DataArray
) -> None:
    turned = (seen.nee.astype("f8") / -86400e3).drop_attrs()
    uptake = seen.assign(nee=turned.assign_attrs(units="kg m-2 s-1", positive="down"))
    found = RegionalBridge().fit(uptake, bands)
    same(bridge.to_dataset(), found.to_dataset(), rtol=1e-4)
    expected = bridge.estimate(seen)
    np.testing.assert_allclose(bridge.estimate(uptake), expected, rtol=1e-4)


def daily(ds: xr.Dataset) -> xr.Dataset:
    """The same flux on every day of a month, of whole months."""
    days = pd.date_range(ds.time.values[0], ds.time.values[-1] + np.timedelta64(30, "D"))
    return ds.reindex(time=days, method="ffill").assign_coords(time=days)


def test_days_give_the_bridge_of_months(seen: xr.Dataset, bands: xr.DataArray) -> None:
    months = seen.sel(time=slice("2001", "2003"))
    one, other = (RegionalBridge().fit(ds, bands) for ds in (months, daily(months)))
    same(one.to_dataset(), other.to_dataset(), rtol=1e-5)
    np.testing.assert_allclose(
        one.estimate(daily(months)), one.estimate(months), rtol=1e-5, atol=1e-9
    )


def test_what_is_no_region_of_a_mask_may_be_anything(
    bridge: RegionalBridge, seen: xr.Dataset, bands: xr.DataArray
) -> None:
    layers = xr.concat([bands == 1, bands == 2], dim="region").astype("f8")
    layers = layers.assign_coords(region=[1, 2]).drop_attrs()
    same(bridge.to_dataset(), RegionalBridge().fit(seen, layers).to_dataset())
    by_name = RegionalBridge().fit(seen.assign(band=bands), "band")
    same(bridge.to_dataset(), by_name.to_dataset())


def test_a_sea_without_land_fraction_takes_no_part(seen: xr.Dataset, bands: xr.DataArray) -> None:
    """Where the land is told by values alone, pixels without any count nowhere."""
    whole = seen[["nee"]]
    fitted = RegionalBridge().fit(whole, bands).to_dataset()
    land = seen.nee.notnull().all("time")
    np.testing.assert_array_equal(
        fitted.region_pixels, [int((land & (bands == k)).sum()) for k in (1, 2)]
    )
    area = [float(seen.cell_area.where(land & (bands == k)).sum()) for k in (1, 2)]
    np.testing.assert_allclose(fitted.region_area, area, rtol=1e-6)
    np.testing.assert_allclose(fitted.weight_share, 1.0, atol=0.2)


def mean_year(ds: xr.Dataset, members: int) -> xr.Dataset:
    """The mean year, of members that differ in their seasons."""
    mean = ds.groupby("time.month").mean().assign(
        {name: ds[name] for name in ("land_fraction", "cell_area")}
    )  # fmt: skip
    if members:
        factor = xr.DataArray(np.linspace(0.5, 1.5, members), dims="member")
        lag = xr.concat([mean.nee.roll(month=k % 2) for k in range(members)], dim="member")
        mean = mean.assign(nee=(lag * factor).transpose("member", "month", "lat", "lon"))
    mean.nee.attrs = ds.nee.attrs
    return mean


def test_a_mean_year_is_validated_by_members(seen: xr.Dataset, bands: xr.DataArray) -> None:
    ds = mean_year(seen, members=5)
    bridge = RegionalBridge().fit(ds, bands)
    fitted = bridge.to_dataset()
    assert (fitted.r2_cv > 0.9).all()
    assert fitted.r2_anomaly.isnull().all()
    found = bridge.estimate(ds)
    assert found.dims == ("member", "region", "month")
    exact = xflux.regional_integral(ds, regions=bands).nee
    assert float((found - exact).std()) < 0.2 * float(exact.std())
    scores = bridge.validate(ds)
    assert scores.r2.dims == ("member", "region")
    assert (scores.r2 > 0.9).all()


def test_a_mean_year_without_members_says_that_nothing_was_left_out(
    seen: xr.Dataset, bands: xr.DataArray
) -> None:
    with pytest.warns(XfluxWarning, match="leaves nothing to cross-validate by"):
        bridge = RegionalBridge().fit(mean_year(seen, members=0), bands)
    fitted = bridge.to_dataset()
    assert fitted.r2_cv.isnull().all()
    assert (fitted.r2 >= 0.95).all()
    years = bridge.estimate(mean_year(seen, members=0), freq="YS")
    assert years.dims == ("region",)


def test_fewer_years_than_folds_are_left_out_one_by_one(
    seen: xr.Dataset, bands: xr.DataArray
) -> None:
    two = seen.sel(time=slice("2001", "2002"))
    fitted = RegionalBridge().fit(two, bands).to_dataset()
    assert fitted.r2_cv.notnull().all()
    assert fitted.r2_anomaly.notnull().all()


def test_a_region_without_land_is_refused(seen: xr.Dataset) -> None:
    mask = xr.where(seen.lat < -60, 2, 1) * xr.ones_like(seen.lon, dtype=int)
    sea = seen.assign(land_fraction=seen.land_fraction.where(seen.lat > -60, 0.0))
    with pytest.raises(InputError, match="regions 2 have no land"):
        RegionalBridge().fit(sea, mask)


def test_a_region_without_values_is_refused(seen: xr.Dataset, bands: xr.DataArray) -> None:
    empty = seen.assign(nee=seen.nee.where(seen.lat > 0))
    with pytest.raises(InputError, match="region 1 has no pixel with a value in every month"):
        RegionalBridge().fit(empty, bands)


def test_a_mask_on_another_grid_is_refused(seen: xr.Dataset, bands: xr.DataArray) -> None:
    with pytest.raises(GridMismatchError, match="17"):
        RegionalBridge().fit(seen, bands.isel(lat=slice(1, None)))


def test_points_and_what_has_no_time_are_refused(seen: xr.Dataset, bands: xr.DataArray) -> None:
    points = seen.stack(site=("lat", "lon")).reset_index("site")
    with pytest.raises(InputError, match="a grid of latitude by longitude"):
        RegionalBridge().fit(points, None)
    with pytest.raises(InputError, match="needs months"):
        RegionalBridge().fit(seen.isel(time=0, drop=True), bands)


def test_shares_may_overlap_and_nan_is_none(seen: xr.Dataset, bands: xr.DataArray) -> None:
    """Each region has a bridge of its own, whatever the others hold."""
    south, both = (bands == 1).astype("f8"), (bands > 0).astype("f8")
    layers = xr.concat([south.where(south > 0), both], dim="region", coords="minimal")
    layers = layers.assign_coords(region=[1, 2]).drop_attrs()
    bridge = RegionalBridge().fit(seen, layers)
    exact = xflux.regional_integral(seen, regions=layers).nee
    error = bridge.estimate(seen) - exact
    assert (error.std("time") < 0.3 * exact.std("time")).all()


def test_gaps_in_months_are_refused_by_name(
    bridge: RegionalBridge, seen: xr.Dataset, bands: xr.DataArray
) -> None:
    gap = seen.sel(time=seen.time != np.datetime64("2003-05-01"))
    with pytest.raises(InputError, match="2003-05"):
        RegionalBridge().fit(gap, bands)
    with pytest.raises(InputError, match="2003-05"):
        bridge.validate(gap)
    found = bridge.estimate(gap)
    assert found.isnull().sum() == 2
    assert np.isnan(found.sel(time="2003-05-01")).all()


def test_a_failed_fit_leaves_the_bridge_as_it_was(seen: xr.Dataset, bands: xr.DataArray) -> None:
    bridge = RegionalBridge(candidates=20).fit(seen, bands)
    before = bridge.to_dataset()
    with pytest.raises(InputError):
        bridge.fit(seen.isel(time=[0, 2]), bands)
    xr.testing.assert_identical(bridge.to_dataset(), before)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"r2": 1.0}, "r2=1.0"), ({"anomaly_r2": -0.1}, "anomaly_r2=-0.1"),
        ({"candidates": 0}, "candidates=0"), ({"clusters": 0}, "clusters=0"),
        ({"pixels": 0}, "pixels=0"), ({"band": -1}, "band=-1"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(
    seen: xr.Dataset, bands: xr.DataArray, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        RegionalBridge(**options).fit(seen, bands)


def test_what_is_not_fitted_says_so(seen: xr.Dataset) -> None:
    with pytest.raises(InputError, match="not fitted"):
        RegionalBridge().estimate(seen)
    with pytest.raises(InputError, match="not fitted"):
        seen.flux.regional_integral(RegionalBridge())


def test_few_pixels_that_do_not_do_are_told_with_their_region(
    seen: xr.Dataset, bands: xr.DataArray
) -> None:
    with pytest.warns(XfluxWarning, match="the pixels of 30S-0, 0-30N do not reach"):
        bridge = RegionalBridge(pixels=1, clusters=1).fit(seen, bands)
    assert not bridge.to_dataset().enough.any()


def test_groups_do_not_take_more_pixels_than_allowed(seen: xr.Dataset, bands: xr.DataArray) -> None:
    fitted = RegionalBridge(pixels=3, clusters=8).fit(seen, bands).to_dataset()
    assert (fitted.n_pixels <= 3).all()


def test_a_region_that_does_not_vary_is_its_mean(seen: xr.Dataset, bands: xr.DataArray) -> None:
    still = seen.assign(nee=(0.0 * seen.nee).assign_attrs(seen.nee.attrs))
    with pytest.warns(XfluxWarning, match="do not reach"):
        bridge = RegionalBridge().fit(still, bands)
    assert (bridge.to_dataset().n_pixels == 0).all()
    np.testing.assert_array_equal(bridge.estimate(still), 0.0)
