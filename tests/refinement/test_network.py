"""A network learns from rows with gaps, and keeps to the laws it pays for."""

from __future__ import annotations

import numpy as np
import pytest
from network_rows import CARBON, LAWLESS, PAR, SMALL, TA, fitted, r2, rows, same

from xflux.refinement.network import Network

torch = pytest.importorskip("torch")


# --- what it learns ---


@pytest.mark.parametrize("nonnegative", ["hard", "soft"])
@pytest.mark.parametrize("nee", ["head", "derived"])
def test_fluxes_of_unseen_rows_are_predicted(nee, nonnegative):
    x, y, _ = rows(seed=1)
    made = fitted(nee=nee, nonnegative=nonnegative, epochs=60).predict(x)
    assert list(made) == ["gpp", "reco", "nee", "le"]
    assert all(made[flux].dtype == np.float32 for flux in made)
    assert min(r2(made[flux], y[flux]) for flux in made) > 0.85


def test_noise_is_not_predicted_at_other_sites():
    x, _, groups = rows()
    noise = np.random.default_rng(2).normal(5.0, 1.0, (2, len(x)))
    seen = groups < 9
    network = Network(**SMALL, fluxes=("gpp", "le"))
    network.fit(x[seen], {"gpp": noise[0, seen], "le": noise[1, seen]}, groups=groups[seen])
    made = network.predict(x[~seen])
    assert r2(made["gpp"], noise[0, ~seen]) <= 0.0
    assert r2(made["le"], noise[1, ~seen]) <= 0.0


def test_rows_with_nee_alone_still_teach():
    x, y, groups = rows()
    few = np.arange(len(x)) < 40
    thinned = {f: np.where(few, y[f], np.nan) for f in ("gpp", "reco")}
    alone = {f: v[few] for f, v in y.items() if f in CARBON}
    fresh, truth, _ = rows(seed=1, noise=0.0)
    for nee in ("head", "derived"):
        options = {"fluxes": CARBON, "nee": nee, "epochs": 150}
        more = fitted(y=thinned | {"nee": y["nee"]}, **options).predict(fresh)
        less = fitted(data=(x[few], alone, groups[few]), **options).predict(fresh)
        missed = [1.0 - r2(made["nee"], truth["nee"]) for made in (more, less)]
        assert missed[0] < 0.6 * missed[1]
        assert np.isfinite(more["gpp"]).all()


def test_missing_targets_are_masked_by_flux():
    x, y, _ = rows()
    gaps = np.random.default_rng(3).random((4, len(x))) < 0.5
    thinned = {f: np.where(gap, np.nan, y[f]) for f, gap in zip(y, gaps)}
    made = fitted(y=thinned, epochs=60).predict(x)
    assert min(r2(made[flux], y[flux]) for flux in made) > 0.8


def test_derived_nee_does_without_observed_nee():
    x, y, _ = rows()
    made = fitted(y={f: y[f] for f in ("gpp", "reco")}, nee="derived", fluxes=CARBON).predict(x)
    assert r2(made["nee"], y["nee"]) > 0.8


def test_weights_choose_between_rows_that_disagree():
    x, _, _ = rows()
    odd = np.arange(len(x)) % 2 == 1
    y = {"le": np.where(odd, 10.0, 20.0)}
    made = fitted(y=y, fluxes=("le",), fit={"weight": np.where(odd, 9.0, 1.0)}).predict(x)
    assert made["le"].mean() == pytest.approx(11.0, abs=0.5)


def test_rows_with_a_missing_feature_are_left_out_and_predicted_as_missing():
    x, y, groups = rows()
    holes = x.copy()
    holes[::3, 2] = np.nan
    whole = ~np.isnan(holes).any(axis=1)
    one = fitted(data=(holes, y, groups))
    other = fitted(data=(x[whole], {f: v[whole] for f, v in y.items()}, groups[whole]))
    made = one.predict(holes)
    assert all(np.array_equal(np.isnan(made[flux]), ~whole) for flux in made)
    assert same(made, other.predict(holes))


def test_a_feature_that_is_not_needed_counts_as_its_mean_where_it_is_missing():
    x, y, groups = rows()
    gaps = x.copy()
    gaps[::3, 2] = np.nan
    network = fitted(data=(gaps, y, groups), fit={"needed": (PAR, TA)})
    made = network.predict(gaps)
    assert all(np.isfinite(values).all() for values in made.values())
    filled = gaps.copy()
    filled[::3, 2] = network.fitted[0].arrays["x_mean"][2]
    assert same(made, network.predict(filled))
    gaps[5, TA] = np.nan
    assert np.isnan(network.predict(gaps)["le"][5])


def test_what_did_not_vary_in_training_changes_nothing():
    x, y, groups = rows()
    constant = np.concatenate([x, np.full((len(x), 1), 7.0), np.zeros((len(x), 1))], axis=1)
    network = fitted(data=(constant, y, groups), epochs=3)
    other = constant.copy()
    other[:, 3:] = 1.0
    assert same(network.predict(constant), network.predict(other))


