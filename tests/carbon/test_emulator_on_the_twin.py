"""All 21 land models of the idealised Earth, emulated at blocks that were left out."""

from __future__ import annotations

import pytest

import xflux

#: r2 and nRMSE of Zhu et al. (2026), Table 4, at random pixels of real models.
PAPER = {
    "ra": (0.91, 0.11), "rh": (0.88, 0.11), "cLeaf": (0.89, 0.15), "cWood": (0.93, 0.25),
    "cVeg": (0.93, 0.19), "cLitter": (0.94, 0.17), "cSoil": (0.95, 0.16),
}  # fmt: skip


@pytest.mark.slow
def test_places_left_out_are_known_better_than_the_paper_and_the_means_of_classes():
    earth = xflux.twin.Earth(resolution=5.0, start="2001", end="2002")
    emulator = xflux.AllocationEmulator(folds=3).fit(earth.drivers, earth.land_models())
    scores = emulator.validation
    mean = scores.sel(scenario="mean")
    for name, (r2, nrmse) in PAPER.items():
        assert float(mean["r2_pearson"].sel(variable=name)) >= r2, name
        assert float(mean["nrmse"].sel(variable=name)) <= nrmse, name
        for scenario in ("q0.25", "q0.75"):
            other = scores["r2_pearson"].sel(variable=name, scenario=scenario)
            assert abs(float(other - mean["r2_pearson"].sel(variable=name))) <= 0.05, name
    # A fraction times GPP scores high for nothing; these do not.
    assert (scores["fraction_skill"] > 0.0).all()
    assert scores["fraction_skill"].sizes["fraction"] == 11
