from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from xflux.labels.attach import attributes
from xflux.plot.wording import (
    classes_of,
    label,
    long_name,
    reduction,
    scalar_coordinates,
    units_text,
    value_text,
)


def array(name="x", **attrs):
    return xr.DataArray(np.zeros(2), dims="time", name=name, attrs=attrs)


def test_carbon_stands_in_the_unit():
    assert label(array("gpp", **attributes("gpp"))) == "Gross primary production [g C m-2 d-1]"
    assert label(array("nee", **attributes("nee"))) == "Net ecosystem exchange [g C m-2 d-1]"


@pytest.mark.parametrize(
    ("name", "units", "printed"),
    [
        ("gpp", "gC m-2 d-1", "g C m-2 d-1"),
        ("gpp", "kg m-2 s-1", "kg C m-2 s-1"),
        ("nee", "umol m-2 s-1", "µmol m-2 s-1"),
        ("nbp", "PgC", "Pg C"),
        ("nee", "g CO2 m-2 d-1", "g CO2 m-2 d-1"),
        ("et", "kg m-2 d-1", "kg m-2 d-1"),
        ("le", "W m-2", "W m-2"),
        ("ta", "degC", "°C"),
        ("fapar", "1", "-"),
    ],
)
def test_units_are_printed_for_readers(name, units, printed):
    assert units_text(array(name, units=units)) == printed


def test_a_standard_name_says_carbon():
    attrs = {"standard_name": "vegetation_carbon_content", "units": "kg m-2"}
    assert units_text(array("anything", **attrs)) == "kg C m-2"


def test_a_mass_of_carbon_dioxide_is_not_called_carbon():
    flux = array(
        "nee", units="g m-2 d-1", standard_name="surface_upward_mass_flux_of_carbon_dioxide"
    )
    assert units_text(flux) == "g m-2 d-1"


def test_no_unit_is_made_up():
    assert label(array("gpp")) == "Gross primary production"


def test_own_words_come_before_those_of_the_table():
    assert long_name(array("gpp", long_name="modelled GPP")) == "Modelled GPP"
    assert long_name(array("GPP_NT_VUT_REF")) == "Gross primary production"
    assert long_name(array("my_variable")) == "my_variable"


def test_a_reduction_says_over_what():
    times = xr.date_range("2001-01-01", "2003-12-01", freq="MS")
    data = xr.DataArray(np.zeros((36, 4)), dims=("time", "member"), coords={"time": times})
    assert (
        reduction("mean", data, ["time", "member"]) == "mean over 2001 to 2003 and member (n = 4)"
    )
    assert reduction("mean", data[2:30], ["time"]) == "mean over 2001-03 to 2003-06"
    assert reduction("mean", data, []) == ""


def test_a_reduction_reads_any_calendar():
    times = xr.date_range("2001-01-01", periods=24, freq="MS", calendar="noleap", use_cftime=True)
    data = xr.DataArray(np.zeros(24), dims="time", coords={"time": times})
    assert reduction("mean", data, ["time"]) == "mean over 2001 to 2002"


def test_selected_coordinates_are_said():
    data = array().assign_coords(member=3, lat=51.3076123)
    assert scalar_coordinates(data) == "member = 3, lat = 51.31"


def test_of_one_of_an_ensemble_its_label_is_said_and_not_what_texts_tell_of_it():
    laws = {f"law_of_{kind}": f"law {kind}" for kind in ("green", "uptake", "warmth")}
    data = array().assign_coords(model="ALDER", year=2003, season="JJA", **laws)
    assert scalar_coordinates(data) == "model = ALDER, year = 2003, season = JJA"
    assert "law_of_green" in scalar_coordinates(data.drop_vars("model"))


def test_a_title_is_no_table():
    data = array().assign_coords({name: 1 for name in "abcdefg"})
    assert scalar_coordinates(data) == "a = 1, b = 1, c = 1, d = 1, and 3 more"


def test_of_a_tower_its_name_is_said_and_not_all_that_a_table_tells_of_it():
    known = {"site": "DE-Tha", "lat": 51.0, "elevation": 385.0, "igbp": 1, "koppen": 15}
    data = array().assign_coords(known)
    assert scalar_coordinates(data) == "site = DE-Tha"
    assert scalar_coordinates(data.assign_coords(name="Tharandt")) == "site = DE-Tha (Tharandt)"
    assert scalar_coordinates(data.assign_coords(member=3)) == "site = DE-Tha, member = 3"


def test_a_selected_class_goes_by_its_name():
    assert scalar_coordinates(array().assign_coords(igbp=1)) == "igbp = ENF"


def test_a_mean_of_towers_is_of_at_most_all():
    data = xr.DataArray(np.zeros((3, 5)), dims=("time", "site"))
    assert reduction("mean", data, ["site"]) == "mean over up to 5 sites"
    assert reduction("mean", data[:, :1], ["site"]) == "mean over 1 site"


def test_values_of_coordinates_read_well():
    assert value_text("month", 3) == "March"
    assert value_text("variable", "reco") == "RECO"
    assert value_text("site", "DE-Tha") == "DE-Tha"
    assert value_text("year", 2003) == "2003"
    assert value_text("member", 2) == "member 2"
    assert value_text("time", np.datetime64("2003-04-01T00:00")) == "2003-04-01"


def test_classes_are_named_by_flags_or_by_the_table():
    own = array("cover", flag_values=np.array([0, 5]), flag_meanings="water forest")
    assert classes_of(own) == {0.0: "water", 5.0: "forest"}
    assert classes_of(array("igbp"))[1.0] == "ENF"
    assert classes_of(array("gpp")) == {}
