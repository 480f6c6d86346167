"""Features: read by name, and computed from series without a look ahead."""

from __future__ import annotations

import numpy as np
import pytest

from xflux.errors import InputError
from xflux.learning.features import DEFAULT_FEATURES, FLUXCOM_FEATURES, columns, expand, parse


@pytest.mark.parametrize(
    ("name", "source", "kind", "steps"),
    [
        ("ta", "ta", "now", 0),
        ("ta_min", "ta_min", "now", 0),
        ("ta_min_lag3", "ta_min", "lag", 3),
        ("gpp_baseline", "gpp_baseline", "now", 0),
        ("gpp_baseline_mean12", "gpp_baseline", "mean", 12),
        ("vpd_site", "vpd", "site", 0),
        ("vpd_anomaly", "vpd", "anomaly", 0),
        ("lst_night_cycle", "lst_night", "cycle", 0),
        ("swin_potential_cycle", "swin_potential", "cycle", 0),
        ("gpp_baseline_cycle", "gpp_baseline", "cycle", 0),
        ("igbp", "igbp", "class", 0),
    ],
)
def test_names_are_read(name, source, kind, steps):
    feature = parse(name)
    assert (feature.source, feature.kind, feature.steps) == (source, kind, steps)


@pytest.mark.parametrize(
    "name",
    [
        "tair",
        "ta_lag0",
        "ta_lag13",
        "ta_mean1",
        "igbp_lag1",
        "gpp_base",
        "ta_lag",
        "koppen_cycle",
        3,
    ],
)
def test_what_is_no_feature_is_refused(name):
    with pytest.raises(InputError):
        parse(name)


def test_the_default_can_be_read():
    assert len({parse(name).name for name in DEFAULT_FEATURES}) == len(DEFAULT_FEATURES)


def test_fluxcom_has_eleven_drivers_of_which_two_vary_between_years():
    kinds = [parse(name).kind for name in FLUXCOM_FEATURES]
    assert len(set(FLUXCOM_FEATURES)) == 11
    assert (kinds.count("cycle"), kinds.count("now")) == (9, 2)


def test_lags_and_means_look_back_alone():
    series = np.arange(1.0, 7.0)[None]
    features = [parse(name) for name in ("ta", "ta_lag1", "ta_lag3", "ta_mean3")]
    made = columns({"ta": series}, features)[0]
    np.testing.assert_array_equal(made[:, 0], series[0])
    np.testing.assert_array_equal(made[:, 1], [np.nan, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(made[:, 2], [np.nan, np.nan, np.nan, 1, 2, 3])
    np.testing.assert_array_equal(made[:, 3], [np.nan, 1.5, 2, 3, 4, 5])
    later = series.copy()
    later[0, 4:] = 99.0
    np.testing.assert_array_equal(columns({"ta": later}, features)[0, :4], made[:4])


def test_a_mean_of_which_more_than_half_is_missing_is_missing():
    series = np.array([[1.0, np.nan, np.nan, 4.0, 5.0]])
    made = columns({"ta": series}, [parse("ta_mean3")])[0, :, 0]
    np.testing.assert_array_equal(made, [np.nan, np.nan, np.nan, np.nan, 4.5])


def test_skipped_steps_are_remembered_and_not_returned():
    series = np.random.default_rng(0).normal(size=(2, 30))
    features = [parse(name) for name in ("ta", "ta_lag2", "ta_mean12")]
    whole = columns({"ta": series}, features)
    np.testing.assert_array_equal(columns({"ta": series[:, 5:]}, features, skip=12), whole[:, 17:])


def test_classes_become_columns_by_name():
    (one, two) = expand([parse("igbp")], {"igbp": [1, 10]})
    assert (one.name, two.name) == ("igbp=ENF", "igbp=GRA")
    made = columns({"igbp": np.array([[1.0, 10.0, 4.0, np.nan]])}, [one, two])[0]
    np.testing.assert_array_equal(made[:3], [[1, 0], [0, 1], [0, 0]])
    assert np.isnan(made[3]).all()


def test_site_means_and_anomalies_come_from_the_series():
    values = {"ta": np.array([[3.0, 5.0]]), "ta_mean": np.array([[4.0, 4.0]]),
              "ta_cycle": np.array([[2.0, 6.0]])}  # fmt: skip
    made = columns(values, [parse("ta_site"), parse("ta_anomaly")])[0]
    np.testing.assert_array_equal(made, [[4.0, 1.0], [4.0, -1.0]])


def test_a_mean_seasonal_cycle_is_another_series_than_that_of_anomalies():
    values = {"ta": np.array([[3.0, 5.0]]), "ta_cycle": np.array([[2.0, 6.0]]),
              "ta_season": np.array([[2.5, 5.5]])}  # fmt: skip
    made = columns(values, [parse("ta_cycle"), parse("ta_anomaly")], skip=1)[0]
    np.testing.assert_array_equal(made, [[5.5, -1.0]])
