from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from xflux.errors import GridMismatchError, InputError, UnitsError
from xflux.labels.attach import attributes
from xflux.plot.series import plot_series

TIMES = xr.date_range("2001-01-01", periods=36, freq="MS")


def towers(sites=6):
    """Fluxes of towers in three classes, with gaps."""
    random = np.random.default_rng(5)
    names = [f"S{k}" for k in range(sites)]
    season = 5.0 - 4.0 * np.cos(2.0 * np.pi * np.arange(36) / 12.0)
    gpp = season[None, :] * (1.0 + np.arange(sites))[:, None] + random.normal(size=(sites, 36))
    gpp[0, 4] = np.nan
    coords = {
        "site": names,
        "time": TIMES,
        "igbp": ("site", [["ENF", "DBF", "CRO"][k % 3] for k in range(sites)]),
    }
    ds = xr.Dataset(
        {"gpp": (("site", "time"), gpp), "reco": (("site", "time"), 0.8 * gpp)}, coords=coords
    )
    ds["nee"] = ds.reco - ds.gpp
    for name in ds.data_vars:
        ds[name].attrs = attributes(str(name))
    return ds


def grid(name="gpp"):
    random = np.random.default_rng(7)
    lat, lon = np.linspace(-75.0, 75.0, 6), np.arange(-150.0, 151.0, 60.0)
    values = random.random((36, 6, 6))
    values[:, random.random((6, 6)) < 0.3] = np.nan
    return xr.DataArray(
        values,
        dims=("time", "lat", "lon"),
        coords={"time": TIMES, "lat": lat, "lon": lon},
        name=name,
        attrs=attributes(name),
    )


def drawn(ax):
    """Lines with data, by label."""
    return {
        line.get_label(): np.asarray(line.get_ydata(), float)
        for line in ax.get_lines()
        if len(line.get_xdata()) > 2
    }


def legend(ax):
    found = ax.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def test_axes_in_axes_out():
    _, (left, right) = plt.subplots(1, 2)
    known = plt.get_fignums()
    assert plot_series(towers().gpp, hue="site", ax=right) is right
    assert plt.get_fignums() == known
    assert not left.lines


def test_a_single_series_is_drawn_as_it_is():
    one = towers().gpp.isel(site=1, drop=True)
    ax = plot_series(one)
    (line,) = drawn(ax).values()
    np.testing.assert_allclose(line, one.values, rtol=1e-12)
    assert ax.get_ylabel() == "Gross primary production [g C m-2 d-1]"
    assert legend(ax) == []


def test_fluxes_of_a_dataset_are_lines_of_one_axis():
    ds = towers().isel(site=2, drop=True)
    ax = plot_series(ds)
    assert legend(ax) == ["GPP", "RECO", "NEE"]
    assert ax.get_ylabel() == "Flux [g C m-2 d-1]"
    np.testing.assert_allclose(drawn(ax)["NEE"], ds.nee.values, rtol=1e-12)


def test_variables_of_unlike_units_are_refused():
    ds = towers()
    ds["le"] = ds.gpp.copy().assign_attrs(attributes("le"))
    with pytest.raises(UnitsError, match=r"le in 'W m-2'.*standardize"):
        plot_series(ds)


def test_space_is_averaged_by_area():
    data = grid()
    ax = plot_series(data)
    # Rows of 30 degrees: the area of a cell goes with sin(north) - sin(south).
    rows = np.sin(np.deg2rad(data.lat + 15.0)) - np.sin(np.deg2rad(data.lat - 15.0))
    weights = np.broadcast_to(rows.values[:, None], (6, 6))
    there = np.isfinite(data.values[0])
    expected = (data.values[:, there] * weights[there]).sum(1) / weights[there].sum()
    (line,) = drawn(ax).values()
    np.testing.assert_allclose(line, expected, rtol=1e-10)
    assert ax.get_title(loc="left") == "Area-weighted mean over lat (n = 6) and lon (n = 6)"


def test_land_fraction_weighs_too():
    data = grid().fillna(1.0)
    land = xr.zeros_like(data.isel(time=0, drop=True)).rename("land_fraction")
    land[2, 3] = 1.0
    land.attrs = {"units": "1"}
    ax = plot_series(data, grid=xr.Dataset({"gpp": data, "land_fraction": land}))
    (line,) = drawn(ax).values()
    np.testing.assert_allclose(line, data.values[:, 2, 3], rtol=1e-10)
    assert ax.get_title(loc="left").startswith("Land-area-weighted mean")


def test_rows_without_a_known_height_are_weighed_by_the_cosine():
    data = grid().fillna(1.0).isel(lat=[0, 1, 5])
    ax = plot_series(data)
    expected = data.weighted(np.cos(np.deg2rad(data.lat))).mean(["lat", "lon"])
    (line,) = drawn(ax).values()
    np.testing.assert_allclose(line, expected.values, rtol=1e-10)
    assert "cos(latitude)" in ax.get_title(loc="left")


