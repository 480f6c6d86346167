"""Estimates by a bridge: on years and grids it has not seen, from few chunks, of its flux alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from guards import counting, no_compute

import xflux
from xflux.errors import GridMismatchError, InputError, MissingVariableError, UnitsError
from xflux.regional.bridge import RegionalBridge


def test_an_estimate_holds_on_years_that_were_not_seen(
    bridge: RegionalBridge, truth: xr.Dataset, bands: xr.DataArray
) -> None:
    unseen = truth.sel(time=slice("2006", "2007"))
    exact = xflux.regional_integral(unseen, regions=bands).nee
    estimate = unseen.flux.regional_integral(bridge).nee
    assert estimate.dims == exact.dims == ("region", "time")
    error = estimate - exact
    spread = exact.std("time")
    assert (abs(error.mean("time")) < 0.1 * spread).all()
    assert (np.sqrt((error**2).mean("time")) < 0.3 * spread).all()
    for name in ("region", "names", "time"):
        np.testing.assert_array_equal(estimate[name], exact[name])
    assert {key: estimate.attrs[key] for key in exact.attrs} == exact.attrs
    assert estimate.attrs["comment"] == "estimated from the pixels of a bridge"


def test_an_estimate_is_the_sum_of_weights_times_amounts(
    bridge: RegionalBridge, seen: xr.Dataset
) -> None:
    fitted = bridge.to_dataset()
    for k in range(2):
        there = np.isfinite(fitted.weight[k])
        rate = seen.nee.sel(lat=fitted.lat[k][there], lon=fitted.lon[k][there]).astype("f8")
        amount = (rate * fitted.weight[k][there]).sum("pixel") * seen.time.dt.days_in_month
        expected = 1e-15 * amount + fitted.intercept[k]
        np.testing.assert_allclose(bridge.estimate(seen)[k], expected, rtol=1e-9)


def test_years_are_sums_of_months_in_any_unit(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    months = bridge.estimate(seen)
    years = bridge.estimate(seen, freq="YS", units="TgC")
    assert years.attrs["units"] == "Tg"
    expected = 1e3 * months.groupby("time.year").sum()
    np.testing.assert_allclose(years, expected, rtol=1e-10)
    with pytest.raises(UnitsError, match="no amount of a flux"):
        bridge.estimate(seen, units="km3")


def test_a_year_that_lacks_months_is_missing(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    part = seen.isel(time=slice(3, 40))
    years = part.flux.regional_integral(bridge, freq="YS").nee
    np.testing.assert_array_equal(years.isnull().all("region"), [True, False, False, True])
    np.testing.assert_allclose(years[:, 1:3], bridge.estimate(seen, freq="YS")[:, 1:3])
    with pytest.raises(InputError, match="freq='D' is not known"):
        bridge.estimate(seen, freq="D")


def test_a_single_stamp_stands_for_what_it_is_told(
    bridge: RegionalBridge, seen: xr.Dataset
) -> None:
    one = seen.isel(time=[5])
    expected = bridge.estimate(seen).isel(time=[5])
    with pytest.raises(InputError, match="single stamp"):
        one.flux.regional_integral(bridge)
    found = one.flux.regional_integral(bridge, stamp="MS").nee
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    month = np.array([["2001-06-01", "2001-07-01"]], "datetime64[ns]")
    bounded = one.assign(edges=(("time", "two"), month))
    bounded["time"].attrs["bounds"] = "edges"
    np.testing.assert_allclose(bounded.flux.regional_integral(bridge).nee, expected, rtol=1e-12)


@pytest.mark.parametrize("chunks", [{}, {"time": 1}, {"time": 7, "lat": 5, "lon": 9}])
def test_an_estimate_is_lazy_and_the_same_in_any_chunks(
    bridge: RegionalBridge, seen: xr.Dataset, chunks: dict[str, int]
) -> None:
    lazy = seen.chunk(chunks)
    with no_compute():
        found = lazy.flux.regional_integral(bridge).nee
    with counting() as computed:
        loaded = found.compute()
    assert len(computed) == 1
    assert loaded.dtype == np.float64
    xr.testing.assert_allclose(loaded, bridge.estimate(seen), rtol=1e-9)


def test_a_model_runs_only_where_pixels_contribute(
    bridge: RegionalBridge, seen: xr.Dataset
) -> None:
    """What makes NEE is called for few blocks: here its two halves."""
    calls: list[int] = []

    def photosynthesis(block: Any) -> Any:
        calls.append(1)
        return np.full_like(block, 3.0)

    lazy = seen.chunk(lat=3, lon=4)
    gpp = lazy.nee.data.map_blocks(photosynthesis, meta=np.empty((0, 0, 0), "f4"))
    made = lazy.assign(nee=lazy.nee + 3.0 - lazy.nee.copy(data=gpp))
    made.nee.attrs = seen.nee.attrs
    with no_compute():
        found = made.flux.regional_integral(bridge).nee
    np.testing.assert_allclose(found, bridge.estimate(seen), atol=1e-4)
    assert 0 < len(calls) < 0.4 * gpp.npartitions


def test_any_order_of_dimensions_is_read(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    turned = seen.transpose("lon", "time", "lat")
    xr.testing.assert_allclose(bridge.estimate(turned), bridge.estimate(seen))
    xr.testing.assert_allclose(bridge.estimate(seen.nee), bridge.estimate(seen))


def test_members_stay(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    members = seen.assign(nee=seen.nee * xr.DataArray([1.0, 2.0], dims="member"))
    members.nee.attrs = seen.nee.attrs
    found = bridge.estimate(members)
    assert found.dims == ("member", "region", "time")
    np.testing.assert_allclose(found[0], bridge.estimate(seen), rtol=1e-6)


def test_a_missing_pixel_is_missing_in_its_region_alone(
    bridge: RegionalBridge, seen: xr.Dataset
) -> None:
    fitted = bridge.to_dataset()
    lost = (seen.lat == fitted.lat[0, 0]) & (seen.lon == fitted.lon[0, 0])
    gap = lost & (seen.time == seen.time[3])
    found = bridge.estimate(seen.assign(nee=seen.nee.where(~gap)))
    expected = bridge.estimate(seen)
    assert np.isnan(found[0, 3])
    found[0, 3] = expected[0, 3]
    xr.testing.assert_identical(found, expected)


def test_only_chunks_with_contributing_pixels_are_read(
    bridge: RegionalBridge, seen: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted where bytes are asked for: at the store."""
    from zarr.storage import LocalStore

    sizes = {"time": 12, "lat": 3, "lon": 4}
    path = tmp_path / "nee.zarr"
    seen[["nee"]].chunk(sizes).to_zarr(path, consolidated=False, zarr_format=3)
    asked: list[str] = []
    get = LocalStore.get

    async def counted(self: Any, key: str, *args: Any, **options: Any) -> Any:
        asked.append(key)
        return await get(self, key, *args, **options)

    monkeypatch.setattr(LocalStore, "get", counted)
    opened = xr.open_zarr(path, consolidated=False)
    estimate = opened.flux.regional_integral(bridge).nee
    asked.clear()
    values = estimate.compute()
    read = [key for key in asked if key.startswith("nee/c/")]
    fitted = bridge.to_dataset()
    cells = fitted.cell.values[np.isfinite(fitted.weight.values)]
    rows, columns = cells // 36 // sizes["lat"], cells % 36 // sizes["lon"]
    held = set(zip(rows.tolist(), columns.tolist(), strict=True))
    expected = {f"nee/c/{t}/{i}/{j}" for t in range(5) for i, j in held}
    assert sorted(read) == sorted(expected)
    assert len(held) < 0.4 * (18 // 3) * (36 // 4)
    xr.testing.assert_allclose(values, bridge.estimate(seen))


def test_a_grid_may_run_the_other_way(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    flipped = seen.isel(lat=slice(None, None, -1))
    east = flipped.assign_coords(lon=np.mod(flipped.lon, 360.0)).sortby("lon")
    assert east.lon[0] == 5.0
    for other in (flipped, east):
        xr.testing.assert_allclose(bridge.estimate(other), bridge.estimate(seen))
        found, expected = bridge.validate(other), bridge.validate(seen)
        xr.testing.assert_allclose(found, expected)


def test_rounding_does_not_make_another_grid(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    """The meridian of Greenwich is 0, -1e-13 or, in float32, whatever is next to it."""
    centred = seen.assign_coords(lon=seen.lon - 5.0)
    bands = xflux.latitude_bands(centred, edges=(-30, 0, 30))
    shifted = RegionalBridge().fit(centred, bands)
    expected = shifted.estimate(centred)
    for noise in (-1e-13, 1e-13, -1e-5):
        xr.testing.assert_allclose(
            shifted.estimate(centred.assign_coords(lon=centred.lon + noise)), expected
        )
    single = seen.assign_coords(lat=seen.lat.astype("f4"), lon=seen.lon.astype("f4"))
    xr.testing.assert_allclose(bridge.estimate(single), bridge.estimate(seen))


def test_another_grid_is_refused_with_the_way_out(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    others = [
        seen.isel(lat=slice(1, None)),
        seen.assign_coords(lon=seen.lon + 1.0),
        seen.isel(lat=slice(None, None, 2)),
    ]
    for other in others:
        with pytest.raises(GridMismatchError, match=r"regrid the flux.*or fit a bridge"):
            other.flux.regional_integral(bridge)
        with pytest.raises(GridMismatchError, match="regrid the flux"):
            bridge.validate(other)


def test_a_flux_that_holds_other_terms_is_refused(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    burnt = seen.assign(nee=seen.nee.assign_attrs(flux_definition="nee+fire"))
    for call in (burnt.flux.regional_integral, bridge.estimate, bridge.validate):
        with pytest.raises(InputError, match="fire only in the flux"):
            call(bridge) if call == burnt.flux.regional_integral else call(burnt)


def test_the_nee_of_another_model_is_what_a_bridge_is_for(
    bridge: RegionalBridge, seen: xr.Dataset
) -> None:
    other = seen.assign(nee=seen.nee.assign_attrs(model="another", refinement="xgb"))
    xr.testing.assert_equal(bridge.estimate(other), bridge.estimate(seen))


def test_another_variable_is_refused(bridge: RegionalBridge, seen: xr.Dataset) -> None:
    gpp = seen.rename(nee="gpp")
    for estimate in (
        lambda: gpp.flux.regional_integral(bridge, variable="gpp"),
        lambda: bridge.estimate(gpp),
    ):
        with pytest.raises(MissingVariableError, match=r"RegionalBridge needs 'nee'.* were .*gpp"):
            estimate()
    with pytest.raises(InputError, match="'nee', and the array is 'gpp'"):
        bridge.estimate(gpp.gpp)


def test_another_flux_has_bridges_too(seen: xr.Dataset, bands: xr.DataArray) -> None:
    gpp = (10.0 - seen.nee).assign_attrs(units="g m-2 d-1")
    ds = seen.drop_vars("nee").assign(gpp=gpp)
    bridge = RegionalBridge().fit(ds, bands, variable="gpp")
    found = ds.flux.regional_integral(bridge, variable="gpp").gpp
    exact = xflux.regional_integral(ds, regions=bands, variable="gpp").gpp
    assert float(abs(found - exact).max() / exact.mean()) < 0.1
    assert "flux_definition" not in found.attrs
