"""Names of groups, known before any data are seen."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from samples import towers

from xflux.errors import GridMismatchError, InputError, MissingVariableError
from xflux.skill.evaluate import evaluate
from xflux.skill.groups import group_by, time_dim


def by(labels: xr.DataArray) -> tuple[list[object], list[int]]:
    grouping = group_by(labels, *towers())
    return grouping.labels.tolist(), grouping.codes.variable.values.tolist()


@pytest.mark.parametrize("flags", [[1, 4, 10], np.array([1, 4, 10], "i1"), "1b, 4b, 10b"])
def test_flags_are_read_as_cf_files_write_them(flags: object) -> None:
    labels = xr.DataArray(
        [10, 1, -1, 4, 7],
        dims="site",
        attrs={"flag_values": flags, "flag_meanings": "ENF DBF GRA"},
    )
    assert by(labels) == (["ENF", "DBF", "GRA"], [2, 0, -1, 1, -1])


def test_flags_keep_the_order_of_the_attribute() -> None:
    labels = xr.DataArray(
        [1.0, np.nan, 2.0, 1.0, 2.0],
        dims="site",
        attrs={"flag_values": [2, 1], "flag_meanings": "wet dry"},
    )
    assert by(labels) == (["wet", "dry"], [1, -1, 0, 1, 0])


def test_plain_labels_are_sorted_and_missing_ones_dropped() -> None:
    assert by(xr.DataArray(["b", "a", "", "b", "c"], dims="site")) == (
        ["a", "b", "c"],
        [1, 0, -1, 1, 2],
    )
    assert by(xr.DataArray([3.0, np.nan, 1.0, 1.0, 3.0], dims="site")) == (
        [1.0, 3.0],
        [1, -1, 0, 0, 1],
    )


def test_flags_without_names_are_refused() -> None:
    labels = xr.DataArray(
        [1, 2, 1, 2, 1], dims="site", attrs={"flag_values": [1, 2], "flag_meanings": "one"}
    )
    with pytest.raises(InputError, match="2 flag_values but 1 flag_meanings"):
        by(labels)


def test_labels_lie_on_the_coordinates_of_the_pairs() -> None:
    labels = xr.DataArray(["a", "b"], {"site": ["S0", "S1"]}, "site")
    with pytest.raises(GridMismatchError, match="observed and by disagree along 'site'"):
        by(labels)


def test_parts_of_the_date_may_be_spelt_as_xarray_does() -> None:
    pairs = towers()
    first, second = (group_by(name, *pairs) for name in ("season", "time.season"))
    assert first.name == second.name == "season"
    np.testing.assert_array_equal(first.codes.variable, second.codes.variable)


def test_crossed_groups_leave_out_what_either_leaves_out() -> None:
    observed, predicted = towers(gaps=0.0)
    sites = xr.DataArray(["a", "", "b", "a", "b"], dims="site", name="half")
    times = xr.DataArray(["x"] * 20 + [""] * 28, dims="time", name="part")
    found = evaluate(observed.gpp, predicted.gpp, by=(sites, times))
    assert found.n.sel(part="x").to_series().to_dict() == {"a": 40, "b": 40}


def test_the_dimension_of_dates_is_found_under_any_name() -> None:
    observed = towers()[0].rename(time="month_start")
    assert time_dim(observed) == "month_start"
    with pytest.raises(InputError, match="has dates"):
        time_dim(observed.drop_vars("month_start"))


def test_no_label_at_all_is_no_group() -> None:
    observed, predicted = towers()
    labels = xr.DataArray([""] * 5, dims="site", name="region")
    for side in (predicted, predicted.chunk()):
        assert evaluate(observed, side, by=labels).compute().sizes["region"] == 0


def test_bins_of_the_observed_value_hold_their_lower_edge() -> None:
    observed = xr.DataArray([-1.0, 0.0, 4.9, 5.0, 9.0, np.nan], dims="time")
    predicted = xr.DataArray([1.0, 1.0, 1.0, 2.0, 2.0, 2.0], dims="time")
    found = evaluate(observed, predicted, by={"observed": [0, 5, np.inf]})
    assert found["observed_bin"].values.tolist() == ["[0, 5)", "[5, inf)"]
    assert found.n.values.tolist() == [2, 2]
    np.testing.assert_allclose(found.bias, [1.0 - 2.45, 2.0 - 7.0])


def test_each_flux_is_binned_by_its_own_observations_lazy_or_not() -> None:
    observed, predicted = towers()
    edges = [-np.inf, 0.0, 3.0, np.inf]
    found = evaluate(observed, predicted, by=["igbp", {"observed": edges}])
    for flux in ("gpp", "nee"):
        there = observed[flux].notnull() & predicted[flux].notnull() & (observed[flux] >= 3.0)
        there = there & (observed.igbp == 4)
        assert int(found.n.sel({"flux": flux, "igbp": "DBF"})[-1]) == int(there.sum())
    lazy = evaluate(
        observed.chunk(site=2), predicted.chunk(site=2), by=["igbp", {"observed": edges}]
    )
    assert lazy.chunks
    xr.testing.assert_allclose(lazy.compute(), found)


def test_edges_that_hardly_differ_have_labels_of_their_own() -> None:
    sizes = [1000001.5, 1000002.5, 3.0]
    observed = xr.DataArray([1.0, 2.0, 3.0], dims="site", coords={"size": ("site", sizes)})
    edges = {"size": [1000001, 1000002, 1000003]}
    found = evaluate(observed, observed, by=edges, metrics=("n",))
    assert found["size_bin"].values.tolist() == ["[1000001, 1000002)", "[1000002, 1000003)"]
    assert found["n"].values.tolist() == [1, 1]
    near = [0.5, np.nextafter(0.5, 1.0), 1.0]
    found = evaluate(observed, observed, by={"observed": near}, metrics=("n",))
    assert len(set(found["observed_bin"].values)) == 2


def test_anything_of_numbers_can_be_binned() -> None:
    observed, predicted = towers()
    observed = observed.assign_coords(lat=("site", [50.0, -3.0, 61.0, 12.0, 48.0]))
    found = evaluate(observed.gpp, predicted.gpp, by={"lat": [-90, 30, 60, 90]})
    by_site = evaluate(observed.gpp, predicted.gpp, by="site").n
    assert found.n.values.tolist() == [
        int(by_site.isel(site=places).sum()) for places in ([1, 3], [0, 4], [2])
    ]


@pytest.mark.parametrize("edges", [[5, 0], [1], "low", [[0, 1]], [0, np.nan, 2]])
def test_edges_that_do_not_rise_are_refused(edges: object) -> None:
    observed, predicted = towers()
    with pytest.raises(InputError, match="rising edges"):
        evaluate(observed.gpp, predicted.gpp, by={"observed": edges})


def test_bins_of_what_is_not_there_are_refused() -> None:
    observed, predicted = towers()
    with pytest.raises(MissingVariableError, match="'observed'"):
        evaluate(observed.gpp, predicted.gpp, by={"gpp_observed": [0, 1]})
