"""Official files: names, stamps, and what a cut or wrong file leads to."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from tower_files import fluxnet_table, period_starts, write_csv, write_tower

from xflux.errors import FileFormatError
from xflux.files.archives import CsvSource
from xflux.files.fluxnet import identify, read_official, sniff


def named(tmp_path, name):
    return identify(CsvSource(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "site", "product", "resolution", "years"),
    [
        ("FLX_AT-Neu_FLUXNET2015_FULLSET_HH_2002-2012_1-4.csv", "AT-Neu", "FLUXNET2015 FULLSET",
         "HH", (2002, 2012)),
        ("FLX_US-Ha1_FLUXNET2015_SUBSET_HR_1991-2012_1-4.csv.gz", "US-Ha1", "FLUXNET2015 SUBSET",
         "HR", (1991, 2012)),
        ("FLX_BE-Bra_FLUXNET2015_FULLSET_MM_1996-2020_beta-3.csv.gz", "BE-Bra",
         "FLUXNET2015 FULLSET", "MM", (1996, 2020)),
        ("AMF_US-Ha1_FLUXNET_FULLSET_WW_1991-2020_3-5.csv", "US-Ha1", "FLUXNET FULLSET", "WW",
         (1991, 2020)),
        ("AMF_US-Ha1_FLUXNET_FLUXMET_HR_1991-2025_v1.3_r1.csv", "US-Ha1", "FLUXNET FLUXMET", "HR",
         (1991, 2025)),
        ("ICOSETC_GF-Guy_FLUXNET_DD_L2.csv", "GF-Guy", "FLUXNET", "DD", None),
        ("ICOSETC_BE-Lon_FLUXNET_YY_01.csv", "BE-Lon", "FLUXNET", "YY", None),
        ("AMF_US-UMB_BASE_HH_15-5.csv", "US-UMB", "BASE", "HH", None),
    ],
)  # fmt: skip
def test_official_names_are_understood(tmp_path, name, site, product, resolution, years):
    file = named(tmp_path, name)

    assert (file.site, file.product, file.resolution) == (site, product, resolution)
    assert file.years == years


@pytest.mark.parametrize(
    "name",
    [
        "FLX_AT-Neu_FLUXNET2015_ERAI_MM_1989-2014_1-4.csv",
        "FLX_AT-Neu_FLUXNET2015_AUXNEE_2002-2012_1-4.csv",
        "AMF_US-Ha1_FLUXNET_ERA5_DD_1981-2025_v1.3_r1.csv",
        "AMF_US-Ha1_FLUXNET_BIFVARINFO_HR_1991-2025_v1.3_r1.csv",
        "ICOSETC_BE-Bra_FLUXNET_DD_VARINFO_L2.csv",
        "ICOSETC_BE-Bra_METEO_L2.csv",
        "sites.csv",
        "fluxnet_daily.csv.gz",
    ],
)
def test_other_files_of_the_networks_are_left_alone(tmp_path, name):
    assert named(tmp_path, name) is None


@pytest.mark.parametrize("resolution", ["HH", "HR", "DD", "WW", "MM", "YY"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_time_is_the_start_of_the_period(tmp_path, resolution, suffix):
    path = write_tower(tmp_path, "FI-Hyy", resolution, suffix=suffix)

    record = read_official(identify(CsvSource(path)))

    assert list(record.frame.index) == list(period_starts(resolution, 2003, 2004))
    # The made half-hourly files hold two days of the year.
    assert bool(record.notes) == (resolution in ("HH", "HR"))
    np.testing.assert_allclose(record.frame["ta"], 10.0)


def test_missing_values_are_nan(tmp_path):
    ta = np.where(np.arange(24) % 5 == 0, -9999.0, 12.5)
    path = write_tower(tmp_path, "FI-Hyy", "MM", {"TA_F": ta, "NEE_VUT_REF": -9999})

    frame = read_official(identify(CsvSource(path))).frame

    np.testing.assert_array_equal(frame["ta"], np.where(ta == -9999, np.nan, 12.5))
    assert frame["nee"].isna().all()


def test_columns_that_are_not_wanted_are_not_parsed(tmp_path):
    table = fluxnet_table("MM", {"TA_F": 1.0, "TA_F_QC": 1.0, "VPD_F": 2.0})
    table["VPD_F"] = "damaged"
    path = write_csv(tmp_path / "FLX_FI-Hyy_FLUXNET2015_FULLSET_MM_2003-2004_1-3.csv", table)

    frame = read_official(identify(CsvSource(path)), wanted=["ta"]).frame

    assert set(frame) == {"ta", "ta_qc"}


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    np.testing.assert_allclose(read_official(identify(CsvSource(path))).frame["ta"], 10.0)


def test_a_renamed_file_is_known_by_its_stamps_and_the_site_in_its_name(tmp_path):
    for resolution in ("HH", "HR", "DD", "WW", "MM", "YY"):
        table = fluxnet_table(resolution, {"TA_F": 1.0, "NEE_VUT_REF": 1.0})
        path = write_csv(tmp_path / f"my FI-Hyy file ({resolution}).csv", table)

        file = sniff(CsvSource(path))

        assert (file.site, file.resolution) == ("FI-Hyy", resolution)


def test_a_renamed_file_without_site_is_an_error_that_says_what_to_do(tmp_path):
    path = write_csv(tmp_path / "hyytiala.csv", fluxnet_table("MM", {"TA_F": 1.0}))

    with pytest.raises(FileFormatError, match=r"of which site.*rename it"):
        sniff(CsvSource(path))


def test_a_tidy_table_is_no_official_file(tmp_path):
    table = fluxnet_table("MM", {"TA_F": 1.0}).assign(site="FI-Hyy")

    assert sniff(CsvSource(write_csv(tmp_path / "t.csv", table))) is None


def test_a_line_that_breaks_off_is_an_error_that_names_it(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy", "MM", {f"X{i}": 1.0 for i in range(9)} | {"TA_F": 1.0})
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:20], lines[20][:12]]))

    with pytest.raises(FileFormatError, match="line 21 has 3 columns where the header has 11"):
        read_official(identify(CsvSource(path)))


def test_a_line_too_long_is_an_error_that_names_it(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy")
    lines = path.read_bytes().split(b"\n")
    lines[5:7] = [lines[5] + lines[6]]
    path.write_bytes(b"\n".join(lines))

    with pytest.raises(FileFormatError, match="line 6 has 5 columns"):
        read_official(identify(CsvSource(path)))


def test_a_missing_row_is_an_error_that_names_the_first(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy")
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(lines[:5] + lines[7:]))

    with pytest.raises(FileFormatError, match=r"2 of 24 time stamps are missing.*2003-05-01"):
        read_official(identify(CsvSource(path)))


def test_a_double_row_is_an_error_that_names_it(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy")
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(lines[:5] + lines[4:]))

    with pytest.raises(FileFormatError, match=r"1 time stamps stand there twice.*2003-04-01"):
        read_official(identify(CsvSource(path)))


def test_years_that_the_name_promises_and_the_file_lacks_are_noted(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy")
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:13], b""]))

    notes = read_official(identify(CsvSource(path))).notes

    assert len(notes) == 1
    assert "holds 2003-2003 where its name says 2003-2004" in notes[0]


@pytest.mark.parametrize(("content", "called"), [("DD", "MM"), ("MM", "YY"), ("HH", "DD")])
def test_stamps_of_another_resolution_than_the_name_says_are_an_error(tmp_path, content, called):
    table = fluxnet_table(content, {"TA_F": 1.0})
    path = write_csv(tmp_path / f"FLX_FI-Hyy_FLUXNET2015_FULLSET_{called}_2003-2004_1-3.csv", table)

    with pytest.raises(FileFormatError, match=f"name says {called}.*wrongly named"):
        read_official(identify(CsvSource(path)))


def test_daily_stamps_under_a_weekly_name_are_an_error(tmp_path):
    table = fluxnet_table("DD", {"TA_F": 1.0})
    path = write_csv(tmp_path / "FLX_FI-Hyy_FLUXNET2015_FULLSET_WW_2003-2004_1-3.csv", table)

    with pytest.raises(FileFormatError, match="do not fit the resolution WW"):
        read_official(identify(CsvSource(path)))


def test_a_cell_that_is_no_number_is_an_error_that_says_where(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy")
    path.write_bytes(path.read_bytes().replace(b"200306,10.0", b"200306,1o.0"))

    with pytest.raises(FileFormatError, match=r"line 7, column TA_F holds '1o\.0'"):
        read_official(identify(CsvSource(path)))


def test_a_header_without_rows_is_an_error(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy")
    path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\n")

    with pytest.raises(FileFormatError, match="no data"):
        read_official(identify(CsvSource(path)))


def test_a_web_page_saved_under_an_official_name_is_an_error(tmp_path):
    path = tmp_path / "FLX_FI-Hyy_FLUXNET2015_FULLSET_MM_2003-2004_1-3.csv"
    path.write_text("<!DOCTYPE html>\n<html>please log in</html>\n")

    with pytest.raises(FileFormatError, match="no column TIMESTAMP"):
        read_official(identify(CsvSource(path)))


def test_a_file_of_reanalysis_alone_is_an_error_that_names_what_was_expected(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy", "MM", {"TA_ERA": 1.0, "SW_IN_ERA": 2.0})

    with pytest.raises(FileFormatError, match=r"none of the columns of tower data \(NEE_VUT_REF"):
        read_official(identify(CsvSource(path)))


def test_another_product_given_by_path_is_an_error_that_names_it(tmp_path):
    table = fluxnet_table("MM", {"TA_ERA": 1.0})
    path = write_csv(tmp_path / "FLX_FI-Hyy_FLUXNET2015_ERAI_MM_1989-2014_1-4.csv", table)

    with pytest.raises(FileFormatError, match="product ERAI, which holds no tower fluxes"):
        sniff(CsvSource(path))


@pytest.mark.real
@pytest.mark.parametrize("keep", [0.31, 0.5, 0.77, 0.93])
def test_a_real_file_cut_anywhere_is_an_error(tmp_path, data, keep):
    name = "FLX_CH-Dav_FLUXNET2015_FULLSET_MM_1997-2020_beta-3.csv"
    packed = (data / "towers" / "icos_ww2020" / f"{name}.gz").read_bytes()
    text = gzip.decompress(packed)
    (tmp_path / name).write_bytes(text[: int(len(text) * keep)])
    (tmp_path / f"{name}.gz").write_bytes(packed[: int(len(packed) * keep)])

    for path in (tmp_path / name, tmp_path / f"{name}.gz"):
        with pytest.raises(FileFormatError, match="cut or damaged"):
            read_official(identify(CsvSource(path)))


@pytest.mark.parametrize("cut", [3, 1])
def test_a_file_that_ends_within_the_year_is_noted_and_refused_with_a_cut_line(tmp_path, cut):
    path = write_tower(tmp_path, "FI-Hyy")
    lines = path.read_bytes().rstrip().split(b"\n")[:-cut]

    path.write_bytes(b"\n".join([*lines, b""]))
    assert "official files go on to" in read_official(identify(CsvSource(path))).notes[0]
    path.write_bytes(b"\n".join(lines)[:-1])
    with pytest.raises(FileFormatError, match="its last line is cut"):
        read_official(identify(CsvSource(path)))
