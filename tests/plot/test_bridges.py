from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import LogNorm

import xflux
from xflux.errors import InputError
from xflux.plot.bridges import plot_bridge, plot_stability
from xflux.regional.bridge import RegionalBridge


@pytest.fixture(scope="module")
def truth():
    earth = xflux.twin.Earth(resolution=10.0, start="2001", end="2004")
    return earth.truth[["nee", "land_fraction", "cell_area"]].load()


@pytest.fixture(scope="module")
def bands(truth):
    return xflux.latitude_bands(truth, edges=(-30, 0, 30))


@pytest.fixture(scope="module")
def bridge(truth, bands):
    return RegionalBridge(anomaly_r2=0.0, r2=0.8).fit(truth, bands)


def marks(ax):
    """The marks of each region, which follow the tint of regions."""
    return ax.collections[1:]


def test_every_contributing_pixel_is_a_mark_of_its_weight(bridge):
    made = bridge.to_dataset()
    drawn = marks(plot_bridge(bridge))
    assert len(drawn) == 2
    for k, shown in enumerate(drawn):
        there = np.isfinite(made.weight[k].values)
        places = np.column_stack([made.lon[k].values[there], made.lat[k].values[there]])
        np.testing.assert_allclose(shown.get_offsets(), places)
        weight = np.abs(made.weight[k].values[there])
        np.testing.assert_allclose(shown.get_sizes() / weight, shown.get_sizes()[0] / weight[0])


def test_regions_are_tinted_where_they_have_land(bridge, truth):
    tint = np.ma.getmaskarray(plot_bridge(bridge).collections[0].get_array())
    land = (truth.land_fraction > 0) & (abs(truth.lat) < 30)
    assert int((~tint).sum()) == int(land.sum())


def test_the_legend_tells_pixels_and_how_well_they_do(bridge):
    made = bridge.to_dataset()
    ax = plot_bridge(bridge)
    (first, second) = (text.get_text() for text in ax.get_legend().get_texts())
    assert first.startswith(f"30S-0: {int(made.n_pixels[0])} of {int(made.region_pixels[0])}, ")
    assert f"{float(made.r2_cv[1]):.3f}" in second
    named = made.assign_coords(names=("region", ["Far_South", "North"]))
    assert plot_bridge(named).get_legend().get_texts()[0].get_text().startswith("Far South: ")
    assert plot_bridge(bridge, legend=False).get_legend() is None
    assert "synthetic" in ax.get_title(loc="left").lower()
    assert "million km2" in ax.get_title(loc="left")


def test_a_weight_below_0_is_open(bridge):
    made = bridge.to_dataset()
    made["weight"] = abs(made.weight)
    made.weight[0, 1] *= -1.0
    ax = plot_bridge(made)
    faces = marks(ax)[0].get_facecolors()
    assert faces[1][3] == 0.0
    assert faces[0][3] == 1.0
    assert "open: a weight below 0" in " ".join(ax.get_title(loc="left").split())
    made["weight"] = abs(made.weight)
    assert "open" not in plot_bridge(made).get_title(loc="left")


def test_longitudes_from_0_are_drawn_from_180_west(bridge, truth, bands):
    turned = [one.assign_coords(lon=np.mod(one.lon, 360.0)).sortby("lon") for one in (truth, bands)]
    other = RegionalBridge(anomaly_r2=0.0, r2=0.8).fit(*turned)
    for shown in marks(plot_bridge(other)):
        assert (np.abs(shown.get_offsets()[:, 0]) <= 180.0).all()


def test_a_mean_year_shows_the_score_of_what_was_fitted(bridge):
    made = bridge.to_dataset()
    made["r2_cv"] = made.r2_cv * np.nan
    assert "fitted" in plot_bridge(made).get_legend().get_texts()[0].get_text()


@pytest.mark.filterwarnings("ignore:the pixels of:xflux.XfluxWarning")
def test_many_regions_stay_apart(truth):
    mask = xflux.latitude_bands(truth, edges=range(-50, 71, 10))
    ds = RegionalBridge(pixels=1, clusters=1, anomaly_r2=0.0, r2=0.0).fit(truth, mask)
    drawn = marks(plot_bridge(ds))
    looks = {
        (tuple(np.round(shown.get_facecolors()[0], 3)), shown.get_paths()[0].vertices.size)
        for shown in drawn
    }
    assert len(looks) == len(drawn) == 12


def test_axes_go_in_and_come_out(bridge, truth, bands):
    _, (left, right) = plt.subplots(1, 2)
    assert plot_bridge(bridge, ax=left) is left
    assert plot_stability(bridge.stability(truth, bands, n=3), ax=right) is right


def test_draws_are_counted_in_a_logarithmic_scale(bridge, truth, bands):
    found = bridge.stability(truth, bands, n=5)
    ax = plot_stability(found)
    (mesh,) = ax.collections
    assert isinstance(mesh.norm, LogNorm)
    assert (mesh.norm.vmin, mesh.norm.vmax) == (1.0, 5.0)
    values = mesh.get_array()
    assert int(values.sum()) == int(found["count"].sum())
    assert int(values.mask.sum()) == int((found["count"] == 0).sum())
    title = ax.get_title(loc="left")
    assert "5 draws" in title
    assert f"{100 * float(found.jaccard.mean()):.0f} %" in title
    ax.figure.canvas.draw()
    assert "1" in [text.get_text() for text in ax.figure.axes[1].get_xticklabels()]


def test_what_is_no_bridge_is_refused(truth, bridge):
    with pytest.raises(InputError, match="no weights of a bridge"):
        plot_bridge(truth)
    with pytest.raises(InputError, match="not fitted"):
        plot_bridge(RegionalBridge())
    with pytest.raises(InputError, match="counts no draws"):
        plot_stability(truth)
