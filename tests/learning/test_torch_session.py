"""Torch in threads: what one computation sets does not reach another, or stay."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from xflux.learning.sequence_network import SequenceNetwork
from xflux.learning.torch_session import torch_session
from xflux.refinement.network import Network

torch = pytest.importorskip("torch")


def fit_fluxes():
    random = np.random.default_rng(0)
    x, site = random.normal(size=(200, 2)).astype("f4"), np.repeat(np.arange(10), 20)
    network = Network(hidden=(8,), members=1, epochs=8, fluxes=("le",), batch=32)
    return network.fit(x, {"le": x[:, 0] * x[:, 1]}, groups=site).predict(x)["le"]


def fit_sequences():
    random = np.random.default_rng(1)
    x, site = random.normal(size=(160, 6, 2)).astype("f4"), np.repeat(np.arange(8), 20)
    network = SequenceNetwork(epochs=4, hidden=8, width=3)
    return network.fit(x, x[:, -1, 0].astype("f8"), groups=site).transform(x)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_fits_at_once_give_the_numbers_of_fits_apart(two_threads):
    apart = fit_fluxes(), fit_sequences()
    chance = torch.get_rng_state()
    start = threading.Barrier(4)

    def at_once(fit):
        start.wait()
        return fit()

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(at_once, [fit_fluxes, fit_sequences] * 2))
        threads = list(pool.map(lambda _: torch.get_num_threads(), range(4)))
    for found, expected in zip(made, apart * 2, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert torch.get_num_threads() == 2
    assert threads == [2] * 4
    assert torch.equal(torch.get_rng_state(), chance)


def test_sessions_wait_for_each_other_and_end_with_their_errors(two_threads):
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with torch_session(threads=1, seed=3):
            inside.set()
            leave.wait(10.0)
            return float(torch.rand(()))

    def enter():
        with torch_session():
            return leave.is_set()

    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(hold)
        inside.wait(10.0)
        second = pool.submit(enter)
        assert not second.done()
        leave.set()
        assert second.result()
        with torch_session(seed=3):
            assert held.result() == float(torch.rand(()))
    with pytest.raises(ZeroDivisionError), torch_session(threads=1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2


def test_embedding_takes_one_thread(two_threads, monkeypatch):
    x = np.random.default_rng(2).normal(size=(40, 6, 2)).astype("f4")
    network = SequenceNetwork(epochs=1, hidden=8, width=3)
    network.fit(x, x[:, -1, 0].astype("f8"), groups=np.repeat(np.arange(4), 10))
    seen = []
    inference_mode = torch.inference_mode
    monkeypatch.setattr(
        torch, "inference_mode", lambda: (seen.append(torch.get_num_threads()), inference_mode())[1]
    )
    network.transform(x)
    assert seen == [1]
    assert torch.get_num_threads() == 2
