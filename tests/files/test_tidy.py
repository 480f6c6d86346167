"""Tidy tables: names, units, times."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from tower_files import write_csv

import xflux
from xflux.errors import FileFormatError, InputError, UnitsError
from xflux.files.archives import CsvSource
from xflux.files.tidy import read_tidy
from xflux.files.tidy_columns import TidyColumn, parse_column


def table(**columns):
    time = pd.date_range("2003-01-01", periods=24, freq="MS")
    frame = pd.DataFrame({"site": np.repeat(["FI-Hyy", "DE-Tha"], 24), "time": np.tile(time, 2)})
    for name, value in columns.items():
        frame[name] = value
    return frame


def frames(source, **options):
    return {record.site: record.frame for record in read_tidy(source, **options)}


@pytest.mark.parametrize(
    ("column", "name", "units"),
    [
        ("tmin_C", "ta_min", "degC"),
        ("tmax_C", "ta_max", "degC"),
        ("swdown_MJ_m2_d", "swin", "MJ m-2 d-1"),
        ("co2_ppm", "co2", "ppm"),
        ("vpd_hPa", "vpd", "hPa"),
        ("vpd_kPa", "vpd", "kPa"),
        ("precip_mm_d", "p", "mm d-1"),
        ("gpp_gC_m2_d", "gpp", "gC m-2 d-1"),
        ("nee_umolCO2_m2_s", "nee", "umolCO2 m-2 s-1"),
        ("et_mm_d", "et", "mm d-1"),
        ("ppfd_mol_m2_s", "ppfd", "mol m-2 s-1"),
        ("wind_speed_m_s", "wind_speed", "m s-1"),
        ("ta_min_K", "ta_min", "K"),
        ("swc_percent", "swc", "%"),
        ("LE [W m-2]", "le", "W m-2"),
        ("GPP (gC m-2 d-1)", "gpp", "gC m-2 d-1"),
        ("fapar", "fapar", None),
        ("lai", "lai", None),
        ("gpp_qc", "gpp_qc", None),
    ],
)
def test_a_column_says_variable_and_unit(column, name, units):
    assert parse_column(column) == TidyColumn(name, units)


@pytest.mark.parametrize("column", ["part", "n_week", "gpp_week_mean", "whc", "site_name", "RHx"])
def test_other_columns_are_no_variables(column):
    assert parse_column(column) is None


def test_case_tells_humidity_from_respiration():
    assert parse_column("RH").name == "rh_air"
    assert parse_column("rh").name == "rh"


@pytest.mark.parametrize(
    ("column", "written", "name", "canonical"),
    [
        ("swdown_MJ_m2_d", 8.64, "swin", 100.0),
        ("vpd_kPa", 0.7, "vpd", 7.0),
        ("tmin_K", 280.0, "ta_min", 6.85),
        ("gpp_gC_m2_d", 5.0, "gpp", 5.0),
        ("nee_umol_m2_s", 1.0, "nee", 12.0107e-6 * 86400),
        ("et_mm_d", 2.0, "et", 2.0),
        ("ppfd_mol_m2_s", 3e-4, "ppfd", 300.0),
        ("swc_percent", 25.0, "swc", 0.25),
    ],
)
def test_units_in_names_are_converted(column, written, name, canonical):
    read = frames(table(**{column: written}))

    assert sorted(read) == ["DE-Tha", "FI-Hyy"]
    np.testing.assert_allclose(read["FI-Hyy"][name], canonical, rtol=1e-12)


def test_a_unit_is_given_by_keyword():
    read = frames(table(gpp=3.0, ppfd=3e-4), units={"gpp": "g m-2 d-1", "ppfd": "mol m-2 s-1"})

    np.testing.assert_allclose(read["DE-Tha"]["gpp"], 3.0)
    np.testing.assert_allclose(read["DE-Tha"]["ppfd"], 300.0)


def test_all_unknown_units_are_said_at_once():
    with pytest.raises(UnitsError, match=r"(?s)2 problems.*column gpp.*column ta"):
        read_tidy(table(gpp=3.0, ta=1.0, fapar=0.5))


def test_unknown_units_may_be_assumed():
    with xflux.set_options(missing_units="assume"):
        read = frames(table(gpp=3.0))

    np.testing.assert_allclose(read["FI-Hyy"]["gpp"], 3.0)


def test_a_unit_of_the_wrong_kind_is_an_error_that_names_the_column():
    with pytest.raises(UnitsError, match="column gpp_mm_d"):
        read_tidy(table(gpp_mm_d=3.0))


def test_a_fraction_in_per_cent_is_told():
    with pytest.raises(UnitsError, match=r"column fapar: half of its values are above 55"):
        read_tidy(table(fapar=55.0))

    read = frames(table(fapar=55.0), units={"fapar": "%"})
    np.testing.assert_allclose(read["FI-Hyy"]["fapar"], 0.55)


def test_names_of_the_fluxnet_product_have_its_units():
    daily = pd.DataFrame(
        {"site": "FI-Hyy", "date": pd.date_range("2003-01-01", periods=60), "PA_F": 98.5,
         "NEE_VUT_REF": -1.5, "NEE_VUT_REF_QC": 0.9, "SWC_F_MDS_1": 20.0, "GPP_NT_VUT_REF": 4.0,
         "GPP_DT_VUT_REF": 5.0}
    )  # fmt: skip
    night, day = (frames(daily, partitioning=p)["FI-Hyy"].iloc[0] for p in ("NT", "DT"))

    assert (night["patm"], night["nee"], night["nee_qc"]) == (98500.0, -1.5, 0.9)
    assert (night["gpp"], night["gpp_dt"], day["gpp"], day["gpp_nt"]) == (4.0, 5.0, 5.0, 4.0)


def test_half_hours_of_the_fluxnet_product_are_in_micromoles():
    hourly = pd.DataFrame(
        {"site": "FI-Hyy", "time": pd.date_range("2003-01-01", periods=48, freq="30min"),
         "NEE_VUT_REF": 1.0, "P_F": 0.5}
    )  # fmt: skip
    frame = frames(hourly)["FI-Hyy"]

    np.testing.assert_allclose(frame["nee"], 12.0107e-6 * 86400)
    np.testing.assert_allclose(frame["p"], 24.0)


def test_missing_values_are_nan():
    values = np.resize([-9999.0, 2.0, np.nan], 48)

    read = frames(table(gpp_gC_m2_d=values))

    np.testing.assert_array_equal(read["FI-Hyy"]["gpp"].iloc[:3], [np.nan, 2.0, np.nan])


def test_rows_may_come_in_any_order():
    frame = table(fapar=np.linspace(0.1, 0.9, 48))
    shuffled = frame.sample(frac=1, random_state=0)

    for site, expected in frames(frame).items():
        pd.testing.assert_frame_equal(frames(shuffled)[site], expected)


@pytest.mark.parametrize("time", ["time", "date", "TIMESTAMP", "datetime"])
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y%m%d", "%d %b %Y"])
def test_times_are_read_under_their_usual_names_and_forms(tmp_path, time, form):
    frame = table(fapar=0.5)
    frame[time] = frame.pop("time").dt.strftime(form)
    path = write_csv(tmp_path / "t.csv", frame)

    index = frames(CsvSource(path))["FI-Hyy"].index

    assert list(index) == list(pd.date_range("2003-01-01", periods=24, freq="MS"))


def test_times_are_made_of_year_and_month_or_week():
    monthly = pd.DataFrame({"site": "A", "year": 2003, "month": range(1, 13), "fapar": 0.5})
    weekly = pd.DataFrame({"sitename": "A", "year": 2003, "week": range(1, 53), "fapar": 0.5})

    assert list(frames(monthly)["A"].index[:2]) == list(
        pd.to_datetime(["2003-01-01", "2003-02-01"])
    )
    assert list(frames(weekly)["A"].index[:2]) == list(pd.to_datetime(["2003-01-01", "2003-01-08"]))
    assert read_tidy(weekly)[0].resolution == "WW"


def test_latent_heat_follows_from_evapotranspiration():
    # FAO-56 annex 3: 2.501 - 0.002361 T MJ kg-1, here at the mean of 10 and 20 degC.
    read = frames(table(et_mm_d=3.0, tmin_C=10.0, tmax_C=20.0))["FI-Hyy"]

    np.testing.assert_allclose(read["le"], 3.0 * (2.501 - 0.002361 * 15.0) * 1e6 / 86400)


def test_measured_latent_heat_stays():
    read = frames(table(et_mm_d=3.0, le_W_m2=50.0))["FI-Hyy"]

    np.testing.assert_allclose(read["le"], 50.0)


def test_only_what_is_wanted_is_read():
    read = read_tidy(table(et_mm_d=3.0, tmin_C=1.0, tmax_C=3.0, gpp="none"), wanted=["le"])

    assert list(read[0].frame) == ["le"]


def test_columns_that_are_no_variables_are_listed():
    assert read_tidy(table(fapar=0.5, part="a", whc=200.0))[0].ignored == ("part", "whc")


@pytest.mark.parametrize(("lacking", "column"), [("'site'", "site"), ("'time'", "time")])
def test_a_missing_key_is_an_error_that_names_it(lacking, column):
    with pytest.raises(FileFormatError, match=f"no column {lacking}"):
        read_tidy(table(fapar=0.5).drop(columns=column))


def test_a_table_without_variables_is_an_error():
    with pytest.raises(FileFormatError, match="none of the variables"):
        read_tidy(table(whc=1.0))


def test_a_site_and_time_that_stand_there_twice_are_an_error():
    frame = table(fapar=0.5)

    with pytest.raises(FileFormatError, match=r"FI-Hyy has 2003-03-01.* more than once"):
        read_tidy(pd.concat([frame, frame.iloc[[2]]]))


def test_two_columns_of_one_variable_are_an_error():
    with pytest.raises(InputError, match=r"ta_C and temp_C are both 'ta'"):
        read_tidy(table(ta_C=1.0, temp_C=2.0))


def test_a_cell_that_is_no_number_is_an_error_that_says_where():
    values = np.array(["0.5"] * 48, dtype=object)
    values[7] = "high"

    with pytest.raises(FileFormatError, match="column fapar holds 'high' in data row 8"):
        read_tidy(table(fapar=values))


def test_a_bad_date_is_an_error_that_says_where(tmp_path):
    frame = table(fapar=0.5)
    frame["time"] = frame["time"].astype(str)
    frame.loc[3, "time"] = "soon"

    with pytest.raises(FileFormatError, match="'soon' in data row 4"):
        read_tidy(frame)


def test_a_line_that_breaks_off_is_an_error(tmp_path):
    path = write_csv(tmp_path / "t.csv", table(fapar=0.5, lai=1.0))
    path.write_bytes(path.read_bytes()[:-5])

    with pytest.raises(FileFormatError, match="line 49 has 3 columns where the header has 4"):
        read_tidy(CsvSource(path))


def test_a_cut_gzip_file_is_an_error(tmp_path):
    packed = gzip.compress(table(fapar=0.5).to_csv(index=False).encode())
    (tmp_path / "t.csv.gz").write_bytes(packed[:-30])

    with pytest.raises(FileFormatError, match="cut or damaged"):
        read_tidy(CsvSource(tmp_path / "t.csv.gz"))


def test_one_stamp_a_site_needs_the_resolution():
    frame = table(fapar=0.5).iloc[[0, 24]]

    with pytest.raises(FileFormatError, match="do not tell the resolution"):
        read_tidy(frame)
    assert read_tidy(frame, resolution="YY")[0].resolution == "YY"
