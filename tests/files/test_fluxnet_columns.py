"""Columns of the official products: which variable, which unit, which flag."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tower_files import FREQUENCIES, period_starts

from xflux.files.fluxnet_columns import (
    SUFFIXES,
    choose_columns,
    flag_name,
    flags_of,
    is_fluxnet_column,
    split_name,
    to_variables,
)
from xflux.files.records import describe_tower_variable
from xflux.labels.variables import variables

CARBON = 12.0107  # g mol-1
RESOLUTIONS = ["HH", "HR", "DD", "WW", "MM", "YY"]


def converted(columns, resolution="MM", partitioning="NT", *, base=False, rows=None):
    index = period_starts(resolution, 2003, 2004)[:rows]
    frame = pd.DataFrame(
        {name: np.broadcast_to(value, len(index)).astype("f8") for name, value in columns.items()},
        index=index,
    )
    chosen = choose_columns(list(frame.columns), partitioning, base=base)
    return to_variables(frame, chosen, resolution)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("flux", ["NEE_VUT_REF", "GPP_NT_VUT_REF", "RECO_NT_VUT_REF"])
def test_carbon_is_in_grams_per_day_at_every_resolution(resolution, flux):
    # 2 gC m-2 d-1 as each file writes it.
    written = {"HH": 2 / CARBON / 86400 * 1e6, "HR": 2 / CARBON / 86400 * 1e6, "DD": 2.0}
    written |= {"WW": 2.0, "MM": 2.0, "YY": np.array([730.0, 732.0])}

    frame, _ = converted({flux: written[resolution]}, resolution)

    np.testing.assert_allclose(frame[flux.split("_")[0].lower()], 2.0, rtol=1e-12)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_uncertainties_of_nee_have_the_unit_of_nee(resolution):
    value = 100.0
    frame, _ = converted(
        {"NEE_VUT_REF": value, "NEE_VUT_REF_RANDUNC": value, "NEE_VUT_REF_JOINTUNC": value,
         "NEE_VUT_25": value, "NEE_VUT_SE": value, "NEE_CUT_REF": value},
        resolution,
    )  # fmt: skip

    for name in ("nee_randunc", "nee_jointunc", "nee_25", "nee_se", "nee_cut"):
        np.testing.assert_array_equal(frame[name], frame["nee"])


@pytest.mark.parametrize("partitioning", ["NT", "DT"])
def test_all_that_tells_the_uncertainty_of_a_flux_is_kept(partitioning):
    ends = ("16", "84", "SE")
    columns = {f"{flux}_VUT_{end}": 3.0 for flux in ("NEE", "GPP_NT", "RECO_DT") for end in ends}
    columns |= {f"{flux}_{way}_VUT_REF": 2.0 for flux in ("GPP", "RECO") for way in ("NT", "DT")}
    columns |= {f"{flux}_{end}": 40.0 for flux in ("LE", "H") for end in ("RANDUNC", "CORR")}

    frame, source = converted(columns, partitioning=partitioning)

    other = "dt" if partitioning == "NT" else "nt"
    flux = "gpp" if partitioning == "NT" else "reco"
    assert {f"{flux}_{end.lower()}" for end in ends} | {f"gpp_{other}", f"reco_{other}"} <= set(
        frame
    )
    assert source[f"gpp_{other}"] == f"GPP_{other.upper()}_VUT_REF"
    assert {"le_randunc", "le_corr", "h_randunc", "h_corr", "nee_16", "nee_84"} <= set(frame)


@pytest.mark.parametrize("name", ["gpp_84", "nee_randunc", "reco_dt", "le_corr", "h_randunc"])
def test_uncertainties_are_named_and_have_the_unit_of_their_flux(name):
    attrs = describe_tower_variable(name, "a column")
    variable, suffix = split_name(name)
    assert attrs["units"] == variables[variable].units
    assert str(attrs["long_name"]).endswith(SUFFIXES[suffix])
    assert "standard_name" not in attrs


@pytest.mark.parametrize(
    ("resolution", "written"),
    [("HH", 0.1), ("HR", 0.2), ("DD", 4.8), ("WW", 4.8), ("MM", 4.8),
     ("YY", np.array([4.8 * 365, 4.8 * 366]))],
)  # fmt: skip
def test_precipitation_is_in_mm_per_day_at_every_resolution(resolution, written):
    frame, _ = converted({"P_F": written}, resolution)

    np.testing.assert_allclose(frame["p"], 4.8, rtol=1e-12)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize(
    ("column", "name", "written", "canonical"),
    [
        ("TA_F", "ta", 12.5, 12.5),
        ("VPD_F", "vpd", 7.0, 7.0),
        ("PA_F", "patm", 98.5, 98500.0),
        ("SWC_F_MDS_1", "swc", 23.0, 0.23),
        ("RH", "rh_air", 64.0, 0.64),
        ("CO2_F_MDS", "co2", 400.0, 400.0),
        ("SW_IN_F", "swin", 150.0, 150.0),
        ("LE_F_MDS", "le", 60.0, 60.0),
        ("PPFD_IN", "ppfd_in", 300.0, 300.0),
        ("NETRAD", "rnet", 90.0, 90.0),
        ("WS_F", "wind_speed", 3.0, 3.0),
        ("TS_F_MDS_1", "tsoil", 8.0, 8.0),
        ("G_F_MDS", "g", 2.0, 2.0),
        ("USTAR", "ustar", 0.4, 0.4),
    ],
)
def test_units_that_no_resolution_changes(resolution, column, name, written, canonical):
    frame, columns = converted({column: written}, resolution)

    np.testing.assert_allclose(frame[name], canonical, rtol=1e-12)
    assert columns[name] == column


@pytest.mark.parametrize(("chosen", "other"), [("NT", "dt"), ("DT", "nt")])
def test_the_partitioning_is_chosen_and_the_other_kept(chosen, other):
    frame, columns = converted(
        {"GPP_NT_VUT_REF": 1.0, "GPP_DT_VUT_REF": 2.0, "RECO_NT_VUT_REF": 3.0,
         "RECO_DT_VUT_REF": 4.0, "GPP_NT_VUT_25": 0.5, "GPP_DT_VUT_25": 1.5},
        partitioning=chosen,
    )  # fmt: skip

    assert columns["gpp"] == f"GPP_{chosen}_VUT_REF"
    assert columns["reco"] == f"RECO_{chosen}_VUT_REF"
    assert columns["gpp_25"] == f"GPP_{chosen}_VUT_25"
    assert columns[f"gpp_{other}"] == f"GPP_{other.upper()}_VUT_REF"
    assert f"gpp_{chosen.lower()}" not in frame


def test_cut_stands_in_where_there_is_no_vut():
    frame, columns = converted(
        {"NEE_CUT_REF": 1.0, "NEE_CUT_REF_QC": 0.9, "NEE_CUT_25": 0.5, "GPP_NT_CUT_REF": 2.0}
    )

    assert columns["nee"] == "NEE_CUT_REF"
    assert columns["nee_qc"] == "NEE_CUT_REF_QC"
    assert columns["nee_25"] == "NEE_CUT_25"
    assert columns["gpp"] == "GPP_NT_CUT_REF"
    assert "nee_cut" not in frame


def test_cut_stands_in_for_all_fluxes_where_vut_holds_no_value():
    _, columns = converted(
        {"NEE_VUT_REF": np.nan, "NEE_CUT_REF": 1.0, "GPP_NT_VUT_REF": 2.0, "GPP_NT_CUT_REF": 2.0,
         "RECO_NT_VUT_REF": 3.0, "RECO_NT_CUT_REF": 3.0}
    )  # fmt: skip

    assert [columns[flux] for flux in ("nee", "gpp", "reco")] == [
        "NEE_CUT_REF",
        "GPP_NT_CUT_REF",
        "RECO_NT_CUT_REF",
    ]


@pytest.mark.parametrize("resolution", ["HH", "HR"])
def test_flags_of_half_hours_become_fractions(resolution):
    flags = np.array([0.0, 1.0, 2.0, 3.0, np.nan])
    frame, _ = converted(
        {"NEE_VUT_REF": np.ones(5), "NEE_VUT_REF_QC": flags, "TA_F": np.ones(5), "TA_F_QC": flags},
        resolution,
        rows=5,
    )

    np.testing.assert_array_equal(frame["nee_qc"], [1, 1, 0, 0, np.nan])
    np.testing.assert_array_equal(frame["ta_qc"], [1, 1, 0, 0, np.nan])
    np.testing.assert_array_equal(frame["nee_flag"], flags)


def test_the_mean_of_half_hourly_fractions_is_what_a_daily_file_holds():
    # FLUXNET2015: the flag of a day is the fraction of half-hours with flag 0 or 1.
    codes = np.resize([0.0, 1.0, 2.0, 3.0, 0.0, 0.0], 48)
    frame, _ = converted({"TA_F": np.ones(48), "TA_F_QC": codes}, "HH", rows=48)

    assert frame["ta_qc"].mean() == pytest.approx(np.isin(codes, [0, 1]).mean())


def test_fractions_of_days_and_months_stay():
    frame, _ = converted({"LE_F_MDS": 1.0, "LE_F_MDS_QC": 0.73}, "MM")

    np.testing.assert_array_equal(frame["le_qc"], 0.73)
    assert "le_flag" not in frame


def test_a_flag_is_that_of_the_column_that_was_taken():
    _, columns = converted({"TA_F_MDS": 1.0, "TA_F_MDS_QC": 0.2, "TA_F": 1.0, "TA_F_QC": 0.9})

    assert columns["ta_qc"] == "TA_F_QC"


def test_the_first_alias_of_the_table_wins():
    # The order of the columns in the file is the reverse of the order of preference.
    present = [a for a in reversed(variables["lwin"].aliases) if a.startswith("LW_IN")]

    _, columns = converted(dict.fromkeys(present, 300.0))

    assert columns["lwin"] == "LW_IN_F"


def test_latent_heat_is_taken_uncorrected_and_the_corrected_kept():
    frame, columns = converted(
        {"LE_CORR": 117.0, "LE_F_MDS": 100.0, "LE_RANDUNC": 5.0, "LE_CORR_25": 110.0}
    )

    assert columns["le"] == "LE_F_MDS"
    assert frame[["le", "le_corr", "le_randunc", "le_corr_25"]].iloc[0].tolist() == [
        100.0, 117.0, 5.0, 110.0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "name"),
    [("FC_1_1_1", "nee"), ("FC_1_2_1", "nee"), ("NEE_PI_F", "nee"), ("TA_1_2_1", "ta"),
     ("TA_PI_F_1_1_1", "ta"), ("SW_IN_PI_F", "swin"), ("USTAR_1_1_1", "ustar"),
     ("LE_PI_F_1_1_1", "le"), ("GPP_PI_1_1_1", "gpp"), ("RH_1_3_1", "rh_air")],
)  # fmt: skip
def test_qualifiers_of_ameriflux_base_are_understood(column, name):
    _, columns = converted({column: 1.0}, "HH", base=True)

    assert columns == {name: column}


def test_quality_tests_of_ameriflux_base_become_fractions():
    _, columns = converted({"FC_1_1_1": 1.0, "FC_SSITC_TEST_1_1_1": 0.0}, "HH", base=True)
    frame, _ = converted(
        {"LE": np.ones(3), "LE_SSITC_TEST": np.array([0.0, 1.0, 2.0])}, "HH", base=True, rows=3
    )

    assert columns["nee_qc"] == "FC_SSITC_TEST_1_1_1"
    np.testing.assert_array_equal(frame["le_qc"], [1, 1, 0])


def test_statistics_of_ameriflux_base_are_not_taken_for_the_variable():
    header = ["TA_1_1_1_SD", "TA_1_1_1_N", "FC_SSITC_TEST"]

    assert choose_columns(header, base=True) == {}


def test_what_is_wanted_brings_its_flags():
    header = ["GPP_NT_VUT_REF", "NEE_VUT_REF", "NEE_VUT_REF_QC", "TA_F", "TA_F_QC", "P_F"]

    assert set(choose_columns(header, wanted=["gpp", "ta"])) == {"gpp", "nee_qc", "ta", "ta_qc"}


@pytest.mark.parametrize(
    ("name", "parts"),
    [("gpp", ("gpp", "")), ("gpp_dt", ("gpp", "dt")), ("wind_speed_qc", ("wind_speed", "qc")),
     ("le_corr_25", ("le", "corr_25")), ("nee_cut_qc", ("nee", "cut_qc")),
     ("ta_min", ("ta_min", "")), ("gpp_week_mean", ("", "")), ("nothing", ("", ""))],
)  # fmt: skip
def test_names_are_split_into_variable_and_suffix(name, parts):
    assert split_name(name) == parts


def test_no_suffix_makes_the_name_of_another_variable():
    made = {f"{name}_{suffix}" for name in variables for suffix in SUFFIXES}

    assert not made & set(variables)


def test_gpp_and_reco_go_by_the_flag_of_nee():
    assert flag_name("gpp") == flag_name("reco_dt") == "nee_qc"
    assert flag_name("le_corr") == "le_qc"
    assert flag_name("gpp_cut") == "nee_cut_qc"
    assert flags_of(["gpp", "ta"]) == {"gpp_qc", "nee_qc", "ta_qc"}


@pytest.mark.parametrize("column", ["NEE_VUT_REF_QC", "TA_F", "LE_F_MDS_QC", "GPP_DT_CUT_25"])
def test_names_of_the_product_are_known(column):
    assert is_fluxnet_column(column)


@pytest.mark.parametrize("column", ["gpp_gC_m2_d", "fapar", "TA", "tmin_C", "whc"])
def test_other_names_are_not_taken_for_those_of_the_product(column):
    assert not is_fluxnet_column(column)


def test_every_resolution_with_a_fixed_step_is_covered_here():
    assert set(FREQUENCIES) | {"WW"} == set(RESOLUTIONS)
