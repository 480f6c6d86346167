"""open_towers: from files to a Dataset of dims (site, time)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tower_files import fluxnet_table, period_starts, write_csv, write_tower

import xflux
from xflux.errors import FileFormatError, InputError, XfluxWarning
from xflux.files.towers import open_towers
from xflux.labels.variables import IGBP, variables

MONTHS = period_starts("MM", 2003, 2004)
QC = np.resize([0.5, 0.8, 0.9, -9999.0], 24)
COLUMNS = {
    "TA_F": np.arange(24.0), "TA_F_QC": 1.0, "VPD_F": 6.0, "SW_IN_F": 150.0, "PA_F": 98.5,
    "P_F": 2.0, "CO2_F_MDS": -9999.0, "NEE_VUT_REF": -2.0, "NEE_VUT_REF_QC": QC,
    "NEE_VUT_REF_RANDUNC": 0.2, "GPP_NT_VUT_REF": 5.0, "GPP_DT_VUT_REF": 6.0,
    "RECO_NT_VUT_REF": 3.0, "RECO_DT_VUT_REF": 3.5, "LE_F_MDS": 60.0, "LE_F_MDS_QC": QC[::-1],
    "H_F_MDS": 30.0, "H_F_MDS_QC": 1.0,
}  # fmt: skip
SITES = pd.DataFrame(
    {"site": ["FI-Hyy", "DE-Tha"], "lat": [61.85, 50.96], "lon": [24.29, 13.57],
     "elv": [181.0, 380.0], "igbp": ["ENF", "ENF"]}
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    write_tower(tmp_path, "FI-Hyy", columns=COLUMNS)
    write_tower(tmp_path, "DE-Tha", columns=COLUMNS, first=2004, last=2005, suffix=".csv.gz")
    write_csv(tmp_path / "sites.csv", SITES)
    return tmp_path


def test_towers_have_dims_site_and_time_over_the_union_of_times(folder):
    ds = open_towers(folder)

    assert ds["site"].values.tolist() == ["DE-Tha", "FI-Hyy"]
    assert list(ds.indexes["time"]) == list(pd.date_range("2003-01-01", "2005-12-01", freq="MS"))
    assert all(ds[name].dims == ("site", "time") for name in ds.data_vars)
    np.testing.assert_array_equal(ds["ta"].sel(site="FI-Hyy")[:24], np.arange(24))
    np.testing.assert_array_equal(ds["ta"].sel(site="DE-Tha")[12:], np.arange(24))
    assert ds["ta"].sel(site="FI-Hyy")[24:].isnull().all()


def test_variables_bear_the_names_and_units_of_the_table(folder):
    ds = open_towers(folder)

    for name in ("ta", "vpd", "swin", "patm", "p", "nee", "gpp", "reco", "le", "h"):
        assert ds[name].attrs["units"] == variables[name].units
        assert ds[name].attrs["long_name"] == variables[name].long_name
        assert ds[name].dtype == np.float64
    assert float(ds["patm"].max()) == 98500.0


def test_only_the_variable_itself_bears_its_standard_name(folder):
    ds = open_towers(folder)

    names = [a["standard_name"] for v in ds.data_vars.values() if "standard_name" in (a := v.attrs)]
    assert len(names) == len(set(names))
    assert ds["gpp_dt"].attrs["units"] == "g m-2 d-1"
    assert "daytime" in ds["gpp_dt"].attrs["long_name"]


def test_flags_and_uncertainties_are_kept_and_pointed_to(folder):
    ds = open_towers(folder)

    assert ds["nee"].attrs["ancillary_variables"] == "nee_qc nee_randunc"
    assert {"nee_qc", "nee_randunc", "le_qc", "ta_qc"} <= set(ds.data_vars)
    np.testing.assert_array_equal(ds["nee_qc"].sel(site="FI-Hyy")[:4], [0.5, 0.8, 0.9, np.nan])


@pytest.mark.filterwarnings("ignore:.*official files go on:xflux.errors.XfluxWarning")
@pytest.mark.parametrize("resolution", ["HH", "HR", "DD", "WW", "MM", "YY"])
@pytest.mark.parametrize(
    "name",
    [
        "FLX_FI-Hyy_FLUXNET2015_FULLSET_{}_2003-{}_1-3.csv",
        "FLX_FI-Hyy_FLUXNET2015_SUBSET_{}_2003-{}_1-3.csv.gz",
        "AMF_US-Ha1_FLUXNET_FULLSET_{}_2003-{}_3-5.csv",
        "AMF_US-Ha1_FLUXNET_FLUXMET_{}_2003-{}_v1.3_r1.csv",
        "ICOSETC_BE-Lon_FLUXNET_{}_L2.csv",
    ],
)
def test_every_product_and_resolution_gives_the_same_fluxes(tmp_path, name, resolution):
    molar = 1e6 / 12.0107 / 86400
    carbon = {"HH": molar, "HR": molar, "YY": np.array([365.0, 366.0])}.get(resolution, 1.0)
    water = {"HH": 1 / 48, "HR": 1 / 24, "YY": np.array([365.0, 366.0])}.get(resolution, 1.0)
    columns = {"NEE_VUT_REF": -2.0 * carbon, "GPP_NT_VUT_REF": 5.0 * carbon,
               "RECO_NT_VUT_REF": 3.0 * carbon, "P_F": 2.5 * water, "TA_F": 10.0}  # fmt: skip
    last = 2003 if resolution in ("HH", "HR") else 2004
    path = write_csv(tmp_path / name.format(resolution, last), fluxnet_table(resolution, columns))

    ds = open_towers(path)

    assert ds.attrs["resolution"] == resolution
    for variable, value in {"nee": -2.0, "gpp": 5.0, "reco": 3.0, "p": 2.5, "ta": 10.0}.items():
        np.testing.assert_allclose(ds[variable], value, rtol=1e-12)


def test_ameriflux_base_is_read(tmp_path):
    table = fluxnet_table(
        "HH", {"FC_1_1_1": 1.0, "TA_1_1_1": 8.0, "PA": 99.0, "P": 0.5, "SW_IN_PI_F": 100.0,
               "LE": -9999, "SWC_1_1_1": 20.0}
    )  # fmt: skip
    path = write_csv(
        tmp_path / "AMF_US-UMB_BASE_HH_15-5.csv", table, above="# Site: US-UMB\n# Version: 15-5\n"
    )

    ds = open_towers(path)

    first = ds.isel(site=0, time=0)
    assert ds["site"].values.tolist() == ["US-UMB"]
    np.testing.assert_allclose(first["nee"], 12.0107e-6 * 86400)
    np.testing.assert_allclose([first["ta"], first["patm"], first["p"]], [8.0, 99000.0, 24.0])
    np.testing.assert_allclose([first["swin"], first["swc"]], [100.0, 0.2])
    assert ds["le"].isnull().all()
    assert ds["nee"].attrs["source"] == "FC_1_1_1"


def test_the_partitioning_is_chosen(folder):
    night, day = open_towers(folder), open_towers(folder, partitioning="DT")

    assert float(night["gpp"].max()) == float(day["gpp_nt"].max()) == 5.0
    assert float(day["gpp"].max()) == float(night["gpp_dt"].max()) == 6.0
    assert day["gpp"].attrs["source"] == "GPP_DT_VUT_REF"
    assert day.attrs["partitioning"] == "DT"


def test_a_partitioning_that_no_file_holds_is_an_error(tmp_path):
    path = write_tower(tmp_path, "FI-Hyy", columns={"GPP_DT_VUT_REF": 1.0, "TA_F": 1.0})

    with pytest.raises(InputError, match="'NT' is in none of the files; they hold 'DT'"):
        open_towers(path)


def test_a_partitioning_that_one_site_lacks_is_said(folder):
    write_tower(folder, "CH-Dav", columns={**COLUMNS, "GPP_NT_VUT_REF": -9999.0})

    gpp = open_towers(folder)["gpp"]

    assert gpp.sel(site="CH-Dav").isnull().all()
    assert "missing at CH-Dav" in gpp.attrs["comment"]


def test_a_site_without_vut_takes_cut_and_says_so(folder):
    with_cut = {name.replace("VUT", "CUT"): value for name, value in COLUMNS.items()}
    write_tower(folder, "CH-Dav", columns=with_cut)

    ds = open_towers(folder)

    assert float(ds["gpp"].sel(site="CH-Dav").max()) == 5.0
    assert ds["gpp"].attrs["source"] == "GPP_NT_VUT_REF; GPP_NT_CUT_REF at CH-Dav"


def test_fluxes_below_the_least_quality_are_nan(folder):
    ds = open_towers(folder, min_qc=0.8).sel(site="FI-Hyy", time=slice("2003", "2004"))

    good = QC >= 0.8
    for flux in ("nee", "gpp", "reco", "gpp_dt", "nee_randunc"):
        np.testing.assert_array_equal(ds[flux].notnull(), good)
    np.testing.assert_array_equal(ds["le"].notnull(), good[::-1])
    assert ds["h"].notnull().all()
    assert ds["ta"].notnull().all()


def test_the_sites_of_the_folder_are_taken_by_default(folder):
    ds = open_towers(folder)

    assert ds["lat"].values.tolist() == [50.96, 61.85]
    assert ds["elevation"].values.tolist() == [380.0, 181.0]
    assert ds["igbp"].values.tolist() == [IGBP["ENF"]] * 2
    assert ds.attrs["sites_table"] == "sites.csv"


def test_a_table_of_sites_may_be_given(folder):
    ds = open_towers(folder, sites=SITES.assign(lat=[1.0, 2.0]))

    assert ds["lat"].values.tolist() == [2.0, 1.0]


def test_sites_that_the_folder_s_table_lacks_are_named_in_the_attributes(folder):
    write_csv(folder / "sites.csv", SITES.iloc[:1])

    ds = open_towers(folder)

    np.testing.assert_array_equal(ds["lat"], [np.nan, 61.85])
    assert "DE-Tha" in ds.attrs["sites_table"]


def test_tidy_tables_are_joined(folder, tmp_path):
    fapar = pd.DataFrame({"site": "FI-Hyy", "time": MONTHS, "fapar": 0.6})
    lai = pd.DataFrame({"site": "DE-Tha", "time": MONTHS, "lai": 3.0})

    ds = open_towers(folder, extra=[fapar, write_csv(tmp_path / "lai.csv", lai)])

    assert float(ds["fapar"].sel(site="FI-Hyy", time="2003-05").item()) == 0.6
    assert float(ds["lai"].sel(site="DE-Tha", time="2004-05").item()) == 3.0
    assert ds.attrs["extra_tables"] == "a DataFrame, lai.csv"


def test_carbon_dioxide_is_filled_on_request(folder):
    record = xr.DataArray(
        np.full(36, 380.0), dims="time", attrs={"units": "ppm"},
        coords={"time": pd.date_range("2003-01-01", periods=36, freq="MS")},
    )  # fmt: skip

    assert open_towers(folder)["co2"].isnull().all()
    assert (open_towers(folder, co2=record)["co2"] == 380.0).all()


def test_only_the_named_variables_are_read(folder):
    ds = open_towers(folder, variables=["gpp", "le"], min_qc=0.8)

    assert set(ds.data_vars) == {"gpp", "nee_qc", "le", "le_qc"}
    np.testing.assert_array_equal(
        ds["gpp"].sel(site="FI-Hyy", time=slice("2003", "2004")).notnull(), QC >= 0.8
    )


def test_a_misspelt_variable_is_an_error_with_a_suggestion(folder):
    with pytest.raises(InputError, match=r"'swn' is not in the table.*swin"):
        open_towers(folder, variables=["swn"])


@pytest.mark.parametrize("names", [[], "gpp"])
def test_an_empty_or_bare_selection_is_an_error(folder, names):
    with pytest.raises(InputError, match="expected a list of names"):
        open_towers(folder, variables=names)


def test_variables_that_no_file_holds_are_an_error(folder):
    with pytest.raises(InputError, match="none of the variables ndvi is in the files"):
        open_towers(folder, variables=["ndvi"])


def test_two_files_of_the_same_period_are_an_error_that_names_both(folder):
    subset = folder / "FLX_FI-Hyy_FLUXNET2015_SUBSET_MM_2003-2004_1-3.csv"
    write_csv(subset, fluxnet_table("MM", {"TA_F": 1.0}))

    with pytest.raises(InputError, match=r"FULLSET.*SUBSET.*2003-01-01 00:00 to 2004-12-01"):
        open_towers(folder)


def test_files_of_one_site_that_follow_each_other_are_joined(tmp_path):
    write_tower(tmp_path, "FI-Hyy", columns={"TA_F": 1.0}, first=2001, last=2002)
    write_tower(tmp_path, "FI-Hyy", columns={"TA_F": 2.0}, first=2003, last=2004)

    ta = open_towers(tmp_path)["ta"]

    assert ta.sizes == {"site": 1, "time": 48}
    np.testing.assert_array_equal(ta[0], np.repeat([1.0, 2.0], 24))


def test_all_damaged_files_are_said_at_once(folder):
    for path in sorted(folder.glob("FLX_*")):
        raw = path.read_bytes()
        path.write_bytes(raw[: int(len(raw) * 0.8)])

    with pytest.raises(FileFormatError, match=r"(?s)2 problems.*DE-Tha.*FI-Hyy"):
        open_towers(folder)


def test_years_that_a_name_promises_and_the_file_lacks_are_warned_of(tmp_path):
    table = fluxnet_table("MM", {"TA_F": 1.0}, 2003, 2003)
    write_csv(tmp_path / "FLX_FI-Hyy_FLUXNET2015_FULLSET_MM_2003-2014_1-3.csv", table)

    with pytest.warns(XfluxWarning, match="holds 2003-2003 where its name says 2003-2014"):
        open_towers(tmp_path)


def test_a_unit_for_a_column_that_is_not_there_is_an_error(folder):
    with pytest.raises(InputError, match="units: 'fpar' is no column that was read"):
        open_towers(folder, units={"fpar": "%"})


def test_an_unknown_partitioning_is_an_error(folder):
    with pytest.raises(InputError, match="expected 'NT' or 'DT'"):
        open_towers(folder, partitioning="night")


def test_a_tidy_table_is_opened_like_the_files(tmp_path):
    tidy = pd.DataFrame(
        {"site": np.repeat(["FI-Hyy", "DE-Tha"], 24), "time": np.tile(MONTHS, 2),
         "gpp_gC_m2_d": 5.0, "nee_gC_m2_d": -2.0, "reco_gC_m2_d": 3.0, "swdown_MJ_m2_d": 8.64,
         "part": "train"}
    )  # fmt: skip
    write_csv(tmp_path / "monthly.csv.gz", tidy)
    write_csv(tmp_path / "sites.csv", SITES)

    ds = open_towers(tmp_path)

    np.testing.assert_allclose(ds["swin"], 100.0)
    assert ds.attrs["resolution"] == "MM"
    assert ds.attrs["ignored_columns"] == "part"
    assert "partitioning" not in ds.attrs
    assert ds["lat"].values.tolist() == [50.96, 61.85]
    xr.testing.assert_equal(ds.drop_vars(["lat", "lon", "elevation", "igbp"]), open_towers(tidy))


def test_the_result_is_written_and_read_back(folder, tmp_path):
    pytest.importorskip("netCDF4")
    ds = open_towers(folder, min_qc=0.8)

    ds.to_netcdf(tmp_path / "towers.nc")

    with xr.open_dataset(tmp_path / "towers.nc") as read:
        xr.testing.assert_equal(read.load(), ds)


def test_it_is_public():
    assert xflux.open_towers is open_towers


@pytest.mark.real
def test_the_icos_folder_is_opened_with_fapar(data):
    folder = data / "towers" / "icos_ww2020"

    ds = open_towers(folder, extra=folder / "fapar_monthly.csv.gz", min_qc=0.8)

    assert ds.sizes == {"site": 57, "time": 300}
    assert ds["lat"].notnull().all()
    assert (ds["igbp"] > 0).all()
    assert float(ds["fapar"].min()) >= 0
    assert float(ds["fapar"].max()) <= 1
    # Night-time partitioning: GPP - RECO = -NEE but for rounding and gaps of partitioning.
    inconsistent = (ds["partitioning_flag"] == 1).sum() / (ds["partitioning_flag"] >= 0).sum()
    assert float(inconsistent) == pytest.approx(0.037, abs=0.001)
    for name in ("nee", "le"):
        assert float(ds[f"{name}_qc"].where(ds[name].notnull()).min()) >= 0.8


@pytest.mark.real
def test_daily_and_monthly_icos_records_agree(data):
    folder = data / "towers" / "icos_ww2020"
    meteorology = ["ta", "swin", "lwin", "p", "patm", "vpd", "le", "swc", "co2"]
    # ONEFlux chooses the reference among ustar thresholds at each resolution anew.
    carbon = ["nee", "gpp", "reco"]
    daily = open_towers(folder / "fluxnet_daily.csv.gz", variables=meteorology + carbon)
    monthly = open_towers(folder, variables=meteorology + carbon)

    means = daily.resample(time="MS").mean(skipna=False)
    means, monthly = xr.align(means, monthly, join="inner")
    for name in meteorology:
        difference = np.abs(means[name] - monthly[name])
        assert int(difference.notnull().sum()) > 100
        assert float(difference.max()) < 3e-4 * float(np.abs(monthly[name]).mean()) + 6e-4
    for name in carbon:
        assert float(xr.corr(means[name], monthly[name])) > 0.99


@pytest.mark.real
def test_icos_and_the_gridded_table_agree_on_gpp(data):
    towers = data / "towers"
    icos = open_towers(towers / "icos_ww2020", variables=["gpp"])
    tidy = open_towers(towers / "fluxnet2015_monthly")

    a, b = xr.align(icos["gpp"], tidy["gpp"], join="inner")
    valid = (a.notnull() & b.notnull()).values

    assert valid.sum() > 500
    assert np.corrcoef(a.values[valid], b.values[valid])[0, 1] > 0.95
    assert abs(float((a - b).mean())) < 0.3
    assert {"ta_min", "ta_max", "swin", "vpd", "p", "co2", "lai", "fapar", "le"} <= set(tidy)
