"""Uncertainties of real towers are what our definitions take them for."""

from __future__ import annotations

import numpy as np
import pytest

import xflux

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def towers(data):
    sites = ("DE-Tha", "FI-Hyy", "BE-Lon")
    folder = data / "towers" / "icos_ww2020"
    files = [file for site in sites for file in folder.glob(f"FLX_{site}_*_FULLSET_MM_*")]
    if len(files) != len(sites):
        pytest.skip(f"monthly files of {', '.join(sites)} are not in {folder.name}")
    return xflux.open_towers(files, min_qc=0.8)


def test_the_joint_uncertainty_of_the_files_is_the_sum_of_ours(towers):
    total = xflux.observation_uncertainty(towers)["nee_uncertainty"].sel(component="total")
    joint = towers["nee_jointunc"]
    assert int(joint.notnull().sum()) > 300
    np.testing.assert_allclose(total.where(joint.notnull()), joint, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("flux", "cause", "low", "high"),
    [
        ("nee", "random", 0.02, 0.2),  # half-hours of 2 umol m-2 s-1 over root 1440
        ("gpp", "ustar", 0.02, 0.5),
        ("gpp", "partitioning", 0.05, 1.0),
        ("reco", "partitioning", 0.05, 1.0),
        ("le", "random", 0.1, 2.0),
        ("le", "energy_balance", 1.0, 15.0),  # a fifth of the energy is missed
    ],
)
def test_sizes_are_those_that_are_known_of_towers(towers, flux, cause, low, high):
    made = xflux.observation_uncertainty(towers)[f"{flux}_uncertainty"].sel(component=cause)
    assert low < float(made.median()) < high
