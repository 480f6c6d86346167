"""The area- and calendar-weighted integral over regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import counting, no_compute
from hypothesis import given
from hypothesis import strategies as st
from strategies import chunkings, orders

from xflux.errors import GridMismatchError, InputError, UnitsError
from xflux.labels.calendar import days, time_steps
from xflux.labels.grid import EARTH_RADIUS, cell_area
from xflux.labels.integral import integrate, regional_mean, regional_sums

SURFACE = 4 * np.pi * EARTH_RADIUS**2
LAT, LON = np.arange(-75.0, 76.0, 30.0), np.arange(-165.0, 166.0, 30.0)
SIZES = {"time": 26, "lat": LAT.size, "lon": LON.size}


def flux(
    time: Any = None, seed: int = 0, gaps: float = 0.1, dtype: str = "f8", **attrs: str
) -> xr.DataArray:
    time = pd.date_range("2000-01-01", periods=26, freq="MS") if time is None else time
    rng = np.random.default_rng(seed)
    values = rng.normal(1.0, 2.0, (len(time), LAT.size, LON.size))
    values[rng.random(values.shape) < gaps] = np.nan
    return xr.DataArray(
        values.astype(dtype),
        dims=("time", "lat", "lon"),
        coords={"time": time, "lat": LAT, "lon": LON},
        attrs={"units": "g m-2 d-1", **attrs},
        name="gpp",
    )


AREA = cell_area(flux())
MASK = (AREA.copy(data=np.arange(72).reshape(6, 12) // 15 + 1)).drop_attrs()
LAND = AREA.copy(data=np.clip(np.random.default_rng(5).normal(0.4, 0.5, (6, 12)), 0, 1))


def test_a_gram_per_day_over_the_sphere_is_its_surface_times_the_days() -> None:
    one = xr.ones_like(flux())
    expected = SURFACE * one.time.dt.days_in_month.values * 1e-15
    total = integrate(one, area=AREA)
    assert total.dims == ("region", "time")
    np.testing.assert_array_equal(total.region, ["globe"])
    np.testing.assert_allclose(total.sel(region="globe"), expected, rtol=1e-12)
    yearly = integrate(one, area=AREA, freq="YS")
    np.testing.assert_allclose(yearly[0, :2], SURFACE * np.array([366, 365]) * 1e-15, rtol=1e-12)


@given(
    order=orders(),
    chunks=chunkings(SIZES),
    dtype=st.sampled_from(["f4", "f8"]),
    form=st.sampled_from(["globe", "crisp", "shares"]),
    freq=st.sampled_from([None, "MS", "YS"]),
    lazy=st.sets(st.sampled_from(["flux", "area", "land", "regions"]), min_size=1),
)
def test_neither_chunks_nor_order_nor_laziness_change_the_integral(
    order: tuple[str, ...],
    chunks: dict[str, int],
    dtype: str,
    form: str,
    freq: Any,
    lazy: set[str],
) -> None:
    regions = {
        "globe": None,
        "crisp": MASK.assign_attrs(flag_values=np.arange(1, 6)),
        "shares": xr.concat([LAND, 1 - LAND], dim="basin"),
    }[form]
    given_flux = flux(dtype=dtype)
    eager = regional_sums(given_flux, area=AREA, land_fraction=LAND, regions=regions, freq=freq)
    space = {dim: chunks[dim] for dim in ("lat", "lon")}
    found = regional_sums(
        given_flux.transpose(*order).chunk(chunks) if "flux" in lazy else given_flux,
        area=AREA.chunk(space) if "area" in lazy else AREA,
        land_fraction=(LAND.T.chunk(lat=4) if "land" in lazy else LAND),
        regions=regions.chunk(lon=5) if "regions" in lazy and regions is not None else regions,
        freq=freq,
    )
    xr.testing.assert_allclose(found.compute(), eager, rtol=1e-11)
    assert found.integral.attrs == eager.integral.attrs
    assert eager.integral.dtype == np.float64


def test_integrals_are_those_of_plain_loops() -> None:
    given_flux = flux()
    total = integrate(given_flux, area=AREA, land_fraction=LAND, regions=MASK)
    lengths = given_flux.time.dt.days_in_month.values
    for region in range(1, 6):
        inside = MASK.values == region
        for step in (0, 13, 25):
            values = given_flux.values[step][inside]
            weights = (AREA * LAND).values[inside]
            expected = np.nansum(values * weights) * lengths[step] * 1e-15
            assert total.sel(region=region)[step].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_regions_of_a_partition_add_up_to_the_globe(dtype: str) -> None:
    given_flux = flux(gaps=0.0, dtype=dtype)
    globe = integrate(given_flux, area=AREA, land_fraction=LAND).isel(region=0, drop=True)
    gross = integrate(abs(given_flux).assign_attrs(given_flux.attrs), area=AREA)[0]
    for regions in (MASK, xr.concat([LAND, 1 - LAND], dim="region")):
        parts = integrate(given_flux, area=AREA, land_fraction=LAND, regions=regions)
        assert float((abs(parts.sum("region") - globe) / gross).max()) < 1e-12


def test_months_and_years_of_daily_fluxes_are_those_of_their_monthly_mean() -> None:
    daily = flux(pd.date_range("2000-01-01", "2001-12-31"), gaps=0.0)
    monthly = daily.resample(time="MS").mean().assign_attrs(daily.attrs)
    by_day = integrate(daily, area=AREA, freq="MS")
    xr.testing.assert_allclose(by_day, integrate(monthly, area=AREA), rtol=1e-12)
    np.testing.assert_array_equal(by_day.time, monthly.time)
    yearly = integrate(daily, area=AREA, freq="YS")
    xr.testing.assert_allclose(yearly, by_day.resample(time="YS").sum(), rtol=1e-12)


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "julian"])
def test_any_calendar_gives_dates_of_its_own(calendar: str) -> None:
    time = xr.date_range("2000-01-01", periods=24, freq="MS", calendar=calendar, use_cftime=True)
    one = xr.ones_like(flux(time))
    yearly = integrate(one, area=AREA, freq="YS")
    assert yearly.time.dt.calendar == calendar
    expected = {"noleap": [365, 365], "360_day": [360, 360], "julian": [366, 365]}[calendar]
    np.testing.assert_allclose(yearly[0], SURFACE * np.array(expected) * 1e-15, rtol=1e-12)


def test_an_incomplete_year_is_nan_unless_its_coverage_is_enough() -> None:
    one = xr.ones_like(flux())
    sums = regional_sums(one, area=AREA, freq="YS")
    np.testing.assert_array_equal(np.isnan(sums.integral[0]), [False, False, True])
    np.testing.assert_allclose(sums.coverage, [1, 1, 59 / 365], rtol=1e-12)
    loose = integrate(one, area=AREA, freq="YS", min_coverage=0.1)
    assert loose[0, 2].item() == pytest.approx(SURFACE * 59e-15, rel=1e-12)
    with pytest.raises(InputError, match="min_coverage=90 is not a share"):
        integrate(one, area=AREA, freq="YS", min_coverage=90)


def test_missing_cells_are_left_out_and_reported_never_zero() -> None:
    one = xr.ones_like(flux()).isel(time=slice(0, 3))
    one[0, 2, :3] = np.nan
    one[1] = one[1].where(MASK != 2)
    sums = regional_sums(one, area=AREA, land_fraction=LAND, regions=MASK)
    weights = AREA * LAND
    gone = float(weights[2, :3].sum() / weights.where(MASK == 2).sum())
    missing = sums.missing_area.sel(region=2)
    np.testing.assert_allclose(missing, [gone, 1.0, 0.0], rtol=1e-12)
    assert gone > 0
    assert np.isnan(sums.integral.sel(region=2)[1])
    np.testing.assert_allclose(
        sums.integral * 1e15, sums.valid_area.where(sums.valid_area > 0) * days(one), rtol=1e-12
    )
    strict = integrate(one, area=AREA, land_fraction=LAND, regions=MASK, skipna=False)
    np.testing.assert_array_equal(np.isnan(strict.sel(region=2)), [True, True, False])
    assert not strict.drop_sel(region=2).isnull().any()
    half = integrate(one, area=AREA, land_fraction=LAND, regions=MASK, min_valid=1 - gone / 2)
    np.testing.assert_array_equal(np.isnan(half.sel(region=2)), [True, True, False])
    # A year with a month that is missing is missing; the share is the mean over its days.
    year = regional_sums(
        one, area=AREA, land_fraction=LAND, regions=MASK, freq="YS", min_coverage=0
    )
    assert np.isnan(year.integral.sel(region=2)).all()
    assert year.missing_area.sel(region=2).item() == pytest.approx(
        (31 * gone + 29) / (31 + 29 + 31), rel=1e-12
    )


def test_cells_without_land_are_left_out_whatever_they_hold() -> None:
    ocean = LAND == 0
    assert ocean.any()
    full, holed = flux(gaps=0.0), flux(gaps=0.0).where(~ocean)
    kwargs = {"area": AREA, "land_fraction": LAND}
    sums = regional_sums(holed.assign_attrs(full.attrs), **kwargs)
    xr.testing.assert_allclose(sums.integral, integrate(full, **kwargs).rename("integral"))
    np.testing.assert_array_equal(sums.missing_area, 0.0)


def test_a_region_without_cells_is_nan() -> None:
    mask = MASK.assign_attrs(flag_values=[1, 77], flag_meanings="here nowhere")
    sums = regional_sums(flux(), area=AREA, regions=mask)
    assert sums.integral.sel(region=77).isnull().all()
    assert sums.missing_area.sel(region=77).isnull().all()
    np.testing.assert_array_equal(sums.names, ["here", "nowhere"])


def test_other_dims_and_their_coordinates_are_kept() -> None:
    members = xr.concat([flux(seed=k) for k in range(3)], dim="member").assign_coords(
        member=["a", "b", "c"], run=("member", [4, 5, 6]), season=("time", np.arange(26) % 4)
    )
    total = integrate(members.transpose("lat", "member", "lon", "time"), area=AREA, regions=MASK)
    assert total.dims == ("member", "region", "time")
    assert set(total.coords) == {"member", "run", "region", "time", "season"}
    xr.testing.assert_allclose(
        total.sel(member="b").drop_vars(["member", "run", "season"]),
        integrate(flux(seed=1), area=AREA, regions=MASK),
    )
    yearly = integrate(members, area=AREA, freq="YS")
    assert set(yearly.coords) == {"member", "run", "region", "time"}


def test_a_mean_year_is_summed_to_one_value() -> None:
    climate = flux(gaps=0.0).isel(time=slice(12)).rename(time="month")
    climate = climate.assign_coords(month=np.arange(1, 13))
    monthly = integrate(climate, area=AREA, regions=MASK, freq="MS")
    assert monthly.dims == ("region", "month")
    yearly = integrate(climate, area=AREA, regions=MASK, freq="YS")
    assert yearly.dims == ("region",)
    xr.testing.assert_allclose(yearly, monthly.sum("month"), rtol=1e-12)
    short = integrate(climate.isel(month=slice(11)), area=AREA, freq="YS")
    assert short.isnull().all()


def test_days_may_be_given() -> None:
    still = flux(gaps=0.0).isel(time=0, drop=True)
    total = integrate(still, area=AREA, days=365.25, regions=MASK)
    assert total.dims == ("region",)
    with pytest.raises(InputError, match=r"no time dimension.*days=365\.25"):
        integrate(still, area=AREA)
    given_flux = flux()
    given_days = days(given_flux)
    xr.testing.assert_allclose(
        integrate(given_flux.chunk(time=5), area=AREA, days=given_days),
        integrate(given_flux, area=AREA),
    )
    with pytest.raises(InputError, match="differ along 'time'"):
        integrate(given_flux, area=AREA, days=given_days.isel(time=slice(3)))
    with pytest.raises(InputError, match=r"give days=time_steps\(ds\)"):
        integrate(given_flux, area=AREA, days=30.4, freq="YS")


def test_time_bounds_beside_the_flux_are_handed_over() -> None:
    starts = pd.date_range("2000-01-01", periods=27, freq="MS")
    late = flux(starts[1:]).to_dataset()
    late["time_bnds"] = (("time", "nv"), np.stack([starts[:-1], starts[1:]], axis=-1))
    total = integrate(late.gpp, area=AREA, freq="MS", days=time_steps(late))
    xr.testing.assert_allclose(total, integrate(flux(starts[:-1]), area=AREA, freq="MS"))
    with pytest.raises(InputError, match="26 steps along 'time'"):
        integrate(late.gpp.isel(time=slice(4)), area=AREA, days=time_steps(late))


def test_amounts_are_written_in_plain_units_and_described() -> None:
    given_flux = flux(long_name="Net flux", positive="up", flux_definition="nee+fire")
    total = integrate(given_flux, area=AREA, land_fraction=LAND)
    assert total.name == "gpp"
    assert total.attrs == {
        "long_name": "Net flux, integrated over region", "units": "Pg", "positive": "up",
        "cell_methods": "area: sum where land time: sum", "flux_definition": "nee+fire",
    }  # fmt: skip
    for units, scale in (("TgC", 1e3), ("GtC", 1.0), ("gC", 1e15), ("Pg", 1.0)):
        np.testing.assert_allclose(
            integrate(given_flux, area=AREA, land_fraction=LAND, units=units),
            total * scale,
            rtol=1e-12,
        )


def test_energy_and_water_have_amounts_of_their_own() -> None:
    one = xr.ones_like(flux()).isel(time=slice(2))
    energy = integrate(one.assign_attrs(units="W m-2"), area=AREA, units="ZJ")
    np.testing.assert_allclose(energy[0], SURFACE * 86400 * np.array([31, 29]) / 1e21, rtol=1e-12)
    assert energy.attrs["units"] == "ZJ"
    water = integrate(one.assign_attrs(units="kg m-2 d-1"), area=AREA, units="km3")
    # A millimetre over the sphere: surface in km2 times 1e-6 km.
    np.testing.assert_allclose(water[0], SURFACE * 1e-12 * np.array([31, 29]), rtol=1e-12)


@pytest.mark.parametrize(
    ("units", "amount", "said"),
    [
        (None, "PgC", "gpp has units None; expected"),
        ("kg m-2 s-1", "PgC", "gpp has units 'kg m-2 s-1'"),
        ("g m-2 d-1", "ZJ", "'ZJ' is no amount of a flux in 'g m-2 d-1'; expected PgC"),
        ("W m-2", "PgC", "'PgC' is no amount of a flux in 'W m-2'; expected ZJ"),
    ],
)
def test_other_units_are_refused(units: str | None, amount: str, said: str) -> None:
    given_flux = flux()
    given_flux.attrs = {} if units is None else {"units": units}
    with pytest.raises(UnitsError, match=said):
        integrate(given_flux, area=AREA, units=amount)


def test_what_lies_on_another_grid_is_refused() -> None:
    shifted = AREA.assign_coords(lon=LON + 15)
    with pytest.raises(GridMismatchError, match="longitude of area and of the flux differ"):
        integrate(flux(), area=shifted)
    with pytest.raises(GridMismatchError, match="of land_fraction"):
        integrate(flux(), area=AREA, land_fraction=LAND.assign_coords(lat=LAT + 1))
    with pytest.raises(GridMismatchError, match="of regions"):
        integrate(flux(), area=AREA, regions=MASK.isel(lat=slice(None, None, -1)))
    with pytest.raises(InputError, match=r"of which the flux .* lacks some"):
        integrate(flux().isel(lat=0, drop=True), area=AREA)
    with pytest.raises(InputError, match="land_fraction has the dims"):
        integrate(flux(), area=AREA, land_fraction=LAND.isel(lat=0, drop=True))
    with pytest.raises(InputError, match="is empty"):
        integrate(flux().isel(time=slice(0)), area=AREA, days=1.0)


def test_shares_in_percent_are_refused_when_computed() -> None:
    with no_compute():
        lazy = integrate(flux().chunk(), area=AREA, land_fraction=LAND * 100)
    with pytest.raises(InputError, match="divide percent by 100"):
        lazy.compute()


def test_curvilinear_and_unstructured_grids_are_integrated() -> None:
    flat = flux().stack(cell=("lat", "lon"), create_index=False)
    area, mask = (x.stack(cell=("lat", "lon"), create_index=False) for x in (AREA, MASK))
    expected = integrate(flux(), area=AREA, regions=MASK)
    xr.testing.assert_allclose(integrate(flat.chunk(cell=11), area=area, regions=mask), expected)
    lat2, lon2 = xr.broadcast(AREA.lat, AREA.lon)

    def curved(array: xr.DataArray) -> xr.DataArray:
        bare = array.drop_vars(["lat", "lon"]).rename(lat="y", lon="x")
        return bare.assign_coords(lat=(("y", "x"), lat2.data), lon=(("y", "x"), lon2.data))

    found = integrate(curved(flux()), area=curved(AREA), regions=curved(MASK))
    xr.testing.assert_allclose(found, expected)


def test_means_are_weighted_by_area_and_keep_their_unit() -> None:
    ta = flux(gaps=0.2).assign_attrs(units="degC", long_name="Air temperature").rename("ta")
    with no_compute():
        lazy = regional_mean(ta.chunk(time=4, lat=2), area=AREA, land_fraction=LAND)
    expected = ta.weighted(AREA * LAND).mean(("lat", "lon"))
    np.testing.assert_allclose(lazy[0], expected, rtol=1e-12)
    assert lazy.attrs == {
        "units": "degC", "long_name": "Air temperature", "cell_methods": "area: mean",
    }  # fmt: skip
    nothing = regional_mean(xr.full_like(ta, np.nan), area=AREA, regions=MASK)
    assert nothing.dims == ("region", "time")
    assert nothing.isnull().all()


def test_nothing_is_computed_before_it_is_asked_for_and_then_once() -> None:
    visits: list[int] = []

    def visit(block: np.ndarray) -> np.ndarray:
        visits.append(1)
        return block

    lazy = flux().chunk(time=5, lat=3, lon=4)
    area = cell_area(lazy)
    watched = lazy.copy(data=lazy.data.map_blocks(visit, dtype="f8", meta=np.empty((0, 0, 0))))
    with no_compute():
        sums = regional_sums(watched, area=area, land_fraction=LAND, regions=MASK, freq="YS")
    with counting() as computed:
        loaded = sums.compute()
    assert len(computed) == 1
    assert len(visits) == lazy.data.npartitions
    assert loaded.integral.notnull().any()


def test_the_graph_can_be_sent_to_other_processes() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    lazy = flux().chunk(time=9, lat=2)
    kwargs = {"area": cell_area(lazy), "land_fraction": LAND, "regions": MASK, "freq": "YS"}
    sent = cloudpickle.loads(cloudpickle.dumps(integrate(lazy, **kwargs)))
    xr.testing.assert_allclose(sent.compute(), integrate(flux(), **kwargs))


def test_the_same_call_has_the_same_tasks() -> None:
    lazy = flux().chunk(time=9, lat=2)
    names = {integrate(lazy, area=AREA, regions=MASK, freq="YS").data.name for _ in range(2)}
    assert len(names) == 1


@pytest.mark.parametrize("chunks", [(1, 5, 6), (50, 1, 6), (5, 50, 50)])
def test_graphs_stay_small(chunks: tuple[int, int, int]) -> None:
    dask_array = pytest.importorskip("dask.array")
    lat, lon = np.linspace(-88, 88, 50), np.linspace(-176, 176, 60)
    lazy = xr.DataArray(
        dask_array.zeros((50, 50, 60), chunks=chunks),
        dims=("time", "lat", "lon"),
        coords={"time": pd.date_range("2000", periods=50, freq="MS"), "lat": lat, "lon": lon},
        attrs={"units": "g m-2 d-1"},
    )
    total = integrate(lazy, area=cell_area(lazy), freq="YS")
    own = len(total.__dask_graph__()) - len(lazy.__dask_graph__())
    weights = lazy.data.numblocks[1] * lazy.data.numblocks[2]
    # A task for each chunk, one to start its sum, and few for what is left; areas are extra.
    assert own < 3.5 * lazy.data.npartitions + 4 * weights + 30
