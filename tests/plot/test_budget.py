from __future__ import annotations

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from budgets import (
    bars,
    figure_title,
    grid,
    heights,
    legend,
    line,
    members,
    rows,
    title,
    totals,
    widths,
)
from guards import counting
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex

import xflux
from xflux.errors import InputError
from xflux.labels.attach import attributes
from xflux.labels.grid import cell_area
from xflux.labels.integral import integrate
from xflux.plot.budget import plot_budget
from xflux.plot.signs import SINK, SOURCE


def test_gross_fluxes_are_lines_and_net_ones_bars_below():
    ds = grid()
    upper, lower = ds.flux.plot.budget()
    for name in ("gpp", "reco"):
        years, drawn = line(upper, name.upper())
        assert years.tolist() == list(range(2001, 2007))
        np.testing.assert_allclose(drawn, totals(ds, name).isel(region=0).values, rtol=1e-12)
    np.testing.assert_allclose(heights(lower), totals(ds, "nee").isel(region=0).values, rtol=1e-9)
    assert upper.get_ylabel() == "Flux [Pg C per year]"
    assert lower.get_ylabel().startswith("NEE [Pg C per year]")


def test_the_legend_says_mean_variability_and_trend():
    ds = grid()
    yearly = totals(ds, "gpp").isel(region=0).values
    (said,) = legend(ds.flux.plot.budget("gpp"))
    name, mean, iav, trend = said.splitlines()
    slope, error = np.polyfit(np.arange(6), yearly, 1, cov="unscaled")
    residual = yearly - np.polyval(slope, np.arange(6))
    spread = np.sqrt((residual**2).sum() / 4.0 * error[0, 0])
    assert name == "GPP"
    assert float(mean.split()[1]) == pytest.approx(yearly.mean(), rel=0.01)
    assert float(iav.split()[1]) == pytest.approx(yearly.std(ddof=1), rel=0.05)
    assert float(trend.split()[1]) == pytest.approx(slope[0], rel=0.05)
    assert float(trend.split()[3]) == pytest.approx(spread, rel=0.05)
    assert trend.endswith("a year")


def test_the_trend_is_drawn_from_five_years_on():
    drawn = grid(60).flux.plot.budget("gpp")
    (straight,) = [
        one for one in drawn.get_lines() if len(one.get_xdata()) == 2 and one.is_dashed()
    ]
    yearly = totals(grid(60), "gpp").isel(region=0).values
    slope, start = np.polyfit(np.arange(5), yearly, 1)
    np.testing.assert_allclose(straight.get_ydata(), [start, start + 4 * slope], rtol=1e-9)
    assert "trend" not in legend(grid(48).flux.plot.budget("gpp"))[0]
    assert "trend" not in legend(grid(60).flux.plot.budget("gpp", trend=False))[0]


def test_a_sink_is_green_and_a_source_brown_whatever_the_sign():
    nee = totals(grid(), "nee").isel(region=0)
    nee = (nee - nee.mean()).assign_attrs(units="Pg").rename("nee")
    nep = (-nee).drop_attrs().assign_attrs(units="Pg").rename("nep")
    for flux, source in ((nee, 1.0), (nep, -1.0)):
        ax = plot_budget(flux)
        for bar in bars(ax):
            expected = SOURCE if bar.get_height() * source > 0 else SINK
            assert to_hex(bar.get_facecolor()) == expected
    assert plot_budget(nee).get_ylabel().splitlines()[1] == "← sink   source →"
    assert plot_budget(nep).get_ylabel().splitlines()[1] == "← source   sink →"
    assert legend(plot_budget(nee))[0].startswith("NEE (+ to the atmosphere)")
    assert legend(plot_budget(nep))[0].startswith("NEP (+ to the land)")


def test_a_direction_in_the_attributes_comes_before_that_of_the_table():
    nee = totals(grid(), "nee").isel(region=0).rename("nee").assign_attrs(positive="down")
    assert legend(plot_budget(nee))[0].startswith("NEE (+ to the land)")


def test_several_net_fluxes_have_their_own_colours():
    ds = grid()
    ds["nbp"] = (-0.5 * ds.nee).assign_attrs(attributes("nbp"))
    ax = ds.flux.plot.budget(["nee", "nbp"])
    assert len(line(ax, "NEE (+ to the atmosphere)")[0]) == 6
    assert len(line(ax, "NBP (+ to the land)")[0]) == 6
    assert "sink" not in ax.get_ylabel()