def test_own_weights_are_used_and_checked():
    data = grid().fillna(1.0)
    only = xr.zeros_like(data.isel(time=0, drop=True))
    only[1, 1] = 2.0
    (line,) = drawn(plot_series(data, weights=only)).values()
    np.testing.assert_allclose(line, data.values[:, 1, 1], rtol=1e-10)
    with pytest.raises(GridMismatchError):
        plot_series(data, weights=only.assign_coords(lat=only.lat + 1.0))
    with pytest.raises(InputError, match="not averaged"):
        plot_series(data, weights=xr.ones_like(data))


@pytest.mark.parametrize("chunks", [{"time": 10}, {"time": 7, "lat": 4, "lon": 5}])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_lazy_data_are_averaged_before_they_are_computed(computed, chunks, dtype):
    data = grid().astype(dtype)
    (lazy,) = drawn(plot_series(data.chunk(chunks))).values()
    assert computed == [36]
    (eager,) = drawn(plot_series(data)).values()
    np.testing.assert_allclose(lazy, eager, rtol=1e-12)
    (double,) = drawn(plot_series(grid())).values()
    np.testing.assert_allclose(eager, double, rtol=1e-6)


def test_several_lazy_fluxes_are_computed_at_once(computed):
    ds = towers().chunk({"time": 10, "site": 4})
    plot_series(ds)
    assert computed == [3 * 36]


def test_groups_are_averaged():
    ds = towers()
    ax = plot_series(ds.gpp, hue="igbp")
    assert legend(ax) == ["CRO", "DBF", "ENF"]
    expected = ds.gpp.groupby("igbp").mean().sel(igbp="ENF")
    np.testing.assert_allclose(drawn(ax)["ENF"], expected.values, rtol=1e-12)
    assert ax.get_title(loc="left") == "Mean over up to 6 sites, by igbp"


def test_classes_of_cells_are_averaged_by_area(computed):
    data = grid()
    codes = xr.DataArray(
        np.tile([1, 1, 4, 4, 12, 12], (6, 1)),
        dims=("lat", "lon"),
        coords={"lat": data.lat, "lon": data.lon},
        name="igbp",
        attrs=attributes("igbp"),
    )
    ax = plot_series(data.chunk({"lat": 4}), hue=codes)
    assert legend(ax) == ["ENF", "DBF", "CRO"]
    (alone,) = drawn(plot_series(data.where(codes == 4))).values()
    np.testing.assert_allclose(drawn(ax)["DBF"], alone, rtol=1e-12)
    assert len(computed) == 1


def test_the_mean_year():
    one = towers().gpp.isel(site=0, drop=True)
    ax = plot_series(one, x="month")
    expected = one.groupby("time.month").mean()
    (line,) = drawn(ax).values()
    np.testing.assert_allclose(line, expected.values, rtol=1e-12)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == list("JFMAMJJASOND")
    assert ax.get_title(loc="left") == "Mean year of 2001 to 2003"


def test_a_mean_year_in_the_data_needs_no_dates():
    year = towers().gpp.isel(site=0, drop=True).groupby("time.month").mean()
    (line,) = drawn(plot_series(year)).values()
    np.testing.assert_allclose(line, year.values, rtol=1e-12)


def test_years_are_lines_of_the_mean_year():
    one = towers().gpp.isel(site=1, drop=True)
    ax = plot_series(one, x="month", hue="year")
    assert legend(ax) == ["2001", "2002", "2003"]
    np.testing.assert_allclose(drawn(ax)["2002"], one.values[12:24], rtol=1e-12)


def test_years_that_are_not_whole_are_left_out():
    one = towers().gpp.isel(site=1, drop=True).copy()
    one[24:30] = np.nan
    (line,) = drawn(plot_series(one, x="year")).values()
    assert np.isfinite(line).tolist() == [True, True, False]
    np.testing.assert_allclose(line[0], one.values[:12].mean(), rtol=1e-12)


def test_seasons_follow_the_year():
    ax = plot_series(towers().gpp, x="season")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["DJF", "MAM", "JJA", "SON"]


def test_the_spread_is_a_band_of_quantiles_around_the_median():
    data = towers().gpp
    ax = plot_series(data, spread="site", interval=0.5)
    (line,) = drawn(ax).values()
    np.testing.assert_allclose(line, data.median("site").values, rtol=1e-12)
    corners = ax.collections[0].get_paths()[0].vertices[:, 1]
    quartiles = data.quantile([0.25, 0.75], "site").values
    for quartile in quartiles.ravel():
        assert np.isclose(corners, quartile, rtol=1e-9).any()
    assert "50 % range over up to 6 sites" in ax.get_title(loc="left")


def test_the_spread_between_years():
    one = towers().gpp.isel(site=1, drop=True)
    ax = plot_series(one, x="month", spread="time")
    expected = one.groupby("time.month").median()
    (line,) = drawn(ax).values()
    np.testing.assert_allclose(line, expected.values, rtol=1e-12)


