"""The cascade: no site on both sides of a fit, and no deeper than sites left out allow."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from xflux.errors import InputError
from xflux.learning.boosted import Boosted
from xflux.learning.cascade import SmartForest
from xflux.learning.extra_trees import ExtraTrees
from xflux.learning.learner import Learner

SMALL = (
    Boosted(trees=25, rate=0.2, depth=4, min_child_weight=5.0),
    ExtraTrees(trees=15),
)
#: Too few trees to learn much in one layer.
WEAK = tuple(
    Boosted(trees=3, rate=0.5, depth=2, columns=columns, min_child_weight=5.0, l2=1.0)
    for columns in (1.0, 0.5)
)


def _sites(count=40, months=18, *, seed=0, spread=0.0, signal=1.0):
    """Return rows of sites with columns that tell the site, and `spread` that none explains."""
    random = np.random.default_rng(seed)
    site = np.repeat(np.arange(count), months)
    x = random.normal(size=(len(site), 6))
    x[:, :3] = random.normal(size=(count, 3))[site]
    known = signal * (np.sin(2.0 * x[:, 3]) + x[:, 4] * x[:, 5] + x[:, 3:].sum(axis=1))
    y = known + spread * random.normal(size=count)[site] + random.normal(size=len(site))
    return x.astype(np.float32), y, site


def _site_rmse(made, y, site):
    return np.sqrt(np.bincount(site, (made - y) ** 2) / np.bincount(site))


@dataclass
class Spy:
    """A member that notes which sites (column 0) it was fitted on, and which it predicts.

    In the first layer it errs by column 1; in later ones it knows the answer.
    """

    columns: int
    seed: int = 0
    log: list = field(default_factory=list)
    known: frozenset = frozenset()

    def fit(self, x, y, *, weight=None, groups=None):
        self.known = frozenset(x[:, 0].tolist())
        return self

    def predict(self, x):
        self.log.append((x.shape[1], self.known, frozenset(x[:, 0].tolist())))
        wrong = x[:, 1] if x.shape[1] == self.columns else 0.0
        return (x[:, 2] + wrong).astype(np.float64)


@pytest.fixture
def spied():
    random = np.random.default_rng(0)
    site = np.repeat(np.arange(30), 10)
    x = np.column_stack([site, random.normal(size=(300, 2))]).astype(np.float32)
    y = x[:, 2] + 0.01 * random.normal(size=300)
    spy = Spy(3)
    return SmartForest(members=(spy, replace(spy))).fit(x, y, groups=site), spy.log, x, y


@pytest.fixture(scope="module")
def deep():
    x, y, site = _sites(spread=0.2)
    return SmartForest(members=WEAK, folds=3, layers=4).fit(x, y, groups=site)


def test_meets_the_contract():
    assert isinstance(SmartForest(), Learner)


def test_no_member_predicts_a_site_that_it_was_fitted_on(spied):
    _, log, _, _ = spied
    assert {width for width, _, _ in log} == {3, 5}
    assert all(not known & asked for _, known, asked in log)


def test_folds_are_drawn_anew_in_each_layer(spied):
    _, log, _, _ = spied
    # The last fits of all are those of the two layers that are kept: five folds of two members.
    first, second = ({asked for _, _, asked in log[a:b]} for a, b in ((-20, -10), (-10, None)))
    assert len(first) == len(second) == 5
    assert not first & second


def test_predict_uses_the_layers_that_are_kept_and_no_other(spied):
    model, log, x, y = spied
    assert model.n_layers_ == 2
    # Two more were tried, and helped no further.
    assert len(model.holdout_rmse_) == 4
    log.clear()
    made = model.predict(x)
    assert [width for width, _, _ in log] == [3] * 10 + [5] * 10
    np.testing.assert_allclose(made, y, atol=0.1)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_is_not_explained_and_needs_one_layer(seed):
    x, y, site = _sites(seed=seed, signal=0.0)
    model = SmartForest(members=SMALL, seed=seed).fit(x, y, groups=site)
    assert model.n_layers_ == 1
    assert model.holdout_r2_[0] <= 0.0


def test_holdout_score_holds_on_fresh_sites_and_that_of_seen_rows_does_not():
    x, y, site = _sites(spread=2.0)
    model = SmartForest(members=SMALL).fit(x, y, groups=site)
    fresh_x, fresh_y, fresh_site = _sites(300, seed=100, spread=2.0)
    fresh = _site_rmse(model.predict(fresh_x), fresh_y, fresh_site)
    seen = _site_rmse(model.predict(x), y, site)
    promised = model.holdout_rmse_[model.n_layers_ - 1]
    error = np.hypot(
        model.holdout_se_[model.n_layers_ - 1], fresh.std(ddof=1) / np.sqrt(len(fresh))
    )
    assert abs(promised - fresh.mean()) < 2.0 * error
    assert fresh.mean() - seen.mean() > 3.0 * error
    # Rows taken for sites tell the same tale as rows that were seen.
    r2 = 1.0 - np.mean((model.predict(fresh_x) - fresh_y) ** 2) / fresh_y.var()
    by_row = SmartForest(members=SMALL, patience=1).fit(x, y, groups=np.arange(len(y)))
    assert abs(model.holdout_r2_[0] - r2) < 0.1 < by_row.holdout_r2_[0] - r2


def test_weak_members_earn_more_than_one_layer(deep):
    assert deep.n_layers_ > 1
    x, y, site = _sites(spread=0.2)
    shallow = SmartForest(members=WEAK, folds=3, layers=1).fit(x, y, groups=site)
    x, y, site = _sites(300, seed=100, spread=0.2)
    gain = _site_rmse(shallow.predict(x), y, site) - _site_rmse(deep.predict(x), y, site)
    assert gain.mean() > 2.0 * gain.std(ddof=1) / np.sqrt(len(gain))


def test_one_layer_seeks_no_depth():
    x, y, site = _sites()
    model = SmartForest(members=WEAK, layers=2).fit(x, y, groups=site)
    assert model.holdout_rmse_.size == 2
    model.layers = 1
    model.fit(x, y, groups=site)
    assert model.n_layers_ == 1
    assert model.holdout_rmse_.size == 0


def test_state_goes_through_json_and_arrays_bit_for_bit(deep, tmp_path):
    arrays, meta = deep.state()
    np.savez(tmp_path / "cascade.npz", **arrays)
    with np.load(tmp_path / "cascade.npz", allow_pickle=False) as kept:
        again = SmartForest.from_state(dict(kept), json.loads(json.dumps(meta)))
    x, _, _ = _sites(seed=2)
    np.testing.assert_array_equal(again.predict(x), deep.predict(x))
    assert again == deep
    assert again.n_layers_ == deep.n_layers_
    np.testing.assert_array_equal(again.holdout_rmse_, deep.holdout_rmse_)
    second, again_meta = again.state()
    assert again_meta == meta
    assert all(second[name].tobytes() == array.tobytes() for name, array in arrays.items())


def test_kinds_of_members_survive_the_state():
    x, y, site = _sites(20, 10)
    model = SmartForest(members=SMALL, layers=1).fit(x, y, groups=site)
    again = SmartForest.from_state(*model.state())
    assert [type(own) for own in again.members] == [Boosted, ExtraTrees]
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_same_seed_gives_the_same_bits_whatever_the_threads(deep):
    x, y, site = _sites(spread=0.2)
    again = replace(deep, threads=3).fit(x, y, groups=site)
    np.testing.assert_array_equal(again.predict(x), deep.predict(x))
    other = replace(deep, seed=1).fit(x, y, groups=site)
    assert np.any(other.predict(x) != deep.predict(x))


def test_a_row_does_not_depend_on_those_beside_it(deep):
    x, _, _ = _sites(5, seed=2)
    whole = deep.predict(x)
    np.testing.assert_array_equal(np.concatenate([deep.predict(row[None]) for row in x]), whole)
    many = np.tile(x, (800, 1))
    assert len(many) > 65_536
    np.testing.assert_array_equal(deep.predict(many)[-len(x) :], whole)
    assert deep.predict(x[:0]).shape == (0,)


def test_missing_values_are_predicted(deep):
    x, _, _ = _sites(seed=2)
    x[::3, 4] = np.nan
    assert np.isfinite(deep.predict(x)).all()


def test_rows_without_weight_do_not_count():
    x, y, site = _sites(30)
    weight = np.where(site < 25, 1.0, 0.0)
    model = SmartForest(members=WEAK, layers=1, folds=3)
    first = model.fit(x, y, weight=weight, groups=site).predict(x)
    spoilt = np.where(site < 25, y, 1e3)
    np.testing.assert_array_equal(
        model.fit(x, spoilt, weight=weight, groups=site).predict(x), first
    )


@pytest.mark.parametrize(
    ("settings", "groups", "words"),
    [
        ({}, None, "found no groups"),
        ({}, np.zeros(5), "a site for each row"),
        ({}, np.arange(720) % 5, "found 5 sites, of which 4"),
        ({"repeats": 6}, np.arange(720), "at most once"),
        ({"members": (Boosted(monotone=(1,)),)}, np.arange(720), "cannot be monotone"),
    ],
)
def test_what_a_cascade_cannot_learn_from_is_refused(settings, groups, words):
    x, y, _ = _sites()
    with pytest.raises(InputError, match=words):
        SmartForest(**settings).fit(x, y, groups=groups)


def test_nothing_is_predicted_or_kept_before_the_fit(deep):
    with pytest.raises(InputError, match="not fitted"):
        SmartForest().predict(np.zeros((3, 6), np.float32))
    with pytest.raises(InputError, match="not fitted"):
        SmartForest().state()
    with pytest.raises(InputError, match="fitted on rows of 6 columns"):
        deep.predict(np.zeros((3, 8), np.float32))
