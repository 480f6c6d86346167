"""Each loss is what its equation says, by hand and by differentiation of known laws."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from xflux.refinement import ecological_losses as losses  # noqa: E402


def row(*values, grad=False):
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


def test_masked_mean_averages_the_mask_alone():
    values, mask = row(1.0, 2.0, 30.0), torch.tensor([True, True, False])
    assert losses.masked_mean(values, mask) == 1.5
    assert losses.masked_mean(values, mask, row(3.0, 1.0, 9.0)) == 1.25


def test_masked_mean_of_no_rows_is_0_and_so_is_its_gradient():
    values = row(1.0, 2.0, grad=True)
    loss = losses.masked_mean(values, torch.tensor([False, False]))
    loss.backward()
    assert loss == 0.0
    assert values.grad.tolist() == [0.0, 0.0]


def test_data_loss_is_the_mean_square_of_what_was_observed():
    loss = losses.data_loss(row(1.0, 4.0, 7.0), row(3.0, 4.0, math.nan), spread=2.0)
    assert loss == 0.5


def test_a_missing_target_leaves_the_gradient_finite():
    predicted = row(1.0, 7.0, grad=True)
    losses.data_loss(predicted, row(3.0, math.nan)).backward()
    assert predicted.grad.tolist() == [-4.0, 0.0]


def test_weights_count_in_the_data_loss():
    assert losses.data_loss(row(1.0, 2.0), row(0.0, 0.0), weight=row(3.0, 1.0)) == 1.75


def test_mass_loss_is_the_mean_distance_from_reco_less_gpp():
    loss = losses.mass_loss(row(-1.0, -4.0), row(5.0, 5.0), row(3.0, 3.0), spread=2.0)
    assert loss == (1.0 + 2.0) / 2.0 / 2.0  # eq 11


def test_mass_loss_is_0_where_mass_is_conserved():
    gpp, reco = row(5.0, 1.0), row(3.0, 2.0)
    assert losses.mass_loss(reco - gpp, gpp, reco) == 0.0


def test_mass_loss_skips_what_was_not_observed():
    gpp = row(5.0, 5.0, grad=True)
    loss = losses.mass_loss(row(-1.0, math.nan), gpp, row(3.0, 3.0))
    loss.backward()
    assert loss == 1.0
    assert gpp.grad.tolist() == [1.0, 0.0]


def test_negative_loss_is_the_mean_depth_below_0():
    assert losses.negative_loss(row(-3.0, 1.0, -1.0, 0.0), spread=2.0) == 0.5  # eq 13


def test_night_loss_is_the_gpp_of_dark_rows():
    assert losses.night_loss(row(2.0, -1.0, 9.0), row(0.0, -0.3, 5.0), spread=0.5) == 3.0


def test_slopes_are_the_derivatives_of_a_known_light_response():
    drivers = torch.stack([row(50.0, 150.0, 250.0), row(1.0, 2.0, 3.0)], dim=1).requires_grad_()
    par = drivers[:, 0]
    a, b = 0.1, 200.0
    gpp = a * par * (1.0 - par / b) + drivers[:, 1] ** 2
    assert losses.slope(gpp, drivers, 0).tolist() == pytest.approx([0.05, -0.05, -0.15])
    assert losses.slope(gpp, drivers, 1).tolist() == pytest.approx([2.0, 4.0, 6.0])


def test_light_loss_counts_falling_gpp_below_200_watts():
    par = row(50.0, 150.0, 250.0)
    loss = losses.light_loss(row(0.05, -0.05, -0.15), par, scale=10.0)
    # Eq 14: (0 + 0.5) / 2 rows, as the third is bright, of slopes whose size is 0.5.
    assert loss == pytest.approx(0.5)


def test_light_loss_is_0_in_bright_light():
    assert losses.light_loss(row(-1.0), row(200.0)) == 0.0


def test_temperature_loss_counts_falling_reco_below_the_limit():
    slope, temperature = row(-2.0, 1.0, -4.0), row(25.0, 30.0, 41.0)
    size = math.sqrt((2.0**2 + 1.0**2) / 2.0)
    loss = losses.temperature_loss(slope, temperature, scale=2.0)
    assert loss == pytest.approx(2.0 / 2.0 / size)  # eq 15
    assert losses.temperature_loss(slope, temperature, limit=26.0) == 1.0
    assert losses.temperature_loss(slope, temperature, limit=20.0) == 0.0


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_slopes_are_judged_by_their_own_size(share):
    slope, par = row(-0.3, 0.4, 0.5) * share, row(50.0, 60.0, 70.0)
    assert losses.light_loss(slope, par) == pytest.approx(losses.light_loss(slope / share, par))


def test_a_flat_network_is_not_judged_by_its_noise():
    tiny = row(-1e-6, 1e-6)
    assert losses.light_loss(tiny, row(50.0, 50.0)) == pytest.approx(0.5e-6 / losses.FLAT)


def test_the_size_of_slopes_is_not_descended():
    slopes = row(-0.3, 0.4, grad=True)
    losses.light_loss(slopes, row(50.0, 50.0)).backward()
    assert slopes.grad.tolist() == pytest.approx([-0.5 / math.sqrt(0.125), 0.0])


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_slope_losses_do_not_change_with_units(factor):
    par = torch.linspace(10.0, 190.0, 50, dtype=torch.float64)

    def loss(factor):
        drivers = (par * factor)[:, None].requires_grad_()
        gpp = drivers[:, 0] / factor * (1.0 - drivers[:, 0] / factor / 150.0)
        slope = losses.slope(gpp, drivers, 0)
        return losses.light_loss(slope, par, scale=drivers.std() / gpp.std()).item()

    assert loss(factor) == pytest.approx(loss(1.0), rel=1e-9)
    assert loss(1.0) > 0.0


def test_descending_the_light_loss_makes_gpp_rise_with_light():
    par = torch.linspace(0.0, 190.0, 20)[:, None].requires_grad_()
    b = torch.tensor(100.0, requires_grad=True)  # GPP = PAR (1 - PAR/b) falls beyond b/2
    step = torch.optim.SGD([b], lr=3000.0)
    for _ in range(200):
        step.zero_grad()
        slope = losses.slope(par[:, 0] * (1.0 - par[:, 0] / b), par, 0)
        losses.light_loss(slope, par.detach()[:, 0]).backward()
        step.step()
    assert b.item() >= 380.0  # the peak, at b/2, is now beyond every row


def losses_of(laws, flux, drivers, observed):
    return laws.losses(
        {name: function(drivers) for name, function in flux.items()},
        drivers,
        observed=observed,
        spread={name: torch.tensor(2.0, dtype=torch.float64) for name in observed},
        driver_spread=torch.tensor([100.0, 10.0], dtype=torch.float64),
    )


DRIVERS = np.array([[0.0, 10.0], [100.0, 20.0]])
LINEAR = {
    "gpp": lambda x: 1.0 - 0.02 * x[:, 0],
    "reco": lambda x: 3.0 - 0.1 * x[:, 1],
    "nee": lambda x: 0.0 * x[:, 0],
}
OBSERVED = {"gpp": row(1.0, 1.0), "reco": row(2.0, math.nan), "nee": row(math.nan, 2.0)}


def test_laws_sum_the_losses_by_their_weights():
    laws = losses.Laws(
        {"mass": 1.0, "light": 2.0, "temperature": 0.5, "night": 4.0, "negativity": 10.0}, 0, 1
    )
    found = losses_of(laws, LINEAR, torch.tensor(DRIVERS, requires_grad=True), OBSERVED)
    expected = {
        "data": 0.5 + 0.0 + 1.0,  # GPP misses by 0 and 2, RECO by 0, NEE by 2; sd 2
        "mass": (1.0 + 2.0) / 2.0 / 2.0,  # RECO - GPP is 1 and 2
        "light": 1.0,  # all slopes are below 0, and alike
        "night": 0.5,
        "temperature": 1.0,
        "negativity": 0.25,
    }
    assert {n: v.item() for n, v in found.items() if n != "total"} == pytest.approx(expected)
    assert found["total"].item() == pytest.approx(1.5 + 0.75 + 2.0 + 2.0 + 0.5 + 2.5)


def test_derived_nee_counts_once_as_mass_against_the_observed():
    laws = losses.Laws({"mass": 3.0}, derived=True)
    flux = LINEAR | {"nee": lambda x: LINEAR["reco"](x) - LINEAR["gpp"](x)}
    observed = OBSERVED | {"nee": row(math.nan, 2.5)}
    found = losses_of(laws, flux, torch.tensor(DRIVERS, requires_grad=True), observed)
    assert set(found) == {"data", "mass", "total"}
    assert found["data"].item() == pytest.approx(0.5)
    assert found["mass"].item() == pytest.approx(0.25)
    assert found["total"].item() == pytest.approx(1.25)


@pytest.mark.parametrize(
    ("laws", "fluxes"),
    [
        (losses.Laws({}, 0, 1), ("gpp", "reco", "nee")),
        (losses.Laws({"light": 1.0, "night": 1.0, "temperature": 1.0}), ("gpp", "reco", "nee")),
        (losses.Laws(dict.fromkeys(("mass", "light", "temperature"), 1.0), 0, 1), ("nee",)),
    ],
    ids=["no weight", "no column", "no flux"],
)
def test_a_law_without_what_it_needs_does_not_act(laws, fluxes):
    flux = {name: LINEAR[name] for name in fluxes}
    found = losses_of(laws, flux, torch.tensor(DRIVERS, requires_grad=True), OBSERVED)
    assert set(found) == {"data", "total"}
