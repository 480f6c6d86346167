"""Fluxes of regions, scores and correlations of several models side by side."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.errors import InputError
from xflux.labels.attach import attributes
from xflux.plot.correlations import plot_correlations
from xflux.plot.regional import plot_region_anomalies, plot_region_cycles, plot_region_years
from xflux.plot.skill_bars import plot_skill_bars

SAID = {"units": "Pg", "positive": "up", "flux_definition": "nee"}
NAMES = ["North", "Far_South"]


def series(seed: int, members: str = "") -> xr.DataArray:
    random = np.random.default_rng(seed)
    time = pd.date_range("2001-01-01", periods=48, freq="MS")
    season = np.cos(2 * np.pi * np.arange(48) / 12)
    values = season - 0.1 + random.normal(0, 0.1, (5, 2, 48))
    coords = {"region": [1, 2], "names": ("region", NAMES), "time": time}
    array = xr.DataArray(values, coords, (members or "member", "region", "time"), "nee", SAID)
    return array if members else array.isel(member=0)


def sources() -> dict[str, xr.DataArray]:
    return {"towers": series(1), "inversions": series(2, "inversion")}


def drawn(ax: plt.Axes) -> dict[str, np.ndarray]:
    return {
        str(line.get_label()).split(":")[0]: np.asarray(line.get_ydata(), float)
        for line in ax.get_lines()
        if len(line.get_xdata()) > 2
    }


def test_years_of_the_sum_stand_beside_a_budget() -> None:
    gcb = xr.DataArray([-3.0, -2.5, -3.1], {"year": [2001, 2002, 2003]}, name="nbp")
    _, given = plt.subplots()
    ax = plot_region_years(sources(), show="all", ax=given, annual={"GCB": gcb})
    assert ax is given
    found = drawn(ax)
    assert list(found) == ["towers", "inversions", "GCB"]
    yearly = series(1).sum("region").groupby("time.year").sum()
    np.testing.assert_allclose(found["towers"], yearly)
    np.testing.assert_allclose(found["GCB"], gcb)
    assert "Pg C per year" in ax.get_ylabel()
    assert "1 standard deviation over inversion (n = 5)" in ax.get_title(loc="left").replace(
        "\n", " "
    )


def test_a_title_that_is_wrapped_keeps_a_number_on_its_line() -> None:
    ax = plot_region_years(sources(), show="all", figsize=(4.2, 3.0))
    title = ax.get_title(loc="left")
    assert len(title.splitlines()) > 1
    assert "(n = 5)" in title


def test_every_region_and_the_sum_has_a_panel_with_bands() -> None:
    axes = plot_region_years(sources(), band="range")
    assert [ax.get_title(loc="left") for ax in axes] == ["North", "Far South", "Sum of all regions"]
    (band,) = axes[0].collections
    yearly = series(2, "inversion")[:, 0].groupby("time.year").sum()
    corners = band.get_paths()[0].vertices[:, 1]
    assert corners.min() == pytest.approx(yearly.min().item())
    assert corners.max() == pytest.approx(yearly.max().item())


def test_cycles_are_means_of_months_and_mean_years_are_drawn_as_they_are() -> None:
    mean_year = series(1).groupby("time.month").mean(keep_attrs=True)
    axes = plot_region_cycles({"a": series(1), "b": mean_year}, show=["Far_South", "all"])
    found = drawn(axes[0])
    np.testing.assert_allclose(found["a"], mean_year.sel(region=2))
    np.testing.assert_allclose(found["a"], found["b"])
    with pytest.raises(InputError, match="mean year"):
        plot_region_years({"b": mean_year})


def test_anomalies_are_annual_sums_less_the_trend_of_each() -> None:
    ax = plot_region_anomalies(sources(), show="all")
    found = drawn(ax)
    yearly = series(2, "inversion").sum("region").groupby("time.year").sum()
    trend = xr.polyval(yearly.year, yearly.polyfit("year", 1).polyfit_coefficients)
    np.testing.assert_allclose(found["inversions"], (yearly - trend).mean("inversion"), atol=1e-9)
    assert ax.get_ylabel() == "Anomaly of net ecosystem exchange\n[Pg C per year]"
    assert "annual sums less their trend" in ax.get_title(loc="left")
    sd = found["towers"].std(ddof=1)
    assert ax.get_legend().get_texts()[0].get_text() == f"towers: sd {sd:.2g}"
    assert len(plot_region_anomalies(sources())) == 3
    with pytest.raises(InputError, match="anomalies need three"):
        plot_region_anomalies({"a": series(1).isel(time=slice(24))})


def test_a_net_flux_goes_by_what_it_holds() -> None:
    for definition, words in {
        "nee": "Net ecosystem exchange",
        "nbp": "Net land flux (nbp)",
        "nee+fire+lateral": "Net land flux (nee+fire+lateral)",
    }.items():
        one = series(1).assign_attrs(flux_definition=definition)
        ax = plot_region_years({"a": one}, show="all")
        assert ax.get_ylabel() == f"{words}\n[Pg C per year]"


def test_one_region_has_one_panel_with_the_budget() -> None:
    gcb = xr.DataArray([-3.0, -2.5, -3.1], {"year": [2001, 2002, 2003]})
    (ax,) = plot_region_years({"a": series(1).isel(region=[0])}, annual={"GCB": gcb})
    assert list(drawn(ax)) == ["a", "GCB"]
    assert ax.get_title(loc="left") == "North"


def test_a_label_leaves_the_title_alone() -> None:
    axes = plot_region_years(sources())
    figure = axes[0].figure
    figure.canvas.draw()
    label = figure._supylabel.get_window_extent()
    assert label.y1 < figure._suptitle.get_window_extent().y0
    assert label.y0 >= 0


def test_of_one_year_the_axis_shows_its_neighbours() -> None:
    ax = plot_region_years({"a": series(1).isel(time=slice(12))}, show="all")
    assert ax.get_xlim() == (2000.0, 2002.0)


def test_members_of_unlike_spans_are_said_to_be_cut() -> None:
    both = series(2, "inversion")
    short = both.where((both.inversion > 0) | (both.time.dt.year < 2004))
    ax = plot_region_years({"a": short}, show="all")
    assert np.isnan(drawn(ax)["a"][-1])
    assert "where all have values" in ax.get_title(loc="left").replace("\n", " ")
    whole = plot_region_years({"a": both}, show="all").get_title(loc="left")
    assert "where all" not in whole.replace("\n", " ")


def test_a_total_is_not_summed_with_its_regions() -> None:
    twice = series(1).assign_coords(names=("region", ["Europe", "global"]))
    with pytest.raises(InputError, match="'global' beside"):
        plot_region_years({"a": twice})
    (ax,) = plot_region_years({"a": twice.isel(region=[1])})
    assert ax.get_title(loc="left") == "Global"


def test_unlike_fluxes_and_unknown_regions_are_refused() -> None:
    other = series(2).assign_attrs(flux_definition="nee+fire")
    with pytest.raises(InputError, match="fire only in"):
        plot_region_years({"a": series(1), "b": other})
    with pytest.raises(InputError, match="no region 'West'; the regions are North"):
        plot_region_years({"a": series(1)}, show="West")
    with pytest.raises(InputError, match="lacks the regions North"):
        plot_region_years({"a": series(1), "b": series(1).isel(region=[1])})
    with pytest.raises(InputError, match="give sources by name"):
        plot_region_years(series(1))  # type: ignore[arg-type]


def test_lazy_sources_are_computed_once(computed: list[int]) -> None:
    lazy = {
        name: array.chunk(time=10).assign_coords(names=array["names"].variable)
        for name, array in sources().items()
    }
    plot_region_years(lazy)
    assert computed == [4 * 3 + 5 * 4 * 3]


def test_the_accessor_integrates_grids_and_takes_regions_as_they_are() -> None:
    time = pd.date_range("2001-01-01", periods=36, freq="MS")
    coords = {"time": time, "lat": [-45.0, 45.0], "lon": [-90.0, 90.0]}
    ds = xr.Dataset({"nee": (("time", "lat", "lon"), np.full((36, 2, 2), -0.1))}, coords)
    ds.nee.attrs = attributes("nee")
    mask = xr.DataArray([[1, 1], [2, 2]], {"lat": ds.lat, "lon": ds.lon}, name="region")
    total = xflux.regional_integral(ds, regions=mask)
    axes = ds.flux.plot.regions(regions=mask, reference={"same": total}, label="grid")
    assert len(axes) == 3
    found = drawn(axes[-1])
    np.testing.assert_allclose(found["grid"], total.nee.sum("region").groupby("time.year").sum())
    np.testing.assert_allclose(found["grid"], found["same"])
    ax = total.flux.plot.region_cycles(show="all")
    np.testing.assert_allclose(drawn(ax)["NEE"][0], total.nee.sum("region")[0].item())
    anomalies = ds.flux.plot.region_anomalies(regions=mask, reference={"same": total}, label="grid")
    np.testing.assert_allclose(drawn(anomalies[0])["grid"], drawn(anomalies[0])["same"])
    (globe,) = ds.flux.plot.regions()
    assert globe.get_title(loc="left") == "Globe"


def test_the_accessor_tells_months_by_their_bounds() -> None:
    nee = series(1)
    starts = nee.time.values
    ends = (starts.astype("datetime64[M]") + 1).astype("datetime64[ns]")
    late = nee.assign_coords(time=ends).to_dataset()
    late["time_bnds"] = (("time", "bnds"), np.stack([starts, ends], axis=-1))
    found = drawn(late.flux.plot.region_cycles(show="all"))
    np.testing.assert_allclose(
        found["NEE"], nee.sum("region").groupby("time.month").mean(), atol=1e-12
    )


def test_bars_are_scores_and_training_data_is_said() -> None:
    fit = xflux.regional_skill(series(2, "inversion"), series(3, "member"), independent=False)
    free = xflux.regional_skill(series(2, "inversion"), series(4), independent=True)
    ax = plot_skill_bars({"fit": fit, "free": free}, "annual_rmse")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "fit (on training data)", "free",
    ]  # fmt: skip
    widths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(widths[:3], fit.annual_rmse.mean("member"))
    np.testing.assert_allclose(widths[3:], free.annual_rmse)
    assert ax.get_xlabel() == "Root mean squared error of annual values [Pg yr-1]"
    assert "member (n = 5)" in ax.get_title(loc="left")
    with pytest.raises(InputError, match="no score 'r'"):
        plot_skill_bars({"free": free}, "r")
    with pytest.raises(InputError, match="without 'igbp'"):
        plot_skill_bars({"free": free}, along="igbp")


def test_bars_beside_others_start_at_the_top_and_none_lies_under_the_legend() -> None:
    free = xflux.regional_skill(series(2, "inversion"), series(4), independent=True)
    free.attrs["synthetic"] = "generated"
    figure, axes = plt.subplots(1, 2, sharey=True, layout="constrained")
    for ax in axes:
        plot_skill_bars({"one": free, "other": free}, "nnse", ax=ax)
        low, high = ax.get_ylim()
        assert low > high
        assert "Synthetic" in ax.get_title(loc="left")
    rows = [text.get_text() for text in axes[0].get_yticklabels()]
    assert rows == ["North", "Far South", "sum of all"]
    figure.canvas.draw()
    for ax in axes:
        legend = ax.get_legend().get_window_extent()
        assert legend.y1 < ax.xaxis.label.get_window_extent().y0
        assert legend.y0 >= 0


def bars(axes: np.ndarray) -> str:
    """Return what the colour bars say."""
    return " ".join(ax.get_ylabel() + ax.get_xlabel() for ax in axes[0].figure.axes)


def test_correlations_are_drawn_with_their_difference() -> None:
    grid = {"lat": [-20.0, 0.0, 20.0], "lon": [0.0, 20.0, 40.0, 60.0]}
    first = xr.DataArray(np.full((3, 4), -0.4), grid, name="pearson_r", attrs={"units": "1"})
    second = (first + 0.7).assign_attrs(first.attrs).expand_dims(member=2)
    axes = plot_correlations({"towers": first, "dual": second})
    assert [ax.get_title(loc="left") for ax in axes] == ["towers", "dual", "dual - towers"]
    shown = [np.asarray(ax.collections[0].get_array()).ravel() for ax in axes]
    np.testing.assert_allclose(shown[2], 0.7)
    assert "synthetic" not in bars(axes)
    made = {name: first.assign_attrs(synthetic="a test") for name in ("towers", "dual")}
    assert bars(plot_correlations(made)).count("synthetic") == 3
    with pytest.raises(InputError, match="two maps"):
        plot_correlations({"towers": first})
