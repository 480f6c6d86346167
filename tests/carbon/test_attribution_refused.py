"""What attribution refuses or leaves out, and how it says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from structural_worlds import dataset, grid, world

import xflux
from xflux.carbon.causal_graph import as_graph
from xflux.errors import (
    ChunkError,
    GridMismatchError,
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxWarning,
)

FAST = {"draws": 200}


@pytest.fixture(scope="module")
def series() -> xr.Dataset:
    return dataset(world(1, years=6))


def reason(found: xr.Dataset, child: str = "gpp") -> str:
    return found.status.attrs["flag_meanings"].split()[int(found.status.sel(child=child))]


@pytest.mark.parametrize("missing", [["tsoil"], ["co2"], ["tsoil", "co2", "vpd"]])
def test_climate_that_is_missing_is_left_out_with_a_warning(series, missing):
    with pytest.warns(XfluxWarning, match=f"{missing[0]}.*left out"):
        found = xflux.attribute(series.drop_vars(missing), **FAST)
    assert not {*missing} & {*found.node.values}
    assert found.effects.sel(child="reco", parent="ta", effect="total").notnull().all()


def test_leaving_out_by_hand_is_silent(series):
    found = xflux.attribute(series.drop_vars("tsoil"), as_graph(None).without("tsoil"), **FAST)
    assert "tsoil" not in found.node.values


def test_missing_nodes_of_a_users_graph_are_an_error_that_says_what_to_do(series):
    graph = {"gpp": ("ta", "tsoil", "fapar")}
    with pytest.raises(MissingVariableError, match=r"'tsoil', 'fapar'.*without.'tsoil', 'fapar'"):
        xflux.attribute(series.drop_vars("tsoil"), graph, target="gpp")


def test_missing_fluxes_are_an_error(series):
    with pytest.raises(MissingVariableError, match="'reco'"):
        xflux.attribute(series.drop_vars("reco"))
    assert xflux.attribute(series.drop_vars("reco"), target="gpp", **FAST).status.max() == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"graph": {"gpp": ("tta",)}, "target": "gpp"}, "'tta'.*did you mean.*'ta'"),
        ({"graph": {"gpp": ("swinn",)}, "target": "gpp"}, r"did you mean 'swin'(?! or 'swin')"),
        ({"graph": {"gpp": ("ta",)}}, "lacks reco"),
        ({"graph": {"gpp": ("ta",)}, "target": "reco"}, "'reco' is no node"),
        ({"graph": {"gpp": ("ta",), "ta": ("gpp",)}, "target": "gpp"}, "cycle"),
        ({"graph": {"nep": ("ta",)}, "target": "nep"}, "'nee' for a measured"),
        ({"graph": {"gpp": ("igbp",)}, "target": "gpp"}, "classes"),
        ({"graph": "nee"}, "lacks gpp, reco"),
        ({"target": "swin"}, "nothing acts on it"),
        ({"target": ()}, "target is empty"),
        ({"method": "causal"}, "method='causal'"),
        ({"anomalies": True}, "anomalies=True"),
        ({"scale": "z"}, "scale='z'"),
        ({"prior": 0.0}, "prior=0.0"),
        ({"draws": 10}, "draws=10"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_wrong_options_are_refused(series, options, said):
    with pytest.raises(InputError, match=said):
        xflux.attribute(series, **options)


def test_regions_of_an_unknown_name_say_what_is_there(series):
    with pytest.raises(MissingVariableError, match=r"no variable 'europe'.*'gpp'.*Use 'pixels'"):
        xflux.attribute(series, regions="europe")


def test_fewer_than_three_years_are_refused(series):
    with pytest.raises(InputError, match="35 months, fewer than 3 years"):
        xflux.attribute(series.isel(time=slice(35)))


def test_fewer_than_36_months_with_values_have_no_number(series):
    short = series.assign(reco=series.reco.where(series.time.dt.year < 2003))
    found = xflux.attribute(short, **FAST)
    assert np.isnan(found.effects).all()
    assert reason(found) == "fewer_than_36_months"
    assert found.months == 24


def test_a_constant_node_has_no_number_and_says_why(series):
    found = xflux.attribute(series.assign(p=xr.zeros_like(series.p).assign_attrs(units="mm d-1")))
    assert reason(found) == "a_node_does_not_vary"
    assert np.isnan(found.effects.sel(child="gpp")).all()
    assert found.effects.sel(child="tsoil", effect="total", parent="ta").notnull().all()


def test_parents_that_are_one_have_no_number(series):
    found = xflux.attribute(series.assign(tsoil=series.ta))
    assert reason(found, "reco") == "parents_cannot_be_told_apart"
    assert np.isnan(found.effects.sel(child="nep")).all()
    assert found.effects.sel(child="gpp", effect="total", parent="ta").notnull().all()


def test_too_few_independent_months_have_no_number(series):
    month = np.arange(series.sizes["time"])
    slow = series.assign(
        gpp=("time", 6.0 + ((month - 36.0) / 36.0) ** 2, {"units": "g m-2 d-1"}),
        swin=("time", 180.0 + np.sin(month / 30.0), {"units": "W m-2"}),
    )
    found = xflux.attribute(slow, {"gpp": ("swin",)}, target="gpp", **FAST)
    assert reason(found) == "too_few_independent_months"
    assert np.isnan(found.effects).all()


def test_steps_that_are_no_months_are_refused(series):
    days = series.assign_coords(time=pd.date_range("2001-01-01", periods=series.sizes["time"]))
    with pytest.raises(InputError, match=r"1 days, expected months; take means with .resample"):
        xflux.attribute(days)
    mean = series.isel(time=slice(12)).rename(time="month").assign_coords(month=range(1, 13))
    with pytest.raises(InputError, match="mean year"):
        xflux.attribute(mean)


def test_what_does_not_change_is_no_node(series):
    ds = series.assign(elevation=((), 100.0, {"units": "m"}))
    with pytest.raises(InputError, match="'elevation' has no time"):
        xflux.attribute(ds, {"gpp": ("ta", "elevation")}, target="gpp")


def test_missing_units_are_refused(series):
    with pytest.raises(UnitsError, match="swin"):
        xflux.attribute(series.assign(swin=series.swin.drop_attrs()))


def test_pixels_in_chunks_along_time_are_refused():
    with pytest.raises(ChunkError, match=r"chunk\(.*'time': -1"):
        xflux.attribute(grid().chunk(time=24), regions="pixels")


def test_regions_need_cells_and_their_grid(series):
    mask = xr.DataArray([[1]], dims=("lat", "lon"), coords={"lat": [5.0], "lon": [5.0]})
    with pytest.raises(InputError, match="no cells"):
        xflux.attribute(series, regions=mask)
    other = xr.DataArray(
        np.ones((2, 3), int),
        dims=("lat", "lon"),
        coords={"lat": [6.0, 16.0], "lon": [5.0, 15.0, 25.0]},
    )
    with pytest.raises(GridMismatchError):
        xflux.attribute(grid(), regions=other)
