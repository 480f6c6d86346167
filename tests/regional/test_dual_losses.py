"""The losses of towers and atmosphere, where they are known."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from xflux.regional.dual_losses import (  # noqa: E402
    LOG_VARIANCE,
    Norm,
    atmosphere_loss,
    limits,
    ranges,
    weighed,
)


def tensor(array):
    return torch.as_tensor(np.asarray(array, np.float64))


def loss(nee, inversions, norm=None, area=None, spread=None):
    inversions = np.asarray(inversions, np.float64)
    spread = np.ones(inversions.shape[1:]) if spread is None else spread
    area = np.ones(inversions.shape[1]) if area is None else area
    norm = Norm() if norm is None else norm
    return atmosphere_loss(*map(tensor, (nee, inversions, spread, area)), norm).item()


def test_a_distance_of_one_range_from_all_inversions_is_one():
    inversions = np.zeros((3, 2, 4))
    assert loss(np.ones((2, 4)), inversions) == pytest.approx(1.0)
    assert loss(2 * np.ones((2, 4)), inversions, spread=2 * np.ones((2, 4))) == pytest.approx(1.0)


def test_the_same_inversion_twice_changes_nothing():
    one = np.random.default_rng(0).normal(size=(1, 2, 12))
    nee = np.zeros((2, 12))
    assert loss(nee, one) == pytest.approx(loss(nee, np.concatenate([one, one])))


def test_without_the_root_large_misses_count_more():
    few = np.zeros((1, 1, 4))
    few[0, 0, 0] = 2.0
    even = np.full((1, 1, 4), 0.5)
    nee = np.zeros((1, 4))
    assert loss(nee, few) == pytest.approx(loss(nee, even), rel=2e-3)
    plain = Norm(3.0, root=False)
    assert loss(nee, few, plain) == pytest.approx(16 * loss(nee, even, plain))


def test_regions_count_by_their_area():
    inversions = np.zeros((1, 2, 3))
    inversions[0, 1] = 3.0
    nee = np.zeros((2, 3))
    assert loss(nee, inversions, area=[3.0, 1.0]) == pytest.approx(0.75, rel=2e-3)


def test_months_and_regions_without_inversions_do_not_count():
    inversions = np.zeros((2, 2, 3))
    inversions[:, 1] = np.nan
    inversions[:, 0, 0] = np.nan
    inversions[0, 0, 1] = np.nan
    nee = np.array([[99.0, 1.0, 1.0], [99.0, 99.0, 99.0]])
    assert loss(nee, inversions) == pytest.approx(1.0)


def test_the_gradient_is_finite_where_all_inversions_are_met():
    nee = torch.zeros((1, 2), dtype=torch.float64, requires_grad=True)
    made = atmosphere_loss(nee, *map(tensor, (np.zeros((2, 1, 2)), np.ones((1, 2)), [1.0])), Norm())
    made.backward()
    assert torch.isfinite(nee.grad).all()


def test_weights_that_are_learned_end_at_the_losses_themselves():
    losses = [tensor(4.0), tensor(0.25)]
    at_best = [torch.log(one) for one in losses]
    total = weighed(losses, at_best).item()
    assert total == pytest.approx(sum(0.5 * (1 + np.log(one.item())) for one in losses))
    for moved in (-0.1, 0.1):
        assert weighed(losses, [eta + moved for eta in at_best]).item() > total


def test_units_of_a_loss_only_shift_the_weighed_sum():
    losses, etas = [tensor(4.0), tensor(0.25)], [tensor(0.3), tensor(-0.2)]
    shifted = weighed([losses[0] * 100, losses[1]], [etas[0] + np.log(100.0), etas[1]])
    assert shifted.item() - weighed(losses, etas).item() == pytest.approx(0.5 * np.log(100.0))


def test_logarithms_of_variances_are_held():
    eta = torch.tensor(50.0)
    limits(eta)
    assert eta.item() == LOG_VARIANCE


def test_the_range_is_highest_less_lowest_and_never_zero():
    inversions = np.stack([np.tile([0.0, 1.0], (1, 6)), np.tile([0.0, 1.5], (1, 6))])
    found = ranges(inversions)
    assert found[0, 1] == pytest.approx(0.5)
    mean = inversions.mean(axis=0)
    assert found[0, 0] == pytest.approx(0.05 * mean.std())


def test_one_inversion_has_no_range_and_takes_that_of_the_ensemble():
    whole = np.stack([np.zeros((1, 12)), np.ones((1, 12))])
    assert np.all(ranges(whole[:1]) == 1.0)
    assert np.all(ranges(whole[:1], whole=whole) == 1.0)
    assert np.all(ranges(whole[:1], whole=3 * whole) == 3.0)
