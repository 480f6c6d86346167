"""Boosted trees of LightGBM: same bits however they are called, from text, within given signs."""

from __future__ import annotations

import json
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from dask.base import tokenize

import xflux
from xflux.errors import InputError
from xflux.learning.learner import Learner
from xflux.learning.light_boosted import LightBoosted


def _rows(n=600, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 5)).astype(np.float32)
    y = 20.0 + np.sin(2.0 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * random.normal(size=n)
    x[random.random(x.shape) < 0.05] = np.nan
    return x, y


@pytest.fixture(scope="module")
def fitted():
    pytest.importorskip("lightgbm")
    return LightBoosted(trees=60, rate=0.1).fit(*_rows())


def test_meets_the_contract(fitted):
    assert isinstance(fitted, Learner)


def test_learns_what_it_is_shown(fitted):
    new, truth = _rows(500, seed=1)
    error = LightBoosted(trees=200, rate=0.1).fit(*_rows(2000)).predict(new) - truth
    assert error.std() < 0.6 * truth.std()


def test_same_seed_gives_the_same_bits_and_another_seed_does_not(fitted):
    x, y = _rows()
    first, again, other = (
        LightBoosted(trees=20, seed=seed).fit(x, y).predict(x) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_state_goes_through_json_and_text_bit_for_bit(fitted):
    x, _ = _rows(seed=2)
    arrays, meta = fitted.state()
    again = LightBoosted.from_state(arrays, json.loads(json.dumps(meta)))
    assert again == fitted
    np.testing.assert_array_equal(again.predict(x), fitted.predict(x))
    assert again.state()[0]["text"].tobytes() == arrays["text"].tobytes()


def test_a_rebuilt_model_predicts_in_threads_at_once_as_row_by_row(fitted):
    x, _ = _rows(4000, seed=2)
    whole = fitted.predict(x)
    again = LightBoosted.from_state(*fitted.state())
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(again.predict, np.split(x, 16)))
    np.testing.assert_array_equal(np.concatenate(made), whole)
    rows = np.concatenate([fitted.predict(row[None]) for row in x[:50]])
    np.testing.assert_array_equal(rows, whole[:50])
    assert fitted.predict(x[:0]).shape == (0,)


def test_it_travels_as_its_state_and_dask_tells_models_apart(fitted):
    x, y = _rows()
    again = pickle.loads(pickle.dumps(fitted))
    assert again == fitted
    np.testing.assert_array_equal(again.predict(x), fitted.predict(x))
    assert pickle.loads(pickle.dumps(LightBoosted(trees=3))) == LightBoosted(trees=3)
    assert tokenize(again) == tokenize(fitted)
    others = [LightBoosted(trees=60, rate=0.1), LightBoosted(trees=60, rate=0.1).fit(x, -y)]
    assert len({tokenize(model) for model in [fitted, *others]}) == 3


def test_a_value_that_was_never_missing_in_training_is_the_median_and_not_0(fitted):
    random = np.random.default_rng(0)
    x = random.uniform(100.0, 110.0, (500, 2)).astype(np.float32)
    model = LightBoosted(trees=50, rate=0.2).fit(x, x[:, 0].astype(np.float64))
    gap, middle = np.array([[np.nan, 105.0]], "f4"), np.median(x, axis=0)[None]
    middle[:, 1] = 105.0
    np.testing.assert_array_equal(model.predict(gap), model.predict(middle))


def test_monotone_holds_for_every_row_and_survives_json(fitted):
    x, y = _rows(1500)
    model = LightBoosted(trees=100, rate=0.1, monotone=(1, 0, 0, 0, 0)).fit(x, y)
    arrays, meta = model.state()
    again = LightBoosted.from_state(arrays, json.loads(json.dumps(meta)))
    rows = np.repeat(np.nan_to_num(x[:20]), 30, axis=0)
    rows[:, 0] = np.tile(np.linspace(-3.0, 3.0, 30), 20)
    assert np.diff(again.predict(rows).reshape(20, 30), axis=1).min() >= 0.0
    with pytest.raises(InputError, match="found 2 signs for 5 columns"):
        LightBoosted(monotone=(1, 0)).fit(x, y)


def test_weights_count_and_wrong_rows_are_refused(fitted):
    x, y = _rows()
    weighed = LightBoosted(trees=30).fit(x, y, weight=np.where(y > 20.0, 3.0, 1.0)).predict(x)
    assert weighed.mean() > LightBoosted(trees=30).fit(x, y).predict(x).mean() + 0.05
    with pytest.raises(InputError, match="infinite values; replace"):
        LightBoosted(trees=2).fit(np.where(x > 2.0, np.inf, x), y)
    with pytest.raises(InputError, match=r"fitted on rows of 5 columns: found .* \(3, 4\)"):
        fitted.predict(np.zeros((3, 4), np.float32))
    with pytest.raises(InputError, match="not fitted"):
        LightBoosted().predict(x)
    with pytest.raises(InputError, match="not fitted"):
        LightBoosted().state()


def test_a_refinement_by_it_is_stored_and_comes_back(fitted, tmp_path):
    drivers, observed = xflux.twin.Earth(resolution=20.0, end="2003", seed=1).towers(n=15)
    model = xflux.ResidualModel("lightgbm", fluxes=("le",), members=2, rows=0.5)
    model.fit(drivers, observed)
    again = xflux.ResidualModel.load(model.save(tmp_path / "model.safetensors"))
    expected = model.apply(drivers)
    xr.testing.assert_identical(again.apply(drivers), expected)
    xr.testing.assert_identical(again.apply(drivers.chunk(site=4, time=7)).compute(), expected)


def test_without_lightgbm_the_command_that_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    towers = xflux.twin.Earth(resolution=30.0, end="2002").towers(n=5)
    with pytest.raises(ImportError, match=r"pip install 'xflux\[lightgbm\]'"):
        xflux.ResidualModel("lightgbm").fit(*towers)