def test_regions_are_bars_by_name_the_largest_first():
    ds = grid()
    left, right = ds.flux.plot.budget(regions="zone")
    means = {name: totals(ds, name, regions=ds.zone).mean("time") for name in ("gpp", "nee")}
    order = np.argsort(-means["gpp"].values)
    named = ["South", "Tropics", "North", "Far North"]
    assert rows(left) == [named[k] for k in order]
    np.testing.assert_allclose(widths(left), means["gpp"].values[order], rtol=1e-12)
    np.testing.assert_allclose(widths(right), means["nee"].values[order], rtol=1e-9)
    assert legend(left) == ["GPP", "RECO"]
    assert "sink" in right.get_xlabel()
    assert "NEE is positive to the atmosphere" in figure_title(left)
    assert "mean of 2001 to 2006" in figure_title(left)


def test_net_fluxes_of_regions_run_from_sink_to_source():
    ds = grid()
    ax = ds.flux.plot.budget("nee", regions="zone")
    assert widths(ax) == sorted(widths(ax))


def test_whiskers_are_the_variability_between_years():
    ds = grid()
    ax = ds.flux.plot.budget("gpp", regions="zone")
    yearly = totals(ds, "gpp", regions=ds.zone)
    order = np.argsort(-yearly.mean("time").values)
    mean, sd = (part.values[order] for part in (yearly.mean("time"), yearly.std("time", ddof=1)))
    ends = np.array([path.vertices[:, 0] for path in ax.collections[0].get_paths()])
    np.testing.assert_allclose(ends, np.stack([mean - sd, mean + sd], axis=-1), rtol=1e-9)
    assert "IAV" in title(ax)


def test_classes_of_the_dataset_are_regions():
    ds = grid()
    codes = np.where(ds.zone == 1, 1, np.where(ds.zone == 2, 12, 0))
    ds["igbp"] = (("lat", "lon"), codes.astype("i1"), attributes("igbp"))
    assert sorted(rows(ds.flux.plot.budget("gpp", regions="igbp"))) == ["CRO", "ENF"]


def test_regions_without_a_name_are_numbered():
    ds = grid()
    del ds.zone.attrs["flag_meanings"]
    assert "region 3" in rows(plot_budget(ds.gpp, grid=ds, regions=ds.zone))


def test_of_very_many_regions_the_largest_are_drawn():
    random = np.random.default_rng(1)
    amounts = xr.DataArray(
        random.random(177), dims="region", coords={"region": np.arange(177)}, name="gpp",
        attrs={"units": "PgC"},
    )  # fmt: skip
    ax = plot_budget(amounts)
    np.testing.assert_allclose(widths(ax), np.sort(amounts.values)[::-1][:40])
    assert "largest 40 of 177" in title(ax)


def test_a_mean_year_is_one_bar_a_flux():
    ds = grid(12).assign_coords(month=("time", np.arange(1, 13))).swap_dims(time="month")
    ds = ds.drop_vars("time")
    ax = ds.flux.plot.budget()
    expected = [float(totals(ds, name).squeeze()) for name in ("gpp", "reco", "nee")]
    np.testing.assert_allclose(widths(ax), expected, rtol=1e-9)
    assert rows(ax) == ["GPP", "RECO", "NEE\n(+ to the atmosphere)"]
    assert title(ax).startswith("Totals of a mean year")


def test_a_single_year_says_which():
    ax = grid(12).flux.plot.budget()
    assert len(bars(ax)) == 3
    assert "2001" in title(ax)


def test_totals_of_months_have_yearly_numbers_in_the_legend():
    ds = grid()
    ax = ds.flux.plot.budget("gpp", freq="MS")
    monthly = integrate(ds.gpp, area=cell_area(ds), land_fraction=ds.land_fraction, freq="MS")
    at, drawn = line(ax, "GPP")
    np.testing.assert_allclose(drawn, monthly.isel(region=0).values, rtol=1e-12)
    assert at[:2].tolist() == pytest.approx([2001 + 0.5 / 12, 2001 + 1.5 / 12])
    assert ax.get_ylabel() == "GPP [Pg C per month]"
    yearly = legend(ds.flux.plot.budget("gpp"))[0].splitlines()
    mean = legend(ax)[0].splitlines()
    assert mean == [yearly[0], f"{yearly[1]} a year", *yearly[2:]]