def test_the_spread_within_groups():
    data = towers(9).gpp
    ax = plot_series(data, hue="igbp", spread="site")
    expected = data.isel(site=[0, 3, 6]).median("site")
    np.testing.assert_allclose(drawn(ax)["ENF"], expected.values, rtol=1e-12)
    assert len(ax.collections) == 3


def test_many_lines_recede_behind_their_median():
    data = towers(30).gpp
    ax = plot_series(data, hue="site")
    assert legend(ax) == ["median of 30 (site)"]
    np.testing.assert_allclose(
        drawn(ax)["median of 30 (site)"], data.median("site").values, rtol=1e-12
    )


def test_panels_show_what_their_title_says():
    ds = towers()
    panes = plot_series(ds, col="site", x="month")
    axes = [ax for ax in panes.axs.flat if ax.get_visible()]
    assert [ax.get_title(loc="left") for ax in axes] == [f"S{k}" for k in range(6)]
    expected = ds.gpp.sel(site="S3").groupby("time.month").mean()
    np.testing.assert_allclose(drawn(axes[3])["GPP"], expected.values, rtol=1e-12)
    assert panes.fig.get_supylabel() == "Flux [g C m-2 d-1]"


def test_variables_can_be_panels():
    panes = plot_series(towers(), row="variable", col="site")
    assert panes.axs.shape == (3, 6)


def test_values_between_gaps_are_shown():
    values = np.array([1.0, np.nan, 2.0, np.nan, 3.0, 4.0])
    data = xr.DataArray(values, dims="time", coords={"time": TIMES[:6]}, name="gpp")
    ax = plot_series(data)
    dots = [line for line in ax.get_lines() if line.get_marker() == "."]
    assert dots[0].get_ydata().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("calendar", ["noleap", "360_day"])
def test_dates_of_any_calendar_are_drawn(calendar):
    times = xr.date_range("2001-01-01", periods=24, freq="MS", calendar=calendar, use_cftime=True)
    data = xr.DataArray(np.arange(24.0), dims="time", coords={"time": times}, name="gpp")
    ax = plot_series(data)
    assert ax.get_lines()[0].get_xdata()[12] == pytest.approx(2002.0)
    assert calendar in ax.get_xlabel()


def test_colours_by_label():
    ax = plot_series(towers(), colors={"gpp": "#123456"})
    colours = {line.get_label(): line.get_color() for line in ax.get_lines()}
    assert colours["GPP"] == "#123456"
    with pytest.raises(InputError, match="no lines"):
        plot_series(towers(), colors={"npp": "red"})
    with pytest.raises(InputError, match="2 colors for 3 lines"):
        plot_series(towers(), colors=["red", "blue"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": "depth"}, "no dimension 'depth'"),
        ({"spread": "member"}, "no dimension"),
        ({"spread": "site", "hue": "site"}, "shown by"),
        ({"spread": "site", "interval": 90}, "between 0 and 1"),
        ({"hue": "site", "col": "site"}, "must differ"),
        ({"hue": "igbp", "col": "site"}, "show already"),
    ],
)
def test_wrong_options_say_what_to_do(options, message):
    with pytest.raises(InputError, match=message):
        plot_series(towers().gpp, **options)


@pytest.mark.filterwarnings("error")
def test_nothing_to_draw_is_an_error():
    for empty in (towers().gpp * np.nan, towers().gpp.isel(time=slice(0, 0)), grid() * np.nan):
        with pytest.raises(InputError, match="no finite value"):
            plot_series(empty)
    with pytest.raises(InputError, match="no variable"):
        plot_series(xr.Dataset())


def test_the_input_stays_lazy():
    data = grid().chunk({"time": 6})
    plot_series(data)
    assert data.chunks is not None


@pytest.mark.real
def test_the_mean_year_of_a_real_tower(data):
    (path,) = (data / "towers/icos_ww2020").glob("FLX_DE-Tha_*_MM_*.csv.gz")
    table = pd.read_csv(path, usecols=["TIMESTAMP", "GPP_NT_VUT_REF"], na_values=-9999)
    time = pd.to_datetime(table.TIMESTAMP.astype(str), format="%Y%m")
    gpp = xr.DataArray(table.GPP_NT_VUT_REF, dims="time", coords={"time": time.to_numpy()})
    gpp = gpp.rename("gpp").assign_attrs(attributes("gpp"))
    (line,) = drawn(plot_series(gpp, x="month")).values()
    expected = table.GPP_NT_VUT_REF.groupby(time.dt.month).mean()
    np.testing.assert_allclose(line, expected.to_numpy(), rtol=1e-12)


def test_a_title_never_runs_over_the_edge():
    coords = {f"setting_{k}": f"a rather long value of the number {k}" for k in range(8)}
    data = towers().gpp.isel(site=0).assign_coords(coords)
    ax = plot_series(data)
    ax.figure.canvas.draw()
    box = ax.title.get_window_extent() if ax.get_title() else ax._left_title.get_window_extent()
    assert len(ax.get_title(loc="left").splitlines()) > 1
    assert box.x1 <= ax.figure.bbox.x1
    assert box.y1 <= ax.figure.bbox.y1