def test_sites_are_predicted_by_members_that_never_saw_them():
    x, y, groups = rows()
    network = fitted(members=5, rows=0.8, epochs=40)
    times = np.sum([np.isin(np.arange(12), member.away) for member in network.fitted], axis=0)
    assert (times == 1).all()
    assert not any(set(member.away) & set(member.held) for member in network.fitted)
    made, each = network.predict_left_out(x, groups), network.predict_members(x)
    for k, member in enumerate(network.fitted):
        unseen = np.isin(groups, member.away)
        np.testing.assert_allclose(made["gpp"][unseen], each["gpp"][k, unseen])
    assert r2(made["gpp"], y["gpp"]) > 0.8


def test_what_a_site_records_does_not_change_members_that_leave_it_out():
    _, y, groups = rows()
    odd = {flux: np.where(groups == 4, 50.0 - values, values) for flux, values in y.items()}
    one, other = (fitted(y=t, members=5, rows=0.8, epochs=3) for t in (y, odd))
    for first, second in zip(one.fitted, other.fitted):
        assert same(first.history, second.history) == (4 in first.away)
        assert same(first.arrays, second.arrays) or 4 not in first.away


# --- laws ---


def share(network, x, law):
    """Return the share of rows in which a law is broken."""
    made = network.predict(x)
    if law == "negativity":
        return float(((made["gpp"] < 0.0) | (made["reco"] < 0.0)).mean())
    if law == "mass":
        return float((abs(made["nee"] - (made["reco"] - made["gpp"])) > 0.25).mean())
    flux, column, limit = ("gpp", PAR, 200.0) if law == "light" else ("reco", TA, 40.0)
    more = x.copy()
    more[:, column] += 0.01 * x[:, column].std()
    return float((network.predict(more)[flux] < made[flux])[x[:, column] < limit].mean())


def lawless_rows(count, seed):
    """Draw fluxes that break every law: their towers do, or their noise makes a network do."""
    random = np.random.default_rng(seed)
    par, ta = random.uniform(0.0, 300.0, count), random.uniform(0.0, 38.0, count)
    gpp = np.maximum(0.1 * par * (1.0 - par / 250.0), 0.0)  # falls beyond 125 W m-2
    reco = np.maximum(4.0 - ((ta - 20.0) / 9.0) ** 2, 0.0)  # falls beyond 20 degC
    y = {"gpp": gpp, "reco": reco, "nee": reco - gpp + 1.0}
    y = {flux: values + random.normal(0.0, 0.5, count) for flux, values in y.items()}
    return np.stack([par, ta], axis=1).astype(np.float32), y, random.integers(0, 12, count)


@pytest.mark.parametrize(
    ("law", "weight", "before", "after"),
    [
        ("light", 20.0, 0.3, 0.1),
        ("temperature", 10.0, 0.4, 0.2),
        ("negativity", 5.0, 0.1, 0.03),
        ("mass", 1.0, 0.8, 0.1),
    ],
)
def test_a_penalty_keeps_its_law(law, weight, before, after):
    data, (fresh, _, _) = lawless_rows(800, 0), lawless_rows(2000, 1)
    options = {**LAWLESS, "data": data, "fluxes": CARBON, "nonnegative": "soft", "epochs": 60}
    without = share(fitted(**options), fresh, law)
    with_it = share(fitted(**{**options, law: weight}), fresh, law)
    print(f"{law}: {without:.3f} without, {with_it:.3f} with weight {weight}")
    assert without > before
    assert with_it < after


def test_hard_nonnegativity_is_never_broken():
    data = lawless_rows(800, 0)
    wild = data[0] * 30.0 - 3000.0
    network = fitted(data=data, fluxes=CARBON)
    assert share(network, wild, "negativity") == 0.0


def test_the_night_penalty_darkens_the_night():
    x, y, groups = rows()
    dark = np.arange(len(x)) % 5 == 0
    x[dark, PAR] = 0.0
    y = {"gpp": np.where(dark, 1.0, y["gpp"])}
    gpp = [
        np.abs(fitted(data=(x, y, groups), fluxes=("gpp",), night=night).predict(x)["gpp"])
        for night in (0.0, 10.0)
    ]
    assert gpp[1][dark].mean() < 0.4 * gpp[0][dark].mean()


def test_derived_nee_closes_exactly():
    x, _, _ = rows(seed=1)
    network = fitted(nee="derived", members=3, epochs=3)
    made, each = network.predict(x), network.predict_members(x)
    assert np.array_equal(made["nee"], made["reco"] - made["gpp"])
    assert np.array_equal(each["nee"], each["reco"] - each["gpp"])


def test_no_output_starts_dead():
    x, y, groups = rows()
    y["gpp"] = np.where(np.arange(len(x)) % 50 == 0, y["gpp"], 0.0)  # nearly always dark
    for seed in range(10):
        still = fitted(data=(x, y, groups), epochs=1, rate=1e-9, seed=seed)
        moved = fitted(data=(x, y, groups), epochs=1, seed=seed)
        watched = np.isin(groups, still.fitted[0].held)
        for flux, made in still.predict(x).items():
            mean, spread = y[flux][~watched].mean(), y[flux][~watched].std()
            assert abs(made.mean() - mean) < 0.2 * spread
            assert not np.array_equal(made, moved.predict(x)[flux])
        # Adam takes a step of the size of the rate wherever there is any gradient.
        step = np.abs(moved.fitted[0].arrays["weight2"] - still.fitted[0].arrays["weight2"])
        assert (step.max(axis=1) > SMALL["rate"]).all()
