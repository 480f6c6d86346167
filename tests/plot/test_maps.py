from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from xflux.errors import InputError, MissingVariableError
from xflux.labels.attach import attributes
from xflux.plot.maps import plot_map


def grid(name="gpp", times=24, lats=18, lons=36, **attrs):
    """A flux on a global grid, the oceans NaN."""
    random = np.random.default_rng(3)
    lat = np.linspace(-85.0, 85.0, lats)
    lon = np.linspace(-175.0, 175.0, lons)
    values = 5.0 * np.cos(np.deg2rad(lat))[:, None] + random.normal(size=(times, lats, lons))
    values = np.where(random.random((lats, lons)) < 0.6, np.nan, values)
    return xr.DataArray(
        values,
        dims=("time", "lat", "lon"),
        coords={
            "time": xr.date_range("2001-01-01", periods=times, freq="MS"),
            "lat": lat,
            "lon": lon,
        },
        name=name,
        attrs={**attributes(name), **attrs},
    )


def mesh(ax):
    return ax.collections[0]


def bar_label(figure):
    bars = [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]
    return " ".join(bar.get_xlabel() + bar.get_ylabel() for bar in bars)


def test_axes_in_axes_out():
    figure, (left, right) = plt.subplots(1, 2)
    known = plt.get_fignums()
    assert plot_map(grid(), ax=right) is right
    assert plt.get_fignums() == known
    assert not left.collections
    assert right.figure is figure


def test_a_figure_is_made_without_axes():
    ax = plot_map(grid())
    assert isinstance(ax, plt.Axes)


def test_a_subfigure_may_hold_the_axes():
    sub = plt.figure().subfigures(1, 2)[0]
    ax = sub.subplots()
    assert plot_map(grid(), ax=ax) is ax


def test_the_colour_bar_says_what_and_in_which_unit():
    ax = plot_map(grid())
    assert bar_label(ax.figure) == "Gross primary production [g C m-2 d-1]"
    assert bar_label(plot_map(grid(), colorbar=False).figure) == ""


@pytest.mark.parametrize("layout", ["none", "constrained", "tight"])
def test_the_colour_bar_stays_clear_of_the_ticks(layout):
    figure, axes = plt.subplots(2, 2, figsize=(12, 7), layout=layout)
    ax = plot_map(grid(), ax=axes[0, 0])
    figure.draw_without_rendering()
    (bar,) = [other for other in figure.axes if other.get_label() == "<colorbar>"]
    labels = [tick.label1.get_window_extent() for tick in ax.xaxis.get_major_ticks()]
    assert bar.get_window_extent().y1 < min(box.y0 for box in labels)


def test_tiny_numbers_have_their_power_in_the_unit():
    ax = plot_map((grid() * 1e-9).assign_attrs(attributes("gpp", units="kg m-2 s-1")))
    assert bar_label(ax.figure) == "Gross primary production [1e-9 kg C m-2 s-1]"
    ax.figure.draw_without_rendering()
    ticks = [tick.get_text() for tick in ax.figure.axes[1].get_xticklabels()]
    assert ticks[0] == "0"
    assert max(len(tick) for tick in ticks) <= 4


def test_the_title_says_what_was_averaged():
    title = plot_map(grid()).get_title(loc="left")
    assert title == "Mean over 2001 to 2002"
    assert plot_map(grid().isel(time=0)).get_title(loc="left") == "Time = 2001-01-01"
    assert plot_map(grid(), reduce="std").get_title(loc="left").startswith("Standard deviation")


def test_the_mean_over_time_is_drawn():
    data = grid()
    shown = mesh(plot_map(data)).get_array()
    np.testing.assert_allclose(
        np.ma.filled(shown, np.nan).reshape(18, 36), data.mean("time").values, rtol=1e-12
    )


def test_net_fluxes_are_centred_on_zero():
    norm = mesh(plot_map(grid("nee"))).norm
    assert norm.vmin == -norm.vmax
    ax = plot_map(grid("nee"))
    assert "sink" in bar_label(ax.figure)
    assert bar_label(ax.figure).index("sink") < bar_label(ax.figure).index("source")


@pytest.mark.parametrize("chunks", [{"time": 5}, {"time": 7, "lat": 5, "lon": 11}])
def test_lazy_data_are_reduced_before_they_are_computed(computed, chunks):
    data = grid()
    shown = mesh(plot_map(data.chunk(chunks))).get_array()
    # One number more tells whether the cells have all time steps.
    assert computed == [18 * 36 + 1]
    eager = mesh(plot_map(data)).get_array()
    np.testing.assert_allclose(np.ma.filled(shown, np.nan), np.ma.filled(eager, np.nan), rtol=1e-12)