def test_the_spread_of_members_is_a_band_around_the_median():
    ds = members()
    upper, lower = ds.flux.plot.budget(spread="member", interval=0.5)
    yearly = totals(ds, "gpp").isel(region=0)
    np.testing.assert_allclose(line(upper, "GPP")[1], yearly.median("member").values, rtol=1e-12)
    corners = upper.collections[0].get_paths()[0].vertices[:, 1]
    for quartile in yearly.quantile([0.25, 0.75], "member").values.ravel():
        assert np.isclose(corners, quartile, rtol=1e-9).any()
    nee = totals(ds, "nee").isel(region=0).quantile([0.25, 0.75], "member").values
    whiskers = [path.vertices[:, 1] for path in lower.collections[0].get_paths()]
    np.testing.assert_allclose(whiskers, nee.T, rtol=1e-9)
    assert "50 % range over member (n = 7)" in title(upper)
    assert " to " in legend(upper)[0].splitlines()[1]


def test_a_straight_series_has_no_digits_of_rounding():
    ds = with_stock()
    straight = (xr.DataArray(0.1, coords=ds.cVeg.coords) * (1 + 0.1 * (ds.year - 2001))).where(
        ds.cVeg.notnull()
    )
    ds["cVeg"] = (1e4 * straight).assign_attrs(ds.cVeg.attrs)
    said = legend(ds.flux.plot.budget("cVeg"))[0]
    assert "± 0 a year" in said
    assert "000000" not in said


@pytest.mark.filterwarnings("error")
def test_a_spread_without_a_trend_computes_nothing_of_nothing():
    ds = members().isel(time=slice(48))
    ds["nee"] = ds.nee.where(ds.time.dt.year > 2001)
    upper, _ = ds.flux.plot.budget(spread="member")
    assert "trend" not in legend(upper)[0]


def test_whiskers_of_regions_are_the_interval_over_members():
    ds = members()
    ax = ds.flux.plot.budget("gpp", regions="zone", spread="member")
    means = totals(ds, "gpp", regions=ds.zone).mean("time")
    middle = means.median("member").values
    order = np.argsort(-middle)
    np.testing.assert_allclose(widths(ax), middle[order], rtol=1e-12)
    ends = np.array([path.vertices[:, 0] for path in ax.collections[0].get_paths()])
    np.testing.assert_allclose(
        ends, means.quantile([0.05, 0.95], "member").values.T[order], rtol=1e-9
    )


def test_a_panel_for_each_region():
    ds = grid()
    panes = ds.flux.plot.budget("nee", regions="zone", col="region")
    expected = totals(ds, "nee", regions=ds.zone)
    shown = [ax for ax in panes.axs.flat if ax.get_visible()]
    assert [ax.get_title(loc="left") for ax in shown] == ["South", "Tropics", "North", "Far North"]
    for ax, one in zip(shown, expected.values, strict=True):
        np.testing.assert_allclose(heights(ax), one, rtol=1e-9)
    assert panes.fig.get_supylabel().startswith("NEE [Pg C per year]")


def test_panels_by_variable_have_scales_of_their_own():
    panes = grid().flux.plot.budget(regions="zone", row="variable", col="region")
    assert panes.axs.shape == (3, 4)
    assert panes.axs[0, 0].get_ylim() != panes.axs[2, 0].get_ylim()


def test_axes_in_axes_out():
    ds = grid()
    _, (left, right) = plt.subplots(1, 2)
    known = plt.get_fignums()
    assert ds.flux.plot.budget(ax=left) is left
    assert plt.get_fignums() == known
    assert not right.lines
    assert len(bars(left)) == 6
    assert len(line(left, "GPP")[0]) == 6
    assert ds.flux.plot.budget("gpp", regions="zone", ax=right) is right


def test_a_legend_inside_covers_no_data():
    _, ax = plt.subplots()
    grid().flux.plot.budget("nee", ax=ax)
    ax.figure.canvas.draw()
    low = ax.transData.inverted().transform(ax.get_legend().get_window_extent())[0, 1]
    assert low > max(0.0, *heights(ax))


def test_importing_imports_no_matplotlib():
    code = "import sys, xflux.plot.budget; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_pair_of_axes_takes_gross_and_net_fluxes():
    _, pair = plt.subplots(2, 1)
    assert grid().flux.plot.budget(ax=pair) is pair
    assert len(bars(pair[1])) == 6
    with pytest.raises(InputError, match="holds 2 axes, expected 1"):
        grid().flux.plot.budget("gpp", ax=pair)


