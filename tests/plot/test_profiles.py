"""Maps with means by longitude and latitude at the margins."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from budgets import LAT, LON, grid

from xflux.errors import GridMismatchError, InputError
from xflux.labels.grid import cell_area
from xflux.plot.profiles import plot_profiles


def drawn(ax, which=0):
    line = ax.get_lines()[which]
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def test_margins_are_means_weighted_by_area() -> None:
    ds = grid()
    ax, above, beside = plot_profiles(ds.gpp.drop_vars("land_fraction", errors="ignore"))
    mean = ds.gpp.mean("time")
    area = cell_area(ds)
    by_lon = (mean * area).sum("lat") / area.where(mean.notnull()).sum("lat")
    lon, values = drawn(above)
    np.testing.assert_allclose(lon, LON)
    np.testing.assert_allclose(values, by_lon, rtol=1e-9)
    values, lat = drawn(beside)
    np.testing.assert_allclose(lat, LAT)
    np.testing.assert_allclose(values, mean.mean("lon"), rtol=1e-9)
    assert above.get_xlim() == ax.get_xlim()
    assert beside.get_ylim() == ax.get_ylim()
    assert "Mean over 2001 to 2006" in above.get_title(loc="left")


def test_a_long_title_is_wrapped_and_takes_nothing_from_the_map() -> None:
    gpp = grid().gpp
    laws = {f"a_long_name_of_a_coordinate_{k}": 1000.0 * k for k in range(4)}
    sizes = []
    for array in (gpp, gpp.assign_coords(laws)):
        ax, above, _ = plot_profiles(array)
        ax.figure.canvas.draw()
        sizes.append(ax.get_position().size * ax.figure.get_size_inches())
    np.testing.assert_allclose(sizes[1], sizes[0], atol=0.05)
    assert len(above.get_title(loc="left").splitlines()) >= 2
    right = above.title.axes._left_title.get_window_extent().x1
    assert right < ax.figure.bbox.x1


def test_land_fraction_weighs_where_the_dataset_has_it() -> None:
    ds = grid()
    _, above, beside = ds.flux.plot.profiles("gpp")
    mean = ds.gpp.mean("time")
    weights = (ds.land_fraction * cell_area(ds)).where(mean.notnull())
    np.testing.assert_allclose(
        drawn(above)[1], (mean * weights).sum("lat") / weights.sum("lat"), rtol=1e-9
    )
    np.testing.assert_allclose(
        drawn(beside)[0], (mean * weights).sum("lon") / weights.sum("lon"), rtol=1e-9
    )


def test_longitudes_from_0_to_360_are_drawn_where_the_map_has_them() -> None:
    ds = grid()
    turned = ds.assign_coords(lon=ds.lon % 360).sortby("lon")
    first, second = plot_profiles(ds.gpp), plot_profiles(turned.gpp)
    for a, b in zip(drawn(first[1]), drawn(second[1]), strict=True):
        np.testing.assert_allclose(a, b)


def test_references_are_drawn_over_the_cells_that_both_have() -> None:
    ds = grid()
    other = (2.0 * ds.gpp).where(ds.lat > 0).assign_attrs(ds.gpp.attrs)
    _, above, beside = ds.flux.plot.profiles("gpp", reference={"double": other}, label="half")
    np.testing.assert_allclose(drawn(above, 1)[1], 2 * drawn(above)[1])
    assert np.isnan(drawn(beside)[0][LAT < 0]).all()
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["half", "double"]


def test_axes_in_axes_out_and_what_is_computed_is_small(computed: list[int]) -> None:
    ds = grid()
    _, axes = plt.subplots(1, 3)
    given = plot_profiles(ds.gpp.chunk(time=12), axes=axes)
    assert list(given) == list(axes)
    assert sum(computed) <= 2 * LAT.size * LON.size
    assert len(computed) == 1


def test_what_has_no_profiles_is_refused() -> None:
    ds = grid()
    with pytest.raises(InputError, match="row and column"):
        plot_profiles(ds.zone)
    with pytest.raises(InputError, match="expected 3"):
        plot_profiles(ds.gpp, axes=[plt.gca()])
    with pytest.raises(InputError, match="no option"):
        plot_profiles(ds.gpp, col="time")
    with pytest.raises(GridMismatchError):
        plot_profiles(ds.gpp, reference={"other": ds.gpp.assign_coords(lat=LAT + 1)})
    with pytest.raises(InputError, match="one unit"):
        plot_profiles(ds.gpp, reference={"other": ds.gpp.assign_attrs(units="kg m-2 s-1")})
    places = {"lat": ("site", [1.0, 2.0, 3.0]), "lon": ("site", [1.0, 2.0, 3.0])}
    sites = xr.DataArray(np.ones(3), dims="site", name="gpp", coords=places)
    with pytest.raises(InputError, match="one dimension each"):
        plot_profiles(sites)


@pytest.mark.parametrize("name", ["cell_area", "land_fraction"])
def test_a_lazy_grid_with_its_areas_as_coordinates_weighs(name: str) -> None:
    ds = grid()
    ds["cell_area"] = cell_area(ds)
    # Made by a task, into which the weights would be fused.
    lazy = ds.chunk(time=12).assign({name: (1.0 * ds[name].chunk()).assign_attrs(ds[name].attrs)})
    lazy = lazy.set_coords([name])
    expected = drawn(plot_profiles(ds.gpp, grid=ds)[1])
    for array in (ds.gpp, lazy.gpp, ds.gpp.assign_coords({name: lazy[name]})):
        np.testing.assert_allclose(drawn(plot_profiles(array, grid=lazy)[1]), expected, rtol=1e-9)
    # Of totals and boxes too.
    from_lazy, from_memory = (one.flux.plot.budget("gpp") for one in (lazy, ds))
    np.testing.assert_allclose(drawn(from_lazy), drawn(from_memory), rtol=1e-9)


def test_a_grid_that_is_not_that_of_the_map_is_refused() -> None:
    ds = grid()
    with pytest.raises(GridMismatchError, match="grid"):
        plot_profiles(ds.gpp, grid=ds.isel(lat=slice(2, None)))
