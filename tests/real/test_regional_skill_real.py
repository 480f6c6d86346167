"""Scores of real inversions and land models against each other and the Global Carbon Budget."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from real.inversions import budget, inversions, land_models

import xflux
from xflux.errors import InputError

pytestmark = pytest.mark.real

PERIOD = slice("2000", "2016")


def test_land_models_agree_with_their_mean_in_season_and_variability(data: Path) -> None:
    models = land_models(data).sel(time=PERIOD).rename(inversion="model")
    mean = models.mean("model", keep_attrs=True)
    scores = xflux.regional_skill(mean, models, independent=False)
    assert scores.nnse.dims == ("model", "region")
    assert scores.sizes["region"] == 12
    globe = scores.sel(region="all")
    assert (globe.n_years == 17).all()
    # Each is in the mean, and attributes say that its score is one on training data.
    assert scores.attrs["independent"] == "false"
    assert float(globe.annual_bias.mean()) == pytest.approx(0.0, abs=1e-6)
    assert float(globe.annual_mean_reference[0]) == pytest.approx(-1.28, abs=0.35)
    assert float(globe.anomaly_r2_pearson.median()) > 0.6
    # A region is harder than the globe, and the tropics than the boreal forest.
    nnse = scores.nnse.median("model")
    assert float(nnse.sel(region="EurAsia_boreal")) > float(nnse.sel(region="N_Africa"))


def test_inversions_and_land_models_are_scored_against_terms_that_hold_the_same(
    data: Path,
) -> None:
    table = budget(data)
    seen = xflux.land_sink_skill(inversions(data).sel(time=PERIOD), table, independent=True)
    assert "rivers" in seen.attrs["reference"]
    # Of 2000 to 2016 -2.49 to -1.44, against -2.26: within what S_LAND and E_LUC are known to.
    assert np.all(np.abs(seen.bias) < 0.9)
    assert abs(float(seen.bias.mean())) < 0.6
    assert float(seen.pearson_r.median()) > 0.6
    models = land_models(data).sel(time=PERIOD)
    theirs = xflux.land_sink_skill(models, table, independent=False)
    assert theirs.attrs["reference"] == "e_luc - s_land"
    # S_LAND is a mean over such models, and follows them from year to year.
    assert float(theirs.anomaly_r2_pearson.median()) > 0.4
    assert abs(float(theirs.bias.mean())) < 0.6
    with pytest.raises(InputError, match="only in"):
        xflux.regional_skill(
            inversions(data).sum("region", keep_attrs=True),
            models.sum("region", keep_attrs=True).mean("inversion", keep_attrs=True),
            independent=True,
        )
