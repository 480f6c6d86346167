"""A network stops early by sites that it does not train on, repeats itself, and is stored."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from network_rows import fitted, rows, same

from xflux.errors import InputError
from xflux.learning.network_embedder import HELD_OUT
from xflux.refinement.network import Network
from xflux.refinement.network_training import outputs

torch = pytest.importorskip("torch")


# --- early stopping and the ensemble ---


def test_early_stopping_never_trains_on_the_sites_it_watches():
    x, y, groups = rows()
    one = fitted(patience=100)
    held = np.isin(groups, one.fitted[0].held)
    x, y = x.copy(), {flux: np.where(held, 7.0 - values, values) for flux, values in y.items()}
    x[held] *= 2.0
    other = fitted(data=(x, y, groups), patience=100)
    assert np.array_equal(one.fitted[0].held, other.fitted[0].held)
    for name, loss in one.fitted[0].history.items():
        assert np.array_equal(loss, other.fitted[0].history[name]) == (name != "held")
    for name in ("x_mean", "x_factor", "y_mean", "y_spread"):
        assert np.array_equal(one.fitted[0].arrays[name], other.fitted[0].arrays[name])


def test_one_site_in_five_is_held_out_whole():
    _, _, groups = rows()
    for member in fitted(members=3, epochs=1).fitted:
        assert len(member.held) == round(HELD_OUT * 12)
        assert set(member.held) <= set(groups)


def test_a_flux_of_one_site_is_never_held_out():
    _, y, groups = rows()
    y["le"] = np.where(groups == 4, y["le"], np.nan)
    network = fitted(y=y, members=8, epochs=1)
    assert all(4 not in member.held for member in network.fitted)


def test_training_stops_when_the_held_out_sites_gain_no_more():
    history = fitted(epochs=400, patience=5, rate=2e-2).fitted[0].history
    assert len(history["held"]) < 400
    assert len(history["held"]) == np.argmin(history["held"]) + 6
    assert all(len(loss) == len(history["held"]) for loss in history.values())
    assert set(history) == {"total", "data", "mass", "light", "temperature", "held"}
    assert history["total"][-1] < history["total"][0]


def test_members_differ_in_start_and_sites_and_the_prediction_is_their_mean():
    x, _, _ = rows()
    network = fitted(members=3, epochs=3)
    each, made = network.predict_members(x), network.predict(x)
    assert len({tuple(member.held) for member in network.fitted}) > 1
    assert (each["gpp"].std(axis=0) > 0.0).all()
    assert all(np.allclose(each[f].mean(axis=0), made[f], rtol=1e-6) for f in made)


# --- repeatability ---


def test_a_seed_repeats_itself_and_another_does_not():
    x, _, _ = rows()
    made = [fitted(epochs=3, seed=seed).predict(x) for seed in (0, 0, 1)]
    assert same(made[0], made[1])
    assert not same(made[0], made[2])


def test_global_state_of_torch_and_numpy_is_left_alone():
    chance, threads = torch.get_rng_state(), torch.get_num_threads()
    numpy_chance = np.random.get_state()[1].copy()  # noqa: NPY002
    with torch.no_grad():
        network = fitted(epochs=2, threads=threads + 1)
        network.predict(rows()[0])
        assert not torch.is_grad_enabled()
    with pytest.raises(InputError):
        fitted(epochs=2, threads=threads + 1, rate=1e30)
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), chance)
    assert torch.get_num_threads() == threads
    assert np.array_equal(np.random.get_state()[1], numpy_chance)  # noqa: NPY002


@pytest.mark.parametrize("hidden", [(16, 16), (64, 64, 64), ()])
def test_a_row_is_predicted_alike_in_any_chunk(hidden):
    x, _, _ = rows(count=3000)
    network = fitted(hidden=hidden, epochs=1, members=2)
    made = network.predict(x)
    random = np.random.default_rng(0)
    for size in (1, 7, 1023, 1025, 2999):
        chosen = random.permutation(len(x))[:size]
        part = network.predict(x[chosen])
        assert all(np.array_equal(part[flux], made[flux][chosen]) for flux in made)


@pytest.mark.parametrize("nonnegative", ["hard", "soft"])
def test_what_is_predicted_is_what_was_trained(nonnegative):
    x, _, _ = rows(count=500, seed=1)
    network = fitted(nonnegative=nonnegative, epochs=5)
    tensors = {n: torch.tensor(a) for n, a in network.fitted[0].arrays.items()}
    expected = outputs(network.design, tensors, torch.tensor(x))
    for flux, values in network.predict(x).items():
        np.testing.assert_allclose(values, expected[flux].numpy(), rtol=1e-5, atol=1e-5)


def test_predicting_needs_no_torch():
    code = """
import sys
sys.modules["torch"] = None
import numpy as np
from xflux.refinement.network import Network
from xflux.refinement.network_training import Member
member = Member({
    "x_mean": np.zeros(1, "f4"), "x_factor": np.ones(1, "f4"), "x_limit": np.full(1, 4, "f4"),
    "y_mean": np.full(1, 3, "f4"), "y_spread": np.full(1, 2, "f4"),
    "weight0": np.full((1, 1), 0.5, "f4"), "bias0": np.zeros(1, "f4"),
}, {}, np.zeros(0, "i8"))
network = Network(hidden=(), fluxes=("le",), members=1)
network.fitted, network.needed = (member,), (0,)
print(network.predict(np.array([[1.0], [9.0]]))["le"].tolist())
try:
    network.fit(np.zeros((9, 1)), {"le": np.zeros(9)}, groups=np.arange(9))
except ImportError as error:
    print(error)
"""
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.startswith("[4.0, 7.0]\nnetworks need torch")


def test_predicting_is_safe_in_threads():
    x, _, _ = rows(count=3000)
    network = fitted(epochs=1)
    made = network.predict(x)
    with ThreadPoolExecutor(4) as pool:
        for other in pool.map(network.predict, [x] * 12):
            assert same(made, other)


def test_no_rows_are_predicted_as_no_rows():
    made = fitted(epochs=1).predict(np.empty((0, 3), np.float32))
    assert {flux: values.shape for flux, values in made.items()} == dict.fromkeys(made, (0,))


def test_a_state_of_arrays_and_json_rebuilds_the_network():
    x, _, _ = rows()
    network = fitted(epochs=3, members=2, nee="derived")
    arrays, meta = network.state()
    again = Network.from_state(
        {name: array.copy() for name, array in arrays.items()}, json.loads(json.dumps(meta))
    )
    assert same(network.predict(x), again.predict(x))
    assert same(arrays, again.state()[0])
    assert again.state()[1] == meta
    assert all(isinstance(array, np.ndarray) for array in arrays.values())


def test_a_network_that_is_not_fitted_has_a_state_too():
    assert Network.from_state(*Network(members=2).state()) == Network(members=2)
