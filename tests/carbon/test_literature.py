"""The literature's default: complete, consistent and of plausible size."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from xflux.carbon.literature import (
    LITERATURE,
    SOURCES,
    SPREAD,
    PlantParameters,
    literature,
    literature_bounds,
    literature_table,
)
from xflux.labels.variables import IGBP

NAMES = [field.name for field in dataclasses.fields(PlantParameters)]


def test_every_class_but_snow_and_water_has_parameters():
    assert set(IGBP) - set(LITERATURE) == {"SNO", "WAT"}
    assert np.isnan(literature("tau_soil")[[0, IGBP["SNO"], IGBP["WAT"]]]).all()


@pytest.mark.parametrize("name", LITERATURE)
def test_shares_sum_to_one_and_times_are_positive(name):
    values = LITERATURE[name]
    assert values.npp_to_leaf + values.npp_to_wood + values.npp_to_root == pytest.approx(1)
    assert values.leaf_share + values.wood_share + values.root_share == pytest.approx(1)
    assert values.rh_fraction == pytest.approx(1 - values.ra_fraction)
    assert all(getattr(values, each) > 0 for each in NAMES if each.startswith("tau_"))
    assert 0 < values.litter_to_soil < 1


def test_grass_crops_and_wetlands_have_no_wood():
    for name in ("GRA", "CRO", "CVM", "WET", "URB"):
        assert LITERATURE[name].npp_to_wood == 0
        assert LITERATURE[name].wood_share == 0


@pytest.mark.parametrize("name", [*NAMES, "turnover_veg", "turnover_litter", "turnover_soil"])
def test_bounds_enclose_the_value(name):
    lower, upper = literature_bounds(name)
    value = literature(name)
    known = np.isfinite(value)
    assert (lower[known] <= value[known]).all()
    assert (value[known] <= upper[known]).all()
    if name.endswith("fraction") or name.startswith("npp_"):
        assert (lower[known] >= 0).all()
        assert (upper[known] <= 1).all()


def test_spread_of_times_is_a_factor_above_one():
    for values in SPREAD.values():
        assert all(getattr(values, each) >= 1.1 for each in NAMES if each.startswith("tau_"))


def test_turnover_of_vegetation_is_that_of_biome_inventories():
    """cVeg / NPP of Prentice et al. (2001, IPCC TAR WG I, table 3.2), within a factor of 2."""
    inventories = {
        "EBF": 340 / 21.9, "DBF": 139 / 8.1, "ENF": 57 / 2.6, "SAV": 79 / 14.9, "CRO": 4 / 4.1,
    }  # fmt: skip
    for name, turnover in inventories.items():
        assert 0.5 < LITERATURE[name].turnover_veg / turnover < 2, name


def test_spread_of_efficiency_is_that_between_studies_of_forests():
    """0.46 +- 0.12 (standard deviation) of Collalti and Prentice (2019), and 1 / 0.25 near 0.5."""
    assert all(values.ra_fraction == values.rh_fraction == 0.12 for values in SPREAD.values())
    lower, upper = literature_bounds("ra_fraction")
    code = IGBP["MF"]
    assert (lower[code], upper[code]) == (pytest.approx(0.42), pytest.approx(0.66))


def test_times_are_those_of_their_sources():
    """Beside Wang et al. (2010): CLM4.5BGC, LPJ, and Gill and Jackson (2000)."""
    assert LITERATURE["EBF"].tau_wood == pytest.approx(math.sqrt(60 * 38.82), rel=0.01)
    assert LITERATURE["MF"].tau_wood == pytest.approx(
        math.sqrt(50 * (30.64 + 38.34 + 2 * 29.23) / 4), rel=0.01
    )
    assert LITERATURE["DNF"].tau_leaf == pytest.approx(math.sqrt(0.8 * 0.5))
    assert LITERATURE["GRA"].tau_root == pytest.approx(math.sqrt(3 / 0.53))


@pytest.mark.parametrize(("name", "left", "debris"), [("EBF", 0.15, 5.66), ("DNF", 0.68, 26.39)])
def test_litter_is_what_is_left_of_it_after_two_years(name, left, debris):
    """Tuomi et al. (2009) of tropics and tundra; debris of CASA' in C-LAMP."""
    values = LITERATURE[name]
    fine = -2 / math.log(left)
    mixed = (1 - values.npp_to_wood) * fine + values.npp_to_wood * debris
    assert values.tau_litter == pytest.approx(mixed, rel=0.01)


def test_table_holds_every_class_and_every_parameter_has_a_source():
    table = literature_table()
    assert all(f"| {name} |" in table for name in LITERATURE)
    named = ", ".join(SOURCES)
    assert all(name in named for name in NAMES)


def test_unknown_parameter_is_named():
    with pytest.raises(KeyError, match="tau_wod"):
        literature("tau_wod")
