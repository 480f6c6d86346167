from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

import xflux
from xflux.errors import InputError
from xflux.plot.attribution import plot_attribution
from xflux.plot.causal_graph import plot_causal_graph


@pytest.fixture(scope="module")
def ds():
    earth = xflux.twin.Earth(resolution=10.0, start="2001", end="2008")
    return earth.drivers.merge(earth.truth[["gpp", "reco"]], compat="override").load()


@pytest.fixture(scope="module")
def found(ds):
    mask = (ds.land_fraction > 0.0).astype(int) + (ds.lat > 0.0).astype(int)
    mask.attrs = {"flag_values": [1, 2, 3], "flag_meanings": "south north none"}
    return xflux.attribute(ds, regions=mask, draws=200)


def test_every_flux_has_a_panel_and_every_driver_a_row(found):
    axes = plot_attribution(found)
    assert [ax.get_title(loc="left") for ax in axes] == ["GPP", "RECO", "NEP"]
    axes[0].figure.canvas.draw()
    rows = [label.get_text() for label in axes[0].get_yticklabels()]
    assert "Shortwave radiation" in rows
    assert all(rows)
    # A gram respired is a gram less of NEP, of which no interval tells.
    assert "RECO" not in rows


def test_intervals_are_those_of_the_posterior(found):
    (ax,) = plot_attribution(found.sel(region=[2]), target="gpp")
    drawn = {tuple(np.round(line[:, 0], 9)) for lines in ax.collections
             for line in lines.get_segments()}  # fmt: skip
    low, _, high = found.effects.sel(region=2, child="gpp", parent="ta", effect="total").values
    assert (round(low, 9), round(high, 9)) in drawn


def test_axes_go_in_and_come_out(found):
    _, given = plt.subplots(1, 2)
    assert list(plot_attribution(found, ax=given, target=["gpp", "reco"])) == list(given)
    with pytest.raises(InputError, match="2 axes for 3 targets"):
        plot_attribution(found, ax=given)


def test_ranks_are_called_association(ds):
    axes = plot_attribution(xflux.attribute(ds, method="rank"))
    assert "ssociation, not effect" in axes[0].figure.get_suptitle()
    assert "synthetic" in axes[0].figure.get_suptitle()


def test_carbon_dioxide_is_said_to_be_trend(found):
    assert "CO2: little but trend" in plot_attribution(found)[0].figure.get_suptitle()


@pytest.mark.parametrize(
    ("options", "said"),
    [({"target": "le"}, "no child"), ({"effect": "whole"}, "effect='whole'")],
)
def test_wrong_options_are_refused(found, options, said):
    with pytest.raises(InputError, match=said):
        plot_attribution(found, **options)


def test_what_holds_no_effects_is_refused(ds, found):
    with pytest.raises(InputError, match="no effects"):
        plot_attribution(ds)
    with pytest.raises(InputError, match=r"no total effect.*status says why"):
        plot_attribution(found.sel(region=[3]))


def test_the_graph_shows_every_arrow_with_its_weight(found):
    ax = plot_causal_graph(found.sel(region=2))
    shown = [text.get_text() for text in ax.texts]
    weight = found.effects.sel(region=2, effect="direct", child="gpp", parent="ta", quantile=0.5)
    assert f"{weight.item():+.2f}".replace("-", "\u2212") in shown
    assert "GPP" in shown
    with pytest.raises(InputError, match="3 places along 'region'"):
        plot_causal_graph(found)


def test_figures_are_methods_of_what_attribution_returns(ds, found):
    axes = found.flux.plot.effects(target=["gpp", "nep"])
    assert [ax.get_title(loc="left") for ax in axes] == ["GPP", "NEP"]
    given = plt.figure().subplots()
    assert found.isel(region=0).flux.plot.graph(ax=given) is given
    assert given.texts
    for draw in (ds.flux.plot.effects, ds.flux.plot.graph):
        with pytest.raises(InputError, match="holds no effects"):
            draw()
    assert ".effects()" in repr(found.flux.plot)
