"""A network learns from rows with gaps, keeps to the laws it pays for, and repeats itself."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from xflux.errors import InputError
from xflux.refinement.network import Network
from xflux.refinement.network_training import HELD_OUT, outputs

torch = pytest.importorskip("torch")

PAR, TA = 0, 1
SMALL = {"hidden": (16, 16), "members": 1, "epochs": 30, "batch": 128, "rate": 5e-3}
CARBON = ("gpp", "reco", "nee")
LAWLESS = dict.fromkeys(("mass", "light", "temperature", "negativity"), 0.0)


def rows(count=600, seed=0, noise=0.3):
    """Draw drivers (PAR, Ta, fapar), fluxes that obey the laws, and sites."""
    random = np.random.default_rng(seed)
    par, ta = random.uniform(0.0, 400.0, count), random.uniform(-5.0, 35.0, count)
    fapar = random.uniform(0.0, 1.0, count)
    gpp, reco = 8.0 * par / (par + 100.0) * fapar, 2.0 * 1.5 ** ((ta - 10.0) / 10.0)
    y = {"gpp": gpp, "reco": reco, "nee": reco - gpp, "le": 0.3 * par}
    y = {flux: values + random.normal(0.0, noise, count) for flux, values in y.items()}
    x = np.stack([par, ta, fapar], axis=1).astype(np.float32)
    return x, y, random.integers(0, 12, count)


def fitted(*, y=None, data=None, fit=None, **options):
    x, known, groups = data or rows()
    network = Network(**{**SMALL, **options})
    y = {flux: known[flux] for flux in network.fluxes} if y is None else y
    return network.fit(x, y, groups=groups, **{"light": PAR, "temperature": TA, **(fit or {})})


def r2(predicted, observed):
    return 1.0 - ((predicted - observed) ** 2).mean() / observed.var()


def same(one, other):
    return all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)


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


# --- errors ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nonnegative": "none"}, "nonnegative is 'none'; expected 'hard' or 'soft'"),
        ({"nee": "both"}, "nee is 'both'; expected 'head', or 'derived'"),
        ({"nee": "derived", "fluxes": ("gpp", "nee")}, "where gpp, reco and nee are among"),
        ({"fluxes": ("gpp", "sif")}, "expected some of"),
        ({"fluxes": ()}, "expected some of"),
        ({"mass": -1.0}, "mass is -1.0; expected 0 or more"),
        ({"light": np.nan}, "light is nan"),
        ({"members": 0}, "members is 0; expected 1 or more"),
        ({"rate": 0.0}, "rate is 0.0; expected a positive number"),
        ({"hidden": (64, 0)}, "hidden is"),
        ({"epochs": 0, "batch": 0}, "2 problems"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        Network(**options)


def changed(**changes):
    x, y, groups = rows(count=100)
    given = {"x": x, "y": y, "groups": groups, "light": PAR, "temperature": TA}
    return {**given, **{name: make(given.get(name)) for name, make in changes.items()}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": lambda x: np.where(x > 390.0, np.inf, x)}, "x holds infinite values"),
        ({"x": lambda x: x[:, 0]}, "expected \\(row, feature\\)"),
        ({"y": lambda y: y | {"le": y["le"] * np.nan}}, "no row has le and all needed features"),
        ({"y": lambda y: {f: y[f] for f in CARBON}}, "no row has le and all needed features"),
        ({"x": lambda x: x * np.nan}, "no row has gpp"),
        ({"y": lambda y: y | {"sif": y["le"]}}, "y holds \\['sif'\\]; the fluxes"),
        ({"y": lambda y: y | {"le": y["le"][:-1]}}, "le is float64 \\(99,\\); expected"),
        ({"y": lambda y: y | {"le": y["le"] / 0.0}}, "le holds infinite values"),
        ({"groups": lambda groups: groups * 0}, "1 sites are too few"),
        ({"groups": lambda groups: groups * 1.0}, "groups is float64"),
        ({"groups": lambda groups: groups[:-1]}, "expected int64 \\(100,\\)"),
        ({"weight": lambda _: np.full(100, -1.0)}, "weight is -1.0 somewhere"),
        ({"weight": lambda _: np.full(100, np.nan)}, "weight is nan somewhere"),
        ({"light": lambda _: 3}, "light=3, but x has columns 0 to 2"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_wrong_inputs_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        Network(**SMALL).fit(**changed(**changes))


def test_the_night_penalty_asks_for_par():
    with pytest.raises(InputError, match="needs the column of PAR"):
        Network(**SMALL, night=1.0).fit(**changed(light=lambda _: None))


def test_the_night_penalty_is_no_matter_without_gpp():
    made = [
        fitted(fluxes=("le",), night=night, epochs=3, fit={"light": None}).predict(rows()[0])
        for night in (0.0, 1.0)
    ]
    assert same(*made)


def test_a_rate_that_diverges_is_named():
    with pytest.raises(InputError, match="diverged in epoch 1; take a rate below"):
        fitted(rate=1e30)


def test_predicting_before_fitting_or_with_other_features_is_refused():
    with pytest.raises(InputError, match="call fit first"):
        Network().predict(np.zeros((2, 3)))
    with pytest.raises(InputError, match="expected \\(row, 3\\)"):
        fitted(epochs=1).predict(np.zeros((2, 4)))
