"""Yearly totals of fluxes and stocks with trends, beside references."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from budgets import grid, totals

from xflux.carbon.budget import budget
from xflux.errors import InputError
from xflux.labels.attach import attributes
from xflux.plot.trends import plot_trends


def with_stock():
    ds = grid()
    years = np.arange(2001, 2007)
    cells = ds.gpp.isel(time=0, drop=True).expand_dims(year=years)
    growing = xr.DataArray(1.0 + 0.01 * np.arange(6), coords={"year": years})
    ds["cVeg"] = (1000.0 * cells * growing).assign_attrs(attributes("cVeg", ("year",)))
    return ds


def line(ax, which=0):
    solid = [one for one in ax.get_lines() if one.get_marker() == "o"]
    return np.asarray(solid[which].get_xdata()), np.asarray(solid[which].get_ydata())


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_fluxes_and_stocks_have_a_panel_each_with_their_own_unit() -> None:
    ds = with_stock()
    axes = ds.flux.plot.trends(["gpp", "nee", "cVeg"])
    years, values = line(axes[0])
    np.testing.assert_array_equal(years, np.arange(2001, 2007))
    np.testing.assert_allclose(values, totals(ds, "gpp")[0])
    labels = [ax.get_ylabel() for ax in axes]
    assert labels == ["Pg C per year", "Pg C per year", "Pg C"]
    assert axes[1].get_title(loc="left") == "NEE (+ to the atmosphere)"
    found = budget(ds)
    slope = found.cVeg_trend.item()
    dashed = next(one for one in axes[2].get_lines() if one.get_marker() != "o")
    (x0, x1), (y0, y1) = dashed.get_xdata(), dashed.get_ydata()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(slope)
    assert "a year, p < 0.001" in texts(axes[2])[0]


def test_all_of_the_dataset_is_drawn_unless_named() -> None:
    axes = plot_trends(budget(with_stock()))
    assert len(axes) == 4


def reach(ax):
    (band,) = ax.collections
    return band.get_paths()[0].get_extents()


def said(ax):
    return ax.figure.get_suptitle().replace("\n", " ")


def test_bounds_of_cells_are_no_band_and_bounds_of_totals_are() -> None:
    ds = with_stock()
    for end, factor in (("_lower", 0.9), ("_upper", 1.2)):
        ds[f"gpp{end}"] = (factor * ds.gpp).assign_attrs(ds.gpp.attrs)
    (ax,) = ds.flux.plot.trends("gpp")
    assert not ax.collections
    assert "band" not in said(ax)
    with pytest.raises(InputError, match="no bound of the sum"):
        ds.flux.plot.trends("gpp_lower")
    found = budget(ds, variables=["gpp"])
    (ax,) = plot_trends(found.assign(gpp_lower=0.9 * found.gpp, gpp_upper=1.2 * found.gpp))
    total = totals(ds, "gpp")[0].values
    assert reach(ax).y0 == pytest.approx(0.9 * total.min())
    assert reach(ax).y1 == pytest.approx(1.2 * total.max())
    assert "ands: lower to upper bounds of the totals" in said(ax)


def test_scenarios_are_a_band_between_their_totals_around_their_mean() -> None:
    ds = with_stock()
    # Each is low where the other is high: bounds of cells would say more than any world.
    warm = xr.where(ds.lat > 0, 1.5, 0.5)
    worlds = xr.concat([0.0 * warm + 0.9, warm, 2.0 - warm], dim="scenario")
    worlds = worlds.assign_coords(scenario=["mean", "low", "high"])
    for name in ("gpp", "cVeg"):
        ds[name] = (worlds * ds[name]).assign_attrs(ds[name].attrs)
    axes = ds.flux.plot.trends(["gpp", "nee", "cVeg"])
    for ax, name in zip(axes, ("gpp", "nee", "cVeg"), strict=True):
        total = budget(ds)[name].isel(region=0)
        if name == "nee":
            assert not ax.collections
            continue
        np.testing.assert_allclose(line(ax)[1], total.sel(scenario="mean"))
        assert reach(ax).y0 == pytest.approx(total.min().item())
        assert reach(ax).y1 == pytest.approx(total.max().item())
    assert "ean scenario, and range of the totals over scenario (n = 3)" in said(axes[0])


def test_the_range_of_scenarios_without_a_mean_is_around_their_median() -> None:
    ds = with_stock()
    scenarios = xr.concat([k * budget(ds)[["gpp"]] for k in (0.5, 1.0, 1.1)], dim="scenario")
    scenarios.gpp.attrs = budget(ds).gpp.attrs
    (ax,) = plot_trends(scenarios, ["gpp"], spread="scenario", interval=0.5)
    total = totals(ds, "gpp")[0]
    np.testing.assert_allclose(line(ax)[1], total)
    assert reach(ax).y0 == pytest.approx(0.5 * total.min().item())


def test_the_spread_of_members_is_a_range_of_quantiles() -> None:
    ds = with_stock()
    members = xr.concat([k * budget(ds)[["gpp"]] for k in (0.9, 1.0, 1.1)], dim="member")
    members.gpp.attrs = budget(ds).gpp.attrs
    (ax,) = plot_trends(members, ["gpp"], spread="member", interval=0.5)
    np.testing.assert_allclose(line(ax)[1], totals(ds, "gpp")[0])
    assert "50 % range over member" in said(ax)


def test_a_reference_is_drawn_in_our_unit_and_years() -> None:
    ds = with_stock()
    ours = budget(ds)
    other = xr.Dataset(
        {"gpp": ("year", 1000.0 * np.arange(1.0, 9.0), {"units": "Tg"})},
        coords={"year": np.arange(1999, 2007)},
    )
    axes = plot_trends(ours, ["gpp", "cVeg"], reference={"table": other}, label="ours")
    years, values = line(axes[0], 1)
    np.testing.assert_array_equal(years, np.arange(2001, 2007))
    np.testing.assert_allclose(values, np.arange(3.0, 9.0))
    assert texts(axes[0])[0].startswith("ours: ")
    assert texts(axes[0])[1].startswith("table: ")
    unnamed = plot_trends(ours, ["gpp", "cVeg"], reference={"table": other})
    assert texts(unnamed[0])[0].startswith("this budget: ")
    colours = [text.get_color() for text in unnamed[0].texts]
    assert colours == [one.get_color() for one in unnamed[0].get_lines() if one.get_marker() == "o"]
    assert ":" not in texts(unnamed[1])[0]
    assert len(texts(axes[1])) == 1
    late = other.assign_coords(year=other.year + 100)
    with pytest.raises(InputError, match="share no year"):
        plot_trends(ours, ["gpp"], reference={"late": late})


def test_a_reference_that_is_another_flux_is_refused() -> None:
    ours = budget(with_stock())
    other = ours.copy()
    other["nee"] = ours.nee.assign_attrs(flux_definition="nee+fire")
    with pytest.raises(InputError, match=r"nee\+fire"):
        plot_trends(ours, ["nee"], reference={"inversion": other})
    turned = ours.assign(nee=(-ours.nee).assign_attrs(ours.nee.attrs, positive="down"))
    (ax,) = plot_trends(ours, ["nee"], reference={"turned": turned})
    np.testing.assert_allclose(line(ax, 1)[1], line(ax)[1])


def test_four_years_have_no_trend_and_none_is_spoken_of() -> None:
    (ax,) = with_stock().isel(time=slice(48)).flux.plot.trends("gpp")
    assert said(ax) == "Mean; a trend needs 5 whole years"
    assert "a year" not in texts(ax)[0]
    assert len(ax.get_lines()) == 1


def test_a_constant_series_has_no_digits_of_rounding() -> None:
    found = budget(with_stock())
    steady = (0.0 * found.gpp + 0.1 + [0.0, 1e-17, -1e-17, 0.0, 1e-17, 0.0]).assign_attrs(
        found.gpp.attrs
    )
    (ax,) = plot_trends(found.assign(gpp=steady), ["gpp"])
    assert texts(ax) == ["0.1000, +0 a year"]


def test_one_of_several_regions_is_chosen_and_axes_go_through() -> None:
    ds = with_stock()
    found = budget(ds, ds.zone)
    with pytest.raises(InputError, match="4 regions"):
        plot_trends(found)
    _, given = plt.subplots()
    (ax,) = plot_trends(found, ["gpp"], region="Tropics", axes=given)
    assert ax is given
    np.testing.assert_allclose(line(ax)[1], found.gpp.sel(region=2))
    with pytest.raises(InputError, match="no region 'Mars'"):
        plot_trends(found, region="Mars")


def test_what_cannot_be_drawn_is_refused() -> None:
    found = budget(with_stock())
    with pytest.raises(InputError, match="no yearly totals"):
        plot_trends(found, ["npp"])
    with pytest.raises(InputError, match="spread='member'"):
        plot_trends(found, spread="member")
    with pytest.raises(InputError, match="expected 2"):
        plot_trends(found, ["gpp", "nee"], axes=plt.gca())
    with pytest.raises(InputError, match="no yearly totals to draw"):
        plot_trends(xr.Dataset())
