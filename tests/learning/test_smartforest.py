"""Sequences and images beside a table: found where the signal is, and never by their own site."""

import builtins
import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from xflux.errors import InputError
from xflux.learning.boosted import Boosted
from xflux.learning.cascade import SmartForest
from xflux.learning.extra_trees import ExtraTrees
from xflux.learning.features import parse
from xflux.learning.image_network import ImageNetwork
from xflux.learning.learner import Learner
from xflux.learning.sequence_network import SequenceNetwork
from xflux.learning.smartforest import SmartForest4D

ONE = SmartForest(
    members=(Boosted(trees=40, rate=0.2, depth=4, min_child_weight=5.0), ExtraTrees(trees=10)),
    layers=1,
    folds=3,
)
SMALL = SmartForest4D(
    cascade=ONE,
    sequence_network=SequenceNetwork(epochs=15, hidden=12, width=4, rate=1e-2),
    image_network=ImageNetwork(epochs=8, channels=(6, 8), width=4, batch=64),
    folds=2,
)


def _rows(sites=24, months=20, seed=0):
    """Return a table, sequences and images that have nothing to do with each other."""
    random = np.random.default_rng(seed)
    count = sites * months
    table = random.normal(size=(count, 3))
    sequence = random.normal(size=(count, 13, 2))
    # Patches of the same level and spread, fine grained or coarse.
    noise = random.normal(size=(count, 1, 9, 9))
    coarse = np.repeat(np.repeat(random.normal(size=(count, 1, 3, 3)), 3, axis=2), 3, axis=3)
    grain = random.random(count)
    image = np.sqrt(grain)[:, None, None, None] * noise
    image += np.sqrt(1.0 - grain)[:, None, None, None] * coarse
    error = 0.2 * random.normal(size=count)
    laws = {
        "pulse": 2.0 * sequence[:, -3, 0] * (1.0 + 0.5 * table[:, 0]) + error,
        "slope": 8.0 * (sequence[:, 7:, 1].mean(axis=1) - sequence[:, :7, 1].mean(axis=1)) + error,
        "grain": 4.0 * grain + error,
        "noise": 5.0 * error,
    }
    site = np.repeat(np.arange(sites), months)
    inputs = {"x": table, "sequence": sequence, "image": image}
    return {name: part.astype(np.float32) for name, part in inputs.items()}, laws, site


def _only(inputs, *names):
    return {name: inputs[name] for name in ("x", *names)}


def _fresh_r2(model, law, *names):
    """Return 1 - SSE/SST at sites that are not those of the fit."""
    inputs, laws, site = _rows()
    model.fit(y=laws[law], groups=site, **_only(inputs, *names))
    inputs, laws, _ = _rows(seed=1)
    made = model.predict(**_only(inputs, *names))
    return 1.0 - np.mean((made - laws[law]) ** 2) / laws[law].var()


@dataclass
class Spy:
    """A network that notes which sites (first value) it was fitted on, and which it embeds."""

    log: list
    seed: int = 0
    known: frozenset = frozenset()
    width: int = 1
    keep: list = field(default_factory=list)

    def fit(self, x, y, *, weight=None, groups=None):
        self.known = frozenset(x[:, 0, 0].tolist())
        self.log.append(("fit", len(self.known), self.seed))
        return self

    def transform(self, x):
        self.log.append(("transform", self.known, frozenset(x[:, 0, 0].tolist())))
        return x[:, -1]


@pytest.fixture(scope="module")
def whole():
    inputs, laws, site = _rows()
    return replace(SMALL, embed="network").fit(y=laws["slope"], groups=site, **inputs)


