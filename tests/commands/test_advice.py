"""Errors of the library, in the options of the command line."""

from __future__ import annotations

import pytest

from xflux.cli import main
from xflux.commands.advice import in_options


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("pass units={'temp': ...}", "--units temp=UNIT"),
        ("if it is in per cent pass units={'fapar': '%'}", "--units 'fapar=%'"),
        ("Pass names={'ta': '<your variable>'}", "--names ta=OWN"),
        ("names={'ta': 't2'}: there is no variable", "--names ta=t2"),
        ("or estimate it with derive=('rnet',)", "--derive rnet"),
        ("or set it with PModel(co2=400.0)", "--co2 400"),
        ("does not say what it holds; give flux_definition=, such as", "--flux-definition TERMS"),
        ("give positive='up' (to the atmosphere)", "--inversion-positive up|down"),
        ("give units='PgC month-1' or units='PgC yr-1'", "--inversion-units UNIT"),
        ("name it with variable=", "--inversion-variable NAME"),
        (
            "is by latitude alone; give bands= in place of regions=",
            "--regions FILE --bands EDGE EDGE ...",
        ),
        ("make no 10 folds; give folds=4 or fewer", "--folds 4"),
        ("join the tables by extra=, or open them apart", "--tower-extra FILE"),
    ],
)
def test_a_keyword_becomes_its_option(message, expected):
    assert in_options(message) == f"On the command line: {expected}"


def test_several_keywords_are_one_line_and_each_is_said_once():
    message = "pass names={'ta': 'x'} or derive=('rnet',); pass names={'ta': 'x'}"
    assert in_options(message) == "On the command line: --names ta=x --derive rnet"


def test_what_advises_no_keyword_stays_alone():
    assert in_options("there is no file 'a=b.nc'; --units is an option") == ""


def test_a_column_without_a_unit_is_answered_with_the_option(tower_file, tmp_path, capsys):
    towers = tower_file(lambda table: table.rename(columns={"ta_degC": "ta"}))
    arguments = ["run", "--towers", str(towers), "--co2", "400", "--out", str(tmp_path / "o")]
    assert main(arguments) == 2
    assert "On the command line: --units ta=UNIT" in capsys.readouterr().err
    assert main([*arguments, "--units", "ta=degC", "--quiet", "--no-refine"]) == 0


@pytest.mark.parametrize("option", ["--tower-extra", "--sites", "--drivers"])
def test_a_wrong_path_is_noticed_before_towers_are_read(
    option, tower_file, tmp_path, capsys, monkeypatch
):
    def read(*arguments, **options):
        raise AssertionError("the towers were read")

    monkeypatch.setattr("xflux.commands.run.open_tower_records", read)
    arguments = ["run", "--towers", str(tower_file()), option, str(tmp_path / "absent.csv")]
    assert main([*arguments, "--out", str(tmp_path / "o")]) == 2
    err = capsys.readouterr().err
    assert f"{option}: there is no file or folder" in err
    assert "reading the towers" not in err


def test_all_wrong_paths_are_told_at_once(tmp_path, capsys):
    arguments = ["run", "--towers", "no/*.csv", "--sites", "none.csv", "--out", str(tmp_path / "o")]
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert "--towers: no file matches the pattern" in err
    assert "--sites: there is no file or folder" in err
