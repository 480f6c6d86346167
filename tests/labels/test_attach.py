"""What results say of themselves."""

from __future__ import annotations

import xarray as xr

from xflux.labels.attach import attributes, describe, with_history
from xflux.labels.variables import variables


def test_attributes_are_replaced_not_inherited():
    ta = xr.DataArray([1.0], dims="time", attrs={"standard_name": "air_temperature", "x": 1})
    gpp = describe(ta, "gpp", model="M")
    assert gpp.name == "gpp"
    assert gpp.attrs["units"] == "g m-2 d-1"
    assert gpp.attrs["model"] == "M"
    assert "x" not in gpp.attrs
    assert ta.attrs["standard_name"] == "air_temperature"


def test_no_method_over_time_is_stated_without_time():
    assert attributes("gpp", ("lat",))["cell_methods"] == "area: mean where land"
    assert attributes("ta", ("lat",))["cell_methods"] == "area: mean"
    assert attributes("gpp", ("time",))["cell_methods"].endswith("time: mean")


def test_respiration_has_no_standard_name_as_cf_has_none():
    assert "standard_name" not in attributes("reco")


def test_history_grows_and_repeats_exactly():
    ds = with_history(with_history(xr.Dataset(), "a()"), "b()")
    assert [line.split(": ")[1] for line in ds.attrs["history"].splitlines()] == ["a()", "b()"]
    assert with_history(xr.Dataset(), "a()").attrs == with_history(xr.Dataset(), "a()").attrs


def test_the_table_is_consistent():
    for name, row in variables.items():
        assert row.name == name
        assert row.valid_min < row.valid_max
        assert name not in row.aliases
    written = [row.standard_name for row in variables.values() if row.species == "carbon"]
    named = [name for name in written if name]
    assert len(named) == len(set(named))


def test_no_alias_belongs_to_two_variables():
    seen: dict[str, str] = {}
    for name, row in variables.items():
        for alias in row.aliases:
            assert alias not in seen, f"{alias} of {name} is also one of {seen.get(alias)}"
            assert alias not in variables or alias == name
            seen[alias] = name
