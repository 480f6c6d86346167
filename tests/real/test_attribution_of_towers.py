"""What acts on measured fluxes at ICOS towers, beside what rank correlations say."""

from __future__ import annotations

import numpy as np
import pytest

import xflux

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def towers(data):
    folder = data / "towers" / "icos_ww2020"
    ds = xflux.open_towers(folder, min_qc=0.8)
    return xflux.fill_co2(ds, xflux.read_co2(data / "budgets" / "co2_mm_mlo.csv"))


def shares(found, child, parent):
    """Return median effect, and the shares of towers whose interval lies above and below 0."""
    low, middle, high = found.effects.sel(child=child, parent=parent, effect="total").transpose(
        "quantile", "site"
    )
    told = np.isfinite(middle)
    return float(middle.median()), float((low > 0)[told].mean()), float((high < 0)[told].mean())


def test_dry_air_lowers_uptake_although_ranks_say_the_contrary(towers):
    found = xflux.attribute(towers, target="gpp")
    middle, above, below = shares(found, "gpp", "vpd")
    assert middle < -0.25
    assert below > 0.4
    assert above < 0.05
    ranks = xflux.attribute(towers, method="rank", target="gpp")
    assert float(ranks.rank_correlation.sel(child="gpp", parent="vpd").median()) > 0.7


def test_measured_net_flux_says_so_without_any_partitioning(towers):
    found = xflux.attribute(towers, "nee", target="nee")
    assert int((found.status.sel(child="nee") == 0).sum()) > 40
    middle, above, below = shares(found, "nee", "vpd")
    assert middle > 0.15
    assert above > 3.0 * below
