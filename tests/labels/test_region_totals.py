"""Names of regions that stand for the sum or the mean of others."""

import numpy as np
import pytest

from xflux.labels.region_totals import totals_among


@pytest.mark.parametrize(
    "name", ["globe", "Global", "TOTAL", "World", "earth", "all", "global_land", "Land total"]
)
def test_a_sum_beside_regions_is_told(name):
    assert totals_among(["Europe", name, "Africa"]) == [name]


@pytest.mark.parametrize("name", ["mean", "std", "SD", "global mean", "north_sd", "Europe spread"])
def test_a_statistic_beside_regions_is_told(name):
    assert totals_among(np.array(["Europe", name])) == [name]


def test_a_single_name_stands_for_itself():
    assert totals_among(["globe"]) == []


@pytest.mark.parametrize("name", ["land", "90S-23.5S", "World_Bank", "Earthsea", "Sumatra", 7])
def test_regions_are_not_taken_for_totals(name):
    assert totals_among([name, "Europe"]) == []
