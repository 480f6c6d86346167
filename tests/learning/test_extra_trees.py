"""Extremely randomised trees: the answers of scikit-learn, from arrays and without its objects."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from xflux.errors import InputError
from xflux.learning.extra_trees import ExtraTrees
from xflux.learning.learner import Learner


def _rows(n=700, seed=0, missing=0.05):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 6)).astype(np.float32)
    x[:, 5] = random.integers(0, 3, n)
    y = 5.0 + np.sin(2.0 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * random.normal(size=n)
    x[random.random(x.shape) < missing] = np.nan
    return x, y


@pytest.fixture(scope="module")
def fitted():
    return ExtraTrees(trees=30).fit(*_rows())


def test_meets_the_contract(fitted):
    assert isinstance(fitted, Learner)


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e30])
def test_predicts_what_scikit_learn_predicts(scale, weighed):
    x, y = _rows()
    new, _ = _rows(3000, seed=1)
    x, new = x * np.float32(scale), new * np.float32(scale)
    weight = np.random.default_rng(2).uniform(0.5, 2.0, len(y)) if weighed else np.ones(len(y))
    weight /= weight.mean()
    median = np.nanmedian(x, axis=0)
    theirs = ExtraTreesRegressor(
        n_estimators=40, min_samples_leaf=5, max_features=0.4, random_state=7
    ).fit(np.where(np.isnan(x), median, x), y, sample_weight=weight)
    ours = ExtraTrees(trees=40, seed=7).fit(x, y, weight=weight)
    for rows in (x, new):
        filled = np.where(np.isnan(rows), median, rows)
        np.testing.assert_allclose(ours.predict(rows), theirs.predict(filled), rtol=1e-12)


def test_a_value_at_a_threshold_falls_as_in_scikit_learn():
    x, y = _rows(300, missing=0.0)
    theirs = ExtraTreesRegressor(
        n_estimators=20, min_samples_leaf=5, max_features=0.4, random_state=0
    ).fit(x, y)
    ours = ExtraTrees(trees=20).fit(x, y)
    rows = []
    for tree in (made.tree_ for made in theirs.estimators_):
        for node in np.flatnonzero(tree.feature >= 0):
            near = np.float32(tree.threshold[node])
            for value in (np.nextafter(near, -np.inf), near, np.nextafter(near, np.inf)):
                rows.append(x[node % len(x)].copy())
                rows[-1][tree.feature[node]] = value
    rows = np.array(rows, np.float32)
    np.testing.assert_allclose(ours.predict(rows), theirs.predict(rows), rtol=1e-12)


def test_a_column_without_any_value_does_not_matter():
    x, y = _rows()
    x[:, 3] = np.nan
    model = ExtraTrees(trees=5).fit(x, y)
    before = model.predict(x)
    x[:, 3] = 1.0
    np.testing.assert_array_equal(model.predict(x), before)


def test_same_seed_gives_the_same_bits_whatever_the_threads():
    x, y = _rows()
    first, again, other = (
        ExtraTrees(trees=10, seed=seed, threads=threads).fit(x, y).predict(x)
        for seed, threads in ((3, 1), (3, 2), (4, 1))
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_state_goes_through_json_and_arrays_bit_for_bit(fitted, tmp_path):
    x, _ = _rows(seed=2)
    arrays, meta = fitted.state()
    np.savez(tmp_path / "forest.npz", **arrays)
    with np.load(tmp_path / "forest.npz", allow_pickle=False) as kept:
        again = ExtraTrees.from_state(dict(kept), json.loads(json.dumps(meta)))
    assert again == fitted
    np.testing.assert_array_equal(again.predict(x), fitted.predict(x))


def test_a_state_that_cannot_be_written_to_still_predicts(fitted):
    x, _ = _rows(seed=2)
    arrays, meta = fitted.state()
    frozen = {
        name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in arrays.items()
    }
    np.testing.assert_array_equal(ExtraTrees.from_state(frozen, meta).predict(x), fitted.predict(x))


def test_a_row_does_not_depend_on_those_beside_it(fitted):
    x, _ = _rows(300, seed=2)
    whole = fitted.predict(x)
    np.testing.assert_array_equal(np.concatenate([fitted.predict(row[None]) for row in x]), whole)
    np.testing.assert_array_equal(fitted.predict(np.asfortranarray(x)), whole)
    assert fitted.predict(x[:0]).shape == (0,)


def test_threads_predict_the_same(fitted):
    x, _ = _rows(4000, seed=2)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(fitted.predict, np.split(x, 16)))
    np.testing.assert_array_equal(np.concatenate(made), fitted.predict(x))


def test_other_columns_are_refused(fitted):
    with pytest.raises(InputError, match=r"fitted on rows of 6 columns: found .* \(3, 4\)"):
        fitted.predict(np.zeros((3, 4), np.float32))


def test_nothing_is_predicted_or_kept_before_the_fit():
    with pytest.raises(InputError, match="not fitted"):
        ExtraTrees().predict(np.zeros((3, 4), np.float32))
    with pytest.raises(InputError, match="not fitted"):
        ExtraTrees().state()


@pytest.mark.parametrize("whole", [False, True])
def test_in_an_ensemble_it_learns_the_flux_or_what_the_baseline_leaves(whole):
    from xflux.learning.learner import Traits
    from xflux.refinement.ensemble import Sampling, fit_ensemble

    x, y = _rows()
    seen = []

    class Recorded(ExtraTrees):
        def fit(self, x, y, **options):
            seen.append(y)
            return super().fit(x, y, **options)

    base = 3.0 * y
    ensemble = fit_ensemble(
        x, base, y, groups=np.arange(len(y)) % 7, weight=np.ones(len(y)), features=np.arange(6),
        make=lambda seed, traits: (Recorded(trees=5, whole=whole),),
        traits=Traits((0,) * 6, (False,) * 6), slope=0,
        sampling=Sampling(1, 1.0, 1.0, "site", 0), tell=lambda: None,
    )  # fmt: skip
    # The line of the baseline is perfect, and leaves nothing.
    np.testing.assert_allclose(seen[0], y if whole else 0.0, atol=1e-9)
    made = ensemble.predict(x, base)[0]
    assert np.corrcoef(made, y)[0, 1] > 0.7
    if not whole:
        np.testing.assert_allclose(made, y, atol=1e-9)
