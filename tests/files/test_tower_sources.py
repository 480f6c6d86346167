"""Which files paths, folders, patterns and archives mean."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest
from tower_files import fluxnet_table, write_csv, write_tower

from xflux.errors import FileFormatError, InputError
from xflux.files.tower_sources import find_sources

TIDY = pd.DataFrame(
    {"site": "FI-Hyy", "time": pd.date_range("2003-01-01", periods=24, freq="MS"), "fapar": 0.5}
)


def sites(found):
    return sorted(file.site for file in found.official)


def test_official_files_of_a_folder_leave_other_tables_alone(tmp_path):
    write_tower(tmp_path, "FI-Hyy")
    (tmp_path / "FLX_DE-Tha_FLUXNET2015_FULLSET_2003-2004_1-3").mkdir()
    write_tower(
        tmp_path / "FLX_DE-Tha_FLUXNET2015_FULLSET_2003-2004_1-3", "DE-Tha", suffix=".csv.gz"
    )
    write_csv(tmp_path / "fapar.csv", TIDY)
    write_csv(tmp_path / "sites.csv", TIDY[["site"]].assign(lat=1.0))
    write_csv(tmp_path / "FLX_FI-Hyy_FLUXNET2015_ERAI_MM_1989-2014_1-3.csv", TIDY)

    found = find_sources(tmp_path)

    assert sites(found) == ["DE-Tha", "FI-Hyy"]
    assert found.tables == []
    assert found.sites == tmp_path / "sites.csv"


def test_the_one_table_of_sites_beside_deeper_files_is_taken(tmp_path):
    for below in ("a", "b"):
        (tmp_path / below).mkdir()
        write_tower(tmp_path / below, f"FI-Hy{below}")
    write_csv(tmp_path / "a" / "sites.csv", TIDY[["site"]].assign(lat=1.0))
    assert find_sources(tmp_path).sites == tmp_path / "a" / "sites.csv"

    write_csv(tmp_path / "b" / "sites.csv", TIDY[["site"]].assign(lat=2.0))
    assert find_sources(tmp_path).sites is None


def test_a_folder_without_official_files_holds_one_tidy_table(tmp_path):
    write_csv(tmp_path / "monthly.csv.gz", TIDY)
    write_csv(tmp_path / "sites.csv", TIDY[["site"]].assign(lat=1.0))

    found = find_sources(str(tmp_path))

    assert [table.name for table in found.tables] == ["monthly.csv"]
    assert found.sites == tmp_path / "sites.csv"


def test_several_tidy_tables_in_a_folder_are_an_error_that_names_them(tmp_path):
    write_csv(tmp_path / "a.csv", TIDY)
    write_csv(tmp_path / "b.csv", TIDY)

    with pytest.raises(
        InputError, match=r"2 other tables \(a\.csv, b\.csv\); pass the path of one"
    ):
        find_sources(tmp_path)


def test_renamed_official_files_of_a_folder_are_found(tmp_path):
    write_csv(tmp_path / "FI-Hyy.csv", fluxnet_table("MM", {"TA_F": 1.0}))
    write_csv(tmp_path / "DE-Tha.csv", fluxnet_table("MM", {"TA_F": 1.0}))

    assert sites(find_sources(tmp_path)) == ["DE-Tha", "FI-Hyy"]


def test_a_pattern_is_expanded(tmp_path):
    for site in ("FI-Hyy", "FI-Sod", "DE-Tha"):
        write_tower(tmp_path, site)

    assert sites(find_sources(str(tmp_path / "FLX_FI-*.csv"))) == ["FI-Hyy", "FI-Sod"]


def test_a_pattern_that_nothing_matches_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no file matches the pattern"):
        find_sources(str(tmp_path / "*_DD_*.csv"))


def write_archive(folder, site="FI-Hyy", resolutions=("DD", "MM", "YY")):
    path = folder / f"FLX_{site}_FLUXNET2015_FULLSET_2003-2004_1-3.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for code in resolutions:
            table = fluxnet_table(code, {"TA_F": 1.0, "NEE_VUT_REF": 1.0})
            name = f"FLX_{site}_FLUXNET2015_FULLSET_{code}_2003-2004_1-3.csv"
            archive.writestr(name, table.to_csv(index=False))
        archive.writestr("FLX_FI-Hyy_FLUXNET2015_AUXNEE_2003-2004_1-3.csv", "TIMESTAMP\n2003\n")
        archive.writestr("DATA_POLICY.txt", "cite")
    return path


@pytest.mark.parametrize("resolution", ["DD", "MM", "YY"])
def test_the_resolution_is_chosen_from_an_archive(tmp_path, resolution):
    path = write_archive(tmp_path)

    found = find_sources(path, resolution)

    assert [file.resolution for file in found.official] == [resolution]


def test_mixed_resolutions_are_an_error_that_says_how_to_choose(tmp_path):
    write_archive(tmp_path)

    with pytest.raises(InputError, match=r"3 resolutions are mixed.*resolution="):
        find_sources(tmp_path)


def test_a_resolution_that_is_not_there_is_an_error_that_lists_what_is(tmp_path):
    write_archive(tmp_path)

    with pytest.raises(
        InputError, match="no file has the resolution 'HH'; there are files of DD, MM"
    ):
        find_sources(tmp_path, "HH")


def test_a_resolution_that_is_none_is_an_error(tmp_path):
    with pytest.raises(InputError, match="expected one of HH, HR, DD"):
        find_sources(tmp_path, "daily")


@pytest.mark.parametrize("paths", [[], "empty"])
def test_an_empty_selection_is_an_error_that_says_what_was_expected(tmp_path, paths, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InputError, match=r"no tower files found.*FLX_<site>_FLUXNET2015"):
        find_sources(paths)


def test_a_path_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_sources(Path("nowhere") / "at_all.csv")


def test_official_files_and_tidy_tables_do_not_mix(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy")

    with pytest.raises(InputError, match=r"a DataFrame\) are mixed; join the tables by extra="):
        find_sources([path, TIDY])


def test_an_archive_of_other_tables_is_an_error(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.csv", "x\n1\n")
        archive.writestr("b.csv", "x\n1\n")

    with pytest.raises(FileFormatError, match="holds 2 CSV files but no official tower file"):
        find_sources(tmp_path / "t.zip")
