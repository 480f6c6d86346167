from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from budgets import (
    grid,
    heights,
    line,
    members,
    rows,
    title,
    totals,
    widths,
)
from guards import counting, no_compute

import xflux
from xflux.errors import GridMismatchError, InputError, MissingVariableError, UnitsError
from xflux.labels.attach import attributes
from xflux.labels.grid import cell_area
from xflux.labels.integral import integrate
from xflux.plot.budget import plot_budget


def test_years_have_the_days_of_their_calendar():
    for calendar, days in (("standard", [365, 365, 365, 366]), ("noleap", [365] * 4)):
        ds = grid(48, calendar)
        ds["gpp"] = (2.0 * xr.ones_like(ds.gpp)).assign_attrs(attributes("gpp"))
        years, drawn = line(ds.flux.plot.budget("gpp"), "GPP")
        area = float((cell_area(ds) * ds.land_fraction).sum())
        np.testing.assert_allclose(drawn, 2e-15 * area * np.array(days), rtol=1e-12)
        assert years.tolist() == [2001, 2002, 2003, 2004]


def test_an_area_and_a_land_fraction_of_the_dataset_count():
    ds = grid().assign(cell_area=xr.full_like(grid().land_fraction, 1e12))
    ds.cell_area.attrs = {"units": "m2"}
    _, drawn = line(ds.flux.plot.budget("gpp"), "GPP")
    expected = integrate(ds.gpp, area=ds.cell_area, land_fraction=ds.land_fraction, freq="YS")
    np.testing.assert_allclose(drawn, expected.isel(region=0).values, rtol=1e-12)
    assert "area x land fraction" in title(ds.flux.plot.budget("gpp"))
    without = ds.drop_vars("land_fraction").flux.plot.budget("gpp")
    assert "whole cells (no land_fraction)" in title(without)


def test_units_of_a_model_are_converted():
    ds = grid()
    model = ds.assign(
        gpp=(ds.gpp * 1e-3 / 86400.0).assign_attrs(units="kg m-2 s-1", long_name="GPP")
    )
    _, expected = line(ds.flux.plot.budget("gpp"), "GPP")
    _, drawn = line(model.flux.plot.budget("gpp"), "GPP")
    np.testing.assert_allclose(drawn, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("units", "factor", "printed"),
    [("TgC", 1e3, "Tg C"), ("GtC", 1.0, "Gt C"), ("PgCO2", 44.0095 / 12.0107, "Pg CO2")],
)
def test_amounts_are_in_the_unit_asked_for(units, factor, printed):
    ds = grid()
    ax = ds.flux.plot.budget("gpp", units=units)
    np.testing.assert_allclose(
        line(ax, "GPP")[1], factor * line(ds.flux.plot.budget("gpp"), "GPP")[1], rtol=1e-9
    )
    assert ax.get_ylabel() == f"Flux [{printed} per year]".replace("Flux", "GPP")


def test_a_region_without_values_is_named_and_left_out():
    ds = grid()
    ds["gpp"] = ds.gpp.where(ds.zone != 3)
    ax = ds.flux.plot.budget("gpp", regions="zone")
    assert "North" not in rows(ax)
    assert "without any value: North" in title(ax)


def test_the_share_of_the_area_without_values_is_said():
    ds = grid()
    land = (cell_area(ds) * ds.land_fraction).where(ds.gpp.isel(time=0).isnull()).sum()
    share = 100 * float(land / (cell_area(ds) * ds.land_fraction).sum())
    assert f"{share:.2g} % of the area has no values" in title(ds.flux.plot.budget("gpp"))
    assert "no values" not in title(ds.fillna(1.0).flux.plot.budget("gpp"))


def test_a_year_that_is_not_whole_is_left_out_and_said():
    ds = grid(65)
    years, drawn = line(ds.flux.plot.budget("gpp"), "GPP")
    assert years.tolist() == list(range(2001, 2006))
    assert np.isfinite(drawn).all()
    assert "left out, as not whole: 2006" in title(ds.flux.plot.budget("gpp"))