def test_months_of_several_regions_need_panels():
    with pytest.raises(InputError, match="col='region'"):
        grid().flux.plot.budget("gpp", regions="zone", freq="MS")
    panes = grid().flux.plot.budget("gpp", regions="zone", freq="MS", col="region")
    assert panes.axs.size == 4


def test_colours_by_name():
    ax = grid().flux.plot.budget("nee", colors={"nee": "#123456"})
    assert to_hex(ax.get_lines()[0].get_color()) == "#123456"
    with pytest.raises(InputError, match="not drawn"):
        grid().flux.plot.budget("nee", colors={"gpp": "red"})


@pytest.mark.parametrize("options", [{}, {"regions": "zone"}, {"col": "region"}, {"freq": "MS"}])
def test_nothing_runs_over_the_edge(options):
    found = grid().flux.plot.budget(**options)
    figure = found.fig if hasattr(found, "fig") else np.ravel(found)[0].figure
    figure.canvas.draw()
    for ax in figure.axes:
        box = ax.get_tightbbox()
        assert min(box.x0, box.y0) >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1


def test_a_reference_is_a_grey_line_over_the_years_of_one_region():
    ds = grid()
    table = xr.Dataset(
        {"nee": ("year", np.linspace(-2.0, -3.0, 8), {"units": "Pg", "positive": "up"})},
        coords={"year": np.arange(2000, 2008)},
    )
    axes = ds.flux.plot.budget(reference={"table": table})
    years, values = line(axes[1], "table")
    np.testing.assert_array_equal(years, np.arange(2001, 2007))
    np.testing.assert_allclose(values, np.linspace(-2.0, -3.0, 8)[1:7])
    with pytest.raises(InputError, match="one region"):
        ds.flux.plot.budget("nee", regions="zone", reference={"table": table})
    with pytest.raises(InputError, match="hold none of gpp"):
        ds.flux.plot.budget("gpp", reference={"table": table})
    table["nee"].attrs["flux_definition"] = "nee+fire"
    with pytest.raises(InputError, match="add or subtract"):
        ds.flux.plot.budget("nee", reference={"table": table})


def with_stock(**options):
    """Fluxes, and wood that grows by a percent of its first year each year."""
    ds = grid(**options)
    years = np.unique(ds.time.dt.year)
    growing = xr.DataArray(1.0 + 0.01 * np.arange(years.size), coords={"year": years})
    stock = 1000.0 * ds.gpp.isel(time=0, drop=True) * growing
    ds["cVeg"] = stock.transpose("year", ...).assign_attrs(attributes("cVeg", ("year",)))
    return ds


def test_stocks_are_lines_on_a_scale_of_their_own():
    ds = with_stock()
    axes = ds.flux.plot.budget(["gpp", "nee", "cVeg"])
    assert len(axes) == 3
    assert [ax.get_ylabel().split("\n")[0] for ax in axes] == [
        "GPP [Pg C per year]", "NEE [Pg C per year]", "cVeg [Pg C]",
    ]  # fmt: skip
    years, values = line(axes[2], "cVeg")
    np.testing.assert_array_equal(years, np.arange(2001, 2007))
    np.testing.assert_allclose(values, xflux.budget(ds)["cVeg"].isel(region=0))
    assert values[-1] / values[0] == pytest.approx(1.05)
    alone = ds.flux.plot.budget("cVeg")
    np.testing.assert_allclose(line(alone, "cVeg")[1], values)


def test_monthly_stocks_are_means_of_years_and_not_sums():
    ds = with_stock()
    monthly = ds.cVeg.sel(year=ds.time.dt.year).drop_vars("year").transpose("time", ...)
    at_months = ds.assign(cVeg=monthly.assign_attrs(attributes("cVeg")))
    drawn = [line(one.flux.plot.budget("cVeg"), "cVeg")[1] for one in (ds, at_months)]
    np.testing.assert_allclose(*drawn)
    region = xflux.budget(ds, variables=["cVeg"])["cVeg"]
    np.testing.assert_allclose(line(region.to_dataset().flux.plot.budget("cVeg"), "cVeg")[1],
                               drawn[0])  # fmt: skip
    with pytest.raises(InputError, match="cVeg: stocks are drawn by year"):
        ds.flux.plot.budget("cVeg", freq="MS")


