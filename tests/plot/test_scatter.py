from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.errors import GridMismatchError, InputError, UnitsError
from xflux.labels.attach import attributes
from xflux.plot import scatter
from xflux.plot.scatter import plot_scatter


def pairs(sites=4, times=24, chunks=None):
    """Observed and predicted fluxes of towers, some of either missing."""
    random = np.random.default_rng(11)
    coords = {
        "site": [f"S{k}" for k in range(sites)],
        "time": xr.date_range("2001-01-01", periods=times, freq="MS"),
        "igbp": ("site", [["ENF", "DBF"][k % 2] for k in range(sites)]),
    }
    truth = 8.0 * random.random((sites, times))
    observed = xr.DataArray(
        truth, dims=("site", "time"), coords=coords, name="gpp", attrs=attributes("gpp")
    )
    predicted = 0.8 * observed + random.normal(0.5, 0.5, truth.shape)
    predicted = predicted.assign_attrs(attributes("gpp"))
    observed[0, 3] = np.nan
    predicted[1, 2] = np.nan
    if chunks:
        return observed.chunk(chunks), predicted.chunk(chunks)
    return observed, predicted


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def box(ax):
    (text,) = [text.get_text() for text in ax.texts if "RMSE" in text.get_text()]
    return dict(
        row.replace("\u2212", "-").replace("\u2009", "").split(" = ") for row in text.split("\n")
    )


def test_axes_in_axes_out():
    _, (left, right) = plt.subplots(1, 2)
    known = plt.get_fignums()
    assert plot_scatter(*pairs(), ax=right) is right
    assert plt.get_fignums() == known
    assert not left.collections


def test_the_box_holds_the_scores_of_evaluate():
    observed, predicted = pairs()
    said = box(plot_scatter(observed, predicted))
    scores = xflux.evaluate(observed, predicted)
    assert int(said["n"]) == int(scores.n) == 94
    for label, name, digits in (
        ("R² (NSE)", "r2_nse", 0.005),
        ("r² (Pearson)", "r2_pearson", 0.005),
        ("RMSE", "rmse", 0.0005),
        ("bias", "bias", 0.005),
    ):
        assert float(said[label]) == pytest.approx(float(scores[name]), abs=digits)


def test_the_one_to_one_line_spans_the_axes():
    ax = plot_scatter(*pairs())
    x, y = lines(ax)["1:1"].get_data()
    np.testing.assert_array_equal(x, y)
    assert ax.get_xlim() == ax.get_ylim() == (x[0], x[-1])


def test_the_regression_line_is_that_of_evaluate():
    observed, predicted = pairs()
    ax = plot_scatter(observed, predicted)
    (line,) = [line for label, line in lines(ax).items() if label.startswith("y = ")]
    x, y = line.get_data()
    scores = xflux.evaluate(observed, predicted)
    np.testing.assert_allclose((y[1] - y[0]) / (x[1] - x[0]), scores.slope, rtol=1e-10)
    np.testing.assert_allclose(y[0] - scores.slope * x[0], scores.intercept, rtol=1e-8)
    both = observed.where(predicted.notnull())
    np.testing.assert_allclose(x, [both.min(), both.max()])
    assert not any(
        label.startswith("y")
        for label in lines(plot_scatter(observed, predicted, regression=False))
    )


def test_labels_say_side_name_and_unit():
    ax = plot_scatter(*pairs())
    assert ax.get_xlabel() == "Observed gross primary production [g C m-2 d-1]"
    assert ax.get_ylabel() == "Predicted gross primary production [g C m-2 d-1]"
    assert plot_scatter(*pairs(), xlabel="Tower").get_xlabel() == "Tower"


def test_predictions_are_drawn_in_the_unit_of_the_observations():
    observed, predicted = pairs()
    converted = (predicted / 86400e3).assign_attrs(predicted.attrs | {"units": "kg m-2 s-1"})
    ax = plot_scatter(observed, converted)
    assert "[g C m-2 d-1]" in ax.get_ylabel()
    there = (observed + predicted).notnull().values
    np.testing.assert_allclose(
        np.sort(ax.collections[0].get_offsets()[:, 1]), np.sort(predicted.values[there]), rtol=1e-9
    )
    with pytest.raises(UnitsError):
        plot_scatter(observed, predicted.assign_attrs(units="degC"))


