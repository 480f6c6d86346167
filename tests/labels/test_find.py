"""Finding a variable: explicit name, canonical name, standard_name, alias, in that order."""

from __future__ import annotations

import pytest
import xarray as xr

from xflux.errors import AmbiguousVariableError, InputError, MissingVariableError
from xflux.labels.find import check_names, find


def dataset(**attrs: dict[str, str]) -> xr.Dataset:
    return xr.Dataset({name: ("x", [1.0], given) for name, given in attrs.items()})


def test_an_explicit_name_wins_over_everything():
    ds = dataset(ta={}, t2m={})
    assert find(ds, "ta", {"ta": "t2m"}) == "t2m"


def test_the_canonical_name_wins_over_standard_name_and_alias():
    ds = dataset(t2m={}, other={"standard_name": "air_temperature"}, ta={})
    assert find(ds, "ta") == "ta"


def test_the_standard_name_wins_over_an_alias():
    ds = dataset(t2m={}, other={"standard_name": "air_temperature"})
    assert find(ds, "ta") == "other"


def test_the_first_alias_wins():
    ds = dataset(GPP_DT_VUT_REF={}, GPP_NT_VUT_REF={})
    assert find(ds, "gpp") == "GPP_NT_VUT_REF"


def test_aliases_are_matched_by_case():
    ds = dataset(RH={}, rh={})
    assert find(ds, "rh_air") == "RH"
    assert find(ds, "rh") == "rh"
    assert find(dataset(Ta_f={}), "ta") is None


def test_like_standard_names_are_told_apart_by_cell_methods():
    ds = dataset(
        a={"standard_name": "air_temperature", "cell_methods": "time: maximum"},
        b={"standard_name": "air_temperature", "cell_methods": "time: minimum"},
        c={"standard_name": "air_temperature", "cell_methods": "time: mean"},
    )
    assert [find(ds, name) for name in ("ta_max", "ta_min", "ta")] == ["a", "b", "c"]


def test_a_daily_maximum_is_not_taken_for_the_mean():
    ds = dataset(a={"standard_name": "air_temperature", "cell_methods": "time: maximum"})
    assert find(ds, "ta") is None


def test_two_candidates_are_an_error_that_names_both():
    ds = dataset(
        first={"standard_name": "air_temperature"}, second={"standard_name": "air_temperature"}
    )
    with pytest.raises(AmbiguousVariableError, match=r"'first' and 'second'.*names=\{'ta'"):
        find(ds, "ta")


def test_wood_and_stem_share_a_standard_name_but_not_a_variable():
    same = {"standard_name": "stem_mass_content_of_carbon"}
    assert find(dataset(cWood=same, cStem=same), "cWood") == "cWood"


def test_explicit_names_are_checked():
    ds = dataset(t2m={})
    with pytest.raises(InputError, match="'ta_mx' is no canonical name; did you mean 'ta_max'"):
        check_names(ds, {"ta_mx": "t2m"})
    with pytest.raises(InputError, match=r"wrong way round.*names=\{'ta': 't2m'\}"):
        check_names(ds, {"t2m": "ta"})
    with pytest.raises(MissingVariableError, match=r"no variable 'tas'.*holds 't2m'"):
        check_names(ds, {"ta": "tas"})
