"""Boosted trees: same bits however they are called, from few bytes, and within given signs."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from xflux.errors import InputError
from xflux.learning.boosted import Boosted
from xflux.learning.learner import Learner


def _rows(n=600, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 5)).astype(np.float32)
    y = 20.0 + np.sin(2.0 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * random.normal(size=n)
    x[random.random(x.shape) < 0.05] = np.nan
    return x, y


@pytest.fixture(scope="module")
def fitted():
    return Boosted(trees=60, rate=0.1).fit(*_rows())


def test_meets_the_contract(fitted):
    assert isinstance(fitted, Learner)


def test_learns_what_it_is_shown():
    x, y = _rows(2000)
    new, truth = _rows(500, seed=1)
    error = Boosted(trees=200, rate=0.1).fit(x, y).predict(new) - truth
    assert error.std() < 0.6 * truth.std()


def test_forest_averages_trees_of_the_target():
    x, y = _rows(2000)
    new, truth = _rows(500, seed=1)
    made = Boosted(trees=50, depth=8, l2=1.0, forest=True).fit(x, y).predict(new)
    assert abs(made.mean() - truth.mean()) < 0.1
    assert (made - truth).std() < 0.9 * truth.std()


@pytest.mark.parametrize("forest", [False, True])
def test_same_seed_gives_the_same_bits_and_another_seed_does_not(forest):
    x, y = _rows()
    first, again, other = (
        Boosted(trees=20, seed=seed, forest=forest).fit(x, y).predict(x) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_state_goes_through_json_and_bytes_bit_for_bit(fitted):
    x, _ = _rows(seed=2)
    arrays, meta = fitted.state()
    assert arrays["ubjson"].dtype == np.uint8
    again = Boosted.from_state(arrays, json.loads(json.dumps(meta)))
    assert again == fitted
    np.testing.assert_array_equal(again.predict(x), fitted.predict(x))
    assert again.state()[0]["ubjson"].tobytes() == arrays["ubjson"].tobytes()


def test_a_row_does_not_depend_on_those_beside_it(fitted):
    x, _ = _rows(200, seed=2)
    whole = fitted.predict(x)
    np.testing.assert_array_equal(np.concatenate([fitted.predict(row[None]) for row in x]), whole)
    np.testing.assert_array_equal(fitted.predict(np.asfortranarray(x)), whole)
    assert fitted.predict(x[:0]).shape == (0,)


def test_a_rebuilt_model_predicts_in_threads_at_once(fitted):
    x, _ = _rows(4000, seed=2)
    whole = fitted.predict(x)
    for _ in range(5):
        again = Boosted.from_state(*fitted.state())
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(again.predict, np.split(x, 16)))
        np.testing.assert_array_equal(np.concatenate(made), whole)


def test_predicting_leaves_the_state_as_it_is(fitted):
    before = fitted.state()[0]["ubjson"].tobytes()
    fitted.predict(_rows(seed=5)[0])
    assert fitted.state()[0]["ubjson"].tobytes() == before


def test_monotone_holds_for_every_row_and_survives_json():
    x, y = _rows(1500)
    model = Boosted(trees=100, rate=0.1, monotone=(1, 0, 0, 0, 0)).fit(x, y)
    arrays, meta = model.state()
    again = Boosted.from_state(arrays, json.loads(json.dumps(meta)))
    assert again.monotone == (1, 0, 0, 0, 0)
    rows = np.repeat(np.nan_to_num(x[:20]), 30, axis=0)
    rows[:, 0] = np.tile(np.linspace(-3.0, 3.0, 30), 20)
    assert np.diff(again.predict(rows).reshape(20, 30), axis=1).min() >= 0.0


def test_weights_count_and_their_unit_does_not():
    x, y = _rows()
    weight = np.where(y > 20.0, 3.0, 1.0)
    plain = Boosted(trees=30).fit(x, y).predict(x)
    weighed = Boosted(trees=30).fit(x, y, weight=weight).predict(x)
    assert weighed.mean() > plain.mean() + 0.05
    scaled = Boosted(trees=30).fit(x, y, weight=1024.0 * weight).predict(x)
    np.testing.assert_array_equal(scaled, weighed)


def test_other_columns_are_refused(fitted):
    with pytest.raises(InputError, match=r"fitted on rows of 5 columns: found .* \(3, 4\)"):
        fitted.predict(np.zeros((3, 4), np.float32))


def test_nothing_is_predicted_or_kept_before_the_fit():
    with pytest.raises(InputError, match="not fitted"):
        Boosted().predict(np.zeros((3, 4), np.float32))
    with pytest.raises(InputError, match="not fitted"):
        Boosted().state()


def test_signs_must_match_the_columns():
    with pytest.raises(InputError, match="found 2 signs for 5 columns"):
        Boosted(monotone=(1, 0)).fit(*_rows())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y, w: (x, np.where(y > 21.0, np.nan, y), w), "missing or infinite"),
        (lambda x, y, w: (np.where(x > 2.0, np.inf, x), y, w), "infinite values; replace"),
        (lambda x, y, w: (x, y[1:], w), "do not match"),
        (lambda x, y, w: (x, y, w[1:]), "do not match"),
        (lambda x, y, w: (x[:0], y[:0], w[:0]), "at least one row"),
        (lambda x, y, w: (x, y, -w), "not negative"),
        (lambda x, y, w: (x, y, 0.0 * w), "not all 0"),
    ],
)
def test_wrong_rows_are_refused_with_what_to_do(change, words):
    x, y = _rows()
    x, y, weight = change(x, y, np.ones(len(y)))
    with pytest.raises(InputError, match=words):
        Boosted(trees=2).fit(x, y, weight=weight)
