"""Background carbon dioxide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute
from tower_files import period_starts

from xflux.errors import FileFormatError, InputError, UnitsError
from xflux.files.co2 import fill_co2, read_co2

ABOVE = "# NOAA\n# a note, with a comma\n#\n"
HEADER = "year,month,decimal date,average,deseasonalized,ndays,sdev,unc\n"


def write(path, rows, header=HEADER):
    path.write_text(
        ABOVE + header + "".join(f"{y},{m},{y}.0,{v},0,-1,-9.99,-0.99\n" for y, m, v in rows)
    )
    return path


def record(first="2003-01", periods=24):
    time = pd.date_range(first, periods=periods, freq="MS")
    values = 370.0 + np.arange(periods)
    return xr.DataArray(values, dims="time", coords={"time": time}, attrs={"units": "ppm"})


def towers(resolution="MM", **variables):
    time = period_starts(resolution, 2003, 2004)
    values = {
        name: (("site", "time"), np.broadcast_to(value, (2, len(time))).copy(), {"units": "ppm"})
        for name, value in variables.items()
    }
    return xr.Dataset(values, {"site": ["A", "B"], "time": time}, {"resolution": resolution})


def test_months_are_read_with_their_values(tmp_path):
    path = write(tmp_path / "co2_mm_mlo.csv", [(2003, 11, 373.25), (2003, 12, 374.5)])

    co2 = read_co2(path)

    assert co2.name == "co2"
    assert co2.dims == ("time",)
    assert co2.attrs["units"] == "ppm"
    assert co2["time"].values.astype("M8[D]").astype(str).tolist() == ["2003-11-01", "2003-12-01"]
    np.testing.assert_array_equal(co2, [373.25, 374.5])


def test_a_negative_mean_is_missing(tmp_path):
    path = write(tmp_path / "co2.csv", [(2003, 1, -99.99), (2003, 2, 374.5)])

    np.testing.assert_array_equal(read_co2(path), [np.nan, 374.5])


def test_another_file_is_an_error_that_says_what_was_expected(tmp_path):
    (tmp_path / "x.csv").write_text("site,time,fapar\nA,2003-01-01,0.5\n")

    with pytest.raises(FileFormatError, match=r"expected the columns year, month, average.*site"):
        read_co2(tmp_path / "x.csv")


def test_a_cut_file_is_an_error(tmp_path):
    path = write(tmp_path / "co2.csv", [(2003, 1, 373.0), (2003, 2, 374.5)])
    path.write_text(path.read_text()[:-22])

    with pytest.raises(FileFormatError, match="line 6 has 4 columns where the header has 8"):
        read_co2(path)


def test_gaps_take_the_value_of_their_month():
    measured = np.where(np.arange(24) < 6, 400.0, np.nan)

    filled = fill_co2(towers(co2=measured), record())["co2"]

    np.testing.assert_array_equal(
        filled, np.tile(np.where(np.arange(24) < 6, 400.0, record()), (2, 1))
    )


def test_days_take_the_value_of_their_month():
    filled = fill_co2(towers("DD", nee=0.0), record())["co2"]

    assert filled.dims == ("site", "time")
    np.testing.assert_array_equal(filled.sel(time="2004-02"), 370.0 + 13)


def test_years_take_the_mean_of_their_months():
    filled = fill_co2(towers("YY", nee=0.0), record())["co2"]

    np.testing.assert_array_equal(filled[0], [370 + 5.5, 370 + 17.5])


def test_beyond_the_record_nothing_is_made_up():
    filled = fill_co2(towers(nee=0.0), record("2003-07", 6))["co2"]

    assert filled.notnull().any("site").values.nonzero()[0].tolist() == list(range(6, 12))


def test_the_source_is_said():
    attrs = fill_co2(towers(co2=np.nan), record().assign_attrs(source="Mauna Loa"))["co2"].attrs

    assert attrs["source"] == "measured; gaps: Mauna Loa"
    assert attrs["units"] == "ppm"


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_lazy_towers_stay_lazy_and_keep_their_type(dtype):
    eager = towers(co2=np.where(np.arange(24) < 6, 400.0, np.nan)).astype(dtype)
    lazy = eager.chunk({"site": 1, "time": 5})

    with no_compute():
        filled = fill_co2(lazy, record())

    assert filled["co2"].chunks is not None
    assert filled["co2"].dtype == dtype
    np.testing.assert_array_equal(filled["co2"].compute(), fill_co2(eager, record())["co2"])


def test_towers_without_time_are_an_error():
    with pytest.raises(InputError, match="time coordinate"):
        fill_co2(xr.Dataset({"co2": ("site", [1.0])}), record())


def test_one_stamp_needs_the_resolution():
    one = towers(nee=0.0).isel(time=[0])

    with pytest.raises(InputError, match="how long a period is"):
        fill_co2(one.drop_attrs(), record())
    assert fill_co2(one, record())["co2"].values.tolist() == [[370.0], [370.0]]


@pytest.mark.real
def test_the_record_of_mauna_loa_is_read(data):
    co2 = read_co2(data / "budgets" / "co2_mm_mlo.csv")

    months = pd.DatetimeIndex(co2["time"].values)
    assert months.equals(pd.date_range(months[0], months[-1], freq="MS"))
    assert months[0] == pd.Timestamp("1958-03-01")
    # The growth rate of the 2010s, NOAA: 2.4 ppm per year.
    growth = co2.sel(time="2019").mean() - co2.sel(time="2009").mean()
    assert float(growth) / 10 == pytest.approx(2.4, abs=0.1)


def test_the_unit_of_the_record_is_converted():
    towers = xr.Dataset(coords={"time": pd.date_range("2001-01-01", periods=3, freq="MS")})
    fraction = xr.DataArray(
        [3.7e-4] * 3, dims="time", coords=towers.coords, attrs={"units": "mol mol-1"}
    )
    np.testing.assert_allclose(fill_co2(towers, fraction).co2, 370.0)
    with pytest.raises(UnitsError, match="'co2' has no units"):
        fill_co2(towers, fraction.drop_attrs())
