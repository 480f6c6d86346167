"""Mean seasonal cycles: of the same sites and times on both sides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from xflux.commands.cycles import mean_cycles
from xflux.labels.attach import attributes


def make_pair(sites: int = 3) -> tuple[xr.DataArray, xr.DataArray]:
    """Return two years at some sites, all of one class."""
    random = np.random.default_rng(0)
    times = pd.date_range("2001-01", periods=24, freq="MS")
    coords = {
        "site": [f"S{k}" for k in range(sites)],
        "time": times,
        "igbp": ("site", np.full(sites, 4, "i1"), attributes("igbp")),
    }
    observed, predicted = (
        xr.DataArray(random.normal(5, 2, (sites, 24)), coords, ("site", "time"), name="gpp")
        for _ in range(2)
    )
    return observed, predicted


def test_a_time_that_one_side_lacks_counts_for_neither():
    observed, predicted = make_pair(1)
    predicted[0, 3] = np.nan
    cycles = mean_cycles(observed, predicted).isel(group=0)
    april = cycles.sel(month=4)
    assert float(april.sel(estimate="observed")) == float(observed[0, 15])
    assert float(april.sel(estimate="baseline")) == float(predicted[0, 15])
    np.testing.assert_allclose(
        cycles.sel(month=1, estimate="observed"), (observed[0, 0] + observed[0, 12]) / 2
    )


def test_a_site_without_one_month_is_left_out():
    observed, predicted = make_pair(3)
    observed[1, [6, 18]] = np.nan
    cycles = mean_cycles(observed, predicted)
    assert list(cycles["group"].values) == ["DBF (2 sites)"]
    expected = observed.isel(site=[0, 2]).groupby("time.month").mean().mean("site")
    np.testing.assert_allclose(cycles.sel(estimate="observed").isel(group=0), expected)


def test_every_site_weighs_alike_whatever_its_length():
    observed, predicted = make_pair(2)
    observed[0, 12:] = np.nan
    cycles = mean_cycles(observed, predicted)
    january = (observed[0, 0] + (observed[1, 0] + observed[1, 12]) / 2) / 2
    np.testing.assert_allclose(cycles.sel(estimate="observed", month=1), [january])


def test_without_a_complete_site_there_is_no_cycle():
    observed, predicted = make_pair(2)
    predicted[:, [2, 14]] = np.nan
    assert mean_cycles(observed, predicted) is None


def test_without_classes_all_sites_are_one():
    observed, predicted = make_pair(3)
    cycles = mean_cycles(observed.drop_vars("igbp"), predicted.drop_vars("igbp"))
    assert list(cycles["group"].values) == ["all sites (3 sites)"]