def test_large_grids_are_coarsened_before_they_are_computed(computed):
    lazy = grid(times=1, lats=30, lons=9000).chunk({"lon": 1000})
    ax = plot_map(lazy.isel(time=0, drop=True))
    assert sum(computed) <= 30 * 1500
    assert ax.get_title(loc="left") == "Means of 1 x 6 cells"


def test_coarsening_keeps_the_extent():
    fine = grid(times=1, lats=30, lons=9000).isel(time=0).fillna(1.0)
    ax = plot_map(fine)
    np.testing.assert_allclose(ax.get_xlim(), (-175.0, 175.0), atol=0.1)


def test_panels_share_one_scale_and_one_bar():
    panes = plot_map(grid().isel(time=slice(0, 5)), col="time")
    axes = [ax for ax in panes.axs.flat if ax.get_visible()]
    assert len(axes) == 5
    assert {(mesh(ax).norm.vmin, mesh(ax).norm.vmax) for ax in axes} == {
        (mesh(axes[0]).norm.vmin, mesh(axes[0]).norm.vmax)
    }
    assert bar_label(panes.fig) == "Gross primary production [g C m-2 d-1]"
    assert axes[0].get_title(loc="left") == "2001-01-01"
    first = np.ma.filled(mesh(axes[1]).get_array(), np.nan).reshape(18, 36)
    np.testing.assert_array_equal(first, grid().values[1])


def test_panels_by_row_and_column():
    data = grid(times=6).assign_coords(time=range(6))
    both = xr.concat([data, 2.0 * data], xr.Variable("model", ["A", "B"]))
    panes = plot_map(both.isel(time=slice(0, 3)), row="model", col="time")
    assert panes.axs.shape == (2, 3)
    upper, lower = (np.ma.filled(mesh(ax).get_array(), np.nan) for ax in panes.axs[:, 0])
    np.testing.assert_allclose(lower, 2.0 * upper)


def test_panels_by_season_run_through_the_year(computed):
    data = grid()
    panes = plot_map(data.chunk({"time": 6}), col="time.season")
    titles = [ax.get_title(loc="left") for ax in panes.axs.flat]
    assert titles == ["DJF", "MAM", "JJA", "SON"]
    assert len(computed) == 1
    winter = data.isel(time=data.time.dt.month.isin([12, 1, 2])).mean("time")
    shown = np.ma.filled(mesh(panes.axs.flat[0]).get_array(), np.nan).reshape(18, 36)
    np.testing.assert_allclose(shown, winter.values, rtol=1e-12)


def test_longitudes_from_zero_are_turned_to_greenwich():
    data = grid()
    turned = data.assign_coords(lon=data.lon % 360.0).sortby("lon")
    here, there = (mesh(plot_map(array)).get_array() for array in (data, turned))
    np.testing.assert_array_equal(np.ma.filled(here, np.nan), np.ma.filled(there, np.nan))


def test_a_region_across_180_degrees_stays_whole():
    data = grid().isel(lon=slice(0, 10)).assign_coords(lon=np.arange(170.0, 190.0, 2.0))
    ax = plot_map(data)
    assert ax.get_xlim() == (169.0, 189.0)
    ax.figure.draw_without_rendering()
    assert "175°W" in [tick.get_text() for tick in ax.get_xticklabels()]


def test_maps_of_the_globe_leave_empty_poles_out():
    data = grid().fillna(1.0)
    ax = plot_map(data.where(data.lat > -60.0), projection=None)
    assert ax.get_ylim()[0] == -60.0


def test_curvilinear_grids_are_drawn():
    data = grid(times=1).isel(time=0, lat=slice(6, 12), lon=slice(15, 25)).fillna(1.0)
    lon, lat = np.meshgrid(data.lon, data.lat)
    tilted = data.drop_vars(["lat", "lon"]).rename(lat="y", lon="x")
    tilted = tilted.assign_coords(lat=(("y", "x"), lat + 0.1 * lon), lon=(("y", "x"), lon))
    ax = plot_map(tilted)
    assert mesh(ax).get_array().size == 60
    broken = tilted.assign_coords(lat=tilted.lat.where(tilted.lat > tilted.lat.min()))
    with pytest.raises(InputError, match="holds NaN"):
        plot_map(broken)


def test_projected_grids_are_drawn_with_their_axes():
    data = xr.DataArray(
        np.eye(4), dims=("y", "x"), coords={"x": ("x", np.arange(4.0), {"units": "m"})}
    )
    ax = plot_map(data)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x [m]", "y")


def test_towers_are_drawn_where_they_stand():
    towers = xr.DataArray(
        [[1.0, np.nan, 3.0]],
        dims=("time", "site"),
        coords={"lat": ("site", [50.0, 51.0, 60.0]), "lon": ("site", [5.0, 6.0, 25.0])},
        name="gpp",
        attrs=attributes("gpp"),
    )
    points = mesh(plot_map(towers))
    np.testing.assert_array_equal(points.get_offsets(), [[5.0, 50.0], [25.0, 60.0]])