def test_a_gap_between_years_breaks_the_line():
    ds = grid()
    ds["gpp"] = ds.gpp.where(ds.time.dt.year != 2003)
    ax = ds.flux.plot.budget("gpp")
    assert np.isnan(line(ax, "GPP")[1]).tolist() == [False, False, True, False, False, False]
    assert "left out, as not whole: 2003" in title(ax)


def test_a_field_without_time_stands_for_a_year():
    ds = grid().mean("time", keep_attrs=True)
    ax = ds.flux.plot.budget("gpp")
    expected = integrate(ds.gpp, area=cell_area(ds), land_fraction=ds.land_fraction, days=365.25)
    np.testing.assert_allclose(widths(ax), expected.values, rtol=1e-12)
    with pytest.raises(InputError, match="rate at time"):
        grid().isel(time=0).flux.plot.budget("gpp")


@pytest.mark.parametrize("calendar", ["noleap", "360_day"])
def test_months_of_any_calendar_are_drawn(calendar):
    at, drawn = line(grid(24, calendar).flux.plot.budget("gpp", freq="MS"), "GPP")
    assert at[12] == pytest.approx(2002 + 0.5 / 12)
    assert np.isfinite(drawn).all()


def test_members_that_are_not_shown_are_averaged_and_said():
    ds = members()
    ax = ds.flux.plot.budget("gpp")
    expected = totals(ds, "gpp").isel(region=0).mean("member")
    np.testing.assert_allclose(line(ax, "GPP")[1], expected.values, rtol=1e-12)
    assert "mean over member (n = 7)" in title(ax)


@pytest.mark.parametrize(("units", "factor"), [("PgC", 1.0), ("TgC", 1e3), ("Pg", 1.0)])
def test_amounts_that_were_integrated_before_are_drawn_alike(units, factor):
    ds = grid()
    yearly = totals(ds, "gpp", regions=ds.zone)
    amounts = (yearly * factor).assign_attrs(units=units).to_dataset(name="gpp")
    expected = ds.flux.plot.budget("gpp", regions="zone")
    drawn = amounts.flux.plot.budget()
    assert rows(drawn) == rows(expected)
    np.testing.assert_allclose(widths(drawn), widths(expected), rtol=1e-12)
    one = amounts.isel(region=1).flux.plot.budget()
    np.testing.assert_allclose(line(one, "GPP")[1], yearly.isel(region=1).values, rtol=1e-12)
    assert "Tropics" in title(one)


def test_monthly_amounts_are_summed_into_whole_years():
    ds = grid(65)
    monthly = integrate(ds.nee, area=cell_area(ds), land_fraction=ds.land_fraction, freq="MS")
    ax = plot_budget(monthly)
    expected = totals(ds, "nee").isel(region=0).values[:5]
    np.testing.assert_allclose(heights(ax), expected, rtol=1e-9)
    assert "2006" in title(ax)


def test_amounts_by_year_need_no_dates():
    yearly = xr.DataArray(
        [1.0, 2.0, 4.0], dims="year", coords={"year": [2001, 2002, 2003]}, name="gpp",
        attrs={"units": "PgC"},
    )  # fmt: skip
    years, drawn = line(plot_budget(yearly), "GPP")
    assert years.tolist() == [2001, 2002, 2003]
    assert drawn.tolist() == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("options", [{}, {"regions": "zone"}, {"col": "region"}, {"freq": "MS"}])
def test_a_budget_is_computed_once(options):
    lazy = grid().chunk({"time": 5, "lat": 4, "lon": 7})
    lazy["zone"] = lazy.zone.compute()
    with counting() as computed:
        lazy.flux.plot.budget(**options)
    assert len(computed) == 1
    assert lazy.gpp.chunks is not None


def test_only_sums_are_computed(computed):
    grid().chunk({"time": 5, "lat": 4}).flux.plot.budget("gpp")
    # Six yearly totals, and for each the share of the area without values.
    assert computed == [12]


