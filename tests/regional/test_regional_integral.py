"""Fluxes of regions: exact, conserved, lazy, and refused where they would be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import counting, no_compute

import xflux
from xflux.errors import (
    GridMismatchError,
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxWarning,
)
from xflux.labels.grid import EARTH_RADIUS, cell_area

# regionmask's own affair
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:regionmask")

SURFACE = 4 * np.pi * EARTH_RADIUS**2
LAT, LON = np.arange(-85.0, 86.0, 10.0), np.arange(5.0, 360.0, 10.0)
MONTHS = pd.date_range("2000-01-01", periods=14, freq="MS")


def planet(time: Any = MONTHS, dtype: str = "f8", land: bool = True, **attrs: Any) -> xr.Dataset:
    """NEE of a planet with coasts."""
    rng = np.random.default_rng(4)
    shape = (len(time), LAT.size, LON.size)
    ds = xr.Dataset(
        {
            "nee": (
                ("time", "lat", "lon"),
                rng.normal(size=shape).astype(dtype),
                {"units": "g m-2 d-1", **attrs},
            )
        },
        coords={"time": time, "lat": LAT, "lon": LON},
    )
    if land:
        share = np.clip(rng.uniform(-0.5, 1.5, shape[1:]), 0, 1)
        ds["land_fraction"] = (("lat", "lon"), share, {"units": "1"})
    return ds


def halves(ds: xr.Dataset) -> xr.DataArray:
    """A crisp partition into east and west."""
    numbers = xr.where(ds.lon < 180, 1, 2) * xr.ones_like(ds.lat, int)
    return numbers.transpose("lat", "lon").assign_attrs(
        flag_values=[1, 2], flag_meanings="east west"
    )


def shares(ds: xr.Dataset, seed: int = 1) -> xr.DataArray:
    """A partition into three regions that share cells."""
    values = np.random.default_rng(seed).dirichlet(np.ones(3), (LAT.size, LON.size))
    return xr.DataArray(
        np.moveaxis(values, -1, 0),
        dims=("region", "lat", "lon"),
        coords={"region": [1, 2, 3], "lat": ds.lat, "lon": ds.lon},
    )


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("make", [halves, shares])
@pytest.mark.parametrize("freq", ["MS", "YS"])
def test_regions_of_a_partition_sum_to_the_globe(dtype: str, make: Any, freq: Any) -> None:
    ds = planet(dtype=dtype)
    globe = xflux.regional_integral(ds, freq=freq)
    parts = xflux.regional_integral(ds, regions=make(ds), freq=freq)
    gross = xflux.regional_integral(ds.assign(nee=abs(ds.nee)), freq=freq).nee
    apart = abs(parts.nee.sum("region", skipna=False) - globe.nee.isel(region=0, drop=True))
    assert float((apart / gross).max()) < 1e-12
    assert parts.nee.dims == ("region", "time")
    assert parts.nee.dtype == np.float64
    for name in ("land_outside", "land_shared"):
        assert abs(parts[name].item()) < 1e-12
        assert globe[name].item() == 0.0


def test_the_integral_is_flux_times_area_land_and_days() -> None:
    ds = planet()
    found = xflux.regional_integral(ds, regions=halves(ds))
    weights = cell_area(ds) * ds.land_fraction * ds.time.dt.days_in_month * 1e-15
    expected = (ds.nee * weights).groupby(halves(ds).rename("region")).sum(...)
    total = found.nee.sum("time")
    np.testing.assert_allclose(total, expected, rtol=1e-12)
    np.testing.assert_array_equal(found.names, ["east", "west"])
    np.testing.assert_array_equal(found.time, ds.time)
    np.testing.assert_array_equal(found.missing_area, 0.0)
    np.testing.assert_array_equal(found.coverage, 1.0)


def test_the_result_says_what_it_is_and_survives_a_file(tmp_path: Path) -> None:
    ds = planet(flux_definition="nee+fire", synthetic="a test")
    found = xflux.regional_integral(ds, regions=halves(ds))
    assert found.nee.attrs == {
        "long_name": "Net ecosystem exchange, positive to the atmosphere, mass of carbon, "
        "integrated over the region",
        "units": "Pg",
        "cell_methods": "area: sum where land time: sum",
        "positive": "up",
        "flux_definition": "nee+fire",
        "synthetic": "a test",
    }
    assert found.attrs["weights"] == "area of cells x land fraction"
    assert list(found) == ["nee", "missing_area", "coverage", "land_outside", "land_shared"]
    found.to_netcdf(tmp_path / "found.nc")
    with xr.open_dataset(tmp_path / "found.nc") as back:
        xr.testing.assert_allclose(back, found)
        assert back.nee.attrs == found.nee.attrs
    found.to_zarr(tmp_path / "found.zarr", consolidated=False)
    xr.testing.assert_allclose(xr.open_zarr(tmp_path / "found.zarr", consolidated=False), found)


def test_a_net_flux_without_definition_is_what_its_name_says() -> None:
    ds = planet()
    assert xflux.regional_integral(ds).nee.attrs["flux_definition"] == "nee"
    gpp = xflux.regional_integral(ds.rename(nee="gpp"), variable="gpp").gpp
    assert "flux_definition" not in gpp.attrs
    with pytest.raises(InputError, match="another flux"):
        xflux.regional_integral(planet(flux_definition="nbp"))


def test_units_and_names_of_models_are_read() -> None:
    ds = planet()
    nbp = (-ds.nee / 86400e3).assign_attrs(units="kg m-2 s-1")
    other = ds.drop_vars("nee").assign(netAtmosLandCO2Flux=nbp)
    found = xflux.regional_integral(other, variable="nbp", units="TgC").nbp
    expected = xflux.regional_integral(ds).nee
    np.testing.assert_allclose(found, expected * -1e3, rtol=1e-10)
    assert found.attrs["flux_definition"] == "nbp"
    mine = ds.rename(nee="mine")
    xr.testing.assert_equal(xflux.regional_integral(mine, names={"nee": "mine"}).nee, expected)


def test_an_uptake_is_turned() -> None:
    ds = planet()
    uptake = ds.assign(nee=(-ds.nee).assign_attrs(units="g m-2 d-1", positive="down"))
    found = xflux.regional_integral(uptake).nee
    xr.testing.assert_allclose(found, xflux.regional_integral(ds).nee)
    assert found.attrs["positive"] == "up"


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "standard", "julian"])
@pytest.mark.parametrize(("freq", "count"), [("MS", 24), ("YS", 2)])
def test_any_calendar_counts_its_own_days(calendar: str, freq: Any, count: int) -> None:
    time = xr.date_range("2000-01-01", periods=24, freq="MS", calendar=calendar, use_cftime=True)
    ds = planet(time, land=False)
    ones = ds.assign(nee=xr.ones_like(ds.nee))
    found = xflux.regional_integral(ones, freq=freq)
    assert found.sizes["time"] == count
    assert found.time.dt.calendar == calendar
    days = {"noleap": 730, "360_day": 720, "standard": 731, "julian": 731}[calendar]
    np.testing.assert_allclose(found.nee.sum(), SURFACE * days * 1e-15, rtol=1e-12)


def test_a_mean_year_has_months_of_its_own() -> None:
    ds = planet().isel(time=slice(12)).rename(time="month").assign_coords(month=np.arange(1, 13))
    ones = ds.assign(nee=xr.ones_like(ds.nee)).drop_vars("land_fraction")
    monthly = xflux.regional_integral(ones)
    assert monthly.nee.dims == ("region", "month")
    np.testing.assert_array_equal(monthly.coverage, np.ones(12))
    assert monthly.nee.sel(month=2).item() == pytest.approx(SURFACE * 28.25e-15, rel=1e-12)
    yearly = xflux.regional_integral(ones, freq="YS")
    assert yearly.nee.dims == ("region",)
    assert yearly.coverage.item() == pytest.approx(1.0)
    assert yearly.nee.item() == pytest.approx(SURFACE * 365.25e-15, rel=1e-12)


def test_members_are_kept() -> None:
    ds = planet()
    members = xr.concat([ds.nee, 2 * ds.nee], dim="member").assign_attrs(ds.nee.attrs)
    found = xflux.regional_integral(ds.assign(nee=members), regions=halves(ds))
    assert found.nee.dims == ("member", "region", "time")
    np.testing.assert_allclose(found.nee[1], 2 * found.nee[0])


def test_a_gap_of_a_month_is_a_month_of_nan_and_a_year_of_nan() -> None:
    ds = planet(MONTHS.delete(4))
    monthly = xflux.regional_integral(ds)
    np.testing.assert_array_equal(monthly.time, MONTHS)
    np.testing.assert_array_equal(np.isnan(monthly.nee[0]), np.arange(14) == 4)
    np.testing.assert_array_equal(monthly.coverage, (np.arange(14) != 4).astype(float))
    assert xflux.regional_integral(ds, freq="YS").nee.isnull().all()


def test_land_that_regions_miss_or_share_is_reported() -> None:
    ds = planet()
    weights = cell_area(ds) * ds.land_fraction
    mask = halves(ds).where(ds.lat > 0, 0).assign_attrs(flag_values=[1, 2])
    missed = xflux.regional_integral(ds, regions=mask)
    south = float(weights.where(ds.lat < 0).sum() / weights.sum())
    assert missed.land_outside.item() == pytest.approx(south, rel=1e-12)
    assert missed.land_shared.item() == 0.0
    both = xr.concat([ds.lat > -30, ds.lat < 30], dim="region") & (ds.lon > -1)
    overlapping = xflux.regional_integral(ds, regions=both.astype(float))
    belt = float(weights.where(abs(ds.lat) < 30).sum() / weights.sum())
    assert overlapping.land_shared.item() == pytest.approx(belt, rel=1e-12)
    assert overlapping.land_outside.item() == 0.0
    assert overlapping.land_shared.attrs["long_name"] == "share of the land in several regions"


def test_nan_in_weights_is_nothing_and_nan_in_the_flux_is_missing() -> None:
    ds = planet()
    holey = ds.assign(land_fraction=ds.land_fraction.where(ds.land_fraction > 0))
    parts = shares(ds).where(shares(ds) > 0.1)
    found = xflux.regional_integral(holey, regions=parts)
    expected = xflux.regional_integral(ds, regions=parts.fillna(0))
    xr.testing.assert_identical(found, expected)
    gone = ds.assign(nee=ds.nee.where(ds.lat != 5.0))
    some = xflux.regional_integral(gone, regions=halves(ds))
    assert (some.missing_area > 0).all()
    assert xflux.regional_integral(gone, regions=halves(ds), skipna=False).nee.isnull().all()
    strict = xflux.regional_integral(gone, regions=halves(ds), min_valid=0.99)
    assert strict.nee.isnull().all()


def test_shapes_divide_the_cells_of_their_border() -> None:
    shapely = pytest.importorskip("shapely")
    ds = planet(MONTHS[:2])
    # Borders inside cells and across the first meridian.
    west = shapely.box(-90, -90, 30, 90)
    east = shapely.union(shapely.box(30, -90, 180, 90), shapely.box(-180, -90, -90, 90))
    globe = xflux.regional_integral(ds).nee.isel(region=0, drop=True)
    for given in ([west, east], {"west": west, "east": east}):
        found = xflux.regional_integral(ds, regions=given)
        np.testing.assert_allclose(found.nee.sum("region"), globe, rtol=1e-12)
        assert abs(found.land_outside.item()) < 1e-12
    np.testing.assert_array_equal(found.names, ["west", "east"])
    ones = ds.assign(nee=xr.ones_like(ds.nee)).drop_vars("land_fraction")
    area = xflux.regional_integral(ones, regions={"west": west}).nee
    expected = SURFACE / 3 * np.array([31, 29]) * 1e-15
    np.testing.assert_allclose(area[0], expected, rtol=1e-12)


def test_a_table_of_shapes_gives_names_and_is_brought_to_degrees() -> None:
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely")
    ds = planet(MONTHS[:2])
    box = shapely.box(10, -40, 130, 40)
    table = geopandas.GeoDataFrame({"name": ["belt"]}, geometry=[box], crs="EPSG:4326")
    found = xflux.regional_integral(ds, regions=table)
    np.testing.assert_array_equal(found.names, ["belt"])
    xr.testing.assert_allclose(found.nee, xflux.regional_integral(ds, regions={"belt": box}).nee)
    projected = xflux.regional_integral(ds, regions=table.to_crs("EPSG:3857")).nee
    xr.testing.assert_allclose(projected, found.nee)
    metres = table.to_crs("EPSG:3857").set_crs(None, allow_override=True)
    with pytest.raises(InputError, match="no degrees of longitude"):
        xflux.regional_integral(ds, regions=metres)


def test_shapes_that_fit_no_grid_are_refused() -> None:
    shapely = pytest.importorskip("shapely")
    ds = planet(MONTHS[:2])
    europe = ds.sel(lat=slice(30, 70), lon=slice(0, 40))
    with pytest.raises(InputError, match="none of the regions austral lies on the grid"):
        xflux.regional_integral(europe, regions={"austral": shapely.box(120, -40, 150, -10)})
    with pytest.raises(InputError, match="is a LineString; expected polygons"):
        xflux.regional_integral(ds, regions=[shapely.LineString([(0, 0), (1, 1)])])
    with pytest.raises(InputError, match="crosses itself"):
        xflux.regional_integral(ds, regions=[shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])])
    with pytest.raises(InputError, match="of all its parts from -180 or all from 0"):
        xflux.regional_integral(ds, regions=[shapely.box(-100, 0, 270, 9)])


@pytest.mark.parametrize("lazy", [False, True])
def test_values_out_of_range_are_missing_and_warned_of(lazy: bool) -> None:
    ds = planet()
    filled = (ds.nee.where(ds.lat != 5.0, 1e4) / 86400e3).assign_attrs(units="kg m-2 s-1")
    filled = ds.assign(nee=filled.chunk(time=4) if lazy else filled)
    with pytest.warns(XfluxWarning, match="'nee': values outside -250 to 250 g m-2 d-1"):
        found = xflux.regional_integral(filled, regions=halves(ds)).compute()
    gone = xflux.regional_integral(ds.assign(nee=ds.nee.where(ds.lat != 5.0)), regions=halves(ds))
    xr.testing.assert_allclose(found, gone)


def test_the_accessor_gives_the_same() -> None:
    ds = planet()
    given: dict[str, Any] = {"regions": halves(ds), "freq": "YS", "units": "TgC"}
    xr.testing.assert_identical(
        ds.flux.regional_integral(**given), xflux.regional_integral(ds, **given)
    )


class Tenth:
    """A bridge that knows the answer: a tenth of the sum of the flux."""

    def estimate(self, nee: xr.Dataset, *, freq: Any, units: str, stamp: Any) -> xr.DataArray:
        assert nee.nee.attrs["units"] == "g m-2 d-1"
        assert (freq, units, stamp) == ("MS", "TgC", None)
        found = (nee.nee.sum(("lat", "lon")) / 10).expand_dims(region=[4]).drop_attrs()
        return found.assign_attrs(units="Tg", positive="up")


def test_a_bridge_estimates_in_place_of_the_sum() -> None:
    ds = planet(flux_definition="nee+fire")
    found = xflux.regional_integral(ds, Tenth(), units="TgC")
    np.testing.assert_allclose(found.nee[0], ds.nee.sum(("lat", "lon")) / 10)
    assert found.nee.attrs["units"] == "Tg"
    assert found.nee.attrs["flux_definition"] == "nee+fire"
    for option in ({"skipna": False}, {"min_valid": 0.5}):
        with pytest.raises(InputError, match="leave skipna and min_valid out"):
            xflux.regional_integral(ds, Tenth(), **option)
    with pytest.raises(InputError, match="regions are those of the bridge"):
        xflux.regional_integral(ds, Tenth(), regions=halves(ds))
    with pytest.raises(InputError, match="bridge is a DataArray, which estimates nothing"):
        xflux.regional_integral(ds, halves(ds))  # type: ignore[arg-type]


def test_what_cannot_be_integrated_is_refused() -> None:
    ds = planet()
    with pytest.raises(GridMismatchError, match="of regions"):
        xflux.regional_integral(ds, regions=halves(ds).assign_coords(lon=ds.lon - 180))
    with pytest.raises(MissingVariableError, match="no variable 'biome'"):
        xflux.regional_integral(ds, regions="biome")
    with pytest.raises(MissingVariableError, match="regional_integral needs 'gpp'"):
        xflux.regional_integral(ds, variable="gpp")
    with pytest.raises(InputError, match="did you mean 'nee'"):
        xflux.regional_integral(ds, variable="neee")
    with pytest.raises(InputError, match="no flux per area"):
        xflux.regional_integral(ds, variable="cVeg")
    with pytest.raises(InputError, match="keep members"):
        xflux.regional_integral(ds, variable="nee_lower")
    with pytest.raises(InputError, match="freq='D'"):
        xflux.regional_integral(ds, freq="D")  # type: ignore[arg-type]
    with pytest.raises(UnitsError, match="found units 'PgC'"):
        xflux.regional_integral(planet(units="PgC"))
    with pytest.raises(UnitsError, match="no amount of a flux"):
        xflux.regional_integral(ds, units="kg C s-1")
    with pytest.raises(InputError, match="'nee' says positive='sideways'"):
        xflux.regional_integral(planet(positive="sideways"))
    with pytest.raises(InputError, match="nee has no time among its dims"):
        xflux.regional_integral(ds.isel(time=0, drop=True))


def test_means_over_land_without_land_fraction_are_warned_of() -> None:
    ds = planet(land=False, cell_methods="area: mean where land time: mean")
    xflux.regional_integral(ds)
    with pytest.warns(XfluxWarning, match="there is no land_fraction") as caught:
        xflux.regional_integral(ds.assign(nee=ds.nee.where(ds.lon > 90)))
    assert Path(caught[0].filename) == Path(__file__)


@pytest.mark.parametrize("chunks", [{"time": 3}, {"time": 5, "lat": 7, "lon": 11}])
def test_each_chunk_is_touched_once_and_only_when_asked(chunks: dict[str, int]) -> None:
    ds = planet(dtype="f4")
    visits: list[int] = []

    def visit(block: np.ndarray) -> np.ndarray:
        visits.append(1)
        return block

    lazy = ds.chunk(chunks)
    watched = lazy.nee.data.map_blocks(visit, dtype="f4", meta=np.empty((0, 0, 0), "f4"))
    lazy = lazy.assign(nee=lazy.nee.copy(data=watched))
    with no_compute():
        found = xflux.regional_integral(lazy, regions=halves(ds), freq="YS")
    with counting() as computed:
        loaded = found.compute()
    assert len(computed) == 1
    assert len(visits) == lazy.nee.data.npartitions
    xr.testing.assert_allclose(
        loaded, xflux.regional_integral(ds, regions=halves(ds), freq="YS"), rtol=1e-12
    )


def test_lazy_masks_stay_lazy() -> None:
    ds = planet()
    with no_compute():
        found = xflux.regional_integral(ds, regions=halves(ds).chunk(lat=5))
        parts = xflux.regional_integral(ds, regions=shares(ds).chunk(lat=5))
    assert found.land_outside.chunks is not None
    assert abs(parts.land_outside.compute().item()) < 1e-12
