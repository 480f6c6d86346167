"""Tiles: a model is run for each class of land cover, and summed by the shares of cells."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import counting, no_compute

import xflux
from xflux.errors import GridMismatchError, InputError
from xflux.labels.class_fractions import fractions_of_map

CODES = xflux.variables["igbp"].classes


class Told:
    """A model whose fluxes say which class it was told of; of urban land it knows nothing."""

    def apply(self, ds, *, interval=None, members=False):
        code = ds["igbp"].where(ds["igbp"] != CODES["URB"])
        flux = (ds["ta"] * code).astype(ds["ta"].dtype)
        made = {name: flux.assign_attrs(units="x", comment="of class") for name in ("gpp", "le")}
        if interval is not None:
            made |= {"gpp_lower": flux - 1.0, "gpp_upper": flux + 1.0}
        if members:
            made = {"gpp": xr.concat([flux, flux + 1.0], "member")}
        return xr.Dataset(made)


@pytest.fixture
def ds():
    rng = np.random.default_rng(0)
    ta = rng.uniform(5.0, 20.0, (6, 2, 3)).astype("f4")
    return xr.Dataset(
        {"ta": (("time", "lat", "lon"), ta, {"units": "degC"}),
         "LC_Type1": (("lat", "lon"), np.full((2, 3), 4.0))},
        coords={"time": np.arange(6), "lat": [10.0, 20.0], "lon": [0.0, 1.0, 2.0]},
    )  # fmt: skip


def tiles(ds, **shares):
    made = [xr.full_like(ds["ta"].isel(time=0, drop=True), value) for value in shares.values()]
    return xr.concat(made, "class").assign_coords({"class": list(shares)}).drop_attrs()


def test_fluxes_are_summed_by_shares(ds):
    made = xflux.apply_by_class(Told(), ds, tiles(ds, ENF=0.25, CRO=0.75))
    np.testing.assert_allclose(made["gpp"], ds["ta"] * (0.25 * 1 + 0.75 * 12), rtol=1e-6)
    assert made["gpp"].dtype == np.float32
    assert made["gpp"].dims == ds["ta"].dims
    assert made["gpp"].attrs["tiles"] == "sum over igbp ENF, CRO, by their shares of the cell"
    assert "comment" not in made["gpp"].attrs


def test_bare_ground_has_no_carbon_flux_and_takes_no_part_in_latent_heat(ds):
    made = xflux.apply_by_class(Told(), ds, tiles(ds, GRA=0.4, WAT=0.5))
    np.testing.assert_allclose(made["gpp"], ds["ta"] * 4.0, rtol=1e-6)
    np.testing.assert_allclose(made["le"], ds["ta"] * 10.0, rtol=1e-6)
    water = tiles(ds, GRA=0.4, WAT=0.5)
    water[:, 0, 0] = [0.0, 1.0]
    made = xflux.apply_by_class(Told(), ds, water).isel(lat=0, lon=0)
    assert (made["gpp"] == 0.0).all()
    assert made["le"].isnull().all()


def test_a_class_that_the_model_does_not_know_is_missing_where_it_has_a_share(ds):
    shares = tiles(ds, ENF=0.5, URB=0.5)
    shares[:, 1, 2] = [1.0, 0.0]
    made = xflux.apply_by_class(Told(), ds, shares)["gpp"]
    np.testing.assert_allclose(made[:, 1, 2], ds["ta"][:, 1, 2])
    assert made.notnull().sum() == ds.sizes["time"]


@pytest.mark.parametrize("cell", [[np.nan, 0.5], [0.0, 0.0]])
def test_without_shares_there_is_no_flux(ds, cell):
    shares = tiles(ds, ENF=0.5, CRO=0.5)
    shares[:, 0, 1] = cell
    made = xflux.apply_by_class(Told(), ds, shares)
    assert made.isel(lat=0, lon=1).isnull().all().to_array().all()
    assert made.isel(lat=1).notnull().all().to_array().all()


def test_shares_beyond_one_are_refused_and_missing_when_lazy(ds):
    shares = tiles(ds, ENF=0.7, CRO=0.7)
    with pytest.raises(InputError, match=r"sum to up to 1\.4"):
        xflux.apply_by_class(Told(), ds, shares)
    made = xflux.apply_by_class(Told(), ds, shares.chunk())
    assert made["gpp"].isnull().all()


def test_another_grid_and_bare_classes_alone_are_refused(ds):
    with pytest.raises(GridMismatchError, match="fractions of ENF"):
        xflux.apply_by_class(Told(), ds, tiles(ds, ENF=1.0).assign_coords(lat=[11.0, 21.0]))
    with pytest.raises(InputError, match="bare classes alone"):
        xflux.apply_by_class(Told(), ds, tiles(ds, WAT=1.0))
    with pytest.raises(InputError, match="no classes of igbp"):
        xflux.apply_by_class(Told(), ds, tiles(ds, ENF=1.0), bare=("ICE",))


def test_intervals_and_members_are_summed_alike(ds):
    shares = tiles(ds, ENF=0.25, CRO=0.75)
    made = xflux.apply_by_class(Told(), ds, shares, interval=0.9)
    np.testing.assert_allclose(made["gpp_upper"] - made["gpp_lower"], 2.0, rtol=1e-4)
    made = xflux.apply_by_class(Told(), ds, shares, members=True)
    assert made["gpp"].dims == ("member", "time", "lat", "lon")
    np.testing.assert_allclose(made["gpp"][1] - made["gpp"][0], 1.0, rtol=1e-4)


def test_cover_may_change_in_time(ds):
    late = tiles(ds, ENF=1.0, CRO=0.0).expand_dims(time=ds["time"]).copy()
    late = late.where(late["time"] < 3, 1.0 - late)
    made = xflux.apply_by_class(Told(), ds, late)["gpp"] / ds["ta"]
    np.testing.assert_allclose(made[:3], 1.0, rtol=1e-6)
    np.testing.assert_allclose(made[3:], 12.0, rtol=1e-6)


# With a refinement

EARTH = xflux.twin.Earth(resolution=20.0, start="2001", end="2002", seed=1)


@pytest.fixture(scope="module")
def model():
    return xflux.ResidualModel(
        learner="kernel", fluxes=("gpp", "le"), members=2, rows=0.5,
        features=("ta", "fapar", "igbp", "ta_lag1", "gpp_baseline"),
    ).fit(*EARTH.towers(n=20))  # fmt: skip


@pytest.fixture(scope="module")
def drivers():
    ds = EARTH.drivers.compute()
    return ds.assign(xflux.baseline(ds).data_vars)


def test_one_class_to_a_cell_is_what_the_model_says_of_it(drivers, model):
    plain = xflux.refine(drivers, model, interval=None)
    made = xflux.apply_by_class(model, drivers, fractions_of_map(drivers["igbp"]))
    bare = drivers["igbp"].isin([CODES[name] for name in ("SNO", "BSV", "WAT")])
    for flux in ("gpp", "le"):
        xr.testing.assert_equal(made[flux].where(~bare), plain[flux].where(~bare))
    assert (made["gpp"].where(bare, 0.0) == 0.0).all()


def test_chunks_do_not_show_and_one_pass_computes_all(drivers, model):
    half = 0.5 * (fractions_of_map(drivers["igbp"]) + fractions_of_map(drivers["igbp"] * 0 + 10))
    with no_compute():
        lazy = xflux.apply_by_class(model, drivers.chunk(time=9, lat=4), half.chunk(lat=4))
    with counting() as computed:
        done = lazy.compute()
    assert len(computed) == 1
    xr.testing.assert_identical(done, xflux.apply_by_class(model, drivers, half))
