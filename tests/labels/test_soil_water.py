"""The water availability index of a Dataset: derived on request, lazily, time being whole."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import ChunkError, InputError, MissingVariableError


def climate(freq="MS", periods=36, **coords):
    rng = np.random.default_rng(0)
    shape = (periods, 4, 3)
    dims = ("time", "lat", "lon")
    wave = np.cos(2 * np.pi * np.arange(periods) / (12 if freq == "MS" else 365))[:, None, None]

    def made(values, units):
        return dims, np.broadcast_to(values, shape).astype("f4"), {"units": units}

    return xr.Dataset(
        {
            "p": made(rng.gamma(0.7, 3.0, shape), "mm d-1"),
            "ta": made(12.0 - 9.0 * wave, "degC"),
            "rnet": made(90.0 - 70.0 * wave, "W m-2"),
            "elevation": (("lat", "lon"), np.full((4, 3), 200.0, "f4"), {"units": "m"}),
        },
        coords={
            "time": xr.date_range("2001-01-01", periods=periods, freq=freq),
            "lat": [10.0, 20.0, 30.0, 40.0],
            "lon": [0.0, 10.0, 20.0],
            **coords,
        },
    )


def wai(ds, derive=("wai",)):
    return ds.flux.standardize(derive=derive).wai


@pytest.fixture(scope="module")
def ds():
    return climate()


def test_it_is_in_millimetres_and_says_what_it_is_made_of(ds):
    made = wai(ds)
    assert made.dims == ("time", "lat", "lon")
    assert (made.attrs["units"], made.dtype) == ("mm", np.float32)
    for word in ("100 mm", "Priestley", "barometric"):
        assert word in made.attrs["derivation"]
    assert float(made.min()) >= 0.0
    assert float(made.max()) <= 100.0
    # Summers are dry.
    assert float(made.groupby("time.month").mean()[[6, 7]].mean()) < float(
        made.groupby("time.month").mean()[[0, 1]].mean()
    )


def test_chunks_in_space_do_not_show_and_nothing_is_computed(ds):
    with no_compute():
        lazy = wai(ds.chunk(lat=3, lon=2))
    assert lazy.chunksizes["lat"] == (3, 1)
    xr.testing.assert_identical(lazy.compute(), wai(ds))


def test_chunks_in_time_are_refused_with_the_way_out(ds):
    with pytest.raises(ChunkError, match=r"\.chunk\(\{'time': -1\}\)"):
        wai(ds.chunk(time=12))


def test_potential_evapotranspiration_that_is_given_goes_first(ds):
    made = wai(
        ds.drop_vars(["ta", "rnet"])
        .assign(pet=ds["p"] * 0.0 + 1e-9)
        .assign(pet=lambda x: x.pet.assign_attrs(units="kg m-2 d-1"))
    )
    np.testing.assert_allclose(made, 100.0, rtol=1e-5)


def test_units_of_models_give_the_same(ds):
    rate = ds["p"].astype("f8") / 86400.0
    other = ds.drop_vars("p").assign(pr=rate.assign_attrs(units="kg m-2 s-1"))
    np.testing.assert_allclose(wai(other), wai(ds), rtol=1e-4)


def test_net_radiation_is_estimated_only_when_asked(ds):
    other = ds.drop_vars("rnet").assign(swin=ds["rnet"].clip(0).assign_attrs(units="W m-2"))
    with pytest.raises(MissingVariableError, match="pet"):
        wai(other)
    assert wai(other, ("wai", "rnet")).notnull().all()
    assert "wai" not in other.flux.standardize()


def test_days_months_and_a_mean_year_agree():
    days = climate("D", 731)
    months = days.drop_vars("elevation").resample(time="MS").mean(keep_attrs=True)
    months = months.assign(elevation=days["elevation"])
    fine = wai(days).resample(time="MS").mean()
    assert float(abs(fine - wai(months)).mean()) < 8.0
    year = climate(periods=12).groupby("time.month").mean(keep_attrs=True)
    dated = climate(periods=12)
    np.testing.assert_allclose(wai(year).transpose("month", ...), wai(dated), atol=0.6)


def test_a_gap_in_the_dates_is_a_gap_in_the_water(ds):
    broken = wai(ds.isel(time=np.r_[0:10, 14:36]))
    assert broken.isel(time=slice(0, 10)).notnull().all()
    assert broken.isel(time=10).isnull().any()


def test_without_time_there_is_no_bucket(ds):
    with pytest.raises(InputError, match="runs along time"):
        wai(ds.assign(p=ds["p"].isel(time=0, drop=True)))


def test_survives_a_round_trip(ds, tmp_path):
    made = ds.flux.standardize(derive=("wai", "swin_potential"))
    made.to_netcdf(tmp_path / "wai.nc")
    with xr.open_dataset(tmp_path / "wai.nc") as back:
        xr.testing.assert_allclose(back.flux.standardize(), made)
        assert back["wai"].attrs["units"] == "mm"
    assert xflux.variables["wai"].units == "mm"