@pytest.fixture
def no_torch(monkeypatch):
    """Let torch be as if it were not installed; what is loaded already stays for others."""
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "torch":
            raise ImportError("No module named 'torch'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_it_meets_the_contract():
    assert isinstance(SmartForest4D(), Learner)


@pytest.mark.parametrize(
    ("law", "name", "embed"),
    [
        ("pulse", "sequence", "statistics"),
        ("slope", "sequence", "statistics"),
        ("slope", "sequence", "network"),
        ("grain", "image", "statistics"),
        ("grain", "image", "network"),
    ],
)
def test_a_signal_is_found_by_the_input_that_holds_it_and_by_no_other(law, name, embed):
    model = replace(SMALL, embed=embed)
    other = "image" if name == "sequence" else "sequence"
    assert _fresh_r2(model, law, name) > 0.5
    assert _fresh_r2(model, law) < 0.1
    assert _fresh_r2(replace(model, embed="statistics"), law, other) < 0.1


def test_a_table_alone_is_the_cascade_itself():
    inputs, laws, site = _rows()
    model = replace(SMALL, seed=3).fit(inputs["x"], laws["noise"], groups=site)
    alone = replace(ONE, seed=3).fit(inputs["x"], laws["noise"], groups=site)
    np.testing.assert_array_equal(model.predict(inputs["x"]), alone.predict(inputs["x"]))


@pytest.mark.parametrize("embed", ["statistics", "network"])
def test_noise_is_not_explained_and_needs_one_layer(embed):
    inputs, laws, site = _rows(20, 12)
    cascade = replace(ONE, layers=2, repeats=2, patience=1)
    model = replace(SMALL, embed=embed, cascade=cascade)
    model.fit(y=laws["noise"], groups=site, **_only(inputs, "sequence"))
    assert model.cascade_.n_layers_ == 1
    assert model.cascade_.holdout_r2_[0] <= 0.0


def test_no_network_embeds_a_site_that_it_saw_while_anything_learns():
    inputs, laws, site = _rows()
    sequence = inputs["sequence"]
    sequence[:, 0, 0] = site
    spy = Spy([])
    cascade = replace(ONE, layers=2, repeats=3, patience=1)
    model = replace(SMALL, embed="network", cascade=cascade, sequence_network=spy, folds=4)
    model.fit(inputs["x"], laws["noise"], groups=site, sequence=sequence)
    asked = [(known, there) for what, known, there in spy.log if what == "transform"]
    assert all(not known & there for known, there in asked)
    # Of 24 sites 4 are left out of the cascade three times, and a quarter of the others of a fold.
    fitted = [count for what, count, _ in spy.log if what == "fit"]
    assert sorted(fitted) == [15] * 12 + [18] * 4
    # Each site that was left out is embedded by the four networks of the 20 others.
    assert sum(len(there) == 4 for _, there in asked) == 12
    spy.log.clear()
    model.predict(inputs["x"], sequence=sequence)
    assert sum(what == "transform" and bool(known & there) for what, known, there in spy.log) == 4


@pytest.mark.parametrize("embed", ["statistics", "network"])
def test_the_order_of_steps_matters_and_that_of_rows_does_not(embed, whole):
    inputs, laws, site = _rows()
    model = whole
    if embed == "statistics":
        model = replace(SMALL, embed=embed).fit(y=laws["slope"], groups=site, **inputs)
    inputs, _, _ = _rows(2, 10, seed=1)
    made = model.predict(**inputs)
    turned = inputs | {"sequence": inputs["sequence"][:, ::-1]}
    assert np.corrcoef(model.predict(**turned), made)[0, 1] < 0.5
    order = np.random.default_rng(0).permutation(len(made))
    mixed = {name: part[order] for name, part in inputs.items()}
    np.testing.assert_array_equal(model.predict(**mixed), made[order])
    np.testing.assert_array_equal(
        model.predict(**{name: part[:1] for name, part in inputs.items()}), made[:1]
    )


@pytest.mark.parametrize("embed", ["statistics", "network"])
def test_the_state_comes_back_bit_for_bit(embed, whole, tmp_path):
    model = whole
    if embed == "statistics":
        inputs, laws, site = _rows()
        model = replace(SMALL, embed=embed, image=("scene",)).fit(
            y=laws["grain"], groups=site, **inputs
        )
    arrays, meta = model.state()
    np.savez(tmp_path / "forest.npz", **arrays)
    with np.load(tmp_path / "forest.npz", allow_pickle=False) as kept:
        again = SmartForest4D.from_state(dict(kept), json.loads(json.dumps(meta)))
    inputs, _, _ = _rows(3, 10, seed=2)
    np.testing.assert_array_equal(again.predict(**inputs), model.predict(**inputs))
    assert again == model
    second, again_meta = again.state()
    assert again_meta == meta
    assert all(second[name].tobytes() == array.tobytes() for name, array in arrays.items())


def test_the_same_seed_gives_the_same_bits(whole):
    inputs, laws, site = _rows()
    again = replace(SMALL, embed="network").fit(y=laws["slope"], groups=site, **inputs)
    np.testing.assert_array_equal(again.predict(**inputs), whole.predict(**inputs))


def test_missing_inputs_are_predicted(whole):
    inputs, _, _ = _rows(2, 10, seed=2)
    inputs["sequence"][:5] = np.nan
    inputs["sequence"][5:, :3] = np.nan
    inputs["image"][3:8] = np.nan
    assert np.isfinite(whole.predict(**inputs)).all()


def test_without_torch_statistics_do_and_networks_are_refused(no_torch):
    inputs, laws, site = _rows(8, 10)
    given = {"y": laws["slope"], "groups": site, **inputs}
    made = replace(SMALL, embed="auto").fit(**given).predict(**inputs)
    by_statistics = replace(SMALL, embed="statistics").fit(**given).predict(**inputs)
    np.testing.assert_array_equal(made, by_statistics)
    with pytest.raises(ImportError, match=r"xflux\[nn\].*statistics"):
        replace(SMALL, embed="network").fit(**given)


def test_auto_takes_statistics_of_sequences_and_a_network_for_images():
    inputs, laws, site = _rows(8, 10)
    given = {"y": laws["slope"], "groups": site, **inputs}
    _, meta = replace(SMALL, embed="auto").fit(**given).state()
    assert {name: held["network"] for name, held in meta["stages"].items()} == {
        "sequence": False, "image": True
    }  # fmt: skip


def test_a_fit_that_fails_leaves_the_last_one(whole):
    inputs, laws, site = _rows()
    before = whole.predict(**inputs)
    with pytest.raises(InputError, match="folds"):
        whole.fit(y=laws["slope"], groups=np.zeros(len(site), int), **inputs)
    np.testing.assert_array_equal(whole.predict(**inputs), before)


def test_bad_inputs_are_refused(whole):
    inputs, laws, site = _rows(8, 10)
    x, y = inputs["x"], laws["noise"]
    for given, words in (
        ({}, "found no site"),
        ({"groups": site, "sequence": x}, "row, step, variable"),
        ({"groups": site, "image": inputs["image"][:5]}, "a row for each of the 80"),
        ({"groups": site, "sequence": inputs["sequence"] * np.inf}, "infinite"),
    ):
        with pytest.raises(InputError, match=words):
            SMALL.fit(x, y, **given)
    with pytest.raises(InputError, match="not fitted"):
        SmartForest4D().predict(x)
    with pytest.raises(InputError, match="fitted were"):
        whole.predict(x, sequence=inputs["sequence"])
    with pytest.raises(InputError, match="expected 'auto'"):
        SmartForest4D(embed="fourier")
    with pytest.raises(InputError, match="1 to 12 steps"):
        SmartForest4D(steps=13)


def test_rows_of_features_are_laid_out_as_table_sequence_and_image():
    names = ("vpd", "ta", "ta_lag1", "ta_lag2", "p", "vpd_lag2", "vpd_lag1", "ta_mean3")
    pixels = tuple(
        replace(parse("ta"), name=f"scene[{i},{j}]", source="scene", kind="pixel")
        for i in range(2)
        for j in range(3)
    )
    model = SmartForest4D(("ta", "vpd", "swin"), steps=2, image=("scene",))
    placed = model.over([*map(parse, names), *pixels], seed=7)
    assert (placed.seed, model.seed) == (7, 0)
    split = placed._inputs(np.arange(14.0)[None], None, None)
    # Lags serve the sequence alone, and a variable that this member does not see is not there.
    np.testing.assert_array_equal(split["table"][0], [0, 1, 4, 7])
    np.testing.assert_array_equal(split["sequence"][0], [[3, 5], [2, 6], [1, 0]])
    np.testing.assert_array_equal(split["image"][0, 0], [[8, 9, 10], [11, 12, 13]])
    assert set(model.over([parse("p")], seed=0)._inputs(np.ones((1, 1)), None, None)) == {"table"}
