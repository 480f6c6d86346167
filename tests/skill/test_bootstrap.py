"""Intervals by whole sites, and gains by pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from samples import towers

from xflux.errors import GridMismatchError, InputError
from xflux.skill.bootstrap import interval, paired_difference
from xflux.skill.evaluate import evaluate
from xflux.skill.metrics import METRICS


def test_interval_is_that_of_scores_of_sites_drawn_one_by_one() -> None:
    observed, predicted = (ds.gpp for ds in towers(sites=6))
    names = [name for name in METRICS if name != "n"]
    found = interval(observed, predicted, metric=names, n=40, level=0.8, seed=3)
    draws = []
    for counts in np.random.default_rng(3).multinomial(6, np.full(6, 1 / 6), size=40):
        drawn = {"site": np.repeat(np.arange(6), counts)}
        sides = (data.isel(drawn).drop_vars("site") for data in (observed, predicted))
        draws.append(evaluate(*sides, metrics=names))
    every = xr.concat(draws, dim="draw")
    for name in names:
        low, high = np.quantile(every[name], [0.1, 0.9])
        np.testing.assert_allclose(found[f"{name}_lower"], low, rtol=1e-10, err_msg=name)
        np.testing.assert_allclose(found[f"{name}_upper"], high, rtol=1e-10, err_msg=name)
        np.testing.assert_allclose(found[f"{name}_sd"], every[name].std(ddof=1), rtol=1e-9)


def test_value_is_that_of_evaluate() -> None:
    observed, predicted = towers()
    found = interval(observed, predicted, metric=["r2_nse", "mae"], by="igbp", decompose=True)
    expected = evaluate(observed, predicted, by="igbp", decompose=True)
    for name in ("r2_nse", "mae"):
        xr.testing.assert_allclose(found[name], expected[name], rtol=1e-12)
        assert found[name].attrs == expected[name].attrs


def test_spread_of_the_mean_error_is_the_standard_error_over_sites() -> None:
    rng = np.random.default_rng(0)
    sites, steps = 200, 50
    bias = rng.normal(0, 1, (sites, 1))
    observed = xr.DataArray(rng.normal(0, 1, (sites, steps)), dims=("site", "time"))
    found = interval(observed, observed + bias, metric="bias", n=2000)
    np.testing.assert_allclose(found.bias_sd, bias.std(ddof=1) / np.sqrt(sites), rtol=0.06)
    assert found.bias_lower < bias.mean() < found.bias_upper
    assert found.n_units == sites


def test_seed_decides_the_draws() -> None:
    pairs = towers()
    first = interval(*pairs, n=50)
    xr.testing.assert_identical(first, interval(*pairs, n=50))
    assert (first.r2_nse_sd != interval(*pairs, n=50, seed=1).r2_nse_sd).all()


def test_chunking_changes_neither_draws_nor_laziness() -> None:
    observed, predicted = towers()
    expected = interval(observed, predicted, n=50, by="igbp")
    with no_compute():
        lazy = interval(observed.chunk(site=1, time=9), predicted.chunk(time=5), n=50, by="igbp")
    xr.testing.assert_allclose(lazy.compute(), expected, rtol=1e-10)


def test_sites_without_pairs_are_not_drawn() -> None:
    observed, predicted = towers()
    gone = observed.where(observed.site != "S1")
    found = interval(gone, predicted, n=50)
    assert (found.n_units == 4).all()
    kept = {"site": [0, 2, 3, 4]}
    xr.testing.assert_allclose(found, interval(observed.isel(kept), predicted.isel(kept), n=50))


def test_one_site_has_a_score_but_no_interval() -> None:
    observed, predicted = (ds.isel(site=[0]) for ds in towers())
    found = interval(observed, predicted)
    assert found.r2_nse.notnull().all()
    for suffix in ("lower", "upper", "sd"):
        assert found[f"r2_nse_{suffix}"].isnull().all()


def test_unit_may_be_anything_to_group_by() -> None:
    observed, predicted = towers()
    assert (interval(observed, predicted, unit="year", n=20).n_units == 4).all()
    assert (interval(observed, predicted, unit="igbp", n=20).n_units == 2).all()


def test_a_wider_level_is_wider() -> None:
    narrow, wide = (interval(*towers(), level=level) for level in (0.5, 0.99))
    assert (wide.r2_nse_lower < narrow.r2_nse_lower).all()
    assert (wide.r2_nse_upper > narrow.r2_nse_upper).all()


def test_difference_is_drawn_on_the_same_sites() -> None:
    observed, first = towers(sites=30)
    second = towers(sites=30, seed=7)[1] * 0 + first + 0.01
    for name in second:
        second[name].attrs = first[name].attrs
    found = paired_difference(observed, first, second, metric="bias")
    alone = interval(observed, first, metric="bias")
    common = first.where(second.notnull())
    for name in common:
        common[name].attrs = first[name].attrs
    np.testing.assert_allclose(
        found.bias,
        evaluate(observed, common).bias - evaluate(observed, second).bias,
        atol=1e-14,
    )
    assert (found.bias_excludes_zero).all()
    # The sites' own scatter cancels: what is left is that of the constant difference, none.
    assert (found.bias_sd < 1e-6 * alone.bias_sd).all()


def test_equal_predictions_differ_by_nothing() -> None:
    observed, predicted = towers()
    found = paired_difference(observed, predicted, predicted, metric=["r2_nse", "rmse"])
    for name in ("r2_nse", "r2_nse_lower", "r2_nse_upper", "rmse_sd"):
        assert (found[name] == 0).all()
    assert not found.r2_nse_excludes_zero.any()


def test_difference_changes_sign_with_the_order() -> None:
    observed, first = towers()
    second = towers(seed=4)[1]
    there = paired_difference(observed, first, second, n=60)
    back = paired_difference(observed, second, first, n=60)
    np.testing.assert_allclose(there.r2_nse, -back.r2_nse)
    np.testing.assert_allclose(there.r2_nse_lower, -back.r2_nse_upper, rtol=1e-9)


def test_only_what_both_predict_counts() -> None:
    observed, predicted = towers()
    partial = predicted.where(predicted.time.dt.year > 2003)
    for name in partial:
        partial[name].attrs = predicted[name].attrs
    found = paired_difference(observed, predicted, partial, metric="rmse")
    assert (found.rmse == 0).all()


def test_predictions_of_other_dimensions_are_refused() -> None:
    observed, predicted = towers()
    with pytest.raises(InputError, match="predicted_a has the dimensions"):
        paired_difference(observed, predicted.expand_dims(member=2), predicted)
    with pytest.raises(GridMismatchError, match="predicted_a and predicted_b disagree"):
        paired_difference(observed, predicted, predicted.isel(time=slice(9)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "r2"}, "r2_nse and r2_pearson"),
        ({"norm": "iqr"}, "cannot be drawn"),
        ({"n": 1}, "at least 2"),
        ({"level": 95}, "between 0 and 1"),
        ({"by": "site"}, "cannot be a group"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        interval(*towers(), **options)


def test_gains_are_told_by_bin_of_the_observed_value() -> None:
    observed, predicted = towers(sites=8)
    other = predicted.copy(data={name: array + 1.0 for name, array in predicted.items()})
    edges = {"observed": [-np.inf, 3.0, np.inf]}
    gain = paired_difference(observed, predicted, other, metric="rmse", by=edges)
    scores = [evaluate(observed, each, by=edges).rmse for each in (predicted, other)]
    np.testing.assert_allclose(gain.rmse, scores[0] - scores[1])
    assert gain.rmse.dims == ("flux", "observed_bin")
