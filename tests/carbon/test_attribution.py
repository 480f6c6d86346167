"""The labelled operation: dims, units, regions, laziness, and what its numbers mean."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from structural_worlds import COEFFICIENTS, NATURE, dataset, grid, world

import xflux
from xflux.carbon.attribution_kernel import Attribution
from xflux.carbon.causal_graph import as_graph
from xflux.errors import InputError

FAST = {"draws": 200}


@pytest.fixture(scope="module")
def series() -> xr.Dataset:
    return dataset(world(1, season=2.0))


@pytest.fixture(scope="module")
def found(series) -> xr.Dataset:
    return xflux.attribute(series)


@pytest.fixture(scope="module")
def cells() -> xr.Dataset:
    return grid()


def middle(found: xr.Dataset, effect: str, child: str, parent: str) -> float:
    return found.effects.sel(effect=effect, child=child, parent=parent, quantile=0.5).item()


def test_effects_have_the_dims_of_the_contract(found):
    assert found.effects.dims == ("effect", "child", "parent", "quantile")
    assert {*found.child.values} == {"ta", "vpd", "tsoil", "gpp", "reco", "nep"}
    assert {*found.parent.values} == {"swin", "ta", "p", "vpd", "co2", "tsoil", "gpp", "reco"}
    assert [*found["quantile"].values] == [0.05, 0.5, 0.95]
    assert found.prob_sign.min() >= 0.5
    assert found.attrs["graph"] == str(as_graph(None))


def test_effects_are_those_of_the_world(found):
    made = world(1, season=2.0)
    sd = {str(name): value for name, value in zip(found.node.values, found.sd.values, strict=True)}
    off = []
    for child, parent in COEFFICIENTS:
        _, size, _ = NATURE[child]
        slope = made.truth("direct", child, parent) * size / NATURE[parent][1]
        low, middle, high = found.effects.sel(effect="direct", child=child, parent=parent).values
        off.append((slope * sd[parent] / sd[child] - middle) / (high - low))
    # In widths of the 90 % interval: two of fifteen may lie outside, none far.
    assert np.sum(np.abs(off) > 0.5) <= 3
    assert np.max(np.abs(off)) < 1.2


def test_there_is_no_number_where_no_path_leads(found):
    total = found.effects.sel(effect="total", quantile=0.5)
    assert np.isnan(total.sel(child="ta", parent="p"))
    assert np.isnan(total.sel(child="gpp", parent="reco"))
    assert np.isnan(found.effects.sel(effect="direct", child="reco", parent="vpd")).all()
    assert np.isfinite(found.effects.sel(effect="indirect", child="reco", parent="vpd")).all()
    assert np.isnan(found.effects.sel(effect="indirect", child="gpp", parent="vpd")).all()
    assert found.effects.notnull().equals(
        found.prob_sign.notnull() & xr.ones_like(found.effects, bool)
    )


def test_total_is_direct_plus_indirect(found):
    parts = found.by_prior.fillna(0.0)
    np.testing.assert_allclose(
        parts.sel(effect="direct") + parts.sel(effect="indirect"), parts.sel(effect="total"),
        atol=1e-12,
    )  # fmt: skip


def test_effects_on_nep_are_those_on_gpp_less_those_on_reco_in_grams(found):
    grams = (found.by_prior.fillna(0.0) * found.sd.sel(node=found.child.values).rename(
        node="child").drop_vars("node_units"))  # fmt: skip
    drivers = ["swin", "ta", "p", "vpd", "co2", "tsoil"]
    by = {child: grams.sel(child=child, parent=drivers) for child in ("gpp", "reco", "nep")}
    np.testing.assert_allclose(by["nep"], by["gpp"] - by["reco"], atol=1e-12)


def test_a_gram_of_uptake_adds_a_gram_less_what_is_respired(found):
    sd = {str(name): value for name, value in zip(found.node.values, found.sd.values, strict=True)}
    mean = found.by_prior.sel(prior=1.0, effect="total")
    gain = mean.sel(child="nep", parent="gpp").item() * sd["nep"] / sd["gpp"]
    respired = mean.sel(child="reco", parent="gpp").item() * sd["reco"] / sd["gpp"]
    assert gain == pytest.approx(1.0 - respired)
    loss = found.effects.sel(child="nep", parent="reco", effect="total").values
    np.testing.assert_allclose(loss * sd["nep"] / sd["reco"], -1.0)


def test_with_the_same_parents_errors_of_gpp_and_reco_cancel_in_nep():
    rng = np.random.default_rng(3)
    ds = dataset(world(2))
    ds["reco"] = ds.reco.copy(data=ds.gpp.values + 0.05 * rng.standard_normal(ds.sizes["time"]))
    graph = {"gpp": ("ta", "swin"), "reco": ("ta", "swin")}
    found = xflux.attribute(ds, graph, scale="sd")
    width = {
        child: np.ptp(found.effects.sel(child=child, effect="total", parent="ta").values)
        * found.sd.sel(node=child).item()
        for child in ("gpp", "reco", "nep")
    }
    assert width["nep"] < 0.25 * min(width["gpp"], width["reco"])


def test_carbon_dioxide_is_flagged_as_a_trend(found):
    flagged = found.confounded_with_trend
    assert [*flagged.parent.values[flagged.values]] == ["co2"]


def test_detrended_carbon_dioxide_has_no_number(series):
    found = xflux.attribute(series, anomalies="detrended", **FAST)
    assert np.isnan(found.effects.sel(parent="co2")).all()
    assert bool(found.confounded_with_trend.sel(parent="co2"))
    assert found.effects.sel(child="gpp", parent="vpd", effect="total").notnull().all()
    without = xflux.attribute(series.drop_vars("co2"), anomalies="detrended", **FAST)
    xr.testing.assert_equal(found.effects, without.effects)


def test_regions_are_averaged_by_area(cells):
    mask = xr.DataArray([[1, 1, 2], [1, 2, 2]], dims=("lat", "lon"),
                        coords={"lat": cells.lat, "lon": cells.lon})  # fmt: skip
    found = xflux.attribute(cells, regions=mask, **FAST)
    assert found.effects.dims == ("region", "effect", "child", "parent", "quantile")
    weights = np.cos(np.deg2rad(cells.lat))
    one = cells[["swin", "ta", "p", "vpd", "tsoil", "gpp", "reco"]].where(mask == 1)
    mean = one.weighted(weights).mean(("lat", "lon"), keep_attrs=True).assign(co2=cells.co2)
    alone = xflux.attribute(mean, **FAST)
    # Areas of cells are exact, weights by the cosine are not.
    xr.testing.assert_allclose(found.effects.sel(region=1, drop=True), alone.effects, atol=5e-3)


@pytest.mark.parametrize("lazy", [False, True])
def test_regions_go_by_the_names_that_a_budget_knows(cells, lazy):
    codes = xr.DataArray([[1, 1, 2], [1, 2, 2]], dims=("lat", "lon"))
    flags = {"flag_values": [1, 2], "flag_meanings": "north south"}
    ds = cells.assign(igbp=codes, mask=codes.assign_attrs(flags))
    ds = ds.chunk(time=-1) if lazy else ds
    with no_compute():
        by_mask = xflux.attribute(ds, regions="mask", **FAST)
        by_class = xflux.attribute(ds, regions="igbp", **FAST)
        budget = xflux.budget(ds, "mask"), xflux.budget(ds, "igbp")
    assert [*by_mask.names.values] == ["north", "south"]
    given = xflux.attribute(cells, regions=codes.assign_coords(lat=cells.lat, lon=cells.lon),
                            **FAST)  # fmt: skip
    np.testing.assert_array_equal(by_mask.effects, given.effects)
    named = by_class.isel(region=by_class.names.isin(["ENF", "EBF"]))
    np.testing.assert_array_equal(named.effects, given.effects)
    for found, totals in zip((by_mask, by_class), budget, strict=True):
        xr.testing.assert_identical(found.region.variable, totals.region.variable)
        np.testing.assert_array_equal(found.names, totals.names)
    held = xflux.attribute(ds.set_coords(["igbp", "mask"]), regions="igbp", **FAST)
    xr.testing.assert_equal(held.effects, by_class.effects)


def test_classes_that_change_in_time_are_no_regions(cells):
    codes = xr.full_like(cells.gpp, 1.0).drop_attrs()
    with pytest.raises(InputError, match="'igbp' changes along 'time'"):
        xflux.attribute(cells.assign(igbp=codes), regions="igbp", **FAST)
    with pytest.raises(InputError, match="'igbp' changes along 'time'"):
        xflux.budget(cells.assign(igbp=codes), "igbp")


def test_all_nodes_are_averaged_over_the_cells_where_all_have_values(cells):
    holed = cells.assign(gpp=cells.gpp.where(cells.lon > 10.0))
    kept = cells.where(cells.lon > 10.0).assign(co2=cells.co2)
    xr.testing.assert_allclose(
        xflux.attribute(holed, **FAST).effects, xflux.attribute(kept, **FAST).effects
    )


def test_a_region_without_values_has_no_number_and_says_why(cells):
    mask = xr.DataArray(
        [[1, 2, 2], [2, 2, 2]],
        coords={"lat": cells.lat, "lon": cells.lon},
        attrs={"flag_values": [1, 2, 3], "flag_meanings": "desert green none"},
    )
    found = xflux.attribute(cells, regions=mask, **FAST)
    assert np.isnan(found.effects.sel(region=[1, 3])).all()
    assert found.effects.sel(region=2, effect="total", child="gpp", parent="ta").notnull().all()
    meanings = found.status.attrs["flag_meanings"].split()
    said = [meanings[code] for code in found.status.sel(child="gpp").values]
    assert said == ["no_month_with_all_nodes", "estimated", "no_month_with_all_nodes"]


def test_every_cell_by_itself_is_what_its_series_alone_gives(cells):
    found = xflux.attribute(cells, regions="pixels", **FAST)
    assert found.effects.dims[:2] == ("lat", "lon")
    alone = xflux.attribute(cells.isel(lat=1, lon=2, drop=True), **FAST)
    xr.testing.assert_equal(found.effects.isel(lat=1, lon=2, drop=True), alone.effects)
    assert np.isnan(found.effects.isel(lat=0, lon=0)).all()


@pytest.mark.parametrize("chunks", [{"lat": 1, "lon": 1}, {"lat": 2, "lon": 2}, {"lat": -1}])
def test_pixels_are_lazy_and_the_same_in_any_chunks(cells, chunks):
    eager = xflux.attribute(cells, regions="pixels", **FAST)
    with no_compute():
        lazy = xflux.attribute(cells.chunk(time=-1, **chunks), regions="pixels", **FAST)
    assert all(array.chunks is not None for array in lazy.data_vars.values())
    xr.testing.assert_identical(lazy.compute(), eager)


def test_regions_are_lazy_and_the_same_in_any_chunks(cells):
    eager = xflux.attribute(cells, **FAST)
    with no_compute():
        lazy = xflux.attribute(cells.chunk(time=25, lat=1, lon=2), **FAST)
    assert lazy.effects.chunks is not None
    xr.testing.assert_allclose(lazy.compute(), eager, rtol=1e-9)


def test_all_results_of_a_cell_come_from_one_pass(cells, monkeypatch):
    lazy = xflux.attribute(cells.chunk(time=-1, lat=1), regions="pixels", **FAST)
    passes = []
    at_place = Attribution.at_place
    monkeypatch.setattr(
        Attribution, "at_place", lambda self, series: passes.append(1) or at_place(self, series)
    )
    lazy.compute(scheduler="sync")
    assert len(passes) == cells.sizes["lat"] * cells.sizes["lon"]


def test_float32_stays_float32(cells):
    small = cells.astype("f4")
    found = xflux.attribute(small, regions="pixels", **FAST)
    assert found.effects.dtype == np.float32
    assert found.status.dtype == np.int8
    xr.testing.assert_allclose(
        found.effects, xflux.attribute(cells, regions="pixels", **FAST).effects.astype("f4"),
        atol=2e-3,
    )  # fmt: skip


def test_seeds_are_parameters(series):
    same = [xflux.attribute(series, **FAST).effects for _ in range(2)]
    xr.testing.assert_identical(*same)
    other = xflux.attribute(series, seed=1, **FAST).effects
    assert not other.equals(same[0])
    xr.testing.assert_allclose(other, same[0], atol=0.1)


def test_months_may_be_missing(series):
    season = series.sel(time=series.time.dt.month.isin([5, 6, 7, 8, 9]))
    found = xflux.attribute(season, **FAST)
    assert found.months == 100
    gappy = series.assign(gpp=series.gpp.where(series.time.dt.year != 2005))
    assert xflux.attribute(gappy, **FAST).months == 228


def test_names_and_units_of_other_conventions_are_read(series, found):
    seconds = 86400.0
    cmip = xr.Dataset(
        {
            "rsds": series.swin,
            "tas": (series.ta + 273.15).assign_attrs(units="K"),
            "tsl": (series.tsoil + 273.15).assign_attrs(units="K"),
            "pr": (series.p / seconds).assign_attrs(units="kg m-2 s-1"),
            "vpd": (100.0 * series.vpd).assign_attrs(units="Pa"),
            "co2": series.co2,
            "gpp": (series.gpp / 1e3 / seconds).assign_attrs(units="kg m-2 s-1"),
            "respiration": (series.reco / 1e3 / seconds).assign_attrs(units="kg m-2 s-1"),
        }
    )
    other = xflux.attribute(cmip, names={"reco": "respiration"})
    xr.testing.assert_allclose(other.effects, found.effects, atol=1e-6)
    xr.testing.assert_allclose(other.sd, found.sd, rtol=1e-6)
    assert other.node_units.sel(node="nep") == "g m-2 d-1"


def test_towers_are_places_of_their_own(series):
    towers = xr.concat([series, dataset(world(5))], "site").assign_coords(
        site=["A", "B"], lat=("site", [50.0, 60.0]), lon=("site", [5.0, 6.0])
    )
    found = xflux.attribute(towers, **FAST)
    assert found.effects.dims[0] == "site"
    xr.testing.assert_allclose(
        found.effects.sel(site="A", drop=True).drop_vars(["lat", "lon"], errors="ignore"),
        xflux.attribute(series, **FAST).effects,
    )


def test_a_measured_net_flux_may_be_the_target(series):
    nee = (series.reco - series.gpp).assign_attrs(units="g m-2 d-1")
    found = xflux.attribute(series.assign(nee=nee), "nee", target="nee", **FAST)
    assert "gpp" not in found.node.values
    assert middle(found, "total", "nee", "vpd") > 0.0


def test_variables_of_the_users_own_may_be_nodes(series):
    before = series.p.shift(time=1).assign_attrs(units="mm d-1")
    graph = {"gpp": ("swin", "ta", "p", "rain_before")}
    found = xflux.attribute(series.assign(rain_before=before), graph, target="gpp", **FAST)
    assert found.n_eff.sel(child="gpp", parent="rain_before") > 20
    assert found.months == series.sizes["time"] - 1


def test_ranks_are_labelled_association(series, found):
    ranks = xflux.attribute(series, method="rank")
    assert "Association, not effect" in ranks.attrs["comment"]
    assert ranks.attrs["anomalies"] == "raw"
    assert ranks.rank_correlation.sel(child="gpp", parent="vpd") > 0.4
    assert middle(found, "total", "gpp", "vpd") < 0.0
    assert "effects" not in ranks


def test_the_accessor_is_the_function(series):
    xr.testing.assert_identical(
        series.carbon.attribute(target="gpp", **FAST), xflux.attribute(series, target="gpp", **FAST)
    )


def test_results_say_what_they_are(found, cells):
    assert "Lloyd and Taylor" in found.attrs["comment"]
    assert all("long_name" in array.attrs for array in found.data_vars.values())
    earth = xflux.twin.Earth(resolution=30.0, start="2001", end="2004")
    drivers = earth.drivers.flux.baseline()
    made = xflux.attribute(drivers, **FAST)
    assert made.attrs["explains"] == "the models of gpp, reco, not nature"
    assert "synthetic" in made.attrs


@pytest.mark.parametrize("kind", ["netcdf", "zarr"])
def test_results_survive_files(cells, tmp_path, kind):
    found = xflux.attribute(cells, regions="pixels", **FAST)
    path = str(tmp_path / "effects")
    if kind == "netcdf":
        found.to_netcdf(path)
        back = xr.open_dataset(path)
    else:
        found.to_zarr(path, consolidated=False)
        back = xr.open_zarr(path, consolidated=False)
    xr.testing.assert_equal(back.load(), found)
    assert back.attrs == found.attrs
