"""GRIB of ERA5-Land, made with ecCodes from known hourly fluxes.

The extra ``test`` leaves ecCodes out: its native code and that of the libraries behind
regionmask crash at exit where one process loads both. ``.ci/run`` runs this file in an
environment of its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from era5_files import LATITUDE, LONGITUDE, era5_land, hourly_truth
from guards import no_compute

from xflux.files.drivers import open_drivers

try:
    import cfgrib  # noqa: F401
    import eccodes
except (ImportError, RuntimeError) as error:
    pytest.skip(f"GRIB needs cfgrib with ecCodes ({error})", allow_module_level=True)

PARAMETERS = {"ssrd": 169, "strd": 175, "tp": 228, "slhf": 147, "t2m": 167, "d2m": 168}


def write(path, ds):
    """Write messages as ERA5-Land's: starts at 00 UTC, steps of 1 to 24 hours, 16-bit packing."""
    with open(path, "wb") as file:
        for key, array in ds.data_vars.items():
            for time, field in zip(pd.DatetimeIndex(ds["time"]), array.values, strict=True):
                day = (time - pd.Timedelta(hours=1)).normalize()
                handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib1")
                keys = {
                    "centre": "ecmf",
                    "dataDate": int(day.strftime("%Y%m%d")),
                    "dataTime": 0,
                    "stepUnits": "h",
                    "endStep": int((time - day) / pd.Timedelta(hours=1)),
                    "Ni": LONGITUDE.size,
                    "Nj": LATITUDE.size,
                    "latitudeOfFirstGridPointInDegrees": LATITUDE[0],
                    "latitudeOfLastGridPointInDegrees": LATITUDE[-1],
                    "longitudeOfFirstGridPointInDegrees": LONGITUDE[0],
                    "longitudeOfLastGridPointInDegrees": LONGITUDE[-1],
                    "iDirectionIncrementInDegrees": 0.1,
                    "jDirectionIncrementInDegrees": 0.1,
                    "paramId": PARAMETERS[key],
                    "bitsPerValue": 16,
                }
                for name, value in keys.items():
                    eccodes.codes_set(handle, name, value)
                eccodes.codes_set_values(handle, field.ravel())
                eccodes.codes_write(handle, file)
                eccodes.codes_release(handle)


def test_grib_tells_its_product_and_gives_the_true_fluxes(tmp_path):
    truth = hourly_truth(days=2)
    path = tmp_path / "land.grib"
    write(path, era5_land(truth))
    with no_compute():
        ds = open_drivers(path)
    expected = truth.rename(latitude="lat", longitude="lon").sortby("lat")
    for name, tolerance in {"swin": 0.6, "lwin": 0.6, "le": 0.6, "p": 0.1}.items():
        np.testing.assert_allclose(ds[name], expected[name], atol=tolerance)
    np.testing.assert_allclose(ds["ta"], 20.0, rtol=1e-4)
    assert ds["vpd"].attrs["units"] == "hPa"
    assert [file.name for file in tmp_path.iterdir()] == ["land.grib"]