def test_stocks_of_regions_stand_beside_the_fluxes():
    ds = with_stock()
    axes = ds.flux.plot.budget(["gpp", "cVeg"], regions="zone")
    assert [ax.get_xlabel() for ax in axes] == ["GPP [Pg C per year]", "cVeg [Pg C]"]
    by_zone = xflux.budget(ds, ds.zone).cVeg_mean
    np.testing.assert_allclose(sorted(widths(axes[1])), np.sort(by_zone.values))
    single = ds.isel(time=slice(12), year=[0]).flux.plot.budget(["gpp", "cVeg"])
    assert len(single) == 2


def test_one_ax_has_no_scale_for_fluxes_and_stocks():
    ds = with_stock()
    with pytest.raises(InputError, match="unlike units"):
        ds.flux.plot.budget(["gpp", "cVeg"], ax=plt.figure().subplots())
    with pytest.raises(InputError, match="in two figures"):
        ds.flux.plot.budget(["gpp", "cVeg"], regions="zone", col="region")
    panes = ds.flux.plot.budget("cVeg", regions="zone", col="region")
    assert panes.fig.get_supylabel() == "cVeg [Pg C]"


def test_lower_and_upper_bounds_of_totals_are_bands():
    ds = with_stock()
    found = xflux.budget(ds, variables=["gpp", "reco", "nee"])
    found = found[["gpp", "reco", "nee"]].squeeze(drop=True)
    found["year"] = pd.to_datetime([f"{year}-01-01" for year in found.year.values])
    found = found.rename(year="time")
    for name in ("gpp", "nee"):
        for end, factor in (("_lower", 0.9), ("_upper", 1.2)):
            found[f"{name}{end}"] = (factor * found[name]).assign_attrs(found[name].attrs)
    upper, lower = found.flux.plot.budget(["gpp", "reco", "nee"])
    (band,) = [one for one in upper.collections if isinstance(one, PolyCollection)]
    reach = band.get_paths()[0].get_extents()
    total = line(upper, "GPP")[1]
    np.testing.assert_allclose([reach.y0, reach.y1], [0.9 * total.min(), 1.2 * total.max()])
    assert any(isinstance(one, LineCollection) for one in lower.collections)
    assert "ands: lower to upper bounds of the totals" in title(upper)
    assert len(line(upper, "RECO")[1]) == 6


def test_bounds_of_cells_are_no_bands():
    ds = with_stock()
    ds["gpp_lower"], ds["gpp_upper"] = ds.gpp, ds.gpp
    ax = ds.flux.plot.budget("gpp")
    assert not [*ax.collections]
    assert "band" not in title(ax)
    for wanted in ("gpp_lower", ["gpp", "gpp_upper"]):
        with pytest.raises(InputError, match="no bound of the sum"):
            ds.flux.plot.budget(wanted)


def test_scenarios_are_a_band_between_their_totals():
    ds = with_stock()
    warm = xr.where(ds.lat > 0, 1.5, 0.5)
    worlds = xr.concat([0.0 * warm + 0.9, warm, 2.0 - warm], dim="scenario")
    ds["cVeg"] = (worlds * ds.cVeg).assign_attrs(ds.cVeg.attrs)
    ds = ds.assign_coords(scenario=["mean", "low", "high"])
    total = xflux.budget(ds, variables=["cVeg"]).cVeg.isel(region=0)
    with counting() as computed:
        upper, stock = ds.chunk(time=24).flux.plot.budget(["gpp", "cVeg"])
    assert len(computed) == 1
    (band,) = [one for one in stock.collections if isinstance(one, PolyCollection)]
    reach = band.get_paths()[0].get_extents()
    np.testing.assert_allclose([reach.y0, reach.y1], [total.min(), total.max()])
    np.testing.assert_allclose(line(stock, "cVeg")[1], total.sel(scenario="mean"))
    assert "ean scenario, and range of the totals over scenario (n = 3)" in title(upper)
    # What does not differ between scenarios has no range.
    assert " to " in legend(stock)[0]
    assert " to " not in legend(upper)[0]
    panes = ds.flux.plot.budget("cVeg", col="scenario")
    assert "range of the totals" not in panes.fig.get_suptitle()
    ax = ds.flux.plot.budget("cVeg", regions="zone")
    assert "range of the totals over scenario" in title(ax)
