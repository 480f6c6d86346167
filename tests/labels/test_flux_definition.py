"""Net fluxes say what they hold, and unlike ones do not mix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute

from xflux.errors import GridMismatchError, InputError, UnitsError
from xflux.labels.flux_definition import (
    definition_of,
    direction,
    require_alike,
    without,
    written,
)


def series(definition: str | None = "nee+fire", **attrs: object) -> xr.DataArray:
    """Two regions, three months, PgC a month."""
    attrs = {"units": "Pg", "positive": "up", **attrs}
    if definition:
        attrs["flux_definition"] = definition
    return xr.DataArray(
        np.arange(6.0).reshape(2, 3),
        dims=("region", "time"),
        coords={
            "region": [1, 2],
            "names": ("region", ["north", "south"]),
            "time": pd.date_range("2001-01-01", periods=3, freq="MS"),
        },
        name="nee",
        attrs=attrs,
    )


def fire(**attrs: object) -> xr.DataArray:
    return xr.ones_like(series()).rename("fire").assign_attrs(units="Pg", positive="up", **attrs)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("nee", {"nee"}),
        ("nee + fire", {"nee", "fire"}),
        ("nep", {"nee"}),
        ("nbp", {"nee", "fire", "luc", "harvest", "grazing"}),
        ("nbp+lateral", {"nee", "fire", "luc", "harvest", "grazing", "lateral"}),
    ],
)
def test_a_definition_is_read_and_written(text: str, terms: set[str]) -> None:
    found = definition_of(series(text))
    assert found == terms
    assert definition_of(series(written(found))) == terms


def test_a_flux_that_does_not_say_has_no_definition() -> None:
    assert definition_of(series(None)) is None


def test_an_unknown_term_is_refused() -> None:
    with pytest.raises(InputError, match=r"'nee\+rivers', of which 'rivers' is not known"):
        definition_of(series("nee+rivers"))
    with pytest.raises(InputError, match="cannot hold 'rivers'"):
        written({"nee", "rivers"})
    with pytest.raises(InputError, match="cannot hold nothing"):
        written(set())


def test_members_say_it_by_a_coordinate() -> None:
    both = series(None).expand_dims(inversion=["a", "b"])
    alike = both.assign_coords(flux_definition=("inversion", ["nee+fire", "fire+nee"]))
    assert definition_of(alike) == {"nee", "fire"}
    with pytest.raises(InputError, match="mixes nee, nee\\+fire"):
        definition_of(both.assign_coords(flux_definition=("inversion", ["nee", "nee+fire"])))
    with pytest.raises(InputError, match="in its attributes and"):
        definition_of(alike.assign_attrs(flux_definition="nee"))


def test_unlike_fluxes_are_refused_naming_what_lies_between() -> None:
    require_alike(series("nee+fire"), series("fire+nee"), what=("a", "b"))
    with pytest.raises(InputError) as caught:
        require_alike(
            series("nee"), series("nee+fire+lateral"), what=("the bridge", "the inversions")
        )
    assert "fire, lateral only in the inversions" in str(caught.value)
    assert "the bridge is 'nee'" in str(caught.value)
    with pytest.raises(InputError, match="luc, harvest, grazing only in x and lateral only in y"):
        require_alike(series("nbp"), series("nee+fire+lateral"), what=("x", "y"))


def test_a_flux_without_definition_does_not_mix() -> None:
    with pytest.raises(InputError, match="the inversions has no flux_definition"):
        require_alike(series("nee"), series(None), what=("the bridge", "the inversions"))


def test_the_direction_is_read_from_attribute_and_names() -> None:
    assert direction(series(positive="down")) == "down"
    plain = series()
    del plain.attrs["positive"]
    assert direction(plain) is None
    assert direction(plain.assign_attrs(long_name="Land uptake")) == "down"
    assert direction(plain.assign_attrs(standard_name="surface_upward_mass_flux_of_x")) == "up"
    assert direction(plain.assign_attrs(long_name="NEE, negative is uptake")) is None
    with pytest.raises(InputError, match="contradict"):
        direction(series(positive="up", standard_name="surface_net_downward_mass_flux_of_x"))
    with pytest.raises(InputError, match="positive='toward land'"):
        direction(series(positive="toward land"))


def test_fire_is_taken_out() -> None:
    found = without(series("nee+fire+lateral"), {"fire": fire()})
    xr.testing.assert_allclose(found, series() - 1.0)
    assert found.attrs["flux_definition"] == "nee+lateral"
    assert found.attrs["units"] == "Pg"
    assert found.name == "nee"


def test_units_and_direction_of_a_term_are_converted() -> None:
    in_tg = (fire() * -1000.0).assign_attrs(units="TgC", positive="down")
    xr.testing.assert_allclose(without(series(), {"fire": in_tg}), series() - 1.0)
    co2 = (fire() * 44.0095 / 12.0107).assign_attrs(units="Pg CO2")
    xr.testing.assert_allclose(without(series(), {"fire": co2}), series() - 1.0)


def test_fire_adds_to_an_uptake() -> None:
    uptake = (-series()).assign_attrs({**series().attrs, "positive": "down"})
    xr.testing.assert_allclose(without(uptake, {"fire": fire()}), -(series() - 1.0))


def test_emissions_need_no_direction_and_rivers_do() -> None:
    plain = fire()
    del plain.attrs["positive"]
    xr.testing.assert_allclose(without(series(), {"fire": plain}), series() - 1.0)
    with pytest.raises(InputError, match="'lateral' does not say which way"):
        without(series("nee+lateral"), {"lateral": plain})


def test_terms_are_matched_by_names_and_dates() -> None:
    turned = series().isel(region=[1, 0]).assign_coords(region=[7, 8])
    longer = turned.pad(time=(0, 1)).assign_coords(
        time=pd.date_range("2001-01-01", periods=4, freq="MS")
    )
    found = without(series(), {"fire": longer})
    np.testing.assert_array_equal(found, 0.0)
    np.testing.assert_array_equal(found.region, [1, 2])


def test_a_constant_of_each_region_is_taken_out_of_every_month() -> None:
    found = without(series("nee+lateral"), {"lateral": fire().isel(time=0, drop=True)})
    np.testing.assert_array_equal(found, series() - 1.0)
    assert found.dims == ("region", "time")


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="holds no lateral to take out"):
        without(series(), {"lateral": fire()})
    with pytest.raises(InputError, match="nothing would be left"):
        without(series("fire"), {"fire": fire()})
    with pytest.raises(InputError, match="does not say what it holds"):
        without(series(None), {"fire": fire()})
    with pytest.raises(UnitsError, match="found units 'kg s-1', expected 'Pg'"):
        without(series(), {"fire": fire().assign_attrs(units="kg s-1")})
    with pytest.raises(UnitsError, match="no units"):
        without(series(), {"fire": fire().drop_attrs()})
    with pytest.raises(InputError, match="'fire' lacks 2001-03-01 along 'time'"):
        without(series(), {"fire": fire().isel(time=slice(2))})
    with pytest.raises(InputError, match="'fire' lacks south along 'region'"):
        without(series(), {"fire": fire().isel(region=[0])})
    with pytest.raises(InputError, match="sum along 'lat' first"):
        without(series(), {"fire": fire().expand_dims(lat=[0.0])})
    on_grid = xr.DataArray(
        np.ones(2), dims="lat", coords={"lat": [0.0, 1.0]}, name="nee",
        attrs={"units": "g m-2 d-1", "flux_definition": "nee+fire"},
    )  # fmt: skip
    with pytest.raises(GridMismatchError, match="'lat' of 'fire'"):
        without(on_grid, {"fire": on_grid.assign_coords(lat=[0.5, 1.5])})


def test_terms_are_taken_out_lazily_and_keep_float32() -> None:
    names = series().names
    lazy = series().astype(np.float32).chunk(time=1).assign_coords(names=names)
    with no_compute():
        found = without(lazy, {"fire": fire().chunk(time=2).assign_coords(names=names)})
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, series() - 1.0)


def test_nan_of_a_term_is_nan() -> None:
    holey = fire().where(fire().region == 1)
    found = without(series(), {"fire": holey})
    assert found.isel(region=1).isnull().all()
    assert found.isel(region=0).notnull().all()
