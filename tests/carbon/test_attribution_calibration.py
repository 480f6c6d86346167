"""Intervals hold the true effects as often as they say, where the causes are known."""

from __future__ import annotations

import numpy as np
import pytest
from structural_worlds import CHILDREN, World, kernel, world

from xflux.carbon.attribution_kernel import EFFECTS
from xflux.carbon.rank_network import spearman

REPLICATES = 200


def inside(made: World, results: dict) -> dict[tuple[str, str], list[bool]]:
    """Tell of each effect whether its 90 % interval holds the truth."""
    nodes = made.graph.nodes
    sd = dict(zip((*nodes, "nep"), results["sd"], strict=True))
    found: dict[tuple[str, str], list[bool]] = {}
    for e, effect in enumerate(EFFECTS):
        for c, child in enumerate(CHILDREN):
            for p, parent in enumerate(nodes):
                low, _, high = results["effects"][e, c, p]
                # A gram of reco is a gram less of nep: there is nothing to be uncertain of.
                if np.isnan(low) or low == high:
                    continue
                true = made.truth(effect, child, parent) * sd[parent] / sd[child]
                kind = "co2" if parent == "co2" else "nep" if child == "nep" else "others"
                found.setdefault((effect, kind), []).append(bool(low <= true <= high))
    return found


def coverage(**options: float) -> dict[tuple[str, str], float]:
    told: dict[tuple[str, str], list[bool]] = {}
    for seed in range(REPLICATES):
        made = world(seed, **options)
        for key, values in inside(made, kernel(made).at_place(made.series)).items():
            told.setdefault(key, []).extend(values)
    return {key: float(np.mean(values)) for key, values in told.items()}


@pytest.mark.parametrize("season", [0.0, 3.0], ids=["weather", "shared season"])
def test_ninety_percent_intervals_hold_85_to_95_percent_of_the_truths(season):
    shares = coverage(season=season, memory=0.6)
    assert len(shares) == 9
    assert all(0.85 <= share <= 0.95 for share in shares.values()), shares


@pytest.mark.slow
@pytest.mark.parametrize("years", [10, 20, 40])
@pytest.mark.parametrize("memory", [0.0, 0.3, 0.6, 0.8])
def test_memory_of_months_does_not_make_intervals_too_narrow(years, memory):
    shares = coverage(years=years, memory=memory, season=3.0)
    least = 0.85 if memory < 0.8 else 0.8
    # The one trend that carbon dioxide is tells least where errors remember long.
    told = {key: share for key, share in shares.items() if key[1] != "co2"}
    assert all(least <= share <= 0.95 for share in told.values()), shares
    assert all(share >= 0.75 for share in shares.values()), shares


def test_a_shared_season_turns_the_rank_correlation_and_not_the_effect():
    signs = []
    for seed in range(30):
        made = world(seed, season=3.0)
        nodes = made.graph.nodes
        vpd, gpp = nodes.index("vpd"), nodes.index("gpp")
        assert made.truth("total", "gpp", "vpd") < 0.0
        assert spearman(made.series)[gpp, vpd] > 0.5
        effects = kernel(made).at_place(made.series)["effects"]
        signs.append(effects[EFFECTS.index("total"), CHILDREN.index("gpp"), vpd, 1])
    assert np.mean(np.array(signs) < 0.0) > 0.95
