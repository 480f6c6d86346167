"""Networks that embed: what they learn, what they are told, and what they leave alone."""

import builtins
import json
from dataclasses import replace

import numpy as np
import pytest

from xflux.errors import InputError
from xflux.learning.cross_fitting import CrossFitted
from xflux.learning.embedder import Embedder
from xflux.learning.image_network import ImageNetwork
from xflux.learning.image_statistics import ImageStatistics
from xflux.learning.sequence_network import SequenceNetwork
from xflux.learning.sequence_statistics import SequenceStatistics

torch = pytest.importorskip("torch")

SEQUENCE = SequenceNetwork(epochs=20, hidden=16, width=6, rate=1e-2)
IMAGE = ImageNetwork(epochs=12, channels=(8, 12), width=5, batch=64)


def _series(sites=24, months=25, seed=0):
    """Return sequences whose change over the last months is the target."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(sites * months, 8, 2)).cumsum(axis=1).astype(np.float32)
    y = 3.0 + 2.0 * (x[:, -1, 0] - x[:, -4, 0]) + 0.3 * random.normal(size=len(x))
    return x, y, np.repeat(np.arange(sites), months)


def _scenes(sites=20, months=16, seed=0):
    """Return images of stripes whose direction is the target, and their level noise."""
    random = np.random.default_rng(seed)
    count = sites * months
    across = random.random(count) < 0.5
    phase, level = random.uniform(0.0, 2.0 * np.pi, count), random.normal(size=count)
    wave = np.sin(2.0 * np.pi * np.arange(8) / 4.0 + phase[:, None])
    x = np.where(across[:, None, None], wave[:, :, None], wave[:, None, :]) + level[:, None, None]
    x = x + 0.2 * random.normal(size=x.shape)
    y = across + 0.1 * random.normal(size=count)
    return x[:, None].astype(np.float32), y, np.repeat(np.arange(sites), months)


@pytest.fixture(scope="module")
def remembering():
    x, y, site = _series()
    return SEQUENCE.fit(x, y, groups=site)


@pytest.fixture(scope="module")
def seeing():
    x, y, site = _scenes()
    return IMAGE.fit(x, y, groups=site)


@pytest.fixture
def no_torch(monkeypatch):
    """Let torch be as if it were not installed; what is loaded already stays for others."""
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "torch":
            raise ImportError("No module named 'torch'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)


def _r2(made, y):
    return 1.0 - np.mean((made - y) ** 2) / y.var()


@pytest.mark.parametrize(
    "embedder", [SequenceNetwork(), ImageNetwork(), SequenceStatistics(), ImageStatistics()]
)
def test_all_meet_the_contract(embedder):
    assert isinstance(embedder, Embedder)


def test_a_network_finds_what_changed_over_a_sequence(remembering):
    x, y, _ = _series(seed=1)
    assert _r2(remembering.transform(x)[:, 0], y) > 0.8
    # The last step alone says little of it, and steps in another order say something else.
    assert _r2(remembering.transform(x[:, ::-1])[:, 0], y) < 0.0


def test_a_network_finds_which_way_stripes_run(seeing):
    x, y, _ = _scenes(seed=1)
    assert _r2(seeing.transform(x)[:, 0], y) > 0.7


@pytest.mark.parametrize("kind", ["sequence", "image"])
def test_the_state_comes_back_bit_for_bit(kind, remembering, seeing, tmp_path):
    model, x = (remembering, _series(seed=2)[0]) if kind == "sequence" else (
        seeing, _scenes(seed=2)[0]
    )  # fmt: skip
    arrays, meta = model.state()
    np.savez(tmp_path / "network.npz", **arrays)
    with np.load(tmp_path / "network.npz", allow_pickle=False) as kept:
        again = type(model).from_state(dict(kept), json.loads(json.dumps(meta)))
    assert again == model
    np.testing.assert_array_equal(again.transform(x), model.transform(x))


@pytest.mark.parametrize("kind", ["sequence", "image"])
def test_a_row_does_not_depend_on_those_beside_it(kind, remembering, seeing):
    model, x = (remembering, _series(2, 4)[0]) if kind == "sequence" else (seeing, _scenes(2, 4)[0])
    whole = model.transform(x)
    one = np.concatenate([model.transform(row[None]) for row in x])
    np.testing.assert_array_equal(one, whole)
    assert model.transform(x[:0]).shape == (0, whole.shape[1])


def test_missing_values_are_told_and_rows_of_nothing_else_are_missing(remembering):
    x, _, _ = _series(2, 4)
    x[0] = np.nan
    x[1, 2, 1] = np.nan
    made = remembering.transform(x)
    assert np.isnan(made[0]).all()
    assert np.isfinite(made[1:]).all()
    centre = x.copy()
    centre[1, 2, 1] = remembering.state()[0]["centre"][1]
    assert np.any(remembering.transform(centre)[1] != made[1])


def test_the_same_seed_gives_the_same_bits_and_torch_is_left_as_it_was():
    x, y, site = _series(8, 10)
    torch.manual_seed(5)
    torch.set_num_threads(2)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    model = replace(SEQUENCE, epochs=2)
    first = model.fit(x, y, groups=site).transform(x)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    torch.manual_seed(6)
    np.testing.assert_array_equal(model.fit(x, y, groups=site).transform(x), first)
    other = replace(model, seed=1).fit(x, y, groups=site)
    assert np.any(other.transform(x) != first)


def test_networks_of_other_sites_mean_the_same_by_a_column():
    x, y, site = _series()
    fresh, _, _ = _series(seed=3)
    made = []
    for away in (0, 1):
        rows = site % 2 != away
        made.append(SEQUENCE.fit(x[rows], y[rows], groups=site[rows]).transform(fresh))
    alike = [np.corrcoef(*pair)[0, 1] for pair in zip(*(part.T for part in made))]
    assert np.mean(alike) > 0.8, alike
    # Networks that start elsewhere do not.
    elsewhere = replace(SEQUENCE, seed=9).fit(x, y, groups=site).transform(fresh)
    unlike = [np.corrcoef(*pair)[0, 1] for pair in zip(made[0].T[1:], elsewhere.T[1:])]
    assert np.mean(np.abs(unlike)) < np.mean(alike) - 0.2, unlike


def test_rows_without_weight_do_not_count():
    x, y, site = _series(10, 10)
    weight = np.where(site < 8, 1.0, 0.0)
    model = replace(SEQUENCE, epochs=2)
    first = model.fit(x, y, weight=weight, groups=site).transform(x)
    spoilt = np.where(site < 8, y, 1e3)
    np.testing.assert_array_equal(
        model.fit(x, spoilt, weight=weight, groups=site).transform(x), first
    )


def test_what_a_network_cannot_learn_from_is_refused(remembering):
    x, y, site = _series(4, 5)
    with pytest.raises(InputError, match="pass the site"):
        SEQUENCE.fit(x, y)
    with pytest.raises(InputError, match="found 1 with inputs"):
        SEQUENCE.fit(x, y, groups=np.zeros(len(y), int))
    with pytest.raises(InputError, match="row, step, variable"):
        SEQUENCE.fit(x[:, 0], y, groups=site)
    with pytest.raises(InputError, match="was not fitted"):
        SequenceNetwork().transform(x)
    with pytest.raises(InputError, match="fitted to 2 variables"):
        remembering.transform(x[:, :, :1])


def test_without_torch_it_says_how_to_go_on(no_torch):
    x, y, site = _series(4, 5)
    with pytest.raises(ImportError, match=r"xflux\[nn\].*statistics"):
        SEQUENCE.fit(x, y, groups=site)


def test_no_row_is_embedded_by_a_network_that_saw_its_site():
    """The target is a number of the site that nothing else tells: in its fold it is unknown."""
    random = np.random.default_rng(0)
    site = np.repeat(np.arange(20), 20)
    mark = random.normal(size=(20, 3))
    x = (mark[site][:, None] + 0.05 * random.normal(size=(400, 4, 3))).astype(np.float32)
    y = random.normal(size=20)[site]
    fitted = CrossFitted(replace(SEQUENCE, epochs=40), folds=4)
    own = fitted.fit_transform(x, y, weight=np.ones(400), groups=site)
    seen = fitted.transform(x)
    assert _r2(own[:, 0], y) < 0.2 < 0.4 < _r2(seen[:, 0], y)


def test_folds_are_of_whole_sites_and_others_are_embedded_by_the_mean():
    x, y, site = _series(8, 5)
    model = CrossFitted(replace(SEQUENCE, epochs=1), folds=4)
    own = model.fit_transform(x, y, weight=np.ones(len(y)), groups=site)
    parts = [part.transform(x) for part in model._fitted]
    by = [{k for k, part in enumerate(parts) if np.array_equal(part[r], own[r])} for r in range(40)]
    assert all(len(ks) == 1 for ks in by)
    assert all(len(set.union(*by[5 * s : 5 * s + 5])) == 1 for s in range(8))
    np.testing.assert_allclose(model.transform(x), np.mean(parts, axis=0), rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="found 3"):
        CrossFitted(SEQUENCE, 4).fit_transform(x[:15], y[:15], weight=np.ones(15), groups=site[:15])