def test_few_pairs_are_points_and_many_are_a_density():
    few = plot_scatter(*pairs())
    assert len(few.collections[0].get_offsets()) == 94
    many = plot_scatter(*pairs(sites=200))
    counts = many.collections[0].get_array()
    assert counts.sum() == 200 * 24 - 2
    assert many.collections[0].norm.vmax == counts.max()
    (bar,) = [ax for ax in many.figure.axes if ax.get_label() == "<colorbar>"]
    assert bar.get_ylabel() == "Pairs per hexagon"


def test_kind_overrides_the_number():
    assert plot_scatter(*pairs(), kind="density").collections[0].get_array().sum() == 94
    points = plot_scatter(*pairs(sites=200), kind="points")
    assert len(points.collections[0].get_offsets()) == 4798


@pytest.mark.parametrize("chunks", [{"time": 7}, {"site": 3, "time": 24}])
def test_lazy_pairs_are_read_once(computed, chunks):
    lazy = plot_scatter(*pairs(chunks=chunks))
    assert len(computed) == 1
    eager = plot_scatter(*pairs())
    assert box(lazy) == box(eager)
    np.testing.assert_array_equal(
        lazy.collections[0].get_offsets(), eager.collections[0].get_offsets()
    )


def test_of_very_many_pairs_a_part_is_loaded_and_all_are_scored(computed, monkeypatch):
    monkeypatch.setattr(scatter, "_LARGEST", 500)
    observed, predicted = pairs(sites=100, times=48, chunks={"site": 30})
    ax = plot_scatter(observed, predicted)
    assert len(computed) == 1
    assert sum(computed) < 2 * 600
    assert int(box(ax)["n"]) == 100 * 48 - 2
    title = ax.get_title(loc="left").replace("\u2009", "")
    assert "of 4798 pairs drawn, scores of all" in title
    assert 300 < int(title.split()[0]) < 600


def test_the_part_has_no_period():
    from xflux.plot.sample import _positions

    chosen = _positions({"time": 1200, "site": 50}, 6000)["time"]
    months = np.bincount(chosen % 12, minlength=12)
    assert months.min() > 0.5 * months.mean()


def test_groups_have_colours_and_one_legend():
    observed, predicted = pairs()
    ax = plot_scatter(observed, predicted, by="igbp")
    assert sorted(text.get_text() for text in ax.get_legend().get_texts()) == ["DBF", "ENF"]
    points = {part.get_label(): len(part.get_offsets()) for part in ax.collections}
    assert points == {"ENF": 47, "DBF": 47}
    colours = {tuple(part.get_facecolor()[0]) for part in ax.collections}
    assert len(colours) == 2


def test_seasons_are_groups():
    ax = plot_scatter(*pairs(), by="season")
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["DJF", "MAM", "JJA", "SON"]


def test_panels_have_scores_of_their_own():
    observed, predicted = pairs()
    panes = plot_scatter(observed, predicted, col="igbp")
    scores = xflux.evaluate(observed, predicted, by="igbp")
    for ax in panes.axs.flat:
        name = ax.get_title(loc="left")
        assert float(box(ax)["RMSE"]) == pytest.approx(float(scores.rmse.sel(igbp=name)), abs=5e-4)
        assert len(ax.collections[0].get_offsets()) == int(scores.n.sel(igbp=name))
    assert {ax.get_title(loc="left") for ax in panes.axs.flat} == {"ENF", "DBF"}


def test_panels_by_row_and_column():
    panes = plot_scatter(*pairs(), row="igbp", col="season")
    assert panes.axs.shape == (2, 4)
    assert sum(int(box(ax)["n"]) for ax in panes.axs.flat) == 94


