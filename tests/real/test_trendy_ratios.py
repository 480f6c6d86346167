"""What two land models tell of a third: how its ratios change, and not how large they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from trendy_means import MODELS, RATIOS, LeftOut, left_out

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def scores(data: Path) -> dict[tuple[str, str], LeftOut]:
    return left_out(data)


def test_how_soil_and_its_respiration_change_is_known_from_other_models(scores):
    for model in MODELS:
        assert scores["cSoil/NPP", model].skill_of_change > 0.9
        assert scores["Rh/NPP", model].skill_of_change > 0.4
        assert scores["cSoil/NPP", model].change < -0.05


def test_how_plants_change_is_not(scores):
    # Residence times in vegetation differ most between models (Friend et al. 2014).
    skills = [scores["cVeg/NPP", model].skill_of_change for model in MODELS]
    assert min(skills) < 0.0
    assert max(skills) < 0.5


def test_how_large_a_ratio_is_differs_between_models_more_than_drivers_tell(scores):
    for ratio in RATIOS:
        for model in MODELS:
            score = scores[ratio, model]
            assert score.rmse_emulated == pytest.approx(score.rmse_climatology, rel=0.2)
            assert score.rmse_climatology > 0.02 * score.mean
