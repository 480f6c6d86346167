from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.errors import InputError, MissingVariableError, UnitsError


@pytest.fixture
def ds():
    """A monthly grid by the names of land models, with classes."""
    random = np.random.default_rng(2)
    lat, lon = np.linspace(-75.0, 75.0, 6), np.arange(-165.0, 166.0, 30.0)
    times = xr.date_range("2001-01-01", periods=24, freq="MS")
    shape = (24, 6, 12)
    fluxes = {
        "gpp": ("kg m-2 s-1", 1e-7 * random.random(shape)),
        "fco2nat": ("kg m-2 s-1", 1e-8 * random.normal(size=shape)),
        "tas": ("degC", 30.0 * random.normal(size=shape)),
        "my_index": ("1", random.random(shape)),
    }
    made = xr.Dataset(
        {
            name: (("time", "lat", "lon"), values, {"units": units})
            for name, (units, values) in fluxes.items()
        },
        coords={"time": times, "lat": lat, "lon": lon},
    )
    made["land_fraction"] = (("lat", "lon"), np.full((6, 12), 0.5), {"units": "1"})
    made["igbp"] = (("lat", "lon"), np.tile([1, 4, 12], (6, 4)))
    return made


def bar_label(ax):
    (bar,) = [other for other in ax.figure.axes if other.get_label() == "<colorbar>"]
    return bar.get_xlabel() + bar.get_ylabel()


def test_the_accessor_says_what_it_draws(ds):
    assert "map" in repr(ds.flux.plot)


def test_variables_are_found_by_alias_and_named_by_the_table(ds):
    assert bar_label(ds.flux.plot.map("nee")).startswith("← sink    Net ecosystem exchange [")
    assert bar_label(ds.flux.plot.map("ta")) == "Air temperature [°C]"
    assert bar_label(ds.flux.plot.map("nee", names={"nee": "gpp"})).startswith("← sink")


def test_other_variables_are_drawn_by_their_own_name(ds):
    assert bar_label(ds.flux.plot.map("my_index")) == "my_index [-]"


def test_axes_are_handed_through(ds):
    _, axes = plt.subplots(1, 3)
    assert ds.flux.plot.map("gpp", ax=axes[0]) is axes[0]
    assert ds.flux.plot.series("gpp", ax=axes[1]) is axes[1]
    assert ds.flux.plot.scatter("gpp", ds, ax=axes[2]) is axes[2]


def test_the_unit_is_never_made_up(ds):
    del ds.gpp.attrs["units"]
    assert ds.flux.plot.series("gpp").get_ylabel() == "Gross primary production"


def test_a_missing_variable_says_what_was_looked_for(ds):
    with pytest.raises(MissingVariableError, match=r"'le'.*'LE_F_MDS'.*'my_index'"):
        ds.flux.plot.map("le")
    with pytest.raises(MissingVariableError, match="no variable 'nonsense'"):
        ds.flux.plot.series("nonsense")
    with pytest.raises(MissingVariableError, match="none of gpp, reco, nee"):
        ds[["my_index"]].flux.plot.series()
    with pytest.raises(InputError, match="one variable"):
        ds.flux.plot.map(["gpp", "nee"])


def test_series_draw_the_carbon_fluxes_that_are_there(ds):
    ax = ds.flux.plot.series()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["GPP", "NEE"]
    assert "kg C m-2 s-1" in ax.get_ylabel()
    with pytest.raises(UnitsError):
        ds.flux.plot.series(["gpp", "ta"])


def test_series_know_the_land_of_the_dataset(ds):
    title = ds.flux.plot.series("gpp").get_title(loc="left")
    assert title.startswith("Land-area-weighted mean")


def test_classes_of_the_dataset_are_groups_by_name(ds):
    ax = ds.flux.plot.series("gpp", hue="igbp")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ENF", "DBF", "CRO"]


def test_scatter_against_a_dataset_an_array_or_another_variable(ds):
    truth = ds.assign(gpp=(2.0 * ds.gpp).assign_attrs(ds.gpp.attrs))
    for reference in (truth, truth.gpp, "other"):
        chosen = ds.assign(other=truth.gpp)
        ax = chosen.flux.plot.scatter("gpp", reference)
        slope = [line.get_label() for line in ax.get_lines()][1]
        assert slope.startswith("y = 0.50 x")


def test_scatter_by_classes_of_the_dataset(ds):
    panes = ds.flux.plot.scatter("gpp", ds, col="igbp")
    titles = [ax.get_title(loc="left") for ax in panes.axs.flat if ax.get_visible()]
    assert titles == ["ENF", "DBF", "CRO"]


def test_places_held_as_variables_are_enough():
    towers = xr.Dataset(
        {
            "gpp": (("site", "time"), np.ones((2, 3)), {"units": "g m-2 d-1"}),
            "lat": ("site", [50.0, 60.0]),
            "lon": ("site", [5.0, 25.0]),
        }
    )
    ax = towers.flux.plot.map("gpp")
    assert len(ax.collections[0].get_offsets()) == 2


def test_lazy_datasets_stay_lazy(ds, computed):
    lazy = ds.chunk({"time": 5, "lat": 4})
    lazy.flux.plot.map("gpp")
    lazy.flux.plot.series()
    lazy.flux.plot.scatter("gpp", lazy.gpp)
    assert len(computed) == 3
    assert lazy.gpp.chunks is not None


def test_importing_xflux_imports_no_matplotlib():
    import subprocess
    import sys

    code = (
        "import sys, xarray as xr, xflux, xflux.plot.maps, xflux.plot.series, xflux.plot.scatter\n"
        "xr.Dataset().flux.plot\n"
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert xflux.__version__


def test_a_flux_of_another_unit_is_said_to_be_left_out(ds):
    assert "not drawn" not in ds.flux.plot.series().get_title(loc="left")
    ds["hfls"] = (("time", "lat", "lon"), np.ones((24, 6, 12)), {"units": "W m-2"})
    title = ds.flux.plot.series().get_title(loc="left").replace("\n", " ")
    assert title.endswith("not drawn, in other units: LE (series('le'))")
    assert "not drawn" not in ds.flux.plot.series("gpp").get_title(loc="left")