def test_panels_of_estimates_that_only_predictions_have(computed):
    observed, predicted = pairs(chunks={"time": 8})
    both = xr.concat([predicted, observed], pd.Index(["baseline", "refined"], name="estimate"))
    panes = plot_scatter(observed, both.assign_attrs(predicted.attrs), col="estimate")
    assert len(computed) == 1
    by_name = {ax.get_title(loc="left"): box(ax) for ax in panes.axs.flat}
    assert by_name["refined"]["R² (NSE)"] == "1.00"
    assert float(by_name["baseline"]["R² (NSE)"]) < 1.0
    with pytest.raises(InputError, match="estimate"):
        plot_scatter(observed, both)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_precision_does_not_change_the_scores(dtype):
    observed, predicted = pairs()
    said = box(plot_scatter(observed.astype(dtype), predicted.astype(dtype)))
    assert said == box(plot_scatter(observed, predicted))


def test_other_coordinates_are_refused():
    observed, predicted = pairs()
    with pytest.raises(GridMismatchError):
        plot_scatter(observed, predicted.isel(time=slice(1, None)))


@pytest.mark.filterwarnings("error")
def test_no_pair_is_an_error():
    observed, predicted = pairs()
    for empty in (observed * np.nan, observed.isel(time=slice(0, 0))):
        with pytest.raises(InputError, match="no pair to draw"):
            plot_scatter(empty, predicted.isel(time=slice(0, empty.sizes["time"])))


def test_a_single_pair_is_drawn_without_a_regression():
    observed, predicted = (array.isel(site=2, time=[5]) for array in pairs())
    ax = plot_scatter(observed, predicted)
    assert set(lines(ax)) == {"1:1"}
    assert box(ax)["R² (NSE)"] == "nan"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "heat"}, "'density'"),
        ({"kind": "density", "by": "igbp"}, "col="),
        ({"cmap": "waater"}, "growth"),
    ],
)
def test_wrong_options_say_what_to_do(options, message):
    with pytest.raises(InputError, match=message):
        plot_scatter(*pairs(), **options)
    with pytest.raises(InputError, match="exclude each other"):
        plot_scatter(*pairs(), ax=plt.subplots()[1], col="igbp")


def test_the_input_stays_lazy():
    observed, predicted = pairs(chunks={"time": 6})
    plot_scatter(observed, predicted)
    assert observed.chunks is not None
    assert predicted.chunks is not None


@pytest.mark.real
def test_two_partitionings_of_real_towers_agree_with_pandas(data):
    columns = ["GPP_NT_VUT_REF", "GPP_DT_VUT_REF"]
    tables = [
        pd.read_csv(path, usecols=columns, na_values=-9999)
        for path in sorted((data / "towers/icos_ww2020").glob("FLX_*_MM_*.csv.gz"))
    ]
    table = pd.concat(tables)
    night, day = (
        xr.DataArray(table[name].to_numpy(), dims="pair", name="gpp", attrs=attributes("gpp"))
        for name in columns
    )
    said = box(plot_scatter(night, day))
    both = table.dropna()
    assert int(said["n"]) == len(both)
    error = both.GPP_DT_VUT_REF - both.GPP_NT_VUT_REF
    assert float(said["bias"]) == pytest.approx(error.mean(), abs=0.005)
    assert float(said["RMSE"]) == pytest.approx(np.sqrt((error**2).mean()), abs=0.005)
    assert float(said["r² (Pearson)"]) == pytest.approx(both.corr().iloc[0, 1] ** 2, abs=0.005)


def test_a_class_without_pairs_has_no_panels():
    observed, predicted = pairs()
    observed = observed.where(observed["igbp"] != "DBF")
    panes = plot_scatter(observed, predicted, row="igbp", col="season")
    assert panes.axs.shape == (1, 4)
    assert list(panes.row_names) == ["ENF"]


def test_a_panel_without_pairs_says_so():
    observed, predicted = pairs()
    winter = observed["time"].dt.season == "DJF"
    observed = observed.where((observed["igbp"] != "DBF") | ~winter)
    panes = plot_scatter(observed, predicted, row="igbp", col="season")
    empty = [
        ax for ax in panes.axs.flat if [text.get_text() for text in ax.texts][:1] == ["no pairs"]
    ]
    assert len(empty) == 1