def test_classes_have_names_and_no_mean():
    codes = grid(times=2).isel(time=0, drop=True).fillna(0.0) * 0.0 + np.arange(36) % 5
    igbp = codes.rename("igbp").assign_attrs(attributes("igbp"))
    ax = plot_map(igbp)
    ax.figure.draw_without_rendering()
    ticks = [tick.get_text() for tick in ax.figure.axes[1].get_xticklabels()]
    assert ticks == ["ENF", "EBF", "DNF", "DBF"]
    with pytest.raises(InputError, match="no mean"):
        plot_map(igbp.expand_dims(time=2))


def test_cells_without_data_are_grey():
    ax = plot_map(grid())
    red, green, blue, _ = ax.get_facecolor()
    assert red == green == blue < 0.95


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_precision_does_not_change_the_limits(dtype):
    norm = mesh(plot_map(grid().astype(dtype))).norm
    expected = mesh(plot_map(grid())).norm
    np.testing.assert_allclose((norm.vmin, norm.vmax), (expected.vmin, expected.vmax), rtol=1e-5)


def test_pint_quantities_are_drawn():
    pint = pytest.importorskip("pint")
    data = grid()
    quantity = data.copy(data=pint.UnitRegistry().Quantity(data.values, "g/m**2/d"))
    del quantity.attrs["units"]
    assert "Gross primary production [g" in bar_label(plot_map(quantity).figure)


@pytest.mark.parametrize("emptied", [lambda a: a * np.nan, lambda a: a.isel(time=slice(0, 0))])
@pytest.mark.filterwarnings("error")
def test_nothing_to_draw_is_an_error(emptied):
    with pytest.raises(InputError, match="no finite value"):
        plot_map(emptied(grid()))


def test_a_mean_of_the_months_that_are_there_is_called_that():
    data = grid().isel(time=slice(0, 12))
    assert plot_map(data).get_title(loc="left") == "Mean over 2001"
    row, column = np.argwhere(data[3].notnull().values)[0]
    data[3, row, column] = np.nan
    assert plot_map(data).get_title(loc="left") == "Mean over 2001, of the time steps present"
    whole = data.where(data.notnull().all("time"))
    assert plot_map(whole).get_title(loc="left") == "Mean over 2001"


def test_the_sea_is_no_gap_in_time():
    data = grid()
    data[:, 4, 5] = np.nan
    assert plot_map(data).get_title(loc="left") == "Mean over 2001 to 2002"


def test_a_tower_without_values_does_not_widen_the_map():
    towers = xr.DataArray(
        [1.0, 2.0, np.nan],
        dims="site",
        coords={"lat": ("site", [50.0, 52.0, 74.0]), "lon": ("site", [5.0, 8.0, -20.0])},
        name="gpp",
        attrs=attributes("gpp"),
    )
    ax = plot_map(towers)
    assert ax.get_ylim()[1] < 53.0
    assert ax.get_xlim()[0] > 4.0


def test_an_empty_region_is_an_error():
    with pytest.raises(InputError, match="no finite value"):
        plot_map(grid().sel(lat=slice(88, 89)))


def test_wrong_options_are_errors():
    with pytest.raises(MissingVariableError, match="assign_coords"):
        plot_map(grid().isel(lat=0, lon=0))
    with pytest.raises(InputError, match="exclude each other"):
        plot_map(grid(), ax=plt.subplots()[1], col="time")
    with pytest.raises(InputError, match="no dimension 'member'"):
        plot_map(grid(), col="member")
    with pytest.raises(InputError, match="'mean', 'std'"):
        plot_map(grid(), reduce="sum")
    with pytest.raises(InputError, match="season"):
        plot_map(grid(), col="time.century")
    with pytest.raises(InputError, match="'auto'"):
        plot_map(grid(), projection="mercator")


def test_the_input_is_left_as_it_was():
    data = grid().chunk({"time": 6})
    before = data.attrs.copy()
    plot_map(data)
    assert data.chunks is not None
    assert data.attrs == before


def test_cartopy_axes_are_used():
    ccrs = pytest.importorskip("cartopy.crs")
    assert isinstance(plot_map(grid()).projection, ccrs.EqualEarth)
    ax = plt.figure().add_subplot(projection=ccrs.Orthographic())
    assert plot_map(grid(), ax=ax) is ax
    assert not hasattr(plot_map(grid(), projection=None), "projection")


@pytest.mark.real
def test_a_real_mean_year_is_drawn_from_one_computation(data, computed):
    with xr.open_dataset(data / "grids/global_1deg/global_monthly_drivers.nc", chunks={}) as ds:
        panes = plot_map(ds.fapar, col="month")
    assert computed == [12 * 180 * 360]
    assert [ax.get_title(loc="left") for ax in panes.axs.flat][0::11] == ["January", "December"]
