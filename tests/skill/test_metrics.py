"""The metrics on plain arrays, against xskillscore and their own identities."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
import xskillscore
from hypothesis import given
from hypothesis import strategies as st

from xflux.errors import InputError
from xflux.skill import metrics

ORACLES = {
    "rmse": xskillscore.rmse,
    "mae": xskillscore.mae,
    "pearson_r": xskillscore.pearson_r,
    "r2_nse": xskillscore.r2,
}


def sample(seed: int = 0, size: int = 200, gaps: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    observed = rng.gamma(2.0, 2.0, size)
    predicted = 0.8 * observed + rng.normal(0.5, 1.0, size)
    observed[rng.random(size) < gaps] = np.nan
    predicted[rng.random(size) < gaps] = np.nan
    return observed, predicted


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_xskillscore(name: str, weighted: bool) -> None:
    observed, predicted = sample()
    weights = np.random.default_rng(1).uniform(0.1, 3.0, observed.size) if weighted else None
    labelled = [xr.DataArray(values, dims="x") for values in (observed, predicted)]
    expected = ORACLES[name](
        *labelled,
        dim="x",
        skipna=True,
        weights=None if weights is None else xr.DataArray(weights, dims="x"),
    )
    found = getattr(metrics, name)(observed, predicted, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_bias_is_predicted_minus_observed_unlike_xskillscore() -> None:
    observed, predicted = sample()
    labelled = [xr.DataArray(values, dims="x") for values in (predicted, observed)]
    expected = xskillscore.me(*labelled, dim="x", skipna=True)
    np.testing.assert_allclose(metrics.bias(observed, predicted), expected, rtol=1e-12)


def test_slope_and_intercept_agree_with_least_squares_on_either_side() -> None:
    observed, predicted = sample()
    both = ~np.isnan(observed + predicted)
    for on, x, y in (
        ("observations", observed, predicted),
        ("predictions", predicted, observed),
    ):
        slope, intercept = np.polyfit(x[both], y[both], 1)
        np.testing.assert_allclose(metrics.slope(observed, predicted, on=on), slope, rtol=1e-10)
        np.testing.assert_allclose(
            metrics.intercept(observed, predicted, on=on), intercept, rtol=1e-10
        )


def test_product_of_both_slopes_is_the_squared_correlation() -> None:
    observed, predicted = sample()
    slopes = [metrics.slope(observed, predicted, on=on) for on in ("observations", "predictions")]
    np.testing.assert_allclose(np.prod(slopes), metrics.r2_pearson(observed, predicted), rtol=1e-12)


def test_perfect_prediction_scores_exactly() -> None:
    observed, _ = sample()
    assert metrics.r2_nse(observed, observed) == 1.0
    assert metrics.r2_pearson(observed, observed) == pytest.approx(1.0, abs=1e-15)
    assert metrics.slope(observed, observed) == 1.0
    for name in ("rmse", "mae", "bias", "nrmse", "intercept"):
        assert getattr(metrics, name)(observed, observed) == 0.0


def test_mean_as_prediction_has_no_skill() -> None:
    observed = np.array([1.0, 2.0, 6.0])
    assert metrics.r2_nse(observed, np.full(3, 3.0)) == 0.0
    assert metrics.nnse(observed, np.full(3, 3.0)) == 0.5


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6 + 0.1])
def test_constant_observations_have_no_r2(constant: float) -> None:
    observed, predicted = np.full(7, constant), np.arange(7.0)
    assert np.isnan(metrics.r2_nse(observed, predicted))
    assert np.isnan(metrics.r2_pearson(observed, predicted))
    assert np.isnan(metrics.slope(observed, predicted))
    assert np.isfinite(metrics.rmse(observed, predicted))


def test_constant_predictions_have_no_correlation_but_a_slope() -> None:
    observed, predicted = np.arange(7.0), np.full(7, 0.1)
    assert np.isnan(metrics.r2_pearson(observed, predicted))
    assert np.isnan(metrics.slope(observed, predicted, on="predictions"))
    np.testing.assert_allclose(metrics.slope(observed, predicted), 0.0, atol=1e-15)
    assert np.isfinite(metrics.r2_nse(observed, predicted))


@pytest.mark.parametrize("name", [name for name in metrics.METRICS if name != "n"])
def test_no_pairs_is_nan(name: str) -> None:
    for observed in (np.full(3, np.nan), np.array([])):
        assert np.isnan(getattr(metrics, name)(observed, observed))
        assert metrics.n(observed, observed) == 0


def test_one_pair_has_an_error_but_no_r2() -> None:
    assert metrics.rmse([1.0, np.nan], [3.0, 4.0]) == 2.0
    for name in ("r2_nse", "r2_pearson", "slope", "intercept", "nnse"):
        assert np.isnan(getattr(metrics, name)([1.0, np.nan], [3.0, 4.0])), name


def test_nrmse_by_the_mean_is_undefined_near_zero() -> None:
    observed = np.array([-1.0, 1.0, -1.0, 1.0])
    assert np.isnan(metrics.nrmse(observed + 0.09, observed))
    assert np.isfinite(metrics.nrmse(observed + 0.11, observed))


def test_nrmse_of_a_sink_is_positive() -> None:
    observed = np.array([-3.0, -2.0, -4.0])
    assert metrics.nrmse(observed, observed + 0.6) == pytest.approx(0.2)


def test_nrmse_by_sd_and_range() -> None:
    observed, predicted = sample()
    by_sd = metrics.nrmse(observed, predicted, norm="sd")
    np.testing.assert_allclose(by_sd**2, 1 - metrics.r2_nse(observed, predicted), rtol=1e-12)
    paired = observed[~np.isnan(observed + predicted)]
    np.testing.assert_allclose(
        metrics.nrmse(observed, predicted, norm="range"),
        metrics.rmse(observed, predicted) / np.ptp(paired),
    )


def test_iqr_needs_more_than_moments() -> None:
    with pytest.raises(InputError, match="pass iqr="):
        metrics.nrmse(*sample(), norm="iqr")


def test_float32_far_from_zero_keeps_its_skill() -> None:
    rng = np.random.default_rng(3)
    observed = (10_000 + rng.normal(0, 0.5, 100_000)).astype("f4")
    predicted = (observed + rng.normal(0, 0.3, observed.size)).astype("f4")
    exact = [values.astype(np.longdouble) for values in (observed, predicted)]
    square = ((exact[1] - exact[0]) ** 2).sum()
    expected = 1 - square / ((exact[0] - exact[0].mean()) ** 2).sum()
    np.testing.assert_allclose(metrics.r2_nse(observed, predicted), float(expected), rtol=1e-11)
    correlation = np.corrcoef(observed.astype("f8"), predicted.astype("f8"))[0, 1]
    np.testing.assert_allclose(metrics.pearson_r(observed, predicted), correlation, rtol=1e-11)


def test_axis_is_the_one_that_goes() -> None:
    observed, predicted = (values.reshape(10, 20) for values in sample())
    found = metrics.rmse(observed, predicted, axis=0)
    assert found.shape == (20,)
    np.testing.assert_allclose(found[3], metrics.rmse(observed[:, 3], predicted[:, 3]))


def test_weights_count_as_repeats() -> None:
    observed, predicted = sample(size=30)
    times = np.random.default_rng(5).integers(0, 4, 30)
    repeated = [np.repeat(values, times) for values in (observed, predicted)]
    for name in metrics.METRICS:
        if name != "n":
            np.testing.assert_allclose(
                getattr(metrics, name)(observed, predicted, times),
                getattr(metrics, name)(*repeated),
                rtol=1e-11,
                err_msg=name,
            )


@given(
    seed=st.integers(0, 1000),
    scale=st.floats(0.01, 100),
    offset=st.floats(-100, 100),
)
def test_affine_change_of_both_sides(seed: int, scale: float, offset: float) -> None:
    observed, predicted = sample(seed, 50)
    changed = [scale * values + offset for values in (observed, predicted)]
    for name in ("r2_nse", "r2_pearson", "slope"):
        np.testing.assert_allclose(
            getattr(metrics, name)(*changed),
            getattr(metrics, name)(observed, predicted),
            rtol=1e-6,
        )
    for name in ("rmse", "mae", "bias"):
        np.testing.assert_allclose(
            getattr(metrics, name)(*changed),
            scale * getattr(metrics, name)(observed, predicted),
            rtol=1e-6,
            atol=1e-10,
        )


@given(seed=st.integers(0, 1000))
def test_order_of_pairs_does_not_matter(seed: int) -> None:
    observed, predicted = sample(seed, 60)
    order = np.random.default_rng(seed).permutation(60)
    for name in metrics.METRICS:
        np.testing.assert_allclose(
            getattr(metrics, name)(observed[order], predicted[order]),
            getattr(metrics, name)(observed, predicted),
            rtol=1e-11,
            err_msg=name,
        )


@given(seed=st.integers(0, 1000))
def test_nse_never_exceeds_the_squared_correlation(seed: int) -> None:
    observed, predicted = sample(seed, 40)
    assert metrics.r2_nse(observed, predicted) <= metrics.r2_pearson(observed, predicted) + 1e-12


def test_every_metric_has_a_function_of_arrays() -> None:
    for name, metric in metrics.METRICS.items():
        function = getattr(metrics, name)
        assert function.__doc__
        unit = "unit of the flux" if metric.in_flux_units else "[1]"
        assert unit in function.__doc__
