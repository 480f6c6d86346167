"""Tables of sites."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tower_files import write_csv

from xflux.errors import FileFormatError, InputError, XfluxWarning
from xflux.files.sites import attach_sites, read_sites
from xflux.labels.variables import IGBP, KOPPEN

TABLE = pd.DataFrame(
    {"site": ["FI-Hyy", "DE-Tha"], "lat": [61.85, 50.96], "lon": [24.29, 13.57],
     "elv": [181.0, 380.0], "igbp": ["ENF", "enf"], "koeppen": ["Dfc", "Cfb"],
     "name": ["Hyytiälä", "Tharandt"], "whc": [1.0, 2.0]}
)  # fmt: skip


def towers(*sites):
    return xr.Dataset({"nee": (("site", "time"), np.zeros((len(sites), 1)))}, {"site": list(sites)})


def test_sites_get_place_height_and_classes():
    ds = attach_sites(towers("DE-Tha", "FI-Hyy"), read_sites(TABLE), "sites.csv")

    assert ds["lat"].values.tolist() == [50.96, 61.85]
    assert ds["elevation"].values.tolist() == [380.0, 181.0]
    assert ds["igbp"].values.tolist() == [IGBP["ENF"]] * 2
    assert ds["koppen"].values.tolist() == [KOPPEN["Cfb"], KOPPEN["Dfc"]]
    assert ds["name"].values.tolist() == ["Tharandt", "Hyytiälä"]
    assert all(ds[name].dims == ("site",) and name in ds.coords for name in ("lat", "igbp"))


def test_classes_bear_their_meanings():
    ds = attach_sites(towers("FI-Hyy"), read_sites(TABLE), "sites.csv")

    assert ds["igbp"].dtype == np.int8
    meanings = dict(zip(ds["igbp"].flag_values, ds["igbp"].flag_meanings.split(), strict=True))
    assert meanings[int(ds["igbp"][0])] == "ENF"


@pytest.mark.parametrize(
    "columns",
    [
        ["SITE_ID", "LOCATION_LAT", "LOCATION_LONG", "LOCATION_ELEV", "IGBP", "CLIMATE_KOEPPEN",
         "SITE_NAME"],
        ["sitename", "Latitude", "Longitude", "elevation", "igbp_land_use", "koeppen_code", "Name"],
        ["Site ID", "LAT", "LON", "alt", "Veg", "Clim", "long_name"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_columns_go_by_their_usual_names(tmp_path, columns, separator):
    given = TABLE.drop(columns="whc").set_axis(columns, axis=1)
    given.to_csv(tmp_path / "s.csv", index=False, sep=separator)

    pd.testing.assert_frame_equal(read_sites(tmp_path / "s.csv"), read_sites(TABLE))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_accents_are_read_in_the_usual_encodings(tmp_path, encoding):
    (tmp_path / "s.csv").write_bytes(TABLE.to_csv(index=False).encode(encoding))

    assert read_sites(tmp_path / "s.csv").loc["FI-Hyy", "name"] == "Hyytiälä"


def test_the_long_form_of_badm_is_read(tmp_path):
    rows = [
        ("FI-Hyy", "LOCATION_LAT", "61.85"), ("FI-Hyy", "LOCATION_LONG", "24.29"),
        ("FI-Hyy", "IGBP", "ENF"), ("FI-Hyy", "HEIGHTC", "17"), ("FI-Hyy", "HEIGHTC", "18"),
    ]  # fmt: skip
    long = pd.DataFrame(rows, columns=["SITE_ID", "VARIABLE", "DATAVALUE"]).assign(GROUP_ID=1)

    read = read_sites(write_csv(tmp_path / "ICOSETC_FI-Hyy_SITEINFO_L2.csv", long))

    assert read.loc["FI-Hyy"].to_dict() == {"lat": 61.85, "lon": 24.29, "igbp": IGBP["ENF"]}


def test_several_tables_are_joined():
    read = read_sites([TABLE.iloc[:1], TABLE.iloc[1:]])

    pd.testing.assert_frame_equal(read, read_sites(TABLE))


def test_rows_that_say_the_same_count_once():
    pd.testing.assert_frame_equal(read_sites(pd.concat([TABLE, TABLE])), read_sites(TABLE))


def test_a_site_with_two_places_is_an_error():
    with pytest.raises(InputError, match="holds FI-Hyy more than once"):
        read_sites([TABLE, TABLE.assign(lat=[1.0, 50.96])])


def test_numbers_of_classes_are_taken_as_in_the_table():
    read = read_sites(TABLE.assign(igbp=[1, 12]))

    assert read["igbp"].tolist() == [IGBP["ENF"], IGBP["CRO"]]


def test_an_empty_class_is_unknown():
    read = read_sites(TABLE.assign(igbp=["", None], koeppen=["-", "Cfb"]))

    assert read["igbp"].tolist() == [-1, -1]
    assert read["koppen"].tolist() == [-1, KOPPEN["Cfb"]]


def test_a_class_that_is_none_is_warned_of():
    with pytest.warns(XfluxWarning, match="1 values of igbp are no igbp class.*'JUNGLE'"):
        read = read_sites(TABLE.assign(igbp=["ENF", "JUNGLE"]))

    assert read["igbp"].tolist() == [IGBP["ENF"], -1]


def test_sites_that_the_table_lacks_are_warned_of_and_left_unknown():
    with pytest.warns(XfluxWarning, match="without 1 of 2 sites: CH-Dav"):
        ds = attach_sites(towers("FI-Hyy", "CH-Dav"), read_sites(TABLE), "sites.csv")

    np.testing.assert_array_equal(ds["lat"], [61.85, np.nan])
    assert ds["igbp"].values.tolist() == [IGBP["ENF"], -1]
    assert "CH-Dav" in ds.attrs["sites_table"]


def test_a_table_of_other_sites_is_an_error():
    with pytest.raises(InputError, match=r"none of the 1 sites \(such as CH-Dav\)"):
        attach_sites(towers("CH-Dav"), read_sites(TABLE), "sites.csv")


@pytest.mark.parametrize(("column", "value"), [("lat", 95.0), ("lon", -200.0), ("lat", "north")])
def test_a_place_that_is_none_is_an_error(column, value):
    with pytest.raises(InputError, match=f"the table of sites: {column} holds '{value}'"):
        read_sites(TABLE.astype({column: object}).assign(**{column: [value, 1.0]}))


def test_a_table_without_sites_is_an_error():
    with pytest.raises(FileFormatError, match="no column with the site code"):
        read_sites(TABLE.drop(columns="site"))


def test_a_table_with_nothing_to_join_is_an_error():
    with pytest.raises(FileFormatError, match="none of the columns lat, lon"):
        read_sites(TABLE[["site", "whc"]])


@pytest.mark.real
def test_real_tables_of_sites_are_read(data):
    icos = read_sites(data / "towers" / "icos_ww2020" / "sites.csv")
    weekly = read_sites(data / "towers" / "weekly_fapar_gpp" / "sites.csv")

    shared = icos.index.intersection(weekly.index)
    assert len(shared) > 20
    np.testing.assert_allclose(icos.loc[shared, "lat"], weekly.loc[shared, "lat"], atol=0.02)
    assert (icos.loc[shared, "igbp"] == weekly.loc[shared, "igbp"]).mean() > 0.9
