"""The labelled score: what is paired, grouped and kept, lazily."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import xskillscore
from guards import no_compute
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import towers
from strategies import chunkings

from xflux.errors import InputError, MissingVariableError
from xflux.skill.evaluate import evaluate
from xflux.skill.metrics import DEFAULT

AREA = xr.DataArray([1.0, 2.0, 0.0, 3.0, 0.5], dims="site")
CALLS: list[dict[str, Any]] = [
    {},
    {"dim": "time"},
    {"by": "igbp"},
    {"by": "season"},
    {"by": "site"},
    {"by": ("igbp", "year"), "slope_on": "predictions"},
    {"weights": AREA, "norm": "sd"},
    {"norm": "iqr", "by": "month"},
    {"decompose": True},
    {"decompose": True, "by": "igbp", "weights": AREA},
    {"metrics": ["pearson_r", "nnse"]},
]


def frame(observed: xr.DataArray, predicted: xr.DataArray) -> pd.DataFrame:
    table = xr.Dataset({"o": observed, "p": predicted}).to_dataframe().reset_index()
    return table.dropna(subset=["o", "p"])


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_lazy_stays_lazy_and_gives_the_same(call: dict[str, Any]) -> None:
    observed, predicted = towers()
    eager = evaluate(observed, predicted, **call)
    with no_compute():
        lazy = evaluate(observed.chunk(site=2, time=7), predicted.chunk(time=11), **call)
    assert all(isinstance(array.data, da.Array) for array in lazy.values())
    assert {name: array.dtype for name, array in lazy.items()} == {
        name: array.dtype for name, array in eager.items()
    }
    xr.testing.assert_allclose(lazy.compute(), eager, rtol=1e-12, atol=1e-12)
    for name in eager:
        assert lazy[name].attrs == eager[name].attrs


@settings(max_examples=8)
@given(chunks=st.tuples(*[chunkings({"site": 5, "time": 48})] * 2), call=st.sampled_from(CALLS))
def test_chunking_never_changes_the_score(
    chunks: tuple[dict[str, int], dict[str, int]], call: dict[str, Any]
) -> None:
    observed, predicted = towers()
    expected = evaluate(observed, predicted, **call)
    found = evaluate(observed.chunk(chunks[0]), predicted.chunk(chunks[1]), **call)
    xr.testing.assert_allclose(found.compute(), expected, rtol=1e-12, atol=1e-12)


def test_source_is_read_once_and_the_graph_is_small() -> None:
    observed, predicted = towers(sites=10, steps=100)
    reads: list[int] = []

    def read(block: np.ndarray) -> np.ndarray:
        reads.append(1)
        return block

    lazy = observed.gpp.chunk(site=2, time=10)
    chunks = lazy.data.npartitions
    lazy = lazy.copy(data=lazy.data.map_blocks(read, dtype="f8", meta=np.empty((0, 0))))
    result = evaluate(lazy, predicted.gpp.chunk(site=2, time=10), by="igbp")
    assert len(result.__dask_graph__()) < 14 * chunks
    result.compute(scheduler="synchronous")
    assert len(reads) == chunks


def test_float32_scores_as_float64() -> None:
    observed, predicted = (ds.astype("f4") for ds in towers())
    found = evaluate(observed, predicted)
    assert found.rmse.dtype == "f8"
    xr.testing.assert_allclose(found, evaluate(observed.astype("f8"), predicted.astype("f8")))


def test_shared_fluxes_become_a_dimension() -> None:
    observed, predicted = towers()
    found = evaluate(observed.assign(ta=observed.gpp), predicted.assign(ta=predicted.gpp))
    assert list(found) == list(DEFAULT)
    assert found["flux"].values.tolist() == ["gpp", "nee", "le"]
    assert dict(found.sizes) == {"flux": 3}
    alone = evaluate(observed.le, predicted.le)
    assert not alone.sizes
    for name in DEFAULT:
        np.testing.assert_array_equal(found[name].sel(flux="le"), alone[name])


def test_variables_are_found_by_alias() -> None:
    observed, predicted = towers()
    renamed = observed.rename(gpp="GPP_NT_VUT_REF")[["GPP_NT_VUT_REF"]]
    found = evaluate(renamed, predicted)
    assert found["flux"].values.tolist() == ["gpp"]
    xr.testing.assert_equal(found.rmse[0], evaluate(observed, predicted).rmse[0])


def test_named_variables_may_be_anything_of_the_table() -> None:
    observed, predicted = ({"cVeg": towers()[side].gpp} for side in (0, 1))
    found = evaluate(xr.Dataset(observed), xr.Dataset(predicted), variables=["cVeg"])
    assert found["flux"].values.tolist() == ["cVeg"]


def test_units_stand_in_the_attributes_where_fluxes_share_them() -> None:
    observed, predicted = towers()
    carbon = evaluate(observed[["gpp", "nee"]], predicted)
    for name in ("rmse", "mae", "bias", "intercept"):
        assert carbon[name].attrs["units"] == "g m-2 d-1"
    for name in ("r2_nse", "r2_pearson", "nrmse", "slope", "n"):
        assert carbon[name].attrs["units"] == "1"
    mixed = evaluate(observed, predicted)
    assert "units" not in mixed.rmse.attrs
    assert mixed.flux_units.values.tolist() == ["g m-2 d-1", "g m-2 d-1", "W m-2"]


def test_classes_come_out_by_name_with_all_that_the_flags_list() -> None:
    observed, predicted = towers()
    found = evaluate(observed.gpp, predicted.gpp, by="igbp")
    assert found.igbp.values.tolist() == ["ENF", "DBF", "GRA"]
    table = frame(observed.gpp, predicted.gpp)
    for label, code in (("ENF", 1), ("DBF", 4)):
        rows = table[table.igbp == code]
        assert found.n.sel(igbp=label) == len(rows)
        np.testing.assert_allclose(
            found.r2_pearson.sel(igbp=label), np.corrcoef(rows.o, rows.p)[0, 1] ** 2
        )
    assert found.n.sel(igbp="GRA") == 0
    assert np.isnan(found.rmse.sel(igbp="GRA"))


def test_seasons_are_in_the_order_of_the_year() -> None:
    observed, predicted = towers()
    found = evaluate(observed.gpp, predicted.gpp, by="season")
    assert found.season.values.tolist() == ["DJF", "MAM", "JJA", "SON"]
    summer = {"time": observed.time.dt.season == "JJA"}
    alone = evaluate(observed.gpp.isel(summer), predicted.gpp.isel(summer))
    np.testing.assert_allclose(found.rmse.sel(season="JJA"), alone.rmse)


@pytest.mark.parametrize("calendar", ["noleap", "360_day"])
def test_groups_follow_any_calendar(calendar: str) -> None:
    observed, predicted = towers(steps=48)
    time = xr.date_range("2003-01-01", periods=48, freq="MS", calendar=calendar, use_cftime=True)
    found = evaluate(
        observed.gpp.assign_coords(time=time), predicted.gpp.assign_coords(time=time), by="month"
    )
    xr.testing.assert_equal(found, evaluate(observed.gpp, predicted.gpp, by="month"))


def test_several_groups_are_crossed() -> None:
    observed, predicted = towers()
    found = evaluate(observed.gpp, predicted.gpp, by=("igbp", "season"))
    assert dict(found.sizes) == {"igbp": 3, "season": 4}
    rows = frame(observed.gpp, predicted.gpp)
    rows = rows[(rows.igbp == 4) & (rows.time.dt.quarter == 4) & (rows.time.dt.month < 12)]
    expected = evaluate(
        observed.gpp.isel(site=observed.igbp == 4, time=observed.time.dt.month.isin([9, 10, 11])),
        predicted.gpp.isel(site=observed.igbp == 4, time=observed.time.dt.month.isin([9, 10, 11])),
    )
    np.testing.assert_allclose(found.rmse.sel(igbp="DBF", season="SON"), expected.rmse)


def test_by_a_dimension_keeps_it_with_its_coordinates() -> None:
    observed, predicted = towers()
    found = evaluate(observed.gpp, predicted.gpp, by="site")
    xr.testing.assert_identical(found, evaluate(observed.gpp, predicted.gpp, dim="time"))
    xr.testing.assert_equal(found.igbp, observed.igbp)


def test_groups_are_reduced_whatever_dim_says() -> None:
    observed, predicted = towers()
    xr.testing.assert_identical(
        evaluate(observed, predicted, dim="time", by="igbp"),
        evaluate(observed, predicted, by="igbp"),
    )


def test_labels_may_be_an_array_without_a_label_for_some() -> None:
    observed, predicted = towers()
    regions = xr.DataArray(["north", "", "south", "north", None], dims="site", name="region")
    found = evaluate(observed.gpp, predicted.gpp, by=regions.astype(object))
    assert found.region.values.tolist() == ["north", "south"]
    expected = evaluate(observed.gpp[[0, 3]], predicted.gpp[[0, 3]])
    np.testing.assert_allclose(found.mae.sel(region="north"), expected.mae)


def test_lazy_classes_group_where_their_labels_are_known() -> None:
    observed, predicted = towers()
    expected = evaluate(observed, predicted, by="igbp")
    lazy = observed.igbp.chunk(site=2)
    high = (observed.gpp.chunk() > 5).rename("high")
    with no_compute():
        by_flags = evaluate(observed, predicted, by=lazy)
        by_bins = evaluate(observed.gpp, predicted.gpp, by=high)
    xr.testing.assert_allclose(by_flags.compute(), expected)
    assert by_bins.high.values.tolist() == [False, True]
    assert int(by_bins.n.sum()) == int(evaluate(observed.gpp, predicted.gpp).n)
    del lazy.attrs["flag_meanings"]
    with pytest.raises(InputError, match=r"compute it first"):
        evaluate(observed, predicted, by=lazy)


def test_further_dimensions_of_the_predictions_are_kept() -> None:
    observed, predicted = towers()
    both = xr.concat([predicted, predicted * 0.5], dim="estimate").assign_coords(
        estimate=["baseline", "refined"]
    )
    for name in both:
        both[name].attrs = predicted[name].attrs
    found = evaluate(observed, both)
    assert found.rmse.dims == ("flux", "estimate")
    xr.testing.assert_allclose(
        found.sel(estimate="baseline", drop=True), evaluate(observed, predicted)
    )
    pooled = evaluate(observed, both, dim=("site", "time", "estimate"))
    assert (pooled.n == found.n.sum("estimate")).all()


def test_order_of_dimensions_does_not_matter() -> None:
    observed, predicted = towers()
    xr.testing.assert_allclose(
        evaluate(observed.transpose(), predicted, by="igbp"),
        evaluate(observed, predicted, by="igbp"),
        rtol=1e-12,
    )


def test_equal_weights_change_nothing() -> None:
    observed, predicted = towers()
    weights = xr.full_like(AREA, 2.5)
    xr.testing.assert_allclose(
        evaluate(observed, predicted, weights=weights), evaluate(observed, predicted), rtol=1e-12
    )


def test_weight_zero_leaves_a_site_out() -> None:
    observed, predicted = towers()
    found = evaluate(observed, predicted, weights=AREA)
    kept = {"site": AREA.values > 0}
    expected = evaluate(observed.isel(kept), predicted.isel(kept), weights=AREA.isel(kept))
    xr.testing.assert_allclose(found, expected, rtol=1e-12)


def test_missing_weight_is_refused_lazily() -> None:
    observed, predicted = towers()
    weights = AREA.copy(data=[1.0, np.nan, 1.0, 1.0, 1.0])
    with pytest.raises(InputError, match=r"fillna\(0\)"):
        evaluate(observed, predicted, weights=weights)
    lazy = evaluate(observed, predicted, weights=weights.chunk())
    with pytest.raises(InputError, match=r"fillna\(0\)"):
        lazy.compute()


def test_no_pairs_gives_nan_and_zero() -> None:
    observed, predicted = towers()
    found = evaluate(observed * np.nan, predicted)
    assert (found.n == 0).all()
    assert found.drop_vars("n").to_dataarray().isnull().all()
    nothing = evaluate(observed.isel(time=slice(0)), predicted.isel(time=slice(0)))
    xr.testing.assert_equal(nothing, found)


def test_nrmse_by_interquartile_range() -> None:
    observed, predicted = towers()
    found = evaluate(observed.gpp, predicted.gpp, norm="iqr", by="igbp")
    rows = frame(observed.gpp, predicted.gpp)
    rows = rows[rows.igbp == 4]
    rmse = np.sqrt(((rows.p - rows.o) ** 2).mean())
    expected = rmse / (rows.o.quantile(0.75) - rows.o.quantile(0.25))
    np.testing.assert_allclose(found.nrmse.sel(igbp="DBF"), expected)
    with pytest.raises(InputError, match="takes no weights"):
        evaluate(observed, predicted, norm="iqr", weights=AREA)


def test_independence_is_written_down_when_told() -> None:
    observed, predicted = towers()
    assert evaluate(observed, predicted, independent=False).attrs == {"independent": "false"}
    assert evaluate(observed, predicted).attrs == {}


def test_scores_of_what_was_generated_say_so_one_by_one() -> None:
    plain = xr.DataArray([1.0, 2.0, 3.0], dims="time", name="gpp", attrs={"units": "g m-2 d-1"})
    made = plain.assign_attrs(synthetic="a test")
    found = evaluate(plain, made, metrics=["rmse"])
    assert found.attrs["synthetic"] == found.rmse.attrs["synthetic"] == "a test"
    assert "synthetic" not in evaluate(plain, plain, metrics=["rmse"]).rmse.attrs


def test_bare_r2_is_refused() -> None:
    with pytest.raises(InputError, match="r2_nse and r2_pearson"):
        evaluate(*towers(), metrics=["r2"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "median"}, "'mean', 'sd', 'range', 'iqr'"),
        ({"slope_on": "obs"}, "'observations', 'predictions'"),
        ({"dim": "lat"}, r"\['lat'\] are no dimensions"),
        ({"by": ("igbp", "igbp")}, "named once"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(*towers(), **options)


def test_unknown_group_lists_what_is_there() -> None:
    with pytest.raises(MissingVariableError, match=r"coordinates: \['igbp', 'site', 'time'\]"):
        evaluate(*towers(), by="koppen")


def test_result_goes_through_netcdf(tmp_path: Any) -> None:
    observed, predicted = towers()
    found = evaluate(observed, predicted, by="igbp", decompose=True, independent=True)
    found.to_netcdf(tmp_path / "score.nc")
    with xr.open_dataset(tmp_path / "score.nc") as read:
        xr.testing.assert_identical(read.load(), found)


def test_area_weights_on_a_grid_agree_with_xskillscore() -> None:
    rng = np.random.default_rng(0)
    coords = {"time": range(6), "lat": [60.0, 20.0, -10.0], "lon": range(4)}
    observed = xr.DataArray(rng.normal(5, 2, (6, 3, 4)), coords, ("time", "lat", "lon"))
    observed = observed.where(rng.random(observed.shape) > 0.2)
    predicted = observed + rng.normal(0, 1, observed.shape)
    area = np.cos(np.deg2rad(observed.lat))
    found = evaluate(observed, predicted.chunk(lat=1, time=4), dim=("lat", "lon"), weights=area)
    for name, oracle in (
        ("rmse", xskillscore.rmse),
        ("mae", xskillscore.mae),
        ("r2_nse", xskillscore.r2),
    ):
        weights = area.broadcast_like(observed[0])
        expected = oracle(observed, predicted, ["lat", "lon"], weights=weights, skipna=True)
        xr.testing.assert_allclose(found[name].drop_attrs(), expected, rtol=1e-10)
