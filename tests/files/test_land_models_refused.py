"""Folders of land models that are refused, or in part: errors and warnings that name the file."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from land_model_files import STAMPS, cells, land_model_file

import xflux
from xflux.errors import (
    FileFormatError,
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxWarning,
)

PER_DAY = 86400e3  # of kg m-2 s-1, g m-2 d-1


def test_several_members_of_a_model_are_refused(tmp_path):
    for member in ("r1i1p1f1", "r2i1p1f1"):
        land_model_file(tmp_path, f"gpp_Lmon_MIROC6_historical_{member}_gn_200101-200212.nc")
    with pytest.raises(InputError, match="several members"):
        xflux.open_land_models(tmp_path)
    assert xflux.open_land_models(tmp_path / "*_r2i1p1f1_*.nc").sizes["model"] == 1


def test_mixed_scenarios_are_refused_until_one_is_chosen(tmp_path):
    land_model_file(tmp_path, "OAK_S2_gpp.nc", values=1e-8)
    land_model_file(tmp_path, "OAK_S3_gpp.nc", values=2e-8)
    with pytest.raises(InputError, match=r"several scenarios, S2, S3.*OAK_S2_gpp.*scenario="):
        xflux.open_land_models(tmp_path)
    gpp = xflux.open_land_models(tmp_path, scenario="S3")["gpp"]
    np.testing.assert_allclose(gpp, 2e-8 * PER_DAY, rtol=1e-6)
    with pytest.raises(InputError, match="no file is of it; there are S2, S3"):
        xflux.open_land_models(tmp_path, scenario="S1")


def test_negative_stocks_become_missing_with_a_warning_that_names_the_model(tmp_path):
    values = np.full((24, 6, 12), 3.0)
    values[11, 2, 3], values[11, 2, 4] = -0.5, -1e-9
    land_model_file(tmp_path, "OAK_S3_cSoil.nc", values=values, units="kg m-2")
    with no_compute():
        soil = xflux.open_land_models(tmp_path)["cSoil"]
    with pytest.warns(XfluxWarning, match=r"cSoil of OAK: 1 value\(s\) from -500"):
        soil = soil.compute()
    assert np.isnan(soil[0, 0, 2, 3])
    assert soil[0, 0, 2, 4] == 0.0
    assert int(soil.isnull().sum()) == 1


def test_fill_values_without_an_attribute_become_missing_with_a_warning(tmp_path):
    values = np.full((24, 6, 12), 1e-8)
    values[0, 0, 0] = 1e20
    land_model_file(tmp_path, "OAK_S3_gpp.nc", values=values)
    with pytest.warns(XfluxWarning, match="gpp of OAK"):
        gpp = xflux.open_land_models(tmp_path)["gpp"].compute()
    assert np.isnan(gpp[0, 0, 0, 0])


def test_a_missing_or_wrong_unit_names_file_and_variable(tmp_path):
    land_model_file(tmp_path, "OAK_S3_gpp.nc", units=None)
    land_model_file(tmp_path, "ELM_S3_cVeg.nc", units="kg m-2 s-1", stamps=[182.0, 547.0])
    with pytest.raises(UnitsError) as caught:
        xflux.open_land_models(tmp_path)
    assert "2 problems" in str(caught.value)
    assert "OAK_S3_gpp.nc" in str(caught.value)
    assert "'gpp' has no units" in str(caught.value)
    assert "ELM_S3_cVeg.nc" in str(caught.value)
    assert "expected 'g m-2'" in str(caught.value)


def test_an_unreadable_file_is_named(tmp_path):
    land_model_file(tmp_path, "OAK_S3_gpp.nc")
    (tmp_path / "ELM_S3_gpp.nc").write_bytes(b"not a file of numbers")
    with pytest.raises(FileFormatError, match=r"ELM_S3_gpp\.nc"):
        xflux.open_land_models(tmp_path)


def test_a_file_without_its_variable_is_named(tmp_path):
    land_model_file(tmp_path, "OAK_S3_gpp.nc", variable="albedo")
    with pytest.raises(FileFormatError, match=r"OAK_S3_gpp\.nc.*holds no 'gpp'.*'albedo'"):
        xflux.open_land_models(tmp_path)


def test_a_variable_that_no_model_has_is_an_error(tmp_path):
    land_model_file(tmp_path, "OAK_S3_gpp.nc")
    with pytest.raises(MissingVariableError, match="no model has 'cSoil'"):
        xflux.open_land_models(tmp_path, variables=["gpp", "cSoil"])
    with pytest.raises(InputError, match="'albedo' is no carbon variable"):
        xflux.open_land_models(tmp_path, variables=["albedo"])
    with pytest.raises(InputError, match="no file of 'ELM'"):
        xflux.open_land_models(tmp_path, models=["ELM"])


def test_names_that_cannot_be_read_are_told(tmp_path):
    land_model_file(tmp_path, "mask.nc", variable="mask")
    with pytest.raises(InputError, match=r"neither 'MODEL_S3_gpp\.nc'.*'mask\.nc'"):
        xflux.open_land_models(tmp_path)
    land_model_file(tmp_path, "OAK_S3_gpp.nc")
    land_model_file(tmp_path, "OAK_S3_mrso.nc")
    with pytest.warns(XfluxWarning, match="mask"):
        ds = xflux.open_land_models(tmp_path)
    assert set(ds.data_vars) == {"gpp"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"time_units": "fortnights"}, "expected such as 'days since"),
        ({"calendar": "martian"}, "martian"),
        ({"stamps": STAMPS[[0, 1, 2, 5]]}, "from 2001-03 to 2001-06; expected every month"),
        ({"stamps": STAMPS[::-1]}, "not in order"),
        ({"stamps": STAMPS[:3] / 31}, "several in one month"),
        ({"stamps": [182.0, 547.0]}, "is by year, expected months"),
        ({"grid": (np.array([0.0]), cells()[1])}, "size of a cell cannot be told"),
        ({"grid": (cells()[0] * 2.0, cells()[1])}, "not degrees of latitude"),
    ],
)
def test_files_that_cannot_be_placed_are_named(tmp_path, given, message):
    land_model_file(tmp_path, "OAK_S3_gpp.nc", **given)
    with pytest.raises(InputError, match=message) as caught:
        xflux.open_land_models(tmp_path)
    assert "OAK_S3_gpp.nc" in str(caught.value)


def test_a_grid_that_is_none_is_refused_before_files_are_read(tmp_path):
    with pytest.raises(TypeError, match=r"grid='1deg' is no grid: give a Dataset or DataArray"):
        xflux.open_land_models(tmp_path / "nowhere", grid="1deg")


def test_further_dimensions_are_refused_unless_they_have_one_value(tmp_path):
    path = land_model_file(tmp_path, "OAK_S3_gpp.nc")
    with xr.open_dataset(path, decode_times=False) as ds:
        ds = ds.load()
    ds.expand_dims(lev=1, axis=1).to_netcdf(path)
    assert xflux.open_land_models(tmp_path)["gpp"].dims == ("model", "time", "lat", "lon")
    xr.concat([ds, ds], dim="pft", data_vars="all").to_netcdf(path)
    with pytest.raises(InputError, match=r"OAK_S3_gpp.*'gpp' has the dims.*pft"):
        xflux.open_land_models(tmp_path)


def test_the_scenario_of_a_written_folder_is_one_of_trendy(tmp_path):
    earth = xflux.twin.Earth(resolution=10.0, start="2001", end="2003", seed=1)
    with pytest.raises(InputError, match="none of TRENDY"):
        xflux.twin.write_land_models(earth, tmp_path, n=1, scenario="historical")
