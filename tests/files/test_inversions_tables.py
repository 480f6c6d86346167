"""Tables of regional series, wide and long."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from files.inversion_files import days_of

import xflux
from xflux.errors import FileFormatError, InputError, UnitsError, XfluxWarning

WIDE = "model,yyyymm,North,South\nA,200101,0.1,0.2\nA,200102,0.3,0.4\nB,200101,1,2\nB,200102,3,4\n"
LONG = (
    "inversion,time,region,nee_land_PgC_yr\n"
    "A,2001-01-01,N,365.25\nA,2001-02-01,N,365.25\nA,2001-01-01,S,0\nA,2001-02-01,S,0\n"
)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    path = tmp_path / "nbp_monthly.csv"
    path.write_text(WIDE)
    return path


@pytest.fixture
def long(tmp_path: Path) -> Path:
    path = tmp_path / "bands.csv"
    path.write_text(LONG)
    return path


def test_a_wide_table_has_a_column_for_each_region(wide: Path) -> None:
    found = xflux.open_inversions(
        wide, units="PgC month-1", positive="up", flux_definition="nbp", regions=["South", "North"]
    )
    assert list(found.inversion.values) == ["A", "B"]
    assert list(found.names.values) == ["South", "North"]
    np.testing.assert_allclose(found.sel(inversion="A"), [[0.2, 0.4], [0.1, 0.3]])
    assert found.attrs["flux_definition"] == "nbp"


def test_a_long_table_tells_units_and_direction_by_its_column(long: Path) -> None:
    found = xflux.open_inversions(long, flux_definition="nee+fire+lateral")
    np.testing.assert_allclose(found[0, 0], days_of(found))
    assert list(found.names.values) == ["N", "S"]


def test_uptake_is_turned_round(wide: Path) -> None:
    found = xflux.open_inversions(wide, units="TgC month-1", positive="down", flux_definition="nbp")
    np.testing.assert_allclose(found[0, 0], [-1e-4, -3e-4])


def test_tables_and_columns_of_year_and_month(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("# made by hand\nyear,month,Europe\n2001,1,0.5\n2001,2,0.25\n")
    found = xflux.open_inversions(
        path, units="PgC month-1", positive="up", flux_definition="nee+fire"
    )
    assert list(found.inversion.values) == ["one"]
    np.testing.assert_allclose(found[0, 0], [0.5, 0.25])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"positive": "up", "flux_definition": "nbp"}, UnitsError, "does not say its units"),
        ({"units": "PgC month-1", "flux_definition": "nbp"}, InputError, "which way"),
        ({"units": "PgC month-1", "positive": "up"}, InputError, "does not say what it holds"),
        ({"units": "g m-2 d-1", "positive": "up", "flux_definition": "nbp"}, UnitsError, "whole"),
        ({"units": "W m-2", "positive": "up", "flux_definition": "nbp"}, UnitsError, "no flux"),
        ({"units": "Pg", "positive": "up", "flux_definition": "carbon"}, InputError, "'carbon'"),
        ({"units": "Pg", "positive": "up", "flux_definition": "nbp", "regions": ["East"]},
         InputError, "no region 'East'; it has North, South"),
        ({"units": "Pg", "positive": "up", "flux_definition": "nbp", "bands": (-90, 0, 90)},
         InputError, "names alone"),
        ({"units": "Pg", "positive": "upward"}, InputError, "expected 'up' or 'down'"),
    ],
)  # fmt: skip
def test_what_a_table_does_not_say_must_be_given(wide, options, error, words):
    with pytest.raises(error, match=words):
        xflux.open_inversions(wide, **options)


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ("A,200102,0.3,0.4\n", "A,200103,0.3,0.4\n", InputError, "A lacks 2001-02 of North"),
        ("0.3", "", InputError, "A lacks 2001-02 of North"),
        ("0.3", "-9999", InputError, "A lacks 2001-02 of North"),
        ("0.3", "much", FileFormatError, "North holds 'much'"),
        ("B,200102", "B,200101", FileFormatError, "North of B twice for 2001-01"),
        ("200102", "200113", FileFormatError, "'200113'"),
        ("yyyymm", "when", FileFormatError, "no column of dates"),
        ("0.1,0.2", "0.1", FileFormatError, "line 2 has 3 columns"),
    ],
)
def test_gaps_and_damage_are_told(wide, old, new, error, words):
    text = wide.read_text().replace(old, new, 1)
    if "lacks" in words and "200103" in new:
        text += "A,200104,0.3,0.4\n"
    wide.write_text(text)
    with pytest.raises(error, match=words):
        xflux.open_inversions(wide, units="Pg", positive="up", flux_definition="nbp")


@pytest.mark.parametrize("name", ["Globe", "global_land", "sd", "Mean"])
def test_a_total_beside_regions_is_told(wide: Path, name: str) -> None:
    wide.write_text(WIDE.replace("South", name))
    options = {"units": "Pg", "positive": "up", "flux_definition": "nbp"}
    words = rf"nbp_monthly\.csv: '{name}' .* counts again .* regions=\['North'\]"
    with pytest.warns(XfluxWarning, match=words) as told:
        found = xflux.open_inversions(wide, **options)
    assert told[0].filename == __file__
    assert "comment" not in found.attrs
    assert found.sizes["region"] == 2
    assert xflux.open_inversions(wide, regions=["North", name], **options).sizes["region"] == 2


def test_a_total_among_the_rows_of_a_long_table_is_told(long: Path) -> None:
    long.write_text(LONG.replace(",S,", ",Total,"))
    with pytest.warns(XfluxWarning, match="'Total' among the regions"):
        xflux.open_inversions(long, flux_definition="nbp")


def test_a_total_alone_is_the_region(wide: Path) -> None:
    wide.write_text("yyyymm,globe\n200101,0.1\n200102,0.2\n")
    found = xflux.open_inversions(wide, units="Pg", positive="up", flux_definition="nbp")
    assert list(found.names.values) == ["globe"]