def test_lazy_and_eager_totals_are_equal():
    ds = grid()
    lazy = line(ds.chunk({"time": 7, "lat": 4}).flux.plot.budget("gpp"), "GPP")[1]
    np.testing.assert_allclose(lazy, line(ds.flux.plot.budget("gpp"), "GPP")[1], rtol=1e-12)


def test_mistakes_are_found_before_anything_is_computed():
    lazy = grid().chunk({"time": 5})
    wrong = (
        ({"spread": "member"}, "'member' is no dimension"),
        ({"row": "depth"}, "'depth' is no dimension"),
        ({"col": "time"}, "'time' is no dimension"),
        ({"freq": "QS"}, "freq='QS'"),
        ({"units": "W"}, "units='W' is no amount"),
        ({"interval": 90}, "between 0 and 1"),
        ({"col": "region", "ax": plt.figure().subplots()}, "exclude"),
    )
    with no_compute():
        for options, message in wrong:
            with pytest.raises(InputError, match=message):
                lazy.flux.plot.budget("gpp", **options)


def test_other_fluxes_have_no_budget_of_carbon():
    ds = grid()
    ds["le"] = ds.gpp.copy().assign_attrs(attributes("le"))
    with pytest.raises(UnitsError, match=r"le \[W m-2\] is no flux or stock.*series\('le'\)"):
        ds.flux.plot.budget("le")
    upper, _ = ds.flux.plot.budget()
    assert "not drawn, in other units: LE" in title(upper)


@pytest.mark.parametrize("units", ["W m-2", "PgC yr-1", "m"])
def test_other_units_are_refused(units):
    with pytest.raises(UnitsError, match="expected a flux per area"):
        plot_budget(grid().gpp.assign_attrs(units=units), grid=grid())
    with pytest.raises(UnitsError, match="None"):
        plot_budget(grid().gpp.drop_attrs(), grid=grid())


def test_what_has_no_area_is_refused():
    towers = xr.DataArray(
        np.ones((2, 24)), dims=("site", "time"), coords={"time": grid(24).time}, name="gpp",
        attrs=attributes("gpp"),
    )  # fmt: skip
    with pytest.raises(InputError, match="only grids have an area"):
        plot_budget(towers)
    with pytest.raises(InputError, match="amount in each cell"):
        plot_budget(grid().gpp.assign_attrs(units="kg"))


def test_regions_are_not_cut_from_amounts():
    yearly = totals(grid(), "gpp")
    with pytest.raises(InputError, match="integrated already"):
        plot_budget(yearly, regions=grid().zone)
    with pytest.raises(InputError, match="single stamp"):
        plot_budget(yearly.isel(time=[0]))
    assert widths(plot_budget(yearly.isel(time=0))) == [yearly.values[0, 0]]


def test_masks_must_lie_on_the_grid():
    ds = grid()
    with pytest.raises(GridMismatchError):
        ds.flux.plot.budget("gpp", regions=ds.zone.assign_coords(lat=ds.lat + 1.0))
    with pytest.raises(MissingVariableError, match="no variable 'continents'"):
        ds.flux.plot.budget("gpp", regions="continents")


def test_no_whole_year_is_an_error_that_says_so():
    with pytest.raises(InputError, match="no year has a total"):
        grid(7).flux.plot.budget()
    with pytest.raises(InputError, match="no year has a total"):
        grid().assign(gpp=grid().gpp.where(False)).flux.plot.budget("gpp")
    with pytest.raises(MissingVariableError, match="none of gpp, reco, nee"):
        grid()[["zone"]].flux.plot.budget()


@pytest.mark.real
def test_totals_of_the_real_globe(data):
    path = data / "grids" / "global_1deg" / "global_monthly_drivers.nc"
    ds = xflux.open_drivers(path).flux.baseline(gpp=xflux.PModel(co2=400.0))
    ax = ds.flux.plot.budget()
    gpp, reco, nee = widths(ax)
    assert 95 < gpp < 160
    assert nee == pytest.approx(reco - gpp, abs=0.01)
    left, _ = ds.flux.plot.budget(regions=ds.transcom.where(ds.transcom <= 11).compute())
    assert len(rows(left)) == 11
    assert sum(widths(left)) <= gpp
