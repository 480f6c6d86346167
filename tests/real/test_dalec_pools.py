"""DALEC's pools in the second half, from its production and turnover learned in the first."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.carbon.pool_kernel import POOLS

pytestmark = pytest.mark.real

HALF = 84


@pytest.fixture(scope="module")
def dalec(data):
    """Return production and pools, one of the four cells, which are alike, of ten members.

    Steps are a twelfth of 365.25 days, and pools are at their end: this closes the carbon of
    the file to round-off. Labile carbon is counted as leaf.
    """
    path = data / "land_models" / "cardamom_dalec" / "cardamom_dalec_10ens_2x2deg.nc"
    with xr.open_dataset(path, decode_times=False) as file:
        raw = file.isel(lat=0, lon=0, drop=True).load()
    edges = np.datetime64("2001-01-01T00:00:00", "ns") + np.arange(169) * np.timedelta64(
        2_629_800, "s"
    )
    time = edges[:-1] + np.diff(edges) / 2
    fed = {
        "leaf": raw.NPP_to_Labile + raw.NPP_to_Leaf, "wood": raw.NPP_to_Wood,
        "root": raw.NPP_to_Root,
    }  # fmt: skip
    stocks = {
        "cLeaf": raw.Labile + raw.Leaf, "cWood": raw.Wood, "cRoot": raw.Root,
        "cLitter": raw.Litter, "cSoil": raw.Soil,
    }  # fmt: skip
    ds = xr.Dataset({"npp": sum(fed.values()), **stocks}).assign_coords(time=time)
    ds = ds.assign_coords(time_bnds=(("time", "bnds"), np.stack([edges[:-1], edges[1:]], -1)))
    ds.time.attrs["bounds"] = "time_bnds"
    ds.npp.attrs["units"] = "g m-2 d-1"
    for name in POOLS:
        ds[name].attrs["units"] = "g m-2"
    first = slice(0, HALF)
    total = sum(flux.isel(time=first).mean("time") for flux in fed.values())
    shares = {
        f"npp_to_{part}": (flux.isel(time=first).mean("time") / total).assign_attrs(units="1")
        for part, flux in fed.items()
    }
    return ds, shares


@pytest.fixture(scope="module")
def halves(dalec):
    """Return predicted and given pools of the second half; the run starts with the first."""
    ds, shares = dalec
    learned = xflux.fit_turnover(ds.isel(time=slice(0, HALF)), shares)
    start = ds[list(POOLS)].isel(time=0, drop=True)
    run = xflux.simulate_pools(ds[["npp"]].isel(time=slice(1, None)), learned, initial=start)
    return run.isel(time=slice(-HALF, None)), ds.isel(time=slice(HALF, None))


def r2(predicted, given):
    """Return the squared correlation over members and months."""
    dims = given.dims
    return float(np.corrcoef(predicted.transpose(*dims).values.flat, given.values.flat)[0, 1] ** 2)


@pytest.mark.parametrize(
    ("name", "least"),
    [("cLeaf", 0.97), ("cWood", 0.999), ("cRoot", 0.999), ("cLitter", 0.96), ("cSoil", 0.999)],
)
def test_pools_of_the_second_half_are_predicted(halves, name, least):
    predicted, given = halves
    assert r2(predicted[name], given[name]) >= least


@pytest.mark.parametrize(("name", "least"), [("cWood", 0.999), ("cRoot", 0.99), ("cSoil", 0.97)])
def test_slow_pools_also_change_within_a_member_as_they_should(halves, name, least):
    """Leaves and litter do not: DALEC's leaf fall and decay follow season and weather."""
    predicted, given = (pools[name] - pools[name].mean("time") for pools in halves)
    assert r2(predicted, given) >= least


def test_pools_that_stay_as_they_are_predict_slow_ones_worse(dalec, halves):
    ds, _ = dalec
    predicted, given = halves
    for name in ("cWood", "cRoot", "cSoil"):
        still = ds[name].isel(time=HALF - 1, drop=True)
        error = abs(predicted[name] - given[name]).mean()
        assert float(error) < 0.3 * float(abs(still - given[name]).mean()), name
